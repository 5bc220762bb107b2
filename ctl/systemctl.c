/* systemctl(1), and rousectl's own verbs: options and the one table of verbs. */
#include "ctl.h"

#include <fnmatch.h>
#include <getopt.h>

#include "lib/unitname.h"

struct options opt = { .lines = 10 };

const struct ctl_verb systemctl_verbs[] = {
        { "list-units", 0, -1, verb_list_units, "[PATTERN…]", "List units in memory" },
        { "list-sockets", 0, -1, verb_list_sockets, "[PATTERN…]", "List sockets and what they start" },
        { "list-automounts", 0, -1, verb_list_automounts, "[PATTERN…]", "List automounts" },
        { "list-paths", 0, -1, verb_list_paths, "[PATTERN…]", "List path units and what they start" },
        { "list-timers", 0, -1, verb_list_timers, "[PATTERN…]", "List timers by next elapse" },
        { "list-unit-files", 0, -1, verb_list_unit_files, "[PATTERN…]", "List installed unit files" },
        { "list-dependencies", 0, -1, verb_list_dependencies, "[UNIT…]", "Show what units need, as a tree" },
        { "list-jobs", 0, -1, verb_list_jobs, "[PATTERN…]", "List jobs" },
        { "status", 0, -1, verb_status, "[PATTERN…|PID…]", "Show the state of units" },
        { "show", 0, -1, verb_show, "[PATTERN…|JOB…]", "Show properties of units, jobs or the manager" },
        { "cat", 1, -1, verb_cat, "UNIT…", "Show the files of units" },
        { "is-active", 1, -1, verb_is_active, "UNIT…", "Are units active?" },
        { "is-failed", 1, -1, verb_is_failed, "UNIT…", "Are units failed?" },
        { "is-enabled", 1, -1, verb_is_enabled, "UNIT…", "Are unit files enabled?" },
        { "is-system-running", 0, 0, verb_is_system_running, "", "Is the boot done and nothing failed?" },
        { "start", 1, -1, verb_job, "UNIT…", "Start units" },
        { "stop", 1, -1, verb_job, "UNIT…", "Stop units" },
        { "restart", 1, -1, verb_job, "UNIT…", "Restart units" },
        { "try-restart", 1, -1, verb_job, "UNIT…", "Restart units that are active" },
        { "condrestart", 1, -1, verb_job, "UNIT…", NULL },
        { "reload", 1, -1, verb_job, "UNIT…", "Reload units" },
        { "reload-or-restart", 0, -1, verb_job, "UNIT…|--marked",
                "Reload units, or restart those that cannot" },
        { "try-reload-or-restart", 1, -1, verb_job, "UNIT…", "The same, only those that are active" },
        { "force-reload", 1, -1, verb_job, "UNIT…", NULL },
        { "isolate", 1, 1, verb_job, "UNIT", "Start a unit and stop all others" },
        { "kill", 1, -1, verb_kill, "UNIT…", "Send a signal to processes of units" },
        { "set-property", 2, -1, verb_set_property, "UNIT KEY=VALUE…",
                "Change resource control of a unit, also while it runs" },
        { "freeze", 1, -1, verb_freeze, "UNIT…", "Suspend all processes of units" },
        { "thaw", 1, -1, verb_freeze, "UNIT…", "Let them go on" },
        { "clean", 1, -1, verb_clean, "UNIT…", "Remove directories of units that are down (--what=)" },
        { "cancel", 0, -1, verb_cancel, "[JOB…]", "Cancel all, or these, jobs" },
        { "reset-failed", 0, -1, verb_reset_failed, "[PATTERN…]", "Forget that units failed" },
        { "enable", 1, -1, verb_enable, "UNIT…|PATH…", "Enable unit files" },
        { "disable", 1, -1, verb_enable, "UNIT…", "Disable unit files" },
        { "reenable", 1, -1, verb_enable, "UNIT…", "Disable and enable unit files" },
        { "preset", 1, -1, verb_enable, "UNIT…", "Enable or disable as the presets say" },
        { "preset-all", 0, 0, verb_preset_all, "", "The same for all unit files" },
        { "link", 1, -1, verb_link, "PATH…", "Make unit files outside of the search path known" },
        { "edit", 1, -1, verb_edit, "UNIT…", "Edit a drop-in, or with --full the file, of units" },
        { "revert", 1, -1, verb_revert, "UNIT…", "Back to the vendor's files" },
        { "add-wants", 2, -1, verb_add_dependency, "TARGET UNIT…", "Let a target want units" },
        { "add-requires", 2, -1, verb_add_dependency, "TARGET UNIT…", "Let a target require units" },
        { "mask", 1, -1, verb_enable, "UNIT…", "Make units impossible to start" },
        { "unmask", 1, -1, verb_enable, "UNIT…", "Undo mask" },
        { "get-default", 0, 0, verb_get_default, "", "Name of the default target" },
        { "set-default", 1, 1, verb_set_default, "TARGET", "Set the default target" },
        { "show-environment", 0, 0, verb_environment, "", "Environment of services" },
        { "set-environment", 1, -1, verb_environment, "NAME=VALUE…", "Set variables in it" },
        { "unset-environment", 1, -1, verb_environment, "NAME…", "Remove variables from it" },
        { "import-environment", 0, -1, verb_import_environment, "[NAME…]", "Set those of this environment" },
        { "daemon-reload", 0, 0, verb_simple, "", "Read all unit files again" },
        { "daemon-reexec", 0, 0, verb_simple, "", "Execute the manager anew" },
        { "log-level", 0, 1, verb_log_level, "[LEVEL]", "Ask or set the manager's log level" },
        { "default", 0, 0, verb_power, "", "Enter the default mode" },
        { "rescue", 0, 0, verb_power, "", "Enter rescue mode" },
        { "emergency", 0, 0, verb_power, "", "Enter emergency mode" },
        { "halt", 0, 0, verb_power, "", "Stop everything and halt" },
        { "poweroff", 0, 0, verb_power, "", "Stop everything and power off" },
        { "reboot", 0, 1, verb_power, "[ARGUMENT]", "Stop everything and reboot" },
        { "kexec", 0, 0, verb_power, "", "Stop everything and execute the loaded kernel" },
        { "suspend", 0, 0, verb_sleep, "", "Suspend to memory" },
        { "hibernate", 0, 0, verb_sleep, "", "Suspend to disk" },
        { "hybrid-sleep", 0, 0, verb_sleep, "", "Both" },
        { "suspend-then-hibernate", 0, 0, verb_sleep, "", "The one, then the other" },
        { "switch-root", 0, 2, verb_switch_root, "[ROOT [INIT]]",
                "From the initramfs into the root that is mounted there" },
        { "exit", 0, 1, verb_power, "[STATUS]", "End the manager (containers)" },
};
const size_t n_systemctl_verbs = ARRAY_SIZE(systemctl_verbs);

