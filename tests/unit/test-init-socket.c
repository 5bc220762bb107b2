/* Rows of [Socket], one by one: a socket unit is started for real, and its descriptor is asked what it is. Services and
 * control processes are only noted (exec_spawn() is the test's). */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <mqueue.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "init/state.h"
#include "tests/unit/init-test.h"
#include "lib/wire.h"

#define ETC "/etc/systemd/system/"

static struct manager *m;
static struct socket_unit *s;
static struct strbuf started; /* programs, in order */
static pid_t next_pid;
static int channel = -1; /* the child's standard output, if it was given one */

int __wrap_exec_spawn(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        pid_t *ret_pid, int *ret_pidfd);
int __wrap_exec_spawn(struct unit *u, const struct exec_context *c, const struct exec_params *p,
        pid_t *ret_pid, int *ret_pidfd)
{
        strbuf_printf(&started, "%s", p->command->path);
        for (size_t i = 0; i < p->n_fds; i++)
                strbuf_printf(&started, ":%s", p->fd_names[i]);
        FOREACH_STR (e, p->environment)
                strbuf_printf(&started, ",%s", *e);
        strbuf_putc(&started, ' ');
        if (p->stdio_fds)
                channel = fcntl(p->stdio_fds[1], F_DUPFD_CLOEXEC, 3);
        *ret_pid = ++next_pid;
        *ret_pidfd = -1;
        return 0;
}

/* IPv6 is asked of the calls alone: not every machine has it. */
static bool fake_ipv6;
static int v6only;

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol)
{
        return __real_socket(fake_ipv6 && family == AF_INET6 ? AF_UNIX : family, type, protocol);
}
int __real_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
        if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY) {
                v6only = *(const int *)value;
                return 0;
        }
        return __real_setsockopt(fd, level, name, value, len);
}

/* ---- the harness ---- */

static void turn(void)
{
        for (int i = 0; i < 4; i++)
                loop_turn(m->loop, 5 * USEC_PER_MSEC);
}

/* lines: of [Socket]; @ is the throw-away root. */
static void load(const char *lines)
{
        _cleanup_strbuf_ struct strbuf b = { 0 };

        strbuf_puts(&b, "[Unit]\nDefaultDependencies=no\n[Socket]\n");
        for (const char *c = lines; *c; c++)
                if (*c == '@')
                        strbuf_puts(&b, test_root);
                else
                        strbuf_putc(&b, *c);
        strbuf_putc(&b, '\n');
        put(ETC "a.socket", b.s);
        put(ETC "a.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/a\n");
        put(ETC "b.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/b\n");
        put(ETC "a@.service", "[Unit]\nDefaultDependencies=no\n[Service]\nExecStart=/instance\n");
        m = test_manager();
        s = UNIT_CAST(socket_unit, test_unit(m, "a.socket"));
}

static bool begin(const char *lines)
{
        load(lines);
        if (s->unit.load_state != UNIT_LOADED)
                return false;
        (void)unit_start(&s->unit);
        return s->ports && s->ports->fd >= 0;
}

static void end(void)
{
        strbuf_done(&started);
        test_manager_free(m);
        test_reset();
}

static int option(int level, int name)
{
        socklen_t len = sizeof(int);
        int v = -1;

        if (!s->ports || getsockopt(s->ports->fd, level, name, &v, &len) < 0)
                return -1;
        return v;
}

/* ---- what a socket is asked by number ---- */

struct number {
        const char *lines;
        int level, name, with;
};

static int port = 20000;

