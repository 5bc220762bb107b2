/* The check of the root's file system before it is mounted, by the file system's own fsck. */
#pragma once

#include "initramfs/initrd/options.h"
#include "lib/loop.h"

enum check_result {
        CHECK_OK,     /* clean or repaired */
        CHECK_NONE,   /* nothing to run: no fsck for this type in the image, or skipped */
        CHECK_REBOOT, /* repaired, but the machine must restart (2, 3) */
        CHECK_FAILED, /* errors are left (4 and above) */
};

struct check {
        struct loop *loop;
        struct loop_io child;
        struct loop_io output;
        pid_t pid;
        bool finished;
        char program[64];
        char line[512];
        size_t len;
        void (*done)(struct check *c, enum check_result result, int status);
        void *data;
};

/* Starts the check; done is called from the loop, or at once when there is nothing to do. */
void check_start(struct check *c, const struct initrd_options *o, const char *node, const char *type);
