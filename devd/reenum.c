/* Re-enumeration: see reenum.h and devd.h. */
#include "reenum.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>

#include "coldplug.h"
#include "event.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "pid1.h"
#include "sysenum.h"

/* A device that was handled: its path and, behind that, its id and subsystem. */
struct note {
        const char *id, *subsystem;
        bool seen;   /* by the walk that goes on */
        bool failed; /* what was to be written is not there */
        bool packed; /* lies in the pack */
        size_t size;
        char devpath[];
};

static struct hash notes; /* devpath → struct note */

static void note_free(struct note *n)
{
        if (n && !n->packed)
                free(n);
}

static void drop_note(const char *devpath)
{
        note_free(hash_del(&notes, devpath));
}

/* ---- packed: a note made in the midst of an event keeps a page of what was thrown away around it ---- */

static struct {
        char *start;
        size_t size;
} pack;

static struct note *note_copy(char *to, const struct note *n)
{
        struct note *copy = memcpy(to, n, n->size);

        copy->id = to + (n->id - (const char *)n);
        copy->subsystem = to + (n->subsystem - (const char *)n);
        copy->packed = true;
        return copy;
}

void reenum_pack(void)
{
        struct hash fresh = {};
        size_t size = 0, at = 0;
        char *start;

        HASHMAP_FOREACH (e, &notes)
                size += ((struct note *)e->value)->size;
        start = size ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : NULL;
        if (start == MAP_FAILED)
                return;
        HASHMAP_FOREACH (e, &notes) {
                struct note *copy = note_copy(start + at, e->value);

                at += copy->size;
                if (hash_put(&fresh, copy->devpath, copy) < 0) {
                        hash_done(&fresh);
                        munmap(start, size);
                        return;
                }
        }
        HASHMAP_FOREACH (e, &notes)
                note_free(e->value);
        hash_done(&notes);
        notes = fresh;
        if (pack.start)
                munmap(pack.start, pack.size);
        pack.start = start;
        pack.size = size;
}

void reenum_note(struct devd *m, struct device *d)
{
        size_t lp = strlen(d->devpath) + 1, li = d->id ? strlen(d->id) + 1 : 1, ls;
        struct note *n;

        const char *old = streq(d->action, "move") ? device_prop(d, "DEVPATH_OLD") : NULL;

        drop_note(d->devpath);
        if (old)
                drop_note(old);
        if (streq(d->action, "remove"))
                return;
        ls = d->subsystem ? strlen(d->subsystem) + 1 : 1;
        n = calloc(1, sizeof(*n) + lp + li + ls + 7);
        if (!n)
                return;
        n->size = (sizeof(*n) + lp + li + ls + 7) & ~(size_t)7;
        memcpy(n->devpath, d->devpath, lp);
        n->id = memcpy(n->devpath + lp, d->id ?: "", li);
        n->subsystem = memcpy(n->devpath + lp + li, d->subsystem ?: "", ls);
        if (hash_put(&notes, n->devpath, n) < 0)
                note_free(n);
}

/* ---- what could not be written ---- */

#define RETRY_FIRST (1 * USEC_PER_SEC)
#define RETRY_MOST  (64 * USEC_PER_SEC)

static struct loop_timer retry = { .when = USEC_INFINITY };
static usec_t retry_after = RETRY_FIRST;

static void on_retry(struct loop_timer *t)
{
        struct devd *m = t->data;

        HASHMAP_FOREACH (e, &notes) {
                struct note *n = e->value;

                if (n->failed && !queue_has_path(m->queue, n->devpath))
                        (void)queue_add_synthetic(
                                m->queue, "change", n->devpath, n->id[0] ? n->id : NULL, NULL);
                n->failed = false;
        }
        events_pump_later(m);
}

void reenum_failed(struct devd *m, const char *devpath)
{
        struct note *n = hash_get(&notes, devpath);

        if (!n)
                return;
        n->failed = true;
        if (retry.when != USEC_INFINITY)
                return;
        retry.cb = on_retry;
        retry.data = m;
        log_warning("%s: tried again in %lld s", devpath, (long long)(retry_after / USEC_PER_SEC));
        (void)loop_timer_set(m->loop, &retry, usec_add(now_monotonic(), retry_after));
        retry_after = MIN(retry_after * 2, RETRY_MOST);
}

