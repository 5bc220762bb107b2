/* Expansion of variables in command lines, and environment files. */
#include <glob.h>

#include "exec-expand.h"
#include "lib/fileio.h"

static bool name_char(char c, bool first)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               (!first && c >= '0' && c <= '9');
}

static size_t name_length(const char *s)
{
        size_t n = 0;

        while (name_char(s[n], n == 0))
                n++;
        return n;
}

/* Value of the variable s[0..n); "" when it is not set. */
static const char *value_of(char *const *env, const char *s, size_t n)
{
        FOREACH_STR (e, env)
                if (strncmp(*e, s, n) == 0 && (*e)[n] == '=')
                        return *e + n + 1;
        return "";
}

/* One ${…} at s ("${"), to b. Bytes used, 0 when it is not one. Also ${X:-default} and ${X:+alternative}. */
static size_t expand_braced(const char *s, char *const *env, struct strbuf *b)
{
        size_t n = name_length(s + 2);
        const char *after = s + 2 + n, *value = value_of(env, s + 2, n), *end;

        if (n == 0)
                return 0;
        if (*after == '}') {
                strbuf_puts(b, value);
                return n + 3;
        }
        end = *after == ':' && (after[1] == '-' || after[1] == '+') ? strchr(after, '}') : NULL;
        if (!end)
                return 0;
        if (after[1] == '+') {
                if (*value)
                        strbuf_add(b, after + 2, (size_t)(end - after - 2));
        } else if (*value)
                strbuf_puts(b, value);
        else
                strbuf_add(b, after + 2, (size_t)(end - after - 2));
        return (size_t)(end + 1 - s);
}

/* ${VAR} inside a word, and $$. */
static int expand_word(const char *s, char *const *env, char **ret)
{
        struct strbuf b = { 0 };

        while (*s) {
                size_t used = 0;

                if (s[0] == '$' && s[1] == '$') {
                        strbuf_putc(&b, '$');
                        used = 2;
                } else if (s[0] == '$' && s[1] == '{')
                        used = expand_braced(s, env, &b);
                if (used == 0) {
                        strbuf_putc(&b, *s);
                        used = 1;
                }
                s += used;
        }
        *ret = strbuf_take(&b);
        return *ret ? 0 : -ENOMEM;
}

