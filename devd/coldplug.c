/* Coldplug: see coldplug.h. */
#include "coldplug.h"

#include <stdio.h>

#include "event.h"
#include "modules.h"
#include "pid1.h"
#include "lib/fileio.h"
#include "lib/initrddevs.h"
#include "lib/log.h"
#include "reenum.h"
#include "sysenum.h"

struct coldplug {
        struct devd *m;
        struct sysenum all;
        size_t next;
        unsigned queued, skipped;
        usec_t since;
        struct loop_deferred step;
        struct loop_timer hold;
        bool active, held, holds;
};

#define HOLD_FOR   (3 * USEC_PER_SEC) /* should PID 1 never say so */
#define FIRST_PART 4                  /* of sysenum's sources, in its order: disks, virtio, PCI, network */

bool coldplug_active(const struct devd *m)
{
        return m->coldplug && m->coldplug->active;
}

bool coldplug_begun(const struct devd *m)
{
        return m->coldplug;
}

/* Has the daemon work with it at all? */
static bool worth_an_event(struct devd *m, const struct uevent *u)
{
        _cleanup_device_ struct device *d = NULL;

        if (u->major >= 0 || u->ifindex > 0)
                return true; /* its database entry says "initialised" */
        if (device_from_uevent(u, &d) < 0)
                return false;
        return !m->rules || rules_may_match(m->rules, d);
}

static void take(const struct uevent *u, void *data)
{
        struct coldplug *c = data;

        if (queue_has_path(c->m->queue, u->devpath) || reenum_known(c->m, u->devpath))
                return; /* its own event came meanwhile */
        if (!worth_an_event(c->m, u)) {
                c->skipped++;
                return;
        }
        if (queue_add(c->m->queue, u) >= 0)
                c->queued++;
}

static void done_path(char path[static PATH_MAX])
{
        snprintf(path, PATH_MAX, "%s/.coldplugged", root_run());
}

static void finish(struct coldplug *c)
{
        char path[PATH_MAX];

        c->active = false;
        sysenum_done(&c->all);
        log_info("Coldplug: %u devices, %u that no rule is for, read in %lld ms", c->queued, c->skipped,
                (long long)((now_monotonic() - c->since) / USEC_PER_MSEC));
        /* A later devd only looks for differences. */
        done_path(path);
        (void)write_file_atomic(path, "", 0, 0644, false);
        if (c->m->unclean)
                reenum_takeover(c->m);
        daemon_check_idle(c->m);
}

static void step(struct coldplug *c)
{
        if (c->held)
                return;
        if (c->next < c->all.n)
                (void)sysenum_walk(&c->all.source[c->next++], "add", c->m->seqnum, take, c);
        events_pump(c->m);
        if (c->next == FIRST_PART && c->holds && c->next < c->all.n) {
                c->held = true;
                daemon_check_idle(c->m);
        } else if (c->next < c->all.n)
                loop_defer(c->m->loop, &c->step);
        else
                finish(c);
}

static void on_step(struct loop_deferred *d)
{
        step(d->data);
}

static void on_hold_over(struct loop_timer *t)
{
        coldplug_hurry(((struct coldplug *)t->data)->m);
}

bool coldplug_held(const struct devd *m)
{
        return m->coldplug && m->coldplug->held;
}

bool coldplug_holds(const struct devd *m)
{
        return m->coldplug && m->coldplug->holds;
}

void coldplug_hurry(struct devd *m)
{
        struct coldplug *c = m->coldplug;

        if (!c || !c->holds)
                return;
        log_info("Coldplug: the rest begins after %lld ms",
                (long long)((now_monotonic() - c->since) / USEC_PER_MSEC));
        c->holds = false;
        loop_timer_cancel(m->loop, &c->hold);
        if (c->held)
                loop_defer(m->loop, &c->step);
        c->held = false;
        modules_resume(m);
}

bool coldplug_fetch(struct devd *m, const char *name)
{
        static struct uevent u;
        const char *base = path_startswith(name, "/dev");
        _cleanup_device_ struct device *d = NULL;

        if (!coldplug_holds(m) || !base || !*base || strchr(base, '/') ||
                device_from_subsystem("tty", base, &d) < 0 ||
                sysenum_event(&u, "add", d->devpath, "tty", m->seqnum) < 0)
                return false;
        take(&u, m->coldplug);
        events_pump(m);
        return true;
}

int coldplug_or_takeover(struct devd *m)
{
        char path[PATH_MAX];

        done_path(path);
        if (coldplug_begun(m) || access(path, F_OK) < 0)
                return coldplug_start(m);
        reenum_takeover(m);
        return 0;
}

int coldplug_start(struct devd *m)
{
        struct coldplug *c = m->coldplug;
        _cleanup_free_ char *seqnum = NULL;
        int r;

        if (c && c->active)
                return 0;
        if (!c) {
                c = m->coldplug = calloc(1, sizeof(*c));
                if (!c)
                        return -ENOMEM;
                c->m = m;
                c->step = (struct loop_deferred) { .cb = on_step, .data = c };
                c->hold = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_hold_over, .data = c };
        }
        if (m->seqnum == 0 && read_one_line("/sys/kernel/uevent_seqnum", &seqnum) >= 0)
                (void)parse_u64(seqnum, &m->seqnum);
        r = sysenum_open(&c->all);
        if (r < 0)
                return r;
        c->next = 0;
        c->queued = c->skipped = 0;
        c->since = now_monotonic();
        c->active = true;
        c->holds = m->pid1 && !pid1_settles(m);
        if (c->holds)
                (void)loop_timer_set(m->loop, &c->hold, usec_add(now_monotonic(), HOLD_FOR));
        device_keep_above(true);
        daemon_check_idle(m);
        step(c); /* the disks, at once */
        return 0;
}

void coldplug_free(struct devd *m)
{
        struct coldplug *c = m->coldplug;

        if (!c)
                return;
        loop_defer_cancel(m->loop, &c->step);
        loop_timer_cancel(m->loop, &c->hold);
        sysenum_done(&c->all);
        free(c);
        m->coldplug = NULL;
}
