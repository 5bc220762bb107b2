/* systemd-run(1): a command as a transient service or scope, or as one that a timer, path or socket starts.
 *
 * All becomes one start-transient request: the unit that is started, and with a trigger the service beside it. --pipe
 * lends PID 1 our own standard streams; --pty makes a terminal (run-pty.c); --scope has PID 1 put this very process
 * into the scope, and then executes the command. */
#include "ctl.h"

#include <getopt.h>
#include <sys/random.h>

#include "lib/fileio.h"
#include "lib/unitname.h"
#include "run.h"

enum {
        R_NO_BLOCK = 256,
        R_WAIT,
        R_UID,
        R_GID,
        R_SLICE,
        R_SLICE_INHERIT,
        R_DESCRIPTION,
        R_NICE,
        R_WORKDIR,
        R_TYPE,
        R_IGNORED,
        R_SCOPE,
        R_VERSION,
        R_USER,
        R_HUP,
        R_ON_ACTIVE,
        R_ON_BOOT,
        R_ON_STARTUP,
        R_ON_UNIT_ACTIVE,
        R_ON_UNIT_INACTIVE,
        R_ON_CALENDAR,
        R_ON_CLOCK,
        R_ON_ZONE,
        R_TIMER_PROPERTY,
        R_PATH_PROPERTY,
        R_SOCKET_PROPERTY
};

static const struct option run_options[] = {
        { "no-block", 0, NULL, R_NO_BLOCK },
        { "wait", 0, NULL, R_WAIT },
        { "collect", 0, NULL, 'G' },
        { "unit", 1, NULL, 'u' },
        { "property", 1, NULL, 'p' },
        { "description", 1, NULL, R_DESCRIPTION },
        { "slice", 1, NULL, R_SLICE },
        { "slice-inherit", 0, NULL, R_SLICE_INHERIT },
        { "uid", 1, NULL, R_UID },
        { "gid", 1, NULL, R_GID },
        { "nice", 1, NULL, R_NICE },
        { "working-directory", 1, NULL, R_WORKDIR },
        { "same-dir", 0, NULL, 'd' },
        { "setenv", 1, NULL, 'E' },
        { "service-type", 1, NULL, R_TYPE },
        { "remain-after-exit", 0, NULL, 'r' },
        { "send-sighup", 0, NULL, R_HUP },
        { "quiet", 0, NULL, 'q' },
        { "no-ask-password", 0, NULL, R_IGNORED },
        { "system", 0, NULL, R_IGNORED },
        { "user", 0, NULL, R_USER },
        { "host", 1, NULL, 'H' },
        { "machine", 1, NULL, 'M' },
        { "scope", 0, NULL, R_SCOPE },
        { "pty", 0, NULL, 't' },
        { "pipe", 0, NULL, 'P' },
        { "shell", 0, NULL, 'S' },
        { "on-active", 1, NULL, R_ON_ACTIVE },
        { "on-boot", 1, NULL, R_ON_BOOT },
        { "on-startup", 1, NULL, R_ON_STARTUP },
        { "on-unit-active", 1, NULL, R_ON_UNIT_ACTIVE },
        { "on-unit-inactive", 1, NULL, R_ON_UNIT_INACTIVE },
        { "on-calendar", 1, NULL, R_ON_CALENDAR },
        { "on-clock-change", 0, NULL, R_ON_CLOCK },
        { "on-timezone-change", 0, NULL, R_ON_ZONE },
        { "timer-property", 1, NULL, R_TIMER_PROPERTY },
        { "path-property", 1, NULL, R_PATH_PROPERTY },
        { "socket-property", 1, NULL, R_SOCKET_PROPERTY },
        { "help", 0, NULL, 'h' },
        { "version", 0, NULL, R_VERSION },
        { 0 },
};

