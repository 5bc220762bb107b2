/* Timer units.
 *
 *   dead → waiting → running → waiting …  or elapsed, when nothing is to come any more;  any → failed
 *
 * waiting: the loop's timer is set for the first of all expressions. running: the unit was started; the timer waits until
 * it is down again. The clock of all is CLOCK_MONOTONIC; a calendar time is turned into it anew whenever the clock is set
 * or the machine wakes up (clock.c tells), and whenever the local time zone changes. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "lib/calendar.h"
#include "lib/fileio.h"
#include "clock.h"
#include "manager.h"
#include "probe.h"
#include "types.h"

#define STAMP_DIR "/var/lib/systemd/timers"

static const struct {
        enum active_state state;
        const char *name;
} states[] = {
        [TIMER_DEAD] = { UNIT_INACTIVE, "dead" },
        [TIMER_WAITING] = { UNIT_ACTIVE, "waiting" },
        [TIMER_RUNNING] = { UNIT_ACTIVE, "running" },
        [TIMER_ELAPSED] = { UNIT_ACTIVE, "elapsed" },
        [TIMER_FAILED] = { UNIT_FAILED, "failed" },
};
enum { R_SUCCESS, R_RESOURCES };
static const char *const result_names[] = { "success", "resources" };

static void enter_waiting(struct timer_unit *t, bool first);
static void close_wake(struct timer_unit *t);

static void set_state(struct timer_unit *t, enum timer_state state)
{
        enum active_state old = unit_active_state(&t->unit);

        t->state = state;
        if (state != TIMER_WAITING) {
                (void)loop_timer_set(t->unit.manager->loop, &t->timer, USEC_INFINITY);
                t->next_monotonic = t->next_realtime = USEC_INFINITY;
                close_wake(t);
        }
        unit_notify(&t->unit, old, false);
}

/* ---- the stamp of Persistent= ---- */

static char *stamp_path(struct timer_unit *t)
{
        return str_printf("%s" STAMP_DIR "/stamp-%s", t->unit.manager->root ?: "", t->unit.id);
}

static void stamp_has_time(struct timer_unit *t, usec_t when)
{
        if (when)
                t->last_trigger = MIN(when, now_realtime());
}

static void stamp_answered(void *data, int r, const struct path_answer *a)
{
        struct timer_unit *t = data;

        if (r < 0)
                log_unit_errno(t->unit.id, LOG_WARNING, r, "When it ran last is not known: %m");
        else
                stamp_has_time(t, a->value);
        if (t->unit.job && t->unit.job->type == JOB_START)
                enter_waiting(t, true);
}

/* True: it has been read (or is missing, and is made: then it counts from now). False: stamp_answered() goes on. */
static bool stamp_read(struct timer_unit *t)
{
        _cleanup_free_ char *path = t->persistent ? stamp_path(t) : NULL;
        struct path_answer a = { 0 };

        if (!path)
                return true;
        if (probe_may_block(t->unit.manager, path, false)) {
                int r = probe_ask(t->unit.manager, LOOK_STAMP, path, PROBE_DEADLINE, false, stamp_answered,
                        t, &t->stamp);

                if (r >= 0)
                        return false;
                log_unit_errno(t->unit.id, LOG_WARNING, r, "When it ran last is not known: %m");
        } else if (path_look(LOOK_STAMP, path, &a) >= 0)
                stamp_has_time(t, a.value);
        return true;
}

static void stamp_written(void *data, int r, const struct path_answer *a)
{
        struct timer_unit *t = data;

        if (r < 0)
                log_unit_errno(t->unit.id, LOG_WARNING, r,
                        "Its stamp could not be written, it may run again after the next boot: %m");
}

static void stamp_write(struct timer_unit *t)
{
        _cleanup_free_ char *path = t->persistent ? stamp_path(t) : NULL;
        int r;

        if (!path)
                return;
        if (probe_may_block(t->unit.manager, path, false)) {
                probe_forget(&t->stamp);
                r = probe_ask(t->unit.manager, LOOK_TOUCH, path, PROBE_DEADLINE, false, stamp_written, t,
                        &t->stamp);
        } else
                r = path_look(LOOK_TOUCH, path, NULL);
        if (r < 0)
                stamp_written(t, r, NULL);
}

