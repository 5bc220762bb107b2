/* Rows of [Service], and of killing, one by one: a unit with the directive, what happens to it, and what must follow.
 * What follows differs from what a service without the directive does (tests/empty-directives tries that). */
#include "tests/unit/init-service.h"

static void exit_type(void)
{
        begin("", "ExecStart=/m\nExitType=cgroup");
        ask(JOB_START);
        empty_answer = 0;
        main_ends(CLD_EXITED, 0);
        is_now("running", "ExitType=cgroup: the main process may go");
        empty_answer = 1;
        service_ops.cgroup_empty(&s->unit);
        settle();
        is_now("dead", "the last one may not");
        end();
}

static void guess_main_pid(void)
{
        pid_t pid = real_process();

        for (int guess = 0; guess < 2; guess++) {
                begin("", guess ? "Type=forking\nExecStart=/m"
                                : "Type=forking\nExecStart=/m\nGuessMainPID=no");
                ask(JOB_START);
                in_cgroup = pid;
                empty_answer = 0;
                control_ends(0);
                is_int(s->main_pid, guess ? pid : 0, "GuessMainPID=");
                end();
        }
        (void)__real_kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
}

static void commands(void)
{
        begin("", "ExecStart=/m\nExecStartPost=/p\nExecStartPost=/q\nExecReload=/r");
        ask(JOB_START);
        is_now("start-post", "ExecStartPost=: after the start");
        control_ends(0);
        control_ends(0);
        is_now("running", "up after the last of them");
        ask(JOB_RELOAD);
        is_now("reload", "ExecReload=");
        control_ends(0);
        is_now("running", "reloaded");
        is_str(started.s, "/m /p /q /r ", "in order");
        end();
        begin("", "BusName=org.example.a\nExecStart=/m");
        is_int(s->type, SERVICE_DBUS, "BusName= alone makes it Type=dbus");
        end();
}

static void restart_delays(void)
{
        static const int seconds[] = { 1, 3, 5, 5 };

        begin("StartLimitBurst=100",
                "ExecStart=/m\nRestart=always\nRestartSec=1\nRestartSteps=2\nRestartMaxDelaySec=5");
        ask(JOB_START);
        for (size_t i = 0; i < ARRAY_SIZE(seconds); i++) {
                main_ends(CLD_EXITED, 1);
                is_int((s->timer.when - the_time) / USEC_PER_SEC, seconds[i],
                        "RestartSteps= on the way to RestartMaxDelaySec=");
                time_out(&s->timer);
        }
        end();
}

static void restart_mode(void)
{
        begin("Wants=leans.target", "ExecStart=/m\nRestart=always\nRestartMode=direct");
        ask(JOB_START);
        main_ends(CLD_EXITED, 1);
        is_now("auto-restart", "to be restarted");
        is_str(active_state_to_string(unit_active_state(unit_find(m, "leans.target"))), "active",
                "RestartMode=direct: who is bound to it stays");
        end();
}

static void timeouts(void)
{
        begin("", "ExecStart=/m\nTimeoutSec=7\nTimeoutAbortSec=4\nWatchdogSec=1\nType=notify");
        ask(JOB_START);
        is_int(s->timer.when - the_time, 7 * USEC_PER_SEC, "TimeoutSec=: of the start");
        tell(s->main_pid, "READY=1", NULL);
        time_out(&s->watchdog_timer);
        is_int(s->timer.when - the_time, 4 * USEC_PER_SEC, "TimeoutAbortSec=");
        end();
        begin("", "ExecStart=/m\nTimeoutSec=7");
        ask(JOB_START);
        ask(JOB_STOP);
        is_int(s->timer.when - the_time, 7 * USEC_PER_SEC, "TimeoutSec=: of the stop");
        end();
        begin("", "ExecStart=/m\nRuntimeMaxSec=60\nRuntimeRandomizedExtraSec=1000000000");
        ask(JOB_START);
        ok(s->timer.when - the_time > 60 * USEC_PER_SEC &&
                        s->timer.when - the_time <= 1000000060 * USEC_PER_SEC,
                "RuntimeRandomizedExtraSec=");
        end();
}

