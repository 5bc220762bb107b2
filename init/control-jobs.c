/* Verbs that queue jobs, and the wait for their ends.
 *
 * A request for n units makes up to n jobs. Each gives a record "Unit=… Job=… Type=…" when it is queued, or
 * "Unit=… Error=ERRNO Message=…" when it was refused; with the option "wait" a second record "Unit=… Job=…
 * Result=…" when it has ended, and END only then. Waiters hang on the jobs; a client that goes takes its waiters off. */
#include <signal.h>

#include "control.h"
#include "names.h"
#include "table.h"

struct wait {
        struct job_waiter w;
        struct job *job;
        struct wait_group *group;
        struct wait *next;
};

/* A unit that the group waits for besides jobs: until it has ended, or its cgroup is frozen or thawed. */
struct unit_wait {
        struct unit_watcher w;
        struct unit *unit;
        struct wait_group *group;
        bool (*is_done)(struct unit *u);
        bool tell_end;
        struct unit_wait *next;
};

struct wait_group {
        struct client *client;
        struct request r; /* id only */
        struct wait *waits;
        struct unit_wait *units;
        struct reload_waiter reload;
        bool complete; /* all jobs are queued */
        char *ids;     /* after a re-execution, until the jobs are there */
        int error;
        char *message;
        struct wait_group *next;
};

static void group_free(struct wait_group *g)
{
        manager_reload_forget(g->r.m, &g->reload);
        for (struct wait_group **p = client_waits(g->client); *p; p = &(*p)->next)
                if (*p == g) {
                        *p = g->next;
                        break;
                }
        free(g->message);
        free(g->ids);
        free(g);
}

static void group_check(struct wait_group *g)
{
        if (!g->complete || g->waits || g->units)
                return;
        control_end(g->client, g->r.id, g->error, g->message);
        group_free(g);
}

int control_wait_new(struct request *r, struct wait_group **ret)
{
        struct wait_group *g = calloc(1, sizeof(*g));

        if (!g)
                return -ENOMEM;
        g->client = r->client;
        g->r = (struct request) { .client = r->client, .m = r->m, .id = r->id };
        g->next = *client_waits(r->client);
        *client_waits(r->client) = g;
        *ret = g;
        return 0;
}

/* ---- units ---- */

static void tell_end(struct wait_group *g, struct unit *u)
{
        static char *keys[] = { (char *)"Id", (char *)"Result", (char *)"ActiveState",
                (char *)"ExecMainCode", (char *)"ExecMainStatus", (char *)"CPUUsageNSec",
                (char *)"IPIngressBytes", (char *)"IPEgressBytes", (char *)"IOReadBytes",
                (char *)"IOWriteBytes", (char *)"InactiveExitTimestampMonotonic",
                (char *)"InactiveEnterTimestampMonotonic", NULL };
        struct record rec;

        record_begin(&rec, &g->r);
        record_only(&rec, keys);
        show_unit(&rec, u);
        rec.only = NULL;
        record_add(&rec, "Ended", "yes");
        record_send(&rec);
}

