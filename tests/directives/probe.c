/* probe [--to FILE] CHECK…: what a process sees of itself, and what it may do; a line a check. It is what the services
 * of tests/directives run; static, so that it works in an empty root, and without children unless a check makes one.
 *
 * A check is NAME or NAME:ARGUMENT. One that reads says the value, one that tries something says "ok" or the name of
 * the error. */
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/keyctl.h>
#include <linux/sockios.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/fileio.h"
#include "lib/str.h"

static FILE *out;

static int says(const char *text)
{
        fprintf(out, "%s\n", text);
        return 0;
}

/* 0 or above: "ok"; else errno's name. */
static int tried(long r)
{
        return says(r >= 0 ? "ok" : strerrorname_np(errno));
}

/* ---- what it sees ---- */

static int see_status(const char *field)
{
        _cleanup_free_ char *text = NULL, *key = str_printf("\n%s:\t", field);
        char *at;

        if (read_file("/proc/self/status", 0, &text, NULL) < 0 || !(at = strstr(text, key)))
                return says("?");
        at += strlen(key);
        at[strcspn(at, "\n")] = '\0';
        return says(at);
}

static int see_limit(const char *number)
{
        struct rlimit l;

        if (getrlimit((__rlimit_resource_t)atoi(number), &l) < 0)
                return tried(-1);
        fprintf(out, "%lld:%lld\n", (long long)l.rlim_cur, (long long)l.rlim_max);
        return 0;
}

static int see_file(const char *path)
{
        _cleanup_free_ char *text = NULL;
        size_t n = 0;
        int r = read_file(path, 1 << 20, &text, &n);

        if (r < 0)
                return says(strerrorname_np(-r));
        while (n > 0 && text[n - 1] == '\n')
                text[--n] = '\0';
        return says(text);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int see_list(const char *path)
{
        DIR *d = opendir(path);
        char *names[512];
        size_t n = 0;

        if (!d)
                return tried(-1);
        for (struct dirent *e; (e = readdir(d)) && n < 512;)
                if (e->d_name[0] != '.')
                        names[n++] = strdup(e->d_name);
        qsort(names, n, sizeof(*names), by_name);
        for (size_t i = 0; i < n; i++)
                fprintf(out, "%s%s", i ? " " : "", names[i]);
        return says("");
}

static int see_stat(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return tried(-1);
        fprintf(out, "%o %u:%u\n", st.st_mode & 07777, st.st_uid, st.st_gid);
        return 0;
}

static int see_link(const char *path)
{
        char to[4096];
        ssize_t n = readlink(path, to, sizeof(to) - 1);

        if (n < 0)
                return tried(-1);
        to[n] = '\0';
        return says(to);
}

static int see_env(const char *name)
{
        return says(getenv(name) ?: "unset");
}

/* Is a namespace the one in which PID 1 is? */
static int see_ns(const char *name)
{
        char paths[2][64], to[2][64] = { "" };

        snprintf(paths[0], sizeof(paths[0]), "/proc/self/ns/%s", name);
        snprintf(paths[1], sizeof(paths[1]), "/proc/1/ns/%s", name);
        for (int i = 0; i < 2; i++)
                if (readlink(paths[i], to[i], sizeof(to[i]) - 1) < 0)
                        return tried(-1);
        return says(strcmp(to[0], to[1]) == 0 ? "shared" : "own");
}

static int see_stdin(const char *unused)
{
        char buf[4096];
        size_t n = fread(buf, 1, sizeof(buf) - 1, stdin);

        buf[n] = '\0';
        return says(buf);
}

static int see_cwd(const char *unused)
{
        char buf[4096];

        return getcwd(buf, sizeof(buf)) ? says(buf) : tried(-1);
}

static int see_number(const char *what)
{
        unsigned mode = 0;

        if (strcmp(what, "nice") == 0)
                fprintf(out, "%d\n", getpriority(PRIO_PROCESS, 0));
        else if (strcmp(what, "ioprio") == 0) {
                long v = syscall(SYS_ioprio_get, 1, 0);

                fprintf(out, "%ld:%ld\n", v >> 13, v & 7);
        } else if (strcmp(what, "sched") == 0) {
                struct sched_param sp = { 0 };
                int policy = sched_getscheduler(0);

                sched_getparam(0, &sp);
                fprintf(out, "%d:%d%s\n", policy & ~SCHED_RESET_ON_FORK, sp.sched_priority,
                        policy & SCHED_RESET_ON_FORK ? ":reset" : "");
        } else if (strcmp(what, "mempolicy") == 0) {
                unsigned long mask[16] = { 0 };
                int policy = -1;

                if (syscall(SYS_get_mempolicy, &policy, mask, sizeof(mask) * 8, NULL, 0) < 0)
                        return tried(-1);
                fprintf(out, "%d:%lx\n", policy, mask[0]);
        } else if (strcmp(what, "timerslack") == 0)
                fprintf(out, "%d\n", prctl(PR_GET_TIMERSLACK));
        else if (strcmp(what, "personality") == 0)
                fprintf(out, "%x\n", (unsigned)personality(0xffffffff));
        else if (strcmp(what, "securebits") == 0)
                fprintf(out, "%d\n", prctl(PR_GET_SECUREBITS));
        else if (strcmp(what, "umask") == 0)
                fprintf(out, "%04o\n", mode = umask(0));
        else if (strcmp(what, "winsize") == 0) {
                struct winsize w = { 0 };

                if (ioctl(0, TIOCGWINSZ, &w) < 0)
                        return tried(-1);
                fprintf(out, "%dx%d\n", w.ws_row, w.ws_col);
        } else
                return says("?");
        if (mode)
                umask((mode_t)mode);
        return 0;
}

static int see_nonblock(const char *fd)
{
        int flags = fcntl(atoi(fd), F_GETFL);

        return flags < 0 ? tried(-1) : says(flags & O_NONBLOCK ? "yes" : "no");
}

/* Is the session keyring the user's own, linked (shared), or another one? */
static int see_keyring(const char *unused)
{
        long user = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1), n;
        int32_t ids[64];
        char text[200] = "";

        n = syscall(SYS_keyctl, KEYCTL_READ, KEY_SPEC_SESSION_KEYRING, ids, sizeof(ids));
        syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text));
        for (long i = 0; i < n / 4; i++)
                if (ids[i] == user)
                        return says("shared");
        return says(strstr(text, "_ses") ? "private" : "inherited");
}

