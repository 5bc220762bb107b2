/* Jobs: the merge table, what may run when, running and ending. See job.h for the model. */
#include "job.h"

#include <stdio.h>

#include "control.h"
#include "manager.h"

static const char *const job_type_names[JOB_TYPE_MAX] = {
        [JOB_START] = "start",
        [JOB_VERIFY_ACTIVE] = "verify-active",
        [JOB_STOP] = "stop",
        [JOB_RELOAD] = "reload",
        [JOB_RESTART] = "restart",
        [JOB_NOP] = "nop",
        [JOB_TRY_RESTART] = "try-restart",
        [JOB_TRY_RELOAD] = "try-reload",
        [JOB_RELOAD_OR_START] = "reload-or-start",
};
static const char *const job_result_names[JOB_RESULT_MAX] = {
        [JOB_DONE] = "done",
        [JOB_CANCELED] = "canceled",
        [JOB_TIMEOUT] = "timeout",
        [JOB_FAILED] = "failed",
        [JOB_DEPENDENCY] = "dependency",
        [JOB_SKIPPED] = "skipped",
        [JOB_INVALID] = "invalid",
        [JOB_ASSERT] = "assert",
        [JOB_UNSUPPORTED] = "unsupported",
        [JOB_COLLECTED] = "collected",
        [JOB_ONCE] = "once",
};
static const char *const job_mode_names[JOB_MODE_MAX] = {
        [JOB_FAIL] = "fail",
        [JOB_REPLACE] = "replace",
        [JOB_REPLACE_IRREVERSIBLY] = "replace-irreversibly",
        [JOB_ISOLATE] = "isolate",
        [JOB_FLUSH] = "flush",
        [JOB_IGNORE_DEPENDENCIES] = "ignore-dependencies",
        [JOB_IGNORE_REQUIREMENTS] = "ignore-requirements",
        [JOB_TRIGGERING] = "triggering",
};

/* Two jobs on one unit become one; -1: they cannot be. docs/jobs.md says why, row by row. */
static const int8_t merge_table[JOB_NOP + 1][JOB_NOP + 1] = {
        /*                      start          verify             stop      reload            restart      nop */
        [JOB_START] = { JOB_START, JOB_START, -1, JOB_RELOAD_OR_START, JOB_RESTART, JOB_START },
        [JOB_VERIFY_ACTIVE] = { JOB_START, JOB_VERIFY_ACTIVE, -1, JOB_RELOAD, JOB_RESTART,
                JOB_VERIFY_ACTIVE },
        [JOB_STOP] = { -1, -1, JOB_STOP, -1, -1, JOB_STOP },
        [JOB_RELOAD] = { JOB_RELOAD_OR_START, JOB_RELOAD, -1, JOB_RELOAD, JOB_RESTART, JOB_RELOAD },
        [JOB_RESTART] = { JOB_RESTART, JOB_RESTART, -1, JOB_RESTART, JOB_RESTART, JOB_RESTART },
        [JOB_NOP] = { JOB_START, JOB_VERIFY_ACTIVE, JOB_STOP, JOB_RELOAD, JOB_RESTART, JOB_NOP },
};

static int from_names(const char *const *names, int n, const char *s)
{
        for (int i = 0; i < n; i++)
                if (streq(names[i], s))
                        return i;
        return -EINVAL;
}

const char *job_type_to_string(enum job_type t)
{
        return job_type_names[t];
}
const char *job_result_to_string(enum job_result r)
{
        return job_result_names[r];
}
const char *job_mode_to_string(enum job_mode m)
{
        return job_mode_names[m];
}
int job_type_from_string(const char *s)
{
        return from_names(job_type_names, JOB_TYPE_MAX, s);
}
int job_mode_from_string(const char *s)
{
        return from_names(job_mode_names, JOB_MODE_MAX, s);
}

int job_merge(enum job_type a, enum job_type b)
{
        if (a > JOB_NOP || b > JOB_NOP)
                return -1;
        return merge_table[a][b];
}

