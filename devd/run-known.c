/* Programs of stock rules: what each would find, looked up in place. See run-known.h.
 *
 * systemd-sysctl --prefix=… (99-systemd.rules, each interface) applies the lines of sysctl.d whose key has one of
 * the prefixes. ifupdown-hotplug (80-ifupdown.rules, each interface) starts ifup for those that an "allow-hotplug"
 * line names, and with a service manager has nothing to do at their end. hwclock-set (85-hwclock.rules) leaves at
 * once where there is a service manager.
 *
 * The last two are shell scripts that an administrator may have changed, so their text is looked at too. What is
 * read of files is kept and read again when they change; nothing is looked at twice within a second. */
#include "run-known.h"

#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"
#include "text.h"

#define LOOK_AGAIN USEC_PER_SEC

static const char *const dirs[] = { "/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d",
        "/usr/lib/sysctl.d", "/lib/sysctl.d", NULL };

static struct {
        char **keys; /* "/net/ipv4/conf/all/rp_filter", globs as written */
        struct timespec seen[ARRAY_SIZE(dirs)];
        bool read;
} sysctl;

/* "-net.ipv4.conf.eth0/1.x = 1" → "/net/ipv4/conf/eth0.1/x": the first separator decides which is which. */
static void add_key(char *line)
{
        char *eq = strchr(line, '='), *p = line, *sep;

        if (eq)
                *eq = '\0';
        p = str_strip(p);
        if (*p == '-')
                p = str_strip(p + 1);
        sep = p + strcspn(p, "./");
        if (*sep == '.')
                for (char *c = sep; *c; c++)
                        *c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
        (void)strv_addf(&sysctl.keys, "/%s", p);
}

static void read_keys(void)
{
        _cleanup_strv_ char **files = NULL;

        strv_reset(&sysctl.keys);
        if (conf_files_list(NULL, (char *const *)dirs, ".conf", &files) < 0)
                return;
        (void)strv_add(&files, "/etc/sysctl.conf");
        FOREACH_STR (f, files) {
                _cleanup_free_ char *text = NULL;
                char *line, *rest;

                if (read_file(*f, 1024 * 1024, &text, NULL) < 0)
                        continue;
                for (rest = text; (line = strsep(&rest, "\n"));) {
                        line = str_strip(line);
                        if (*line && *line != '#' && *line != ';')
                                add_key(line);
                }
        }
}

static void refresh(void)
{
        static usec_t last;
        usec_t now = now_monotonic();
        bool changed = !sysctl.read;

        if (sysctl.read && now - last < LOOK_AGAIN)
                return;
        last = now;

        for (size_t i = 0; dirs[i]; i++) {
                struct stat st = {};

                (void)stat(dirs[i], &st);
                if (st.st_mtim.tv_sec != sysctl.seen[i].tv_sec ||
                        st.st_mtim.tv_nsec != sysctl.seen[i].tv_nsec)
                        changed = true;
                sysctl.seen[i] = st.st_mtim;
        }
        if (changed)
                read_keys();
        sysctl.read = true;
}

/* Could the key, perhaps with wildcards, be below the prefix? When in doubt, yes. */
static bool could_match(const char *key, const char *prefix)
{
        size_t literal = strcspn(key, "*?["), n = strlen(prefix);

        if (key[literal] == '\0')
                return strncmp(key, prefix, n) == 0;
        return strncmp(key, prefix, MIN(literal, n)) == 0;
}

static bool sysctl_idle(const struct device *d, char **argv)
{
        refresh();
        for (char **a = argv + 1; *a; a++) {
                const char *prefix = startswith(*a, "--prefix=");

                if (!prefix)
                        return false;
                if (path_startswith(prefix, "/proc/sys"))
                        prefix += strlen("/proc/sys");
                FOREACH_STR (k, sysctl.keys)
                        if (could_match(*k, prefix))
                                return false;
        }
        return true;
}

/* ---- scripts ---- */

static bool with_service_manager(void)
{
        return access("/run/systemd/system", F_OK) >= 0;
}

