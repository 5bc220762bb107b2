/* udevadm wait, lock: for devices to be ready, and so that nobody looks into them meanwhile. */
#include "udevadm.h"

#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "lib/fileio.h"

/* ---- wait ---- */

static bool is_ready(const char *path, bool initialized)
{
        _cleanup_device_ struct device *d = NULL;

        if (access(path, F_OK) < 0)
                return false;
        return !initialized || (udev_device(path, &d) >= 0 && udev_is_initialized(d));
}

/* Until all of the paths are there (removed: until none is). 0, -ETIMEDOUT, -errno. */
static int wait_for(char *const *paths, bool removed, bool initialized, usec_t timeout)
{
        usec_t until = usec_add(now_monotonic(), timeout);
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

        if (fd < 0)
                return -errno;
        (void)inotify_add_watch(fd, "/run/udev/data", IN_MOVED_TO | IN_CREATE | IN_DELETE);
        for (;;) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                size_t missing = 0;
                char buf[4096];

                FOREACH_STR (s, paths)
                        missing += removed ? access(*s, F_OK) == 0 : !is_ready(*s, initialized);
                if (missing == 0)
                        return 0;
                if (until != USEC_INFINITY && now_monotonic() >= until)
                        return -ETIMEDOUT;
                /* the database is written before or after the link: looked at again a moment later, too */
                (void)poll(&p, 1, (int)MIN((unsigned)udev_remaining_ms(until), 250u));
                while (read(fd, buf, sizeof(buf)) > 0)
                        ;
        }
}

int udev_wait_initialized(const char *syspath, usec_t timeout)
{
        char *paths[] = { (char *)syspath, NULL };

        return wait_for(paths, false, true, timeout);
}

int udevadm_wait(int argc, char **argv)
{
        static const struct option options[] = { { "timeout", 1, NULL, 't' },
                { "initialized", 1, NULL, 'i' }, { "removed", 0, NULL, 'r' }, { "settle", 0, NULL, 's' },
                { 0 } };
        bool removed = false, settle = false;
        usec_t timeout = USEC_INFINITY;
        int c, r, initialized = 1;

        optind = 0;
        while ((c = getopt_long(argc, argv, "t:", options, NULL)) >= 0)
                switch (c) {
                case 't':
                        if (parse_timespan(optarg, USEC_PER_SEC, &timeout) < 0) {
                                fprintf(stderr, "Failed to parse timeout value '%s'\n", optarg);
                                return 1;
                        }
                        break;
                case 'i':
                        initialized = parse_boolean(optarg);
                        if (initialized < 0) {
                                fprintf(stderr, "Failed to parse --initialized= value '%s'\n", optarg);
                                return 1;
                        }
                        break;
                case 'r': removed = true; break;
                case 's': settle = true; break;
                default: return 1;
                }
        if (optind >= argc) {
                fprintf(stderr, "Too few arguments, expected at least one device path or device symlink.\n");
                return 1;
        }
        r = wait_for(argv + optind, removed, initialized, timeout);
        if (r < 0) {
                fprintf(stderr, "%s\n",
                        r == -ETIMEDOUT ? "Timed out while waiting for devices." : strerror(-r));
                return 1;
        }
        return settle ? udev_settle(timeout, NULL) < 0 : 0;
}

/* ---- lock ---- */

struct lockable {
        dev_t number;
        char *node;
};

struct lock {
        struct lockable *v;
        size_t n;
        usec_t timeout;
        bool print;
};

static int compare_numbers(const void *a, const void *b)
{
        const struct lockable *p = a, *q = b;

        return CMP(major(p->number), major(q->number)) ?: CMP(minor(p->number), minor(q->number));
}

/* The disk that a partition is on: that is what everybody locks. */
static int whole_disk(dev_t number, dev_t *ret)
{
        _cleanup_free_ char *dir = str_printf("/sys/dev/block/%u:%u", major(number), minor(number)),
                            *partition = dir ? path_join(dir, "partition") : NULL,
                            *parent = dir ? path_join(dir, "../dev") : NULL, *text = NULL;
        unsigned ma, mi;

        if (!partition || !parent)
                return -ENOMEM;
        *ret = number;
        if (access(dir, F_OK) < 0)
                return -ENOTBLK;
        if (access(partition, F_OK) < 0)
                return 0;
        if (read_one_line(parent, &text) < 0 || sscanf(text, "%u:%u", &ma, &mi) != 2)
                return -ENODEV;
        *ret = makedev(ma, mi);
        return 0;
}

