/* Watches on block devices: see watch.h. */
#include "watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "task.h"

struct watch {
        struct devd *m;
        int wd;
        char *devnode, *syspath;
        bool whole_disk;
        bool paused; /* an event is under way, its end is waited for */
        bool deaf;   /* a program of that event is running */
        bool busy;   /* a child looks at it */
        bool again;  /* closed once more while paused or busy */
        bool gone;   /* ended while the child was at it */
        char wd_key[16];
        char id[];
};

struct watches {
        struct loop_io io;
        struct hash by_id, by_wd;
};

static void watch_path(char *buf, size_t n, const char *name)
{
        snprintf(buf, n, "%s/watch/%s", root_run(), name);
}

static void forget_on_disk(const struct watch *w)
{
        char path[PATH_MAX];

        watch_path(path, sizeof(path), w->id);
        (void)unlink(path);
        watch_path(path, sizeof(path), w->wd_key);
        (void)unlink(path);
}

static void write_on_disk(const struct watch *w)
{
        char path[PATH_MAX];

        watch_path(path, sizeof(path), w->wd_key);
        if (symlink_atomic(w->id, path) == -ENOENT) {
                (void)mkdir_parents(path, 0755);
                (void)symlink_atomic(w->id, path);
        }
        watch_path(path, sizeof(path), w->id);
        (void)symlink_atomic(w->wd_key, path);
}

static void watch_free(struct watch *w)
{
        free(w->devnode);
        free(w->syspath);
        free(w);
}

static void detach(struct watches *s, struct watch *w)
{
        hash_del(&s->by_id, w->id);
        hash_del(&s->by_wd, w->wd_key);
        forget_on_disk(w);
        if (w->busy)
                w->gone = true;
        else
                watch_free(w);
}

static struct watch *watch_of(struct devd *m, const char *id)
{
        return m->watches && id ? hash_get(&m->watches->by_id, id) : NULL;
}

void watch_end(struct devd *m, const char *id)
{
        struct watch *w = watch_of(m, id);

        if (!w)
                return;
        (void)inotify_rm_watch(m->watches->io.fd, w->wd);
        detach(m->watches, w);
}

void watch_pause(struct devd *m, const char *id)
{
        struct watch *w = watch_of(m, id);

        if (w)
                w->paused = true;
}

static void on_inotify(struct loop_io *io, uint32_t revents);
static void start_look(struct watch *w);

void watch_deafen(struct devd *m, const char *id, bool deaf)
{
        struct watch *w = watch_of(m, id);

        if (!w)
                return;
        on_inotify(&m->watches->io, EPOLLIN); /* what was closed until now was before */
        w = watch_of(m, id);
        if (w)
                w->deaf = deaf;
}

/* The watch of this node as it is now, begun if need be. */
static struct watch *watch_get(struct devd *m, const struct device *d)
{
        struct watches *s = m->watches;
        char path[PATH_MAX];
        struct watch *w;

        if (!s || !d->devnode || !d->id || real_dev_path(d->devnode, path) < 0)
                return NULL;
        w = hash_get(&s->by_id, d->id);
        if (w && streq(w->devnode, d->devnode) && streq(w->syspath, d->syspath) &&
                inotify_add_watch(s->io.fd, path, IN_CLOSE_WRITE) == w->wd)
                return w;
        watch_end(m, d->id);
        w = calloc(1, sizeof(*w) + strlen(d->id) + 1);
        if (!w)
                return NULL;
        strcpy(w->id, d->id);
        w->m = m;
        w->devnode = strdup(d->devnode);
        w->syspath = strdup(d->syspath);
        w->whole_disk = streq_null(d->devtype, "disk") && !startswith(d->sysname, "dm-");
        w->wd = w->devnode && w->syspath ? inotify_add_watch(s->io.fd, path, IN_CLOSE_WRITE) : -1;
        if (w->wd < 0) {
                if (errno != ENOENT)
                        log_warning_errno(-errno, "%s cannot be watched: %m", d->devnode);
                watch_free(w);
                return NULL;
        }
        snprintf(w->wd_key, sizeof(w->wd_key), "%d", w->wd);
        if (hash_put(&s->by_id, w->id, w) < 0 || hash_put(&s->by_wd, w->wd_key, w) < 0) {
                hash_del(&s->by_id, w->id);
                (void)inotify_rm_watch(s->io.fd, w->wd);
                watch_free(w);
                return NULL;
        }
        write_on_disk(w);
        return w;
}

void watch_probe(struct devd *m, const struct device *d)
{
        struct watch *w = watch_get(m, d);

        if (w)
                w->paused = true;
}

void watch_begin(struct devd *m, const struct device *d)
{
        struct watch *w = watch_get(m, d);

        if (!w)
                return;
        w->paused = false;
        if (w->again && !w->busy)
                start_look(w);
}