static int see_flags(const char *path)
{
        static const struct {
                unsigned long bit;
                const char *name;
        } names[] = { { ST_RDONLY, "ro" }, { ST_NOEXEC, "noexec" }, { ST_NOSUID, "nosuid" } };
        struct statvfs v;

        if (statvfs(path, &v) < 0)
                return tried(-1);
        fprintf(out, "%s", v.f_flag & ST_RDONLY ? "ro" : "rw");
        for (size_t i = 1; i < ARRAY_SIZE(names); i++)
                if (v.f_flag & names[i].bit)
                        fprintf(out, " %s", names[i].name);
        return says("");
}

/* An option of the socket that is descriptor 3, the first that is passed. */
static int see_sockopt(const char *name)
{
        static const struct {
                const char *name;
                int level, option;
        } all[] = {
                { "type", SOL_SOCKET, SO_TYPE },
                { "protocol", SOL_SOCKET, SO_PROTOCOL },
                { "v6only", IPPROTO_IPV6, IPV6_V6ONLY },
                { "keepalive", SOL_SOCKET, SO_KEEPALIVE },
                { "keepidle", IPPROTO_TCP, TCP_KEEPIDLE },
                { "keepintvl", IPPROTO_TCP, TCP_KEEPINTVL },
                { "keepcnt", IPPROTO_TCP, TCP_KEEPCNT },
                { "nodelay", IPPROTO_TCP, TCP_NODELAY },
                { "deferaccept", IPPROTO_TCP, TCP_DEFER_ACCEPT },
                { "priority", SOL_SOCKET, SO_PRIORITY },
                { "rcvbuf", SOL_SOCKET, SO_RCVBUF },
                { "sndbuf", SOL_SOCKET, SO_SNDBUF },
                { "tos", IPPROTO_IP, IP_TOS },
                { "ttl", IPPROTO_IP, IP_TTL },
                { "mark", SOL_SOCKET, SO_MARK },
                { "reuseport", SOL_SOCKET, SO_REUSEPORT },
                { "freebind", IPPROTO_IP, IP_FREEBIND },
                { "transparent", IPPROTO_IP, IP_TRANSPARENT },
                { "broadcast", SOL_SOCKET, SO_BROADCAST },
                { "passcred", SOL_SOCKET, SO_PASSCRED },
                { "passsec", SOL_SOCKET, SO_PASSSEC },
                { "pktinfo", IPPROTO_IP, IP_PKTINFO },
                { "timestamp", SOL_SOCKET, SO_TIMESTAMP },
                { "timestampns", SOL_SOCKET, SO_TIMESTAMPNS },
        };
        int value = 0;
        socklen_t n = sizeof(value);

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (strcmp(all[i].name, name) == 0) {
                        if (getsockopt(3, all[i].level, all[i].option, &value, &n) < 0)
                                return tried(-1);
                        fprintf(out, "%d\n", value);
                        return 0;
                }
        return says("?");
}

