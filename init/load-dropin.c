/* Drop-ins and .wants, .requires, .upholds directories of a unit, under all its names.
 *
 * A unit foo-bar@x.service looks, in this order of weight, at the directories of foo-bar@x.service, foo-bar@.service,
 * foo-@x.service, foo-@.service, then the same of each alias, and for drop-ins at service.d last; of each of these, in
 * the order of the search path. Of files with one name the weightiest counts (a link to /dev/null masks it), and
 * the files are then applied in the order of their names, whatever their directories. */
#include <dirent.h>
#include <fcntl.h>

#include "load.h"
#include "lib/fileio.h"

/* One file or link found; of two with one name the first stays. */
struct item {
        char *name;
        char *path;
        const char *text; /* of a virtual one */
        bool masked, is_virtual;
        const char *dir; /* of the sub-directory, for messages */
};
struct items {
        struct item *v;
        size_t n, cap;
        struct hash names; /* of all of them */
};

static void items_done(struct items *s)
{
        for (size_t i = 0; i < s->n; i++) {
                free(s->v[i].name);
                free(s->v[i].path);
        }
        free(s->v);
        hash_done(&s->names);
}

static struct item *items_add(struct items *s, const char *dir, const char *name)
{
        struct item *i;

        if (hash_get(&s->names, name))
                return NULL;
        if (s->n == s->cap) {
                size_t cap = s->cap ? s->cap * 2 : 8;
                struct item *v = reallocarray(s->v, cap, sizeof(*v));

                if (!v)
                        return NULL;
                s->v = v;
                s->cap = cap;
        }
        i = &s->v[s->n];
        *i = (struct item) { .name = strdup(name), .path = path_join(dir, name), .dir = dir };
        if (!i->name || !i->path || hash_put(&s->names, i->name, i->name) < 0) {
                free(i->name);
                free(i->path);
                return NULL;
        }
        s->n++;
        return i;
}

static int item_compare(const void *a, const void *b)
{
        return strcmp(((const struct item *)a)->name, ((const struct item *)b)->name);
}

/* ---- which directories ---- */

struct candidates {
        const struct index_subdirs *d[128];
        size_t n;
};

static void add_candidate(struct index *x, struct candidates *c, const char *name)
{
        const struct index_subdirs *d = hash_get(&x->subdirs, name);

        if (!d || c->n == ARRAY_SIZE(c->d))
                return;
        for (size_t i = 0; i < c->n; i++)
                if (c->d[i] == d)
                        return;
        c->d[c->n++] = d;
}

/* name itself, its template, and both again with the prefix cut after each of its dashes. */
static void add_candidates(struct index *x, struct candidates *c, const char *name)
{
        const char *dot = strrchr(name, '.'), *at = strchr(name, '@'), *end = at ? at : dot;
        bool instance = at && dot && at + 1 < dot;
        char buf[2 * UNIT_NAME_MAX];
        size_t cut;

        if (!dot || strlen(name) > UNIT_NAME_MAX)
                return;
        cut = (size_t)(end - name);
        for (;;) {
                memcpy(buf, name, cut);
                strcpy(buf + cut, end);
                add_candidate(x, c, buf);
                if (instance) {
                        buf[cut] = '@';
                        strcpy(buf + cut + 1, dot);
                        add_candidate(x, c, buf);
                }
                /* to the dash before the last character */
                for (cut--; cut > 0 && name[cut - 1] != '-'; cut--)
                        ;
                if (cut == 0)
                        return;
        }
}

static void find_candidates(struct unit *u, struct candidates *c, bool dropins)
{
        struct index *x = index_of(u->manager);

        c->n = 0;
        add_candidates(x, c, u->id);
        FOREACH_STR (n, u->names)
                if (!streq(*n, u->id))
                        add_candidates(x, c, *n);
        if (dropins)
                add_candidate(x, c, unit_type_to_string(u->type));
}

/* ---- reading them ---- */

static bool links_to_null(struct manager *m, int fd, const char *name)
{
        char target[16];
        ssize_t n = readlinkat(fd, name, target, sizeof(target));

        index_of(m)->stats.n_readlink++;
        return n == 9 && memcmp(target, "/dev/null", 9) == 0;
}

static int read_sub(struct manager *m, const struct index_sub *s, enum sub_kind k, struct items *items)
{
        _cleanup_free_ char *path = root_path(m, s->path);
        _cleanup_close_ int fd = -1;
        char buf[8 * 1024] __attribute__((aligned(8)));

        if (!path)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        index_of(m)->stats.n_opendir++;
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR
                               ? 0
                               : log_warning_errno(-errno, "Cannot open %s: %m", path);
        for (;;) {
                ssize_t n = getdents64(fd, buf, sizeof(buf));

                if (n <= 0)
                        return n < 0 ? log_warning_errno(-errno, "Cannot read %s: %m", path) : 0;
                for (ssize_t o = 0; o < n;) {
                        struct dirent64 *de = (struct dirent64 *)(buf + o);
                        struct item *i;

                        o += de->d_reclen;
                        if (de->d_name[0] == '.' || hidden_or_backup_file(de->d_name))
                                continue;
                        if (k == SUB_DROPIN && !endswith(de->d_name, ".conf"))
                                continue;
                        if (k != SUB_DROPIN && de->d_type != DT_LNK && de->d_type != DT_UNKNOWN) {
                                log_file(s->path, 0, LOG_WARNING, "%s is not a symbolic link, ignored",
                                        de->d_name);
                                continue;
                        }
                        i = items_add(items, s->path, de->d_name);
                        if (i && de->d_type != DT_REG)
                                i->masked = links_to_null(m, fd, de->d_name);
                }
        }
}

