/* Sockets: from ListenStream= and its relatives to a listening descriptor (systemd.socket(5)). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/fileio.h"
#include "exec-user.h"
#include "probe.h"
#include "socket.h"

union address {
        struct sockaddr sa;
        struct sockaddr_un un;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_nl nl;
        struct sockaddr_vm vm;
};

static int parse_unix(const char *s, union address *a, socklen_t *len)
{
        size_t n = strlen(s);

        if (n >= sizeof(a->un.sun_path))
                return -ENAMETOOLONG;
        a->un.sun_family = AF_UNIX;
        memcpy(a->un.sun_path, s, n);
        if (*s == '@') { /* the abstract name space */
                a->un.sun_path[0] = '\0';
                *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
        } else
                *len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
        return 0;
}

static int parse_port(const char *s, in_port_t *ret)
{
        uint32_t n;

        if (parse_u32(s, &n) < 0 || n == 0 || n > 65535)
                return -EINVAL;
        *ret = htons((uint16_t)n);
        return 0;
}

static int parse_inet(const char *s, int only, union address *a, socklen_t *len)
{
        _cleanup_free_ char *copy = strdup(s);
        char *host = copy, *port;

        if (!copy)
                return -ENOMEM;
        if (host[0] == '[') {
                char *end = strchr(host, ']'), *scope = strchr(host, '%');

                if (!end || end[1] != ':')
                        return -EINVAL;
                *end = '\0';
                if (scope)
                        *scope++ = '\0';
                a->in6.sin6_family = AF_INET6;
                *len = sizeof(a->in6);
                return inet_pton(AF_INET6, host + 1, &a->in6.sin6_addr) == 1
                               ? parse_port(end + 2, &a->in6.sin6_port)
                               : -EINVAL;
        }
        port = strrchr(host, ':');
        if (port) {
                *port++ = '\0';
                a->in.sin_family = AF_INET;
                *len = sizeof(a->in);
                return inet_pton(AF_INET, host, &a->in.sin_addr) == 1 ? parse_port(port, &a->in.sin_port)
                                                                      : -EINVAL;
        }
        /* a number alone: every address, of both families where there is IPv6 */
        if (only != 4 && access("/proc/net/if_inet6", F_OK) == 0) {
                a->in6.sin6_family = AF_INET6;
                *len = sizeof(a->in6);
                return parse_port(host, &a->in6.sin6_port);
        }
        a->in.sin_family = AF_INET;
        *len = sizeof(a->in);
        return parse_port(host, &a->in.sin_port);
}

/* "vsock:CID:PORT"; without a CID, any. */
static int parse_vsock(const char *s, union address *a, socklen_t *len)
{
        const char *colon = strchr(s, ':');
        _cleanup_free_ char *cid = colon ? strndup(s, (size_t)(colon - s)) : NULL;

        if (!cid)
                return -EINVAL;
        a->vm.svm_family = AF_VSOCK;
        a->vm.svm_cid = VMADDR_CID_ANY;
        *len = sizeof(a->vm);
        if (*cid && parse_u32(cid, &a->vm.svm_cid) < 0)
                return -EINVAL;
        return parse_u32(colon + 1, &a->vm.svm_port);
}

static int parse_address(const char *s, int only, union address *a, socklen_t *len)
{
        const char *vsock = startswith(s, "vsock:");

        memset(a, 0, sizeof(*a));
        if (*s == '/' || *s == '@')
                return parse_unix(s, a, len);
        return vsock ? parse_vsock(vsock, a, len) : parse_inet(s, only, a, len);
}

/* ---- options ---- */

static void set_int(struct socket_unit *s, int fd, int level, int name, int value, const char *what)
{
        if (setsockopt(fd, level, name, &value, sizeof(value)) < 0)
                log_unit_errno(s->unit.id, LOG_WARNING, -errno, "%s could not be set: %m", what);
}

static void apply_buffers(struct socket_unit *s, int fd)
{
        int v;

        if (s->receive_buffer > 0) {
                v = (int)MIN(s->receive_buffer, INT_MAX);
                if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &v, sizeof(v)) < 0)
                        set_int(s, fd, SOL_SOCKET, SO_RCVBUF, v, "ReceiveBuffer=");
        }
        if (s->send_buffer > 0) {
                v = (int)MIN(s->send_buffer, INT_MAX);
                if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &v, sizeof(v)) < 0)
                        set_int(s, fd, SOL_SOCKET, SO_SNDBUF, v, "SendBuffer=");
        }
}