static const struct ctl_verb own_verbs[] = {
        { "log", 0, -1, verb_log, "[-u UNIT] [-n N] [-f] [-b] [-p LEVEL]", "Show the log" },
        { "analyze", 0, -1, verb_analyze, "[time|blame|critical-chain|plot|json]",
                "Say where the boot's time went" },
        { "verify", 1, -1, verb_verify, "FILE…", "Check unit files" },
        { "udev", 0, -1, verb_udevadm, "COMMAND…", "Devices: as udevadm(8)" },
        { "run", 0, -1, verb_run, "COMMAND…", "Run a command as a unit: as systemd-run(1)" },
        { "events", 0, 0, verb_events, "", "Print jobs and units as they change" },
        { "wall", 1, 1, verb_wall, "TEXT", "Write to all terminals that are logged in" },
        { "completion", 0, 0, verb_completion, "", "Completion for bash" },
        { "help", 0, 0, verb_help, "", "This text" },
        { "version", 0, 0, verb_version, "", "The version" },
};

/* ---- options ---- */

enum {
        O_NO_BLOCK = 256,
        O_NO_PAGER,
        O_NO_LEGEND,
        O_FAILED,
        O_STATE,
        O_VALUE,
        O_NOW,
        O_RUNTIME,
        O_OUTPUT,
        O_ROOT,
        O_MODE,
        O_SYSTEM,
        O_USER,
        O_GLOBAL,
        O_WHO,
        O_MESSAGE,
        O_WAIT,
        O_PLAIN,
        O_NO_RELOAD,
        O_REVERSE,
        O_AFTER,
        O_BEFORE,
        O_VERSION,
        O_IGNORED,
        O_IGNORED_ARG,
        O_NO_EFFECT, /* said */
        O_DRY,
        O_PRESET_MODE,
        O_DROP_IN,
        O_STDIN,
        O_WHAT,
        O_MAN,
        O_RECURSIVE_ERRORS,
        O_MARKED,
        O_TIMESTAMP,
        O_FAIL,
        O_REBOOT_ARGUMENT,
        O_LEGEND
};