static const struct number numbers[] = {
        { "ListenStream=@/s\nPassCredentials=yes", SOL_SOCKET, SO_PASSCRED, 1 },
        { "ListenStream=@/s\nPassSecurity=yes", SOL_SOCKET, SO_PASSSEC, 1 },
        { "ListenStream=127.0.0.1:%\nKeepAlive=yes", SOL_SOCKET, SO_KEEPALIVE, 1 },
        { "ListenStream=127.0.0.1:%\nKeepAliveTimeSec=77", IPPROTO_TCP, TCP_KEEPIDLE, 77 },
        { "ListenStream=127.0.0.1:%\nKeepAliveIntervalSec=13", IPPROTO_TCP, TCP_KEEPINTVL, 13 },
        { "ListenStream=127.0.0.1:%\nKeepAliveProbes=4", IPPROTO_TCP, TCP_KEEPCNT, 4 },
        { "ListenStream=127.0.0.1:%\nNoDelay=yes", IPPROTO_TCP, TCP_NODELAY, 1 },
        { "ListenStream=127.0.0.1:%\nPriority=5", SOL_SOCKET, SO_PRIORITY, 5 },
        { "ListenStream=127.0.0.1:%\nDeferAcceptSec=3", IPPROTO_TCP, TCP_DEFER_ACCEPT, -3 },
        { "ListenStream=127.0.0.1:%\nIPTOS=16", IPPROTO_IP, IP_TOS, 16 },
        { "ListenStream=127.0.0.1:%\nIPTTL=9", IPPROTO_IP, IP_TTL, 9 },
        { "ListenStream=127.0.0.1:%\nReusePort=yes", SOL_SOCKET, SO_REUSEPORT, 1 },
        { "ListenStream=127.0.0.1:%\nFreeBind=yes", IPPROTO_IP, IP_FREEBIND, 1 },
        { "ListenDatagram=127.0.0.1:%\nBroadcast=yes", SOL_SOCKET, SO_BROADCAST, 1 },
        { "ListenDatagram=127.0.0.1:%\nPassPacketInfo=yes", IPPROTO_IP, IP_PKTINFO, 1 },
        { "ListenDatagram=127.0.0.1:%\nTimestamping=us", SOL_SOCKET, SO_TIMESTAMP, 1 },
        { "ListenDatagram=127.0.0.1:%\nReceiveBuffer=100K", SOL_SOCKET, SO_RCVBUF, 204800 },
        { "ListenDatagram=127.0.0.1:%\nSendBuffer=100K", SOL_SOCKET, SO_SNDBUF, 204800 },
        { "ListenDatagram=127.0.0.1:%\nSocketProtocol=udplite", SOL_SOCKET, SO_PROTOCOL, IPPROTO_UDPLITE },
        { "ListenStream=@/s", SOL_SOCKET, SO_TYPE, SOCK_STREAM },
        { "ListenDatagram=@/s", SOL_SOCKET, SO_TYPE, SOCK_DGRAM },
        { "ListenSequentialPacket=@/s", SOL_SOCKET, SO_TYPE, SOCK_SEQPACKET },
        { "ListenNetlink=route 1", SOL_SOCKET, SO_PROTOCOL, NETLINK_ROUTE },
};

/* "%" is a port of the test's own. */
static bool begin_at(const char *lines)
{
        const char *percent = strchr(lines, '%');
        _cleanup_free_ char *text =
                percent ? str_printf("%.*s%d%s", (int)(percent - lines), lines, ++port, percent + 1)
                        : strdup(lines);

        return begin(text);
}

static void test_numbers(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
                const struct number *n = &numbers[i];
                const char *last = strrchr(n->lines, '\n') ?: n->lines - 1;
                int v;

                if (!begin_at(n->lines)) {
                        bool absent = logged("not supported") || logged("Cannot assign") ||
                                      logged("Address family");

                        ok(absent, last + 1);
                        end();
                        continue;
                }
                v = option(n->level, n->name);
                if (n->with < 0) /* the kernel rounds it up */
                        ok(v >= -n->with, last + 1);
                else
                        is_int(v, n->with, last + 1);
                end();
        }
}

static void test_ipv6_only(void)
{
        static const struct {
                const char *lines;
                int only;
        } cases[] = {
                { "ListenStream=[::1]:1234\nBindIPv6Only=ipv6-only", 1 },
                { "ListenStream=[::1]:1234\nBindIPv6Only=both", 0 },
                { "ListenStream=[::1]:1234", -1 },
        };

        fake_ipv6 = true;
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                v6only = -1;
                (void)begin(cases[i].lines);
                is_int(v6only, cases[i].only, "BindIPv6Only=");
                end();
        }
        fake_ipv6 = false;
}

/* ---- options of root ---- */

static void test_privileged(void)
{
        char name[32] = "";
        socklen_t len = sizeof(name);

        if (!begin_at("ListenStream=127.0.0.1:%\nMark=7\nTransparent=yes\nBindToDevice=lo\nTCPCongestion="
                      "reno")) {
                ok(false, "a socket with options of root");
                end();
                return;
        }
        if (geteuid() != 0) {
                ok(logged("Mark= could not be set"), "Mark= needs privileges, and says so");
                end();
                return;
        }
        is_int(option(SOL_SOCKET, SO_MARK), 7, "Mark=");
        is_int(option(IPPROTO_IP, IP_TRANSPARENT), 1, "Transparent=");
        (void)getsockopt(s->ports->fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len);
        is_str(name, "lo", "BindToDevice=");
        len = sizeof(name);
        memset(name, 0, sizeof(name));
        (void)getsockopt(s->ports->fd, IPPROTO_TCP, TCP_CONGESTION, name, &len);
        is_str(name, "reno", "TCPCongestion=");
        end();
}

