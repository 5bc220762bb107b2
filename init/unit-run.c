/* What a unit does: start, stop and reload as jobs call them, and unit_notify(), through which its type says that
 * its state changed.
 *
 * unit_notify() is the only place where one unit's state reaches others: it ends the unit's job, pulls along what is
 * bound to it, starts OnFailure= and OnSuccess=, tells the units that trigger it, and wakes whatever waited. All of it
 * looks at states as they are; nothing depends on having seen an event. */
#include "unit.h"

#include <stdio.h>

#include "clean.h"
#include "job.h"
#include "control.h"
#include "manager.h"
#include "types.h"

#include "lib/id128.h"

enum active_state unit_active_state(struct unit *u)
{
        if (u->load_state == UNIT_MERGED)
                return unit_active_state(unit_follow_merge(u));
        return u->clean ? UNIT_MAINTENANCE : unit_ops(u)->active_state(u);
}

const char *unit_sub_state(struct unit *u)
{
        return u->clean ? "cleaning" : unit_ops(u)->sub_state(u);
}

bool unit_can_start(struct unit *u)
{
        return u->load_state == UNIT_LOADED && unit_ops(u)->start && !u->refuse_manual_start;
}

bool unit_can_stop(struct unit *u)
{
        return unit_ops(u)->stop && !u->perpetual && !u->refuse_manual_stop;
}

bool unit_can_reload(struct unit *u)
{
        if (unit_ops(u)->can_reload)
                return unit_ops(u)->can_reload(u);
        return unit_ops(u)->reload != NULL;
}

void unit_reset_failed(struct unit *u)
{
        u->clean_result = 0;
        if (unit_ops(u)->reset_failed)
                unit_ops(u)->reset_failed(u);
        u->limit_count = 0;
        u->limit_begin = 0;
        u->uphold_begin = 0;
        u->start_limit_hit = false;
        unit_gc_queue(u);
        uphold_check(u);
}

/* StartLimitIntervalSec=, StartLimitBurst=: false when this start is one too many. */
static bool start_limit_ok(struct unit *u)
{
        usec_t now = now_monotonic();

        if (u->start_limit_interval == 0 || u->start_limit_burst == 0)
                return true;
        if (u->limit_begin == 0 || now >= usec_add(u->limit_begin, u->start_limit_interval)) {
                u->limit_begin = now;
                u->limit_count = 1;
                return true;
        }
        if (u->limit_count < u->start_limit_burst) {
                u->limit_count++;
                return true;
        }
        return false;
}

static void new_invocation_id(struct unit *u)
{
        uint8_t id[16];

        id128_random(id, (uintptr_t)u);
        id128_format(u->invocation_id, id);
}

/* BindsTo= with After=: the other unit must be active by now. */
static bool bound_units_active(struct unit *u)
{
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_BINDS_TO), o)
        if (unit_has_dep(u, DEP_AFTER, o) && unit_active_state(o) != UNIT_ACTIVE &&
                unit_active_state(o) != UNIT_RELOADING) {
                log_unit(u->id, LOG_NOTICE, "Bound to unit %s, but unit isn't active.", o->id);
                return false;
        }
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_REQUISITE), o)
        if (unit_has_dep(u, DEP_AFTER, o) && unit_active_state(o) != UNIT_ACTIVE &&
                unit_active_state(o) != UNIT_RELOADING) {
                log_unit(u->id, LOG_NOTICE, "Needs %s to be active already (Requisite=), but it isn't.",
                        o->id);
                return false;
        }
        return true;
}

/* A frozen unit could not do what a job asks of it. */
static void thaw(struct unit *u)
{
        if (u->freezer == FREEZER_FREEZING || u->freezer == FREEZER_FROZEN)
                (void)cgroup_freeze(u, false);
}

/* Waits for its next automatic start: one that comes before is a start like any other. */
static bool is_between_runs(struct unit *u)
{
        return u->type == UNIT_SERVICE && UNIT_CAST(service, u)->state == SVC_AUTO_RESTART;
}

