/* rousectl: one program, many names. main.c picks the personality by argv[0]; each has one table of verbs; client.c
 * speaks with PID 1 (lib/ctlproto.h); table.c, json.c and pager-less stdout make the output.
 *
 * Every personality function gets argv with argv[0] being its name, and returns the exit status. */
#pragma once

#include <stdio.h>

#include "lib/ctlproto.h"
#include "lib/log.h"
#include "lib/str.h"

/* ---- the connection ---- */

struct ctl_call {
        const char *verb;
        char *const *args;
        char **options;
        void (*record)(const struct ctl_record *rec, void *data);
        void (*text)(const char *text, void *data);
        void *data;
        char *error; /* out: text of END; owned by the caller */
};
/* Sends the request and hands each record over until END. 0, or the negative errno of END or of the connection
 * (-ENOENT, -ECONNREFUSED: no manager). */
int ctl_call(struct ctl_call *c);
/* The same, and says what went wrong ("Failed to VERB: …"). */
int ctl_call_or_say(struct ctl_call *c, const char *what);
/* Keeps all records. */
struct ctl_list {
        struct ctl_record *r;
        size_t n, cap;
};
void ctl_list_done(struct ctl_list *l);
#define _cleanup_list_ _cleanup_(ctl_list_done)
int ctl_query(const char *verb, char *const *args, char *const *options, struct ctl_list *ret);
/* Subscribes and calls fn for each event until it returns false; first, once it is subscribed, with NULL for the event. */
int ctl_events(bool (*fn)(const char *event, const struct ctl_record *rec, void *data), void *data);
/* Is rouse the manager of this system? */
bool ctl_manager_is_rouse(void);

/* ---- output ---- */

/* Columns that are as wide as need be. Cells are copied. */
struct table {
        char **cells;
        size_t n, cols;
        bool no_legend, plain;
};
void table_init(struct table *t, size_t cols, ...); /* headings */
void table_row(struct table *t, ...);               /* cols strings */
void table_print(struct table *t, bool legend);     /* and frees */
/* The heading's cells as keys: a JSON array of objects. */
void table_print_json(struct table *t);
void json_string(struct strbuf *b, const char *s);
void json_record(struct strbuf *b, const struct ctl_record *rec);
bool colors(void);
const char *color(const char *name); /* "red" …; "" on no terminal */
/* "Sun 2026-11-22 17:46:16 UTC" of microseconds since 1970, or as --timestamp= wants it. */
char *format_time(char *buf, size_t n, usec_t t);
char *format_ago(char *buf, size_t n, usec_t t);
char *format_bytes(char *buf, size_t n, uint64_t v);

/* ---- options of the systemctl personality ---- */

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSON_PRETTY };
enum timestamp_style { TIMESTAMP_PRETTY, TIMESTAMP_UNIX, TIMESTAMP_US, TIMESTAMP_UTC, TIMESTAMP_US_UTC };
struct options {
        bool no_block, quiet, all, full, legend_off, plain, now, runtime, value, wait, marked, no_reload,
                reverse, after, before, dry_run;
        unsigned force;
        char **types, **states, **properties, **what;
        char *root, *mode, *signal, *who, *message, *preset_mode, *drop_in, *man, *recursive_errors;
        bool from_stdin;
        const char *elsewhere; /* it speaks of another manager: exec_elsewhere() */
        char *reboot_argument;
        enum output_format output;
        enum timestamp_style timestamp;
        int lines;
};
extern struct options opt;

/* main.c: the command speaks of another manager than PID 1: executes the diverted program that we stand for; when there
 * is none, says why not, and returns 1. */
int exec_elsewhere(const char *why);
#define NO_USERS  "rouse has no manager for users."
#define NO_OTHERS "rouse acts on this machine only."

