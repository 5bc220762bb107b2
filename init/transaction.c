/* Transactions: from one wish to the set of jobs that it needs, verified whole before anything changes.
 *
 * 1. gather     the job, and what its unit requires (start), what needs it (stop), what it excludes
 * 2. merge      jobs on one unit become one by job.c's table; of two that cannot, the one that the anchor does not
 *               need goes; what is already so goes with all that only it asked for
 * 3. check      against the jobs that are already installed (fail, replace-irreversibly)
 * 4. order      transaction-order.c: cycles are broken
 * 5. install
 *
 * A wanted unit that cannot be started is left out with what it pulled in; a required one fails the whole. */
#include <stdio.h>

#include "manager.h"
#include "transaction.h"

static void tr_done(struct transaction *tr)
{
        for (struct tjob *t = tr->jobs, *n; t; t = n) {
                n = t->next;
                free(t);
        }
        for (size_t i = 0; i < tr->n_links; i++)
                free(tr->all_links[i]);
        free(tr->all_links);
        free(tr->error);
        hash_done(&tr->by_unit);
}

int tr_fail(struct transaction *tr, int err, const char *fmt, ...)
{
        va_list ap;
        _cleanup_free_ char *s = NULL;

        va_start(ap, fmt);
        if (vasprintf(&s, fmt, ap) < 0)
                s = NULL;
        va_end(ap);
        if (!tr->error)
                tr->error = TAKE_PTR(s);
        return err;
}

static struct tjob *tr_first(struct transaction *tr, struct unit *u)
{
        return hash_get(&tr->by_unit, u->id);
}

struct tjob *tr_only(struct transaction *tr, struct unit *u)
{
        struct tjob *t = tr_first(tr, u);

        while (t && t->deleted)
                t = t->unit_next;
        return t;
}

static int tr_link(struct transaction *tr, struct tjob *by, struct tjob *job, bool matters)
{
        struct tlink *l;

        if (!by)
                return 0;
        if (tr->n_links == tr->cap_links) {
                size_t cap = tr->cap_links ? tr->cap_links * 2 : 256;
                struct tlink **n = reallocarray(tr->all_links, cap, sizeof(*n));

                if (!n)
                        return -ENOMEM;
                tr->all_links = n;
                tr->cap_links = cap;
        }
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        *l = (struct tlink) { .by = by,
                .job = job,
                .matters = matters,
                .next_of_job = job->needed_by,
                .next_of_by = by->needs };
        job->needed_by = by->needs = l;
        tr->all_links[tr->n_links++] = l;
        return 0;
}

static struct tjob *tr_find(struct transaction *tr, struct unit *u, enum job_type type)
{
        for (struct tjob *t = tr_first(tr, u); t; t = t->unit_next)
                if (t->type == type && !t->deleted)
                        return t;
        return NULL;
}

/* Leaves a job out, with those that cannot be without it. */
static void tr_delete(struct tjob *t)
{
        if (t->deleted)
                return;
        t->deleted = true;
        for (struct tlink *l = t->needed_by; l; l = l->next_of_job)
                if (l->matters)
                        tr_delete(l->by);
}

/* ---- 1. gather ---- */

int tr_get(struct transaction *tr, enum job_type type, struct unit *u, struct tjob **ret, bool *ret_new)
{
        struct tjob *t = tr_find(tr, u, type);
        int r;

        if (t) {
                *ret = t;
                *ret_new = false;
                return 0;
        }
        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (struct tjob) { .u = u, .type = type, .next = tr->jobs, .unit_next = tr_first(tr, u) };
        r = hash_put(&tr->by_unit, u->id, t);
        if (r < 0) {
                free(t);
                return r;
        }
        tr->jobs = t;
        *ret = t;
        *ret_new = true;
        return 0;
}

