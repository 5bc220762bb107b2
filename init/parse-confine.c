/* Values of the execution context that confine: capabilities, system calls, namespaces, paths. */
#include "names.h"
#include "parse.h"

static int add_capability(const struct parse *p, char *word, void *set)
{
        uint64_t *to = set;
        int n = capability_from_string(word);

        (void)p;
        if (n < 0)
                return n;
        *to |= UINT64_C(1) << n;
        return 0;
}

/* CapabilityBoundingSet= (arg 0: unset is all) and AmbientCapabilities= (arg 1: unset is none). The first assignment
 * sets, later ones add; with '~' the named ones are taken away; empty: none at all. */
int parse_value_capabilities(const struct parse *p)
{
        uint64_t *to = p->target, initial = p->d->arg ? 0 : UINT64_MAX, sum = 0;
        bool invert = *p->value == '~';
        int r;

        if (!*p->value) {
                *to = 0;
                return 0;
        }
        r = parse_each(p, p->value + invert, parse_word, add_capability, &sum, "a capability");
        if (r < 0)
                return r;
        if (*to == initial)
                *to = invert ? ~sum : sum;
        else if (invert)
                *to &= ~sum;
        else
                *to |= sum;
        return 0;
}

static int add_secure_bit(const struct parse *p, char *word, void *to)
{
        int64_t v;

        (void)p;
        if (name_value(names_secure_bits, word, &v) < 0)
                return -EINVAL;
        *(int *)to |= (int)v;
        return 0;
}

int parse_value_secure_bits(const struct parse *p)
{
        if (*p->value)
                return parse_each(p, p->value, parse_word, add_secure_bit, p->target, "a secure bit");
        *(int *)p->target = 0;
        return 0;
}

/* ---- paths ---- */

static int add_access_path(const struct parse *p, char *word, void *list)
{
        const char *at = word + strspn(word, "-+");
        _cleanup_free_ char *path = NULL;
        int r = at - word > 2 ? -EINVAL : parse_path_value(at, &path);

        (void)p;
        return r < 0 ? r : strv_addf(list, "%.*s%s", (int)(at - word), word, path);
}

/* Absolute paths, kept with the prefixes '-' (may be missing) and '+' (below RootDirectory=) as written. */
int parse_value_access_paths(const struct parse *p)
{
        return parse_list(p, parse_word_c, add_access_path, "an absolute path");
}

/* "[-]source[:dest[:rbind|norbind]]" */
static int add_pair(const struct parse *p, char *word, void *to)
{
        bool ignore_missing = *word == '-', recursive = true;
        _cleanup_free_ char *source = NULL, *dest = NULL;
        char *fields[3] = { word + ignore_missing };
        int r;

        (void)p;
        for (int i = 1; i < 3 && fields[i - 1]; i++) {
                fields[i] = strchr(fields[i - 1], ':');
                if (fields[i])
                        *fields[i]++ = '\0';
        }
        if (fields[2] && streq(fields[2], "norbind"))
                recursive = false;
        else if (fields[2] && *fields[2] && !streq(fields[2], "rbind"))
                return -EINVAL;
        r = parse_path_value(fields[0], &source);
        if (r >= 0)
                r = parse_path_value(fields[1] && *fields[1] ? fields[1] : fields[0], &dest);
        return r < 0 ? r : exec_path_pairs_add(to, source, dest, ignore_missing, recursive);
}

/* BindPaths=, BindReadOnlyPaths=. */
int parse_value_bind_paths(const struct parse *p)
{
        if (*p->value)
                return parse_each(p, p->value, parse_word_c, add_pair, p->target,
                        "SOURCE[:DESTINATION[:rbind|norbind]] of absolute paths");
        exec_path_pairs_reset(p->target);
        return 0;
}

/* "path[:options]" */
static int add_temporary_fs(const struct parse *p, char *word, void *list)
{
        _cleanup_free_ char *path = NULL;
        char *colon = strchr(word, ':');
        int r;

        (void)p;
        if (colon)
                *colon++ = '\0';
        r = parse_path_value(word, &path);
        return r < 0 ? r : strv_addf(list, "%s:%s", path, colon ? colon : "");
}

