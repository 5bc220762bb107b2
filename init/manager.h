/* What the files of init/ share beyond unit.h: the manager's own operations and the type tables. */
#pragma once

#include "job.h"
#include "state.h"

struct ucred;

extern const struct unit_ops service_ops, socket_ops, device_ops, mount_ops, automount_ops, swap_ops,
        target_ops, path_ops, timer_ops, slice_ops, scope_ops;

/* unit.c, dep.c */
void unit_queue_load(struct unit *u);
void manager_dispatch_load_queue(struct manager *m);
void manager_collect(struct manager *m);
/* All units of a type (-1: of any), NULL-terminated; the caller frees the array. The way to walk units when what is
 * done with them may add others. NULL when out of memory. */
struct unit **manager_units(struct manager *m, int type);
struct unit_iter {
        struct unit **v;
        size_t i;
};
static inline void unit_iter_done(struct unit_iter *it)
{
        free(it->v);
}
#define UNITS_FOREACH(u, m, type)                                                                           \
        for (_cleanup_(unit_iter_done) struct unit_iter _it = { manager_units((m), (type)), 0 };            \
                _it.v && _it.v[_it.i]; _it.i++)                                                             \
                for (struct unit *u = _it.v[_it.i]; u; u = NULL)
/* types-simple.c: a target comes after what it pulls in. */
void target_order_after_members(struct unit *u);
void unit_drop_all_deps(struct unit *u);
void unit_drop_own_deps(struct unit *u, uint32_t origins);
void unit_drop_dep(struct unit *u, enum dep_type t, struct unit *other);
/* Types of the edge u → other (bits), 0 when there is none. */
uint32_t unit_dep_types(const struct unit *u, const struct unit *other, uint32_t *ret_origin);

/* manager.c */
/* A unit is freed: its children are orphans from now on. */
void manager_forget_pids(struct manager *m, struct unit *u);
int manager_new(struct manager **ret);
void manager_free(struct manager *m);
/* Reads system.conf(5) and its .d, the environment's defaults. */
void manager_read_config(struct manager *m);
/* SIGCHLD: reaps all, tells units; children by pidfd are told sooner. */
void manager_reap(struct manager *m);
/* First turn of boot: index, generators, default target, transaction. */
int manager_startup(struct manager *m, const char *target);
/* The units that are always there and that no job begins: the root's slice, PID 1's scope. */
int manager_load_own(struct manager *m);
/* Units from fstab, the kernel command line …, into the index. */
void manager_generate(struct manager *m);
/* reload.c: unit files that changed are read again, generators run again; running units keep running. Begun (or queued
 * behind a reload that is under way) when 0 is returned; w (may be NULL) is told when it is done, maybe at once. */
struct reload_waiter {
        void (*cb)(struct reload_waiter *w, int error);
        struct reload_waiter *next;
};
int manager_reload(struct manager *m, struct reload_waiter *w);
void manager_reload_forget(struct manager *m, struct reload_waiter *w);
void manager_reload_free(struct manager *m);
/* A unit that was busy when its files were found changed: its configuration now, if it can be. */
void unit_read_again(struct unit *u);
/* Its state changed: that may be now. */
void reload_retry(struct unit *u);
/* Ends the loop with this objective (power-off …), after the shutdown target was reached or at once. */
void manager_set_objective(struct manager *m, enum manager_objective o);
/* Starts a target that ends in an objective: "poweroff.target" with replace-irreversibly. */
int manager_start_target(struct manager *m, const char *name, enum job_mode mode);
void manager_emergency_action(struct manager *m, enum emergency_action a, const char *why,
        const char *reboot_arg, int exit_status);
/* A job ended or the run queue is empty: is the boot done, may idle services start, which status line? */
void manager_check_idle(struct manager *m);
void manager_status_job(struct manager *m, struct job *j, int result);
/* Unit of a registered child pid; NULL. */
struct unit *manager_unit_of_pid(struct manager *m, pid_t pid);

/* status.c: progress lines on the console. */
void status_line(struct manager *m, const char *tag, const char *fmt, ...) _printf_(3, 4);
void status_watch(struct manager *m);

/* notify.c: one socket a unit. */
/* A datagram as it came: its lines to the unit. cred NULL: it had none, or was too long. The descriptors are given away. text
 * has room for one byte more. */
void notify_take(struct unit *u, char *text, size_t n, const struct ucred *cred, int *fds, size_t n_fds);
int notify_open(struct unit *u, struct loop_io *io, char **ret_path);
int notify_adopt(struct unit *u, struct loop_io *io, int fd); /* the socket from before a re-execution */
void notify_close(struct unit *u, struct loop_io *io, char **path);

/* early-link.c: steps done by rouse-early. done() is told the exit status. */
int early_run(struct manager *m, const char *step,
        void (*done)(struct unit *u, int status, const char *message), struct unit *u);
void early_forget(struct manager *m, struct unit *u);
/* The boot is over: lets the helper go. */
void early_finish(struct manager *m);

/* devlink.c: PID 1's end of lib/devlink.h. */
struct devlink;
int devlink_init(struct manager *m);
/* Descriptors for the device daemon, in the order of lib/devlink.h; borrowed. */
size_t devlink_fds(struct manager *m, int fds[3], const char *names[3]);
int devlink_watch(struct manager *m, const char *name);
int devlink_mount(struct manager *m, const char *where, const char *what, const char *type,
        const char *options, unsigned flags);
