/* Units for the scripts of /etc/init.d that have none of their own: what systemd-sysv-generator(8) does.
 *
 * The LSB header says what a script provides and needs; scripts without one are ordered by the numbers of their links
 * in rcN.d. Only scripts without a unit are opened, which on most systems is none. */
#include <dirent.h>
#include <stdio.h>
#include <strings.h>
#include <sys/stat.h>

#include "generate.h"
#include "load.h"
#include "lib/fileio.h"

#define INIT_D "/etc/init.d"

struct script {
        char *name, *unit, *path, *description, *pid_file;
        char **after, **wants, **before, **wanted_by, **provides;
        bool has_lsb, reload;
        int priority; /* of its start links; -1 */
        struct script *next;
};

static void script_free(struct script *s)
{
        free(s->name);
        free(s->unit);
        free(s->path);
        free(s->description);
        free(s->pid_file);
        strv_free(s->after);
        strv_free(s->wants);
        strv_free(s->before);
        strv_free(s->wanted_by);
        strv_free(s->provides);
        free(s);
}

static void scripts_free(struct script **list)
{
        while (*list) {
                struct script *next = (*list)->next;

                script_free(*list);
                *list = next;
        }
}

/* "foo.sh" → "foo.service"; what no unit name may have is escaped. */
static char *unit_of_script(const char *name)
{
        _cleanup_free_ char *base = strdup(name), *escaped = NULL;
        char *dot = base ? (char *)endswith(base, ".sh") : NULL;

        if (dot)
                *dot = '\0';
        if (!base)
                return NULL;
        for (const char *c = base; *c; c++)
                if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                            strchr(":-_.", *c))) {
                        escaped = unit_name_escape(base);
                        return escaped ? str_printf("%s.service", escaped) : NULL;
                }
        return str_printf("%s.service", base);
}

/* ---- the LSB header ---- */

enum lsb_key {
        LSB_NONE,
        LSB_PROVIDES,
        LSB_REQUIRED_START,
        LSB_SHOULD_START,
        LSB_START_BEFORE,
        LSB_DESCRIPTION
};

