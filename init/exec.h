/* How a unit's processes are run: what systemd.exec(5) and systemd.kill(5) configure, and the spawn interface.
 *
 * struct exec_context is configuration only (filled by the directive table, never changed at run time), so one
 * context can serve many processes. exec_spawn() makes the child by clone3 (docs: decisions 1): raw system calls
 * only in the child; whatever may block, or needs NSS, PAM or a mount namespace, makes it execute rouse-exec
 * first (exec_needs_helper()). Failures before the service's program runs are exit codes 200..243 as
 * systemd.exec(5) lists them. */
#pragma once

#include <sys/resource.h>
#include "lib/str.h"

struct unit;
struct manager;

enum exec_input { IN_NULL, IN_TTY, IN_TTY_FORCE, IN_TTY_FAIL, IN_DATA, IN_FILE, IN_SOCKET, IN_FD };
enum exec_output {
        OUT_DEFAULT,
        OUT_INHERIT,
        OUT_NULL,
        OUT_TTY,
        OUT_JOURNAL,
        OUT_KMSG,
        OUT_JOURNAL_CONSOLE,
        OUT_KMSG_CONSOLE,
        OUT_FILE,
        OUT_APPEND,
        OUT_TRUNCATE,
        OUT_SOCKET,
        OUT_FD,
};
enum exec_dir { DIR_RUNTIME, DIR_STATE, DIR_CACHE, DIR_LOGS, DIR_CONFIGURATION, DIR_MAX };
enum { PRESERVE_NO, PRESERVE_YES, PRESERVE_RESTART };
enum protect_system { PROTECT_SYSTEM_NO, PROTECT_SYSTEM_YES, PROTECT_SYSTEM_FULL, PROTECT_SYSTEM_STRICT };
enum protect_home { PROTECT_HOME_NO, PROTECT_HOME_YES, PROTECT_HOME_READ_ONLY, PROTECT_HOME_TMPFS };
enum protect_proc { PROC_DEFAULT, PROC_NOACCESS, PROC_INVISIBLE, PROC_PTRACEABLE };
enum keyring_mode { KEYRING_INHERIT, KEYRING_PRIVATE, KEYRING_SHARED };
enum login_environment { LOGIN_ENV_OF_USER, LOGIN_ENV_YES, LOGIN_ENV_NO }; /* the first: with User= */
enum kill_mode { KILL_CONTROL_GROUP, KILL_MIXED, KILL_PROCESS, KILL_NONE };

/* One Exec…= line, by list order. Result fields are kept for status. */
enum {
        CMD_IGNORE_FAILURE = 1, /* - */
        CMD_NO_ENV_EXPAND = 2,  /* : */
        CMD_FULL_PRIVILEGE = 4, /* + */
        CMD_NO_SETUID = 8,      /* ! */
        CMD_AMBIENT_MAGIC = 16, /* !! */
};
struct exec_command {
        char *path;  /* absolute, or a bare name sought in PATH at run time */
        char **argv; /* specifiers resolved; $VAR still there */
        unsigned flags;
        struct exec_command *next;
        pid_t pid;          /* last run */
        usec_t start, exit; /* CLOCK_REALTIME; 0 = never */
        int code, status;   /* CLD_EXITED …, as in siginfo */
};

struct exec_directory {
        char **paths; /* relative; "a:b" adds a link b → a */
        mode_t mode;
};

struct exec_path_pair {
        char *source, *dest;
        bool ignore_missing, recursive;
};
struct exec_path_pairs {
        struct exec_path_pair *v;
        size_t n;
};
/* Copies both. -ENOMEM. */
int exec_path_pairs_add(struct exec_path_pairs *pairs, const char *source, const char *dest,
        bool ignore_missing, bool recursive);
void exec_path_pairs_reset(struct exec_path_pairs *pairs);

/* A set of system calls by name; groups "@x" are kept as written and expanded when the filter is compiled. */
struct exec_syscalls {
        char **names;
        bool allow_list;
        bool set;
};

