/* Timers: which time comes next, what happens when it comes, and what is kept over a reload. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "init/clock.h"
#include "init/job.h"
#include "tests/unit/init-test.h"

#define ETC  "/etc/systemd/system/"
#define HEAD "[Unit]\nDefaultDependencies=no\n[Timer]\nAccuracySec=1us\n"

static struct timer_unit *load(struct manager **ret, const char *text)
{
        struct manager *m;

        put(ETC "a.timer", text);
        /* a target stands for the service: it starts without a process */
        put(ETC "a.target", "[Unit]\nDefaultDependencies=no\n");
        m = *ret = test_manager();
        return UNIT_CAST(timer_unit, test_unit(m, "a.timer"));
}

static void end(struct manager *m)
{
        test_manager_free(m);
        test_reset();
}

static void turns(struct manager *m, int n)
{
        while (n-- > 0)
                loop_turn(m->loop, 20 * USEC_PER_MSEC);
}

static void test_monotonic(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, HEAD "OnActiveSec=10ms\nUnit=a.target\n");
        struct unit *o = test_unit(m, "a.target");

        ok(has_dep(m, &t->unit, DEP_TRIGGERS, "a.target") && has_dep(m, &t->unit, DEP_BEFORE, "a.target"),
                "Before= and Triggers=");
        is_int(unit_start(&t->unit), 0, "it starts");
        is_str(unit_sub_state(&t->unit), "waiting", "it waits");
        ok(t->next_monotonic != USEC_INFINITY && t->next_realtime == USEC_INFINITY, "it knows when");
        turns(m, 6);
        is_int(unit_active_state(o), UNIT_ACTIVE, "the unit is started");
        is_str(unit_sub_state(&t->unit), "running", "the timer runs as long as the unit does");
        ok(t->last_trigger > 0, "the time is remembered");
        ok(unit_ops(o)->stop(o) == 0, "the unit stops");
        turns(m, 2);
        is_str(unit_sub_state(&t->unit), "elapsed", "nothing is to come");
        unit_ops(&t->unit)->stop(&t->unit);
        is_str(unit_sub_state(&t->unit), "dead", "it stops");
        end(m);
}

/* An alarm of the kernel's that stands for the same moment. */
static void test_wake(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, HEAD "OnActiveSec=30s\nWakeSystem=yes\nUnit=a.target\n");
        char path[64], text[512] = "";
        int fd, alarm = timerfd_create(CLOCK_BOOTTIME_ALARM, TFD_CLOEXEC);

        is_int(unit_start(&t->unit), 0, "WakeSystem=: it starts");
        if (alarm < 0) { /* no clock that wakes, or not for this user */
                is_int(t->wake.fd, -1, "no alarm here, and it waits all the same");
                end(m);
                return;
        }
        close(alarm);
        snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", t->wake.fd);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ok(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && strstr(text, "clockid: 9") &&
                        strstr(text, "it_value: (2"),
                "an alarm is set for the same moment");
        close(fd);
        unit_ops(&t->unit)->stop(&t->unit);
        is_int(t->wake.fd, -1, "it goes with the timer");
        end(m);
}

static void test_repeat(void)
{
        struct manager *m;
        struct timer_unit *t =
                load(&m, HEAD "OnBootSec=0\nOnUnitInactiveSec=1h\nRandomizedDelaySec=0\nUnit=a.target\n");
        struct unit *o = test_unit(m, "a.target");

        unit_start(&t->unit);
        turns(m, 3);
        is_int(unit_active_state(o), UNIT_ACTIVE, "OnBootSec= in the past comes at once");
        unit_ops(o)->stop(o);
        turns(m, 2);
        is_str(unit_sub_state(&t->unit), "waiting", "OnUnitInactiveSec= waits");
        is_int(t->next_monotonic, o->inactive_enter + 3600 * USEC_PER_SEC, "… an hour from the unit's end");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
}

static void test_calendar(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, "[Timer]\nOnCalendar=daily UTC\nUnit=a.target\n");
        usec_t day = 86400 * USEC_PER_SEC, now = now_realtime();

        ok(has_dep(m, &t->unit, DEP_AFTER, "time-set.target") &&
                        has_dep(m, &t->unit, DEP_AFTER, "time-sync.target"),
                "after the clock");
        ok(has_dep(m, &t->unit, DEP_BEFORE, "timers.target") &&
                        has_dep(m, &t->unit, DEP_REQUIRES, "sysinit.target"),
                "defaults");
        unit_start(&t->unit);
        is_int(t->next_realtime, (now / day + 1) * day, "the next midnight");
        ok(t->timer.when - t->next_monotonic != 0 && loop_timer_armed(&t->timer), "the loop's timer is set");
        unit_ops(&t->unit)->stop(&t->unit);
        ok(!loop_timer_armed(&t->timer), "… and not when stopped");
        end(m);
        t = load(&m, "[Timer]\nOnCalendar=daily\nOnCalendar=rubbish\nFixedRandomDelay="
                     "yes\nRandomizedDelaySec=6h\nUnit=a.target\n");
        ok(logged("OnCalendar") && t->unit.load_state == UNIT_LOADED,
                "a bad expression is named and skipped");
        unit_start(&t->unit);
        now = t->next_realtime;
        unit_ops(&t->unit)->stop(&t->unit);
        unit_start(&t->unit);
        is_int(t->next_realtime, now, "FixedRandomDelay= is the same each time");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
        t = load(&m, "[Timer]\nPersistent=yes\n");
        is_int(t->unit.load_state, UNIT_BAD_SETTING, "a timer without time is refused");
        end(m);
}