void reenum_written(void)
{
        retry_after = RETRY_FIRST;
}

bool reenum_has_failed(const char *devpath)
{
        struct note *n = hash_get(&notes, devpath);

        return n && n->failed;
}

bool reenum_known(struct devd *m, const char *devpath)
{
        return hash_get(&notes, devpath);
}

void reenum_free(struct devd *m)
{
        HASHMAP_FOREACH (e, &notes)
                note_free(e->value);
        hash_done(&notes);
        notes = (struct hash) {};
        if (pack.start)
                munmap(pack.start, pack.size);
        pack.start = NULL;
}

struct walk {
        struct devd *m;
        bool takeover; /* follows a devd before this one, whose database it goes by */
        bool unclean;  /* that one had events under way, which nobody handles any more */
        bool redo;     /* which each device may have been part of */
        unsigned added, changed, removed;
        struct hash present; /* ids that /sys has; values are the keys, owned */
        struct hash net; /* ids of noted interfaces → struct note: a rename changes the path, not the id */
};

static void note_present(struct walk *w, const char *id)
{
        char *key;

        if (!id || hash_get(&w->present, id))
                return;
        key = strdup(id);
        if (key && hash_put(&w->present, key, key) < 0)
                free(key);
}

static bool has_entry(const char *id)
{
        char path[PATH_MAX];

        return id && snprintf(path, sizeof(path), "%s/data/%s", root_run(), id) < (int)sizeof(path) &&
               access(path, F_OK) >= 0;
}

/* "remove" or "move" of what was noted, as the kernel would have sent it. */
static bool queue_made(struct walk *w, const char *action, const struct note *n, const char *new_path)
{
        const char *path = new_path ?: n->devpath;
        static struct uevent u;
        unsigned maj, min;
        int ifindex;
        char *p = u.buf;
        size_t left = sizeof(u.buf);

#define PUT(...)                                                                                            \
        do {                                                                                                \
                int l = snprintf(p, left, __VA_ARGS__);                                                     \
                if (l < 0 || (size_t)l + 1 >= left)                                                         \
                        return false;                                                                       \
                p += l + 1;                                                                                 \
                left -= (size_t)l + 1;                                                                      \
        } while (0)
        PUT("%s@%s", action, path);
        PUT("ACTION=%s", action);
        PUT("DEVPATH=%s", path);
        if (new_path)
                PUT("DEVPATH_OLD=%s", n->devpath);
        PUT("SUBSYSTEM=%s", n->subsystem);
        PUT("SEQNUM=%llu", (unsigned long long)MAX(w->m->seqnum, (uint64_t)1));
        if (sscanf(n->id, "%*1[bc]%u:%u", &maj, &min) == 2) {
                PUT("MAJOR=%u", maj);
                PUT("MINOR=%u", min);
                PUT("DEVNAME=%s", path_basename(path));
        } else if (sscanf(n->id, "n%d", &ifindex) == 1) {
                PUT("IFINDEX=%d", ifindex);
                PUT("INTERFACE=%s", path_basename(path));
        }
#undef PUT
        return uevent_parse(&u, (size_t)(p - u.buf)) >= 0 && queue_add(w->m->queue, &u) >= 0;
}

/* With all that the kernel says now: none if the device goes away meanwhile. */
static bool queue_change(struct walk *w, const struct uevent *u)
{
        static struct uevent fresh;

        return sysenum_event(&fresh, "change", u->devpath, u->subsystem, w->m->seqnum) >= 0 &&
               queue_add(w->m->queue, &fresh) >= 0;
}

