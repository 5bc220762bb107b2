/* The growing buffer, formatted copies, and paths as strings. */
#include <stdio.h>

#include "str.h"

void strbuf_done(struct strbuf *b)
{
        free(b->s);
        *b = (struct strbuf) { 0 };
}

static int strbuf_fail(struct strbuf *b)
{
        b->failed = true;
        return -ENOMEM;
}

/* Room for more bytes and the NUL. */
static int strbuf_reserve(struct strbuf *b, size_t more)
{
        size_t need, cap;
        char *s;

        if (b->failed)
                return -ENOMEM;
        if (more > SSIZE_MAX - 1 - b->len)
                return strbuf_fail(b);
        need = b->len + more + 1;
        if (need <= b->cap)
                return 0;
        cap = MAX(MAX(need, 64u), b->cap < SSIZE_MAX / 2 ? b->cap * 2 : 0);
        s = realloc(b->s, cap);
        if (!s)
                return strbuf_fail(b);
        b->s = s;
        b->cap = cap;
        return 0;
}

int strbuf_add(struct strbuf *b, const void *data, size_t len)
{
        int r = strbuf_reserve(b, len);

        if (r < 0)
                return r;
        if (len > 0)
                memcpy(b->s + b->len, data, len);
        b->len += len;
        b->s[b->len] = '\0';
        return 0;
}

int strbuf_puts(struct strbuf *b, const char *s)
{
        return strbuf_add(b, s, strlen(s));
}

int strbuf_putc(struct strbuf *b, char c)
{
        return strbuf_add(b, &c, 1);
}

int strbuf_vprintf(struct strbuf *b, const char *fmt, va_list ap)
{
        va_list again;
        int n, r;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, again);
        va_end(again);
        if (n < 0)
                return strbuf_fail(b);
        r = strbuf_reserve(b, (size_t)n);
        if (r < 0)
                return r;
        vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
        b->len += (size_t)n;
        return 0;
}

int strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = strbuf_vprintf(b, fmt, ap);
        va_end(ap);
        return r;
}

char *strbuf_take(struct strbuf *b)
{
        char *s;

        if (b->failed) {
                strbuf_done(b);
                return NULL;
        }
        s = b->s ? b->s : strdup("");
        *b = (struct strbuf) { 0 };
        return s;
}

char *str_printf(const char *fmt, ...)
{
        va_list ap;
        char *s;
        int n;

        va_start(ap, fmt);
        n = vasprintf(&s, fmt, ap);
        va_end(ap);
        return n < 0 ? NULL : s;
}

int str_replace(char **p, const char *s)
{
        char *copy = NULL;

        if (s && !(copy = strdup(s)))
                return -ENOMEM;
        free(*p);
        *p = copy;
        return 0;
}

static bool is_blank(char c)
{
        return c && strchr(" \t\n\r\v\f", c);
}

char *str_strip(char *s)
{
        size_t n;

        while (is_blank(*s))
                s++;
        n = strlen(s);
        while (n > 0 && is_blank(s[n - 1]))
                n--;
        s[n] = '\0';
        return s;
}

/* Bytes of the UTF-8 sequence at p (at most n bytes there), 0 when it is none. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
        size_t len = p[0] < 0x80             ? 1
                     : (p[0] & 0xe0) == 0xc0 ? 2
                     : (p[0] & 0xf0) == 0xe0 ? 3
                     : (p[0] & 0xf8) == 0xf0 ? 4
                                             : 0;
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        uint32_t c;

        if (len <= 1 || len > n)
                return len <= n ? len : 0;
        c = p[0] & (0x7fu >> len);
        for (size_t i = 1; i < len; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3fu);
        }
        if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 0;
        return len;
}

void str_unescape_octal(char *s)
{
        char *to = s;

        for (; *s; s++) {
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
                        s[3] >= '0' && s[3] <= '7') {
                        *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
                        s += 3;
                } else
                        *to++ = *s;
        }
        *to = '\0';
}

bool utf8_valid(const char *s, size_t len)
{
        const unsigned char *p = (const unsigned char *)s;

        while (len > 0) {
                uint64_t eight;
                size_t n;

                if (len >= sizeof(eight)) { /* most text is plain */
                        memcpy(&eight, p, sizeof(eight));
                        if (!(eight & 0x8080808080808080u)) {
                                p += sizeof(eight);
                                len -= sizeof(eight);
                                continue;
                        }
                }
                n = utf8_sequence(p, len);

                if (n == 0)
                        return false;
                p += n;
                len -= n;
        }
        return true;
}

char *str_concat(const char *first, ...)
{
        size_t n = 0;
        char *s, *p;
        va_list ap;

        va_start(ap, first);
        for (const char *part = first; part; part = va_arg(ap, const char *))
                n += strlen(part);
        va_end(ap);
        s = p = malloc(n + 1);
        if (!s)
                return NULL;
        va_start(ap, first);
        for (const char *part = first; part; part = va_arg(ap, const char *))
                p = stpcpy(p, part);
        va_end(ap);
        *p = '\0';
        return s;
}

int str_concat_to(char *buf, size_t n, const char *first, ...)
{
        size_t at = 0;
        va_list ap;
        int r = 0;

        va_start(ap, first);
        for (const char *part = first; part && r == 0; part = va_arg(ap, const char *)) {
                size_t len = strlen(part);

                if (at + len >= n)
                        r = -ENAMETOOLONG;
                else
                        memcpy(buf + at, part, len);
                at += r == 0 ? len : 0;
        }
        va_end(ap);
        if (n > 0)
                buf[at] = '\0';
        return r;
}

char *path_join(const char *a, const char *b)
{
        size_t n = strlen(a);
        char *s;

        while (n > 0 && a[n - 1] == '/')
                n--;
        while (*b == '/')
                b++;
        if (n == 0 && *a == '\0')
                return strdup(b);
        if (*b == '\0' && n > 0)
                return strndup(a, n);
        s = malloc(n + strlen(b) + 2);
        if (!s)
                return NULL;
        memcpy(s, a, n);
        s[n] = '/';
        strcpy(s + n + 1, b);
        return s;
}

char *path_simplify(char *p)
{
        bool absolute = *p == '/';
        char *in = p, *out = p;

        if (*p == '\0')
                return p;
        while (*in) {
                size_t n;

                in += strspn(in, "/");
                n = strcspn(in, "/");
                if (n == 0)
                        break;
                if (n == 1 && *in == '.') {
                        in++;
                        continue;
                }
                if (absolute || out > p)
                        *out++ = '/';
                memmove(out, in, n);
                out += n;
                in += n;
        }
        if (out == p)
                *out++ = absolute ? '/' : '.';
        *out = '\0';
        return p;
}

bool path_is_normalized(const char *p)
{
        if (*p == '\0')
                return false;
        if (*p == '/')
                p++;
        while (*p) {
                size_t n = strcspn(p, "/");

                if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
                        return false;
                p += n;
                if (*p == '/')
                        p++;
        }
        return true;
}

const char *path_startswith(const char *path, const char *prefix)
{
        if ((*path == '/') != (*prefix == '/'))
                return NULL;
        for (;;) {
                size_t n;

                path += strspn(path, "/");
                prefix += strspn(prefix, "/");
                n = strcspn(prefix, "/");
                if (n == 0)
                        return path;
                if (strcspn(path, "/") != n || memcmp(path, prefix, n) != 0)
                        return NULL;
                path += n;
                prefix += n;
        }
}

const char *path_basename(const char *p)
{
        const char *slash = strrchr(p, '/');

        return slash ? slash + 1 : p;
}
