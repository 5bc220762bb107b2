/* The unit: what PID 1 knows, wants and does, one object a unit; and the manager that holds them all.
 *
 * Life: a name is looked up (unit_get: a stub), its files are read (unit_load: load.c finds them, table.c fills
 * the context, the type's load() adds the implicit dependencies), jobs change it (job.h), its type's functions run
 * it. The type says what happened by unit_notify(), which finishes the job and starts what waited. A unit without
 * files has load state UNIT_NOT_FOUND and may still be a dependency. Units are freed when nothing needs them
 * (unit_gc).
 *
 * Layers inside init/: main, control → types (service, socket, mount …) → job, transaction → unit, load → table. */
#pragma once

#include <stdio.h>

#include "lib/hash.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/str.h"
#include "lib/unitname.h"
#include "exec.h"

struct clean;
struct job;
struct manager;
struct probe;
struct state_out;
struct unit;

enum load_state {
        UNIT_STUB,
        UNIT_LOADED,
        UNIT_NOT_FOUND,
        UNIT_BAD_SETTING,
        UNIT_ERROR,
        UNIT_MERGED,
        UNIT_MASKED,
        LOAD_STATE_MAX
};
enum active_state {
        UNIT_ACTIVE,
        UNIT_RELOADING,
        UNIT_INACTIVE,
        UNIT_FAILED,
        UNIT_ACTIVATING,
        UNIT_DEACTIVATING,
        UNIT_MAINTENANCE,
        ACTIVE_STATE_MAX
};

/* Each dependency stands in both units, with its inverse in the other: the pairs are neighbours in this list
 * (dep_inverse()). The names are the properties' names. */
/* clang-format off */
#define DEPENDENCIES(X)                                      \
        X(REQUIRES, Requires)                                \
        X(REQUIRED_BY, RequiredBy)                           \
        X(REQUISITE, Requisite)                              \
        X(REQUISITE_OF, RequisiteOf)                         \
        X(WANTS, Wants)                                      \
        X(WANTED_BY, WantedBy)                               \
        X(BINDS_TO, BindsTo)                                 \
        X(BOUND_BY, BoundBy)                                 \
        X(PART_OF, PartOf)                                   \
        X(CONSISTS_OF, ConsistsOf)                           \
        X(UPHOLDS, Upholds)                                  \
        X(UPHELD_BY, UpheldBy)                               \
        X(CONFLICTS, Conflicts)                              \
        X(CONFLICTED_BY, ConflictedBy)                       \
        X(BEFORE, Before)                                    \
        X(AFTER, After)                                      \
        X(ON_FAILURE, OnFailure)                             \
        X(ON_FAILURE_OF, OnFailureOf)                        \
        X(ON_SUCCESS, OnSuccess)                             \
        X(ON_SUCCESS_OF, OnSuccessOf)                        \
        X(TRIGGERS, Triggers)                                \
        X(TRIGGERED_BY, TriggeredBy)                         \
        X(PROPAGATES_RELOAD_TO, PropagatesReloadTo)          \
        X(RELOAD_PROPAGATED_FROM, ReloadPropagatedFrom)      \
        X(PROPAGATES_STOP_TO, PropagatesStopTo)              \
        X(STOP_PROPAGATED_FROM, StopPropagatedFrom)          \
        X(JOINS_NAMESPACE_OF, JoinsNamespaceOf)              \
        X(JOINS_NAMESPACE_OF_INV, JoinsNamespaceOfInverse)   \
        X(REFERENCES, References)                            \
        X(REFERENCED_BY, ReferencedBy)                       \
        X(IN_SLICE, InSlice)                                 \
        X(SLICE_OF, SliceOf)
enum dep_type {
#define X(type, name) DEP_##type,
        DEPENDENCIES(X)
#undef X
        DEP_MAX
};
/* clang-format on */
#define DEP_BIT(t) (1u << (t))
static inline enum dep_type dep_inverse(enum dep_type t)
{
        return (enum dep_type)(t ^ 1);
}
const char *dep_to_string(enum dep_type t);

