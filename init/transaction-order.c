/* Ordering cycles of a transaction: found depth first along "waits for", and broken by dropping the least important
 * ordering edge. It is always the same one: once there is a cycle, the search goes by the units' names. The units'
 * status says which. */
#include <stdio.h>

#include "manager.h"
#include "transaction.h"

/* Does a wait for b, by this edge of a's? */
static bool tr_waits(const struct transaction *tr, const struct tjob *a, const struct unit_dep *d,
        const struct tjob *b, bool *ret_after)
{
        enum job_type x = tr->starting && a->type == JOB_RESTART ? JOB_START : a->type,
                      y = tr->starting && b->type == JOB_RESTART ? JOB_START : b->type;

        if (d->types & DEP_BIT(DEP_AFTER) && job_types_wait(x, y, true)) {
                *ret_after = true;
                return true;
        }
        if (d->types & DEP_BIT(DEP_BEFORE) && job_types_wait(x, y, false)) {
                *ret_after = false;
                return true;
        }
        return false;
}

/* How much is lost when "a waits for b" is dropped: the smallest on the cycle goes. */
static int edge_weight(const struct tjob *a, const struct tjob *b)
{
        uint32_t origin = 0, types = unit_dep_types(a->u, b->u, &origin);
        uint32_t needs = DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_BINDS_TO) | DEP_BIT(DEP_REQUISITE);
        int w = 0;

        if (types & (needs | needs << 1))
                w += 8;
        else if (types & (DEP_BIT(DEP_WANTS) | DEP_BIT(DEP_WANTED_BY)))
                w += 4;
        if (origin & (ORIGIN_IMPLICIT | ORIGIN_DEFAULT | ORIGIN_PATH))
                w += 2;
        if (a->u->vendor && b->u->vendor)
                w += 16; /* what the distribution ships works without the local unit */
        return w;
}

static void describe_cycle(struct strbuf *b, struct tjob *start)
{
        for (struct tjob *t = start; t; t = t->path_next) {
                strbuf_printf(b, "%s → ", t->u->id);
                if (t->path_next == start)
                        break;
        }
        strbuf_puts(b, start->u->id);
}

/* The path from `start` closes on itself: drops the lightest edge; equal ones by name, so it is always the same. */
static void break_cycle(struct tjob *start)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        struct tjob *best = NULL;
        int best_w = INT_MAX;
        bool after;

        for (struct tjob *t = start;;) {
                int w = edge_weight(t, t->path_next);

                if (w < best_w || (w == best_w && strcmp(t->u->id, best->u->id) < 0)) {
                        best = t;
                        best_w = w;
                }
                t = t->path_next;
                if (t == start)
                        break;
        }
        describe_cycle(&b, start);
        after = unit_dep_types(best->u, best->path_next->u, NULL) & DEP_BIT(DEP_AFTER);
        strbuf_printf(
                &b, "; dropped: %s %s=%s", best->u->id, after ? "After" : "Before", best->path_next->u->id);
        log_unit(best->u->id, LOG_WARNING, "Ordering cycle: %s", b.s ?: "");
        if (strv_addf(&best->u->dropped, "%s=%s", after ? "After" : "Before", best->path_next->u->id) < 0)
                log_oom();
        (void)str_replace(&best->u->dropped_edges, b.s);
        (void)str_replace(&best->path_next->u->dropped_edges, b.s);
        unit_drop_dep(best->u, after ? DEP_AFTER : DEP_BEFORE, best->path_next->u);
        if (best->u->job) /* it may have waited for just this */
                job_queue_run(best->u->job);
}

/* What the unit will have a job of: a new one, or one that is there and stays. NULL: none. */
static struct tjob *tr_node(struct transaction *tr, struct unit *u)
{
        struct tjob *t = tr_only(tr, u);
        bool goes = (tr->mode == JOB_ISOLATE || tr->mode == JOB_FLUSH) && !u->ignore_on_isolate, fresh;

