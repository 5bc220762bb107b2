/* Datagrams of /dev/log and of the native socket, and /dev/kmsg. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/fileio.h"
#include "logd/logd.h"

#define PASSED_MAX  (16u * 1024 * 1024)
#define SEALS       (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define KMSG_RECORD 8192

struct received {
        size_t len;
        struct ucred cred;
        bool have_cred;
        int fd; /* passed with it, or -1 */
};

/* All descriptors that came; only the first is kept. */
static void take_fds(const struct cmsghdr *c, struct received *ret)
{
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

        for (size_t i = 0; i < n; i++) {
                int fd;

                memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                if (ret->fd < 0)
                        ret->fd = fd;
                else
                        close_fd(fd);
        }
}

static int receive(struct logd *d, int fd, struct received *ret)
{
        union {
                char buf[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(16 * sizeof(int)) + 256];
                struct cmsghdr align;
        } control;
        struct iovec iov = { d->datagram, DATAGRAM_MAX };
        struct msghdr mh = {
                .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
        };
        ssize_t n = recvmsg(fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

        if (n < 0)
                return -errno;
        *ret = (struct received) { .len = n, .fd = -1 };
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&mh); c; c = CMSG_NXTHDR(&mh, c)) {
                if (c->cmsg_level != SOL_SOCKET)
                        continue;
                if (c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof(struct ucred))) {
                        memcpy(&ret->cred, CMSG_DATA(c), sizeof(struct ucred));
                        ret->have_cred = true;
                } else if (c->cmsg_type == SCM_RIGHTS)
                        take_fds(c, ret);
        }
        return 1;
}

static void fill_sender(struct record *r, const struct received *m)
{
        if (!m->have_cred)
                return;
        r->pid = m->cred.pid > 0 ? (uint32_t)m->cred.pid : RING_NO_ID;
        r->uid = m->cred.uid;
        r->gid = m->cred.gid;
}

static void take_syslog(struct logd *d, const char *data, const struct received *m)
{
        struct record r;
        uint32_t said_pid = RING_NO_ID;

        record_init(&r, TRANSPORT_SYSLOG);
        r.facility = 1;
        r.priority = LOG_NOTICE;
        fill_sender(&r, m);
        syslog_parse(data, m->len, &r, &said_pid);
        if (r.pid == RING_NO_ID)
                r.pid = said_pid;
        if (r.message.n || r.identifier.n)
                logd_deliver(d, &r, false, false);
}

static void take_native(struct logd *d, const char *data, size_t len, const struct received *m)
{
        static struct record r; /* large */
        bool manager = m->have_cred && m->cred.pid == 1 && m->cred.uid == 0;
        usec_t source;

        record_init(&r, manager ? TRANSPORT_DRIVER : TRANSPORT_NATIVE);
        fill_sender(&r, m);
        if (native_parse(data, len, manager, &r) < 0)
                logd_say(d, LOG_DEBUG,
                        "a native message of process %u is malformed; its readable fields are kept", r.pid);
        source = manager ? native_source_time(&r) : 0;
        if (source) {
                usec_t now = now_monotonic();

                r.monotonic = source;
                r.realtime = now_realtime() - MAX(now - source, (usec_t)0);
        }
        if (r.message.n || r.n_fields)
                logd_deliver(d, &r, false, false);
}

/* A message too long for a datagram: a sealed memfd, which cannot change any more, or a file without a name. */
static void take_passed(struct logd *d, const struct received *m)
{
        _cleanup_free_ char *copy = NULL;
        struct stat st;
        int seals;
        ssize_t n;

        if (fstat(m->fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
                return;
        if (st.st_size > (off_t)PASSED_MAX) {
                logd_say(d, LOG_NOTICE, "a message of process %d has %lld bytes; it is dropped",
                        m->have_cred ? (int)m->cred.pid : 0, (long long)st.st_size);
                return;
        }
        seals = fcntl(m->fd, F_GET_SEALS);
        if (seals >= 0 && (seals & SEALS) == SEALS) {
                void *p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, m->fd, 0);

                if (p == MAP_FAILED)
                        return;
                take_native(d, p, st.st_size, m);
                munmap(p, st.st_size);
                return;
        }
        if (seals >= 0 || st.st_nlink > 0) {
                logd_say(d, LOG_NOTICE,
                        "a message of process %d came in a file that is not sealed; it is dropped",
                        m->have_cred ? (int)m->cred.pid : 0);
                return;
        }
        copy = malloc(st.st_size);
        n = copy ? pread(m->fd, copy, st.st_size, 0) : -1;
        if (n > 0)
                take_native(d, copy, n, m);
}

void datagram_ready(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;

        for (unsigned i = 0; i < TURN_BUDGET; i++) {
                struct received m;

                if (receive(d, io->fd, &m) < 0)
                        return;
                if (io == &d->syslog_io)
                        take_syslog(d, d->datagram, &m);
                else if (m.len > 0)
                        take_native(d, d->datagram, m.len, &m);
                else if (m.fd >= 0)
                        take_passed(d, &m);
                else if (io == &d->early_io) { /* its only writer has gone */
                        int fd = io->fd;

                        loop_io_remove(d->loop, io);
                        close_fd(fd);
                        return;
                }
                close_fd(m.fd);
        }
}

/* PID 1 hands over its early messages itself, with the same times: what it wrote to kmsg would be a second copy. */
static bool is_handed_over(const struct record *r)
{
        return r->facility != 0 && r->pid == 1 && r->identifier.n == 5 &&
               memcmp(r->identifier.p, "rouse", 5) == 0;
}

static void kmsg_gap(struct logd *d, const char *text)
{
        unsigned long long seq;

        if (sscanf(text, "%*u,%llu,", &seq) != 1)
                return;
        if (d->kmsg_next && seq > d->kmsg_next)
                logd_say(d, LOG_WARNING, "%llu kernel messages were lost",
                        seq - (unsigned long long)d->kmsg_next);
        d->kmsg_next = seq + 1;
}

void kmsg_ready(struct loop_io *io, uint32_t revents)
{
        struct logd *d = io->data;
        char text[KMSG_RECORD + 1];

        for (unsigned i = 0; i < TURN_BUDGET; i++) {
                ssize_t n = read(io->fd, text, KMSG_RECORD);
                struct record r;

                if (n < 0 && errno == EPIPE) /* overwritten before it was read: the number tells how many */
                        continue;
                if (n <= 0)
                        return;
                text[n] = 0;
                kmsg_gap(d, text);
                record_init(&r, TRANSPORT_KERNEL);
                if (kmsg_parse(text, n, &r) < 0 || is_handed_over(&r))
                        continue;
                r.uid = r.gid = 0;
                if (r.facility ==
                        0) /* syslog daemons read the kernel's own words themselves, and only those */
                        r.flags |= RECORD_NO_FORWARD;
                r.realtime = now_realtime() - MAX(now_monotonic() - r.monotonic, (usec_t)0);
                logd_deliver(d, &r, false, false);
        }
}

int kmsg_open(struct logd *d)
{
        int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return -errno;
        d->kmsg_io = (struct loop_io) {
                .fd = fd, .events = EPOLLIN, .priority = 10, .cb = kmsg_ready, .data = d
        };
        return loop_io_add(d->loop, &d->kmsg_io);
}
