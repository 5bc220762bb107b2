/* Transactions and jobs: what one wish pulls in, excludes, refuses; how cycles are broken; who waits for whom. The
 * units are targets and services without processes, so that a job ends in the call that runs it. */
#include "init/job.h"
#include "tests/unit/init-test.h"

static struct manager *m;

static void begin(void)
{
        test_reset();
        put("/usr/lib/systemd/system/shutdown.target", "[Unit]\nDefaultDependencies=no\n");
}

static void loaded(void)
{
        m = test_manager();
}

static void target(const char *name, const char *text)
{
        _cleanup_free_ char *path = str_printf("/etc/systemd/system/%s.target", name);
        _cleanup_free_ char *all =
                str_printf("[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n%s\n", text);

        put(path, all);
}

static char *last_error;

static int ask_mode(enum job_type t, const char *name, enum job_mode mode)
{
        struct unit *u = test_unit(m, name);

        free(last_error);
        last_error = NULL;
        return manager_add_job(m, t, u, mode, false, NULL, &last_error);
}

static int ask(enum job_type t, const char *name)
{
        return ask_mode(t, name, JOB_REPLACE);
}

static void run_all(void)
{
        do
                manager_dispatch_run_queue(m);
        while (m->run_queue);
}

static const char *state(const char *name)
{
        struct unit *u = unit_find(m, name);

        return u ? active_state_to_string(unit_active_state(u)) : "unknown";
}

static const char *job_of(const char *name)
{
        struct unit *u = unit_find(m, name);

        return u && u->job ? job_type_to_string(u->job->type) : "none";
}

static void end(void)
{
        test_manager_free(m);
        m = NULL;
}

/* ---- what is pulled in ---- */

static void requirements(void)
{
        begin();
        target("a", "Requires=b.target\nWants=c.target nowhere.target\nAfter=b.target");
        target("b", "Requires=d.target");
        target("c", "");
        target("d", "");
        loaded();
        is_int(ask(JOB_START, "a.target"), 0, "a start with requirements; a missing Wants= is ignored");
        is_int(m->n_jobs, 4, "four jobs");
        is_str(job_of("d.target"), "start", "what is required by what is required");
        run_all();
        is_str(state("a.target"), "active", "all done: active");
        is_str(state("c.target"), "active", "the wanted one too");
        is_int(m->n_jobs, 0, "no job is left");
        end();
}

static void missing_requirement(void)
{
        begin();
        target("a", "Requires=b.target\nRequires=nowhere.target");
        target("b", "");
        target("w", "Wants=a.target c.target");
        target("c", "");
        loaded();
        is_int(ask(JOB_START, "a.target"), -ENOENT, "a missing Requires= refuses the whole");
        ok(last_error && strstr(last_error, "nowhere.target"), "the reason names it");
        is_int(m->n_jobs, 0, "and nothing has changed");
        is_int(ask(JOB_START, "w.target"), 0, "a wanted unit that cannot be started is left out");
        is_str(job_of("a.target"), "none", "it has no job");
        is_str(job_of("b.target"), "none", "nor has what only it had pulled in");
        is_str(job_of("c.target"), "start", "the rest has");
        end();
}

static void requisite_and_masked(void)
{
        begin();
        target("a", "Requisite=b.target\nAfter=b.target");
        target("b", "");
        put_link("/etc/systemd/system/m.target", "/dev/null");
        loaded();
        is_int(ask(JOB_START, "a.target"), 0, "Requisite= of what is down: the job is made");
        run_all();
        is_str(state("a.target"), "inactive", "and fails");
        is_str(state("b.target"), "inactive", "Requisite= starts nothing");
        is_int(ask(JOB_START, "m.target"), -ERFKILL, "a masked unit is refused");
        end();
}

/* ---- what is excluded ---- */

static void conflicts(void)
{
        begin();
        target("a", "Conflicts=b.target");
        target("b", "");
        target("both", "Requires=a.target b.target");
        target("wants", "Requires=a.target\nWants=b.target");
        loaded();
        (void)ask(JOB_START, "b.target");
        run_all();
        is_int(ask(JOB_START, "a.target"), 0, "start of what excludes an active one");
        is_str(job_of("b.target"), "stop", "that is stopped");
        run_all();
        is_str(state("b.target"), "inactive", "it is down");
        is_str(state("a.target"), "active", "the other is up");
        (void)ask(JOB_START, "b.target");
        run_all();
        is_str(state("a.target"), "inactive", "an edge excludes in both directions");
        (void)ask(JOB_STOP, "b.target");
        run_all();
        is_int(ask(JOB_START, "both.target"), -EDEADLK,
                "two that exclude each other cannot both be required");
        is_int(m->n_jobs, 0, "nothing has changed");
        is_int(ask(JOB_START, "wants.target"), 0, "the one that is only wanted gives way");
        run_all();
        is_str(state("a.target"), "active", "the required one is up");
        is_str(state("b.target"), "inactive", "the wanted one is not");
        end();
}

