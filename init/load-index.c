/* The index of unit names: which file counts for which name. See load.h for the model. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#include "load.h"
#include "lib/fileio.h"
#include "lib/paths.h"

const char *const UNIT_SEARCH_PATH[] = {
        "/etc/systemd/system.control",
        "/run/systemd/system.control",
        "/run/systemd/transient",
        "/run/systemd/generator.early",
        "/etc/systemd/system",
        "/etc/systemd/system.attached",
        "/run/systemd/system",
        "/run/systemd/system.attached",
        "/run/systemd/generator",
        "/usr/local/lib/systemd/system",
        ROUSE_UNITDIR,
        "/usr/lib/systemd/system",
        "/lib/systemd/system", /* the same directory again where / and /usr are merged */
        "/run/systemd/generator.late",
        NULL,
};

const char *const index_gen_dirs[] = {
        [GEN_NORMAL] = "/run/systemd/generator",
        [GEN_EARLY] = "/run/systemd/generator.early",
        [GEN_LATE] = "/run/systemd/generator.late",
};
const char *const index_sub_suffixes[SUB_MAX] = {
        [SUB_DROPIN] = ".d",
        [SUB_WANTS] = ".wants",
        [SUB_REQUIRES] = ".requires",
        [SUB_UPHOLDS] = ".upholds",
};

/* ---- memory: chunks that only grow ---- */

#define CHUNK_SIZE (32 * 1024)
struct arena_chunk {
        struct arena_chunk *next;
        size_t used, size;
        char data[] __attribute__((aligned(16)));
};

void *index_alloc(struct index *x, size_t n)
{
        struct arena_chunk *c = x->arena;
        void *p;

        n = (n + 7) & ~(size_t)7;
        if (!c || c->size - c->used < n) {
                size_t size = MAX(n, (size_t)CHUNK_SIZE - sizeof(*c));

                c = malloc(sizeof(*c) + size);
                if (!c)
                        return NULL;
                c->next = x->arena;
                c->used = 0;
                c->size = size;
                x->arena = c;
        }
        p = c->data + c->used;
        c->used += n;
        return memset(p, 0, n);
}

static char *index_strndup(struct index *x, const char *s, size_t n)
{
        char *p = index_alloc(x, n + 1);

        return p ? memcpy(p, s, n) : NULL;
}

char *index_strdup(struct index *x, const char *s)
{
        return index_strndup(x, s, strlen(s));
}

char *index_join(struct index *x, const char *dir, const char *name)
{
        size_t a = strlen(dir), b = strlen(name);
        char *p = index_alloc(x, a + b + 2);

        if (!p)
                return NULL;
        memcpy(p, dir, a);
        p[a] = '/';
        memcpy(p + a + 1, name, b);
        return p;
}

char *root_path(struct manager *m, const char *path)
{
        return m->root ? path_join(m->root, path) : strdup(path);
}

/* ---- aliases ---- */

/* target as a link in dir names it, without "." and "..": by text alone. */
static void resolve_lexically(const char *dir, const char *target, char *buf, size_t n)
{
        size_t len = 0;

        buf[0] = '\0';
        if (target[0] != '/') {
                len = strlen(dir);
                if (len >= n)
                        return;
                memcpy(buf, dir, len + 1);
        }
        while (*target) {
                size_t l;

                target += strspn(target, "/");
                l = strcspn(target, "/");
                if (l == 2 && memcmp(target, "..", 2) == 0) {
                        while (len > 0 && buf[--len] != '/')
                                ;
                } else if (l > 0 && !(l == 1 && *target == '.')) {
                        if (len + l + 2 > n)
                                break;
                        buf[len++] = '/';
                        memcpy(buf + len, target, l);
                        len += l;
                }
                buf[len] = '\0';
                target += l;
        }
}

static bool is_unit_dir(const struct index *x, const char *path, size_t len)
{
        for (int i = 0; i < x->n_dirs; i++)
                if (strlen(x->dirs[i].path) == len && memcmp(x->dirs[i].path, path, len) == 0)
                        return true;
        return false;
}

