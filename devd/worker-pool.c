/* Worker processes: see worker-pool.h. */
#include "worker-pool.h"

#include <signal.h>
#include <sys/wait.h>
#include "lib/log.h"

struct request {
        struct devd *m;
        struct lane *lane;
        struct wire_writer w;
        struct loop_timer timer; /* time limit, or patience while waiting */
        usec_t timeout, since;
        unsigned tries; /* workers that were given it */
        int error;      /* why no worker could be started */
        pool_done_t done;
        void *data;
        struct request *next;
        struct worker *worker;
};

struct worker {
        struct devd *m;
        struct lane *lane;
        pid_t pid;
        struct loop_io child, link;
        struct request *request;
        bool killed;
        struct worker *next;
};

/* The workers of one program, and the requests for them. */
struct lane {
        struct worker *workers;
        unsigned n_workers;
        struct request *waiting, **waiting_tail;
        usec_t progress; /* when a request was last answered, or a worker started */
};

struct pool {
        struct lane lane[2]; /* by enum worker_kind */
        size_t n;
        void *buf;
        struct loop_deferred failed; /* requests that no worker could be started for */
        struct request *failing;
};

static void start_waiting(struct devd *m, struct lane *l);

static void request_free(struct request *q)
{
        loop_timer_cancel(q->m->loop, &q->timer);
        wire_done(&q->w);
        q->m->pool->n--;
        free(q);
}

static void request_finish(struct request *q, int result, struct wire_reader *r)
{
        if (q->done)
                q->done(result, r, q->data);
        request_free(q);
}

void pool_forget(struct request *q)
{
        q->done = NULL;
}

static void worker_free(struct worker *k)
{
        struct lane *l = k->lane;
        int fd = k->link.fd, pidfd = k->child.fd;

        for (struct worker **i = &l->workers; *i; i = &(*i)->next)
                if (*i == k) {
                        *i = k->next;
                        l->n_workers--;
                        break;
                }
        loop_io_remove(k->m->loop, &k->link);
        loop_io_remove(k->m->loop, &k->child);
        close_fd(fd);
        close_fd(pidfd);
        free(k);
}

static void on_link(struct loop_io *io, uint32_t revents)
{
        struct worker *k = io->data;
        struct devd *m = k->m;
        struct wire_reader r;
        struct request *q;
        int n = wire_recv(io->fd, m->pool->buf, WIRE_MAX, &r, NULL);

        if (n == -EAGAIN)
                return;
        if (n == 0) { /* it leaves, or died: the pidfd tells the rest */
                int fd = io->fd;

                loop_io_remove(m->loop, io);
                close_fd(fd);
                return;
        }
        q = k->request;
        if (n < 0 || !q || r.h.type != WK_DONE) {
                log_warning("worker %d: a message that was not expected, dropped", k->pid);
                return;
        }
        k->request = NULL;
        k->lane->progress = now_monotonic();
        request_finish(q, 0, &r);
        start_waiting(m, k->lane);
}

/* Its worker is gone without an answer: it is the first of those that wait. A mount that a worker died of may have been
 * made. */
static bool try_again(struct request *q, bool unread)
{
        struct lane *l = q->lane;

        if (!q->done || q->tries >= POOL_TRIES || (!unread && l != &q->m->pool->lane[WORKER_PROBE]))
                return false;
        q->worker = NULL;
        q->since = now_monotonic();
        loop_timer_set(q->m->loop, &q->timer, usec_add(q->since, POOL_PATIENCE));
        q->next = l->waiting;
        l->waiting = q;
        if (!q->next)
                l->waiting_tail = &q->next;
        return true;
}

static void on_worker_exit(struct loop_io *io, uint32_t revents)
{
        struct worker *k = io->data;
        struct devd *m = k->m;
        struct lane *l = k->lane;
        struct request *q = TAKE_PTR(k->request);
        siginfo_t si = {};
        bool killed = k->killed, left;

        if (waitid(P_PIDFD, (id_t)io->fd, &si, WEXITED | WNOHANG) >= 0 && si.si_pid == 0)
                return;
        if (q && k->link.fd >= 0) { /* an answer may lie there still */
                k->request = q;
                on_link(&k->link, EPOLLIN);
                q = TAKE_PTR(k->request);
        }
        left = si.si_code == CLD_EXITED && si.si_status == 0;
        if (si.si_code != CLD_EXITED && !killed)
                log_warning("worker %d: ended by signal %s", k->pid, signal_name(si.si_status) ?: "?");
        worker_free(k);
        if (q && (killed || !try_again(q, left)))
                request_finish(q, killed ? -ETIMEDOUT : -EPIPE, NULL);
        start_waiting(m, l);
}

static void on_timeout(struct loop_timer *t)
{
        struct request *q = t->data;

        if (!q->worker) { /* waited long enough for one of those that hang */
                start_waiting(q->m, q->lane);
                return;
        }
        log_warning("worker %d: not done after its time limit, killed", q->worker->pid);
        q->worker->killed = true;
        kill(q->worker->pid, SIGKILL);
}

