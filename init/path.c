/* Path units.
 *
 *   dead → waiting → running → waiting …;  any → failed
 *
 * One inotify descriptor a unit watches each path and every directory above it, so that what is not there yet is seen
 * when it comes; the watches are made anew after each event. A path that may be on a slow file system is watched by a
 * process of its own (probe.h), which tells the same. waiting: something may come. running: the unit was started;
 * when it is down again the paths are looked at once more. PathExists=, PathExistsGlob= and DirectoryNotEmpty= are states
 * (level), PathChanged= and PathModified= are events on the path, or its coming and going. */
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "manager.h"
#include "probe.h"
#include "types.h"

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [PATH_DEAD] = { UNIT_INACTIVE, "dead" },
        [PATH_WAITING] = { UNIT_ACTIVE, "waiting" },
        [PATH_RUNNING] = { UNIT_ACTIVE, "running" },
        [PATH_FAILED] = { UNIT_FAILED, "failed" },
};
enum { R_SUCCESS, R_RESOURCES, R_TRIGGER_LIMIT, R_UNIT_START_LIMIT };
static const char *const result_names[] = { "success", "resources", "trigger-limit-hit",
        "unit-start-limit-hit" };

static void unwatch_local(struct path_unit *p)
{
        int fd = p->inotify.fd;

        if (fd < 0)
                return;
        loop_io_remove(p->unit.manager->loop, &p->inotify);
        p->inotify.fd = close_fd(fd);
}

static void unwatch(struct path_unit *p)
{
        unwatch_local(p);
        for (struct path_spec *s = p->specs; s; s = s->next)
                probe_forget(&s->watcher);
}

static void set_state(struct path_unit *p, enum path_state state)
{
        enum active_state old = unit_active_state(&p->unit);

        p->state = state;
        if (state == PATH_DEAD || state == PATH_FAILED)
                unwatch(p);
        unit_notify(&p->unit, old, false);
}

static void fail(struct path_unit *p, int result)
{
        p->result = result;
        log_unit(p->unit.id, LOG_WARNING, "Failed with result '%s'", result_names[result]);
        set_state(p, PATH_FAILED);
}

/* Who watches in PID 1's stead tells that too. */
static bool came_or_went(struct path_spec *s)
{
        return !s->watcher && path_spec_came_or_went(s);
}

static bool any_holds(struct path_unit *p)
{
        for (struct path_spec *s = p->specs; s; s = s->next)
                if (s->watcher ? s->watcher_holds : path_spec_holds(s))
                        return true;
        return false;
}

/* ---- watching ---- */

static void enter_running(struct path_unit *p);

/* The process that watches one of the paths has seen something. */
static void watcher_tells(struct path_spec *s, bool changed, int r)
{
        struct path_unit *p = s->owner;

        if (r < 0) {
                log_unit_errno(p->unit.id, LOG_ERR, r, "%s is not watched any more: %m", s->path);
                if (p->state == PATH_WAITING || p->state == PATH_RUNNING)
                        fail(p, R_RESOURCES);
        } else if (p->state == PATH_WAITING && (changed || s->watcher_holds))
                enter_running(p);
}

/* One whose state counts is asked anew: what it was before is of no account. */
static int watch_slow(struct path_unit *p, struct path_spec *s, bool anew)
{
        bool state = s->kind != PATH_CHANGED && s->kind != PATH_MODIFIED;

        if (s->watcher && !(state && anew))
                return 0;
        probe_forget(&s->watcher);
        s->watcher_holds = false;
        s->owner = p;
        return probe_watch(p->unit.manager, s,
                p->make_directory && s->kind != PATH_EXISTS && s->kind != PATH_EXISTS_GLOB
                        ? p->directory_mode
                        : 0,
                watcher_tells);
}

static int watch_spec(struct path_unit *p, struct path_spec *s, bool anew)
{
        _cleanup_free_ char *what = NULL;
        int r;

        s->wd = -1;
        if (probe_may_block(p->unit.manager, s->path, s->kind == PATH_EXISTS_GLOB))
                return watch_slow(p, s, anew);
        probe_forget(&s->watcher);
        r = path_spec_watch(s, p->inotify.fd, &what);
        if (r < 0)
                log_unit_errno(p->unit.id, LOG_WARNING, r, "%s cannot be watched: %m", what ?: s->path);
        return 0;
}

static void on_event(struct loop_io *io, uint32_t revents);