struct ctl_verb {
        const char *name;
        int min_args, max_args; /* max -1: any */
        int (*run)(const char *verb, char **args);
        const char *args, *help;
};
/* "foo" → "foo.service"; patterns stay. NULL-terminated copy. */
char **mangle_units(char **names, const char *type);
/* Units that arguments name: process ids, patterns of loaded units, names. */
char **units_of_arguments(char **args, int *ret_error);
/* What -t and --state= leave of units that were named by patterns. */
bool unit_is_asked_for(const struct ctl_record *u);
extern const char *const every_unit[]; /* the pattern */
bool is_pattern(const char *s);
bool match_any(char *const *patterns, const char *s);

/* systemctl-list.c, -status.c, -jobs.c, -show.c, -files.c, -power.c, -manager.c */
int verb_list_units(const char *verb, char **args);
int verb_list_jobs(const char *verb, char **args);
int verb_list_unit_files(const char *verb, char **args);
int verb_list_sockets(const char *verb, char **args);
int verb_list_timers(const char *verb, char **args);
int verb_list_dependencies(const char *verb, char **args);
int verb_status(const char *verb, char **args);
int verb_show(const char *verb, char **args);
int verb_cat(const char *verb, char **args);
int verb_is_active(const char *verb, char **args);
int verb_sleep(const char *verb, char **args);
int verb_is_failed(const char *verb, char **args);
int verb_is_system_running(const char *verb, char **args);
int verb_job(const char *verb, char **args);
int verb_cancel(const char *verb, char **args);
int verb_kill(const char *verb, char **args);
int verb_set_property(const char *verb, char **args);
int verb_freeze(const char *verb, char **args);
int verb_reset_failed(const char *verb, char **args);
int verb_simple(const char *verb, char **args); /* daemon-reload … : passed on as they are */
int verb_environment(const char *verb, char **args);
int verb_log_level(const char *verb, char **args);
int verb_get_default(const char *verb, char **args);
int verb_set_default(const char *verb, char **args);
int verb_add_dependency(const char *verb, char **args);
int verb_link(const char *verb, char **args);
int verb_revert(const char *verb, char **args);
int verb_preset_all(const char *verb, char **args);
int verb_import_environment(const char *verb, char **args);
int verb_list_paths(const char *verb, char **args);
int verb_list_automounts(const char *verb, char **args);
int verb_clean(const char *verb, char **args);
int verb_enable(const char *verb, char **args);
int verb_is_enabled(const char *verb, char **args);
int verb_power(const char *verb, char **args);
int verb_switch_root(const char *verb, char **args);
int verb_log(const char *verb, char **args);
int verb_analyze(const char *verb, char **args);
int verb_verify(const char *verb, char **args);
int verb_udevadm(const char *verb, char **args);
int verb_run(const char *verb, char **args);
int verb_edit(const char *verb, char **args);
int verb_wall(const char *verb, char **args);
int verb_events(const char *verb, char **args);
int verb_completion(const char *verb, char **args);
int verb_help(const char *verb, char **args);
int verb_version(const char *verb, char **args);

extern const struct ctl_verb systemctl_verbs[];
extern const size_t n_systemctl_verbs;

/* ---- personalities ---- */
int systemctl_main(int argc, char **argv, bool own);
int journalctl_main(int argc, char **argv);
int analyze_main(int argc, char **argv);
int udevadm_main(int argc, char **argv);
int systemd_hwdb_main(int argc, char **argv);
int run_main(int argc, char **argv);
int halt_main(int argc, char **argv); /* poweroff, reboot, halt */
int shutdown_main(int argc, char **argv);
int telinit_main(int argc, char **argv);
int runlevel_main(int argc, char **argv);

/* Last log lines of a unit, for status. */
void log_print_tail(const char *unit, const char *invocation, int lines);
/* State of a unit file ("enabled" …), for show and list. */
const char *unit_file_state(const char *root, const char *name);
/* reboot(2) without asking anyone. */
int force_reboot(const char *verb);
int schedule_shutdown(const char *action, usec_t when, const char *message, bool no_wall, bool dry_run);