/* ---- when ---- */

static usec_t random_delay(struct timer_unit *t)
{
        uint64_t x = 0;

        if (t->random_delay == 0 || t->random_delay == USEC_INFINITY)
                return 0;
        if (t->fixed_random) {
                _cleanup_free_ char *s =
                        str_printf("%s:%u:%s", t->unit.manager->machine_id, (unsigned)getuid(), t->unit.id);

                x = (uint64_t)hash_string(s ? s : t->unit.id) * 0x9E3779B97F4A7C15ull >> 16;
        } else if (getrandom(&x, sizeof(x), GRND_NONBLOCK) != sizeof(x))
                x = (uint64_t)now_monotonic() * 0x9E3779B97F4A7C15ull >> 16;
        return (usec_t)(x % (uint64_t)t->random_delay);
}

/* A moment in [a, a + accuracy] that all timers of this machine share. */
static usec_t coalesce(struct timer_unit *t, usec_t a)
{
        static const usec_t steps[] = { 60 * USEC_PER_SEC, 10 * USEC_PER_SEC, USEC_PER_SEC,
                250 * USEC_PER_MSEC };
        usec_t b = usec_add(a, t->accuracy);

        if (b == USEC_INFINITY || t->accuracy == 0)
                return a;
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
                usec_t shift = (usec_t)(hash_string(t->unit.manager->machine_id) % (uint64_t)steps[i]);
                usec_t c = b < shift ? 0 : (b - shift) / steps[i] * steps[i] + shift;

                if (c >= a && c <= b)
                        return c;
        }
        return b;
}

static bool has_base(const struct timer_unit *t, enum timer_base base)
{
        for (const struct timer_value *v = t->values; v; v = v->next)
                if (v->base == base)
                        return true;
        return false;
}

/* CLOCK_MONOTONIC; USEC_INFINITY: not (yet) known. */
static usec_t base_of(struct timer_unit *t, enum timer_base base)
{
        struct unit *u = &t->unit, *o = unit_find(u->manager, t->unit_name);
        usec_t when = 0;

        switch (base) {
        case TIMER_ACTIVE: return u->inactive_exit ?: now_monotonic();
        case TIMER_BOOT: return u->manager->container ? u->manager->t_userspace : 0;
        case TIMER_STARTUP: return u->manager->t_userspace;
        case TIMER_UNIT_ACTIVE: when = o ? o->inactive_exit : 0; break;
        case TIMER_UNIT_INACTIVE: when = o ? o->inactive_enter : 0; break;
        default: break;
        }
        return when ?: t->last_trigger_monotonic ?: USEC_INFINITY;
}

static usec_t next_calendar(struct timer_unit *t, struct timer_value *v)
{
        usec_t from = t->persistent && t->last_trigger ? t->last_trigger
                                                       : MAX(t->last_trigger, t->activated),
               next;

        from = MIN(from, now_realtime());
        return v->spec && calendar_next(v->spec, from, &next) >= 0 ? next : USEC_INFINITY;
}

static void find_next(struct timer_unit *t, bool first)
{
        usec_t now = now_monotonic(), delay = random_delay(t);

        t->next_monotonic = t->next_realtime = USEC_INFINITY;
        for (struct timer_value *v = t->values; v; v = v->next) {
                usec_t base, next;

                if (v->spent)
                        continue;
                if (v->base == TIMER_CALENDAR) {
                        t->next_realtime = MIN(t->next_realtime, next_calendar(t, v));
                        continue;
                }
                base = base_of(t, v->base);
                if (base == USEC_INFINITY)
                        continue;
                next = usec_add(base, v->value);
                if (next <= now && !first &&
                        (v->base == TIMER_ACTIVE || v->base == TIMER_BOOT || v->base == TIMER_STARTUP)) {
                        v->spent = true;
                        continue;
                }
                t->next_monotonic = MIN(t->next_monotonic, next);
        }
        if (t->next_realtime != USEC_INFINITY && delay > 0) {
                usec_t startup = usec_add(now_realtime() - now, t->unit.manager->t_userspace);

                t->next_realtime = usec_add(MAX(t->next_realtime, startup), delay);
        }
        if (t->next_monotonic != USEC_INFINITY)
                t->next_monotonic = usec_add(t->next_monotonic, delay);
}

