/* Services: the state machine.
 *
 *   dead → condition → start-pre → start → start-post → running ⇄ reload*
 *                                                     ↘ exited (RemainAfterExit=)
 *   any of these → stop → stop-sigterm → stop-sigkill → stop-post → final-sigterm → final-sigkill → dead | failed
 *   dead | failed → auto-restart → condition
 *
 * One process at a time besides the main one (the control process: ExecStartPre= and so on). What happens is an event
 * (enum event); transitions[state][event] is the function that handles it; a hole in that table means that the event
 * changes nothing in that state. Every state that waits has a timer. service-run.c holds the actions (enter_…) that
 * the handlers call, service-notify.c what sd_notify messages and PID files say. */
#include <stdio.h>
#include <sys/wait.h>

#include "manager.h"
#include "service.h"

const char *const service_state_names[SVC_STATE_MAX] = {
        [SVC_DEAD] = "dead",
        [SVC_CONDITION] = "condition",
        [SVC_START_PRE] = "start-pre",
        [SVC_START] = "start",
        [SVC_START_POST] = "start-post",
        [SVC_RUNNING] = "running",
        [SVC_EXITED] = "exited",
        [SVC_RELOAD] = "reload",
        [SVC_RELOAD_SIGNAL] = "reload-signal",
        [SVC_RELOAD_NOTIFY] = "reload-notify",
        [SVC_STOP] = "stop",
        [SVC_STOP_WATCHDOG] = "stop-watchdog",
        [SVC_STOP_SIGTERM] = "stop-sigterm",
        [SVC_STOP_SIGKILL] = "stop-sigkill",
        [SVC_STOP_POST] = "stop-post",
        [SVC_FINAL_WATCHDOG] = "final-watchdog",
        [SVC_FINAL_SIGTERM] = "final-sigterm",
        [SVC_FINAL_SIGKILL] = "final-sigkill",
        [SVC_FAILED] = "failed",
        [SVC_AUTO_RESTART] = "auto-restart",
};
const char *const service_result_names[RESULT_MAX] = {
        [RESULT_SUCCESS] = "success",
        [RESULT_RESOURCES] = "resources",
        [RESULT_PROTOCOL] = "protocol",
        [RESULT_TIMEOUT] = "timeout",
        [RESULT_EXIT_CODE] = "exit-code",
        [RESULT_SIGNAL] = "signal",
        [RESULT_CORE_DUMP] = "core-dump",
        [RESULT_WATCHDOG] = "watchdog",
        [RESULT_START_LIMIT] = "start-limit-hit",
        [RESULT_OOM_KILL] = "oom-kill",
        [RESULT_EXEC_CONDITION] = "exec-condition",
};

static const enum active_state state_of[SVC_STATE_MAX] = {
        [SVC_DEAD] = UNIT_INACTIVE,
        [SVC_CONDITION] = UNIT_ACTIVATING,
        [SVC_START_PRE] = UNIT_ACTIVATING,
        [SVC_START] = UNIT_ACTIVATING,
        [SVC_START_POST] = UNIT_ACTIVATING,
        [SVC_RUNNING] = UNIT_ACTIVE,
        [SVC_EXITED] = UNIT_ACTIVE,
        [SVC_RELOAD] = UNIT_RELOADING,
        [SVC_RELOAD_SIGNAL] = UNIT_RELOADING,
        [SVC_RELOAD_NOTIFY] = UNIT_RELOADING,
        [SVC_STOP] = UNIT_DEACTIVATING,
        [SVC_STOP_WATCHDOG] = UNIT_DEACTIVATING,
        [SVC_STOP_SIGTERM] = UNIT_DEACTIVATING,
        [SVC_STOP_SIGKILL] = UNIT_DEACTIVATING,
        [SVC_STOP_POST] = UNIT_DEACTIVATING,
        [SVC_FINAL_WATCHDOG] = UNIT_DEACTIVATING,
        [SVC_FINAL_SIGTERM] = UNIT_DEACTIVATING,
        [SVC_FINAL_SIGKILL] = UNIT_DEACTIVATING,
        [SVC_FAILED] = UNIT_FAILED,
        [SVC_AUTO_RESTART] = UNIT_ACTIVATING,
};

enum event {
        EV_MAIN,     /* the main process ended; s->event_result says how */
        EV_CONTROL,  /* the control process ended */
        EV_TIMEOUT,  /* the state's timer */
        EV_EMPTY,    /* no process left in the cgroup */
        EV_READY,    /* READY=1, bus name won, Type=exec's program runs */
        EV_STOPPING, /* STOPPING=1 */
        EV_STOP,     /* a stop job */
        EV_MAX
};
typedef void (*handler)(struct service *s);

