/* poweroff, reboot, halt, kexec, exit; suspend and its kin; rescue, emergency, default. With --force the units are not stopped; with two,
 * nobody is asked and reboot(2) is called here. */
#include "ctl.h"

#include <sys/reboot.h>

#include "lib/cmdline.h"
#include "lib/switchroot.h"

int force_reboot(const char *verb)
{
        int how = streq(verb, "reboot") ? RB_AUTOBOOT : streq(verb, "halt") ? RB_HALT_SYSTEM : RB_POWER_OFF;

        if (!opt.dry_run) {
                sync();
                if (reboot(how) < 0) {
                        fprintf(stderr, "Failed to %s: %s\n", verb, strerror(errno));
                        return 1;
                }
        }
        return 0;
}

int verb_power(const char *verb, char **args)
{
        _cleanup_strv_ char **options = NULL;
        struct ctl_call c = { .verb = verb, .args = args };
        char *argument[] = { opt.reboot_argument, NULL };
        int r;

        if (opt.force >= 2)
                return force_reboot(verb);
        if (opt.force)
                (void)strv_add(&options, "force");
        if (opt.message)
                (void)strv_addf(&options, "message=%s", opt.message);
        if (opt.reboot_argument && streq(verb, "reboot") && !(args && *args))
                c.args = argument;
        c.options = options;
        r = ctl_call_or_say(&c, streq(verb, "default") || streq(verb, "rescue") || streq(verb, "emergency")
                                        ? "change the mode"
                                        : verb);
        free(c.error);
        return r < 0 ? (r == -EACCES ? 4 : 1) : 0;
}

/* suspend and its kin: logind does it where there is a bus, since it tells who wants to know before (inhibitors); else,
 * and with --force, the target is started, which is all that logind does in the end. Nobody waits for the waking. */
int verb_sleep(const char *verb, char **args)
{
        static const struct {
                const char *verb, *method;
        } kinds[] = {
                { "suspend", "Suspend" },
                { "hibernate", "Hibernate" },
                { "hybrid-sleep", "HybridSleep" },
                { "suspend-then-hibernate", "SuspendThenHibernate" },
        };
        _cleanup_free_ char *target = str_printf("%s.target", verb);
        char *names[] = { target, NULL };

        if (!target)
                return 1;
        if (opt.dry_run)
                return 0;
        for (size_t i = 0; i < ARRAY_SIZE(kinds) && !opt.force; i++)
                if (streq(kinds[i].verb, verb) && access("/run/dbus/system_bus_socket", F_OK) == 0) {
                        execlp("busctl", "busctl", "call", "--system", "org.freedesktop.login1",
                                "/org/freedesktop/login1", "org.freedesktop.login1.Manager", kinds[i].method,
                                "b", isatty(STDIN_FILENO) ? "true" : "false", NULL);
                        fprintf(stderr, "busctl: %s\n", strerror(errno));
                        return 1;
                }
        opt.no_block = true;
        opt.mode = (char *)"replace-irreversibly";
        return verb_job("start", names);
}

/* switch-root [ROOT [INIT]]: without INIT what init= on the kernel command line says, else a usual one. */
int verb_switch_root(const char *verb, char **args)
{
        const char *root = args && args[0] ? args[0] : "/sysroot", *init = args && args[0] ? args[1] : NULL;
        _cleanup_strbuf_ struct strbuf tried = { 0 };
        _cleanup_strv_ char **words = NULL;

        if (str_empty(init) && cmdline_read(&words) >= 0)
                init = cmdline_get(words, "init");
        init = switch_root_init(root, init, &tried);
        if (!init) {
                fprintf(stderr, "There is no init in %s: tried %s\n", root, tried.s ?: "nothing");
                return 1;
        }
        char *found[] = { (char *)root, (char *)init, NULL };
        struct ctl_call c = { .verb = verb, .args = found };
        int r = ctl_call_or_say(&c, "switch the root");

        free(c.error);
        return r < 0 ? (r == -EACCES ? 4 : 1) : 0;
}