static const char run_help[] =
        "systemd-run [OPTION…] COMMAND [ARGUMENT…]\n\nRuns a command as a transient unit.\n\n"
        "  --scope                 as a scope: the command stays our child\n"
        "  -u --unit=UNIT          name of the unit\n"
        "  -p --property=KEY=VALUE property of the unit, as in a unit file\n"
        "  --description=TEXT --slice=SLICE --slice-inherit\n"
        "  --no-block --wait -r --remain-after-exit -G --collect -q --quiet\n"
        "  --uid=USER --gid=GROUP --nice=N -E --setenv=NAME[=VALUE]\n"
        "  --working-directory=PATH -d --same-dir --service-type=TYPE --send-sighup\n"
        "  -t --pty  -P --pipe  -S --shell\n"
        "  --on-active= --on-boot= --on-startup= --on-unit-active= --on-unit-inactive=SPAN\n"
        "  --on-calendar=TIME --on-clock-change --on-timezone-change\n"
        "  --timer-property= --path-property= --socket-property=KEY=VALUE\n\nSee rousectl(1).\n";

/* ---- words ---- */

/* One word of an Exec line, quoted so that it comes out as it is: no specifiers, no variables. */
static void quote_word(struct strbuf *b, const char *s)
{
        strbuf_putc(b, '"');
        for (; *s; s++)
                switch (*s) {
                case '"':
                case '\\': strbuf_printf(b, "\\%c", *s); break;
                case '%': strbuf_puts(b, "%%"); break;
                case '$': strbuf_puts(b, "$$"); break;
                case '\n': strbuf_puts(b, "\\n"); break;
                case '\r': strbuf_puts(b, "\\r"); break;
                default: strbuf_putc(b, *s); break;
                }
        strbuf_putc(b, '"');
}

static void quote_assignment(struct strbuf *b, const char *s)
{
        strbuf_putc(b, '"');
        for (; *s; s++)
                switch (*s) {
                case '"':
                case '\\': strbuf_printf(b, "\\%c", *s); break;
                case '%': strbuf_puts(b, "%%"); break;
                case '\n': strbuf_puts(b, "\\n"); break;
                default: strbuf_putc(b, *s); break;
                }
        strbuf_putc(b, '"');
}

/* Text in one line, without specifiers. */
static char *plain_text(const char *s)
{
        struct strbuf b = { 0 };

        for (; *s; s++)
                if (*s == '%')
                        strbuf_puts(&b, "%%");
                else
                        strbuf_putc(&b, *s == '\n' || *s == '\r' || *s == '\\' ? ' ' : *s);
        return strbuf_take(&b) ?: strdup("");
}

/* The program by its path: PID 1 does not look along PATH for us. */
static char *find_program(const char *name)
{
        _cleanup_strv_ char **dirs = NULL;

        if (strchr(name, '/'))
                return *name == '/' ? strdup(name) : realpath(name, NULL);
        dirs = strv_split(
                getenv("PATH") ?: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ":");
        FOREACH_STR (d, dirs) {
                char *path = path_join(*d, name);

                if (path && access(path, X_OK) == 0)
                        return path;
                free(path);
        }
        return NULL;
}

/* ---- options ---- */

static int set_property(struct run *r, const char *key, const char *value)
{
        return strv_addf(&r->properties, "%s=%s", key, value);
}

static int add_environment(struct run *r, const char *arg)
{
        const char *v = strchr(arg, '=') ? NULL : getenv(arg);
        _cleanup_free_ char *all = strchr(arg, '=') ? strdup(arg) : str_printf("%s=%s", arg, v ?: "");

        return all ? strv_env_set(&r->environment, all) : -ENOMEM;
}

/* "trigger" is the type of the unit that starts the service: one kind a call. */
static int set_trigger(struct run *r, const char *type, const char *key, const char *arg)
{
        if (r->trigger && !streq(r->trigger, type)) {
                fprintf(stderr, "Only one of path, socket and timer options can be used.\n");
                return -EINVAL;
        }
        r->trigger = type;
        if (!key)
                return strv_add(&r->trigger_properties, arg);
        r->n_timers += streq(type, "timer");
        return strv_addf(&r->trigger_properties, "%s=%s", key, arg);
}

static int set_slice(struct run *r, const char *arg)
{
        return unit_name_mangle(arg, "slice", &r->slice);
}