static void take(const struct uevent *u, void *data)
{
        struct walk *w = data;
        _cleanup_device_ struct device *d = NULL;
        struct note *n = hash_get(&notes, u->devpath);
        bool known;

        if (device_from_uevent(u, &d) < 0)
                return;
        note_present(w, d->id);
        if (n)
                n->seen = true;
        else if (d->id && (n = hash_get(&w->net, d->id)) && !n->seen) {
                n->seen = true;
                w->changed += queue_made(w, "move", n, u->devpath);
                return;
        } else
                n = NULL;
        /* What this daemon handled is noted; an entry alone may be that of another device with the same number. */
        known = n ? streq(n->id, d->id ?: "") : w->takeover && has_entry(d->id);
        if (known && !n)
                reenum_note(w->m, d);
        if (queue_has_path(w->m->queue, u->devpath))
                return;
        if (known && !w->redo && (w->takeover || !streq_null(u->subsystem, "block")))
                return;
        if (!known && d->major < 0 && d->ifindex <= 0 && w->m->rules && !rules_may_match(w->m->rules, d))
                return;
        if (!known)
                w->added += queue_add(w->m->queue, u) >= 0;
        else
                w->changed += queue_change(w, u);
}

static void remove_gone(struct walk *w)
{
        HASHMAP_FOREACH (e, &notes) {
                struct note *n = e->value;
                char path[PATH_MAX];

                if (n->seen ||
                        snprintf(path, sizeof(path), "%s%s", root_sys(), n->devpath) >= (int)sizeof(path))
                        continue;
                if (access(path, F_OK) < 0 && !queue_has_path(w->m->queue, n->devpath))
                        w->removed += queue_made(w, "remove", n, NULL);
        }
}

static struct device *read_entry(const char *id)
{
        struct device d = { .syspath = (char *)"/sys/devices", .id = (char *)id, .major = -1, .minor = -1 };
        struct device *old = NULL;

        d.devpath = d.sysname = d.syspath;
        (void)sscanf(id, "%*1[bc]%d:%d", &d.major, &d.minor);
        return db_read_old(&d, &old) < 0 ? NULL : old;
}

/* Entries of devices that went away while no devd ran: nobody knows their path any more, only their id. */
static void drop_stale_entry(struct walk *w, const char *id)
{
        _cleanup_device_ struct device *old = read_entry(id);

        if (!old)
                return;
        log_info("%s: went away while no devd ran", id);
        FOREACH_STR (l, old->links)
                if (links_release(*l, id) == -EAGAIN) {
                        reenum_start(w->m, "a link's lock was held");
                        return;
                }
        (void)db_delete(old);
        pid1_gone(w->m, old);
        w->removed++;
}

static void remove_stale_entries(struct walk *w)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;

        snprintf(path, sizeof(path), "%s/data", root_run());
        dir = opendir(path);
        while (dir && (e = readdir(dir))) {
                if (e->d_name[0] != '.' && !hash_get(&w->present, e->d_name))
                        drop_stale_entry(w, e->d_name);
        }
}

/* /dev/{block,char}/M:N of numbers that nothing has any more; devtmpfs knows nothing of these links. */
static void remove_stale_numbers(struct walk *w, const char *kind)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX], id[NAME_MAX + 2];
        struct dirent *e;

        snprintf(path, sizeof(path), "%s/%s", root_dev(), kind);
        dir = opendir(path);
        while (dir && (e = readdir(dir))) {
                snprintf(id, sizeof(id), "%c%s", kind[0], e->d_name);
                if (e->d_type == DT_LNK && !hash_get(&w->present, id))
                        (void)unlinkat(dirfd(dir), e->d_name, 0);
        }
}

/* Claims on links, and tags, that no entry names: a devd that was killed between the links and the entry leaves
 * them. */
static void remove_stale_below(struct walk *w, const char *which,
        void (*drop)(struct walk *w, const char *dir, const char *name, const char *id))
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e, *f;

        snprintf(path, sizeof(path), "%s/%s", root_run(), which);
        dir = opendir(path);
        while (dir && (e = readdir(dir))) {
                _cleanup_closedir_ DIR *sub = NULL;

                if (e->d_name[0] == '.' || snprintf(path, sizeof(path), "%s/%s/%s", root_run(), which,
                                                   e->d_name) >= (int)sizeof(path))
                        continue;
                sub = opendir(path);
                while (sub && (f = readdir(sub)))
                        if (f->d_name[0] != '.')
                                drop(w, path, e->d_name, f->d_name);
        }
}