/* Where an edge came from: for breaking cycles (the least important first) and for reload. */
enum dep_origin {
        ORIGIN_FILE = 1,
        ORIGIN_IMPLICIT = 2,
        ORIGIN_DEFAULT = 4,
        ORIGIN_PATH = 8,
        ORIGIN_UDEV = 16,
        ORIGIN_RUNTIME = 32
};

struct unit_dep {
        struct unit *other;
        uint32_t types; /* DEP_BIT of each */
        uint32_t
                own; /* those of them that this unit's side asked for: the others go when the other side goes */
        uint32_t origin;
};

/* Conditions and asserts, in the order of the file; the result is kept for status. */
struct condition {
        int kind; /* index into condition.c's table */
        bool is_assert, trigger, negate;
        char *parameter;
        int result; /* -1 untested, 0 failed, 1 succeeded, < -1: error */
        /* Of a path that PID 1 may not look at itself: the question under way, then its answer, until it is used. */
        struct unit *unit;
        struct probe *probe;
        bool answered;
        int answer;
        struct condition *next;
};

enum job_mode {
        JOB_FAIL,
        JOB_REPLACE,
        JOB_REPLACE_IRREVERSIBLY,
        JOB_ISOLATE,
        JOB_FLUSH,
        JOB_IGNORE_DEPENDENCIES,
        JOB_IGNORE_REQUIREMENTS,
        JOB_TRIGGERING,
        JOB_MODE_MAX
};
enum show_status { SHOW_STATUS_NO, SHOW_STATUS_ERROR, SHOW_STATUS_YES };
enum status_format { STATUS_DESCRIPTION, STATUS_NAME, STATUS_COMBINED };
#define OOM_SCORE_UNSET INT_MIN

enum emergency_action {
        ACTION_NONE,
        ACTION_REBOOT,
        ACTION_REBOOT_FORCE,
        ACTION_REBOOT_IMMEDIATE,
        ACTION_POWEROFF,
        ACTION_POWEROFF_FORCE,
        ACTION_POWEROFF_IMMEDIATE,
        ACTION_EXIT,
        ACTION_EXIT_FORCE,
        ACTION_MAX
};

