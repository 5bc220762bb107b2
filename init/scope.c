/* Scopes: processes that somebody else started, gathered in a cgroup (systemd.scope(5)).
 *
 *   dead → running ⇄ (abandoned) → stop-sigterm → stop-sigkill → dead | failed
 *
 * A scope is made over the control socket, with the processes that it begins with; PID 1 moves them into its cgroup and
 * starts none of its own, so nothing but the cgroup's emptiness says that it is over. With a controller (a bus name), a
 * stop is asked of that one first; if nobody listens, or it does not act in time, the processes are signalled. */
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "control.h"
#include "manager.h"
#include "state.h"
#include "types.h"

enum { R_SUCCESS, R_RESOURCES, R_TIMEOUT, R_OOM_KILL };
static const char *const result_names[] = { "success", "resources", "timeout", "oom-kill" };

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [SCOPE_DEAD] = { UNIT_INACTIVE, "dead" },
        [SCOPE_RUNNING] = { UNIT_ACTIVE, "running" },
        [SCOPE_ABANDONED] = { UNIT_ACTIVE, "abandoned" },
        [SCOPE_STOP_SIGTERM] = { UNIT_DEACTIVATING, "stop-sigterm" },
        [SCOPE_STOP_SIGKILL] = { UNIT_DEACTIVATING, "stop-sigkill" },
        [SCOPE_FAILED] = { UNIT_FAILED, "failed" },
};

static void set_state(struct scope *s, enum scope_state state)
{
        enum active_state old = unit_active_state(&s->unit);

        s->state = state;
        if (state == SCOPE_DEAD || state == SCOPE_FAILED)
                (void)loop_timer_set(s->unit.manager->loop, &s->timer, USEC_INFINITY);
        unit_notify(&s->unit, old, false);
}

static void arm(struct scope *s, usec_t span)
{
        (void)loop_timer_set(s->unit.manager->loop, &s->timer,
                span == USEC_INFINITY || span == 0 ? USEC_INFINITY : usec_add(now_monotonic(), span));
}

static void note_result(struct scope *s, int result)
{
        if (s->result == R_SUCCESS)
                s->result = result;
}

static void enter_dead(struct scope *s, int result)
{
        note_result(s, result);
        if (s->result != R_SUCCESS)
                log_unit(s->unit.id, LOG_WARNING, "Failed with result '%s'", result_names[s->result]);
        if (cgroup_is_empty(&s->unit) != 0)
                cgroup_release(&s->unit);
        set_state(s, s->result == R_SUCCESS ? SCOPE_DEAD : SCOPE_FAILED);
}

/* The processes that KillMode= lets be signalled; a scope has no main process, so "mixed" has all of them killed. */
static int signal_processes(struct scope *s, enum scope_state state)
{
        struct kill_context *k = &s->kill;
        bool last = state == SCOPE_STOP_SIGKILL;
        int n;

        if (k->mode == KILL_NONE || k->mode == KILL_PROCESS)
                return 0;
        n = cgroup_kill(&s->unit, last ? k->final_signal : k->signal, 0, 0);
        if (n > 0 && !last && k->send_sighup)
                (void)cgroup_kill(&s->unit, SIGHUP, 0, 0);
        return n;
}

static void enter_signal(struct scope *s, enum scope_state state, int result)
{
        struct unit *u = &s->unit;
        bool asked = false;

        note_result(s, result);
        if (state == SCOPE_STOP_SIGTERM && s->controller && s->state == SCOPE_RUNNING)
                asked = control_request_stop(u, s->controller);
        if (!asked && signal_processes(s, state) <= 0) {
                enter_dead(s, R_SUCCESS);
                return;
        }
        arm(s, s->timeout_stop);
        set_state(s, state);
}

