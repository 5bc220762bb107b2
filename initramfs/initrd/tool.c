/* Programs of the distribution: see tool.h. */

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include "initramfs/initrd/tool.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"

static const char *const environment[] = { "PATH=/sbin:/bin:/usr/sbin:/usr/bin", "DM_DISABLE_UDEV=1",
        "MDADM_NO_UDEV=1", "LVM_SUPPRESS_FD_WARNINGS=1", "LC_ALL=C", NULL };

bool tool_there(const char *path)
{
        return access(path, X_OK) == 0;
}

static void flush_line(struct tool *t)
{
        t->line[t->len] = 0;
        if (t->len)
                log_msg(t->level ?: LOG_INFO, "%s: %s", t->program, t->line);
        t->len = 0;
}

static void close_output(struct tool *t)
{
        int fd = t->output.fd;

        if (fd < 0)
                return;
        flush_line(t);
        loop_io_remove(t->loop, &t->output);
        close(fd);
}

static void keep_output(struct tool_capture *c, const char *buf, size_t n)
{
        size_t room = sizeof c->text - c->len;

        c->too_long |= n > room;
        memcpy(c->text + c->len, buf, MIN(n, room));
        c->len += MIN(n, room);
}

static ssize_t read_output(struct tool *t)
{
        char buf[512];
        ssize_t n = read(t->output.fd, buf, sizeof buf);

        if (t->capture) {
                keep_output(t->capture, buf, MAX(n, 0));
                explicit_bzero(buf, sizeof buf);
                return n;
        }
        for (ssize_t i = 0; i < n; i++) {
                if (buf[i] == '\n' || buf[i] == '\r' || t->len == sizeof t->line - 1)
                        flush_line(t);
                if (buf[i] >= ' ' || buf[i] == '\t' || buf[i] < 0)
                        t->line[t->len++] = buf[i];
        }
        return n;
}

static void on_output(struct loop_io *io, uint32_t revents)
{
        ssize_t n = read_output(io->data);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
                close_output(io->data);
}

static void on_exit_of_child(struct loop_io *io, uint32_t revents)
{
        struct tool *t = io->data;
        int status, fd = io->fd;

        if (waitpid(t->pid, &status, WNOHANG) == 0)
                return;
        loop_io_remove(t->loop, io);
        close(fd);
        if (t->output.fd >= 0) {
                while (read_output(t) > 0) /* its last words; the pipe is not blocking */
                        ;
                close_output(t); /* what it left running has nothing to say to us */
        }
        t->pid = 0;
        if (!WIFEXITED(status))
                log_error("%s was ended by signal %d", t->program, WTERMSIG(status));
        t->done(t, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* In another root: posix_spawn() has no word for that. */
static int spawn_in(struct tool *t, const char *const *argv, int out)
{
        t->pid = fork();
        if (t->pid < 0) {
                t->pid = 0;
                return -errno;
        }
        if (t->pid > 0)
                return 0;
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
                dup2(out, STDERR_FILENO) >= 0 && chroot(t->root) == 0 && chdir("/") == 0)
                execve(argv[0], (char *const *)argv, (char *const *)environment);
        dprintf(STDERR_FILENO, "cannot be executed: %s\n", strerror(errno));
        _exit(8);
}

static int spawn(struct tool *t, const char *const *argv, int in, int out)
{
        _cleanup_strv_ char **env = strv_copy((char *const *)environment);
        posix_spawn_file_actions_t fa;

        if (!env || strv_extend(&env, t->environment) < 0)
                return -ENOMEM;
        posix_spawn_file_actions_init(&fa);
        if (in >= 0)
                posix_spawn_file_actions_adddup2(&fa, in, STDIN_FILENO);
        else if (!t->capture)
                posix_spawn_file_actions_addopen(&fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        posix_spawn_file_actions_adddup2(&fa, out, STDOUT_FILENO);
        if (!t->capture)
                posix_spawn_file_actions_adddup2(&fa, out, STDERR_FILENO);
        int r = posix_spawn(&t->pid, argv[0], &fa, NULL, (char *const *)argv, env);
        posix_spawn_file_actions_destroy(&fa);
        if (r > 0)
                t->pid = 0;
        return -r;
}

/* The reading end of a pipe that holds the input. */
static int make_input(const void *input, size_t len)
{
        int p[2];

        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;
        int r = write_all(p[1], input, len); /* fits into an empty pipe */
        close(p[1]);
        if (r < 0)
                close(p[0]);
        return r < 0 ? r : p[0];
}

int tool_start(struct tool *t, const char *const *argv, const void *input, size_t len)
{
        _cleanup_close_ int in = -1, writer = -1;
        int p[2], r;

        snprintf(t->program, sizeof t->program, "%s", strrchr(argv[0], '/') + 1);
        if (input && (len > 65536 || (in = make_input(input, len)) < 0))
                return in < 0 ? in : -E2BIG;
        if (pipe2(p, O_CLOEXEC) < 0)
                return -errno;
        writer = p[1];
        r = t->root ? spawn_in(t, argv, writer) : spawn(t, argv, in, writer);
        if (r < 0) {
                close(p[0]);
                return r;
        }
        fcntl(p[0], F_SETFL, O_NONBLOCK);
        t->output = (struct loop_io) { .fd = p[0], .events = EPOLLIN, .cb = on_output, .data = t };
        t->child = (struct loop_io) { .fd = syscall(SYS_pidfd_open, t->pid, 0),
                .events = EPOLLIN,
                .cb = on_exit_of_child,
                .data = t,
                .priority = 1 };
        if (t->child.fd < 0)
                return -errno;
        r = loop_io_add(t->loop, &t->output);
        return r < 0 ? r : loop_io_add(t->loop, &t->child);
}
