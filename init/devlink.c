/* PID 1's end of lib/devlink.h. Both ends of the pair, the uevent socket and the udev control socket are PID 1's, so
 * that a device daemon that is started again finds everything that came meanwhile. What PID 1 wants is kept here and
 * told again to each daemon that says hello. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/devlink.h"
#include "lib/fileio.h"
#include "lib/uevent.h"
#include "manager.h"

#define UEVENT_RCVBUF (128u * 1024 * 1024)

struct request { /* answered by id, once */
        uint32_t id;
        struct unit *u;
        void (*done)(struct unit *u, int status, const char *message);
        struct wire_writer message; /* for a daemon that comes after the one that was asked */
        struct request *next;
};

struct devlink {
        struct manager *m;
        struct loop_io io;         /* our end */
        int peer, uevent, control; /* devd's */
        char **watched;
        size_t n_watched, cap_watched;
        struct hash watched_set;
        struct request *requests;
        uint32_t next_id;
        bool connected, coldplug_asked, booted_said;
};

static int send_message(struct devlink *d, struct wire_writer *w)
{
        int r = wire_send(d->io.fd, w, -1);

        if (r == -EAGAIN) /* devd does not read: it is told everything when it says hello again */
                log_warning("Device daemon does not take messages; one is put off until it is back");
        return r;
}

static int send_strings(struct devlink *d, uint16_t type, uint32_t id, char *const *s, size_t n)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, type, id);
        for (size_t i = 0; i < n; i++)
                wire_str(&w, s[i]);
        return send_message(d, &w);
}

int devlink_watch(struct manager *m, const char *name)
{
        struct devlink *d = m->devlink;
        char *copy;

        if (!d || hash_get(&d->watched_set, name))
                return 0;
        if (d->n_watched == d->cap_watched) {
                size_t cap = d->cap_watched ? d->cap_watched * 2 : 32;
                char **n = reallocarray(d->watched, cap, sizeof(*n));

                if (!n)
                        return -ENOMEM;
                d->watched = n;
                d->cap_watched = cap;
        }
        copy = strdup(name);
        if (!copy || hash_put(&d->watched_set, copy, copy) < 0) {
                free(copy);
                return -ENOMEM;
        }
        d->watched[d->n_watched++] = copy;
        if (d->connected)
                (void)send_strings(d, DL_WATCH, 0, &copy, 1);
        return 0;
}

int devlink_mount(struct manager *m, const char *where, const char *what, const char *type,
        const char *options, unsigned flags)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        if (!m->devlink || !m->devlink->connected)
                return -ENOTCONN;
        wire_begin(&w, DL_MOUNT, 0);
        wire_str(&w, where);
        wire_str(&w, what);
        wire_str(&w, type);
        wire_str(&w, options);
        wire_u32(&w, flags);
        return send_message(m->devlink, &w);
}

int devlink_umount(struct manager *m, const char *where, bool lazy, bool force)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        if (!m->devlink || !m->devlink->connected)
                return -ENOTCONN;
        wire_begin(&w, DL_UMOUNT, 0);
        wire_str(&w, where);
        wire_u32(&w, lazy);
        wire_u32(&w, force);
        return send_message(m->devlink, &w);
}

/* Asks, and keeps the question until it is answered. Takes the message. */
static int ask(struct devlink *d, struct wire_writer *w, uint32_t id, struct unit *u,
        void (*done)(struct unit *u, int status, const char *message))
{
        struct request *q = calloc(1, sizeof(*q));

        if (!q)
                return -ENOMEM;
        *q = (struct request) { .id = id, .u = u, .done = done, .message = *w, .next = d->requests };
        *w = (struct wire_writer) { 0 };
        d->requests = q;
        return send_message(d, &q->message);
}

int devlink_settle(
        struct manager *m, void (*done)(struct unit *u, int status, const char *message), struct unit *u)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        if (!m->devlink)
                return -ENOTCONN;
        wire_begin(&w, DL_SETTLE, ++m->devlink->next_id);
        return ask(m->devlink, &w, m->devlink->next_id, u, done);
}

