/* Builder of the module digest: see digest.h, and lib/digest.h for the format. */

#include <sys/stat.h>
#include "initramfs/digest.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"
#include "lib/paths.h"

struct module {
        char *name, *path, *options, *install;
        uint32_t flags, number; /* number: in the order of adding */
        uint32_t *steps, n_steps;
};

struct alias {
        char *pattern;
        uint32_t module;
        uint32_t bus, literal; /* lengths */
        bool config;
};

struct digest_builder {
        struct module *modules;
        struct alias *aliases;
        uint32_t n_modules, cap_modules, n_aliases, cap_aliases;
        /* while finishing */
        struct strbuf pool;
        struct hash pool_index; /* string → its offset in the pool */
};

int digest_builder_new(struct digest_builder **ret)
{
        struct digest_builder *b = calloc(1, sizeof *b);

        if (!b)
                return -ENOMEM;
        *ret = b;
        return 0;
}

void digest_builder_free(struct digest_builder *b)
{
        if (!b)
                return;
        for (uint32_t i = 0; i < b->n_modules; i++) {
                free(b->modules[i].name);
                free(b->modules[i].path);
                free(b->modules[i].options);
                free(b->modules[i].install);
                free(b->modules[i].steps);
        }
        for (uint32_t i = 0; i < b->n_aliases; i++)
                free(b->aliases[i].pattern);
        free(b->modules);
        free(b->aliases);
        hash_done(&b->pool_index);
        strbuf_done(&b->pool);
        free(b);
}

void digest_builder_freep(struct digest_builder **b)
{
        digest_builder_free(*b);
}

static int grow(void **array, uint32_t n, uint32_t *cap, size_t record)
{
        if (n < *cap)
                return 0;
        uint32_t more = *cap ? *cap * 2 : 256;
        void *p = realloc(*array, more * record);
        if (!p)
                return -ENOMEM;
        *array = p;
        *cap = more;
        return 0;
}

/* A copy with '-' as '_', except within brackets, where it is a range. */
static char *fold_copy(const char *s)
{
        char *c = strdup(s);
        bool bracket = false;

        for (char *p = c; p && *p; p++) {
                if (*p == '[')
                        bracket = true;
                else if (*p == ']')
                        bracket = false;
                else if (*p == '-' && !bracket)
                        *p = '_';
        }
        return c;
}

int digest_builder_module(struct digest_builder *b, const char *name, const char *path, const char *options,
        const char *install, uint32_t flags)
{
        int r = grow((void **)&b->modules, b->n_modules, &b->cap_modules, sizeof *b->modules);

        if (r < 0)
                return r;
        struct module *m = b->modules + b->n_modules;
        *m = (struct module) { .name = fold_copy(name),
                .path = strdup(path ?: ""),
                .options = strdup(options ?: ""),
                .install = strdup(install ?: ""),
                .flags = flags,
                .number = b->n_modules };
        b->n_modules++;
        if (!m->name || !m->path || !m->options || !m->install)
                return -ENOMEM;
        return m->number;
}

int digest_builder_order(struct digest_builder *b, uint32_t module, const uint32_t *steps, uint32_t n)
{
        struct module *m = b->modules + module;
        uint32_t *copy = malloc(MAX(n, 1u) * sizeof *copy);

        if (!copy)
                return -ENOMEM;
        if (n)
                memcpy(copy, steps, n * sizeof *copy);
        free(m->steps);
        m->steps = copy;
        m->n_steps = n;
        return 0;
}

int digest_builder_alias(struct digest_builder *b, const char *pattern, uint32_t module, bool config)
{
        int r = grow((void **)&b->aliases, b->n_aliases, &b->cap_aliases, sizeof *b->aliases);

        if (r < 0)
                return r;
        char *p = fold_copy(pattern);
        if (!p)
                return -ENOMEM;
        struct alias *a = b->aliases + b->n_aliases++;
        *a = (struct alias) {
                .pattern = p, .module = module, .config = config, .literal = strcspn(p, "*?[")
        };
        a->bus = strcspn(p, ":_*?[");
        if (a->bus < a->literal)
                a->bus++; /* the ':' belongs to it */
        return 0;
}

/* --- laying out --- */

