/* Rules text → logical lines → keys.
 *
 *     line  = { key [ "{" attr "}" ] op value [ "," ] }
 *     op    = "==" | "!=" | "+=" | "-=" | ":=" | "="
 *     value = "\"" { any | "\\\"" } "\""  |  "e\"" { any | C escape } "\""
 *
 * A backslash at the end of a line continues it, leading white space of each physical line goes, comment lines in
 * between are skipped. Everything is done in place in the buffer that holds the file. */
#include <ctype.h>

#include "rules-int.h"
#include "lib/log.h"

/* --- logical lines ---------------------------------------------------------------------------------- */

static char *skip_space(char *p)
{
        while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == '\v' || *p == '\f')
                p++;
        return p;
}

static int take_logical(char *start, const char *end, const struct line_parts *parts, const char *path,
        rule_line_fn fn, void *data, unsigned *problems)
{
        if ((size_t)(end - start) >= RULE_LINE_MAX) {
                (*problems)++;
                return log_file(path, parts->v[0].line, LOG_ERR, "line is longer than %d bytes, ignored",
                        RULE_LINE_MAX);
        }
        return *start ? fn(start, parts, data) : 0;
}

int read_rule_lines(const char *path, char *text, rule_line_fn fn, void *data, unsigned *problems)
{
        char *rest = text, *whole, *phys, *start = NULL, *end = NULL;
        struct line_parts parts;
        unsigned number = 0;
        int r;

        while ((whole = strsep(&rest, "\n"))) {
                size_t len;
                bool more;

                number++;
                phys = skip_space(whole);
                if (*phys == '#')
                        continue;
                len = strlen(phys);
                if (len && phys[len - 1] == '\r')
                        phys[--len] = 0;
                more = len && phys[len - 1] == '\\';
                if (more)
                        phys[--len] = 0;
                if (!start) {
                        if (!len && !more)
                                continue;
                        start = end = phys;
                        parts.n = 0;
                }
                if (parts.n < ARRAY_SIZE(parts.v))
                        parts.v[parts.n++] = (struct line_part) { (size_t)(end - start), number,
                                (unsigned)(phys - whole) + 1 };
                memmove(end, phys, len + 1); /* never forward: what is joined lies before */
                end += len;
                if (more && rest)
                        continue;
                if (more)
                        log_file(path, number, LOG_WARNING, "file ends in a continued line");
                r = take_logical(start, end, &parts, path, fn, data, problems);
                if (r < 0)
                        return r;
                start = NULL;
        }
        /* comment lines after a continued one, then the end */
        return start ? take_logical(start, end, &parts, path, fn, data, problems) : 0;
}

/* --- keys ------------------------------------------------------------------------------------------- */

static bool parse_op(char **p, enum op *ret)
{
        static const struct {
                char text[3];
                enum op op;
        } ops[] = {
                { "==", OP_MATCH },
                { "!=", OP_NOMATCH },
                { "+=", OP_ADD },
                { "-=", OP_REMOVE },
                { ":=", OP_FINAL },
                { "=", OP_ASSIGN },
        };

        for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
                const char *after = startswith(*p, ops[i].text);

                if (after) {
                        *p += after - *p;
                        *ret = ops[i].op;
                        return true;
                }
        }
        return false;
}

static int hex_digits(const char *s, int n, unsigned *ret)
{
        unsigned v = 0;

        for (int i = 0; i < n; i++) {
                if (!isxdigit((unsigned char)s[i]))
                        return -EINVAL;
                v = v * 16 +
                    (unsigned)(isdigit((unsigned char)s[i]) ? s[i] - '0' : tolower(s[i]) - 'a' + 10);
        }
        *ret = v;
        return 0;
}