int devlink_load_modules(struct manager *m, char **names, bool low,
        void (*done)(struct unit *u, int status, const char *message), struct unit *u)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        if (!m->devlink)
                return -ENOTCONN;
        wire_begin(&w, DL_LOAD_MODULES, ++m->devlink->next_id);
        wire_strv(&w, names);
        wire_u32(&w, low ? DL_MODULES_LOW : 0);
        return ask(m->devlink, &w, m->devlink->next_id, u, done);
}

int devlink_static_nodes(
        struct manager *m, void (*done)(struct unit *u, int status, const char *message), struct unit *u)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        if (!m->devlink)
                return -ENOTCONN;
        wire_begin(&w, DL_STATIC_NODES, ++m->devlink->next_id);
        return ask(m->devlink, &w, m->devlink->next_id, u, done);
}

void devlink_booted(struct manager *m)
{
        struct devlink *d = m->devlink;

        if (!d || !d->connected || d->booted_said)
                return;
        d->booted_said = true;
        (void)send_strings(d, DL_BOOTED, 0, NULL, 0);
}

int devlink_coldplug(struct manager *m)
{
        struct devlink *d = m->devlink;

        if (!d)
                return -ENOTCONN;
        if (d->coldplug_asked)
                return 0;
        d->coldplug_asked = true;
        return d->connected ? send_strings(d, DL_COLDPLUG, 0, NULL, 0) : 0;
}

void devlink_forget(struct manager *m, struct unit *u)
{
        for (struct request *q = m->devlink ? m->devlink->requests : NULL; q; q = q->next)
                if (q->u == u)
                        q->u = NULL;
}

size_t devlink_fds(struct manager *m, int fds[3], const char *names[3])
{
        struct devlink *d = m->devlink;

        if (!d)
                return 0;
        fds[0] = d->peer;
        names[0] = "link";
        fds[1] = d->uevent;
        names[1] = "uevent";
        fds[2] = d->control;
        names[2] = "control";
        return d->uevent < 0 ? 1 : d->control < 0 ? 2 : 3;
}

/* ---- from devd ---- */

/* It is answered by everything as it is. */
static void hello(struct devlink *d)
{
        _cleanup_wire_ struct wire_writer w = { 0 };

        wire_begin(&w, DL_HELLO, 0);
        wire_u32(&w, WIRE_VERSION);
        wire_u64(&w, d->m->generation);
        (void)send_message(d, &w);
}

static void on_hello(struct devlink *d, struct wire_reader *r)
{
        uint32_t version = wire_get_u32(r);
        uint64_t generation = wire_get_u64(r);
        bool again = d->connected; /* the one before ended without a word */

        if (wire_end(r) < 0)
                return;
        log_debug("Device daemon says hello: protocol %u, generation %llu", version,
                (unsigned long long)generation);
        d->connected = true;
        d->booted_said = false;
        d->m->generation = generation;
        hello(d);
        state_touch_manager(d->m);
        (void)send_strings(d, DL_COLDPLUG, 0, NULL, 0);
        d->coldplug_asked = true;
        for (size_t i = 0; i < d->n_watched; i++)
                (void)send_strings(d, DL_WATCH, 0, &d->watched[i], 1);
        (void)send_strings(d, DL_WATCH_MOUNTS, 0, NULL, 0);
        for (struct request *q = again ? d->requests : NULL; q; q = q->next)
                (void)send_message(d, &q->message);
        mount_devd_ready(d->m);
}

static void on_device(struct devlink *d, struct wire_reader *r)
{
        const char *syspath = wire_get_str(r), *node = wire_get_str(r);
        uint32_t state = wire_get_u32(r);
        _cleanup_strv_ char **links = NULL, **props = NULL;

        if (wire_get_strv(r, &links) < 0 || wire_get_strv(r, &props) < 0 || wire_end(r) < 0 ||
                (!syspath && !node))
                log_warning("Malformed device message; ignored");
        else /* of an absent device only the name that was watched is known */
                device_message(d->m, syspath ?: node, node, state, links, props);
}