int parse_value_temporary_fs(const struct parse *p)
{
        return parse_list(p, parse_word_c, add_temporary_fs, "an absolute path");
}

/* ---- filters ---- */

static int add_address_family(const struct parse *p, char *word, void *context)
{
        struct exec_context *c = context;

        if (!startswith(word, "AF_"))
                return -EINVAL;
        if (c->address_families_allow != (*p->value == '~'))
                return strv_add_unique(&c->address_families, word);
        strv_remove(c->address_families, word);
        return 0;
}

/* "AF_INET AF_UNIX", "~AF_PACKET", "none". The first assignment decides whether it is a list of what is allowed;
 * one of the other kind takes its members away. */
int parse_value_address_families(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        bool invert = *p->value == '~';

        if (!*p->value || streq(p->value, "none")) {
                strv_reset(&c->address_families);
                c->address_families_set = c->address_families_allow = *p->value;
                return 0;
        }
        if (!c->address_families_set) {
                c->address_families_set = true;
                c->address_families_allow = !invert;
        }
        return parse_each(p, p->value + invert, parse_word, add_address_family, c, "an address family");
}

static int add_namespace(const struct parse *p, char *word, void *sum)
{
        int64_t v;

        (void)p;
        if (name_value(names_namespace, word, &v) < 0)
                return -EINVAL;
        *(unsigned long *)sum |= (unsigned long)v;
        return 0;
}

/* A boolean (yes: none may be made), or a list of what may, with '~' of what may not. */
int parse_value_namespaces(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        unsigned long sum = 0, all = 0;
        bool invert = *p->value == '~';
        int b = parse_boolean(p->value), r;

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
        r = parse_each(p, p->value + invert, parse_word, add_namespace, &sum, NULL);
        if (r < 0)
                return r;
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

static int add_syscall(const struct parse *p, char *word, void *filter)
{
        struct exec_syscalls *f = filter;
        bool invert = *p->value == '~';

        if (!syscall_word_valid(word))
                return -EINVAL;
        return strv_addf(&f->names, "%s%s", f->allow_list == invert ? "~" : "", word);
}

/* The first assignment decides between a list of what is allowed and one of what is not; words of an assignment of
 * the other kind are kept with '~' before them: they are taken out again, in this order, when the filter is made. */
int parse_value_syscalls(const struct parse *p)
{
        struct exec_syscalls *f = p->target;
        bool invert = *p->value == '~';

        if (!*p->value) {
                strv_reset(&f->names);
                f->set = f->allow_list = false;
                return 0;
        }
        if (!f->set) {
                f->set = true;
                f->allow_list = !invert;
        }
        return parse_each(p, p->value + invert, parse_word, add_syscall, f, "a system call or group");
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

static int add_architecture(const struct parse *p, char *word, void *list)
{
        int64_t v;

        (void)p;
        return name_value(names_architecture, word, &v) < 0 ? -EINVAL : strv_add_unique(list, word);
}

int parse_value_architectures(const struct parse *p)
{
        return parse_list(p, parse_word, add_architecture, "an architecture");
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

static int add_image(const struct parse *p, char *word, void *list)
{
        return strv_addf(list, "%s=%s", (const char *)p->d->arg, word);
}

/* "ROW=WORD" in one list. Empty: what the row said so far goes. */
int parse_value_image(const struct parse *p)
{
        const char *name = (const char *)p->d->arg;
        char ***list = p->target;

        if (!*p->value) {
                char **to = *list;

                for (char **e = *list; e && *e; e++)
                        if (startswith(*e, name) && (*e)[strlen(name)] == '=')
                                free(*e);
                        else
                                *to++ = *e;
                if (to)
                        *to = NULL;
                return 0;
        }
        return parse_each(p, p->value, parse_word_c, add_image, list, NULL);
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