static size_t put_utf8(char *w, unsigned c)
{
        if (c < 0x80)
                return w[0] = (char)c, 1;
        if (c < 0x800) {
                w[0] = (char)(0xc0 | c >> 6);
                w[1] = (char)(0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                w[0] = (char)(0xe0 | c >> 12);
                w[1] = (char)(0x80 | (c >> 6 & 0x3f));
                w[2] = (char)(0x80 | (c & 0x3f));
                return 3;
        }
        w[0] = (char)(0xf0 | c >> 18);
        w[1] = (char)(0x80 | (c >> 12 & 0x3f));
        w[2] = (char)(0x80 | (c >> 6 & 0x3f));
        w[3] = (char)(0x80 | (c & 0x3f));
        return 4;
}

/* Decodes one escape after the backslash; the result is never longer than what it was written as. */
static int decode_escape(char **in, char **out)
{
        static const char names[] = "abfnrtv\\\"'s", values[] = "\a\b\f\n\r\t\v\\\"' ";
        char *p = *in;
        const char *at;
        unsigned c;

        if (*p && (at = strchr(names, *p))) {
                *(*out)++ = values[at - names];
                *in = p + 1;
                return 0;
        }
        if (*p == 'x') {
                if (hex_digits(p + 1, 2, &c) < 0 || c == 0)
                        return -EINVAL;
                *(*out)++ = (char)c;
                *in = p + 3;
                return 0;
        }
        if (*p == 'u' || *p == 'U') {
                int n = *p == 'u' ? 4 : 8;

                if (hex_digits(p + 1, n, &c) < 0 || c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
                        return -EINVAL;
                *out += put_utf8(*out, c);
                *in = p + 1 + n;
                return 0;
        }
        if (p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7') {
                c = (unsigned)((p[0] - '0') * 64 + (p[1] - '0') * 8 + (p[2] - '0'));
                if (c == 0)
                        return -EINVAL;
                *(*out)++ = (char)c;
                *in = p + 3;
                return 0;
        }
        return -EINVAL;
}

static int parse_value(char **p, struct parsed *ret, const char **ret_what)
{
        bool escaped = **p == 'e';
        char *in, *out;

        if (escaped)
                (*p)++;
        if (**p != '"') {
                *ret_what = "value must be in double quotes";
                return -EINVAL;
        }
        in = out = ++(*p);
        ret->value = out;
        ret->escaped = escaped;
        while (*in != '"') {
                if (!*in) {
                        *ret_what = "no closing quote";
                        return -EINVAL;
                }
                if (escaped && *in == '\\') {
                        in++;
                        if (decode_escape(&in, &out) < 0) {
                                *ret_what = "bad escape in e\"…\"";
                                *p = in;
                                return -EINVAL;
                        }
                        continue;
                }
                if (in[0] == '\\' && in[1] == '"')
                        in++;
                *out++ = *in++;
        }
        *p = in + 1;
        *out = 0;
        return 0;
}

int parse_key(const char *line, char **pos, struct parsed *ret, unsigned *ret_column, const char **ret_what)
{
        char *p = *pos, *key_end, *attr = NULL, *attr_end = NULL;
        int r;

#define FAIL(text) return *ret_what = (text), *ret_column = (unsigned)(p - line) + 1, -EINVAL
        while (*p == ',' || *p == ' ' || *p == '\t' || *p == '\r' || *p == '\v' || *p == '\f')
                p++;
        if (!*p)
                return 0;
        ret->key = p;
        ret->column = (unsigned)(p - line) + 1;
        while (isalnum((unsigned char)*p) || *p == '_')
                p++;
        key_end = p;
        if (key_end == ret->key)
                FAIL("expected a key");
        if (*p == '{') {
                attr = ++p;
                while (*p && *p != '}')
                        p++;
                if (!*p)
                        FAIL("no closing brace");
                attr_end = p++;
        }
        p = skip_space(p);
        if (!parse_op(&p, &ret->op))
                FAIL("expected an operator (== != = += -= :=)");
        p = skip_space(p);
        *key_end = 0;
        if (attr)
                *attr_end = 0;
        ret->attr = attr;
        r = parse_value(&p, ret, ret_what);
        if (r < 0) {
                *ret_column = (unsigned)(p - line) + 1;
                return r;
        }
        *pos = p;
        return 1;
#undef FAIL
}