struct job *job_by_id(struct manager *m, uint32_t id)
{
        JOB_FOREACH(j, m)
        if (j->id == id)
                return j;
        return NULL;
}

/* ---- the run queue ---- */

void job_queue_run(struct job *j)
{
        struct manager *m = j->unit->manager;

        if (j->in_run_queue)
                return;
        j->in_run_queue = true;
        j->run_next = NULL;
        if (m->run_queue_tail)
                m->run_queue_tail->run_next = j;
        else
                m->run_queue = j;
        m->run_queue_tail = j;
        loop_defer(m->loop, &m->run_deferred);
}

static struct job *run_queue_pop(struct manager *m)
{
        struct job *j = m->run_queue;

        if (!j)
                return NULL;
        m->run_queue = j->run_next;
        if (!m->run_queue)
                m->run_queue_tail = NULL;
        j->in_run_queue = false;
        return j;
}

static void run_queue_remove(struct job *j)
{
        struct manager *m = j->unit->manager;
        struct job *prev = NULL;

        if (!j->in_run_queue)
                return;
        for (struct job *i = m->run_queue; i; prev = i, i = i->run_next) {
                if (i != j)
                        continue;
                if (prev)
                        prev->run_next = i->run_next;
                else
                        m->run_queue = i->run_next;
                if (m->run_queue_tail == i)
                        m->run_queue_tail = prev;
                break;
        }
        j->in_run_queue = false;
}

/* a is ordered against b by "a Before= b": does a have to wait for b? A stop of the later unit goes first. */
static bool before_waits(enum job_type a, enum job_type b)
{
        if (a == JOB_NOP || b == JOB_NOP)
                return false;
        return b == JOB_STOP || b == JOB_RESTART;
}

/* By "a After= b": the other side of the same rule. */
static bool after_waits(enum job_type a, enum job_type b)
{
        if (a == JOB_NOP || b == JOB_NOP)
                return false;
        return !(a == JOB_STOP || a == JOB_RESTART);
}

bool job_types_wait(enum job_type a, enum job_type b, bool a_is_after_b)
{
        return a_is_after_b ? after_waits(a, b) : before_waits(a, b);
}

static bool waits_along(const struct job *j, const struct unit_dep *d)
{
        const struct job *o = d->other->job;

        return o && ((d->types & DEP_BIT(DEP_AFTER) && after_waits(j->type, o->type)) ||
                            (d->types & DEP_BIT(DEP_BEFORE) && before_waits(j->type, o->type)));
}

bool job_waits_for(const struct job *j, const struct job *o)
{
        const struct unit *u = j->unit;

        for (size_t i = 0; !j->ignore_order && j->type != JOB_NOP && i < u->n_deps; i++)
                if (u->deps[i].other == o->unit && waits_along(j, &u->deps[i]))
                        return true;
        return false;
}

bool job_is_runnable(struct job *j)
{
        struct unit *u = j->unit;

        if (j->ignore_order || j->type == JOB_NOP)
                return true;
        /* A target with thousands of members is asked each time that one of them ends. */
        for (size_t k = 0; k < u->n_deps; k++) {
                size_t i = (j->waited_at + k) % u->n_deps;
                struct unit_dep *d = &u->deps[i];

                if (waits_along(j, d)) {
                        j->waited_at = i;
                        j->waited_for = d->other;
                        j->waited_since = now_monotonic();
                        return false;
                }
        }
        return true;
}

/* ---- running ---- */

static int job_perform(struct job *j)
{
        struct unit *u = j->unit;
        enum active_state s;

        switch (j->type) {
        case JOB_START: return unit_start(u);
        case JOB_VERIFY_ACTIVE:
                s = unit_active_state(u);
                if (s == UNIT_ACTIVE || s == UNIT_RELOADING)
                        return -EALREADY;
                return s == UNIT_ACTIVATING ? -EAGAIN : -ENOLINK;
        case JOB_STOP: return unit_stop(u);
        case JOB_RESTART: return unit_stop(u);
        case JOB_RELOAD: return unit_reload(u);
        default: return -EALREADY;
        }
}

