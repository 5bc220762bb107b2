/* Progress on the console: a line a finished unit (when shown), every failure, and what is waited for when nothing has
 * moved for a while: nothing hangs without a word. */
#include <stdio.h>
#include <stdarg.h>
#include <fcntl.h>
#include <time.h>

#include "manager.h"

#define QUIET_FOR (5 * USEC_PER_SEC)

void status_line(struct manager *m, const char *tag, const char *fmt, ...)
{
        char text[512], line[600];
        va_list ap;
        int n;

        if (m->status_fd < 0) {
                m->status_fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
                if (m->status_fd < 0)
                        return;
        }
        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        n = snprintf(line, sizeof(line), "[%s] %s\r\n", tag, text);
        if (write(m->status_fd, line, (size_t)MIN(n, (int)sizeof(line) - 1)) < 0)
                m->status_fd = close_fd(m->status_fd); /* hung up; open again at the next line */
}

static const struct {
        enum job_type type;
        enum job_result result;
        bool always;
        const char *tag, *text;
} lines[] = {
        { JOB_START, JOB_DONE, false, "  OK  ", "Started %s." },
        { JOB_START, JOB_FAILED, true, "FAILED", "Failed to start %s. See 'systemctl status %s'." },
        { JOB_START, JOB_TIMEOUT, true, " TIME ", "Timed out waiting for %s (%s)." },
        { JOB_START, JOB_DEPENDENCY, true, "DEPEND", "Dependency failed for %s (%s)." },
        { JOB_START, JOB_ASSERT, true, "ASSERT", "Assertion failed for %s (%s)." },
        { JOB_START, JOB_INVALID, true, "FAILED", "%s (%s) cannot be started." },
        { JOB_STOP, JOB_DONE, false, "  OK  ", "Stopped %s." },
        { JOB_STOP, JOB_FAILED, true, "FAILED", "Failed to stop %s (%s)." },
        { JOB_STOP, JOB_TIMEOUT, true, " TIME ", "Timed out stopping %s (%s)." },
};

static int finished_level(enum job_result r)
{
        return r == JOB_DONE || r == JOB_SKIPPED || r == JOB_CANCELED ? LOG_INFO : LOG_ERR;
}

/* Its text for the log; devices and slices come and go without one. */
static bool worth_a_line(struct unit *u, enum job_result r)
{
        return r != JOB_DONE || (u->type != UNIT_DEVICE && u->type != UNIT_SLICE);
}

/* The unit as StatusUnitFormat= wants it on the console. */
static void shown_name(struct unit *u, char *buf, size_t n)
{
        const char *description = unit_description(u);

        if (u->manager->status_format == STATUS_DESCRIPTION || streq(description, u->id))
                snprintf(buf, n, "%s", description);
        else if (u->manager->status_format == STATUS_NAME)
                snprintf(buf, n, "%s", u->id);
        else
                snprintf(buf, n, "%s - %s", u->id, description);
}

void manager_status_job(struct manager *m, struct job *j, int result)
{
        struct unit *u = j->unit;

        m->last_progress = now_monotonic();
        for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
                char text[400], name[256];

                if (lines[i].type != j->type || (int)lines[i].result != result || !worth_a_line(u, result))
                        continue;
                if (lines[i].type == JOB_START && result == JOB_DONE && unit_active_state(u) != UNIT_ACTIVE)
                        return; /* skipped by a condition, or a oneshot that has ended */
                snprintf(text, sizeof(text), lines[i].text, unit_description(u), u->id);
                log_unit(u->id, finished_level(result), "%s", text);
                if (m->is_pid1 &&
                        (m->show_status == SHOW_STATUS_YES || (lines[i].always && !m->boot_finished))) {
                        shown_name(u, name, sizeof(name));
                        snprintf(text, sizeof(text), lines[i].text, name, u->id);
                        status_line(m, lines[i].tag, "%s", text);
                }
                return;
        }
}

static void say_what_is_waited_for(struct manager *m, usec_t now)
{
        int n = 0;

        JOB_FOREACH(j, m)
        {
                char a[64], b[64];
                usec_t limit;

                if (j->state != JOB_RUNNING || n++ >= 8)
                        continue;
                limit = loop_timer_armed(&j->timer)     ? j->timer.when
                        : unit_ops(j->unit)->timeout_of ? unit_ops(j->unit)->timeout_of(j->unit)
                                                        : USEC_INFINITY;
                format_timespan(a, sizeof(a), now - j->began, USEC_PER_SEC);
                format_timespan(
                        b, sizeof(b), limit == USEC_INFINITY ? limit : limit - j->began, USEC_PER_SEC);
                status_line(m, " WAIT ", "A %s job is running for %s (%s; %s / %s)",
                        job_type_to_string(j->type), unit_description(j->unit), j->unit->id, a,
                        limit == USEC_INFINITY ? "no limit" : b);
                log_unit(j->unit->id, LOG_NOTICE, "Still waiting: %s job on %s, %s / %s",
                        job_type_to_string(j->type), j->unit->id, a,
                        limit == USEC_INFINITY ? "no limit" : b);
        }
}

static void watch_timer(struct loop_timer *t)
{
        struct manager *m = t->data;
        usec_t now = now_monotonic();

        if (m->n_jobs > 0 && (!m->boot_finished || m->shutting_down)) {
                if (now - m->last_progress >= QUIET_FOR)
                        say_what_is_waited_for(m, now);
                (void)loop_timer_set(m->loop, t, usec_add(now, QUIET_FOR));
        }
}

void status_watch(struct manager *m)
{
        m->watch_timer.cb = watch_timer;
        m->watch_timer.data = m;
        (void)loop_timer_set(m->loop, &m->watch_timer, usec_add(now_monotonic(), QUIET_FOR));
}
