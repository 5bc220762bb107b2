/* Dependencies and job modes, one by one: a row each of systemd.unit(5)'s relations and of systemctl(1)'s modes. A row
 * has units, and what is asked and must follow, word by word:
 *
 *   VERB[/MODE][+]=UNIT       a job is asked for, and all runs (with '+': it is queued only)
 *   !VERB[/MODE]=UNIT         the same, and it must be refused
 *   UNIT:STATE  UNIT@JOB      the unit's active state, its job ("none")
 *   gone=UNIT                 a target is down without a job
 *   exit=UNIT:STATUS          the main process of a service ended
 *   wait=SECONDS              time passes
 *   run                       what is queued runs
 *
 * Units are targets, which are up and down at once, and services whose processes the test plays. */
#include "tests/unit/init-service.h"

struct row {
        const char *what;
        const char
                *units; /* "NAME LINE; LINE | NAME …": lines of [Unit]; "[Service]" may stand among them */
        const char *steps;
};

static const struct row rows[] = {
        /* ---- requirements ---- */
        { "Requires=: started with it, and stops with what it needs",
                "a.target Requires=b.target | b.target",
                "start=a.target a.target:active b.target:active stop=b.target a.target:inactive" },
        { "Requires=: a failure of what it waits for fails it",
                "a.target Requires=b.service; After=b.service | b.service [Service]; Type=notify; "
                "ExecStart=/b",
                "start=a.target b.service:activating a.target@start exit=b.service:1 b.service:failed "
                "a.target:inactive "
                "a.target@none" },
        { "Requires=: what went by itself leaves it up",
                "a.target Requires=b.target; After=b.target | b.target",
                "start=a.target gone=b.target b.target:inactive a.target:active" },
        { "Requires=: a restart goes along", "a.target Requires=b.target; After=b.target | b.target",
                "start=a.target restart+=b.target a.target@restart run a.target:active" },
        { "Requires=: a missing one refuses it", "a.target Requires=nowhere.target",
                "!start=a.target a.target:inactive" },
        { "Wants=: started with it, and no more", "a.target Wants=b.target nowhere.target | b.target",
                "start=a.target b.target:active a.target:active stop=b.target a.target:active" },
        { "Wants=: of a unit that is up, not started again for another's sake",
                "a.target Requires=b.target | b.target Wants=c.target; Requires=d.target | c.target | "
                "d.target",
                "start=b.target c.target:active stop=c.target gone=d.target start=a.target a.target:active "
                "c.target:inactive d.target:inactive start=b.target c.target:active d.target:active" },
        { "Wants=: of a unit that is up, started again when a target that needs it is isolated",
                "a.target Requires=b.target; AllowIsolate=yes | b.target Wants=c.target | c.target",
                "start=b.target stop=c.target start/isolate=a.target a.target:active c.target:active" },
        { "Wants=: of a unit that is up, asked for by another one too",
                "a.target Requires=b.target; Wants=c.target | b.target Wants=c.target | c.target",
                "start=b.target stop=c.target start=a.target c.target:active" },
        { "Wants=: a failure of what it waits for does not matter",
                "a.target Wants=b.service; After=b.service | b.service [Service]; Type=notify; ExecStart=/b",
                "start=a.target a.target@start exit=b.service:1 b.service:failed a.target:active" },
        { "Requisite=: starts nothing, and fails where it is down",
                "a.target Requisite=b.target; After=b.target | b.target",
                "start=a.target a.target:inactive b.target:inactive" },
        { "Requisite=: of what is up", "a.target Requisite=b.target; After=b.target | b.target",
                "start=b.target start=a.target a.target:active stop=b.target a.target:inactive" },
        { "BindsTo=: started with it, and follows what goes by itself",
                "a.target BindsTo=b.target; After=b.target | b.target",
                "start=a.target b.target:active gone=b.target a.target:inactive" },
        { "BindsTo=: follows a failure", "a.target BindsTo=b.service | b.service [Service]; ExecStart=/b",
                "start=a.target a.target:active exit=b.service:1 b.service:failed a.target:inactive" },
        { "BindsTo=: a stop that an irreversible job held up is made up for",
                "a.service BindsTo=b.target; After=b.target; [Service]; Type=notify; ExecStart=/a | "
                "b.target",
                "start/replace-irreversibly=a.service a.service:activating gone=b.target a.service@start "
                "ready=a.service a.service:deactivating" },
        { "PartOf=: stops and restarts with it", "a.target PartOf=b.target | b.target",
                "start=a.target b.target:inactive start=b.target restart+=b.target a.target@restart run "
                "a.target:active "
                "stop=b.target a.target:inactive" },
        { "PartOf=: is not restarted where it is down", "a.target PartOf=b.target | b.target",
                "start=b.target start=a.target stop=a.target restart=b.target a.target:inactive" },
        { "Upholds=: started again whenever it is found down",
                "a.target Upholds=b.service | b.service [Service]; ExecStart=/b",
                "start=a.target b.service:active exit=b.service:1 b.service:active exit=b.service:0 "
                "b.service:active "
                "stop=a.target exit=b.service:0 b.service:inactive" },
        { "Upholds=: tried again when what it needs could not be started",
                "a.target Upholds=b.service | b.service Requires=c.service; After=c.service; [Service]; "
                "ExecStart=/b | c.service [Service]; Type=notify; ExecStart=/c",
                "start=a.target c.service:activating b.service@start exit=c.service:1 c.service:activating "
                "b.service@start ready=c.service b.service:active" },
        { "Upholds=: as often as its start limit allows, and again when that is over",
                "a.target Upholds=b.service | b.service StartLimitBurst=2; StartLimitIntervalSec=10; "
                "[Service]; ExecStart=/b",
                "start=a.target b.service:active exit=b.service:1 b.service:active exit=b.service:1 "
                "b.service:failed wait=5 b.service:failed wait=6 b.service:active" },
        { "Upholds=: a stopped one is started again, until who upholds it is stopped",
                "a.target Upholds=b.target | b.target",
                "start=a.target b.target:active stop=b.target b.target:active stop=a.target stop=b.target "
                "b.target:inactive" },
        { "Upholds=: one whose condition is not met is looked at again",
                "a.target Upholds=b.target | b.target ConditionPathExists=!/nowhere/x; "
                "ConditionPathExists=/nowhere; StartLimitBurst=2; StartLimitIntervalSec=5",
                "start=a.target b.target:inactive b.target@none wait=6 b.target:inactive a.target:active" },
        { "Conflicts=: what is up goes, both ways", "a.target Conflicts=b.target | b.target",
                "start=b.target start=a.target a.target:active b.target:inactive start=b.target "
                "a.target:inactive "
                "b.target:active" },
        { "Conflicts=: the start waits for the stop",
                "a.target Conflicts=b.service; After=b.service | b.service [Service]; ExecStart=/b",
                "start=b.service start=a.target b.service:deactivating a.target@start exit=b.service:0 "
                "a.target:active" },
        { "Conflicts=: both required is refused",
                "a.target Conflicts=b.target | b.target | c.target Requires=a.target b.target",
                "!start=c.target a.target:inactive b.target:inactive" },
        { "Conflicts=: one required and one wanted: the wanted one is left out",
                "a.target Conflicts=b.target | b.target | c.target Requires=a.target; Wants=b.target",
                "start=c.target a.target:active b.target:inactive c.target:active" },
        { "Conflicts=: what cannot be stopped keeps the other down",
                "a.target Conflicts=init.scope | c.target Wants=a.target",
                "!start=a.target a.target:inactive start=c.target c.target:active a.target:inactive" },
        { "RequiresMountsFor=: the mount comes first, and is needed",
                "a.target RequiresMountsFor=/x/y | x.mount [Mount]; What=host:/x; Where=/x; Type=nfs",
                "start+=a.target x.mount@start a.target@start stop+=x.mount a.target@stop" },
        /* ---- order ---- */
        { "After=: waits for the other's start",
                "a.target After=b.service; Wants=b.service | b.service [Service]; Type=notify; ExecStart=/b",
                "start=a.target a.target@start ready=b.service a.target:active" },
        { "After=: no start of the other, no wait", "a.target After=b.target | b.target",
                "start=a.target a.target:active b.target:inactive" },
        { "Before=: the other waits",
                "a.service Before=b.target; Wants=b.target; [Service]; Type=notify; ExecStart=/a | b.target",
                "start=a.service b.target@start ready=a.service b.target:active" },
        { "Before=: the stop goes the other way round",
                "a.target Before=b.service | b.service [Service]; ExecStart=/b | all.target "
                "Requires=a.target b.service",
                "start=all.target stop+=a.target stop+=b.service run a.target@stop b.service:deactivating "
                "exit=b.service:0 a.target:inactive" },
        /* ---- what follows an end ---- */
        { "OnFailure=: started on failure only",
                "a.service OnFailure=b.target; [Service]; ExecStart=/a | b.target",
                "start=a.service exit=a.service:0 b.target:inactive start=a.service exit=a.service:1 "
                "b.target:active" },
        { "OnFailure=: not before the last attempt of Restart=",
                "a.service OnFailure=b.target; StartLimitBurst=2; StartLimitIntervalSec=60; [Service]; "
                "ExecStart=/a; "
                "Restart=on-failure; RestartSec=1 | b.target",
                "start=a.service exit=a.service:1 b.target:inactive wait=1 a.service:active "
                "exit=a.service:1 wait=1 "
                "a.service:failed b.target:active" },
        { "OnSuccess=: started on success only",
                "a.service OnSuccess=b.target; [Service]; ExecStart=/a | b.target",
                "start=a.service exit=a.service:1 b.target:inactive start=a.service exit=a.service:0 "
                "b.target:active" },
        { "OnFailureJobMode=isolate",
                "a.service OnFailure=b.target; OnFailureJobMode=isolate; [Service]; ExecStart=/a | "
                "b.target AllowIsolate=yes | c.target",
                "start=c.target start=a.service exit=a.service:1 b.target:active c.target:inactive" },
        { "OnSuccessJobMode=fail",
                "a.service OnSuccess=b.target; OnSuccessJobMode=fail; [Service]; ExecStart=/a | "
                "b.target Conflicts=c.target; After=c.target | c.target After=slow.service | "
                "slow.service [Service]; Type=notify; ExecStart=/s",
                "start=a.service start+=slow.service start+=c.target run c.target@start exit=a.service:0 "
                "b.target:inactive c.target@start" },
        { "StopWhenUnneeded=: goes with the last that needs it",
                "a.target StopWhenUnneeded=yes | b.target Wants=a.target | c.target Requires=a.target",
                "start=b.target start=c.target stop=b.target a.target:active stop=c.target "
                "a.target:inactive" },
        { "StopWhenUnneeded=: goes at once where nothing needs it", "a.target StopWhenUnneeded=yes",
                "start=a.target run a.target:inactive" },
        { "PropagatesStopTo=", "a.target PropagatesStopTo=b.target | b.target",
                "start=a.target start=b.target stop=a.target b.target:inactive" },
        { "PropagatesStopTo=: the other way does nothing", "a.target PropagatesStopTo=b.target | b.target",
                "start=a.target start=b.target stop=b.target a.target:active" },
        { "StopPropagatedFrom=", "a.target StopPropagatedFrom=b.target | b.target",
                "start=a.target start=b.target stop=b.target a.target:inactive" },
        { "PropagatesReloadTo=",
                "a.service PropagatesReloadTo=b.service; [Service]; ExecStart=/a; ExecReload=/r | "
                "b.service [Service]; ExecStart=/b; ExecReload=/r",
                "start=a.service start=b.service reload=a.service a.service:reloading b.service:reloading" },
        { "ReloadPropagatedFrom=",
                "a.service ReloadPropagatedFrom=b.service; [Service]; ExecStart=/a; ExecReload=/r | "
                "b.service [Service]; ExecStart=/b; ExecReload=/r",
                "start=a.service start=b.service reload=b.service a.service:reloading b.service:reloading" },
        { "PropagatesReloadTo=: starts nothing",
                "a.service PropagatesReloadTo=b.service; [Service]; ExecStart=/a; ExecReload=/r | "
                "b.service [Service]; ExecStart=/b; ExecReload=/r",
                "start=a.service reload=a.service a.service:reloading b.service:inactive" },
        /* ---- what is allowed ---- */
        { "RefuseManualStart=: by others only", "a.target RefuseManualStart=yes | b.target Wants=a.target",
                "!start=a.target start=b.target a.target:active" },
        { "RefuseManualStop=: by others only", "a.target RefuseManualStop=yes | b.target Conflicts=a.target",
                "start=a.target !stop=a.target start=b.target a.target:inactive" },
        { "AllowIsolate=", "a.target AllowIsolate=yes | b.target | c.target",
                "start=c.target !start/isolate=b.target start/isolate=a.target a.target:active "
                "c.target:inactive" },
        { "IgnoreOnIsolate=: stays", "a.target AllowIsolate=yes | b.target IgnoreOnIsolate=yes | c.target",
                "start=b.target start=c.target start/isolate=a.target b.target:active c.target:inactive" },
        { "JobTimeoutSec=: a job that waits too long ends",
                "a.target JobTimeoutSec=5; Wants=b.service; After=b.service | "
                "b.service [Service]; Type=notify; ExecStart=/b; TimeoutStartSec=90",
                "start=a.target a.target@start wait=4 a.target@start wait=2 a.target@none a.target:inactive "
                "b.service@start" },
        { "JobRunningTimeoutSec=: counts from when it began",
                "a.service JobRunningTimeoutSec=5; Wants=b.service; After=b.service; "
                "[Service]; Type=notify; ExecStart=/a; TimeoutStartSec=90 | b.service [Service]; "
                "Type=notify; ExecStart=/b; TimeoutStartSec=90",
                "start=a.service wait=20 a.service@start ready=b.service a.service:activating wait=6 "
                "a.service@none" },
        { "StartLimitBurst=: one too many is refused",
                "a.target | s.service StartLimitBurst=2; StartLimitIntervalSec=10; [Service]; ExecStart=/s",
                "start=s.service exit=s.service:0 start=s.service exit=s.service:0 start=s.service "
                "s.service:failed "
                "wait=11 start=s.service s.service:active" },
        { "ConditionPathExists=: not met is no failure of what needs it",
                "a.target Requires=b.target; After=b.target | b.target ConditionPathExists=/nowhere",
                "start=a.target b.target:inactive a.target:active" },
        { "AssertPathExists=: not met is",
                "a.target Requires=b.target; After=b.target | b.target AssertPathExists=/nowhere",
                "start=a.target b.target:inactive a.target:inactive" },
        /* ---- job modes ---- */
        { "replace: a contrary job gives way", "a.service [Service]; Type=notify; ExecStart=/a",
                "start=a.service a.service@start stop/replace+=a.service a.service@stop" },
        { "fail: a contrary job refuses", "a.service [Service]; Type=notify; ExecStart=/a",
                "start=a.service !stop/fail=a.service a.service@start" },
        { "fail: the same wish once more is none", "a.service [Service]; Type=notify; ExecStart=/a",
                "start=a.service start/fail=a.service a.service@start" },
        { "isolate: what is not wanted goes, with its jobs",
                "a.target AllowIsolate=yes; Wants=b.target | b.target | c.target | d.service [Service]; "
                "Type=notify; ExecStart=/d",
                "start=c.target start=d.service start/isolate=a.target b.target:active c.target:inactive "
                "d.service:deactivating" },
        { "isolate: only for a start", "a.target AllowIsolate=yes", "!stop/isolate=a.target" },
        { "flush: the jobs that are there go",
                "a.target | b.service [Service]; Type=notify; ExecStart=/b | c.target After=b.service",
                "start=b.service start+=c.target start/flush+=a.target b.service@none c.target@none "
                "a.target@start" },
        { "ignore-dependencies: nothing is pulled in, no order is kept",
                "a.target Requires=b.target; After=b.target s.service | b.target | s.service [Service]; "
                "Type=notify; ExecStart=/s",
                "start=s.service start/ignore-dependencies=a.target a.target:active b.target:inactive" },
        { "ignore-dependencies: of a stop, too", "a.target Requires=b.target | b.target",
                "start=a.target stop/ignore-dependencies=b.target b.target:inactive a.target:active" },
        { "ignore-requirements: nothing is pulled in, order is kept",
                "a.target Requires=b.target; After=s.service | b.target | s.service [Service]; Type=notify; "
                "ExecStart=/s",
                "start=s.service start/ignore-requirements=a.target a.target@start ready=s.service "
                "a.target:active b.target:inactive" },
        { "ignore-requirements: of a stop, too", "a.target Requires=b.target | b.target",
                "start=a.target stop/ignore-requirements=b.target b.target:inactive a.target:active" },
        { "replace-irreversibly: its jobs are not turned round",
                "a.target Conflicts=s.service | s.service [Service]; ExecStart=/s",
                "start=s.service start/replace-irreversibly=a.target s.service@stop !start=s.service "
                "!start/fail=s.service "
                "!start/replace-irreversibly=s.service s.service@stop exit=s.service:0 start=s.service "
                "s.service:active" },
        { "replace-irreversibly: a wish that only wants it is granted without it",
                "a.target Conflicts=s.service | s.service [Service]; ExecStart=/s | b.target "
                "Wants=s.service",
                "start=s.service start/replace-irreversibly=a.target s.service@stop !start=b.target "
                "b.target:inactive" },
        { "triggering: what triggers it is stopped with it",
                "a.service [Service]; ExecStart=/a | a.path [Path]; PathExists=/nowhere",
                "start=a.path start=a.service stop=a.service exit=a.service:0 a.service:inactive "
                "a.path:active start=a.service "
                "stop/triggering=a.service a.service:deactivating a.path@stop exit=a.service:0 "
                "a.path:inactive" },
        { "triggering: only for a stop", "a.service [Service]; ExecStart=/a",
                "!start/triggering=a.service" },
};