static int add_lock(struct lock *l, const char *path, bool backing)
{
        struct lockable *v, *last;
        struct device *d = NULL;
        char id[64];
        struct stat st;
        dev_t number;
        int r;

        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISBLK(st.st_mode) && !backing)
                return -ENOTBLK;
        r = whole_disk(S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev, &number);
        if (r < 0)
                return r;
        for (size_t i = 0; i < l->n; i++)
                if (l->v[i].number == number)
                        return 0;
        snprintf(id, sizeof(id), "b%u:%u", major(number), minor(number));
        r = device_from_id(id, &d);
        if (r < 0)
                return r;
        v = d->devnode ? realloc(l->v, (l->n + 1) * sizeof(*v)) : NULL;
        if (v) {
                l->v = v;
                last = &v[l->n++];
                *last = (struct lockable) { number, strdup(d->devnode) };
                r = last->node ? 0 : -ENOMEM;
        } else
                r = -ENOMEM;
        device_unref(d);
        return r;
}

static int take_lock(const char *node, usec_t until)
{
        int fd = open(node, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        if (until == USEC_INFINITY && flock(fd, LOCK_EX) == 0)
                return fd;
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int r = -errno;

                /* the kernel tells nobody when a lock is given back */
                if (r == -EWOULDBLOCK && now_monotonic() < until)
                        usleep(20000);
                else {
                        close(fd);
                        return r == -EWOULDBLOCK ? -ETIMEDOUT : r;
                }
        }
        return fd;
}

/* The locks are ours, not the command's: they end with it even if it leaves something running. */
static int run_locked(char **argv)
{
        int status;
        pid_t pid = fork();

        if (pid < 0)
                return 1;
        if (pid == 0) {
                execvp(argv[0], argv);
                fprintf(stderr, "Failed to execute %s: %s\n", argv[0], strerror(errno));
                _exit(127);
        }
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return 1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int lock_and_run(const struct lock *l, char **argv)
{
        usec_t until = usec_add(now_monotonic(), l->timeout);

        for (size_t i = 0; i < l->n; i++) {
                int fd;

                if (l->print) {
                        puts(l->v[i].node);
                        continue;
                }
                fd = take_lock(l->v[i].node, until); /* open until we end */
                if (fd < 0) {
                        fprintf(stderr, "Failed to lock device '%s': %s\n", l->v[i].node, strerror(-fd));
                        return 1;
                }
        }
        return l->print ? 0 : run_locked(argv);
}

int udevadm_lock(int argc, char **argv)
{
        static const struct option options[] = { { "device", 1, NULL, 'd' }, { "backing", 1, NULL, 'b' },
                { "timeout", 1, NULL, 't' }, { "print", 0, NULL, 'p' }, { 0 } };
        struct lock l = { .timeout = USEC_INFINITY };
        int c, r = 0;

        optind = 0;
        while ((c = getopt_long(argc, argv, "+d:b:t:p", options, NULL)) >= 0) {
                switch (c) {
                case 'd':
                case 'b': r = add_lock(&l, optarg, c == 'b'); break;
                case 't': r = parse_timespan(optarg, USEC_PER_SEC, &l.timeout); break;
                case 'p': l.print = true; break;
                default: return 1;
                }
                if (r < 0) {
                        fprintf(stderr, "'%s': %s\n", optarg, strerror(-r));
                        return 1;
                }
        }
        if (!l.n) {
                fprintf(stderr, "No devices to lock specified, refusing.\n");
                return 1;
        }
        if (!l.print && optind >= argc) {
                fprintf(stderr, "Too few arguments, command to execute.\n");
                return 1;
        }
        if (l.print && optind < argc) {
                fprintf(stderr, "No arguments expected.\n");
                return 1;
        }
        qsort(l.v, l.n, sizeof(*l.v), compare_numbers);
        r = lock_and_run(&l, argv + optind);
        for (size_t i = 0; i < l.n; i++)
                free(l.v[i].node);
        free(l.v);
        return r;
}
