/* Both ends of the worker protocol, and the synchronous caller: see worker-proto.h. */
#include "worker-proto.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "rules.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/paths.h"

char **worker_props(struct device *d)
{
        char **v = calloc(d ? d->n_props + 1 : 1, sizeof(*v));

        for (size_t i = 0; v && d && i < d->n_props; i++)
                if (!(v[i] = str_concat(d->props[i].key, "=", d->props[i].value, NULL)))
                        break;
        return v;
}

void worker_put_builtin(
        struct wire_writer *w, uint32_t id, struct device *d, const char *command, uint32_t flags)
{
        _cleanup_strv_ char **props = worker_props(d);

        wire_begin(w, WK_BUILTIN, id);
        wire_str(w, command);
        wire_str(w, d ? d->syspath : NULL);
        wire_str(w, d ? d->action : NULL);
        wire_strv(w, props);
        wire_u32(w, flags);
}

int worker_get_done(struct wire_reader *r, struct device *d)
{
        _cleanup_strv_ char **props = NULL, **tags = NULL, **links = NULL;
        int32_t result = (int32_t)wire_get_u32(r);
        const char *message = wire_get_str(r);

        if (wire_get_strv(r, &props) < 0 || wire_get_strv(r, &tags) < 0 || wire_get_strv(r, &links) < 0 ||
                wire_end(r) < 0)
                return -EBADMSG;
        if (!str_empty(message))
                log_msg(result < 0 ? LOG_WARNING : LOG_DEBUG, "%s: %s", d ? d->syspath : "worker", message);
        if (!d)
                return result;
        FOREACH_STR (p, props) {
                char *eq = strchr(*p, '=');

                if (!eq)
                        continue;
                *eq = '\0';
                device_set_prop(d, *p, eq[1] ? eq + 1 : NULL);
        }
        FOREACH_STR (t, tags)
                device_add_tag(d, *t);
        FOREACH_STR (l, links)
                device_add_link(d, *l);
        return result;
}

enum worker_kind worker_kind_of(const char *command)
{
        return streq(builtin_find(command)->name, "kmod") ? WORKER_FULL : WORKER_PROBE;
}

static const char *const programs[] = {
        [WORKER_PROBE] = ROUSE_DEVD_PROBE, [WORKER_FULL] = ROUSE_DEVD_WORKER
};

/* Where the worker program is: as told, beside this one (a build tree), or installed. */
static char *worker_path(enum worker_kind kind, const char *path)
{
        char *self = NULL, *slash, *beside;

        if (path)
                return strdup(path);
        if (readlink_alloc("/proc/self/exe", &self) >= 0 && (slash = strrchr(self, '/'))) {
                *slash = '\0';
                beside = path_join(self, path_basename(programs[kind]));
                free(self);
                if (beside && access(beside, X_OK) == 0)
                        return beside;
                free(beside);
        } else
                free(self);
        return strdup(programs[kind]);
}

static _noreturn_ void child_exec(const char *path, int fd)
{
        char *argv[] = { (char *)path, (char *)root_sys(), (char *)root_dev(), (char *)root_run(), NULL };
        sigset_t none;

        for (int sig = 1; sig < NSIG; sig++)
                signal(sig, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setpgid(0, 0);
        if (fd == 3)
                fcntl(fd, F_SETFD, 0);
        else
                dup2(fd, 3);
        close_range(4, ~0u, 0);
        execv(path, argv);
        _exit(127);
}

int worker_spawn(enum worker_kind kind, const char *path, int *ret_fd, pid_t *ret_pid, int *ret_pidfd)
{
        _cleanup_free_ char *program = worker_path(kind, path);
        int sv[2], size = 512 * 1024, r, pidfd;
        pid_t pid;

        if (!program)
                return -ENOMEM;
        if (access(program, X_OK) < 0)
                return -errno;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
                return -errno;
        setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        pid = fork();
        if (pid == 0)
                child_exec(program, sv[1]);
        r = pid < 0 ? -errno : 0;
        close(sv[1]);
        if (r >= 0) {
                pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
                r = pidfd < 0 ? -errno : 0;
        }
        if (r < 0) {
                close(sv[0]);
                return r;
        }
        fcntl(pidfd, F_SETFD, FD_CLOEXEC);
        *ret_fd = sv[0];
        *ret_pid = pid;
        if (ret_pidfd)
                *ret_pidfd = pidfd;
        else
                close(pidfd);
        return 0;
}

int worker_call(struct device *d, const char *command)
{
        _cleanup_wire_ struct wire_writer w = {};
        _cleanup_close_ int fd = -1;
        _cleanup_free_ void *buf = malloc(WIRE_MAX);
        struct wire_reader reader;
        pid_t pid;
        int r;

        if (!buf)
                return -ENOMEM;
        r = worker_spawn(worker_kind_of(command), NULL, &fd, &pid, NULL);
        if (r < 0)
                return log_error_errno(r, "%s: its program cannot be started: %m", command);
        worker_put_builtin(&w, 1, d, command, 0);
        r = wire_send(fd, &w, -1);
        while (r >= 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };

                if (poll(&p, 1, -1) < 0 && errno != EINTR) {
                        r = -errno;
                        break;
                }
                r = wire_recv(fd, buf, WIRE_MAX, &reader, NULL);
                if (r == -EAGAIN)
                        r = 0;
                else if (r == 0)
                        r = -EPIPE;
                else if (r > 0) {
                        r = worker_get_done(&reader, d);
                        break;
                }
        }
        fd = close_fd(fd);
        waitpid(pid, NULL, 0);
        return r;
}