static void unit_wait_drop(struct unit_wait *w)
{
        for (struct unit_wait **p = &w->group->units; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        unit_remove_watcher(w->unit, &w->w);
        free(w);
}

static void unit_changed(struct unit_watcher *uw, struct unit *u)
{
        struct unit_wait *w = CONTAINER_OF(uw, struct unit_wait, w);
        struct wait_group *g = w->group;

        if (!w->is_done(u))
                return;
        if (w->tell_end)
                tell_end(g, u);
        unit_wait_drop(w);
        group_check(g);
}

static int wait_unit(struct wait_group *g, struct unit *u, bool (*is_done)(struct unit *u), bool tell)
{
        struct unit_wait *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        *w = (struct unit_wait) { .w.cb = unit_changed,
                .unit = u,
                .group = g,
                .is_done = is_done,
                .tell_end = tell,
                .next = g->units };
        g->units = w;
        unit_add_watcher(u, &w->w);
        unit_changed(&w->w, u);
        return 0;
}

/* A unit that is down and has a start job is about to come up. */
static bool has_ended(struct unit *u)
{
        return unit_has_ended(u) && !u->job;
}

static bool is_settled(struct unit *u)
{
        return u->freezer == FREEZER_RUNNING || u->freezer == FREEZER_FROZEN;
}

int control_wait_end(struct wait_group *g, struct unit *u)
{
        return wait_unit(g, u, has_ended, true);
}

int control_wait_freezer(struct wait_group *g, struct unit *u)
{
        return wait_unit(g, u, is_settled, false);
}

static bool is_clean(struct unit *u)
{
        return !u->clean;
}

int control_wait_clean(struct wait_group *g, struct unit *u)
{
        return wait_unit(g, u, is_clean, false);
}

/* ---- jobs ---- */

static void job_ended(struct job_waiter *jw, struct job *j, enum job_result result)
{
        struct wait *w = jw->data;
        struct wait_group *g = w->group;
        struct record rec;

        record_begin(&rec, &g->r);
        record_add(&rec, "Unit", j->unit->id);
        record_addf(&rec, "Job", "%u", j->id);
        record_add(&rec, "Result", job_result_to_string(result));
        record_send(&rec);
        for (struct wait **p = &g->waits; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        free(w);
        /* a start that never left the ground: nothing else will tell */
        for (struct unit_wait *uw = g->units, *next; uw; uw = next) {
                next = uw->next;
                if (uw->tell_end && uw->unit == j->unit && unit_has_ended(j->unit) &&
                        (result != JOB_DONE || j->type != JOB_START)) {
                        tell_end(g, j->unit);
                        unit_wait_drop(uw);
                }
        }
        group_check(g);
}

int control_wait_add(struct wait_group *g, struct job *j)
{
        struct wait *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->w = (struct job_waiter) { .cb = job_ended, .data = w, .next = j->waiters };
        j->waiters = &w->w;
        w->job = j;
        w->group = g;
        w->next = g->waits;
        g->waits = w;
        return 0;
}

void control_wait_done(struct wait_group *g, int error, const char *message)
{
        g->error = error;
        g->message = message ? strdup(message) : NULL;
        g->complete = true;
        group_check(g);
}

static void reload_ended(struct reload_waiter *w, int error)
{
        struct wait_group *g = CONTAINER_OF(w, struct wait_group, reload);

        control_wait_done(g, error, error < 0 ? "Reading the unit files again failed; see the log." : NULL);
}

int control_wait_reload(struct request *r)
{
        struct wait_group *g;
        int k = control_wait_new(r, &g);

        if (k < 0)
                return k;
        g->reload.cb = reload_ended;
        k = manager_reload(r->m, &g->reload);
        if (k < 0)
                group_free(g);
        return k < 0 ? k : CONTROL_LATER;
}

/* ---- over a re-execution ---- */

void control_wait_serialise(struct client *c, int fd, struct state_out *s)
{
        for (struct wait_group *g = *client_waits(c); g; g = g->next) {
                _cleanup_strbuf_ struct strbuf b = { 0 };

                strbuf_printf(&b, "%d %u", fd, g->r.id);
                for (struct wait *w = g->waits; w; w = w->next)
                        strbuf_printf(&b, " %u", w->job->id);
                state_put(s, "client-wait", b.s);
        }
}

void control_wait_deserialise(struct client *c, const char *value)
{
        struct request r = { .client = c, .m = client_manager(c) };
        struct wait_group *g;
        char *rest;

        r.id = (uint32_t)strtoul(value, &rest, 10);
        if (control_wait_new(&r, &g) < 0 || !(g->ids = strdup(rest)))
                log_oom();
}

/* A job that has ended while nobody looked is not told of; END comes all the same. */
void control_wait_restored(struct client *c)
{
        for (struct wait_group *g = *client_waits(c), *next; g; g = next) {
                _cleanup_strv_ char **ids = g->ids ? strv_split(g->ids, " ") : NULL;

                next = g->next;
                FOREACH_STR (id, ids) {
                        struct job *j = job_by_id(g->r.m, (uint32_t)strtoul(*id, NULL, 10));

                        if (j)
                                (void)control_wait_add(g, j);
                }
                control_wait_done(g, 0, NULL);
        }
}

void control_wait_drop_client(struct client *c)
{
        while (*client_waits(c)) {
                struct wait_group *g = *client_waits(c);

                while (g->waits) {
                        struct wait *w = g->waits;

                        for (struct job_waiter **p = &w->job->waiters; *p; p = &(*p)->next)
                                if (*p == &w->w) {
                                        *p = w->w.next;
                                        break;
                                }
                        g->waits = w->next;
                        free(w);
                }
                while (g->units)
                        unit_wait_drop(g->units);
                group_free(g);
        }
}

/* ---- start, stop … ---- */

static const struct {
        const char *verb;
        enum job_type type, cannot_reload;
} job_verbs[] = {
        { "start", JOB_START, JOB_START },
        { "isolate", JOB_START, JOB_START },
        { "start-transient", JOB_START, JOB_START },
        { "stop", JOB_STOP, JOB_STOP },
        { "restart", JOB_RESTART, JOB_RESTART },
        { "try-restart", JOB_TRY_RESTART, JOB_TRY_RESTART },
        { "reload", JOB_RELOAD, JOB_RELOAD },
        { "reload-or-restart", JOB_RELOAD_OR_START, JOB_RESTART },
        { "try-reload-or-restart", JOB_TRY_RELOAD, JOB_TRY_RESTART },
};

static enum job_type job_type_for(const char *verb, struct unit *u)
{
        for (size_t i = 0; i < ARRAY_SIZE(job_verbs); i++)
                if (streq(job_verbs[i].verb, verb))
                        return unit_can_reload(u) ? job_verbs[i].type : job_verbs[i].cannot_reload;
        return JOB_START;
}

static void tell_refusal(struct request *r, const char *name, int error, const char *message)
{
        struct record rec;

        record_begin(&rec, r);
        record_add(&rec, "Unit", name);
        record_addf(&rec, "Error", "%d", -error);
        record_add(&rec, "Message", message);
        record_send(&rec);
}

static void tell_job(struct request *r, struct unit *u, struct job *j)
{
        struct record rec;

        record_begin(&rec, r);
        record_add(&rec, "Unit", u->id);
        if (j) {
                record_addf(&rec, "Job", "%u", j->id);
                record_add(&rec, "Type", job_type_to_string(j->type));
        } else
                record_add(&rec, "Result", "done"); /* nothing to do */
        if (u->n_problems > 0)
                record_addf(&rec, "Problems", "%u", u->n_problems);
        record_add(&rec, "NeedDaemonReload", unit_needs_reload(u) ? "yes" : "no");
        record_send(&rec);
}

static int queue_job(
        struct request *r, enum job_type type, struct unit *u, enum job_mode mode, struct wait_group *g)
{
        _cleanup_free_ char *error = NULL;
        struct job *j = NULL;
        int k = -ENOENT;

        if (type == JOB_STOP && u->load_state == UNIT_NOT_FOUND && unit_active_state(u) == UNIT_INACTIVE)
                error = str_printf("Unit %s not loaded.", u->id);
        else
                k = manager_add_job(r->m, type, u, mode, true, &j, &error);
        if (k < 0) {
                tell_refusal(r, u->id, k, error ?: strerror(-k));
                return k;
        }
        tell_job(r, unit_follow_merge(u), j);
        return j && g ? control_wait_add(g, j) : 0;
}

/* One unit's job. 0, or the error that its record told. */
int control_queue_job(struct request *r, struct unit *u, enum job_mode mode, struct wait_group *g)
{
        return queue_job(r, job_type_for(request_verb(r), u), u, mode, g);
}

int control_job_mode(struct request *r, enum job_mode *ret)
{
        const char *s = request_option(r, "mode");
        int mode = JOB_REPLACE;

        if (s) {
                mode = job_mode_from_string(s);
                if (mode < 0)
                        return request_fail(r, -EINVAL, "Unknown job mode '%.64s'.", s);
        }
        if (streq(request_verb(r), "isolate"))
                mode = JOB_ISOLATE;
        *ret = (enum job_mode)mode;
        return 0;
}

int verb_job(struct request *r)
{
        struct wait_group *g = NULL;
        enum job_mode mode;
        int k = control_job_mode(r, &mode), first = 0;

        if (k < 0)
                return k;
        if (request_flag(r, "wait")) {
                k = control_wait_new(r, &g);
                if (k < 0)
                        return k;
        }
        FOREACH_STR (name, r->args) {
                struct unit *u;

                k = unit_load_by_name(r->m, *name, &u);
                if (k < 0)
                        tell_refusal(r, *name, k, k == -EINVAL ? "not a unit name" : strerror(-k));
                else
                        k = control_queue_job(r, u, mode, g);
                if (first == 0)
                        first = MIN(k, 0);
        }
        if (!g)
                return first;
        control_wait_done(g, first, NULL);
        return CONTROL_LATER;
}

/* Jobs for what was marked (Markers=): a restart, or a reload where that will do. */
int verb_enqueue_marked(struct request *r)
{
        _cleanup_strv_ char **marked = NULL;
        struct wait_group *g = NULL;
        int first = 0, k = request_flag(r, "wait") ? control_wait_new(r, &g) : 0;

        UNITS_FOREACH(u, r->m, -1)
        if (u->markers && k >= 0)
                k = strv_add(&marked, u->id);
        if (k < 0)
                first = k;
        FOREACH_STR (name, marked) {
                struct unit *u = unit_find(r->m, *name);
                bool reload = u && !(u->markers & MARKED_RESTART) && unit_can_reload(u);

                if (u)
                        k = queue_job(r, reload ? JOB_TRY_RELOAD : JOB_TRY_RESTART, u, JOB_REPLACE, g);
                if (first == 0)
                        first = MIN(k, 0);
        }
        if (!g)
                return first;
        control_wait_done(g, first, NULL);
        return CONTROL_LATER;
}

/* ---- the rest ---- */

int verb_cancel(struct request *r)
{
        if (!r->args || !*r->args) {
                manager_clear_jobs(r->m);
                return 0;
        }
        FOREACH_STR (a, r->args) {
                struct job *j;
                uint32_t id;

                if (parse_u32(*a, &id) < 0)
                        return request_fail(r, -EINVAL, "'%.32s' is not the number of a job.", *a);
                j = job_by_id(r->m, id);
                if (!j)
                        return request_fail(r, -ENOENT, "Job %u does not exist.", id);
                job_finish(j, JOB_CANCELED, true);
        }
        return 0;
}

static int kill_unit(struct unit *u, const char *who, int sig)
{
        if (unit_ops(u)->kill)
                return unit_ops(u)->kill(u, who, sig);
        if (!streq(who, "all") || !u->cgroup_realized)
                return -ESRCH;
        return cgroup_kill(u, sig, 0, 0) > 0 ? 0 : -ESRCH;
}

int verb_kill(struct request *r)
{
        const char *s = request_option(r, "signal") ?: "TERM", *who = request_option(r, "who") ?: "all";
        int sig = signal_number(s), first = 0;

        if (sig < 0)
                return request_fail(r, -EINVAL, "'%.32s' is not a signal.", s);
        if (!streq(who, "all") && !streq(who, "main") && !streq(who, "control"))
                return request_fail(r, -EINVAL, "'%.32s' is not one of all, main, control.", who);
        FOREACH_STR (name, r->args) {
                struct unit *u = unit_find(r->m, *name);
                int k = u ? kill_unit(u, who, sig) : -ENOENT;

                if (k < 0)
                        tell_refusal(r, *name, k,
                                k == -ENOENT  ? "Unit not loaded."
                                : k == -ESRCH ? "No such process."
                                              : strerror(-k));
                if (first == 0)
                        first = MIN(k, 0);
        }
        return first;
}

int verb_reset_failed(struct request *r)
{
        if (!r->args || !*r->args) {
                UNITS_FOREACH(u, r->m, -1)
                unit_reset_failed(u);
                return 0;
        }
        FOREACH_STR (name, r->args) {
                struct unit *u = unit_find(r->m, *name);

                if (!u)
                        return request_fail(r, -ENOENT, "Unit %s not loaded.", *name);
                unit_reset_failed(u);
        }
        return 0;
}
