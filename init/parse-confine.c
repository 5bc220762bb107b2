/* Values of the execution context that confine: capabilities, system calls, namespaces, paths. */
#include "names.h"
#include "parse.h"

#include <strings.h>

static int reset_list(char ***list)
{
        strv_free(*list);
        *list = NULL;
        return 0;
}

static int capability_number(const char *word, unsigned *ret)
{
        for (const struct name_row *t = names_capability; t->name; t++)
                if (strcasecmp(t->name, word) == 0) {
                        *ret = (unsigned)t->value;
                        return 0;
                }
        return parse_u32(word, ret) < 0 || *ret > 63 ? -EINVAL : 0;
}

/* CapabilityBoundingSet= (arg 0: unset is all) and AmbientCapabilities= (arg 1: unset is none). The first assignment
 * sets, later ones add; with '~' the named ones are taken away; empty: none at all. */
int parse_value_capabilities(const struct parse *p)
{
        uint64_t *to = p->target, initial = p->d->arg ? 0 : UINT64_MAX, sum = 0;
        bool invert = *p->value == '~';
        const char *s = p->value + invert;

        if (!*p->value) {
                *to = 0;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                unsigned n;
                int r = parse_word(p, &s, &word);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (capability_number(word, &n) < 0)
                        parse_problem(p, "'%.100s' is not a capability", word);
                else
                        sum |= UINT64_C(1) << n;
        }
        if (*to == initial)
                *to = invert ? ~sum : sum;
        else if (invert)
                *to &= ~sum;
        else
                *to |= sum;
        return 0;
}

int parse_value_secure_bits(const struct parse *p)
{
        int *to = p->target, sum = 0;
        const char *s = p->value;

        if (!*s) {
                *to = 0;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int64_t v;
                int r = parse_word(p, &s, &word);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (name_value(names_secure_bits, word, &v) < 0)
                        parse_problem(p, "'%.100s' is not a secure bit", word);
                else
                        sum |= (int)v;
        }
        *to |= sum;
        return 0;
}

/* ---- paths ---- */

/* Absolute paths, kept with the prefixes '-' (may be missing) and '+' (below RootDirectory=) as written. */
int parse_value_access_paths(const struct parse *p)
{
        const char *s = p->value;

        if (!*s)
                return reset_list(p->target);
        for (;;) {
                _cleanup_free_ char *word = NULL, *path = NULL;
                const char *at;
                int r = parse_word_c(p, &s, &word);

                if (r <= 0)
                        return r;
                at = word + strspn(word, "-+");
                r = at - word > 2 ? -EINVAL : parse_path_value(at, &path);
                if (r == -EINVAL) {
                        parse_problem(p, "'%.100s' is not an absolute path", word);
                        continue;
                }
                if (r >= 0)
                        r = strv_addf(p->target, "%.*s%s", (int)(at - word), word, path);
                if (r < 0)
                        return r;
        }
}

static void free_pairs(struct exec_path_pair **v, size_t *n)
{
        for (size_t i = 0; i < *n; i++) {
                free((*v)[i].source);
                free((*v)[i].dest);
        }
        free(*v);
        *v = NULL;
        *n = 0;
}

/* "[-]source[:dest[:rbind|norbind]]" */
static int parse_pair(const struct parse *p, char *word, struct exec_path_pair *ret)
{
        char *dest, *options = NULL;
        int r;

        *ret = (struct exec_path_pair) { .recursive = true, .ignore_missing = *word == '-' };
        word += ret->ignore_missing;
        dest = strchr(word, ':');
        if (dest) {
                *dest++ = '\0';
                options = strchr(dest, ':');
                if (options)
                        *options++ = '\0';
        }
        if (options && streq(options, "norbind"))
                ret->recursive = false;
        else if (options && *options && !streq(options, "rbind"))
                return -EINVAL;
        r = parse_path_value(word, &ret->source);
        if (r < 0)
                return r;
        r = parse_path_value(dest && *dest ? dest : word, &ret->dest);
        if (r < 0) {
                free(ret->source);
                ret->source = NULL;
        }
        return r;
}

