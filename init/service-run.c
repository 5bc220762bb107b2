/* Services: the actions of the state machine in service.c. Each enter_… function does what belongs to the state, and
 * leaves the service waiting for an event with a timer armed, or passes on to the next state at once. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "lib/fileio.h"
#include "lib/paths.h"
#include "manager.h"
#include "probe.h"
#include "service.h"
#include "socket.h"

static bool good_main(struct service *s)
{
        if (s->main_pid > 0)
                return true;
        /* main unknown: alive while the cgroup has processes */
        if (!s->main_pid_known && s->type == SERVICE_FORKING && s->main_code == 0)
                return cgroup_is_empty(&s->unit) == 0;
        return s->exit_type == EXIT_TYPE_CGROUP && cgroup_is_empty(&s->unit) == 0;
}

void service_arm_timer(struct service *s, usec_t timeout)
{
        usec_t when = timeout == USEC_INFINITY || timeout == 0 ? USEC_INFINITY
                                                               : usec_add(now_monotonic(), timeout);

        s->timer_limit = when;
        (void)loop_timer_set(s->unit.manager->loop, &s->timer, when);
}

static bool is_end_state(enum service_state state)
{
        return state == SVC_DEAD || state == SVC_FAILED;
}

static bool may_have_control(enum service_state state)
{
        return state == SVC_CONDITION || state == SVC_START_PRE || state == SVC_START ||
               state == SVC_START_POST || state == SVC_RELOAD ||
               (state >= SVC_STOP && state <= SVC_FINAL_SIGKILL);
}

void service_set_state(struct service *s, enum service_state state)
{
        struct unit *u = &s->unit;
        enum active_state old = unit_active_state(u);
        enum service_state was = s->state;

        s->state = state;
        if (!may_have_control(state))
                s->control_command = NULL;
        if (state != SVC_START && was == SVC_START) {
                service_unwatch_pid_file(s);
                u->manager->n_idle_waiting -= s->idle_waiting;
                u->manager->n_low_modules -= s->low_modules;
                s->idle_waiting = s->low_modules = false;
        }
        if (is_end_state(state) || state == SVC_AUTO_RESTART || state == SVC_EXITED)
                (void)loop_timer_set(u->manager->loop, &s->watchdog_timer, USEC_INFINITY);
        if (is_end_state(state))
                (void)loop_timer_set(u->manager->loop, &s->timer, USEC_INFINITY);
        if (state != was)
                log_unit(u->id, LOG_DEBUG, "%s → %s", service_state_names[was], service_state_names[state]);
        unit_notify_full(u, old, s->reload_result != RESULT_SUCCESS, s->will_auto_restart);
}

void service_note_result(struct service *s, enum service_result f)
{
        if (s->result == RESULT_SUCCESS)
                s->result = f;
}

void service_reset_run(struct service *s)
{
        s->result = s->reload_result = RESULT_SUCCESS;
        s->main_command = s->control_command = NULL;
        s->main_pid_known = s->main_pid_alien = s->notify_ready = s->oom_killed = false;
        s->forbid_restart = s->will_auto_restart = false;
        s->main_code = s->main_status = 0;
        s->main_start = s->main_exit = s->watchdog_ping = 0;
        s->status_errno = 0;
        s->runtime_end = s->extended_until = 0;
        s->watchdog_override = USEC_INFINITY;
        free(s->status_text);
        s->status_text = NULL;
        for (int i = 0; i < CMD_MAX; i++)
                for (struct exec_command *c = s->commands[i]; c; c = c->next) {
                        c->start = c->exit = 0;
                        c->code = c->status = 0;
                }
}

/* ---- starting processes ---- */