static const struct {
        int error;
        enum job_result result;
} result_of_error[] = {
        { -EALREADY, JOB_DONE },
        { -ECOMM, JOB_DONE },
        { -EBADR, JOB_SKIPPED },
        { -ENOEXEC, JOB_INVALID },
        { -EPROTO, JOB_ASSERT },
        { -EOPNOTSUPP, JOB_UNSUPPORTED },
        { -ENOLINK, JOB_DEPENDENCY },
        { -ESTALE, JOB_ONCE },
};

static void job_run(struct job *j)
{
        struct unit *u = j->unit;
        struct manager *m = u->manager;
        uint32_t id = j->id;
        enum job_result result = JOB_FAILED;
        int r;

        if (j->state == JOB_WAITING && u->needs_read)
                unit_read_again(u);
        if (j->state == JOB_RUNNING || !job_is_runnable(j))
                return;
        j->state = JOB_RUNNING;
        state_touch(u);
        m->n_running_jobs++;
        j->began = now_monotonic();
        if (j->type == JOB_START && u->inactive_exit == 0 && j->waited_for && !u->wait_reason)
                u->wait_reason = strdup(j->waited_for->id);
        r = job_perform(j);
        /* The job may have ended, or have been replaced, within the call. */
        if (u->job != j || j->id != id)
                return;
        if (r >= 0) {
                job_arm(j);
                return;
        }
        if (r == -EAGAIN) {
                m->n_running_jobs--;
                j->state = JOB_WAITING; /* looked at again when the unit's state changes */
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(result_of_error); i++)
                if (result_of_error[i].error == r)
                        result = result_of_error[i].result;
        job_finish(j, result, true);
}

#define RUN_BURST 20000

void manager_dispatch_run_queue(struct manager *m)
{
        struct job *j;

        for (unsigned n = 0; n < RUN_BURST && (j = run_queue_pop(m)); n++)
                job_run(j);
        if (m->run_queue) /* others want their turn too */
                loop_defer(m->loop, &m->run_deferred);
        ring_flush(m);
        manager_check_idle(m);
}

/* ---- ending ---- */

static void wake_neighbours(struct unit *u)
{
        for (size_t i = 0; i < u->n_deps; i++) {
                struct job *o = u->deps[i].other->job;

                if (o && o->state == JOB_WAITING &&
                        u->deps[i].types & (DEP_BIT(DEP_BEFORE) | DEP_BIT(DEP_AFTER)))
                        job_queue_run(o);
        }
}

static void fail_dependents(struct unit *u, enum job_type type)
{
        uint32_t mask = type == JOB_STOP ? DEP_BIT(DEP_CONFLICTED_BY)
                                         : DEP_BIT(DEP_REQUIRED_BY) | DEP_BIT(DEP_REQUISITE_OF) |
                                                   DEP_BIT(DEP_BOUND_BY);

        uint32_t newest = u->manager->next_job_id;

        for (size_t i = 0; i < u->n_deps; i++) {
                struct job *o = u->deps[i].other->job;

                /* what OnFailure= has queued meanwhile is tried for itself */
                if (!(u->deps[i].types & mask) || !o || o->id > newest ||
                        (o->type != JOB_START && o->type != JOB_VERIFY_ACTIVE))
                        continue;
                log_unit(o->unit->id, LOG_ERR, "Dependency failed: %s needs %s", o->unit->id, u->id);
                job_finish(o, JOB_DEPENDENCY, true);
                i = (size_t)-1; /* the list may have changed; jobs that have ended are gone, so this ends too */
        }
}