static void on_timer(struct loop_timer *t)
{
        struct scope *s = t->data;

        switch (s->state) {
        case SCOPE_RUNNING:
        case SCOPE_ABANDONED:
                log_unit(s->unit.id, LOG_WARNING, "Ran for as long as RuntimeMaxSec= allows; stopping");
                enter_signal(s, SCOPE_STOP_SIGTERM, R_TIMEOUT);
                break;
        case SCOPE_STOP_SIGTERM:
                log_unit(s->unit.id, LOG_WARNING, "Stopping timed out%s",
                        s->kill.send_sigkill ? "; killing" : "; processes are left");
                if (s->kill.send_sigkill)
                        enter_signal(s, SCOPE_STOP_SIGKILL, R_TIMEOUT);
                else
                        enter_dead(s, R_TIMEOUT);
                break;
        case SCOPE_STOP_SIGKILL:
                log_unit(s->unit.id, LOG_WARNING, "Processes still there after SIGKILL; leaving them");
                enter_dead(s, R_TIMEOUT);
                break;
        default: break;
        }
}

/* ---- configuration ---- */

static bool is_init(const struct unit *u)
{
        return streq(u->id, "init.scope"); /* PID 1's own: always there */
}

static void scope_init(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        u->ignore_on_isolate = true;
        u->perpetual |= is_init(u);
        s->timeout_stop = u->manager->default_timeout_stop;
        s->runtime_max = USEC_INFINITY;
}

static void scope_init_live(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        s->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timer, .data = s };
        if (is_init(u))
                s->state = SCOPE_RUNNING;
}

static int scope_load(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);
        int r;

        if (s->oom_policy == OOM_UNSET)
                s->oom_policy =
                        s->cgroup.delegate ? OOM_CONTINUE : (enum oom_policy)u->manager->default_oom_policy;
        if (is_init(u))
                return 0;
        if (!u->transient)
                return -ENOENT; /* never from a file */
        if (u->default_dependencies_off)
                return 0;
        r = unit_add_dep_by_name(u, DEP_CONFLICTS, "shutdown.target", ORIGIN_DEFAULT);
        return r < 0 ? r : unit_add_dep_by_name(u, DEP_BEFORE, "shutdown.target", ORIGIN_DEFAULT);
}

static void scope_done(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        loop_timer_cancel(u->manager->loop, &s->timer);
        free(s->pids);
        free(s->controller);
}

/* ---- jobs ---- */

static int attach_first(struct scope *s)
{
        struct unit *u = &s->unit;
        int r, error = -ESRCH;
        size_t n = 0;

        for (size_t i = 0; i < s->n_pids; i++) {
                r = cgroup_attach(u, s->pids[i], NULL);
                n += r >= 0;
                if (r < 0) {
                        error = r;
                        log_unit_errno(u->id, LOG_WARNING, r, "Process %d cannot be moved into it: %m",
                                (int)s->pids[i]);
                }
        }
        free(s->pids);
        s->pids = NULL;
        s->n_pids = 0;
        return n > 0 ? 0 : error;
}

static usec_t runtime_limit(const struct scope *s)
{
        usec_t extra = s->runtime_rand_extra;
        uint64_t x = 0;

        if (s->runtime_max == USEC_INFINITY || s->runtime_max == 0 || extra == 0 || extra == USEC_INFINITY)
                return s->runtime_max;
        (void)!getrandom(&x, sizeof(x), GRND_NONBLOCK);
        return usec_add(s->runtime_max, (usec_t)(x % (uint64_t)extra));
}

static int scope_start(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);
        int r;

        if (s->state == SCOPE_FAILED) /* its processes are gone for good */
                return -EPERM;
        if (s->state != SCOPE_DEAD)
                return states[s->state].state == UNIT_DEACTIVATING ? -EAGAIN : 0;
        s->result = R_SUCCESS;
        r = cgroup_realize(u);
        if (r >= 0)
                r = attach_first(s);
        if (r < 0) {
                cgroup_release(u);
                enter_dead(s, R_RESOURCES);
                return r;
        }
        r = cgroup_watch(u);
        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Its end will not be noticed: %m");
        (void)cgroup_watch_oom(u);
        arm(s, runtime_limit(s));
        set_state(s, SCOPE_RUNNING);
        if (s->state == SCOPE_RUNNING && cgroup_is_empty(u) == 1) /* over before it was watched */
                enter_dead(s, R_SUCCESS);
        return 0;
}

