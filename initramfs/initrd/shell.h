/* The shell on the console, where the image holds one. */
#pragma once

#include "lib/loop.h"

struct shell {
        struct loop *loop;
        struct loop_io child;
        pid_t pid;
        void (*ended)(struct shell *s);
        void *data;
};

/* Starts sulogin, /bin/sh or /bin/busybox in a session of its own. -ENOENT: the image has none. -EBUSY: one runs. */
int shell_start(struct shell *s);
/* Ends a shell that nobody needs any more, since the boot goes on. */
void shell_end(struct shell *s);