/* Variables that only this process gets: result of the run for stop commands, the main pid. */
static int command_environment(struct service *s, enum service_cmd kind, char ***ret)
{
        _cleanup_strv_ char **env = NULL;
        int r = 0;

        if (s->main_pid > 0)
                r = strv_addf(&env, "MAINPID=%d", s->main_pid);
        if (r >= 0 && (kind == CMD_STOP || kind == CMD_STOP_POST)) {
                r = strv_addf(&env, "SERVICE_RESULT=%s", service_result_names[s->result]);
                if (r >= 0 && s->main_code)
                        r = strv_addf(&env, "EXIT_CODE=%s",
                                s->main_code == CLD_EXITED
                                        ? "exited"
                                        : (s->main_code == CLD_DUMPED ? "dumped" : "killed"));
                if (r >= 0 && s->main_code == CLD_EXITED)
                        r = strv_addf(&env, "EXIT_STATUS=%d", s->main_status);
                else if (r >= 0 && s->main_code)
                        r = strv_addf(&env, "EXIT_STATUS=%s", signal_name(s->main_status) ?: "UNKNOWN");
        }
        if (r >= 0 && s->socket_peer) {
                _cleanup_strv_ char **peer = strv_split(s->socket_peer, " ");

                r = peer ? strv_extend(&env, peer) : -ENOMEM;
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(env);
        return 0;
}

/* Sockets that activate the service, its own connection, and the fd store, with their names. */
static size_t gather_fds(struct service *s, int *fds, char **names, size_t max, size_t *ret_sockets)
{
        size_t n = 0;

        if (s->socket_fd >= 0) {
                fds[n] = s->socket_fd;
                names[n++] = (char *)"connection";
        } else
                UNIT_FOREACH_DEP(&s->unit, DEP_BIT(DEP_TRIGGERED_BY), o)
                {
                        struct socket_unit *so = UNIT_CAST(socket_unit, o);

                        if (o->type != UNIT_SOCKET || so->accept)
                                continue;
                        n += socket_fds(so, fds + n, names + n, max - n);
                }
        *ret_sockets = n;
        if (s->device_link) {
                int link[3];
                const char *link_names[3];
                size_t k = devlink_fds(s->unit.manager, link, link_names);

                for (size_t i = 0; i < k && n < max; i++) {
                        fds[n] = link[i];
                        names[n++] = (char *)link_names[i];
                }
        }
        for (const struct stored_fd *f = s->store; f && n < max; f = f->next) {
                fds[n] = f->fd;
                names[n++] = f->name;
        }
        return n;
}

/* NonBlocking=: a socket is as the service expects it, not as PID 1 opened it. */
static void set_blocking(const struct service *s, const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                int flags = fcntl(fds[i], F_GETFL);

                if (flags >= 0)
                        (void)fcntl(fds[i], F_SETFL,
                                s->exec.non_blocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
        }
}

static bool wants_notify(struct service *s)
{
        return s->type == SERVICE_NOTIFY || s->type == SERVICE_NOTIFY_RELOAD || s->watchdog > 0 ||
               s->fd_store_max > 0 || (s->notify_access != NOTIFY_UNSET && s->notify_access != NOTIFY_NONE);
}

/* Failures before the program runs are logged by exec.c, and come as the child's end. */
static void exec_done(struct unit *u, pid_t pid, int exit_code, int err)
{
        struct service *s = UNIT_CAST(service, u);

        if (exit_code == 0 && s->type == SERVICE_EXEC && s->state == SVC_START && pid == s->main_pid)
                service_ready(s);
}

static int spawn(
        struct service *s, struct exec_command *c, enum service_cmd kind, bool control, pid_t *ret_pid)
{
        struct unit *u = &s->unit;
        _cleanup_strv_ char **env = NULL;
        int fds[256], pidfd = -1, r;
        char *names[257];
        bool socket_input = s->exec.std_input == IN_SOCKET || s->exec.std_output == OUT_SOCKET;
        struct exec_params p = {
                .command = c,
                .control = control,
                .stdin_fd = -1,
                .exec_done = exec_done,
                .apply_permissions =
                        !(c->flags & CMD_FULL_PRIVILEGE) && !(s->permissions_start_only && control),
                .host_root = s->root_directory_start_only && kind != CMD_START,
        };
        pid_t pid;

        if (wants_notify(s) && s->notify_io.fd < 0) {
                r = notify_open(u, &s->notify_io, &s->notify_path);
                if (r < 0)
                        log_unit_errno(u->id, LOG_WARNING, r, "No notification socket: %m");
        }
        r = command_environment(s, kind, &env);
        if (r < 0)
                return r;
        p.environment = env;
        p.notify_socket = s->notify_path;
        p.watchdog = control ? 0 : s->watchdog;
        if (kind == CMD_START || (kind == CMD_START_PRE && s->n_store)) {
                p.n_fds = gather_fds(s, fds, names, ARRAY_SIZE(fds), &p.n_socket_fds);
                set_blocking(s, fds, p.n_socket_fds);
                names[p.n_fds] = NULL;
                p.fds = fds;
                p.fd_names = names;
                p.pass_fds = p.n_fds > 0 && !(socket_input && s->socket_fd >= 0);
                if (socket_input && p.n_fds > 0)
                        p.stdin_fd = fds[0];
        }
        if (s->stdio_fds[0] >= 0)
                p.stdio_fds = s->stdio_fds;
        r = exec_spawn(u, &s->exec, &p, &pid, &pidfd);
        if (r < 0)
                return log_unit_errno(u->id, LOG_ERR, r, "Could not start a process for %s: %m", c->path);
        (void)cgroup_watch_oom(u);
        u->manager->n_spawned++;
        c->start = now_realtime();
        c->exit = 0;
        c->pid = pid;
        r = unit_watch_pid(u, pid, pidfd);
        if (r < 0)
                log_unit_errno(u->id, LOG_WARNING, r, "Process %d is watched by SIGCHLD alone: %m", pid);
        *ret_pid = pid;
        return 0;
}

/* Starts the control process for c. Negative: the caller goes to the failure state of its own. */
static int spawn_control(struct service *s, struct exec_command *c, enum service_cmd kind)
{
        int r;

        s->control_command = c;
        s->control_kind = kind;
        r = spawn(s, c, kind, true, &s->control_pid);
        if (r < 0) {
                s->control_pid = 0;
                s->control_command = NULL;
        }
        return r;
}

bool service_next_control(struct service *s)
{
        struct exec_command *next = s->control_command ? s->control_command->next : NULL;

        if (!next || (s->state == SVC_START && s->type == SERVICE_FORKING))
                return false;
        if (spawn_control(s, next, s->control_kind) >= 0)
                return true;
        s->event_result = RESULT_RESOURCES;
        return false;
}

static int spawn_main(struct service *s, struct exec_command *c)
{
        pid_t pid;
        int r = spawn(s, c, CMD_START, false, &pid);

        if (r < 0)
                return r;
        s->main_command = c;
        s->main_start = c->start;
        s->main_pid = pid;
        s->main_pid_known = true;
        return 0;
}

bool service_next_main(struct service *s)
{
        struct exec_command *next = s->main_command ? s->main_command->next : NULL;

        if (!next)
                return false;
        if (spawn_main(s, next) < 0)
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_RESOURCES);
        else
                service_arm_timer(s, s->timeout_start);
        return true;
}

