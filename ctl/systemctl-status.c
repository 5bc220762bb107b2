/* status: one unit at a glance (state, processes by cgroup, resources, last log lines), or the system. */
#include "ctl.h"
#include "install.h"

#include <dirent.h>
#include <signal.h>

#include "lib/fileio.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

static const char *dot_color(const char *active)
{
        return streq(active, "active") || streq(active, "reloading") ? "green"
               : streq(active, "failed")                             ? "red"
               : streq(active, "inactive")                           ? "off"
                                                                     : "yellow";
}

static const char *dot(const char *active)
{
        return streq(active, "failed")      ? "×"
               : streq(active, "inactive")  ? "○"
               : streq(active, "reloading") ? "↻"
                                            : "●";
}

static usec_t time_of(const struct ctl_record *u, const char *key)
{
        const char *s = record_str(u, key);
        int64_t v;

        return *s == '@' && parse_i64(s + 1, &v) >= 0 ? v : 0;
}

/* ---- processes ---- */

static void process_line(const char *pid, char *buf, size_t n)
{
        char path[64];
        _cleanup_free_ char *s = NULL;
        size_t len;

        snprintf(path, sizeof(path), "/proc/%.16s/cmdline", pid);
        if (read_file(path, 4096, &s, &len) >= 0 && len > 0) {
                for (size_t i = 0; i + 1 < len; i++)
                        if ((unsigned char)s[i] < ' ')
                                s[i] = ' ';
                snprintf(buf, n, "%s", s);
                return;
        }
        free(s);
        s = NULL;
        snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
        if (read_one_line(path, &s) >= 0)
                snprintf(buf, n, "[%s]", s);
        else
                snprintf(buf, n, "(gone)");
}

#define KERNEL_THREAD 0x00200000u /* PF_KTHREAD */

static bool is_kernel_thread(const char *pid)
{
        _cleanup_free_ char *path = str_printf("/proc/%s/stat", pid), *s = NULL;
        const char *end = path && read_one_line(path, &s) >= 0 ? strrchr(s, ')') : NULL;
        unsigned flags;

        return end && sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 && flags & KERNEL_THREAD;
}

static void drop_kernel_threads(char **pids)
{
        char **to = pids;

        for (char **p = pids; p && *p; p++)
                if (is_kernel_thread(*p))
                        free(*p);
                else
                        *to++ = *p;
        if (to)
                *to = NULL;
}

static void cgroup_tree(const char *path, const char *prefix, int depth)
{
        _cleanup_free_ char *procs_path = str_printf("%s/cgroup.procs", path), *procs = NULL;
        _cleanup_strv_ char **pids = NULL, **dirs = NULL;
        _cleanup_closedir_ DIR *d = NULL;
        size_t n_pids, n_dirs;

        if (depth > 16)
                return;
        if (procs_path && read_file(procs_path, 0, &procs, NULL) >= 0)
                pids = strv_split(procs, "\n");
        drop_kernel_threads(pids);
        d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_type == DT_DIR && e->d_name[0] != '.')
                        (void)strv_add(&dirs, e->d_name);
        strv_sort(dirs);
        n_pids = strv_len(pids);
        n_dirs = strv_len(dirs);
        for (size_t i = 0; i < n_pids; i++) {
                char line[160];

                process_line(pids[i], line, sizeof(line));
                printf("%s%s%s %s\n", prefix, i + 1 == n_pids && n_dirs == 0 ? "└─" : "├─", pids[i], line);
        }
        for (size_t i = 0; i < n_dirs; i++) {
                _cleanup_free_ char *sub = path_join(path, dirs[i]), *deeper = NULL;

                deeper = str_printf("%s%s", prefix, i + 1 == n_dirs ? "  " : "│ ");
                printf("%s%s%s\n", prefix, i + 1 == n_dirs ? "└─" : "├─", dirs[i]);
                if (sub && deeper)
                        cgroup_tree(sub, deeper, depth + 1);
        }
}

