#include "logset.h"

#include "ctl.h"
#include "lib/fileio.h"
#include "lib/id128.h"
#include "logd/journal-dir.h"
#include "logd/journal-read.h"
#include "logd/journal.h"

#define TURNS_MAX 1000 /* tries to see disk and ring at one moment */

/* A source is a list of entries in the order of time, with a place in it. */
struct source {
        struct journalread *file; /* NULL: the ring */
        size_t n, at;             /* at: number of the next one */
        usec_t next, prev;        /* times of the entries around it */
};

struct logset {
        struct source *sources;
        size_t n;
        struct ringread *ring;
        uint64_t *ring_pos; /* of the ring's entries */
        uint8_t this_boot[16];
};

void logset_close(struct logset *s)
{
        if (!s)
                return;
        for (size_t i = 0; i < s->n; i++)
                journalread_close(s->sources[i].file);
        ringread_close(s->ring);
        free(s->ring_pos);
        free(s->sources);
        free(s);
}

void logset_closep(struct logset **s)
{
        logset_close(*s);
}

int logset_dir(char **ret)
{
        const char *given = secure_getenv("ROUSE_JOURNAL");
        _cleanup_free_ char *id = NULL;
        int r;

        if (given)
                return (*ret = strdup(given)) ? 0 : -ENOMEM;
        r = read_one_line("/etc/machine-id", &id);
        if (r < 0)
                return r;
        *ret = path_join(JOURNAL_DIR, id);
        return *ret ? 0 : -ENOMEM;
}

static int add_file(struct logset *s, const char *path)
{
        struct source *more = reallocarray(s->sources, s->n + 1, sizeof(*more));
        struct source new = { 0 };
        int r;

        if (!more)
                return -ENOMEM;
        s->sources = more;
        r = journalread_open(path, &new.file);
        if (r < 0)
                return r;
        new.n = journalread_count(new.file);
        s->sources[s->n++] = new;
        return 0;
}

static int add_ring(struct logset *s, uint64_t from)
{
        struct source *more = reallocarray(s->sources, s->n + 1, sizeof(*more));
        struct ring_entry e;
        size_t n = 0, cap = 0;

        if (!more)
                return -ENOMEM;
        s->sources = more;
        ringread_seek_pos(s->ring, from);
        while (ringread_next(s->ring, &e, NULL) > 0) {
                if (n == cap) {
                        uint64_t *p = reallocarray(s->ring_pos, cap ? cap * 2 : 1024, sizeof(*p));

                        if (!p)
                                return -ENOMEM;
                        s->ring_pos = p;
                        cap = cap ? cap * 2 : 1024;
                }
                s->ring_pos[n++] = e.pos;
        }
        s->sources[s->n++] = (struct source) { .n = n };
        return 0;
}

static void drop_sources(struct logset *s)
{
        for (size_t i = 0; i < s->n; i++)
                journalread_close(s->sources[i].file);
        s->n = 0;
}

/* A file that cannot be read is said and left out: the others still are. */
static int add_files(struct logset *s, char *const *files, bool named)
{
        FOREACH_STR (f, files) {
                int r = add_file(s, *f);

                if (r == -ENOMEM)
                        return r;
                if (r < 0 && (named || r != -ENOENT))
                        fprintf(stderr, "%s: %s; it is left out.\n", *f,
                                r == -EBADMSG ? "not a journal, or damaged" : strerror(-r));
        }
        return 0;
}

/* Files and ring as they are at one moment: what is moved from one to the other meanwhile would be missed, or be there
 * twice. */
static int open_all(struct logset *s, const char *dir, char *const *files)
{
        for (unsigned i = 0;; i++) {
                _cleanup_strv_ char **found = NULL;
                uint32_t before = 0, after = 0;
                uint64_t from = s->ring ? ringread_stored(s->ring, &before) : 0;
                int r = 0;

                if (!files && dir)
                        (void)journal_files(dir, &found);
                r = add_files(s, files ?: found, files);
                if (r < 0)
                        return r;
                if (!s->ring)
                        return 0;
                (void)ringread_stored(s->ring, &after);
                if ((before == after && before % 2 == 0) || i == TURNS_MAX)
                        return add_ring(s, from);
                drop_sources(s);
        }
}