/* The same moment once more as an alarm that wakes the machine: on a clock that goes on while it sleeps. */
static void arm_wake(struct timer_unit *t, usec_t when)
{
        struct itimerspec at = { 0 };
        usec_t left;

        if (!t->wake_system && t->wake.fd < 0)
                return;
        if (t->wake.fd < 0) {
                int fd = timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC | TFD_NONBLOCK), r = -errno;

                if (fd >= 0) {
                        t->wake.fd = fd;
                        r = loop_io_add(t->unit.manager->loop, &t->wake);
                }
                if (r < 0 || fd < 0) {
                        t->wake.fd = -1;
                        close_fd(fd);
                        log_unit_errno(t->unit.id, LOG_WARNING, r,
                                "WakeSystem= has no effect, the machine has no alarm: %m");
                        return;
                }
        }
        if (t->wake_system && when != USEC_INFINITY) {
                left = usec_add(now_boottime(), MAX(when - now_monotonic(), (usec_t)1));
                at.it_value.tv_sec = left / USEC_PER_SEC;
                at.it_value.tv_nsec = left % USEC_PER_SEC * 1000;
        }
        (void)timerfd_settime(t->wake.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void close_wake(struct timer_unit *t)
{
        int fd = t->wake.fd;

        loop_io_remove(t->unit.manager->loop, &t->wake);
        close_fd(fd);
}

static void arm(struct timer_unit *t)
{
        usec_t when = t->next_monotonic, real = t->next_realtime;

        if (real != USEC_INFINITY) {
                usec_t now = now_monotonic(), now_real = now_realtime();

                when = MIN(when, real > now_real ? usec_add(now, real - now_real) : now);
        }
        if (when != USEC_INFINITY)
                when = coalesce(t, MAX(when, now_monotonic()));
        (void)loop_timer_set(t->unit.manager->loop, &t->timer, when);
        arm_wake(t, when);
}

/* ---- states ---- */

static void enter_waiting(struct timer_unit *t, bool first)
{
        find_next(t, first);
        if (t->next_monotonic == USEC_INFINITY && t->next_realtime == USEC_INFINITY && !t->on_clock_change &&
                !t->on_timezone_change) {
                bool may_come = has_base(t, TIMER_UNIT_ACTIVE) || has_base(t, TIMER_UNIT_INACTIVE);

                set_state(t, TIMER_ELAPSED);
                if (t->remain_after_elapse_off && !may_come && t->state == TIMER_ELAPSED)
                        set_state(t, TIMER_DEAD);
                return;
        }
        arm(t);
        if (t->state != TIMER_WAITING)
                set_state(t, TIMER_WAITING);
}

static void enter_running(struct timer_unit *t)
{
        if (t->unit.job && t->unit.job->type == JOB_STOP)
                return;
        t->last_trigger = now_realtime();
        t->last_trigger_monotonic = now_monotonic();
        if (trigger_start(&t->unit, t->unit_name, &t->watch, &t->recheck) < 0) {
                t->result = R_RESOURCES;
                set_state(t, TIMER_FAILED);
                return;
        }
        stamp_write(t);
        set_state(t, TIMER_RUNNING);
}

static void on_timer(struct loop_timer *timer)
{
        struct timer_unit *t = timer->data;

        if (t->state != TIMER_WAITING)
                return;
        log_unit(t->unit.id, LOG_DEBUG, "Timer elapsed");
        enter_running(t);
}

static void on_wake(struct loop_io *io, uint32_t revents)
{
        struct timer_unit *t = io->data;
        uint64_t n;

        (void)!read(io->fd, &n, sizeof(n));
        if (t->state == TIMER_WAITING)
                on_timer(&t->timer);
}

static void recheck(struct loop_deferred *d)
{
        struct timer_unit *t = d->data;

        if (t->state == TIMER_RUNNING) {
                if (trigger_is_down(&t->unit, t->unit_name))
                        enter_waiting(t, false);
        } else if (t->state == TIMER_WAITING || t->state == TIMER_ELAPSED)
                enter_waiting(t, false);
}

static void timer_trigger_notify(struct unit *u, struct unit *triggered)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        if (t->state == TIMER_RUNNING ||
                ((t->state == TIMER_WAITING || t->state == TIMER_ELAPSED) &&
                        (has_base(t, TIMER_UNIT_ACTIVE) || has_base(t, TIMER_UNIT_INACTIVE))))
                loop_defer(u->manager->loop, &t->recheck);
}

