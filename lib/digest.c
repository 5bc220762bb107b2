/* Reader of the module digest: see digest.h for the model and the format. */

#include <fcntl.h>
#include <stdio.h>
#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include "lib/digest.h"
#include "lib/paths.h"
#include "lib/raw.h"

#ifndef MODULE_INIT_COMPRESSED_FILE
#define MODULE_INIT_COMPRESSED_FILE 4
#endif

struct digest {
        const uint8_t *base;
        const struct digest_header *h;
        const struct digest_module_rec *modules;
        const struct digest_group_rec *groups;
        const struct digest_alias_rec *aliases;
        const uint32_t *lists;
        const char *strings;
        bool mapped;
};

static char fold(char c)
{
        return c == '-' ? '_' : c;
}

/* --- opening --- */

static bool array_fits(uint32_t size, uint32_t offset, uint32_t n, size_t record)
{
        return offset % 4 == 0 && offset >= sizeof(struct digest_header) && offset <= size &&
               n <= (size - offset) / record;
}

static int check_header(const struct digest_header *h, size_t size)
{
        if (size < sizeof *h || memcmp(h->magic, DIGEST_MAGIC, sizeof h->magic) != 0 ||
                h->version != DIGEST_VERSION || h->size != size)
                return -EBADMSG;
        if (!array_fits(h->size, h->modules, h->n_modules, sizeof(struct digest_module_rec)) ||
                !array_fits(h->size, h->groups, h->n_groups, sizeof(struct digest_group_rec)) ||
                !array_fits(h->size, h->aliases, h->n_aliases, sizeof(struct digest_alias_rec)) ||
                !array_fits(h->size, h->lists, h->n_lists, sizeof(uint32_t)) ||
                !array_fits(h->size, h->strings, h->strings_len, 1))
                return -EBADMSG;
        /* With a NUL at its end, no string of the pool can run out of it. */
        const char *s = (const char *)h + h->strings;
        if (h->strings_len < 1 || s[0] || s[h->strings_len - 1])
                return -EBADMSG;
        return 0;
}

int digest_open_memory(const void *data, size_t size, struct digest **ret)
{
        const struct digest_header *h = data;
        int r = check_header(h, size);

        if (r < 0)
                return r;
        struct digest *d = malloc(sizeof *d);
        if (!d)
                return -ENOMEM;
        *d = (struct digest) {
                .base = data,
                .h = h,
                .modules = (const void *)((const char *)data + h->modules),
                .groups = (const void *)((const char *)data + h->groups),
                .aliases = (const void *)((const char *)data + h->aliases),
                .lists = (const void *)((const char *)data + h->lists),
                .strings = (const char *)data + h->strings,
        };
        *ret = d;
        return 0;
}

int digest_open(const char *path, struct digest **ret)
{
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct digest_header) ||
                st.st_size > INT32_MAX)
                return -EBADMSG;
        void *p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        int r = digest_open_memory(p, st.st_size, ret);
        if (r < 0) {
                munmap(p, st.st_size);
                return r;
        }
        (*ret)->mapped = true;
        return 0;
}

int digest_open_image(struct digest **ret)
{
        char path[PATH_MAX];
        struct utsname u;

        uname(&u);
        snprintf(path, sizeof path, "/lib/modules/%s/" ROUSE_MODULE_DIGEST, u.release);
        return digest_open(path, ret);
}

int digest_open_release(const char *sysroot, const char *release, struct digest **ret)
{
        _cleanup_digest_ struct digest *d = NULL;
        struct digest_key now, then;
        char path[PATH_MAX];
        struct utsname u;

        if (!release) {
                uname(&u);
                release = u.release;
        }
        int n = snprintf(path, sizeof path, "%s/lib/modules/%s/%s", sysroot ? sysroot : "", release,
                ROUSE_MODULE_DIGEST);
        if (n >= (int)sizeof path)
                return -ENAMETOOLONG;
        int r = digest_open(path, &d);
        if (r < 0)
                return r;
        if (!streq(digest_release(d), release))
                return -ESTALE;
        r = digest_key_now(sysroot, release, &now);
        if (r < 0)
                return r == -ENOENT ? -ESTALE : r;
        then = digest_key(d);
        if (now.dep_size != then.dep_size || now.dep_mtime != then.dep_mtime ||
                now.conf_hash != then.conf_hash)
                return -ESTALE;
        *ret = TAKE_PTR(d);
        return 0;
}