/* ---- the way up ---- */

void service_enter_condition(struct service *s)
{
        if (!s->commands[CMD_CONDITION]) {
                service_enter_start_pre(s);
                return;
        }
        service_arm_timer(s, s->timeout_start);
        if (spawn_control(s, s->commands[CMD_CONDITION], CMD_CONDITION) < 0) {
                service_enter_dead(s, RESULT_RESOURCES, true);
                return;
        }
        service_set_state(s, SVC_CONDITION);
}

void service_enter_start_pre(struct service *s)
{
        if (!s->commands[CMD_START_PRE]) {
                service_enter_start(s);
                return;
        }
        service_arm_timer(s, s->timeout_start);
        if (spawn_control(s, s->commands[CMD_START_PRE], CMD_START_PRE) < 0) {
                service_enter_dead(s, RESULT_RESOURCES, true);
                return;
        }
        service_set_state(s, SVC_START_PRE);
}

/* modules-load: rouse-early says which, the device daemon loads them. */
static void modules_listed(struct unit *u, int status, const char *message)
{
        _cleanup_strv_ char **names = NULL;
        int r;

        if (status == 0 && !str_empty(message)) {
                names = strv_split(message, "\n");
                r = devlink_load_modules(u->manager, names, false, service_step_done, u);
                if (r >= 0)
                        return;
                log_unit_errno(u->id, LOG_ERR, r, "Modules could not be asked for: %m");
                status = 1;
        }
        service_step_done(u, status, NULL);
}

