/* Connections: the system bus, and direct ones of root's tools over /run/systemd/private.
 *
 * sd-bus keeps the queues; this file lends it the loop: after each turn those connections are run that have something to
 * do, until they have not, and its wishes (poll events, deadline) are written into the loop. When the system bus goes away the
 * process ends: PID 1 starts it again with the bus, and what it is connected to is never half of the old. */
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <systemd/sd-daemon.h>

#include "busd.h"
#include "lib/fileio.h"

#define PRIVATE_SOCKET  "/run/systemd/private"
#define CONNECTIONS_MAX 512
#define MESSAGES_A_TURN 256

void busd_exit(struct busd *b, int status)
{
        if (!b->exiting)
                b->status = status;
        b->exiting = true;
}

void busd_ready(struct busd *b)
{
        if (++b->n_ready == 2)
                (void)sd_notify(0, "READY=1");
}

static int on_message(sd_bus_message *m, void *data, sd_bus_error *error)
{
        return dispatch(data, m);
}

static void on_ready(struct loop_io *io, uint32_t revents)
{
        ((struct connection *)io->data)->due = true; /* bus_process() comes after every turn */
}

static uint32_t wanted_events(sd_bus *bus)
{
        int events = sd_bus_get_events(bus);

        return events < 0 ? 0 : (events & POLLIN ? EPOLLIN : 0) | (events & POLLOUT ? EPOLLOUT : 0);
}

static int connection_add(struct busd *b, sd_bus *bus, bool system, struct connection **ret)
{
        struct connection *c = calloc(1, sizeof(*c));
        static unsigned last_id;
        int r;

        if (!c)
                return -ENOMEM;
        *c = (struct connection) { .busd = b, .bus = bus, .system = system, .due = true, .id = ++last_id };
        c->io = (struct loop_io) {
                .fd = sd_bus_get_fd(bus), .events = wanted_events(bus), .cb = on_ready, .data = c
        };
        r = c->io.fd < 0 ? c->io.fd : sd_bus_add_filter(bus, NULL, on_message, c);
        if (r >= 0)
                r = loop_io_add(b->loop, &c->io);
        if (r < 0) {
                free(c);
                return r;
        }
        c->next = b->connections;
        b->connections = c;
        *ret = c;
        return 0;
}

static void connection_free(struct connection *c)
{
        holder_connection_gone(c);
        loop_io_remove(c->busd->loop, &c->io);
        sd_bus_close(c->bus);
        sd_bus_unref(c->bus);
        free(c);
}

/* ---- the system bus ---- */

static int on_name(sd_bus_message *m, void *data, sd_bus_error *error)
{
        struct busd *b = data;

        if (sd_bus_message_is_method_error(m, NULL)) {
                log_error("The bus does not give " BUS_NAME " to us: %s; ending",
                        sd_bus_message_get_error(m)->message ?: "no reason");
                busd_exit(b, EXIT_FAILURE);
        } else
                busd_ready(b);
        return 1;
}

int bus_open_system(struct busd *b)
{
        sd_bus *bus;
        int r = sd_bus_open_system_with_description(&bus, "system");

        if (r < 0)
                return log_error_errno(r, "Could not connect to the system bus: %m");
        (void)sd_bus_set_exit_on_disconnect(bus, 0);
        r = connection_add(b, bus, true, &b->system);
        if (r < 0) {
                sd_bus_close(bus);
                sd_bus_unref(bus);
                return r;
        }
        r = activation_init(b);
        if (r >= 0)
                r = sd_bus_request_name_async(bus, NULL, BUS_NAME, SD_BUS_NAME_REPLACE_EXISTING, on_name, b);
        if (r < 0)
                return log_error_errno(r, "Could not ask for " BUS_NAME ": %m");
        return 0;
}

/* ---- direct connections ---- */

static unsigned count_connections(struct busd *b)
{
        unsigned n = 0;

        for (struct connection *c = b->connections; c; c = c->next)
                n++;
        return n;
}

