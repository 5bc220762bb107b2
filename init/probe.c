/* Asking rouse-exec about paths: see probe.h. A question is a process of its own (rouse-exec --look), so that one which
 * hangs holds up no other; it writes lines to a pipe, and is killed by its deadline or when nobody wants the answer. */
#include "probe.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "exec-internal.h"
#include "lib/fileio.h"
#include "manager.h"

#define PROBES_MAX 128 /* at once: more than that, and something hangs that would only hang more */

struct probe {
        struct manager *m;
        struct loop_io io;
        struct loop_timer timer;
        int pidfd;
        char *path;
        char line[128]; /* as far as it has come */
        size_t n;
        probe_answer_fn answer;
        probe_watch_fn tell;
        struct path_spec *spec;
        void *data;
        struct probe **owner; /* who holds it: set to NULL when it ends */
        struct probe *next;
};

struct probes {
        struct probe *first;
        unsigned n;
        int mountinfo; /* -1: not open */
        bool stale;    /* to be read */
        char **slow;   /* where something is mounted that may hang */
};

static struct probes *probes_of(struct manager *m)
{
        if (!m->probes) {
                struct probes *p = calloc(1, sizeof(*p));

                if (!p)
                        return NULL;
                p->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
                p->stale = true;
                m->probes = p;
        }
        return m->probes;
}

/* ---- which paths ---- */

static bool is_fast_type(const char *type, const char *options)
{
        static const char *const fast[] = { "bcachefs", "bdev", "binfmt_misc", "bpf", "btrfs", "cgroup",
                "cgroup2", "configfs", "cramfs", "debugfs", "devpts", "devtmpfs", "ecryptfs", "efivarfs",
                "erofs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fusectl", "hugetlbfs", "iso9660", "jfs",
                "mqueue", "msdos", "nilfs2", "nsfs", "ntfs", "ntfs3", "overlay", "proc", "pstore", "ramfs",
                "reiserfs", "rootfs", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs", "tmpfs",
                "tracefs", "ubifs", "udf", "vfat", "xfs", "zfs", NULL };
        char own[32];

        /* PID 1's own automounts do not wait for PID 1 */
        snprintf(own, sizeof(own), "pgrp=%d,", getpgrp());
        return strv_contains((char *const *)fast, type) || (streq(type, "autofs") && strstr(options, own));
}

static bool is_exempt(const char *where)
{
        return streq(where, "/") || streq(where, "/usr") || streq(where, "/etc") || streq(where, "/run");
}

/* "36 35 98:0 /root /where options … - type source super-options" */
static int take_mount(struct probes *ps, char *line)
{
        char *words[5], *dash = strstr(line, " - "), *type, *options;

        if (!dash)
                return 0;
        *dash = '\0';
        for (int i = 0; i < 5; i++) {
                words[i] = strsep(&line, " ");
                if (!line)
                        return 0;
        }
        type = dash + 3;
        options = type + strcspn(type, " ");
        if (*options)
                *options++ = '\0';
        str_unescape_octal(words[4]);
        strv_remove(ps->slow, words[4]); /* the last one on a place is the one that is seen */
        return is_exempt(words[4]) || is_fast_type(type, options) ? 0 : strv_add(&ps->slow, words[4]);
}

static int read_mounts(struct probes *ps)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file("/proc/self/mountinfo", 16u << 20, &text, NULL);

        if (r < 0)
                return r;
        strv_reset(&ps->slow);
        for (char *line, *at = text; (line = strsep(&at, "\n"));) {
                r = take_mount(ps, line);
                if (r < 0)
                        return r;
        }
        ps->stale = false;
        return 0;
}

static void note_change(struct probes *ps)
{
        struct pollfd p = { .fd = ps->mountinfo, .events = POLLPRI };

        if (ps->mountinfo >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLPRI))
                ps->stale = true;
}

static bool any_below(char *const *slow, const char *dir)
{
        FOREACH_STR (s, slow)
                if (path_startswith(*s, dir))
                        return true;
        return false;
}

/* Follows path by its components, and by links, as far as it does not come to a slow mount: each look on the way is at
 * a place that has been found to be fast. */
