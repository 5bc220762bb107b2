/* The link to PID 1: what it asks for, and the way back. What is said of devices: pid1-devices.c. */
#include "pid1-internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "coldplug.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "modules.h"
#include "mounts.h"
#include "reenum.h"

#define DEVLINK_VERSION 1
#define BACKLOG_MAX     (16u * 1024 * 1024) /* PID 1 does not read: something is very wrong there */

/* ---- sending: a slow PID 1 never holds us ---- */

static void drop_link(struct devd *m, const char *why)
{
        struct pid1 *p = m->pid1;
        int fd = p->io.fd;

        if (fd < 0)
                return;
        log_error("The link to PID 1 is closed (%s)", why);
        loop_io_remove(m->loop, &p->io);
        close_fd(fd);
        /* PID 1 starts another devd, which finds all as we leave it. */
        loop_exit(m->loop, 1);
}

static void flush(struct devd *m)
{
        struct pid1 *p = m->pid1;

        while (p->backlog) {
                struct outgoing *o = p->backlog;
                int r = wire_send(p->io.fd, &o->w, -1);

                if (r == -EAGAIN)
                        return;
                p->backlog = o->next;
                if (!p->backlog)
                        p->backlog_tail = &p->backlog;
                p->backlog_size -= o->w.b.len;
                wire_done(&o->w);
                free(o);
                if (r < 0 && r != -E2BIG) {
                        drop_link(m, strerror(-r));
                        return;
                }
        }
        (void)loop_io_modify(m->loop, &p->io, EPOLLIN);
}

static void send_later(struct devd *m, struct wire_writer *w)
{
        struct pid1 *p = m->pid1;
        struct outgoing *o = calloc(1, sizeof(*o));

        if (!o || p->backlog_size + w->b.len > BACKLOG_MAX) {
                free(o);
                wire_done(w);
                drop_link(m, "it does not read");
                return;
        }
        o->w = *w;
        *w = (struct wire_writer) {};
        p->backlog_size += o->w.b.len;
        *p->backlog_tail = o;
        p->backlog_tail = &o->next;
        (void)loop_io_modify(m->loop, &p->io, EPOLLIN | EPOLLOUT);
}

void pid1_send(struct devd *m, struct wire_writer *w)
{
        struct pid1 *p = m->pid1;
        int r;

        if (!p || p->io.fd < 0) {
                wire_done(w);
                return;
        }
        r = p->backlog ? -EAGAIN : wire_send(p->io.fd, w, -1);
        if (r == -EAGAIN) {
                send_later(m, w);
                return;
        }
        wire_done(w);
        if (r == -E2BIG)
                log_warning("A message to PID 1 was too long and is not sent");
        else if (r < 0)
                drop_link(m, strerror(-r));
}

/* ---- requests ---- */

static void on_hello(struct devd *m, struct wire_reader *r)
{
        struct pid1 *p = m->pid1;
        uint32_t version = wire_get_u32(r);
        struct wire_writer w = {};

        p->peer_generation = wire_get_u64(r);
        if (version != DEVLINK_VERSION)
                log_warning("PID 1 speaks version %u of the link, we %u", version, DEVLINK_VERSION);
        pid1_send_snapshot(m);
        wire_begin(&w, DL_SNAPSHOT_END, 0);
        pid1_send(m, &w);
}

static void on_mount(struct devd *m, struct wire_reader *r)
{
        struct mount_request q = {};

        q.id = r->h.id;
        q.where = wire_get_str(r);
        q.what = wire_get_str(r);
        q.type = wire_get_str(r);
        q.options = wire_get_str(r);
        q.flags = wire_get_u32(r);
        if (r->bad || !q.where || !q.what)
                log_warning("PID 1: malformed mount request, ignored");
        else
                mounts_mount(m, &q);
}

static void on_umount(struct devd *m, struct wire_reader *r)
{
        const char *where = wire_get_str(r);
        uint32_t lazy = wire_get_u32(r), force = wire_get_u32(r);

        if (where)
                mounts_umount(m, r->h.id, where, lazy, force);
}

static void on_coldplug(struct devd *m)
{
        m->pid1->coldplugged = true;
        (void)coldplug_or_takeover(m);
}

struct modules_request {
        struct devd *m;
        uint32_t id;
};

static void answer_modules(struct devd *m, uint32_t id, unsigned failed, const char *message)
{
        struct wire_writer w = {};

        wire_begin(&w, DL_MODULES_DONE, id);
        wire_u32(&w, failed);
        wire_str(&w, message);
        pid1_send(m, &w);
}

static void on_modules_done(unsigned failed, const char *message, void *data)
{
        struct modules_request *q = data;

        answer_modules(q->m, q->id, failed, message);
        free(q);
}

static void on_load_modules(struct devd *m, struct wire_reader *r)
{
        struct modules_request *q = malloc(sizeof(*q));
        _cleanup_strv_ char **names = NULL;
        bool low;

        if (!q || wire_get_strv(r, &names) < 0) {
                free(q);
                answer_modules(m, r->h.id, 1, "malformed request");
                return;
        }
        *q = (struct modules_request) { m, r->h.id };
        low = wire_more(r) && wire_get_u32(r) & DL_MODULES_LOW;
        if (modules_load(m, names, low, on_modules_done, q) < 0)
                on_modules_done(1, "out of memory", q);
}