int bus_add_direct(struct busd *b, int fd)
{
        sd_id128_t id = { 0 };
        struct connection *c;
        sd_bus *bus;
        int r = sd_bus_new(&bus);

        if (r < 0) {
                close_fd(fd);
                return r;
        }
        r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                close_fd(fd);
                sd_bus_unref(bus);
                return r;
        }
        if ((r = sd_id128_randomize(&id)) < 0 || (r = sd_bus_set_server(bus, 1, id)) < 0 ||
                (r = sd_bus_negotiate_fds(bus, 1)) < 0 || (r = sd_bus_set_description(bus, "direct")) < 0 ||
                (r = sd_bus_set_exit_on_disconnect(bus, 0)) < 0 ||
                (r = sd_bus_set_sender(bus, BUS_NAME)) < 0 /* whose signals clients wait for */ ||
                (r = sd_bus_start(bus)) < 0 || (r = connection_add(b, bus, false, &c)) < 0) {
                sd_bus_close(bus);
                sd_bus_unref(bus);
                return r;
        }
        (void)events_wanted(b, NULL); /* direct connections hear everything */
        return 0;
}

static void on_listen(struct loop_io *io, uint32_t revents)
{
        struct busd *b = io->data;
        int fd = accept4(io->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), r = 0;
        socklen_t len = sizeof(struct ucred);
        struct ucred cred;

        if (fd < 0)
                return;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.uid != geteuid())
                r = -EPERM;
        else if (count_connections(b) >= CONNECTIONS_MAX)
                r = -EUSERS;
        if (r < 0)
                close_fd(fd);
        else
                r = bus_add_direct(b, fd);
        if (r < 0)
                log_debug_errno(r, "A direct connection was refused: %m");
}

int bus_open_private(struct busd *b)
{
        const char *path = secure_getenv("ROUSE_BUSD_PRIVATE") ?: PRIVATE_SOCKET;
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        mode_t old;
        int r;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, path);
        r = mkdir_parents(path, 0755);
        if (r < 0)
                return r;
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(path);
        old = umask(0177);
        r = bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 64) < 0 ? -errno : 0;
        umask(old);
        if (r < 0)
                return r;
        b->private_io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_listen, .data = b };
        r = loop_io_add(b->loop, &b->private_io);
        if (r >= 0)
                (void)TAKE_FD(fd);
        return r;
}

/* ---- every turn ---- */

/* Something waits to be handled that no event will tell of: a message that was read already, a deadline. */
static bool has_more(struct connection *c)
{
        uint64_t deadline;

        return sd_bus_get_timeout(c->bus, &deadline) >= 0 && deadline < (uint64_t)USEC_INFINITY &&
               deadline <= (uint64_t)now_monotonic();
}

static bool connection_process(struct connection *c)
{
        bool due = c->due;

        c->due = false;
        for (unsigned n = 0; n < MESSAGES_A_TURN && !c->busd->exiting; n++) {
                int r;

                if (!due && !has_more(c))
                        return false;
                due = false;
                r = sd_bus_process(c->bus, NULL);
                if (r < 0 || sd_bus_is_open(c->bus) <= 0) {
                        c->dead = true;
                        return false;
                }
        }
        return true;
}

static void drop_dead(struct busd *b)
{
        for (struct connection **p = &b->connections; *p;) {
                struct connection *c = *p;

                if (!c->dead) {
                        p = &c->next;
                        continue;
                }
                if (c->system) {
                        log_info("The system bus is gone; ending, to be started with it");
                        busd_exit(b, EXIT_SUCCESS);
                        b->system = NULL;
                }
                *p = c->next;
                call_forget(c);
                connection_free(c);
        }
}

static void on_deadline(struct loop_timer *t) {}

usec_t bus_process(struct busd *b)
{
        uint64_t first = UINT64_MAX, deadline;
        bool more = false;

        encode_new_turn();
        for (struct connection *c = b->connections; c; c = c->next)
                more |= connection_process(c);
        drop_dead(b);
        for (struct connection *c = b->connections; c; c = c->next) {
                uint32_t events = wanted_events(c->bus);

                if (events != c->io.events)
                        (void)loop_io_modify(b->loop, &c->io, events);
                if (sd_bus_get_timeout(c->bus, &deadline) >= 0)
                        first = MIN(first, deadline);
        }
        b->bus_timer.cb = on_deadline;
        (void)loop_timer_set(
                b->loop, &b->bus_timer, first >= (uint64_t)USEC_INFINITY ? USEC_INFINITY : (usec_t)first);
        return more ? 0 : USEC_INFINITY;
}

void bus_close_all(struct busd *b)
{
        int fd = b->private_io.fd;

        while (b->connections) {
                struct connection *c = b->connections;

                b->connections = c->next;
                call_forget(c);
                (void)sd_bus_flush(c->bus);
                connection_free(c);
        }
        b->system = NULL;
        if (fd >= 0) {
                loop_io_remove(b->loop, &b->private_io);
                close_fd(fd);
        }
        loop_timer_cancel(b->loop, &b->bus_timer);
}
