/* The event queue: see queue.h for the model. */
#include "queue.h"

#include "lib/log.h"
#include "lib/str.h"

/* One component of a pending path. Lives while an event is pending on it or below it. */
struct path_node {
        char *path;
        struct path_node *parent, *children, *next, *prev;
        struct event *tail; /* newest pending event exactly here */
        unsigned refs;      /* pending events here, and children */
};

void queue_init(struct queue *q)
{
        *q = (struct queue) {};
        q->ready_tail = &q->ready;
}

static struct path_node *node_new(struct queue *q, struct path_node *parent, const char *path, size_t len)
{
        struct path_node *n = calloc(1, sizeof(*n));

        if (!n)
                return NULL;
        n->path = strndup(path, len);
        if (!n->path || hash_put(&q->paths, n->path, n) < 0) {
                free(n->path);
                free(n);
                return NULL;
        }
        n->parent = parent;
        if (parent) {
                parent->refs++;
                n->next = parent->children;
                if (n->next)
                        n->next->prev = n;
                parent->children = n;
        }
        return n;
}

/* Gives up one reference; nodes without any vanish, upwards. */
static void node_unref(struct queue *q, struct path_node *n)
{
        while (n && --n->refs == 0) {
                struct path_node *parent = n->parent;

                hash_del(&q->paths, n->path);
                if (n->prev)
                        n->prev->next = n->next;
                else if (parent)
                        parent->children = n->next;
                if (n->next)
                        n->next->prev = n->prev;
                free(n->path);
                free(n);
                n = parent;
        }
}

/* The node of path with one reference more; those above it are made where missing. */
static struct path_node *node_get(struct queue *q, const char *path)
{
        struct path_node *n = NULL;
        char buf[PATH_MAX];
        size_t len = strlen(path);

        if (len >= sizeof(buf))
                return NULL;
        memcpy(buf, path, len + 1);
        for (size_t i = 1; i <= len; i++) {
                struct path_node *child;

                if (path[i] != '/' && path[i] != '\0')
                        continue;
                buf[i] = '\0';
                child = hash_get(&q->paths, buf);
                if (!child)
                        child = node_new(q, n, buf, i);
                buf[i] = path[i];
                if (!child) {
                        if (n && n->refs == 0) {
                                n->refs = 1;
                                node_unref(q, n);
                        }
                        return NULL;
                }
                n = child;
        }
        if (n)
                n->refs++;
        return n;
}

static int add_edge(struct event *blocker, struct event *e)
{
        if (!blocker || blocker == e)
                return 0;
        /* The last edge of a blocker goes to the newest event, so a repeated one is seen there. */
        if (blocker->n_dependents && blocker->dependents[blocker->n_dependents - 1] == e)
                return 0;
        if (blocker->n_dependents == blocker->cap_dependents) {
                size_t cap = MAX(blocker->cap_dependents * 2, (size_t)4);
                struct event **p = reallocarray(blocker->dependents, cap, sizeof(*p));

                if (!p)
                        return -ENOMEM;
                blocker->dependents = p;
                blocker->cap_dependents = cap;
        }
        blocker->dependents[blocker->n_dependents++] = e;
        e->n_blockers++;
        return 0;
}

/* e waits for everything below n. */
static int block_on_children(struct path_node *n, struct event *e)
{
        int r = 0;

        for (struct path_node *c = n->children; c && r >= 0; c = c->next) {
                r = add_edge(c->tail, e);
                if (r >= 0)
                        r = block_on_children(c, e);
        }
        return r;
}

static int block_on_path(struct path_node *n, struct event *e)
{
        int r = 0;

        for (struct path_node *a = n; a && r >= 0; a = a->parent)
                r = add_edge(a->tail, e);
        if (r >= 0)
                r = block_on_children(n, e);
        return r;
}

static int block_on_key(struct queue *q, const char *key, struct event *e)
{
        int r;

        if (!key)
                return 0;
        r = add_edge(hash_get(&q->keys, key), e);
        if (r < 0)
                return r;
        r = hash_put(&q->keys, key, e);
        return MIN(r, 0);
}

static void event_free(struct event *e)
{
        free(e->raw);
        free(e->action);
        free(e->devpath);
        free(e->devpath_old);
        free(e->id);
        free(e->devnode);
        free(e->dependents);
        free(e);
}

