#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/syscall.h>

#include "lib/fileio.h"
#include "logd/ask.h"
#include "logd/ring.h"

#define MARK_DIR "/run/systemd/journal"

/* A pidfd of the daemon: the ring names its writer, which must still be one. */
static int find_daemon(void)
{
        _cleanup_close_ int ring = open(LOGD_RING, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), fd = -1;
        _cleanup_free_ char *comm = NULL;
        struct ring_header h;
        char path[64];

        if (ring < 0 || pread(ring, &h, sizeof(h), 0) != sizeof(h) || h.magic != RING_MAGIC)
                return -ESRCH;
        fd = (int)syscall(SYS_pidfd_open, (pid_t)h.writer, 0);
        if (fd < 0)
                return -ESRCH;
        snprintf(path, sizeof(path), "/proc/%u/comm", h.writer);
        if (read_one_line(path, &comm) < 0 || !streq(comm, "rouse-logd"))
                return -ESRCH;
        return TAKE_FD(fd);
}

/* Until the mark is put there anew. */
static int wait_mark(int fd, const char *mark, usec_t timeout)
{
        usec_t end = usec_add(now_monotonic(), timeout), now;
        union {
                char buf[4096];
                struct inotify_event align;
        } u;

        while ((now = now_monotonic()) < end) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t n;

                if (poll(&p, 1, (int)((end - now) / USEC_PER_MSEC + 1)) < 0 && errno != EINTR)
                        return -errno;
                while ((n = read(fd, &u, sizeof(u))) > 0)
                        for (char *c = u.buf; c < u.buf + n;) {
                                const struct inotify_event *e = (const void *)c;

                                if (e->len && streq(e->name, mark))
                                        return 0;
                                c += sizeof(*e) + e->len;
                        }
        }
        return -ETIMEDOUT;
}

int logd_ask(int sig, int value, const char *mark, usec_t timeout)
{
        _cleanup_close_ int daemon = find_daemon(), watch = -1;
        siginfo_t si = { .si_signo = sig, .si_code = SI_QUEUE, .si_value.sival_int = value };

        if (daemon < 0)
                return daemon;
        si.si_pid = getpid();
        si.si_uid = getuid();
        if (mark) {
                watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
                if (watch < 0 || inotify_add_watch(watch, MARK_DIR, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
                        return -errno;
        }
        if (syscall(SYS_pidfd_send_signal, daemon, sig, &si, 0) < 0)
                return -errno;
        return mark ? wait_mark(watch, mark, timeout) : 0;
}
