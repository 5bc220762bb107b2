/* Values of the execution context: environment, user, limits, directories, credentials. */
#include <stdio.h>

#include "credentials.h"
#include "names.h"
#include "parse.h"

/* ---- environment ---- */

static bool variable_name_valid(const char *s, size_t n)
{
        if (n == 0 || (*s >= '0' && *s <= '9'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                            (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
                        return false;
        return true;
}

static int add_assignment(const struct parse *p, char *word, void *list)
{
        const char *equals = strchr(word, '=');

        (void)p;
        return equals && variable_name_valid(word, (size_t)(equals - word)) ? strv_env_set(list, word)
                                                                            : -EINVAL;
}

int parse_value_environment(const struct parse *p)
{
        return parse_list(p, parse_word_c, add_assignment, "an assignment NAME=value");
}

/* One path (or pattern) a line, '-' before it when it may be missing. */
int parse_value_environment_file(const struct parse *p)
{
        _cleanup_free_ char *s = NULL, *path = NULL;
        bool optional;
        int r;

        if (!*p->value)
                return parse_reset(p);
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r;
        optional = *s == '-';
        r = parse_path_value(s + optional, &path);
        return r < 0 ? r : strv_addf(p->target, "%s%s", optional ? "-" : "", path);
}

static int add_variable_name(const struct parse *p, char *word, void *list)
{
        const char *equals = p->d->arg ? strchr(word, '=') : NULL;

        if (!variable_name_valid(word, equals ? (size_t)(equals - word) : strlen(word)))
                return -EINVAL;
        return strv_add_unique(list, word);
}

/* Names of variables; assignments too where the row says so (UnsetEnvironment=). */
int parse_value_variable_names(const struct parse *p)
{
        return parse_list(p, parse_word, add_variable_name, "the name of a variable");
}

/* ---- who and where ---- */

int parse_value_working_directory(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        _cleanup_free_ char *s = NULL, *path = NULL;
        const char *v = p->value;
        bool missing_ok = *v == '-';
        int r;

        v += missing_ok;
        if (!*v)
                path = NULL;
        else if (streq(v, "~")) {
                path = strdup(v);
                if (!path)
                        return -ENOMEM;
        } else {
                r = parse_resolve(p, v, &s);
                if (r >= 0)
                        r = parse_path_value(s, &path);
                if (r < 0)
                        return r == -EINVAL && !missing_ok ? -ENOEXEC : r;
        }
        free(c->working_directory);
        c->working_directory = TAKE_PTR(path);
        c->working_directory_missing_ok = missing_ok;
        return 0;
}

/* A name that a user database could hold, or a number: strictness beyond that is the database's. */
static bool user_name_valid(const char *s)
{
        if (!*s || *s == '-' || strlen(s) > 255 || streq(s, ".") || streq(s, ".."))
                return false;
        for (; *s; s++)
                if ((unsigned char)*s <= ' ' || strchr(":/\177", *s))
                        return false;
        return true;
}

int parse_value_user(const struct parse *p)
{
        _cleanup_free_ char *s = NULL;
        char **to = p->target;
        int r;

        if (!*p->value)
                return str_replace(to, NULL);
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r == -EBADSLT ? -ENOEXEC : r;
        if (!user_name_valid(s))
                return -ENOEXEC; /* running it as somebody else would be worse than not running it */
        free(*to);
        *to = TAKE_PTR(s);
        return 0;
}

static int add_group(const struct parse *p, char *word, void *list)
{
        (void)p;
        return user_name_valid(word) ? strv_add_unique(list, word) : -ENOEXEC;
}

int parse_value_groups(const struct parse *p)
{
        return parse_list(p, parse_word, add_group, NULL);
}

/* ---- limits ---- */

static bool limit_is_size(int resource)
{
        return resource == RLIMIT_FSIZE || resource == RLIMIT_DATA || resource == RLIMIT_STACK ||
               resource == RLIMIT_CORE || resource == RLIMIT_RSS || resource == RLIMIT_AS ||
               resource == RLIMIT_MEMLOCK || resource == RLIMIT_MSGQUEUE;
}

/* LimitNICE=: "+10" and "-5" are nice levels, a bare number is the kernel's 1..40. */
static int limit_nice(const char *s, rlim_t *ret)
{
        int v, r = parse_int(s, &v);

        if (r < 0)
                return r;
        if (*s == '+' || *s == '-') {
                if (v < -20 || v > 19)
                        return -ERANGE;
                *ret = (rlim_t)(20 - v);
                return 0;
        }
        if (v < 0 || v > 40)
                return -ERANGE;
        *ret = (rlim_t)v;
        return 0;
}

static int limit_value(int resource, const char *s, rlim_t *ret)
{
        uint64_t v;
        usec_t t;
        int r;

        if (streq(s, "infinity")) {
                *ret = RLIM_INFINITY;
                return 0;
        }
        if (resource == RLIMIT_NICE)
                return limit_nice(s, ret);
        if (resource == RLIMIT_CPU || resource == RLIMIT_RTTIME) {
                bool cpu = resource == RLIMIT_CPU;

                r = parse_timespan(s, cpu ? USEC_PER_SEC : 1, &t);
                if (r < 0)
                        return r;
                *ret = t == USEC_INFINITY ? RLIM_INFINITY
                       : cpu              ? (rlim_t)((t + USEC_PER_SEC - 1) / USEC_PER_SEC)
                                          : (rlim_t)t;
                return 0;
        }
        r = limit_is_size(resource) ? parse_size(s, &v) : parse_u64(s, &v);
        if (r >= 0)
                *ret = (rlim_t)v;
        return r;
}

int parse_rlimit(int resource, const char *s, struct rlimit *ret)
{
        const char *colon = strchr(s, ':');
        _cleanup_free_ char *soft = strndup(s, colon ? (size_t)(colon - s) : strlen(s));
        struct rlimit l;
        int r;

        if (!soft)
                return -ENOMEM;
        r = limit_value(resource, soft, &l.rlim_cur);
        l.rlim_max = l.rlim_cur;
        if (r >= 0 && colon)
                r = limit_value(resource, colon + 1, &l.rlim_max);
        if (r < 0)
                return r;
        if (l.rlim_cur > l.rlim_max)
                return -EINVAL;
        *ret = l;
        return 0;
}

int parse_value_rlimit(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int resource = (int)p->d->arg, r;

        if (!*p->value) {
                c->limits_set &= ~(1u << resource);
                return 0;
        }
        r = parse_rlimit(resource, p->value, &c->limits[resource]);
        if (r >= 0)
                c->limits_set |= 1u << resource;
        return r;
}

int parse_value_nice(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int v, r;

        if (!*p->value) {
                c->nice_set = false;
                return 0;
        }
        r = parse_int(p->value, &v);
        if (r < 0)
                return r;
        if (v < -20 || v > 19)
                return -ERANGE;
        c->nice = v;
        c->nice_set = true;
        return 0;
}

int parse_value_oom_score(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        int v, r;

        if (!*p->value) {
                c->oom_set = false;
                return 0;
        }
        r = parse_int(p->value, &v);
        if (r < 0)
                return r;
        if (v < -1000 || v > 1000)
                return -ERANGE;
        c->oom_score_adjust = v;
        c->oom_set = true;
        return 0;
}

static int add_coredump_bits(const struct parse *p, char *word, void *mask)
{
        static const struct name_row bits[] = {
                { "private-anonymous", 1 },
                { "shared-anonymous", 2 },
                { "private-file-backed", 4 },
                { "shared-file-backed", 8 },
                { "elf-headers", 16 },
                { "private-huge", 32 },
                { "shared-huge", 64 },
                { "private-dax", 128 },
                { "shared-dax", 256 },
                { "default", 0x33 },
                { "all", 0x1ff },
                { NULL, 0 },
        };
        int64_t v;
        char *end;

        (void)p;
        if (name_value(bits, word, &v) < 0) {
                errno = 0;
                v = (int64_t)strtoull(word, &end, 16);
                if (errno || *end || end == word)
                        return -EINVAL;
        }
        *(uint64_t *)mask |= (uint64_t)v;
        return 0;
}

/* Words or the kernel's hexadecimal mask. */
int parse_value_coredump_filter(const struct parse *p)
{
        struct exec_context *c = unit_exec(p->u);
        uint64_t mask = 0;
        int r;

        if (!*p->value) {
                c->coredump_filter_set = false;
                return 0;
        }
        r = parse_each(p, p->value, parse_word, add_coredump_bits, &mask, NULL);
        if (r < 0)
                return r;
        c->coredump_filter |= mask;
        c->coredump_filter_set = true;
        return 0;
}

/* ---- directories, credentials ---- */

/* Relative and normalized; "dir:link" adds a link, but not for ConfigurationDirectory=. */
static bool directory_valid(const char *s, bool link_ok)
{
        const char *colon = strchr(s, ':');

        if (!*s || *s == '/' || strlen(s) >= PATH_MAX || (colon && (!link_ok || !colon[1] || colon == s)))
                return false;
        if (colon && (colon[1] == '/' || !path_is_normalized(colon + 1)))
                return false;
        return path_is_normalized(s) && !streq(s, "..") && !streq(s, ".");
}

static int add_directory(const struct parse *p, char *word, void *list)
{
        path_simplify(word);
        return directory_valid(word, p->d->arg != DIR_CONFIGURATION) ? strv_add_unique(list, word) : -EINVAL;
}

int parse_value_directories(const struct parse *p)
{
        struct exec_directory *dir = p->target;

        if (*p->value)
                return parse_each(
                        p, p->value, parse_word, add_directory, &dir->paths, "a relative path without '..'");
        strv_reset(&dir->paths);
        return 0;
}

/* Of two with one name the later counts. */
static int replace_by_name(char ***list, size_t name_len, char *entry)
{
        for (char **e = *list; e && *e; e++)
                if (strncmp(*e, entry, name_len + 1) == 0) {
                        free(*e);
                        *e = entry;
                        return 0;
                }
        return strv_push(list, entry);
}

/* ID[:PATH], kept as "ID:PATH"; without a path the manager's own credential of that name. */
int parse_value_load_credential(const struct parse *p)
{
        _cleanup_free_ char *s = NULL;
        const char *colon;
        char *entry;
        size_t n;
        int r;

        if (!*p->value)
                return parse_reset(p);
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r;
        colon = strchr(s, ':');
        n = colon ? (size_t)(colon - s) : strlen(s);
        if (!credential_id_valid(s, n) || (colon && (!colon[1] || !path_is_normalized(colon + 1))))
                return -EINVAL;
        entry = str_printf("%.*s:%s", (int)n, s, colon ? colon + 1 : s);
        return entry ? replace_by_name(p->target, n, entry) : -ENOMEM;
}

/* ID:DATA with C escapes. Data with a NUL byte cannot be kept in a string: told. */
int parse_value_set_credential(const struct parse *p)
{
        _cleanup_free_ char *s = NULL, *data = NULL;
        const char *colon = strchr(p->value, ':');
        char *entry;
        size_t n;
        int r;

        if (!*p->value)
                return parse_reset(p);
        if (!colon || !credential_id_valid(p->value, (size_t)(colon - p->value)))
                return -EINVAL;
        n = (size_t)(colon - p->value);
        r = str_cunescape(colon + 1, strlen(colon + 1), false, &data);
        if (r < 0)
                return r;
        r = parse_resolve(p, data, &s);
        if (r < 0)
                return r;
        entry = str_printf("%.*s:%s", (int)n, p->value, s);
        return entry ? replace_by_name(p->target, n, entry) : -ENOMEM;
}

/* ID:DATA, the data as systemd-creds(1) printed it: kept, though nothing can decrypt it (rouse-exec says so). */
int parse_value_set_credential_encrypted(const struct parse *p)
{
        const char *colon = strchr(p->value, ':');
        char *entry;

        if (!*p->value)
                return parse_reset(p);
        if (!colon || !credential_id_valid(p->value, (size_t)(colon - p->value)))
                return -EINVAL;
        entry = strdup(p->value);
        return entry ? replace_by_name(p->target, (size_t)(colon - p->value), entry) : -ENOMEM;
}