void digest_close(struct digest *d)
{
        if (d && d->mapped)
                munmap((void *)d->base, d->h->size);
        free(d);
}

void digest_closep(struct digest **d)
{
        digest_close(*d);
}

/* --- what it was made from --- */

static uint64_t hash_more(uint64_t h, const void *data, size_t len)
{
        const uint8_t *p = data;

        for (size_t i = 0; i < len; i++)
                h = (h ^ p[i]) * 0x100000001b3u;
        return h;
}

/* The files' hashes are added up, so that the order of the directory does not matter. */
static uint64_t hash_conf_dir(const char *sysroot, const char *dir)
{
        char path[PATH_MAX];
        uint64_t sum = 0;
        struct dirent *e;
        struct stat st;

        if (snprintf(path, sizeof path, "%s%s", sysroot ? sysroot : "", dir) >= (int)sizeof path)
                return 0;
        DIR *d = opendir(path);
        if (!d)
                return 0;
        while ((e = readdir(d))) {
                size_t l = strlen(e->d_name);

                if (l < 6 || !streq(e->d_name + l - 5, ".conf") || e->d_name[0] == '.')
                        continue;
                if (fstatat(dirfd(d), e->d_name, &st, 0) < 0)
                        continue;
                int64_t v[2] = { st.st_size, st.st_mtime };
                uint64_t h = hash_more(0xcbf29ce484222325u, dir, strlen(dir) + 1);
                h = hash_more(h, e->d_name, l + 1);
                sum += hash_more(h, v, sizeof v);
        }
        closedir(d);
        return sum;
}

int digest_key_now(const char *sysroot, const char *release, struct digest_key *ret)
{
        /* /lib/modprobe.d is /usr/lib/modprobe.d on merged systems: read once, under the name that all have. */
        static const char *const dirs[] = { "/etc/modprobe.d", "/run/modprobe.d",
                "/usr/local/lib/modprobe.d", "/lib/modprobe.d" };
        struct digest_key k = { 0 };
        char path[PATH_MAX];
        struct stat st;

        if (snprintf(path, sizeof path, "%s/lib/modules/%s/modules.dep", sysroot ? sysroot : "", release) >=
                (int)sizeof path)
                return -ENAMETOOLONG;
        if (stat(path, &st) < 0)
                return -errno;
        k.dep_size = st.st_size;
        k.dep_mtime = st.st_mtime;
        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                k.conf_hash += hash_conf_dir(sysroot, dirs[i]);
        *ret = k;
        return 0;
}

struct digest_key digest_key(const struct digest *d)
{
        return d->h->key;
}

/* --- records --- */

static const char *string_at(const struct digest *d, uint32_t offset)
{
        return offset < d->h->strings_len ? d->strings + offset : "";
}

const char *digest_release(const struct digest *d)
{
        return string_at(d, d->h->release);
}

uint32_t digest_n_modules(const struct digest *d)
{
        return d->h->n_modules;
}

int digest_module_at(const struct digest *d, uint32_t index, struct digest_module *ret)
{
        if (index >= d->h->n_modules)
                return -EBADMSG;
        const struct digest_module_rec *m = d->modules + index;
        if (m->order_first > d->h->n_lists || m->n_order > d->h->n_lists - m->order_first)
                return -EBADMSG;
        *ret = (struct digest_module) {
                .index = index,
                .flags = m->flags,
                .name = string_at(d, m->name),
                .path = string_at(d, m->path),
                .options = string_at(d, m->options),
                .install = string_at(d, m->install),
                .order_first = m->order_first,
                .n_order = m->n_order,
        };
        return 0;
}

int digest_order(const struct digest *d, const struct digest_module *m, uint32_t i, struct digest_step *ret)
{
        if (i >= m->n_order || m->order_first > d->h->n_lists || i >= d->h->n_lists - m->order_first)
                return -EBADMSG;
        uint32_t v = d->lists[m->order_first + i];
        int r = digest_module_at(d, v & ~DIGEST_STEP_OPTIONAL, &ret->module);
        if (r < 0)
                return r;
        ret->optional = v & DIGEST_STEP_OPTIONAL;
        return 0;
}

int digest_alias_at(const struct digest *d, uint32_t i, const char **ret_pattern, uint32_t *ret_module)
{
        if (i >= d->h->n_aliases)
                return -ERANGE;
        *ret_pattern = string_at(d, d->aliases[i].pattern);
        *ret_module = d->aliases[i].module & ~DIGEST_ALIAS_CONFIG;
        return 0;
}

