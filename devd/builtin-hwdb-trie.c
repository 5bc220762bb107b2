/* hwdb.bin (format: docs/udev.md, "hwdb.bin"). The file is little-endian, offsets count from its start; every
 * offset and count is checked before use, and the walk is bounded, since a damaged file must not end the daemon.
 *
 * A lookup follows the characters of the modalias down the tree. Where a node or an edge holds one of * ? [, all
 * that lies below is tried with fnmatch(3). */
#include <endian.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "hwdb-format.h"
#include "hwdb-trie.h"
#include "lib/hash.h"
#include "lib/log.h"

#define MAX_STEPS 200000 /* nodes visited by one lookup */
#define LINE_MAX_ 2048

struct hwdb {
        const uint8_t *map;
        size_t size;
        bool mapped;
        size_t node_size, child_size, value_size;
        uint64_t root;
        struct timespec mtime;
        char path[128];
};

struct found {
        const char *key, *value;
        uint32_t line;
        uint16_t priority;
        struct found *next; /* in the order in which they were met */
};

struct lookup {
        const struct hwdb *h;
        const char *modalias;
        char line[LINE_MAX_]; /* the pattern collected below the last plain node */
        size_t len;
        struct hash keys; /* key → struct found */
        struct found *first, **last;
        unsigned steps;
        int error;
};

/* --- checked access --------------------------------------------------------------------------------- */

static const void *at(const struct hwdb *h, uint64_t off, uint64_t len)
{
        return off > h->size || len > h->size - off ? NULL : h->map + off;
}

static const char *string_at(const struct hwdb *h, uint64_t off)
{
        return off < h->size && memchr(h->map + off, 0, h->size - off) ? (const char *)h->map + off : NULL;
}

struct node {
        const char *prefix;
        const uint8_t *children, *values;
        unsigned n_children;
        uint64_t n_values;
};

static bool get_node(const struct hwdb *h, uint64_t off, struct node *ret)
{
        const uint8_t *p = at(h, off, h->node_size);
        struct file_node n;

        if (!p)
                return false;
        memcpy(&n, p, sizeof(n));
        ret->n_children = n.n_children;
        ret->n_values = le64toh(n.n_values);
        ret->prefix = n.prefix ? string_at(h, le64toh(n.prefix)) : "";
        if (!ret->prefix || ret->n_values > h->size / h->value_size)
                return false;
        ret->children = p + h->node_size;
        ret->values = ret->children + ret->n_children * h->child_size;
        return at(h, off + h->node_size, ret->n_children * h->child_size + ret->n_values * h->value_size);
}

static uint64_t child_at(const struct hwdb *h, const struct node *n, unsigned i, char *ret_c)
{
        struct file_child c;

        memcpy(&c, n->children + i * h->child_size, sizeof(c));
        *ret_c = (char)c.c;
        return le64toh(c.node);
}