int exec_expand_argv(char *const *argv, char *const *env, char ***ret)
{
        _cleanup_strv_ char **out = NULL;
        int r;

        for (size_t i = 0; argv && argv[i]; i++) {
                const char *a = argv[i];
                size_t n = a[0] == '$' ? name_length(a + 1) : 0;
                char *word;

                if (i == 0)
                        r = strv_add(&out, a);
                else if (n > 0 && a[1 + n] == '\0') { /* $VAR alone: its words */
                        _cleanup_strv_ char **words = NULL;

                        r = str_split_quoted(value_of(env, a + 1, n), WORD_RELAX, &words);
                        if (r >= 0)
                                r = strv_extend(&out, words);
                        else if (r == -EINVAL) /* an unbalanced quote: as it stands */
                                r = strv_add(&out, value_of(env, a + 1, n));
                } else {
                        r = expand_word(a, env, &word);
                        if (r >= 0)
                                r = strv_push(&out, word);
                }
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(out);
        return 0;
}

/* ---- environment files ---- */

static bool name_valid(const char *s)
{
        size_t n = name_length(s);

        return n > 0 && s[n] == '\0';
}

static const char blanks[] = " \t\r";

static bool is_blank(char c)
{
        return c && strchr(blanks, c);
}

/* The unquoted text at *s up to the end of its line; a backslash keeps the next character, or joins lines. */
static void take_bare(const char **s, const char *end, struct strbuf *b)
{
        size_t keep = b->len; /* trailing blanks beyond are dropped */

        while (*s < end && **s != '\n') {
                bool blank = is_blank(**s);

                if (**s == '\\') {
                        if (++*s >= end)
                                break;
                        if (**s == '\n') {
                                ++*s;
                                continue;
                        }
                        blank = false;
                }
                strbuf_putc(b, *(*s)++);
                if (!blank)
                        keep = b->len;
        }
        if (b->s && keep < b->len) {
                b->len = keep;
                b->s[keep] = '\0';
        }
}

/* A quoted value at *s (behind the quote), which may span lines. */
static void take_quoted(const char **s, const char *end, char quote, struct strbuf *b)
{
        for (; *s < end && **s != quote; ++*s) {
                if (quote == '"' && **s == '\\' && *s + 1 < end) {
                        ++*s;
                        if (**s == '\n')
                                continue;
                        if (!strchr("\"\\$`", **s))
                                strbuf_putc(b, '\\');
                }
                strbuf_putc(b, **s);
        }
        if (*s < end)
                ++*s;
}

static const char *line_end(const char *s, const char *end)
{
        const char *nl = memchr(s, '\n', (size_t)(end - s));

        return nl ? nl : end;
}

/* One assignment at *s, or a line to skip; *s is behind it afterwards. */
static int take_assignment(const char **s, const char *end, char ***env, unsigned *ignored)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        const char *nl = line_end(*s, end), *eq = memchr(*s, '=', (size_t)(nl - *s));
        _cleanup_free_ char *key = eq ? strndup(*s, (size_t)(eq - *s)) : NULL;
        const char *name;

        if (**s == '#' || **s == ';' || !eq) {
                /* a comment goes on behind a backslash, too */
                while (nl > *s && nl < end && nl[-1] == '\\' && (**s == '#' || **s == ';')) {
                        *s = nl;
                        nl = line_end(nl + 1, end);
                        if (nl == end)
                                break;
                }
                *s = nl;
                return 0;
        }
        if (!key)
                return -ENOMEM;
        name = str_strip(key);
        if (strbuf_printf(&b, "%s=", name) < 0)
                return -ENOMEM;
        for (*s = eq + 1; *s < end && is_blank(**s); ++*s)
                ;
        if (*s < end && (**s == '"' || **s == '\'')) {
                char quote = *(*s)++;

                take_quoted(s, end, quote, &b);
                while (*s < end && is_blank(**s))
                        ++*s;
        }
        take_bare(s, end, &b);
        if (b.failed)
                return -ENOMEM;
        if (!name_valid(name)) {
                if (ignored)
                        ++*ignored;
                return 0;
        }
        return strv_env_set(env, b.s);
}

int exec_env_text(const char *text, size_t len, char ***env, unsigned *ret_ignored)
{
        const char *s = text, *end = text + len;
        unsigned ignored = 0;

        if (memchr(text, 0, len) || !utf8_valid(text, len))
                return -EBADMSG;
        while (s < end) {
                int r;

                while (s < end && (*s == '\n' || is_blank(*s)))
                        s++;
                if (s >= end)
                        break;
                r = take_assignment(&s, end, env, &ignored);
                if (r < 0)
                        return r;
        }
        if (ret_ignored)
                *ret_ignored = ignored;
        return 0;
}

static int one_file(const char *path, char ***env)
{
        _cleanup_free_ char *text = NULL;
        size_t len;
        int r = read_file(path, 0, &text, &len);

        return r < 0 ? r : exec_env_text(text, len, env, NULL);
}

int exec_env_file(const char *path, char ***env)
{
        bool optional = *path == '-';
        glob_t g = { 0 };
        int r = 0;

        path += optional;
        if (!strpbrk(path, "*?["))
                r = one_file(path, env);
        else if (glob(path, GLOB_NOSORT, NULL, &g) != 0)
                r = -ENOENT;
        else {
                for (size_t i = 0; i < g.gl_pathc && r >= 0; i++)
                        r = one_file(g.gl_pathv[i], env);
        }
        globfree(&g);
        return optional && r == -ENOENT ? 0 : r;
}