struct exec_context {
        char **environment, **environment_files /* leading '-' kept */, **pass_environment,
                **unset_environment;
        char *working_directory; /* "~" for home */
        bool working_directory_missing_ok;
        char *root_directory;
        char **images; /* "RootImage=…", "MountImages=…" and their kin, a word each */
        char **exec_search_path;
        char *user, *group, **supplementary_groups;
        bool dynamic_user;
        enum login_environment login_environment; /* of $HOME, $LOGNAME, $SHELL */
        char *pam_name;

        enum exec_input std_input;
        bool std_input_set; /* else null, or data where there is some */
        enum exec_output std_output, std_error;
        char *stdin_file, *stdout_file, *stderr_file; /* file, or name of the fd */
        char *stdin_data;
        size_t stdin_data_len;
        char *tty_path;
        bool tty_reset, tty_vhangup, tty_vt_disallocate;
        uint32_t tty_rows, tty_columns;
        char *syslog_identifier;
        int syslog_facility, syslog_level; /* 0 .. 23 << 3; LOG_INFO */
        bool syslog_level_prefix_off;
        int log_level_max; /* -1: all */
        char *log_namespace, *utmp_id, *utmp_mode;
        char **log_extra_fields;
        usec_t log_ratelimit_interval; /* USEC_INFINITY, UINT32_MAX: as the log daemon has it */
        uint32_t log_ratelimit_burst;

        struct rlimit limits[RLIM_NLIMITS];
        uint32_t limits_set; /* bit a resource */
        int nice, oom_score_adjust, ioprio, cpu_policy, cpu_priority;
        bool nice_set, oom_set, ioprio_set, cpu_sched_set, cpu_reset_on_fork;
        uint8_t *cpu_affinity; /* bit mask */
        size_t cpu_affinity_len;
        bool cpu_affinity_numa; /* CPUAffinity=numa: those of NUMAMask= */
        int numa_policy;        /* -1: unset */
        char *numa_mask;
        uint64_t timer_slack; /* ns; UINT64_MAX: unset */
        uint64_t coredump_filter;
        bool coredump_filter_set;
        usec_t timeout_clean; /* USEC_INFINITY */
        mode_t umask;         /* (mode_t) -1: unset, 0022 */
        bool ignore_sigpipe_off, non_blocking;
        unsigned long personality; /* ~0ul: unset */
        enum keyring_mode keyring_mode;
        bool keyring_set;

        struct exec_directory dirs[DIR_MAX];
        int runtime_preserve;
        char **load_credentials /* "id:path" */, **set_credentials /* "id:data" */,
                **load_credentials_encrypted, **set_credentials_encrypted;

        /* confinement */
        uint64_t cap_bounding; /* ~0: all */
        uint64_t cap_ambient;
        int secure_bits;
        bool no_new_privileges;
        enum protect_system protect_system;
        enum protect_home protect_home;
        enum protect_proc protect_proc;
        bool proc_subset_pid;
        bool protect_clock, protect_hostname, protect_kernel_tunables, protect_kernel_modules,
                protect_kernel_logs, protect_control_groups, private_tmp, private_devices, private_network,
                private_ipc, private_users, private_mounts, restrict_realtime, restrict_suid_sgid,
                lock_personality, memory_deny_write_execute, remove_ipc, mount_api_vfs, mount_api_vfs_set;
        unsigned long mount_flags;
        char *network_namespace_path, *ipc_namespace_path;
        char **read_write_paths, **read_only_paths, **inaccessible_paths, **exec_paths, **no_exec_paths;
        struct exec_path_pairs bind_paths, bind_ro_paths;
        char **temporary_fs;     /* "path:options" */
        char **address_families; /* "AF_UNIX" …; empty with set = none allowed */
        bool address_families_set, address_families_allow;
        unsigned long restrict_namespaces; /* CLONE_NEW… that stay allowed */
        bool restrict_namespaces_set;
        struct exec_syscalls syscall_filter, syscall_log;
        char **syscall_archs;
        int syscall_errno;      /* 0: kill */
        char *apparmor_profile; /* '-' prefix kept */
        char *selinux_context, *smack_label;
};