static void put_unit(char *text)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        _cleanup_free_ char *path = NULL;
        char *name = str_strip(text), *line = strchr(name, ' '), *next;

        if (line)
                *line++ = '\0';
        strbuf_puts(&b, "[Unit]\nDefaultDependencies=no\n");
        for (; line; line = next) {
                next = strchr(line, ';');
                if (next)
                        *next++ = '\0';
                strbuf_printf(&b, "%s\n", str_strip(line));
        }
        path = str_printf("/etc/systemd/system/%s", name);
        put(path, b.s);
}

static void put_units(const char *text)
{
        _cleanup_free_ char *copy = strdup(text);

        for (char *at = copy, *next; at; at = next) {
                next = strchr(at, '|');
                if (next)
                        *next++ = '\0';
                put_unit(at);
        }
}

static void run_all(void)
{
        do {
                manager_dispatch_run_queue(m);
                (void)loop_turn(m->loop, 0);
        } while (m->run_queue);
}

static int type_of_verb(const char *verb)
{
        int t = job_type_from_string(verb);

        return t < 0 ? -1 : t;
}

/* "VERB[/MODE][+]=UNIT" */
static bool ask_for(char *verb, const char *name, bool refused)
{
        char *mode = strchr(verb, '/'), *plus = strchr(verb, '+');
        _cleanup_free_ char *error = NULL;
        int how = JOB_REPLACE, r;

        if (plus)
                *plus = '\0';
        if (mode) {
                *mode++ = '\0';
                how = job_mode_from_string(mode);
        }
        if (type_of_verb(verb) < 0 || how < 0)
                return false;
        r = manager_add_job(m, type_of_verb(verb), test_unit(m, name), how, true, NULL, &error);
        if (!plus)
                run_all();
        if (error && r < 0 && !refused)
                printf("# %s\n", error);
        return (r < 0) == refused;
}

