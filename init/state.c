/* Live state: the writing side. state.h has the form and who does what; state-restore.c reads it back. */
#include "cgroup.h"
#include "clean.h"
#include "state.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "manager.h"

#define LOG_MIN (64u * 1024) /* below this a log is never written anew */

struct state {
        struct manager *m;
        int fd;
        size_t size, live; /* of the log; of the log when it was last written anew */
        struct unit *dirty;
        bool manager_dirty;
        struct loop_deferred flush;
};

static int the_fd = -1; /* for the crash handler */

int state_fd(void)
{
        return the_fd;
}

uint64_t process_start_time(pid_t pid)
{
        _cleanup_free_ char *stat = NULL;
        unsigned long long began = 0;
        char path[32];
        const char *p;

        snprintf(path, sizeof(path), "/proc/%d/stat", pid);
        if (read_one_line(path, &stat) < 0 || !(p = strrchr(stat, ')')))
                return 0;
        (void)sscanf(p + 1,
                " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &began);
        return began;
}

void state_set_fd(int fd)
{
        the_fd = fd;
}

/* ---- lines ---- */

static void put_escaped(struct strbuf *b, const char *value)
{
        for (const char *p = value;;) {
                size_t n = strcspn(p, "\n\\");

                strbuf_add(b, p, n);
                if (!p[n])
                        return;
                strbuf_puts(b, p[n] == '\n' ? "\\n" : "\\\\");
                p += n + 1;
        }
}

void state_put(struct state_out *s, const char *key, const char *value)
{
        if (!value)
                return;
        strbuf_puts(&s->b, key);
        strbuf_putc(&s->b, '=');
        put_escaped(&s->b, value);
        strbuf_putc(&s->b, '\n');
}

/* Decimal, ending at end; its first digit. By hand: a record has a dozen of them, and is written at each event. */
static char *decimal(char *end, int64_t value)
{
        uint64_t v = value < 0 ? -(uint64_t)value : (uint64_t)value;

        *--end = '\0';
        do
                *--end = (char)('0' + v % 10);
        while (v /= 10);
        if (value < 0)
                *--end = '-';
        return end;
}

void state_put_int(struct state_out *s, const char *key, int64_t value, int64_t unless)
{
        char buf[24];

        if (value != unless)
                state_put(s, key, decimal(buf + sizeof(buf), value));
}

void state_put_flag(struct state_out *s, const char *key, bool value)
{
        if (value)
                state_put(s, key, "1");
}

void state_put_fd(struct state_out *s, const char *key, int fd)
{
        if (fd >= 0)
                state_put_int(s, key, fd, -1);
}

void state_put_pid(struct state_out *s, const char *key, pid_t pid)
{
        if (pid <= 0)
                return;
        strbuf_printf(&s->b, "%s=%d %llu\n", key, pid, (unsigned long long)process_start_time(pid));
}

void state_put_strv(struct state_out *s, const char *key, char *const *list)
{
        FOREACH_STR (i, list)
                state_put(s, key, *i);
}

/* ---- records ---- */

static void put_job(struct state_out *s, const struct job *j)
{
        strbuf_printf(&s->b, "job=%u %s %s %d %d %lld %lld\n", j->id, job_type_to_string(j->type),
                j->state == JOB_RUNNING ? "running" : "waiting", j->irreversible, j->ignore_order,
                (long long)j->created, (long long)j->began);
}

static void put_times(struct state_out *s, const struct unit *u)
{
        state_put_int(s, "state-change", u->state_change, 0);
        state_put_int(s, "inactive-exit", u->inactive_exit, 0);
        state_put_int(s, "active-enter", u->active_enter, 0);
        state_put_int(s, "active-exit", u->active_exit, 0);
        state_put_int(s, "inactive-enter", u->inactive_enter, 0);
        state_put_int(s, "condition-time", u->condition_time, 0);
        state_put_int(s, "assert-time", u->assert_time, 0);
        state_put_int(s, "condition-result", u->condition_result, -1);
        state_put_int(s, "assert-result", u->assert_result, -1);
}

static void put_unit(struct state_out *s, struct unit *u)
{
        put_times(s, u);
        if (u->invocation_id[0])
                state_put(s, "invocation-id", u->invocation_id);
        state_put(s, "exec-run", u->exec_run);
        if (u->limit_count) {
                state_put_int(s, "limit-begin", u->limit_begin, 0);
                state_put_int(s, "limit-count", u->limit_count, 0);
        }
        state_put_flag(s, "limit-hit", u->start_limit_hit);
        state_put_flag(s, "transient", u->transient);
        state_put_flag(s, "collect", u->collect_inactive_or_failed);
        state_put_strv(s, "dropped", u->dropped);
        state_put_strv(s, "ref", u->refs);
        state_put_int(s, "markers", u->markers, 0);
        if (u->cgroup_realized) {
                state_put(s, "cgroup", u->cgroup_path);
                state_put_flag(s, "cgroup-killed", u->cgroup_killed);
                state_put_flag(s, "cgroup-watched", u->cgroup_wd >= 0);
        }
        cgroup_serialise_usage(u, s);
        clean_serialise(u, s);
        if (u->job)
                put_job(s, u->job);
        if (unit_ops(u)->serialise)
                unit_ops(u)->serialise(u, s);
}

/* A unit of which there is nothing to say has no record, or an empty one over the one before. */
static void write_unit(struct state_out *s, struct unit *u)
{
        size_t begin = s->b.len, body;

        strbuf_printf(&s->b, "[unit %s]\n", u->id);
        body = s->b.len;
        if (u->load_state != UNIT_MERGED && u->load_state != UNIT_STUB)
                put_unit(s, u);
        if (s->b.len == body && !u->state_written && !s->b.failed) {
                s->b.len = begin;
                s->b.s[begin] = '\0';
                return;
        }
        u->state_written = s->b.len != body;
        strbuf_putc(&s->b, '\n');
}

static void write_manager(struct state_out *s, struct manager *m)
{
        strbuf_puts(&s->b, "[manager]\n");
        state_put_int(s, "next-job", m->next_job_id, 0);
        state_put_int(s, "jobs-installed", m->n_installed_jobs, 0);
        state_put_int(s, "jobs-done", (int64_t)m->n_jobs_done, 0);
        state_put_int(s, "jobs-failed", (int64_t)m->n_jobs_failed, 0);
        state_put_int(s, "failed-units", m->n_failed_units, 0);
        state_put_int(s, "spawned", m->n_spawned, 0);
        state_put_int(s, "t-userspace", m->t_userspace, 0);
        state_put_int(s, "t-initrd", m->t_initrd, 0);
        state_put_int(s, "t-units-loaded", m->t_units_loaded, 0);
        state_put_int(s, "t-generators-start", m->t_generators_start, 0);
        state_put_int(s, "t-generators-done", m->t_generators_done, 0);
        state_put_int(s, "t-finish", m->t_finish, 0);
        state_put_int(s, "generation", (int64_t)m->generation, 0);
        state_put_int(s, "log-level", log_get_max_level(), -1);
        state_put_flag(s, "boot-finished", m->boot_finished);
        state_put_flag(s, "shutting-down", m->shutting_down);
        state_put_flag(s, "first-boot", m->first_boot);
        state_put_int(s, "show-status", m->show_status, SHOW_STATUS_NO);
        state_put(s, "default-target", m->default_target);
        state_put(s, "reboot-argument", m->reboot_arg);
        state_put_int(s, "exit-code", m->exit_code, 0);
        state_put_flag(s, "environment-reset", true);
        state_put_strv(s, "environment", m->environment);
        state_put_strv(s, "set-environment", m->set_environment);
        devlink_serialise(m, s);
        control_serialise(m, s);
        strbuf_putc(&s->b, '\n');
}

/* ---- the log ---- */

static void dirty_clear(struct state *st)
{
        while (st->dirty) {
                struct unit *u = st->dirty;

                st->dirty = u->state_next;
                u->state_next = NULL;
                u->in_state = false;
        }
        st->manager_dirty = false;
}

int state_write_all(struct manager *m)
{
        struct state *st = m->state;
        struct state_out s = { { 0 } };
        int fd, r;

        if (!st) {
                state_begin(m);
                st = m->state;
                if (!st)
                        return -ENOMEM;
        }
        dirty_clear(st);
        strbuf_puts(&s.b, STATE_FIRST_LINE);
        write_manager(&s, m);
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if (e->key != u->names[0])
                        continue;
                u->state_written = false;
                write_unit(&s, u);
        }
        fd = memfd_create("rouse-state", MFD_CLOEXEC);
        r = fd < 0 ? -errno : s.b.failed ? -ENOMEM : write_all(fd, s.b.s, s.b.len);
        if (r >= 0) {
                close_fd(st->fd);
                the_fd = st->fd = fd;
                st->size = st->live = s.b.len;
        } else
                close_fd(fd);
        strbuf_done(&s.b);
        return r < 0 ? log_error_errno(r, "The state of units could not be written down: %m") : fd;
}