/* The script says what we think that it says. */
static bool script_has(const char *path, const char *text)
{
        _cleanup_free_ char *script = NULL;

        return read_file(path, 64 * 1024, &script, NULL) >= 0 && strstr(script, text);
}

static bool hwclock_idle(const struct device *d, char **argv)
{
        return with_service_manager() &&
               script_has(argv[0], "if [ -e /run/systemd/system ] ; then\n    exit 0\nfi");
}

#define INTERFACES "/etc/network/interfaces"

static bool file_allows_hotplug(const char *path, unsigned depth);

/* Files of a "source" or "source-directory" line. In doubt, yes. */
static bool sourced_allows_hotplug(const char *pattern, bool directory, unsigned depth)
{
        _cleanup_free_ char *all = directory ? path_join(pattern, "*") : strdup(pattern);
        bool found = false;
        glob_t g = {};
        int r;

        if (!all || pattern[0] != '/' || strpbrk(pattern, "$`~\"'\\{ ") || depth > 4)
                return true;
        r = glob(all, 0, NULL, &g);
        for (size_t i = 0; r == 0 && i < g.gl_pathc && !found; i++)
                found = file_allows_hotplug(g.gl_pathv[i], depth + 1);
        if (r == 0)
                globfree(&g);
        return found || (r != 0 && r != GLOB_NOMATCH);
}

static bool line_allows_hotplug(char *line, unsigned depth)
{
        char *rest;

        line = str_strip(line);
        if (*line == '#' || !*line)
                return false;
        if (strstr(line, "hotplug"))
                return true;
        if ((rest = (char *)startswith(line, "source-directory")) && (*rest == ' ' || *rest == '\t'))
                return sourced_allows_hotplug(str_strip(rest), true, depth);
        if ((rest = (char *)startswith(line, "source")) && (*rest == ' ' || *rest == '\t'))
                return sourced_allows_hotplug(str_strip(rest), false, depth);
        return false;
}

static bool file_allows_hotplug(const char *path, unsigned depth)
{
        _cleanup_free_ char *text = NULL;
        char *line, *rest;
        int r = read_file(path, 1024 * 1024, &text, NULL);

        if (r < 0)
                return r != -ENOENT && r != -EISDIR;
        for (rest = text; (line = strsep(&rest, "\n"));)
                if (line_allows_hotplug(line, depth))
                        return true;
        return false;
}

static bool ifupdown_idle(const struct device *d, char **argv)
{
        static usec_t last;
        static bool idle;
        usec_t now = now_monotonic();

        if (!last || now - last >= LOOK_AGAIN) {
                last = now;
                idle = with_service_manager() && !file_allows_hotplug(INTERFACES, 0) &&
                       script_has(argv[0], "TARGET_IFACE=$(ifquery --allow hotplug -l \"$INTERFACE\"") &&
                       script_has(argv[0], "if [ -d /run/systemd/system ]; then\n        exit 0");
        }
        return idle && (streq(d->action, "add") || streq(d->action, "remove"));
}

static const struct {
        const char *program;
        bool (*idle)(const struct device *d, char **argv);
} known[] = {
        { "/lib/systemd/systemd-sysctl", sysctl_idle },
        { "/lib/udev/ifupdown-hotplug", ifupdown_idle },
        { "/lib/udev/hwclock-set", hwclock_idle },
};

bool run_known(const struct device *d, const char *command)
{
        _cleanup_strv_ char **argv = NULL;

        /* Most commands are told by their text alone. */
        if (!strstr(command, "systemd-sysctl") && !strstr(command, "ifupdown-hotplug") &&
                !strstr(command, "hwclock-set"))
                return false;
        if (program_split(command, &argv) < 0)
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
                const char *path = startswith(argv[0], "/usr") ?: argv[0];

                if (!streq(path, known[i].program) || !known[i].idle(d, argv))
                        continue;
                log_debug("'%s': has nothing to do here, not run", command);
                return true;
        }
        return false;
}