/* Whose network a descriptor's socket is in. */
static const char *network_of(int fd)
{
        struct stat st, mine, init;
        int ns = ioctl(fd, SIOCGSKNS);

        if (ns < 0 || fstat(ns, &st) < 0 || stat("/proc/self/ns/net", &mine) < 0 ||
                stat("/proc/1/ns/net", &init) < 0)
                return strerrorname_np(errno);
        return st.st_ino == mine.st_ino ? "mine" : st.st_ino == init.st_ino ? "the machine's" : "another";
}

/* What else there is to know of descriptor 3. */
static int see_fd3(const char *what)
{
        struct tcp_info info = { 0 };
        struct mq_attr mq = { 0 };
        char text[128] = "";
        socklen_t n = sizeof(info), m = sizeof(text) - 1;

        if (strcmp(what, "backlog") == 0) {
                if (getsockopt(3, IPPROTO_TCP, TCP_INFO, &info, &n) < 0)
                        return tried(-1);
                fprintf(out, "%u\n", info.tcpi_sacked);
        } else if (strcmp(what, "device") == 0)
                return getsockopt(3, SOL_SOCKET, SO_BINDTODEVICE, text, &m) < 0 ? tried(-1) : says(text);
        else if (strcmp(what, "congestion") == 0)
                return getsockopt(3, IPPROTO_TCP, TCP_CONGESTION, text, &m) < 0 ? tried(-1) : says(text);
        else if (strcmp(what, "net") == 0)
                return says(network_of(3));
        else if (strcmp(what, "mode") == 0)
                return says((fcntl(3, F_GETFL) & O_ACCMODE) == O_RDWR ? "rw" : "ro");
        else if (strcmp(what, "pipesize") == 0)
                fprintf(out, "%d\n", fcntl(3, F_GETPIPE_SZ));
        else if (strcmp(what, "mq") == 0) {
                if (syscall(SYS_mq_getsetattr, 3, NULL, &mq) < 0)
                        return tried(-1);
                fprintf(out, "%ld:%ld\n", mq.mq_maxmsg, mq.mq_msgsize);
        } else
                return says("?");
        return 0;
}

/* ---- what it may do ---- */

static int connect_to(const char *where)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        bool path = *where == '/';
        int fd = socket(path ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strncpy(un.sun_path, where, sizeof(un.sun_path) - 1);
        in.sin_port = htons((uint16_t)atoi(where));
        if (fd >= 0 && connect(fd, path ? (void *)&un : (void *)&in, path ? sizeof(un) : sizeof(in)) < 0)
                fd = close_fd(fd);
        return fd;
}

/* What a server says to three who come one after the other and stay. */
static int try_talk(const char *where)
{
        int answered = 0, fds[3];
        char text[256] = "";

        for (int i = 0; i < 3; i++) {
                ssize_t n = -1;

                fds[i] = connect_to(where);
                if (fds[i] >= 0)
                        n = read(fds[i], text, sizeof(text) - 1);
                answered += n > 0;
        }
        fprintf(out, "%d\n", answered);
        return 0;
}

static int try_send(const char *path)
{
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        long r;

        strncpy(un.sun_path, path, sizeof(un.sun_path) - 1);
        r = sendto(fd, "x", 1, 0, (void *)&un, sizeof(un));
        close_fd(fd);
        return tried(r);
}

static int try_write(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
        int r = tried(fd);

        close_fd(fd);
        return r;
}

static int try_read(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        int r = tried(fd);

        close_fd(fd);
        return r;
}

static int try_exec(const char *path)
{
        char *argv[] = { (char *)path, NULL };
        int error[2], e = 0;
        pid_t pid;

        if (pipe2(error, O_CLOEXEC) < 0 || (pid = fork()) < 0)
                return tried(-1);
        if (pid == 0) {
                execv(path, argv);
                e = errno;
                (void)!write(error[1], &e, sizeof(e));
                _exit(1);
        }
        close(error[1]);
        (void)!read(error[0], &e, sizeof(e));
        waitpid(pid, NULL, 0);
        errno = e;
        return tried(e ? -1 : 0);
}