/* ---- handlers ---- */

static void condition_control(struct service *s)
{
        int code = s->event_code, status = s->event_status;

        if (s->event_result == RESULT_SUCCESS)
                service_enter_start_pre(s);
        else if (code == CLD_EXITED && status < 255)
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_EXEC_CONDITION);
        else
                service_enter_signal(s, SVC_STOP_SIGTERM, s->event_result);
}

static void start_pre_control(struct service *s)
{
        if (s->event_result != RESULT_SUCCESS)
                service_enter_signal(s, SVC_STOP_SIGTERM, s->event_result);
        else
                service_enter_start(s);
}

static void start_main(struct service *s)
{
        switch (s->type) {
        case SERVICE_ONESHOT:
                if (s->event_result != RESULT_SUCCESS)
                        service_enter_signal(s, SVC_STOP_SIGTERM, s->event_result);
                else if (!service_next_main(s))
                        service_enter_start_post(s);
                break;
        case SERVICE_NOTIFY:
        case SERVICE_NOTIFY_RELOAD:
        case SERVICE_DBUS:
                log_unit(s->unit.id, LOG_WARNING, "Main process ended before it said that it is ready");
                service_enter_signal(s, SVC_STOP_SIGTERM,
                        s->event_result == RESULT_SUCCESS ? RESULT_PROTOCOL : s->event_result);
                break;
        default: service_enter_running(s, s->event_result); break;
        }
}

static void start_control(struct service *s) /* Type=forking: the first process has gone */
{
        int r;

        if (s->event_result != RESULT_SUCCESS) {
                service_enter_signal(s, SVC_STOP_SIGTERM, s->event_result);
                return;
        }
        if (s->pid_file) {
                r = service_load_pid_file(s);
                if (r < 0) {
                        r = service_watch_pid_file(s);
                        if (r < 0)
                                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_PROTOCOL);
                        return;
                }
        } else
                service_guess_main_pid(s);
        service_enter_start_post(s);
}

static void start_empty(struct service *s)
{
        if (s->type == SERVICE_FORKING && s->control_pid <= 0 && s->main_pid <= 0) {
                log_unit(s->unit.id, LOG_WARNING, "No process is left, and PID file %s was not written",
                        s->pid_file ?: "");
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_PROTOCOL);
        }
}

static void start_ready(struct service *s)
{
        service_enter_start_post(s);
}

/* TimeoutStartFailureMode=, TimeoutStopFailureMode=: how one that took too long is told to end. */
enum { MODE_TERMINATE, MODE_ABORT, MODE_KILL };
static const enum service_state stop_by_mode[] = { SVC_STOP_SIGTERM, SVC_STOP_WATCHDOG, SVC_STOP_SIGKILL },
                                final_by_mode[] = { SVC_FINAL_SIGTERM, SVC_FINAL_WATCHDOG,
                                        SVC_FINAL_SIGKILL };

static void start_timeout(struct service *s)
{
        if (s->idle_waiting) { /* it has waited long enough for the others */
                service_spawn_idle(s);
                return;
        }
        log_unit(s->unit.id, LOG_WARNING, "Start operation timed out");
        service_enter_signal(s, stop_by_mode[s->timeout_start_failure_mode], RESULT_TIMEOUT);
}

static void start_post_control(struct service *s)
{
        if (s->event_result != RESULT_SUCCESS) {
                service_enter_stop(s, s->event_result);
                return;
        }
        if (s->pid_file && s->main_pid <= 0)
                (void)service_load_pid_file(s);
        service_enter_running(s, RESULT_SUCCESS);
}

static void start_post_timeout(struct service *s)
{
        log_unit(s->unit.id, LOG_WARNING, "Start-post operation timed out");
        if (s->timeout_start_failure_mode == MODE_TERMINATE)
                service_enter_stop(s, RESULT_TIMEOUT);
        else
                service_enter_signal(s, stop_by_mode[s->timeout_start_failure_mode], RESULT_TIMEOUT);
}

static void running_main(struct service *s)
{
        service_enter_running(s, s->event_result);
}

static void running_empty(struct service *s)
{
        if (s->main_pid <= 0)
                service_enter_running(s, RESULT_SUCCESS);
}

static void running_timeout(struct service *s)
{
        log_unit(s->unit.id, LOG_WARNING, "Ran for as long as RuntimeMaxSec= allows; stopping");
        service_enter_stop(s, RESULT_TIMEOUT);
}

