/* From libkmod's indexes and modprobe.d to the full module digest of a kernel.
 *
 * Three passes over one table of modules: the indexes give modules, dependencies and aliases; modprobe.d adds
 * options, blacklist, install lines, aliases and soft dependencies; then each module's load order is worked out
 * by a depth-first walk. Soft dependencies may be aliases ("crypto-sha256"), so they are looked up in a digest
 * without orders before the final one is made. */

#include <libkmod.h>
#include <stdio.h>
#include <sys/mman.h>
#include "initramfs/digest.h"
#include "initramfs/modprobed.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"

struct mod {
        char *name, *path, *options, *install;
        uint32_t flags;
        char *deps; /* paths, in modules.dep's order: the last is loaded first */
        char **pre, **post;
        uint32_t mark; /* of the walk */
};

struct alias {
        char *pattern, *module;
        bool config;
};

struct modindex {
        struct mod **mod;
        uint32_t n_mod;
        struct alias *alias;
        uint32_t n_alias;
        struct hash by_name, by_path;
        const char *release;
};

static void mod_free(struct mod *m)
{
        free(m->name);
        free(m->path);
        free(m->options);
        free(m->install);
        free(m->deps);
        strv_free(m->pre);
        strv_free(m->post);
        free(m);
}

static void modindex_done(struct modindex *x)
{
        for (uint32_t i = 0; i < x->n_mod; i++)
                mod_free(x->mod[i]);
        for (uint32_t i = 0; i < x->n_alias; i++) {
                free(x->alias[i].pattern);
                free(x->alias[i].module);
        }
        free(x->mod);
        free(x->alias);
        hash_done(&x->by_name);
        hash_done(&x->by_path);
}

static char *fold(char *s)
{
        for (char *p = s; p && *p; p++)
                if (*p == '-')
                        *p = '_';
        return s;
}

static struct mod *find(const struct modindex *x, const char *name)
{
        _cleanup_free_ char *folded = fold(strdup(name));

        return folded ? hash_get(&x->by_name, folded) : NULL;
}

/* Numbers are positions in x->mod; kept in mark's neighbour by position, so look-ups go by pointer. */
static int add_mod(struct modindex *x, const char *name, const char *path, const char *deps, uint32_t flags)
{
        struct mod **grown = realloc(x->mod, (x->n_mod + 1) * sizeof *grown);
        struct mod *m = calloc(1, sizeof *m);

        if (grown)
                x->mod = grown;
        if (!grown || !m) {
                free(m);
                return -ENOMEM;
        }
        x->mod[x->n_mod++] = m;
        m->flags = flags;
        m->name = fold(strdup(name));
        m->path = strdup(path);
        m->deps = strdup(deps);
        if (!m->name || !m->path || !m->deps || hash_put(&x->by_name, m->name, m) < 0)
                return -ENOMEM;
        return *path && hash_put(&x->by_path, m->path, m) < 0 ? -ENOMEM : 0;
}

static int add_alias(struct modindex *x, const char *pattern, const char *module, bool config)
{
        struct alias *grown = x->alias;

        /* capacity doubles at powers of two */
        if ((x->n_alias & (x->n_alias - 1)) == 0)
                grown = realloc(x->alias, MAX(x->n_alias * 2, 1u) * sizeof *grown);
        if (!grown)
                return -ENOMEM;
        x->alias = grown;
        x->alias[x->n_alias] = (struct alias) { strdup(pattern), strdup(module), config };
        x->n_alias++;
        return x->alias[x->n_alias - 1].pattern && x->alias[x->n_alias - 1].module ? 0 : -ENOMEM;
}

/* --- libkmod's indexes --- */

typedef int (*line_fn)(struct modindex *x, char *line);

static int dep_line(struct modindex *x, char *line)
{
        char *path = strchr(line, ' '), *colon = path ? strchr(path, ':') : NULL;

        if (!colon) {
                log_warning("modules.dep of %s: \"%s\" is no dependency line; skipped", x->release, line);
                return 0;
        }
        *path++ = 0;
        *colon = 0;
        return add_mod(x, line, path, str_strip(colon + 1), 0);
}

static int builtin_line(struct modindex *x, char *line)
{
        line = str_strip(line);
        return *line && !find(x, line) ? add_mod(x, line, "", "", DIGEST_BUILTIN) : 0;
}

static int alias_line(struct modindex *x, char *line)
{
        char *p = line, *word[3] = { NULL };

        for (int i = 0; i < 3; i++)
                word[i] = strsep(&p, " ");
        return word[2] ? add_alias(x, word[1], word[2], false) : 0;
}

