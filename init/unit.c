/* Units as objects: making, naming, merging, collecting. What a unit does is in unit-run.c, its edges in dep.c.
 *
 * Every name of a unit is a key of manager->units. A unit is made as a stub by whoever first mentions it; it is read
 * from disk only when something could start it (unit_queue_load), so an After= on a unit that nobody wants costs no
 * file. Two units that turn out to be one (an alias) are merged: the edges move, the names move, and the loser stays
 * as UNIT_MERGED until the collector finds nobody pointing at it. */
#include "clean.h"

#include <stdio.h>

#include "control.h"
#include "job.h"
#include "manager.h"
#include "transient.h"
#include "types.h"

const struct unit_ops *const unit_ops_table[UNIT_TYPE_MAX] = {
        [UNIT_SERVICE] = &service_ops,
        [UNIT_SOCKET] = &socket_ops,
        [UNIT_DEVICE] = &device_ops,
        [UNIT_MOUNT] = &mount_ops,
        [UNIT_AUTOMOUNT] = &automount_ops,
        [UNIT_SWAP] = &swap_ops,
        [UNIT_TARGET] = &target_ops,
        [UNIT_PATH] = &path_ops,
        [UNIT_TIMER] = &timer_ops,
        [UNIT_SLICE] = &slice_ops,
        [UNIT_SCOPE] = &scope_ops,
};

static const char *const load_state_names[LOAD_STATE_MAX] = {
        [UNIT_STUB] = "stub",
        [UNIT_LOADED] = "loaded",
        [UNIT_NOT_FOUND] = "not-found",
        [UNIT_BAD_SETTING] = "bad-setting",
        [UNIT_ERROR] = "error",
        [UNIT_MERGED] = "merged",
        [UNIT_MASKED] = "masked",
};
static const char *const active_state_names[ACTIVE_STATE_MAX] = {
        [UNIT_ACTIVE] = "active",
        [UNIT_RELOADING] = "reloading",
        [UNIT_INACTIVE] = "inactive",
        [UNIT_FAILED] = "failed",
        [UNIT_ACTIVATING] = "activating",
        [UNIT_DEACTIVATING] = "deactivating",
        [UNIT_MAINTENANCE] = "maintenance",
};

const char *load_state_to_string(enum load_state s)
{
        return load_state_names[s];
}

const char *active_state_to_string(enum active_state s)
{
        return active_state_names[s];
}

static void *at_offset(struct unit *u, size_t offset)
{
        return offset ? (char *)u + offset : NULL;
}

struct exec_context *unit_exec(struct unit *u)
{
        return at_offset(u, unit_ops(u)->exec_offset);
}

struct kill_context *unit_kill_context(struct unit *u)
{
        return at_offset(u, unit_ops(u)->kill_offset);
}

struct cgroup_context *unit_cgroup_context(struct unit *u)
{
        return at_offset(u, unit_ops(u)->cgroup_offset);
}

static void set_cgroup_defaults(const struct unit *u, struct cgroup_context *c)
{
        const struct manager *m = u->manager;

        cgroup_context_init(c);
        c->cpu_accounting = m->default_cpu_accounting;
        c->io_accounting = m->default_io_accounting;
        c->memory_accounting = m->default_memory_accounting && u->type != UNIT_SLICE;
        c->tasks_accounting = m->default_tasks_accounting;
        c->ip_accounting = m->default_ip_accounting;
}

static void set_config_defaults(struct unit *u)
{
        struct manager *m = u->manager;

        u->on_failure_job_mode = JOB_REPLACE;
        u->on_success_job_mode = JOB_FAIL;
        u->job_timeout = u->job_running_timeout = USEC_INFINITY;
        u->failure_exit_status = u->success_exit_status = -1;
        u->start_limit_interval = m->default_start_limit_interval;
        u->start_limit_burst = m->default_start_limit_burst;
        if (unit_exec(u))
                exec_context_init(unit_exec(u));
        if (unit_exec(u) && m->default_oom_score != OOM_SCORE_UNSET) {
                unit_exec(u)->oom_score_adjust = m->default_oom_score;
                unit_exec(u)->oom_set = true;
        }
        if (unit_kill_context(u))
                kill_context_init(unit_kill_context(u));
        if (unit_cgroup_context(u))
                set_cgroup_defaults(u, unit_cgroup_context(u));
        if (unit_ops(u)->init)
                unit_ops(u)->init(u);
}