/* ---- files ---- */

static mode_t mode_of(const char *path, uid_t *ret_uid, gid_t *ret_gid)
{
        _cleanup_free_ char *full = test_path(path);
        struct stat st = { 0 };

        (void)lstat(full, &st);
        if (ret_uid)
                *ret_uid = st.st_uid;
        if (ret_gid)
                *ret_gid = st.st_gid;
        return st.st_mode;
}

static void test_files(void)
{
        _cleanup_free_ char *link = NULL, *full = NULL;
        uid_t uid;
        gid_t gid;

        ok(begin("ListenStream=@/x/s\nSocketMode=0610\nDirectoryMode=0710\nSymlinks=@/l1 "
                 "@/l2\nRemoveOnStop=yes"),
                "a socket in the file system");
        is_int(mode_of("/x/s", NULL, NULL) & 07777, 0610, "SocketMode=");
        is_int(mode_of("/x", NULL, NULL) & 07777, 0710, "DirectoryMode=");
        full = test_path("/l2");
        ok(readlink_alloc(full, &link) >= 0 && endswith(link, "/x/s"), "Symlinks=");
        (void)unit_stop(&s->unit);
        ok(mode_of("/x/s", NULL, NULL) == 0 && mode_of("/l1", NULL, NULL) == 0, "RemoveOnStop=");
        end();

        ok(begin("ListenStream=@/s"), "without RemoveOnStop=");
        (void)unit_stop(&s->unit);
        ok(mode_of("/s", NULL, NULL) != 0, "the file stays");
        end();

        if (geteuid() == 0) {
                ok(begin("ListenStream=@/s\nSocketUser=daemon\nSocketGroup=mail"), "with an owner");
                (void)mode_of("/s", &uid, &gid);
                is_int(uid, 1, "SocketUser=");
                is_int(gid, 8, "SocketGroup=");
                end();
        }

        ok(begin("ListenFIFO=@/f\nPipeSize=16384\nSocketMode=0640"), "ListenFIFO=");
        ok(S_ISFIFO(mode_of("/f", NULL, NULL)), "it is one");
        is_int(fcntl(s->ports->fd, F_GETPIPE_SZ), 16384, "PipeSize=");
        end();

        for (int writable = 0; writable < 2; writable++) {
                ok(begin(writable ? "ListenSpecial=/dev/null\nWritable=yes" : "ListenSpecial=/dev/null"),
                        "ListenSpecial=");
                is_int(fcntl(s->ports->fd, F_GETFL) & O_ACCMODE, writable ? O_RDWR : O_RDONLY, "Writable=");
                end();
        }
}

static void test_mqueue(void)
{
        _cleanup_free_ char *lines = str_printf(
                "ListenMessageQueue=/rouse-test-%d\nMessageQueueMaxMessages=3\nMessageQueueMessageSize=100\n"
                "RemoveOnStop=yes",
                (int)getpid());
        struct mq_attr attr = { 0 };

        if (!begin(lines)) {
                ok(logged("Could not listen"), "ListenMessageQueue=: none in this kernel");
                end();
                return;
        }
        (void)mq_getattr(s->ports->fd, &attr);
        is_int(attr.mq_maxmsg, 3, "ListenMessageQueue=, MessageQueueMaxMessages=");
        is_int(attr.mq_msgsize, 100, "MessageQueueMessageSize=");
        (void)unit_stop(&s->unit);
        end();
}

/* ---- traffic ---- */

static int connect_to(const char *path)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_free_ char *full = test_path(path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", full);
        return connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? close_fd(fd) : fd;
}

static int connect_port(void)
{
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ? close_fd(fd) : fd;
}

static unsigned instances(void)
{
        unsigned n = 0;

        for (const char *p = started.s; p && (p = strstr(p, "/instance")); p++)
                n++;
        return n;
}

