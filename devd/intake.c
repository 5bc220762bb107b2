/* Kernel uevents into the queue: many datagrams a wake-up, and what follows when the kernel had to drop some. */
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "event.h"
#include "lib/log.h"

#define BATCH  16
#define ROUNDS 64 /* batches a wake-up: then the loop looks elsewhere */

static struct uevent *batch; /* BATCH of them, 128 KiB, kept only while a burst lasts */

/* Returns false when the socket is empty. */
static bool take_batch(struct devd *m)
{
        int n = uevent_recv_many(m->uevent_io.fd, batch, BATCH, m->trust_pid);

        if (n == -ENOBUFS) {
                reenum_start(m, "the kernel had to drop uevents");
                return true;
        }
        if (n == -EPERM || n == -EBADMSG)
                return true; /* not the kernel's: dropped */
        if (n < 0) {
                if (n != -EAGAIN && n != -EINTR)
                        log_error_errno(n, "Reading uevents: %m");
                return n == -EINTR;
        }
        for (int i = 0; i < n; i++) {
                if (!streq(batch[i].action, "change")) /* directories came or went */
                        device_keep_above(true);
                m->seqnum = MAX(m->seqnum, batch[i].seqnum);
                log_debug("uevent %llu: %s %s", (unsigned long long)batch[i].seqnum, batch[i].action,
                        batch[i].devpath);
                if (queue_add(m->queue, &batch[i]) < 0)
                        reenum_start(m, "out of memory");
        }
        return n == BATCH;
}

void intake_drain(struct devd *m)
{
        struct pollfd p = { .fd = m->uevent_io.fd, .events = POLLIN };
        unsigned i;

        if (m->uevent_io.fd < 0)
                return;
        if (!daemon_is_busy() && poll(&p, 1, 0) > 0)
                daemon_busy(m);
        batch = malloc(sizeof(*batch) * BATCH);
        if (!batch)
                return;
        for (i = 0; i < ROUNDS && take_batch(m); i++)
                ;
        free(batch);
        batch = NULL;
        daemon_check_idle(m);
        if (m->queue->n_ready)
                events_pump(m);
}

static void on_uevent(struct loop_io *io, uint32_t revents)
{
        intake_drain(io->data);
}

int intake_open(struct devd *m, int fd)
{
        int r;

        if (fd < 0)
                fd = uevent_open(128 * 1024 * 1024);
        if (fd < 0)
                return fd;
        (void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int) { 1 }, sizeof(int));
        m->uevent_io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_uevent, .data = m };
        r = loop_io_add(m->loop, &m->uevent_io);
        if (r < 0) {
                close(fd);
                m->uevent_io.fd = -1;
        }
        return r;
}

void intake_close(struct devd *m)
{
        int fd = m->uevent_io.fd;

        loop_io_remove(m->loop, &m->uevent_io);
        close_fd(fd);
}
