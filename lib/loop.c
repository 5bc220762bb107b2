/* The event loop. What keeps it right when callbacks remove, free and add sources:
 *
 * - The kernel never holds a pointer of ours, but a slot number and that slot's generation. Removing a source
 *   empties its slot and raises the generation, so an event already fetched for it no longer matches, also
 *   when the slot has a new tenant.
 * - Due timers are moved from the heap to a list before any runs; cancelling one empties its place there. A
 *   timer armed by a timer's callback, even for the past, waits for the next turn: no callback can hold the
 *   loop.
 * - Deferred calls of a turn are taken off as one list; what they queue runs in the next turn. */
#include <time.h>

#include "loop.h"

struct slot {
        struct loop_io *io; /* NULL: free */
        uint32_t generation;
        unsigned next_free;
};

struct pending {
        uint64_t id; /* generation << 32 | slot */
        uint32_t revents;
        int priority;
};

struct deferred_list {
        struct loop_deferred *first, **last;
};

struct loop {
        int epoll_fd;
        bool no_pwait2, exiting, in_turn;
        int exit_code;
        usec_t now;
        uint64_t wakeups, *counter;

        struct slot *slots; /* [0] is never used: slot 0 means not registered */
        unsigned n_slots, free_slot;
        struct epoll_event *events; /* n_slots of each, so that one turn sees all that is ready, */
        struct pending *pending;    /* and priorities hold */

        struct loop_timer **heap; /* [1..n_heap] */
        struct loop_timer **due;  /* [0..n_due), taken off the heap, not yet called; NULL: cancelled */
        size_t n_heap, n_due, timer_cap;

        struct deferred_list deferred, running;
};

int loop_new(struct loop **ret)
{
        struct loop *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->deferred.last = &l->deferred.first;
        l->running.last = &l->running.first;
        l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (l->epoll_fd < 0) {
                int r = -errno;

                free(l);
                return r;
        }
        *ret = l;
        return 0;
}

void loop_free(struct loop *l)
{
        if (!l)
                return;
        close_fd(l->epoll_fd);
        free(l->slots);
        free(l->events);
        free(l->pending);
        free(l->heap);
        free(l->due);
        free(l);
}

/* ---- descriptors ---- */

static int grow_slots(struct loop *l)
{
        unsigned n = l->n_slots ? l->n_slots * 2 : 32;
        struct epoll_event *events;
        struct pending *pending;
        struct slot *slots;

        events = realloc(l->events, n * sizeof(*events));
        if (!events)
                return -ENOMEM;
        l->events = events;
        pending = realloc(l->pending, n * sizeof(*pending));
        if (!pending)
                return -ENOMEM;
        l->pending = pending;
        slots = realloc(l->slots, n * sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        l->slots = slots;
        for (unsigned i = n; i-- > MAX(l->n_slots, 1u);) {
                slots[i] = (struct slot) { .next_free = l->free_slot };
                l->free_slot = i;
        }
        l->n_slots = n;
        return 0;
}

static bool is_registered(const struct loop *l, const struct loop_io *io)
{
        return io->fd >= 0 && io->slot > 0 && io->slot < l->n_slots && l->slots[io->slot].io == io;
}

static uint64_t slot_id(const struct loop *l, unsigned slot)
{
        return (uint64_t)l->slots[slot].generation << 32 | slot;
}

int loop_io_add(struct loop *l, struct loop_io *io)
{
        struct epoll_event ev = { .events = io->events };
        unsigned slot;

        if (is_registered(l, io))
                return -EEXIST;
        if (l->free_slot == 0) {
                int r = grow_slots(l);

                if (r < 0)
                        return r;
        }
        slot = l->free_slot;
        ev.data.u64 = slot_id(l, slot);
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, io->fd, &ev) < 0)
                return -errno;
        l->free_slot = l->slots[slot].next_free;
        l->slots[slot].io = io;
        io->slot = slot;
        return 0;
}

int loop_io_modify(struct loop *l, struct loop_io *io, uint32_t events)
{
        struct epoll_event ev = { .events = events };

        if (!is_registered(l, io))
                return -ENOENT;
        if (io->events == events)
                return 0;
        ev.data.u64 = slot_id(l, io->slot);
        if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, io->fd, &ev) < 0)
                return -errno;
        io->events = events;
        return 0;
}

void loop_io_remove(struct loop *l, struct loop_io *io)
{
        if (is_registered(l, io)) {
                struct slot *s = l->slots + io->slot;

                (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, io->fd, NULL);
                s->io = NULL;
                s->generation++;
                s->next_free = l->free_slot;
                l->free_slot = io->slot;
        }
        io->slot = 0;
        io->fd = -1;
}

