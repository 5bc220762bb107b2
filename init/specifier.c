/* Specifiers of systemd.unit(5): %x in the values of unit files. One row each; unit_resolve() looks them up. */
#include <stdio.h>
#include <sys/utsname.h>

#include "unit.h"
#include "lib/fileio.h"
#include "lib/machine.h"

/* 0 with *ret set, -EINVAL when it has no value for this unit. */
typedef int (*specifier_fn)(struct unit *u, const char *arg, char **ret);

static int give(char *s, char **ret)
{
        if (!s)
                return -ENOMEM;
        *ret = s;
        return 0;
}

/* ---- the unit's names ---- */

static int spec_name(struct unit *u, const char *arg, char **ret)
{
        return give(strdup(u->id), ret);
}

static int spec_name_no_suffix(struct unit *u, const char *arg, char **ret)
{
        const char *dot = strrchr(u->id, '.');

        return give(strndup(u->id, dot ? (size_t)(dot - u->id) : strlen(u->id)), ret);
}

static int spec_prefix(struct unit *u, const char *arg, char **ret)
{
        return unit_name_prefix(u->id, ret);
}

static int unescaped(int (*fn)(struct unit *, const char *, char **), struct unit *u, char **ret)
{
        _cleanup_free_ char *s = NULL;
        int r = fn(u, NULL, &s);

        return r < 0 ? r : unit_name_unescape(s, ret);
}

static int spec_prefix_unescaped(struct unit *u, const char *arg, char **ret)
{
        return unescaped(spec_prefix, u, ret);
}

static int spec_last(struct unit *u, const char *arg, char **ret)
{
        _cleanup_free_ char *prefix = NULL;
        const char *dash;
        int r = unit_name_prefix(u->id, &prefix);

        if (r < 0)
                return r;
        dash = strrchr(prefix, '-');
        return give(strdup(dash ? dash + 1 : prefix), ret);
}

static int spec_last_unescaped(struct unit *u, const char *arg, char **ret)
{
        return unescaped(spec_last, u, ret);
}

static int spec_instance(struct unit *u, const char *arg, char **ret)
{
        return give(strdup(u->instance ? u->instance : ""), ret);
}

static int spec_instance_unescaped(struct unit *u, const char *arg, char **ret)
{
        return unescaped(spec_instance, u, ret);
}

static int spec_file(struct unit *u, const char *arg, char **ret)
{
        _cleanup_free_ char *s = NULL, *plain = NULL;
        int r = u->instance ? spec_instance(u, NULL, &s) : spec_prefix(u, NULL, &s);

        if (r < 0)
                return r;
        if (streq(s, "-"))
                return give(strdup("/"), ret);
        r = unit_name_unescape(s, &plain);
        return r < 0 ? r : give(str_printf("%s%s", *plain == '/' ? "" : "/", plain), ret);
}

static int spec_fragment(struct unit *u, const char *arg, char **ret)
{
        return u->fragment_path ? give(strdup(u->fragment_path), ret) : -EINVAL;
}

static int spec_fragment_dir(struct unit *u, const char *arg, char **ret)
{
        const char *slash = u->fragment_path ? strrchr(u->fragment_path, '/') : NULL;

        if (!slash)
                return -EINVAL;
        return give(slash == u->fragment_path
                            ? strdup("/")
                            : strndup(u->fragment_path, (size_t)(slash - u->fragment_path)),
                ret);
}

/* ---- the machine ---- */

static int spec_constant(struct unit *u, const char *arg, char **ret)
{
        return give(strdup(arg), ret);
}

static int spec_architecture(struct unit *u, const char *arg, char **ret)
{
        return give(strdup(architecture_name()), ret);
}

/* An id without its dashes. */
static int give_id(const char *s, char **ret)
{
        char *id = strdup(s), *to = id;

        if (!id)
                return -ENOMEM;
        for (const char *c = id; *c && *c != '\n'; c++)
                if (*c != '-')
                        *to++ = *c;
        *to = '\0';
        if (to - id != 32) {
                free(id);
                return -EINVAL;
        }
        *ret = id;
        return 0;
}

static int id_from_file(const char *path, char **ret)
{
        _cleanup_free_ char *s = NULL;
        int r = read_one_line(path, &s);

        return r < 0 ? -EINVAL : give_id(s, ret);
}

static int spec_boot_id(struct unit *u, const char *arg, char **ret)
{
        if (*u->manager->boot_id)
                return give_id(u->manager->boot_id, ret);
        return id_from_file("/proc/sys/kernel/random/boot_id", ret);
}

static int spec_machine_id(struct unit *u, const char *arg, char **ret)
{
        if (*u->manager->machine_id)
                return give_id(u->manager->machine_id, ret);
        return id_from_file("/etc/machine-id", ret);
}

static int spec_host(struct unit *u, const char *arg, char **ret)
{
        struct utsname n;

        if (uname(&n) < 0)
                return -errno;
        if (*arg) /* the short one */
                n.nodename[strcspn(n.nodename, ".")] = '\0';
        return give(strdup(n.nodename), ret);
}

