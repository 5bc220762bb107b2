/* rouse-logd: sockets, start and end. See logd.h for the whole. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>

#include "lib/fileio.h"
#include "lib/unitname.h"
#include "logd/logd.h"
#include "logd/ringread.h"

#define LISTEN_FD_FIRST 3
#define RCVBUF          (8 * 1024 * 1024)
/* The kernel's backlog is hundreds of lines, and keeps: it is read when the boot's first rush is over. */
#define KMSG_DELAY (1500 * USEC_PER_MSEC)

static struct logd *the_logd; /* for the hook of lib/log.h */

static void on_log(int level, const char *unit, const char *file, int line, const char *text)
{
        if (the_logd && the_logd->ring.h)
                logd_say(the_logd, level, "%s", text);
        else if (the_logd && !the_logd->ring_tried)
                (void)strv_addf(&the_logd->said_early, "%d%s", level, text);
        else
                fprintf(stderr, "rouse-logd: %s\n", text);
}

static int listen_on(struct logd *d, const char *name, int type)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;

        if (snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/%s", d->socket_dir, name) >=
                (int)sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        if (mkdir_parents(sa.sun_path, 0755) < 0)
                return -errno;
        (void)unlink(sa.sun_path);
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(sa.sun_path, 0666) < 0)
                return -errno;
        if (type == SOCK_STREAM && listen(fd, SOMAXCONN) < 0)
                return -errno;
        return TAKE_FD(fd);
}

static int add_socket(
        struct logd *d, struct loop_io *io, int fd, void (*cb)(struct loop_io *io, uint32_t revents))
{
        int one = 1, size = RCVBUF;

        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        if (cb == datagram_ready) {
                if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0)
                        return -errno;
                if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        }
        *io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = cb, .data = d };
        return loop_io_add(d->loop, io);
}

/* Which of ours is this descriptor? Told by the address that it is bound to. */
static int take_passed_fd(struct logd *d, int fd, const char *name)
{
        struct sockaddr_un sa = { 0 };
        socklen_t len = sizeof(sa) - 1;

        if (startswith(name, "stream"))
                return stream_restore(d, fd, name);
        if (streq(name, "early"))
                return add_socket(d, &d->early_io, fd, datagram_ready);
        if (getsockname(fd, (struct sockaddr *)&sa, &len) >= 0 && sa.sun_family == AF_UNIX) {
                if (endswith(sa.sun_path, "/stdout"))
                        return add_socket(d, &d->stdout_io, fd, stream_accept);
                if (endswith(sa.sun_path, "/dev-log") || streq(sa.sun_path, "/dev/log"))
                        return add_socket(d, &d->syslog_io, fd, datagram_ready);
                if (endswith(sa.sun_path, "/socket"))
                        return add_socket(d, &d->native_io, fd, datagram_ready);
        }
        logd_say(d, LOG_WARNING, "descriptor %d (\"%s\") is none that is known; it is closed", fd, name);
        close(fd);
        return 0;
}

static void take_passed_fds(struct logd *d)
{
        const char *n_s = getenv("LISTEN_FDS"), *pid_s = getenv("LISTEN_PID"),
                   *names = getenv("LISTEN_FDNAMES");
        uint32_t n, pid;

        if (!n_s || parse_u32(n_s, &n) < 0 ||
                (pid_s && (parse_u32(pid_s, &pid) < 0 || pid != (uint32_t)getpid())))
                return;
        for (uint32_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = NULL;
                size_t len = names ? strcspn(names, ":") : 0;
                int r;

                name = strndup(names ?: "", len);
                if (names)
                        names += len + (names[len] == ':');
                r = take_passed_fd(d, LISTEN_FD_FIRST + i, name ?: "");
                if (r < 0)
                        logd_say(d, LOG_ERR, "descriptor %u: %s", LISTEN_FD_FIRST + i, strerror(-r));
        }
        unsetenv("LISTEN_FDS");
        unsetenv("LISTEN_PID");
        unsetenv("LISTEN_FDNAMES");
}