static void running_stopping(struct service *s)
{
        (void)loop_timer_set(s->unit.manager->loop, &s->watchdog_timer, USEC_INFINITY);
        service_set_state(s, SVC_STOP_SIGTERM);
        service_arm_timer(s, s->timeout_stop);
}

static void reload_control(struct service *s)
{
        s->reload_result = s->event_result;
        if (s->event_result != RESULT_SUCCESS)
                log_unit(
                        s->unit.id, LOG_WARNING, "Reload failed: %s", service_result_names[s->event_result]);
        service_enter_running(s, RESULT_SUCCESS);
}

static void reload_timeout(struct service *s)
{
        log_unit(s->unit.id, LOG_WARNING, "Reload operation timed out");
        service_kill_control(s, SIGKILL);
        s->reload_result = RESULT_TIMEOUT;
        service_enter_running(s, RESULT_SUCCESS);
}

static void reload_main(struct service *s)
{
        if (s->control_pid <= 0)
                service_enter_running(s, s->event_result);
        else
                service_note_result(s, s->event_result);
}

static void any_stop(struct service *s)
{
        service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_SUCCESS);
}

static void running_stop(struct service *s)
{
        service_enter_stop(s, RESULT_SUCCESS);
}

static void restart_stop(struct service *s)
{
        if (!s->unit.job || s->unit.job->type == JOB_STOP)
                s->will_auto_restart = false;
        service_set_state(s, s->result == RESULT_SUCCESS ? SVC_DEAD : SVC_FAILED);
        service_release(s);
}

static void stop_main(struct service *s)
{
        service_note_result(s, s->event_result); /* ExecStop= is still at it */
}

static void stop_control(struct service *s)
{
        service_enter_signal(s, SVC_STOP_SIGTERM, s->event_result);
}

static void stop_timeout(struct service *s)
{
        log_unit(s->unit.id, LOG_WARNING, "Stop operation timed out; sending a signal");
        service_enter_signal(s, stop_by_mode[s->timeout_stop_failure_mode], RESULT_TIMEOUT);
}

/* The processes that were signalled go: once neither main nor control is left, on with ExecStopPost=. */
static void signal_gone(struct service *s)
{
        service_note_result(s, s->event_result);
        if (s->main_pid <= 0 && s->control_pid <= 0)
                service_enter_stop_post(s, s->event_result);
}

static void signal_empty(struct service *s)
{
        if (s->main_pid <= 0 && s->control_pid <= 0)
                service_enter_stop_post(s, RESULT_SUCCESS);
}

static void sigterm_timeout(struct service *s)
{
        service_log_survivors(s, "State 'stop-sigterm' timed out");
        if (s->timeout_stop_failure_mode == MODE_ABORT && s->state == SVC_STOP_SIGTERM)
                service_enter_signal(s, SVC_STOP_WATCHDOG, RESULT_TIMEOUT);
        else if (s->kill.send_sigkill)
                service_enter_signal(s, SVC_STOP_SIGKILL, RESULT_TIMEOUT);
        else
                service_enter_stop_post(s, RESULT_TIMEOUT);
}

static void sigkill_timeout(struct service *s)
{
        service_log_survivors(s, "Processes still there after SIGKILL");
        service_enter_stop_post(s, RESULT_TIMEOUT);
}

static void stop_post_control(struct service *s)
{
        service_enter_signal(s, SVC_FINAL_SIGTERM, s->event_result);
}

static void stop_post_timeout(struct service *s)
{
        log_unit(s->unit.id, LOG_WARNING, "Stop-post operation timed out");
        service_enter_signal(s, final_by_mode[s->timeout_stop_failure_mode], RESULT_TIMEOUT);
}

static void final_gone(struct service *s)
{
        service_note_result(s, s->event_result);
        if (s->main_pid <= 0 && s->control_pid <= 0 && cgroup_is_empty(&s->unit) != 0)
                service_enter_dead(s, RESULT_SUCCESS, true);
}

static void final_empty(struct service *s)
{
        service_enter_dead(s, RESULT_SUCCESS, true);
}

static void final_sigterm_timeout(struct service *s)
{
        service_log_survivors(s, "State 'final-sigterm' timed out");
        if (s->timeout_stop_failure_mode == MODE_ABORT && s->state == SVC_FINAL_SIGTERM)
                service_enter_signal(s, SVC_FINAL_WATCHDOG, RESULT_TIMEOUT);
        else if (s->kill.send_sigkill)
                service_enter_signal(s, SVC_FINAL_SIGKILL, RESULT_TIMEOUT);
        else
                service_enter_dead(s, RESULT_TIMEOUT, false);
}