        if (t || !u->job || u->job->ignore_order || u->job->type > JOB_NOP || goes)
                return t;
        if (tr_get(tr, u->job->type, u, &t, &fresh) < 0)
                return NULL;
        t->installed = true;
        return t;
}

static int visit(struct transaction *tr, struct tjob *t);

/* Goes on along one edge of t's. */
static int visit_edge(struct transaction *tr, struct tjob *t, const struct unit_dep *d)
{
        struct tjob *o = tr_node(tr, d->other);
        bool after;

        if (!o || o->ignore_order || o->color == 2 || !tr_waits(tr, t, d, o, &after))
                return 0;
        t->path_next = o;
        if (o->color == 0)
                return visit(tr, o);
        if (tr->by_name)
                break_cycle(o);
        return 1;
}

static int compare_edges(const void *a, const void *b)
{
        return strcmp(((const struct unit_dep *)a)->other->id, ((const struct unit_dep *)b)->other->id);
}

static int visit_by_name(struct transaction *tr, struct tjob *t)
{
        size_t n = t->u->n_deps;
        _cleanup_free_ struct unit_dep *deps = n ? calloc(n, sizeof(*deps)) : NULL;
        int r = 0;

        if (!deps)
                return n ? -ENOMEM : 0;
        memcpy(deps, t->u->deps, n * sizeof(*deps));
        qsort(deps, n, sizeof(*deps), compare_edges);
        for (size_t i = 0; i < n && r == 0; i++)
                r = visit_edge(tr, t, &deps[i]);
        return r;
}

/* Depth first along "waits for". 1: there is a cycle (by_name: and one edge of it was dropped); look again. */
static int visit(struct transaction *tr, struct tjob *t)
{
        int r = 0;

        t->color = 1;
        if (tr->by_name)
                r = visit_by_name(tr, t);
        else
                for (size_t i = 0; i < t->u->n_deps && r == 0; i++)
                        r = visit_edge(tr, t, &t->u->deps[i]);
        if (r != 0)
                return r;
        t->color = 2;
        t->path_next = NULL;
        return 0;
}

static int compare_jobs(const void *a, const void *b)
{
        return strcmp((*(struct tjob *const *)a)->u->id, (*(struct tjob *const *)b)->u->id);
}

static int tr_sort_by_name(struct transaction *tr)
{
        _cleanup_free_ struct tjob **all = NULL;
        struct tjob **link = &tr->jobs;
        size_t n = 0, i = 0;

        for (const struct tjob *t = tr->jobs; t; t = t->next)
                n++;
        all = calloc(n, sizeof(struct tjob *));
        if (!all)
                return -ENOMEM;
        for (struct tjob *t = tr->jobs; t; t = t->next)
                all[i++] = t;
        qsort(all, n, sizeof(struct tjob *), compare_jobs);
        for (i = 0; i < n; i++) {
                *link = all[i];
                link = &all[i]->next;
        }
        *link = NULL;
        return 0;
}

static int tr_order_phase(struct transaction *tr, bool starting)
{
        tr->starting = starting;
        tr->by_name = false;
        for (unsigned round = 0; round < 10000; round++) {
                int r = 0;

                for (struct tjob *t = tr->jobs; t; t = t->next)
                        t->color = t->color == 2 && round ? 2 : 0;
                for (struct tjob *t = tr->jobs; t && r == 0; t = t->next)
                        if (!t->deleted && t->color == 0 && !t->ignore_order)
                                r = visit(tr, t);
                if (r <= 0)
                        return r;
                tr->by_name = true;
                r = tr_sort_by_name(tr);
                if (r < 0)
                        return r;
        }
        return tr_fail(tr, -EDEADLK, "Too many ordering cycles.");
}

/* A restart waits as a stop first, and then as a start. */
int tr_order(struct transaction *tr)
{
        int r = tr_order_phase(tr, false);

        return r < 0 ? r : tr_order_phase(tr, true);
}