static int check_load_state(struct transaction *tr, enum job_type type, struct unit *u)
{
        if (type == JOB_STOP)
                return 0;
        switch (u->load_state) {
        case UNIT_LOADED:
                if (u->needs_read &&
                        load_is_masked(u)) /* it runs on by what it was started with, but no further */
                        return tr_fail(tr, -ERFKILL, "Unit %s is masked.", u->id);
                return 0;
        case UNIT_MASKED: return tr_fail(tr, -ERFKILL, "Unit %s is masked.", u->id);
        case UNIT_BAD_SETTING:
                return tr_fail(tr, -ENOEXEC, "Unit %s has a bad setting: %s", u->id,
                        u->load_error ?: "see its files");
        case UNIT_ERROR:
                return tr_fail(tr, -EIO, "Unit %s could not be read: %s", u->id, u->load_error ?: "error");
        default: return tr_fail(tr, -ENOENT, "Unit %s not found.", u->id);
        }
}

/* try-restart and the like become what they are by the unit's state. */
static enum job_type collapse(enum job_type type, struct unit *u)
{
        enum active_state s = unit_active_state(u);
        bool up = s == UNIT_ACTIVE || s == UNIT_RELOADING || s == UNIT_ACTIVATING;

        switch (type) {
        case JOB_TRY_RESTART: return up ? JOB_RESTART : JOB_NOP;
        case JOB_TRY_RELOAD: return up ? JOB_RELOAD : JOB_NOP;
        case JOB_RELOAD_OR_START: return up ? JOB_RELOAD : JOB_START;
        default: return type;
        }
}

static int tr_add(struct transaction *tr, enum job_type type, struct unit *u, struct tjob *by, bool matters,
        struct tjob **ret);

struct pull {
        enum dep_type dep;
        enum job_type type;
        bool required;
};
/* What a start pulls in, what a stop and a restart pull in. */
static const struct pull start_pulls[] = {
        { DEP_REQUIRES, JOB_START, true },
        { DEP_BINDS_TO, JOB_START, true },
        { DEP_WANTS, JOB_START, false },
        { DEP_UPHOLDS, JOB_START, false },
        { DEP_REQUISITE, JOB_VERIFY_ACTIVE, true },
        { DEP_IN_SLICE, JOB_START, true },
        { DEP_CONFLICTS, JOB_STOP, true },
        { DEP_CONFLICTED_BY, JOB_STOP, false },
};
static const struct pull stop_pulls[] = {
        { DEP_REQUIRED_BY, JOB_STOP, true },
        { DEP_REQUISITE_OF, JOB_STOP, true },
        { DEP_BOUND_BY, JOB_STOP, true },
        { DEP_CONSISTS_OF, JOB_STOP, true },
        { DEP_PROPAGATES_STOP_TO, JOB_STOP, true },
};
static const struct pull restart_pulls[] = {
        { DEP_REQUIRED_BY, JOB_TRY_RESTART, true },
        { DEP_BOUND_BY, JOB_TRY_RESTART, true },
        { DEP_REQUISITE_OF, JOB_TRY_RESTART, true },
        { DEP_CONSISTS_OF, JOB_TRY_RESTART, true },
};
/* Mode triggering: of the unit that is asked for, and no further. */
static const struct pull triggering_pulls[] = { { DEP_TRIGGERED_BY, JOB_STOP, true } };
static const struct pull reload_pulls[] = { { DEP_PROPAGATES_RELOAD_TO, JOB_TRY_RELOAD, false } };

static bool nothing_to_stop(struct transaction *tr, struct unit *o)
{
        enum active_state s = unit_active_state(o);

        return (s == UNIT_INACTIVE || s == UNIT_FAILED) && !o->job && !tr_only(tr, o);
}

static bool can_be_stopped(const struct unit *u)
{
        return unit_ops(u)->stop && !u->perpetual;
}