static bool happens(const char *verb, const char *name)
{
        char *colon = strchr(name, ':');
        int status = 0;
        struct unit *u;

        if (streq(verb, "wait")) {
                for (int i = 0; i < atoi(name) * 4; i++) {
                        the_time += USEC_PER_SEC / 4;
                        run_all();
                }
                return true;
        }
        if (colon) {
                *colon = '\0';
                status = atoi(colon + 1);
        }
        u = test_unit(m, name);
        if (streq(verb, "gone")) {
                UNIT_CAST(target, u)->active = false;
                unit_notify(u, UNIT_ACTIVE, false);
        } else if (streq(verb, "exit")) {
                pid_t pid = UNIT_CAST(service, u)->main_pid;

                unit_unwatch_pid(u, pid);
                service_ops.child(u, pid, CLD_EXITED, status);
        } else if (streq(verb, "ready")) {
                char *fields[] = { (char *)"READY=1", NULL };

                service_notify_message(u, UNIT_CAST(service, u)->main_pid, 0, fields, NULL, 0);
        } else
                return false;
        run_all();
        return true;
}

static bool step(char *word)
{
        char *is = strchr(word, '='), *colon = strchr(word, ':'), *at = strchr(word, '@');
        bool refused = *word == '!';
        struct unit *u;
        const char *have;

        if (streq(word, "run")) {
                run_all();
                return true;
        }
        if (is) {
                *is++ = '\0';
                if (strchr(word, '/') || type_of_verb(strndupa(word, strcspn(word, "+")) + refused) >= 0)
                        return ask_for(word + refused, is, refused);
                return happens(word, is);
        }
        if (!colon && !at)
                return false;
        *(colon ?: at) = '\0';
        u = unit_find(m, word);
        have = !u       ? (colon ? "inactive" : "none")
               : colon  ? active_state_to_string(unit_active_state(u))
               : u->job ? job_type_to_string(u->job->type)
                        : "none";
        if (streq(have, (colon ?: at) + 1))
                return true;
        printf("# %s is %s\n", word, have);
        return false;
}

static void try(const struct row *r)
{
        _cleanup_strv_ char **words = strv_split(r->steps, " ");
        bool good = true;

        test_reset();
        next_pid = FIRST_PID;
        the_time = 3600 * USEC_PER_SEC;
        put("/etc/systemd/system/shutdown.target", "[Unit]\nDefaultDependencies=no\n");
        put_units(r->units);
        m = test_manager();
        m->t_units_loaded = 1;
        FOREACH_STR (w, words) {
                _cleanup_free_ char *copy = strdup(*w);

                if (!step(copy)) {
                        printf("# at: %s\n", *w);
                        good = false;
                        break;
                }
        }
        ok(good, r->what);
        test_manager_free(m);
}

int main(void)
{
        test_begin();
        empty_answer = 1;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                try(&rows[i]);
        strv_free(last_env);
        strbuf_done(&started);
        strbuf_done(&sent);
        strbuf_done(&group_sent);
        return test_end();
}