static void apply_tcp(struct socket_unit *s, int fd)
{
        if (s->no_delay)
                set_int(s, fd, IPPROTO_TCP, TCP_NODELAY, 1, "NoDelay=");
        if (s->keep_alive_time > 0)
                set_int(s, fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)(s->keep_alive_time / USEC_PER_SEC),
                        "KeepAliveTimeSec=");
        if (s->keep_alive_interval > 0)
                set_int(s, fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)(s->keep_alive_interval / USEC_PER_SEC),
                        "KeepAliveIntervalSec=");
        if (s->keep_alive_probes > 0)
                set_int(s, fd, IPPROTO_TCP, TCP_KEEPCNT, (int)s->keep_alive_probes, "KeepAliveProbes=");
        if (s->defer_accept > 0)
                set_int(s, fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)MAX(1, s->defer_accept / USEC_PER_SEC),
                        "DeferAcceptSec=");
        if (s->congestion && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, s->congestion,
                                     (socklen_t)strlen(s->congestion)) < 0)
                log_unit_errno(s->unit.id, LOG_WARNING, -errno, "TCPCongestion=%s could not be set: %m",
                        s->congestion);
}

static void apply_options(struct socket_unit *s, int fd, int family, int kind)
{
        bool inet = family == AF_INET || family == AF_INET6;

        if (inet && kind == SOCK_STREAM && s->protocol != IPPROTO_SCTP)
                apply_tcp(s, fd);

        if (s->pass_credentials)
                set_int(s, fd, SOL_SOCKET, SO_PASSCRED, 1, "PassCredentials=");
        if (s->pass_security)
                set_int(s, fd, SOL_SOCKET, SO_PASSSEC, 1, "PassSecurity=");
        if (s->keep_alive)
                set_int(s, fd, SOL_SOCKET, SO_KEEPALIVE, 1, "KeepAlive=");
        if (s->broadcast)
                set_int(s, fd, SOL_SOCKET, SO_BROADCAST, 1, "Broadcast=");
        if (s->priority >= 0)
                set_int(s, fd, SOL_SOCKET, SO_PRIORITY, s->priority, "Priority=");
        if (s->mark >= 0)
                set_int(s, fd, SOL_SOCKET, SO_MARK, s->mark, "Mark=");
        if (s->reuse_port)
                set_int(s, fd, SOL_SOCKET, SO_REUSEPORT, 1, "ReusePort=");
        if (inet && s->free_bind)
                set_int(s, fd, IPPROTO_IP, IP_FREEBIND, 1, "FreeBind=");
        if (inet && s->transparent)
                set_int(s, fd, IPPROTO_IP, IP_TRANSPARENT, 1, "Transparent=");
        if (inet && s->ip_ttl >= 0)
                set_int(s, fd, IPPROTO_IP, IP_TTL, s->ip_ttl, "IPTTL=");
        if (inet && s->ip_tos >= 0)
                set_int(s, fd, IPPROTO_IP, IP_TOS, s->ip_tos, "IPTOS=");
        if (inet && s->pass_packet_info)
                set_int(s, fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                        family == AF_INET ? IP_PKTINFO : IPV6_RECVPKTINFO, 1, "PassPacketInfo=");
        if (family == AF_NETLINK && s->pass_packet_info)
                set_int(s, fd, SOL_NETLINK, NETLINK_PKTINFO, 1, "PassPacketInfo=");
        if (s->timestamping > 0)
                set_int(s, fd, SOL_SOCKET, s->timestamping == 1 ? SO_TIMESTAMP : SO_TIMESTAMPNS, 1,
                        "Timestamping=");
        if (s->bind_to_device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, s->bind_to_device,
                                         (socklen_t)strlen(s->bind_to_device) + 1) < 0)
                log_unit_errno(s->unit.id, LOG_WARNING, -errno, "BindToDevice=%s could not be set: %m",
                        s->bind_to_device);
        apply_buffers(s, fd);
}

/* ---- opening ---- */

static int bind_unix(struct socket_unit *s, int fd, const union address *a, socklen_t len)
{
        mode_t old;
        int r;

        (void)mkdir_parents(a->un.sun_path, s->directory_mode);
        old = umask((mode_t)(~s->socket_mode & 0777));
        r = bind(fd, &a->sa, len) < 0 ? -errno : 0;
        if (r == -EADDRINUSE) {
                (void)unlink(a->un.sun_path);
                r = bind(fd, &a->sa, len) < 0 ? -errno : 0;
        }
        umask(old);
        return r;
}