/* anew: before the paths are looked at. */
static int watch(struct path_unit *p, bool anew)
{
        int r;

        unwatch_local(p);
        p->inotify = (struct loop_io) {
                .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = EPOLLIN, .cb = on_event, .data = p
        };
        if (p->inotify.fd < 0)
                return -errno;
        r = loop_io_add(p->unit.manager->loop, &p->inotify);
        if (r < 0) {
                p->inotify.fd = close_fd(p->inotify.fd);
                return r;
        }
        for (struct path_spec *s = p->specs; s && r >= 0; s = s->next)
                r = watch_spec(p, s, anew);
        return r;
}

/* ---- states ---- */

static bool trigger_ok(struct path_unit *p)
{
        usec_t now = now_monotonic();

        if (p->trigger_interval == 0 || p->trigger_burst == 0)
                return true;
        if (p->trigger_begin == 0 || now - p->trigger_begin > p->trigger_interval) {
                p->trigger_begin = now;
                p->n_trigger = 0;
        }
        return p->n_trigger++ < p->trigger_burst;
}

static void enter_running(struct path_unit *p)
{
        if (p->unit.job && p->unit.job->type == JOB_STOP)
                return;
        if (!trigger_ok(p))
                fail(p, R_TRIGGER_LIMIT);
        else if (trigger_start(&p->unit, p->unit_name, &p->watch, &p->recheck) < 0)
                fail(p, R_RESOURCES);
        else
                set_state(p, PATH_RUNNING);
}

/* The paths are looked at after the watches are there, so that nothing falls between the two. */
static void enter_waiting(struct path_unit *p, bool initial)
{
        bool changed = false;
        int r = watch(p, true);

        if (r < 0) {
                log_unit_errno(p->unit.id, LOG_ERR, r, "Its paths cannot be watched: %m");
                fail(p, R_RESOURCES);
                return;
        }
        for (struct path_spec *s = p->specs; s; s = s->next)
                changed |= came_or_went(s) && !initial;
        if (changed || any_holds(p)) {
                enter_running(p);
                return;
        }
        if (p->state != PATH_WAITING)
                set_state(p, PATH_WAITING);
}

static bool spec_has_event(const struct path_unit *p, const struct inotify_event *e)
{
        for (const struct path_spec *s = p->specs; s; s = s->next)
                if (path_spec_is_event(s, e))
                        return true;
        return false;
}

static void on_event(struct loop_io *io, uint32_t revents)
{
        struct path_unit *p = io->data;
        char buf[4096] __attribute__((aligned(8)));
        bool changed = false;
        ssize_t n;

        while ((n = read(io->fd, buf, sizeof(buf))) > 0)
                for (ssize_t o = 0; o < n;) {
                        struct inotify_event *e = (struct inotify_event *)(buf + o);

                        changed |= spec_has_event(p, e) || e->mask & IN_Q_OVERFLOW;
                        o += (ssize_t)(sizeof(*e) + e->len);
                }
        if (p->state ==
                PATH_RUNNING) /* looked at again when the unit is down; what was seen until then belongs to this run */
                (void)watch(p, false);
        else if (changed) {
                for (struct path_spec *s = p->specs; s; s = s->next)
                        (void)came_or_went(s);
                (void)watch(p, false);
                enter_running(p);
        } else
                enter_waiting(p, false);
}

static void recheck(struct loop_deferred *d)
{
        struct path_unit *p = d->data;
        struct unit *o = unit_find(p->unit.manager, p->unit_name);

        if (p->state != PATH_RUNNING && p->state != PATH_WAITING)
                return;
        if (o && o->start_limit_hit)
                fail(p, R_UNIT_START_LIMIT);
        else if (p->state == PATH_WAITING || trigger_is_down(&p->unit, p->unit_name))
                enter_waiting(p, false);
}

static void path_trigger_notify(struct unit *u, struct unit *triggered)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        if (p->state == PATH_RUNNING || (p->state == PATH_WAITING && triggered->start_limit_hit))
                loop_defer(u->manager->loop, &p->recheck);
}

/* ---- unit ---- */

static void path_init(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        p->directory_mode = 0755;
        p->trigger_interval = 2 * USEC_PER_SEC;
        p->trigger_burst = 200;
}

static void path_init_live(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        p->inotify.fd = -1;
        p->recheck = (struct loop_deferred) { .cb = recheck, .data = p };
}