void timer_clock_changed(struct manager *m, bool zone)
{
        UNITS_FOREACH(u, m, UNIT_TIMER)
        {
                struct timer_unit *t = UNIT_CAST(timer_unit, u);

                if (t->state != TIMER_WAITING)
                        continue;
                if (zone ? t->on_timezone_change : t->on_clock_change)
                        enter_running(t);
                else if (has_base(t, TIMER_CALENDAR)) {
                        t->activated = MIN(t->activated, now_realtime());
                        t->last_trigger = MIN(t->last_trigger, now_realtime());
                        enter_waiting(t, false);
                }
        }
}

/* ---- unit ---- */

static void timer_init(struct unit *u)
{
        UNIT_CAST(timer_unit, u)->accuracy = u->manager->default_timer_accuracy;
}

static void timer_init_live(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        t->next_monotonic = t->next_realtime = USEC_INFINITY;
        t->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timer, .data = t };
        t->recheck = (struct loop_deferred) { .cb = recheck, .data = t };
        t->wake = (struct loop_io) { .fd = -1, .events = EPOLLIN, .cb = on_wake, .data = t };
}

static void timer_forget(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        timer_values_free(t);
        free(t->unit_name);
}

static void timer_done(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        loop_timer_cancel(u->manager->loop, &t->timer);
        probe_forget(&t->stamp);
        close_wake(t);
        trigger_forget(u, &t->watch, &t->recheck);
}

static void timer_reloaded(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        if (!t->unit_name)
                (void)unit_name_change_suffix(u->id, "service", &t->unit_name);
        if (t->state == TIMER_WAITING || t->state == TIMER_ELAPSED)
                loop_defer(u->manager->loop, &t->recheck);
}

static int timer_load(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);
        int r = trigger_load(u, &t->unit_name, "timers.target");

        if (!t->values && !t->on_clock_change && !t->on_timezone_change) {
                (void)str_replace(&u->load_error, "no On…= setting");
                return log_unit_errno(u->id, LOG_ERR, -ENOEXEC,
                        "Timer unit lacks value setting (OnCalendar=, OnBootSec=, …). Refusing.");
        }
        if (r >= 0 && t->persistent && has_base(t, TIMER_CALENDAR))
                r = unit_add_mounts_for(u, STAMP_DIR, ORIGIN_PATH);
        if (r < 0 || u->default_dependencies_off || !has_base(t, TIMER_CALENDAR))
                return MIN(r, 0);
        r = unit_add_dep_by_name(u, DEP_AFTER, "time-set.target", ORIGIN_DEFAULT);
        return r < 0 ? r : unit_add_dep_by_name(u, DEP_AFTER, "time-sync.target", ORIGIN_DEFAULT);
}

static int timer_start(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        if (t->state == TIMER_WAITING || t->state == TIMER_RUNNING || t->state == TIMER_ELAPSED)
                return -EALREADY;
        t->result = R_SUCCESS;
        t->activated = now_realtime();
        u->inactive_exit = now_monotonic();
        for (struct timer_value *v = t->values; v; v = v->next)
                v->spent = false;
        if (t->on_clock_change || t->on_timezone_change || has_base(t, TIMER_CALENDAR))
                clock_watch(u->manager);
        if (stamp_read(t))
                enter_waiting(t, true);
        return 0;
}