static const struct option long_options[] = {
        { "no-block", 0, NULL, O_NO_BLOCK },
        { "no-pager", 0, NULL, O_NO_PAGER },
        { "no-legend", 0, NULL, O_NO_LEGEND },
        { "legend", 1, NULL, O_LEGEND },
        { "quiet", 0, NULL, 'q' },
        { "failed", 0, NULL, O_FAILED },
        { "type", 1, NULL, 't' },
        { "state", 1, NULL, O_STATE },
        { "property", 1, NULL, 'p' },
        { "value", 0, NULL, O_VALUE },
        { "all", 0, NULL, 'a' },
        { "full", 0, NULL, 'l' },
        { "now", 0, NULL, O_NOW },
        { "runtime", 0, NULL, O_RUNTIME },
        { "lines", 1, NULL, 'n' },
        { "output", 1, NULL, 'o' },
        { "root", 1, NULL, O_ROOT },
        { "job-mode", 1, NULL, O_MODE },
        { "system", 0, NULL, O_SYSTEM },
        { "user", 0, NULL, O_USER },
        { "global", 0, NULL, O_GLOBAL },
        { "host", 1, NULL, 'H' },
        { "machine", 1, NULL, 'M' },
        { "force", 0, NULL, 'f' },
        { "signal", 1, NULL, 's' },
        { "kill-who", 1, NULL, O_WHO },
        { "kill-whom", 1, NULL, O_WHO },
        { "no-wall", 0, NULL, O_IGNORED },
        { "message", 1, NULL, O_MESSAGE },
        { "wait", 0, NULL, O_WAIT },
        { "plain", 0, NULL, O_PLAIN },
        { "no-reload", 0, NULL, O_NO_RELOAD },
        { "reverse", 0, NULL, O_REVERSE },
        { "after", 0, NULL, O_AFTER },
        { "before", 0, NULL, O_BEFORE },
        { "help", 0, NULL, 'h' },
        { "version", 0, NULL, O_VERSION },
        { "no-ask-password", 0, NULL, O_IGNORED },
        { "show-types", 0, NULL, O_NO_EFFECT },
        { "ignore-inhibitors", 0, NULL, O_IGNORED },
        { "dry-run", 0, NULL, O_DRY },
        { "check-inhibitors", 1, NULL, O_IGNORED_ARG },
        { "preset-mode", 1, NULL, O_PRESET_MODE },
        { "no-warn", 0, NULL, O_IGNORED },
        { "recursive", 0, NULL, O_NO_EFFECT },
        { "marked", 0, NULL, O_MARKED },
        { "show-transaction", 0, NULL, O_NO_EFFECT },
        { "timestamp", 1, NULL, O_TIMESTAMP },
        { "fail", 0, NULL, O_FAIL },
        { "reboot-argument", 1, NULL, O_REBOOT_ARGUMENT },
        { "drop-in", 1, NULL, O_DROP_IN },
        { "stdin", 0, NULL, O_STDIN },
        { "what", 1, NULL, O_WHAT },
        { "man", 1, NULL, O_MAN },
        { "recursive-errors", 1, NULL, O_RECURSIVE_ERRORS },
        { "with-dependencies", 0, NULL, O_NO_EFFECT },
        { 0 },
};

static int add_list(char ***v, const char *s)
{
        _cleanup_strv_ char **words = strv_split(s, ",");

        return strv_extend(v, words);
}

static int set_output(const char *s)
{
        if (streq(s, "json"))
                opt.output = OUTPUT_JSON;
        else if (streq(s, "json-pretty"))
                opt.output = OUTPUT_JSON_PRETTY;
        else
                opt.output = OUTPUT_TABLE; /* short, cat, … concern log lines */
        return 0;
}

static int set_timestamp(const char *s)
{
        static const char *const names[] = {
                [TIMESTAMP_PRETTY] = "pretty",
                [TIMESTAMP_UNIX] = "unix",
                [TIMESTAMP_US] = "us",
                [TIMESTAMP_UTC] = "utc",
                [TIMESTAMP_US_UTC] = "us+utc",
                [TIMESTAMP_US_UTC + 1] = "µs",
                [TIMESTAMP_US_UTC + 2] = "µs+utc",
        };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(s, names[i])) {
                        opt.timestamp = i == TIMESTAMP_US_UTC + 1   ? TIMESTAMP_US
                                        : i == TIMESTAMP_US_UTC + 2 ? TIMESTAMP_US_UTC
                                                                    : (enum timestamp_style)i;
                        return 0;
                }
        return -EINVAL;
}