static void path_forget(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        path_specs_free(p);
        free(p->unit_name);
}

static void path_done(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        unwatch(p);
        trigger_forget(u, &p->watch, &p->recheck);
}

static void path_reloaded(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        if (!p->unit_name)
                (void)unit_name_change_suffix(u->id, "service", &p->unit_name);
        for (struct path_spec *s = p->specs; s; s = s->next)
                if (!probe_may_block(u->manager, s->path, false))
                        (void)came_or_went(s);
        if (p->state == PATH_WAITING)
                loop_defer(u->manager->loop, &p->recheck);
}

static int path_load(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);
        int r = trigger_load(u, &p->unit_name, "paths.target");

        if (!p->specs) {
                (void)str_replace(&u->load_error, "no Path…= setting");
                return log_unit_errno(u->id, LOG_ERR, -ENOEXEC,
                        "Path unit lacks path setting (PathExists=, PathChanged=, …). Refusing.");
        }
        for (struct path_spec *s = p->specs; s && r >= 0; s = s->next)
                r = unit_add_mounts_for(u, s->path, ORIGIN_PATH);
        return MIN(r, 0);
}

static int path_start(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        if (p->state == PATH_WAITING || p->state == PATH_RUNNING)
                return -EALREADY;
        p->result = R_SUCCESS;
        p->n_trigger = 0;
        for (struct path_spec *s = p->specs; s && p->make_directory; s = s->next) {
                int r = s->kind == PATH_EXISTS || s->kind == PATH_EXISTS_GLOB ||
                                        probe_may_block(u->manager, s->path, false)
                                ? 0
                                : mkdir_p(s->path, p->directory_mode);

                if (r < 0)
                        log_unit_errno(u->id, LOG_WARNING, r, "%s could not be made: %m", s->path);
        }
        enter_waiting(p, true);
        return 0;
}

static int path_stop(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        trigger_forget(u, &p->watch, &p->recheck);
        set_state(p, PATH_DEAD);
        return 0;
}

static enum active_state path_active_state(struct unit *u)
{
        return states[UNIT_CAST(path_unit, u)->state].state;
}

static const char *path_sub_state(struct unit *u)
{
        return states[UNIT_CAST(path_unit, u)->state].name;
}

static const char *path_result(struct unit *u)
{
        return result_names[UNIT_CAST(path_unit, u)->result];
}

static void path_reset_failed(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        p->result = R_SUCCESS;
        if (p->state == PATH_FAILED)
                set_state(p, PATH_DEAD);
}

/* ---- state ---- */

static void path_serialise(struct unit *u, struct state_out *s)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);
        int i = 0;

        if (p->state != PATH_DEAD)
                state_put(s, "state", states[p->state].name);
        state_put_int(s, "result", p->result, R_SUCCESS);
        for (struct path_spec *x = p->specs; x; x = x->next, i++)
                if (x->existed)
                        state_put_int(s, "existed", i, -1);
}

static bool path_deserialise(struct unit *u, const char *key, const char *value)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);
        int64_t n = state_get_int(value, 0);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                p->state = (enum path_state)i;
        } else if (streq(key, "result"))
                p->result = (int)MIN((uint64_t)n, ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "existed")) {
                for (struct path_spec *x = p->specs; x; x = x->next)
                        if (n-- == 0)
                                x->existed = true;
        } else
                return false;
        return true;
}

static void path_coldplug(struct unit *u)
{
        struct path_unit *p = UNIT_CAST(path_unit, u);

        if (p->state == PATH_WAITING || p->state == PATH_RUNNING)
                loop_defer(u->manager->loop, &p->recheck);
        if (p->state == PATH_RUNNING)
                (void)watch(p, false);
}

const struct unit_ops path_ops = {
        .size = sizeof(struct path_unit),
        .section = "Path",
        .live_offset = offsetof(struct path_unit, state),
        .init = path_init,
        .init_live = path_init_live,
        .forget = path_forget,
        .reloaded = path_reloaded,
        .load = path_load,
        .done = path_done,
        .start = path_start,
        .stop = path_stop,
        .trigger_notify = path_trigger_notify,
        .active_state = path_active_state,
        .sub_state = path_sub_state,
        .result = path_result,
        .reset_failed = path_reset_failed,
        .serialise = path_serialise,
        .deserialise = path_deserialise,
        .coldplug = path_coldplug,
};
