/* Child processes: see task.h. */
#include "task.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "text.h"
#include "lib/log.h"
#include "lib/raw.h"

#define OUTPUT_MAX  (64u * 1024)
#define SHARED_SIZE (32u * 1024)
#define KILL_AFTER  (5 * USEC_PER_SEC) /* a signal that does not end a program is followed by SIGKILL */

/* What a child needs to know. */
struct child {
        int out;                        /* its end of the pipe */
        char *const *argv, *const *env; /* a program, or */
        int (*fn)(int out_fd, void *arg);
        void *arg;
};

struct task {
        struct devd *m;
        char *name;
        pid_t pid;
        struct loop_io child, out; /* pidfd, pipe */
        struct loop_timer timer;
        struct strbuf output;
        usec_t timeout;
        bool program, timed_out, reaped;
        char **argv, **env;
        struct child *shared; /* in a mapping that is its stack, too; NULL: it has a copy of our memory */
        int (*fn)(int out_fd, void *arg);
        void *arg;
        task_done_t done;
        void *data;
        struct task *next, *prev; /* all, or waiting */
};

struct tasks {
        struct task *running;
        struct task *waiting, *waiting_last;
        size_t n, n_programs;
};

int tasks_new(struct devd *m)
{
        m->tasks = calloc(1, sizeof(*m->tasks));
        return m->tasks ? 0 : -ENOMEM;
}

size_t tasks_running(const struct devd *m)
{
        return m->tasks ? m->tasks->n : 0;
}

static void task_free(struct task *t)
{
        int pidfd = t->child.fd, out = t->out.fd;

        loop_io_remove(t->m->loop, &t->child);
        loop_io_remove(t->m->loop, &t->out);
        close_fd(pidfd);
        close_fd(out);
        loop_timer_cancel(t->m->loop, &t->timer);
        strbuf_done(&t->output);
        if (!t->shared || t->reaped) { /* else it may still be there, and use them */
                if (t->shared)
                        munmap(t->shared, SHARED_SIZE);
                strv_free(t->argv);
                strv_free(t->env);
        }
        free(t->name);
        free(t);
}

void tasks_free(struct devd *m)
{
        struct task *next;

        if (!m->tasks)
                return;
        for (struct task *t = m->tasks->running; t; t = next) {
                next = t->next;
                if (t->program)
                        kill(-t->pid, SIGKILL);
                task_free(t);
        }
        for (struct task *t = m->tasks->waiting; t; t = next) {
                next = t->next;
                task_free(t);
        }
        free(m->tasks);
        m->tasks = NULL;
}

void task_forget(struct task *t)
{
        t->done = NULL;
}

/* ---- the child: raw system calls only, since it may share our memory (lib/raw.h) ---- */

/* Signals and descriptors as any program expects them. */
static void child_prepare(int out)
{
        static const struct {
                void *handler;
                unsigned long flags;
                void *restorer;
                uint64_t mask;
        } by_default; /* the kernel's struct sigaction */
        static const uint64_t none;
        long null;

        for (int sig = 1; sig < NSIG; sig++)
                (void)RAW4(SYS_rt_sigaction, sig, &by_default, NULL, sizeof(none));
        (void)RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof(none));
        (void)RAW2(SYS_setpgid, 0, 0);
        if (out != 3)
                (void)RAW3(SYS_dup3, out, 3, 0);
        (void)RAW3(SYS_close_range, 4, ~0u, 0);
        null = raw_open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0)
                (void)RAW3(SYS_dup3, null, STDIN_FILENO, 0);
}

static long child_program(char *const *argv, char *const *env)
{
        static char *const empty[] = { NULL };

        (void)RAW3(SYS_dup3, 3, STDOUT_FILENO, 0);
        (void)RAW3(SYS_close_range, 3, ~0u, 0);
        return RAW3(SYS_execve, argv[0], argv, env ?: empty) == -ENOENT ? 127 : 126;
}

static void child_start(void *data)
{
        const struct child *c = data;
        long r;

        child_prepare(c->out);
        if (c->argv)
                r = child_program(c->argv, c->env);
        else {
                r = c->fn(3, c->arg);
                r = r < 0 ? MIN(-r, 255l) : 0;
        }
        for (;;)
                (void)RAW1(SYS_exit_group, r);
}