int socket_owner(struct socket_unit *s, uid_t *ret_uid, gid_t *ret_gid)
{
        _cleanup_(user_record_done) struct user_record who = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
        gid_t gid = (gid_t)-1;
        int r = 0;

        if (s->user) {
                r = user_lookup(s->user, &who);
                gid = who.gid;
        }
        if (r >= 0 && s->group)
                r = group_lookup(s->group, &gid);
        if (r < 0)
                return log_unit_errno(s->unit.id, LOG_ERR, r, "SocketUser=%s, SocketGroup=%s: %m",
                        s->user ?: "", s->group ?: "");
        *ret_uid = who.uid;
        *ret_gid = gid;
        return 0;
}

static int change_owner(struct socket_unit *s, const char *path)
{
        uid_t uid;
        gid_t gid;
        int r = socket_owner(s, &uid, &gid);

        if (r < 0 || (uid == (uid_t)-1 && gid == (gid_t)-1))
                return r;
        return lchown(path, uid, gid) < 0 ? -errno : 0;
}

int socket_port_family(const struct socket_port *p)
{
        union address a;
        socklen_t len;
        int r = p->kind <= 0 ? -EINVAL : parse_address(p->address, 0, &a, &len);

        return r < 0 ? r : a.sa.sa_family;
}

int socket_port_is_inet(const struct socket_port *p)
{
        int family = socket_port_family(p);

        return family == AF_INET || family == AF_INET6 ? family : 0;
}

bool socket_has_network(const struct socket_unit *s)
{
        return s->exec.private_network || s->exec.network_namespace_path;
}

/* "[x]:y%dev": the number of an interface, by its name in the socket's network, which may not be PID 1's. */
static int find_scope(const struct socket_port *p, int fd, union address *a)
{
        const char *scope = a->sa.sa_family == AF_INET6 ? strchr(p->address, '%') : NULL;
        struct ifreq ifr = { 0 };

        if (!scope || parse_u32(scope + 1, &a->in6.sin6_scope_id) >= 0)
                return 0;
        if (strlen(scope + 1) >= sizeof(ifr.ifr_name))
                return -ENODEV;
        stpcpy(ifr.ifr_name, scope + 1);
        if (ioctl(fd, SIOCGIFINDEX, &ifr) < 0)
                return -errno;
        a->in6.sin6_scope_id = (unsigned)ifr.ifr_ifindex;
        return 0;
}