static void on_answer(struct devlink *d, struct wire_reader *r)
{
        int status = 0;
        const char *text = NULL;

        if (r->h.type == DL_MODULES_DONE) {
                status = wire_get_u32(r) ? 1 : 0;
                text = wire_get_str(r);
        }
        for (struct request **q = &d->requests; *q; q = &(*q)->next)
                if ((*q)->id == r->h.id) {
                        struct request *gone = *q;

                        *q = gone->next;
                        if (gone->u)
                                gone->done(gone->u, status, text);
                        wire_done(&gone->message);
                        free(gone);
                        return;
                }
}

static void on_mount(struct devlink *d, struct wire_reader *r)
{
        const char *where = wire_get_str(r);
        uint32_t err = wire_get_u32(r);
        const char *text = wire_get_str(r);

        if (wire_end(r) < 0 || !where)
                return;
        if (r->h.type == DL_MOUNT_DONE)
                mount_done_message(d->m, where, err, text);
        else
                umount_done_message(d->m, where, err, text);
}

static void on_mountinfo(struct devlink *d, struct wire_reader *r)
{
        uint32_t there = wire_get_u32(r);
        const char *where = wire_get_str(r), *what = wire_get_str(r), *type = wire_get_str(r),
                   *options = wire_get_str(r);

        if (wire_end(r) >= 0 && where)
                mountinfo_message(d->m, there, where, what, type, options);
}

/* Where logind runs, keys are its: it knows settings and inhibitors. */
static bool has_logind(struct manager *m)
{
        static const char *const names[] = { "systemd-logind.service", "elogind.service" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct unit *u = unit_find(m, names[i]);

                if (u && unit_active_state(u) == UNIT_ACTIVE)
                        return true;
        }
        return false;
}

static void on_key(struct devlink *d, struct wire_reader *r)
{
        const char *key = wire_get_str(r);

        if (wire_end(r) < 0 || !key || has_logind(d->m))
                return;
        log_notice("Key pressed: %s", key);
        if (streq(key, "power"))
                (void)manager_start_target(d->m, "poweroff.target", JOB_REPLACE_IRREVERSIBLY);
        else if (streq(key, "reboot"))
                (void)manager_start_target(d->m, "reboot.target", JOB_REPLACE_IRREVERSIBLY);
}

static void on_swapinfo(struct devlink *d, struct wire_reader *r)
{
        uint32_t there = wire_get_u32(r);
        const char *what = wire_get_str(r);
        uint32_t priority = wire_get_u32(r);

        if (wire_end(r) >= 0 && what)
                swapinfo_message(d->m, there, what, (int)priority);
}

static const struct {
        enum devlink_type type;
        void (*fn)(struct devlink *d, struct wire_reader *r);
} handlers[] = {
        { DL_HELLO, on_hello },
        { DL_DEVICE, on_device },
        { DL_MOUNT_DONE, on_mount },
        { DL_UMOUNT_DONE, on_mount },
        { DL_MOUNTINFO, on_mountinfo },
        { DL_SETTLED, on_answer },
        { DL_MODULES_DONE, on_answer },
        { DL_KEY, on_key },
        { DL_SWAPINFO, on_swapinfo },
};

static void on_readable(struct loop_io *io, uint32_t revents)
{
        struct devlink *d = io->data;
        static uint8_t buf[WIRE_MAX];

        for (int turn = 0; turn < 64; turn++) {
                struct wire_reader r;
                int k = wire_recv(io->fd, buf, sizeof(buf), &r, NULL);

                if (k == -EBADMSG)
                        continue;
                if (k <= 0)
                        return;
                for (size_t i = 0; i < ARRAY_SIZE(handlers); i++)
                        if (handlers[i].type == r.h.type) {
                                handlers[i].fn(d, &r);
                                break;
                        }
        }
}

/* ---- sockets ---- */

static int open_udev_control(void)
{
        struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/run/udev/control" };
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        int one = 1;

        if (fd < 0)
                return -errno;
        (void)mkdir_p("/run/udev", 0755);
        (void)unlink(sa.sun_path);
        if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) < 0 ||
                bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || chmod(sa.sun_path, 0600) < 0 ||
                listen(fd, 16) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* ---- state ---- */

