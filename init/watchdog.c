/* The hardware watchdog of system.conf(5): a device that resets the machine when PID 1 has not written to it for a while.
 *
 * RuntimeWatchdogSec= while the machine runs: PID 1 writes twice within that time. RebootWatchdogSec= and
 * KExecWatchdogSec= from when rouse-shutdown takes over, which holds the device and does not write to it: a reboot that
 * hangs ends so. A device that comes late, with its module, is found by the timer that would have written to it. */
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "lib/fileio.h"
#include "manager.h"

#define DEVICE    "/dev/watchdog0"
#define GUESS_SEC 30 /* where the device does not say how long it waits */

static const char *device_of(const struct manager *m)
{
        return m->watchdog_device ?: DEVICE;
}

/* 0 < t: as near as the device can. USEC_INFINITY: what it has. Returns the seconds that it is. */
static int set_timeout(int fd, usec_t t)
{
        int sec = t == USEC_INFINITY ? 0 : (int)MIN((t + USEC_PER_SEC - 1) / USEC_PER_SEC, INT32_MAX);

        if (sec > 0 && ioctl(fd, WDIOC_SETTIMEOUT, &sec) < 0)
                log_warning_errno(-errno, "The hardware watchdog keeps its own time: %m");
        return ioctl(fd, WDIOC_GETTIMEOUT, &sec) >= 0 && sec > 0 ? sec : GUESS_SEC;
}

static void set_pretimeout(const struct manager *m, int fd, int timeout)
{
        int sec = (int)MIN(m->watchdog_pre / USEC_PER_SEC, INT32_MAX);
        _cleanup_free_ char *path = NULL;
        int r;

        if (sec <= 0 || sec >= timeout)
                return;
        if (m->watchdog_governor) {
                path = str_printf("/sys/class/watchdog/%s/pretimeout_governor", path_basename(device_of(m)));
                r = path ? write_attr(path, m->watchdog_governor) : -ENOMEM;
                if (r < 0)
                        log_warning_errno(r, "RuntimeWatchdogPreGovernor=%s: %m", m->watchdog_governor);
        }
        if (ioctl(fd, WDIOC_SETPRETIMEOUT, &sec) < 0)
                log_warning_errno(-errno, "RuntimeWatchdogPreSec=: %m");
}

static void ping(struct manager *m)
{
        if (ioctl(m->watchdog_fd, WDIOC_KEEPALIVE, 0) < 0)
                log_warning_errno(-errno, "The hardware watchdog cannot be written to: %m");
        (void)loop_timer_set(m->loop, &m->watchdog_timer,
                usec_add(now_monotonic(), (usec_t)m->watchdog_sec * USEC_PER_SEC / 2));
}

/* Opens the device, if there is one, for t. */
static int arm(struct manager *m, usec_t t)
{
        struct watchdog_info info = { 0 };
        int on = WDIOS_ENABLECARD, before = m->watchdog_sec;

        if (m->watchdog_fd < 0) {
                m->watchdog_fd = open(device_of(m), O_WRONLY | O_CLOEXEC | O_NOCTTY);
                if (m->watchdog_fd < 0)
                        return -errno;
                before = 0;
        }
        m->watchdog_sec = set_timeout(m->watchdog_fd, t);
        (void)ioctl(m->watchdog_fd, WDIOC_SETOPTIONS, &on); /* most begin when they are opened */
        (void)ioctl(m->watchdog_fd, WDIOC_GETSUPPORT, &info);
        if (before != m->watchdog_sec)
                log_info(
                        "Hardware watchdog %s (%.32s): resets the machine after %d s without a sign of life",
                        device_of(m), (const char *)info.identity, m->watchdog_sec);
        return 0;
}

static void disarm(struct manager *m)
{
        int off = WDIOS_DISABLECARD;

        loop_timer_cancel(m->loop, &m->watchdog_timer);
        if (m->watchdog_fd < 0)
                return;
        (void)ioctl(m->watchdog_fd, WDIOC_SETOPTIONS, &off);
        if (write(m->watchdog_fd, "V", 1) != 1) /* the close is meant */
                log_warning("The hardware watchdog may not be stopped by what follows");
        m->watchdog_fd = close_fd(m->watchdog_fd);
}

static void on_timer(struct loop_timer *t)
{
        struct manager *m = t->data;

        if (m->watchdog_fd >= 0)
                ping(m);
        else
                watchdog_apply(m);
}

void watchdog_apply(struct manager *m)
{
        usec_t t = m->watchdog_runtime;
        int r;

        m->watchdog_timer.cb = on_timer;
        m->watchdog_timer.data = m;
        if (t == 0 || m->container) { /* there it would be the host's */
                disarm(m);
                return;
        }
        r = arm(m, t);
        if (r >= 0) {
                set_pretimeout(m, m->watchdog_fd, m->watchdog_sec);
                ping(m);
                return;
        }
        log_debug_errno(r, "Hardware watchdog %s: %m", device_of(m));
        (void)loop_timer_set(m->loop, &m->watchdog_timer,
                usec_add(now_monotonic(), t == USEC_INFINITY ? GUESS_SEC / 2 * USEC_PER_SEC : t / 2));
}

bool watchdog_hand_over(struct manager *m, int fd)
{
        usec_t t = m->objective == OBJ_REBOOT  ? m->watchdog_reboot
                   : m->objective == OBJ_KEXEC ? m->watchdog_kexec
                                               : 0;

        if (t == 0 || m->container || arm(m, t) < 0) {
                disarm(m);
                return false;
        }
        ping(m);
        if (m->watchdog_fd == fd)
                return fcntl(fd, F_SETFD, 0) >= 0;
        return dup2(m->watchdog_fd, fd) >= 0;
}