int unit_start(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        if (s == UNIT_MAINTENANCE)
                return -EAGAIN;
        thaw(u);
        if (s == UNIT_ACTIVE || s == UNIT_RELOADING)
                return -EALREADY;
        if (u->load_state != UNIT_LOADED)
                return u->load_state == UNIT_MASKED ? -EBADR : -ENOEXEC;
        if (!unit_ops(u)->start)
                return -EOPNOTSUPP;
        if (s != UNIT_ACTIVATING || is_between_runs(u)) {
                if (!unit_conditions_ready(u))
                        return -EAGAIN;
                u->condition_time = now_realtime();
                u->condition_result = unit_test_conditions(u, false);
                if (!u->condition_result) {
                        log_unit(u->id, LOG_DEBUG,
                                "Starting was skipped because of a condition that is not met");
                        return -ECOMM;
                }
                u->assert_time = now_realtime();
                u->assert_result = unit_test_conditions(u, true);
                if (!u->assert_result) {
                        log_unit(u->id, LOG_ERR, "Starting failed because an assertion is not met");
                        return -EPROTO;
                }
                if (!bound_units_active(u))
                        return -ENOLINK;
                if (!start_limit_ok(u)) {
                        if (!u->start_limit_hit)
                                log_unit(u->id, LOG_WARNING, "Start request repeated too quickly");
                        u->start_limit_hit = true;
                        manager_emergency_action(u->manager, u->start_limit_action,
                                "unit was started too often", u->reboot_arg, -1);
                        if (unit_ops(u)->limit_hit)
                                unit_ops(u)->limit_hit(u);
                        return -ECANCELED;
                }
                u->start_limit_hit = false;
                new_invocation_id(u);
        }
        return unit_ops(u)->start(u);
}

int unit_stop(struct unit *u)
{
        enum active_state s;

        clean_abort(u);
        s = unit_active_state(u);
        if (s == UNIT_INACTIVE || s == UNIT_FAILED)
                return -EALREADY;
        if (!unit_ops(u)->stop)
                return -EOPNOTSUPP;
        thaw(u);
        return unit_ops(u)->stop(u);
}

int unit_reload(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        if (!unit_can_reload(u))
                return -EOPNOTSUPP;
        if (s == UNIT_RELOADING)
                return -EAGAIN;
        if (s != UNIT_ACTIVE)
                return -ENOEXEC;
        thaw(u);
        return unit_ops(u)->reload(u);
}

bool unit_unneeded(struct unit *u)
{
        if (!u->stop_when_unneeded || unit_active_state(u) != UNIT_ACTIVE || u->job)
                return false;
        UNIT_FOREACH_DEP(u,
                DEP_BIT(DEP_REQUIRED_BY) | DEP_BIT(DEP_WANTED_BY) | DEP_BIT(DEP_BOUND_BY) |
                        DEP_BIT(DEP_REQUISITE_OF) | DEP_BIT(DEP_UPHELD_BY),
                o)
        {
                enum active_state s = unit_active_state(o);

                if (o->job || (s != UNIT_INACTIVE && s != UNIT_FAILED))
                        return false;
        }
        return true;
}

void unit_cgroup_empty(struct unit *u)
{
        if (unit_ops(u)->cgroup_empty)
                unit_ops(u)->cgroup_empty(u);
}

void unit_cgroup_oom(struct unit *u)
{
        if (unit_ops(u)->cgroup_oom)
                unit_ops(u)->cgroup_oom(u, false);
}

/* ---- notify ---- */

static void set_timestamps(struct unit *u, enum active_state old, enum active_state now)
{
        usec_t t = now_monotonic();
        bool old_down = old == UNIT_INACTIVE || old == UNIT_FAILED,
             down = now == UNIT_INACTIVE || now == UNIT_FAILED;
        bool old_up = old == UNIT_ACTIVE || old == UNIT_RELOADING,
             up = now == UNIT_ACTIVE || now == UNIT_RELOADING;

        u->state_change = t;
        if (old_down && !down)
                u->inactive_exit = t;
        else if (!old_down && down)
                u->inactive_enter = t;
        if (!old_up && up)
                u->active_enter = t;
        else if (old_up && !up)
                u->active_exit = t;
}