/* ---- cycles ---- */

static void put_cycle(bool local_third)
{
        begin();
        put("/usr/lib/systemd/system/a.target",
                "[Unit]\nDefaultDependencies=no\nAfter=b.target\nRequires=b.target c.target\n");
        put("/usr/lib/systemd/system/b.target",
                "[Unit]\nDefaultDependencies=no\nAfter=c.target\nRequires=c.target\n");
        put(local_third ? "/etc/systemd/system/c.target" : "/usr/lib/systemd/system/c.target",
                "[Unit]\nDefaultDependencies=no\nAfter=a.target\n");
        loaded();
}

static void cycles(void)
{
        char first[512] = "";

        for (int i = 0; i < 3; i++) {
                put_cycle(false);
                is_int(ask(JOB_START, "a.target"), 0, "a cycle does not refuse the boot");
                ok(logged("Ordering cycle: ") && logged("dropped: "), "it is said, with what was dropped");
                ok(logged("a.target → ") && logged("b.target → ") && logged("c.target → "),
                        "each unit on it is named");
                if (i == 0)
                        snprintf(first, sizeof(first), "%s", test_log.s ?: "");
                is_str(test_log.s, first, "the same edge each time");
                run_all();
                is_str(state("a.target"), "active", "all are started");
                end();
        }
}

/* The circle closes only with a job that is there already. */
static void cycle_with_a_waiting_job(void)
{
        begin();
        target("a", "After=b.target");
        target("b", "After=c.target");
        target("c", "After=a.target");
        loaded();
        (void)job_new(test_unit(m, "c.target"), JOB_START);
        (void)job_new(test_unit(m, "b.target"), JOB_START);
        is_int(ask(JOB_START, "a.target"), 0, "two requests whose jobs would wait for each other for ever");
        ok(logged("Ordering cycle: ") && logged("dropped: "), "an edge is dropped");
        run_all();
        for (int i = 0; i < 3; i++) {
                const char *names[] = { "a.target", "b.target", "c.target" };

                is_str(job_of(names[i]), "none", "the job ends");
                is_str(state(names[i]), "active", "and the unit is up");
        }
        end();
}

static void local_edge_first(void)
{
        put_cycle(true);
        (void)ask(JOB_START, "a.target");
        ok(logged("dropped: c.target") || logged("=c.target"),
                "an edge of the local unit goes before the distribution's");
        ok(unit_has_dep(unit_find(m, "a.target"), DEP_AFTER, unit_find(m, "b.target")),
                "the distribution's own edge stays");
        ok(unit_find(m, "c.target")->dropped_edges != NULL, "kept for status");
        end();
}

/* Two circles that share an edge: whichever way round the units were read, the same edges go. */
static void cycles_by_name(void)
{
        static const char *const names[] = { "a.target", "b.target", "c.target", "d.target", "e.target" };
        char first[2048] = "";

        for (int turn = 0; turn < 10; turn++) {
                begin();
                target("a", "After=b.target c.target");
                target("b", "After=c.target d.target");
                target("c", "After=a.target e.target");
                target("d", "After=a.target");
                target("e", "After=b.target");
                target("all", "Requires=a.target b.target c.target d.target e.target");
                loaded();
                for (int i = 0; i < 5; i++)
                        (void)test_unit(m, names[(turn < 5 ? i + turn : 14 - i - turn) % 5]);
                is_int(ask(JOB_START, "all.target"), 0, "circles that share edges do not refuse");
                if (turn == 0)
                        snprintf(first, sizeof(first), "%s", test_log.s ?: "");
                is_str(test_log.s, first, "the same edges, whatever was read first");
                run_all();
                is_int(m->n_jobs, 0, "and all ends");
                end();
        }
}

static void refused_keeps_edges(void)
{
        put_cycle(false);
        (void)job_new(test_unit(m, "b.target"), JOB_STOP);
        is_int(ask_mode(JOB_START, "a.target", JOB_FAIL), -EEXIST, "mode fail: a conflicting job refuses");
        ok(!logged("Ordering cycle"), "a refused transaction breaks no cycle");
        is_int(m->n_jobs, 1, "and leaves the jobs as they are");
        end();
}

/* ---- modes ---- */

