/* Sockets that PID 1 may not, or cannot, make itself; rouse-exec --sockets makes them in the unit's cgroup and hands them
 * back (exec-main-socket.c):
 *
 * - A socket belongs for ever to the cgroup of the process that made it, and what is said of the unit's traffic
 *   (IPAddressAllow=, IPAccounting=, IPIngressFilterPath=, …) is said of that cgroup.
 * - PrivateNetwork= and NetworkNamespacePath= are about the sockets: the child is in that network.
 * - A path on a file system that may hang (probe.h) is not for PID 1 to bind to.
 * - A USB function is told its descriptors and strings, which are in files, before it has endpoints to open.
 *
 * The child answers with a packet for each port, in order: 0 and the descriptor, or -errno. For a USB function the
 * number is that of further packets, its other endpoints'. Options, bind(2) to an address and listen(2) are done by
 * PID 1 afterwards. When PID 1 is executed anew meanwhile, the channel is lost, and
 * the child is started once more. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "cgroup.h"
#include "exec-internal.h"
#include "lib/wire.h"
#include "manager.h"
#include "probe.h"
#include "socket.h"

#define ENDPOINTS_MAX 30u /* of a USB device, beside its endpoint 0 */

static bool is_path(const struct socket_port *p)
{
        return p->address[0] == '/' && p->kind != -'m';
}

static bool is_slow(struct socket_unit *s, const char *path)
{
        return probe_may_block(s->unit.manager, path, false);
}

static bool is_for_child(struct socket_unit *s, const struct socket_port *p, bool filtered)
{
        if (p->fd >= 0)
                return false;
        if (p->kind == -'u' || (socket_has_network(s) && (p->kind > 0 || p->kind == -'n')))
                return true;
        if (is_path(p))
                return is_slow(s, p->address);
        return filtered && p->kind > 0 && socket_port_is_inet(p);
}

bool socket_wants_child(struct socket_unit *s)
{
        struct manager *m = s->unit.manager;
        bool filtered = m->cgroup_ok && cgroup_has_network_programs(&s->unit), wants = false;

        for (struct socket_port *p = s->ports; p; p = p->next)
                wants |= p->by_child = is_for_child(s, p, filtered);
        FOREACH_STR (l, s->symlinks)
                wants |= is_slow(s, *l);
        return wants;
}

/* ---- the child's arguments ---- */

static int add_socket(struct socket_unit *s, const struct socket_port *p, char ***argv)
{
        unsigned group;
        int family = p->kind == -'n' ? AF_NETLINK : socket_port_family(p),
            protocol = p->kind == -'n'                           ? socket_netlink_protocol(p, &group)
                       : family == AF_INET || family == AF_INET6 ? s->protocol
                                                                 : 0;

        if (family < 0 || protocol < 0)
                return MIN(family, protocol);
        return strv_addf(argv, "socket %d %d %d", family, p->kind == -'n' ? SOCK_RAW : p->kind, protocol);
}

static int add_function(struct socket_unit *s, const struct socket_port *p, char ***argv)
{
        struct service *svc = socket_service(s);

        if (!svc || !svc->usb_descriptors || !svc->usb_strings)
                return log_unit_errno(s->unit.id, LOG_ERR, -EINVAL,
                        "ListenUSBFunction=: the service has no USBFunctionDescriptors= and "
                        "USBFunctionStrings=");
        return strv_addf(argv, "function %zu %zu %s%s%s", strlen(svc->usb_descriptors),
                strlen(svc->usb_strings), svc->usb_descriptors, svc->usb_strings, p->address);
}

static int add_port(struct socket_unit *s, const struct socket_port *p, char ***argv)
{
        uid_t uid = (uid_t)-1;
        gid_t gid = (gid_t)-1;
        int r;

        if (p->kind == -'u')
                return add_function(s, p, argv);
        if (!is_path(p))
                return add_socket(s, p, argv);
        if (p->kind == -'s')
                return strv_addf(argv, "special %d %s", s->writable, p->address);
        r = socket_owner(s, &uid, &gid);
        return r < 0 ? r
                     : strv_addf(argv, "%s %d %o %o %d %d %s", p->kind > 0 ? "unix" : "fifo", p->kind,
                               s->socket_mode, s->directory_mode, (int)uid, (int)gid, p->address);
}

