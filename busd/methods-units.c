/* Methods that find and list units, and act on one without a job. */
#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>

#include "busd.h"
#include "lib/fileio.h"
#include "lib/id128.h"

/* ---- finding ---- */

static int reply_unit(struct call *c, const char *id)
{
        _cleanup_free_ char *path = unit_path(id);

        return path ? call_reply(c, "o", path) : -ENOMEM;
}

static int get_unit_done(struct call *c, const struct answer *a)
{
        const struct ctl_record *u = a->n > 0 ? &a->records[0] : NULL;
        const char *load = u ? record_str(u, "LoadState") : "";

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        if (!u || streq(load, "not-found") || streq(load, "stub"))
                return call_fail(
                        c, ERROR_PREFIX "NoSuchUnit", "Unit %s not loaded.", u ? record_str(u, "Id") : "");
        return reply_unit(c, record_str(u, "Id"));
}

static int bad_name(struct call *c)
{
        return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid unit name.");
}

int on_get_unit(struct call *c)
{
        const char *name;

        if (call_unit(c, &name) < 0)
                return bad_name(c);
        return call_ask(c, "is-active", (char *[]) { (char *)name, NULL }, NULL, get_unit_done);
}

static int load_unit_done(struct call *c, const struct answer *a)
{
        if (a->error < 0 || a->n == 0)
                return call_fail_errno(c, a->error ?: -ENOENT, a->message);
        return reply_unit(c, record_str(&a->records[0], "Id"));
}

int on_load_unit(struct call *c)
{
        const char *name;

        if (call_unit(c, &name) < 0)
                return bad_name(c);
        return call_request(c, "show", (char *[]) { (char *)name, NULL },
                (char *[]) { (char *)"properties=Id,LoadState", NULL }, load_unit_done);
}

static int pid_done(struct call *c, const struct answer *a)
{
        if (a->error < 0 || a->n == 0)
                return call_fail(
                        c, ERROR_PREFIX "NoUnitForPID", "%s", a->message ?: "No unit for this process.");
        return reply_unit(c, record_str(&a->records[0], "Id"));
}

static int ask_pid(struct call *c, pid_t pid, int (*done)(struct call *c, const struct answer *a))
{
        char text[16];

        if (pid <= 0)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid process id.");
        snprintf(text, sizeof(text), "%d", (int)pid);
        return call_request(c, "pid-of", (char *[]) { text, NULL }, NULL, done);
}

int on_get_unit_by_pid(struct call *c)
{
        uint32_t n;
        pid_t pid;
        int r = sd_bus_message_read_basic(c->m, 'u', &n);

        if (r < 0)
                return r;
        pid = (pid_t)n;
        if (pid == 0)
                r = call_pid(c, &pid);
        return r < 0 ? r : ask_pid(c, pid, pid_done);
}

static int pidfd_shown(struct call *c, const struct answer *a)
{
        const struct ctl_record *u = a->n > 0 ? &a->records[0] : NULL;
        _cleanup_free_ char *path = NULL;
        sd_bus_message *reply = NULL;
        int r;

        if (a->error < 0 || !u)
                return call_fail_errno(c, a->error ?: -ENOENT, a->message);
        path = unit_path(record_str(u, "Id"));
        r = path ? sd_bus_message_new_method_return(c->m, &reply) : -ENOMEM;
        if (r >= 0)
                r = sd_bus_message_append(reply, "os", path, record_str(u, "Id"));
        if (r >= 0) {
                const struct property *p = property_find(IF_Unit, "InvocationID");

                r = encode_form(p)(reply, p, u);
        }
        if (r >= 0)
                r = call_send(c, reply);
        sd_bus_message_unref(reply);
        return r;
}

static int pidfd_found(struct call *c, const struct answer *a)
{
        if (a->error < 0 || a->n == 0)
                return pid_done(c, a);
        return call_request(c, "show", (char *[]) { (char *)record_str(&a->records[0], "Id"), NULL },
                (char *[]) { (char *)"properties=Id,InvocationID", NULL }, pidfd_shown);
}

