/* The connection to PID 1: requests go out as they come, answers are gathered by their ids, events are passed on. A
 * datagram has several of these messages.
 *
 * When PID 1 closes the connection, what was asked is answered with -ECONNRESET and the process ends: it is started
 * again and begins anew, which is the one way to come back to a known state. */
#include <sys/socket.h>
#include <sys/un.h>

#include "busd.h"
#include "lib/paths.h"

#define QUEUE_MAX (8u * 1024 * 1024)

struct request {
        uint32_t id;
        answer_fn done;
        void *data;
        struct ctl_record *records;
        size_t n, cap;
        bool open;           /* the last record goes on in the next message */
        char *key;           /* its answer may be kept, */
        uint64_t generation; /* if this is still the one then */
        struct request *next;
};

struct out {
        struct wire_writer w;
        struct out *next;
};

struct link {
        struct busd *busd;
        struct loop_io io;
        uint32_t last_id;
        struct request *requests, **tail;
        struct out *queue, **queue_tail;
        size_t queued;
        struct ctl_record event; /* of an event in several messages */
};

static void request_free(struct request *r)
{
        for (size_t i = 0; i < r->n; i++)
                ctl_record_done(&r->records[i]);
        free(r->records);
        free(r->key);
        free(r);
}

static void request_unlink(struct link *l, struct request *r)
{
        for (struct request **p = &l->requests; *p; p = &(*p)->next)
                if (*p == r) {
                        *p = r->next;
                        if (l->tail == &r->next)
                                l->tail = p;
                        return;
                }
}

/* ---- sending ---- */

static int flush_queue(struct link *l)
{
        while (l->queue) {
                struct out *o = l->queue;
                int r = wire_send(l->io.fd, &o->w, -1);

                if (r < 0)
                        return r;
                l->queue = o->next;
                if (!l->queue)
                        l->queue_tail = &l->queue;
                l->queued -= o->w.b.len;
                wire_done(&o->w);
                free(o);
        }
        return 0;
}

static void watch(struct link *l)
{
        uint32_t events = EPOLLIN | (l->queue ? EPOLLOUT : 0);

        if (l->io.events != events)
                (void)loop_io_modify(l->busd->loop, &l->io, events);
}

static int send_or_queue(struct link *l, struct wire_writer *w)
{
        struct out *o;
        int r = l->queue ? -EAGAIN : wire_send(l->io.fd, w, -1);

        if (r != -EAGAIN)
                return r;
        if (l->queued + w->b.len > QUEUE_MAX)
                return -ENOBUFS;
        o = calloc(1, sizeof(*o));
        if (!o)
                return -ENOMEM;
        o->w = *w;
        *w = (struct wire_writer) { 0 };
        *l->queue_tail = o;
        l->queue_tail = &o->next;
        l->queued += o->w.b.len;
        watch(l);
        return 0;
}

/* key: NULL, or by which the answer is kept; taken. */
static int send_request(struct busd *b, const char *verb, char *const *args, char *const *options,
        answer_fn done, void *data, char *key)
{
        _cleanup_free_ char *own_key = key;
        _cleanup_wire_ struct wire_writer w = { 0 };
        struct link *l = b->link;
        struct request *r;
        int k;

        if (!l)
                return -ENOTCONN;
        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        *r = (struct request) { .id = ++l->last_id ?: ++l->last_id,
                .done = done,
                .data = data,
                .generation = cache_generation() };
        wire_begin(&w, CTL_REQUEST, r->id);
        wire_str(&w, verb);
        wire_strv(&w, args);
        wire_strv(&w, options);
        k = send_or_queue(l, &w);
        if (k < 0) {
                free(r);
                return k;
        }
        r->key = TAKE_PTR(own_key);
        *l->tail = r;
        l->tail = &r->next;
        return 0;
}

int link_request(struct busd *b, const char *verb, char *const *args, char *const *options, answer_fn done,
        void *data)
{
        return send_request(b, verb, args, options, done, data, NULL);
}

int link_ask(struct busd *b, const char *verb, char *const *args, char *const *options, answer_fn done,
        void *data)
{
        char *key = b->link && cache_generation() ? cache_key(verb, args, options) : NULL;
        /* what was asked for before is answered before */
        const struct answer *a = key && !b->link->requests ? cache_find(key) : NULL;

        if (!a)
                return send_request(b, verb, args, options, done, data, key);
        done(b, a, data);
        free(key);
        return 0;
}

/* ---- receiving ---- */

static struct request *request_of(struct link *l, uint32_t id)
{
        for (struct request *r = l->requests; r; r = r->next)
                if (r->id == id)
                        return r;
        return NULL;
}

#define INDEX_FROM 16 /* strings: fewer are looked through */

/* D-Bus strings are UTF-8: what is not becomes question marks, here, once. */
void link_make_text(struct ctl_record *rec)
{
        FOREACH_STR (s, rec->v)
                if (!utf8_valid(*s, strlen(*s)))
                        for (char *c = *s; *c; c++)
                                if (*c & 0x80)
                                        *c = '?';
}