static int set_run_option(struct run *r, int c, const char *arg)
{
        char cwd[PATH_MAX];

        switch (c) {
        case R_NO_BLOCK: r->no_block = true; return 0;
        case R_WAIT: r->wait = true; return 0;
        case 'u': return str_replace(&r->unit, arg);
        case 'p': return strv_add(&r->properties, arg);
        case R_DESCRIPTION: return str_replace(&r->description, arg);
        case R_SLICE: return set_slice(r, arg);
        case R_SLICE_INHERIT: r->slice_inherit = true; return 0;
        case R_UID: return str_replace(&r->user, arg);
        case R_GID: return str_replace(&r->group, arg);
        case R_NICE: return str_replace(&r->nice, arg);
        case R_WORKDIR: return str_replace(&r->directory, arg);
        case 'd': return getcwd(cwd, sizeof(cwd)) ? str_replace(&r->directory, cwd) : -errno;
        case 'E': return add_environment(r, arg);
        case R_TYPE: return str_replace(&r->type, arg);
        case 'r': return set_property(r, "RemainAfterExit", "yes");
        case R_HUP: return set_property(r, "SendSIGHUP", "yes");
        case 'G': return set_property(r, "CollectMode", "inactive-or-failed");
        case 'q': r->quiet = true; return 0;
        case R_SCOPE: r->scope = true; return 0;
        case 't': r->pty = true; return 0;
        case 'P': r->pipe = true; return 0;
        case 'S': r->shell = true; return 0;
        case R_ON_ACTIVE: return set_trigger(r, "timer", "OnActiveSec", arg);
        case R_ON_BOOT: return set_trigger(r, "timer", "OnBootSec", arg);
        case R_ON_STARTUP: return set_trigger(r, "timer", "OnStartupSec", arg);
        case R_ON_UNIT_ACTIVE: return set_trigger(r, "timer", "OnUnitActiveSec", arg);
        case R_ON_UNIT_INACTIVE: return set_trigger(r, "timer", "OnUnitInactiveSec", arg);
        case R_ON_CALENDAR: return set_trigger(r, "timer", "OnCalendar", arg);
        case R_ON_CLOCK: return set_trigger(r, "timer", "OnClockChange", "yes");
        case R_ON_ZONE: return set_trigger(r, "timer", "OnTimezoneChange", "yes");
        case R_TIMER_PROPERTY: return set_trigger(r, "timer", NULL, arg);
        case R_PATH_PROPERTY: return set_trigger(r, "path", NULL, arg);
        case R_SOCKET_PROPERTY: return set_trigger(r, "socket", NULL, arg);
        case R_IGNORED: return 0;
        default: return -EINVAL;
        }
}

/* What does not go together. NULL: nothing. */
static const char *find_conflict(struct run *r, bool command)
{
        if (!command && !r->shell && !(r->trigger && r->unit))
                return "Command line to execute required.";
        if (r->trigger && r->scope)
                return "Path, socket and timer options are not for --scope.";
        if (r->trigger && (r->pty || r->pipe || r->wait))
                return "Path, socket and timer options cannot be combined with --wait, --pty or --pipe.";
        if (r->scope && (r->pty || r->pipe || r->wait || r->no_block))
                return "--scope cannot be combined with --wait, --pty, --pipe or --no-block.";
        if (r->no_block && (r->wait || r->pty || r->pipe))
                return "--no-block cannot be combined with --wait, --pty or --pipe.";
        return NULL;
}

/* The slice that this process is in, by its cgroup: "a.slice/a-b.slice/x.service" → "a-b". */
static char *own_slice(void)
{
        _cleanup_free_ char *text = NULL;
        _cleanup_strv_ char **parts = NULL;
        char *found = NULL;

        if (read_one_line("/proc/self/cgroup", &text) < 0 || !startswith(text, "0::"))
                return NULL;
        parts = strv_split(text + 3, "/");
        FOREACH_STR (p, parts) {
                const char *end = endswith(*p, ".slice");

                if (end) {
                        free(found);
                        found = strndup(*p, (size_t)(end - *p));
                }
        }
        return found;
}