static int string(struct digest_builder *b, const char *s, uint32_t *ret)
{
        if (!*s) {
                *ret = 0;
                return 0;
        }
        uintptr_t known = (uintptr_t)hash_get(&b->pool_index, s);
        if (!known) {
                known = b->pool.len;
                int r = strbuf_add(&b->pool, s, strlen(s) + 1);
                if (r < 0)
                        return r;
                r = hash_put(&b->pool_index, s, (void *)known);
                if (r < 0)
                        return r;
        }
        *ret = known;
        return 0;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

static int by_group(const void *pa, const void *pb)
{
        const struct alias *a = pa, *b = pb;
        int c = strncmp(a->pattern, b->pattern, MIN(a->bus, b->bus));

        if (c != 0)
                return c;
        if (a->bus != b->bus || a->literal != b->literal)
                return CMP(a->bus, b->bus) ?: CMP(a->literal, b->literal);
        return memcmp(a->pattern, b->pattern, a->literal) ?: strcmp(a->pattern, b->pattern)
                ?: CMP(a->module, b->module);
}

static bool same_group(const struct alias *a, const struct alias *b)
{
        return a->bus == b->bus && a->literal == b->literal && strncmp(a->pattern, b->pattern, a->bus) == 0;
}

/* Sorts the modules, and renames them in aliases and orders. */
static int sort_modules(struct digest_builder *b)
{
        _cleanup_free_ uint32_t *place = malloc((b->n_modules + 1) * sizeof *place);

        if (!place)
                return -ENOMEM;
        if (b->n_modules)
                qsort(b->modules, b->n_modules, sizeof *b->modules, by_name);
        for (uint32_t i = 0; i < b->n_modules; i++)
                place[b->modules[i].number] = i;
        for (uint32_t i = 0; i < b->n_modules; i++) {
                struct module *m = b->modules + i;

                m->number = i;
                for (uint32_t k = 0; k < m->n_steps; k++)
                        m->steps[k] = place[m->steps[k] & ~DIGEST_STEP_OPTIONAL] |
                                      (m->steps[k] & DIGEST_STEP_OPTIONAL);
        }
        for (uint32_t i = 0; i < b->n_aliases; i++)
                b->aliases[i].module = place[b->aliases[i].module];
        if (b->n_aliases)
                qsort(b->aliases, b->n_aliases, sizeof *b->aliases, by_group);
        return 0;
}

static int write_modules(struct digest_builder *b, struct strbuf *records, struct strbuf *lists)
{
        for (uint32_t i = 0; i < b->n_modules; i++) {
                struct module *m = b->modules + i;
                struct digest_module_rec rec = {
                        .flags = m->flags, .order_first = lists->len / 4, .n_order = m->n_steps
                };
                int r;

                if ((r = string(b, m->name, &rec.name)) < 0 || (r = string(b, m->path, &rec.path)) < 0 ||
                        (r = string(b, m->options, &rec.options)) < 0 ||
                        (r = string(b, m->install, &rec.install)) < 0)
                        return r;
                strbuf_add(lists, m->steps, m->n_steps * 4);
                strbuf_add(records, &rec, sizeof rec);
        }
        return 0;
}

static int write_groups(struct digest_builder *b, struct strbuf *groups, struct strbuf *aliases)
{
        for (uint32_t i = 0; i < b->n_aliases;) {
                struct alias *a = b->aliases + i;
                struct digest_group_rec g = { .literal = a->literal, .first = i };
                uint32_t n = i;

                /* A bus is a string of its own, and not in the index: its text lives nowhere else. */
                g.bus = b->pool.len;
                strbuf_add(&b->pool, a->pattern, a->bus);
                strbuf_putc(&b->pool, 0);
                for (; n < b->n_aliases && same_group(a, b->aliases + n); n++) {
                        struct digest_alias_rec rec = { .module = b->aliases[n].module |
                                                                  (b->aliases[n].config ? DIGEST_ALIAS_CONFIG
                                                                                        : 0) };
                        int r = string(b, b->aliases[n].pattern, &rec.pattern);

                        if (r < 0)
                                return r;
                        strbuf_add(aliases, &rec, sizeof rec);
                }
                g.n = n - i;
                strbuf_add(groups, &g, sizeof g);
                i = n;
        }
        return 0;
}

static uint32_t place_part(struct digest_header *h, const struct strbuf *part)
{
        uint32_t at = h->size;

        h->size += part->len;
        return at;
}

int digest_builder_finish(
        struct digest_builder *b, const char *release, const struct digest_key *key, struct strbuf *ret)
{
        _cleanup_strbuf_ struct strbuf modules = { 0 }, lists = { 0 }, groups = { 0 }, aliases = { 0 };
        struct digest_header h = {
                .magic = DIGEST_MAGIC, .version = DIGEST_VERSION, .size = sizeof h, .key = *key
        };

        strbuf_putc(&b->pool, 0);
        int r = sort_modules(b);
        if (r < 0 || (r = string(b, release, &h.release)) < 0 ||
                (r = write_modules(b, &modules, &lists)) < 0 || (r = write_groups(b, &groups, &aliases)) < 0)
                return r;
        while (b->pool.len % 4)
                strbuf_putc(&b->pool, 0);
        h.modules = place_part(&h, &modules);
        h.n_modules = b->n_modules;
        h.lists = place_part(&h, &lists);
        h.n_lists = lists.len / 4;
        h.groups = place_part(&h, &groups);
        h.n_groups = groups.len / sizeof(struct digest_group_rec);
        h.aliases = place_part(&h, &aliases);
        h.n_aliases = b->n_aliases;
        h.strings = place_part(&h, &b->pool);
        h.strings_len = b->pool.len;

        size_t at = ret->len;
        const struct strbuf *parts[] = { &modules, &lists, &groups, &aliases, &b->pool };
        strbuf_add(ret, &h, sizeof h);
        for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
                if (parts[i]->failed)
                        return -ENOMEM;
                strbuf_add(ret, parts[i]->s, parts[i]->len);
        }
        if (ret->failed)
                return -ENOMEM;
        h.crc = digest_crc(ret->s + at + sizeof h, h.size - sizeof h);
        memcpy(ret->s + at, &h, sizeof h);
        return 0;
}

