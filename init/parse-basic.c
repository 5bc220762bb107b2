/* Directive values of the plain forms: booleans, numbers, time spans, strings, paths, words of a table. */
#include <stdio.h>

#include "names.h"
#include "parse.h"

int parse_problem(const struct parse *p, const char *fmt, ...)
{
        char why[256];
        va_list ap;

        va_start(ap, fmt);
        (void)vsnprintf(why, sizeof(why), fmt, ap);
        va_end(ap);
        p->u->n_problems++;
        return log_file(p->path, p->line, LOG_WARNING, "Failed to parse %s='%.200s': %s; ignored",
                p->d->name, p->value, why);
}

int parse_resolve(const struct parse *p, const char *s, char **ret)
{
        char *copy;
        int r;

        if (!strchr(s, '%')) {
                copy = strdup(s);
                if (!copy)
                        return -ENOMEM;
                *ret = copy;
                return 0;
        }
        r = unit_resolve(p->u, s, ret);
        return r == -EINVAL ? -EBADSLT : r;
}

static int next_word(const struct parse *p, const char **s, int flags, char **ret)
{
        _cleanup_free_ char *word = NULL;
        int r = str_next_word(s, &word, flags);

        if (r <= 0)
                return r;
        r = parse_resolve(p, word, ret);
        return r < 0 ? r : 1;
}

int parse_word(const struct parse *p, const char **s, char **ret)
{
        return next_word(p, s, 0, ret);
}

int parse_word_c(const struct parse *p, const char **s, char **ret)
{
        return next_word(p, s, WORD_CUNESCAPE | WORD_RELAX, ret);
}

int parse_each(const struct parse *p, const char *s, parse_next_fn next, parse_item_fn item, void *to,
        const char *what)
{
        for (;;) {
                _cleanup_free_ char *word = NULL, *shown = NULL;
                int r = next(p, &s, &word);

                if (r <= 0)
                        return r;
                shown = strdup(word);
                if (!shown)
                        return -ENOMEM;
                r = item(p, word, to);
                if (what && (r == -EINVAL || r == -ERANGE))
                        parse_problem(p, "'%.100s' is not %s", shown, what);
                else if (r < 0)
                        return r;
        }
}

int parse_reset(const struct parse *p)
{
        strv_reset(p->target);
        return 0;
}

int parse_list(const struct parse *p, parse_next_fn next, parse_item_fn item, const char *what)
{
        return *p->value ? parse_each(p, p->value, next, item, p->target, what) : parse_reset(p);
}

int parse_item_add(const struct parse *p, char *word, void *list)
{
        (void)p;
        return strv_add(list, word);
}

int parse_item_add_unique(const struct parse *p, char *word, void *list)
{
        (void)p;
        return strv_add_unique(list, word);
}

int parse_path_value(const char *s, char **ret)
{
        char *path;

        if (*s != '/' || strlen(s) >= PATH_MAX)
                return -EINVAL;
        path = strdup(s);
        if (!path)
                return -ENOMEM;
        path_simplify(path);
        if (!path_is_normalized(path)) {
                free(path);
                return -EINVAL;
        }
        *ret = path;
        return 0;
}

int parse_value_boolean(const struct parse *p)
{
        int v = parse_boolean(p->value);

        if (v < 0)
                return v;
        *(bool *)p->target = v;
        return 0;
}

/* For fields that say the opposite, so that zero is the default. */
int parse_value_boolean_inverted(const struct parse *p)
{
        int v = parse_boolean(p->value);

        if (v < 0)
                return v;
        *(bool *)p->target = !v;
        return 0;
}

int parse_value_int(const struct parse *p)
{
        return parse_int(p->value, p->target);
}

int parse_value_u32(const struct parse *p)
{
        return parse_u32(p->value, p->target);
}

int parse_value_mode(const struct parse *p)
{
        return parse_mode(p->value, p->target);
}

int parse_value_sec(const struct parse *p)
{
        return parse_timespan(p->value, USEC_PER_SEC, p->target);
}

/* Time-outs of which 0 means none. */
int parse_value_sec_zero_infinite(const struct parse *p)
{
        usec_t t;
        int r = parse_timespan(p->value, USEC_PER_SEC, &t);

        if (r < 0)
                return r;
        *(usec_t *)p->target = t ? t : USEC_INFINITY;
        return 0;
}

