/* Live state: reading it back. state.h has the form; the order here is
 *
 *     the manager's record, with the descriptors of its links
 *     units by their records: read from disk, cgroup opened, values of theirs and of their type
 *     coldplug() of each: processes watched, descriptors in the loop, timers armed
 *     jobs: as they were; those that what has happened meanwhile has overtaken are looked at again
 *     every descriptor that nobody claimed is closed */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/fileio.h"
#include "cgroup.h"
#include "clean.h"
#include "manager.h"
#include "state.h"
#include "types.h"

/* ---- values ---- */

static uint8_t *claimed; /* descriptors that a record named, a bit each */
static size_t n_claimed;

static void claim(int fd)
{
        size_t need = (size_t)fd / 8 + 1;

        if (need > n_claimed) {
                uint8_t *grown = realloc(claimed, need * 2);

                if (!grown) {
                        log_oom();
                        return;
                }
                memset(grown + n_claimed, 0, need * 2 - n_claimed);
                claimed = grown;
                n_claimed = need * 2;
        }
        bit_set(claimed, (unsigned)fd);
}

int64_t state_get_int(const char *value, int64_t otherwise)
{
        int64_t v;

        return parse_i64(value, &v) < 0 ? otherwise : v;
}

int state_get_fd(const char *value)
{
        int64_t fd = state_get_int(value, -1);

        if (fd < 3 || fd > INT_MAX || fcntl((int)fd, F_SETFD, FD_CLOEXEC) < 0)
                return -1;
        claim((int)fd);
        return (int)fd;
}

pid_t state_get_pid(const char *value)
{
        unsigned long long began = 0, now;
        int pid = 0;

        if (sscanf(value, "%d %llu", &pid, &began) < 1 || pid <= 1)
                return 0;
        now = process_start_time(pid);
        if (began && now && now != began)
                return 0;
        return pid;
}

int state_find_name(const char *const *names, size_t n, const char *value)
{
        for (size_t i = 0; i < n; i++)
                if (names[i] && streq(names[i], value))
                        return (int)i;
        return -1;
}

/* ---- processes that went while nobody looked ---- */

struct gone {
        struct loop_deferred d;
        struct unit *u;
        pid_t pid;
        struct gone *next;
};
static struct gone *all_gone;

static void tell_gone(struct loop_deferred *d)
{
        struct gone *g = d->data;
        struct unit *u = g->u;
        pid_t pid = g->pid;

        for (struct gone **p = &all_gone; *p; p = &(*p)->next)
                if (*p == g) {
                        *p = g->next;
                        break;
                }
        free(g);
        if (u && unit_ops(u)->child)
                unit_ops(u)->child(u, pid, CLD_KILLED, SIGKILL);
}

void state_forget_gone(struct unit *u)
{
        for (struct gone *g = all_gone; g; g = g->next)
                if (g->u == u)
                        g->u = NULL;
}

void state_watch_pid(struct unit *u, pid_t pid)
{
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        struct gone *g;

        if (pidfd >= 0) {
                (void)unit_watch_pid(
                        u, pid, pidfd); /* one that waits to be reaped is, by the next SIGCHLD */
                return;
        }
        log_unit(u->id, LOG_NOTICE, "Process %d has ended meanwhile, nobody knows how", pid);
        g = calloc(1, sizeof(*g));
        if (!g) {
                log_oom();
                return;
        }
        *g = (struct gone) { .d = { .cb = tell_gone, .data = g }, .u = u, .pid = pid, .next = all_gone };
        all_gone = g;
        loop_defer(u->manager->loop, &g->d);
}

/* ---- the manager ---- */