static void final_sigkill_timeout(struct service *s)
{
        service_log_survivors(s, "Processes still there after SIGKILL; leaving them");
        service_enter_dead(s, RESULT_TIMEOUT, true);
}

static void restart_timeout(struct service *s)
{
        service_enter_restart(s);
}

static const handler transitions[SVC_STATE_MAX][EV_MAX] = {
        [SVC_CONDITION] = { [EV_CONTROL] = condition_control,
                [EV_TIMEOUT] = start_timeout,
                [EV_STOP] = any_stop },
        [SVC_START_PRE] = { [EV_CONTROL] = start_pre_control,
                [EV_TIMEOUT] = start_timeout,
                [EV_STOP] = any_stop },
        [SVC_START] = { [EV_MAIN] = start_main,
                [EV_CONTROL] = start_control,
                [EV_TIMEOUT] = start_timeout,
                [EV_EMPTY] = start_empty,
                [EV_READY] = start_ready,
                [EV_STOP] = any_stop },
        [SVC_START_POST] = { [EV_CONTROL] = start_post_control,
                [EV_TIMEOUT] = start_post_timeout,
                [EV_STOP] = any_stop },
        [SVC_RUNNING] = { [EV_MAIN] = running_main,
                [EV_EMPTY] = running_empty,
                [EV_TIMEOUT] = running_timeout,
                [EV_STOPPING] = running_stopping,
                [EV_STOP] = running_stop },
        [SVC_EXITED] = { [EV_TIMEOUT] = running_timeout, [EV_STOP] = running_stop },
        [SVC_RELOAD] = { [EV_CONTROL] = reload_control,
                [EV_TIMEOUT] = reload_timeout,
                [EV_MAIN] = reload_main,
                [EV_STOP] = any_stop },
        [SVC_RELOAD_SIGNAL] = { [EV_TIMEOUT] = reload_timeout,
                [EV_MAIN] = reload_main,
                [EV_STOP] = any_stop,
                [EV_READY] = reload_main },
        [SVC_RELOAD_NOTIFY] = { [EV_TIMEOUT] = reload_timeout,
                [EV_MAIN] = reload_main,
                [EV_STOP] = any_stop,
                [EV_READY] = reload_main },
        [SVC_STOP] = { [EV_CONTROL] = stop_control, [EV_MAIN] = stop_main, [EV_TIMEOUT] = stop_timeout },
        [SVC_STOP_WATCHDOG] = { [EV_MAIN] = signal_gone,
                [EV_CONTROL] = signal_gone,
                [EV_EMPTY] = signal_empty,
                [EV_TIMEOUT] = sigterm_timeout },
        [SVC_STOP_SIGTERM] = { [EV_MAIN] = signal_gone,
                [EV_CONTROL] = signal_gone,
                [EV_EMPTY] = signal_empty,
                [EV_TIMEOUT] = sigterm_timeout },
        [SVC_STOP_SIGKILL] = { [EV_MAIN] = signal_gone,
                [EV_CONTROL] = signal_gone,
                [EV_EMPTY] = signal_empty,
                [EV_TIMEOUT] = sigkill_timeout },
        [SVC_STOP_POST] = { [EV_CONTROL] = stop_post_control, [EV_TIMEOUT] = stop_post_timeout },
        [SVC_FINAL_WATCHDOG] = { [EV_MAIN] = final_gone,
                [EV_CONTROL] = final_gone,
                [EV_EMPTY] = final_empty,
                [EV_TIMEOUT] = final_sigterm_timeout },
        [SVC_FINAL_SIGTERM] = { [EV_MAIN] = final_gone,
                [EV_CONTROL] = final_gone,
                [EV_EMPTY] = final_empty,
                [EV_TIMEOUT] = final_sigterm_timeout },
        [SVC_FINAL_SIGKILL] = { [EV_MAIN] = final_gone,
                [EV_CONTROL] = final_gone,
                [EV_EMPTY] = final_empty,
                [EV_TIMEOUT] = final_sigkill_timeout },
        [SVC_AUTO_RESTART] = { [EV_TIMEOUT] = restart_timeout, [EV_STOP] = restart_stop },
};

static void dispatch(struct service *s, enum event e)
{
        handler h = transitions[s->state][e];

        if (h)
                h(s);
}