static bool leads_to_slow(char *const *slow, const char *path, bool pattern)
{
        _cleanup_free_ char *here = strdup("/"), *rest = strdup(path);

        for (unsigned steps = 0; here && rest && steps < 1000; steps++) {
                size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/");
                _cleanup_free_ char *name = strndup(rest + skip, n), *next = NULL, *link = NULL,
                                    *more = NULL;
                int r;

                if (!name)
                        return true;
                if (!*name)
                        return false;
                if (pattern && strpbrk(name, "*?[{"))
                        return any_below(slow, here);
                memmove(rest, rest + skip + n, strlen(rest + skip + n) + 1);
                if (streq(name, "."))
                        continue;
                if (streq(name, "..")) {
                        char *slash = strrchr(here, '/');

                        slash[slash == here] = '\0';
                        continue;
                }
                next = path_join(here, name);
                if (!next || strv_contains(slow, next))
                        return true;
                r = readlink_alloc(next, &link);
                if (r == -ENOENT)
                        return false;
                if (r < 0) {
                        free(here);
                        here = TAKE_PTR(next);
                        continue;
                }
                more = str_printf("%s/%s", link, rest);
                if (!more || (*link == '/' && str_replace(&here, "/") < 0))
                        return true;
                free(rest);
                rest = TAKE_PTR(more);
        }
        return true; /* links in a circle, or no memory */
}

/* Nothing is asked of these, wherever a link in them may lead: a boot looks at hundreds, and at few others. Users' mounts
 * are below /run/user. */
static bool is_read_in_place(const char *path)
{
        static const char *const local[] = { "/proc", "/sys", "/dev", "/etc", "/usr", "/lib", "/bin",
                "/sbin" };

        for (size_t i = 0; i < ARRAY_SIZE(local); i++)
                if (path_startswith(path, local[i]))
                        return true;
        return path_startswith(path, "/run") && !path_startswith(path, "/run/user");
}

bool probe_may_block(struct manager *m, const char *path, bool pattern)
{
        struct probes *ps;

        if (is_read_in_place(path) && !pattern)
                return false;
        ps = probes_of(m);
        if (!ps)
                return false;
        note_change(ps); /* also the first time: what comes between the two is seen the next time */
        if (ps->stale) {
                int r = read_mounts(ps);

                if (r < 0)
                        log_warning_errno(r, "/proc/self/mountinfo: %m");
        }
        return ps->slow && *ps->slow && leads_to_slow(ps->slow, path, pattern);
}

/* ---- asking ---- */

static void probe_end(struct probe *p)
{
        struct probes *ps = p->m->probes;

        for (struct probe **at = &ps->first; *at; at = &(*at)->next)
                if (*at == p) {
                        *at = p->next;
                        break;
                }
        ps->n--;
        if (p->owner)
                *p->owner = NULL;
        if (p->io.fd >= 0) {
                int fd = p->io.fd;

                loop_io_remove(p->m->loop, &p->io);
                close(fd);
        }
        loop_timer_cancel(p->m->loop, &p->timer);
        if (p->pidfd >= 0) {
                (void)syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
                close(p->pidfd);
        }
        free(p->path);
        free(p);
}

void probe_forget(struct probe **p)
{
        if (*p)
                probe_end(*p);
        *p = NULL;
}

static void probe_answer(struct probe *p, int r, const struct path_answer *a)
{
        probe_answer_fn answer = p->answer;
        probe_watch_fn tell = p->tell;
        struct path_spec *spec = p->spec;
        void *data = p->data;

        if (r == -ETIMEDOUT && p->path)
                log_msg(LOG_WARNING, "%s: the file system does not answer", p->path);
        probe_end(p);
        if (answer)
                answer(data, r, a);
        else if (tell)
                tell(spec, false, r);
}

/* "RESULT VALUE TRUSTED" of a look; "holds 0", "holds 1", "changed" of a watch. True: the probe is gone. */
static bool take_line(struct probe *p)
{
        struct path_answer a = { 0 };
        int r, trusted;
        long long value;

        if (!p->tell) {
                bool good = sscanf(p->line, "%d %lld %d", &r, &value, &trusted) == 3 && r <= 1;

                if (good) {
                        a.value = value;
                        a.trusted = trusted;
                }
                probe_answer(p, good ? r : -EBADMSG, &a);
                return true;
        }
        if (startswith(p->line, "holds "))
                p->spec->watcher_holds = p->line[strlen("holds ")] == '1';
        p->tell(p->spec, streq(p->line, "changed"), 0); /* may end it */
        return false;
}