static int dump_index(struct modindex *x, struct kmod_ctx *ctx, enum kmod_index type, line_fn fn)
{
        _cleanup_close_ int fd = memfd_create("index", MFD_CLOEXEC);
        _cleanup_free_ char *text = NULL;
        char path[64];

        if (fd < 0)
                return -errno;
        int r = kmod_dump_index(ctx, type, fd);
        if (r < 0)
                return r;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        r = read_file(path, 64u << 20, &text, NULL);
        if (r < 0)
                return r;
        for (char *p = text, *line; (line = strsep(&p, "\n"));) {
                r = *line ? fn(x, line) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* libkmod takes an index that was cut short for a short one. depmod writes each as text too: entries that are there
 * and not in the index mean that it is damaged. */
static int check_whole(const char *dir, const char *name, uint32_t found)
{
        _cleanup_free_ char *path = str_printf("%s/%s", dir, name), *text = NULL;
        uint32_t lines = 0;

        if (!path)
                return -ENOMEM;
        if (read_file(path, 64u << 20, &text, NULL) < 0)
                return 0; /* nothing to compare with */
        for (char *p = text, *line; (line = strsep(&p, "\n"));)
                lines += *line && *line != '#';
        if (found >= lines)
                return 0;
        return log_error_errno(-EBADMSG, "%s.bin is damaged: %u entries, and %s has %u (depmod makes it)",
                path, found, name, lines);
}

static int read_indexes(struct modindex *x, const char *sysroot)
{
        static const char *const no_config[] = { NULL };
        _cleanup_free_ char *dir = str_printf("%s/lib/modules/%s", sysroot ?: "", x->release);

        if (!dir)
                return -ENOMEM;
        struct kmod_ctx *ctx = kmod_new(dir, no_config);
        if (!ctx)
                return -ENOMEM;
        int r = dump_index(x, ctx, KMOD_INDEX_MODULES_DEP, dep_line);
        if (r < 0)
                log_error_errno(
                        r, "Cannot read the module index %s/modules.dep.bin: %m (depmod makes it)", dir);
        if (r >= 0)
                r = check_whole(dir, "modules.dep", x->n_mod);
        if (r >= 0 && (r = dump_index(x, ctx, KMOD_INDEX_MODULES_BUILTIN, builtin_line)) == -ENOSYS)
                r = 0;
        if (r >= 0)
                r = dump_index(x, ctx, KMOD_INDEX_MODULES_ALIAS, alias_line);
        if (r == -ENOSYS)
                log_error("Cannot read the module index %s/modules.alias.bin (depmod makes it)", dir);
        if (r >= 0)
                r = check_whole(dir, "modules.alias", x->n_alias);
        kmod_unref(ctx);
        return r == -ENOSYS ? -ENOENT : r;
}

/* --- modprobe.d --- */

static int on_alias(const char *pattern, const char *module, void *data)
{
        return add_alias(data, pattern, module, true);
}

static int on_blacklist(const char *module, void *data)
{
        struct mod *m = find(data, module);

        if (m)
                m->flags |= DIGEST_BLACKLISTED;
        return 0;
}

static int on_options(const char *module, const char *options, void *data)
{
        struct mod *m = find(data, module);

        if (!m)
                return 0;
        char *all = m->options ? str_printf("%s %s", m->options, options) : strdup(options);
        if (!all)
                return -ENOMEM;
        free(m->options);
        m->options = all;
        return 0;
}

static int on_install(const char *module, const char *command, void *data)
{
        struct mod *m = find(data, module);

        if (!m)
                return 0;
        m->flags |= DIGEST_INSTALL;
        return str_replace(&m->install, command);
}

static int on_softdep(const char *module, char *const *pre, char *const *post, void *data)
{
        struct mod *m = find(data, module);
        int r = 0;

        if (m && (r = strv_extend(&m->pre, pre)) >= 0)
                r = strv_extend(&m->post, post);
        return r;
}

/* --- from the table to the digest --- */

static int fill_builder(struct modindex *x, struct digest_builder *b)
{
        for (uint32_t i = 0; i < x->n_mod; i++) {
                struct mod *m = x->mod[i];
                int r = digest_builder_module(b, m->name, m->path, m->options, m->install, m->flags);

                if (r < 0)
                        return r;
                m->mark = i;
        }
        for (uint32_t i = 0; i < x->n_alias; i++) {
                struct alias *a = x->alias + i;
                struct mod *m = find(x, a->module);
                int r = m ? digest_builder_alias(b, a->pattern, m->mark, a->config) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

struct walk {
        struct modindex *x;
        const struct digest *names; /* resolves soft dependencies */
        uint32_t *steps, n;
        uint32_t *place; /* by module: its step + 1, 0: not there, UINT32_MAX: under way */
        bool optional;
};

static void walk_module(struct walk *w, struct mod *m, bool optional);

static int walk_soft(const struct digest *d, const struct digest_module *found, void *data)
{
        struct walk *w = data;
        struct mod *m = hash_get(&w->x->by_name, found->name);

        if (m)
                walk_module(w, m, true);
        return 0;
}

static void walk_module(struct walk *w, struct mod *m, bool optional)
{
        uint32_t *place = w->place + m->mark;
        char *deps = m->deps, *end = deps + strlen(deps);

        if (m->flags & DIGEST_BUILTIN || *place == UINT32_MAX)
                return;
        if (*place) {
                /* Seen as a soft dependency before, needed now: so are the ones that it needs in turn. */
                if (optional || !(w->steps[*place - 1] & DIGEST_STEP_OPTIONAL))
                        return;
                w->steps[*place - 1] &= ~DIGEST_STEP_OPTIONAL;
        }
        bool known = *place;
        uint32_t kept = *place;
        *place = UINT32_MAX;
        if (!known)
                FOREACH_STR (s, m->pre)
                        digest_lookup_alias(w->names, *s, walk_soft, w);
        while (end > deps) {
                char path[PATH_MAX];
                char *p = end;

                while (p > deps && p[-1] != ' ')
                        p--;
                snprintf(path, sizeof path, "%.*s", (int)(end - p), p);
                struct mod *dep = hash_get(&w->x->by_path, path);
                if (dep)
                        walk_module(w, dep, optional);
                else if (!known)
                        log_warning("Module %s depends on %s, which does not exist", m->name, path);
                for (end = p; end > deps && end[-1] == ' ';)
                        end--;
        }
        if (known) {
                *place = kept;
                return;
        }
        w->steps[w->n++] = m->mark | (optional ? DIGEST_STEP_OPTIONAL : 0);
        *place = w->n;
        FOREACH_STR (s, m->post)
                digest_lookup_alias(w->names, *s, walk_soft, w);
}

static int work_out_orders(struct modindex *x, const struct digest *names, struct digest_builder *b)
{
        _cleanup_free_ uint32_t *steps = calloc(x->n_mod + 1, sizeof *steps);
        _cleanup_free_ uint32_t *place = calloc(x->n_mod + 1, sizeof *place);

        if (!steps || !place)
                return -ENOMEM;
        for (uint32_t i = 0; i < x->n_mod; i++) {
                struct walk w = { .x = x, .names = names, .steps = steps, .place = place };

                walk_module(&w, x->mod[i], false);
                int r = digest_builder_order(b, i, steps, w.n);
                if (r < 0)
                        return r;
                for (uint32_t k = 0; k < w.n; k++)
                        place[steps[k] & ~DIGEST_STEP_OPTIONAL] = 0;
        }
        return 0;
}

static int build(
        struct modindex *x, const struct digest_key *key, const struct digest *names, struct strbuf *ret)
{
        _cleanup_builder_ struct digest_builder *b = NULL;
        int r;

        if ((r = digest_builder_new(&b)) < 0 || (r = fill_builder(x, b)) < 0)
                return r;
        if (names && (r = work_out_orders(x, names, b)) < 0)
                return r;
        return digest_builder_finish(b, x->release, key, ret);
}

int digest_from_kernel(const char *sysroot, const char *release, struct strbuf *ret)
{
        _cleanup_(modindex_done) struct modindex x = { .release = release };
        _cleanup_strbuf_ struct strbuf draft = { 0 };
        _cleanup_digest_ struct digest *names = NULL;
        const struct modprobed_visitor v = { .alias = on_alias,
                .blacklist = on_blacklist,
                .options = on_options,
                .install = on_install,
                .softdep = on_softdep,
                .data = &x };
        struct digest_key key;

        int r = digest_key_now(sysroot, release, &key);
        if (r < 0)
                return log_error_errno(
                        r, "No modules.dep for kernel %s below %s/lib/modules: %m", release, sysroot ?: "");
        r = read_indexes(&x, sysroot);
        if (r < 0)
                return log_error_errno(r, "Cannot read the modules of kernel %s: %m", release);
        if ((r = modprobed_read(sysroot, release, &v)) < 0 || (r = build(&x, &key, NULL, &draft)) < 0 ||
                (r = digest_open_memory(draft.s, draft.len, &names)) < 0 ||
                (r = build(&x, &key, names, ret)) < 0)
                return log_error_errno(r, "Cannot make the module digest of kernel %s: %m", release);
        return 0;
}
