/* Which program are we? By the name that we were called by; rousectl itself has systemctl's verbs and its own.
 *
 * Under a name that belongs to another package (dpkg-divert keeps that file as NAME.systemd), and with another PID 1,
 * or for --user and other options that speak of another manager, the diverted original is executed: the same root boots
 * under both. */
#include "ctl.h"

static int own_main(int argc, char **argv)
{
        return systemctl_main(argc, argv, true);
}
static int as_systemctl(int argc, char **argv)
{
        return systemctl_main(argc, argv, false);
}

/* original: the diverted file is ORIGINAL.systemd. Debian's poweroff and its kin are links to systemctl, and udevd is one
 * to udevadm: such a link would lead back to us, so the program behind it is executed with argv[0] kept. */
static const struct {
        const char *name;
        int (*main)(int argc, char **argv);
        const char *original;
} personalities[] = {
        { "rousectl", own_main, NULL },
        { "systemctl", as_systemctl, "systemctl" },
        { "journalctl", journalctl_main, "journalctl" },
        { "systemd-analyze", analyze_main, "systemd-analyze" },
        { "udevadm", udevadm_main, "udevadm" },
        { "systemd-udevd", NULL, "udevadm" },
        { "systemd-hwdb", systemd_hwdb_main, NULL },
        { "systemd-run", run_main, "systemd-run" },
        { "poweroff", halt_main, "systemctl" },
        { "reboot", halt_main, "systemctl" },
        { "halt", halt_main, "systemctl" },
        { "shutdown", shutdown_main, "systemctl" },
        { "telinit", telinit_main, "systemctl" },
        { "runlevel", runlevel_main, "systemctl" },
};

/* systemd-run looks itself: what follows its options is another program's. */
static bool says_user(char **argv)
{
        if (streq(path_basename(argv[0]), "systemd-run"))
                return false;
        for (char **a = argv + 1; *a && !streq(*a, "--"); a++)
                if (streq(*a, "--user"))
                        return true;
        return false;
}

static char **our_argv; /* as it was: getopt sorts its own */
static const char *our_original;

/* Executes the original of a diverted name. Returns when there is none. */
static void exec_original(const char *name, char **argv)
{
        static const char *const dirs[] = { "/usr/bin", "/bin", "/usr/sbin", "/sbin" };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
                _cleanup_free_ char *path = str_printf("%s/%s.systemd", dirs[i], name);

                if (path && access(path, X_OK) == 0)
                        (void)execv(path, argv);
        }
}

int exec_elsewhere(const char *why)
{
        if (our_original)
                exec_original(our_original, our_argv);
        fprintf(stderr, "%s\n", why);
        return 1;
}

int main(int argc, char **argv)
{
        const char *name = argc > 0 ? path_basename(argv[0]) : "rousectl";

        log_open(name, LOG_TO_STDERR);
        our_argv = strv_copy(argv);
        for (size_t i = 0; i < ARRAY_SIZE(personalities); i++) {
                if (!streq(personalities[i].name, name))
                        continue;
                our_original = personalities[i].original;
                if (our_original && (!personalities[i].main || says_user(argv) || !ctl_manager_is_rouse()))
                        exec_original(our_original, argv);
                if (personalities[i].main)
                        return personalities[i].main(argc, argv);
                fprintf(stderr, "%s: the original program is not there\n", name);
                return 1;
        }
        return own_main(argc, argv);
}
