/* The check of a file system before it is mounted, by the file system's own fsck. */
#pragma once

#include "initramfs/initrd/options.h"
#include "initramfs/initrd/tool.h"

enum check_result {
        CHECK_OK,     /* clean or repaired */
        CHECK_NONE,   /* nothing to run: no fsck for this type in the image, or skipped */
        CHECK_REBOOT, /* repaired, but the machine must restart (2, 3) */
        CHECK_FAILED, /* errors are left (4 and above) */
};

struct check {
        struct tool tool;
        char path[96];
        void (*done)(struct check *c, enum check_result result, int status);
        void *data;
};

/* Starts the check; done is called from the loop, or at once when there is nothing to do. */
void check_start(struct check *c, const struct initrd_options *o, const char *node, const char *type);
