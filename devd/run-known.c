/* `systemd-sysctl --prefix=…` runs for each network interface (99-systemd.rules), and applies the lines of
 * sysctl.d whose key has one of the prefixes: with no such line there is nothing to execute. The lines are read
 * once and again when a directory changes. */
#include "run-known.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"

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

        strv_free(sysctl.keys);
        sysctl.keys = NULL;
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
        bool changed = !sysctl.read;

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

bool run_known(const char *command)
{
        _cleanup_strv_ char **argv = NULL;

        if (!startswith(command, "/lib/systemd/systemd-sysctl ") &&
                !startswith(command, "/usr/lib/systemd/systemd-sysctl "))
                return false;
        if (str_split_quoted(command, WORD_RELAX, &argv) < 0)
                return false;
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
        log_debug("'%s': no sysctl.d line has this prefix, not run", command);
        return true;
}
