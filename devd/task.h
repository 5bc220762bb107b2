/* Child processes of the main process: programs that rules name, and functions of our own that may block.
 *
 * A function task is a plain fork, or, if it is made for that, a child that shares our memory, as one that executes
 * a program does: no page tables are copied, and neither side pays for pages that the other one touches. One that
 * hangs in the kernel holds up nobody else. The child has no descriptor of ours but the output pipe. fn's return value (0 or a negative errno) is the result, what it writes to out_fd the message.
 *
 * A program gets only the environment given, /dev/null as stdin, the pipe as stdout. The command is split at
 * blanks, quotes group; a relative name is looked up in /usr/lib/udev. Result: exit status, or -errno
 * (-ETIMEDOUT: killed at its time limit; -EINTR: ended by a signal).
 *
 * At most children_max programs run at once, the others wait in order. done is called from the loop, never from
 * task_fn()/task_program() themselves. */
#pragma once

#include "devd.h"

struct task;

typedef void (*task_done_t)(int result, const char *output, size_t len, void *data);

int tasks_new(struct devd *m);
/* Kills programs, leaves functions (a module load is never killed). */
void tasks_free(struct devd *m);
size_t tasks_running(const struct devd *m);

/* timeout USEC_INFINITY: never killed. ret may be NULL. */
int task_fn(struct devd *m, const char *name, int (*fn)(int out_fd, void *arg), void *arg, usec_t timeout,
        task_done_t done, void *data, struct task **ret);
/* The same without a time limit, in a child that shares our memory while we go on: fn does raw system calls only,
 * allocates nothing, and what it reads stays as it is until done is called (lib/raw.h). */
int task_raw(struct devd *m, const char *name, int (*fn)(int out_fd, void *arg), void *arg, task_done_t done,
        void *data);
int task_program(struct devd *m, const char *command, char *const *env, usec_t timeout, task_done_t done,
        void *data, struct task **ret);
/* The owner is gone: done will not be called. */
void task_forget(struct task *t);