static int resolve_slice(struct run *r)
{
        _cleanup_free_ char *own = r->slice_inherit ? own_slice() : NULL;
        char *name;

        if (!own)
                return 0;
        name = r->slice ? str_printf("%s-%s", own, r->slice) : str_printf("%s.slice", own);
        if (!name)
                return -ENOMEM;
        free(r->slice);
        r->slice = name;
        return 0;
}

/* ---- the request ---- */

static int add_command(struct run *r, char ***args, char **command)
{
        _cleanup_free_ char *program = find_program(command[0]);
        _cleanup_strbuf_ struct strbuf exec = { 0 };

        if (!program) {
                fprintf(stderr, "Failed to find executable %s: No such file or directory\n", command[0]);
                return -ENOENT;
        }
        quote_word(&exec, program);
        FOREACH_STR (a, command + 1) {
                strbuf_putc(&exec, ' ');
                quote_word(&exec, *a);
        }
        return exec.failed ? -ENOMEM : strv_addf(args, "ExecStart=%s", exec.s);
}

static int describe(struct run *r, char **command)
{
        _cleanup_free_ char *text = NULL;

        if (r->description || !command || !*command)
                return 0;
        text = strv_join(command, " ");
        return str_replace(&r->description, text);
}

/* NULL: not set. */
struct setting {
        const char *key, *value;
};

/* What the part of every unit begins with: its name, description, settings. */
static int add_unit(struct run *r, char ***args, const char *name, const struct setting *s, size_t n)
{
        _cleanup_free_ char *text = r->description ? plain_text(r->description) : NULL;
        int k = strv_add(args, name);

        if (k >= 0 && text)
                k = strv_addf(args, "Description=%s", text);
        for (size_t i = 0; i < n && k >= 0; i++)
                if (s[i].value)
                        k = strv_addf(args, "%s=%s", s[i].key, s[i].value);
        return k;
}

static int append_environment(struct run *r, char ***args)
{
        const char *term = r->tty ? getenv("TERM") : NULL;
        int k = 0;

        if (term && !strv_env_get(r->environment, "TERM"))
                k = strv_addf(&r->environment, "TERM=%s", term);
        FOREACH_STR (e, r->environment) {
                _cleanup_strbuf_ struct strbuf b = { 0 };

                quote_assignment(&b, *e);
                if (k >= 0)
                        k = strv_addf(args, "Environment=%s", b.s ?: "");
        }
        return k;
}

static int add_service(struct run *r, char ***args, char **command)
{
        const char *tty = r->tty ? "tty" : NULL;
        const struct setting settings[] = {
                { "User", r->user },
                { "Group", r->group },
                { "Nice", r->nice },
                { "WorkingDirectory", r->directory },
                { "Slice", r->slice },
                { "Type", r->type },
                { "TTYPath", r->tty },
                { "StandardInput", tty },
                { "StandardOutput", tty },
                { "StandardError", tty },
        };
        int k = add_unit(r, args, r->service, settings, ARRAY_SIZE(settings));

        if (k >= 0)
                k = append_environment(r, args);
        if (k >= 0)
                k = strv_extend(args, r->properties);
        return k < 0 ? k : add_command(r, args, command);
}

static int add_trigger(struct run *r, char ***args)
{
        const struct setting once = { "RemainAfterElapse", streq(r->trigger, "timer") ? "no" : NULL };
        int k = add_unit(r, args, r->trigger_unit, &once, 1);

        return k < 0 ? k : strv_extend(args, r->trigger_properties);
}

static int add_scope(struct run *r, char ***args)
{
        const struct setting slice = { "Slice", r->slice };
        int k = add_unit(r, args, r->service, &slice, 1);

        return k < 0 ? k : strv_extend(args, r->properties);
}

