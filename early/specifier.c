/* The %-specifiers of tmpfiles.d(5) and sysusers.d(5): one table; each value is looked up at most once. */
#include <sys/utsname.h>

#include "early/early.h"

static int spec_literal(struct early *e, const char *arg, char **ret)
{
        *ret = strdup(arg);
        return *ret ? 0 : -ENOMEM;
}

static int spec_arch(struct early *e, const char *arg, char **ret)
{
        static const struct {
                const char *machine, *name;
        } map[] = {
                { "x86_64", "x86-64" },
                { "i686", "x86" },
                { "i586", "x86" },
                { "i486", "x86" },
                { "i386", "x86" },
                { "aarch64", "arm64" },
                { "aarch64_be", "arm64-be" },
                { "armv7l", "arm" },
                { "armv6l", "arm" },
                { "armv5tel", "arm" },
                { "ppc64le", "ppc64-le" },
                { "mips64", "mips64" },
                { "riscv64", "riscv64" },
        };
        struct utsname u;

        if (uname(&u) < 0)
                return -errno;
        for (size_t i = 0; i < ARRAY_SIZE(map); i++)
                if (streq(u.machine, map[i].machine))
                        return spec_literal(e, map[i].name, ret);
        return spec_literal(e, u.machine, ret);
}

static int spec_hostname(struct early *e, const char *arg, char **ret)
{
        struct utsname u;

        if (uname(&u) < 0)
                return -errno;
        if (*arg == 'l')
                u.nodename[strcspn(u.nodename, ".")] = 0;
        return spec_literal(e, u.nodename, ret);
}

static int spec_kernel(struct early *e, const char *arg, char **ret)
{
        struct utsname u;

        if (uname(&u) < 0)
                return -errno;
        return spec_literal(e, u.release, ret);
}

/* 32 hexadecimal digits, with or without dashes, from a file. */
static int spec_id128(struct early *e, const char *path, char **ret)
{
        _cleanup_free_ char *s = NULL;
        char *to;
        int r;

        r = early_read_file(e, path, 256, &s, NULL);
        if (r < 0)
                return r == -ENOENT ? -ENXIO : r;
        to = s;
        for (const char *p = str_strip(s); *p; p++)
                if (*p != '-')
                        *to++ = *p;
        *to = 0;
        if (strlen(s) != 32 || strspn(s, "0123456789abcdefABCDEF") != 32)
                return -ENXIO;
        *ret = TAKE_PTR(s);
        return 0;
}

static int spec_bootid(struct early *e, const char *path, char **ret)
{
        struct early host = { .root = NULL };

        return spec_id128(&host, path, ret);
}

struct os_release_query {
        const char *key;
        char **ret;
};

static int os_release_line(const char *key, const char *value, void *data)
{
        struct os_release_query *q = data;

        return streq(key, q->key) ? str_replace(q->ret, value) : 0;
}

static int spec_os_release(struct early *e, const char *key, char **ret)
{
        static const char *const paths[] = { "/etc/os-release", "/usr/lib/os-release" };
        struct os_release_query q = { key, ret };
        int r = -ENOENT;

        for (size_t i = 0; i < ARRAY_SIZE(paths) && r == -ENOENT; i++) {
                _cleanup_free_ char *p = early_path(e, paths[i]);

                if (!p)
                        return -ENOMEM;
                r = parse_env_file(p, os_release_line, &q);
        }
        if (r < 0 && r != -ENOENT)
                return r;
        return *ret ? 0 : spec_literal(e, "", ret);
}

static const struct specifier {
        char c;
        int (*fn)(struct early *e, const char *arg, char **ret);
        const char *arg;
} specifiers[] = {
        { 'a', spec_arch, NULL },
        { 'A', spec_os_release, "IMAGE_VERSION" },
        { 'b', spec_bootid, "/proc/sys/kernel/random/boot_id" },
        { 'B', spec_os_release, "BUILD_ID" },
        { 'C', spec_literal, "/var/cache" },
        { 'g', spec_literal, "root" },
        { 'G', spec_literal, "0" },
        { 'h', spec_literal, "/root" },
        { 'H', spec_hostname, "H" },
        { 'l', spec_hostname, "l" },
        { 'L', spec_literal, "/var/log" },
        { 'm', spec_id128, "/etc/machine-id" },
        { 'M', spec_os_release, "IMAGE_ID" },
        { 'o', spec_os_release, "ID" },
        { 'S', spec_literal, "/var/lib" },
        { 't', spec_literal, "/run" },
        { 'T', spec_literal, "/tmp" },
        { 'u', spec_literal, "root" },
        { 'U', spec_literal, "0" },
        { 'v', spec_kernel, NULL },
        { 'V', spec_literal, "/var/tmp" },
        { 'w', spec_os_release, "VERSION_ID" },
        { 'W', spec_os_release, "VARIANT_ID" },
};

static int specifier_value(struct early *e, unsigned char c, const char **ret)
{
        int r;

        if (c >= 128)
                return -EINVAL;
        if (!e->spec[c]) {
                const struct specifier *s = NULL;

                for (size_t i = 0; i < ARRAY_SIZE(specifiers); i++)
                        if (specifiers[i].c == (char)c)
                                s = &specifiers[i];
                if (!s)
                        return -EINVAL;
                r = s->fn(e, s->arg, &e->spec[c]);
                if (r < 0)
                        return r;
        }
        *ret = e->spec[c];
        return 0;
}

int specifier_expand(struct early *e, const char *s, char **ret)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        const char *v;
        int r;

        for (const char *p; (p = strchr(s, '%')); s = p + 2) {
                strbuf_add(&b, s, p - s);
                if (p[1] == '%') {
                        strbuf_putc(&b, '%');
                        continue;
                }
                r = specifier_value(e, p[1], &v);
                if (r < 0)
                        return r;
                strbuf_puts(&b, v);
        }
        strbuf_puts(&b, s);
        if (b.failed)
                return -ENOMEM;
        *ret = strbuf_take(&b);
        return *ret ? 0 : -ENOMEM;
}
