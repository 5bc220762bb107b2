/* Looking into an image: see inspect.h. */

#include <stdio.h>
#include <sys/stat.h>
#include "initramfs/inspect.h"
#include "lib/digest.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"

#define HEADER         110
#define MAX_IMAGE      ((size_t)4 << 30)
#define PURPOSES_SHOWN 16u

enum {
        F_INO,
        F_MODE,
        F_UID,
        F_GID,
        F_NLINK,
        F_MTIME,
        F_SIZE,
        F_DEVMAJ,
        F_DEVMIN,
        F_MAJ,
        F_MIN,
        F_NAME,
        F_CHECK,
        F_MAX
};

static int parse_header(const char *p, uint32_t field[F_MAX])
{
        if (memcmp(p, "070701", 6) != 0 && memcmp(p, "070702", 6) != 0)
                return -EBADMSG;
        for (int i = 0; i < F_MAX; i++) {
                uint32_t v = 0;

                for (int k = 0; k < 8; k++) {
                        char c = p[6 + i * 8 + k];
                        int digit = c >= '0' && c <= '9'                 ? c - '0'
                                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                                         : -1;

                        if (digit < 0)
                                return -EBADMSG;
                        v = v << 4 | (unsigned)digit;
                }
                field[i] = v;
        }
        return 0;
}

static size_t align4(size_t n)
{
        return (n + 3) & ~(size_t)3;
}

/* One archive at the beginning of p. *ret_used: its length, trailer included. */
static int read_archive(const char *p, size_t len, struct member *m,
        int (*fn)(const struct member *m, void *data), void *data, size_t *ret_used)
{
        for (size_t at = 0;;) {
                uint32_t f[F_MAX];

                if (at > len || len - at < HEADER || parse_header(p + at, f) < 0)
                        return -EBADMSG;
                size_t name = at + HEADER, content = align4(name + f[F_NAME]);
                if (f[F_NAME] < 1 || f[F_NAME] > PATH_MAX || content > len || f[F_SIZE] > len - content ||
                        p[name + f[F_NAME] - 1])
                        return -EBADMSG;
                at = align4(content + f[F_SIZE]);
                if (streq(p + name, "TRAILER!!!")) {
                        *ret_used = MIN(at, len);
                        return 0;
                }
                m->path = p + name + strspn(p + name, "/");
                m->path = startswith(m->path, "./") ?: m->path;
                m->data = p + content;
                m->len = f[F_SIZE];
                m->mode = f[F_MODE];
                m->major = f[F_MAJ];
                m->minor = f[F_MIN];
                int r = fn(m, data);
                if (r != 0)
                        return r;
        }
}

int inspect_members(
        const void *data, size_t len, int (*fn)(const struct member *m, void *data), void *userdata)
{
        const char *p = data;
        struct member m = { 0 };
        size_t used;

        for (; len > 0; m.archive++) {
                /* Padding between archives. */
                if (!*p) {
                        p++;
                        len--;
                        m.archive--;
                        continue;
                }
                m.compression = compress_detect(p, len);
                if (m.compression == COMPRESS_NONE) {
                        int r = read_archive(p, len, &m, fn, userdata, &used);

                        if (r != 0)
                                return r;
                        p += used;
                        len -= used;
                        continue;
                }
                /* A compressed part is the last one. */
                _cleanup_strbuf_ struct strbuf plain = { 0 };
                int r = decompress_data(m.compression, p, len, MAX_IMAGE, &plain);
                return r < 0 ? r : read_archive(plain.s, plain.len, &m, fn, userdata, &used);
        }
        return 0;
}

/* --- printing --- */

/* What a group of files is for, and how much of the image it is. */
struct purpose {
        char *name;
        size_t files, bytes;
};

struct listing {
        struct hash why;    /* path → text, in the image's own list */
        struct hash module; /* name → path */
        struct purpose *purpose;
        size_t n_purposes;
        char *list;
        struct digest *digest;
        void *digest_copy; /* aligned as it must be */
        size_t files, bytes, modules;
};

static void note_module(struct listing *l, const char *path)
{
        const char *slash = strrchr(path, '/'), *ko = endswith(path, ".ko");
        char *name = slash && ko ? strndup(slash + 1, ko - slash - 1) : NULL;

        for (char *p = name; p && *p; p++)
                if (*p == '-')
                        *p = '_';
        if (name && (hash_get(&l->module, name) || hash_put(&l->module, name, (void *)path) < 0))
                free(name);
}

/* The reason behind the reason: a library is there for a program, which is there for a feature. */
static const char *purpose_of(const struct listing *l, const char *path)
{
        static const char *const chained[] = { "library of /", "dynamic loader of /", "interpreter of /" };
        const char *why = hash_get(&l->why, path);

        for (unsigned depth = 0; why && depth < 32; depth++) {
                const char *next = NULL, *module = startswith(why, "for module ");

                for (size_t i = 0; i < ARRAY_SIZE(chained) && !next; i++)
                        next = startswith(why, chained[i]);
                if (module)
                        next = hash_get(&l->module, module);
                next = next ? hash_get(&l->why, next) : NULL;
                if (!next)
                        break;
                why = next;
        }
        return why ?: "other";
}

