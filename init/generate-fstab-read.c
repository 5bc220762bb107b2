/* Reading /etc/fstab: six fields a line, blanks between, octal escapes in them, comments in lines of their own. */
#include "generate-fstab.h"

#include "generate.h"
#include "lib/cmdline.h"

/* Next field of *s, its \ooo undone in place; NULL at the end of the line. */
static char *next_field(char **s)
{
        char *start = *s + strspn(*s, " \t"), *to = start, *c = start;

        if (!*start || *start == '#')
                return NULL;
        while (*c && *c != ' ' && *c != '\t') {
                if (c[0] == '\\' && c[1] >= '0' && c[1] <= '3' && c[2] >= '0' && c[2] <= '7' &&
                        c[3] >= '0' && c[3] <= '7') {
                        *to++ = (char)((c[1] - '0') << 6 | (c[2] - '0') << 3 | (c[3] - '0'));
                        c += 4;
                } else
                        *to++ = *c++;
        }
        *s = *c ? c + 1 : c;
        *to = '\0';
        return start;
}

/* As udev writes the names below /dev/disk/by-…: what is not a letter, digit or one of #+-.:=@_ becomes \xNN. */
static char *encode_link(const char *s)
{
        struct strbuf b = {};

        strbuf_puts(&b, "");
        for (; *s; s++) {
                bool plain = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') ||
                             (*s >= '0' && *s <= '9') || strchr("#+-.:=@_", *s) || (unsigned char)*s >= 0x80;

                if (plain)
                        strbuf_putc(&b, *s);
                else
                        strbuf_printf(&b, "\\x%02x", (unsigned char)*s);
        }
        return strbuf_take(&b);
}

/* "UUID=…" → "/dev/disk/by-uuid/…" */
char *fstab_resolve(const char *what)
{
        static const struct {
                const char *tag, *dir;
        } tags[] = {
                { "UUID=", "by-uuid" },
                { "LABEL=", "by-label" },
                { "PARTUUID=", "by-partuuid" },
                { "PARTLABEL=", "by-partlabel" },
                { "ID=", "by-id" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
                const char *value = startswith(what, tags[i].tag);
                _cleanup_free_ char *plain = NULL, *encoded = NULL;
                size_t n;

                if (!value)
                        continue;
                n = strlen(value);
                if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
                        value++;
                        n -= 2;
                }
                plain = strndup(value, n);
                encoded = plain ? encode_link(plain) : NULL;
                return encoded ? str_printf("/dev/disk/%s/%s", tags[i].dir, encoded) : NULL;
        }
        return strdup(what);
}

static int bad_line(const char *path, unsigned line, const char *what)
{
        return log_file(path, line, LOG_WARNING, "%s, line ignored", what);
}

static int take_number(char *field, int *ret)
{
        *ret = 0;
        return field ? parse_int(field, ret) : 0;
}

static int take_line(struct manager *m, const char *path, char *s, unsigned line,
        int (*fn)(struct manager *, const struct fstab_entry *))
{
        char *what = next_field(&s), *where, *type, *options;
        struct fstab_entry e = { .line = line };
        _cleanup_free_ char *resolved = NULL;

        if (!what)
                return 0;
        where = next_field(&s);
        type = next_field(&s);
        options = next_field(&s);
        if (!where || !type)
                return bad_line(path, line, "Fewer than three fields");
        if (take_number(next_field(&s), &e.freq) < 0 || take_number(next_field(&s), &e.passno) < 0)
                return bad_line(path, line, "The fifth and sixth field must be numbers");
        if (!generate_value_ok(what) || !generate_value_ok(where) || !generate_value_ok(type) ||
                (options && !generate_value_ok(options)))
                return bad_line(path, line,
                        "Control characters, a backslash at the end, or bytes that are not UTF-8");
        resolved = fstab_resolve(what);
        if (!resolved)
                return -ENOMEM;
        e.what = resolved;
        e.where = where;
        e.type = type;
        e.options = options ? options : (char *)"defaults";
        if (*e.where == '/')
                path_simplify(e.where);
        if (*e.what == '/')
                path_simplify(e.what);
        return fn(m, &e);
}

int fstab_read(
        struct manager *m, const char *path, int (*fn)(struct manager *m, const struct fstab_entry *e))
{
        _cleanup_free_ char *text = NULL;
        unsigned line = 0;
        int r;

        if (!cmdline_bool(m->cmdline, "fstab", true))
                return 0;
        r = generate_read(m, path, &text);
        if (r < 0)
                return r == -ENOENT ? 0 : log_warning_errno(r, "Cannot read %s: %m", path);
        for (char *s = text, *next; s; s = next) {
                next = strchr(s, '\n');
                if (next)
                        *next++ = '\0';
                r = take_line(m, path, s, ++line, fn);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

/* ---- options ---- */

/* The next option of *s: its start and length. */
static bool next_option(const char **s, const char **ret, size_t *ret_len)
{
        bool quoted = false;
        const char *c;

        *s += strspn(*s, ",");
        if (!**s)
                return false;
        for (c = *s; *c && (quoted || *c != ','); c++)
                if (*c == '"')
                        quoted = !quoted;
        *ret = *s;
        *ret_len = (size_t)(c - *s);
        *s = c;
        return true;
}

static bool option_is(const char *o, size_t n, const char *name)
{
        size_t l = strlen(name);

        return n >= l && memcmp(o, name, l) == 0 && (n == l || o[l] == '=');
}

int fstab_options_all(const char *options, const char *name, char ***ret)
{
        _cleanup_strv_ char **found = NULL;
        const char *o;
        size_t n;

        while (next_option(&options, &o, &n)) {
                size_t l = strlen(name);
                int r;

                if (!option_is(o, n, name))
                        continue;
                r = strv_push(&found, n > l ? strndup(o + l + 1, n - l - 1) : strdup(""));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(found);
        return 0;
}

int fstab_option(const char *options, const char *name, char **ret)
{
        _cleanup_strv_ char **all = NULL;
        int r = fstab_options_all(options, name, &all);
        size_t n = strv_len(all);

        if (r < 0)
                return r;
        *ret = n > 0 ? strdup(all[n - 1]) : NULL;
        return n > 0 && !*ret ? -ENOMEM : n > 0;
}

bool fstab_flag(const char *options, const char *name)
{
        const char *o;
        size_t n;

        while (next_option(&options, &o, &n))
                if (option_is(o, n, name))
                        return true;
        return false;
}

char *fstab_without(const char *options, const char *const *names)
{
        struct strbuf b = {};
        const char *o;
        size_t n;

        strbuf_puts(&b, "");
        while (next_option(&options, &o, &n)) {
                bool drop = false;

                for (const char *const *name = names; *name; name++)
                        drop |= option_is(o, n, *name);
                if (drop)
                        continue;
                if (b.len)
                        strbuf_putc(&b, ',');
                strbuf_add(&b, o, n);
        }
        return strbuf_take(&b);
}