static bool take_number(struct manager *m, const char *key, const char *value)
{
        const struct {
                const char *key;
                usec_t *time;
                uint32_t *count;
                uint64_t *big;
        } rows[] = {
                { "next-job", .count = &m->next_job_id },
                { "jobs-installed", .count = &m->n_installed_jobs },
                { "jobs-done", .big = &m->n_jobs_done },
                { "jobs-failed", .big = &m->n_jobs_failed },
                { "failed-units", .count = &m->n_failed_units },
                { "spawned", .count = &m->n_spawned },
                { "t-userspace", .time = &m->t_userspace },
                { "t-initrd", .time = &m->t_initrd },
                { "t-units-loaded", .time = &m->t_units_loaded },
                { "t-generators-start", .time = &m->t_generators_start },
                { "t-generators-done", .time = &m->t_generators_done },
                { "t-finish", .time = &m->t_finish },
                { "generation", .big = &m->generation },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t v = state_get_int(value, 0);

                if (!streq(key, rows[i].key))
                        continue;
                if (rows[i].time)
                        *rows[i].time = v;
                else if (rows[i].count)
                        *rows[i].count = (uint32_t)v;
                else
                        *rows[i].big = (uint64_t)v;
                return true;
        }
        return false;
}

static bool manager_deserialise(struct manager *m, const char *key, const char *value)
{
        if (take_number(m, key, value))
                return true;
        if (streq(key, "log-level"))
                log_set_max_level((int)state_get_int(value, LOG_INFO));
        else if (streq(key, "boot-finished"))
                m->boot_finished = true;
        else if (streq(key, "shutting-down"))
                m->shutting_down = true;
        else if (streq(key, "first-boot"))
                m->first_boot = true;
        else if (streq(key, "show-status"))
                m->show_status =
                        state_get_int(value, 0) == SHOW_STATUS_ERROR ? SHOW_STATUS_ERROR : SHOW_STATUS_YES;
        else if (streq(key, "default-target"))
                (void)str_replace(&m->default_target, value);
        else if (streq(key, "reboot-argument"))
                (void)str_replace(&m->reboot_arg, value);
        else if (streq(key, "exit-code"))
                m->exit_code = (int)state_get_int(value, 0);
        else if (streq(key, "environment-reset")) {
                strv_reset(&m->environment);
                strv_reset(&m->set_environment);
        } else if (streq(key, "environment"))
                (void)strv_env_set(&m->environment, value);
        else if (streq(key, "set-environment"))
                (void)strv_env_set(&m->set_environment, value);
        else
                return false;
        return true;
}

/* ---- units ---- */

static bool take_time(struct unit *u, const char *key, const char *value)
{
        const struct {
                const char *key;
                usec_t *at;
        } times[] = {
                { "state-change", &u->state_change },
                { "inactive-exit", &u->inactive_exit },
                { "active-enter", &u->active_enter },
                { "active-exit", &u->active_exit },
                { "inactive-enter", &u->inactive_enter },
                { "condition-time", &u->condition_time },
                { "assert-time", &u->assert_time },
                { "limit-begin", &u->limit_begin },
        };

        for (size_t i = 0; i < ARRAY_SIZE(times); i++)
                if (streq(key, times[i].key)) {
                        *times[i].at = state_get_int(value, 0);
                        return true;
                }
        return false;
}

/* "After=b.service": an edge of a cycle that was broken; the files have made it again. */
static void drop_again(struct unit *u, const char *edge)
{
        const char *eq = strchr(edge, '=');
        struct unit *o = eq ? unit_find(u->manager, eq + 1) : NULL;

        if (strv_add(&u->dropped, edge) < 0)
                log_oom();
        if (o)
                unit_drop_dep(u, startswith(edge, "After=") ? DEP_AFTER : DEP_BEFORE, o);
}

static void take_job(struct unit *u, const char *value)
{
        char type[32], state[32];
        long long created, began;
        int irreversible, ignore_order, t;
        unsigned id;
        struct job *j;

        if (sscanf(value, "%u %31s %31s %d %d %lld %lld", &id, type, state, &irreversible, &ignore_order,
                    &created, &began) != 7)
                return;
        t = job_type_from_string(type);
        if (t < 0 || t > JOB_NOP || !(j = job_new(u, (enum job_type)t)))
                return;
        j->id = id;
        j->irreversible = irreversible;
        j->ignore_order = ignore_order;
        j->created = created;
        j->began = began;
        if (streq(state, "running")) {
                j->state = JOB_RUNNING;
                u->manager->n_running_jobs++;
        }
}