/* The restrictions of systemd.unit(5): plain → plain, template → template, instance → its instance or template; the
 * type stays. *ret: the full name that alias stands for. */
int index_alias_target(struct index *x, const char *alias, const char *target, const char **ret)
{
        _cleanup_free_ char *a = NULL, *t = NULL, *instance = NULL;
        int r;

        if (unit_type_from_name(alias) != unit_type_from_name(target) || !unit_name_valid(target, true))
                return -EINVAL;
        (void)unit_name_instance(alias, &a);
        (void)unit_name_instance(target, &t);
        if (!a != !t || (a && !*a && *t) || (a && *a && *t && !streq(a, t)))
                return -EINVAL;
        if (a && *a && !*t) {
                r = unit_name_replace_instance(target, a, &instance);
                if (r < 0)
                        return r;
                target = instance;
        }
        if (streq(alias, target))
                return -ELOOP;
        *ret = index_strdup(x, target);
        return *ret ? 0 : -ENOMEM;
}

/* What a symbolic link in a unit directory is. -ELOOP: it names itself and says nothing. */
static int classify_link(struct index *x, const char *dir, int fd, const char *name, struct index_entry *e)
{
        char target[PATH_MAX], path[PATH_MAX];
        const char *base;
        ssize_t n = readlinkat(fd, name, target, sizeof(target) - 1);
        int r;

        x->stats.n_readlink++;
        if (n < 0)
                return -errno;
        target[n] = '\0';
        if (streq(target, "/dev/null")) {
                e->kind = ENTRY_MASK;
                return 0;
        }
        resolve_lexically(dir, target, path, sizeof(path));
        if (streq(path, "/dev/null")) {
                e->kind = ENTRY_MASK;
                return 0;
        }
        base = path_basename(path);
        if (base == path || !is_unit_dir(x, path, (size_t)(base - path - 1))) {
                e->kind = ENTRY_FILE; /* a linked unit: its file is elsewhere, its name here */
                return 0;
        }
        e->kind = ENTRY_ALIAS;
        r = index_alias_target(x, name, base, &e->target);
        if (r == -EINVAL)
                log_file(e->path, 0, LOG_WARNING,
                        "Link to %s is not a valid alias (type and instance must agree), ignored", base);
        return r;
}

/* ---- scanning ---- */

struct index_subdirs *index_subdirs(struct index *x, const char *name, bool add)
{
        struct index_subdirs *d = hash_get(&x->subdirs, name);

        if (d || !add)
                return d;
        d = index_alloc(x, sizeof(*d));
        if (!d || !(d->name = index_strdup(x, name)) || hash_put(&x->subdirs, d->name, d) < 0)
                return NULL;
        return d;
}

struct index_sub *index_sub_add(
        struct index *x, struct index_subdirs *d, enum sub_kind k, const char *path, int pos)
{
        struct index_sub **at = &d->kind[k], *s;

        while (*at && (*at)->pos <= pos) {
                if ((*at)->pos == pos)
                        return *at;
                at = &(*at)->next;
        }
        s = index_alloc(x, sizeof(*s));
        if (!s || !(s->path = index_strdup(x, path)))
                return NULL;
        s->pos = pos;
        s->next = *at;
        *at = s;
        return s;
}

/* NAME.d, NAME.wants …: remembered, not read. 0 when it is none of them. */
static int add_subdir(struct index *x, int pos, const char *name)
{
        for (int k = 0; k < SUB_MAX; k++) {
                const char *suffix = endswith(name, index_sub_suffixes[k]);
                char base[UNIT_NAME_MAX + 1], path[PATH_MAX];
                struct index_subdirs *d;
                struct index_sub *s;

                if (!suffix || suffix == name || (size_t)(suffix - name) >= sizeof(base))
                        continue;
                memcpy(base, name, (size_t)(suffix - name));
                base[suffix - name] = '\0';
                d = index_subdirs(x, base, true);
                if (!d || (size_t)snprintf(path, sizeof(path), "%s/%s", x->dirs[pos].path, name) >=
                                  sizeof(path))
                        return -ENOMEM;
                s = index_sub_add(x, d, k, path, pos);
                if (!s)
                        return -ENOMEM;
                s->on_disk = true;
                x->stats.n_dirs++;
                return 1;
        }
        return 0;
}