static void account(struct listing *l, const struct member *m)
{
        const char *name = purpose_of(l, m->path);
        size_t i = 0;

        while (i < l->n_purposes && !streq(l->purpose[i].name, name))
                i++;
        if (i == l->n_purposes) {
                struct purpose *grown = realloc(l->purpose, (i + 1) * sizeof *grown);
                char *copy = strdup(name);

                if (grown)
                        l->purpose = grown;
                if (!grown || !copy) {
                        free(copy);
                        return;
                }
                l->purpose[l->n_purposes++] = (struct purpose) { .name = copy };
        }
        l->purpose[i].files++;
        l->purpose[i].bytes += m->len;
}

static int by_size(const void *a, const void *b)
{
        const struct purpose *x = a, *y = b;

        return x->bytes != y->bytes ? (x->bytes < y->bytes) - (x->bytes > y->bytes)
                                    : strcmp(x->name, y->name);
}

/* Largest first; of the many small ones the sum. */
static void print_purposes(struct listing *l)
{
        size_t files = 0, bytes = 0;

        if (l->n_purposes)
                qsort(l->purpose, l->n_purposes, sizeof *l->purpose, by_size);
        printf("\n    bytes files  for\n");
        for (size_t i = 0; i < l->n_purposes; i++)
                if (i < PURPOSES_SHOWN)
                        printf("%9zu %5zu  %s\n", l->purpose[i].bytes, l->purpose[i].files,
                                l->purpose[i].name);
                else {
                        files += l->purpose[i].files;
                        bytes += l->purpose[i].bytes;
                }
        if (files)
                printf("%9zu %5zu  the rest\n", bytes, files);
}

static void listing_done(struct listing *l)
{
        HASHMAP_FOREACH (m, &l->module)
                free((char *)m->key);
        for (size_t i = 0; i < l->n_purposes; i++)
                free(l->purpose[i].name);
        free(l->purpose);
        digest_close(l->digest);
        free(l->digest_copy);
        hash_done(&l->why);
        hash_done(&l->module);
        free(l->list);
}

static int find_lists(const struct member *m, void *data)
{
        struct listing *l = data;

        if (streq(m->path, "etc/rouse/image.list") && !l->list) {
                l->list = strndup(m->data, m->len);
                for (char *p = l->list, *line; p && (line = strsep(&p, "\n"));) {
                        char *tab = strchr(line, '\t');

                        if (!tab)
                                continue;
                        *tab = 0;
                        hash_put(&l->why, line, tab + 1);
                        note_module(l, line);
                }
        } else if (endswith(m->path, "/modules.rouse") && !l->digest && m->len) {
                l->digest_copy = malloc(m->len);
                if (l->digest_copy && (memcpy(l->digest_copy, m->data, m->len),
                                              digest_open_memory(l->digest_copy, m->len, &l->digest) < 0))
                        l->digest = NULL;
        }
        return 0;
}

static const char *type_of(const struct member *m)
{
        switch (m->mode & S_IFMT) {
        case S_IFDIR: return "d";
        case S_IFLNK: return "l";
        case S_IFCHR: return "c";
        case S_IFBLK: return "b";
        default: return "-";
        }
}

/* "early", options and the like of a module. */
static void print_module(const struct listing *l, const struct member *m)
{
        const char *ko = endswith(m->path, ".ko"), *slash = strrchr(m->path, '/');
        struct digest_module mod;
        char name[128];

        if (!ko || !slash || !l->digest)
                return;
        snprintf(name, sizeof name, "%.*s", (int)(ko - slash - 1), slash + 1);
        if (digest_module(l->digest, name, &mod) < 0)
                return;
        if (mod.flags & DIGEST_EARLY)
                printf("  [loaded at once]");
        if (*mod.options)
                printf("  [options %s]", mod.options);
}

static int print_member(const struct member *m, void *data)
{
        struct listing *l = data;
        const char *why = hash_get(&l->why, m->path);

        if (!S_ISDIR(m->mode)) {
                l->files++;
                l->bytes += m->len;
                l->modules += !!endswith(m->path, ".ko");
                account(l, m);
        }
        printf("%s %04o %9zu %s", type_of(m), m->mode & 07777, m->len, m->path);
        if (S_ISLNK(m->mode))
                printf(" -> %.*s", (int)m->len, m->data);
        if (why)
                printf("  (%s)", why);
        print_module(l, m);
        putchar('\n');
        return 0;
}

int inspect_print(const char *path)
{
        _cleanup_free_ char *data = NULL;
        struct listing l = { 0 };
        size_t len;
        int r = read_file(path, MAX_IMAGE, &data, &len);

        if (r < 0)
                return log_error_errno(r, "Cannot read %s: %m", path);
        if (len == 0)
                return log_error_errno(-EBADMSG, "%s is empty", path);
        r = inspect_members(data, len, find_lists, &l);
        if (r >= 0)
                r = inspect_members(data, len, print_member, &l);
        if (r >= 0 && l.list)
                print_purposes(&l);
        if (r >= 0)
                printf("%zu files, %zu modules, %zu bytes unpacked, %zu bytes in the image (%s)\n", l.files,
                        l.modules, l.bytes, len, compress_name(compress_detect(data, len)));
        listing_done(&l);
        return r < 0 ? log_error_errno(r, "%s is damaged, or is no initramfs: %m", path) : 0;
}
