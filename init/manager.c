/* The manager: the loop's owner, children and their ends, configuration, and what follows when nothing is left to do.
 * The units' own business is in unit.c and the types; what only a real boot does is in boot.c and main.c. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/fileio.h"
#include "clock.h"
#include "config.h"
#include "control.h"
#include "manager.h"
#include "probe.h"
#include "names.h"
#include "service.h"

/* ---- children ---- */

#define PID_BUCKETS 256

struct child {
        pid_t pid;
        struct unit *unit;
        struct loop_io io; /* its pidfd, only for a process that is not our child */
        struct child *next;
};
struct pid_table {
        struct child *b[PID_BUCKETS];
};

static struct child **child_slot(struct manager *m, pid_t pid)
{
        struct pid_table *t = m->pids;
        struct child **c = &t->b[(unsigned)pid % PID_BUCKETS];

        while (*c && (*c)->pid != pid)
                c = &(*c)->next;
        return c;
}

struct unit *manager_unit_of_pid(struct manager *m, pid_t pid)
{
        struct child *c = *child_slot(m, pid);

        return c ? c->unit : NULL;
}

static void child_drop(struct manager *m, struct child **slot)
{
        struct child *c = *slot;

        *slot = c->next;
        if (c->io.fd >= 0) {
                int fd = c->io.fd;

                loop_io_remove(m->loop, &c->io);
                close_fd(fd);
        }
        free(c);
}

static void child_ended(struct manager *m, pid_t pid, int code, int status)
{
        struct child **slot = child_slot(m, pid);
        struct unit *u = *slot ? (*slot)->unit : NULL;

        if (!u)
                return; /* an orphan that came to us to be reaped */
        child_drop(m, slot);
        state_touch(u);
        unit_ops(u)->child(u, pid, code, status);
}

static void alien_ended(struct loop_io *io, uint32_t revents)
{
        struct child *c = io->data;
        siginfo_t si = { 0 };

        /* A daemon whose parent has gone since became our child: it is reaped here, with what it ended with. Of any
         * other process that is not known to us. */
        if (waitid(P_PIDFD, (id_t)io->fd, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0) {
                si.si_code = CLD_EXITED;
                si.si_status = 0;
        }
        child_ended(c->unit->manager, c->pid, si.si_code, si.si_status);
}

int unit_watch_pid(struct unit *u, pid_t pid, int pidfd)
{
        struct manager *m = u->manager;
        struct child **slot = child_slot(m, pid), *c;
        siginfo_t si = { 0 };
        int r = 0;

        if (*slot)
                child_drop(m, slot);
        c = calloc(1, sizeof(*c));
        if (!c) {
                close_fd(pidfd);
                return -ENOMEM;
        }
        *c = (struct child) { .pid = pid, .unit = u, .io.fd = -1, .next = *slot };
        *slot = c;
        state_touch(u);
        if (pidfd >= 0 && waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED | WNOHANG | WNOWAIT) < 0 &&
                errno == ECHILD) {
                c->io = (struct loop_io) {
                        .fd = pidfd, .events = EPOLLIN, .priority = 5, .cb = alien_ended, .data = c
                };
                r = loop_io_add(m->loop, &c->io);
                if (r < 0)
                        c->io.fd = -1;
                else
                        pidfd = -1;
        }
        close_fd(pidfd);
        return r;
}

void unit_unwatch_pid(struct unit *u, pid_t pid)
{
        struct child **slot = child_slot(u->manager, pid);

        if (*slot && (*slot)->unit == u)
                child_drop(u->manager, slot);
}

void manager_forget_pids(struct manager *m, struct unit *u)
{
        struct pid_table *t = m->pids;

        for (int i = 0; i < PID_BUCKETS; i++)
                for (struct child **c = &t->b[i]; *c;)
                        if ((*c)->unit == u)
                                child_drop(m, c);
                        else
                                c = &(*c)->next;
}

void manager_reap(struct manager *m)
{
        for (;;) {
                siginfo_t si = { 0 };

                if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0 || si.si_pid == 0)
                        return;
                child_ended(m, si.si_pid, si.si_code, si.si_status);
        }
}

/* ---- life ---- */

static void run_deferred(struct loop_deferred *d)
{
        manager_dispatch_run_queue(d->data);
}

static void gc_deferred(struct loop_deferred *d)
{
        manager_collect(d->data);
}

int manager_new(struct manager **ret)
{
        struct manager *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        r = loop_new(&m->loop);
        if (r < 0) {
                free(m);
                return r;
        }
        m->pids = calloc(1, sizeof(struct pid_table));
        if (!m->pids) {
                manager_free(m);
                return -ENOMEM;
        }
        m->run_deferred = (struct loop_deferred) { .cb = run_deferred, .data = m };
        m->gc_deferred = (struct loop_deferred) { .cb = gc_deferred, .data = m };
        m->bound_deferred = (struct loop_deferred) { .cb = unit_retry_bound, .data = m };
        m->uphold_deferred = (struct loop_deferred) { .cb = uphold_dispatch, .data = m };
        m->uphold_timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = uphold_timer, .data = m };
        manager_default_config(m);
        m->status_fd = m->watchdog_fd = -1;
        m->is_pid1 = getpid() == 1;
        *ret = m;
        return 0;
}

