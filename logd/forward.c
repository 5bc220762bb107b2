/* Passing on: to a syslog daemon, the kernel's log and the console.
 *
 * The syslog daemon gets every record from the ring by a cursor: while it is not there, or slow, the ring is
 * the queue, and what was overwritten before it came is what it misses. Its socket's appearing is an inotify
 * event, its having room again is EPOLLOUT. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <time.h>

#include "lib/fileio.h"
#include "logd/logd.h"
#include "logd/ringread.h"

#define SYSLOG_NAME "syslog"
#define SYSLOG_TEXT (8u * 1024)

static int syslog_connect(struct logd *d)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/" SYSLOG_NAME, d->socket_dir);
        if (d->syslog_fd < 0)
                d->syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (d->syslog_fd < 0)
                return -errno;
        if (connect(d->syslog_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        d->syslog_connected = true;
        return 0;
}

static void syslog_disconnect(struct logd *d)
{
        loop_io_remove(d->loop, &d->syslog_out);
        d->syslog_fd = close_fd(d->syslog_fd);
        d->syslog_connected = false;
}

static void watch_event(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;
        union {
                char buf[4096];
                struct inotify_event align;
        } u;
        int fd = io->fd;
        bool there = false;
        ssize_t n;

        while ((n = read(fd, &u, sizeof(u))) > 0)
                for (char *p = u.buf; p < u.buf + n;) {
                        const struct inotify_event *e = (const void *)p;

                        there |= e->len && streq(e->name, SYSLOG_NAME);
                        p += sizeof(*e) + e->len;
                }
        if (!there)
                return;
        loop_io_remove(d->loop, io);
        close_fd(fd);
        forward_syslog(d);
}

/* Nobody is there: told by the directory when the socket appears. */
static void wait_for_socket(struct logd *d)
{
        int fd;

        if (d->syslog_watch.fd >= 0)
                return;
        fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (fd < 0)
                return;
        d->syslog_watch = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = 10, .cb = watch_event, .data = d
        };
        if (inotify_add_watch(fd, d->socket_dir, IN_CREATE | IN_MOVED_TO | IN_ATTRIB) < 0 ||
                loop_io_add(d->loop, &d->syslog_watch) < 0) {
                d->syslog_watch.fd = -1;
                close_fd(fd);
        }
}

static void room_again(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;

        loop_io_remove(d->loop, io);
        forward_syslog(d);
}

static void wait_for_room(struct logd *d)
{
        if (d->syslog_out.fd >= 0)
                return;
        d->syslog_out = (struct loop_io) {
                .fd = d->syslog_fd, .events = EPOLLOUT, .priority = 10, .cb = room_again, .data = d
        };
        if (loop_io_add(d->loop, &d->syslog_out) < 0)
                d->syslog_out.fd = -1;
}

