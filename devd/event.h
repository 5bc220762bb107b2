/* One event from the queue to its end (udev.md, "Event lifecycle").
 *
 *     start → prepare → rules ⇄ (program, probe) → rename → node, links, database → RUN list → end
 *
 * The rules run in this process. When they need something that may block, the op notes what (struct pending) and
 * answers RULES_DEFER; it is done in a task or worker, its answer is kept (struct memo), and the rules go on where
 * they were put off. Where they were replaced meanwhile they run again from the start with a fresh device, answered
 * from the memos in the same order. Most events need that never, a disk whose contents are not known yet needs it once.
 *
 * event.c: the steps. event-ops.c: rules_ops, pending and memos. event-finish.c: rename, node, database, RUN list. */
#pragma once

#include "devd.h"
#include "queue.h"
#include "task.h"
#include "worker-pool.h"

struct memo {
        bool builtin;
        char *command;
        int result;
        char *output; /* a program's */
        void *answer; /* a builtin's: the fields of WK_DONE */
        size_t answer_len;
};

struct event_run {
        struct event_run *next, *prev; /* all that run now */
        struct devd *m;
        struct event *e;
        struct device *d, *old;
        bool old_read;
        struct rules_event re;

        struct memo *memos;
        size_t n_memos, cursor;
        char *pending; /* command of the op that was deferred */
        bool pending_builtin;
        unsigned replays;
        bool counted; /* among those that rouse-initrd has probed */

        bool written; /* the entry, in this event */
        bool unwritten; /* entry, tags or links could not be written for want of space, or a process not be had */
        int rules_result; /* what rules_apply() ended with */
        bool delayed;     /* the next program of RUN has waited for its time */
        size_t run_next;  /* RUN list */
        char **env;
        struct task *task; /* what is waited for, if anything */
        struct request *request;
        struct loop_timer retry; /* the disk is locked by somebody, or a link's directory */
        usec_t retry_until;
};

/* Starts whatever may run. */
void events_pump(struct devd *m);
/* A new event was queued, or one ended. */
void events_pump_later(struct devd *m);
/* At exit: forgets what is running. */
void events_abandon(struct devd *m);

/* event-ops.c */
extern const struct rules_ops event_ops;
/* Starts what the rules were deferred for; event_rules() is called when it is there. 0 or -errno. */
int event_start_pending(struct event_run *run);
/* It could not be started: the rules get r as its answer when they run again; and for want of memory or of processes all
 * of the event is done once more, later. */
void event_pending_failed(struct event_run *run, int r);
void event_memos_free(struct event_run *run);

/* event.c: (re)runs the rules, and goes on. */
void event_rules(struct event_run *run);
/* Broadcasts, tells PID 1, gives the event back to the queue. */
void event_end(struct event_run *run, bool tell);

/* event-finish.c: all after the rules. */
void event_finish(struct event_run *run);
