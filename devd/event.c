/* The steps of an event: see event.h. */
#include "event.h"

#include "lib/log.h"
#include "monitor.h"
#include "pid1.h"
#include "reenum.h"
#include "watch.h"

#define PUMP_TURN   64 /* events begun before the loop looks at its descriptors again */
#define REPLAYS_MAX 64
#define RULES_CHECK (3 * USEC_PER_SEC)

static struct loop_deferred pump_deferred;
static struct event_run *running;

/* The kernel's message as a device; one of our own making from /sys. */
static int device_of_event(const struct event *e, struct device **ret)
{
        static struct uevent u; /* 8 KiB, used here only */
        _cleanup_free_ char *syspath = NULL;
        int r;

        if (!e->raw) {
                syspath = path_join("/sys", e->devpath);
                return syspath ? device_from_syspath(syspath, e->action, ret) : -ENOMEM;
        }
        if (e->raw_len > sizeof(u.buf))
                return -EBADMSG;
        memcpy(u.buf, e->raw, e->raw_len);
        r = uevent_parse(&u, e->raw_len);
        return r < 0 ? r : device_from_uevent(&u, ret);
}

/* A fresh device with what the database remembers of it, ready for the rules. */
static int prepare(struct event_run *run)
{
        _cleanup_device_ struct device *before = TAKE_PTR(run->d);
        struct device *d;
        int r;

        r = device_of_event(run->e, &run->d);
        if (r < 0)
                return r;
        d = run->d;
        if (!d->seqnum)
                d->seqnum = run->m->seqnum;
        if (before) /* the rules run again: one event sees one state of /sys, and of the database, which is ours */
                device_take_reads(d, before);
        if (!run->old_read) {
                r = db_read_old(d, &run->old);
                if (r < 0 && r != -ENOENT)
                        log_warning_errno(r, "%s: database entry: %m", d->syspath);
                run->old_read = true;
        }
        if (run->old)
                d->usec_initialized = run->old->usec_initialized;
        if (streq(d->action, "remove"))
                (void)db_read(d); /* rules of a removal see what was known */
        else if (run->old && strv_extend(&d->tags_all, run->old->tags_all) < 0)
                return -ENOMEM;
        if (streq(d->action, "move"))
                (void)device_set_prop(d, "ID_RENAMING", NULL);
        return 0;
}

static int apply_rules(struct event_run *run)
{
        int r;

        device_near(run->d->syspath);
        r = rules_apply(run->m->rules, run->d, &run->re, &event_ops);
        device_near(NULL);
        return r;
}

/* The rules, over a fresh device, or on from where they were put off. Their answer, or what prepare() says. */
static int apply_once(struct event_run *run)
{
        struct devd *m = run->m;
        int r;

        if (run->d && m->rules && rules_stopped(m->rules, &run->re)) {
                run->re.global_env = m->global_env;
                return apply_rules(run);
        }
        rules_event_done(&run->re);
        run->re = (struct rules_event) {};
        r = prepare(run);
        if (r < 0)
                return r;
        run->cursor = 0;
        run->re = (struct rules_event) {
                .old = run->old,
                .global_env = m->global_env,
                .program_timeout = m->event_timeout,
                .data = run,
        };
        if (!m->rules || !rules_may_match(m->rules, run->d))
                return 0;
        return apply_rules(run);
}

void event_rules(struct event_run *run)
{
        int r;

        for (;;) {
                r = apply_once(run);
                if (r != RULES_DEFER || !run->pending)
                        break;
                if (run->replays++ >= REPLAYS_MAX) {
                        log_warning("%s: asks for too many programs, '%s' is not run", run->d->syspath,
                                run->pending);
                        break;
                }
                r = event_start_pending(run);
                if (r >= 0)
                        return;
                log_warning_errno(r, "%s: '%s': %m", run->d->syspath, run->pending);
                event_pending_failed(run, r);
        }
        if (!run->d) { /* gone from /sys, or nothing that can be handled: nothing was promised to anybody */
                log_debug_errno(r, "%s: %m", run->e->devpath);
                watch_end(run->m, run->e->id);
                event_end(run, false);
                return;
        }
        if (r < 0)
                log_warning_errno(r, "%s: rules: %m", run->d->syspath);
        run->rules_result = r;
        event_finish(run);
}

static void event_start(struct devd *m, struct event *e)
{
        struct event_run *run = calloc(1, sizeof(*run));

        if (!run) {
                log_oom();
                queue_finish(m->queue, e);
                return;
        }
        run->m = m;
        run->e = e;
        e->run = run;
        run->next = running;
        if (running)
                running->prev = run;
        running = run;
        run->retry = (struct loop_timer) { .when = USEC_INFINITY };
        if (now_monotonic() - m->rules_checked >= RULES_CHECK)
                daemon_reload(m, false);
        watch_pause(m, e->id);
        event_rules(run);
}

static void run_free(struct event_run *run)
{
        if (run->prev)
                run->prev->next = run->next;
        else
                running = run->next;
        if (run->next)
                run->next->prev = run->prev;
        loop_timer_cancel(run->m->loop, &run->retry);
        rules_event_done(&run->re);
        event_memos_free(run);
        device_unref(run->d);
        device_unref(run->old);
        strv_free(run->env);
        run->e->run = NULL;
        queue_finish(run->m->queue, run->e);
        free(run);
}

void event_end(struct event_run *run, bool tell)
{
        struct devd *m = run->m;

        if (tell) {
                if (m->monitor)
                        monitor_send(m->monitor, run->d);
                reenum_note(m, run->d);
                if (run->unwritten)
                        reenum_failed(m, run->d->devpath);
                else
                        reenum_written();
                pid1_event(m, run->d, run->old);
                if (run->d->ifindex > 0 && !streq(run->d->action, "add"))
                        netif_name_free(m);
        }
        run_free(run);
        events_pump_later(m);
}

static void on_pump(struct loop_deferred *d)
{
        events_pump(d->data);
}

void events_pump_later(struct devd *m)
{
        pump_deferred.cb = on_pump;
        pump_deferred.data = m;
        loop_defer(m->loop, &pump_deferred);
}

void events_pump(struct devd *m)
{
        struct event *e;

        for (unsigned i = 0; i < PUMP_TURN; i++) {
                e = queue_next(m->queue);
                if (!e) {
                        daemon_check_idle(m);
                        return;
                }
                event_start(m, e);
        }
        events_pump_later(m);
}

void events_abandon(struct devd *m)
{
        loop_defer_cancel(m->loop, &pump_deferred);
        while (running) {
                if (running->task)
                        task_forget(running->task);
                if (running->request)
                        pool_forget(running->request);
                run_free(running);
        }
        queue_done_all(m->queue);
}