/* Functions of a unit type: the one way in which the rest meets it. NULL where a type has nothing to do. */
struct unit_ops {
        size_t size;                                    /* of the whole object, struct unit first */
        const char *section;                            /* "Service": its private section, NULL when none */
        size_t exec_offset, kill_offset, cgroup_offset; /* of its contexts; 0 = it has none */
        bool can_fail_transient; /* may be created without a file (device, mount, slice, scope) */
        bool always_loaded;      /* not-found is not an error: device, mount from mountinfo */
        /* The object is configuration up to live_offset, then live state. A reload makes the configuration anew (forget,
         * zeroes, init, the files, load), leaves the live state, and tells reloaded(), whatever became of the files.
         * 0: the type has no such border, and is read again only when it is inactive (done, zeroes, init). */
        size_t live_offset;
        void (*init)(struct unit *u);      /* defaults, before files are read, also again */
        void (*init_live)(struct unit *u); /* once */
        void (*forget)(struct unit *u);    /* frees the configuration; also after done */
        void (*reloaded)(struct unit *u);
        int (*load)(struct
                unit *u); /* after the files: check, implicit dependencies. -EINVAL/-ENOEXEC → bad-setting */
        void (*done)(struct unit *u);
        /* Start, stop, reload: 0 begun (unit_notify says when done), -EALREADY nothing to do, -EAGAIN later,
         * -EOPNOTSUPP, -ECOMM: a condition failed (job is done, skipped), other: failed. */
        int (*start)(struct unit *u);
        int (*stop)(struct unit *u);
        int (*reload)(struct unit *u);
        bool (*can_reload)(struct unit *u);
        enum active_state (*active_state)(struct unit *u);
        const char *(*sub_state)(struct unit *u);
        const char *(*result)(struct unit *u); /* "success", "exit-code" … */
        void (*reset_failed)(struct unit *u);
        void (*limit_hit)(struct unit *u);     /* started too often: becomes failed */
        void (*job_timed_out)(struct unit *u); /* its job is about to end so */
        void (*child)(struct unit *u, pid_t pid, int code, int status); /* a process of it ended */
        void (*cgroup_empty)(struct unit *u);
        void (*cgroup_oom)(struct unit *u, bool managed); /* the kernel killed for want of memory in it */
        void (*notify_message)(struct unit *u, pid_t pid, uid_t uid, char **fields, int *fds, size_t n_fds);
        void (*trigger_notify)(struct unit *u, struct unit *triggered); /* socket ← service state */
        void (*bus_name)(struct unit *u, bool owned);
        int (*kill)(struct unit *u, const char *who, int sig);
        pid_t (*main_pid)(struct unit *u);
        pid_t (*control_pid)(struct unit *u);
        usec_t (*timeout_of)(struct unit *u); /* when the running operation gives up; USEC_INFINITY */
        /* Properties of the private section for `show`: calls add(key, value) for each. */
        void (*dump)(
                struct unit *u, void (*add)(void *data, const char *key, const char *value), void *data);
        /* Live state for re-execution, recovery after a crash and dump: state.h says how. Lines that init_live() does
         * not imply; one of them back (false: not one of mine); what follows when all units are there. */
        void (*serialise)(struct unit *u, struct state_out *s);
        bool (*deserialise)(struct unit *u, const char *key, const char *value);
        void (*coldplug)(struct unit *u);
};
extern const struct unit_ops *const unit_ops_table[UNIT_TYPE_MAX];

/* exec-log.c: the file that tells the log daemon what the unit says of its log. */
enum log_settings { LOG_SETTINGS_UNKNOWN, LOG_SETTINGS_THERE, LOG_SETTINGS_NONE };

enum freezer_state { FREEZER_RUNNING, FREEZER_FREEZING, FREEZER_FROZEN, FREEZER_THAWING };

/* Markers=, set by set-property; gone when it is done. */
enum marker { MARKED_RELOAD = 1, MARKED_RESTART = 2 };

/* Told whenever the unit's state changed. May take itself off, no other. */
struct unit_watcher {
        void (*cb)(struct unit_watcher *w, struct unit *u);
        struct unit_watcher *next;
};

struct unit {
        struct manager *manager;
        enum unit_type type;
        enum load_state load_state;
        char *id;
        char **names;   /* all names, id among them */
        char *instance; /* as written (escaped), NULL */
        struct unit *merged_into;

        /* [Unit] and where it was read; what a reload makes anew is from description to deps */
        char *description, **documentation, *fragment_path, **dropin_paths, *source_path;
        usec_t files_mtime;
        char *load_error;          /* for people */
        char **unsupported;        /* "Section.Name (path:line)": said in its files, without effect here */
        bool unsupported_confines; /* a confinement is among them */
        uint32_t n_problems;       /* lines of its files that were not understood */
        struct condition *conditions;
        bool default_dependencies_off, stop_when_unneeded, refuse_manual_start, refuse_manual_stop,
                allow_isolate, ignore_on_isolate, collect_inactive_or_failed, transient, perpetual,
                vendor /* fragment below /usr */;
        bool ignore_on_isolate_set;
        enum job_mode on_failure_job_mode, on_success_job_mode;
        usec_t job_timeout, job_running_timeout; /* USEC_INFINITY: none */
        bool job_timeout_set;
        enum emergency_action job_timeout_action, start_limit_action, failure_action, success_action;
        char *job_timeout_reboot_arg, *reboot_arg;
        int failure_exit_status, success_exit_status; /* -1 */
        usec_t start_limit_interval;
        uint32_t start_limit_burst;
        char **requires_mounts_for;
        /* [Install] */
        char **wanted_by, **required_by, **aliases, **also, *default_instance;