static void test_service(void)
{
        int fd;

        ok(begin("ListenStream=@/s\nListenStream=@/t\nFileDescriptorName=web"), "two sockets, one service");
        is_str(unit_sub_state(&s->unit), "listening", "it listens");
        fd = connect_to("/t");
        turn();
        is_str(started.s, "/a:web:web ", "FileDescriptorName=, and the service of the same name gets both");
        is_str(unit_sub_state(&s->unit), "running", "it leaves them alone now");
        close_fd(fd);
        end();

        ok(begin("ListenStream=@/s\nService=b.service"), "Service=");
        fd = connect_to("/s");
        turn();
        is_str(started.s, "/b:a.socket ", "the service that is named, under the socket's name");
        close_fd(fd);
        end();
}

static void test_accept(void)
{
        int fd[4];

        ok(begin("ListenStream=@/s\nAccept=yes\nMaxConnections=2"), "Accept=yes");
        for (int i = 0; i < 3; i++) {
                fd[i] = connect_to("/s");
                turn();
        }
        is_int(instances(), 2, "an instance a connection; MaxConnections=");
        is_int(s->n_refused, 1, "the third is refused");
        is_str(unit_sub_state(&s->unit), "listening", "it listens on");
        for (int i = 0; i < 3; i++)
                close_fd(fd[i]);
        end();

        ok(begin_at("ListenStream=127.0.0.1:%\nAccept=yes\nMaxConnectionsPerSource=1"),
                "Accept=yes on a port");
        for (int i = 0; i < 2; i++) {
                fd[i] = connect_port();
                turn();
        }
        is_int(instances(), 1, "MaxConnectionsPerSource=");
        ok(started.s && strstr(started.s, ",REMOTE_ADDR=127.0.0.1,REMOTE_PORT="),
                "REMOTE_ADDR, REMOTE_PORT");
        close_fd(fd[0]);
        close_fd(fd[1]);
        end();
}

static void test_trigger_limit(void)
{
        int fd[8];

        ok(begin("ListenStream=@/s\nAccept=yes\nTriggerLimitIntervalSec=1h\nTriggerLimitBurst=3"),
                "a limit");
        for (int i = 0; i < 5; i++) {
                fd[i] = connect_to("/s");
                turn();
        }
        is_int(instances(), 3, "TriggerLimitBurst=");
        is_str(unit_ops(&s->unit)->result(&s->unit), "trigger-limit-hit",
                "TriggerLimitIntervalSec=: it fails");
        for (int i = 0; i < 5; i++)
                close_fd(fd[i]);
        end();

        ok(begin("ListenStream=@/s\nAccept=yes\nTriggerLimitIntervalSec=0\nTriggerLimitBurst=3"),
                "no limit");
        for (int i = 0; i < 5; i++) {
                fd[i] = connect_to("/s");
                turn();
        }
        is_int(instances(), 5, "TriggerLimitIntervalSec=0");
        for (int i = 0; i < 5; i++)
                close_fd(fd[i]);
        end();
}

static void test_flush(void)
{
        for (int flush = 0; flush < 2; flush++) {
                struct unit *service;
                int fd;

                ok(begin(flush ? "ListenStream=@/s\nFlushPending=yes" : "ListenStream=@/s"), "it listens");
                fd = connect_to("/s");
                turn();
                is_str(started.s, "/a:a.socket ", "the service runs, and takes nothing");
                service = unit_find(m, "a.service");
                unit_ops(service)->child(service, UNIT_CAST(service, service)->main_pid, CLD_EXITED, 0);
                turn();
                ok(started.s && streq(started.s, flush ? "/a:a.socket " : "/a:a.socket /a:a.socket "),
                        flush ? "FlushPending=: what waited is gone" : "what still waits starts it again");
                close_fd(fd);
                end();
        }
}

static void test_commands(void)
{
        load("ListenStream=@/s\nExecStartPre=/pre\nExecStartPost=/post\nExecStopPre=/stoppre\nExecStopPost=/"
             "stoppost\n"
             "TimeoutSec=1h");
        (void)unit_start(&s->unit);
        is_str(started.s, "/pre ", "ExecStartPre=: before it listens");
        is_int(s->ports->fd, -1, "no socket yet");
        ok(s->timer.when > now_monotonic() + 30 * 60 * USEC_PER_SEC && s->timer.when != USEC_INFINITY,
                "TimeoutSec=");
        unit_ops(&s->unit)->child(&s->unit, s->control_pid, CLD_EXITED, 0);
        is_str(started.s, "/pre /post ", "ExecStartPost=");
        unit_ops(&s->unit)->child(&s->unit, s->control_pid, CLD_EXITED, 0);
        is_str(unit_sub_state(&s->unit), "listening", "then it listens");
        (void)unit_stop(&s->unit);
        is_str(started.s, "/pre /post /stoppre ", "ExecStopPre=");
        ok(s->ports->fd >= 0, "still open");
        unit_ops(&s->unit)->child(&s->unit, s->control_pid, CLD_EXITED, 0);
        is_str(started.s, "/pre /post /stoppre /stoppost ", "ExecStopPost=");
        is_int(s->ports->fd, -1, "closed");
        unit_ops(&s->unit)->child(&s->unit, s->control_pid, CLD_EXITED, 0);
        is_str(unit_sub_state(&s->unit), "dead", "dead");
        end();
}