static void prepare(struct ctl_record *rec)
{
        link_make_text(rec);
        if (strv_len(rec->v) >= INDEX_FROM)
                ctl_record_index(rec);
}

static int read_record(struct request *r, struct wire_reader *in)
{
        bool complete;
        int k;

        if (!r->open) {
                if (r->n == r->cap) {
                        size_t cap = r->cap ? r->cap * 2 : 4;
                        struct ctl_record *v = reallocarray(r->records, cap, sizeof(*v));

                        if (!v)
                                return -ENOMEM;
                        r->records = v;
                        r->cap = cap;
                }
                r->records[r->n++] = (struct ctl_record) { 0 };
        }
        k = ctl_record_gather(in, &r->records[r->n - 1], &complete);
        if (k >= 0)
                r->open = !complete;
        if (k >= 0 && complete)
                prepare(&r->records[r->n - 1]);
        return k;
}

static int read_end(struct link *l, struct request *r, struct wire_reader *in)
{
        struct answer a = { .records = r->records, .n = r->n, .error = -(int)wire_get_u32(in) };
        uint64_t generation = cache_generation();

        a.message = wire_get_str(in);
        if (wire_end(in) < 0)
                return -EBADMSG;
        request_unlink(l, r);
        if (r->done)
                r->done(l->busd, &a, r->data);
        if (r->key && a.error == 0 && r->generation && r->generation == generation) {
                cache_keep(TAKE_PTR(r->key), generation, r->records, r->n);
                r->records = NULL;
                r->n = 0;
        }
        request_free(r);
        return 0;
}

static int read_event(struct link *l, struct wire_reader *in)
{
        const char *event = wire_get_str(in);
        bool complete;
        int k;

        if (!event)
                return -EBADMSG;
        k = ctl_record_gather(in, &l->event, &complete);
        if (k < 0 || !complete)
                return k;
        prepare(&l->event);
        event_received(l->busd, event, &l->event);
        ctl_record_done(&l->event);
        return 0;
}

static int read_message(struct link *l, struct wire_reader *in)
{
        struct request *r;

        if (in->h.type == CTL_EVENT)
                return read_event(l, in);
        r = request_of(l, in->h.id);
        if (!r)
                return 0;
        switch (in->h.type) {
        case CTL_RECORD: return read_record(r, in);
        case CTL_END: return read_end(l, r, in);
        default: return 0;
        }
}

/* A datagram has what PID 1 said to us in one of its turns. */
static int read_datagram(struct link *l)
{
        static uint8_t buf[WIRE_MAX];
        const uint8_t *p = buf;
        struct wire_reader in;
        size_t n;
        int r = wire_recv_bytes(l->io.fd, buf, sizeof(buf), &n, NULL);

        if (r <= 0)
                return r == -EAGAIN || r == -EBADMSG ? 0 : r ?: -ECONNRESET;
        while ((r = wire_next(&p, &n, &in)) > 0) {
                r = read_message(l, &in);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                log_warning("A message of PID 1 could not be read");
        return 0;
}

static void on_link(struct loop_io *io, uint32_t revents)
{
        struct link *l = io->data;
        int r = 0;

        if (revents & EPOLLOUT) {
                r = flush_queue(l);
                if (r == -EAGAIN)
                        r = 0;
        }
        if (r >= 0 && revents & (EPOLLIN | EPOLLHUP | EPOLLERR))
                r = read_datagram(l);
        if (r < 0) {
                log_error_errno(r, "The connection to PID 1 is lost: %m; ending, to be started anew");
                busd_exit(l->busd, EXIT_FAILURE);
                return;
        }
        watch(l);
}

int link_open(struct busd *b)
{
        const char *path = secure_getenv("ROUSE_CONTROL") ?: ROUSE_CONTROL;
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        _cleanup_close_ int fd = -1;
        struct link *l;
        int r;

        if (strlen(path) >= sizeof(sa.sun_path))
                return -ENAMETOOLONG;
        strcpy(sa.sun_path, path);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
                return -errno;
        l = calloc(1, sizeof(*l));
        if (!l)
                return -ENOMEM;
        l->busd = b;
        l->tail = &l->requests;
        l->queue_tail = &l->queue;
        l->io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_link, .data = l };
        r = loop_io_add(b->loop, &l->io);
        if (r < 0) {
                free(l);
                return r;
        }
        (void)TAKE_FD(fd);
        b->link = l;
        return 0;
}

void link_close(struct busd *b)
{
        struct link *l = TAKE_PTR(b->link);
        struct answer gone = { .error = -ECONNRESET, .message = "The manager closed the connection." };
        int fd;

        if (!l)
                return;
        while (l->requests) {
                struct request *r = l->requests;

                l->requests = r->next;
                if (r->done)
                        r->done(b, &gone, r->data);
                request_free(r);
        }
        while (l->queue) {
                struct out *o = l->queue;

                l->queue = o->next;
                wire_done(&o->w);
                free(o);
        }
        ctl_record_done(&l->event);
        fd = l->io.fd;
        loop_io_remove(b->loop, &l->io);
        close_fd(fd);
        free(l);
}