int on_get_unit_by_pidfd(struct call *c)
{
        _cleanup_free_ char *text = NULL;
        char path[64];
        const char *line;
        int fd, r = sd_bus_message_read_basic(c->m, 'h', &fd);

        if (r < 0)
                return r;
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
        r = read_file(path, 0, &text, NULL);
        if (r < 0)
                return r;
        line = strstr(text, "\nPid:");
        return ask_pid(c, line ? (pid_t)atoi(line + 5) : -1, pidfd_found);
}

static int invocation_done(struct call *c, const struct answer *a)
{
        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        for (size_t i = 0; i < a->n; i++)
                if (streq(record_str(&a->records[i], "InvocationID"), c->data))
                        return reply_unit(c, record_str(&a->records[i], "Id"));
        return call_fail(c, ERROR_PREFIX "NoUnitForInvocationID", "No unit has this invocation.");
}

int on_get_unit_by_invocation(struct call *c)
{
        const uint8_t *id;
        size_t n;
        char *hex;
        int r = sd_bus_message_read_array(c->m, 'y', (const void **)&id, &n);

        if (r < 0)
                return r;
        if (n == 0) { /* the caller's own unit */
                pid_t pid;

                r = call_pid(c, &pid);
                return r < 0 ? r : ask_pid(c, pid, pid_done);
        }
        if (n != 16)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "An invocation id has 16 bytes.");
        hex = malloc(ID128_TEXT_MAX);
        if (!hex)
                return -ENOMEM;
        id128_format(hex, id);
        c->data = hex;
        c->data_free = free;
        return call_request(
                c, "list-units", NULL, (char *[]) { (char *)"invocation", NULL }, invocation_done);
}

/* The unit of a control group is in its path: the last part that is a unit's name. */
int on_get_unit_by_cgroup(struct call *c)
{
        _cleanup_strv_ char **parts = NULL;
        const char *group, *found = NULL;
        int r = sd_bus_message_read_basic(c->m, 's', &group);

        if (r < 0)
                return r;
        parts = strv_split(group, "/");
        FOREACH_STR (p, parts)
                if (endswith(*p, ".service") || endswith(*p, ".scope") || endswith(*p, ".slice") ||
                        endswith(*p, ".socket") || endswith(*p, ".mount") || endswith(*p, ".swap")) {
                        found = *p;
                        if (!endswith(*p, ".slice"))
                                break; /* below it, others rule */
                }
        if (!found)
                found = "-.slice";
        return call_ask(c, "is-active", (char *[]) { (char *)found, NULL }, NULL, get_unit_done);
}

/* ---- listing ---- */

struct filter {
        char **states, **patterns;
};

static void filter_free(void *data)
{
        struct filter *f = data;

        strv_free(f->states);
        strv_free(f->patterns);
        free(f);
}

static bool matches(const struct filter *f, const struct ctl_record *u)
{
        if (f->states && !strv_contains(f->states, record_str(u, "LoadState")) &&
                !strv_contains(f->states, record_str(u, "ActiveState")) &&
                !strv_contains(f->states, record_str(u, "SubState")))
                return false;
        if (!f->patterns)
                return true;
        FOREACH_STR (p, f->patterns)
                if (fnmatch(*p, record_str(u, "Id"), FNM_NOESCAPE) == 0)
                        return true;
        return false;
}

static int append_unit(struct call *c, sd_bus_message *m, const struct ctl_record *u)
{
        uint32_t n = (uint32_t)record_u64(u, "Job");
        const char *id = record_str(u, "Id");
        _cleanup_free_ char *path = NULL, *job = NULL;

        if (!matches(c->data, u))
                return 0;
        path = unit_path(id);
        job = n ? job_path(n) : NULL;
        if (!path || (n && !job))
                return -ENOMEM;
        return sd_bus_message_append(m, "(ssssssouso)", id, record_str(u, "Description"),
                record_str(u, "LoadState"), record_str(u, "ActiveState"), record_str(u, "SubState"), "",
                path, n, record_str(u, "JobType"), job ?: "/");
}