#if RAW_CLONE_VM
/* 0 when it cannot be. */
static pid_t clone_shared(struct task *t, const struct child *c, int *ret_pidfd)
{
        struct clone_args args = { .flags = CLONE_VM | CLONE_PIDFD, .exit_signal = SIGCHLD };
        char *mem = mmap(
                NULL, SHARED_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        long pid;

        if (mem == MAP_FAILED)
                return 0;
        t->shared = memcpy(mem, c, sizeof(*c)); /* the stack comes down from the other end */
        args.stack = (uintptr_t)mem;
        args.stack_size = SHARED_SIZE;
        args.pidfd = (uintptr_t)ret_pidfd;
        pid = raw_clone_onto(&args, child_start, mem);
        if (pid > 0)
                return (pid_t)pid;
        t->shared = NULL;
        munmap(mem, SHARED_SIZE);
        return 0;
}
#endif

/* Its pid, and pidfd. raw: it is made for sharing our memory, where that is possible. */
static pid_t make_child(struct task *t, bool raw, int out, int *ret_pidfd)
{
        struct child c = { .out = out, .argv = t->argv, .env = t->env, .fn = t->fn, .arg = t->arg };
        pid_t pid = 0;

#if RAW_CLONE_VM
        if (raw)
                pid = clone_shared(t, &c, ret_pidfd);
#endif
        if (pid > 0)
                return pid;
        pid = fork();
        if (pid == 0) {
                log_forget_descriptors(); /* closed at once */
                child_start(&c);
        }
        if (pid < 0)
                return -errno;
        *ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        return pid;
}

static void task_unlink(struct task *t)
{
        struct tasks *ts = t->m->tasks;

        if (t->prev)
                t->prev->next = t->next;
        else
                ts->running = t->next;
        if (t->next)
                t->next->prev = t->prev;
        ts->n--;
        if (t->program)
                ts->n_programs--;
}

static void start_waiting(struct devd *m);

static void read_output(struct task *t)
{
        char buf[4096];
        ssize_t n;

        while ((n = read(t->out.fd, buf, sizeof(buf))) > 0)
                if (t->output.len + (size_t)n <= OUTPUT_MAX)
                        strbuf_add(&t->output, buf, (size_t)n);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
                int fd = t->out.fd;

                loop_io_remove(t->m->loop, &t->out);
                close_fd(fd);
        }
}

static void on_output(struct loop_io *io, uint32_t revents)
{
        read_output(io->data);
}

static int child_result(const struct task *t, const siginfo_t *si)
{
        if (si->si_code == CLD_EXITED)
                return t->program ? si->si_status : -si->si_status;
        if (t->timed_out)
                return -ETIMEDOUT;
        log_warning("%s: ended by signal %s", t->name, signal_name(si->si_status) ?: "?");
        return -EINTR;
}

static void on_child(struct loop_io *io, uint32_t revents)
{
        struct task *t = io->data;
        struct devd *m = t->m;
        siginfo_t si = {};
        int r;

        /* What a program left in the background goes with it, as udev(7) says of RUN; while it is not waited for,
         * its group is nobody else's. */
        if (t->program)
                kill(-t->pid, SIGKILL);
        if (waitid(P_PIDFD, (id_t)io->fd, &si, WEXITED | WNOHANG) < 0)
                r = -errno;
        else if (si.si_pid == 0)
                return;
        else
                r = child_result(t, &si);
        if (t->out.fd >= 0)
                read_output(t);
        t->reaped = true;
        task_unlink(t);
        start_waiting(m);
        if (t->done)
                t->done(r, t->output.s ?: "", t->output.len, t->data);
        task_free(t);
}

static void on_timeout(struct loop_timer *timer)
{
        struct task *t = timer->data;

        log_warning("%s: not done after its time limit, killed", t->name);
        if (t->timed_out || t->m->timeout_signal == 0) { /* the signal that was to end it did not */
                kill(-t->pid, SIGKILL);
                return;
        }
        t->timed_out = true;
        kill(-t->pid, t->m->timeout_signal);
        if (t->m->timeout_signal != SIGKILL)
                (void)loop_timer_set(t->m->loop, &t->timer, usec_add(now_monotonic(), KILL_AFTER));
}