static int timer_stop(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        trigger_forget(u, &t->watch, &t->recheck);
        set_state(t, TIMER_DEAD);
        return 0;
}

static enum active_state timer_active_state(struct unit *u)
{
        return states[UNIT_CAST(timer_unit, u)->state].state;
}

static const char *timer_sub_state(struct unit *u)
{
        return states[UNIT_CAST(timer_unit, u)->state].name;
}

static const char *timer_result(struct unit *u)
{
        return result_names[UNIT_CAST(timer_unit, u)->result];
}

static void timer_reset_failed(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        t->result = R_SUCCESS;
        if (t->state == TIMER_FAILED)
                set_state(t, TIMER_DEAD);
}

/* ---- state ---- */

static void timer_serialise(struct unit *u, struct state_out *s)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);
        int i = 0;

        if (t->state != TIMER_DEAD)
                state_put(s, "state", states[t->state].name);
        state_put_int(s, "result", t->result, R_SUCCESS);
        state_put_int(s, "last-trigger", t->last_trigger, 0);
        state_put_int(s, "last-trigger-monotonic", t->last_trigger_monotonic, 0);
        state_put_int(s, "activated", t->activated, 0);
        state_put_int(s, "next-monotonic", t->next_monotonic, USEC_INFINITY);
        state_put_int(s, "next-realtime", t->next_realtime, USEC_INFINITY);
        for (struct timer_value *v = t->values; v; v = v->next, i++)
                if (v->spent)
                        state_put_int(s, "spent", i, -1);
}

static bool timer_deserialise(struct unit *u, const char *key, const char *value)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);
        int64_t n = state_get_int(value, 0);

        if (streq(key, "state")) {
                for (size_t i = 0; i < ARRAY_SIZE(states); i++)
                        if (streq(states[i].name, value))
                                t->state = (enum timer_state)i;
        } else if (streq(key, "result"))
                t->result = (int)MIN((uint64_t)n, ARRAY_SIZE(result_names) - 1);
        else if (streq(key, "last-trigger"))
                t->last_trigger = n;
        else if (streq(key, "last-trigger-monotonic"))
                t->last_trigger_monotonic = n;
        else if (streq(key, "activated"))
                t->activated = n;
        else if (streq(key, "next-monotonic"))
                t->next_monotonic = n;
        else if (streq(key, "next-realtime"))
                t->next_realtime = n;
        else if (streq(key, "spent")) {
                for (struct timer_value *v = t->values; v; v = v->next)
                        if (n-- == 0)
                                v->spent = true;
        } else
                return false;
        return true;
}

/* A random delay that has been drawn stays. */
static void timer_coldplug(struct unit *u)
{
        struct timer_unit *t = UNIT_CAST(timer_unit, u);

        if (u->job && u->job->type == JOB_START &&
                u->job->state == JOB_RUNNING) /* its stamp was being read */
                (void)timer_start(u);
        if (t->state == TIMER_DEAD || t->state == TIMER_FAILED)
                return;
        if (t->on_clock_change || t->on_timezone_change || has_base(t, TIMER_CALENDAR))
                clock_watch(u->manager);
        if (t->state == TIMER_WAITING)
                arm(t);
        else
                loop_defer(u->manager->loop, &t->recheck);
}

const struct unit_ops timer_ops = {
        .size = sizeof(struct timer_unit),
        .section = "Timer",
        .live_offset = offsetof(struct timer_unit, state),
        .init = timer_init,
        .init_live = timer_init_live,
        .forget = timer_forget,
        .reloaded = timer_reloaded,
        .load = timer_load,
        .done = timer_done,
        .start = timer_start,
        .stop = timer_stop,
        .trigger_notify = timer_trigger_notify,
        .active_state = timer_active_state,
        .sub_state = timer_sub_state,
        .result = timer_result,
        .reset_failed = timer_reset_failed,
        .serialise = timer_serialise,
        .deserialise = timer_deserialise,
        .coldplug = timer_coldplug,
};
