/* daemon-reload: generators run again, the index is made again, and units whose files changed are read again.
 *
 * What changed is told by a number that each unit keeps of all that it was read from (load_hash()): its file, drop-ins,
 * .wants links, aliases. A unit that is read again keeps its live state: its processes, descriptors, timers and jobs
 * (unit_forget_config(), unit_ops.reloaded()). Not now, but as soon as they settle, come
 *     units in the middle of a transition, whose control process runs by the old configuration;
 *     running units whose file is gone, masked, or an alias of another by now: they end by what they were started with.
 * These have needs_read; a new state (reload_retry) or their next job (unit_read_again) looks at them again.
 *
 * Generators run without holding PID 1, so a reload ends later; a request that comes meanwhile gets a round of its own. */
#include "control.h"
#include "load.h"
#include "manager.h"
#include "types.h"

struct reload {
        struct manager *m;
        struct reload_waiter *now, *next; /* told at the end of this round, of the one after it */
        bool running, again;
        struct loop_deferred retry;
        uint64_t mounts; /* of the names of mount units */
};

/* ---- one unit ---- */

/* A process of it runs by what it was told at the start of this transition. */
static bool is_busy(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        if (unit_ops(u)->control_pid && unit_ops(u)->control_pid(u) > 0)
                return true;
        if (u->type == UNIT_SERVICE && UNIT_CAST(service, u)->state == SVC_AUTO_RESTART)
                return false;
        return s == UNIT_ACTIVATING || s == UNIT_DEACTIVATING || s == UNIT_RELOADING;
}

static bool has_files(struct unit *u)
{
        const struct index_entry *e = index_find(u->manager, u->id);

        return (e && (e->kind == ENTRY_FILE || e->kind == ENTRY_VIRTUAL)) || unit_ops(u)->always_loaded ||
               unit_ops(u)->can_fail_transient;
}

static bool can_read_now(struct unit *u)
{
        enum active_state s = unit_active_state(u);
        bool down = s == UNIT_INACTIVE || s == UNIT_FAILED;

        if (is_busy(u) || (u->job && u->job->state == JOB_RUNNING && !down))
                return false;
        return down || (has_files(u) && unit_ops(u)->live_offset > 0);
}

static void after_reading(struct unit *u, struct unit *old_slice)
{
        u = unit_follow_merge(u);
        if (old_slice && u->cgroup_realized) {
                u->slice = old_slice;
                (void)unit_add_dep(u, DEP_IN_SLICE, old_slice, ORIGIN_IMPLICIT);
        }
        if (unit_ops(u)->reloaded)
                unit_ops(u)->reloaded(u);
        if (u->cgroup_realized && u->load_state == UNIT_LOADED && cgroup_apply(u) < 0)
                log_unit(u->id, LOG_WARNING, "Its new resource settings could not all be written");
        unit_gc_queue(u);
}

void unit_read_again(struct unit *u)
{
        struct unit *slice = u->cgroup_realized ? u->slice : NULL;

        if (!u->needs_read || !can_read_now(u))
                return;
        u->needs_read = false;
        log_unit(u->id, LOG_DEBUG, "Its files changed; read again");
        unit_forget_config(u);
        unit_queue_load(u);
        manager_dispatch_load_queue(u->manager);
        after_reading(u, slice);
}

/* ---- all units ---- */

/* Names by links that are gone, or lead elsewhere now. */
static void drop_stale_names(struct unit *u)
{
        struct manager *m = u->manager;

        for (size_t i = 0; u->names[i];) {
                _cleanup_free_ char *real = NULL, *name = u->names[i];

                if (streq(name, u->id) || load_real_name(m, name, &real) < 0 || streq(real, u->id)) {
                        TAKE_PTR(name);
                        i++;
                        continue;
                }
                if (hash_get(&m->units, name) == u)
                        hash_del(&m->units, name);
                for (size_t k = i; u->names[k]; k++)
                        u->names[k] = u->names[k + 1];
        }
}

static uint64_t hash_mounts(struct manager *m)
{
        uint64_t h = 0;

        HASHMAP_FOREACH (e, &index_of(m)->entries)
                if (endswith(e->key, ".mount"))
                        h += hash_text(1, e->key, "");
        return h;
}