static int start_step(struct service *s)
{
        struct manager *m = s->unit.manager;

        s->step_running = true;
        s->main_start = now_realtime();
        if (streq(s->step, "coldplug"))
                return devlink_coldplug(m);
        if (streq(s->step, "settle"))
                return devlink_settle(m, service_step_done, &s->unit);
        if (streq(s->step, "static-nodes"))
                return devlink_static_nodes(m, service_step_done, &s->unit);
        if (streq(s->step, "modules-load"))
                return early_run(m, s->step, modules_listed, &s->unit);
        if (startswith(s->step, "modules:")) {
                _cleanup_strv_ char **names = strv_split(s->step + strlen("modules:"), " ");

                s->low_modules = true;
                m->n_low_modules++;
                return devlink_load_modules(m, names, true, service_step_done, &s->unit);
        }
        return early_run(m, s->step, service_step_done, &s->unit);
}

void service_step_again(struct service *s)
{
        int r = start_step(s);

        if (r < 0) {
                log_unit_errno(s->unit.id, LOG_ERR, r, "Could not begin step %s: %m", s->step);
                service_step_done(&s->unit, 1, NULL);
        } else if (streq(s->step, "coldplug"))
                service_step_done(&s->unit, 0, NULL); /* begun is done; settle is another unit */
}

static void enter_start_step(struct service *s)
{
        service_arm_timer(s, s->timeout_start);
        service_set_state(s, SVC_START);
        service_step_again(s);
}

void service_spawn_idle(struct service *s)
{
        s->unit.manager->n_idle_waiting -= s->idle_waiting;
        s->idle_waiting = false;
        if (spawn_main(s, s->commands[CMD_START]) < 0)
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_RESOURCES);
        else
                service_enter_start_post(s);
}

void service_enter_start(struct service *s)
{
        struct exec_command *c = s->commands[CMD_START];
        int r;

        if (s->step) {
                enter_start_step(s);
                return;
        }
        if (!c) { /* a oneshot with nothing but ExecStop= or SuccessAction= */
                service_set_state(s, SVC_START);
                service_enter_start_post(s);
                return;
        }
        if (s->type == SERVICE_IDLE && manager_is_busy(s->unit.manager)) {
                s->unit.manager->n_idle_waiting++;
                s->idle_waiting = true;
                service_arm_timer(s, 5 * USEC_PER_SEC);
                service_set_state(s, SVC_START);
                return;
        }
        service_arm_timer(s, s->timeout_start);
        if (s->type == SERVICE_FORKING)
                r = spawn_control(s, c, CMD_START);
        else
                r = spawn_main(s, c);
        if (r < 0) {
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_RESOURCES);
                return;
        }
        switch (s->type) {
        case SERVICE_DBUS:
                service_set_state(s, SVC_START);
                if (bus_await_name(s))
                        break;
                log_unit(s->unit.id, LOG_NOTICE,
                        "No bus or no rouse-busd here: taken as ready without %s on the bus", s->bus_name);
                service_enter_start_post(s);
                break;
        case SERVICE_SIMPLE:
        case SERVICE_IDLE: service_enter_start_post(s); break;
        default: service_set_state(s, SVC_START); break; /* until EV_MAIN, EV_CONTROL or EV_READY */
        }
}

void service_enter_start_post(struct service *s)
{
        if (s->watchdog > 0)
                service_arm_watchdog(s);
        if (!s->commands[CMD_START_POST]) {
                service_enter_running(s, RESULT_SUCCESS);
                return;
        }
        service_arm_timer(s, s->timeout_start);
        if (spawn_control(s, s->commands[CMD_START_POST], CMD_START_POST) < 0) {
                service_enter_stop(s, RESULT_RESOURCES);
                return;
        }
        service_set_state(s, SVC_START_POST);
}

/* RuntimeMaxSec= and its random part, counted from the start: a reload does not begin it anew. */
static void arm_runtime(struct service *s)
{
        uint64_t x = 0;

        if (s->runtime_end == 0) {
                if (s->runtime_rand_extra > 0 && getrandom(&x, sizeof(x), GRND_NONBLOCK) == sizeof(x))
                        x %= (uint64_t)s->runtime_rand_extra;
                s->runtime_end = s->runtime_max == USEC_INFINITY
                                         ? USEC_INFINITY
                                         : usec_add(now_monotonic(), usec_add(s->runtime_max, (usec_t)x));
        }
        s->timer_limit = s->runtime_end;
        (void)loop_timer_set(s->unit.manager->loop, &s->timer,
                s->runtime_end == USEC_INFINITY ? USEC_INFINITY : MAX(s->runtime_end, s->extended_until));
}