static void failure_modes(void)
{
        static const struct {
                const char *mode, *state, *sent;
        } all[] = { { "terminate", "stop-sigterm", "TERM " }, { "abort", "stop-watchdog", "ABRT " },
                { "kill", "stop-sigkill", "KILL " } };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_free_ char *start =
                        str_printf("Type=notify\nExecStart=/m\nTimeoutStartFailureMode=%s", all[i].mode);
                _cleanup_free_ char *stop =
                        str_printf("ExecStart=/m\nExecStop=/x\nTimeoutStopFailureMode=%s", all[i].mode);

                begin("", start);
                ask(JOB_START);
                time_out(&s->timer);
                is_now(all[i].state, "TimeoutStartFailureMode=");
                is_str(sent.s, all[i].sent, "its signal");
                end();
                begin("", stop);
                ask(JOB_START);
                ask(JOB_STOP);
                time_out(&s->timer);
                is_now(all[i].state, "TimeoutStopFailureMode=");
                end();
        }
}

static void start_only(void)
{
        begin("", "ExecStartPre=/p\nExecStart=/m\nPermissionsStartOnly=yes\nRootDirectoryStartOnly=yes\n"
                  "RootDirectory=/srv\nUser=nobody");
        ask(JOB_START);
        ok(!last_params.apply_permissions, "PermissionsStartOnly=: not for ExecStartPre=");
        ok(last_params.host_root, "RootDirectoryStartOnly=: neither");
        control_ends(0);
        ok(last_params.apply_permissions && !last_params.host_root, "but for ExecStart=");
        end();
}

static void notify_access(void)
{
        static const struct {
                const char *who;
                bool main, control, other;
        } all[] = { { "none", false, false, false }, { "main", true, false, false },
                { "exec", true, true, false }, { "all", true, true, true } };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_free_ char *lines =
                        str_printf("ExecStart=/m\nExecReload=/r\nNotifyAccess=%s", all[i].who);

                begin("", lines);
                ask(JOB_START);
                ask(JOB_RELOAD);
                tell(s->main_pid, "STATUS=main", NULL);
                ok(streq_null(s->status_text, "main") == all[i].main, "NotifyAccess= and the main process");
                tell(s->control_pid, "STATUS=control", NULL);
                ok(streq_null(s->status_text, "control") == all[i].control, "and a control process");
                tell(FIRST_PID + 77, "STATUS=other", NULL);
                ok(streq_null(s->status_text, "other") == all[i].other, "and any other");
                end();
        }
}

static void sockets(void)
{
        begin("", "ExecStart=/m\nSockets=door.socket");
        put("/etc/systemd/system/door.socket",
                "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/x\n");
        ok(has_dep(m, &s->unit, DEP_TRIGGERED_BY, "door.socket") &&
                        has_dep(m, &s->unit, DEP_WANTS, "door.socket") &&
                        has_dep(m, &s->unit, DEP_AFTER, "door.socket"),
                "Sockets=");
        end();
}

static void oom_policy(void)
{
        begin("", "ExecStart=/m\nOOMPolicy=continue");
        ask(JOB_START);
        service_ops.cgroup_oom(&s->unit, false);
        is_now("running", "OOMPolicy=continue");
        end();
        begin("", "ExecStart=/m");
        ask(JOB_START);
        service_ops.cgroup_oom(&s->unit, false);
        is_now("stop-sigterm", "the default: it is stopped");
        main_ends(CLD_KILLED, SIGTERM);
        is_str(result(), "oom-kill", "with a result of its own");
        end();
        begin("", "ExecStart=/m\nOOMPolicy=kill");
        is_int(s->cgroup.oom_kill_group, 1, "OOMPolicy=kill: the kernel kills all of it");
        end();
}

static void reload_signal(void)
{
        begin("", "Type=notify-reload\nExecStart=/m\nReloadSignal=SIGUSR1");
        ask(JOB_START);
        tell(s->main_pid, "READY=1", NULL);
        ask(JOB_RELOAD);
        is_str(sent.s, "USR1 ", "ReloadSignal=");
        end();
}

static void own(void)
{
        begin("", "Type=oneshot\nX-RouseStep=sysctl");
        is_int(s->unit.load_state, UNIT_LOADED, "X-RouseStep= stands for a command");
        end();
        begin("", "ExecStart=/m\nX-RouseDeviceLink=yes");
        ask(JOB_START);
        is_int((int64_t)last_params.n_fds, 3,
                "X-RouseDeviceLink=: the process gets the descriptors of the link");
        end();
}

