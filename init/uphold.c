/* Upholds=: while a unit is up, what it upholds is started whenever that is down and has no job, whatever the reason: a
 * stop, a failure, a start that ended before it began (what it needs could not be started, a condition was not met).
 *
 * Nothing depends on having seen how it went down. A unit is looked at when its state has changed, when a job of it
 * has ended, when who upholds it has come up, after a reload, after a re-execution; then once more when it may be
 * started again: as often as its own StartLimitBurst= and StartLimitIntervalSec= allow, once a second without them. */
#include "job.h"
#include "manager.h"

static bool is_down(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        return s == UNIT_INACTIVE || s == UNIT_FAILED;
}

/* A unit that is up, and is to stay so, upholds it. */
static struct unit *upholder(struct unit *u)
{
        UNIT_FOREACH_DEP(u, DEP_BIT(DEP_UPHELD_BY), o)
        if (unit_active_state(o) == UNIT_ACTIVE && !(o->job && o->job->type == JOB_STOP))
                return o;
        return NULL;
}

void uphold_check(struct unit *u)
{
        struct manager *m = u->manager;

        if (m->shutting_down || u->job || !is_down(u) || !upholder(u))
                return;
        u->uphold_due = true;
        loop_defer(m->loop, &m->uphold_deferred);
}

void uphold_check_all(struct manager *m)
{
        UNITS_FOREACH(u, m, -1)
        uphold_check(u);
}

/* When it may be started: 0, now; else the end of the interval in which it was started as often as it may be. */
static usec_t may_start_at(struct unit *u)
{
        bool limited = u->start_limit_interval > 0 && u->start_limit_burst > 0;
        usec_t now = now_monotonic(), interval = limited ? u->start_limit_interval : USEC_PER_SEC;
        unsigned burst = limited ? u->start_limit_burst : 1;

        if (u->uphold_begin == 0 || now >= usec_add(u->uphold_begin, interval)) {
                u->uphold_begin = now;
                u->uphold_count = 0;
        }
        return u->uphold_count < burst ? 0 : usec_add(u->uphold_begin, interval);
}

/* Starts what is due; the time at which to look at it again, USEC_INFINITY: never by itself. */
static usec_t uphold(struct unit *u)
{
        struct unit *o = u->job || !is_down(u) ? NULL : upholder(u);
        _cleanup_free_ char *err = NULL;
        usec_t when;
        int r;

        if (o && u->load_state == UNIT_STUB) {
                unit_queue_load(u);
                manager_dispatch_load_queue(u->manager);
        }
        if (!o || u->manager->shutting_down || u->load_state != UNIT_LOADED) {
                u->uphold_due = false;
                return USEC_INFINITY;
        }
        when = may_start_at(u);
        if (when > 0)
                return when;
        u->uphold_count++;
        r = manager_add_job(u->manager, JOB_START, u, JOB_FAIL, false, NULL, &err);
        if (r < 0) {
                log_unit_errno(u->id, LOG_WARNING, r, "%s upholds it, but its start cannot be queued: %s",
                        o->id, err ?: strerror(-r));
                return usec_add(now_monotonic(), USEC_PER_SEC);
        }
        u->uphold_due = false; /* its job's end tells */
        return USEC_INFINITY;
}

void uphold_dispatch(struct loop_deferred *d)
{
        struct manager *m = d->data;
        usec_t next = USEC_INFINITY;

        UNITS_FOREACH(u, m, -1)
        {
                if (u->uphold_due)
                        next = MIN(next, uphold(u));
        }
        (void)loop_timer_set(m->loop, &m->uphold_timer, next);
}

void uphold_timer(struct loop_timer *t)
{
        struct manager *m = t->data;

        loop_defer(m->loop, &m->uphold_deferred);
}