/* More wait than fit: a backlog of 1 holds two connections. */
static void test_backlog(void)
{
        int n = 0, fd;

        ok(begin("ListenStream=@/s\nBacklog=1\nService=b.service"), "Backlog=");
        while (n < 10 && (fd = connect_to("/s")) >= 0)
                n++; /* they end with the test */
        is_int(n, 2, "so many may wait");
        end();
}

/* What the child of a unit with filters says of its one port. */
static void answer(int32_t r, int fd)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        strbuf_add(&w.b, &r, sizeof(r));
        is_int(wire_send_bytes(channel, &w, fd), 0, "the child answers");
        close_fd(fd);
        channel = close_fd(channel);
}

static void begin_filtered(void)
{
        load("ListenStream=127.0.0.1:20999\nIPAddressDeny=any\nNoDelay=yes");
        m->cgroup_ok = true;
        (void)unit_start(&s->unit);
        m->cgroup_ok = false;
        ok(strstr(started.s ?: "", "rouse-exec") && s->ports->fd < 0, "a child is to make the sockets");
        is_str(unit_sub_state(&s->unit), "start-chown", "which is waited for");
}

static void test_child(void)
{
        begin_filtered();
        answer(0, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        turn();
        is_str(unit_sub_state(&s->unit), "start-chown", "until it has ended");
        unit_ops(&s->unit)->child(&s->unit, next_pid, CLD_EXITED, 0);
        is_str(unit_sub_state(&s->unit), "listening", "what it made is listened on");
        is_int(option(IPPROTO_TCP, TCP_NODELAY), 1, "with the unit's options");
        is_int(option(SOL_SOCKET, SO_ACCEPTCONN), 1, "and by nobody else before");
        end();

        begin_filtered();
        answer(-EMFILE, -1);
        unit_ops(&s->unit)->child(&s->unit, next_pid, CLD_EXITED, 0);
        is_str(unit_sub_state(&s->unit), "failed", "what it could not make fails the unit");
        ok(logged("Could not listen on 127.0.0.1:20999"), "by name");
        end();

        begin_filtered();
        channel = close_fd(channel);
        turn();
        unit_ops(&s->unit)->child(&s->unit, next_pid, CLD_KILLED, SIGKILL);
        is_str(unit_sub_state(&s->unit), "failed", "a child that is killed, too");
        end();

        begin_filtered();
        (void)unit_stop(&s->unit);
        is_str(unit_sub_state(&s->unit), "dead", "stopped meanwhile");
        channel = close_fd(channel);
        unit_ops(&s->unit)->child(&s->unit, next_pid, CLD_KILLED, SIGTERM);
        is_str(unit_sub_state(&s->unit), "dead", "its end is of no consequence");
        end();
}

/* The service turns out to be an alias: the socket still finds it. */
static void test_alias(void)
{
        int fd;

        load("ListenStream=@/s\nService=other.service");
        end();
        put_link(ETC "other.service", "b.service");
        ok(begin("ListenStream=@/s\nService=other.service"), "Service= names an alias");
        manager_collect(m);
        fd = connect_to("/s");
        turn();
        is_str(started.s, "/b:a.socket ", "what it stands for is started");
        close_fd(fd);
        end();
}

static void test_refused(void)
{
        load("Backlog=1");
        ok(s->unit.load_state == UNIT_BAD_SETTING, "no Listen…= at all");
        end();
        load("ListenStream=relative\nListenStream=99999999\nListenStream=@/s");
        ok(s->ports && !s->ports->next, "bad addresses are left out");
        end();
}

int main(void)
{
        test_begin();
        (void)setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit) { RLIM_INFINITY, RLIM_INFINITY });
        test_numbers();
        test_ipv6_only();
        test_privileged();
        test_files();
        test_mqueue();
        test_service();
        test_accept();
        test_trigger_limit();
        test_flush();
        test_commands();
        test_backlog();
        test_child();
        test_alias();
        test_refused();
        return test_end();
}
