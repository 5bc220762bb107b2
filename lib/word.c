/* Words of a line by the quoting rules of systemd.syntax(7), and C escapes.
 *
 * A quote opens a group wherever it stands (VAR="a b" is one word, VAR=a b), as systemd has it in practice. */
#include "str.h"

#define WORD_BLANKS " \t\n\r"

int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* Number of exactly n digits in base (8 or 16) at s; -EINVAL. Never looks beyond n or a bad digit. */
static int64_t escape_number(const char *s, size_t n, unsigned base)
{
        int64_t v = 0;

        for (size_t i = 0; i < n; i++) {
                int d = hex_digit(s[i]);

                if (d < 0 || (unsigned)d >= base)
                        return -EINVAL;
                v = v * base + d;
        }
        return v;
}

static int add_code_point(struct strbuf *b, int64_t c)
{
        char u[4];
        size_t n;

        if (c <= 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return -EINVAL;
        if (c < 0x80) {
                u[0] = (char)c;
                n = 1;
        } else if (c < 0x800) {
                u[0] = (char)(0xc0 | c >> 6);
                u[1] = (char)(0x80 | (c & 0x3f));
                n = 2;
        } else if (c < 0x10000) {
                u[0] = (char)(0xe0 | c >> 12);
                u[1] = (char)(0x80 | (c >> 6 & 0x3f));
                u[2] = (char)(0x80 | (c & 0x3f));
                n = 3;
        } else {
                u[0] = (char)(0xf0 | c >> 18);
                u[1] = (char)(0x80 | (c >> 12 & 0x3f));
                u[2] = (char)(0x80 | (c >> 6 & 0x3f));
                u[3] = (char)(0x80 | (c & 0x3f));
                n = 4;
        }
        return strbuf_add(b, u, n);
}

static const char simple_escapes[] = "a\ab\bf\fn\nr\rt\tv\v\\\\\"\"''s ";

/* Decodes the escape whose text after the backslash is s[0..left) into b. Number of bytes of s used, or
 * -EINVAL. */
static int decode_escape(struct strbuf *b, const char *s, size_t left)
{
        size_t digits = 0, skip = 1;
        int64_t c;

        if (left == 0)
                return -EINVAL;
        for (const char *e = simple_escapes; *e; e += 2)
                if (*e == *s)
                        return strbuf_putc(b, e[1]) < 0 ? -ENOMEM : 1;
        if (*s == 'x')
                digits = 2;
        else if (*s == 'u')
                digits = 4;
        else if (*s == 'U')
                digits = 8;
        else if (*s >= '0' && *s <= '3') {
                digits = 3;
                skip = 0;
        }
        if (digits == 0 || skip + digits > left)
                return -EINVAL;
        c = escape_number(s + skip, digits, skip ? 16 : 8);
        if (c <= 0)
                return -EINVAL;
        if (digits == 2 || digits == 3) {
                if (strbuf_putc(b, (char)c) < 0)
                        return -ENOMEM;
        } else {
                int r = add_code_point(b, c);

                if (r < 0)
                        return r;
        }
        return (int)(skip + digits);
}

/* The escape at s (a backslash) to b: decoded, or as written when relax allows. Bytes used or an error. */
static int take_escape(struct strbuf *b, const char *s, size_t left, bool relax)
{
        int n = decode_escape(b, s + 1, left - 1);

        if (n == -EINVAL && relax) {
                n = left > 1 ? 1 : 0;
                if (strbuf_add(b, s, (size_t)n + 1) < 0)
                        return -ENOMEM;
        }
        return n < 0 ? n : n + 1;
}

int str_next_word(const char **p, char **ret_word, int flags)
{
        const char *s = *p + strspn(*p, WORD_BLANKS), *end = s + strlen(s);
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char quote = 0, *word;

        if (!*s) {
                *p = s;
                return 0;
        }
        while (*s && (quote || !strchr(WORD_BLANKS, *s))) {
                bool is_quote = quote ? *s == quote : *s == '"' || *s == '\'';

                if (*s == '\\' && (flags & WORD_CUNESCAPE)) {
                        int n = take_escape(&b, s, (size_t)(end - s), flags & WORD_RELAX);

                        if (n < 0)
                                return n;
                        s += n;
                        continue;
                }
                if (is_quote)
                        quote = quote ? 0 : *s;
                if (!is_quote || (flags & WORD_KEEP_QUOTES))
                        strbuf_putc(&b, *s);
                s++;
        }
        if (quote)
                return -EINVAL;
        word = strbuf_take(&b);
        if (!word)
                return -ENOMEM;
        *ret_word = word;
        *p = s + strspn(s, WORD_BLANKS);
        return 1;
}

int str_split_quoted(const char *s, int flags, char ***ret_words)
{
        _cleanup_strv_ char **words = calloc(1, sizeof(char *));
        char *word;
        int r;

        if (!words)
                return -ENOMEM;
        while ((r = str_next_word(&s, &word, flags)) > 0) {
                r = strv_push(&words, word);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        *ret_words = TAKE_PTR(words);
        return 0;
}

int str_cunescape(const char *s, size_t len, bool relax, char **ret)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        char *out;

        for (size_t i = 0; i < len;) {
                if (s[i] == '\\') {
                        int n = take_escape(&b, s + i, len - i, relax);

                        if (n < 0)
                                return n;
                        i += (size_t)n;
                } else
                        strbuf_putc(&b, s[i++]);
        }
        out = strbuf_take(&b);
        if (!out)
                return -ENOMEM;
        *ret = out;
        return 0;
}

char *str_cescape(const char *s)
{
        struct strbuf b = { 0 };

        for (; *s; s++) {
                unsigned char c = (unsigned char)*s;
                const char *e;

                for (e = simple_escapes; *e; e += 2)
                        if (e[1] == *s && *s != ' ')
                                break;
                if (*e) {
                        strbuf_putc(&b, '\\');
                        strbuf_putc(&b, *e);
                } else if (c < 32 || c >= 127)
                        strbuf_printf(&b, "\\x%02x", c);
                else
                        strbuf_putc(&b, *s);
        }
        return strbuf_take(&b);
}