static bool find_child(const struct hwdb *h, const struct node *n, char want, uint64_t *ret)
{
        unsigned lo = 0, hi = n->n_children;

        while (lo < hi) {
                unsigned mid = (lo + hi) / 2;
                char c;
                uint64_t off = child_at(h, n, mid, &c);

                if (c == want) {
                        *ret = off;
                        return true;
                }
                if ((uint8_t)c < (uint8_t)want)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return false;
}

/* --- lookup ----------------------------------------------------------------------------------------- */

static void take_value(struct lookup *l, const uint8_t *p)
{
        struct file_value v = { 0 };
        struct found *f;
        const char *key, *value;

        memcpy(&v, p, MIN(l->h->value_size, sizeof(v)));
        key = string_at(l->h, le64toh(v.key));
        value = string_at(l->h, le64toh(v.value));
        if (!key || !value || key[0] != ' ') /* without a blank: something for other programs */
                return;
        key++;
        f = hash_get(&l->keys, key);
        if (f) {
                /* Later files and lines win; old files say nothing of them, there the last one found does. */
                if (l->h->value_size >= sizeof(v) &&
                        (le16toh(v.priority) < f->priority ||
                                (le16toh(v.priority) == f->priority && le32toh(v.line) < f->line)))
                        return;
        } else {
                f = calloc(1, sizeof(*f));
                if (!f || hash_put(&l->keys, key, f) < 0) {
                        free(f);
                        l->error = -ENOMEM;
                        return;
                }
                f->key = key;
                *l->last = f;
                l->last = &f->next;
        }
        f->value = value;
        f->line = le32toh(v.line);
        f->priority = le16toh(v.priority);
}

static void take_values(struct lookup *l, const struct node *n)
{
        for (uint64_t i = 0; i < n->n_values && !l->error; i++)
                take_value(l, n->values + i * l->h->value_size);
}

static bool add_char(struct lookup *l, char c)
{
        if (l->len + 1 >= sizeof(l->line))
                return false;
        l->line[l->len++] = c;
        l->line[l->len] = 0;
        return true;
}

/* All patterns below n, from its prefix at p on, against what is left of the modalias. */
static void match_below(struct lookup *l, const struct node *n, const char *p, const char *rest)
{
        size_t before = l->len;

        if (++l->steps > MAX_STEPS)
                return;
        for (; *p; p++)
                if (!add_char(l, *p))
                        goto out;
        for (unsigned i = 0; i < n->n_children; i++) {
                struct node child;
                char c;
                uint64_t off = child_at(l->h, n, i, &c);

                if (!add_char(l, c))
                        break;
                if (get_node(l->h, off, &child))
                        match_below(l, &child, child.prefix, rest);
                l->line[--l->len] = 0;
        }
        if (n->n_values && fnmatch(l->line, rest, 0) == 0)
                take_values(l, n);
out:
        l->len = before;
        l->line[before] = 0;
}

static void try_special_child(struct lookup *l, const struct node *n, char c, const char *rest)
{
        struct node child;
        uint64_t off;

        if (!find_child(l->h, n, c, &off) || !get_node(l->h, off, &child) || !add_char(l, c))
                return;
        match_below(l, &child, child.prefix, rest);
        l->line[--l->len] = 0;
}

static void walk(struct lookup *l)
{
        const char *s = l->modalias;
        struct node n;
        uint64_t off = l->h->root;

        while (get_node(l->h, off, &n) && ++l->steps <= MAX_STEPS) {
                for (const char *p = n.prefix; *p; p++, s++) {
                        if (*p == '*' || *p == '?' || *p == '[') {
                                match_below(l, &n, p, s);
                                return;
                        }
                        if (*p != *s)
                                return;
                }
                try_special_child(l, &n, '*', s);
                try_special_child(l, &n, '?', s);
                try_special_child(l, &n, '[', s);
                if (!*s) {
                        take_values(l, &n);
                        return;
                }
                if (!find_child(l->h, &n, *s, &off))
                        return;
                s++;
        }
}

int hwdb_lookup(struct hwdb *h, const char *modalias,
        int (*fn)(const char *key, const char *value, void *data), void *data)
{
        struct lookup l = { .h = h, .modalias = modalias };
        int r;

        l.last = &l.first;
        walk(&l);
        r = l.error;
        for (struct found *f = l.first, *next; f; f = next) {
                next = f->next;
                if (r >= 0)
                        r = fn(f->key, f->value, data);
                free(f);
        }
        hash_done(&l.keys);
        return r;
}

/* --- opening ---------------------------------------------------------------------------------------- */

static int check_header(struct hwdb *h)
{
        struct file_header f;

        if (h->size < sizeof(f))
                return -EBADMSG;
        memcpy(&f, h->map, sizeof(f));
        h->node_size = le64toh(f.node_size);
        h->child_size = le64toh(f.child_size);
        h->value_size = le64toh(f.value_size);
        h->root = le64toh(f.root);
        if (memcmp(f.signature, HWDB_SIGNATURE, sizeof(f.signature)) != 0 ||
                le64toh(f.file_size) != h->size || h->node_size < sizeof(struct file_node) ||
                h->node_size > 4096 || h->child_size < sizeof(struct file_child) || h->child_size > 4096 ||
                h->value_size < 2 * sizeof(uint64_t) || h->value_size > 4096)
                return -EBADMSG;
        return 0;
}

int hwdb_from_memory(const void *data, size_t size, struct hwdb **ret)
{
        struct hwdb *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->map = data;
        h->size = size;
        r = check_header(h);
        if (r < 0) {
                free(h);
                return r;
        }
        *ret = h;
        return 0;
}

static int open_one(const char *path, struct hwdb **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;
        void *map;
        int r;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct file_header))
                return -EBADMSG;
        map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED)
                return -errno;
        /* A lookup touches few pages here and there: reading ahead would only cost memory. */
        (void)madvise(map, (size_t)st.st_size, MADV_RANDOM);
        r = hwdb_from_memory(map, (size_t)st.st_size, ret);
        if (r < 0) {
                munmap(map, (size_t)st.st_size);
                return log_warning_errno(r, "%s is not a hardware database, not used", path);
        }
        (*ret)->mapped = true;
        (*ret)->mtime = st.st_mtim;
        snprintf((*ret)->path, sizeof((*ret)->path), "%s", path);
        return 0;
}

int hwdb_open(const char *path, struct hwdb **ret)
{
        static const char *const places[] = { "/etc/systemd/hwdb/hwdb.bin", "/etc/udev/hwdb.bin",
                "/usr/lib/systemd/hwdb/hwdb.bin", "/usr/lib/udev/hwdb.bin", "/lib/udev/hwdb.bin" };
        int r = -ENOENT;

        if (path)
                return open_one(path, ret);
        for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
                r = open_one(places[i], ret);
                if (r >= 0)
                        return 0;
        }
        return r;
}

void hwdb_free(struct hwdb *h)
{
        if (h && h->mapped)
                munmap((void *)(uintptr_t)h->map, h->size);
        free(h);
}

static struct hwdb *shared;
static bool shared_missing;

struct hwdb *hwdb_shared(void)
{
        if (!shared && !shared_missing && hwdb_open(NULL, &shared) < 0)
                shared_missing = true;
        return shared;
}

void hwdb_shared_drop(void)
{
        hwdb_free(shared);
        shared = NULL;
        shared_missing = false;
}
