/* The event loop: one epoll, level-triggered, single-threaded.
 *
 * A source is a struct that its owner embeds or keeps; the loop never owns it. Sources may be removed, and
 * their memory freed, from any callback (also their own): events already fetched for a removed source are
 * dropped. Order within one turn: fds by priority (lower first), then timers due, then deferred calls.
 * Timers sit in a heap over CLOCK_MONOTONIC; nothing wakes up without a reason. */
#pragma once

#include <sys/epoll.h>
#include "util.h"

struct loop;

/* All three kinds: zero-initialise, then set the members above "loop's own". */
struct loop_io {
        int fd;          /* -1: not registered */
        uint32_t events; /* EPOLLIN … */
        int priority;    /* lower is handled first within a turn; 0 is normal */
        bool quiet;      /* calls of cb are not counted: see loop_count() */
        void (*cb)(struct loop_io *io, uint32_t revents);
        void *data;
        unsigned slot; /* loop's own */
};

struct loop_timer {
        usec_t when; /* CLOCK_MONOTONIC; USEC_INFINITY: not armed (also when cb is called) */
        void (*cb)(struct loop_timer *t);
        void *data;
        size_t heap_index; /* loop's own; 0 = not in the heap */
};

/* Runs once, at the end of the turn in which it was queued (or the next one when queued by a deferred). */
struct loop_deferred {
        void (*cb)(struct loop_deferred *d);
        void *data;
        bool quiet, queued;
        struct loop_deferred *next;
};

int loop_new(struct loop **ret);
void loop_free(struct loop *l);

/* io->fd, events, cb set by the caller. The fd stays the caller's. */
int loop_io_add(struct loop *l, struct loop_io *io);
int loop_io_modify(struct loop *l, struct loop_io *io, uint32_t events);
/* Before the fd is closed. Harmless when not registered; io->fd becomes -1. */
void loop_io_remove(struct loop *l, struct loop_io *io);

/* Arms (or re-arms) t for an absolute CLOCK_MONOTONIC time; USEC_INFINITY disarms. */
int loop_timer_set(struct loop *l, struct loop_timer *t, usec_t when);
void loop_timer_cancel(struct loop *l, struct loop_timer *t);
static inline bool loop_timer_armed(const struct loop_timer *t)
{
        return t->heap_index != 0;
}

void loop_defer(struct loop *l, struct loop_deferred *d);
void loop_defer_cancel(struct loop *l, struct loop_deferred *d);

/* One turn: waits at most timeout (USEC_INFINITY: for ever), handles what there is. 0 or -errno. */
int loop_turn(struct loop *l, usec_t timeout);
/* Turns until loop_exit(). Returns its code. */
int loop_run(struct loop *l);
void loop_exit(struct loop *l, int code);
/* Raises *counter before each callback, but for the quiet ones: who sees the same number twice, also from another process,
 * knows that none ran in between. NULL: no more. */
void loop_count(struct loop *l, uint64_t *counter);
/* CLOCK_MONOTONIC at the start of this turn's callbacks; outside a turn, the clock. */
usec_t loop_now(struct loop *l);
/* Number of times that the loop woke up (for the boot's statistics). */
uint64_t loop_wakeups(struct loop *l);