static void set_live_defaults(struct unit *u)
{
        u->cgroup_fd = u->cgroup_wd = u->oom_wd = -1;
        u->condition_result = u->assert_result = -1;
        if (unit_ops(u)->init_live)
                unit_ops(u)->init_live(u);
}

static void free_config(struct unit *u)
{
        char **const lists[] = { u->documentation, u->dropin_paths, u->unsupported, u->requires_mounts_for,
                u->wanted_by, u->required_by, u->aliases, u->also };
        char *const strings[] = { u->description, u->fragment_path, u->source_path, u->load_error,
                u->job_timeout_reboot_arg, u->reboot_arg, u->default_instance };

        if (unit_ops(u)->forget)
                unit_ops(u)->forget(u);
        if (unit_exec(u))
                exec_context_done(unit_exec(u));
        if (unit_cgroup_context(u))
                cgroup_context_done(unit_cgroup_context(u));
        condition_free_list(u->conditions);
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
                strv_free(lists[i]);
        for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
                free(strings[i]);
}

/* A slice that the unit's processes are in stays its slice until they are gone. */
static void forget_slice(struct unit *u)
{
        if (u->cgroup_realized)
                return;
        u->slice = NULL;
        free(u->cgroup_path);
        u->cgroup_path = NULL;
}

void unit_forget_config(struct unit *u)
{
        size_t live = unit_ops(u)->live_offset, from = offsetof(struct unit, description);
        bool perpetual = u->perpetual;

        if (live == 0 && unit_ops(u)->done)
                unit_ops(u)->done(u);
        free_config(u);
        memset((char *)u + from, 0, offsetof(struct unit, deps) - from);
        memset((char *)u + sizeof(struct unit), 0, (live ? live : unit_ops(u)->size) - sizeof(struct unit));
        unit_drop_own_deps(u, ORIGIN_FILE | ORIGIN_IMPLICIT | ORIGIN_DEFAULT | ORIGIN_PATH);
        forget_slice(u);
        u->load_state = UNIT_STUB;
        set_config_defaults(u);
        if (live == 0 && unit_ops(u)->init_live)
                unit_ops(u)->init_live(u);
        u->perpetual |= perpetual;
}

static int unit_new(struct manager *m, const char *name, struct unit **ret)
{
        int type = unit_type_from_name(name);
        struct unit *u;
        int r;

        if (type < 0)
                return type;
        u = calloc(1, unit_ops_table[type]->size);
        if (!u)
                return -ENOMEM;
        u->manager = m;
        u->type = type;
        u->id = strdup(name);
        if (!u->id || strv_add(&u->names, name) < 0) {
                strv_free(u->names);
                free(u->id);
                free(u);
                return -ENOMEM;
        }
        r = hash_put(&m->units, u->names[0], u);
        if (r < 0) {
                strv_free(u->names);
                free(u->id);
                free(u);
                return r;
        }
        if (unit_name_is_instance(name))
                (void)unit_name_instance(name, &u->instance);
        set_config_defaults(u);
        set_live_defaults(u);
        control_simple_event(m, "unit-new", "Id", u->id);
        *ret = u;
        return 0;
}

struct unit *unit_follow_merge(struct unit *u)
{
        while (u && u->load_state == UNIT_MERGED)
                u = u->merged_into;
        return u;
}

struct unit *unit_find(struct manager *m, const char *name)
{
        return unit_follow_merge(hash_get(&m->units, name));
}

int unit_get(struct manager *m, const char *name, struct unit **ret)
{
        struct unit *u;

        if (!unit_name_valid(name, false))
                return -EINVAL;
        u = unit_find(m, name);
        if (!u) {
                int r = unit_new(m, name, &u);

                if (r < 0)
                        return r;
        }
        *ret = u;
        return 0;
}