static void test_persistent(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, HEAD "OnCalendar=daily UTC\nPersistent=yes\nUnit=a.target\n");
        struct unit *o = test_unit(m, "a.target");
        _cleanup_free_ char *stamp = test_path("/var/lib/systemd/timers/stamp-a.timer");
        struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
        struct stat st;

        unit_start(&t->unit);
        turns(m, 2);
        ok(access(stamp, F_OK) >= 0 && unit_active_state(o) == UNIT_INACTIVE,
                "the first time counts from now");
        unit_ops(&t->unit)->stop(&t->unit);
        t->last_trigger = 0;
        utimensat(AT_FDCWD, stamp, old, 0);
        unit_start(&t->unit);
        turns(m, 3);
        is_int(unit_active_state(o), UNIT_ACTIVE, "what was missed is made up for at once");
        ok(stat(stamp, &st) >= 0 && st.st_mtim.tv_sec > 1000000000, "the stamp is new");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
}

static void test_reload(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, HEAD "OnActiveSec=1h\nUnit=a.target\n");
        usec_t was;

        unit_start(&t->unit);
        was = t->next_monotonic;
        put(ETC "a.timer", HEAD "OnActiveSec=2h\nUnit=a.target\n# longer\n");
        manager_reload(m, NULL);
        turns(m, 1);
        is_str(unit_sub_state(&t->unit), "waiting", "a reload keeps it waiting");
        ok(t->next_monotonic - was - 3600 * USEC_PER_SEC < USEC_PER_SEC, "… for the new time");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
}

static void test_bases(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, HEAD "OnStartupSec=1000h\nUnit=a.target\n");

        unit_start(&t->unit);
        ok(t->next_monotonic != USEC_INFINITY, "OnStartupSec=");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
        t = load(&m, HEAD "OnActiveSec=1000h\nOnUnitActiveSec=1h\nUnit=a.target\n");
        unit_start(test_unit(m, "a.target"));
        unit_start(&t->unit);
        ok(t->next_monotonic - now_monotonic() <= 3600 * USEC_PER_SEC, "OnUnitActiveSec= comes first");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
        /* a draw below an hour of a million of them would be a wonder */
        t = load(&m, HEAD "OnActiveSec=1s\nRandomizedDelaySec=1000000h\nUnit=a.target\n");
        unit_start(&t->unit);
        ok(t->next_monotonic - now_monotonic() > 3600 * USEC_PER_SEC, "RandomizedDelaySec=");
        unit_ops(&t->unit)->stop(&t->unit);
        end(m);
}

static void test_clock(void)
{
        for (int zone = 0; zone < 2; zone++) {
                struct manager *m;
                struct timer_unit *t = load(&m, zone ? HEAD "OnTimezoneChange=yes\nUnit=a.target\n"
                                                     : HEAD "OnClockChange=yes\nUnit=a.target\n");
                struct unit *o = test_unit(m, "a.target");

                unit_start(&t->unit);
                timer_clock_changed(m, !zone);
                turns(m, 2);
                is_int(unit_active_state(o), UNIT_INACTIVE, "another change starts nothing");
                timer_clock_changed(m, zone);
                turns(m, 3);
                is_int(unit_active_state(o), UNIT_ACTIVE, zone ? "OnTimezoneChange=" : "OnClockChange=");
                unit_ops(&t->unit)->stop(&t->unit);
                end(m);
        }
}

static void test_remain(void)
{
        struct manager *m;
        struct timer_unit *t = load(&m, HEAD "OnActiveSec=1ms\nRemainAfterElapse=no\nUnit=a.target\n");
        struct unit *o = test_unit(m, "a.target");

        unit_start(&t->unit);
        for (int i = 0; i < 200 && unit_active_state(o) != UNIT_ACTIVE; i++)
                turns(m, 1);
        unit_ops(o)->stop(o);
        turns(m, 3);
        is_str(unit_sub_state(&t->unit), "dead", "RemainAfterElapse=no");
        end(m);
}

int main(void)
{
        test_begin();
        test_monotonic();
        test_wake();
        test_repeat();
        test_calendar();
        test_persistent();
        test_reload();
        test_bases();
        test_clock();
        test_remain();
        return test_end();
}