static int list_done(struct call *c, const struct answer *a)
{
        return call_reply_records(c, "(ssssssouso)", a, append_unit);
}

static void none_if_empty(char ***v)
{
        if (*v && !**v)
                strv_reset(v);
}

/* ListUnits, ListUnitsFiltered (states), ListUnitsByPatterns (states, patterns). */
int on_list_units(struct call *c)
{
        struct filter *f = calloc(1, sizeof(*f));
        int r = 0;

        if (!f)
                return -ENOMEM;
        c->data = f;
        c->data_free = filter_free;
        if (strlen(c->method->in) >= 2)
                r = sd_bus_message_read_strv(c->m, &f->states);
        if (r >= 0 && strlen(c->method->in) >= 4)
                r = sd_bus_message_read_strv(c->m, &f->patterns);
        if (r < 0)
                return r;
        none_if_empty(&f->states);
        none_if_empty(&f->patterns);
        return call_ask(c, "list-units", NULL, NULL, list_done);
}

/* Units that are not loaded are listed too: they are loaded for it. */
int on_list_units_by_names(struct call *c)
{
        struct filter *f = calloc(1, sizeof(*f));
        _cleanup_strv_ char **names = NULL;
        int r;

        if (!f)
                return -ENOMEM;
        c->data = f;
        c->data_free = filter_free;
        r = sd_bus_message_read_strv(c->m, &names);
        if (r < 0)
                return r;
        FOREACH_STR (n, names)
                if (interface_of_unit(*n) < 0)
                        return bad_name(c);
        if (!names || !*names) {
                struct answer nothing = { 0 };

                return list_done(c, &nothing);
        }
        return call_request(c, "show", names,
                (char *[]) { (char *)"properties=Id,Description,LoadState,ActiveState,SubState,Job,JobType",
                        NULL },
                list_done);
}

/* ---- processes ---- */

/* What is in a group and below it. */
static int append_processes(sd_bus_message *m, const char *group, unsigned depth)
{
        _cleanup_free_ char *dir = path_join("/sys/fs/cgroup", group), *file = NULL, *text = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;
        int r = 0;

        if (!dir || !(file = path_join(dir, "cgroup.procs")))
                return -ENOMEM;
        if (read_file(file, 0, &text, NULL) >= 0)
                for (char *save = NULL, *line = strtok_r(text, "\n", &save); line && r >= 0;
                        line = strtok_r(NULL, "\n", &save)) {
                        _cleanup_free_ char *path = str_printf("/proc/%s/cmdline", line), *command = NULL;
                        size_t len = 0;

                        if (!path || read_file(path, 64 * 1024, &command, &len) < 0)
                                continue;
                        for (size_t i = 0; i + 1 < len; i++)
                                if (command[i] == '\0')
                                        command[i] = ' ';
                        r = sd_bus_message_append(m, "(sus)", group, (uint32_t)strtoul(line, NULL, 10),
                                utf8_valid(command, strlen(command)) ? command : "?");
                }
        d = depth < 32 ? opendir(dir) : NULL;
        while (d && r >= 0 && (de = readdir(d))) {
                _cleanup_free_ char *child = NULL;

                if (de->d_type != DT_DIR || *de->d_name == '.')
                        continue;
                child = path_join(group, de->d_name);
                r = child ? append_processes(m, child, depth + 1) : -ENOMEM;
        }
        return r;
}

static int fill_processes(struct call *c, sd_bus_message *reply, const void *group)
{
        return append_processes(reply, group, 0);
}