/* ---- what the rest of PID 1 tells a service ---- */

static enum service_result result_of(struct service *s, int code, int status, bool main)
{
        const struct exit_set *ok = &s->success_status;

        if (code == CLD_EXITED) {
                if (status == 0 || (main && ok->set && status < 256 && bit_get(ok->codes, (unsigned)status)))
                        return RESULT_SUCCESS;
                return RESULT_EXIT_CODE;
        }
        if (main && s->type != SERVICE_ONESHOT &&
                (status == SIGHUP || status == SIGINT || status == SIGTERM || status == SIGPIPE))
                return RESULT_SUCCESS;
        if (main && ok->set && status > 0 && status < 128 && bit_get(ok->signals, (unsigned)status))
                return RESULT_SUCCESS;
        return code == CLD_DUMPED ? RESULT_CORE_DUMP : RESULT_SIGNAL;
}

static void log_exit(struct service *s, const char *what, int code, int status, enum service_result f)
{
        int level = f == RESULT_SUCCESS ? LOG_DEBUG : LOG_NOTICE;
        const char *name = code == CLD_EXITED ? exec_status_to_string(status) : signal_name(status);

        log_unit(s->unit.id, level, "%s ended, %s, status=%d%s%s", what,
                code == CLD_EXITED ? "code=exited" : (code == CLD_DUMPED ? "code=dumped" : "code=killed"),
                status, name ? "/" : "", name ?: "");
}

static void finish_command(struct exec_command *c, int code, int status)
{
        if (!c)
                return;
        c->exit = now_realtime();
        c->code = code;
        c->status = status;
}

static void service_child(struct unit *u, pid_t pid, int code, int status)
{
        struct service *s = UNIT_CAST(service, u);
        struct exec_command *c;

        s->event_code = code;
        s->event_status = status;
        if (pid == s->main_pid) {
                c = s->main_command;
                s->event_result = result_of(s, code, status, true);
                if (c && c->flags & CMD_IGNORE_FAILURE)
                        s->event_result = RESULT_SUCCESS;
                s->main_pid = 0;
                s->main_pid_known = false;
                s->main_code = code;
                s->main_status = status;
                s->main_exit = now_realtime();
                finish_command(c, code, status);
                log_exit(s, "Main process", code, status, s->event_result);
                if (s->oom_killed && s->event_result != RESULT_SUCCESS)
                        s->event_result = RESULT_OOM_KILL;
                service_note_result(s, s->event_result);
                dispatch(s, EV_MAIN);
                return;
        }
        if (pid == s->control_pid) {
                c = s->control_command;
                s->event_result = result_of(s, code, status, false);
                if (c && c->flags & CMD_IGNORE_FAILURE)
                        s->event_result = RESULT_SUCCESS;
                s->control_pid = 0;
                finish_command(c, code, status);
                log_exit(s, "Control process", code, status, s->event_result);
                if (s->event_result == RESULT_SUCCESS && service_next_control(s))
                        return;
                s->control_command = NULL;
                dispatch(s, EV_CONTROL);
        }
}

/* A step of rouse-early, or a request to devd, stands for the main process of a oneshot service. */
void service_step_done(struct unit *u, int status, const char *message)
{
        struct service *s = UNIT_CAST(service, u);

        if (s->state != SVC_START)
                return;
        if (!str_empty(message))
                log_unit(u->id, status ? LOG_WARNING : LOG_INFO, "%s", message);
        s->step_running = false;
        s->event_code = CLD_EXITED;
        s->event_status = s->main_status = status;
        s->main_code = CLD_EXITED;
        s->main_exit = now_realtime();
        s->event_result = result_of(s, CLD_EXITED, status, true);
        service_note_result(s, s->event_result);
        dispatch(s, EV_MAIN);
}

static void service_cgroup_empty(struct unit *u)
{
        dispatch(UNIT_CAST(service, u), EV_EMPTY);
}

void service_timer(struct loop_timer *t)
{
        dispatch(t->data, EV_TIMEOUT);
}

void service_ready(struct service *s)
{
        s->event_result = RESULT_SUCCESS;
        dispatch(s, EV_READY);
}

void service_stopping(struct service *s)
{
        dispatch(s, EV_STOPPING);
}

static int service_start(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        if (s->state != SVC_DEAD && s->state != SVC_FAILED && s->state != SVC_AUTO_RESTART)
                return state_of[s->state] == UNIT_DEACTIVATING ? -EAGAIN : 0;
        if (s->state != SVC_AUTO_RESTART && !s->will_auto_restart)
                s->n_restarts = 0;
        service_reset_run(s);
        service_enter_condition(s);
        return 0;
}