static int try_unshare(const char *name)
{
        static const struct {
                const char *name;
                int flag;
        } all[] = { { "mnt", CLONE_NEWNS }, { "net", CLONE_NEWNET }, { "ipc", CLONE_NEWIPC },
                { "uts", CLONE_NEWUTS }, { "pid", CLONE_NEWPID }, { "cgroup", CLONE_NEWCGROUP },
                { "user", CLONE_NEWUSER } };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (strcmp(all[i].name, name) == 0)
                        return tried(unshare(all[i].flag));
        return says("?");
}

static int try_socket(const char *name)
{
        static const struct {
                const char *name;
                int family;
        } all[] = { { "unix", AF_UNIX }, { "inet", AF_INET }, { "inet6", AF_INET6 },
                { "netlink", AF_NETLINK }, { "packet", AF_PACKET } };

        for (size_t i = 0; i < ARRAY_SIZE(all); i++)
                if (strcmp(all[i].name, name) == 0)
                        return tried(socket(all[i].family, SOCK_DGRAM, 0));
        return says("?");
}

/* UDP to ADDRESS PORT (by "/"), "ok" when the datagram leaves and, to a port of our own, arrives. */
static int udp(const char *address, unsigned port, bool arrive)
{
        struct sockaddr_storage to = { 0 };
        struct sockaddr_in *in = (void *)&to;
        struct sockaddr_in6 *in6 = (void *)&to;
        struct timeval wait = { .tv_usec = 300000 };
        bool six = strchr(address, ':');
        socklen_t len = six ? sizeof(*in6) : sizeof(*in);
        int a, b;
        char c;

        to.ss_family = six ? AF_INET6 : AF_INET;
        inet_pton(to.ss_family, address, six ? (void *)&in6->sin6_addr : (void *)&in->sin_addr);
        a = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        b = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (six)
                in6->sin6_port = htons((uint16_t)port);
        else
                in->sin_port = htons((uint16_t)port);
        if (arrive) {
                setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
                if (bind(b, (void *)&to, len) < 0)
                        return tried(-1);
                getsockname(b, (void *)&to, &len);
        }
        if (sendto(a, "x", 1, 0, (void *)&to, len) < 0)
                return tried(-1);
        return tried(arrive ? recv(b, &c, 1, 0) : 0);
}

static int try_udp(const char *address)
{
        return udp(address, 0, true);
}