void manager_free(struct manager *m)
{
        if (!m)
                return;
        control_close(m);
        bus_free(m);
        manager_reload_free(m);
        loop_timer_cancel(m->loop, &m->state_timer);
        loop_timer_cancel(m->loop, &m->uphold_timer);
        state_free(m);
        clock_unwatch(m);
        manager_clear_jobs(m);
        for (bool found = true; found;) {
                found = false;
                HASHMAP_FOREACH (e, &m->units) {
                        unit_free(e->value);
                        found = true;
                        break;
                }
        }
        probes_free(m);
        load_index_free(m);
        hash_done(&m->units);
        strv_free(m->cmdline);
        strv_free(m->environment);
        strv_free(m->set_environment);
        strv_free(m->manager_environment);
        free(m->default_target);
        free(m->reboot_arg);
        free(m->watchdog_device);
        free(m->watchdog_governor);
        loop_timer_cancel(m->loop, &m->watchdog_timer);
        close_fd(m->watchdog_fd);
        free(m->pids);
        loop_free(m->loop);
        free(m);
}

/* ---- nothing left to do? ---- */

bool manager_is_busy(struct manager *m)
{
        return m->n_running_jobs > m->n_idle_waiting + m->n_low_modules + 1 || m->run_queue;
}

static void kick_idle(struct manager *m)
{
        JOB_FOREACH(j, m)
        {
                struct service *s = UNIT_CAST(service, j->unit);

                if (j->unit->type == UNIT_SERVICE && s->idle_waiting)
                        service_spawn_idle(s);
        }
}

static void boot_finished(struct manager *m)
{
        char a[64], b[64], c[64];

        m->boot_finished = true;
        cgroup_phase_changed(m);
        early_finish(m);
        devlink_booted(m);
        m->t_finish = now_monotonic();
        loop_timer_cancel(m->loop, &m->state_timer);
        state_begin(m);
        log_info("Startup finished in %s (kernel) + %s (userspace) = %s; %u processes started, %u units "
                 "failed",
                format_timespan(a, sizeof(a), m->t_initrd ?: m->t_userspace, USEC_PER_MSEC),
                format_timespan(b, sizeof(b), m->t_finish - (m->t_initrd ?: m->t_userspace), USEC_PER_MSEC),
                format_timespan(c, sizeof(c), m->t_finish, USEC_PER_MSEC), m->n_spawned, m->n_failed_units);
        ring_flush(m);
        control_startup_event(m);
        bus_booted(m);
}

/* Nothing but modules that nobody waits for in particular is left of the boot: a quarter of a second for the services
 * that have just come up, then devd gets its turn. */
#define GRACE_FOR_SERVICES (250 * USEC_PER_MSEC)

static void grace_over(struct loop_timer *t)
{
        devlink_booted(t->data);
}

static void check_low_modules(struct manager *m)
{
        if (m->n_low_modules == 0 || m->run_queue ||
                m->n_running_jobs > m->n_idle_waiting + m->n_low_modules)
                return;
        m->grace_timer.cb = grace_over;
        m->grace_timer.data = m;
        (void)loop_timer_set(m->loop, &m->grace_timer, usec_add(now_monotonic(), GRACE_FOR_SERVICES));
}

void manager_check_idle(struct manager *m)
{
        if (m->n_idle_waiting > 0 && !m->run_queue &&
                m->n_running_jobs <= m->n_idle_waiting + m->n_low_modules)
                kick_idle(m);
        check_low_modules(m);
        if (m->n_jobs == 0 && m->t_units_loaded && !m->boot_finished && !m->shutting_down)
                boot_finished(m);
}

/* ---- ends ---- */

void manager_set_objective(struct manager *m, enum manager_objective o)
{
        m->objective = o;
        loop_exit(m->loop, 0);
}

int manager_start_target(struct manager *m, const char *name, enum job_mode mode)
{
        _cleanup_free_ char *err = NULL;
        int r;

        log_notice("Starting %s", name);
        r = manager_add_job_by_name(m, JOB_START, name, mode, NULL, &err);
        if (r < 0)
                return log_error_errno(r, "Could not start %s: %s", name, err ?: "not possible");
        return 0;
}

struct action {
        const char *target;               /* orderly */
        enum manager_objective objective; /* -force: skip the units */
        int howto;                        /* -immediate: reboot(2) at once */
};
static const struct action actions[ACTION_MAX] = {
        [ACTION_REBOOT] = { .target = "reboot.target" },
        [ACTION_REBOOT_FORCE] = { .objective = OBJ_REBOOT },
        [ACTION_REBOOT_IMMEDIATE] = { .howto = RB_AUTOBOOT },
        [ACTION_POWEROFF] = { .target = "poweroff.target" },
        [ACTION_POWEROFF_FORCE] = { .objective = OBJ_POWEROFF },
        [ACTION_POWEROFF_IMMEDIATE] = { .howto = RB_POWER_OFF },
        [ACTION_EXIT] = { .target = "exit.target" },
        [ACTION_EXIT_FORCE] = { .objective = OBJ_EXIT },
};

void manager_emergency_action(
        struct manager *m, enum emergency_action a, const char *why, const char *reboot_arg, int exit_status)
{
        const struct action *act = &actions[a];

        if (a == ACTION_NONE)
                return;
        if (!m->service_watchdogs) {
                log_warning("Action '%s': %s; not done, systemd.service_watchdogs= is off",
                        name_of(names_emergency_action, a) ?: "?", why);
                return;
        }
        log_notice("Action '%s': %s", name_of(names_emergency_action, a) ?: "?", why);
        (void)str_replace(&m->reboot_arg, reboot_arg);
        if (exit_status >= 0)
                m->exit_code = exit_status;
        if (act->target)
                (void)manager_start_target(m, act->target, JOB_REPLACE_IRREVERSIBLY);
        else if (act->howto && m->is_pid1 && !m->container) {
                sync();
                (void)reboot(act->howto);
        } else
                manager_set_objective(m, act->objective ?: OBJ_EXIT);
}