/* A file says that they cannot both be up, and the other one stays. */
static bool excludes_for_good(struct unit *u, enum dep_type dep, struct unit *o)
{
        uint32_t origin = 0;

        if ((dep != DEP_CONFLICTS && dep != DEP_CONFLICTED_BY) || can_be_stopped(o))
                return false;
        (void)unit_dep_types(u, o, &origin);
        return origin & ORIGIN_FILE;
}

static int tr_pull(struct transaction *tr, struct tjob *t, const struct pull *p, struct unit *o)
{
        _cleanup_free_ char *saved = NULL;
        struct tjob *other, *stop = NULL;
        int r;

        if (p->type == JOB_STOP && nothing_to_stop(tr, o))
                return 0;
        if (excludes_for_good(t->u, p->dep, o))
                return tr_fail(tr, -EOPNOTSUPP,
                        "Unit %s conflicts with %s, which runs and cannot be stopped.", t->u->id, o->id);
        if (p->dep == DEP_CONFLICTED_BY && (other = tr_find(tr, o, JOB_START))) {
                /* it looked for us when nothing was to be stopped yet */
                r = tr_add(tr, JOB_STOP, t->u, other, true, &stop);
                if (r >= 0 && stop)
                        stop->excluded = true;
                return r == -ENOMEM ? r : 0;
        }
        r = tr_add(tr, p->type, o, t, p->required && p->dep != DEP_CONFLICTED_BY, &stop);
        if (r >= 0 && stop && p->dep == DEP_CONFLICTS)
                stop->excluded = true;
        if (r >= 0 || r == -ENOMEM)
                return r;
        if (!p->required || p->dep == DEP_CONFLICTS) {
                /* a wish that cannot be granted */
                log_unit(t->u->id, r == -ENOENT || r == -ERFKILL ? LOG_DEBUG : LOG_WARNING,
                        "%s=%s left out: %s", dep_to_string(p->dep), o->id, tr->error ?: strerror(-r));
                saved = TAKE_PTR(tr->error);
                return 0;
        }
        return r;
}

static int tr_pull_all(struct transaction *tr, struct tjob *t, const struct pull *p, size_t n)
{
        struct unit *u = t->u;

        for (size_t k = 0; k < n; k++)
                /* by index: loading may add edges while we walk */
                for (size_t i = 0; i < u->n_deps; i++) {
                        int r;

                        if (!(u->deps[i].types & DEP_BIT(p[k].dep)))
                                continue;
                        r = tr_pull(tr, t, &p[k], u->deps[i].other);
                        if (r < 0)
                                return r;
                }
        return 0;
}

static int tr_pull_for(struct transaction *tr, struct tjob *t)
{
        int r = 0;

        if (tr->mode == JOB_IGNORE_DEPENDENCIES || tr->mode == JOB_IGNORE_REQUIREMENTS)
                return 0;
        if (t->type == JOB_START || t->type == JOB_RESTART)
                r = tr_pull_all(tr, t, start_pulls, ARRAY_SIZE(start_pulls));
        if (r >= 0 && t->type == JOB_STOP)
                r = tr_pull_all(tr, t, stop_pulls, ARRAY_SIZE(stop_pulls));
        if (r >= 0 && tr->mode == JOB_TRIGGERING && t == tr->anchor)
                r = tr_pull_all(tr, t, triggering_pulls, ARRAY_SIZE(triggering_pulls));
        if (r >= 0 && t->type == JOB_RESTART)
                r = tr_pull_all(tr, t, restart_pulls, ARRAY_SIZE(restart_pulls));
        if (r >= 0 && t->type == JOB_RELOAD)
                r = tr_pull_all(tr, t, reload_pulls, ARRAY_SIZE(reload_pulls));
        return r;
}

static int tr_add(struct transaction *tr, enum job_type type, struct unit *u, struct tjob *by, bool matters,
        struct tjob **ret)
{
        struct tjob *t;
        bool fresh;
        int r;