int devlink_umount(struct manager *m, const char *where, bool lazy, bool force);
int devlink_settle(
        struct manager *m, void (*done)(struct unit *u, int status, const char *message), struct unit *u);
int devlink_load_modules(struct manager *m, char **names, bool low,
        void (*done)(struct unit *u, int status, const char *message), struct unit *u);
int devlink_static_nodes(
        struct manager *m, void (*done)(struct unit *u, int status, const char *message), struct unit *u);
int devlink_coldplug(struct manager *m);
/* The boot's jobs are done: devd may turn to what was put off. */
void devlink_booted(struct manager *m);
void devlink_forget(struct manager *m, struct unit *u);
/* Back from devd, implemented by device.c and mount.c. */
void device_message(struct manager *m, const char *syspath, const char *node, unsigned state, char **links,
        char **props);
void mount_done_message(struct manager *m, const char *where, unsigned err, const char *text);
void umount_done_message(struct manager *m, const char *where, unsigned err, const char *text);
void mountinfo_message(struct manager *m, bool there, const char *where, const char *what, const char *type,
        const char *options);
/* devd is (again) there: asks it for the mounts that are under way. */
void mount_devd_ready(struct manager *m);
void mountinfo_scan(struct manager *m); /* by PID 1 itself, before devd runs */
void mount_restored(struct manager *m); /* after a re-execution: the kernel's list once more */
void swapinfo_message(struct manager *m, bool there, const char *what, int priority);

/* bus.c: the bridge to D-Bus. */
struct client;
struct service;
/* A Type=dbus service runs and waits for its name: will it be told? Else nobody watches. */
bool bus_await_name(struct service *s);
void bus_booted(struct manager *m);
void bus_unit_changed(struct unit *u);
void bus_job_ended(struct manager *m, const struct job *j, enum job_result result);
struct client *bus_bridge(struct manager *m);             /* NULL: it is not there */
void bus_set_bridge(struct manager *m, struct client *c); /* re-execution */
void bus_client_gone(struct manager *m, struct client *c);
void bus_client_read(struct manager *m, struct client *c); /* all that it was sent */
/* What a unit became is to be told to the bridge: in this turn; now, if it is to be told at all. */
void bus_unit_event(struct unit *u);
void bus_tell_unit(struct unit *u);
/* Does c, a client that has subscribed, hear of jobs and of units that come? The bridge not while nobody on the bus does. */
bool bus_hears_jobs(struct manager *m, const struct client *c);
void bus_serialise(struct manager *m, struct state_out *s);
bool bus_deserialise(struct manager *m, const char *key, const char *value);
void bus_free(struct manager *m);

/* control.c: the control socket. */
int control_open(struct manager *m);
void control_close(struct manager *m);

/* state.c and state-restore.c's callees: lines of the manager's record. */
void devlink_serialise(struct manager *m, struct state_out *s);
bool devlink_deserialise(struct manager *m, const char *key, const char *value);
/* Asks devd for the state of everything as it is now. */
void devlink_restored(struct manager *m);
void control_serialise(struct manager *m, struct state_out *s);
bool control_deserialise(struct manager *m, const char *key, const char *value);
/* Clients that wait for jobs wait on. */
void control_restored(struct manager *m);

/* boot.c: what only the real PID 1 does, before the first unit. */
int boot_setup(struct manager *m);
/* The same after a re-execution: only what this process itself has to know and hold. */
int boot_setup_again(struct manager *m);

/* watchdog.c: the hardware watchdog, as system.conf says now; and for rouse-shutdown. */
void watchdog_apply(struct manager *m);
/* True: it runs on, and the next program finds it as descriptor fd. */
bool watchdog_hand_over(struct manager *m, int fd);
/* credentials.c: what the machine is given from outside. */
int boot_credentials(struct manager *m);

/* ring.c: what PID 1 says, until the log daemon takes it. */
void ring_take(struct manager *m);
void ring_log(int level, const char *unit, const char *file, int line, const char *text);
void ring_flush(struct manager *m);
/* Across a switch of root: what no log daemon has taken. */
int ring_save(const char *path);
void ring_load(const char *path);

/* unit-run.c */
/* unit_notify() for a service that will be started again by itself: OnFailure= waits for the last attempt. */
void unit_notify_full(struct unit *u, enum active_state old, bool reload_failed, bool will_restart);
void unit_start_on_failure(struct unit *u);
/* Stops what is bound to a unit that is down, where a job that might not be replaced has kept it up. */
void unit_retry_bound(struct loop_deferred *d);

/* uphold.c: Upholds= */
void uphold_check(struct unit *u); /* is it upheld, and down? */
void uphold_check_all(struct manager *m);
void uphold_dispatch(struct loop_deferred *d);
void uphold_timer(struct loop_timer *t);

/* job.c, for transaction.c and manager.c */
struct job *job_new(struct unit *u, enum job_type t);
void job_free(struct job *j);
void job_arm(struct job *j); /* its time limits, from when it was made and when it began */
bool job_types_wait(enum job_type a, enum job_type b, bool a_is_after_b);
void manager_dispatch_run_queue(struct manager *m);
/* Are jobs running that a Type=idle service should let finish first? */
bool manager_is_busy(struct manager *m);
