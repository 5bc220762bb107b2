/* The unit types' own objects: configuration first, then live state. struct unit is the first member of each, so
 * that UNIT_CAST() works. Each type's file states its states and transitions at the top. */
#pragma once

#include "job.h"
#include "path-look.h"

/* ---- service ---- */
enum service_type {
        SERVICE_SIMPLE,
        SERVICE_EXEC,
        SERVICE_FORKING,
        SERVICE_ONESHOT,
        SERVICE_DBUS,
        SERVICE_NOTIFY,
        SERVICE_NOTIFY_RELOAD,
        SERVICE_IDLE
};
enum service_restart {
        RESTART_NO,
        RESTART_ON_SUCCESS,
        RESTART_ON_FAILURE,
        RESTART_ON_ABNORMAL,
        RESTART_ON_WATCHDOG,
        RESTART_ON_ABORT,
        RESTART_ALWAYS
};
enum service_cmd {
        CMD_CONDITION,
        CMD_START_PRE,
        CMD_START,
        CMD_START_POST,
        CMD_RELOAD,
        CMD_STOP,
        CMD_STOP_POST,
        CMD_MAX
};
enum service_state {
        SVC_DEAD,
        SVC_CONDITION,
        SVC_START_PRE,
        SVC_START,
        SVC_START_POST,
        SVC_RUNNING,
        SVC_EXITED,
        SVC_RELOAD,
        SVC_RELOAD_SIGNAL,
        SVC_RELOAD_NOTIFY,
        SVC_STOP,
        SVC_STOP_WATCHDOG,
        SVC_STOP_SIGTERM,
        SVC_STOP_SIGKILL,
        SVC_STOP_POST,
        SVC_FINAL_WATCHDOG,
        SVC_FINAL_SIGTERM,
        SVC_FINAL_SIGKILL,
        SVC_FAILED,
        SVC_AUTO_RESTART,
        SVC_STATE_MAX
};
enum service_result {
        RESULT_SUCCESS,
        RESULT_RESOURCES,
        RESULT_PROTOCOL,
        RESULT_TIMEOUT,
        RESULT_EXIT_CODE,
        RESULT_SIGNAL,
        RESULT_CORE_DUMP,
        RESULT_WATCHDOG,
        RESULT_START_LIMIT,
        RESULT_OOM_KILL,
        RESULT_EXEC_CONDITION,
        RESULT_MAX
};
enum notify_access { NOTIFY_UNSET, NOTIFY_NONE, NOTIFY_MAIN, NOTIFY_EXEC, NOTIFY_ALL };
enum exit_type { EXIT_TYPE_MAIN, EXIT_TYPE_CGROUP };
enum oom_policy { OOM_UNSET, OOM_CONTINUE, OOM_STOP, OOM_KILL };

/* Exit codes and signals as in SuccessExitStatus=. */
struct exit_set {
        uint8_t codes[32], signals[16];
        bool set;
};
static inline bool bit_get(const uint8_t *b, unsigned i)
{
        return b[i / 8] >> (i % 8) & 1;
}
static inline void bit_set(uint8_t *b, unsigned i)
{
        b[i / 8] |= (uint8_t)(1u << (i % 8));
}

struct service {
        struct unit unit;
        struct exec_context exec;
        struct kill_context kill;
        struct cgroup_context cgroup;

        enum service_type type;
        bool type_set;
        enum exit_type exit_type;
        enum service_restart restart;
        struct exec_command *commands[CMD_MAX];
        char *pid_file, *bus_name;
        usec_t restart_usec, restart_max_usec, timeout_start, timeout_stop, timeout_abort, runtime_max,
                runtime_rand_extra, watchdog;
        uint32_t restart_steps;
        bool timeout_start_set, timeout_abort_set, restart_mode_direct;
        int timeout_start_failure_mode, timeout_stop_failure_mode; /* 0 terminate, 1 abort, 2 kill */
        bool remain_after_exit, guess_main_pid_off, permissions_start_only, root_directory_start_only;
        enum notify_access notify_access;
        struct exit_set success_status, restart_prevent, restart_force;
        uint32_t fd_store_max;
        enum oom_policy oom_policy;
        char **sockets;
        int reload_signal;
        char *usb_descriptors, *usb_strings;
        char *step;       /* X-RouseStep=: a step of rouse-early or devd instead of a process */
        bool device_link; /* X-RouseDeviceLink=: gets the descriptors of lib/devlink.h */