static void on_static_nodes(struct devd *m, uint32_t id)
{
        struct utsname u;
        char path[PATH_MAX];
        int r;

        if (uname(&u) < 0)
                return;
        snprintf(path, sizeof(path), "/lib/modules/%s/modules.devname", u.release);
        r = static_nodes_create(path, root_dev());
        if (r >= 0 && m->rules)
                r = rules_apply_static_nodes(m->rules);
        answer_modules(m, id, r < 0, r < 0 ? strerror(-r) : NULL);
}

static void on_settle(struct devd *m, uint32_t id)
{
        struct pid1 *p = m->pid1;
        uint32_t *v = reallocarray(p->settles, p->n_settles + 1, sizeof(*v));

        if (!v)
                return;
        p->settles = v;
        v[p->n_settles++] = id;
        intake_drain(m);
        coldplug_hurry(m);
        daemon_check_idle(m);
}

static void dispatch(struct devd *m, struct wire_reader *r)
{
        switch (r->h.type) {
        case DL_HELLO: on_hello(m, r); break;
        case DL_WATCH: pid1_watch(m, wire_get_str(r)); break;
        case DL_UNWATCH: pid1_unwatch(m, wire_get_str(r)); break;
        case DL_MOUNT: on_mount(m, r); break;
        case DL_UMOUNT: on_umount(m, r); break;
        case DL_WATCH_MOUNTS: mounts_watch(m); break;
        case DL_COLDPLUG: on_coldplug(m); break;
        case DL_SETTLE: on_settle(m, r->h.id); break;
        case DL_LOAD_MODULES: on_load_modules(m, r); break;
        case DL_RELOAD: daemon_reload(m, true); break;
        case DL_BOOTED: coldplug_hurry(m); break;
        case DL_STATIC_NODES: on_static_nodes(m, r->h.id); break;
        default: log_debug("PID 1: message of type %u is not known here", r->h.type); break;
        }
}

static void on_link(struct loop_io *io, uint32_t revents)
{
        struct devd *m = io->data;
        struct pid1 *p = m->pid1;
        struct wire_reader r;

        if (revents & EPOLLOUT)
                flush(m);
        for (int i = 0; i < 64 && io->fd >= 0; i++) {
                int n = wire_recv(io->fd, p->buf, WIRE_MAX, &r, NULL);

                if (n == -EAGAIN)
                        break;
                if (n == 0) {
                        drop_link(m, "PID 1 closed it");
                        break;
                }
                if (n == -EBADMSG)
                        log_warning("PID 1: malformed message, ignored");
                else if (n < 0)
                        drop_link(m, strerror(-n));
                else
                        dispatch(m, &r);
        }
}

void pid1_queue(struct devd *m, size_t n, bool idle)
{
        struct pid1 *p = m->pid1;
        struct wire_writer w = {};

        if (!p)
                return;
        if (p->said_idle != idle) {
                p->said_idle = idle;
                wire_begin(&w, DL_QUEUE, 0);
                wire_u32(&w, idle ? 0 : (uint32_t)MAX(n, (size_t)1));
                pid1_send(m, &w);
        }
        if (!idle)
                return;
        if (p->coldplugged)
                pid1_resolve_absent(m);
        for (size_t i = 0; i < p->n_settles; i++) {
                w = (struct wire_writer) {};
                wire_begin(&w, DL_SETTLED, p->settles[i]);
                pid1_send(m, &w);
        }
        p->n_settles = 0;
}

/* Counts the devds of this boot. */
static uint64_t next_generation(void)
{
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX], number[32];
        uint64_t n = 0;

        snprintf(path, sizeof(path), "%s/.generation", root_run());
        if (read_one_line(path, &text) >= 0)
                (void)parse_u64(text, &n);
        snprintf(number, sizeof(number), "%llu\n", (unsigned long long)++n);
        (void)write_file_atomic(path, number, strlen(number), 0644, false);
        return n;
}

int pid1_new(struct devd *m, int fd)
{
        struct pid1 *p = calloc(1, sizeof(*p));
        struct wire_writer w = {};
        int r;

        if (!p)
                return -ENOMEM;
        p->buf = malloc(WIRE_MAX);
        if (!p->buf) {
                free(p);
                return -ENOMEM;
        }
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        p->backlog_tail = &p->backlog;
        p->said_idle = true;
        p->io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .priority = -1, .cb = on_link, .data = m };
        r = loop_io_add(m->loop, &p->io);
        if (r < 0) {
                free(p->buf);
                free(p);
                return r;
        }
        m->pid1 = p;
        wire_begin(&w, DL_HELLO, 0);
        wire_u32(&w, DEVLINK_VERSION);
        wire_u64(&w, next_generation());
        pid1_send(m, &w);
        return 0;
}

void pid1_free(struct devd *m)
{
        struct pid1 *p = m->pid1;
        int fd;

        if (!p)
                return;
        fd = p->io.fd;
        loop_io_remove(m->loop, &p->io);
        close_fd(fd);
        while (p->backlog) {
                struct outgoing *o = p->backlog;

                p->backlog = o->next;
                wire_done(&o->w);
                free(o);
        }
        pid1_free_watches(p);
        free(p->settles);
        free(p->buf);
        free(p);
        m->pid1 = NULL;
}