static void isolate(void)
{
        begin();
        target("multi", "Wants=a.target b.target");
        target("rescue", "Wants=b.target");
        target("a", "");
        target("b", "");
        target("keep", "IgnoreOnIsolate=yes");
        loaded();
        (void)ask(JOB_START, "multi.target");
        (void)ask(JOB_START, "keep.target");
        run_all();
        is_int(ask_mode(JOB_START, "rescue.target", JOB_ISOLATE), 0, "isolate");
        is_str(job_of("a.target"), "stop", "what is not wanted is stopped");
        is_str(job_of("b.target"), "none", "what is wanted stays");
        is_str(job_of("keep.target"), "none", "IgnoreOnIsolate= stays");
        is_int(ask_mode(JOB_START, "rescue.target", JOB_ISOLATE), 0,
                "isolate again, with the stops still waiting");
        is_str(job_of("a.target"), "stop", "a waiting stop is not taken back");
        run_all();
        is_str(state("a.target"), "inactive", "stopped");
        is_str(state("rescue.target"), "active", "reached");
        is_int(ask_mode(JOB_STOP, "rescue.target", JOB_ISOLATE), -EPERM, "only a start can isolate");
        end();
}

static void irreversible(void)
{
        begin();
        target("off", "Conflicts=a.target");
        target("a", "");
        loaded();
        (void)ask(JOB_START, "a.target");
        run_all();
        is_int(ask_mode(JOB_START, "off.target", JOB_REPLACE_IRREVERSIBLY), 0, "replace-irreversibly");
        is_int(ask(JOB_START, "a.target"), -EEXIST, "its stop job may not be replaced");
        ok(last_error && strstr(last_error, "may not be replaced"), "the reason says so");
        is_str(job_of("a.target"), "stop", "the job is as it was");
        end();
}

static void manual(void)
{
        char *err = NULL;

        begin();
        target("a", "RefuseManualStart=yes\nRefuseManualStop=yes");
        loaded();
        is_int(manager_add_job(m, JOB_START, test_unit(m, "a.target"), JOB_REPLACE, true, NULL, &err),
                -EPERM, "RefuseManualStart=");
        ok(err && strstr(err, "RefuseManualStart="), "says why");
        free(err);
        is_int(ask(JOB_START, "a.target"), 0, "by others it may be started");
        is_int(manager_add_job(m, JOB_STOP, test_unit(m, "a.target"), JOB_REPLACE, true, NULL, NULL), -EPERM,
                "RefuseManualStop=");
        end();
}

/* ---- merging ---- */

static void merging(void)
{
        /* start, verify-active, stop, reload, restart, nop */
        static const int want[6][6] = {
                { JOB_START, JOB_START, -1, JOB_RELOAD_OR_START, JOB_RESTART, JOB_START },
                { JOB_START, JOB_VERIFY_ACTIVE, -1, JOB_RELOAD, JOB_RESTART, JOB_VERIFY_ACTIVE },
                { -1, -1, JOB_STOP, -1, -1, JOB_STOP },
                { JOB_RELOAD_OR_START, JOB_RELOAD, -1, JOB_RELOAD, JOB_RESTART, JOB_RELOAD },
                { JOB_RESTART, JOB_RESTART, -1, JOB_RESTART, JOB_RESTART, JOB_RESTART },
                { JOB_START, JOB_VERIFY_ACTIVE, JOB_STOP, JOB_RELOAD, JOB_RESTART, JOB_NOP },
        };

        for (int a = 0; a <= JOB_NOP; a++)
                for (int b = 0; b <= JOB_NOP; b++) {
                        _cleanup_free_ char *what =
                                str_printf("%s + %s", job_type_to_string(a), job_type_to_string(b));

                        is_int(job_merge(a, b), want[a][b], what);
                        ok(job_merge(a, b) == job_merge(b, a), "and the other way round");
                }
        is_int(job_merge(JOB_TRY_RESTART, JOB_START), -1, "what must be resolved first does not merge");
}

/* ---- order ---- */

static void ordering_rules(void)
{
        begin();
        target("a", "After=b.target");
        target("b", "");
        loaded();
        (void)test_unit(m, "a.target");
        (void)ask(JOB_START, "a.target");
        (void)ask(JOB_START, "b.target");
        ok(!job_is_runnable(unit_find(m, "a.target")->job), "a start waits for what it comes after");
        ok(job_is_runnable(unit_find(m, "b.target")->job), "which does not wait");
        ok(unit_find(m, "a.target")->job->waited_for == unit_find(m, "b.target"),
                "for whom it waits is known");
        run_all();
        (void)ask(JOB_STOP, "a.target");
        (void)ask(JOB_STOP, "b.target");
        ok(!job_is_runnable(unit_find(m, "b.target")->job), "stops go the other way round");
        ok(job_is_runnable(unit_find(m, "a.target")->job), "the later one first");
        run_all();
        (void)ask(JOB_START, "a.target");
        run_all();
        (void)ask(JOB_STOP, "a.target");
        (void)ask(JOB_START, "b.target");
        ok(!job_is_runnable(unit_find(m, "b.target")->job), "a stop goes before a start");
        end();
}

