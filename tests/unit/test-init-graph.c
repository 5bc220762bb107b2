/* Random graphs of units with random requests, ends of processes and time-outs: what holds whatever happens. The seeds
 * are fixed; one that fails is run alone by its number as the argument, with the log.
 *
 *   after every step   a unit has at most one job; the list of jobs, their number and that of the running ones agree
 *   a process starts   only when nothing that its unit is ordered after has a start under way, and nothing that it is
 *                      ordered against a stop
 *   a refused request  has changed nothing
 *   at rest            (every process that was to end has ended) no job is left; what excludes each other is not up at
 *                      once; what is bound to a unit is not up without it; everything is the same when it is run again */
#include "tests/unit/init-service.h"

#define UNITS 14
#define STEPS 60

static uint64_t random_state;
static bool verbose, broken;
static unsigned n_broken;
static uint64_t history; /* of everything that has happened: for the comparison of two runs */

static unsigned below(unsigned n)
{
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(random_state >> 33) % n;
}

static void note(const char *what, const char *more)
{
        for (const char *p = what; *p; p++)
                history = (history ^ (uint8_t)*p) * 0x100000001b3u;
        for (const char *p = more; *p; p++)
                history = (history ^ (uint8_t)*p) * 0x100000001b3u;
        if (verbose)
                printf("# %s %s\n", what, more);
}

static void breaks(const char *rule, const char *unit, const char *other)
{
        broken = true;
        if (n_broken++ < 20)
                printf("# %s: %s %s\n", rule, unit, other);
}

/* ---- the graph ---- */

static const char *unit_name(unsigned i)
{
        static char names[UNITS][24];

        snprintf(names[i], sizeof(names[i]), "u%u.%s", i, i % 4 == 3 ? "target" : "service");
        return names[i];
}

static const char *const edges[] = { "Wants", "Wants", "Requires", "Requires", "After", "After", "After",
        "Before", "BindsTo", "PartOf", "Requisite", "Conflicts", "PropagatesStopTo", "PropagatesReloadTo",
        "OnFailure", "OnSuccess" };
static const char *const kinds[] = { "Type=simple", "Type=oneshot\nRemainAfterExit=yes", "Type=oneshot",
        "Type=notify", "Type=simple\nRestart=on-failure\nRestartSec=1", "Type=exec",
        "Type=simple\nExecReload=/r\nExecStop=/x", "Type=oneshot\nRemainAfterExit=yes\nExecStartPre=/p" };

static char *one_line(char *text)
{
        for (char *p = text; (p = strchr(p, '\n'));)
                *p = ' ';
        return text;
}

static void put_graph(void)
{
        for (unsigned i = 0; i < UNITS; i++) {
                _cleanup_strbuf_ struct strbuf b = { 0 };
                _cleanup_free_ char *path = str_printf("/etc/systemd/system/%s", unit_name(i));
                unsigned n = below(5);

                strbuf_puts(&b, "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n");
                for (unsigned k = 0; k < n; k++) {
                        unsigned other = below(UNITS);
                        const char *edge = edges[below(ARRAY_SIZE(edges))];

                        strbuf_printf(&b, "%s=%s\n", edge, unit_name(other));
                        if (streq(edge, "BindsTo"))
                                strbuf_printf(&b, "After=%s\n", unit_name(other));
                }
                if (below(10) == 0)
                        strbuf_puts(&b, "StopWhenUnneeded=yes\n");
                if (below(10) == 0)
                        strbuf_puts(&b, "ConditionPathExists=/nowhere\n");
                if (i % 4 != 3)
                        strbuf_printf(
                                &b, "[Service]\nExecStart=/m%u\n%s\n", i, kinds[below(ARRAY_SIZE(kinds))]);
                put(path, b.s);
                if (verbose)
                        printf("# %s: %s\n", unit_name(i), one_line(b.s));
        }
}

/* ---- rules ---- */

static void check_start(struct unit *u)
{
        struct job *j = u->job;

        enum service_state now = UNIT_CAST(service, u)->state;

        if (!j || j->type != JOB_START || j->ignore_order || (now != SVC_DEAD && now != SVC_FAILED))
                return; /* only the first process: others of the unit may be asked for while it starts */
        for (size_t i = 0; i < u->n_deps; i++) {
                const struct unit_dep *d = &u->deps[i];
                const struct job *o = d->other->job;

                if (o && d->types & DEP_BIT(DEP_AFTER) && job_types_wait(JOB_START, o->type, true) &&
                        o->id < j->id)
                        breaks("starts before what it is ordered after", u->id, d->other->id);
                if (o && d->types & DEP_BIT(DEP_BEFORE) && job_types_wait(JOB_START, o->type, false) &&
                        o->id < j->id)
                        breaks("starts before what has to stop first", u->id, d->other->id);
        }
}

