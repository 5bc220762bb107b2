/* What is mounted and swapped on, as the kernel says, told to PID 1 in differences. See mounts.h. */
#include <fcntl.h>
#include <stdio.h>

#include "lib/devlink.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "mounts.h"
#include "pid1.h"

/* One mount (key: its id), or one swap area (key: its name). */
struct entry {
        uint32_t hash; /* of the line */
        bool seen;
        char *where; /* a mount's place */
        char key[];
};

struct table {
        const char *path;
        struct loop_io io;
        struct hash entries;
        void (*line)(struct devd *m, struct table *t, char *line, uint32_t hash);
};

struct mounts {
        struct devd *m;
        struct table mounts, swaps;
        struct loop_timer later;
        usec_t last;
};

static void send_mount(struct devd *m, const struct mount_line *l, const char *gone)
{
        struct wire_writer w = {};
        char options[4096];

        wire_begin(&w, DL_MOUNTINFO, 0);
        wire_u32(&w, !gone);
        wire_str(&w, gone ?: l->where);
        wire_str(&w, gone ? NULL : l->what);
        wire_str(&w, gone ? NULL : l->type);
        if (!gone)
                snprintf(options, sizeof(options), "%s%s%s", l->options, *l->super_options ? "," : "",
                        l->super_options);
        wire_str(&w, gone ? NULL : options);
        pid1_send(m, &w);
}

static void send_swap(struct devd *m, bool on, const char *what, int priority)
{
        struct wire_writer w = {};

        wire_begin(&w, DL_SWAPINFO, 0);
        wire_u32(&w, on);
        wire_str(&w, what);
        wire_u32(&w, (uint32_t)priority);
        pid1_send(m, &w);
}

/* The entry of key; *ret_new when it was not there or its line differs. */
static struct entry *touch(struct table *t, const char *key, uint32_t hash, bool *ret_new)
{
        struct entry *e = hash_get(&t->entries, key);

        if (!e) {
                e = calloc(1, sizeof(*e) + strlen(key) + 1);
                if (!e)
                        return NULL;
                strcpy(e->key, key);
                e->hash = ~hash;
                if (hash_put(&t->entries, e->key, e) < 0) {
                        free(e);
                        return NULL;
                }
        }
        *ret_new = e->hash != hash;
        e->hash = hash;
        e->seen = true;
        return e;
}

static void mount_line(struct devd *m, struct table *t, char *line, uint32_t hash)
{
        struct mount_line l;
        struct entry *e;
        bool fresh;

        if (mount_line_parse(line, &l) < 0 || streq(l.type, "autofs"))
                return; /* an automount is PID 1's business, what is mounted upon it is a line of its own */
        e = touch(t, l.id, hash, &fresh);
        if (!e || !fresh)
                return;
        (void)str_replace(&e->where, l.where);
        send_mount(m, &l, NULL);
}

/* "/dev/vda2   partition  524284  0  -2"; the first line is a heading. */
static void swap_line(struct devd *m, struct table *t, char *line, uint32_t hash)
{
        char name[PATH_MAX];
        int priority;
        bool fresh;

        if (sscanf(line, "%4095s %*s %*s %*s %d", name, &priority) != 2)
                return;
        hash = hash_string(name) ^ (uint32_t)priority; /* its use changes all the time */
        if (touch(t, name, hash, &fresh) && fresh)
                send_swap(m, true, name, priority);
}

/* Below what went away another mount may have come to light: it is told again. */
static void uncover(struct devd *m, struct table *t, const char *where)
{
        HASHMAP_FOREACH (i, &t->entries) {
                struct entry *e = i->value;

                if (e->where && streq(e->where, where))
                        e->hash = ~e->hash;
        }
}

static void drop_unseen(struct devd *m, struct table *t)
{
        HASHMAP_FOREACH (i, &t->entries) {
                struct entry *e = i->value;

                if (e->seen)
                        continue;
                hash_del(&t->entries, e->key);
                if (e->where) {
                        send_mount(m, NULL, e->where);
                        uncover(m, t, e->where);
                } else
                        send_swap(m, false, e->key, 0);
                free(e->where);
                free(e);
        }
}