        if (u->load_state == UNIT_STUB) {
                unit_queue_load(u);
                manager_dispatch_load_queue(tr->m);
        }
        u = unit_follow_merge(u);
        r = check_load_state(tr, type, u);
        if (r < 0)
                return r;
        if (type == JOB_STOP && !can_be_stopped(u))
                return by ? 0 : tr_fail(tr, -EOPNOTSUPP, "Unit %s cannot be stopped.", u->id);
        type = collapse(type, u);
        if (type == JOB_NOP && by)
                return 0;
        if (type == JOB_RELOAD && by && !unit_can_reload(u))
                return 0;
        r = tr_get(tr, type, u, &t, &fresh);
        if (r < 0)
                return r;
        t->ignore_order = tr->mode == JOB_IGNORE_DEPENDENCIES;
        if (!tr->anchor)
                tr->anchor = t;
        r = tr_link(tr, by, t, matters);
        if (r < 0)
                return r;
        if (ret)
                *ret = t;
        if (!fresh)
                return 0;
        if (tr->depth > 12000)
                return tr_fail(tr, -ELOOP, "Unit %s: requirements nested deeper than 12000.", u->id);
        tr->depth++;
        r = tr_pull_for(tr, t);
        tr->depth--;
        if (r < 0)
                tr_delete(t);
        return r;
}

/* isolate: everything that is not wanted is stopped. */
static int tr_add_isolate(struct transaction *tr)
{
        UNITS_FOREACH(u, tr->m, -1)
        {
                int r;

                if (u->ignore_on_isolate || u->perpetual)
                        continue;
                if (tr_only(tr, u) || !unit_ops(u)->stop || nothing_to_stop(tr, u))
                        continue;
                r = tr_add(tr, JOB_STOP, u, tr->anchor, false, NULL);
                if (r == -ENOMEM)
                        return r;
        }
        return 0;
}

/* ---- 2. merge ---- */

static void mark_matters(struct tjob *t)
{
        if (t->matters || t->deleted)
                return;
        t->matters = true;
        for (struct tlink *l = t->needs; l; l = l->next_of_by)
                if (l->matters && !l->job->deleted)
                        mark_matters(l->job);
}

static int merge_unit(struct transaction *tr, struct tjob *first)
{
        struct tjob *keep = NULL;

        for (struct tjob *t = first; t; t = t->unit_next) {
                int type;

                if (t->deleted)
                        continue;
                if (!keep) {
                        keep = t;
                        continue;
                }
                type = job_merge(keep->type, t->type);
                if (type >= 0) {
                        keep->type = collapse(type, keep->u);
                        keep->matters |= t->matters;
                        /* who needed t needs keep now */
                        for (struct tlink *l = t->needed_by; l; l = l->next_of_job)
                                if (tr_link(tr, l->by, keep, l->matters) < 0)
                                        return -ENOMEM;
                        /* and keep needs what t needed */
                        for (struct tlink *l = t->needs; l; l = l->next_of_by)
                                if (tr_link(tr, keep, l->job, l->matters) < 0)
                                        return -ENOMEM;
                        t->deleted = true;
                        continue;
                }
                if (keep->matters && t->matters)
                        return tr_fail(tr, -EDEADLK,
                                "Transaction contains conflicting jobs '%s' and '%s' for %s.",
                                job_type_to_string(keep->type), job_type_to_string(t->type), keep->u->id);
                /* What is needed stays. Of two that are not, it is the start, unless the unit that conflicts is to be
                 * started: systemd.unit(5), Conflicts=. */
                if (t->matters ||
                        (!keep->matters && (t->type == JOB_STOP ? t->excluded : !keep->excluded))) {
                        struct tjob *drop = keep;

                        keep = t;
                        tr_delete(drop);
                } else
                        tr_delete(t);
        }
        return 0;
}