void service_enter_running(struct service *s, enum service_result f)
{
        service_note_result(s, f);
        if (s->result != RESULT_SUCCESS && !good_main(s)) {
                service_enter_stop(s, f);
                return;
        }
        if (good_main(s)) {
                arm_runtime(s);
                service_set_state(s, SVC_RUNNING);
                return;
        }
        if (s->remain_after_exit) {
                service_arm_timer(s, USEC_INFINITY);
                service_set_state(s, SVC_EXITED);
                return;
        }
        service_enter_stop(s, RESULT_SUCCESS);
}

int service_enter_reload(struct service *s)
{
        s->reload_result = RESULT_SUCCESS;
        if (s->type == SERVICE_NOTIFY_RELOAD && s->main_pid > 0) {
                if (kill(s->main_pid, s->reload_signal) < 0)
                        return -errno;
                service_arm_timer(s, s->timeout_start);
                service_set_state(s, SVC_RELOAD_SIGNAL);
                return 0;
        }
        if (!s->commands[CMD_RELOAD])
                return -EOPNOTSUPP;
        service_arm_timer(s, s->timeout_start);
        if (spawn_control(s, s->commands[CMD_RELOAD], CMD_RELOAD) < 0) {
                s->reload_result = RESULT_RESOURCES;
                service_enter_running(s, RESULT_SUCCESS);
                return 0;
        }
        service_set_state(s, SVC_RELOAD);
        return 0;
}

/* ---- the way down ---- */

void service_enter_stop(struct service *s, enum service_result f)
{
        service_note_result(s, f);
        (void)loop_timer_set(s->unit.manager->loop, &s->watchdog_timer, USEC_INFINITY);
        if (!s->commands[CMD_STOP]) {
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_SUCCESS);
                return;
        }
        service_arm_timer(s, s->timeout_stop);
        if (spawn_control(s, s->commands[CMD_STOP], CMD_STOP) < 0) {
                service_enter_signal(s, SVC_STOP_SIGTERM, RESULT_RESOURCES);
                return;
        }
        service_set_state(s, SVC_STOP);
}

void service_kill_control(struct service *s, int sig)
{
        if (s->control_pid > 0)
                (void)kill(s->control_pid, sig);
}

/* Signals what KillMode= covers in this state; the number of processes that there is to wait for. */
static int signal_processes(struct service *s, enum service_state state)
{
        struct kill_context *k = &s->kill;
        bool last = state == SVC_STOP_SIGKILL || state == SVC_FINAL_SIGKILL;
        int sig = last ? k->final_signal
                       : (state == SVC_STOP_WATCHDOG || state == SVC_FINAL_WATCHDOG ? k->watchdog_signal
                                                                                    : k->signal);
        int n = 0, r;

        if (k->mode == KILL_NONE)
                return 0;
        if (!last && state == SVC_STOP_SIGTERM && k->restart_signal && s->unit.job &&
                s->unit.job->type == JOB_RESTART)
                sig = k->restart_signal;
        if (s->main_pid > 0) {
                if (kill(s->main_pid, sig) >= 0 && k->send_sighup && !last)
                        (void)kill(s->main_pid, SIGHUP);
                if (sig != SIGKILL)
                        (void)kill(s->main_pid, SIGCONT);
                n++;
        }
        if (s->control_pid > 0) {
                (void)kill(s->control_pid, sig);
                n++;
        }
        if (k->mode == KILL_CONTROL_GROUP || (k->mode == KILL_MIXED && last)) {
                r = cgroup_kill(&s->unit, sig, s->main_pid, s->control_pid);
                n += MAX(r, 0);
        }
        return n;
}