static int add_file(struct index *x, int pos, int fd, const char *name, bool link)
{
        struct index_entry *e = hash_get(&x->entries, name);
        int r;

        /* a directory before this one has it, or (read later) it is an alias that has its place among the others */
        if (e && (e->pos <= pos || e->kind == ENTRY_ALIAS))
                return 0;
        e = index_alloc(x, sizeof(*e));
        if (!e || !(e->path = index_join(x, x->dirs[pos].path, name)))
                return -ENOMEM;
        e->name = path_basename(e->path);
        e->pos = pos;
        e->kind = ENTRY_FILE;
        if (link) {
                r = classify_link(x, x->dirs[pos].path, fd, name, e);
                if (r < 0)
                        return r == -ENOMEM ? r : 0;
        }
        x->stats.n_units++;
        hash_del(&x->entries, name);
        r = hash_put(&x->entries, e->name, e);
        if (r >= 0 && e->kind == ENTRY_ALIAS) {
                e->next_alias = x->new_aliases;
                x->new_aliases = e;
        }
        return MIN(r, 0);
}

static int add_name(struct index *x, int pos, int fd, const char *name, unsigned char type)
{
        struct stat st;
        int r;

        if (type == DT_UNKNOWN) {
                x->stats.n_stat++;
                if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return 0;
                type = S_ISDIR(st.st_mode)   ? DT_DIR
                       : S_ISLNK(st.st_mode) ? DT_LNK
                       : S_ISREG(st.st_mode) ? DT_REG
                       : S_ISCHR(st.st_mode) ? DT_CHR
                                             : DT_UNKNOWN;
        }
        if (type == DT_DIR || type == DT_LNK) {
                r = add_subdir(x, pos, name);
                if (r != 0 || type == DT_DIR)
                        return MIN(r, 0);
        }
        if ((type == DT_REG || type == DT_LNK) && unit_name_valid(name, true))
                return add_file(x, pos, fd, name, type == DT_LNK);
        return 0;
}

static int scan_dir(struct manager *m, struct index *x, int pos)
{
        _cleanup_free_ char *path = root_path(m, x->dirs[pos].path);
        _cleanup_close_ int fd = -1;
        char buf[16 * 1024] __attribute__((aligned(8)));
        struct stat st;

        if (!path)
                return -ENOMEM;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        x->stats.n_opendir++;
        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR
                               ? 0
                               : log_warning_errno(-errno, "Cannot open %s: %m", path);
        x->stats.n_stat++;
        if (fstat(fd, &st) < 0)
                return -errno;
        for (int i = 0; i < pos; i++)
                if (x->dirs[i].there && x->dirs[i].dev == st.st_dev && x->dirs[i].ino == st.st_ino)
                        return 0;
        x->dirs[pos].there = true;
        x->dirs[pos].dev = st.st_dev;
        x->dirs[pos].ino = st.st_ino;

        for (;;) {
                ssize_t n = getdents64(fd, buf, sizeof(buf));

                if (n <= 0)
                        return n < 0 ? log_warning_errno(-errno, "Cannot read %s: %m", path) : 0;
                for (ssize_t o = 0; o < n;) {
                        struct dirent64 *de = (struct dirent64 *)(buf + o);

                        o += de->d_reclen;
                        if (de->d_name[0] != '.' && add_name(x, pos, fd, de->d_name, de->d_type) < 0)
                                return -ENOMEM;
                }
        }
}