static void print_processes(const struct ctl_record *u)
{
        const char *cg = record_str(u, "ControlGroup");
        _cleanup_free_ char *path = *cg ? str_printf(CGROUP_ROOT "%s", cg) : NULL;

        if (!path || access(path, F_OK) < 0)
                return;
        printf("     CGroup: %s\n", cg);
        cgroup_tree(path, "             ", 0);
}

/* ---- parts of the page ---- */

static void print_loaded(const struct ctl_record *u)
{
        const char *load = record_str(u, "LoadState"), *path = record_str(u, "FragmentPath"),
                   *error = record_get(u, "LoadError");
        const char *state = *path ? unit_file_state(NULL, record_str(u, "Id")) : "";
        const char *preset = ""; /* of those alone that can be enabled */

        if (*state && (startswith(state, "enabled") || streq(state, "disabled")))
                preset = install_preset(NULL, record_str(u, "Id"), NULL) > 0 ? "enabled" : "disabled";

        printf("     Loaded: %s%s%s", color(streq(load, "loaded") ? "off" : "red"), load, color("off"));
        if (*path)
                printf(" (%s%s%s%s%s)", path, *state ? "; " : "", state, *preset ? "; preset: " : "",
                        preset);
        else if (error)
                printf(" (Reason: %s)", error);
        else if (streq(load, "not-found"))
                printf(" (Reason: Unit %s not found.)", record_str(u, "Id"));
        putchar('\n');
        if (*record_str(u, "DropInPaths")) {
                _cleanup_strv_ char **v = strv_split(record_str(u, "DropInPaths"), " ");

                for (size_t i = 0; v && v[i]; i++)
                        printf("%s%s\n", i == 0 ? "    Drop-In: " : "             ", v[i]);
        }
        if (*record_str(u, "Unsupported"))
                printf("      Notes: without effect here: %s\n", record_str(u, "Unsupported"));
        if (record_u64(u, "Problems") > 0)
                printf("             %s lines of its files were not understood (see the log, or rousectl "
                       "verify)\n",
                        record_str(u, "Problems"));
        if (record_get(u, "DroppedEdges"))
                printf("             ordering cycle broken: %s\n", record_str(u, "DroppedEdges"));
}

static void print_active(const struct ctl_record *u)
{
        const char *active = record_str(u, "ActiveState"), *sub = record_str(u, "SubState"),
                   *result = record_str(u, "Result");
        bool up = streq(active, "active") || streq(active, "reloading");
        usec_t since = time_of(u, up                              ? "ActiveEnterTimestamp"
                                  : streq(active, "activating")   ? "InactiveExitTimestamp"
                                  : streq(active, "deactivating") ? "ActiveExitTimestamp"
                                                                  : "InactiveEnterTimestamp");
        char when[64], ago[96];

        printf("     Active: %s%s%s%s%s%s", color(dot_color(active)), active, streq(active, sub) ? "" : " (",
                streq(active, sub) ? "" : sub, streq(active, sub) ? "" : ")", color("off"));
        if (*result && !streq(result, "success"))
                printf(" (Result: %s)", result);
        if (since > 0)
                printf(" since %s; %s", format_time(when, sizeof(when), since),
                        format_ago(ago, sizeof(ago), since));
        putchar('\n');
        if (*record_str(u, "Conditions") && streq(record_str(u, "ConditionResult"), "no") &&
                time_of(u, "ConditionTimestamp") > 0)
                printf("  Condition: start condition failed: %s\n", record_str(u, "Conditions"));
        if (record_get(u, "Job"))
                printf("        Job: %s (%s)%s%s\n", record_str(u, "Job"), record_str(u, "JobType"),
                        record_get(u, "JobWaitsFor") ? " waits for " : "", record_str(u, "JobWaitsFor"));
        if (*record_str(u, "TriggeredBy"))
                printf("TriggeredBy: %s\n", record_str(u, "TriggeredBy"));
        if (*record_str(u, "Triggers"))
                printf("   Triggers: %s\n", record_str(u, "Triggers"));
}