        struct unit_dep *deps;
        size_t n_deps, cap_deps;
        uint32_t *dep_index; /* hash of deps by unit, only when there are many */

        /* run time */
        struct job *job; /* at most one */
        struct unit *slice;
        char *cgroup_path;
        int cgroup_fd, cgroup_wd, oom_wd; /* -1 */
        uint64_t n_oom_kills;
        uint64_t *last_usage; /* cgroup-usage.c: of its cgroup that is gone */
        char *exec_run;       /* exec-run.c: what the processes of this run share, by name */
        enum freezer_state freezer;
        struct clean *clean; /* its directories are being removed: clean.c */
        int clean_result;    /* enum service_result */
        enum log_settings log_settings;
        bool cgroup_realized, cgroup_killed /* by cgroup.kill: see exec.c */;
        char invocation_id[33];
        usec_t state_change, inactive_exit, active_enter, active_exit, inactive_enter; /* CLOCK_MONOTONIC */
        usec_t condition_time, assert_time;                                            /* CLOCK_REALTIME */
        int condition_result, assert_result;                                           /* -1 untested */
        usec_t limit_begin; /* of the interval of the start limit */
        unsigned limit_count;
        usec_t failure_begin; /* the same for OnFailure= of starts that fail before they begin */
        unsigned failure_count;
        usec_t uphold_begin; /* and for Upholds= of others: uphold.c */
        unsigned uphold_count;
        bool uphold_due;
        uint64_t files_hash; /* of all that it was read from: load_hash() */
        bool needs_read;     /* a reload found its files changed, but it was busy */
        bool bound_stop_due; /* a unit that it is bound to is down, but its own job may not be replaced */
        bool start_limit_hit, in_load_queue, in_fresh_targets, in_gc;
        char *dropped_edges; /* "cycle a → b → c: dropped After=…", shown in status */
        char **dropped;      /* "After=c": those of its own edges that were */
        char *wait_reason;   /* why its job waits, for analyze */
        char **refs;         /* clients on the bus that hold it (bus-refs.c) */
        unsigned markers;    /* enum marker: a restart or reload is due (enqueue-marked) */
        struct unit_watcher *watchers;
        unsigned mark, pos; /* transaction's and collector's scratch */
        struct unit *load_next, *fresh_next, *gc_next, *state_next;
        bool in_state, state_written; /* state.c: its record is to be written, stands in the log */
};

/* bus-refs.c: owner holds it, so that it is not forgotten. */
int unit_add_ref(struct unit *u, const char *owner);

/* Context accessors; NULL when the type has none. */
struct exec_context *unit_exec(struct unit *u);
struct kill_context *unit_kill_context(struct unit *u);
struct cgroup_context *unit_cgroup_context(struct unit *u);
static inline const struct unit_ops *unit_ops(const struct unit *u)
{
        return unit_ops_table[u->type];
}
#define UNIT_CAST(type_, u) ((struct type_ *)(u))

/* unit.c */
/* Finds or makes a stub (queued for loading). -EINVAL for a bad name. *ret is the merge target. */
int unit_get(struct manager *m, const char *name, struct unit **ret);
struct unit *unit_find(struct manager *m, const char *name); /* only if known; no loading */
/* unit_get and load now. */
int unit_load_by_name(struct manager *m, const char *name, struct unit **ret);
int unit_add_name(
        struct unit *u, const char *name); /* merges when another unit has it; -EEXIST when impossible */