static int worker_start(struct devd *m, struct lane *l, struct worker **ret)
{
        struct worker *k = calloc(1, sizeof(*k));
        int r, fd, pidfd;

        if (!k)
                return -ENOMEM;
        r = worker_spawn((enum worker_kind)(l - m->pool->lane), m->worker_path, &fd, &k->pid, &pidfd);
        if (r < 0) {
                free(k);
                return r;
        }
        k->m = m;
        k->lane = l;
        k->child = (struct loop_io) {
                .fd = pidfd, .events = EPOLLIN, .priority = 1, .cb = on_worker_exit, .data = k
        };
        k->link = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_link, .data = k };
        k->next = l->workers;
        l->workers = k;
        l->n_workers++;
        r = loop_io_add(m->loop, &k->child);
        if (r >= 0)
                r = loop_io_add(m->loop, &k->link);
        if (r < 0) {
                worker_free(k);
                return r;
        }
        *ret = k;
        return 0;
}

static struct worker *worker_idle(struct lane *l)
{
        for (struct worker *k = l->workers; k; k = k->next)
                if (!k->request && k->link.fd >= 0 && !k->killed)
                        return k;
        return NULL;
}

static void on_failed(struct loop_deferred *d)
{
        struct devd *m = d->data;
        struct request *q;

        while ((q = m->pool->failing)) {
                m->pool->failing = q->next;
                request_finish(q, q->error, NULL);
        }
}

static void fail_later(struct devd *m, struct request *q, int r)
{
        q->error = r;
        q->next = m->pool->failing;
        m->pool->failing = q;
        loop_defer(m->loop, &m->pool->failed);
}

/* Gives q to a worker: 0, -EAGAIN when it must wait. */
static int hand_over(struct devd *m, struct request *q)
{
        struct lane *l = q->lane;
        struct worker *k;
        int r = 0;

        while ((k = worker_idle(l))) {
                r = wire_send(k->link.fd, &q->w, -1);
                if (r >= 0)
                        break;
                /* It left at this moment. */
                int fd = k->link.fd;
                loop_io_remove(m->loop, &k->link);
                close_fd(fd);
        }
        if (!k) {
                usec_t now = now_monotonic(), again = usec_add(MAX(q->since, l->progress), POOL_PATIENCE);

                if (l->n_workers >= POOL_MAX && now < again) { /* a long queue that moves is no reason */
                        loop_timer_set(m->loop, &q->timer, again);
                        return -EAGAIN;
                }
                l->progress = now;
                r = worker_start(m, l, &k);
                if (r >= 0)
                        r = wire_send(k->link.fd, &q->w, -1);
                if (r < 0)
                        return log_error_errno(r, "A worker cannot be given work: %m");
        }
        k->request = q;
        q->worker = k;
        q->tries++;
        if (q->timeout == USEC_INFINITY)
                loop_timer_cancel(m->loop, &q->timer);
        else
                loop_timer_set(m->loop, &q->timer, usec_add(now_monotonic(), q->timeout));
        return 0;
}

static void start_waiting(struct devd *m, struct lane *l)
{
        while (l->waiting) {
                struct request *q = l->waiting;
                int r = hand_over(m, q);

                if (r == -EAGAIN)
                        return;
                l->waiting = q->next;
                if (!l->waiting)
                        l->waiting_tail = &l->waiting;
                if (r < 0)
                        fail_later(m, q, r);
        }
}

int pool_request(struct devd *m, enum worker_kind kind, struct wire_writer *w, usec_t timeout,
        pool_done_t done, void *data, struct request **ret)
{
        struct pool *p = m->pool;
        struct lane *l = &p->lane[kind];
        struct request *q = calloc(1, sizeof(*q));

        if (!q)
                return -ENOMEM;
        *q = (struct request) { .m = m, .lane = l, .w = *w, .timeout = timeout, .done = done, .data = data };
        *w = (struct wire_writer) {};
        q->timer = (struct loop_timer) { .when = USEC_INFINITY, .cb = on_timeout, .data = q };
        p->n++;
        q->since = now_monotonic();
        loop_timer_set(m->loop, &q->timer, usec_add(q->since, POOL_PATIENCE));
        *l->waiting_tail = q;
        l->waiting_tail = &q->next;
        start_waiting(m, l);
        if (ret)
                *ret = q;
        return 0;
}

size_t pool_running(const struct devd *m)
{
        return m->pool ? m->pool->n : 0;
}

int pool_new(struct devd *m)
{
        struct pool *p = calloc(1, sizeof(*p));

        if (!p)
                return -ENOMEM;
        p->buf = malloc(WIRE_MAX);
        if (!p->buf) {
                free(p);
                return -ENOMEM;
        }
        for (size_t i = 0; i < ARRAY_SIZE(p->lane); i++)
                p->lane[i].waiting_tail = &p->lane[i].waiting;
        p->failed = (struct loop_deferred) { .cb = on_failed, .data = m };
        m->pool = p;
        return 0;
}

static void lane_free(struct lane *l)
{
        while (l->workers) {
                if (l->workers->request)
                        request_free(l->workers->request);
                worker_free(l->workers);
        }
        while (l->waiting) {
                struct request *q = l->waiting;

                l->waiting = q->next;
                request_free(q);
        }
}

void pool_free(struct devd *m)
{
        struct pool *p = m->pool;

        if (!p)
                return;
        for (size_t i = 0; i < ARRAY_SIZE(p->lane); i++)
                lane_free(&p->lane[i]);
        loop_defer_cancel(m->loop, &p->failed);
        free(p->buf);
        free(p);
        m->pool = NULL;
}