static void print_lists(const struct ctl_record *u)
{
        _cleanup_strv_ char **docs = strv_split(record_str(u, "Documentation"), " ");

        for (size_t i = 0; docs && docs[i]; i++)
                printf("%s%s\n", i == 0 ? "       Docs: " : "             ", docs[i]);
        for (size_t i = 0, n = 0; u->v[i]; i++)
                if (startswith(u->v[i], "Listen="))
                        printf("%s%s\n", n++ ? "             " : "     Listen: ", u->v[i] + 7);
        if (record_get(u, "Where"))
                printf("      Where: %s\n", record_str(u, "Where"));
        if (record_get(u, "What"))
                printf("       What: %s\n", record_str(u, "What"));
        if (*record_str(u, "SysFSPath"))
                printf("     Device: %s\n", record_str(u, "SysFSPath"));
}

static void print_main(const struct ctl_record *u)
{
        uint64_t pid = record_u64(u, "MainPID"), code = record_u64(u, "ExecMainCode"),
                 status = record_u64(u, "ExecMainStatus");
        _cleanup_free_ char *comm = NULL, *path = str_printf("/proc/%llu/comm", (unsigned long long)pid);

        if (pid > 0) {
                if (path)
                        (void)read_one_line(path, &comm);
                printf("   Main PID: %llu (%s)\n", (unsigned long long)pid, comm ?: "?");
        } else if (record_u64(u, "ExecMainPID") > 0 && code > 0) {
                bool exited = code == CLD_EXITED;

                printf("   Main PID: %s (code=%s, ", record_str(u, "ExecMainPID"),
                        exited               ? "exited"
                        : code == CLD_DUMPED ? "dumped"
                                             : "killed");
                if (exited)
                        printf("status=%llu%s)\n", (unsigned long long)status,
                                status == 0 ? "/SUCCESS" : "");
                else
                        printf("signal=%s)\n", signal_name((int)status) ?: "?");
        }
        if (*record_str(u, "StatusText"))
                printf("     Status: \"%s\"\n", record_str(u, "StatusText"));
}

/* "10.2K in, 0B out": two amounts, if both are known. */
static void print_two(const struct ctl_record *u, const char *title, const char *a, const char *what_a,
        const char *b, const char *what_b)
{
        char x[64], y[64];
        uint64_t m, n;

        if (parse_u64(record_str(u, a), &m) < 0 || parse_u64(record_str(u, b), &n) < 0)
                return;
        printf("%11s: %s %s, %s %s\n", title, format_bytes(x, sizeof(x), m), what_a,
                format_bytes(y, sizeof(y), n), what_b);
}

/* How much of the last ten seconds something in it waited, where that was any. */
static void print_pressure(const struct ctl_record *u)
{
        static const char *const rows[][2] = { { "cpu", "CPUPressure" }, { "memory", "MemoryPressure" },
                { "io", "IOPressure" } };
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *avg = startswith(record_str(u, rows[i][1]), "some avg10=");

                if (avg && strtod(avg, NULL) > 0)
                        printf("%s%s %.*s%%", n++ ? ", " : "   Pressure: ", rows[i][0],
                                (int)strcspn(avg, " "), avg);
        }
        if (n > 0)
                putchar('\n');
}

static void print_resources(const struct ctl_record *u)
{
        const char *tasks = record_str(u, "TasksCurrent"), *mem = record_str(u, "MemoryCurrent"),
                   *cpu = record_str(u, "CPUUsageNSec");
        char buf[64];
        uint64_t v;

        print_two(u, "IP", "IPIngressBytes", "in", "IPEgressBytes", "out");
        print_two(u, "IO", "IOReadBytes", "read", "IOWriteBytes", "written");
        if (*tasks >= '0' && *tasks <= '9')
                printf("      Tasks: %s\n", tasks);
        if (parse_u64(mem, &v) >= 0)
                printf("     Memory: %s\n", format_bytes(buf, sizeof(buf), v));
        if (parse_u64(cpu, &v) >= 0)
                printf("        CPU: %s\n",
                        format_timespan(buf, sizeof(buf), (usec_t)(v / 1000), USEC_PER_MSEC));
        print_pressure(u);
}

