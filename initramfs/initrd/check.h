/* The check of a file system before it is used.
 *
 * An ext file system that is healthy by its superblock needs no program. For one that is not, and for other types, fsck
 * runs: the image's before the mount; without one in the image the root's own, once the root is mounted read-only. */
#pragma once

#include "initramfs/initrd/options.h"
#include "initramfs/initrd/tool.h"

enum check_result {
        CHECK_OK,     /* clean or repaired */
        CHECK_NONE,   /* nothing to run: no fsck for this type in the image, or skipped */
        CHECK_REBOOT, /* repaired, but the machine must restart (2, 3) */
        CHECK_FAILED, /* errors are left (4 and above) */
        CHECK_LATER,  /* mount it read-only, then check_mounted() */
};

struct check {
        struct tool tool;
        char path[96];
        const char *root; /* of check_mounted() */
        bool ran;         /* the image's fsck */
        void (*done)(struct check *c, enum check_result result, int status);
        void *data;
};

/* Starts the check; done is called from the loop, or at once when there is nothing to do. */
void check_start(struct check *c, const struct initrd_options *o, const char *node, const char *type);
/* Its mount failed: the image's fsck looks at it after all, if there is one that has not done so. True: done is called. */
bool check_again(struct check *c, const struct initrd_options *o, const char *node, const char *type);
/* The second part, for what is mounted read-only on root, which has the program; done is called as before, without
 * CHECK_LATER. */
void check_mounted(struct check *c, const struct initrd_options *o, const char *node, const char *type,
        const char *root);