/* What the manager did not pass we make. */
static int make_sockets(struct logd *d)
{
        static const struct {
                const char *name;
                int type;
                size_t offset;
                void (*cb)(struct loop_io *io, uint32_t revents);
        } sockets[] = {
                { "stdout", SOCK_STREAM, offsetof(struct logd, stdout_io), stream_accept },
                { "dev-log", SOCK_DGRAM, offsetof(struct logd, syslog_io), datagram_ready },
                { "socket", SOCK_DGRAM, offsetof(struct logd, native_io), datagram_ready },
        };

        for (size_t i = 0; i < ARRAY_SIZE(sockets); i++) {
                struct loop_io *io = (void *)((char *)d + sockets[i].offset);
                int fd, r;

                if (io->fd >= 0)
                        continue;
                fd = listen_on(d, sockets[i].name, sockets[i].type);
                if (fd < 0)
                        return log_error_errno(
                                fd, "%s/%s cannot be made: %m", d->socket_dir, sockets[i].name);
                r = add_socket(d, io, fd, sockets[i].cb);
                if (r < 0)
                        return r;
                if (i == 1 && !*d->root && !d->ns)
                        (void)symlink_atomic(LOGD_SOCKET_DIR "/dev-log", "/dev/log");
        }
        return 0;
}

/* The ring: what the configuration says, else 8 MiB; never more than an eighth of /run. */
static void open_ring(struct logd *d)
{
        const char *path = d->ring_path;
        uint64_t size = d->config.runtime_max_use ?: RING_SIZE;
        struct statvfs vfs;
        int r;

        d->ring_tried = true;
        if (d->config.storage == STORAGE_NONE)
                return;
        r = mkdir_parents(path, 0755);
        if (r >= 0 && !*d->root && statvfs("/run", &vfs) >= 0)
                size = MIN(size, (uint64_t)vfs.f_blocks * vfs.f_frsize / 8);
        if (r >= 0)
                r = ring_open(path, MIN(size, (uint64_t)1 << 30), logd_group(), &d->ring);
        if (r < 0)
                log_error_errno(r, "%s cannot be made, so no log is kept: %m", path);
        else if (r > 0)
                logd_say(d, LOG_WARNING, "%s was damaged; a new one has begun", path);
}

static void after_turn(struct loop_deferred *t)
{
        struct logd *d = t->data;

        forward_syslog(d);
        ring_wake(&d->ring);
        if (d->units.n >= UNITS_MAX)
                unit_logs_free(d);
}

/* journalctl --flush, --rotate, --sync wait for these marks. */
static void mark_done(struct logd *d, const char *mark)
{
        _cleanup_free_ char *path = str_printf("%s/%s", d->socket_dir, mark);
        char text[32];

        snprintf(text, sizeof(text), "%lld\n", (long long)now_monotonic());
        if (path)
                (void)write_file_atomic(path, text, strlen(text), 0644, false);
}

static void on_signal(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;
        struct signalfd_siginfo si;

        if (read(io->fd, &si, sizeof(si)) != sizeof(si))
                return;
        if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                loop_exit(d->loop, 0);
        else if (si.ssi_signo == SIGUSR1 && si.ssi_code == SI_QUEUE && si.ssi_int == LOGD_LET_GO) {
                disk_let_go(d);
                mark_done(d, "relinquished");
        } else if (si.ssi_signo == SIGUSR1) {
                disk_begin(d, si.ssi_code != SI_QUEUE || si.ssi_int != LOGD_WHEN_IDLE);
                mark_done(d, "flushed");
        } else if (si.ssi_signo == SIGUSR2) {
                disk_rotate(d);
                mark_done(d, "rotated");
        } else {
                disk_sync(d);
                mark_done(d, "synced");
        }
}

static int watch_signals(struct logd *d)
{
        sigset_t s;
        int fd;

        sigemptyset(&s);
        sigaddset(&s, SIGTERM);
        sigaddset(&s, SIGINT);
        sigaddset(&s, SIGUSR1);
        sigaddset(&s, SIGUSR2);
        sigaddset(&s, SIGRTMIN + 1);
        sigprocmask(SIG_BLOCK, &s, NULL);
        signal(SIGPIPE, SIG_IGN);
        fd = signalfd(-1, &s, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        d->signal_io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_signal, .data = d };
        return loop_io_add(d->loop, &d->signal_io);
}

static void start_kmsg(struct loop_timer *t)
{
        struct logd *d = t->data;
        int r = kmsg_open(d);

        t->when = USEC_INFINITY;
        if (r < 0)
                logd_say(d, LOG_NOTICE, "kernel messages are not read: %s", strerror(-r));
}

