/* The hardware watchdog: what the device is told, and when. The device is a file, and its ioctls are the test's. */
#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>

#include "tests/unit/init-test.h"

static struct manager *m;
static struct strbuf told;
static int device_timeout; /* what the device has; 0: it does not say */

int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
        int *v = arg;

        switch (request) {
        case WDIOC_SETTIMEOUT:
                strbuf_printf(&told, "timeout=%d ", *v);
                device_timeout = *v;
                return 0;
        case WDIOC_GETTIMEOUT:
                if (!device_timeout) {
                        errno = EOPNOTSUPP;
                        return -1;
                }
                *v = device_timeout;
                return 0;
        case WDIOC_SETPRETIMEOUT: strbuf_printf(&told, "pre=%d ", *v); return 0;
        case WDIOC_SETOPTIONS: strbuf_puts(&told, *v == WDIOS_DISABLECARD ? "off " : "on "); return 0;
        case WDIOC_KEEPALIVE: strbuf_puts(&told, "ping "); return 0;
        default: return 0;
        }
}

static void begin(usec_t runtime, usec_t pre, int has)
{
        test_reset();
        put("/watchdog", "");
        m = test_manager();
        m->watchdog_device = test_path("/watchdog");
        m->container = false;
        m->watchdog_runtime = runtime;
        m->watchdog_pre = pre;
        device_timeout = has;
        strbuf_done(&told);
}

static void end(void)
{
        test_manager_free(m);
        strbuf_done(&told);
}

static void is_told(const char *want, const char *what)
{
        is_str(told.s ?: "", want, what);
        strbuf_done(&told);
}

static bool next_in(int sec)
{
        usec_t left = m->watchdog_timer.when - now_monotonic();

        return left <= sec * USEC_PER_SEC && left > (sec - 5) * USEC_PER_SEC;
}

static void running(void)
{
        static const struct {
                usec_t runtime, pre;
                int has, next;
                const char *told, *what;
        } rows[] = {
                { 20 * USEC_PER_SEC, 0, 60, 10, "timeout=20 on ping ", "RuntimeWatchdogSec=20" },
                { USEC_INFINITY, 0, 60, 30, "on ping ", "RuntimeWatchdogSec=default: its own time" },
                { USEC_INFINITY, 0, 0, 15, "on ping ", "a device that does not say it" },
                { 20 * USEC_PER_SEC, 5 * USEC_PER_SEC, 60, 10, "timeout=20 on pre=5 ping ",
                        "RuntimeWatchdogPreSec=" },
                { 20 * USEC_PER_SEC, 25 * USEC_PER_SEC, 60, 10, "timeout=20 on ping ",
                        "RuntimeWatchdogPreSec= above it counts for nothing" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                begin(rows[i].runtime, rows[i].pre, rows[i].has);
                watchdog_apply(m);
                is_told(rows[i].told, rows[i].what);
                ok(next_in(rows[i].next), "it is written to again after half of its time");
                m->watchdog_timer.cb(&m->watchdog_timer);
                is_told("ping ", "it is");
                end();
        }
}

static void off_and_late(void)
{
        _cleanup_free_ char *path = NULL, *text = NULL;

        begin(20 * USEC_PER_SEC, 0, 60);
        path = test_path("/watchdog");
        watchdog_apply(m);
        is_told("timeout=20 on ping ", "on");
        m->watchdog_runtime = 0;
        watchdog_apply(m);
        is_told("off ", "a reload that says off stops it");
        ok(read_file(path, 0, &text, NULL) >= 0 && streq(text, "V"),
                "with the letter that says that it is meant");
        ok(!loop_timer_armed(&m->watchdog_timer), "no timer is left");
        (void)unlink(path);
        m->watchdog_runtime = 20 * USEC_PER_SEC;
        watchdog_apply(m);
        is_told("", "no device");
        ok(next_in(10), "it is looked for again");
        put("/watchdog", "");
        m->watchdog_timer.cb(&m->watchdog_timer);
        is_told("timeout=20 on ping ", "and found");
        end();
}

static void at_the_end(void)
{
        begin(20 * USEC_PER_SEC, 0, 60);
        m->watchdog_reboot = 600 * USEC_PER_SEC;
        watchdog_apply(m);
        strbuf_done(&told);
        m->objective = OBJ_REBOOT;
        ok(watchdog_hand_over(m, 200), "a reboot: it runs on");
        is_told("timeout=600 on ping ", "with RebootWatchdogSec=");
        is_int(fcntl(200, F_GETFD), 0, "the next program gets it");
        close(200);
        m->objective = OBJ_POWEROFF;
        ok(!watchdog_hand_over(m, 200), "a power off: it does not");
        is_told("off ", "it is stopped");
        m->objective = OBJ_KEXEC;
        ok(!watchdog_hand_over(m, 200), "kexec: neither, unless KExecWatchdogSec= says so");
        end();
}

int main(void)
{
        test_begin();
        running();
        off_and_late();
        at_the_end();
        return test_end();
}