static void check_jobs(void)
{
        unsigned n = 0, running = 0;

        JOB_FOREACH(j, m)
        {
                n++;
                running += j->state == JOB_RUNNING;
                if (j->unit->job != j)
                        breaks("has two jobs", j->unit->id, "");
                if (j->type > JOB_NOP)
                        breaks("has a job of a type that is none", j->unit->id, "");
        }
        if (n != m->n_jobs || running != m->n_running_jobs)
                breaks("the number of jobs is wrong", "", "");
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if (u->job && u->job->unit != u)
                        breaks("has another's job", u->id, "");
        }
}

static bool is_up(struct unit *u)
{
        return unit_active_state(u) == UNIT_ACTIVE || unit_active_state(u) == UNIT_RELOADING;
}

/* newest: the last job a hundred rounds ago. Some graphs go round for ever, by OnSuccess= of what OnSuccess= starts, and
 * what is ordered after them waits for ever; but where nothing new comes, nothing waits. */
static void check_rest(bool orderly, uint32_t newest)
{
        JOB_FOREACH(j, m)
        if (newest == m->next_job_id)
                breaks("has a job that never ends", j->unit->id, job_type_to_string(j->type));
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                if (!orderly || !is_up(u))
                        continue;
                UNIT_FOREACH_DEP(u, DEP_BIT(DEP_CONFLICTS), o)
                /* the start of what is only named by the other's Conflicts= goes on when that cannot be stopped */
                if (o != u && is_up(o) && u->active_enter > o->active_enter)
                        breaks("both are up, though they exclude each other", u->id, o->id);
                UNIT_FOREACH_DEP(u, DEP_BIT(DEP_BINDS_TO), o)
                if (!is_up(o) && unit_has_dep(u, DEP_AFTER,
                                         o)) /* the order may have been dropped, to break a cycle */
                        breaks("is up without what it is bound to", u->id, o->id);
        }
}

static uint64_t fingerprint(void)
{
        uint64_t h = m->n_jobs;

        JOB_FOREACH(j, m)
        h = h * 31 + j->id * 8u + j->type + j->irreversible;
        HASHMAP_FOREACH (e, &m->units) {
                struct unit *u = e->value;

                h += (uint64_t)unit_active_state(u) * hash_string(u->id);
                for (size_t i = 0; i < u->n_deps; i++)
                        h += u->deps[i].types;
        }
        return h;
}

/* ---- what happens ---- */

static void request(bool orderly)
{
        static const enum job_type types[] = { JOB_START, JOB_START, JOB_START, JOB_STOP, JOB_RESTART,
                JOB_TRY_RESTART, JOB_RELOAD_OR_START, JOB_VERIFY_ACTIVE };
        static const enum job_mode modes[] = { JOB_REPLACE, JOB_REPLACE, JOB_REPLACE, JOB_FAIL, JOB_ISOLATE,
                JOB_FLUSH, /* beyond the rules at rest: */ JOB_REPLACE_IRREVERSIBLY, JOB_IGNORE_REQUIREMENTS,
                JOB_IGNORE_DEPENDENCIES };
        enum job_type t = types[below(ARRAY_SIZE(types))];
        enum job_mode mode = modes[below(ARRAY_SIZE(modes) - (orderly ? 3 : 0))];
        struct unit *u = test_unit(m, unit_name(below(UNITS)));
        uint64_t before = fingerprint();
        _cleanup_free_ char *error = NULL;
        int r;

        if (mode == JOB_ISOLATE)
                t = JOB_START;
        note(job_type_to_string(t), u->id);
        note("mode", job_mode_to_string(mode));
        r = manager_add_job(m, t, u, mode, false, NULL, &error);
        if (r < 0 && fingerprint() != before)
                breaks("a refused request changed something", u->id, error ?: "");
        settle();
}

static void process_ends(struct service *v, int code, int status)
{
        pid_t pid = v->control_pid > 0 ? v->control_pid : v->main_pid;

        unit_unwatch_pid(&v->unit, pid);
        service_ops.child(&v->unit, pid, code, status);
        settle();
}