/* Mount units came or went: paths may be below others than before. */
static void refresh_mounts_for(struct unit *u)
{
        if (u->load_state != UNIT_LOADED)
                return;
        unit_drop_own_deps(u, ORIGIN_PATH);
        (void)load_exec_deps(u);
        (void)load_mounts_for(u);
}

static bool is_changed(struct unit *u)
{
        if (u->load_state == UNIT_STUB || u->load_state == UNIT_MERGED)
                return false;
        return u->needs_read || u->load_state == UNIT_ERROR || load_hash(u) != u->files_hash;
}

static int read_changed(struct reload *r)
{
        struct manager *m = r->m;
        uint64_t mounts = r->mounts;
        unsigned n = 0, later = 0;
        int k = load_index(m);

        if (k < 0)
                return log_error_errno(k, "Unit directories could not be read again: %m");
        manager_generate(m);
        r->mounts = hash_mounts(m);
        UNITS_FOREACH(u, m, -1)
        drop_stale_names(u);
        UNITS_FOREACH(u, m, -1)
        u->needs_read = is_changed(u);
        UNITS_FOREACH(u, m, -1)
        if (u->needs_read) {
                unit_read_again(u);
                n += !u->needs_read;
                later += u->needs_read;
        }
        if (mounts != r->mounts)
                UNITS_FOREACH(u, m, -1)
        refresh_mounts_for(u);
        manager_dispatch_load_queue(m);
        uphold_check_all(m);
        log_info("Reloaded: %u units read again, %u will be when they have settled", n, later);
        return 0;
}

/* ---- the whole ---- */

static void retry(struct loop_deferred *d)
{
        struct reload *r = d->data;

        UNITS_FOREACH(u, r->m, -1)
        if (u->needs_read)
                unit_read_again(u);
}

void reload_retry(struct unit *u)
{
        struct reload *r = u->manager->reload;

        if (r && !r->running)
                loop_defer(r->m->loop, &r->retry);
}

static void round_begin(struct reload *r);

static void round_end(struct reload *r, int error)
{
        struct reload_waiter *list = TAKE_PTR(r->now);

        r->running = false;
        control_simple_event(r->m, "reloading", "Active", "0");
        while (list) {
                struct reload_waiter *w = list;

                list = w->next;
                w->next = NULL;
                w->cb(w, error);
        }
        loop_defer(r->m->loop, &r->retry);
        if (r->again) {
                r->again = false;
                r->now = TAKE_PTR(r->next);
                round_begin(r);
        }
}

static void generators_done(struct manager *m)
{
        struct reload *r = m->reload;

        if (r)
                round_end(r, read_changed(r));
}

static void round_begin(struct reload *r)
{
        int k;

        r->running = true;
        control_simple_event(r->m, "reloading", "Active", "1");
        if (!r->m->test_mode)
                manager_read_config(r->m);
        k = generators_start(r->m, generators_done);
        if (k < 0) {
                log_error_errno(k, "Generators could not be run again: %m");
                generators_done(r->m);
        }
}

int manager_reload(struct manager *m, struct reload_waiter *w)
{
        struct reload *r = m->reload;

        if (!m->index || (m->generators && !(r && r->running)))
                return log_warning_errno(
                        -EBUSY, "Asked to reload before the units were read for the first time; not done");
        if (!r) {
                r = calloc(1, sizeof(*r));
                if (!r)
                        return -ENOMEM;
                r->m = m;
                r->retry = (struct loop_deferred) { .cb = retry, .data = r };
                r->mounts = hash_mounts(m);
                m->reload = r;
        }
        if (w) {
                struct reload_waiter **list = r->running ? &r->next : &r->now;

                w->next = *list;
                *list = w;
        }
        if (r->running) {
                r->again = true;
                return 0;
        }
        log_info("Reloading");
        round_begin(r);
        return 0;
}

void manager_reload_forget(struct manager *m, struct reload_waiter *w)
{
        struct reload *r = m->reload;
        struct reload_waiter **lists[] = { r ? &r->now : NULL, r ? &r->next : NULL };

        for (size_t i = 0; r && i < ARRAY_SIZE(lists); i++)
                for (struct reload_waiter **p = lists[i]; *p;)
                        if (*p == w)
                                *p = w->next;
                        else
                                p = &(*p)->next;
}

void manager_reload_free(struct manager *m)
{
        struct reload *r = m->reload;

        if (!r)
                return;
        loop_defer_cancel(m->loop, &r->retry);
        free(r);
        m->reload = NULL;
}
