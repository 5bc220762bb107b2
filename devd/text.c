/* Sanitising of text (text.h). */
#include <ctype.h>
#include <net/if.h>
#include <stdio.h>

#include "text.h"
#include "lib/paths.h"
#include "lib/str.h"

size_t text_utf8_len(const char *s)
{
        const unsigned char *p = (const unsigned char *)s;
        size_t n;
        unsigned c;

        if (p[0] < 0x80)
                return p[0] ? 1 : 0;
        if (p[0] >= 0xc2 && p[0] < 0xe0)
                n = 2, c = p[0] & 0x1f;
        else if (p[0] >= 0xe0 && p[0] < 0xf0)
                n = 3, c = p[0] & 0x0f;
        else if (p[0] >= 0xf0 && p[0] < 0xf5)
                n = 4, c = p[0] & 0x07;
        else
                return 0;
        for (size_t i = 1; i < n; i++) {
                if ((p[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (p[i] & 0x3f);
        }
        if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
                (c >= 0xd800 && c < 0xe000))
                return 0;
        return n;
}

static bool plain(char c)
{
        return isalnum((unsigned char)c) || (c && strchr("#+-.:=@_", c));
}

static bool blank(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t text_replace_chars(char *s, const char *allowed)
{
        size_t replaced = 0, n;

        while (*s) {
                if (plain(*s) || (allowed && strchr(allowed, *s))) {
                        s++;
                } else if (s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
                           isxdigit((unsigned char)s[3])) {
                        s += 4;
                } else if ((n = text_utf8_len(s)) > 1) {
                        s += n;
                } else {
                        *s = blank(*s) && allowed && strchr(allowed, ' ') ? ' ' : '_';
                        replaced++;
                        s++;
                }
        }
        return replaced;
}

size_t text_replace_blanks(char *s)
{
        char *in = s, *out = s;

        while (blank(*in))
                in++;
        while (*in) {
                if (blank(*in)) {
                        while (blank(*in))
                                in++;
                        if (*in)
                                *out++ = '_';
                } else {
                        *out++ = *in++;
                }
        }
        *out = 0;
        return (size_t)(out - s);
}

size_t text_replace_ifname(char *s)
{
        size_t n = 0;

        for (; *s; s++)
                if (*s <= ' ' || *s == 0x7f || (unsigned char)*s >= 0x80 || strchr(":/%", *s)) {
                        *s = '_';
                        n++;
                }
        return n;
}

char *text_strip_end(char *s)
{
        size_t n = strlen(s);

        while (n && blank(s[n - 1]))
                s[--n] = 0;
        return s;
}

int text_encode(const char *s, char *buf, size_t size)
{
        size_t used = 0;

        while (*s) {
                size_t n = text_utf8_len(s);

                if (n > 1) {
                        if (used + n >= size)
                                return -ENOSPC;
                        memcpy(buf + used, s, n);
                        used += n;
                        s += n;
                } else if (*s == '\\' || !(plain(*s))) {
                        if (used + 4 >= size)
                                return -ENOSPC;
                        used += (size_t)snprintf(buf + used, size - used, "\\x%02x", (unsigned char)*s);
                        s++;
                } else {
                        if (used + 1 >= size)
                                return -ENOSPC;
                        buf[used++] = *s++;
                }
        }
        buf[used] = 0;
        return 0;
}

/* Next word of *p into buf: white space separates, '…' and "…" group and may stand in the middle of a word, a
 * backslash is a character like any other. False at the end. */
static bool next_word(const char **p, char *buf)
{
        const char *s = *p + strspn(*p, " \t\n\r");
        char quote = 0;

        if (!*s)
                return false;
        for (; *s && (quote || !strchr(" \t\n\r", *s)); s++) {
                if (quote ? *s == quote : (*s == '\'' || *s == '"'))
                        quote = quote ? 0 : *s;
                else
                        *buf++ = *s;
        }
        *buf = 0;
        *p = s;
        return true;
}

int command_split(const char *command, char ***ret)
{
        _cleanup_strv_ char **words = NULL;
        _cleanup_free_ char *buf = malloc(strlen(command) + 1);
        const char *p = command;

        if (!buf)
                return -ENOMEM;
        while (next_word(&p, buf))
                if (strv_add(&words, buf) < 0)
                        return -ENOMEM;
        if (!words)
                return -EINVAL;
        *ret = TAKE_PTR(words);
        return 0;
}

int program_split(const char *command, char ***ret)
{
        /* the last is for the helpers that are rouse's own */
        static const char *const dirs[] = { "/usr/lib/udev", "/lib/udev", ROUSE_LIBDIR "/udev" };
        _cleanup_strv_ char **argv = NULL;
        int r = command_split(command, &argv);

        if (r < 0)
                return r;
        if (!*argv[0])
                return -EINVAL;
        if (*argv[0] != '/') {
                char *path = NULL;

                for (size_t i = 0; i < ARRAY_SIZE(dirs) && (!path || access(path, X_OK) < 0); i++) {
                        free(path);
                        path = path_join(dirs[i], argv[0]);
                }
                if (!path)
                        return -ENOMEM;
                free(argv[0]);
                argv[0] = path;
        }
        *ret = TAKE_PTR(argv);
        return 0;
}

bool ifname_valid(const char *s)
{
        uint32_t number;

        if (!*s || strlen(s) >= IFNAMSIZ || streq(s, ".") || streq(s, "..") || parse_u32(s, &number) >= 0)
                return false;
        for (; *s; s++)
                if (*s <= ' ' || *s == 0x7f || (unsigned char)*s >= 0x80 || strchr(":/%", *s))
                        return false;
        return true;
}