bool digest_alias_is_config(const struct digest *d, uint32_t i)
{
        return i < d->h->n_aliases && (d->aliases[i].module & DIGEST_ALIAS_CONFIG);
}

static int compare_folded(const char *a, const char *b)
{
        while (*a && fold(*a) == fold(*b))
                a++, b++;
        return (unsigned char)fold(*a) - (unsigned char)fold(*b);
}

int digest_module(const struct digest *d, const char *name, struct digest_module *ret)
{
        uint32_t lo = 0, hi = d->h->n_modules;

        while (lo < hi) {
                uint32_t mid = lo + (hi - lo) / 2;
                int c = compare_folded(name, string_at(d, d->modules[mid].name));

                if (c == 0)
                        return digest_module_at(d, mid, ret);
                if (c < 0)
                        hi = mid;
                else
                        lo = mid + 1;
        }
        return -ENOENT;
}

/* --- aliases --- */

/* One bracket expression at p (behind the '['). Returns what follows it, or NULL if it never ends. */
static const char *match_bracket(const char *p, char c, bool *ret_match)
{
        bool invert = *p == '!' || *p == '^', hit = false;

        if (invert)
                p++;
        for (bool first = true; *p && (*p != ']' || first); first = false) {
                char from = *p++, to = from;

                if (p[0] == '-' && p[1] && p[1] != ']') {
                        to = p[1];
                        p += 2;
                }
                if ((unsigned char)c >= (unsigned char)from && (unsigned char)c <= (unsigned char)to)
                        hit = true;
        }
        if (*p != ']')
                return NULL;
        *ret_match = hit != invert;
        return p + 1;
}

bool digest_match(const char *p, const char *s)
{
        const char *star = NULL, *retry = NULL;

        for (;;) {
                const char *next = p + 1;
                bool m;

                if (*p == '*') {
                        star = p++;
                        retry = s;
                        continue;
                }
                if (!*s)
                        return !*p;
                if (*p == '?')
                        m = true;
                else if (*p == '[') {
                        m = false;
                        next = match_bracket(p + 1, *s, &m);
                        if (!next)
                                return false;
                } else
                        m = fold(*p) == fold(*s);
                if (m) {
                        p = next;
                        s++;
                } else if (star) {
                        p = star + 1;
                        s = ++retry;
                } else
                        return false;
        }
}

/* s against the first n characters of pattern, which hold no wildcard. */
static int compare_literal(const char *s, const char *pattern, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++) {
                int c = (unsigned char)fold(s[i]) - (unsigned char)pattern[i];

                if (c != 0 || !pattern[i])
                        return c;
        }
        return 0;
}

static bool has_prefix(const char *s, const char *prefix)
{
        while (*prefix && fold(*s) == *prefix)
                s++, prefix++;
        return !*prefix;
}

/* First alias of the group whose literal part is not less than that of s. */
static uint32_t group_lower_bound(const struct digest *d, const struct digest_group_rec *g, const char *s)
{
        uint32_t lo = g->first, hi = g->first + g->n;

        while (lo < hi) {
                uint32_t mid = lo + (hi - lo) / 2;

                if (compare_literal(s, string_at(d, d->aliases[mid].pattern), g->literal) > 0)
                        lo = mid + 1;
                else
                        hi = mid;
        }
        return lo;
}

struct lookup {
        const struct digest *d;
        const char *alias;
        digest_cb cb;
        void *data;
        int found;
        uint32_t seen
                [16]; /* modules reported; one that is seen again after more than that is reported twice */
};

static int lookup_report(struct lookup *l, uint32_t index)
{
        struct digest_module m;
        int n = MIN(l->found, (int)ARRAY_SIZE(l->seen));

        for (int i = 0; i < n; i++)
                if (l->seen[i] == index)
                        return 0;
        int r = digest_module_at(l->d, index, &m);
        if (r < 0)
                return r;
        if (m.flags & (DIGEST_BUILTIN | DIGEST_BLACKLISTED))
                return 0;
        l->seen[l->found++ % ARRAY_SIZE(l->seen)] = index;
        return l->cb(l->d, &m, l->data);
}