        /* live */
        enum service_state state, deserialised_state;
        enum service_result result, reload_result;
        pid_t main_pid, control_pid;
        bool main_pid_known, main_pid_alien, forbid_restart, will_auto_restart, notify_ready, oom_killed,
                bus_name_owned;
        struct exec_command *main_command, *control_command; /* being run; into commands[] */
        enum service_cmd control_kind;
        int main_code, main_status;                  /* of the last main process */
        usec_t main_start, main_exit, watchdog_ping; /* CLOCK_REALTIME */
        char *status_text;
        int status_errno;
        uint32_t n_restarts, step_id;
        struct loop_timer timer, watchdog_timer, runtime_timer;
        usec_t watchdog_override; /* USEC_INFINITY: none */
        usec_t runtime_end;       /* RuntimeMaxSec=; 0: not running yet */
        struct loop_io notify_io; /* one notify socket a unit: decisions 10 */
        char *notify_path;
        struct loop_io exec_io;  /* Type=exec: closes when the program runs */
        struct stored_fd *store; /* in the order in which they came */
        bool unpolled;           /* while they are read back: the next one is */
        size_t n_store;
        int socket_fd;    /* Accept=yes connection, until handed over; -1 */
        int stdio_fds[3]; /* of the one who asked for a transient service, -1 */
        char *socket_peer;
        struct unit *accept_socket;
        usec_t timer_limit;               /* what the timer was set for, without EXTEND_TIMEOUT_USEC= */
        usec_t extended_until;            /* what that said last of RuntimeMaxSec= */
        struct loop_io pidfile_io;        /* inotify while the PID file is awaited */
        struct probe *pidfile_probe;      /* the same, where PID 1 may not look itself */
        enum service_result event_result; /* of the event being handled: how a process ended */
        int event_code, event_status;
        bool step_running, idle_waiting, low_modules;
};

/* ---- socket ---- */
struct socket_port {
        int kind;      /* SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET, or -'f' FIFO, -'s' special, -'m' mqueue,
                          -'n' netlink, -'u' USB function */
        char *address; /* as written */
        int fd;
        int *endpoints; /* of a USB function, beside fd, its ep0: ep1 and so on */
        size_t n_endpoints;
        bool by_child; /* socket-child.c makes it: what came of that, until it is opened */
        int made, made_error;
        size_t n_awaited; /* endpoints that are still to come from it */
        struct loop_io io;
        struct socket_unit *socket;
        struct socket_port *next;
};
enum socket_state {
        SOCK_DEAD,
        SOCK_START_PRE,
        SOCK_START_CHOWN,
        SOCK_START_POST,
        SOCK_LISTENING,
        SOCK_RUNNING,
        SOCK_STOP_PRE,
        SOCK_STOP_PRE_SIGTERM,
        SOCK_STOP_PRE_SIGKILL,
        SOCK_STOP_POST,
        SOCK_FINAL_SIGTERM,
        SOCK_FINAL_SIGKILL,
        SOCK_FAILED
};
struct socket_unit {
        struct unit unit;
        struct exec_context exec;
        struct kill_context kill;
        struct cgroup_context cgroup;
        struct socket_port *ports;
        struct exec_command *commands[4]; /* start pre, start post, stop pre, stop post */
        char *service_name, *user, *group, *fd_name, *bind_to_device, *congestion, *smack_label;
        char **symlinks;
        mode_t socket_mode, directory_mode;
        bool accept, writable, keep_alive, no_delay, free_bind, transparent, broadcast, pass_credentials,
                pass_security, pass_packet_info, remove_on_stop, flush_pending, reuse_port;
        int protocol; /* IPPROTO_…, 0: the usual one */
        int bind_ipv6_only, backlog, max_connections, max_connections_per_source, priority, mark, ip_tos,
                ip_ttl, timestamping;
        int64_t pipe_size, receive_buffer, send_buffer, mq_maxmsg, mq_msgsize;
        usec_t keep_alive_time, keep_alive_interval, defer_accept, timeout, trigger_interval;
        uint32_t keep_alive_probes, trigger_burst;
        /* live */
        enum socket_state state;
        int result;
        struct socket_port *old_ports; /* from before a reload, while the files are read */
        pid_t control_pid;
        int control_kind;
        struct exec_command *control_command;
        struct loop_io made_io; /* socket-child.c */
        uint32_t n_connections, n_accepted, n_refused, n_trigger;
        usec_t trigger_begin;
        struct loop_timer timer;
};

