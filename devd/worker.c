/* rouse-devd-probe and rouse-devd-worker: one request after the other, and it leaves when none came for a while. See
 * worker-proto.h. The two differ in what they are linked with.
 *
 * Nothing here is ever killed half-way through a module load: the time limits are the main process's, which knows
 * what it asked for. */
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/log.h"
#include "rules.h"
#include "worker-proto.h"
#include "worker.h"

#define IDLE_MS 3000
/* A probe takes four buffers of 256 KiB. They stay where they are for the next one, instead of being mapped, cleared and
 * faulted in page by page each time; the whole process is gone soon. */
#define MAP_FROM (8 * 1024 * 1024)

/* In rouse-devd-probe, which is not asked for these. */
__attribute__((weak)) int worker_load_modules(char *const *names, bool by_name, char **ret_message)
{
        return -EOPNOTSUPP;
}

__attribute__((weak)) int worker_mount(const char *what, const char *where, const char *type,
        const char *options, unsigned flags, char **ret_message)
{
        return -EOPNOTSUPP;
}

/* ---- the device as the main process has it ---- */

static int make_device(const char *syspath, const char *action, char **props, struct device **ret)
{
        _cleanup_device_ struct device *d = NULL;
        int r = device_from_props(syspath, action, props, &d);

        if (r != -ENODATA) {
                if (r >= 0)
                        *ret = TAKE_PTR(d);
                return r;
        }
        r = device_from_syspath(syspath, action, &d);
        if (r < 0)
                return r;
        FOREACH_STR (p, props) {
                char *eq = strchr(*p, '=');

                if (!eq || device_prop(d, strndupa(*p, (size_t)(eq - *p))))
                        continue; /* the kernel's are there */
                *eq = '\0';
                r = device_set_prop(d, *p, eq + 1);
                *eq = '=';
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(d);
        return 0;
}

/* What the builtin changed: new and different properties, and those that it took away. */
static char **changed_props(char *const *before, struct device *after)
{
        char **v = NULL;

        for (size_t i = 0; i < after->n_props; i++) {
                const char *was = strv_env_get(before, after->props[i].key);

                if (!streq_null(was, after->props[i].value))
                        (void)strv_addf(&v, "%s=%s", after->props[i].key, after->props[i].value);
        }
        FOREACH_STR (p, before) {
                size_t n = strcspn(*p, "=");

                if (!device_prop(after, strndupa(*p, n)))
                        (void)strv_addf(&v, "%.*s=", (int)n, *p);
        }
        return v;
}

/* ---- the lock of the whole disk, which formatters hold exclusively ---- */

static int take_lock(struct device *d, bool *ret_own)
{
        struct device *disk =
                streq_null(d->devtype, "partition") ? device_parent_with(d, "block", "disk") : d;
        char path[PATH_MAX];
        int fd, r;

        *ret_own = disk == d;
        if (!disk || !disk->devnode || real_dev_path(disk->devnode, path) < 0)
                return -1;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0)
                return -1; /* no medium, gone: the builtin will find out */
        if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
                r = errno == EWOULDBLOCK ? -EBUSY : -1;
                close(fd);
                return r;
        }
        return fd;
}

/* ---- requests ---- */

static void answer(int fd, uint32_t id, int result, const char *message, char **props, struct device *d)
{
        _cleanup_wire_ struct wire_writer w = {};

        wire_begin(&w, WK_DONE, id);
        wire_u32(&w, (uint32_t)result);
        wire_str(&w, message);
        wire_strv(&w, props);
        wire_strv(&w, d ? d->tags_current : NULL);
        wire_strv(&w, d ? d->links : NULL);
        if (wire_send(fd, &w, -1) < 0)
                _exit(EXIT_FAILURE);
}

static void do_builtin(int fd, struct wire_reader *r)
{
        const char *command = wire_get_str(r), *syspath = wire_get_str(r), *action = wire_get_str(r);
        _cleanup_strv_ char **props = NULL, **before = NULL, **changed = NULL;
        _cleanup_device_ struct device *d = NULL;
        _cleanup_close_ int lock = -1;
        struct worker_disk disk = { .fd = -1 };
        struct rules_event e = { .data = &disk };
        int result;
        bool own;

        if (wire_get_strv(r, &props) < 0 || !command || !syspath) {
                answer(fd, r->h.id, -EBADMSG, "malformed request", NULL, NULL);
                return;
        }
        bool locked = wire_get_u32(r) & WK_LOCK;
        result = make_device(syspath, action, props, &d);
        if (d)
                before = worker_props(d);
        if (result >= 0 && locked) {
                lock = take_lock(d, &own);
                if (lock == -EBUSY)
                        result = -EBUSY;
                disk.fd = own ? lock : -1;
        }
        if (result >= 0)
                result = builtin_run(d, &e, command);
        if (d)
                changed = changed_props(before, d);
        answer(fd, r->h.id, result, NULL, changed, d);
}

static void do_kmod(int fd, struct wire_reader *r)
{
        _cleanup_strv_ char **names = NULL;
        _cleanup_free_ char *message = NULL;
        int result = wire_get_strv(r, &names);
        bool by_name = wire_get_u32(r), low = wire_get_u32(r);

        if (low) /* as in modules.c */
                (void)setpriority(PRIO_PROCESS, 0, 19);
        if (result >= 0)
                result = worker_load_modules(names, by_name, &message);
        (void)setpriority(PRIO_PROCESS, 0, 0);
        answer(fd, r->h.id, result, message, NULL, NULL);
}

static void do_mount(int fd, struct wire_reader *r)
{
        const char *what = wire_get_str(r), *where = wire_get_str(r), *type = wire_get_str(r),
                   *options = wire_get_str(r);
        _cleanup_free_ char *message = NULL;
        unsigned flags = wire_get_u32(r);
        int result = what && where && !r->bad ? worker_mount(what, where, type, options, flags, &message)
                                              : -EBADMSG;

        answer(fd, r->h.id, result, message, NULL, NULL);
}

static void dispatch(int fd, struct wire_reader *r)
{
        switch (r->h.type) {
        case WK_BUILTIN: do_builtin(fd, r); break;
        case WK_KMOD: do_kmod(fd, r); break;
        case WK_MOUNT: do_mount(fd, r); break;
        default: answer(fd, r->h.id, -EOPNOTSUPP, "unknown request", NULL, NULL); break;
        }
}

int main(int argc, char **argv)
{
        _cleanup_free_ void *buf = malloc(WIRE_MAX);
        const int fd = 3;
        struct wire_reader r;

        if (!buf || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
                static const char text[] = "started by rouse-devd only\n";

                return write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 2;
        }
        log_open(path_basename(argv[0]), LOG_TO_JOURNAL);
        if (argc == 4)
                device_set_roots(argv[1], argv[2], argv[3]);
        (void)mallopt(M_MMAP_THRESHOLD, MAP_FROM);
        (void)mallopt(M_TRIM_THRESHOLD, MAP_FROM);
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                int n = poll(&p, 1, IDLE_MS);

                if (n == 0)
                        return EXIT_SUCCESS;
                if (n < 0 && errno != EINTR)
                        return EXIT_FAILURE;
                n = wire_recv(fd, buf, WIRE_MAX, &r, NULL);
                if (n == 0)
                        return EXIT_SUCCESS;
                if (n == -EBADMSG)
                        answer(fd, 0, -EBADMSG, "malformed request", NULL, NULL);
                else if (n > 0)
                        dispatch(fd, &r);
                else if (n != -EAGAIN)
                        return EXIT_FAILURE;
        }
}