/* The source that an event was fetched for, if it is still the same. */
static struct loop_io *live_source(const struct loop *l, uint64_t id)
{
        const struct slot *s = l->slots + (uint32_t)id;

        return s->generation == id >> 32 ? s->io : NULL;
}

/* Events of this turn into l->pending, lower priority first, else in the kernel's order. */
static unsigned sort_events(struct loop *l, unsigned n)
{
        unsigned count = 0;

        for (unsigned i = 0; i < n; i++) {
                const struct loop_io *io = live_source(l, l->events[i].data.u64);
                struct pending p = { .id = l->events[i].data.u64, .revents = l->events[i].events };
                unsigned at = count;

                if (!io)
                        continue;
                p.priority = io->priority;
                for (; at > 0 && l->pending[at - 1].priority > p.priority; at--)
                        l->pending[at] = l->pending[at - 1];
                l->pending[at] = p;
                count++;
        }
        return count;
}

static void count(struct loop *l)
{
        if (l->counter)
                __atomic_add_fetch(l->counter, 1, __ATOMIC_SEQ_CST);
}

void loop_count(struct loop *l, uint64_t *counter)
{
        l->counter = counter;
}

static void run_io(struct loop *l, unsigned n)
{
        n = sort_events(l, n);
        for (unsigned i = 0; i < n; i++) {
                struct loop_io *io = live_source(l, l->pending[i].id);
                uint32_t revents;

                if (!io)
                        continue;
                /* Modified meanwhile: what is no longer asked for is not told. */
                revents = l->pending[i].revents & (io->events | EPOLLERR | EPOLLHUP);
                if (!revents)
                        continue;
                if (!io->quiet)
                        count(l);
                io->cb(io, revents);
        }
}

/* ---- timers: a binary heap from index 1; in the due list a timer's heap_index is DUE - place ---- */

#define DUE SIZE_MAX

static bool in_due(const struct loop *l, const struct loop_timer *t)
{
        return t->heap_index > DUE - l->n_due && l->due[DUE - t->heap_index] == t;
}

static bool in_heap(const struct loop *l, const struct loop_timer *t)
{
        return t->heap_index > 0 && t->heap_index <= l->n_heap && l->heap[t->heap_index] == t;
}

static void heap_place(struct loop *l, struct loop_timer *t, size_t i)
{
        l->heap[i] = t;
        t->heap_index = i;
}

/* Moves t from the hole at i to where it belongs. */
static void heap_sift(struct loop *l, struct loop_timer *t, size_t i)
{
        while (i > 1 && l->heap[i / 2]->when > t->when) {
                heap_place(l, l->heap[i / 2], i);
                i /= 2;
        }
        for (;;) {
                size_t child = 2 * i;

                if (child > l->n_heap)
                        break;
                if (child < l->n_heap && l->heap[child + 1]->when < l->heap[child]->when)
                        child++;
                if (l->heap[child]->when >= t->when)
                        break;
                heap_place(l, l->heap[child], i);
                i = child;
        }
        heap_place(l, t, i);
}

static void heap_remove(struct loop *l, struct loop_timer *t)
{
        size_t i = t->heap_index;
        struct loop_timer *last = l->heap[l->n_heap--];

        if (last != t)
                heap_sift(l, last, i);
        t->heap_index = 0;
}

/* Room for one more in the heap, whatever is in the due list coming back too. */
static int reserve_timer(struct loop *l)
{
        size_t cap = l->timer_cap ? l->timer_cap * 2 : 32;
        struct loop_timer **heap, **due;

        if (l->n_heap + l->n_due + 1 < l->timer_cap)
                return 0;
        heap = realloc(l->heap, cap * sizeof(*heap));
        if (!heap)
                return -ENOMEM;
        l->heap = heap;
        due = realloc(l->due, cap * sizeof(*due));
        if (!due)
                return -ENOMEM;
        l->due = due;
        l->timer_cap = cap;
        return 0;
}

void loop_timer_cancel(struct loop *l, struct loop_timer *t)
{
        if (in_heap(l, t))
                heap_remove(l, t);
        else if (in_due(l, t))
                l->due[DUE - t->heap_index] = NULL;
        t->heap_index = 0;
        t->when = USEC_INFINITY;
}

int loop_timer_set(struct loop *l, struct loop_timer *t, usec_t when)
{
        int r;

        if (when == USEC_INFINITY) {
                loop_timer_cancel(l, t);
                return 0;
        }
        if (in_heap(l, t)) {
                t->when = when;
                heap_sift(l, t, t->heap_index);
                return 0;
        }
        r = reserve_timer(l);
        if (r < 0)
                return r;
        loop_timer_cancel(l, t);
        t->when = when;
        l->n_heap++;
        heap_sift(l, t, l->n_heap);
        return 0;
}