static void print_unit(const struct ctl_record *u)
{
        const char *id = record_str(u, "Id"), *active = record_str(u, "ActiveState"),
                   *desc = record_str(u, "Description");

        printf("%s%s%s %s%s%s\n", color(dot_color(active)), dot(active), color("off"), id,
                streq(desc, id) ? "" : " - ", streq(desc, id) ? "" : desc);
        print_loaded(u);
        print_active(u);
        print_lists(u);
        print_main(u);
        print_resources(u);
        print_processes(u);
        if (opt.lines > 0)
                log_print_tail(id, record_str(u, "InvocationID"), opt.lines);
        if (streq(record_str(u, "NeedDaemonReload"), "yes"))
                fprintf(stderr,
                        "Warning: The unit file, source configuration file or drop-ins of %s changed on "
                        "disk. Run "
                        "'systemctl daemon-reload' to reload units.\n",
                        id);
}

/* ---- the verb ---- */

struct status_run {
        size_t n;
        int status;
        struct strbuf json;
};

/* systemctl(1): 0 running, 3 not running, 4 no such unit; the program's "dead with a PID file" is not known here. */
static int status_of(const struct ctl_record *u)
{
        const char *active = record_str(u, "ActiveState");

        if (streq(record_str(u, "LoadState"), "not-found") && streq(active, "inactive"))
                return 4;
        return streq(active, "active") || streq(active, "reloading") ? 0 : 3;
}

static void on_unit(const struct ctl_record *rec, void *data)
{
        struct status_run *run = data;
        int s = status_of(rec);

        run->status = MAX(run->status, s);
        if (opt.output != OUTPUT_TABLE) {
                strbuf_puts(&run->json, run->n++ ? "," : "");
                json_record(&run->json, rec);
                return;
        }
        if (s == 4) {
                fprintf(stderr, "Unit %s could not be found.\n", record_str(rec, "Id"));
                return;
        }
        if (run->n++)
                putchar('\n');
        print_unit(rec);
}

static int system_status(void)
{
        _cleanup_list_ struct ctl_list l = { 0 };
        char host[256] = "", when[64], ago[96];
        const struct ctl_record *m;
        usec_t t;

        if (ctl_query("show", NULL, NULL, &l) < 0 || l.n == 0)
                return 3;
        m = &l.r[0];
        (void)gethostname(host, sizeof(host) - 1);
        printf("%s●%s %s\n    State: %s\n    Units: %s loaded\n     Jobs: %s queued\n   Failed: %s units\n",
                color(streq(record_str(m, "SystemState"), "running") ? "green" : "yellow"), color("off"),
                host, record_str(m, "SystemState"), record_str(m, "NUnits"), record_str(m, "NJobs"),
                record_str(m, "NFailedUnits"));
        t = time_of(m, "UserspaceTimestamp");
        printf("    Since: %s; %s\n  manager: %s\n   CGroup: /\n", format_time(when, sizeof(when), t),
                format_ago(ago, sizeof(ago), t), record_str(m, "Version"));
        cgroup_tree(CGROUP_ROOT, "           ", 0);
        return 0;
}

int verb_status(const char *verb, char **args)
{
        struct status_run run = { 0 };
        struct ctl_call c = { .verb = "show", .record = on_unit, .data = &run };
        _cleanup_strv_ char **units = NULL;
        int r = 0, error = 0;

        if (!args || !*args) {
                if (!opt.types && !opt.states) {
                        r = system_status();
                        if (r > 0 || !opt.all)
                                return r;
                        putchar('\n');
                }
                args = (char **)every_unit;
        }
        units = units_of_arguments(args, &error);
        if (error < 0)
                return 4;
        if (opt.output != OUTPUT_TABLE)
                strbuf_putc(&run.json, '[');
        if (units) {
                c.args = units;
                r = ctl_call_or_say(&c, "get properties");
                free(c.error);
        }
        if (opt.output != OUTPUT_TABLE)
                printf("%s]\n", run.json.s ?: "");
        strbuf_done(&run.json);
        return r < 0 ? 4 : run.status;
}