static int send_as(int fd, struct msghdr *mh, uint32_t pid, uint32_t uid, uint32_t gid)
{
        union {
                char buf[CMSG_SPACE(sizeof(struct ucred))];
                struct cmsghdr align;
        } control = { { 0 } };
        struct ucred uc = { .pid = pid, .uid = uid, .gid = gid };
        struct cmsghdr *c;

        mh->msg_control = &control;
        mh->msg_controllen = sizeof(control);
        c = CMSG_FIRSTHDR(mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_CREDENTIALS;
        c->cmsg_len = CMSG_LEN(sizeof(uc));
        memcpy(CMSG_DATA(c), &uc, sizeof(uc));
        if (sendmsg(fd, mh, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
                return 0;
        return -errno;
}

/* "<PRI>Mmm dd hh:mm:ss identifier[pid]: message" */
static int syslog_send(struct logd *d, const struct ring_entry *e)
{
        time_t t = e->realtime / USEC_PER_SEC;
        char head[400], date[32] = "", pid[16] = "";
        struct iovec iov[2] = { { head, 0 },
                { (char *)e->message, MIN(e->message_len, (size_t)SYSLOG_TEXT) } };
        struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
        struct tm tm;
        int r;

        if (localtime_r(&t, &tm))
                strftime(date, sizeof(date), "%b %e %H:%M:%S", &tm);
        if (e->pid != RING_NO_ID)
                snprintf(pid, sizeof(pid), "[%u]", e->pid);
        iov[0].iov_len = snprintf(head, sizeof(head), "<%d>%s %s%s: ", e->facility << 3 | e->priority, date,
                *e->identifier ? e->identifier : "unknown", pid);
        iov[0].iov_len = MIN(iov[0].iov_len, sizeof(head) - 1);
        if (e->pid != RING_NO_ID && e->uid != RING_NO_ID) {
                r = send_as(d->syslog_fd, &mh, e->pid, e->uid, e->gid);
                if (r != -ESRCH && r != -EPERM && r != -EINVAL)
                        return r;
                mh.msg_control = NULL; /* the process has ended, or we may not speak for it */
                mh.msg_controllen = 0;
        }
        return sendmsg(d->syslog_fd, &mh, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static bool for_syslog(const struct logd *d, const struct ring_entry *e)
{
        return !(e->flags & RECORD_NO_FORWARD) && e->priority <= d->config.max_syslog;
}

/* As much of the ring as the syslog daemon takes. */
void forward_syslog(struct logd *d)
{
        struct ring_entry e;
        int r;

        if (!d->cursor || d->syslog_out.fd >= 0 || (!d->syslog_connected && d->syslog_watch.fd >= 0))
                return;
        while (ringread_next(d->cursor, &e, NULL) > 0) {
                if (!for_syslog(d, &e))
                        continue;
                r = d->syslog_connected ? 0 : syslog_connect(d);
                if (r >= 0)
                        r = syslog_send(d, &e);
                if (r >= 0 || r == -EMSGSIZE)
                        continue;
                ringread_seek_pos(d->cursor, e.pos);
                if (r == -EAGAIN || r == -ENOBUFS)
                        wait_for_room(d);
                else {
                        syslog_disconnect(d);
                        wait_for_socket(d);
                }
                return;
        }
}

static void write_line(int fd, const char *prefix, const struct record *r, const char *end)
{
        char pid[16] = "";
        struct iovec iov[] = {
                { (char *)prefix, strlen(prefix) },
                { (char *)r->identifier.p, r->identifier.n },
                { pid, 0 },
                { (char *)": ", 2 },
                { (char *)r->message.p, MIN(r->message.n, (size_t)900) },
                { (char *)end, strlen(end) },
        };

        if (r->pid != RING_NO_ID)
                iov[2].iov_len = snprintf(pid, sizeof(pid), "[%u]", r->pid);
        (void)!writev(fd, iov, ARRAY_SIZE(iov));
}

void forward_direct(struct logd *d, const struct record *r, bool to_kmsg, bool to_console)
{
        char prefix[16];

        if ((to_kmsg || d->config.to_kmsg) && r->priority <= d->config.max_kmsg &&
                r->transport != TRANSPORT_KERNEL && !*d->root) {
                if (d->kmsg_out < 0)
                        d->kmsg_out = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                snprintf(prefix, sizeof(prefix), "<%d>", (r->facility ?: 1) << 3 | r->priority);
                if (d->kmsg_out >= 0)
                        write_line(d->kmsg_out, prefix, r, "\n");
        }
        if ((to_console || d->config.to_console) && r->priority <= d->config.max_console && !*d->root) {
                if (d->console_out < 0)
                        d->console_out = open(d->config.tty_path ?: "/dev/console",
                                O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
                if (d->console_out >= 0)
                        write_line(d->console_out, "", r, "\r\n");
        }
}

void forward_init(struct logd *d)
{
        int r;

        d->syslog_fd = d->kmsg_out = d->console_out = -1;
        d->syslog_out.fd = d->syslog_watch.fd = -1;
        if (!d->ring.h)
                return;
        r = ringread_open(d->ring_path, &d->cursor);
        if (r < 0)
                logd_say(d, LOG_WARNING, "nothing is passed on to syslog: %s", strerror(-r));
}

void forward_done(struct logd *d)
{
        int fd = d->syslog_watch.fd;

        syslog_disconnect(d);
        loop_io_remove(d->loop, &d->syslog_watch);
        close_fd(fd);
        close_fd(d->kmsg_out);
        close_fd(d->console_out);
        ringread_close(d->cursor);
        d->cursor = NULL;
}