static bool take_unit_line(struct unit *u, const char *key, const char *value)
{
        if (take_time(u, key, value))
                return true;
        if (streq(key, "condition-result"))
                u->condition_result = (int)state_get_int(value, -1);
        else if (streq(key, "assert-result"))
                u->assert_result = (int)state_get_int(value, -1);
        else if (streq(key, "invocation-id"))
                snprintf(u->invocation_id, sizeof(u->invocation_id), "%s", value);
        else if (streq(key, "exec-run"))
                (void)str_replace(&u->exec_run, value);
        else if (streq(key, "limit-count"))
                u->limit_count = (unsigned)state_get_int(value, 0);
        else if (streq(key, "limit-hit"))
                u->start_limit_hit = true;
        else if (streq(key, "transient"))
                u->transient = true;
        else if (streq(key, "collect"))
                u->collect_inactive_or_failed = true;
        else if (streq(key, "dropped"))
                drop_again(u, value);
        else if (streq(key, "markers"))
                u->markers = (unsigned)state_get_int(value, 0) & (MARKED_RELOAD | MARKED_RESTART);
        else if (streq(key, "ref"))
                (void)unit_add_ref(u, value);
        else if (streq(key, "cgroup"))
                (void)cgroup_adopt(u, value);
        else if (streq(key, "cgroup-killed"))
                u->cgroup_killed = true;
        else if (streq(key, "cgroup-watched"))
                (void)cgroup_watch(u);
        else if (streq(key, "usage"))
                cgroup_deserialise_usage(u, value);
        else if (streq(key, "job"))
                take_job(u, value);
        else if (!clean_deserialise(u, key, value))
                return unit_ops(u)->deserialise && unit_ops(u)->deserialise(u, key, value);
        return true;
}

struct restore {
        struct manager *m;
        struct {
                struct unit *u;
                char *lines;
        } * units;
        size_t n, cap;
};

static int take_manager(struct manager *m, char *lines)
{
        char *key, *value;

        while (state_next_line(&lines, &key, &value))
                if (!manager_deserialise(m, key, value) && !devlink_deserialise(m, key, value) &&
                        !control_deserialise(m, key, value))
                        log_notice("State of the manager: %s is not known; left out", key);
        return 0;
}

/* The manager's values at once; of units only that they are wanted, so that all are read together. */
static int take_record(const char *name, char *lines, void *data)
{
        struct restore *r = data;
        const char *id = startswith(name, "unit ");

        if (streq(name, "manager"))
                return take_manager(r->m, lines);
        if (!id)
                return 0; /* crashes: crash.c counts them */
        if (r->n == r->cap) {
                size_t cap = r->cap ? r->cap * 2 : 256;
                void *grown = reallocarray(r->units, cap, sizeof(*r->units));

                if (!grown)
                        return -ENOMEM;
                r->units = grown;
                r->cap = cap;
        }
        if (unit_get(r->m, id, &r->units[r->n].u) < 0) {
                log_warning("State of '%s': not a unit's name; left out", id);
                return 0;
        }
        unit_queue_load(r->units[r->n].u);
        r->units[r->n++].lines = lines;
        return 0;
}

static void take_units(struct restore *r)
{
        if (manager_load_own(r->m) < 0) /* without a record: no job has begun them */
                log_warning("The units of PID 1 itself could not be loaded");
        manager_dispatch_load_queue(r->m);
        for (size_t i = 0; i < r->n; i++) {
                struct unit *u = unit_follow_merge(r->units[i].u);
                char *lines = r->units[i].lines, *key, *value;

                while (state_next_line(&lines, &key, &value))
                        if (!take_unit_line(u, key, value))
                                log_unit(u->id, LOG_NOTICE, "State: %s is not known; left out", key);
        }
        UNITS_FOREACH(u, r->m, -1)
        {
                clean_coldplug(u);
                if (unit_ops(u)->coldplug)
                        unit_ops(u)->coldplug(u);
        }
}