static int open_socket(struct socket_unit *s, struct socket_port *port)
{
        _cleanup_close_ int fd = -1;
        union address a;
        socklen_t len;
        bool path;
        int r = parse_address(port->address, 0, &a, &len);

        if (r < 0)
                return r;
        if (port->by_child)
                fd = TAKE_FD(port->made);
        else
                fd = socket(a.sa.sa_family, port->kind | SOCK_CLOEXEC | SOCK_NONBLOCK,
                        a.sa.sa_family == AF_INET || a.sa.sa_family == AF_INET6 ? s->protocol : 0);
        if (fd < 0)
                return -errno;
        r = find_scope(port, fd, &a);
        if (r < 0)
                return r;
        apply_options(s, fd, a.sa.sa_family, port->kind);
        if (a.sa.sa_family == AF_INET || a.sa.sa_family == AF_INET6)
                set_int(s, fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
        if (a.sa.sa_family == AF_INET6 && s->bind_ipv6_only != 0)
                set_int(s, fd, IPPROTO_IPV6, IPV6_V6ONLY, s->bind_ipv6_only == 2, "BindIPv6Only=");
        path = a.sa.sa_family == AF_UNIX && a.un.sun_path[0];
        if (!path || !port->by_child) /* a path is bound to by the child */
                r = path ? bind_unix(s, fd, &a, len) : bind(fd, &a.sa, len) < 0 ? -errno : 0;
        if (r >= 0 && path && !port->by_child)
                r = change_owner(s, a.un.sun_path);
        if (r >= 0 && port->kind != SOCK_DGRAM && listen(fd, s->backlog) < 0)
                r = -errno;
        if (r < 0)
                return r;
        port->fd = TAKE_FD(fd);
        return 0;
}

static int open_fifo(struct socket_unit *s, struct socket_port *port)
{
        struct stat st;
        mode_t old;
        int r = 0, fd;

        (void)mkdir_parents(port->address, s->directory_mode);
        old = umask((mode_t)(~s->socket_mode & 0777));
        if (mkfifo(port->address, s->socket_mode) < 0 && errno != EEXIST)
                r = -errno;
        umask(old);
        if (r < 0)
                return r;
        fd = open(port->address, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) {
                close(fd);
                return -EEXIST;
        }
        (void)fchmod(fd, s->socket_mode);
        r = change_owner(s, port->address);
        if (s->pipe_size > 0)
                (void)fcntl(fd, F_SETPIPE_SZ, (int)MIN(s->pipe_size, INT_MAX));
        port->fd = fd;
        return r;
}

static int open_special(struct socket_unit *s, struct socket_port *port)
{
        int fd = open(port->address, (s->writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0 || !(S_ISREG(st.st_mode) || S_ISCHR(st.st_mode))) {
                close(fd);
                return -EINVAL;
        }
        port->fd = fd;
        return 0;
}

int socket_netlink_protocol(const struct socket_port *p, unsigned *ret_group)
{
        static const struct {
                const char *name;
                int number;
        } families[] = {
                { "route", NETLINK_ROUTE },
                { "audit", NETLINK_AUDIT },
                { "kobject-uevent", NETLINK_KOBJECT_UEVENT },
                { "firewall", NETLINK_FIREWALL },
                { "inet-diag", NETLINK_SOCK_DIAG },
                { "nflog", NETLINK_NFLOG },
                { "selinux", NETLINK_SELINUX },
                { "netfilter", NETLINK_NETFILTER },
                { "generic", NETLINK_GENERIC },
                { "scsitransport", NETLINK_SCSITRANSPORT },
                { "xfrm", NETLINK_XFRM },
                { "iscsi", NETLINK_ISCSI },
        };
        unsigned group = 0;
        char name[32];

        if (sscanf(p->address, "%31s %u", name, &group) < 1)
                return -EINVAL;
        for (size_t i = 0; i < ARRAY_SIZE(families); i++)
                if (streq(families[i].name, name)) {
                        *ret_group = group;
                        return families[i].number;
                }
        return -EPROTONOSUPPORT;
}

static int open_netlink(struct socket_unit *s, struct socket_port *port)
{
        union address a = { .nl.nl_family = AF_NETLINK };
        unsigned group = 0;
        int proto = socket_netlink_protocol(port, &group);
        _cleanup_close_ int fd = -1;

        if (proto < 0)
                return proto;
        a.nl.nl_groups = group;
        fd = port->by_child ? TAKE_FD(port->made)
                            : socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, proto);
        if (fd < 0)
                return -errno;
        apply_options(s, fd, AF_NETLINK, SOCK_RAW);
        if (bind(fd, &a.sa, sizeof(a.nl)) < 0)
                return -errno;
        port->fd = TAKE_FD(fd);
        return 0;
}

static int open_mqueue(struct socket_unit *s, struct socket_port *port)
{
        struct mq_attr attr = { .mq_maxmsg = s->mq_maxmsg, .mq_msgsize = s->mq_msgsize };
        mqd_t fd = mq_open(port->address, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_CREAT, s->socket_mode,
                s->mq_maxmsg > 0 && s->mq_msgsize > 0 ? &attr : NULL);

        if (fd < 0)
                return -errno;
        port->fd = fd;
        return 0;
}

/* What the child has opened: a FIFO, a file, the control endpoint of a USB function. */
static int take_made(struct socket_unit *s, struct socket_port *port)
{
        port->fd = TAKE_FD(port->made);
        if (port->kind == -'f' && s->pipe_size > 0)
                (void)fcntl(port->fd, F_SETPIPE_SZ, (int)MIN(s->pipe_size, INT_MAX));
        return 0;
}

int socket_port_open(struct socket_unit *s, struct socket_port *port)
{
        if (port->by_child && port->made < 0)
                return port->made_error ?: -EIO;
        if (port->by_child && port->kind <= 0 && port->kind != -'n')
                return take_made(s, port);
        switch (port->kind) {
        case -'f': return open_fifo(s, port);
        case -'s': return open_special(s, port);
        case -'n': return open_netlink(s, port);
        case -'m': return open_mqueue(s, port);
        case -'u': return -EOPNOTSUPP; /* the child's alone */
        default: return open_socket(s, port);
        }
}

/* A helper's where the file system may hang. */
static void remove_path(struct socket_unit *s, const char *path)
{
        struct manager *m = s->unit.manager;

        if (!probe_may_block(m, path, false))
                (void)unlink(path);
        else if (probe_ask(m, LOOK_UNLINK, path, PROBE_DEADLINE, false, NULL, NULL, NULL) < 0)
                log_unit(s->unit.id, LOG_WARNING, "%s stays", path);
}

int socket_port_add_endpoint(struct socket_port *p, int fd)
{
        int *grown = reallocarray(p->endpoints, p->n_endpoints + 1, sizeof(int));

        if (!grown) {
                close_fd(fd);
                return -ENOMEM;
        }
        p->endpoints = grown;
        p->endpoints[p->n_endpoints++] = fd;
        return 0;
}

void socket_port_close(struct socket_port *p)
{
        close_fd(p->made);
        close_fd(p->fd);
        p->made = p->fd = -1;
        for (size_t i = 0; i < p->n_endpoints; i++)
                close_fd(p->endpoints[i]);
        free(p->endpoints);
        p->endpoints = NULL;
        p->n_endpoints = p->n_awaited = 0;
}

size_t socket_fds(struct socket_unit *s, int *fds, char **names, size_t max)
{
        size_t n = 0;

        for (struct socket_port *p = s->ports; p && n < max; p = p->next) {
                if (p->fd < 0)
                        continue;
                fds[n++] = p->fd;
                for (size_t i = 0; i < p->n_endpoints && n < max; i++)
                        fds[n++] = p->endpoints[i];
        }
        for (size_t i = 0; i < n; i++)
                names[i] = s->fd_name ?: s->unit.id;
        return n;
}

void socket_ports_close(struct socket_unit *s)
{
        socket_child_forget(s);
        for (struct socket_port *p = s->ports; p; p = p->next) {
                bool was_open = p->fd >= 0;

                if (was_open && p->io.fd >= 0)
                        loop_io_remove(s->unit.manager->loop, &p->io);
                socket_port_close(p);
                if (!was_open || !s->remove_on_stop)
                        continue;
                if (p->kind == -'m')
                        (void)mq_unlink(p->address);
                else if (p->address[0] == '/' && (p->kind > 0 || p->kind == -'f'))
                        remove_path(s, p->address);
        }
        if (s->remove_on_stop)
                FOREACH_STR (l, s->symlinks)
                        remove_path(s, *l);
}

const char *socket_symlink_target(struct socket_unit *s)
{
        const char *target = NULL;

        for (struct socket_port *p = s->ports; p; p = p->next)
                if (p->address[0] == '/' && (p->kind > 0 || p->kind == -'f'))
                        target = p->address;
        return target;
}

int socket_make_symlinks(struct socket_unit *s)
{
        const char *target = socket_symlink_target(s);

        FOREACH_STR (l, s->symlinks) {
                int r;

                if (!target)
                        return -EINVAL;
                if (probe_may_block(s->unit.manager, *l, false)) /* socket-child.c has made it */
                        continue;
                (void)mkdir_parents(*l, s->directory_mode);
                r = symlink_atomic(target, *l);
                if (r < 0)
                        log_unit_errno(s->unit.id, LOG_WARNING, r, "Symlinks=%s could not be made: %m", *l);
        }
        return 0;
}

static int format_inet(const union address *a, char *buf, size_t n, unsigned *ret_port)
{
        char host[INET6_ADDRSTRLEN];

        if (a->sa.sa_family == AF_INET) {
                *ret_port = ntohs(a->in.sin_port);
                if (!inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host)))
                        return -errno;
        } else {
                *ret_port = ntohs(a->in6.sin6_port);
                if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
                        if (!inet_ntop(AF_INET, &a->in6.sin6_addr.s6_addr[12], host, sizeof(host)))
                                return -errno;
                } else if (!inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof(host)))
                        return -errno;
        }
        snprintf(buf, n, "%s", host);
        return 0;
}

int socket_peer_name(struct socket_unit *s, int fd, char **ret_instance, char **ret_env)
{
        union address local = { 0 }, peer = { 0 };
        socklen_t l = sizeof(local), k = sizeof(peer), c = sizeof(struct ucred);
        char a[64], b[64];
        unsigned ap, bp;
        struct ucred cred = { 0 };

        if (getsockname(fd, &local.sa, &l) < 0 || getpeername(fd, &peer.sa, &k) < 0)
                return -errno;
        if (local.sa.sa_family == AF_INET || local.sa.sa_family == AF_INET6) {
                if (format_inet(&local, a, sizeof(a), &ap) < 0 || format_inet(&peer, b, sizeof(b), &bp) < 0)
                        return -EINVAL;
                *ret_instance = str_printf("%u-%s:%u-%s:%u", s->n_accepted, a, ap, b, bp);
                *ret_env = str_printf("REMOTE_ADDR=%s REMOTE_PORT=%u", b, bp);
        } else {
                (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &c);
                *ret_instance = str_printf("%u-%d-%u", s->n_accepted, cred.pid, cred.uid);
                *ret_env = NULL;
        }
        return *ret_instance ? 0 : -ENOMEM;
}
