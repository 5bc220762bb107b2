/* The plan of one process: everything that its child has to do, in one block of memory without pointers.
 *
 * PID 1 builds it (exec-prepare.c) before the child exists. Two readers: the child itself, by raw system calls in
 * PID 1's address space (exec-child.c), and rouse-exec, which gets the block in a sealed memfd, does what needs
 * libc or may take long, changes its private copy (user, groups, environment) and ends in the same exec-child.c.
 *
 * Strings and arrays are offsets from the start of the block; 0 is "none". plan_check() looks at every one of
 * them, so that a reader may trust a block that passed. */
#pragma once

#include <sys/resource.h>
#include "lib/str.h"

#define PLAN_MAGIC   0x6e616c70u
#define PLAN_VERSION 2u
#define PLAN_MAX     (4u << 20)

struct plan_list {
        uint32_t off, n;
}; /* n offsets of strings */
struct plan_array {
        uint32_t off, n;
}; /* n elements of what the field says */

enum plan_flags {
        PLAN_SETID = 1 << 0,     /* uid, gid and groups are valid and to be applied */
        PLAN_NAMES = 1 << 1,     /* user and group are names that only NSS knows (rouse-exec) */
        PLAN_LOGIN_ENV = 1 << 2, /* HOME, USER, LOGNAME, SHELL come from the user record */
        PLAN_EXPAND = 1 << 3,    /* argv still has $VAR (rouse-exec, whose environment is larger) */
        PLAN_IGNORE_SIGPIPE = 1 << 4,
        PLAN_NON_BLOCKING = 1 << 5,
        PLAN_CWD_MISSING_OK = 1 << 6,
        PLAN_NO_NEW_PRIVS = 1 << 7,
        PLAN_DROP_BOUNDING = 1 << 8,
        PLAN_SECURE_BITS = 1 << 9,
        PLAN_LEVEL_PREFIX = 1 << 10,
        PLAN_SET_CAPS = 1 << 11, /* ambient or inheritable set asked for */
        PLAN_KEYRING = 1 << 12,  /* a session keyring of its own */
        PLAN_KEYRING_SHARED = 1 << 13,
        PLAN_CPU_RESET = 1 << 14,
        PLAN_CGROUP_WRITE = 1 << 15,  /* clone3 could not: the child enters its cgroup itself */
        PLAN_EXEC_FATAL_OK = 1 << 16, /* '-' command: a missing program is not worth an error */
        PLAN_TTY_RESET = 1 << 17,
        PLAN_TTY_VHANGUP = 1 << 18,
        PLAN_TTY_DISALLOCATE = 1 << 19,
        PLAN_CWD_HOME = 1 << 20, /* WorkingDirectory=~ of a user that only NSS knows */
        PLAN_SANDBOX = 1 << 21,  /* confinement applies (not a '+' command) */
        PLAN_CHOWN_DIRS = 1 << 22,
        PLAN_DYNAMIC_USER = 1 << 23,
        PLAN_GROUPS_SET = 1 << 25, /* rouse-exec has set the supplementary groups */
        PLAN_SAME_GROUP = 1 << 26, /* no session of its own */
        PLAN_NETWORK = 1 << 27,    /* the network namespace, also without the rest of the confinement */
        PLAN_NO_SETUID = 1 << 24,  /* '!': user for groups and namespaces, but no change of ids */
};

enum plan_set { /* which scalar fields are valid */
        SET_NICE = 1,
        SET_OOM = 2,
        SET_IOPRIO = 4,
        SET_SCHED = 8,
        SET_UMASK = 16,
        SET_TIMER_SLACK = 32,
        SET_PERSONALITY = 64,
        SET_NUMA = 128,
        SET_COREDUMP = 256,
};

/* Confinement that rouse-exec does, one bit each. */
enum plan_protect {
        PROT_CLOCK = 1 << 0,
        PROT_HOSTNAME = 1 << 1,
        PROT_TUNABLES = 1 << 2,
        PROT_MODULES = 1 << 3,
        PROT_LOGS = 1 << 4,
        PROT_CGROUPS = 1 << 5,
        PROT_TMP = 1 << 6,
        PROT_DEVICES = 1 << 7,
        PROT_NETWORK = 1 << 8,
        PROT_IPC = 1 << 9,
        PROT_USERS = 1 << 10,
        PROT_MOUNTS = 1 << 11,
        PROT_PROC_PID = 1 << 12,
        PROT_API_VFS = 1 << 13,
        PROT_MOUNT_FLAGS = 1 << 14,
};

/* Where a standard stream goes. */
enum plan_stream {
        STREAM_NULL,
        STREAM_INHERIT,
        STREAM_TTY,
        STREAM_JOURNAL,
        STREAM_FILE,
        STREAM_APPEND,
        STREAM_TRUNCATE,
        STREAM_FD,
        STREAM_DATA,
};
struct plan_stdio {
        uint8_t kind;       /* enum plan_stream */
        uint8_t tty_mode;   /* stdin: 0 tty, 1 force, 2 fail */
        uint8_t read_write; /* a file that is standard output as well */
        uint8_t pad;
        int32_t fd;    /* STREAM_FD */
        uint32_t path; /* of the file; of a journal stream: the header of its connection */
};
struct plan_limit {
        uint32_t resource, pad;
        uint64_t soft, hard;
};
struct plan_bind {
        uint32_t source, dest;
        uint8_t read_only, ignore_missing, recursive, pad;
};
struct plan_dir {
        uint32_t kind, path,
                entry; /* kind: enum exec_dir; entry: 0, or as in the file: rouse-exec makes it */
        mode_t mode;
        uint32_t private;
};
struct plan_move {
        int32_t from, to;
};