/* --- a smaller one from a larger one --- */

static int restrict_orders(const struct digest *d, struct digest_builder *b, const uint32_t *number)
{
        for (uint32_t i = 0; i < digest_n_modules(d); i++) {
                struct digest_module m;
                uint32_t n = 0;

                if (number[i] == UINT32_MAX || digest_module_at(d, i, &m) < 0)
                        continue;
                _cleanup_free_ uint32_t *steps = calloc(m.n_order + 1, sizeof *steps);
                if (!steps)
                        return -ENOMEM;
                for (uint32_t k = 0; k < m.n_order; k++) {
                        struct digest_step s;

                        if (digest_order(d, &m, k, &s) < 0 || number[s.module.index] == UINT32_MAX)
                                continue;
                        steps[n++] = number[s.module.index] | (s.optional ? DIGEST_STEP_OPTIONAL : 0);
                }
                int r = digest_builder_order(b, number[i], steps, n);
                if (r < 0)
                        return r;
        }
        return 0;
}

int digest_restrict(const struct digest *d, digest_filter filter, void *data, struct strbuf *ret)
{
        _cleanup_builder_ struct digest_builder *b = NULL;
        uint32_t n = digest_n_modules(d), index;
        _cleanup_free_ uint32_t *number = calloc(n + 1, sizeof *number);
        const char *pattern;
        int r;

        if (!number || digest_builder_new(&b) < 0)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                struct digest_module m;
                uint32_t flags;

                r = digest_module_at(d, i, &m);
                if (r < 0)
                        return r;
                number[i] = UINT32_MAX;
                flags = filter(&m, data);
                if (flags & DIGEST_DROP)
                        continue;
                /* An image holds its modules decompressed. */
                const char *ko = strstr(m.path, ".ko");
                _cleanup_free_ char *path = strndup(m.path, ko ? (size_t)(ko + 3 - m.path) : strlen(m.path));
                r = path ? digest_builder_module(b, m.name, path, m.options, m.install, m.flags | flags)
                         : -ENOMEM;
                if (r < 0)
                        return r;
                number[i] = r;
        }
        r = restrict_orders(d, b, number);
        if (r < 0)
                return r;
        for (uint32_t i = 0; digest_alias_at(d, i, &pattern, &index) >= 0; i++) {
                if (index >= n || number[index] == UINT32_MAX)
                        continue;
                r = digest_builder_alias(b, pattern, number[index], digest_alias_is_config(d, i));
                if (r < 0)
                        return r;
        }
        struct digest_key key = digest_key(d);
        return digest_builder_finish(b, digest_release(d), &key, ret);
}

/* --- on disk --- */

int digest_for_kernel(
        const char *sysroot, const char *release, struct strbuf *ret_memory, struct digest **ret)
{
        int r = digest_open_release(sysroot, release, ret);

        if (r >= 0 && digest_verify(*ret) < 0) {
                digest_close(*ret);
                *ret = NULL;
                r = -EBADMSG;
        }
        if (r >= 0)
                return r;
        if (r == -EBADMSG)
                log_warning("The module digest of %s is damaged; making it anew", release);
        r = digest_from_kernel(sysroot, release, ret_memory);
        if (r < 0)
                return r;
        return digest_open_memory(ret_memory->s, ret_memory->len, ret);
}

int digest_write_release(const char *sysroot, const char *release)
{
        _cleanup_free_ char *path =
                str_printf("%s/lib/modules/%s/" ROUSE_MODULE_DIGEST, sysroot ?: "", release);
        _cleanup_strbuf_ struct strbuf b = { 0 };
        int r;

        if (!path)
                return log_oom();
        r = digest_from_kernel(sysroot, release, &b);
        if (r < 0)
                return r;
        r = write_file_atomic(path, b.s, b.len, 0644, true);
        if (r < 0)
                return log_error_errno(r, "Cannot write %s: %m", path);
        return 0;
}