void unit_queue_load(struct unit *u)
{
        struct manager *m = u->manager;

        if (u->in_load_queue || u->load_state != UNIT_STUB)
                return;
        u->in_load_queue = true;
        u->load_next = m->load_queue;
        m->load_queue = u;
}

void manager_dispatch_load_queue(struct manager *m)
{
        while (m->load_queue || m->fresh_targets) {
                struct unit *u = m->load_queue;

                if (!u) { /* all that they pull in is read now */
                        u = m->fresh_targets;
                        m->fresh_targets = u->fresh_next;
                        u->fresh_next = NULL;
                        u->in_fresh_targets = false;
                        target_order_after_members(u);
                        continue;
                }
                m->load_queue = u->load_next;
                u->load_next = NULL;
                u->in_load_queue = false;
                if (u->load_state != UNIT_STUB)
                        continue;
                unit_load(u);
                u = unit_follow_merge(u); /* default.target is multi-user.target by now */
                if (u->type == UNIT_TARGET && u->load_state == UNIT_LOADED && !u->in_fresh_targets) {
                        u->in_fresh_targets = true;
                        u->fresh_next = m->fresh_targets;
                        m->fresh_targets = u;
                }
        }
}

struct unit **manager_units(struct manager *m, int type)
{
        struct unit **list = calloc(m->units.n + 1, sizeof(*list));
        size_t n = 0;

        if (!list) {
                log_oom();
                return NULL;
        }
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if ((type < 0 || (int)u->type == type) && u->load_state != UNIT_MERGED &&
                        e->key == u->names[0])
                        list[n++] = u;
        }
        return list;
}

int unit_load_by_name(struct manager *m, const char *name, struct unit **ret)
{
        struct unit *u;
        int r = unit_get(m, name, &u);

        if (r < 0)
                return r;
        if (u->load_state == UNIT_NOT_FOUND || u->load_state == UNIT_STUB)
                load_look_again(u);
        unit_queue_load(u);
        manager_dispatch_load_queue(m);
        *ret = u = unit_follow_merge(u);
        if (u->load_state == UNIT_NOT_FOUND) /* it was asked for, and is no more: when this turn is over */
                unit_gc_queue(u);
        return 0;
}

/* Does freeing or merging it lose anything that runs? */
static bool unit_is_live(struct unit *u)
{
        return u->job || (u->load_state != UNIT_STUB && u->load_state != UNIT_NOT_FOUND &&
                                 unit_active_state(u) != UNIT_INACTIVE);
}

int unit_merge(struct unit *u, struct unit *other)
{
        other = unit_follow_merge(other);
        u = unit_follow_merge(u);
        if (other == u)
                return 0;
        if (u->type != other->type)
                return -EINVAL;
        if (unit_is_live(other) || other->perpetual)
                return -EEXIST;

        for (size_t i = 0; i < other->n_deps; i++) {
                struct unit_dep d = other->deps[i];

                for (int t = 0; t < DEP_MAX; t++) {
                        if (d.own & DEP_BIT(t))
                                (void)unit_add_dep(u, t, d.other, d.origin);
                        else if (d.types & DEP_BIT(t))
                                (void)unit_add_dep(d.other, dep_inverse(t), u, d.origin);
                }
        }
        unit_drop_all_deps(other);

        FOREACH_STR (n, other->names) {
                char *copy;

                if (strv_contains(u->names, *n) || strv_add(&u->names, *n) < 0)
                        continue;
                copy = u->names[strv_len(u->names) - 1];
                (void)hash_put(&u->manager->units, copy, u);
        }
        if (strv_extend(&u->refs, other->refs) < 0)
                log_oom();
        strv_reset(&other->refs);
        other->load_state = UNIT_MERGED;
        other->merged_into = u;
        unit_gc_queue(other);
        return 0;
}

int unit_add_name(struct unit *u, const char *name)
{
        struct unit *other = unit_find(u->manager, name);
        int r;

        if (other == u)
                return 0;
        if (other) {
                r = unit_merge(u, other);
                if (r < 0)
                        return r;
                if (strv_contains(u->names, name))
                        return 0;
        }
        if (unit_type_from_name(name) != (int)u->type)
                return -EINVAL;
        r = strv_add(&u->names, name);
        if (r < 0)
                return r;
        r = hash_put(&u->manager->units, u->names[strv_len(u->names) - 1], u);
        return MIN(r, 0);
}

