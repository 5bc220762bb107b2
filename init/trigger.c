/* What timers and paths share: the unit that they start, its job, and when it is down again. */
#include "manager.h"
#include "types.h"

static void job_ended(struct job_waiter *w, struct job *j, enum job_result r)
{
        struct job_watch *watch = CONTAINER_OF(w, struct job_watch, w);

        watch->job = NULL;
        loop_defer(j->unit->manager->loop, watch->recheck);
}

static void unwatch(struct job_watch *watch)
{
        if (watch->job)
                for (struct job_waiter **p = &watch->job->waiters; *p; p = &(*p)->next)
                        if (*p == &watch->w) {
                                *p = watch->w.next;
                                break;
                        }
        watch->job = NULL;
}

int trigger_start(struct unit *u, const char *name, struct job_watch *watch, struct loop_deferred *recheck)
{
        _cleanup_free_ char *err = NULL;
        struct job *j = NULL;
        int r = manager_add_job_by_name(u->manager, JOB_START, name, JOB_REPLACE, &j, &err);

        unwatch(watch);
        if (r < 0)
                return log_unit_errno(
                        u->id, LOG_WARNING, r, "Could not start %s: %s", name, err ?: strerror(-r));
        watch->recheck = recheck;
        if (j) {
                watch->job = j;
                watch->w = (struct job_waiter) { .cb = job_ended, .next = j->waiters };
                j->waiters = &watch->w;
        } else
                loop_defer(u->manager->loop, recheck);
        return 0;
}

void trigger_forget(struct unit *u, struct job_watch *watch, struct loop_deferred *recheck)
{
        unwatch(watch);
        loop_defer_cancel(u->manager->loop, recheck);
}

bool trigger_is_down(struct unit *u, const char *name)
{
        struct unit *o = unit_find(u->manager, name);
        enum active_state s = o ? unit_active_state(o) : UNIT_INACTIVE;

        return (s == UNIT_INACTIVE || s == UNIT_FAILED) && !(o && o->job && o->job->type != JOB_STOP);
}

static int add_defaults(struct unit *u, const char *target)
{
        const struct {
                enum dep_type t;
                const char *name;
        } deps[] = {
                { DEP_BEFORE, target },
                { DEP_AFTER, "sysinit.target" },
                { DEP_REQUIRES, "sysinit.target" },
                { DEP_CONFLICTS, "shutdown.target" },
                { DEP_BEFORE, "shutdown.target" },
        };
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(deps) && r >= 0; i++)
                r = unit_add_dep_by_name(u, deps[i].t, deps[i].name, ORIGIN_DEFAULT);
        return r;
}

int trigger_load(struct unit *u, char **name, const char *target)
{
        int r = *name ? 0 : unit_name_change_suffix(u->id, "service", name);

        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_BEFORE, *name, ORIGIN_IMPLICIT);
        if (r >= 0)
                r = unit_add_dep_by_name(u, DEP_TRIGGERS, *name, ORIGIN_IMPLICIT);
        return r < 0 || u->default_dependencies_off ? MIN(r, 0) : add_defaults(u, target);
}
