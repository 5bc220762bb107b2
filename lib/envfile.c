/* Files of shell-like assignments (os-release, locale.conf, EnvironmentFile=), as systemd.exec(5) tells it:
 *
 *   file    = { blank | comment | KEY '=' value newline }        comment: '#' or ';' first on its line
 *   value   = { 'literal' | "with \" \\ \$ \` escapes" | bare }  bare text: \c is c, \newline is nothing;
 *                                                                white space at both ends is dropped
 *
 * Quotes may span lines. A line without "=" or with a bad key is skipped. */
#include "fileio.h"
#include "str.h"

static bool key_valid(const char *s, size_t n)
{
        if (n == 0 || (*s >= '0' && *s <= '9'))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
                            (s[i] >= '0' && s[i] <= '9') || s[i] == '_'))
                        return false;
        return true;
}

/* Value at s, decoded into b; returns where it ended (a newline or NUL). */
static const char *take_value(const char *s, struct strbuf *b)
{
        size_t keep = 0; /* trailing blanks beyond this are not part of the value */
        char quote = 0;

        s += strspn(s, " \t");
        for (; *s && (quote || *s != '\n'); s++) {
                bool blank = !quote && strchr(" \t\r", *s);

                if (quote ? *s == quote : (*s == '\'' || *s == '"')) {
                        quote = quote ? 0 : *s;
                } else if (*s == '\\' && quote != '\'' && s[1]) {
                        s++;
                        if (quote == '"' && !strchr("\"\\$`\n", *s))
                                strbuf_putc(b, '\\');
                        if (*s != '\n')
                                strbuf_putc(b, *s);
                } else
                        strbuf_putc(b, *s);
                if (!blank)
                        keep = b->len;
        }
        if (b->s && keep < b->len) {
                b->len = keep;
                b->s[keep] = '\0';
        }
        return s;
}

int parse_env_text(const char *s, int (*fn)(const char *key, const char *value, void *data), void *data)
{
        while (*s) {
                _cleanup_strbuf_ struct strbuf value = { 0 };
                _cleanup_free_ char *key = NULL;
                char *name;
                size_t n;
                int r;

                s += strspn(s, " \t\r\n");
                n = strcspn(s, "=\n");
                if (*s == '#' || *s == ';' || s[n] != '=') {
                        s += strcspn(s, "\n");
                        continue;
                }
                key = strndup(s, n);
                if (!key)
                        return -ENOMEM;
                s = take_value(s + n + 1, &value);
                if (value.failed || strbuf_puts(&value, "") < 0)
                        return -ENOMEM;
                name = str_strip(key);
                if (!key_valid(name, strlen(name)))
                        continue;
                r = fn(name, value.s, data);
                if (r < 0)
                        return r;
        }
        return 0;
}

int parse_env_file(const char *path, int (*fn)(const char *key, const char *value, void *data), void *data)
{
        _cleanup_free_ char *text = NULL;
        int r = read_file(path, 0, &text, NULL);

        return r < 0 ? r : parse_env_text(text, fn, data);
}