static void mark_reached(struct tjob *t)
{
        if (t->reached || t->deleted)
                return;
        t->reached = true;
        for (struct tlink *l = t->needs; l; l = l->next_of_by)
                mark_reached(l->job);
}

/* Jobs that only a job that was left out had asked for go with it. */
static void tr_drop_unreached(struct transaction *tr)
{
        for (struct tjob *t = tr->jobs; t; t = t->next)
                t->reached = false;
        mark_reached(tr->anchor);
        for (struct tjob *t = tr->jobs; t; t = t->next)
                t->deleted |= !t->reached;
}

static bool any_matters(struct transaction *tr, struct unit *u)
{
        for (const struct tjob *t = tr_first(tr, u); t; t = t->unit_next)
                if (!t->deleted && t->matters)
                        return true;
        return false;
}

/* Nothing would happen: the unit is already so, and no job on it says otherwise. */
static bool redundant(const struct tjob *t)
{
        enum active_state s = unit_active_state(t->u);

        if (t->u->job)
                return false;
        switch (t->type) {
        case JOB_START:
        case JOB_VERIFY_ACTIVE: return s == UNIT_ACTIVE || s == UNIT_RELOADING;
        case JOB_STOP: return s == UNIT_INACTIVE || s == UNIT_FAILED;
        case JOB_NOP: return true;
        default: return false;
        }
}

/* A unit that is needed and up already is left alone: what it wants is not started again because of that, only when it is
 * asked for itself. Who isolates a target wants all of it: logins after the emergency shell, though getty.target was up. */
static void tr_drop_redundant(struct transaction *tr)
{
        for (struct tjob *t = tr->jobs; t && tr->mode != JOB_ISOLATE; t = t->next)
                t->deleted |= t != tr->anchor && redundant(t);
        tr_drop_unreached(tr);
}

static int tr_merge(struct transaction *tr)
{
        tr_drop_unreached(tr);
        mark_matters(tr->anchor);
        /* First where one is needed: that may take jobs away of which others would have to give way. */
        for (int needed = 1; needed >= 0; needed--)
                for (struct tjob *t = tr->jobs; t; t = t->next) {
                        int r;

                        if (t->deleted || (tr_first(tr, t->u) == t && !t->unit_next) ||
                                (needed && !any_matters(tr, t->u)))
                                continue;
                        r = merge_unit(tr, tr_first(tr, t->u));
                        if (r < 0)
                                return r;
                }
        if (tr->anchor->deleted) { /* merged into another on its unit, or lost */
                struct tjob *t = tr_only(tr, tr->anchor->u);

                if (!t)
                        return tr_fail(tr, -EDEADLK, "The job on %s conflicts with what it needs.",
                                tr->anchor->u->id);
                tr->anchor = t;
        }
        tr_drop_redundant(tr);
        return 0;
}

/* ---- 3. check, 5. install ---- */

static int tr_check(struct transaction *tr)
{
        for (struct tjob *t = tr->jobs; t; t = t->next) {
                struct job *j = t->u->job;

                if (t->deleted || !j || job_merge(j->type, t->type) >= 0)
                        continue;
                if (j->irreversible && tr->mode != JOB_FLUSH)
                        return tr_fail(tr, -EEXIST, "Unit %s has a %s job queued that may not be replaced.",
                                t->u->id, job_type_to_string(j->type));
                if (tr->mode == JOB_FAIL)
                        return tr_fail(tr, -EEXIST, "Unit %s has a conflicting %s job queued.", t->u->id,
                                job_type_to_string(j->type));
        }
        return 0;
}

static int install_one(struct transaction *tr, struct tjob *t, struct job **ret)
{
        struct job *j = t->u->job;
        int type = j ? job_merge(j->type, t->type) : (int)t->type;

        if (j && type >= 0 && (j->state == JOB_WAITING || type == (int)j->type)) {
                j->type = collapse(type, t->u);
                job_queue_run(j);
        } else {
                if (j)
                        job_finish(j, JOB_CANCELED, false);
                j = job_new(t->u, t->type);
                if (!j)
                        return -ENOMEM;
                j->ignore_order = t->ignore_order;
                job_queue_run(j);
                tr->m->n_installed_jobs++;
        }
        j->irreversible |= tr->mode == JOB_REPLACE_IRREVERSIBLY;
        if (ret)
                *ret = j;
        return 0;
}

