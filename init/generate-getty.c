/* Login prompts on the kernel's consoles: what systemd-getty-generator(8) does. Virtual consoles have theirs by
 * getty.target.wants; here it is serial-getty@ for each console that is not one, and for the virtualizers' consoles. */
#include "generate.h"

#include "lib/cmdline.h"
#include "lib/fileio.h"

/* tty1 …: a virtual console; tty0 is whichever is shown. */
static bool is_virtual_console(const char *tty)
{
        const char *n = startswith(tty, "tty");

        return n && *n && n[strspn(n, "0123456789")] == '\0';
}

static bool tty_exists(struct manager *m, const char *tty)
{
        _cleanup_free_ char *path = str_printf("%s/sys/class/tty/%s", m->root ? m->root : "", tty);

        return path && access(path, F_OK) >= 0;
}

static int add_serial(struct manager *m, const char *tty)
{
        _cleanup_free_ char *name = NULL;
        int r = generate_instance("serial-getty@.service", tty, &name);

        if (r < 0)
                return log_warning_errno(r, "No login prompt on %s: %m", tty);
        return load_add_virtual_dep(m, DEP_WANTS, "getty.target", name);
}

static int add_consoles(struct manager *m, char *const *ttys, bool check)
{
        FOREACH_STR (t, ttys) {
                int r;

                if (is_virtual_console(*t) || streq(*t, "console") || strchr(*t, '/') ||
                        (check && !tty_exists(m, *t)))
                        continue;
                r = add_serial(m, *t);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* console= of the kernel command line, for kernels that do not say what is active. */
static int consoles_of_cmdline(struct manager *m, char ***ret)
{
        _cleanup_strv_ char **found = NULL;

        FOREACH_STR (w, m->cmdline) {
                const char *v = startswith(*w, "console=");
                int r;

                if (!v)
                        continue;
                r = strv_push(&found, strndup(v, strcspn(v, ",")));
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(found);
        return 0;
}

int generate_getty(struct manager *m)
{
        static char *const virtualizers[] = {
                (char *)"hvc0",
                (char *)"xvc0",
                (char *)"hvsi0",
                (char *)"sclp_line0",
                (char *)"ttysclp0",
                (char *)"3270!tty1",
                NULL,
        };
        const char *env = getenv("SYSTEMD_GETTY_AUTO");
        _cleanup_free_ char *active = NULL;
        _cleanup_strv_ char **ttys = NULL;
        int r;

        if (!cmdline_bool(m->cmdline, "systemd.getty_auto", true) || (env && parse_boolean(env) == 0))
                return 0;
        if (m->container)
                return load_add_virtual_dep(m, DEP_WANTS, "getty.target", "console-getty.service");
        if (generate_read(m, "/sys/class/tty/console/active", &active) >= 0) {
                ttys = strv_split(active, " \t\n");
                r = add_consoles(m, ttys, false);
        } else {
                r = consoles_of_cmdline(m, &ttys);
                if (r >= 0)
                        r = add_consoles(m, ttys, true);
        }
        return r < 0 ? r : add_consoles(m, virtualizers, true);
}