void service_enter_signal(struct service *s, enum service_state state, enum service_result f)
{
        bool final = state == SVC_FINAL_SIGTERM || state == SVC_FINAL_SIGKILL || state == SVC_FINAL_WATCHDOG;
        usec_t timeout = state == SVC_STOP_WATCHDOG || state == SVC_FINAL_WATCHDOG ? s->timeout_abort
                                                                                   : s->timeout_stop;

        service_note_result(s, f);
        (void)loop_timer_set(s->unit.manager->loop, &s->watchdog_timer, USEC_INFINITY);
        if (final && state == SVC_FINAL_SIGTERM && s->main_pid <= 0 && s->control_pid <= 0 &&
                (s->kill.mode == KILL_PROCESS || s->kill.mode == KILL_MIXED)) {
                /* what KillMode=process leaves alone stays; mixed kills the rest at once */
                if (s->kill.mode == KILL_MIXED && s->kill.send_sigkill)
                        state = SVC_FINAL_SIGKILL;
        }
        (void)cgroup_watch(&s->unit); /* first: who is signalled may be gone at once */
        if (signal_processes(s, state) > 0) {
                service_arm_timer(s, timeout);
                service_set_state(s, state);
                return;
        }
        if (final)
                service_enter_dead(s, RESULT_SUCCESS, true);
        else if (s->kill.mode == KILL_MIXED && state == SVC_STOP_SIGTERM && s->kill.send_sigkill)
                service_enter_signal(s, SVC_STOP_SIGKILL, RESULT_SUCCESS);
        else
                service_enter_stop_post(s, RESULT_SUCCESS);
}

void service_enter_stop_post(struct service *s, enum service_result f)
{
        service_note_result(s, f);
        if (!s->commands[CMD_STOP_POST]) {
                service_enter_signal(s, SVC_FINAL_SIGTERM, RESULT_SUCCESS);
                return;
        }
        service_arm_timer(s, s->timeout_stop);
        if (spawn_control(s, s->commands[CMD_STOP_POST], CMD_STOP_POST) < 0) {
                service_enter_signal(s, SVC_FINAL_SIGTERM, RESULT_RESOURCES);
                return;
        }
        service_set_state(s, SVC_STOP_POST);
}

/* ---- the end, and again ---- */

struct restart_rule {
        bool success, failure, signal, watchdog;
};
static const struct restart_rule restart_rules[] = {
        /*                          clean  code/start  signal/timeout/dump  watchdog */
        [RESTART_NO] = { false, false, false, false },
        [RESTART_ON_SUCCESS] = { true, false, false, false },
        [RESTART_ON_FAILURE] = { false, true, true, true },
        [RESTART_ON_ABNORMAL] = { false, false, true, true },
        [RESTART_ON_WATCHDOG] = { false, false, false, true },
        [RESTART_ON_ABORT] = { false, false, false, false },
        [RESTART_ALWAYS] = { true, true, true, true },
};

static bool status_in(const struct exit_set *set, const struct service *s)
{
        if (!set->set || s->main_code == 0)
                return false;
        if (s->main_code == CLD_EXITED)
                return s->main_status < 256 && bit_get(set->codes, (unsigned)s->main_status);
        return s->main_status < 128 && bit_get(set->signals, (unsigned)s->main_status);
}

static bool shall_restart(struct service *s)
{
        const struct restart_rule *r = &restart_rules[s->restart];

        if (s->forbid_restart || s->unit.manager->shutting_down)
                return false;
        if (s->unit.job && s->unit.job->type == JOB_STOP)
                return false;
        if (status_in(&s->restart_prevent, s))
                return false;
        if (status_in(&s->restart_force, s))
                return true;
        switch (s->result) {
        case RESULT_SUCCESS: return r->success;
        case RESULT_EXEC_CONDITION: return false;
        case RESULT_WATCHDOG: return r->watchdog;
        case RESULT_SIGNAL:
        case RESULT_CORE_DUMP: return r->signal || s->restart == RESTART_ON_ABORT;
        case RESULT_TIMEOUT: return r->signal;
        default: return r->failure;
        }
}

void service_close_stdio(struct service *s)
{
        for (int i = 0; i < 3; i++)
                s->stdio_fds[i] = close_fd(s->stdio_fds[i]);
}

static void remove_pid_file(struct service *s)
{
        if (probe_may_block(s->unit.manager, s->pid_file, false))
                (void)probe_ask(
                        s->unit.manager, LOOK_UNLINK, s->pid_file, PROBE_DEADLINE, false, NULL, NULL, NULL);
        else
                (void)path_look(LOOK_UNLINK, s->pid_file, NULL);
}