static void on_line(struct loop_io *io, uint32_t revents)
{
        struct probe *p = io->data;
        struct probe **owner = p->owner;
        char buf[128];
        ssize_t n = read(io->fd, buf, sizeof(buf));

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                probe_answer(p, -EIO, NULL);
                return;
        }
        for (ssize_t i = 0; i < n; i++) {
                if (buf[i] != '\n') {
                        if (p->n < sizeof(p->line) - 1)
                                p->line[p->n++] = buf[i];
                        continue;
                }
                p->line[p->n] = '\0';
                p->n = 0;
                if (take_line(p) || (owner && *owner != p))
                        return;
        }
}

static void on_deadline(struct loop_timer *t)
{
        probe_answer(t->data, -ETIMEDOUT, NULL);
}

static int probe_start(
        struct manager *m, char *const argv[], const char *path, usec_t deadline, struct probe **ret)
{
        struct probes *ps = probes_of(m);
        _cleanup_close_ int in = -1, out = -1;
        struct probe *p;
        int fds[2], r;

        if (!ps)
                return -ENOMEM;
        if (ps->n >= PROBES_MAX)
                return -EBUSY;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        in = fds[0];
        out = fds[1];
        if (fcntl(in, F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        p = calloc(1, sizeof(*p));
        if (!p || (path && !(p->path = strdup(path)))) {
                free(p);
                return -ENOMEM;
        }
        p->m = m;
        p->pidfd = -1;
        p->io.fd = -1;
        p->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_deadline, .data = p };
        p->next = ps->first;
        ps->first = p;
        ps->n++;
        r = exec_detached_to(m, argv, out, &p->pidfd);
        if (r >= 0) {
                p->io = (struct loop_io) { .fd = in, .events = EPOLLIN, .cb = on_line, .data = p };
                r = loop_io_add(m->loop, &p->io);
        }
        if (r >= 0) {
                in = -1;
                if (deadline != USEC_INFINITY)
                        r = loop_timer_set(m->loop, &p->timer, usec_add(now_monotonic(), deadline));
        } else
                p->io.fd = -1;
        if (r < 0) {
                probe_end(p);
                return r;
        }
        *ret = p;
        return 0;
}

static int start_asking(struct manager *m, char *const argv[], const char *path, usec_t deadline,
        probe_answer_fn answer, void *data, struct probe **ret)
{
        struct probe *p = NULL;
        int r = probe_start(m, argv, path, deadline, &p);

        if (r < 0)
                return r;
        p->answer = answer;
        p->data = data;
        if (ret) {
                *ret = p;
                p->owner = ret;
        }
        return 0;
}

int probe_ask(struct manager *m, enum path_question q, const char *path, usec_t deadline, bool wait,
        probe_answer_fn answer, void *data, struct probe **ret)
{
        char *argv[] = { (char *)exec_helper_path, (char *)(wait ? "--look-until" : "--look"),
                (char *)path_question_names[q], (char *)path, NULL };

        return start_asking(m, argv, path, deadline, answer, data, ret);
}

int probe_run(struct manager *m, char *const argv[], usec_t deadline, probe_answer_fn answer, void *data,
        struct probe **ret)
{
        return start_asking(m, argv, NULL, deadline, answer, data, ret);
}

int probe_watch(struct manager *m, struct path_spec *s, mode_t directory_mode, probe_watch_fn tell)
{
        char kind[16], mode[16];
        char *argv[] = { (char *)exec_helper_path, (char *)"--watch", kind, mode, s->path, NULL };
        struct probe *p = NULL;
        int r;

        snprintf(kind, sizeof(kind), "%d", s->kind);
        snprintf(mode, sizeof(mode), "%o", directory_mode);
        r = probe_start(m, argv, s->path, USEC_INFINITY, &p);
        if (r < 0)
                return r;
        p->tell = tell;
        p->spec = s;
        s->watcher = p;
        p->owner = &s->watcher;
        return 0;
}

void probes_free(struct manager *m)
{
        struct probes *ps = m->probes;

        if (!ps)
                return;
        while (ps->first)
                probe_end(ps->first);
        close_fd(ps->mountinfo);
        strv_free(ps->slow);
        free(ps);
        m->probes = NULL;
}