static void make_ready(struct queue *q, struct event *e)
{
        e->ready = true;
        e->next_ready = NULL;
        *q->ready_tail = e;
        q->ready_tail = &e->next_ready;
        q->n_ready++;
}

/* Out of memory here may only cost order, never an event: it runs unordered, and the log says so. */
static void enqueue(struct queue *q, struct event *e)
{
        int r = 0;

        e->received = now_monotonic();
        e->path = node_get(q, e->devpath);
        if (e->devpath_old)
                e->path_old = node_get(q, e->devpath_old);
        if (e->path)
                r = block_on_path(e->path, e);
        if (e->path_old && r >= 0)
                r = block_on_path(e->path_old, e);
        if (r >= 0)
                r = block_on_key(q, e->id, e);
        if (r >= 0)
                r = block_on_key(q, e->devnode, e);
        if (r < 0 || !e->path)
                log_warning("%s: out of memory, the order of its events may be lost", e->devpath);
        if (e->path)
                e->path->tail = e;
        if (e->path_old)
                e->path_old->tail = e;
        q->n++;
        if (e->n_blockers == 0)
                make_ready(q, e);
}

static char *uevent_id(const struct uevent *u)
{
        if (u->major >= 0 && u->minor >= 0)
                return str_printf(
                        "%c%d:%d", streq_null(u->subsystem, "block") ? 'b' : 'c', u->major, u->minor);
        if (u->ifindex > 0)
                return str_printf("n%d", u->ifindex);
        return NULL; /* others are told apart by their path */
}

int queue_add(struct queue *q, const struct uevent *u)
{
        struct event *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->raw = malloc(u->len);
        e->action = strdup(u->action);
        e->devpath = strdup(u->devpath);
        if (u->devpath_old)
                e->devpath_old = strdup(u->devpath_old);
        if (u->devname && u->major >= 0)
                e->devnode = u->devname[0] == '/' ? strdup(u->devname) : path_join("/dev", u->devname);
        e->id = uevent_id(u);
        if (!e->raw || !e->action || !e->devpath || (u->devpath_old && !e->devpath_old)) {
                event_free(e);
                return -ENOMEM;
        }
        memcpy(e->raw, u->buf, u->len);
        e->raw_len = u->len;
        e->seqnum = u->seqnum;
        enqueue(q, e);
        return 0;
}

int queue_add_synthetic(
        struct queue *q, const char *action, const char *devpath, const char *id, const char *devnode)
{
        struct event *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->action = strdup(action);
        e->devpath = strdup(devpath);
        e->id = id ? strdup(id) : NULL;
        e->devnode = devnode ? strdup(devnode) : NULL;
        if (!e->action || !e->devpath) {
                event_free(e);
                return -ENOMEM;
        }
        enqueue(q, e);
        return 0;
}

struct event *queue_next(struct queue *q)
{
        struct event *e = q->ready;

        if (!e || q->stopped)
                return NULL;
        q->ready = e->next_ready;
        if (!q->ready)
                q->ready_tail = &q->ready;
        q->n_ready--;
        e->next_ready = NULL;
        e->ready = false;
        e->running = true;
        q->n_running++;
        return e;
}

static void leave_path(struct queue *q, struct path_node *n, struct event *e)
{
        if (!n)
                return;
        if (n->tail == e)
                n->tail = NULL;
        node_unref(q, n);
}

static void leave_key(struct queue *q, const char *key, struct event *e)
{
        struct event *tail = key ? hash_get(&q->keys, key) : NULL;

        if (tail == e)
                hash_del(&q->keys, key);
}

void queue_finish(struct queue *q, struct event *e)
{
        leave_path(q, e->path, e);
        leave_path(q, e->path_old, e);
        leave_key(q, e->id, e);
        leave_key(q, e->devnode, e);
        for (size_t i = 0; i < e->n_dependents; i++)
                if (--e->dependents[i]->n_blockers == 0)
                        make_ready(q, e->dependents[i]);
        q->n--;
        if (e->running)
                q->n_running--;
        event_free(e);
}

bool queue_has_path(struct queue *q, const char *devpath)
{
        struct path_node *n = hash_get(&q->paths, devpath);

        return n && n->tail;
}

/* Frees what is ready, which makes the next ready, until nothing is left. Running events must be over. */
void queue_done_all(struct queue *q)
{
        struct event *e;

        q->stopped = false;
        while ((e = queue_next(q)))
                queue_finish(q, e);
        hash_done(&q->paths);
        hash_done(&q->keys);
        queue_init(q);
}