static void restart(void)
{
        struct job *j;

        begin();
        target("a", "");
        target("needs", "Requires=a.target\nAfter=a.target");
        target("part", "PartOf=a.target");
        target("idle", "Requires=a.target");
        loaded();
        (void)ask(JOB_START, "needs.target");
        (void)ask(JOB_START, "part.target");
        run_all();
        (void)test_unit(m, "idle.target");
        is_int(ask(JOB_RESTART, "a.target"), 0, "restart");
        is_str(job_of("needs.target"), "restart", "what requires it restarts with it");
        is_str(job_of("part.target"), "restart", "and what is part of it");
        is_str(job_of("idle.target"), "none", "but not what is down");
        j = unit_find(m, "a.target")->job;
        ok(!job_is_runnable(j), "what comes after it is stopped first");
        job_finish(unit_find(m, "needs.target")->job, JOB_DONE, true);
        is_str(job_of("needs.target"), "start", "the second half of a restart is a start");
        ok(!job_is_runnable(unit_find(m, "needs.target")->job), "which waits for what it comes after");
        run_all();
        is_str(state("needs.target"), "active", "up again");
        is_int(ask(JOB_TRY_RESTART, "idle.target"), 0, "try-restart of what is down");
        is_int(m->n_jobs, 0, "does nothing");
        end();
}

static void stop_propagates(void)
{
        begin();
        target("a", "");
        target("bound", "BindsTo=a.target\nAfter=a.target");
        target("part", "PartOf=a.target");
        target("wants", "Wants=a.target");
        loaded();
        (void)ask(JOB_START, "bound.target");
        (void)ask(JOB_START, "part.target");
        (void)ask(JOB_START, "wants.target");
        run_all();
        (void)ask(JOB_STOP, "a.target");
        run_all();
        is_str(state("bound.target"), "inactive", "BindsTo= stops with it");
        is_str(state("part.target"), "inactive", "PartOf= too");
        is_str(state("wants.target"), "active", "Wants= does not");
        end();
}

/* A bound unit follows when its unit goes by itself, with no job. */
static void bound_follows(void)
{
        struct unit *a;

        begin();
        target("a", "");
        target("bound", "BindsTo=a.target\nAfter=a.target");
        loaded();
        (void)ask(JOB_START, "bound.target");
        run_all();
        a = unit_find(m, "a.target");
        UNIT_CAST(target, a)->active = false;
        unit_notify(a, UNIT_ACTIVE, false);
        is_str(job_of("bound.target"), "stop", "BindsTo= follows a unit that went by itself");
        run_all();
        is_str(state("bound.target"), "inactive", "down");
        end();
}

/* ---- many ---- */

#define MANY 10000

static usec_t many(int n)
{
        struct unit *all, *prev = NULL;
        usec_t t;

        begin();
        target("all", "");
        target("base", "");
        loaded();
        all = test_unit(m, "all.target");
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *name = str_printf("n%d.target", i);
                struct unit *u;

                if (unit_get(m, name, &u) < 0)
                        exit(1);
                u->load_state = UNIT_LOADED;
                unit_add_dep2(all, DEP_REQUIRES, DEP_AFTER, u, ORIGIN_FILE);
                unit_add_dep2(u, DEP_REQUIRES, DEP_AFTER, test_unit(m, "base.target"), ORIGIN_FILE);
                if (prev && i % 100)
                        unit_add_dep(u, DEP_AFTER, prev, ORIGIN_FILE);
                prev = u;
        }
        t = now_monotonic();
        is_int(ask(JOB_START, "all.target"), 0, "a transaction of many units");
        is_int(m->n_jobs, n + 2, "a job each");
        run_all();
        is_str(state("all.target"), "active", "all of them ran");
        end();
        return now_monotonic() - t;
}

static void scale(void)
{
        usec_t small = many(MANY / 10), large = many(MANY);

        printf("# %d units: %lld ms, %d units: %lld ms\n", MANY / 10, (long long)small / 1000, MANY,
                (long long)large / 1000);
        ok(large < 20 * USEC_PER_SEC, "10,000 units within the bound");
        ok(large < small * 60 + USEC_PER_SEC, "and about ten times the time of 1,000");
}

int main(void)
{
        test_begin();
        requirements();
        missing_requirement();
        requisite_and_masked();
        conflicts();
        cycles();
        cycle_with_a_waiting_job();
        local_edge_first();
        cycles_by_name();
        refused_keeps_edges();
        isolate();
        irreversible();
        manual();
        merging();
        ordering_rules();
        restart();
        stop_propagates();
        bound_follows();
        scale();
        free(last_error);
        return test_end();
}