void service_release(struct service *s)
{
        struct unit *u = &s->unit;

        notify_close(u, &s->notify_io, &s->notify_path);
        if (s->exec.runtime_preserve == PRESERVE_NO ||
                (s->exec.runtime_preserve == PRESERVE_RESTART && !s->will_auto_restart))
                exec_directories_remove(u, &s->exec, 1 << DIR_RUNTIME);
        exec_processes_ended(u, &s->exec);
        if (!s->will_auto_restart)
                exec_run_ended(u, &s->exec);
        if (s->socket_fd >= 0) {
                s->socket_fd = close_fd(s->socket_fd);
                free(s->socket_peer);
                s->socket_peer = NULL;
        }
        if (s->accept_socket) {
                struct socket_unit *so = UNIT_CAST(socket_unit, s->accept_socket);

                so->n_connections -= so->n_connections > 0;
                s->accept_socket = NULL;
        }
        if (!s->will_auto_restart && !u->job)
                service_store_drop(s);
        if (!s->will_auto_restart)
                service_close_stdio(s);
        if (s->pid_file && s->main_pid <= 0)
                remove_pid_file(s);
        if (cgroup_is_empty(u) != 0)
                cgroup_release(u);
        early_forget(u->manager, u);
        devlink_forget(u->manager, u);
}

static usec_t restart_delay(struct service *s)
{
        usec_t d = s->restart_usec;

        if (s->restart_steps > 0 && s->restart_max_usec > d && d > 0) {
                uint32_t k = MIN(s->n_restarts, s->restart_steps);

                d += (s->restart_max_usec - d) / s->restart_steps * k;
        }
        return d;
}

void service_enter_dead(struct service *s, enum service_result f, bool allow_restart)
{
        struct manager *m = s->unit.manager;
        enum service_state end;

        service_note_result(s, f);
        end = s->result == RESULT_SUCCESS || s->result == RESULT_EXEC_CONDITION ? SVC_DEAD : SVC_FAILED;
        s->step_running = false;
        s->main_pid = s->control_pid = 0;
        s->will_auto_restart = allow_restart && shall_restart(s);
        if (end == SVC_FAILED)
                log_unit(
                        s->unit.id, LOG_WARNING, "Failed with result '%s'", service_result_names[s->result]);
        /* RestartMode=direct: nobody is told of an end that is none */
        if (s->will_auto_restart && s->restart_mode_direct)
                end = s->state;
        else
                service_set_state(s, end);
        if (s->will_auto_restart && s->state == end) {
                usec_t delay = restart_delay(s);

                s->will_auto_restart = true;
                service_set_state(s, SVC_AUTO_RESTART);
                if (s->state == SVC_AUTO_RESTART)
                        (void)loop_timer_set(m->loop, &s->timer, usec_add(now_monotonic(), delay));
        }
        service_release(s);
}

void service_enter_restart(struct service *s)
{
        struct unit *u = &s->unit;
        _cleanup_free_ char *err = NULL;
        int r;

        if (u->job && u->job->type == JOB_STOP) {
                service_arm_timer(s, s->restart_usec);
                return;
        }
        log_unit(u->id, LOG_INFO, "Restarting, for the %u. time", s->n_restarts + 1);
        s->n_restarts++;
        r = manager_add_job(u->manager, JOB_RESTART, u, JOB_REPLACE, false, NULL, &err);
        if (r < 0) {
                log_unit_errno(u->id, LOG_WARNING, r, "Could not restart: %s", err ?: "");
                s->will_auto_restart = false;
                service_set_state(s, s->result == RESULT_SUCCESS ? SVC_DEAD : SVC_FAILED);
        }
}

void service_log_survivors(struct service *s, const char *why)
{
        _cleanup_free_ pid_t *pids = NULL;
        size_t n = 0;

        log_unit(s->unit.id, LOG_WARNING, "%s", why);
        if (cgroup_pids(&s->unit, &pids, &n) < 0)
                return;
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *comm = NULL;
                char path[64];

                snprintf(path, sizeof(path), "/proc/%d/comm", pids[i]);
                (void)read_one_line(path, &comm);
                log_unit(s->unit.id, LOG_WARNING, "Still there: %s[%d]", comm ?: "?", pids[i]);
        }
}
