#include "str.h"
#include "unitname.h"

static const char *const type_names[UNIT_TYPE_MAX] = {
        [UNIT_SERVICE] = "service",
        [UNIT_SOCKET] = "socket",
        [UNIT_DEVICE] = "device",
        [UNIT_MOUNT] = "mount",
        [UNIT_AUTOMOUNT] = "automount",
        [UNIT_SWAP] = "swap",
        [UNIT_TARGET] = "target",
        [UNIT_PATH] = "path",
        [UNIT_TIMER] = "timer",
        [UNIT_SLICE] = "slice",
        [UNIT_SCOPE] = "scope",
};

const char *unit_type_to_string(enum unit_type t)
{
        return (unsigned)t < UNIT_TYPE_MAX ? type_names[t] : NULL;
}

static int type_from_string(const char *s)
{
        for (int t = 0; t < UNIT_TYPE_MAX; t++)
                if (streq(s, type_names[t]))
                        return t;
        return -EINVAL;
}

int unit_type_from_name(const char *name)
{
        const char *dot = strrchr(name, '.');

        return dot ? type_from_string(dot + 1) : -EINVAL;
}

static bool is_alnum(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name_char(char c)
{
        return is_alnum(c) || (c && strchr(":-_.\\@", c));
}

/* The parts of a name: prefix, "@instance" when at is not NULL, ".type" at dot. */
struct name_parts {
        const char *at, *dot;
};

/* Splits a valid name; -EINVAL when it is not one. */
static int split(const char *name, struct name_parts *p)
{
        size_t len = strnlen(name, UNIT_NAME_MAX + 1);

        if (len > UNIT_NAME_MAX)
                return -EINVAL;
        p->dot = strrchr(name, '.');
        p->at = strchr(name, '@');
        if (!p->dot || p->dot == name || p->at == name || type_from_string(p->dot + 1) < 0)
                return -EINVAL;
        for (const char *c = name; c < p->dot; c++)
                if (!is_name_char(*c))
                        return -EINVAL;
        return 0;
}

bool unit_name_valid(const char *name, bool template_ok)
{
        struct name_parts p;

        return split(name, &p) >= 0 && (template_ok || !p.at || p.at + 1 != p.dot);
}

bool unit_name_is_template(const char *name)
{
        struct name_parts p;

        return split(name, &p) >= 0 && p.at && p.at + 1 == p.dot;
}

bool unit_name_is_instance(const char *name)
{
        struct name_parts p;

        return split(name, &p) >= 0 && p.at && p.at + 1 != p.dot;
}

static int give(char *s, char **ret)
{
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

/* Gives s away when it is a valid name; else frees it. */
static int give_name(char *s, char **ret)
{
        struct name_parts p;

        if (s && split(s, &p) < 0) {
                int r = strlen(s) > UNIT_NAME_MAX ? -ENAMETOOLONG : -EINVAL;

                free(s);
                return r;
        }
        return give(s, ret);
}

int unit_name_template(const char *name, char **ret)
{
        struct name_parts p;

        if (split(name, &p) < 0 || !p.at || p.at + 1 == p.dot)
                return -EINVAL;
        return give(str_printf("%.*s%s", (int)(p.at + 1 - name), name, p.dot), ret);
}

int unit_name_instance(const char *name, char **ret)
{
        struct name_parts p;

        if (split(name, &p) < 0)
                return -EINVAL;
        if (!p.at) {
                *ret = NULL;
                return 0;
        }
        return give(strndup(p.at + 1, (size_t)(p.dot - p.at - 1)), ret);
}

int unit_name_prefix(const char *name, char **ret)
{
        struct name_parts p;

        if (split(name, &p) < 0)
                return -EINVAL;
        return give(strndup(name, (size_t)((p.at ? p.at : p.dot) - name)), ret);
}

int unit_name_replace_instance(const char *template, const char *instance, char **ret)
{
        struct name_parts p;

        if (split(template, &p) < 0 || !p.at || strchr(instance, '/'))
                return -EINVAL;
        return give_name(str_printf("%.*s%s%s", (int)(p.at + 1 - template), template, instance, p.dot), ret);
}

int unit_name_change_suffix(const char *name, const char *type, char **ret)
{
        struct name_parts p;

        if (*type == '.')
                type++;
        if (split(name, &p) < 0 || type_from_string(type) < 0)
                return -EINVAL;
        return give_name(str_printf("%.*s.%s", (int)(p.dot - name), name, type), ret);
}

/* ---- escaping ---- */

static void escape_byte(struct strbuf *b, char c)
{
        strbuf_printf(b, "\\x%02x", (unsigned char)c);
}

static void escape_into(struct strbuf *b, const char *s)
{
        for (const char *c = s; *c; c++) {
                if (*c == '/')
                        strbuf_putc(b, '-');
                else if (is_alnum(*c) || *c == ':' || *c == '_' || (*c == '.' && c > s))
                        strbuf_putc(b, *c);
                else
                        escape_byte(b, *c);
        }
}

char *unit_name_escape(const char *s)
{
        struct strbuf b = { 0 };

        escape_into(&b, s);
        return strbuf_take(&b);
}

int unit_name_unescape(const char *s, char **ret)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        for (; *s; s++) {
                int high, low;

                if (*s == '-') {
                        strbuf_putc(&b, '/');
                        continue;
                }
                if (*s != '\\') {
                        strbuf_putc(&b, *s);
                        continue;
                }
                if (s[1] != 'x' || (high = hex_digit(s[2])) < 0 || (low = hex_digit(s[3])) < 0)
                        return -EINVAL;
                if (high + low == 0)
                        return -EINVAL;
                strbuf_putc(&b, (char)(high << 4 | low));
                s += 3;
        }
        return give(strbuf_take(&b), ret);
}

int unit_name_path_escape(const char *path, char **ret)
{
        _cleanup_free_ char *p = strdup(path);
        char *start;

        if (!p)
                return -ENOMEM;
        if (str_empty(p))
                return -EINVAL;
        path_simplify(p);
        start = p + (*p == '/');
        if (*start == '\0')
                return give(strdup("-"), ret);
        if (!path_is_normalized(p))
                return -EINVAL;
        return give(unit_name_escape(start), ret);
}

int unit_name_path_unescape(const char *s, char **ret)
{
        _cleanup_free_ char *rest = NULL, *path = NULL;
        int r;

        if (streq(s, "-"))
                return give(strdup("/"), ret);
        r = unit_name_unescape(s, &rest);
        if (r < 0)
                return r;
        path = str_printf("/%s", rest);
        if (!path)
                return -ENOMEM;
        if (str_empty(rest) || endswith(rest, "/") || !path_is_normalized(path))
                return -EINVAL;
        *ret = TAKE_PTR(path);
        return 0;
}

int unit_name_from_path(const char *path, const char *type, char **ret)
{
        _cleanup_free_ char *escaped = NULL;
        int r;

        if (*type == '.')
                type++;
        r = unit_name_path_escape(path, &escaped);
        if (r < 0)
                return r;
        return give_name(str_printf("%s.%s", escaped, type), ret);
}

int unit_name_to_path(const char *name, char **ret)
{
        _cleanup_free_ char *prefix = NULL;
        struct name_parts p;

        if (split(name, &p) < 0 || p.at)
                return -EINVAL;
        prefix = strndup(name, (size_t)(p.dot - name));
        if (!prefix)
                return -ENOMEM;
        return unit_name_path_unescape(prefix, ret);
}

int unit_name_mangle(const char *typed, const char *default_type, char **ret)
{
        struct strbuf b = { 0 };

        if (*default_type == '.')
                default_type++;
        if (str_empty(typed))
                return -EINVAL;
        if (unit_name_valid(typed, true))
                return give(strdup(typed), ret);
        if (*typed == '/') {
                bool device = path_startswith(typed, "/dev") || path_startswith(typed, "/sys");

                return unit_name_from_path(typed, device ? "device" : "mount", ret);
        }
        /* What is obviously not escaped yet. */
        for (const char *c = typed; *c; c++) {
                if (*c == '/')
                        strbuf_putc(&b, '-');
                else if (is_name_char(*c))
                        strbuf_putc(&b, *c);
                else
                        escape_byte(&b, *c);
        }
        if (unit_type_from_name(typed) < 0)
                strbuf_printf(&b, ".%s", default_type);
        return give_name(strbuf_take(&b), ret);
}
