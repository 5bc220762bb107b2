/* A service over a process layer, cgroups and a clock of the test's own (the linker's --wrap puts them in the place of
 * the real ones): what is started and signalled is recorded, what ends is said by the test. */
#pragma once

#include <fcntl.h>
#include <sys/wait.h>

#include "init/job.h"
#include "init/service.h"
#include "tests/unit/init-test.h"

#define FIRST_PID 10000000 /* beyond what the kernel gives */

static struct manager *m;
static struct service *s;
static usec_t the_time;
static pid_t next_pid;
static struct strbuf started, sent; /* "path " of each process, "SIGNAL " of each signal */
static struct strbuf group_sent;    /* "SIGNAL " of each to the whole cgroup */
static struct exec_params last_params;
static pid_t in_cgroup; /* the one process that is there */
static char **last_env;
static int spawn_error, empty_answer;
static bool kill_is_real;                /* asks whether a process is there */
static void (*on_spawn)(struct unit *u); /* sees each process that is started */

int __wrap_exec_spawn(
        struct unit *u, const struct exec_context *c, const struct exec_params *p, pid_t *pid, int *pidfd);
int __wrap_cgroup_kill(struct unit *u, int sig, pid_t main, pid_t control);
int __wrap_cgroup_is_empty(struct unit *u);
int __wrap_cgroup_pids(struct unit *u, pid_t **ret, size_t *ret_n);
int __wrap_kill(pid_t pid, int sig);
int __real_kill(pid_t pid, int sig);
usec_t __wrap_now_monotonic(void);
size_t __wrap_devlink_fds(struct manager *manager, int fds[3], const char *names[3]);

int __wrap_exec_spawn(
        struct unit *u, const struct exec_context *c, const struct exec_params *p, pid_t *pid, int *pidfd)
{
        if (spawn_error)
                return spawn_error;
        if (on_spawn)
                on_spawn(u);
        strbuf_printf(&started, "%s ", p->command->path);
        strv_free(last_env);
        last_env = strv_copy(p->environment);
        last_params = *p;
        *pid = next_pid++;
        *pidfd = -1;
        return 0;
}

int __wrap_cgroup_kill(struct unit *u, int sig, pid_t main, pid_t control)
{
        if (sig != SIGCONT && sig != 0)
                strbuf_printf(&group_sent, "%s ", signal_name(sig));
        return 0;
}

int __wrap_cgroup_pids(struct unit *u, pid_t **ret, size_t *ret_n)
{
        if (!in_cgroup || !(*ret = malloc(sizeof(pid_t))))
                return -ENOENT;
        **ret = in_cgroup;
        *ret_n = 1;
        return 0;
}

int __wrap_cgroup_is_empty(struct unit *u)
{
        return empty_answer;
}

int __wrap_kill(pid_t pid, int sig)
{
        if (sig != SIGCONT && sig != 0)
                strbuf_printf(&sent, "%s ", signal_name(sig));
        return sig == 0 && kill_is_real ? __real_kill(pid, 0) : 0;
}

usec_t __wrap_now_monotonic(void)
{
        return the_time;
}

/* The device link, for who asks for it. */
size_t __wrap_devlink_fds(struct manager *manager, int fds[3], const char *names[3])
{
        for (int i = 0; i < 3; i++) {
                fds[i] = i;
                names[i] = "link";
        }
        return 3;
}

/* ---- telling the machine what happens ---- */

static void settle(void)
{
        manager_dispatch_run_queue(m);
}

/* What there is beside it. */
static const struct {
        const char *name, *lines;
} around[] _unused_ = { { "alarm.target", "AllowIsolate=yes\n" }, { "stays.target", "" },
        { "wants.target", "Wants=s.service\n" }, { "leans.target", "BindsTo=s.service\nAfter=s.service\n" },
        { "o.service", "[Service]\nExecStart=/o\nExecReload=/o-reload\n" } };

static inline _unused_ void begin(const char *unit, const char *lines)
{
        _cleanup_free_ char *text =
                str_printf("[Unit]\nDefaultDependencies=no\n%s\n[Service]\n%s\n", unit, lines);

        test_reset();
        strbuf_done(&started);
        strbuf_done(&sent);
        strbuf_done(&group_sent);
        in_cgroup = 0;
        next_pid = FIRST_PID;
        the_time = 3600 * USEC_PER_SEC;
        spawn_error = 0;
        empty_answer = 1;
        put("/etc/systemd/system/s.service", text);
        for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
                _cleanup_free_ char *path = str_printf("/etc/systemd/system/%s", around[i].name);
                _cleanup_free_ char *body =
                        str_printf("[Unit]\nDefaultDependencies=no\n%s", around[i].lines);

                put(path, body);
        }
        m = test_manager();
        s = UNIT_CAST(service, test_unit(m, "s.service"));
        if (s->unit.load_state != UNIT_LOADED)
                printf("# not loaded: %s\n", s->unit.load_error ?: "?");
}

static inline _unused_ void end(void)
{
        test_manager_free(m);
        strv_free(last_env);
        last_env = NULL;
}

static inline _unused_ void ask(enum job_type t)
{
        (void)manager_add_job(m, t, &s->unit, JOB_REPLACE, false, NULL, NULL);
        settle();
}

static inline void child_ends(pid_t pid, int code, int status)
{
        unit_unwatch_pid(&s->unit, pid);
        service_ops.child(&s->unit, pid, code, status);
        settle();
}

static inline void main_ends(int code, int status)
{
        child_ends(s->main_pid, code, status);
}

static inline void control_ends(int status)
{
        child_ends(s->control_pid, CLD_EXITED, status);
}

static inline void time_out(struct loop_timer *t)
{
        if (!ok(loop_timer_armed(t), "a timer is armed"))
                return;
        the_time = t->when;
        (void)loop_turn(m->loop, 0);
        settle();
}

static inline void tell(pid_t pid, const char *field, const char *more)
{
        char *fields[] = { (char *)field, (char *)more, NULL };

        service_notify_message(&s->unit, pid, 0, fields, NULL, 0);
        settle();
}

static inline void is_now(const char *state, const char *what)
{
        is_str(service_state_names[s->state], state, what);
}

static inline const char *result(void)
{
        return service_result_names[s->result];
}

static inline bool has_env(const char *assignment)
{
        return strv_contains(last_env, assignment);
}

static inline pid_t real_process(void)
{
        pid_t pid = fork();

        if (pid == 0)
                for (;;)
                        pause();
        return pid;
}
