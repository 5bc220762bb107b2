/* The state machine of services, driven by init-service.h: each kind of start, of end, of restart and of time-out. */
#include "tests/unit/init-service.h"

/* ---- types ---- */

static void type_simple(void)
{
        begin("", "ExecStart=/m\nExecStop=/x");
        ask(JOB_START);
        is_now("running", "simple: up when it has been forked");
        ok(!s->unit.job, "its job is done");
        main_ends(CLD_EXITED, 0);
        is_now("stop", "its end runs ExecStop=");
        control_ends(0);
        is_now("dead", "then it is dead");
        is_str(result(), "success", "with success");
        end();
}

static void type_exec(void)
{
        begin("", "Type=exec\nExecStart=/m");
        ask(JOB_START);
        is_now("start", "exec: waits for the program");
        service_ready(s);
        is_now("running", "up when it runs");
        end();
        begin("", "Type=exec\nExecStart=/m");
        ask(JOB_START);
        main_ends(CLD_EXITED, 203);
        is_now("failed", "exec: fails when it cannot be executed");
        is_str(result(), "exit-code", "by its exit code");
        end();
}

static void type_oneshot(void)
{
        begin("", "Type=oneshot\nExecStart=/a\nExecStart=-/b\nExecStart=/c");
        ask(JOB_START);
        is_now("start", "oneshot: activating while it runs");
        main_ends(CLD_EXITED, 0);
        main_ends(CLD_EXITED, 1);
        is_now("start", "a failure with '-' does not count");
        main_ends(CLD_EXITED, 0);
        is_now("dead", "dead after the last");
        is_str(started.s, "/a /b /c ", "in order");
        is_str(result(), "success", "success");
        end();
        begin("", "Type=oneshot\nRemainAfterExit=yes\nExecStart=/a\nExecStop=/x");
        ask(JOB_START);
        main_ends(CLD_EXITED, 0);
        is_now("exited", "RemainAfterExit=: active without a process");
        is_str(active_state_to_string(unit_active_state(&s->unit)), "active", "active");
        ask(JOB_STOP);
        control_ends(0);
        is_now("dead", "until it is stopped");
        end();
        begin("", "Type=oneshot\nExecStart=/a\nExecStart=/b");
        ask(JOB_START);
        main_ends(CLD_EXITED, 1);
        is_now("failed", "a oneshot fails at the first failure");
        is_str(started.s, "/a ", "the second is not run");
        end();
}

static void type_notify(void)
{
        begin("", "Type=notify\nExecStart=/m");
        ask(JOB_START);
        tell(FIRST_PID + 7, "READY=1", NULL);
        is_now("start", "notify: a stranger's READY=1 does not count");
        tell(s->main_pid, "READY=1", "STATUS=here");
        is_now("running", "the main process's does");
        is_str(s->status_text, "here", "STATUS=");
        tell(s->main_pid, "STOPPING=1", NULL);
        is_now("stop-sigterm", "STOPPING=1: deactivating");
        main_ends(CLD_EXITED, 0);
        is_now("dead", "and dead at its end");
        end();
        begin("", "Type=notify\nExecStart=/m");
        ask(JOB_START);
        main_ends(CLD_EXITED, 0);
        is_now("failed", "an end before READY=1 is a failure");
        is_str(result(), "protocol", "of the protocol");
        end();
}

