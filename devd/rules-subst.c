/* Substitution of "$kernel", "%k", "$attr{file}", … in values: a table of names, a function a name.
 *
 * A long name is matched by prefix ("$kernelx" is the kernel name and an x), so of two names of which one
 * begins the other the longer stands first. A name that does not exist stays in the text as it is. */
#include <ctype.h>
#include <stdio.h>

#include "rules-int.h"
#include "text.h"
#include "lib/log.h"

struct out {
        char *p;
        size_t left; /* with room for the NUL */
        bool cut;
};

static void put_n(struct out *o, const char *s, size_t n)
{
        if (n >= o->left) {
                n = o->left - 1;
                o->cut = true;
        }
        memcpy(o->p, s, n);
        o->p += n;
        o->left -= n;
        *o->p = 0;
}

static void put(struct out *o, const char *s)
{
        if (s)
                put_n(o, s, strlen(s));
}

/* --- what the names stand for ----------------------------------------------------------------------- */

typedef void (*subst_fn)(const struct evaluation *v, const char *arg, struct out *o);

static void s_kernel(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, v->d->sysname);
}

static void s_number(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, device_sysnum_text(v->d));
}

static void s_devpath(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, v->d->devpath);
}

static void s_id(const struct evaluation *v, const char *arg, struct out *o)
{
        if (v->ancestor)
                put(o, v->ancestor->sysname);
}

static void s_driver(const struct evaluation *v, const char *arg, struct out *o)
{
        if (v->ancestor)
                put(o, device_driver(v->ancestor));
}

static void s_attr(const struct evaluation *v, const char *arg, struct out *o)
{
        char value[RULE_LINE_MAX], path[PATH_MAX];
        const char *s = NULL;

        if (arg[0] == '[') {
                _cleanup_device_ struct device *other = NULL;
                const char *slash = strchr(arg, '/'), *end = slash ? strchr(slash, ']') : NULL;

                if (end && slash - arg < 256 && end - slash < 256 && end[1]) {
                        snprintf(path, sizeof(path), "%.*s", (int)(end - slash - 1), slash + 1);
                        if (device_from_subsystem(
                                    strndupa(arg + 1, (size_t)(slash - arg - 1)), path, &other) >= 0)
                                s = device_attr(other, end + 1 + (end[1] == '/'));
                }
                snprintf(value, sizeof(value), "%s", s ? s : "");
        } else {
                s = device_attr(v->d, arg);
                if (!s && v->ancestor && v->ancestor != v->d)
                        s = device_attr(v->ancestor, arg);
                snprintf(value, sizeof(value), "%s", s ? s : "");
        }
        text_strip_end(value);
        text_replace_chars(value, ALLOWED_INPUT);
        put(o, value);
}

static void s_env(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, device_prop(v->d, arg));
}

static void put_number(struct out *o, int n)
{
        char buf[16];

        snprintf(buf, sizeof(buf), "%d", n);
        put(o, buf);
}

static void s_major(const struct evaluation *v, const char *arg, struct out *o)
{
        put_number(o, v->d->major < 0 ? 0 : v->d->major);
}

static void s_minor(const struct evaluation *v, const char *arg, struct out *o)
{
        put_number(o, v->d->minor < 0 ? 0 : v->d->minor);
}

/* {2}: second word; {2+}: from the second word on. */
static void s_result(const struct evaluation *v, const char *arg, struct out *o)
{
        const char *s = v->e->program_result;
        unsigned long n;
        char *end;

        if (!s)
                return;
        if (!arg) {
                put(o, s);
                return;
        }
        n = strtoul(arg, &end, 10);
        if (n < 1 || !isdigit((unsigned char)*arg))
                return;
        s += strspn(s, " \t\n\r\v\f");
        while (--n && *s) {
                s += strcspn(s, " \t\n\r\v\f");
                s += strspn(s, " \t\n\r\v\f");
        }
        put_n(o, s, *end == '+' ? strlen(s) : strcspn(s, " \t\n\r\v\f"));
}

static void put_node(struct out *o, const char *node)
{
        const char *rest = node ? path_startswith(node, "/dev") : NULL;

        put(o, rest ? rest : node);
}

static void s_parent(const struct evaluation *v, const char *arg, struct out *o)
{
        struct device *p = device_parent(v->d);

        if (p)
                put_node(o, p->devnode);
}

static void s_name(const struct evaluation *v, const char *arg, struct out *o)
{
        if (v->d->name)
                put(o, v->d->name);
        else if (v->d->devnode)
                put_node(o, v->d->devnode);
        else
                put(o, v->d->sysname);
}

static void s_links(const struct evaluation *v, const char *arg, struct out *o)
{
        FOREACH_STR (l, v->d->links) {
                if (l != v->d->links)
                        put(o, " ");
                put(o, *l);
        }
}

static void s_root(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, "/dev");
}

static void s_sys(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, "/sys");
}

static void s_devnode(const struct evaluation *v, const char *arg, struct out *o)
{
        put(o, v->d->devnode);
}