/* Unit that a facility or script name stands for; NULL with 0: none is needed. */
static int unit_of_facility(const char *name, char **ret)
{
        static const struct {
                const char *facility, *unit;
        } table[] = {
                { "$local_fs", NULL },
                { "$syslog", NULL },
                { "$all", NULL },
                { "$network", "network-online.target" },
                { "$named", "nss-lookup.target" },
                { "$portmap", "rpcbind.target" },
                { "$remote_fs", "remote-fs.target" },
                { "$time", "time-sync.target" },
                { "$x-display-manager", "display-manager.service" },
                { "$mail-transport-agent", "mail-transport-agent.target" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(table); i++)
                if (streq(name, table[i].facility)) {
                        *ret = table[i].unit ? strdup(table[i].unit) : NULL;
                        return 0;
                }
        *ret = *name == '$' ? NULL : unit_of_script(name);
        return 0;
}

static int add_facilities(struct script *s, enum lsb_key key, const char *value)
{
        _cleanup_strv_ char **words = strv_split(value, " \t");

        FOREACH_STR (w, words) {
                _cleanup_free_ char *unit = NULL;
                int r = unit_of_facility(*w, &unit);

                if (r < 0)
                        return r;
                if (!unit || streq(unit, s->unit) || !unit_name_valid(unit, false))
                        continue;
                if (key == LSB_PROVIDES)
                        r = **w == '$' ? strv_add_unique(&s->before, unit)
                                       : strv_add_unique(&s->provides, unit);
                else if (key == LSB_START_BEFORE)
                        r = strv_add_unique(&s->before, unit);
                else {
                        r = strv_add_unique(&s->after, unit);
                        if (r >= 0 && streq(unit, "network-online.target"))
                                r = strv_add_unique(&s->wants, unit);
                }
                if (r < 0)
                        return r;
        }
        return 0;
}

static enum lsb_key lsb_key(const char *line, const char **ret_value)
{
        static const struct {
                const char *name;
                enum lsb_key key;
        } keys[] = {
                { "Provides:", LSB_PROVIDES },
                { "Required-Start:", LSB_REQUIRED_START },
                { "Should-Start:", LSB_SHOULD_START },
                { "X-Start-Before:", LSB_START_BEFORE },
                { "Short-Description:", LSB_DESCRIPTION },
        };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (strncasecmp(line, keys[i].name, strlen(keys[i].name)) == 0) {
                        *ret_value = line + strlen(keys[i].name);
                        return keys[i].key;
                }
        return LSB_NONE;
}

static int take_lsb_line(struct script *s, char *line)
{
        const char *value;
        enum lsb_key key;

        line += strspn(line, "# \t");
        key = lsb_key(line, &value);
        if (key == LSB_NONE)
                return 0;
        if (key == LSB_DESCRIPTION) {
                value += strspn(value, " \t");
                return *value && generate_value_ok(value) ? str_replace(&s->description, value) : 0;
        }
        return add_facilities(s, key, value);
}

static void take_comment(struct script *s, const char *line)
{
        const char *pid = startswith(line, "# pidfile:");

        if (!pid)
                return;
        pid += strspn(pid, " \t");
        if (*pid == '/' && generate_value_ok(pid))
                (void)str_replace(&s->pid_file, pid);
}

static int read_script(struct script *s, char *text)
{
        bool in_lsb = false;

        for (char *line = text, *next; line; line = next) {
                int r = 0;

                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                if (startswith(line, "### BEGIN INIT INFO")) {
                        in_lsb = s->has_lsb = true;
                        continue;
                }
                if (startswith(line, "### END INIT INFO"))
                        in_lsb = false;
                if (in_lsb)
                        r = take_lsb_line(s, line);
                else if (*line == '#')
                        take_comment(s, line);
                else if (strstr(line, "{start|") || strstr(line, "|reload") || strstr(line, "Usage:"))
                        s->reload |= strstr(line, "|reload") || strstr(line, "{reload|");
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- which scripts ---- */

static bool is_script_name(const char *name)
{
        static const char *const skipped[] = { "README", "skeleton", "rc", "rcS", "rc.local", "functions",
                "single", "halt", "reboot", "sendsigs", "umountfs", "umountroot", "umountnfs.sh" };

        if (hidden_or_backup_file(name))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(skipped); i++)
                if (streq(name, skipped[i]))
                        return false;
        return true;
}

static int add_script(struct manager *m, const char *name, struct script **list)
{
        _cleanup_free_ char *unit = unit_of_script(name), *path = path_join(INIT_D, name), *full = NULL,
                            *text = NULL;
        struct script *s;
        struct stat st;
        int r;

        if (!unit || !path)
                return -ENOMEM;
        if (!unit_name_valid(unit, false) || index_find(m, unit) || !generate_value_ok(name))
                return 0; /* it has a unit, or is masked */
        full = root_path(m, path);
        if (!full)
                return -ENOMEM;
        if (stat(full, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111))
                return 0;
        r = read_file(full, 1 << 20, &text, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : log_warning_errno(r, "Cannot read %s: %m", path) * 0;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->priority = -1;
        s->unit = TAKE_PTR(unit);
        s->path = TAKE_PTR(path);
        s->name = strdup(name);
        s->next = *list;
        *list = s;
        return s->name ? read_script(s, text) : -ENOMEM;
}

static int find_scripts(struct manager *m, struct script **list)
{
        _cleanup_free_ char *path = root_path(m, INIT_D);
        _cleanup_closedir_ DIR *d = path ? opendir(path) : NULL;
        struct dirent *de;

        while (d && (de = readdir(d))) {
                int r = is_script_name(de->d_name) ? add_script(m, de->d_name, list) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* "S02foo" of a runlevel's directory: who wants it, and when. */
static void take_link(struct script *list, const char *link, const char *target)
{
        if (link[0] != 'S' || strlen(link) < 4 || strspn(link + 1, "0123456789") < 2)
                return;
        for (struct script *s = list; s; s = s->next) {
                int priority = (link[1] - '0') * 10 + link[2] - '0';

                if (!streq(s->name, link + 3))
                        continue;
                (void)strv_add_unique(&s->wanted_by, target);
                s->priority = MAX(s->priority, priority);
        }
}

static void find_links(struct manager *m, struct script *list)
{
        static const struct {
                const char *dir, *target;
        } levels[] = {
                { "/etc/rc1.d", "rescue.target" },
                { "/etc/rc2.d", "multi-user.target" },
                { "/etc/rc3.d", "multi-user.target" },
                { "/etc/rc4.d", "multi-user.target" },
                { "/etc/rc5.d", "graphical.target" },
                { "/etc/rcS.d", "sysinit.target" },
        };

        for (size_t i = 0; list && i < ARRAY_SIZE(levels); i++) {
                _cleanup_free_ char *path = root_path(m, levels[i].dir);
                _cleanup_closedir_ DIR *d = path ? opendir(path) : NULL;
                struct dirent *de;

                while (d && (de = readdir(d)))
                        take_link(list, de->d_name, levels[i].target);
        }
}

/* ---- the units ---- */

static void list_setting(struct strbuf *b, const char *key, char *const *v)
{
        FOREACH_STR (s, v)
                strbuf_printf(b, "%s=%s\n", key, *s);
}

static int add_unit(struct manager *m, struct script *s, struct script *list)
{
        _cleanup_free_ char *description = generate_escape(s->description ? s->description : s->name);
        _cleanup_free_ char *path = generate_escape(s->path);
        _cleanup_strbuf_ struct strbuf b = {};
        bool early = strv_contains(s->wanted_by, "sysinit.target");
        int r;

        if (!description || !path)
                return -ENOMEM;
        strbuf_printf(&b, "[Unit]\nDescription=%s: %s\nSourcePath=%s\n", s->has_lsb ? "LSB" : "SYSV",
                description, path);
        if (early)
                strbuf_puts(&b, "DefaultDependencies=no\nBefore=sysinit.target "
                                "shutdown.target\nConflicts=shutdown.target\n"
                                "After=local-fs.target\n");
        list_setting(&b, "Before", s->before);
        list_setting(&b, "After", s->after);
        list_setting(&b, "Wants", s->wants);
        for (struct script *o = list; o && !s->has_lsb && s->priority >= 0; o = o->next)
                if (o != s && !o->has_lsb && o->priority >= 0 && o->priority < s->priority)
                        strbuf_printf(&b, "After=%s\n", o->unit);
        strbuf_puts(&b, "\n[Service]\nType=forking\nRestart=no\nTimeoutSec=5min\nIgnoreSIGPIPE=no\nKillMode="
                        "process\n"
                        "GuessMainPID=no\nSuccessExitStatus=5 6\n");
        strbuf_printf(&b, "RemainAfterExit=%s\n", s->pid_file ? "no" : "yes");
        if (s->pid_file)
                strbuf_printf(&b, "PIDFile=%s\n", s->pid_file);
        strbuf_printf(&b, "ExecStart=%s start\nExecStop=%s stop\n", path, path);
        if (s->reload)
                strbuf_printf(&b, "ExecReload=%s reload\n", path);
        r = generate_add(m, GEN_LATE, s->unit, &b);
        if (r < 0)
                return r;
        FOREACH_STR (t, s->wanted_by)
                (void)load_add_virtual_dep(m, DEP_WANTS, *t, s->unit);
        FOREACH_STR (p, s->provides)
                (void)load_add_virtual_alias(m, GEN_LATE, *p, s->unit);
        log_info("%s has no unit file; %s is made for it", s->path, s->unit);
        return 0;
}

int generate_sysv(struct manager *m)
{
        _cleanup_(scripts_free) struct script *list = NULL;
        int r = find_scripts(m, &list);

        if (r < 0)
                return r;
        find_links(m, list);
        for (struct script *s = list; s; s = s->next) {
                r = add_unit(m, s, list);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}