/* BindPaths= (arg 0), BindReadOnlyPaths= (arg 1). */
int parse_value_bind_paths(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        struct exec_path_pair **v = p->d->arg ? &c->bind_ro_paths : &c->bind_paths;
        size_t *n = p->d->arg ? &c->n_bind_ro_paths : &c->n_bind_paths;
        const char *s = p->value;

        if (!*s) {
                free_pairs(v, n);
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                struct exec_path_pair pair, *bigger;
                int r = parse_word_c(p, &s, &word);

                if (r <= 0)
                        return r;
                r = parse_pair(p, word, &pair);
                if (r == -EINVAL) {
                        parse_problem(p,
                                "'%.100s' is not SOURCE[:DESTINATION[:rbind|norbind]] of absolute paths",
                                word);
                        continue;
                }
                if (r < 0)
                        return r;
                bigger = reallocarray(*v, *n + 1, sizeof(**v));
                if (!bigger) {
                        free(pair.source);
                        free(pair.dest);
                        return -ENOMEM;
                }
                *v = bigger;
                bigger[(*n)++] = pair;
        }
}

/* "path[:options]" */
int parse_value_temporary_fs(const struct parse *p)
{
        const char *s = p->value;

        if (!*s)
                return reset_list(p->target);
        for (;;) {
                _cleanup_free_ char *word = NULL, *path = NULL;
                char *colon;
                int r = parse_word_c(p, &s, &word);

                if (r <= 0)
                        return r;
                colon = strchr(word, ':');
                if (colon)
                        *colon++ = '\0';
                r = parse_path_value(word, &path);
                if (r == -EINVAL) {
                        parse_problem(p, "'%.100s' is not an absolute path", word);
                        continue;
                }
                if (r >= 0)
                        r = strv_addf(p->target, "%s:%s", path, colon ? colon : "");
                if (r < 0)
                        return r;
        }
}

/* ---- filters ---- */

/* "AF_INET AF_UNIX", "~AF_PACKET", "none". The first assignment decides whether it is a list of what is allowed;
 * one of the other kind takes its members away. */
int parse_value_address_families(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        bool invert = *p->value == '~';
        const char *s = p->value + invert;

        if (!*p->value || streq(p->value, "none")) {
                reset_list(&c->address_families);
                c->address_families_set = c->address_families_allow = *p->value;
                return 0;
        }
        if (!c->address_families_set) {
                c->address_families_set = true;
                c->address_families_allow = !invert;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = parse_word(p, &s, &word);

                if (r <= 0)
                        return r;
                if (!startswith(word, "AF_")) {
                        parse_problem(p, "'%.100s' is not an address family", word);
                        continue;
                }
                if (c->address_families_allow == invert) {
                        strv_remove(c->address_families, word);
                        continue;
                }
                r = strv_add_unique(&c->address_families, word);
                if (r < 0)
                        return r;
        }
}

/* A boolean (yes: none may be made), or a list of what may, with '~' of what may not. */
int parse_value_namespaces(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        unsigned long sum = 0, all = 0;
        bool invert = *p->value == '~';
        const char *s = p->value + invert;
        int b = parse_boolean(p->value);

        for (const struct name_row *t = names_namespace; t->name; t++)
                all |= (unsigned long)t->value;
        if (!*p->value || b == 0) {
                c->restrict_namespaces = all;
                c->restrict_namespaces_set = false;
                return 0;
        }
        if (b > 0) {
                c->restrict_namespaces = 0;
                c->restrict_namespaces_set = true;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int64_t v;
                int r = parse_word(p, &s, &word);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (name_value(names_namespace, word, &v) < 0)
                        return -EINVAL;
                sum |= (unsigned long)v;
        }
        if (!c->restrict_namespaces_set)
                c->restrict_namespaces = invert ? all & ~sum : sum;
        else if (invert)
                c->restrict_namespaces &= ~sum;
        else
                c->restrict_namespaces |= sum;
        c->restrict_namespaces_set = true;
        return 0;
}