/* ---- mount, swap, automount ---- */
enum mount_state {
        MNT_DEAD,
        MNT_MOUNTING,
        MNT_MOUNTING_DONE,
        MNT_MOUNTED,
        MNT_REMOUNTING,
        MNT_UNMOUNTING,
        MNT_UNMOUNTING_SIGTERM,
        MNT_UNMOUNTING_SIGKILL,
        MNT_FAILED
};
struct mount {
        struct unit unit;
        struct exec_context exec;
        struct kill_context kill;
        struct cgroup_context cgroup;
        char *where, *what, *options, *fstype;
        bool sloppy, lazy, force, rw_only, from_fstab;
        mode_t directory_mode;
        usec_t timeout;
        /* live */
        enum mount_state state;
        int result;
        bool in_mountinfo, devd_asked;
        struct probe *place; /* the mount point is being made where PID 1 may not */
        char *mi_what, *mi_type, *mi_options;
        pid_t control_pid;
        struct exec_command control_command;
        struct loop_timer timer;
        unsigned n_retry;
};
/* mount-bound.c: it came, went, or is of another device now. */
void mount_bound_know(struct mount *mt);
/* The device is about to go, or its properties have changed: mounts of it may be bound to it. */
void mount_bound_check(struct unit *device);

enum swap_state { SWP_DEAD, SWP_ACTIVATING, SWP_ACTIVE, SWP_DEACTIVATING, SWP_FAILED };
struct swap {
        struct unit unit;
        struct exec_context exec;
        struct kill_context kill;
        struct cgroup_context cgroup;
        char *what, *options;
        int priority;
        bool priority_set;
        usec_t timeout;
        enum swap_state state;
        int result;
        bool in_proc;
        pid_t control_pid;
        struct exec_command control_command;
        struct loop_timer timer;
};

/* ---- device ---- */
struct device_unit {
        struct unit unit;
        char *syspath; /* of the device that it now stands for, NULL when absent */
        bool present, not_ready, watched;
        bool missed;       /* its absence sent the boot to emergency.target */
        bool binds_mounts; /* SYSTEMD_MOUNT_DEVICE_BOUND=, of the unit of its sysfs path */
};

/* ---- target, slice, scope, timer, path ---- */
struct target {
        struct unit unit;
        bool active;
};
struct slice {
        struct unit unit;
        struct cgroup_context cgroup;
        bool active;
};
enum scope_state {
        SCOPE_DEAD,
        SCOPE_RUNNING,
        SCOPE_ABANDONED,
        SCOPE_STOP_SIGTERM,
        SCOPE_STOP_SIGKILL,
        SCOPE_FAILED
};
struct scope {
        struct unit unit;
        struct kill_context kill;
        struct cgroup_context cgroup;
        usec_t timeout_stop, runtime_max, runtime_rand_extra;
        enum oom_policy oom_policy;
        /* live */
        enum scope_state state;
        int result;
        pid_t *pids; /* that it begins with */
        size_t n_pids;
        char *controller; /* bus name that is asked to stop it; NULL */
        struct loop_timer timer;
};
/* scope.c. The controller lets go of it: 0, -ESTALE when it does not run. */
int scope_abandon(struct unit *u);
/* A job of the unit that a timer or path starts: recheck is queued when it ends. */
struct job_watch {
        struct job_waiter w;
        struct job *job;
        struct loop_deferred *recheck;
};
/* trigger.c. Starts the unit: 0 or -errno. */
int trigger_start(struct unit *u, const char *name, struct job_watch *watch, struct loop_deferred *recheck);
void trigger_forget(struct unit *u, struct job_watch *watch, struct loop_deferred *recheck);
/* Is the unit down, with nothing under way? */
bool trigger_is_down(struct unit *u, const char *name);
/* Unit= or its default; Before= and Triggers=; targets: NULL or the target that these units belong to. */
int trigger_load(struct unit *u, char **name, const char *target);

