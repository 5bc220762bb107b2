/* Automount points where PID 1 might hang, on network file systems or FUSE: rouse-exec puts the autofs up, and hands
 * back the descriptor of its root and the pipe, each in a packet of its own; or says in one packet why not. It stays in
 * PID 1's process group, which passes through an autofs. After DefaultTimeoutStartSec= it is given up; what it mounts
 * then, when it finds nobody to tell, it takes down again. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "automount.h"
#include "exec-internal.h"
#include "lib/wire.h"
#include "manager.h"

void automount_child_forget(struct automount *a)
{
        struct loop *l = a->unit.manager->loop;
        int fd = a->made_io.fd;

        if (!a->made_io.cb)
                return;
        loop_timer_cancel(l, &a->made_timer);
        loop_io_remove(l, &a->made_io);
        a->made_io = (struct loop_io) { .fd = -1 };
        close_fd(fd);
        (void)syscall(SYS_pidfd_send_signal, a->made_pidfd, SIGKILL, NULL, 0);
        a->made_pidfd = close_fd(a->made_pidfd);
        a->made_root = close_fd(a->made_root);
}

static void end(struct automount *a, int r, int pipe)
{
        int root = r < 0 ? -1 : TAKE_FD(a->made_root);

        automount_child_forget(a);
        automount_made(a, r, root, pipe);
}

static void on_packet(struct loop_io *io, uint32_t revents)
{
        struct automount *a = io->data;
        int32_t answer = 0;
        size_t n;
        int fd = -1, r = wire_recv_bytes(io->fd, &answer, sizeof(answer), &n, &fd);

        if (r == -EAGAIN)
                return;
        if (r != 1 || n != sizeof(answer) || (answer >= 0) != (fd >= 0)) {
                close_fd(fd);
                end(a, -EIO, -1);
        } else if (answer < 0)
                end(a, answer, -1);
        else if (a->made_root < 0)
                a->made_root = fd;
        else
                end(a, 0, fd);
}

static void on_deadline(struct loop_timer *t)
{
        end(t->data, -ETIMEDOUT, -1);
}

int automount_child_start(struct automount *a, const struct autofs_plan *p)
{
        struct manager *m = a->unit.manager;
        _cleanup_close_ int ours = -1, theirs = -1, pidfd = -1;
        _cleanup_free_ char *spec = str_printf("autofs %o %lu %d %zu %s%s", p->directory_mode, p->seconds,
                p->group, p->options ? strlen(p->options) : 0, p->options ?: "", a->where);
        char *argv[] = { (char *)exec_helper_path, (char *)"--sockets", spec, NULL };
        int pair[2], r;

        if (!spec)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        r = exec_detached_near(m, argv, theirs, &pidfd);
        if (r < 0)
                return r;
        a->made_io = (struct loop_io) { .fd = ours, .events = EPOLLIN, .cb = on_packet, .data = a };
        r = loop_io_add(m->loop, &a->made_io);
        if (r < 0) {
                a->made_io = (struct loop_io) { .fd = -1 };
                return r;
        }
        (void)TAKE_FD(ours);
        a->made_pidfd = TAKE_FD(pidfd);
        a->made_timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_deadline, .data = a };
        if (m->default_timeout_start > 0)
                r = loop_timer_set(
                        m->loop, &a->made_timer, usec_add(now_monotonic(), m->default_timeout_start));
        if (r < 0)
                automount_child_forget(a);
        return r;
}