static void type_forking(void)
{
        _cleanup_free_ char *pid_file = NULL, *lines = NULL, *text = NULL;
        pid_t pid = real_process();

        pid_file = test_path("/s.pid");
        lines = str_printf("Type=forking\nExecStart=/m\nPIDFile=%s", pid_file);
        text = str_printf("%d\n", pid);
        begin("", lines);
        ask(JOB_START);
        is_now("start", "forking: waits for the first process");
        put("/s.pid", text);
        control_ends(0);
        is_now("running", "up when that has gone and the PID file is there");
        is_int(s->main_pid, pid, "the main process is the file's");
        ask(JOB_STOP);
        is_str(sent.s, "TERM ", "it is told to stop");
        main_ends(CLD_KILLED, SIGTERM);
        is_now("dead", "and goes");
        ok(access(pid_file, F_OK) < 0, "its PID file is removed");
        end();
        begin("", lines);
        empty_answer = 0;
        ask(JOB_START);
        control_ends(0);
        is_now("start", "no PID file yet: it is waited for");
        put("/s.pid", text);
        (void)loop_turn(m->loop, USEC_PER_SEC);
        is_now("running", "and noticed");
        end();
        begin("", lines);
        ask(JOB_START);
        control_ends(0);
        is_now("failed", "no process and no PID file: a failure");
        is_str(result(), "protocol", "of the protocol");
        end();
        (void)__real_kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

static void main_pid_by_message(void)
{
        pid_t pid = real_process();
        _cleanup_free_ char *field = str_printf("MAINPID=%d", pid);

        begin("", "Type=notify\nExecStart=/m");
        ask(JOB_START);
        tell(s->main_pid, "READY=1", field);
        is_int(s->main_pid, pid, "MAINPID=");
        tell(pid, "MAINPID=0", NULL);
        is_int(s->main_pid, pid, "rubbish in it is refused");
        end();
        (void)__real_kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

/* ---- before and after ---- */

static void start_pre(void)
{
        begin("OnFailure=alarm.target",
                "ExecStartPre=/p\nExecStartPre=/q\nExecStart=/m\nExecStop=/x\nExecStopPost=/y");
        ask(JOB_START);
        is_now("start-pre", "ExecStartPre= first");
        control_ends(0);
        control_ends(3);
        is_now("stop-post", "when it fails, ExecStopPost= is next, not ExecStop=");
        ok(has_env("SERVICE_RESULT=exit-code"), "which is told the result");
        control_ends(0);
        is_now("failed", "failed");
        is_str(started.s, "/p /q /y ", "the main process never ran");
        is_str(active_state_to_string(unit_active_state(unit_find(m, "alarm.target"))), "active",
                "OnFailure=");
        end();
        begin("", "ExecStartPre=/p\nExecStartPre=/q\nExecStart=/m");
        ask(JOB_START);
        spawn_error = -ENOMEM;
        control_ends(0);
        is_now("failed", "a second ExecStartPre= that cannot be forked is a failure");
        is_str(result(), "resources", "of resources");
        end();
        begin("", "Type=idle\nExecStartPre=/p\nExecStart=/m");
        ask(JOB_START);
        time_out(&s->timer);
        is_now("stop-sigterm", "idle: the time-out of ExecStartPre= stops it");
        is_str(started.s, "/p ", "and starts nothing beside it");
        end();
}

static void condition(void)
{
        static const struct {
                int status;
                const char *state, *result;
        } all[] = {
                { 0, "running", "success" },
                { 1, "dead", "exec-condition" },
                { 254, "dead", "exec-condition" },
                { 255, "failed", "exit-code" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                begin("", "ExecCondition=/c\nExecStart=/m");
                ask(JOB_START);
                control_ends(all[i].status);
                is_now(all[i].state, "ExecCondition=");
                is_str(result(), all[i].result, "its result");
                end();
        }
}

static void stop_post_environment(void)
{
        begin("", "ExecStart=/m\nExecStopPost=/y");
        ask(JOB_START);
        main_ends(CLD_DUMPED, SIGSEGV);
        ok(has_env("SERVICE_RESULT=core-dump") && has_env("EXIT_CODE=dumped") && has_env("EXIT_STATUS=SEGV"),
                "ExecStopPost= is told how it ended");
        control_ends(0);
        is_now("failed", "failed");
        end();
}

/* ---- stopping ---- */

static void stop_by_force(void)
{
        begin("", "ExecStart=/m\nTimeoutStopSec=5");
        ask(JOB_START);
        ask(JOB_STOP);
        is_now("stop-sigterm", "stop: SIGTERM first");
        is_int(s->timer.when - the_time, 5 * USEC_PER_SEC, "for TimeoutStopSec=");
        tell(s->main_pid, "WATCHDOG=1", NULL);
        ok(!loop_timer_armed(&s->watchdog_timer), "no watchdog while it stops");
        time_out(&s->timer);
        is_now("stop-sigkill", "then SIGKILL");
        is_str(sent.s, "TERM KILL ", "these signals");
        main_ends(CLD_KILLED, SIGKILL);
        is_now("failed", "which is a failure");
        is_str(result(), "timeout", "by time-out");
        ok(!s->unit.job, "the stop is done");
        end();
        begin("", "ExecStart=/m\nSendSIGKILL=no\nKillSignal=SIGINT");
        ask(JOB_START);
        ask(JOB_STOP);
        time_out(&s->timer);
        is_str(sent.s, "INT INT ", "SendSIGKILL=no, KillSignal=");
        end();
}

static void start_timeout(void)
{
        begin("", "Type=notify\nExecStart=/m\nTimeoutStartSec=7");
        ask(JOB_START);
        is_int(s->timer.when - the_time, 7 * USEC_PER_SEC, "TimeoutStartSec=");
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=9000000", NULL);
        is_int(s->timer.when - the_time, 9 * USEC_PER_SEC, "EXTEND_TIMEOUT_USEC=");
        time_out(&s->timer);
        is_now("stop-sigterm", "over: it is told to stop");
        main_ends(CLD_KILLED, SIGTERM);
        is_str(result(), "timeout", "a time-out");
        end();
}

static void runtime_max(void)
{
        begin("", "ExecStart=/m\nRuntimeMaxSec=60");
        ask(JOB_START);
        time_out(&s->timer);
        is_now("stop-sigterm", "RuntimeMaxSec=");
        end();
        begin("", "Type=notify-reload\nExecStart=/m");
        ask(JOB_START);
        tell(s->main_pid, "READY=1", NULL);
        ask(JOB_RELOAD);
        is_now("reload-signal", "notify-reload: the signal");
        is_str(sent.s, "HUP ", "SIGHUP");
        tell(s->main_pid, "RELOADING=1", NULL);
        tell(s->main_pid, "READY=1", NULL);
        is_now("running", "until READY=1");
        ok(!s->unit.job && !loop_timer_armed(&s->timer), "done, and no time runs");
        end();
}

static void watchdog(void)
{
        begin("", "ExecStart=/m\nWatchdogSec=10\nNotifyAccess=main");
        ask(JOB_START);
        the_time += 8 * USEC_PER_SEC;
        tell(s->main_pid, "WATCHDOG=1", NULL);
        is_int(s->watchdog_timer.when - the_time, 10 * USEC_PER_SEC, "WATCHDOG=1 begins anew");
        time_out(&s->watchdog_timer);
        is_now("stop-watchdog", "no sign of life");
        is_str(sent.s, "ABRT ", "SIGABRT");
        main_ends(CLD_DUMPED, SIGABRT);
        is_str(result(), "watchdog", "the watchdog's failure");
        end();
}

static void store(void)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        char *fields[] = { (char *)"FDSTORE=1", (char *)"FDNAME=x", NULL };

        begin("", "ExecStart=/m\nFileDescriptorStoreMax=1\nNotifyAccess=main\nRestart=on-failure");
        ask(JOB_START);
        service_notify_message(&s->unit, s->main_pid, 0, fields, &fd, 1);
        is_int((int64_t)s->n_store, 1, "FDSTORE=1");
        ask(JOB_RESTART);
        main_ends(CLD_KILLED, SIGTERM);
        is_now("running", "restarted");
        is_int((int64_t)s->n_store, 1, "a restart keeps it");
        ask(JOB_STOP);
        main_ends(CLD_KILLED, SIGTERM);
        is_int((int64_t)s->n_store, 0, "a stop does not");
        end();
}

static void store_more(int fd, const char *name, const char *more)
{
        _cleanup_free_ char *field = str_printf("FDNAME=%s", name);
        char *fields[] = { (char *)"FDSTORE=1", field, (char *)more, NULL };

        service_notify_message(&s->unit, s->main_pid, 0, fields, &fd, 1);
}

/* sd_notify(3): what hangs up leaves, unless FDPOLL=0; the same one is kept once; names that may not be are "stored". */
static void store_rules(void)
{
        char *drop[] = { (char *)"FDSTOREREMOVE=1", (char *)"FDNAME=kept", NULL };
        _cleanup_free_ char *path = NULL;
        char *barrier[] = { (char *)"BARRIER=1", (char *)"FDSTORE=1", NULL };
        int a[2], b[2], c[2];

        begin("", "ExecStart=/m\nFileDescriptorStoreMax=4\nNotifyAccess=main");
        ask(JOB_START);
        if (pipe2(a, O_CLOEXEC) < 0 || pipe2(b, O_CLOEXEC) < 0 || pipe2(c, O_CLOEXEC) < 0)
                exit(1);
        store_more(a[0], "polled", "");
        store_more(b[0], "kept", "FDPOLL=0");
        store_more(fcntl(a[0], F_DUPFD_CLOEXEC, 3), "again", "");
        is_int((int64_t)s->n_store, 2, "the same descriptor once more is not kept twice");
        close(a[1]);
        close(b[1]);
        (void)loop_turn(m->loop, 0);
        is_int((int64_t)s->n_store, 1, "one whose other end is closed leaves the store");
        is_str(s->store ? s->store->name : NULL, "kept", "with FDPOLL=0 it stays");
        path = test_path("/file");
        put("/file", "x");
        store_more(open(path, O_RDONLY | O_CLOEXEC), "a:b", "");
        is_int((int64_t)s->n_store, 2, "a file, which cannot be polled, is kept");
        is_str(s->store && s->store->next ? s->store->next->name : NULL, "stored",
                "a name with a colon is none");
        service_notify_message(&s->unit, s->main_pid, 0, drop, NULL, 0);
        is_int((int64_t)s->n_store, 1, "FDSTOREREMOVE=1 by name");
        service_notify_message(&s->unit, s->main_pid, 0, barrier, &c[1], 1);
        is_int((int64_t)s->n_store, 1, "BARRIER=1 is for no store");
        is_int(read(c[0], path, 1), 0, "its descriptor is closed once all before it has been taken");
        close(c[0]);
        end();
}

static void status_is(pid_t pid, uid_t uid, bool believed, const char *what)
{
        char *fields[] = { (char *)"STATUS=told", NULL };

        (void)str_replace(&s->status_text, NULL);
        service_notify_message(&s->unit, pid, uid, fields, NULL, 0);
        is_int(s->status_text != NULL, believed, what);
}

/* NotifyAccess=: who is believed. No process of the test is in the unit's cgroup. */
static void notify_access(void)
{
        pid_t other = real_process(), gone = real_process(), main = real_process();

        (void)__real_kill(gone, SIGKILL);
        (void)waitpid(gone, NULL, 0);
        kill_is_real = true;
        for (int all = 0; all < 2; all++) {
                begin("", all ? "ExecStart=/m\nNotifyAccess=all" : "ExecStart=/m\nNotifyAccess=main");
                m->cgroup_ok = true;
                spawn_error = 0;
                ask(JOB_START);
                status_is(s->main_pid, 0, true, "the main process");
                status_is(other, 0, false, "a process of another unit, even root's");
                status_is(gone, 0, all, "one that is gone and was root's: where all are believed");
                status_is(gone, 54321, false, "one that is gone and was some user's");
                s->main_pid = main;
                status_is(gone, getuid(), all, "one that was of the main process's user");
                s->main_pid = FIRST_PID;
                m->cgroup_ok = false;
                end();
        }
        kill_is_real = false;
        begin("", "ExecStart=/m\nNotifyAccess=none");
        ask(JOB_START);
        status_is(s->main_pid, 0, false, "none");
        end();
        begin("", "ExecStart=/m\nExecStartPost=/p\nNotifyAccess=exec");
        ask(JOB_START);
        status_is(s->control_pid, 0, true, "exec: a control process, too");
        end();
        begin("", "ExecStart=/m\nExecStartPost=/p\nNotifyAccess=main");
        ask(JOB_START);
        status_is(s->control_pid, 0, false, "main: not that");
        end();
        for (int i = 0; i < 2; i++) {
                (void)__real_kill(i ? other : main, SIGKILL);
                (void)waitpid(i ? other : main, NULL, 0);
        }
}

/* EXTEND_TIMEOUT_USEC=: never before the state's own limit, each message counts anew. */
static void extend(void)
{
        usec_t limit;

        begin("", "Type=notify\nExecStart=/m\nTimeoutStartSec=20");
        ask(JOB_START);
        limit = the_time + 20 * USEC_PER_SEC;
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=5000000", NULL);
        ok(s->timer.when == limit, "less than what is left changes nothing");
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=60000000", NULL);
        ok(s->timer.when == the_time + 60 * USEC_PER_SEC, "more extends it");
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=30000000", NULL);
        ok(s->timer.when == the_time + 30 * USEC_PER_SEC, "the last message counts");
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=1000000", NULL);
        ok(s->timer.when == limit, "but not before the limit");
        tell(s->main_pid, "READY=1", NULL);
        ask(JOB_STOP);
        limit = s->timer.when;
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=300000000", NULL);
        ok(s->timer.when == the_time + 300 * USEC_PER_SEC && s->timer.when > limit, "the stop, too");
        end();
        begin("", "Type=notify\nExecStart=/m\nRuntimeMaxSec=10");
        ask(JOB_START);
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=500000000", NULL);
        tell(s->main_pid, "READY=1", NULL);
        ok(s->timer.when == the_time + 10 * USEC_PER_SEC, "what the start was granted is not the run's");
        tell(s->main_pid, "EXTEND_TIMEOUT_USEC=60000000", NULL);
        limit = the_time + 60 * USEC_PER_SEC;
        tell(s->main_pid, "RELOADING=1", NULL);
        tell(s->main_pid, "READY=1", NULL);
        ok(s->timer.when == limit, "the run; a reload does not take it back");
        end();
}

/* Whose PID file is believed: one that root alone can have made, or one that names a process of the service. */
static void pid_file_trust(void)
{
        static const struct {
                const char *what, *setup;
                bool trusted;
        } rows[] = {
                { "root's file", "echo 1 > d/pid", true },
                { "root's file by root's link", "echo 1 > d/real; ln -s real d/pid", true },
                { "a user's file", "echo 1 > d/pid; chown 7 d/pid", false },
                { "root's file in a user's directory", "echo 1 > d/pid; chown 7 d", false },
                { "a user's link to root's file", "echo 1 > d/real; ln -s real d/pid; chown -h 7 d/pid",
                        false },
                { "root's link to a user's link",
                        "echo 1 > d/real; ln -s real d/l; chown -h 7 d/l; ln -s l d/pid", false },
        };

        if (getuid() != 0) {
                printf("# owners of files: needs root\n");
                return;
        }
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char dir[] = "/run/rouse-pid.XXXXXX"; /* /tmp is anybody's */
                _cleanup_free_ char *cmd = NULL, *path = NULL;
                struct path_answer a = { 0 };

                if (!mkdtemp(dir))
                        exit(1);
                cmd = str_printf("cd %s && mkdir d && %s", dir, rows[i].setup);
                path = str_printf("%s/d/pid", dir);
                is_int(system(cmd), 0, rows[i].what);
                is_int(path_look(LOOK_PID_FILE, path, &a), 0, "it is read");
                is_int(a.trusted, rows[i].trusted, "and trusted or not");
                free(cmd);
                cmd = str_printf("rm -r %s", dir);
                (void)!system(cmd);
        }
}

/* ---- again ---- */

enum { CLEAN, CODE, SIGNAL, TIMEOUT, DOG, N_ENDS };

static void end_by(int how)
{
        switch (how) {
        case CLEAN: main_ends(CLD_EXITED, 0); break;
        case CODE: main_ends(CLD_EXITED, 1); break;
        case SIGNAL: main_ends(CLD_KILLED, SIGSEGV); break;
        case TIMEOUT:
                (void)loop_timer_set(m->loop, &s->watchdog_timer, USEC_INFINITY);
                time_out(&s->timer);
                main_ends(CLD_KILLED, SIGTERM);
                break;
        default: time_out(&s->watchdog_timer); main_ends(CLD_DUMPED, SIGABRT);
        }
}

/* The table of systemd.service(5), Restart=. */
static void restart_modes(void)
{
        static const struct {
                const char *mode;
                bool again[N_ENDS];
        } all[] = {
                /*                clean  code   signal timeout watchdog */
                { "no", { false, false, false, false, false } },
                { "always", { true, true, true, true, true } },
                { "on-success", { true, false, false, false, false } },
                { "on-failure", { false, true, true, true, true } },
                { "on-abnormal", { false, false, true, true, true } },
                { "on-abort", { false, false, true, false, false } },
                { "on-watchdog", { false, false, false, false, true } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                for (int how = 0; how < N_ENDS; how++) {
                        _cleanup_free_ char *what = str_printf("Restart=%s, end %d", all[i].mode, how);
                        _cleanup_free_ char *lines = str_printf(
                                "ExecStart=/m\nRestart=%s\nRuntimeMaxSec=60\nWatchdogSec=10\nRestartSec=3",
                                all[i].mode);

                        begin("", lines);
                        ask(JOB_START);
                        end_by(how);
                        is_str(service_state_names[s->state],
                                all[i].again[how] ? "auto-restart" : (how == CLEAN ? "dead" : "failed"),
                                what);
                        if (all[i].again[how]) {
                                is_int(s->timer.when - the_time, 3 * USEC_PER_SEC, "after RestartSec=");
                                time_out(&s->timer);
                                is_now("running", "again");
                                is_int(s->n_restarts, 1, "counted");
                        }
                        end();
                }
}

static void restart_exceptions(void)
{
        begin("", "ExecStart=/m\nRestart=always\nRestartPreventExitStatus=5 SIGUSR1");
        ask(JOB_START);
        main_ends(CLD_EXITED, 5);
        is_now("failed", "RestartPreventExitStatus=");
        end();
        begin("", "ExecStart=/m\nRestartForceExitStatus=6\nSuccessExitStatus=6");
        ask(JOB_START);
        main_ends(CLD_EXITED, 6);
        is_now("auto-restart", "RestartForceExitStatus=");
        is_str(result(), "success", "SuccessExitStatus=");
        ask(JOB_STOP);
        is_now("dead", "stop while it waits to be restarted");
        end();
        begin("", "ExecStart=/m\nRestart=always");
        ask(JOB_START);
        ask(JOB_STOP);
        main_ends(CLD_EXITED, 0);
        is_now("dead", "what was stopped is not restarted");
        end();
}

static void start_limit(void)
{
        begin("StartLimitBurst=3\nStartLimitIntervalSec=10\nOnFailure=alarm.target",
                "ExecStart=/m\nRestart=always\nRestartSec=1ms");
        ask(JOB_START);
        for (int i = 0; i < 2; i++) {
                main_ends(CLD_EXITED, 1);
                time_out(&s->timer);
        }
        is_now("running", "three starts are allowed");
        is_str(active_state_to_string(unit_active_state(unit_find(m, "alarm.target"))), "inactive",
                "no OnFailure= while it is restarted");
        main_ends(CLD_EXITED, 1);
        time_out(&s->timer);
        is_now("failed", "the fourth is not");
        is_str(result(), "start-limit-hit", "said so");
        is_str(active_state_to_string(unit_active_state(unit_find(m, "alarm.target"))), "active",
                "now OnFailure=");
        unit_reset_failed(&s->unit);
        ask(JOB_START);
        is_now("running", "reset-failed forgets it");
        end();
}

int main(void)
{
        test_begin();
        type_simple();
        type_exec();
        type_oneshot();
        type_notify();
        type_forking();
        main_pid_by_message();
        start_pre();
        condition();
        stop_post_environment();
        stop_by_force();
        start_timeout();
        runtime_max();
        watchdog();
        store();
        store_rules();
        notify_access();
        extend();
        pid_file_trust();
        restart_modes();
        restart_exceptions();
        start_limit();
        strbuf_done(&started);
        strbuf_done(&sent);
        strbuf_done(&group_sent);
        return test_end();
}