/* ---- automount ---- */
enum automount_state {
        AUTOMOUNT_DEAD,
        AUTOMOUNT_LOADING,
        AUTOMOUNT_WAITING,
        AUTOMOUNT_RUNNING,
        AUTOMOUNT_FAILED
};
struct automount_token { /* of the kernel, to be answered */
        uint32_t token;
        bool expire;
};
struct automount {
        struct unit unit;
        char *where, *extra_options, *mount_name;
        mode_t directory_mode;
        usec_t idle_timeout; /* 0, USEC_INFINITY: none */
        /* live */
        enum automount_state state;
        int result, fd; /* fd: the root of the autofs, -1 */
        struct loop_io pipe;
        struct automount_token *tokens;
        size_t n_tokens;
        struct loop_io made_io; /* automount-child.c, until it stands */
        struct loop_timer made_timer;
        int made_root, made_pidfd;
        pid_t expire_pid;
        bool low_modules;
        struct loop_timer timer; /* before the next look for idleness */
        struct loop_deferred recheck;
        struct job_watch watch;
};
/* automount.c. Is an autofs mounted where the mount unit goes? Only PID 1's process group passes then. */
bool automount_guards(struct unit *mount);

enum timer_base {
        TIMER_ACTIVE,
        TIMER_BOOT,
        TIMER_STARTUP,
        TIMER_UNIT_ACTIVE,
        TIMER_UNIT_INACTIVE,
        TIMER_CALENDAR
};
struct calendar;
struct timer_value {
        enum timer_base base;
        usec_t value;
        char *calendar; /* as written */
        struct calendar *spec;
        bool spent; /* it came already, and comes once */
        struct timer_value *next;
};
enum timer_state { TIMER_DEAD, TIMER_WAITING, TIMER_RUNNING, TIMER_ELAPSED, TIMER_FAILED };
enum path_state { PATH_DEAD, PATH_WAITING, PATH_RUNNING, PATH_FAILED };
struct timer_unit {
        struct unit unit;
        struct timer_value *values;
        char *unit_name;
        usec_t accuracy, random_delay;
        bool persistent, fixed_random, wake_system, on_clock_change, on_timezone_change,
                remain_after_elapse_off;
        /* live */
        enum timer_state state;
        int result;
        usec_t next_monotonic, next_realtime;                   /* USEC_INFINITY: none */
        usec_t last_trigger, last_trigger_monotonic, activated; /* activated, last_trigger: CLOCK_REALTIME */
        struct loop_timer timer;
        struct loop_io wake; /* WakeSystem=: an alarm that ends a suspend; fd -1 */
        struct loop_deferred recheck;
        struct job_watch watch;
        struct probe *stamp; /* its stamp is being read (its start waits for that) or written */
};
struct path_unit {
        struct unit unit;
        struct path_spec *specs;
        char *unit_name;
        bool make_directory;
        mode_t directory_mode;
        usec_t trigger_interval;
        uint32_t trigger_burst;
        /* live */
        enum path_state state;
        int result;
        usec_t trigger_begin;
        uint32_t n_trigger;
        struct loop_io inotify; /* watches of all its paths and what is above them */
        struct loop_deferred recheck;
        struct job_watch watch;
};

/* parse-socket.c: what the directives made. */
void timer_values_free(struct timer_unit *t);
void path_specs_free(struct path_unit *u);