static int set_option(int c, const char *arg)
{
        switch (c) {
        case O_NO_BLOCK: opt.no_block = true; return 0;
        case O_NO_PAGER:
        case O_SYSTEM:
        case O_IGNORED:
        case O_IGNORED_ARG: return 0;
        case O_NO_LEGEND: opt.legend_off = true; return 0;
        case O_LEGEND: opt.legend_off = parse_boolean(arg) == 0; return 0;
        case 'q': opt.quiet = true; return 0;
        case O_FAILED: return strv_add(&opt.states, "failed");
        case 't': return add_list(&opt.types, arg);
        case O_STATE: return add_list(&opt.states, arg);
        case 'P': opt.value = true; return add_list(&opt.properties, arg);
        case 'p': return add_list(&opt.properties, arg);
        case O_VALUE: opt.value = true; return 0;
        case 'a': opt.all = true; return 0;
        case 'l': opt.full = true; return 0;
        case O_NOW: opt.now = true; return 0;
        case O_RUNTIME: opt.runtime = true; return 0;
        case 'n': return parse_int(arg, &opt.lines);
        case 'o': return set_output(arg);
        case O_ROOT: opt.root = (char *)arg; return 0;
        case O_MODE: opt.mode = (char *)arg; return 0;
        case 'i': return 0;
        case O_USER:
        case O_GLOBAL: opt.elsewhere = NO_USERS; return 0;
        case 'H':
        case 'M': opt.elsewhere = NO_OTHERS; return 0;
        case O_MARKED: opt.marked = true; return 0;
        case O_TIMESTAMP: return set_timestamp(arg);
        case O_FAIL: opt.mode = (char *)"fail"; return 0;
        case O_REBOOT_ARGUMENT: opt.reboot_argument = (char *)arg; return 0;
        case 'f': opt.force++; return 0;
        case 's': opt.signal = (char *)arg; return 0;
        case O_WHO: opt.who = (char *)arg; return 0;
        case O_MESSAGE: opt.message = (char *)arg; return 0;
        case O_WAIT: opt.wait = true; return 0;
        case O_PLAIN: opt.plain = true; return 0;
        case O_NO_RELOAD: opt.no_reload = true; return 0;
        case O_REVERSE: opt.reverse = true; return 0;
        case O_AFTER: opt.after = true; return 0;
        case O_BEFORE: opt.before = true; return 0;
        case O_DRY: opt.dry_run = true; return 0;
        case O_PRESET_MODE: opt.preset_mode = (char *)arg; return 0;
        case O_DROP_IN: opt.drop_in = (char *)arg; return 0;
        case O_STDIN: opt.from_stdin = true; return 0;
        case O_MAN: opt.man = (char *)arg; return 0;
        case O_RECURSIVE_ERRORS: opt.recursive_errors = (char *)arg; return 0;
        case O_WHAT: return add_list(&opt.what, arg);
        default: return -EINVAL;
        }
}

/* ---- names ---- */

bool is_pattern(const char *s)
{
        return strpbrk(s, "*?[") != NULL;
}

bool match_any(char *const *patterns, const char *s)
{
        if (!patterns || !*patterns)
                return true;
        FOREACH_STR (p, patterns)
                if (fnmatch(*p, s, 0) == 0)
                        return true;
        return false;
}

char **mangle_units(char **names, const char *type)
{
        char **v = NULL;

        FOREACH_STR (n, names) {
                char *m = NULL;

                if (is_pattern(*n))
                        m = strchr(*n, '.') || endswith(*n, "*") ? strdup(*n)
                                                                 : str_printf("%s.%s", *n, type);
                else if (unit_name_mangle(*n, type, &m) < 0)
                        m = strdup(*n);
                if (!m || strv_push(&v, m) < 0)
                        break;
        }
        return v;
}

/* ---- dispatch ---- */

int verb_version(const char *verb, char **args)
{
        printf("rouse %s\n", ROUSE_VERSION);
        return 0;
}

static void help_table(const struct ctl_verb *v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (v[i].help)
                        printf("  %s%s%-*s %s\n", v[i].name, *v[i].args ? " " : "",
                                (int)MAX(1, 42 - (int)strlen(v[i].name) - (*v[i].args != '\0')), v[i].args,
                                v[i].help);
}

