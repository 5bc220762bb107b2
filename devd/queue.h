/* Which event may run now.
 *
 * Events come in the order in which the kernel sent them. One must wait for every earlier one that has the same
 * device id or node, or whose DEVPATH (or DEVPATH_OLD) is the same, above, or below its own; all others run
 * beside each other. No list is searched for that: pending paths stand in a tree with one node a path component
 * (found by hash), each node, each id and each device node knows its newest pending event, its tail. A new event
 * waits for the tails on its way down from the root, for those of everything below it, and for its id's and its
 * node's; the tails in turn wait for those before them. So a storm on one device costs one edge an event.
 *
 * An event is owned by the queue from queue_add() to queue_done(). */
#pragma once

#include "lib/hash.h"
#include "lib/loop.h"
#include "lib/uevent.h"

struct path_node;
struct event_run;

struct event {
        char *raw; /* the kernel's message, NULL for one of our own making */
        size_t raw_len;
        char *action, *devpath, *devpath_old, *id, *devnode;
        uint64_t seqnum; /* 0: of our own making */
        usec_t received;

        struct event **dependents; /* wait for this one */
        size_t n_dependents, cap_dependents;
        unsigned n_blockers;
        struct path_node *path, *path_old;
        bool running, ready;
        struct event *next_ready;
        struct event_run *run; /* event.c's */
};

struct queue {
        struct hash paths; /* full path → struct path_node */
        struct hash keys;  /* id, device node → newest pending event */
        struct event *ready, **ready_tail;
        size_t n; /* pending, running ones included */
        size_t n_ready, n_running;
        bool stopped; /* udevadm control --stop-exec-queue */
        void *data;
};

void queue_init(struct queue *q);
void queue_done_all(struct queue *q);
/* A copy of the kernel's message. */
int queue_add(struct queue *q, const struct uevent *u);
/* An event of our own making (coldplug, re-enumeration). subsystem, devnode and id may be NULL. */
int queue_add_synthetic(
        struct queue *q, const char *action, const char *devpath, const char *id, const char *devnode);
/* The oldest that may run (now marked running), or NULL. */
struct event *queue_next(struct queue *q);
/* The event is over: those that waited for nothing else become ready. Frees e. */
void queue_finish(struct queue *q, struct event *e);
/* Is anything pending for this path itself? */
bool queue_has_path(struct queue *q, const char *devpath);