static int scope_stop(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        if (states[s->state].state == UNIT_ACTIVE)
                enter_signal(s, SCOPE_STOP_SIGTERM, R_SUCCESS);
        return 0;
}

static void scope_cgroup_empty(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        if (s->state != SCOPE_DEAD && s->state != SCOPE_FAILED && !is_init(u))
                enter_dead(s, R_SUCCESS);
}

static void scope_oom(struct unit *u, bool managed)
{
        struct scope *s = UNIT_CAST(scope, u);

        if (s->oom_policy == OOM_CONTINUE || is_init(u))
                return;
        if (states[s->state].state == UNIT_ACTIVE)
                enter_signal(s, SCOPE_STOP_SIGTERM, R_OOM_KILL);
        else
                note_result(s, R_OOM_KILL);
}

static enum active_state scope_active_state(struct unit *u)
{
        return states[UNIT_CAST(scope, u)->state].state;
}

static const char *scope_sub_state(struct unit *u)
{
        return states[UNIT_CAST(scope, u)->state].name;
}

static const char *scope_result(struct unit *u)
{
        return result_names[UNIT_CAST(scope, u)->result];
}

static void scope_reset_failed(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        s->result = R_SUCCESS;
        if (s->state == SCOPE_FAILED)
                set_state(s, SCOPE_DEAD);
}

static int scope_kill(struct unit *u, const char *who, int sig)
{
        if (!streq(who, "all"))
                return -ESRCH;
        return cgroup_kill(u, sig, 0, 0) > 0 ? 0 : -ESRCH;
}

static usec_t scope_timeout_of(struct unit *u)
{
        return UNIT_CAST(scope, u)->timer.when;
}

/* ---- state ---- */

static void scope_serialise(struct unit *u, struct state_out *out)
{
        struct scope *s = UNIT_CAST(scope, u);

        if (s->state != SCOPE_DEAD && !is_init(u))
                state_put(out, "state", states[s->state].name);
        state_put_int(out, "result", s->result, R_SUCCESS);
        state_put(out, "controller", s->controller);
        state_put_int(out, "timer", s->timer.when, USEC_INFINITY);
}

static bool scope_deserialise(struct unit *u, const char *key, const char *value)
{
        struct scope *s = UNIT_CAST(scope, u);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                s->state = (enum scope_state)i;
        } else if (streq(key, "result"))
                s->result = (int)MIN((uint64_t)state_get_int(value, 0), ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "controller"))
                (void)str_replace(&s->controller, value);
        else if (streq(key, "timer"))
                (void)loop_timer_set(u->manager->loop, &s->timer, state_get_int(value, USEC_INFINITY));
        else
                return false;
        return true;
}

int scope_abandon(struct unit *u)
{
        struct scope *s = UNIT_CAST(scope, u);

        if (states[s->state].state != UNIT_ACTIVE || is_init(u))
                return -ESTALE;
        free(s->controller);
        s->controller = NULL;
        set_state(s, SCOPE_ABANDONED);
        return 0;
}

const struct unit_ops scope_ops = {
        .size = sizeof(struct scope),
        .section = "Scope",
        .kill_offset = offsetof(struct scope, kill),
        .cgroup_offset = offsetof(struct scope, cgroup),
        .live_offset = offsetof(struct scope, state),
        .can_fail_transient = true,
        .init = scope_init,
        .init_live = scope_init_live,
        .load = scope_load,
        .done = scope_done,
        .start = scope_start,
        .stop = scope_stop,
        .active_state = scope_active_state,
        .sub_state = scope_sub_state,
        .result = scope_result,
        .reset_failed = scope_reset_failed,
        .cgroup_empty = scope_cgroup_empty,
        .cgroup_oom = scope_oom,
        .kill = scope_kill,
        .timeout_of = scope_timeout_of,
        .serialise = scope_serialise,
        .deserialise = scope_deserialise,
};