struct exec_plan {
        uint32_t magic, version, size, flags, set, protect;
        /* the program */
        uint32_t path; /* absolute, or a bare name sought in search */
        struct plan_list argv, env, search;
        uint32_t env_listen_pid, env_exec_pid, env_journal,
                env_watchdog_pid; /* offsets of values filled in by the child */
        uint32_t ptrs;            /* room for argv and env as pointers */
        /* descriptors; numbers as the reader finds them */
        struct plan_array fds;   /* int32: become 3, 4, … */
        struct plan_array moves; /* struct plan_move, for the way into rouse-exec */
        int32_t status_fd, cgroup_fd, plan_fd;
        struct plan_stdio stdio[3];
        struct plan_array data;      /* bytes for STREAM_DATA */
        uint32_t unit, journal;      /* unit's name; the socket for journal streams */
        uint32_t run;                /* under which name its processes share namespaces and /tmp */
        int32_t fail_code, fail_err; /* not 0: PID 1 has failed already; the child ends with this code */
        uint32_t tty_path, utmp_id, utmp_mode;
        uint32_t tty_rows, tty_columns;
        /* process properties */
        uint64_t ignored_signals; /* ignored in PID 1: back to default */
        struct plan_array limits; /* struct plan_limit */
        int32_t nice, oom, ioprio, cpu_policy, cpu_priority;
        struct plan_array affinity; /* bytes of the mask */
        int32_t numa_policy;
        struct plan_array numa_mask;
        uint32_t umask;
        uint64_t timer_slack;
        uint64_t personality;
        uint64_t coredump_filter;
        uint32_t cwd, apparmor;
        /* identity */
        uint32_t user, group, home, shell;
        uint32_t uid, gid;
        struct plan_array groups;     /* uint32 */
        struct plan_list group_names; /* SupplementaryGroups= for NSS */
        uint64_t cap_bounding, cap_ambient;
        int32_t secure_bits;
        struct plan_array
                seccomp; /* one after the other: uint32 count, uint32 flags, struct sock_filter[count] */
        /* for rouse-exec */
        uint32_t pam_name, root_directory, net_ns, ipc_ns, log_namespace, cred_dir;
        struct plan_list env_files, unset_env, read_write, read_only, inaccessible, exec, no_exec, tmpfs,
                load_creds, set_creds, load_encrypted, set_encrypted,
                tmp_dirs,        /* tmp_dirs: sources of /tmp and /var/tmp */
                images;          /* "RootImage=…" */
        struct plan_array binds; /* struct plan_bind */
        struct plan_array dirs;  /* struct plan_dir */
        uint8_t protect_system, protect_home, protect_proc, control, pad[4];
        uint64_t mount_flags;
        char cwd_home[256]; /* rouse-exec's own: WorkingDirectory=~ of a user that only NSS knows */
};

static inline const char *plan_str(const struct exec_plan *p, uint32_t off)
{
        return off ? (const char *)p + off : NULL;
}
static inline const void *plan_at(const struct exec_plan *p, struct plan_array a)
{
        return (const char *)p + a.off;
}
static inline const char *plan_item(const struct exec_plan *p, struct plan_list l, uint32_t i)
{
        return (const char *)p + ((const uint32_t *)((const char *)p + l.off))[i];
}

/* Builder: grows one block; a failed allocation is remembered and reported by plan_finish(). */
struct plan_builder {
        char *block;
        size_t len, cap;
        bool failed;
};
static inline struct exec_plan *plan_of(struct plan_builder *b)
{
        return (struct exec_plan *)b->block;
}
int plan_begin(struct plan_builder *b);
uint32_t plan_add_str(struct plan_builder *b, const char *s);
/* Offset of n zero bytes, aligned to 8. */
uint32_t plan_reserve(struct plan_builder *b, size_t n);
struct plan_array plan_add_array(struct plan_builder *b, const void *data, size_t n, size_t each);
struct plan_list plan_add_strv(struct plan_builder *b, char *const *v);
void plan_done(struct plan_builder *b);
#define _cleanup_plan_ _cleanup_(plan_done)
int plan_finish(struct plan_builder *b);

/* Is every offset of a block of len bytes inside it? 0 or -EBADMSG. */
int plan_check(const struct exec_plan *p, size_t len);

/* What the child writes to the status pipe: one record each, whole (it is smaller than PIPE_BUF). */
struct exec_report {
        int32_t exit_code; /* 200 … 245; 0: only a remark */
        int32_t err;       /* positive errno or 0 */
        char what[200];    /* path, name or step */
};
