/* fsck of the root: see check.h. What it prints goes to the log line by line; its exit code is the sum of
 * fsck(8): 1 corrected, 2 restart needed, 4 errors left, 8 operational error, 16 usage, 32 cancelled. */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "initramfs/initrd/check.h"
#include "lib/log.h"

extern char **environ;

static void flush_line(struct check *c)
{
        c->line[c->len] = 0;
        if (c->len)
                log_info("%s: %s", c->program, c->line);
        c->len = 0;
}

static void on_output(struct loop_io *io, uint32_t revents)
{
        struct check *c = io->data;
        char buf[512];
        ssize_t n = read(io->fd, buf, sizeof buf);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        for (ssize_t i = 0; i < n; i++) {
                if (buf[i] == '\n' || buf[i] == '\r' || c->len == sizeof c->line - 1)
                        flush_line(c);
                if (buf[i] >= ' ' || buf[i] == '\t' || buf[i] < 0)
                        c->line[c->len++] = buf[i];
        }
        if (n <= 0) {
                int fd = io->fd;

                flush_line(c);
                loop_io_remove(c->loop, io);
                close(fd);
        }
}

static void on_exit_of_child(struct loop_io *io, uint32_t revents)
{
        struct check *c = io->data;
        int status, fd = io->fd;

        if (waitpid(c->pid, &status, WNOHANG) == 0)
                return;
        loop_io_remove(c->loop, io);
        close(fd);
        if (c->output.fd >= 0)
                on_output(&c->output, EPOLLIN); /* its last words; the pipe is not blocking */
        c->pid = 0;
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : 8;
        if (!WIFEXITED(status))
                log_error("%s was ended by signal %d", c->program, WTERMSIG(status));
        c->done(c, code >= 4 ? CHECK_FAILED : code & 2 ? CHECK_REBOOT : CHECK_OK, code);
}

static int spawn(struct check *c, char *const *argv, int out)
{
        posix_spawn_file_actions_t fa;

        posix_spawn_file_actions_init(&fa);
        posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
        posix_spawn_file_actions_adddup2(&fa, out, STDERR_FILENO);
        int r = posix_spawn(&c->pid, argv[0], &fa, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&fa);
        return -r;
}

static int start(struct check *c, char *const *argv)
{
        int p[2];

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;
        int r = spawn(c, argv, p[1]);
        close(p[1]);
        if (r < 0) {
                close(p[0]);
                return r;
        }
        fcntl(p[0], F_SETFL, O_NONBLOCK);
        c->output = (struct loop_io) { .fd = p[0], .events = EPOLLIN, .cb = on_output, .data = c };
        c->child = (struct loop_io) { .fd = syscall(SYS_pidfd_open, c->pid, 0),
                .events = EPOLLIN,
                .cb = on_exit_of_child,
                .data = c,
                .priority = 1 };
        if (c->child.fd < 0)
                return -errno;
        r = loop_io_add(c->loop, &c->output);
        return r < 0 ? r : loop_io_add(c->loop, &c->child);
}

void check_start(struct check *c, const struct initrd_options *o, const char *node, const char *type)
{
        static const char *const repair[] = { "-a", "-y", "-n" };
        const char *argv[8] = { NULL };
        char path[96];
        int n = 0;

        snprintf(c->program, sizeof c->program, "fsck.%s", type);
        snprintf(path, sizeof path, "/sbin/%s", c->program);
        c->output.fd = c->child.fd = -1;
        if (o->fsck == FSCK_SKIP || access(path, X_OK) < 0) {
                if (o->fsck == FSCK_FORCE)
                        log_warning("fsck.mode=force, but %s is not in this image; %s is not checked", path,
                                node);
                c->done(c, CHECK_NONE, 0);
                return;
        }
        argv[n++] = path;
        argv[n++] = repair[o->repair];
        if (o->fsck == FSCK_FORCE)
                argv[n++] = "-f";
        argv[n++] = node;
        int r = start(c, (char *const *)argv);
        if (r < 0) {
                log_error_errno(r, "Cannot run %s: %m; %s is not checked", path, node);
                c->done(c, CHECK_NONE, 0);
        }
}