static int service_stop(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        s->forbid_restart = true;
        if (state_of[s->state] == UNIT_DEACTIVATING)
                return 0;
        s->event_result = RESULT_SUCCESS;
        dispatch(s, EV_STOP);
        return 0;
}

static int service_reload(struct unit *u)
{
        return service_enter_reload(UNIT_CAST(service, u));
}

static bool service_can_reload(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        return s->commands[CMD_RELOAD] || s->type == SERVICE_NOTIFY_RELOAD;
}

static enum active_state service_active_state(struct unit *u)
{
        return state_of[UNIT_CAST(service, u)->state];
}

static const char *service_sub_state(struct unit *u)
{
        return service_state_names[UNIT_CAST(service, u)->state];
}

static const char *service_result(struct unit *u)
{
        return service_result_names[UNIT_CAST(service, u)->result];
}

static void service_reset_failed(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        if (s->state == SVC_FAILED)
                service_set_state(s, SVC_DEAD);
        s->result = s->reload_result = RESULT_SUCCESS;
        s->n_restarts = 0;
}

static void service_limit_hit(struct unit *u)
{
        struct service *s = UNIT_CAST(service, u);

        s->result = RESULT_START_LIMIT;
        s->will_auto_restart = false;
        s->state =
                SVC_DEAD; /* it may have failed already, with another start to come: now OnFailure= is due */
        service_set_state(s, SVC_FAILED);
        service_store_drop(s);
}

static void service_oom(struct unit *u, bool managed)
{
        struct service *s = UNIT_CAST(service, u);

        log_unit(u->id, LOG_WARNING, "A process was killed by the kernel for want of memory");
        if (s->oom_policy == OOM_CONTINUE)
                return;
        s->oom_killed = true;
        if (s->state == SVC_RUNNING || s->state == SVC_EXITED)
                service_enter_stop(s, RESULT_OOM_KILL);
        else if (s->state >= SVC_START_PRE && s->state <= SVC_RELOAD_NOTIFY)
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_OOM_KILL);
}

static pid_t service_main_pid(struct unit *u)
{
        return UNIT_CAST(service, u)->main_pid;
}

static pid_t service_control_pid(struct unit *u)
{
        return UNIT_CAST(service, u)->control_pid;
}

static int service_kill(struct unit *u, const char *who, int sig)
{
        struct service *s = UNIT_CAST(service, u);

        if (streq(who, "main"))
                return s->main_pid > 0 ? (kill(s->main_pid, sig) < 0 ? -errno : 0) : -ESRCH;
        if (streq(who, "control"))
                return s->control_pid > 0 ? (kill(s->control_pid, sig) < 0 ? -errno : 0) : -ESRCH;
        if (u->manager->cgroup_ok)
                return cgroup_kill(u, sig, 0, 0) > 0 ? 0 : -ESRCH;
        if (s->main_pid <= 0 && s->control_pid <= 0)
                return -ESRCH;
        if (s->main_pid > 0)
                (void)kill(s->main_pid, sig);
        service_kill_control(s, sig);
        return 0;
}

static usec_t service_timeout_of(struct unit *u)
{
        return UNIT_CAST(service, u)->timer.when;
}

const struct unit_ops service_ops = {
        .size = sizeof(struct service),
        .section = "Service",
        .exec_offset = offsetof(struct service, exec),
        .kill_offset = offsetof(struct service, kill),
        .cgroup_offset = offsetof(struct service, cgroup),
        .live_offset = offsetof(struct service, state),
        .init = service_init,
        .init_live = service_init_live,
        .forget = service_forget,
        .reloaded = service_reloaded,
        .load = service_load,
        .done = service_done,
        .start = service_start,
        .stop = service_stop,
        .reload = service_reload,
        .can_reload = service_can_reload,
        .active_state = service_active_state,
        .sub_state = service_sub_state,
        .result = service_result,
        .reset_failed = service_reset_failed,
        .limit_hit = service_limit_hit,
        .child = service_child,
        .cgroup_empty = service_cgroup_empty,
        .cgroup_oom = service_oom,
        .notify_message = service_notify_message,
        .kill = service_kill,
        .main_pid = service_main_pid,
        .control_pid = service_control_pid,
        .timeout_of = service_timeout_of,
        .serialise = service_serialise,
        .deserialise = service_deserialise,
        .coldplug = service_coldplug,
};