/* Nanoseconds, unit-less numbers too. */
int parse_value_nsec(const struct parse *p)
{
        uint64_t *ret = p->target;
        usec_t t;
        int r;

        if (parse_u64(p->value, ret) >= 0)
                return 0;
        if (endswith(p->value, "ns"))
                return -EINVAL; /* finer than time spans go, unless without its unit */
        r = parse_timespan(p->value, USEC_PER_SEC, &t);
        if (r < 0)
                return r;
        *ret = t == USEC_INFINITY ? UINT64_MAX : (uint64_t)t * 1000;
        return 0;
}

int parse_value_size(const struct parse *p)
{
        return parse_size(p->value, p->target);
}

int parse_value_string(const struct parse *p)
{
        _cleanup_free_ char *s = NULL;
        char **to = p->target;
        int r;

        if (!*p->value) {
                free(*to);
                *to = NULL;
                return 0;
        }
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r;
        free(*to);
        *to = TAKE_PTR(s);
        return 0;
}

int parse_value_string_raw(const struct parse *p)
{
        return str_replace(p->target, *p->value ? p->value : NULL);
}

/* A list of words; each assignment adds. */
int parse_value_strv(const struct parse *p)
{
        return parse_list(p, parse_word, parse_item_add, NULL);
}

int parse_value_words(const struct parse *p)
{
        return parse_list(p, parse_word, parse_item_add_unique, NULL);
}

static int take_path(const struct parse *p, bool empty_ok)
{
        _cleanup_free_ char *s = NULL, *path = NULL;
        char **to = p->target;
        int r;

        if (!*p->value) {
                if (!empty_ok)
                        return -EINVAL;
                free(*to);
                *to = NULL;
                return 0;
        }
        r = parse_resolve(p, p->value, &s);
        if (r >= 0)
                r = parse_path_value(s, &path);
        if (r < 0)
                return r;
        free(*to);
        *to = TAKE_PTR(path);
        return 0;
}

int parse_value_path(const struct parse *p)
{
        return take_path(p, false);
}

int parse_value_path_or_empty(const struct parse *p)
{
        return take_path(p, true);
}

static int add_path(const struct parse *p, char *word, void *list)
{
        _cleanup_free_ char *path = NULL;
        int r = parse_path_value(word, &path);

        (void)p;
        return r < 0 ? r : strv_push(list, TAKE_PTR(path));
}

/* Absolute paths with blanks between; a bad one is told and left out. */
int parse_value_paths(const struct parse *p)
{
        return parse_list(p, parse_word_c, add_path, "an absolute path");
}

/* "/a:/b", as in $PATH; assignments add. */
int parse_value_paths_colon(const struct parse *p)
{
        _cleanup_free_ char *s = NULL;
        _cleanup_strv_ char **words = NULL;
        int r;

        if (!*p->value)
                return parse_reset(p);
        r = parse_resolve(p, p->value, &s);
        if (r < 0)
                return r;
        words = strv_split(s, ":");
        FOREACH_STR (w, words) {
                r = add_path(p, *w, p->target);
                if (r == -EINVAL)
                        parse_problem(p, "'%.100s' is not an absolute path", *w);
                else if (r < 0)
                        return r;
        }
        return 0;
}

/* A word of the row's table into an int or enum. */
int parse_value_enum(const struct parse *p)
{
        int64_t v;
        int r = name_value((const struct name_row *)p->d->arg, p->value, &v);

        if (r < 0)
                return r;
        *(int *)p->target = (int)v;
        return 0;
}

/* The same for tables of which value 0 is "no" and value 1 "yes", which take every spelling of a boolean. */
int parse_value_enum_or_bool(const struct parse *p)
{
        int v = parse_boolean(p->value);

        if (v < 0)
                return parse_value_enum(p);
        *(int *)p->target = v;
        return 0;
}

/* A table of two values into a bool. */
int parse_value_enum_bool8(const struct parse *p)
{
        int64_t v;
        int r = name_value((const struct name_row *)p->d->arg, p->value, &v);

        if (r < 0)
                return r;
        *(bool *)p->target = v != 0;
        return 0;
}

int parse_value_signal(const struct parse *p)
{
        int sig = signal_number(p->value);

        if (sig < 0)
                return sig;
        *(int *)p->target = sig;
        return 0;
}