static int no_processes(struct call *c, sd_bus_message *reply, const void *group)
{
        return 0;
}

static int processes_done(struct call *c, const struct answer *a)
{
        const char *group = a->n > 0 ? record_str(&a->records[0], "ControlGroup") : "";

        if (a->error < 0)
                return call_fail_errno(c, a->error, a->message);
        return call_reply_array(c, "(sus)", *group ? fill_processes : no_processes, group);
}

int on_get_processes(struct call *c)
{
        const char *name;

        if (call_unit(c, &name) < 0)
                return bad_name(c);
        return call_request(c, "show", (char *[]) { (char *)name, NULL },
                (char *[]) { (char *)"properties=ControlGroup", NULL }, processes_done);
}

/* ---- acting ---- */

int unit_done(struct call *c, const struct answer *a)
{
        for (size_t i = 0; i < a->n; i++)
                if (record_get(&a->records[i], "Error"))
                        return call_fail_errno(c, -(int)record_u64(&a->records[i], "Error"),
                                record_str(&a->records[i], "Message"));
        return a->error < 0 ? call_fail_errno(c, a->error, a->message) : call_reply(c, NULL);
}

/* FreezeUnit and others that are a verb of PID 1's with the unit. */
int on_unit_verb(struct call *c)
{
        const char *name;

        if (call_unit(c, &name) < 0)
                return bad_name(c);
        return call_request(c, c->method->what, (char *[]) { (char *)name, NULL }, NULL, unit_done);
}

static int kill_done(struct call *c, const struct answer *a)
{
        if (a->n > 0 && record_u64(&a->records[0], "Error") == ESRCH) /* nothing to kill is no error */
                return streq(c->data, "all")
                               ? call_reply(c, NULL)
                               : call_fail(c, ERROR_PREFIX "NoSuchProcess", "No such process.");
        return unit_done(c, a);
}

int on_kill_unit(struct call *c)
{
        const char *name, *whom;
        char who[32], sig[32];
        int32_t n;
        int r = call_unit(c, &name);

        if (r >= 0)
                r = sd_bus_message_read(c->m, "si", &whom, &n);
        if (r < 0)
                return bad_name(c);
        if (*whom == '\0' || streq(whom, "all-fail"))
                whom = "all";
        else if (endswith(whom, "-fail"))
                whom = streq(whom, "main-fail") ? "main" : "control";
        if (n <= 0 || n > 64 || strlen(whom) > 16)
                return call_fail(c, SD_BUS_ERROR_INVALID_ARGS, "Invalid signal or process.");
        snprintf(who, sizeof(who), "who=%s", whom);
        snprintf(sig, sizeof(sig), "signal=%d", (int)n);
        c->data = (void *)(streq(whom, "main") ? "main" : streq(whom, "control") ? "control" : "all");
        return call_request(
                c, "kill", (char *[]) { (char *)name, NULL }, (char *[]) { who, sig, NULL }, kill_done);
}

static int clean_done(struct call *c, const struct answer *a)
{
        if (a->error == -EBUSY)
                return call_fail(c, ERROR_PREFIX "UnitBusy", "%s", a->message ?: "The unit is running.");
        if (a->error == -ENODATA)
                return call_fail(c, ERROR_PREFIX "NothingToClean", "No matching resources found.");
        return unit_done(c, a);
}

int on_clean_unit(struct call *c)
{
        _cleanup_strv_ char **what = NULL, **options = NULL;
        const char *name;
        int r = call_unit(c, &name);

        if (r >= 0)
                r = sd_bus_message_read_strv(c->m, &what);
        if (r < 0)
                return bad_name(c);
        r = strv_add(&options, "no-wait");
        FOREACH_STR (w, what)
                if (r >= 0)
                        r = strv_addf(&options, "what=%s", *w);
        return r < 0 ? r : call_request(c, "clean", (char *[]) { (char *)name, NULL }, options, clean_done);
}