int unit_merge(struct unit *u, struct unit *other); /* other becomes UNIT_MERGED */
struct unit *unit_follow_merge(struct unit *u);
int unit_add_dep(struct unit *u, enum dep_type t, struct unit *other, enum dep_origin o);
/* Two at once (DEP_AFTER and DEP_REQUIRES), the usual case. */
int unit_add_dep2(struct unit *u, enum dep_type a, enum dep_type b, struct unit *other, enum dep_origin o);
int unit_add_dep_by_name(struct unit *u, enum dep_type t, const char *name, enum dep_origin o);
bool unit_has_dep(const struct unit *u, enum dep_type t, const struct unit *other);
#define UNIT_FOREACH_DEP(u, mask_, o)                                                                       \
        for (struct unit_dep *_d = (u)->deps, *_e = (u)->deps ? (u)->deps + (u)->n_deps : NULL; _d < _e;    \
                _d++)                                                                                       \
                for (struct unit *o = (_d->types & (mask_)) ? _d->other : NULL; o; o = NULL)
/* Requires= and After= on every mount that path needs. */
int unit_add_mounts_for(struct unit *u, const char *path, enum dep_origin o);
enum active_state unit_active_state(struct unit *u);
const char *unit_sub_state(struct unit *u);
const char *active_state_to_string(enum active_state s);
const char *load_state_to_string(enum load_state s);
/* The type's state changed from old: finishes jobs, propagates (BindsTo, PartOf, OnFailure, triggers), wakes. */
void unit_notify(struct unit *u, enum active_state old, bool reload_failed);
/* Called by job.c: conditions, start limit, then the type's start. Same results as ops->start. */
int unit_start(struct unit *u);
int unit_stop(struct unit *u);
int unit_reload(struct unit *u);
bool unit_can_start(struct unit *u);
bool unit_can_stop(struct unit *u);
bool unit_can_reload(struct unit *u);
void unit_reset_failed(struct unit *u);
/* True when active, and nothing that needs it is. */
bool unit_unneeded(struct unit *u);
void unit_gc_queue(struct unit *u);
/* While it is watched, a unit is kept. */
void unit_add_watcher(struct unit *u, struct unit_watcher *w);
void unit_remove_watcher(struct unit *u, struct unit_watcher *w);
void unit_tell_watchers(struct unit *u);
/* Down, and not about to be started again by itself. */
bool unit_has_ended(struct unit *u);
void unit_free(struct unit *u);
void unit_cgroup_empty(struct unit *u);
void unit_cgroup_oom(struct unit *u);
/* Registers a child: its end is told to ops->child. pidfd becomes the manager's. */
int unit_watch_pid(struct unit *u, pid_t pid, int pidfd);
void unit_unwatch_pid(struct unit *u, pid_t pid);
const char *unit_description(struct unit *u);
/* Resolves %x in s; u's names and context. -EINVAL unknown specifier (with *ret untouched). specifier.c */
int unit_resolve(struct unit *u, const char *s, char **ret);

/* load.c */
/* Reads u's files and fills it; sets load_state. Never fails as such: errors become the unit's load state. */
void unit_load(struct unit *u);
/* Indexes unit directories (again); 0 or -errno. */
int load_index(struct manager *m);
void load_index_free(struct manager *m);
/* Takes in unit files and drop-in directories that are new since then: a unit that is not loaded needs no reload for them.
 * 1: there are some new files. */
int load_index_refresh(struct manager *m);
/* The directories may have got a file or a drop-in for u, which is not loaded, since they were read. Not during the boot:
 * names that nothing provides are many then. */
void load_look_again(struct unit *u);
/* A unit file, or the drop-in directory of a unit, that was just written to a directory of the search path; a unit file
 * that was removed. -ENOENT: no such directory. */