static int arguments(struct socket_unit *s, char ***ret)
{
        _cleanup_strv_ char **argv = NULL;
        const char *target = socket_symlink_target(s);
        int r = strv_add(&argv, exec_helper_path);

        if (r >= 0)
                r = strv_add(&argv, "--sockets");
        for (struct socket_port *p = s->ports; p && r >= 0; p = p->next)
                if (p->by_child)
                        r = add_port(s, p, &argv);
        FOREACH_STR (l, s->symlinks)
                if (r >= 0 && target && is_slow(s, *l)) /* two words: a path may have blanks, but no NUL */
                        r = strv_addf(
                                &argv, "link %o %zu %s%s", s->directory_mode, strlen(target), target, *l);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(argv);
        return 0;
}

/* ---- its answers ---- */

static struct socket_port *next_unanswered(struct socket_unit *s)
{
        struct socket_port *p = s->ports;

        while (p && (!p->by_child || p->made_error || (p->made >= 0 && p->n_awaited == 0)))
                p = p->next;
        return p;
}

static void take_fd(struct socket_port *p, int fd, int32_t more)
{
        int r = 0;

        if (p->made >= 0) {
                p->n_awaited--;
                r = socket_port_add_endpoint(p, fd);
        } else {
                p->made = fd;
                p->n_awaited = p->kind == -'u' && more > 0 ? MIN((size_t)more, ENDPOINTS_MAX) : 0;
        }
        if (r < 0)
                p->made_error = r;
}

static bool take_answer(struct socket_unit *s)
{
        struct socket_port *p;
        int32_t answer = 0;
        int fd = -1, r;
        size_t n;

        r = wire_recv_bytes(s->made_io.fd, &answer, sizeof(answer), &n, &fd);
        if (r != 1 && r != -EBADMSG)
                return false;
        if (r < 0 || n != sizeof(answer))
                answer = -EBADMSG;
        p = next_unanswered(s);
        if (!p || fd < 0) {
                close_fd(fd);
                fd = -1;
        }
        if (p && fd >= 0)
                take_fd(p, fd, answer);
        else if (p)
                p->made_error = answer < 0 ? answer : -EBADMSG;
        else if (answer < 0)
                log_unit_errno(s->unit.id, LOG_WARNING, answer, "Symlinks= could not be made: %m");
        return true;
}

static void on_answer(struct loop_io *io, uint32_t revents)
{
        struct socket_unit *s = io->data;

        while (take_answer(s))
                ;
        if (revents & EPOLLHUP)
                socket_child_forget(s);
}

void socket_child_forget(struct socket_unit *s)
{
        int fd = s->made_io.fd;

        if (!s->made_io.cb)
                return;
        loop_io_remove(s->unit.manager->loop, &s->made_io);
        s->made_io = (struct loop_io) { .fd = -1 };
        close_fd(fd);
}

bool socket_child_answered(struct socket_unit *s)
{
        while (s->made_io.cb && take_answer(s))
                ;
        socket_child_forget(s);
        return !next_unanswered(s);
}

int socket_child_start(struct socket_unit *s, pid_t *ret_pid, int *ret_pidfd)
{
        _cleanup_strv_ char **argv = NULL;
        _cleanup_close_ int ours = -1, theirs = -1;
        struct exec_command command = { .path = (char *)exec_helper_path };
        struct exec_params p = {
                .command = &command, .control = true, .host_root = true, .network = true, .stdin_fd = -1
        };
        int pair[2], streams[3], r;

        for (struct socket_port *port = s->ports; port; port = port->next) {
                if (port->fd < 0)
                        socket_port_close(port); /* half an answer of a child before */
                port->made_error = 0;
        }
        r = arguments(s, &argv);
        if (r < 0)
                return r;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        ours = pair[0];
        theirs = pair[1];
        command.argv = argv;
        streams[0] = streams[1] = streams[2] = theirs;
        p.stdio_fds = streams;
        s->made_io = (struct loop_io) { .fd = ours, .events = EPOLLIN, .cb = on_answer, .data = s };
        r = loop_io_add(s->unit.manager->loop, &s->made_io);
        if (r < 0) {
                s->made_io = (struct loop_io) { .fd = -1 };
                return r;
        }
        (void)TAKE_FD(ours);
        r = exec_spawn(&s->unit, &s->exec, &p, ret_pid, ret_pidfd);
        if (r < 0)
                socket_child_forget(s);
        return r;
}