static void drop_claim(struct walk *w, const char *dir, const char *escaped, const char *id)
{
        _cleanup_device_ struct device *entry = NULL;
        char link[NAME_MAX + 1];

        if (links_unescape(escaped, link) < 0)
                return;
        entry = hash_get(&w->present, id) ? read_entry(id) : NULL;
        if (entry && strv_contains(entry->links, link))
                return;
        if (links_release(link, id) == -EAGAIN)
                reenum_start(w->m, "a link's lock was held");
}

static void drop_tag(struct walk *w, const char *dir, const char *tag, const char *id)
{
        char path[PATH_MAX];

        _cleanup_device_ struct device *entry = hash_get(&w->present, id) ? read_entry(id) : NULL;

        if (entry && strv_contains(entry->tags_all, tag))
                return;
        if (snprintf(path, sizeof(path), "%s/%s", dir, id) < (int)sizeof(path))
                (void)unlink(path);
}

/* Names under which a file or link was being made when its maker was killed (temporary_name()). */
static int drop_half_made(const char *path, const struct stat *st, int type, struct FTW *f)
{
        if ((type == FTW_SL || type == FTW_F) && startswith(path + f->base, ".#"))
                (void)unlink(path);
        return 0;
}

static void remove_half_made(void)
{
        (void)nftw(root_dev(), drop_half_made, 16, FTW_PHYS | FTW_MOUNT);
        (void)nftw(root_run(), drop_half_made, 16, FTW_PHYS | FTW_MOUNT);
}

static void walk_all(struct walk *w)
{
        struct sysenum all;

        HASHMAP_FOREACH (e, &notes) {
                struct note *n = e->value;

                n->seen = false;
                if (n->id[0] == 'n')
                        (void)hash_put(&w->net, n->id, n);
        }
        if (sysenum_open(&all) < 0)
                return;
        for (size_t i = 0; i < all.n; i++)
                (void)sysenum_walk(&all.source[i], "add", w->m->seqnum, take, w);
        sysenum_done(&all);
        remove_gone(w);
        if (w->takeover) {
                remove_stale_entries(w);
                remove_stale_numbers(w, "block");
                remove_stale_numbers(w, "char");
        }
        if (w->unclean) {
                remove_half_made();
                remove_stale_below(w, "links", drop_claim);
                remove_stale_below(w, "tags", drop_tag);
        }
        HASHMAP_FOREACH (e, &w->present)
                free(e->value);
        hash_done(&w->present);
        hash_done(&w->net);
}

static struct loop_timer again = { .when = USEC_INFINITY };
static usec_t last;

static void run_walk(struct devd *m, bool takeover)
{
        struct walk w = { .m = m, .takeover = takeover, .unclean = takeover && m->unclean };

        w.redo = w.unclean && !coldplug_begun(m);

        last = now_monotonic();
        walk_all(&w);
        log_notice("All devices compared: %u added, %u looked at again, %u removed", w.added, w.changed,
                w.removed);
        events_pump_later(m);
        daemon_check_idle(m);
}

static void on_again(struct loop_timer *t)
{
        run_walk(t->data, false);
}

/* During a storm the next overflow is near: once a second at most, and always once after the last. */
void reenum_start(struct devd *m, const char *why)
{
        if (again.when != USEC_INFINITY)
                return;
        log_warning("%s: all devices are compared with the database", why);
        again.cb = on_again;
        again.data = m;
        (void)loop_timer_set(
                m->loop, &again, MAX(now_monotonic() + 100 * USEC_PER_MSEC, last + USEC_PER_SEC));
}

bool reenum_pending(const struct devd *m)
{
        return again.when != USEC_INFINITY;
}

void reenum_takeover(struct devd *m)
{
        if (m->unclean)
                log_warning("The devd before this one ended with events under way: each device is looked at "
                            "again");
        run_walk(m, true);
}