/* ---- the names that moved to [Unit], and those there ---- */

static void start_limits(void)
{
        static const char *const intervals[] = { "StartLimitInterval=3600", "StartLimitIntervalSec=3600" };

        for (int in_service = 0; in_service < 2; in_service++)
                for (size_t i = 0; i < ARRAY_SIZE(intervals); i++) {
                        _cleanup_free_ char *lines = str_printf(
                                "StartLimitBurst=2\n%s\nStartLimitAction=exit-force\nRebootArgument=how",
                                intervals[i]);
                        _cleanup_free_ char *service =
                                str_printf("ExecStart=/m\n%s", in_service ? lines : "");

                        begin(in_service ? "" : lines, service);
                        for (int k = 0; k < 3; k++) {
                                is_int(m->objective, OBJ_RUN, "StartLimitAction= waits for the limit");
                                ask(JOB_START);
                                if (k < 2)
                                        main_ends(CLD_EXITED, 0);
                                the_time += 1000 * USEC_PER_SEC;
                        }
                        is_str(result(), "start-limit-hit", "StartLimitBurst= in StartLimitInterval=");
                        is_int(m->objective, OBJ_EXIT, "StartLimitAction=");
                        is_str(m->reboot_arg, "how", "RebootArgument=");
                        end();
                }
}

static void actions(void)
{
        for (int in_service = 0; in_service < 2; in_service++)
                for (int fails = 0; fails < 2; fails++) {
                        const char *lines = fails ? "FailureAction=exit-force" : "SuccessAction=exit-force";
                        _cleanup_free_ char *service =
                                str_printf("ExecStart=/m\n%s", in_service ? lines : "");
                        _cleanup_free_ char *unit =
                                str_printf("%s\nFailureActionExitStatus=7\nSuccessActionExitStatus=8",
                                        in_service ? "" : lines);

                        begin(unit, service);
                        ask(JOB_START);
                        main_ends(CLD_EXITED, fails);
                        is_int(m->objective, OBJ_EXIT, lines);
                        is_int(m->exit_code, fails ? 7 : 8, "with its exit status");
                        end();
                }
}

/* ---- killing ---- */

static void kill_modes(void)
{
        static const struct {
                const char *mode, *to_main, *to_group;
        } all[] = { { "control-group", "TERM ", "TERM KILL TERM " }, { "mixed", "TERM ", "KILL " },
                { "process", "TERM ", "" }, { "none", "", "" } };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
                _cleanup_free_ char *lines = str_printf("ExecStart=/m\nKillMode=%s", all[i].mode);

                begin("", lines);
                ask(JOB_START);
                ask(JOB_STOP);
                is_str(sent.s ?: "", all[i].to_main, "KillMode=: the main process");
                if (i == 0)
                        is_str(group_sent.s, "TERM ", "and the rest");
                if (*all[i].to_main)
                        main_ends(CLD_KILLED, SIGTERM);
                if (i > 0)
                        is_str(group_sent.s ?: "", all[i].to_group, "and the rest in the end");
                is_now("dead", "and it is over");
                end();
        }
}

static void kill_signals(void)
{
        begin("", "ExecStart=/m\nRestartKillSignal=SIGUSR2\nSendSIGHUP=yes\nFinalKillSignal=SIGQUIT");
        ask(JOB_START);
        ask(JOB_RESTART);
        is_str(sent.s, "USR2 HUP ", "RestartKillSignal=, SendSIGHUP=");
        time_out(&s->timer);
        is_str(sent.s, "USR2 HUP QUIT ", "FinalKillSignal=");
        end();
        begin("", "ExecStart=/m\nWatchdogSec=1\nNotifyAccess=main\nWatchdogSignal=SIGUSR1");
        ask(JOB_START);
        time_out(&s->watchdog_timer);
        is_str(sent.s, "USR1 ", "WatchdogSignal=");
        end();
}

int main(void)
{
        test_begin();
        exit_type();
        guess_main_pid();
        commands();
        restart_delays();
        restart_mode();
        timeouts();
        failure_modes();
        start_only();
        notify_access();
        sockets();
        oom_policy();
        reload_signal();
        own();
        start_limits();
        actions();
        kill_modes();
        kill_signals();
        strbuf_done(&started);
        strbuf_done(&sent);
        strbuf_done(&group_sent);
        return test_end();
}
