/* What the files of the service type share: service.c (events), service-run.c (actions), service-load.c (reading),
 * service-notify.c (sd_notify, PID files). */
#pragma once

#include <signal.h>
#include "types.h"

extern const char *const service_state_names[SVC_STATE_MAX];
extern const char *const service_result_names[RESULT_MAX];

/* service-load.c */
void service_init(struct unit *u);
int service_load(struct unit *u);
void service_done(struct unit *u);
void service_init_live(struct unit *u);
void service_forget(struct unit *u);
void service_reloaded(struct unit *u);

/* service-run.c: actions. Each leaves the service in a state that waits for something, or in an end state. */
void service_set_state(struct service *s, enum service_state state);
void service_arm_timer(struct service *s, usec_t timeout);
/* Keeps the first failure as the service's result. */
void service_note_result(struct service *s, enum service_result f);
void service_reset_run(struct service *s);
void service_enter_condition(struct service *s);
void service_enter_start_pre(struct service *s);
void service_enter_start(struct service *s);
void service_enter_start_post(struct service *s);
void service_enter_running(struct service *s, enum service_result f);
int service_enter_reload(struct service *s);
void service_enter_stop(struct service *s, enum service_result f);
void service_enter_signal(struct service *s, enum service_state state, enum service_result f);
void service_enter_stop_post(struct service *s, enum service_result f);
void service_enter_dead(struct service *s, enum service_result f, bool allow_restart);
void service_enter_restart(struct service *s);
void service_step_again(struct service *s); /* begins the step that stands for its process */
void service_spawn_idle(struct service *s);
/* Runs the next command of the list; false when there is none. */
bool service_next_main(struct service *s);
bool service_next_control(struct service *s);
void service_kill_control(struct service *s, int sig);
void service_log_survivors(struct service *s, const char *why);
/* Directories, cgroup, notify socket, fd store: what an ended service gives back. */
void service_release(struct service *s);
void service_close_stdio(struct service *s);

/* service-notify.c */
void service_notify_message(struct unit *u, pid_t pid, uid_t uid, char **fields, int *fds, size_t n_fds);
int service_load_pid_file(struct service *s);
int service_watch_pid_file(struct service *s);
void service_unwatch_pid_file(struct service *s);
void service_guess_main_pid(struct service *s);
int service_set_main_pid(struct service *s, pid_t pid);
void service_arm_watchdog(struct service *s);

/* service-store.c: the fd store. A descriptor that hangs up or has an error leaves it (polled). */
struct stored_fd {
        struct service *service;
        int fd;
        char *name;
        bool polled; /* FDPOLL=0 was not said */
        struct loop_io io;
        struct stored_fd *next;
};
/* One more, of which the service becomes the owner; name NULL or none that may be: "stored". -ENFILE: it is full;
 * -EEXIST: the same is there. */
int service_store_add(struct service *s, int fd, const char *name, bool polled);
void service_store_remove(struct service *s, const char *name);
void service_store_drop(struct service *s);

/* service-state.c */
void service_serialise(struct unit *u, struct state_out *out);
bool service_deserialise(struct unit *u, const char *key, const char *value);
void service_coldplug(struct unit *u);

/* service.c */
void service_timer(struct loop_timer *t);
void service_ready(struct service *s);
void service_stopping(struct service *s);
void service_step_done(struct unit *u, int status, const char *message);