/* Something that the service waits for, or (often false) that comes on its own. */
static void service_event(struct service *v, bool good)
{
        enum active_state a = unit_active_state(&v->unit);
        char *ready[] = { (char *)"READY=1", NULL };

        note(service_state_names[v->state], v->unit.id);
        if (v->state == SVC_START && v->type == SERVICE_NOTIFY && good && v->main_pid > 0)
                service_notify_message(&v->unit, v->main_pid, 0, ready, NULL, 0);
        else if (v->state == SVC_START && v->type == SERVICE_EXEC && good)
                service_ready(v);
        else if (v->main_pid > 0 || v->control_pid > 0)
                process_ends(v, a == UNIT_DEACTIVATING && v->control_pid <= 0 ? CLD_KILLED : CLD_EXITED,
                        a == UNIT_DEACTIVATING && v->control_pid <= 0 ? SIGTERM
                        : good                                        ? 0
                                                                      : 1);
        settle();
}

/* A line of all states, for whoever looks at one graph. */
static void show(void)
{
        if (!verbose)
                return;
        printf("#       ");
        for (unsigned i = 0; i < UNITS; i++) {
                struct unit *u = unit_find(m, unit_name(i));

                printf(" %u:%s%s%s", i, u ? unit_sub_state(u) : "-", u && u->job ? "/" : "",
                        u && u->job ? job_type_to_string(u->job->type) : "");
        }
        printf("\n");
}

static void pass_time(usec_t by)
{
        the_time += by;
        (void)loop_turn(m->loop, 0);
        settle();
}

static void some_service(void)
{
        struct unit *u = test_unit(m, unit_name(below(UNITS)));

        if (u->type == UNIT_SERVICE)
                service_event(UNIT_CAST(service, u), below(4) > 0);
}

/* Every service that is on its way gets there. */
static uint32_t come_to_rest(void)
{
        uint32_t newest = 0;

        for (unsigned round = 0; round < 200; round++) {
                bool moved = false;

                if (round == 100)
                        newest = m->next_job_id;
                for (unsigned i = 0; i < UNITS; i++) {
                        struct unit *u = unit_find(m, unit_name(i));
                        enum active_state a = u ? unit_active_state(u) : UNIT_INACTIVE;

                        if (!u || u->type != UNIT_SERVICE ||
                                (a != UNIT_ACTIVATING && a != UNIT_DEACTIVATING && a != UNIT_RELOADING))
                                continue;
                        moved = true;
                        service_event(UNIT_CAST(service, u), true);
                }
                pass_time(2 * USEC_PER_SEC);
                if (!moved && !m->jobs_by_id)
                        return UINT32_MAX;
        }
        return newest;
}

static uint64_t play(uint64_t seed)
{
        bool orderly = seed % 2 == 0;
        uint32_t newest;

        random_state = seed * 0x9E3779B97F4A7C15u;
        history = 0;
        test_reset();
        next_pid = FIRST_PID;
        the_time = 3600 * USEC_PER_SEC;
        empty_answer = 1;
        put_graph();
        m = test_manager();
        m->t_units_loaded = the_time;
        for (unsigned i = 0; i < STEPS; i++) {
                unsigned what = below(10);

                if (what < 4)
                        request(orderly);
                else if (what < 9)
                        some_service();
                else
                        pass_time((usec_t)below(100) * USEC_PER_SEC);
                show();
                check_jobs();
        }
        newest = come_to_rest();
        check_jobs();
        check_rest(orderly && newest == UINT32_MAX, newest);
        note("edges", fingerprint() ? "" : "none");
        history ^= fingerprint();
        test_manager_free(m);
        return history;
}

int main(int argc, char **argv)
{
        uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1,
                 last = argc > 2   ? strtoull(argv[2], NULL, 10)
                        : argc > 1 ? first
                                   : 300;

        test_begin();
        on_spawn = check_start;
        verbose = argc == 2;
        for (uint64_t seed = first; seed <= last; seed++) {
                _cleanup_free_ char *name = str_printf("graph %llu", (unsigned long long)seed);
                uint64_t once, twice;

                broken = false;
                once = play(seed);
                verbose = false;
                twice = play(seed);
                if (once != twice)
                        breaks("two runs differ", name, "");
                ok(!broken, name);
                if (broken && argc > 1)
                        printf("%s", test_log.s ?: "");
        }
        return test_end();
}