static int try_bind(const char *what) /* tcp4/80, udp6/53 */
{
        struct sockaddr_in in = { .sin_family = AF_INET };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
        bool six = what[3] == '6';
        int fd = socket(
                    six ? AF_INET6 : AF_INET, (what[0] == 't' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0),
            r;

        in.sin_port = in6.sin6_port = htons((uint16_t)atoi(what + 5));
        r = tried(fd < 0 ? -1 : bind(fd, six ? (void *)&in6 : (void *)&in, six ? sizeof(in6) : sizeof(in)));
        close_fd(fd);
        return r;
}

static long write_exec(bool at_once)
{
        void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | (at_once ? PROT_EXEC : 0),
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                return -1;
        return at_once ? 0 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static long set_suid(void)
{
        int fd = memfd_create("x", MFD_CLOEXEC);

        return fd < 0 ? -1 : fchmod(fd, 04755);
}

static long set_realtime(void)
{
        struct sched_param sp = { .sched_priority = 1 };

        return sched_setscheduler(0, SCHED_RR, &sp);
}

/* Does a write to a pipe that nobody reads come back? */
static long broken_pipe(void)
{
        int p[2];
        pid_t pid = fork();
        int status = 0;

        if (pid == 0) {
                (void)!pipe(p);
                close(p[0]);
                (void)!write(p[1], "x", 1);
                _exit(0);
        }
        waitpid(pid, &status, 0);
        errno = EPIPE;
        return WIFSIGNALED(status) ? -1 : 0;
}

static long use_i386(void)
{
#ifdef __x86_64__
        long r;
        pid_t pid = fork();
        int status = 0;

        if (pid == 0) {
                __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory"); /* getpid */
                _exit(r == getpid() ? 0 : 1);
        }
        waitpid(pid, &status, 0);
        errno = EPERM;
        return status ? -1 : 0;
#else
        errno = EPERM;
        return -1;
#endif
}

/* A device node is made, not opened. */
static long make_node(const char *path, dev_t dev)
{
        long r = mknod(path, S_IFCHR | 0600, dev);

        if (r == 0)
                unlink(path);
        return r;
}

static int try_call(const char *name)
{
        struct timex tx = { .modes = ADJ_OFFSET_SS_READ + 1 };
        union bpf_attr attr = { 0 };

        errno = 0;
        if (strcmp(name, "mount") == 0)
                return tried(mount("none", "/tmp", "tmpfs", 0, NULL));
        if (strcmp(name, "chroot") == 0)
                return tried(chroot("/"));
        if (strcmp(name, "clock") == 0)
                return tried(adjtimex(&tx));
        if (strcmp(name, "sethostname") == 0)
                return tried(sethostname("probe", 5));
        if (strcmp(name, "syslog") == 0)
                return tried(syscall(SYS_syslog, 10, NULL, 0));
        if (strcmp(name, "module") == 0)
                return tried(syscall(SYS_init_module, NULL, 0, ""));
        if (strcmp(name, "mprotect") == 0)
                return tried(write_exec(false));
        if (strcmp(name, "wxmap") == 0)
                return tried(write_exec(true));
        if (strcmp(name, "suid") == 0)
                return tried(set_suid());
        if (strcmp(name, "realtime") == 0)
                return tried(set_realtime());
        if (strcmp(name, "personality") == 0)
                return tried(personality(PER_LINUX32));
        if (strcmp(name, "sigpipe") == 0)
                return tried(broken_pipe());
        if (strcmp(name, "i386") == 0)
                return tried(use_i386());
        if (strcmp(name, "mknod") == 0)
                return tried(make_node("/tmp/probe-node", makedev(1, 3)));
        if (strcmp(name, "bpf") == 0)
                return tried(syscall(SYS_bpf, BPF_PROG_GET_NEXT_ID, &attr, sizeof(attr)));
        if (strcmp(name, "setuid") == 0)
                return tried(setuid(1));
        if (strcmp(name, "chown") == 0) {
                int fd = memfd_create("x", MFD_CLOEXEC);

                return tried(fchown(fd, 1, 1));
        }
        if (strcmp(name, "yield") == 0)
                return tried(syscall(SYS_sched_yield));
        if (strcmp(name, "shm") == 0)
                return tried(shmget(0x70726f62, 4096, IPC_CREAT | 0600));
        if (strcmp(name, "shmexists") == 0)
                return tried(shmget(0x70726f62, 4096, 0600));
        return says("?");
}

static int do_out(const char *text)
{
        printf("%s\n", text);
        return fflush(stdout);
}

static int do_err(const char *text)
{
        return fprintf(stderr, "%s\n", text);
}

/* A file for another check to find. */
static int do_put(const char *path)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

        close_fd(fd);
        return fd < 0;
}

static const struct {
        const char *name;
        int (*fn)(const char *argument);
} checks[] = {
        { "status", see_status },
        { "limit", see_limit },
        { "file", see_file },
        { "list", see_list },
        { "stat", see_stat },
        { "link", see_link },
        { "env", see_env },
        { "ns", see_ns },
        { "stdin", see_stdin },
        { "cwd", see_cwd },
        { "number", see_number },
        { "nonblock", see_nonblock },
        { "sockopt", see_sockopt },
        { "fd3", see_fd3 },
        { "talk", try_talk },
        { "send", try_send },
        { "keyring", see_keyring },
        { "flags", see_flags },
        { "write", try_write },
        { "read", try_read },
        { "exec", try_exec },
        { "unshare", try_unshare },
        { "socket", try_socket },
        { "udp", try_udp },
        { "bind", try_bind },
        { "call", try_call },
        { "out", do_out },
        { "err", do_err },
        { "put", do_put },
};

static int check(const char *text)
{
        size_t n = strcspn(text, ":");

        for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
                if (strlen(checks[i].name) == n && strncmp(checks[i].name, text, n) == 0)
                        return checks[i].fn(text[n] ? text + n + 1 : "");
        fprintf(stderr, "probe: no check is named %s\n", text);
        return 2;
}

int main(int argc, char *argv[])
{
        int first = 1;

        out = stdout;
        if (argc > 2 && strcmp(argv[1], "--to") == 0) {
                out = fopen(argv[2], "ae");
                if (!out)
                        return 1;
                first = 3;
        }
        for (int i = first; i < argc; i++) {
                (void)check(argv[i]);
                fflush(out);
        }
        return 0;
}