/* The child runs either fn or the program. */
static int task_launch(struct task *t, bool raw)
{
        struct devd *m = t->m;
        int p[2], r, pidfd = -1;

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;
        t->pid = make_child(t, raw, p[1], &pidfd);
        if (t->pid < 0) {
                close(p[0]);
                close(p[1]);
                return t->pid;
        }
        close(p[1]);
        fcntl(p[0], F_SETFL, O_NONBLOCK);
        t->child = (struct loop_io) { .fd = pidfd, .events = EPOLLIN, .cb = on_child, .data = t };
        t->out = (struct loop_io) { .fd = p[0], .events = EPOLLIN, .cb = on_output, .data = t };
        t->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timeout, .data = t };
        if (pidfd >= 0)
                fcntl(pidfd, F_SETFD, FD_CLOEXEC);
        r = pidfd < 0 ? -EMFILE : loop_io_add(m->loop, &t->child);
        if (r >= 0)
                r = loop_io_add(m->loop, &t->out);
        if (r >= 0 && t->timeout != USEC_INFINITY)
                r = loop_timer_set(m->loop, &t->timer, usec_add(now_monotonic(), t->timeout));
        if (r < 0)
                return log_error_errno(r, "%s: started, but cannot be waited for: %m", t->name);
        t->prev = NULL;
        t->next = m->tasks->running;
        if (t->next)
                t->next->prev = t;
        m->tasks->running = t;
        m->tasks->n++;
        if (t->program)
                m->tasks->n_programs++;
        return 0;
}

static struct task *task_make(struct devd *m, const char *name, usec_t timeout, task_done_t done, void *data)
{
        struct task *t = calloc(1, sizeof(*t));

        if (!t)
                return NULL;
        t->m = m;
        t->name = strdup(name);
        t->child.fd = t->out.fd = -1;
        t->timeout = timeout;
        t->done = done;
        t->data = data;
        if (!t->name) {
                free(t);
                return NULL;
        }
        return t;
}

static int launch_fn(struct devd *m, const char *name, int (*fn)(int out_fd, void *arg), void *arg, bool raw,
        usec_t timeout, task_done_t done, void *data, struct task **ret)
{
        struct task *t = task_make(m, name, timeout, done, data);
        int r;

        if (!t)
                return -ENOMEM;
        t->fn = fn;
        t->arg = arg;
        r = task_launch(t, raw);
        if (r < 0) {
                task_free(t);
                return r;
        }
        if (ret)
                *ret = t;
        return 0;
}

int task_fn(struct devd *m, const char *name, int (*fn)(int out_fd, void *arg), void *arg, usec_t timeout,
        task_done_t done, void *data, struct task **ret)
{
        return launch_fn(m, name, fn, arg, false, timeout, done, data, ret);
}

int task_raw(struct devd *m, const char *name, int (*fn)(int out_fd, void *arg), void *arg, task_done_t done,
        void *data)
{
        return launch_fn(m, name, fn, arg, true, USEC_INFINITY, done, data, NULL);
}

static void start_waiting(struct devd *m)
{
        struct tasks *ts = m->tasks;

        while (ts->waiting && ts->n_programs < m->children_max) {
                struct task *t = ts->waiting;
                int r;

                ts->waiting = t->next;
                if (!ts->waiting)
                        ts->waiting_last = NULL;
                r = task_launch(t, true);
                if (r >= 0)
                        continue;
                if (t->done)
                        t->done(r, "", 0, t->data);
                task_free(t);
        }
}

int task_program(struct devd *m, const char *command, char *const *env, usec_t timeout, task_done_t done,
        void *data, struct task **ret)
{
        struct tasks *ts = m->tasks;
        struct task *t = task_make(m, command, timeout, done, data);
        int r = t ? 0 : -ENOMEM;

        if (r >= 0) {
                t->program = true;
                t->env = strv_copy(env);
                r = program_split(command, &t->argv);
        }
        if (r >= 0 && ts->n_programs < m->children_max)
                r = task_launch(t, true);
        else if (r >= 0) {
                t->next = NULL;
                if (ts->waiting_last)
                        ts->waiting_last->next = t;
                else
                        ts->waiting = t;
                ts->waiting_last = t;
        }
        if (r < 0) {
                if (t)
                        task_free(t);
                return r;
        }
        if (ret)
                *ret = t;
        return 0;
}