/* ---- after a close-write, in the child ---- */

static int ask_change(const char *syspath)
{
        char path[PATH_MAX];
        int r = real_sys_path(syspath, "uevent", path);

        return r < 0 ? r : write_attr(path, "change");
}

/* 1: the kernel reads the partition table again, and sends events for what it finds. */
static int reread_partitions(const char *devnode)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        int r = real_dev_path(devnode, path);

        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        return ioctl(fd, BLKRRPART, 0) < 0 ? -errno : 1;
}

static void change_partitions(const char *syspath)
{
        _cleanup_closedir_ DIR *dir = NULL;
        const char *disk = path_basename(syspath);
        char path[PATH_MAX];
        struct dirent *e;

        if (real_sys_path(syspath, NULL, path) >= 0)
                dir = opendir(path);
        while (dir && (e = readdir(dir))) {
                if (!startswith(e->d_name, disk) || streq(e->d_name, disk))
                        continue;
                if (snprintf(path, sizeof(path), "%s/%s", syspath, e->d_name) < (int)sizeof(path))
                        (void)ask_change(path);
        }
}

static bool has_partitions(const char *syspath)
{
        _cleanup_closedir_ DIR *dir = NULL;
        const char *disk = path_basename(syspath);
        char path[PATH_MAX];
        struct dirent *e;

        if (real_sys_path(syspath, NULL, path) >= 0)
                dir = opendir(path);
        while (dir && (e = readdir(dir)))
                if (startswith(e->d_name, disk) && !streq(e->d_name, disk))
                        return true;
        return false;
}

static int look_again(int out_fd, void *arg)
{
        const struct watch *w = arg;

        if (!w->whole_disk)
                return ask_change(w->syspath);
        /* Without partitions before and after, reading the table is known to bring no event for the disk. */
        if (reread_partitions(w->devnode) == 1 && has_partitions(w->syspath))
                return 0;
        (void)ask_change(w->syspath);
        change_partitions(w->syspath);
        return 0;
}

static void on_looked(int result, const char *output, size_t len, void *data)
{
        struct watch *w = data;

        w->busy = false;
        if (w->gone)
                watch_free(w);
        else if (w->again && !w->paused)
                start_look(w);
}

static void start_look(struct watch *w)
{
        w->again = false;
        w->busy = task_fn(w->m, w->devnode, look_again, w, USEC_INFINITY, on_looked, w, NULL) >= 0;
}

static void written(struct watch *w)
{
        if (w->deaf)
                return;
        if (w->paused || w->busy)
                w->again = true;
        else
                start_look(w);
}

static void on_inotify(struct loop_io *io, uint32_t revents)
{
        struct devd *m = io->data;
        char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
        ssize_t n;

        while ((n = read(io->fd, buf, sizeof(buf))) > 0)
                for (char *p = buf; p < buf + n;) {
                        const struct inotify_event *e = (void *)p;
                        char key[16];
                        struct watch *w;

                        p += sizeof(*e) + e->len;
                        if (e->mask & IN_Q_OVERFLOW) /* whose was lost is not known */
                                HASHMAP_FOREACH (i, &m->watches->by_id)
                                        written(i->value);
                        snprintf(key, sizeof(key), "%d", e->wd);
                        w = hash_get(&m->watches->by_wd, key);
                        if (!w)
                                continue;
                        if (e->mask & IN_IGNORED)
                                detach(m->watches, w);
                        else if (e->mask & IN_CLOSE_WRITE)
                                written(w);
                }
}

/* Watches of a daemon that ran before are not known to this one. */
static void clear_directory(void)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;

        snprintf(path, sizeof(path), "%s/watch", root_run());
        dir = opendir(path);
        while (dir && (e = readdir(dir)))
                if (e->d_name[0] != '.')
                        (void)unlinkat(dirfd(dir), e->d_name, 0);
}

int watches_new(struct devd *m)
{
        struct watches *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        clear_directory();
        s->io = (struct loop_io) { .events = EPOLLIN, .cb = on_inotify, .data = m };
        s->io.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        r = s->io.fd < 0 ? -errno : loop_io_add(m->loop, &s->io);
        if (r < 0) {
                close_fd(s->io.fd);
                free(s);
                return r;
        }
        m->watches = s;
        return 0;
}

void watches_free(struct devd *m)
{
        struct watches *s = m->watches;
        int fd;

        if (!s)
                return;
        fd = s->io.fd;
        loop_io_remove(m->loop, &s->io);
        HASHMAP_FOREACH (e, &s->by_id) {
                struct watch *w = e->value;

                forget_on_disk(w);
                watch_free(w);
        }
        hash_done(&s->by_id);
        hash_done(&s->by_wd);
        close_fd(fd);
        free(s);
        m->watches = NULL;
}