static void flush(struct loop_deferred *d)
{
        struct state *st = d->data;
        struct state_out s = { { 0 } };

        if (st->fd < 0 || (st->size > LOG_MIN && st->size > 2 * st->live)) {
                (void)state_write_all(st->m);
                return;
        }
        if (st->manager_dirty)
                write_manager(&s, st->m);
        for (struct unit *u = st->dirty; u; u = u->state_next)
                write_unit(&s, u);
        dirty_clear(st);
        if (s.b.failed || (s.b.len > 0 && write_all(st->fd, s.b.s, s.b.len) < 0))
                (void)state_write_all(st->m); /* half a record: begin anew */
        else
                st->size += s.b.len;
        strbuf_done(&s.b);
}

void state_begin(struct manager *m)
{
        struct state *st;

        if (m->state)
                return;
        st = calloc(1, sizeof(*st));
        if (!st) {
                log_oom();
                return;
        }
        st->m = m;
        st->fd = -1;
        st->flush = (struct loop_deferred) { .cb = flush, .data = st };
        m->state = st;
        loop_defer(m->loop, &st->flush);
}

void state_touch(struct unit *u)
{
        struct state *st = u->manager->state;

        if (!st || u->in_state)
                return;
        u->in_state = true;
        u->state_next = st->dirty;
        st->dirty = u;
        loop_defer(u->manager->loop, &st->flush);
}

