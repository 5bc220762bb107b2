/* The control socket: see control.h. */
#include "control.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "coldplug.h"
#include "event.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "queue.h"

_Static_assert(sizeof(struct control_message) == 280, "the format of udevadm's messages");

struct control {
        struct devd *m;
        struct loop_io listener, peer; /* one connection at a time: the others wait in the backlog */
        struct loop_deferred answer;
        bool ping, end;
};

static int set_env(struct devd *m, const char *assignment)
{
        const char *eq = strchr(assignment, '=');

        if (!eq || eq == assignment)
                return -EBADMSG;
        if (eq[1])
                return strv_env_set(&m->global_env, assignment);
        strv_env_unset(m->global_env, strndupa(assignment, (size_t)(eq - assignment)));
        return 0;
}

int control_handle(struct devd *m, const void *data, size_t len)
{
        struct control_message msg;

        if (len != sizeof(msg))
                return -EBADMSG;
        memcpy(&msg, data, sizeof(msg));
        if (msg.magic != CONTROL_MAGIC)
                return -EBADMSG;
        switch (msg.type) {
        case CONTROL_END: return 2;
        case CONTROL_PING: return 1;
        case CONTROL_LOG_LEVEL:
                if (msg.i < 0 || msg.i > LOG_DEBUG)
                        return -EBADMSG;
                log_set_max_level(msg.i);
                return 0;
        case CONTROL_STOP: m->queue->stopped = true; return 0;
        case CONTROL_START:
                m->queue->stopped = false;
                events_pump_later(m);
                return 0;
        case CONTROL_RELOAD: daemon_reload(m, true); return 0;
        case CONTROL_SET_ENV: msg.s[sizeof(msg.s) - 1] = '\0'; return set_env(m, msg.s);
        case CONTROL_CHILDREN_MAX:
                if (msg.i < 0)
                        return -EBADMSG;
                m->children_max = msg.i == 0 ? 1 : (unsigned)msg.i;
                return 0;
        case CONTROL_EXIT:
                log_info("Told to exit");
                loop_exit(m->loop, 0);
                return 0;
        default: return -EBADMSG;
        }
}

static void listen_again(struct control *c)
{
        int fd = c->peer.fd;

        loop_io_remove(c->m->loop, &c->peer);
        close_fd(fd);
        c->ping = c->end = false;
        (void)loop_io_modify(c->m->loop, &c->listener, EPOLLIN);
}

/* At the end of the turn: all that the kernel has sent so far goes into the queue first, so that the flag file is
 * right when the client looks. */
static void on_answer(struct loop_deferred *d)
{
        struct control *c = d->data;

        if (c->peer.fd < 0)
                return;
        intake_drain(c->m);
        c->ping = false;
        if (c->end)
                listen_again(c);
}

static void on_peer(struct loop_io *io, uint32_t revents)
{
        struct control *c = io->data;
        char buf[sizeof(struct control_message) + 1];
        ssize_t n = recv(io->fd, buf, sizeof(buf), MSG_DONTWAIT);
        int r;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                listen_again(c);
                return;
        }
        r = control_handle(c->m, buf, (size_t)n);
        if (r < 0) {
                log_warning("Control socket: a message that is not udevadm's, connection closed");
                listen_again(c);
                return;
        }
        c->ping |= r == 1;
        c->end |= r == 2;
        if (c->ping) {
                coldplug_hurry(c->m); /* somebody settles: what was put off is part of what he waits for */
                loop_defer(c->m->loop, &c->answer);
        } else if (c->end)
                listen_again(c);
}

static void on_connect(struct loop_io *io, uint32_t revents)
{
        struct control *c = io->data;
        int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        struct ucred cred = {};
        socklen_t len = sizeof(cred);

        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
                (cred.uid != 0 && cred.uid != geteuid())) {
                log_warning("Control socket: uid %u may not speak here", (unsigned)cred.uid);
                close(fd);
                return;
        }
        c->peer = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_peer, .data = c };
        if (loop_io_add(c->m->loop, &c->peer) < 0) {
                close(fd);
                c->peer.fd = -1;
                return;
        }
        (void)loop_io_modify(c->m->loop, io, 0);
}

static int make_socket(void)
{
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int fd, r;

        if (snprintf(a.sun_path, sizeof(a.sun_path), "%s/control", root_run()) >= (int)sizeof(a.sun_path))
                return -ENAMETOOLONG;
        (void)mkdir_p(root_run(), 0755);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(a.sun_path);
        if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || chmod(a.sun_path, 0600) < 0 ||
                listen(fd, 16) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

int control_new(struct devd *m, int fd)
{
        struct control *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        if (fd < 0)
                fd = make_socket();
        *c = (struct control) { .m = m, .peer.fd = -1 };
        c->listener = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = 10, .cb = on_connect, .data = c
        };
        c->answer = (struct loop_deferred) { .cb = on_answer, .data = c };
        r = fd < 0 ? fd : loop_io_add(m->loop, &c->listener);
        if (r < 0) {
                close_fd(fd);
                free(c);
                return r;
        }
        m->control = c;
        return 0;
}

void control_free(struct devd *m)
{
        struct control *c = m->control;
        int fd;

        if (!c)
                return;
        fd = c->peer.fd;
        loop_io_remove(m->loop, &c->peer);
        close_fd(fd);
        fd = c->listener.fd;
        loop_io_remove(m->loop, &c->listener);
        close_fd(fd);
        loop_defer_cancel(m->loop, &c->answer);
        free(c);
        m->control = NULL;
}