struct kill_context {
        enum kill_mode mode;
        int signal, restart_signal, final_signal, watchdog_signal;
        bool send_sigkill, send_sighup;
};

/* systemd.resource-control(5); UINT64_MAX means "not set", 'infinity' is UINT64_MAX - 1. */
struct cgroup_context {
        bool cpu_accounting, io_accounting, memory_accounting, tasks_accounting, ip_accounting;
        uint64_t cpu_weight, startup_cpu_weight, io_weight, startup_io_weight;
        uint64_t cpu_quota_per_sec; /* µs a second */
        uint64_t cpu_quota_period;
        uint64_t memory_min, memory_low, memory_high, memory_max, memory_swap_max, memory_zswap_max,
                tasks_max, default_memory_min, default_memory_low;
        uint32_t tasks_max_permyriad; /* used when tasks_max is not set and this is not UINT32_MAX */
        char *allowed_cpus, *allowed_memory_nodes, *startup_allowed_cpus, *startup_allowed_memory_nodes;
        bool delegate;
        char **delegate_controllers;
        int device_policy;   /* 0 auto, 1 closed, 2 strict */
        char **device_allow; /* "path-or-class access" */
        char **ip_allow, **ip_deny;
        char **bind_allow, **bind_deny; /* "ipv4:tcp:1-9" */
        char **interfaces;
        bool interfaces_set, interfaces_deny;
        char **bpf_programs; /* "TYPE:/path" */
        char **io_limits;    /* "rbps /dev/x 1000000", as io.max wants it */
        int oom_kill_group;  /* -1: default */
        char *managed_oom_swap, *managed_oom_memory;
        char **disable_controllers;
        uint32_t delegate_set : 1;
};

void exec_context_init(struct exec_context *c); /* systemd's defaults */
void exec_context_done(struct exec_context *c);
void kill_context_init(struct kill_context *c);
void cgroup_context_init(struct cgroup_context *c);
void cgroup_context_done(struct cgroup_context *c);
void exec_command_free_list(struct exec_command *c);

/* What one process needs besides the unit's context. */
struct exec_params {
        const struct exec_command *command;
        bool control;           /* a control process (ExecStartPre, Reload …), not the main one */
        bool apply_permissions; /* false for '+' and PermissionsStartOnly */
        bool host_root;         /* RootDirectory= is not for this one */
        bool network;           /* of all confinement, the unit's network namespace alone */
        bool same_group;        /* stays in PID 1's session and process group: mounts below an automount */
        bool pass_fds;          /* hand over sockets and the fd store as LISTEN_FDS */
        const int *fds;
        char *const *fd_names;
        size_t n_fds, n_socket_fds;
        int stdin_fd;         /* StandardInput=socket; -1 */
        const int *stdio_fds; /* NULL, or three that are the standard streams whatever the context says */
        char **environment;   /* per process additions: MAINPID=, SERVICE_RESULT= … (borrowed) */
        const char *notify_socket;
        usec_t watchdog;           /* 0: none */
        const char *cgroup_suffix; /* NULL, or ".control" for control processes of a delegated unit */
        /* May be NULL. Told once, from the loop: the program runs (exit_code 0; it, or the child before it, may be
         * dead by then), or the child failed before it (200 … 245, err a positive errno; already logged). */
        void (*exec_done)(struct unit *u, pid_t pid, int exit_code, int err);
};

/* Starts the process in the unit's cgroup (made here if need be). *ret_pid, *ret_pidfd (CLOEXEC, owned by the
 * caller). Negative errno when nothing was started. Never blocks. */