void devlink_serialise(struct manager *m, struct state_out *s)
{
        struct devlink *d = m->devlink;

        if (!d)
                return;
        state_put_fd(s, "devlink-fd", d->io.fd);
        state_put_fd(s, "devlink-peer-fd", d->peer);
        state_put_fd(s, "devlink-uevent-fd", d->uevent);
        state_put_fd(s, "devlink-control-fd", d->control);
        state_put_int(s, "devlink-next-id", d->next_id, 0);
        state_put_flag(s, "devlink-connected", d->connected);
        state_put_flag(s, "devlink-coldplug", d->coldplug_asked);
}

/* With the first descriptor the link is there. */
static struct devlink *devlink_adopted(struct manager *m)
{
        struct devlink *d = m->devlink;

        if (d)
                return d;
        d = calloc(1, sizeof(*d));
        if (!d) {
                log_oom();
                return NULL;
        }
        d->m = m;
        d->io.fd = d->peer = d->uevent = d->control = -1;
        m->devlink = d;
        return d;
}

bool devlink_deserialise(struct manager *m, const char *key, const char *value)
{
        struct devlink *d = startswith(key, "devlink-") ? devlink_adopted(m) : NULL;

        if (!d)
                return false;
        if (streq(key, "devlink-fd")) {
                d->io = (struct loop_io) { .fd = state_get_fd(value),
                        .events = EPOLLIN,
                        .priority = -1,
                        .cb = on_readable,
                        .data = d };
                if (d->io.fd >= 0 && loop_io_add(m->loop, &d->io) < 0)
                        d->io.fd = -1;
        } else if (streq(key, "devlink-peer-fd"))
                d->peer = state_get_fd(value);
        else if (streq(key, "devlink-uevent-fd"))
                d->uevent = state_get_fd(value);
        else if (streq(key, "devlink-control-fd"))
                d->control = state_get_fd(value);
        else if (streq(key, "devlink-next-id"))
                d->next_id = (uint32_t)state_get_int(value, 0);
        else if (streq(key, "devlink-connected"))
                d->connected = true;
        else if (streq(key, "devlink-coldplug"))
                d->coldplug_asked = true;
        else
                return false;
        return true;
}

void devlink_restored(struct manager *m)
{
        struct devlink *d = m->devlink;

        if (!d || d->io.fd < 0) {
                log_error("The link to the device daemon was lost; devices are seen again when it is "
                          "restarted");
                return;
        }
        if (!d->connected)
                return;
        hello(d);
        for (size_t i = 0; i < d->n_watched; i++)
                (void)send_strings(d, DL_WATCH, 0, &d->watched[i], 1);
        (void)send_strings(d, DL_WATCH_MOUNTS, 0, NULL, 0);
        if (m->boot_finished)
                devlink_booted(m);
        mount_devd_ready(m);
}

/* ---- the beginning ---- */

int devlink_init(struct manager *m)
{
        struct devlink *d = calloc(1, sizeof(*d));
        int sv[2], size = 4 * 1024 * 1024, r;

        if (!d)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sv) < 0) {
                r = -errno;
                free(d);
                return r;
        }
        for (int i = 0; i < 2; i++)
                if (setsockopt(sv[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
                        (void)setsockopt(sv[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        *d = (struct devlink) {
                .m = m, .peer = sv[1], .uevent = uevent_open(UEVENT_RCVBUF), .control = open_udev_control()
        };
        if (d->uevent < 0)
                log_warning_errno(d->uevent, "No uevent socket; devices will not be seen: %m");
        if (d->control < 0)
                log_warning_errno(d->control, "No socket at /run/udev/control: %m");
        d->io = (struct loop_io) {
                .fd = sv[0], .events = EPOLLIN, .priority = -1, .cb = on_readable, .data = d
        };
        m->devlink = d;
        return loop_io_add(m->loop, &d->io);
}
