/* What the kernel command line asks for: systemd.wants=, systemd.mask=, systemd.debug_shell (systemd-debug-generator(8)),
 * systemd.run= (systemd-run-generator(8)), the default target's other names, /system-update and /etc/rc.local. */
#include <sys/stat.h>

#include "generate.h"
#include "load.h"
#include "names.h"
#include "lib/cmdline.h"

/* In the initramfs a word is for it only with "rd." before; elsewhere only without. What it says, NULL: not for us. */
static const char *word_for_us(const char *word, bool in_initrd)
{
        const char *rest = startswith(word, "rd.");

        return in_initrd ? rest : rest ? NULL : word;
}

/* Words that are a target's name, as systemd(1) lists them. */
const char *cmdline_target(char *const *cmdline, bool in_initrd)
{
        static const struct {
                const char *word, *target;
        } words[] = {
                { "emergency", "emergency.target" },
                { "-b", "emergency.target" },
                { "rescue", "rescue.target" },
                { "single", "rescue.target" },
                { "-s", "rescue.target" },
                { "s", "rescue.target" },
                { "S", "rescue.target" },
                { "1", "rescue.target" },
                { "2", "multi-user.target" },
                { "3", "multi-user.target" },
                { "4", "multi-user.target" },
                { "5", "graphical.target" },
        };
        const char *found = NULL;

        FOREACH_STR (w, cmdline) {
                const char *word = word_for_us(*w, in_initrd), *unit;

                if (!word)
                        continue;
                unit = startswith(word, "systemd.unit=");
                if (unit) {
                        if (unit_name_valid(unit, false))
                                found = unit;
                        else
                                log_warning(
                                        "systemd.unit=%s on the kernel command line is not a unit, ignored",
                                        unit);
                        continue;
                }
                for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                        if (streq(word, words[i].word))
                                found = words[i].target;
        }
        return found;
}

static int unit_of_option(const char *option, const char *value, char **ret)
{
        int r = unit_name_mangle(value, "service", ret);

        return r < 0 ? log_warning_errno(
                               r, "%s=%s on the kernel command line is not a unit, ignored", option, value)
                     : 0;
}

static int debug_shell(struct manager *m, const char *target, const char *tty)
{
        _cleanup_strbuf_ struct strbuf b = {};

        if (tty && path_startswith(tty, "/dev"))
                tty = path_startswith(tty, "/dev");
        if (tty && *tty && parse_boolean(tty) < 0) {
                if (!generate_value_ok(tty) || strchr(tty, '%'))
                        return log_warning_errno(-EINVAL, "systemd.debug_shell= on the kernel command line "
                                                          "is not a terminal, ignored");
                strbuf_printf(&b, "[Service]\nTTYPath=/dev/%s\n", tty);
                if (generate_add(m, GEN_EARLY, "debug-shell.service.d/50-tty.conf", &b) < 0)
                        return -ENOMEM;
        }
        return load_add_virtual_dep(m, DEP_WANTS, target, "debug-shell.service");
}

static void take_word(struct manager *m, const char *target, const char *word)
{
        _cleanup_free_ char *name = NULL;
        const char *v;

        word = word_for_us(word, m->in_initrd);
        if (!word)
                return;
        if ((v = startswith(word, "systemd.wants="))) {
                if (unit_of_option("systemd.wants", v, &name) >= 0)
                        (void)load_add_virtual_dep(m, DEP_WANTS, target, name);
        } else if ((v = startswith(word, "systemd.mask="))) {
                if (unit_of_option("systemd.mask", v, &name) >= 0)
                        (void)load_add_virtual(m, GEN_EARLY, name, "");
        } else if ((v = startswith(word, "systemd.debug_shell")) ||
                   (v = startswith(word, "systemd.debug-shell"))) {
                if (*v == '\0' || (*v == '=' && parse_boolean(v + 1) != 0))
                        (void)debug_shell(m, target, *v ? v + 1 : NULL);
        }
}

static const char *run_action(struct manager *m, const char *option)
{
        const char *v = cmdline_get(m->cmdline, option);
        int64_t a;

        if (str_empty(v))
                return "exit";
        if (name_value(names_emergency_action, v, &a) >= 0)
                return v;
        log_warning("%s=%s on the kernel command line is no action, ignored", option, v);
        return "exit";
}

/* systemd.run=COMMAND: booted into, and the end when it has ended (systemd-run-generator(8)). */
static void run_commands(struct manager *m)
{
        _cleanup_strbuf_ struct strbuf b = {}, t = {};
        unsigned n = 0;

        FOREACH_STR (w, m->cmdline) {
                const char *command = startswith(*w, "systemd.run=");

                if (!command || !*command)
                        continue;
                if (!generate_value_ok(command)) {
                        log_warning("systemd.run= on the kernel command line is not a command, ignored");
                        continue;
                }
                if (n++ == 0)
                        strbuf_printf(&b,
                                "[Unit]\nDescription=Command from the kernel command line\n"
                                "Documentation=man:systemd-run-generator(8)\nSourcePath=/proc/cmdline\n"
                                "SuccessAction=%s\nFailureAction=%s\n[Service]\nType=oneshot\n"
                                "StandardOutput=journal+console\n",
                                run_action(m, "systemd.run_success_action"),
                                run_action(m, "systemd.run_failure_action"));
                strbuf_printf(&b, "ExecStart=%s\n", command);
        }
        if (n == 0)
                return;
        strbuf_puts(&t, "[Unit]\nDescription=Command from the kernel command line\n"
                        "Requires=kernel-command-line.service\nAfter=kernel-command-line.service\n");
        if (generate_add(m, GEN_EARLY, "kernel-command-line.service", &b) >= 0 &&
                generate_add(m, GEN_EARLY, "kernel-command-line.target", &t) >= 0)
                (void)load_add_virtual_alias(m, GEN_EARLY, "default.target", "kernel-command-line.target");
}

static bool below_root(struct manager *m, const char *path, struct stat *st)
{
        _cleanup_free_ char *full = root_path(m, path);

        return full && lstat(full, st) >= 0;
}

/* An update waits: system-update.target instead of the default one (systemd.offline-updates(7)). */
static void system_update(struct manager *m)
{
        struct stat st;

        if (below_root(m, "/system-update", &st) || below_root(m, "/etc/system-update", &st))
                (void)load_add_virtual_alias(m, GEN_EARLY, "default.target", "system-update.target");
}

static void rc_local(struct manager *m)
{
        struct stat st;

        if (below_root(m, "/etc/rc.local", &st) && S_ISREG(st.st_mode) && (st.st_mode & 0111) &&
                load_find_fragment(m, "rc-local.service"))
                (void)load_add_virtual_dep(m, DEP_WANTS, "multi-user.target", "rc-local.service");
}

int generate_cmdline(struct manager *m)
{
        const char *target = cmdline_target(m->cmdline, m->in_initrd);
        _cleanup_free_ char *real = NULL;

        if (load_real_name(m, target ? target : "default.target", &real) >= 0)
                target = real;
        FOREACH_STR (w, m->cmdline)
                take_word(m, target, *w);
        if (m->in_initrd)
                return 0;
        system_update(m);
        run_commands(m);
        rc_local(m);
        return 0;
}