static void run_timers(struct loop *l)
{
        while (l->n_heap > 0 && l->heap[1]->when <= l->now) {
                struct loop_timer *t = l->heap[1];

                heap_remove(l, t);
                t->heap_index = DUE - l->n_due;
                l->due[l->n_due++] = t;
        }
        for (size_t i = 0; i < l->n_due; i++) {
                struct loop_timer *t = l->due[i];

                if (!t)
                        continue;
                l->due[i] = NULL;
                t->heap_index = 0;
                t->when = USEC_INFINITY;
                count(l);
                t->cb(t);
        }
        l->n_due = 0;
}

/* ---- deferred calls ---- */

void loop_defer(struct loop *l, struct loop_deferred *d)
{
        if (d->queued)
                return;
        d->queued = true;
        d->next = NULL;
        *l->deferred.last = d;
        l->deferred.last = &d->next;
}

static bool unlink_deferred(struct deferred_list *list, struct loop_deferred *d)
{
        for (struct loop_deferred **p = &list->first; *p; p = &(*p)->next)
                if (*p == d) {
                        *p = d->next;
                        if (!*p)
                                list->last = p;
                        return true;
                }
        return false;
}

void loop_defer_cancel(struct loop *l, struct loop_deferred *d)
{
        if (!d->queued)
                return;
        d->queued = false;
        if (!unlink_deferred(&l->deferred, d))
                unlink_deferred(&l->running, d);
}

static void run_deferred(struct loop *l)
{
        struct loop_deferred *d;

        if (!l->deferred.first)
                return;
        l->running.first = l->deferred.first;
        l->deferred = (struct deferred_list) { NULL, &l->deferred.first };
        while ((d = l->running.first)) {
                l->running.first = d->next;
                d->queued = false;
                if (!d->quiet)
                        count(l);
                d->cb(d);
        }
        l->running.last = &l->running.first;
}

/* ---- turns ---- */

static int wait_events(struct loop *l, usec_t timeout)
{
        struct epoll_event none, *events = l->n_slots ? l->events : &none;
        int max = l->n_slots ? (int)l->n_slots : 1, n;

        if (!l->no_pwait2) {
                struct timespec ts = { 0 };

                if (timeout != USEC_INFINITY)
                        ts = (struct timespec) { MIN(timeout / USEC_PER_SEC, (usec_t)INT_MAX),
                                timeout % USEC_PER_SEC * 1000 };
                n = epoll_pwait2(l->epoll_fd, events, max, timeout == USEC_INFINITY ? NULL : &ts, NULL);
                if (n >= 0 || (errno != ENOSYS && errno != EPERM))
                        return n < 0 ? -errno : n;
                l->no_pwait2 = true; /* an old kernel, or a seccomp filter older than the call */
        }
        if (timeout == USEC_INFINITY)
                n = epoll_wait(l->epoll_fd, events, max, -1);
        else
                n = epoll_wait(l->epoll_fd, events, max,
                        (int)MIN(timeout / USEC_PER_MSEC + (timeout % USEC_PER_MSEC > 0), (usec_t)INT_MAX));
        return n < 0 ? -errno : n;
}

int loop_turn(struct loop *l, usec_t timeout)
{
        int n;

        if (l->deferred.first || timeout < 0)
                timeout = 0;
        else if (l->n_heap > 0 && timeout > 0) {
                usec_t left = l->heap[1]->when - now_monotonic();

                timeout = MIN(timeout, MAX(left, (usec_t)0));
        }
        n = wait_events(l, timeout);
        if (n < 0 && n != -EINTR)
                return n;
        l->wakeups++;
        l->now = now_monotonic();
        l->in_turn = true;
        run_io(l, n > 0 ? (unsigned)n : 0);
        run_timers(l);
        run_deferred(l);
        l->in_turn = false;
        return 0;
}

int loop_run(struct loop *l)
{
        while (!l->exiting) {
                int r = loop_turn(l, USEC_INFINITY);

                if (r < 0)
                        return r;
        }
        l->exiting = false;
        return l->exit_code;
}

void loop_exit(struct loop *l, int code)
{
        l->exiting = true;
        l->exit_code = code;
}

usec_t loop_now(struct loop *l)
{
        return l->in_turn ? l->now : now_monotonic();
}

uint64_t loop_wakeups(struct loop *l)
{
        return l->wakeups;
}