int logset_open(const char *dir, char *const *files, const char *ring, struct logset **ret)
{
        _cleanup_logset_ struct logset *s = calloc(1, sizeof(*s));
        _cleanup_free_ char *boot = NULL, *own_dir = NULL;
        int r;

        if (!s)
                return -ENOMEM;
        if (read_one_line("/proc/sys/kernel/random/boot_id", &boot) < 0 ||
                id128_parse(boot, s->this_boot) < 0)
                memset(s->this_boot, 0, sizeof(s->this_boot));
        if (ring || (!dir && !files)) {
                r = ringread_open(ring, &s->ring);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        if (!dir && !files && logset_dir(&own_dir) >= 0)
                dir = own_dir;
        r = open_all(s, dir, files);
        if (r < 0)
                return r;
        if (s->n == 0)
                return -ENOENT;
        logset_seek_head(s);
        *ret = TAKE_PTR(s);
        return 0;
}

struct ringread *logset_ring(struct logset *s)
{
        return s->ring;
}

/* ---- walking ---- */

/* When entry i of a source was. The ring's are behind all that is on disk. */
static usec_t time_of(const struct source *src, size_t i)
{
        const uint8_t *boot;
        usec_t t;

        if (!src->file)
                return USEC_INFINITY;
        return journalread_times(src->file, i, &t, &boot) < 0 ? 0 : t;
}

static void set_place(struct source *src, size_t at)
{
        src->at = at;
        src->next = at < src->n ? time_of(src, at) : 0;
        src->prev = at > 0 ? time_of(src, at - 1) : 0;
}

void logset_seek_head(struct logset *s)
{
        for (size_t i = 0; i < s->n; i++)
                set_place(&s->sources[i], 0);
}

void logset_seek_tail(struct logset *s)
{
        for (size_t i = 0; i < s->n; i++)
                set_place(&s->sources[i], s->sources[i].n);
}

static int read_entry(struct logset *s, const struct source *src, size_t i, struct ring_entry *ret)
{
        int r;

        if (src->file) {
                r = journalread_get(src->file, i, ret);
                return r < 0 ? r : 1;
        }
        ringread_seek_pos(s->ring, s->ring_pos[i]);
        r = ringread_next(s->ring, ret, NULL);
        if (r > 0 && ret->pos != s->ring_pos[i])
                return -ESTALE; /* overwritten meanwhile */
        ret->boot = s->this_boot;
        return r;
}

int logset_next(struct logset *s, struct ring_entry *ret)
{
        for (;;) {
                struct source *best = NULL;

                for (size_t i = 0; i < s->n; i++) {
                        struct source *c = &s->sources[i];

                        if (c->at < c->n && (!best || c->next < best->next))
                                best = c;
                }
                if (!best)
                        return 0;
                set_place(best, best->at + 1);
                if (read_entry(s, best, best->at - 1, ret) > 0)
                        return 1;
        }
}

int logset_prev(struct logset *s, struct ring_entry *ret)
{
        for (;;) {
                struct source *best = NULL;

                for (size_t i = 0; i < s->n; i++) {
                        struct source *c = &s->sources[i];

                        if (c->at > 0 && (!best || c->prev >= best->prev))
                                best = c;
                }
                if (!best)
                        return 0;
                set_place(best, best->at - 1);
                if (read_entry(s, best, best->at, ret) > 0)
                        return 1;
        }
}

/* ---- boots ---- */

struct boot_list {
        struct logset_boot *v;
        size_t n;
};

static int add_boot(struct boot_list *l, const uint8_t id[static 16], usec_t t)
{
        struct logset_boot *more;

        for (size_t i = l->n; i-- > 0;)
                if (memcmp(l->v[i].id, id, 16) == 0) {
                        l->v[i].first = MIN(l->v[i].first, t);
                        l->v[i].last = MAX(l->v[i].last, t);
                        return 0;
                }
        more = reallocarray(l->v, l->n + 1, sizeof(*more));
        if (!more)
                return -ENOMEM;
        l->v = more;
        l->v[l->n] = (struct logset_boot) { .first = t, .last = t };
        memcpy(l->v[l->n++].id, id, 16);
        return 0;
}

static int compare_boots(const void *a, const void *b)
{
        return CMP(((const struct logset_boot *)a)->first, ((const struct logset_boot *)b)->first);
}

static int boots_of(struct logset *s, const struct source *src, struct boot_list *l)
{
        struct ring_entry e;
        const uint8_t *boot;
        usec_t t;
        int r = 0;

        for (size_t i = 0; i < src->n && r >= 0; i++) {
                if (src->file && journalread_times(src->file, i, &t, &boot) >= 0)
                        r = add_boot(l, boot, t);
                else if (!src->file && (i == 0 || i == src->n - 1) && read_entry(s, src, i, &e) > 0)
                        r = add_boot(l, s->this_boot, e.realtime);
        }
        return r;
}

int logset_boots(struct logset *s, struct logset_boot **ret)
{
        struct boot_list l = { 0 };

        for (size_t i = 0; i < s->n; i++) {
                int r = boots_of(s, &s->sources[i], &l);

                if (r < 0) {
                        free(l.v);
                        return r;
                }
        }
        if (l.n)
                qsort(l.v, l.n, sizeof(*l.v), compare_boots);
        *ret = l.v;
        return (int)l.n;
}