static int name_units(struct run *r)
{
        const char *type = r->scope ? "scope" : "service";
        uint64_t id = 0;

        if (r->unit) {
                _cleanup_free_ char *name = NULL;
                int k = unit_name_mangle(r->unit, r->trigger ?: type, &name);

                if (k < 0) {
                        fprintf(stderr, "'%s' is not a unit name.\n", r->unit);
                        return k;
                }
                k = unit_name_change_suffix(name, type, &r->service);
                return k < 0 || !r->trigger ? k
                                            : unit_name_change_suffix(name, r->trigger, &r->trigger_unit);
        }
        if (getrandom(&id, sizeof(id), GRND_NONBLOCK) < 0)
                id = (uint64_t)now_monotonic() ^ (uint64_t)getpid() << 40;
        r->service = str_printf("run-r%016llx.%s", (unsigned long long)id, type);
        if (r->trigger)
                r->trigger_unit = str_printf("run-r%016llx.%s", (unsigned long long)id, r->trigger);
        return r->service && (!r->trigger || r->trigger_unit) ? 0 : -ENOMEM;
}

/* ---- the answer ---- */

static void say_end(struct run *r, const struct ctl_record *rec)
{
        static const char *const amounts[][2] = {
                { "IPIngressBytes", "IP traffic received" },
                { "IPEgressBytes", "IP traffic sent" },
                { "IOReadBytes", "IO bytes read" },
                { "IOWriteBytes", "IO bytes written" },
        };
        const char *code = record_str(rec, "ExecMainCode"), *cpu = record_str(rec, "CPUUsageNSec");
        uint64_t from = record_u64(rec, "InactiveExitTimestampMonotonic"),
                 to = record_u64(rec, "InactiveEnterTimestampMonotonic"), nsec;
        char buf[64];

        fprintf(stderr, "Finished with result: %s\n", record_str(rec, "Result"));
        if (streq(code, "1"))
                fprintf(stderr, "Main processes terminated with: code=exited/status=%s\n",
                        record_str(rec, "ExecMainStatus"));
        else if (!streq(code, "0"))
                fprintf(stderr, "Main processes terminated with: code=%s/status=%s\n",
                        streq(code, "3") ? "dumped" : "killed", record_str(rec, "ExecMainStatus"));
        if (from > 0 && to > from)
                fprintf(stderr, "Service runtime: %s\n",
                        format_timespan(buf, sizeof(buf), (usec_t)(to - from), USEC_PER_MSEC));
        if (parse_u64(cpu, &nsec) >= 0)
                fprintf(stderr, "CPU time consumed: %s\n",
                        format_timespan(buf, sizeof(buf), (usec_t)(nsec / 1000), USEC_PER_MSEC));
        for (size_t i = 0; i < ARRAY_SIZE(amounts); i++)
                if (parse_u64(record_str(rec, amounts[i][0]), &nsec) >= 0)
                        fprintf(stderr, "%s: %s\n", amounts[i][1], format_bytes(buf, sizeof(buf), nsec));
}

static void on_record(const struct ctl_record *rec, void *data)
{
        struct run *r = data;
        const char *result = record_get(rec, "Result");
        int status = 0;

        if (record_get(rec, "Error")) {
                fprintf(stderr, "Failed to start transient %s unit: %s\n",
                        r->trigger ? r->trigger
                        : r->scope ? "scope"
                                   : "service",
                        record_str(rec, "Message"));
                r->status = 1;
        } else if (record_get(rec, "Ended")) {
                if (r->wait && !r->quiet)
                        say_end(r, rec);
                if (!streq(record_str(rec, "Result"), "success")) {
                        /* what it ended with, or plainly failed */
                        if (streq(record_str(rec, "ExecMainCode"), "1"))
                                (void)parse_int(record_str(rec, "ExecMainStatus"), &status);
                        r->status = status ?: 1;
                }
                r->ended = true;
        } else if (result && !streq(result, "done") && !r->ends) {
                fprintf(stderr, "Job for %s failed (%s). See \"systemctl status %s\".\n", r->service, result,
                        r->service);
                r->status = 1;
        } else if (record_get(rec, "Type") || result) {
                if (!r->quiet && !r->said) {
                        if (r->trigger)
                                fprintf(stderr, "Running %s as unit: %s\nWill run service as unit: %s\n",
                                        r->trigger, r->trigger_unit, r->service);
                        else if (!r->scope && (r->ends || r->no_block))
                                fprintf(stderr, "Running as unit: %s\n", r->service);
                        r->said = r->trigger || r->ends || r->no_block;
                }
        }
}

