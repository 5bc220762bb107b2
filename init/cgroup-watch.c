/* Processes in cgroups: events of emptiness, killing, listing, and whose a process is. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "cgroup.h"
#include "lib/fileio.h"

#define MAX_DEPTH 64

/* ---- emptiness ---- */

/* The value of a "key N" line of cgroup.events; -errno. */
static int event_value(int fd, const char *key)
{
        _cleanup_free_ char *text = NULL;
        const char *at;
        int r = read_file_at(fd, "cgroup.events", 0, &text, NULL);

        if (r < 0)
                return r;
        at = strstr(text, key);
        return at ? at[strlen(key)] == '1' : -EBADMSG;
}

static int populated(int fd)
{
        int r = event_value(fd, "populated ");

        return r == -ENODEV ? 0 : r;
}

static uint64_t oom_kills(struct unit *u)
{
        _cleanup_free_ char *text = NULL;
        const char *at;

        if (read_file_at(u->cgroup_fd, "memory.events", 0, &text, NULL) < 0)
                return 0;
        at = strstr(text, "oom_kill ");
        return at ? strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

int cgroup_is_empty(struct unit *u)
{
        int r;

        if (!u->cgroup_realized || u->cgroup_fd < 0)
                return 1;
        r = populated(u->cgroup_fd);
        if (r == 1 && u->cgroup_wd < 0 && cgroup_watch(u) >= 0)
                r = populated(u->cgroup_fd); /* it may have emptied before it was watched */
        return r == -ENOENT ? 1 : r < 0 ? r : !r;
}

/* What the kernel says has become of a freeze or thaw. */
static void check_freezer(struct unit *u)
{
        bool asked = u->freezer == FREEZER_FREEZING || u->freezer == FREEZER_THAWING;
        int frozen = asked ? event_value(u->cgroup_fd, "frozen ") : -EINVAL;

        if (frozen < 0 || frozen != (u->freezer == FREEZER_FREEZING))
                return;
        u->freezer = frozen ? FREEZER_FROZEN : FREEZER_RUNNING;
        log_unit(u->id, LOG_INFO, "%s", frozen ? "Frozen" : "Thawed");
        unit_tell_watchers(u);
}

/* memory.events has changed: once for each process that was killed since. */
static void check_oom(struct unit *u)
{
        uint64_t n = oom_kills(u);

        if (n > u->n_oom_kills)
                unit_cgroup_oom(u);
        u->n_oom_kills = n;
}

static void on_inotify(struct loop_io *io, uint32_t revents)
{
        struct cgroups *cg = io->data;
        _Alignas(struct inotify_event) char buf[4096];
        ssize_t n = read(io->fd, buf, sizeof(buf));

        for (char *p = buf; n > 0 && p < buf + n;) {
                struct inotify_event *e = (struct inotify_event *)p;
                struct unit *u = e->wd >= 0 && (size_t)e->wd < cg->n_watched ? cg->watched[e->wd] : NULL;

                p += sizeof(*e) + e->len;
                if (e->mask & IN_IGNORED) {
                        if (u) {
                                cg->watched[e->wd] = NULL;
                                *(u->oom_wd == e->wd ? &u->oom_wd : &u->cgroup_wd) = -1;
                        }
                        continue;
                }
                if (e->mask & IN_Q_OVERFLOW) { /* level-triggered: ask all of them */
                        for (size_t i = 0; i < cg->n_watched; i++)
                                if (cg->watched[i] && cgroup_is_empty(cg->watched[i]) == 1)
                                        unit_cgroup_empty(cg->watched[i]);
                        return;
                }
                if (u && u->freezer != FREEZER_RUNNING)
                        check_freezer(u);
                if (u && u->oom_wd == e->wd)
                        check_oom(u);
                else if (u && cgroup_is_empty(u) == 1)
                        unit_cgroup_empty(u);
        }
}

int cgroup_watch_init(struct cgroups *cg)
{
        int r;

        cg->inotify = (struct loop_io) { .events = EPOLLIN, .priority = 5, .cb = on_inotify, .data = cg };
        cg->inotify.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (cg->inotify.fd < 0)
                return -errno;
        r = loop_io_add(cg->manager->loop, &cg->inotify);
        if (r < 0) {
                close(cg->inotify.fd);
                cg->inotify.fd = -1;
        }
        return r;
}

/* Watches a file of the unit's cgroup; its watch descriptor or -errno. */
static int watch_file(struct unit *u, const char *name)
{
        struct cgroups *cg = u->manager->cgroups;
        char path[PATH_MAX];
        int wd;

        snprintf(path, sizeof(path), "%s%s/%s/%s", cg->mount, cg->prefix, u->cgroup_path, name);
        wd = inotify_add_watch(cg->inotify.fd, path, IN_MODIFY);
        if (wd < 0)
                return -errno;
        if ((size_t)wd >= cg->n_watched) {
                size_t n = MAX((size_t)wd + 1, cg->n_watched * 2 + 64);
                struct unit **grown = realloc(cg->watched, n * sizeof(*grown));

                if (!grown) {
                        inotify_rm_watch(cg->inotify.fd, wd);
                        return -ENOMEM;
                }
                memset(grown + cg->n_watched, 0, (n - cg->n_watched) * sizeof(*grown));
                cg->watched = grown;
                cg->n_watched = n;
        }
        cg->watched[wd] = u;
        return wd;
}

int cgroup_watch(struct unit *u)
{
        int wd;

        if (!u->manager->cgroups || !u->cgroup_realized || u->cgroup_wd >= 0)
                return 0;
        wd = watch_file(u, "cgroup.events");
        if (wd >= 0)
                u->cgroup_wd = wd;
        return MIN(wd, 0);
}

int cgroup_watch_oom(struct unit *u)
{
        int wd;

        if (!u->manager->cgroups || !u->cgroup_realized || u->oom_wd >= 0 || !(cgroup_needs(u) & CG_MEMORY))
                return 0;
        u->n_oom_kills = oom_kills(u);
        wd = watch_file(u, "memory.events");
        if (wd >= 0)
                u->oom_wd = wd;
        return MIN(wd, 0);
}

static void unwatch(struct cgroups *cg, int *wd)
{
        if (*wd < 0)
                return;
        if (cg && (size_t)*wd < cg->n_watched) {
                cg->watched[*wd] = NULL;
                inotify_rm_watch(cg->inotify.fd, *wd);
        }
        *wd = -1;
}

void cgroup_unwatch(struct unit *u)
{
        unwatch(u->manager->cgroups, &u->cgroup_wd);
        unwatch(u->manager->cgroups, &u->oom_wd);
}

int cgroup_freeze(struct unit *u, bool freeze)
{
        int r = cgroup_realize_slice(u);

        if (r < 0)
                return r;
        if (!u->cgroup_realized || u->cgroup_fd < 0)
                return -ENOENT;
        if (streq(u->id, "init.scope") || streq(u->id, "-.slice"))
                return -EPERM;
        if (u->freezer == (freeze ? FREEZER_FROZEN : FREEZER_RUNNING))
                return 0;
        if (freeze && u->freezer == FREEZER_THAWING)
                return -EBUSY;
        r = cgroup_watch(u);
        if (r >= 0)
                r = write_attr_at(u->cgroup_fd, "cgroup.freeze", freeze ? "1" : "0");
        if (r < 0)
                return r;
        u->freezer = freeze ? FREEZER_FREEZING : FREEZER_THAWING;
        check_freezer(u);
        return 0;
}

/* ---- walking ---- */

/* A cgroup below; ".control" is one. */
static bool is_child(const struct dirent *e)
{
        return e->d_type == DT_DIR && !streq(e->d_name, ".") && !streq(e->d_name, "..");
}

static int foreach_pid(int fd, unsigned depth, void (*fn)(pid_t pid, void *data), void *data)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        int r = read_file_at(fd, "cgroup.procs", 0, &text, NULL), below;

        for (char *s = text; r >= 0 && s && *s;) {
                char *end;
                long pid = strtol(s, &end, 10);

                if (end == s)
                        break;
                if (pid > 0)
                        fn((pid_t)pid, data);
                s = end + strspn(end, "\n");
        }
        below = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        d = below >= 0 ? fdopendir(below) : NULL;
        if (!d) {
                close_fd(below);
                return r;
        }
        for (struct dirent *e; depth < MAX_DEPTH && (e = readdir(d));) {
                _cleanup_close_ int sub = -1;

                if (!is_child(e))
                        continue;
                sub = openat(fd, e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
                if (sub >= 0)
                        foreach_pid(sub, depth + 1, fn, data);
        }
        return r;
}

int cgroup_foreach_pid(int fd, void (*fn)(pid_t pid, void *data), void *data)
{
        return foreach_pid(fd, 0, fn, data);
}

static int remove_tree(int parent, const char *name, unsigned depth)
{
        _cleanup_closedir_ DIR *d = NULL;
        int fd;

        if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
                return 0;
        if (errno != EBUSY && errno != ENOTEMPTY)
                return -errno;
        fd = depth < MAX_DEPTH ? openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        d = fd >= 0 ? fdopendir(fd) : NULL;
        if (!d) {
                close_fd(fd);
                return -EBUSY;
        }
        for (struct dirent *e; (e = readdir(d));)
                if (is_child(e))
                        remove_tree(fd, e->d_name, depth + 1);
        return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove_tree(int parent, const char *name)
{
        return remove_tree(parent, name, 0);
}

/* ---- killing, listing ---- */

struct killing {
        int sig, n;
        pid_t except[2];
};

static void kill_one(pid_t pid, void *data)
{
        struct killing *k = data;

        if (pid == k->except[0] || pid == k->except[1])
                return;
        if (kill(pid, k->sig) == 0) {
                k->n++;
                if (k->sig != SIGKILL && k->sig != SIGCONT && k->sig != 0)
                        kill(pid, SIGCONT); /* a stopped process must wake up to end */
        }
}

int cgroup_kill(struct unit *u, int sig, pid_t except_main, pid_t except_control)
{
        struct killing k = { .sig = sig, .except = { except_main, except_control } };

        if (!u->cgroup_realized || u->cgroup_fd < 0)
                return 0;
        if (sig == SIGKILL && except_main <= 0 && except_control <= 0) {
                int there = populated(u->cgroup_fd);

                if (there == 0)
                        return 0;
                if (there == 1 && write_attr_at(u->cgroup_fd, "cgroup.kill", "1") >= 0) {
                        u->cgroup_killed = true;
                        return 1;
                }
        }
        cgroup_foreach_pid(u->cgroup_fd, kill_one, &k);
        return k.n;
}

struct pid_list {
        pid_t *v;
        size_t n;
        bool failed;
};

static void list_one(pid_t pid, void *data)
{
        struct pid_list *l = data;

        if (l->n % 32 == 0) {
                pid_t *grown = realloc(l->v, (l->n + 32) * sizeof(pid_t));

                l->failed |= !grown;
                if (!grown)
                        return;
                l->v = grown;
        }
        l->v[l->n++] = pid;
}

int cgroup_pids(struct unit *u, pid_t **ret, size_t *ret_n)
{
        struct pid_list l = { 0 };
        int r;

        if (!u->cgroup_realized || u->cgroup_fd < 0)
                return -ENOENT;
        r = cgroup_foreach_pid(u->cgroup_fd, list_one, &l);
        if (r < 0 || l.failed) {
                free(l.v);
                return r < 0 ? r : -ENOMEM;
        }
        *ret = l.v;
        *ret_n = l.n;
        return 0;
}

int cgroup_get_attr(struct unit *u, const char *attr, char **ret)
{
        _cleanup_close_ int fd = -1;
        char small[4096]; /* most are short, and come in one piece */
        ssize_t n;
        int r = 0;

        if (!u->cgroup_realized || u->cgroup_fd < 0)
                return -ENOENT;
        fd = openat(u->cgroup_fd, attr, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0 || (n = read(fd, small, sizeof(small))) < 0)
                return -errno;
        if ((size_t)n < sizeof(small)) {
                *ret = strndup(small, (size_t)n);
                r = *ret ? 0 : -ENOMEM;
        } else
                r = read_file_at(u->cgroup_fd, attr, 0, ret, NULL);
        if (r >= 0 && endswith(*ret, "\n"))
                (*ret)[strlen(*ret) - 1] = '\0';
        return r;
}

/* ---- whose it is ---- */

/* The unit that a cgroup path is of: the first component below the slices. */
static struct unit *unit_of_path(struct manager *m, const char *path)
{
        char name[UNIT_NAME_MAX + 1];

        while (*(path += strspn(path, "/"))) {
                size_t n = strcspn(path, "/");
                const char *s = path;

                if (*s == '_') /* escaped */
                        s++;
                if (n - (size_t)(s - path) > UNIT_NAME_MAX)
                        return NULL;
                memcpy(name, s, n - (size_t)(s - path));
                name[n - (size_t)(s - path)] = '\0';
                if (!endswith(name, ".slice"))
                        return unit_find(m, name);
                path += n;
        }
        return NULL;
}

struct unit *cgroup_unit_of_pid(struct manager *m, pid_t pid)
{
        struct cgroups *cg = m->cgroups;
        _cleanup_free_ char *text = NULL;
        char file[32];

        if (!cg)
                return NULL;
        snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
        if (read_file(file, 0, &text, NULL) < 0)
                return NULL;
        for (char *s = text; s && *s; s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL) {
                const char *path = startswith(s, "0::"), *rest;

                if (!path)
                        continue;
                s[strcspn(s, "\n")] = '\0';
                rest = *cg->prefix ? path_startswith(path, cg->prefix) : path;
                return rest ? unit_of_path(m, rest) : NULL;
        }
        return NULL;
}