int load_index_add(struct manager *m, const char *dir, const char *name);
int load_index_add_dropins(struct manager *m, const char *dir, const char *name);
void load_index_drop(struct manager *m, const char *path);
/* Path that name would be loaded from, NULL when none; for cat, list-unit-files. */
const char *load_find_fragment(struct manager *m, const char *name);
/* The name that an alias stands for ("autovt@tty1.service" → "getty@tty1.service"); a copy of name when it is none. */
int load_real_name(struct manager *m, const char *name, char **ret);
/* Text of a unit that exists only in memory (of its file or drop-in path), for cat; NULL. */
const char *load_virtual_text(struct manager *m, const char *path);
/* Has the last reload found a mask where u's file was? */
bool load_is_masked(struct unit *u);
/* Opens, stats and readlinks since the index was made: for tests and the boot's statistics. */
struct load_stats {
        unsigned n_opendir, n_readlink, n_stat, n_open, n_units, n_dirs;
};
struct load_stats load_stats(struct manager *m);
/* Calls fn for every unit name with a file. */
void load_foreach(struct manager *m, void (*fn)(const char *name, const char *path, void *data), void *data);
/* Files or drop-ins of u changed since they were read. */
bool unit_needs_reload(struct unit *u);
/* What u would be read from, by the index as it is now, in a number: differs from u->files_hash when a file, drop-in,
 * alias or .wants link came, went or changed. */
uint64_t load_hash(struct unit *u);
/* unit.c: the configuration as it was before the files were read; the unit is a stub again. Edges of its own go. */
void unit_forget_config(struct unit *u);
/* fstab.c, getty.c: what systemd's generators do, natively: adds text of virtual units to the index. */
int generate_fstab(struct manager *m);
int generate_sysroot(struct manager *m); /* in the initramfs instead */
int generate_getty(struct manager *m);
int generate_cmdline(struct manager *m); /* systemd.wants= systemd.mask= debug shell … */
int generate_sysv(struct manager *m);
/* A unit file that exists only in memory (text is copied): dir decides its precedence like a generator directory. */
enum gen_prio { GEN_NORMAL, GEN_EARLY, GEN_LATE };
int load_add_virtual(struct manager *m, enum gen_prio prio, const char *name, const char *text);
/* The same for an alias: name stands for target. */
int load_add_virtual_alias(struct manager *m, enum gen_prio prio, const char *name, const char *target);
/* And a link NAME.wants/OTHER or NAME.requires/OTHER. */
int load_add_virtual_dep(struct manager *m, enum dep_type t /* DEP_WANTS or DEP_REQUIRES */,
        const char *name, const char *other);

/* generate-cmdline.c: the target that words of the kernel command line ask for (single, rescue, emergency, 3 …),
 * NULL when none does; systemd.unit= is the last word's. */
const char *cmdline_target(char *const *cmdline, bool in_initrd);
/* run-generators.c: other packages' generators, in parallel; done is called once, at once when there are none.
 * -EBUSY: they run already. */
int generators_start(struct manager *m, void (*done)(struct manager *m));
/* verify.c: `rouse --verify FILE…`; the process's exit status. */
/* "no", "one", "yes" of --recursive-errors=; -EINVAL. */
int verify_reach_from_string(const char *s);
int verify_main(struct manager *m, char **files);
/* dump-directives.c: the table as Markdown; 0 or 1 (a process's exit status). */
int dump_directives(FILE *f);

/* condition.c */
/* False: a path on a slow file system is being looked at; the unit's job is run again when that is known. */
bool unit_conditions_ready(struct unit *u);
bool unit_test_conditions(struct unit *u, bool asserts); /* keeps results in the list */
int condition_add(
        struct unit *u, const char *key, const char *value); /* "ConditionPathExists"; -EINVAL; "" resets */
void condition_free_list(struct condition *c);
const char *condition_name(const struct condition *c);

/* manager.c */
enum manager_objective {
        OBJ_RUN,
        OBJ_REBOOT,
        OBJ_POWEROFF,
        OBJ_HALT,
        OBJ_KEXEC,
        OBJ_EXIT,
        OBJ_REEXEC,
        OBJ_SWITCH_ROOT
};

