/* Ending of what still runs. Every process is held by a pidfd, so a number used again is never hit, and its
 * end is an event. */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "init/shutdown-common.h"

#define KILL_TIMEOUT (10 * USEC_PER_SEC) /* after SIGKILL: a process in the kernel may not end at all */
#define TELL_AFTER   (3 * USEC_PER_SEC)
#define PROCS_MAX    4096

struct proc {
        pid_t pid;
        int fd;
        char name[17];
};

struct procs {
        struct proc *p;
        size_t n;
};

static void procs_done(struct procs *l)
{
        for (size_t i = 0; i < l->n; i++)
                close_fd(l->p[i].fd);
        free(l->p);
        *l = (struct procs) { 0 };
}

/* Name, whether it is a kernel thread, or has ended already. */
static bool wants_kill(int proc_fd, pid_t pid, char name[17])
{
        _cleanup_free_ char *stat_text = NULL, *cmdline = NULL;
        char path[40], *open_par, *close_par;
        unsigned long flags;
        char state;
        size_t len;
        struct stat st;

        snprintf(path, sizeof(path), "%d/stat", (int)pid);
        if (read_file_at(proc_fd, path, 4096, &stat_text, NULL) < 0)
                return false;
        open_par = strchr(stat_text, '(');
        close_par = strrchr(stat_text, ')');
        if (!open_par || !close_par || close_par < open_par)
                return false;
        *close_par = 0;
        snprintf(name, 17, "%s", open_par + 1);
        if (sscanf(close_par + 1, " %c %*d %*d %*d %*d %*d %lu", &state, &flags) != 2)
                return false;
        if (state == 'Z' || state == 'X' || (flags & 0x00200000 /* PF_KTHREAD */))
                return false;
        /* root's storage daemons whose argv[0] begins with "@" serve the root file system to the end */
        snprintf(path, sizeof(path), "%d/cmdline", (int)pid);
        if (read_file_at(proc_fd, path, 65536, &cmdline, &len) >= 0 && len > 0 && cmdline[0] == '@') {
                snprintf(path, sizeof(path), "%d", (int)pid);
                return fstatat(proc_fd, path, &st, 0) < 0 || st.st_uid != 0;
        }
        return true;
}

static int list_procs(struct procs *ret)
{
        _cleanup_closedir_ DIR *d = opendir("/proc");
        struct procs l = { 0 };

        if (!d)
                return -errno;
        l.p = calloc(PROCS_MAX, sizeof(*l.p));
        if (!l.p)
                return -ENOMEM;
        for (struct dirent *de; l.n < PROCS_MAX && (de = readdir(d));) {
                struct proc *p = &l.p[l.n];
                int pid;

                if (parse_int(de->d_name, &pid) < 0 || pid <= 1 || pid == getpid())
                        continue;
                p->fd = syscall(SYS_pidfd_open, pid, 0);
                if (p->fd < 0)
                        continue;
                if (!wants_kill(dirfd(d), pid, p->name)) {
                        close_fd(p->fd);
                        continue;
                }
                p->pid = pid;
                l.n++;
        }
        *ret = l;
        return 0;
}

void shutdown_reap(struct shutdown *s)
{
        struct signalfd_siginfo si;

        while (s->signal_fd >= 0 && read(s->signal_fd, &si, sizeof(si)) > 0)
                ;
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
}

static void say_waiting(struct shutdown *s, const struct procs *l, usec_t left)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };
        size_t shown = 0;

        for (size_t i = 0; i < l->n && shown < 8; i++)
                if (l->p[i].fd >= 0) {
                        strbuf_printf(&b, "%s%s[%d]", shown ? ", " : "", l->p[i].name, (int)l->p[i].pid);
                        shown++;
                }
        shutdown_say(
                s, "waiting for %s (at most %d s more)", b.s ?: "processes", (int)(left / USEC_PER_SEC) + 1);
}