void job_free(struct job *j)
{
        struct manager *m = j->unit->manager;

        state_touch(j->unit);
        run_queue_remove(j);
        loop_timer_cancel(m->loop, &j->timer);
        m->n_running_jobs -= j->state == JOB_RUNNING;
        if (j->prev)
                j->prev->next = j->next;
        else
                m->jobs_by_id = j->next;
        if (j->next)
                j->next->prev = j->prev;
        if (j->unit->job == j)
                j->unit->job = NULL;
        m->n_jobs--;
        free(j);
}

static void tell_waiters(struct job *j, enum job_result result)
{
        while (j->waiters) {
                struct job_waiter *w = j->waiters;

                j->waiters = w->next;
                w->next = NULL;
                w->cb(w, j, result);
        }
}

void job_finish(struct job *j, enum job_result result, bool recursive)
{
        struct unit *u = j->unit;
        struct manager *m = u->manager;
        enum job_type type = j->type;

        if (result == JOB_DONE && type == JOB_RESTART) {
                j->type = JOB_START;
                m->n_running_jobs -= j->state == JOB_RUNNING;
                j->state = JOB_WAITING;
                job_queue_run(j);
                wake_neighbours(u);
                return;
        }
        if (result == JOB_DONE && type == JOB_RELOAD)
                u->markers &= ~(unsigned)MARKED_RELOAD;
        else if (result == JOB_DONE && (type == JOB_START || type == JOB_STOP))
                u->markers = 0;
        manager_status_job(m, j, result);
        control_job_event(m, j, true, result);
        bus_job_ended(m, j, result);
        m->n_jobs_done++;
        if (result != JOB_DONE && result != JOB_SKIPPED)
                m->n_jobs_failed++;
        tell_waiters(j, result);
        job_free(j);

        if (result == JOB_TIMEOUT || result == JOB_DEPENDENCY)
                unit_start_on_failure(u);
        if (result == JOB_TIMEOUT)
                manager_emergency_action(
                        m, u->job_timeout_action, "job timed out", u->job_timeout_reboot_arg, -1);
        if (recursive && result != JOB_DONE && result != JOB_SKIPPED &&
                (type == JOB_START || type == JOB_VERIFY_ACTIVE || type == JOB_STOP))
                fail_dependents(u, type);
        wake_neighbours(u);
        unit_gc_queue(u);
        uphold_check(u);
        if (u->bound_stop_due)
                loop_defer(m->loop, &m->bound_deferred);
        manager_check_idle(m);
}

void manager_clear_jobs(struct manager *m)
{
        while (m->jobs_by_id)
                job_finish(m->jobs_by_id, JOB_CANCELED, false);
}

static void job_timer(struct loop_timer *t)
{
        struct job *j = t->data;

        log_unit(j->unit->id, LOG_WARNING, "Timed out waiting for %s (job %s)", unit_description(j->unit),
                job_type_to_string(j->type));
        if (unit_ops(j->unit)->job_timed_out)
                unit_ops(j->unit)->job_timed_out(j->unit);
        job_finish(j, JOB_TIMEOUT, true);
}

void job_arm(struct job *j)
{
        struct unit *u = j->unit;
        usec_t when = usec_add(j->created, u->job_timeout);

        if (j->state == JOB_RUNNING)
                when = MIN(when, usec_add(j->began, u->job_running_timeout));
        if (when != USEC_INFINITY)
                (void)loop_timer_set(u->manager->loop, &j->timer, when);
}

struct job *job_new(struct unit *u, enum job_type t)
{
        struct manager *m = u->manager;
        struct job *j = calloc(1, sizeof(*j));

        if (!j)
                return NULL;
        j->id = ++m->next_job_id;
        j->type = t;
        j->unit = u;
        j->created = now_monotonic();
        j->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = job_timer, .data = j };
        j->next = m->jobs_by_id;
        if (j->next)
                j->next->prev = j;
        m->jobs_by_id = j;
        m->n_jobs++;
        u->job = j;
        control_job_event(m, j, false, 0);
        state_touch(u);
        job_arm(j);
        return j;
}