static int by_id(const void *a, const void *b)
{
        const struct job *x = *(struct job *const *)a, *y = *(struct job *const *)b;

        return x->id < y->id ? -1 : x->id > y->id;
}

/* The list is newest first, whatever order the units came in. */
static void sort_jobs(struct manager *m)
{
        struct job **all = calloc(m->n_jobs + 1, sizeof(*all));
        size_t n = 0;

        if (!all)
                return;
        JOB_FOREACH(j, m)
        all[n++] = j;
        qsort(all, n, sizeof(*all), by_id);
        m->jobs_by_id = NULL;
        for (size_t i = 0; i < n; i++) {
                all[i]->prev = NULL;
                all[i]->next = m->jobs_by_id;
                if (all[i]->next)
                        all[i]->next->prev = all[i];
                m->jobs_by_id = all[i];
        }
        free(all);
}

/* A running job that the unit's state has overtaken ends; one whose beginning was lost begins again. */
static void settle_jobs(struct manager *m)
{
        JOB_FOREACH(j, m)
        {
                struct unit *u = j->unit;
                enum active_state s = unit_active_state(u);
                bool down = s == UNIT_INACTIVE || s == UNIT_FAILED,
                     up = s == UNIT_ACTIVE || s == UNIT_RELOADING;
                bool stops = j->type == JOB_STOP || j->type == JOB_RESTART;

                if (j->state == JOB_RUNNING &&
                        ((!stops && down) || (stops && up) || j->type == JOB_RELOAD) &&
                        s != UNIT_RELOADING) {
                        j->state = JOB_WAITING;
                        m->n_running_jobs--;
                }
                if (j->state == JOB_WAITING)
                        job_queue_run(j);
                job_arm(j);
        }
        UNITS_FOREACH(u, m, -1)
        if (u->job && u->job->state == JOB_RUNNING)
                unit_notify(u, unit_active_state(u), false);
}

/* What nobody claimed would stay open for ever. */
static void close_unclaimed(int keep)
{
        _cleanup_closedir_ DIR *d = opendir("/proc/self/fd");
        struct dirent *de;

        while (d && (de = readdir(d))) {
                int fd = atoi(de->d_name), flags;

                if (fd < 3 || fd == keep || fd == dirfd(d) ||
                        ((size_t)fd / 8 < n_claimed && bit_get(claimed, (unsigned)fd)))
                        continue;
                flags = fcntl(fd, F_GETFD);
                if (flags >= 0 && !(flags & FD_CLOEXEC)) /* ours since are close-on-exec from the first */
                        close(fd);
        }
        free(claimed);
        claimed = NULL;
        n_claimed = 0;
}

int state_restore(struct manager *m, int fd)
{
        _cleanup_free_ char *path = str_printf("/proc/self/fd/%d", fd), *text = NULL;
        struct restore r = { .m = m };
        uint32_t next_id;
        int k = path ? read_file(path, 0, &text, NULL) : -ENOMEM;

        if (k >= 0)
                k = state_parse(text, take_record, &r);
        next_id = m->next_job_id;
        if (k >= 0)
                take_units(&r);
        m->next_job_id = MAX(next_id, m->next_job_id);
        JOB_FOREACH(j, m)
        m->next_job_id = MAX(m->next_job_id, j->id);
        free(r.units);
        close_unclaimed(fd);
        if (k < 0)
                return k;
        sort_jobs(m);
        mount_restored(m);
        settle_jobs(m);
        control_restored(m);
        devlink_restored(m);
        manager_reap(m);
        uphold_check_all(m);
        return 0;
}
