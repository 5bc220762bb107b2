/* The first transaction: which target, what the native generators add, what runs before everything else. */
#include <stdio.h>

#include "lib/cmdline.h"
#include "lib/paths.h"
#include "boot.h"
#include "manager.h"
#include "types.h"

#define DEVD_UNIT "systemd-udevd.service"

/* The device daemon starts before the graph is read: devices are what the rest waits for. */
void manager_start_devd(struct manager *m)
{
        struct unit *u;
        int r = unit_load_by_name(m, DEVD_UNIT, &u);

        if (r >= 0 && u->load_state != UNIT_LOADED)
                r = -ENOENT;
        if (r >= 0 && !UNIT_CAST(service, u)->device_link)
                return; /* an administrator's own: it comes with the graph */
        if (r >= 0)
                r = manager_add_job(m, JOB_START, u, JOB_IGNORE_DEPENDENCIES, false, NULL, NULL);
        if (r < 0)
                log_error_errno(r, "The device daemon (" DEVD_UNIT ") could not be started early: %m");
        else
                manager_dispatch_run_queue(m);
}

static const char *pick_target(struct manager *m)
{
        const char *t = cmdline_target(m->cmdline, m->in_initrd);

        return str_empty(t) ? "default.target" : t;
}

void manager_generate(struct manager *m)
{
        static const struct {
                const char *name;
                int (*fn)(struct manager *m);
                int (*in_initrd)(struct manager *m);
        } all[] = {
                { "fstab", generate_fstab, generate_sysroot },
                { "getty", generate_getty, NULL },
                { "kernel command line", generate_cmdline, generate_cmdline },
                { "SysV scripts", generate_sysv, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                int (*fn)(struct manager *) = m->in_initrd ? all[i].in_initrd : all[i].fn;
                int r = fn ? fn(m) : 0;

                if (r < 0)
                        log_warning_errno(r, "Units from %s: %m", all[i].name);
        }
}

/* A boot that something holds up is worth keeping too: from then on a crash does not begin it all over again. */
#define STATE_AFTER (15 * USEC_PER_SEC)

static void state_due(struct loop_timer *t)
{
        state_begin(t->data);
}

int manager_load_own(struct manager *m)
{
        struct unit *u;
        int r = unit_load_by_name(m, "-.slice", &u);

        return r < 0 ? r : unit_load_by_name(m, "init.scope", &u);
}

int manager_startup(struct manager *m, const char *target)
{
        _cleanup_free_ char *err = NULL;
        const char *t = target ?: pick_target(m);
        struct unit *u;
        int r;

        manager_generate(m);
        mountinfo_scan(m);
        r = manager_load_own(m);
        if (r >= 0)
                r = unit_load_by_name(m, t, &u);
        if (r >= 0 && u->load_state != UNIT_LOADED && cmdline_get(m->cmdline, "rouse.fallback"))
                return log_error_errno(
                        -ENOENT, "%s could not be loaded (%s)", t, load_state_to_string(u->load_state));
        if (r >= 0 && u->load_state != UNIT_LOADED) {
                log_error("%s could not be loaded (%s); starting rescue.target", t,
                        load_state_to_string(u->load_state));
                r = unit_load_by_name(m, "rescue.target", &u);
        }
        if (r >= 0)
                r = manager_add_job(m, JOB_START, u, JOB_ISOLATE, false, NULL, &err);
        m->t_units_loaded = now_monotonic();
        if (r < 0)
                return log_error_errno(r, "%s could not be started: %s", t, err ?: "not possible");
        log_info("%u units, %u jobs for %s", (unsigned)m->units.n, m->n_jobs, t);
        status_watch(m);
        m->state_timer = (struct loop_timer) { .cb = state_due, .data = m };
        (void)loop_timer_set(m->loop, &m->state_timer, usec_add(now_monotonic(), STATE_AFTER));
        return 0;
}

/* rouse --test: the transaction as it would be. */
int boot_test(struct manager *m, const char *target)
{
        int r = load_index(m);

        (void)cmdline_read(&m->cmdline);
        if (r >= 0)
                r = manager_startup(m, target);
        if (r < 0)
                return 1;
        JOB_FOREACH(j, m)
        {
                printf("%-14s %s\n", job_type_to_string(j->type), j->unit->id);
                UNIT_FOREACH_DEP(j->unit, DEP_BIT(DEP_AFTER), o)
                if (o->job)
                        printf("               after %s\n", o->id);
        }
        return 0;
}