static int send_request(struct run *r, char **command)
{
        _cleanup_strv_ char **args = NULL, **options = NULL;
        struct ctl_call c = { .verb = "start-transient", .record = on_record, .data = r };
        int k = r->trigger ? add_trigger(r, &args) : r->scope ? add_scope(r, &args) : 0;

        if (k >= 0 && !r->scope && (!r->trigger || (command && *command)))
                k = add_service(r, &args, command);
        if (k < 0)
                return 1;
        r->ends = r->wait || r->pty || r->pipe;
        k = strv_add(&options, "mode=fail");
        if (k >= 0 && r->ends)
                k = strv_add(&options, "until-end");
        if (k >= 0 && !r->no_block)
                k = strv_add(&options, "wait");
        if (k >= 0 && r->pipe && !r->pty)
                k = strv_add(&options, "stdio=0,1,2");
        if (k >= 0 && r->scope)
                k = strv_addf(&options, "pid=%d", (int)getpid());
        if (k < 0)
                return 1;
        c.args = args;
        c.options = options;
        k = ctl_call(&c);
        if (k < 0 && r->status == 0) {
                fprintf(stderr, "Failed to start transient %s unit: %s\n",
                        r->trigger ? r->trigger
                        : r->scope ? "scope"
                                   : "service",
                        c.error ?: strerror(-k));
                r->status = 1;
        }
        free(c.error);
        if (r->status == 0 && !r->quiet && !r->said && !r->ends)
                fprintf(stderr, r->scope ? "Running scope as unit: %s\n" : "Running as unit: %s\n",
                        r->service);
        return r->status;
}

static int run(struct run *r, char **command)
{
        static char *shell[] = { NULL, NULL };
        const char *conflict = find_conflict(r, *command != NULL);
        int k;

        if (conflict) {
                fprintf(stderr, "%s\n", conflict);
                return 1;
        }
        if (r->shell) {
                if (set_run_option(r, 'd', NULL) < 0 || set_run_option(r, 'G', NULL) < 0)
                        return 1;
                r->pty = r->wait = true;
                if (!r->type && str_replace(&r->type, "exec") < 0)
                        return 1;
                if (!*command) {
                        shell[0] = getenv("SHELL") ?: (char *)"/bin/sh";
                        command = shell;
                }
        }
        if (r->pty && r->pipe) {
                r->pty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
                r->pipe = !r->pty;
        }
        if (name_units(r) < 0 || resolve_slice(r) < 0 || describe(r, command) < 0)
                return 1;
        if (r->pty && run_pty_open(r) < 0)
                return 1;
        k = send_request(r, command);
        if (r->pty)
                run_pty_close(r);
        return k == 0 && r->scope ? run_in_scope(r, command) : k;
}

static void run_done(struct run *r)
{
        char *const strings[] = { r->unit, r->service, r->trigger_unit, r->description, r->slice, r->user,
                r->group, r->nice, r->directory, r->type, r->tty };

        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                free(strings[i]);
        strv_free(r->properties);
        strv_free(r->trigger_properties);
        strv_free(r->environment);
}

int run_main(int argc, char **argv)
{
        struct run r = { 0 };
        int c;

        optind = 0;
        while ((c = getopt_long(argc, argv, "+hu:p:E:drqGtPSH:M:", run_options, NULL)) >= 0) {
                if (c == R_VERSION)
                        return verb_version("version", NULL);
                if (c == 'h')
                        return fputs(run_help, stdout) < 0;
                if (c == R_USER)
                        return exec_elsewhere(NO_USERS);
                if (c == 'H' || c == 'M')
                        return exec_elsewhere(NO_OTHERS);
                if (c == '?' || set_run_option(&r, c, optarg) < 0)
                        return 1;
        }
        c = run(&r, argv + optind);
        run_done(&r);
        return c;
}

int verb_run(const char *verb, char **args)
{
        _cleanup_strv_ char **argv = NULL;

        if (strv_add(&argv, "rousectl run") < 0 || strv_extend(&argv, args) < 0)
                return 1;
        return run_main((int)strv_len(argv), argv);
}
