/* Types with little of their own: target and slice. A target is a name for a set of units; a slice is a
 * node of the cgroup tree. */
#include "manager.h"
#include "types.h"

/* ---- target ---- */

/* A target is reached after what it pulls in, unless one of the two says DefaultDependencies=no or is ordered already.
 * Done when the members have been read too. */
void target_order_after_members(struct unit *u)
{
        if (u->default_dependencies_off)
                return;
        for (size_t i = 0; i < u->n_deps; i++) {
                struct unit *o = unit_follow_merge(u->deps[i].other);

                if (!(u->deps[i].types &
                            (DEP_BIT(DEP_WANTS) | DEP_BIT(DEP_REQUIRES) | DEP_BIT(DEP_BINDS_TO))) ||
                        u->deps[i].types & (DEP_BIT(DEP_AFTER) | DEP_BIT(DEP_BEFORE)) ||
                        o->load_state != UNIT_LOADED || o->default_dependencies_off)
                        continue;
                if (unit_add_dep(u, DEP_AFTER, o, ORIGIN_DEFAULT) < 0)
                        log_oom();
        }
}

static int target_load(struct unit *u)
{
        int r = 0;

        if (!u->default_dependencies_off && !streq(u->id, "shutdown.target")) {
                r = unit_add_dep_by_name(u, DEP_CONFLICTS, "shutdown.target", ORIGIN_DEFAULT);
                if (r >= 0)
                        r = unit_add_dep_by_name(u, DEP_BEFORE, "shutdown.target", ORIGIN_DEFAULT);
        }
        return MIN(r, 0);
}

static void target_set(struct unit *u, bool active)
{
        enum active_state old = unit_active_state(u);

        UNIT_CAST(target, u)->active = active;
        unit_notify(u, old, false);
}

static int target_start(struct unit *u)
{
        target_set(u, true);
        return 0;
}

static int target_stop(struct unit *u)
{
        target_set(u, false);
        return 0;
}

static enum active_state target_active_state(struct unit *u)
{
        return UNIT_CAST(target, u)->active ? UNIT_ACTIVE : UNIT_INACTIVE;
}

static const char *target_sub_state(struct unit *u)
{
        return UNIT_CAST(target, u)->active ? "active" : "dead";
}

static void target_serialise(struct unit *u, struct state_out *s)
{
        state_put_flag(s, "active", UNIT_CAST(target, u)->active);
}

static bool target_deserialise(struct unit *u, const char *key, const char *value)
{
        if (!streq(key, "active"))
                return false;
        UNIT_CAST(target, u)->active = true;
        return true;
}

const struct unit_ops target_ops = {
        .size = sizeof(struct target),
        .live_offset = offsetof(struct target, active),
        .load = target_load,
        .start = target_start,
        .stop = target_stop,
        .active_state = target_active_state,
        .sub_state = target_sub_state,
        .serialise = target_serialise,
        .deserialise = target_deserialise,
};

/* ---- slice ---- */

static void slice_init(struct unit *u)
{
        /* these two hold everything of the system, and are never stopped */
        if (streq(u->id, "-.slice") || streq(u->id, "system.slice"))
                u->perpetual = true;
        u->ignore_on_isolate = true;
}

static int slice_load(struct unit *u)
{
        int r;

        if (u->perpetual || u->default_dependencies_off)
                return 0;
        r = unit_add_dep_by_name(u, DEP_CONFLICTS, "shutdown.target", ORIGIN_DEFAULT);
        return r < 0 ? r : unit_add_dep_by_name(u, DEP_BEFORE, "shutdown.target", ORIGIN_DEFAULT);
}

static int slice_start(struct unit *u)
{
        struct slice *s = UNIT_CAST(slice, u);
        enum active_state old = unit_active_state(u);

        /* The cgroup itself is made with the first process below it. */
        s->active = true;
        unit_notify(u, old, false);
        return 0;
}

static int slice_stop(struct unit *u)
{
        struct slice *s = UNIT_CAST(slice, u);
        enum active_state old = unit_active_state(u);

        s->active = false;
        cgroup_release(u);
        unit_notify(u, old, false);
        return 0;
}

static enum active_state slice_active_state(struct unit *u)
{
        return UNIT_CAST(slice, u)->active || u->perpetual ? UNIT_ACTIVE : UNIT_INACTIVE;
}

static const char *slice_sub_state(struct unit *u)
{
        return slice_active_state(u) == UNIT_ACTIVE ? "active" : "dead";
}

static void slice_serialise(struct unit *u, struct state_out *s)
{
        state_put_flag(s, "active", UNIT_CAST(slice, u)->active);
}

static bool slice_deserialise(struct unit *u, const char *key, const char *value)
{
        if (!streq(key, "active"))
                return false;
        UNIT_CAST(slice, u)->active = true;
        return true;
}

const struct unit_ops slice_ops = {
        .size = sizeof(struct slice),
        .section = "Slice",
        .cgroup_offset = offsetof(struct slice, cgroup),
        .can_fail_transient = true,
        .always_loaded = true,
        .live_offset = offsetof(struct slice, active),
        .init = slice_init,
        .load = slice_load,
        .start = slice_start,
        .stop = slice_stop,
        .active_state = slice_active_state,
        .sub_state = slice_sub_state,
        .serialise = slice_serialise,
        .deserialise = slice_deserialise,
};