int index_link_alias(struct manager *m, struct index_entry *e)
{
        struct index *x = index_of(m);
        _cleanup_free_ char *real = NULL;
        struct index_entry *first;
        char *key;
        int r = load_real_name(m, e->name, &real);

        if (r < 0)
                return r;
        first = hash_get(&x->aliases, real);
        e->next_alias = first;
        key = index_strdup(x, real);
        if (!key)
                return -ENOMEM;
        r = hash_put(&x->aliases, key, e);
        return MIN(r, 0);
}

/* Those that were found since the last time. */
static int index_links(struct manager *m)
{
        struct index *x = index_of(m);

        for (struct index_entry *e = x->new_aliases, *next; e; e = next) {
                next = e->next_alias;
                e->next_alias = NULL;
                if (index_link_alias(m, e) == -ENOMEM)
                        return -ENOMEM;
        }
        x->new_aliases = NULL;
        return 0;
}

/* ---- files that PID 1 itself writes, after the index was made ---- */

static int dir_position(struct index *x, const char *dir)
{
        for (int i = 0; i < x->n_dirs; i++)
                if (streq(x->dirs[i].path, dir))
                        return i;
        return -ENOENT;
}

int load_index_add(struct manager *m, const char *dir, const char *name)
{
        struct index *x = m->index;
        struct index_entry *e;
        int pos = x ? dir_position(x, dir) : -ENOENT, r;

        if (pos < 0)
                return pos;
        e = index_alloc(x, sizeof(*e));
        if (!e || !(e->path = index_join(x, dir, name)))
                return -ENOMEM;
        e->name = path_basename(e->path);
        e->pos = pos;
        e->kind = ENTRY_FILE;
        x->dirs[pos].there = true;
        hash_del(&x->entries, name);
        r = hash_put(&x->entries, e->name, e);
        return MIN(r, 0);
}

void load_index_drop(struct manager *m, const char *path)
{
        struct index *x = m->index;
        const struct index_entry *e = x ? hash_get(&x->entries, path_basename(path)) : NULL;

        if (e && streq(e->path, path))
                hash_del(&x->entries, e->name);
}

int load_index_add_dropins(struct manager *m, const char *dir, const char *name)
{
        struct index *x = m->index;
        int pos = x ? dir_position(x, dir) : -ENOENT;
        struct index_subdirs *d;
        struct index_sub *s;
        char path[PATH_MAX];

        if (pos < 0)
                return pos;
        if ((size_t)snprintf(path, sizeof(path), "%s/%s.d", dir, name) >= sizeof(path))
                return -ENAMETOOLONG;
        d = index_subdirs(x, name, true);
        s = d ? index_sub_add(x, d, SUB_DROPIN, path, pos) : NULL;
        if (!s)
                return -ENOMEM;
        s->on_disk = true;
        x->dirs[pos].there = true;
        return 0;
}

/* ---- the public side ---- */

void load_index_free(struct manager *m)
{
        struct index *x = m->index;

        if (!x)
                return;
        for (struct arena_chunk *c = x->arena, *next; c; c = next) {
                next = c->next;
                free(c);
        }
        hash_done(&x->entries);
        hash_done(&x->subdirs);
        hash_done(&x->aliases);
        hash_done(&x->virtual_paths);
        free(x);
        m->index = NULL;
}

static int index_set_path(struct manager *m, struct index *x)
{
        const char *const *path = m->unit_path ? (const char *const *)m->unit_path : UNIT_SEARCH_PATH;

        for (; *path && x->n_dirs < (int)ARRAY_SIZE(x->dirs); path++) {
                char *p = index_strdup(x, *path);

                if (!p)
                        return -ENOMEM;
                x->dirs[x->n_dirs++].path = path_simplify(p);
        }
        /* Off the usual path: before everything, or after it. */
        x->gen_pos[GEN_EARLY] = -1;
        x->gen_pos[GEN_NORMAL] = x->n_dirs;
        x->gen_pos[GEN_LATE] = x->n_dirs + 1;
        for (int i = 0; i < x->n_dirs; i++)
                for (int g = 0; g < 3; g++)
                        if (streq(x->dirs[i].path, index_gen_dirs[g]))
                                x->gen_pos[g] = i;
        return 0;
}