static const struct subst {
        const char *name;
        char letter; /* 0: long form only */
        uint8_t arg; /* 0 none, 1 may, 2 must have {…} */
        bool number; /* the argument is a number, with + or not */
        subst_fn fn;
} table[] = {
        { "devnode", 'N', 0, false, s_devnode },
        { "tempnode", 0, 0, false, s_devnode },
        { "attr", 's', 2, false, s_attr },
        { "sysfs", 0, 2, false, s_attr },
        { "env", 'E', 2, false, s_env },
        { "kernel", 'k', 0, false, s_kernel },
        { "number", 'n', 0, false, s_number },
        { "driver", 'd', 0, false, s_driver },
        { "devpath", 'p', 0, false, s_devpath },
        { "id", 'b', 0, false, s_id },
        { "major", 'M', 0, false, s_major },
        { "minor", 'm', 0, false, s_minor },
        { "result", 'c', 1, true, s_result },
        { "parent", 'P', 0, false, s_parent },
        { "name", 'D', 0, false, s_name },
        { "links", 'L', 0, false, s_links },
        { "root", 'r', 0, false, s_root },
        { "sys", 'S', 0, false, s_sys },
};

/* --- reading ---------------------------------------------------------------------------------------- */

struct found {
        const struct subst *s;
        const char *arg; /* NULL when none */
        size_t arg_len;
        const char *after;
        const char *what; /* why it is bad */
};

static const struct subst *find_subst(const char *p, const char **ret_after)
{
        if (*p == '%') {
                for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                        if (table[i].letter && table[i].letter == p[1])
                                return *ret_after = p + 2, &table[i];
                return NULL;
        }
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                const char *after = startswith(p + 1, table[i].name);

                if (after)
                        return *ret_after = after, &table[i];
        }
        return NULL;
}

static bool number_arg(const char *s, size_t n)
{
        if (n && s[n - 1] == '+')
                n--;
        if (!n || n > 9)
                return false;
        for (size_t i = 0; i < n; i++)
                if (!isdigit((unsigned char)s[i]))
                        return false;
        return true;
}

/* p is at '$' or '%', not doubled. 1: found; 0: no such name (the character is plain); -EINVAL: known, but bad. */
static int read_subst(const char *p, struct found *f)
{
        const char *close;

        f->arg = NULL;
        f->arg_len = 0;
        f->s = find_subst(p, &f->after);
        if (!f->s) {
                f->what = "no such substitution";
                return 0;
        }
        if (*f->after == '{') {
                close = strchr(f->after, '}');
                if (!close) {
                        f->what = "no closing brace";
                        return -EINVAL;
                }
                f->arg = f->after + 1;
                f->arg_len = (size_t)(close - f->arg);
                f->after = close + 1;
        }
        if (f->s->arg == 2 && !f->arg_len) {
                f->what = "name in braces is missing";
                return -EINVAL;
        }
        if (f->arg && f->s->number && !number_arg(f->arg, f->arg_len)) {
                f->what = "number in braces expected";
                return -EINVAL;
        }
        return 1;
}

int check_substitution(const char *fmt, size_t *ret_at, const char **ret_what)
{
        struct found f;

        for (const char *p = fmt; *p;) {
                if ((*p != '$' && *p != '%') || p[1] == *p) {
                        p += (*p == '$' || *p == '%') ? 2 : 1;
                        continue;
                }
                if (read_subst(p, &f) <= 0) {
                        *ret_at = (size_t)(p - fmt) + 1;
                        *ret_what = f.what;
                        return -EINVAL;
                }
                p = f.after;
        }
        return 0;
}

static void expand(const struct evaluation *v, const struct found *f, bool replace_blanks, struct out *o)
{
        char arg[512], *start = o->p;

        if (f->arg && f->arg_len >= sizeof(arg))
                return;
        if (f->arg) {
                memcpy(arg, f->arg, f->arg_len);
                arg[f->arg_len] = 0;
        }
        f->s->fn(v, f->arg ? arg : NULL, o);
        if (replace_blanks && f->s->fn != s_links && o->p > start) {
                size_t n = text_replace_blanks(start);

                o->left += (size_t)(o->p - start) - n;
                o->p = start + n;
        }
}

int substitute(const struct evaluation *v, const char *fmt, bool replace_blanks, char *out, size_t size)
{
        struct out o = { .p = out, .left = size };
        struct found f;
        int r;

        *out = 0;
        for (const char *p = fmt; *p;) {
                size_t plain = strcspn(p, "$%");

                put_n(&o, p, plain);
                p += plain;
                if (!*p)
                        break;
                if (p[1] == *p) {
                        put_n(&o, p, 1);
                        p += 2;
                        continue;
                }
                r = read_subst(p, &f);
                if (r < 0) {
                        *out = 0;
                        return r;
                }
                if (r == 0) {
                        put_n(&o, p++, 1);
                        continue;
                }
                expand(v, &f, replace_blanks, &o);
                p = f.after;
        }
        return o.cut ? -E2BIG : 0;
}
