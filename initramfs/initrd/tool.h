/* Programs of the distribution that rouse-initrd runs: fsck, cryptsetup, lvm, mdadm, mount.nfs, tar …
 *
 * One struct runs one program at a time. What it prints goes to the log line by line, its end is an event. They
 * run without udev, which is not there to answer (DM_DISABLE_UDEV, MDADM_NO_UDEV). */
#pragma once

#include "lib/loop.h"

/* What a program has printed, for who reads a secret from it. */
struct tool_capture {
        char text[8192];
        size_t len;
        bool too_long;
};

struct tool {
        struct loop *loop;
        /* code: exit code, 128 + number when a signal ended it, negative errno when it could not be started */
        void (*done)(struct tool *t, int code);
        void *data;
        int level;                /* of what it prints; LOG_INFO by default */
        const char *root;         /* what it sees as its root; NULL: ours */
        char *const *environment; /* besides the usual; NULL: none */
        struct tool_capture
                *capture; /* its standard output is kept there; it reads from and complains to the
                                         console */
        /* the tool's own */
        struct loop_io child, output;
        pid_t pid;
        char program[64]; /* for messages: without the directory */
        char line[512];
        size_t len;
};

bool tool_there(const char *path); /* is it in this image? */
/* argv[0] is the path. input (NULL: none) is what the program reads on its standard input, at most 64 KiB.
 * Negative errno when nothing was started, and then done is not called. */
int tool_start(struct tool *t, const char *const *argv, const void *input, size_t len);
static inline bool tool_runs(const struct tool *t)
{
        return t->pid > 0;
}