struct manager {
        struct loop *loop;
        struct hash units; /* name → struct unit, every name */
        struct unit *load_queue, *gc_queue, *fresh_targets;
        struct job *jobs_by_id; /* list, newest first; job.h */
        uint32_t next_job_id, n_jobs;
        uint64_t n_jobs_done, n_jobs_failed;
        struct job *run_queue, *run_queue_tail;
        struct loop_deferred run_deferred, gc_deferred, bound_deferred, uphold_deferred;
        struct loop_timer uphold_timer;
        char **cmdline;
        char **environment;        /* of services: PATH, LANG … */
        char **set_environment;    /* what of it clients have set, over what the files say */
        void *index;               /* load.c's */
        void *reload, *generators; /* reload.c's, run-generators.c's: what is under way */
        void *clock;               /* clock.c's */
        void *probes;              /* probe.c's */
        void *state;               /* state.c's */
        char **unit_path;          /* directories instead of UNIT_SEARCH_PATH; NULL: the usual ones */
        char *root;                /* unit files, fstab … are read below it (tests, off line); NULL: "/" */
        void *pids;                /* manager.c's table pid → unit */
        void *cgroups;             /* cgroup.c's */
        struct devlink *devlink;   /* devlink.c's */
        void *control, *early, *notify;
        struct bus *bus; /* bus.c */
        char *default_target;
        enum manager_objective objective;
        char *reboot_arg;
        int exit_code;
        bool test_mode;      /* rouse --test: no side effects */
        bool verify;         /* rouse --verify: each line without effect is named by itself */
        bool verify_man_off; /* --man=no */
        int verify_reach;    /* --recursive-errors= */
        bool container, user_namespace, in_initrd, boot_finished, shutting_down, first_boot, is_pid1;
        bool cgroup_ok;
        /* system.conf */
        usec_t default_timeout_start, default_timeout_stop, default_timeout_abort, default_restart_sec,
                default_start_limit_interval, default_device_timeout;
        uint32_t default_start_limit_burst;
        uint64_t default_tasks_max;
        uint32_t default_tasks_max_permyriad;
        struct rlimit default_limits[RLIM_NLIMITS];
        uint32_t default_limits_set;
        enum exec_output default_std_output, default_std_error;
        usec_t default_timer_accuracy;
        bool default_cpu_accounting, default_io_accounting, default_memory_accounting,
                default_tasks_accounting, default_ip_accounting;
        int default_oom_policy, default_oom_score; /* enum oom_policy; OOM_SCORE_UNSET: as PID 1's */
        enum show_status show_status;
        enum status_format status_format;
        int ctrl_alt_del_burst; /* enum emergency_action */
        bool crash_shell, crash_reboot, service_watchdogs;
        usec_t watchdog_runtime, watchdog_pre, watchdog_reboot,
                watchdog_kexec; /* USEC_INFINITY: its own time */
        char *watchdog_device, *watchdog_governor;
        int watchdog_fd, watchdog_sec; /* -1: not open; what the device is set to */
        struct loop_timer watchdog_timer;
        char **manager_environment; /* of generators, besides `environment` */
        /* times, CLOCK_MONOTONIC µs */
        usec_t t_kernel, t_initrd, t_userspace, t_units_loaded, t_generators_start, t_generators_done,
                t_finish;
        int status_fd; /* console for progress lines, -1 */
        uint32_t n_installed_jobs, n_failed_units, n_spawned;
        uint32_t
                n_low_modules; /* jobs that wait for modules which devd loads when nothing else is to be done */
        uint32_t n_running_jobs, n_idle_waiting; /* jobs begun; Type=idle services that wait for the rest */
        struct loop_timer grace_timer;           /* manager.c: before devd turns to what was put off */
        struct loop_timer watch_timer;           /* status.c: nothing new for a while */
        struct loop_timer state_timer;           /* startup.c: a boot that takes long */
        usec_t last_progress;
        char machine_id[33], boot_id[37];
        uint64_t generation;
};

extern const char *const UNIT_SEARCH_PATH[]; /* highest first, NULL-terminated; load.c */