/* Name of a call or "@group", with ":ERRNO" allowed behind it. */
static bool syscall_word_valid(const char *w)
{
        const char *colon = strchr(w, ':');

        for (const char *c = w + (*w == '@'); *c && c != colon; c++)
                if (!((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_' || *c == '-'))
                        return false;
        return *w && w != colon && (!colon || streq(colon + 1, "kill") || errno_number(colon + 1) > 0);
}

/* The first assignment decides between a list of what is allowed and one of what is not; words of an assignment of
 * the other kind are kept with '~' before them: they are taken out again, in this order, when the filter is made. */
int parse_value_syscalls(const struct parse *p)
{
        struct exec_syscalls *f = p->target;
        bool invert = *p->value == '~';
        const char *s = p->value + invert;

        if (!*p->value) {
                reset_list(&f->names);
                f->set = f->allow_list = false;
                return 0;
        }
        if (!f->set) {
                f->set = true;
                f->allow_list = !invert;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = parse_word(p, &s, &word);

                if (r <= 0)
                        return r;
                if (!syscall_word_valid(word)) {
                        parse_problem(p, "'%.100s' is not a system call or group", word);
                        continue;
                }
                r = strv_addf(&f->names, "%s%s", f->allow_list == invert ? "~" : "", word);
                if (r < 0)
                        return r;
        }
}

int parse_value_syscall_errno(const struct parse *p)
{
        int n;

        if (!*p->value || streq(p->value, "kill")) {
                *(int *)p->target = 0;
                return 0;
        }
        n = errno_number(p->value);
        if (n <= 0)
                return -EINVAL;
        *(int *)p->target = n;
        return 0;
}

int parse_value_architectures(const struct parse *p)
{
        const char *s = p->value;

        if (!*s)
                return reset_list(p->target);
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int64_t v;
                int r = parse_word(p, &s, &word);

                if (r <= 0)
                        return r;
                if (name_value(names_architecture, word, &v) < 0) {
                        parse_problem(p, "'%.100s' is not an architecture", word);
                        continue;
                }
                r = strv_add_unique(p->target, word);
                if (r < 0)
                        return r;
        }
}

int parse_value_mount_flags(const struct parse *p)
{
        int64_t v = 0;

        if (*p->value && name_value(names_mount_flags, p->value, &v) < 0)
                return -EINVAL;
        *(unsigned long *)p->target = (unsigned long)v;
        return 0;
}

int parse_value_mount_api_vfs(const struct parse *p)
{
        int r = parse_value_boolean(p);

        if (r >= 0)
                unit_exec(p->u)->mount_api_vfs_set = true;
        return r;
}

/* Kept so that the start can fail by name. Empty: what the row said so far goes. */
int parse_value_image(const struct parse *p)
{
        const char *name = (const char *)p->d->arg, *s = p->value;
        char ***list = p->target;
        int r = 0;

        if (!*s) {
                char **to = *list;

                for (char **e = *list; e && *e; e++)
                        if (startswith(*e, name))
                                free(*e);
                        else
                                *to++ = *e;
                if (to)
                        *to = NULL;
                return 0;
        }
        for (;;) {
                _cleanup_free_ char *word = NULL;

                r = parse_word_c(p, &s, &word);
                if (r <= 0)
                        return r;
                r = strv_addf(list, "%s=%s", name, word);
                if (r < 0)
                        return r;
        }
}

int parse_value_login_environment(const struct parse *p)
{
        int v = parse_boolean(p->value);

        if (v < 0)
                return v;
        unit_exec(p->u)->login_environment = v ? LOGIN_ENV_YES : LOGIN_ENV_NO;
        return 0;
}

/* '-' before it (kept): not fatal when it cannot be set. */
int parse_value_apparmor(const struct parse *p)
{
        return parse_value_string(p);
}