static int start(struct logd *d)
{
        struct sender *self;
        int r;

        r = loop_new(&d->loop);
        if (r < 0)
                return r;
        d->stdout_io.fd = d->syslog_io.fd = d->native_io.fd = d->early_io.fd = d->kmsg_io.fd =
                d->settings_io.fd = -1;
        d->ring.fd = -1;
        d->after_turn = (struct loop_deferred) { .cb = after_turn, .data = d };
        d->store_timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = streams_store, .data = d };
        d->kmsg_timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = start_kmsg, .data = d };
        d->syslog_fd = d->kmsg_out = d->console_out = d->syslog_out.fd = d->syslog_watch.fd = -1;
        d->datagram = malloc(DATAGRAM_MAX);
        d->socket_dir = str_printf("%s" LOGD_SOCKET_DIR "%s%s", d->root, d->ns ? "." : "", d->ns ?: "");
        d->ring_path = str_printf("%s" LOGD_RUN_DIR "%s%s/ring", d->root, d->ns ? "." : "", d->ns ?: "");
        if (!d->datagram || !d->socket_dir || !d->ring_path)
                return -ENOMEM;
        the_logd = d;
        r = logd_config_load(&d->config, d->root, d->ns);
        if (r < 0)
                return r;
        open_ring(d);
        r = settings_watch(d);
        if (r < 0)
                logd_say(d, LOG_WARNING, "changed LogLevelMax= and the like will not be noticed: %s",
                        strerror(-r));
        forward_init(d);
        disk_init(d);
        FOREACH_STR (t, d->said_early) /* while the configuration was read */
                on_log(**t - '0', NULL, NULL, 0, *t + 1);
        self = sender_get(d, getpid());
        d->unit = self && self->unit ? strdup(self->unit) : NULL;
        take_passed_fds(d);
        r = make_sockets(d);
        if (r < 0)
                return r;
        r = watch_signals(d);
        if (r >= 0 && d->config.read_kmsg && !*d->root)
                r = loop_timer_set(d->loop, &d->kmsg_timer, usec_add(now_monotonic(), KMSG_DELAY));
        return r;
}

static void stop(struct logd *d)
{
        struct loop_io *ios[] = { &d->stdout_io, &d->syslog_io, &d->native_io, &d->early_io, &d->kmsg_io,
                &d->signal_io, &d->settings_io };

        forward_syslog(d);
        streams_store(&d->store_timer);
        while (d->streams)
                stream_free(d->streams);
        for (size_t i = 0; i < ARRAY_SIZE(ios); i++) {
                int fd = ios[i]->fd;

                loop_io_remove(d->loop, ios[i]);
                close_fd(fd);
        }
        senders_free(d);
        unit_logs_free(d);
        forward_done(d);
        disk_done(d);
        ring_wake(&d->ring);
        the_logd = NULL;
        ring_close(&d->ring);
        loop_free(d->loop);
        logd_config_done(&d->config);
        free(d->datagram);
        free(d->socket_dir);
        free(d->ring_path);
        free(d->unit);
        strv_free(d->said_early);
}

/* As the instance of a unit's name, which it is for systemd-journald@.service. */
static bool namespace_valid(const char *s)
{
        _cleanup_free_ char *unit = str_printf("systemd-journald@%s.service", s);

        return *s && unit && unit_name_valid(unit, false);
}

int main(int argc, char **argv)
{
        struct logd d = { .root = "" };
        int r;

        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--root") && i + 1 < argc)
                        d.root = argv[++i];
                else if (!d.ns && *argv[i] != '-' && namespace_valid(argv[i]))
                        d.ns = argv[i];
                else {
                        bool help = streq(argv[i], "--help");

                        fprintf(help ? stdout : stderr, "Usage: rouse-logd [--root DIR] [NAMESPACE]\n");
                        return help ? EXIT_SUCCESS : 2;
                }
        }
        log_open("rouse-logd", LOG_TO_HOOK);
        log_set_hook(on_log);
        umask(022);
        r = start(&d);
        if (r < 0)
                return log_error_errno(r, "Cannot start: %m"), EXIT_FAILURE;
        (void)notify_send("READY=1", -1);
        r = loop_run(d.loop);
        stop(&d);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