int verb_help(const char *verb, char **args)
{
        puts("rousectl [OPTION…] COMMAND …\n\nCommands of systemctl(1):");
        help_table(systemctl_verbs, n_systemctl_verbs);
        puts("\nrouse's own:");
        help_table(own_verbs, ARRAY_SIZE(own_verbs));
        puts("\nOptions: -t TYPE --state=STATE --failed -a -p PROPERTY --value -q -n LINES -o json "
             "--no-block --wait --now --runtime "
             "--root=PATH\n         --job-mode=MODE -s SIGNAL --kill-who=WHO -f --no-legend --no-wall "
             "--message=TEXT\n\nSee rousectl(1).");
        return 0;
}

int verb_completion(const char *verb, char **args)
{
        fputs("_rousectl() {\n    local cur=${COMP_WORDS[COMP_CWORD]} verbs='", stdout);
        for (size_t i = 0; i < n_systemctl_verbs; i++)
                if (systemctl_verbs[i].help)
                        printf("%s ", systemctl_verbs[i].name);
        for (size_t i = 0; i < ARRAY_SIZE(own_verbs); i++)
                printf("%s ", own_verbs[i].name);
        fputs("' options='", stdout);
        for (const struct option *o = long_options; o->name; o++)
                if (o->val != O_IGNORED && o->val != O_IGNORED_ARG)
                        printf("--%s%s ", o->name, o->has_arg ? "=" : "");
        fputs("'\n    case $cur in\n    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$cur\")) ;;\n"
              "    *) if [ \"$COMP_CWORD\" -eq 1 ]; then COMPREPLY=($(compgen -W \"$verbs\" -- \"$cur\"))\n"
              "       else COMPREPLY=($(compgen -W \"$(rousectl --no-legend --plain -a list-units "
              "2>/dev/null | cut -d' ' -f1)\" -- \"$cur\"))\n"
              "       fi ;;\n    esac\n}\ncomplete -F _rousectl rousectl\n",
                stdout);
        return 0;
}

static const struct ctl_verb *find_verb(const char *name, bool own)
{
        for (size_t i = 0; i < n_systemctl_verbs; i++)
                if (streq(systemctl_verbs[i].name, name))
                        return &systemctl_verbs[i];
        for (size_t i = 0; own && i < ARRAY_SIZE(own_verbs); i++)
                if (streq(own_verbs[i].name, name))
                        return &own_verbs[i];
        return NULL;
}

/* Verbs that parse their options themselves: everything after their name is theirs. */
static bool takes_all(const char *name)
{
        return streq(name, "log") || streq(name, "udev") || streq(name, "run") || streq(name, "verify");
}

static int run_verb(const char *name, char **args, bool own)
{
        const struct ctl_verb *v = find_verb(name, own);
        int n = (int)strv_len(args);

        if (!v) {
                fprintf(stderr, "Unknown command verb %s.\n", name);
                return 1;
        }
        if (n < v->min_args || (v->max_args >= 0 && n > v->max_args)) {
                fprintf(stderr, n < v->min_args ? "Too few arguments.\n" : "Too many arguments.\n");
                return 1;
        }
        return v->run(name, args);
}

int systemctl_main(int argc, char **argv, bool own)
{
        int c, which = -1;

        for (int i = 1; own && i < argc && argv[i][0] != '-'; i = argc)
                if (takes_all(argv[i]))
                        return run_verb(argv[i], argv + i + 1, true);
        while ((c = getopt_long(argc, argv, "qt:p:P:aln:o:fs:hri:TH:M:", long_options, &which)) >= 0) {
                if (c == O_NO_EFFECT || c == 'T' || c == 'r') {
                        fprintf(stderr, "%s%s has no effect.\n",
                                c == O_NO_EFFECT ? "--"
                                : c == 'T'       ? "-T"
                                                 : "-r",
                                c == O_NO_EFFECT ? long_options[which].name : "");
                        continue;
                }
                if (c == '?')
                        return 1;
                if (c == 'h')
                        return verb_help("help", NULL);
                if (c == O_VERSION)
                        return verb_version("version", NULL);
                if (set_option(c, optarg) < 0) {
                        fprintf(stderr, "Invalid value '%s'.\n", optarg ?: "");
                        return 1;
                }
        }
        if (opt.elsewhere)
                return exec_elsewhere(opt.elsewhere);
        if (optind >= argc)
                return run_verb(opt.states || opt.types || !own ? "list-units" : "help", argv + argc, own);
        return run_verb(argv[optind], argv + optind + 1, own);
}