/* Ends the job if the new state is what it was about. True: the change came without a job asking for it. */
static bool notify_job(struct unit *u, struct job *j, enum active_state now, bool reload_failed)
{
        bool down = now == UNIT_INACTIVE || now == UNIT_FAILED;

        if (j->state == JOB_WAITING) {
                job_queue_run(j); /* what it waits for may have changed */
                return true;
        }
        switch (j->type) {
        case JOB_START:
        case JOB_VERIFY_ACTIVE:
                if (now == UNIT_ACTIVE || now == UNIT_RELOADING) {
                        job_finish(j, JOB_DONE, true);
                        return false;
                }
                if (now == UNIT_ACTIVATING)
                        return false;
                if (down)
                        job_finish(j, now == UNIT_FAILED ? JOB_FAILED : JOB_DONE, true);
                return true;
        case JOB_RELOAD:
                if (now == UNIT_ACTIVE)
                        job_finish(j, reload_failed ? JOB_FAILED : JOB_DONE, true);
                else if (down)
                        job_finish(j, now == UNIT_FAILED ? JOB_FAILED : JOB_DONE, true);
                else if (now != UNIT_ACTIVATING && now != UNIT_RELOADING)
                        return true;
                return false;
        case JOB_STOP:
        case JOB_RESTART:
                if (down) {
                        job_finish(j, JOB_DONE, true);
                        return false;
                }
                if (now != UNIT_DEACTIVATING && j->type == JOB_STOP) {
                        job_finish(j, JOB_FAILED, true);
                        return true;
                }
                return false;
        default: return true;
        }
}

static int enqueue_quietly(
        struct unit *u, enum job_type t, struct unit *other, enum job_mode mode, const char *why)
{
        _cleanup_free_ char *err = NULL;
        int r;

        if (other->load_state == UNIT_STUB)
                unit_queue_load(other);
        r = manager_add_job(u->manager, t, other, mode, false, NULL, &err);
        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "%s%s: could not queue %s: %s", why, other->id,
                        job_type_to_string(t), err ?: strerror(-r));
        return r;
}

/* Deps may be added while jobs are queued, so the neighbours are gathered first. */
static void each_dep(struct unit *u, uint32_t mask, void (*fn)(struct unit *u, struct unit *other))
{
        struct unit *list[64], **all = list;
        size_t n = 0;

        if (u->n_deps > ARRAY_SIZE(list)) {
                all = calloc(u->n_deps, sizeof(*all));
                if (!all) {
                        log_oom();
                        return;
                }
        }
        UNIT_FOREACH_DEP(u, mask, o)
        all[n++] = o;
        for (size_t i = 0; i < n; i++)
                fn(u, all[i]);
        if (all != list)
                free(all);
}

/* Came up without a job: brings up what it needs, takes down what it excludes. */
static void start_needed(struct unit *u, struct unit *o)
{
        if (unit_active_state(o) != UNIT_ACTIVE && unit_active_state(o) != UNIT_ACTIVATING && !o->job &&
                !unit_has_dep(u, DEP_AFTER, o))
                enqueue_quietly(u, JOB_START, o, JOB_REPLACE, "Needs ");
}

static void stop_excluded(struct unit *u, struct unit *o)
{
        if (unit_active_state(o) == UNIT_ACTIVE || unit_active_state(o) == UNIT_ACTIVATING)
                enqueue_quietly(u, JOB_STOP, o, JOB_REPLACE, "Conflicts with ");
}

static void retroactively_start(struct unit *u)
{
        each_dep(u, DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_BINDS_TO) | DEP_BIT(DEP_WANTS), start_needed);
        each_dep(u, DEP_BIT(DEP_CONFLICTS) | DEP_BIT(DEP_CONFLICTED_BY), stop_excluded);
}

static bool unit_is_up(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        return s == UNIT_ACTIVE || s == UNIT_RELOADING || s == UNIT_ACTIVATING;
}

static void stop_bound(struct unit *u, struct unit *o)
{
        if (unit_is_up(o) && !(o->job && (o->job->type == JOB_STOP || o->job->type == JOB_RESTART)))
                o->bound_stop_due =
                        enqueue_quietly(u, JOB_STOP, o, JOB_REPLACE, "Stops with it: ") == -EEXIST;
}

/* A job that may not be replaced has held up the stop of u, and is over. */
static void retry_bound(struct unit *u)
{
        u->bound_stop_due = false;
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_BINDS_TO), o)
        if (!unit_is_up(o) && !o->job) {
                stop_bound(o, u);
                return;
        }
}

void unit_retry_bound(struct loop_deferred *d)
{
        struct manager *m = d->data;

        UNITS_FOREACH(u, m, -1)
        {
                if (u->bound_stop_due && !u->job)
                        retry_bound(u);
        }
}

static void start_on_failure(struct unit *u, struct unit *o)
{
        log_unit(u->id, LOG_INFO, "Triggering OnFailure= dependency %s", o->id);
        enqueue_quietly(u, JOB_START, o, u->on_failure_job_mode, "OnFailure=");
}

