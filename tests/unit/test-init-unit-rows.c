/* Rows of [Unit], one by one: a service with the directive, others around it, what happens, and what must follow. What
 * follows differs from what it is without the directive (tests/empty-directives tries that). */
#include "tests/unit/init-service.h"

static const char *state_of(const char *name)
{
        struct unit *u = unit_find(m, name);

        return u ? active_state_to_string(unit_active_state(u)) : "unknown";
}

static void other(enum job_type t, const char *name, enum job_mode mode)
{
        struct unit *u = test_unit(m, name);

        (void)manager_add_job(m, t, u, mode, false, NULL, NULL);
        settle();
}

static void is_other(const char *name, const char *state, const char *what)
{
        is_str(state_of(name), state, what);
}

/* ---- what is started and stopped with it ---- */

static void ordering(void)
{
        begin("Wants=alarm.target\nBefore=alarm.target", "Type=notify\nExecStart=/m");
        ask(JOB_START);
        is_other("alarm.target", "inactive", "Before=: the other waits");
        tell(s->main_pid, "READY=1", NULL);
        is_other("alarm.target", "active", "until this is up");
        end();
}

static void upholds(void)
{
        begin("Upholds=alarm.target", "ExecStart=/m");
        ask(JOB_START);
        is_other("alarm.target", "active", "Upholds=: started with it");
        other(JOB_STOP, "alarm.target", JOB_REPLACE);
        (void)loop_turn(m->loop, 0);
        settle();
        is_other("alarm.target", "active", "and started again");
        end();
}

static void ends(void)
{
        static const struct {
                const char *lines;
                int status;
                bool isolates;
        } all[] = { { "OnSuccess=alarm.target", 0, false },
                { "OnSuccess=alarm.target\nOnSuccessJobMode=isolate", 0, true },
                { "OnFailure=alarm.target\nOnFailureJobMode=isolate", 1, true },
                { "OnFailure=alarm.target\nOnFailureIsolate=yes", 1, true },
                { "OnFailure=alarm.target", 1, false } };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                begin(all[i].lines, "ExecStart=/m");
                other(JOB_START, "stays.target", JOB_REPLACE);
                ask(JOB_START);
                main_ends(CLD_EXITED, all[i].status);
                is_other("alarm.target", "active", all[i].lines);
                is_other("stays.target", all[i].isolates ? "inactive" : "active", "and its job mode");
                end();
        }
}

static void reloads(void)
{
        static const char *const to[] = { "PropagatesReloadTo=o.service", "PropagateReloadTo=o.service" };
        static const char *const from[] = { "ReloadPropagatedFrom=o.service",
                "PropagateReloadFrom=o.service" };

        for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
                begin(to[i], "ExecStart=/m\nExecReload=/r");
                other(JOB_START, "o.service", JOB_REPLACE);
                ask(JOB_START);
                ask(JOB_RELOAD);
                ok(strstr(started.s, "/o-reload "), to[i]);
                end();
                begin(from[i], "ExecStart=/m\nExecReload=/r");
                other(JOB_START, "o.service", JOB_REPLACE);
                ask(JOB_START);
                other(JOB_RELOAD, "o.service", JOB_REPLACE);
                ok(strstr(started.s, "/r "), from[i]);
                end();
        }
}

static void stops(void)
{
        static const char *const from[] = { "StopPropagatedFrom=alarm.target", "BindTo=alarm.target" };

        begin("PropagatesStopTo=alarm.target", "ExecStart=/m");
        other(JOB_START, "alarm.target", JOB_REPLACE);
        ask(JOB_START);
        ask(JOB_STOP);
        is_other("alarm.target", "inactive", "PropagatesStopTo=");
        end();
        for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
                begin(from[i], "ExecStart=/m");
                other(JOB_START, "alarm.target", JOB_REPLACE);
                ask(JOB_START);
                other(JOB_STOP, "alarm.target", JOB_REPLACE);
                is_now("stop-sigterm", from[i]);
                end();
        }
}

static void old_names(void)
{
        begin("RequiresOverridable=alarm.target", "ExecStart=/m");
        ask(JOB_START);
        is_other("alarm.target", "active", "RequiresOverridable= is Requires=");
        end();
        begin("RequisiteOverridable=alarm.target\nAfter=alarm.target", "ExecStart=/m");
        ask(JOB_START);
        is_now("dead", "RequisiteOverridable= is Requisite=");
        end();
}

static void unneeded(void)
{
        begin("StopWhenUnneeded=yes", "ExecStart=/m");
        other(JOB_START, "wants.target", JOB_REPLACE);
        is_now("running", "wanted");
        other(JOB_STOP, "wants.target", JOB_REPLACE);
        settle();
        is_now("stop-sigterm", "StopWhenUnneeded=");
        end();
}

/* ---- what may be asked of it, and what becomes of it ---- */

static void isolating(void)
{
        for (int may = 0; may < 2; may++) {
                begin(may ? "AllowIsolate=yes" : "", "ExecStart=/m");
                is_int(manager_add_job(m, JOB_START, &s->unit, JOB_ISOLATE, true, NULL, NULL) >= 0, may,
                        "AllowIsolate=");
                end();
        }
}

static void collecting(void)
{
        for (int also_failed = 0; also_failed < 2; also_failed++) {
                begin(also_failed ? "CollectMode=inactive-or-failed" : "", "ExecStart=/m");
                ask(JOB_START);
                main_ends(CLD_EXITED, 1);
                manager_collect(m);
                is_int(unit_find(m, "s.service") == NULL, also_failed, "CollectMode=");
                end();
        }
}

static void job_timeouts(void)
{
        static const char *const spans[] = { "JobTimeoutSec=5", "JobRunningTimeoutSec=5" };

        for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
                _cleanup_free_ char *unit = str_printf(
                        "%s\nJobTimeoutAction=exit-force\nJobTimeoutRebootArgument=how", spans[i]);

                begin(unit, "Type=notify\nExecStart=/m");
                ask(JOB_START);
                if (ok(s->unit.job && s->unit.job->timer.when == the_time + 5 * USEC_PER_SEC, spans[i]))
                        time_out(&s->unit.job->timer);
                is_int(m->objective, OBJ_EXIT, "JobTimeoutAction=");
                is_str(m->reboot_arg, "how", "JobTimeoutRebootArgument=");
                end();
        }
}

int main(void)
{
        test_begin();
        ordering();
        upholds();
        ends();
        reloads();
        stops();
        old_names();
        unneeded();
        isolating();
        collecting();
        job_timeouts();
        strbuf_done(&started);
        strbuf_done(&sent);
        strbuf_done(&group_sent);
        return test_end();
}
