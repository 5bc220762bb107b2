/* The wall clock and the local time zone. A timerfd that ends by ECANCELED tells of a clock that was set and of a wake-up;
 * inotify on /etc of a new /etc/localtime. */
#include <sys/inotify.h>
#include <sys/timerfd.h>
#include <time.h>

#include "clock.h"
#include "manager.h"

struct clock_watch {
        struct loop_io clock, zone;
};

static void arm(struct loop_io *io)
{
        const struct itimerspec never = { .it_value.tv_sec = INT64_MAX / (int64_t)USEC_PER_SEC / 1000 };

        (void)timerfd_settime(io->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

static void on_clock(struct loop_io *io, uint32_t revents)
{
        uint64_t n;

        (void)!read(io->fd, &n, sizeof(n)); /* ECANCELED */
        arm(io);
        timer_clock_changed(io->data, false);
}

static void on_etc(struct loop_io *io, uint32_t revents)
{
        char buf[4096] __attribute__((aligned(8)));
        bool changed = false;
        ssize_t n;

        while ((n = read(io->fd, buf, sizeof(buf))) > 0)
                for (ssize_t o = 0; o < n;) {
                        struct inotify_event *e = (struct inotify_event *)(buf + o);

                        changed |= e->len > 0 && streq(e->name, "localtime");
                        o += (ssize_t)(sizeof(*e) + e->len);
                }
        if (!changed)
                return;
        tzset();
        timer_clock_changed(io->data, true);
}

void clock_watch(struct manager *m)
{
        struct clock_watch *w;

        if (m->clock)
                return;
        w = calloc(1, sizeof(*w));
        if (!w) {
                log_oom();
                return;
        }
        m->clock = w;
        w->clock = (struct loop_io) { .fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK),
                .events = EPOLLIN,
                .cb = on_clock,
                .data = m };
        w->zone = (struct loop_io) {
                .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .events = EPOLLIN, .cb = on_etc, .data = m
        };
        if (w->clock.fd < 0 || loop_io_add(m->loop, &w->clock) < 0)
                log_warning("Changes of the clock are not seen");
        else
                arm(&w->clock);
        if (w->zone.fd < 0 ||
                inotify_add_watch(w->zone.fd, "/etc", IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_CLOSE_WRITE) <
                        0 ||
                loop_io_add(m->loop, &w->zone) < 0)
                log_warning("Changes of the time zone are not seen");
}

void clock_unwatch(struct manager *m)
{
        struct clock_watch *w = m->clock;
        struct loop_io *both[] = { w ? &w->clock : NULL, w ? &w->zone : NULL };

        for (size_t i = 0; w && i < ARRAY_SIZE(both); i++) {
                int fd = both[i]->fd;

                loop_io_remove(m->loop, both[i]);
                close_fd(fd);
        }
        free(w);
        m->clock = NULL;
}