int load_index(struct manager *m)
{
        struct index *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return -ENOMEM;
        load_index_free(m);
        m->index = x;
        x->made = now_realtime();
        r = index_set_path(m, x);
        for (int i = 0; r >= 0 && i < x->n_dirs; i++) {
                r = scan_dir(m, x, i);
                if (r < 0 && r != -ENOMEM)
                        r = 0; /* said already; the other directories count */
        }
        return r < 0 ? r : index_links(m);
}

/* A directory's time is taken from a clock that moves by ticks. */
#define TICK (10 * USEC_PER_MSEC)

int load_index_refresh(struct manager *m)
{
        struct index *x = m->index;
        unsigned before = x->stats.n_units;
        usec_t now = now_realtime();
        int r = 0;

        for (int i = 0; i < x->n_dirs && r >= 0; i++) {
                _cleanup_free_ char *path = root_path(m, x->dirs[i].path);
                struct stat st;

                if (!path)
                        return -ENOMEM;
                if (streq(x->dirs[i].path, "/run/systemd/transient"))
                        continue; /* PID 1's own: load_index_add() */
                x->stats.n_stat++;
                if (stat(path, &st) < 0 || (x->dirs[i].there && (usec_t)st.st_mtim.tv_sec * USEC_PER_SEC +
                                                                                st.st_mtim.tv_nsec / 1000 <
                                                                        x->made - TICK))
                        continue;
                r = scan_dir(m, x, i);
                if (r < 0 && r != -ENOMEM)
                        r = 0;
        }
        x->made = now;
        if (r >= 0)
                r = index_links(m);
        return r < 0 ? r : x->stats.n_units != before;
}

const struct index_entry *index_find(struct manager *m, const char *name)
{
        struct index *x = m->index;
        _cleanup_free_ char *template = NULL;
        const struct index_entry *e;

        if (!x)
                return NULL;
        e = hash_get(&x->entries, name);
        if (!e && strchr(name, '@') && unit_name_template(name, &template) >= 0)
                e = hash_get(&x->entries, template);
        return e;
}

int load_real_name(struct manager *m, const char *name, char **ret)
{
        _cleanup_free_ char *at = strdup(name);

        if (!at)
                return -ENOMEM;
        for (int i = 0; i < 16; i++) {
                const struct index_entry *e = index_find(m, at);
                _cleanup_free_ char *instance = NULL, *next = NULL;

                if (!e || e->kind != ENTRY_ALIAS) {
                        *ret = TAKE_PTR(at);
                        return 0;
                }
                if (unit_name_is_template(e->target) && !unit_name_is_template(at)) {
                        int r = unit_name_instance(at, &instance);

                        if (r >= 0)
                                r = unit_name_replace_instance(e->target, instance, &next);
                        if (r < 0)
                                return r;
                } else
                        next = strdup(e->target);
                if (!next)
                        return -ENOMEM;
                free(at);
                at = TAKE_PTR(next);
        }
        return -ELOOP;
}

const char *load_find_fragment(struct manager *m, const char *name)
{
        const struct index_entry *e = index_find(m, name);
        _cleanup_free_ char *real = NULL;

        if (e && e->kind == ENTRY_ALIAS) {
                if (load_real_name(m, name, &real) < 0)
                        return NULL;
                e = index_find(m, real);
        }
        return e && e->kind != ENTRY_MASK && e->kind != ENTRY_ALIAS ? e->path : NULL;
}

bool load_is_masked(struct unit *u)
{
        const struct index_entry *e = index_find(u->manager, u->id);

        return e && e->kind == ENTRY_MASK;
}

void load_foreach(struct manager *m, void (*fn)(const char *name, const char *path, void *data), void *data)
{
        struct index *x = m->index;

        if (x)
                HASHMAP_FOREACH (ent, &x->entries)
                        fn(ent->key, ((struct index_entry *)ent->value)->path, data);
}

struct load_stats load_stats(struct manager *m)
{
        return m->index ? index_of(m)->stats : (struct load_stats) {};
}
