/* The shell on the console: see shell.h. */

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <stdio.h>
#include "initramfs/initrd/shell.h"
#include "lib/fileio.h"

/* The first that is there. sulogin asks for root's password before it runs /bin/sh. */
static const char *const shells[][3] = {
        { "/sbin/sulogin", NULL },
        { "/bin/sh", "-i", NULL },
        { "/bin/busybox", "sh", NULL },
        { "/usr/bin/sh", "-i", NULL },
};

static void run_in_child(const char *const *argv)
{
        static const char *const env[] = { "PATH=/sbin:/bin:/usr/sbin:/usr/bin", "HOME=/", "TERM=linux",
                "PS1=initrd# ", "SUSHELL=/bin/sh", NULL };
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        setsid();
        int fd = open("/dev/console", O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
                ioctl(fd, TIOCSCTTY, 1);
                for (int i = 0; i < 3; i++)
                        dup2(fd, i);
        }
        execve(argv[0], (char *const *)argv, (char *const *)env);
        _exit(127);
}

static void on_child(struct loop_io *io, uint32_t revents)
{
        struct shell *s = io->data;
        int fd = io->fd;

        if (waitpid(s->pid, NULL, WNOHANG) == 0)
                return;
        loop_io_remove(s->loop, io);
        close(fd);
        s->pid = 0;
        s->ended(s);
}

int shell_start(struct shell *s)
{
        const char *const *argv = NULL;

        if (s->pid > 0)
                return -EBUSY;
        for (size_t i = 0; i < ARRAY_SIZE(shells) && !argv; i++)
                if (access(shells[i][0], X_OK) == 0)
                        argv = shells[i];
        if (!argv)
                return -ENOENT;
        pid_t pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0)
                run_in_child(argv);
        s->pid = pid;
        s->child = (struct loop_io) {
                .fd = syscall(SYS_pidfd_open, pid, 0), .events = EPOLLIN, .cb = on_child, .data = s
        };
        return s->child.fd < 0 ? -errno : loop_io_add(s->loop, &s->child);
}

/* sulogin gives the shell that it starts a session of its own. */
static void end_children(pid_t pid)
{
        _cleanup_free_ char *list = NULL;
        char path[64];
        pid_t child;
        int n;

        snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
        if (read_one_line(path, &list) < 0)
                return;
        for (const char *p = list; sscanf(p, "%d%n", &child, &n) == 1; p += n)
                kill(getpgid(child) == child ? -child : child, SIGKILL);
}

void shell_end(struct shell *s)
{
        if (s->pid <= 0)
                return;
        int fd = s->child.fd;
        loop_io_remove(s->loop, &s->child);
        close_fd(fd);
        end_children(s->pid);
        kill(-s->pid, SIGHUP);
        kill(-s->pid, SIGCONT);
        kill(-s->pid, SIGKILL);
        s->pid = 0;
}