static void start_on_success(struct unit *u, struct unit *o)
{
        enqueue_quietly(u, JOB_START, o, u->on_success_job_mode, "OnSuccess=");
}

static void check_upheld(struct unit *u, struct unit *o)
{
        uphold_check(o);
}

static void tell_trigger(struct unit *u, struct unit *o)
{
        if (unit_ops(o)->trigger_notify && o->load_state == UNIT_LOADED)
                unit_ops(o)->trigger_notify(o, u);
}

static void stop_if_unneeded(struct unit *u, struct unit *o)
{
        if (unit_unneeded(o))
                enqueue_quietly(u, JOB_STOP, o, JOB_FAIL, "No longer needed: ");
}

static void collect_neighbour(struct unit *u, struct unit *o)
{
        unit_gc_queue(o);
}

/* What OnFailure= starts may need u itself, and fail with it: as often as u may be started, and no more. */
void unit_start_on_failure(struct unit *u)
{
        usec_t now = now_monotonic();

        if (u->failure_begin == 0 || now >= usec_add(u->failure_begin, u->start_limit_interval)) {
                u->failure_begin = now;
                u->failure_count = 0;
        }
        if (u->start_limit_interval > 0 && u->start_limit_burst > 0 &&
                u->failure_count++ >= u->start_limit_burst) {
                log_unit(u->id, LOG_WARNING, "Its start has failed too often; OnFailure= is left out");
                return;
        }
        each_dep(u, DEP_BIT(DEP_ON_FAILURE), start_on_failure);
}

static void notify_down(struct unit *u, enum active_state old, enum active_state now, bool will_restart)
{
        struct manager *m = u->manager;
        bool was_up = old != UNIT_INACTIVE && old != UNIT_FAILED;

        if (now == UNIT_FAILED && old != UNIT_FAILED && !will_restart) {
                m->n_failed_units++;
                if (m->service_watchdogs)
                        each_dep(u, DEP_BIT(DEP_ON_FAILURE), start_on_failure);
                manager_emergency_action(
                        m, u->failure_action, "unit failed", u->reboot_arg, u->failure_exit_status);
        }
        if (now == UNIT_INACTIVE && was_up && !will_restart) {
                each_dep(u, DEP_BIT(DEP_ON_SUCCESS), start_on_success);
                manager_emergency_action(
                        m, u->success_action, "unit succeeded", u->reboot_arg, u->success_exit_status);
        }
        each_dep(u, DEP_BIT(DEP_BOUND_BY), stop_bound);
        each_dep(u,
                DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_WANTS) | DEP_BIT(DEP_BINDS_TO) | DEP_BIT(DEP_UPHOLDS),
                stop_if_unneeded);
        uphold_check(u);
        each_dep(u, DEP_BIT(DEP_AFTER), collect_neighbour);
        unit_gc_queue(u);
}

void unit_notify_full(struct unit *u, enum active_state old, bool reload_failed, bool will_restart)
{
        struct manager *m = u->manager;
        enum active_state now = unit_active_state(u);
        bool unexpected = true;

        state_touch(u);
        if (now != old) {
                set_timestamps(u, old, now);
                bus_unit_changed(u);
        }
        control_unit_event(u);
        if (u->job)
                unexpected = notify_job(u, u->job, now, reload_failed);
        if (now != old) {
                if (unexpected && now == UNIT_ACTIVE && !m->shutting_down && m->t_units_loaded)
                        retroactively_start(u);
                if (now == UNIT_ACTIVE)
                        each_dep(u, DEP_BIT(DEP_UPHOLDS), check_upheld);
                if (now == UNIT_INACTIVE || now == UNIT_FAILED)
                        notify_down(u, old, now, will_restart);
                if (now == UNIT_ACTIVE && unit_unneeded(u))
                        enqueue_quietly(u, JOB_STOP, u, JOB_FAIL, "No longer needed: ");
        }
        each_dep(u, DEP_BIT(DEP_TRIGGERED_BY), tell_trigger);
        if (u->needs_read)
                reload_retry(u);
        if (u->watchers)
                unit_tell_watchers(u);
        manager_check_idle(m);
}

void unit_notify(struct unit *u, enum active_state old, bool reload_failed)
{
        unit_notify_full(u, old, reload_failed, false);
}