const char *unit_description(struct unit *u)
{
        return u->description ?: u->id;
}

/* ---- collecting ---- */

/* Does another unit say anything about it? */
static bool unit_is_mentioned(const struct unit *u)
{
        for (size_t i = 0; i < u->n_deps; i++)
                if (u->deps[i].types & ~u->deps[i].own)
                        return true;
        return false;
}

/* A transient unit is forgotten when it has ended and nobody speaks of it, and so is one that was not found; the others are
 * kept as long as they have any edge: most will be asked for again. */
static bool unit_may_gc(struct unit *u)
{
        enum active_state s;

        if (u->perpetual || u->job || u->refs || u->watchers || u->in_load_queue || u->in_fresh_targets)
                return false;
        if (u->load_state == UNIT_MERGED)
                return true;
        s = unit_active_state(u);
        if (s == UNIT_FAILED && !(u->collect_inactive_or_failed && unit_has_ended(u)))
                return false;
        if (s != UNIT_INACTIVE && s != UNIT_FAILED)
                return false;
        if (u->transient || u->collect_inactive_or_failed || u->load_state == UNIT_NOT_FOUND)
                return unit_has_ended(u) && !unit_is_mentioned(u);
        return !u->n_deps;
}

bool unit_has_ended(struct unit *u)
{
        enum active_state s = unit_active_state(u);

        if (s != UNIT_INACTIVE && s != UNIT_FAILED)
                return false;
        return u->type != UNIT_SERVICE || !UNIT_CAST(service, u)->will_auto_restart;
}

void unit_add_watcher(struct unit *u, struct unit_watcher *w)
{
        w->next = u->watchers;
        u->watchers = w;
}

void unit_remove_watcher(struct unit *u, struct unit_watcher *w)
{
        for (struct unit_watcher **p = &u->watchers; *p; p = &(*p)->next)
                if (*p == w) {
                        *p = w->next;
                        break;
                }
        unit_gc_queue(u);
}

void unit_tell_watchers(struct unit *u)
{
        for (struct unit_watcher *w = u->watchers, *next; w; w = next) {
                next = w->next;
                w->cb(w, u);
        }
}

void unit_gc_queue(struct unit *u)
{
        struct manager *m = u->manager;

        if (u->in_gc || !unit_may_gc(u))
                return;
        u->in_gc = true;
        u->gc_next = m->gc_queue;
        m->gc_queue = u;
        loop_defer(m->loop, &m->gc_deferred);
}

static bool anyone_merged_into(struct manager *m, struct unit *u)
{
        HASHMAP_FOREACH (e, &m->units)
                if (((struct unit *)e->value)->merged_into == u)
                        return true;
        return false;
}

void manager_collect(struct manager *m)
{
        while (m->gc_queue) {
                struct unit *u = m->gc_queue;

                m->gc_queue = u->gc_next;
                u->in_gc = false;
                if (!unit_may_gc(u) || anyone_merged_into(m, u))
                        continue;
                transient_forget(u);
                unit_free(u);
        }
}

void unit_free(struct unit *u)
{
        struct manager *m = u->manager;

        bus_tell_unit(u);
        control_simple_event(m, "unit-removed", "Id", u->id);
        clean_forget(u);
        if (unit_ops(u)->done)
                unit_ops(u)->done(u);
        unit_drop_all_deps(u);
        state_forget(u);
        state_forget_gone(u);
        FOREACH_STR (n, u->names)
                if (hash_get(&m->units, *n) == u)
                        hash_del(&m->units, *n);
        manager_forget_pids(m, u);
        exec_forget(u);
        cgroup_release(u);
        free(u->last_usage);
        free_config(u);
        strv_free(u->names);
        free(u->id);
        free(u->instance);
        free(u->cgroup_path);
        free(u->exec_run);
        strv_free(u->refs);
        free(u->dropped_edges);
        strv_free(u->dropped);
        free(u->wait_reason);
        free(u);
}