static int spec_kernel(struct unit *u, const char *arg, char **ret)
{
        struct utsname n;

        return uname(&n) < 0 ? -errno : give(strdup(n.release), ret);
}

struct wanted {
        const char *key;
        char *value;
};

static int take_variable(const char *key, const char *value, void *data)
{
        struct wanted *w = data;

        return streq(key, w->key) ? str_replace(&w->value, value) : 0;
}

static int from_env_files(const char *const *paths, const char *key, char **ret)
{
        struct wanted w = { .key = key };

        for (; *paths; paths++)
                if (parse_env_file(*paths, take_variable, &w) != -ENOENT)
                        break;
        *ret = w.value;
        return 0;
}

static int spec_os_release(struct unit *u, const char *arg, char **ret)
{
        static const char *const paths[] = { "/etc/os-release", "/usr/lib/os-release", NULL };
        char *value;
        int r = from_env_files(paths, arg, &value);

        return r < 0 ? r : give(value ? value : strdup(""), ret);
}

static int spec_pretty_host(struct unit *u, const char *arg, char **ret)
{
        static const char *const paths[] = { "/etc/machine-info", NULL };
        char *value;
        int r = from_env_files(paths, "PRETTY_HOSTNAME", &value);

        if (r < 0)
                return r;
        return value && *value ? give(value, ret) : (free(value), spec_host(u, "short", ret));
}

/* The first of $TMPDIR, $TEMP, $TMP of the manager that is a usable path, else arg. */
static int spec_tmp(struct unit *u, const char *arg, char **ret)
{
        static const char *const names[] = { "TMPDIR", "TEMP", "TMP" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                const char *v = getenv(names[i]);

                if (v && *v == '/' && path_is_normalized(v))
                        return give(strdup(v), ret);
        }
        return give(strdup(arg), ret);
}

/* $CREDENTIALS_DIRECTORY of a service: known by its name. */
static int spec_credentials(struct unit *u, const char *arg, char **ret)
{
        return give(path_join("/run/credentials", u->id), ret);
}

static const struct specifier {
        char letter;
        specifier_fn fn;
        const char *arg;
} specifiers[] = {
        { 'a', spec_architecture, NULL },
        { 'A', spec_os_release, "IMAGE_VERSION" },
        { 'b', spec_boot_id, NULL },
        { 'B', spec_os_release, "BUILD_ID" },
        { 'C', spec_constant, "/var/cache" },
        { 'd', spec_credentials, NULL },
        { 'E', spec_constant, "/etc" },
        { 'f', spec_file, NULL },
        { 'g', spec_constant, "root" },
        { 'G', spec_constant, "0" },
        { 'h', spec_constant, "/root" },
        { 'H', spec_host, "" },
        { 'i', spec_instance, NULL },
        { 'I', spec_instance_unescaped, NULL },
        { 'j', spec_last, NULL },
        { 'J', spec_last_unescaped, NULL },
        { 'l', spec_host, "short" },
        { 'L', spec_constant, "/var/log" },
        { 'm', spec_machine_id, NULL },
        { 'M', spec_os_release, "IMAGE_ID" },
        { 'n', spec_name, NULL },
        { 'N', spec_name_no_suffix, NULL },
        { 'o', spec_os_release, "ID" },
        { 'p', spec_prefix, NULL },
        { 'P', spec_prefix_unescaped, NULL },
        { 'q', spec_pretty_host, NULL },
        { 's', spec_constant, "/bin/sh" },
        { 'S', spec_constant, "/var/lib" },
        { 't', spec_constant, "/run" },
        { 'T', spec_tmp, "/tmp" },
        { 'u', spec_constant, "root" },
        { 'U', spec_constant, "0" },
        { 'v', spec_kernel, NULL },
        { 'V', spec_tmp, "/var/tmp" },
        { 'w', spec_os_release, "VERSION_ID" },
        { 'W', spec_os_release, "VARIANT_ID" },
        { 'y', spec_fragment, NULL },
        { 'Y', spec_fragment_dir, NULL },
        { '%', spec_constant, "%" },
};

/* -EINVAL also when what it asks for does not exist here (a unit without a file, no machine id). */
int unit_resolve(struct unit *u, const char *s, char **ret)
{
        _cleanup_strbuf_ struct strbuf b = {};

        for (; *s; s++) {
                _cleanup_free_ char *value = NULL;
                const struct specifier *spec = NULL;
                int r;

                /* A '%' before something that is no letter is itself: "10%/1min" in pressure conditions. */
                if (*s != '%' || (s[1] != '%' && !((s[1] | 32) >= 'a' && (s[1] | 32) <= 'z'))) {
                        strbuf_putc(&b, *s);
                        continue;
                }
                s++;
                for (size_t i = 0; i < ARRAY_SIZE(specifiers); i++)
                        if (specifiers[i].letter == *s)
                                spec = &specifiers[i];
                if (!spec)
                        return -EINVAL;
                r = spec->fn(u, spec->arg, &value);
                if (r < 0)
                        return r == -ENOMEM ? r : -EINVAL;
                strbuf_puts(&b, value);
        }
        if (b.failed)
                return -ENOMEM;
        return give(strbuf_take(&b), ret);
}