static bool tr_has(struct transaction *tr, struct unit *u)
{
        const struct tjob *t = tr_only(tr, u);

        return t && !t->installed;
}

static int tr_install(struct transaction *tr, struct job **ret_job)
{
        struct job *anchor = NULL;

        if (tr->mode == JOB_ISOLATE || tr->mode == JOB_FLUSH) {
                JOB_FOREACH(j, tr->m)
                if (!tr_has(tr, j->unit) && !j->unit->ignore_on_isolate)
                        job_finish(j, JOB_CANCELED, false);
        }
        for (struct tjob *t = tr->jobs; t; t = t->next) {
                struct job *j = NULL;
                int r;

                if (t->deleted || t->installed || redundant(t))
                        continue;
                r = install_one(tr, t, &j);
                if (r < 0)
                        return r;
                if (t == tr->anchor)
                        anchor = j;
        }
        if (ret_job)
                *ret_job = anchor;
        return 0;
}

static int tr_run(struct transaction *tr, enum job_type t, struct unit *u, struct job **ret_job)
{
        int r = tr_add(tr, t, u, NULL, true, NULL);

        if (r >= 0 && tr->mode == JOB_ISOLATE)
                r = tr_add_isolate(tr);
        if (r >= 0)
                r = tr_merge(tr);
        if (r >= 0)
                r = tr_check(tr);
        if (r >= 0)
                r = tr_order(tr); /* drops edges for good: only once nothing else can refuse */
        if (r >= 0)
                r = tr_install(tr, ret_job);
        return r;
}

int manager_add_job(struct manager *m, enum job_type t, struct unit *u, enum job_mode mode, bool manual,
        struct job **ret_job, char **ret_error)
{
        _cleanup_(tr_done) struct transaction tr = { .m = m, .mode = mode };
        int r = 0;

        unit_queue_load(u);
        manager_dispatch_load_queue(m);
        u = unit_follow_merge(u);
        if (manual && t != JOB_STOP && u->refuse_manual_start)
                r = tr_fail(&tr, -EPERM, "Unit %s may be started by dependencies only (RefuseManualStart=).",
                        u->id);
        else if (manual && (t == JOB_STOP || t == JOB_RESTART) && u->refuse_manual_stop)
                r = tr_fail(&tr, -EPERM, "Unit %s may be stopped by dependencies only (RefuseManualStop=).",
                        u->id);
        else if (mode == JOB_ISOLATE && (t != JOB_START || (manual && !u->allow_isolate)))
                r = tr_fail(&tr, -EPERM, "Unit %s may not be isolated (AllowIsolate=).", u->id);
        else if (mode == JOB_TRIGGERING && t != JOB_STOP)
                r = tr_fail(&tr, -EINVAL, "Job mode triggering is for stop only.");
        else if (t == JOB_RELOAD && !unit_can_reload(u))
                r = tr_fail(&tr, -EOPNOTSUPP, "Unit %s cannot be reloaded.", u->id);
        if (r >= 0)
                r = tr_run(&tr, t, u, ret_job);
        if (r < 0 && ret_error)
                *ret_error = TAKE_PTR(tr.error);
        return r;
}

int manager_add_job_by_name(struct manager *m, enum job_type t, const char *name, enum job_mode mode,
        struct job **ret_job, char **ret_error)
{
        struct unit *u;
        int r = unit_load_by_name(m, name, &u);

        if (r < 0)
                return r;
        return manager_add_job(m, t, u, mode, false, ret_job, ret_error);
}
