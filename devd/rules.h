/* The rules engine: files → compiled rules → one event.
 *
 * Compiled once (rules_load), shared, read-only afterwards. rules_apply() never forks and never blocks on a
 * program: what needs one (PROGRAM, IMPORT{program}, a builtin that may block such as blkid or kmod) is asked
 * of the caller through struct rules_ops; in the daemon's main process those answer RULES_DEFER, and the event
 * is handed to a worker process, where they run for real. Most events never need it. */
#pragma once

#include "device.h"

struct rules;

enum {
        RULES_DEFER = -EINPROGRESS
}; /* an op's answer: cannot be done here; rules_apply returns it at once */

struct rules_run { /* one entry of the RUN list, in order */
        bool builtin;
        char *command; /* substituted */
};

struct rules_event { /* per event: what the rules decided besides the device's own fields */
        struct rules_run *run;
        size_t n_run;
        bool run_final;
        char *program_result;
        struct device *old; /* previous database entry, or NULL (borrowed) */
        char **global_env;  /* udevadm control --property */
        usec_t program_timeout;
        void *data; /* the ops' own */
        bool late; /* settings of the interface are left that may take long: done after the rules, by another process */
        uint32_t builtins_run,
                builtins_failed;    /* bits of those with BUILTIN_ONCE, by their place in the table */
        struct evaluation *stopped; /* where an op's RULES_DEFER was met: rules_apply() goes on there */
};
void rules_event_done(struct rules_event *e);
/* Whether rules_apply() would go on where it was put off: these are the rules that were being applied. */
bool rules_stopped(const struct rules *r, const struct rules_event *e);

struct rules_ops {
        /* Runs a program to its end; output (may be NULL) gets stdout. Exit status ≥ 0, or -errno, or RULES_DEFER. */
        int (*program)(struct device *d, struct rules_event *e, const char *command, char **ret_output);
        /* Runs a builtin; test: print only. ≥ 0 when it succeeded, -errno, RULES_DEFER. */
        int (*builtin)(struct device *d, struct rules_event *e, const char *command);
        /* Writes value to a sysfs or /proc/sys file. NULL: written in place. 0 or -errno. */
        int (*write)(struct device *d, struct rules_event *e, const char *path, const char *value);
};

/* dirs NULL: the standard ones. Problems are logged with file:line:column; *ret_problems counts them. */
int rules_load(char *const *dirs, struct rules **ret, unsigned *ret_problems);
/* The same from these files alone (verify). */
int rules_load_files(char *const *files, struct rules **ret, unsigned *ret_problems);
/* Whether names in OWNER and GROUP are looked up (as by default), or all taken for root: to check rules whose packages
 * are not installed. Before the rules are loaded. */
void rules_resolve_names(bool yes);
void rules_free(struct rules *r);
size_t rules_count_files(const struct rules *r);
size_t rules_count_lines(const struct rules *r);
/* True when some file or directory changed since rules_load. */
bool rules_stale(const struct rules *r);
/* Forgets what was worked out for kinds of events; it is worked out again when they are met. */
void rules_trim(struct rules *r);
/* Could any rule do anything for this device? From the index alone; false = register it without work. */
bool rules_may_match(const struct rules *r, struct device *d);
int rules_apply(const struct rules *r, struct device *d, struct rules_event *e, const struct rules_ops *ops);
/* OPTIONS+="static_node=…": modes, owners, tags, applied once at start. */
int rules_apply_static_nodes(const struct rules *r);

/* builtin.c: table of builtins. */
enum builtin_flags {
        BUILTIN_ONCE = 1,   /* once an event: path_id, usb_id … */
        BUILTIN_BLOCKS = 2, /* needs a worker: blkid, kmod, btrfs, hwdb (maps 13 MB) … */
};
struct builtin {
        const char *name;
        int (*run)(struct device *d, struct rules_event *e, int argc, char **argv);
        unsigned flags;
        const char *help;
};
extern const struct builtin builtins[];
const struct builtin *builtin_find(const char *command); /* by its first word */
int builtin_run(struct device *d, struct rules_event *e, const char *command);