static void collect(struct unit *u, const struct candidates *c, enum sub_kind k, struct items *items)
{
        for (size_t i = 0; i < c->n; i++)
                for (const struct index_sub *s = c->d[i]->kind[k]; s; s = s->next) {
                        for (const struct index_virtual *v = s->virtuals; v; v = v->next) {
                                struct item *it = items_add(items, s->path, v->name);

                                if (it) {
                                        it->text = v->text;
                                        it->is_virtual = true;
                                }
                        }
                        if (s->on_disk)
                                (void)read_sub(u->manager, s, k, items);
                }
        if (items->n > 1)
                qsort(items->v, items->n, sizeof(*items->v), item_compare);
}

/* ---- drop-ins ---- */

static int apply_dropin(struct unit *u, const struct item *i)
{
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t len;
        int r;

        if (i->is_virtual) {
                text = strdup(i->text ? i->text : "");
                if (!text)
                        return -ENOMEM;
                len = strlen(text);
                u->files_hash = hash_text(u->files_hash, i->path, text);
        } else {
                usec_t t;

                r = load_read(u->manager, i->path, &text, &len, &st);
                u->files_hash = hash_file(u->files_hash, i->path, r >= 0 || r == -ENODATA ? &st : NULL);
                if (r == -ENODATA)
                        return 0;
                if (r < 0) {
                        u->n_problems++;
                        return log_file(
                                i->path, 0, LOG_WARNING, "Cannot be read (%s), ignored", strerror(-r));
                }
                t = (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC + st.st_mtim.tv_nsec / 1000;
                u->files_mtime = MAX(u->files_mtime, t);
        }
        r = strv_add(&u->dropin_paths, i->path);
        return r < 0 ? r : load_parse(u, i->path, text, len);
}

int load_dropins(struct unit *u)
{
        _cleanup_(items_done) struct items items = {};
        struct candidates c;

        find_candidates(u, &c, true);
        if (c.n == 0)
                return 0;
        collect(u, &c, SUB_DROPIN, &items);
        for (size_t i = 0; i < items.n; i++) {
                int r = items.v[i].masked ? 0 : apply_dropin(u, &items.v[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- .wants, .requires, .upholds ---- */

static int add_link(struct unit *u, enum dep_type t, const struct item *i)
{
        _cleanup_free_ char *instance = NULL;
        const char *name = i->name;
        int r;

        if (i->masked)
                return 0;
        if (!unit_name_valid(name, true))
                return log_file(i->path, 0, LOG_WARNING, "Not the name of a unit, ignored");
        if (unit_name_is_template(name)) {
                if (!u->instance)
                        return log_file(i->path, 0, LOG_WARNING,
                                "A template without instance in a directory of %s, ignored", u->id);
                r = unit_name_replace_instance(name, u->instance, &instance);
                if (r < 0)
                        return r;
                name = instance;
        }
        r = unit_add_dep_by_name(u, t, name, ORIGIN_FILE);
        return r == -ENOMEM ? r : 0;
}

static uint64_t hash_link(uint64_t h, const struct item *i)
{
        return i->masked ? h : hash_file(h, i->path, NULL);
}

int load_wants(struct unit *u)
{
        static const enum dep_type types[SUB_MAX] = {
                [SUB_WANTS] = DEP_WANTS,
                [SUB_REQUIRES] = DEP_REQUIRES,
                [SUB_UPHOLDS] = DEP_UPHOLDS,
        };
        struct candidates c;

        find_candidates(u, &c, false);
        if (c.n == 0)
                return 0;
        for (enum sub_kind k = SUB_WANTS; k < SUB_MAX; k++) {
                _cleanup_(items_done) struct items items = {};

                collect(u, &c, k, &items);
                for (size_t i = 0; i < items.n; i++) {
                        int r = add_link(u, types[k], &items.v[i]);

                        u->files_hash = hash_link(u->files_hash, &items.v[i]);
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

/* ---- what changed ---- */

static uint64_t hash_dropin(struct unit *u, uint64_t h, const struct item *i)
{
        _cleanup_free_ char *full = NULL;
        struct stat st;

        if (i->masked)
                return h;
        if (i->is_virtual)
                return hash_text(h, i->path, i->text ? i->text : "");
        full = root_path(u->manager, i->path);
        return hash_file(h, i->path, full && stat(full, &st) >= 0 ? &st : NULL);
}

uint64_t hash_subdirs(struct unit *u, uint64_t h)
{
        struct candidates c;

        for (enum sub_kind k = SUB_DROPIN; k < SUB_MAX; k++) {
                _cleanup_(items_done) struct items items = {};

                find_candidates(u, &c, k == SUB_DROPIN);
                if (c.n > 0)
                        collect(u, &c, k, &items);
                for (size_t i = 0; i < items.n; i++)
                        h = k == SUB_DROPIN ? hash_dropin(u, h, &items.v[i]) : hash_link(h, &items.v[i]);
        }
        return h;
}
