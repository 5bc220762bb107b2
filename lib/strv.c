/* NULL-terminated lists of owned strings, and environment lists. */
#include <stdio.h>

#include "str.h"

void strv_free(char **v)
{
        for (char **i = v; i && *i; i++)
                free(*i);
        free(v);
}

void strv_freep(char ***v)
{
        strv_free(*v);
}

void strv_reset(char ***v)
{
        strv_free(*v);
        *v = NULL;
}

size_t strv_len(char *const *v)
{
        size_t n = 0;

        while (v && v[n])
                n++;
        return n;
}

int strv_push(char ***v, char *s)
{
        size_t n = strv_len(*v);
        char **grown;

        if (!s)
                return -ENOMEM;
        grown = realloc(*v, (n + 2) * sizeof(char *));
        if (!grown) {
                free(s);
                return -ENOMEM;
        }
        grown[n] = s;
        grown[n + 1] = NULL;
        *v = grown;
        return 0;
}

int strv_add(char ***v, const char *s)
{
        return strv_push(v, strdup(s));
}

int strv_addf(char ***v, const char *fmt, ...)
{
        va_list ap;
        char *s;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&s, fmt, ap);
        va_end(ap);
        return n < 0 ? -ENOMEM : strv_push(v, s);
}

int strv_add_unique(char ***v, const char *s)
{
        return strv_contains(*v, s) ? 0 : strv_add(v, s);
}

/* All of more or, out of memory, none of it. */
int strv_extend(char ***v, char *const *more)
{
        size_t n = strv_len(*v), m = strv_len(more);
        char **grown;

        if (m == 0)
                return 0;
        grown = realloc(*v, (n + m + 1) * sizeof(char *));
        if (!grown)
                return -ENOMEM;
        *v = grown;
        for (size_t i = 0; i < m; i++) {
                grown[n + i] = strdup(more[i]);
                if (!grown[n + i]) {
                        while (i-- > 0)
                                free(grown[n + i]);
                        grown[n] = NULL;
                        return -ENOMEM;
                }
        }
        grown[n + m] = NULL;
        return 0;
}

bool strv_contains(char *const *v, const char *s)
{
        FOREACH_STR (i, v)
                if (streq(*i, s))
                        return true;
        return false;
}

void strv_remove(char **v, const char *s)
{
        char **to = v;

        for (char **from = v; from && *from; from++) {
                if (streq(*from, s))
                        free(*from);
                else
                        *to++ = *from;
        }
        if (to)
                *to = NULL;
}

char **strv_copy(char *const *v)
{
        char **copy = calloc(strv_len(v) + 1, sizeof(char *));

        for (size_t i = 0; copy && v && v[i]; i++) {
                copy[i] = strdup(v[i]);
                if (!copy[i]) {
                        strv_free(copy);
                        return NULL;
                }
        }
        return copy;
}

char *strv_join(char *const *v, const char *sep)
{
        struct strbuf b = { 0 };

        FOREACH_STR (i, v) {
                if (i != v)
                        strbuf_puts(&b, sep);
                strbuf_puts(&b, *i);
        }
        return strbuf_take(&b);
}

char **strv_split(const char *s, const char *seps)
{
        char **v = calloc(1, sizeof(char *));

        while (v && *(s += strspn(s, seps))) {
                size_t n = strcspn(s, seps);

                if (strv_push(&v, strndup(s, n)) < 0) {
                        strv_free(v);
                        return NULL;
                }
                s += n;
        }
        return v;
}

static int compare_strings(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(char **v)
{
        if (v && *v)
                qsort(v, strv_len(v), sizeof(char *), compare_strings);
}

/* Index of the entry whose key is key[0..n), or -1. */
static ssize_t env_find(char *const *env, const char *key, size_t n)
{
        for (size_t i = 0; env && env[i]; i++)
                if (strncmp(env[i], key, n) == 0 && env[i][n] == '=')
                        return (ssize_t)i;
        return -1;
}

int strv_env_set(char ***env, const char *assignment)
{
        size_t n = strcspn(assignment, "=");
        ssize_t at;

        if (n == 0 || assignment[n] != '=')
                return -EINVAL;
        at = env_find(*env, assignment, n);
        return at < 0 ? strv_add(env, assignment) : str_replace(*env + at, assignment);
}

const char *strv_env_get(char *const *env, const char *key)
{
        size_t n = strlen(key);
        ssize_t at = env_find(env, key, n);

        return at < 0 ? NULL : env[at] + n + 1;
}

/* "KEY" removes whatever its value is, "KEY=value" only that very entry. */
void strv_env_unset(char **env, const char *key_or_assignment)
{
        size_t n = strlen(key_or_assignment);
        bool exact = strchr(key_or_assignment, '=');
        char **to = env;

        for (char **from = env; from && *from; from++) {
                char after = strncmp(*from, key_or_assignment, n) == 0 ? (*from)[n] : 'x';

                if (after == (exact ? '\0' : '='))
                        free(*from);
                else
                        *to++ = *from;
        }
        if (to)
                *to = NULL;
}