/* Until all have ended or the time is over. Ended ones get fd -1. Number of those left. */
static size_t wait_all(struct shutdown *s, struct procs *l, usec_t deadline)
{
        _cleanup_free_ struct pollfd *p = calloc(l->n + 1, sizeof(*p));
        usec_t tell_at = usec_add(now_monotonic(), TELL_AFTER);
        size_t left = l->n;

        while (p && left > 0) {
                usec_t now = now_monotonic(), until = MIN(deadline, tell_at);

                if (now >= deadline)
                        break;
                if (now >= tell_at) {
                        say_waiting(s, l, deadline - now);
                        tell_at = USEC_INFINITY;
                        continue;
                }
                for (size_t i = 0; i < l->n; i++)
                        p[i] = (struct pollfd) { .fd = l->p[i].fd, .events = POLLIN };
                p[l->n] = (struct pollfd) { .fd = s->signal_fd, .events = POLLIN };
                if (poll(p, l->n + 1, (until - now) / USEC_PER_MSEC + 1) < 0 && errno != EINTR)
                        break;
                shutdown_reap(s);
                for (size_t i = 0; i < l->n; i++)
                        if (l->p[i].fd >= 0 && p[i].revents) {
                                l->p[i].fd = close_fd(l->p[i].fd);
                                left--;
                        }
        }
        return left;
}

static void signal_all(struct procs *l, int sig)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->p[i].fd >= 0)
                        (void)syscall(SYS_pidfd_send_signal, l->p[i].fd, sig, NULL, 0);
}

static void note(struct shutdown *s, const struct procs *l, const char *what)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->p[i].fd >= 0)
                        shutdown_forced(s, "%s %s[%d]", what, l->p[i].name, (int)l->p[i].pid);
}

/* One round: list, signal, wait; again as long as new processes turn up before the deadline. */
static void round_of(struct shutdown *s, int sig, usec_t deadline)
{
        for (;;) {
                _cleanup_(procs_done) struct procs l = { 0 };

                if (list_procs(&l) < 0 || l.n == 0)
                        return;
                signal_all(&l, sig);
                if (sig == SIGTERM) {
                        signal_all(&l, SIGHUP); /* shells take no SIGTERM */
                        signal_all(&l, SIGCONT);
                } else
                        note(s, &l, "killed");
                if (wait_all(s, &l, deadline) > 0) {
                        if (sig == SIGKILL)
                                note(s, &l, "left behind");
                        return;
                }
        }
}

void shutdown_kill_all(struct shutdown *s)
{
        shutdown_reap(s);
        round_of(s, SIGTERM, usec_add(now_monotonic(), s->term_timeout));
        round_of(s, SIGKILL, usec_add(now_monotonic(), KILL_TIMEOUT));
        shutdown_reap(s);
}

int shutdown_wait_child(struct shutdown *s, pid_t pid, usec_t deadline, int *ret_status)
{
        _cleanup_close_ int fd = syscall(SYS_pidfd_open, pid, 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int status;

        for (;;) {
                usec_t now = now_monotonic();
                pid_t r = waitpid(pid, &status, WNOHANG);

                if (r == pid) {
                        *ret_status = status;
                        return 0;
                }
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (now >= deadline)
                        return -ETIMEDOUT;
                (void)poll(&p, fd >= 0, fd >= 0 ? (deadline - now) / USEC_PER_MSEC + 1 : 10);
        }
}

int shutdown_run_bounded(struct shutdown *s, int (*fn)(void *data), void *data, usec_t timeout)
{
        int status, r;
        pid_t pid = fork();

        if (pid < 0)
                return -errno;
        if (pid == 0)
                _exit(fn(data) < 0);
        r = shutdown_wait_child(s, pid, usec_add(now_monotonic(), timeout), &status);
        if (r == -ETIMEDOUT)
                kill(pid, SIGKILL);
        if (r < 0)
                return r;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}