static int lookup_group(struct lookup *l, const struct digest_group_rec *g, bool config)
{
        const struct digest *d = l->d;

        if (g->first > d->h->n_aliases || g->n > d->h->n_aliases - g->first)
                return -EBADMSG;
        if (!has_prefix(l->alias, string_at(d, g->bus)) || strnlen(l->alias, g->literal) < g->literal)
                return 0;
        for (uint32_t i = group_lower_bound(d, g, l->alias); i < g->first + g->n; i++) {
                const struct digest_alias_rec *a = d->aliases + i;
                const char *pattern = string_at(d, a->pattern);

                if (strnlen(pattern, g->literal) < g->literal)
                        return -EBADMSG;
                if (compare_literal(l->alias, pattern, g->literal) != 0)
                        break;
                if (config != !!(a->module & DIGEST_ALIAS_CONFIG))
                        continue;
                if (!digest_match(pattern + g->literal, l->alias + g->literal))
                        continue;
                int r = lookup_report(l, a->module & ~DIGEST_ALIAS_CONFIG);
                if (r != 0)
                        return r;
        }
        return 0;
}

static int lookup_groups(struct lookup *l, bool config)
{
        for (uint32_t i = 0; i < l->d->h->n_groups; i++) {
                int r = lookup_group(l, l->d->groups + i, config);

                if (r != 0)
                        return r;
        }
        return 0;
}

int digest_lookup_alias(const struct digest *d, const char *modalias, digest_cb cb, void *data)
{
        struct lookup l = { .d = d, .alias = modalias, .cb = cb, .data = data };
        struct digest_module m;

        int r = lookup_groups(&l, true);
        if (r != 0 || l.found > 0)
                return r ?: l.found;
        if (!strchr(modalias, ':') && digest_module(d, modalias, &m) == 0) {
                r = lookup_report(&l, m.index);
                return r ?: l.found;
        }
        r = lookup_groups(&l, false);
        return r ?: l.found;
}

/* --- loading --- */

int digest_insert(const struct digest_module *m, int dirfd, const char *extra_options)
{
        char options[4096];
        int flags = 0;

        int n = snprintf(options, sizeof options, "%s%s%s", m->options,
                *m->options && extra_options && *extra_options ? " " : "",
                extra_options ? extra_options : "");
        if (n >= (int)sizeof options)
                return -E2BIG;
        long fd = raw_openat(dirfd, m->path, O_RDONLY | O_CLOEXEC, 0), r;
        if (fd < 0)
                return (int)fd;
        size_t l = strlen(m->path);
        if (l > 3 && !streq(m->path + l - 3, ".ko"))
                flags = MODULE_INIT_COMPRESSED_FILE;
        r = RAW3(SYS_finit_module, fd, options, flags);
        (void)raw_close((int)fd);
        return r == -EEXIST ? 0 : (int)r;
}

/* --- checking --- */

uint32_t digest_crc(const void *data, size_t len)
{
        const uint8_t *p = data;
        uint32_t table[256], c = UINT32_MAX;

        for (uint32_t i = 0; i < 256; i++) {
                uint32_t v = i;

                for (int k = 0; k < 8; k++)
                        v = v & 1 ? 0xedb88320u ^ (v >> 1) : v >> 1;
                table[i] = v;
        }
        for (size_t i = 0; i < len; i++)
                c = table[(c ^ p[i]) & 0xff] ^ (c >> 8);
        return ~c;
}

static bool module_rec_ok(const struct digest *d, const struct digest_module_rec *m)
{
        uint32_t s = d->h->strings_len;

        return m->name < s && m->path < s && m->options < s && m->install < s &&
               m->order_first <= d->h->n_lists && m->n_order <= d->h->n_lists - m->order_first;
}

int digest_verify(const struct digest *d)
{
        const struct digest_header *h = d->h;

        if (digest_crc(d->base + sizeof *h, h->size - sizeof *h) != h->crc || h->release >= h->strings_len)
                return -EBADMSG;
        for (uint32_t i = 0; i < h->n_modules; i++)
                if (!module_rec_ok(d, d->modules + i))
                        return -EBADMSG;
        for (uint32_t i = 0; i < h->n_lists; i++)
                if ((d->lists[i] & ~DIGEST_STEP_OPTIONAL) >= h->n_modules)
                        return -EBADMSG;
        for (uint32_t i = 0; i < h->n_aliases; i++)
                if (d->aliases[i].pattern >= h->strings_len ||
                        (d->aliases[i].module & ~DIGEST_ALIAS_CONFIG) >= h->n_modules)
                        return -EBADMSG;
        for (uint32_t i = 0; i < h->n_groups; i++) {
                const struct digest_group_rec *g = d->groups + i;

                if (g->bus >= h->strings_len || g->first > h->n_aliases || g->n > h->n_aliases - g->first)
                        return -EBADMSG;
        }
        return 0;
}