/* Marks which entries are still there: what is gone is told before what is new. */
static void mark_seen(struct table *t, const char *text)
{
        HASHMAP_FOREACH (i, &t->entries)
                ((struct entry *)i->value)->seen = false;
        while (*text) {
                size_t n = strcspn(text, "\n"), k = strcspn(text, " \t\n");
                char key[PATH_MAX];
                struct entry *e;

                if (k < sizeof(key)) {
                        memcpy(key, text, k);
                        key[k] = '\0';
                        e = hash_get(&t->entries, key);
                        if (e)
                                e->seen = true;
                }
                text += n + (text[n] == '\n');
        }
}

static void read_table(struct devd *m, struct table *t)
{
        _cleanup_free_ char *text = NULL;
        char *line, *rest;

        if (t->io.fd < 0)
                return;
        if (read_file(t->path, 0, &text, NULL) < 0)
                return;
        mark_seen(t, text);
        drop_unseen(m, t);
        for (rest = text; (line = strsep(&rest, "\n"));)
                if (*line)
                        t->line(m, t, line, hash_string(line));
}

void mounts_refresh(struct devd *m)
{
        struct mounts *s = m->mounts;

        if (!s)
                return;
        s->last = now_monotonic();
        read_table(m, &s->mounts);
        read_table(m, &s->swaps);
}

static void on_later(struct loop_timer *t)
{
        mounts_refresh(((struct mounts *)t->data)->m);
}

/* A change: at once when the last one is long past, else at the end of the pause. */
static void on_change(struct loop_io *io, uint32_t revents)
{
        struct mounts *s = io->data;
        usec_t now = now_monotonic();

        if (s->later.when != USEC_INFINITY)
                return;
        if (now - s->last >= MOUNTS_PAUSE)
                mounts_refresh(s->m);
        else
                (void)loop_timer_set(s->m->loop, &s->later, s->last + MOUNTS_PAUSE);
}

static void watch_table(struct mounts *s, struct table *t)
{
        int r;

        t->io = (struct loop_io) { .events = EPOLLPRI | EPOLLET, .cb = on_change, .data = s };
        t->io.fd = open(t->path, O_RDONLY | O_CLOEXEC);
        if (t->io.fd < 0)
                return; /* a kernel without swap */
        r = loop_io_add(s->m->loop, &t->io);
        if (r < 0) {
                log_error_errno(r, "%s cannot be watched: %m", t->path);
                close_fd(t->io.fd);
                t->io.fd = -1;
        }
}

void mounts_watch(struct devd *m)
{
        struct mounts *s = m->mounts;
        struct wire_writer w = {};

        if (s) { /* asked again: all of it once more */
                HASHMAP_FOREACH (i, &s->mounts.entries)
                        ((struct entry *)i->value)->hash ^= ~0u;
                HASHMAP_FOREACH (i, &s->swaps.entries)
                        ((struct entry *)i->value)->hash ^= ~0u;
        } else {
                s = m->mounts = calloc(1, sizeof(*s));
                if (!s)
                        return;
                s->m = m;
                s->later = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_later, .data = s };
                s->mounts = (struct table) { .path = "/proc/self/mountinfo", .line = mount_line };
                s->swaps = (struct table) { .path = "/proc/swaps", .line = swap_line };
                watch_table(s, &s->mounts);
                watch_table(s, &s->swaps);
        }
        mounts_refresh(m);
        wire_begin(&w, DL_MOUNTINFO_END, 0);
        pid1_send(m, &w);
}

static void free_table(struct devd *m, struct table *t)
{
        int fd = t->io.fd;

        loop_io_remove(m->loop, &t->io);
        close_fd(fd);
        HASHMAP_FOREACH (i, &t->entries) {
                struct entry *e = i->value;

                free(e->where);
                free(e);
        }
        hash_done(&t->entries);
}

void mounts_free(struct devd *m)
{
        struct mounts *s = m->mounts;

        if (!s)
                return;
        loop_timer_cancel(m->loop, &s->later);
        free_table(m, &s->mounts);
        free_table(m, &s->swaps);
        free(s);
        m->mounts = NULL;
}