void state_touch_manager(struct manager *m)
{
        struct state *st = m->state;

        if (!st)
                return;
        st->manager_dirty = true;
        loop_defer(m->loop, &st->flush);
}

void state_forget(struct unit *u)
{
        struct state *st = u->manager->state;

        if (!st)
                return;
        for (struct unit **p = &st->dirty; u->in_state && *p; p = &(*p)->state_next)
                if (*p == u) {
                        *p = u->state_next;
                        break;
                }
        if (u->state_written && st->fd >= 0) {
                _cleanup_free_ char *empty = str_printf("[unit %s]\n\n", u->id);

                if (empty && write_all(st->fd, empty, strlen(empty)) >= 0)
                        st->size += strlen(empty);
        }
}

int state_dump(struct manager *m, char **ret)
{
        _cleanup_free_ char *path = NULL;
        struct state *st;
        int r = state_write_all(m);

        if (r < 0)
                return r;
        st = m->state;
        path = str_printf("/proc/self/fd/%d", st->fd);
        return path ? read_file(path, 0, ret, NULL) : -ENOMEM;
}

void state_free(struct manager *m)
{
        struct state *st = m->state;

        if (!st)
                return;
        loop_defer_cancel(m->loop, &st->flush);
        the_fd = close_fd(st->fd);
        free(st);
        m->state = NULL;
}