/* A program of ours that belongs to no unit and that nobody waits for (SIGCHLD reaps it). */
int exec_detached(struct manager *m, char *const argv[]);
/* The same, with out as its standard output; *ret_pidfd is the caller's. */
int exec_detached_to(struct manager *m, char *const argv[], int out, int *ret_pidfd);
/* The same, and it stays in PID 1's process group. */
int exec_detached_near(struct manager *m, char *const argv[], int out, int *ret_pidfd);
int exec_spawn(struct unit *u, const struct exec_context *c, const struct exec_params *p, pid_t *ret_pid,
        int *ret_pidfd);
/* The unit goes away: nothing is told about it any more (its children go on). */
void exec_forget(struct unit *u);
bool exec_needs_helper(const struct exec_context *c, const struct exec_params *p);
/* Parses one Exec line (after specifiers were NOT yet resolved; u for specifiers) and appends to *list. An empty
 * value clears the list. -EINVAL with the reason in *ret_why (static string). */
int exec_command_parse(struct unit *u, const char *value, struct exec_command **list, const char **ret_why);
/* Removes the directories of the kinds in mask of 1 << DIR_…. */
void exec_directories_remove(struct unit *u, const struct exec_context *c, unsigned mask);
/* The unit has ended, and will not start again by itself: what was made for its processes goes. */
void exec_run_ended(struct unit *u, const struct exec_context *c);
/* Its processes have ended, also when it will start again by itself. */
void exec_processes_ended(struct unit *u, const struct exec_context *c);
const char *exec_status_to_string(int status); /* 203 → "EXEC", 226 → "NAMESPACE", 0..: NULL */

/* cgroup.c: systemd's layout (decisions 11). Paths are relative to the root of the hierarchy. */
int cgroup_setup(struct manager *m);          /* mount, controllers, init.scope; boot only */
const char *cgroup_unit_path(struct unit *u); /* "system.slice/ssh.service"; NULL when it has none */
int cgroup_realize(struct unit *u);           /* makes it and its slices, writes attributes; 0 or -errno */
/* Moves a process into u's cgroup, or (below, may be NULL: a relative path, made if need be) one further down. */
int cgroup_attach(struct unit *u, pid_t pid, const char *below);
int cgroup_open(struct unit *u);  /* borrowed O_PATH fd of the realized cgroup for CLONE_INTO_CGROUP */
int cgroup_apply(struct unit *u); /* writes changed attributes (set-property) */
int cgroup_kill(struct unit *u, int sig, pid_t except_main,
        pid_t except_control); /* number of processes signalled */
/* 1, 0, -errno. Who asks and finds it in use wants to know of its end: it is watched from then on. */
int cgroup_is_empty(struct unit *u);
/* After a re-execution: path (as cgroup_unit_path() said then) is u's. -ENOENT: it is gone. Nothing is written. */
int cgroup_adopt(struct unit *u, const char *path);
int cgroup_watch(struct unit *u); /* inotify on cgroup.events → unit_cgroup_empty(u) */
/* Freezes or thaws all of its processes; u->freezer tells when (its watchers are told). 0, -ENOENT not realized,
 * -EBUSY its slice is frozen, -EPERM PID 1 is in it. */
int cgroup_freeze(struct unit *u, bool freeze);
/* The boot is over, or the shutdown begins: Startup…= values. */
void cgroup_phase_changed(struct manager *m);
bool cgroup_has_startup_values(const struct cgroup_context *c);
/* unit_ops.cgroup_oom is called when the kernel kills a process of the unit for want of memory; needs the memory controller. */
int cgroup_watch_oom(struct unit *u);
void cgroup_release(struct unit *u); /* rmdir, forget */
/* Unit of a pid by its cgroup; NULL. Reads /proc (never a user's file system). */
struct unit *cgroup_unit_of_pid(struct manager *m, pid_t pid);
int cgroup_pids(struct unit *u, pid_t **ret, size_t *ret_n);
int cgroup_get_attr(struct unit *u, const char *attr, char **ret); /* "memory.current" … */
