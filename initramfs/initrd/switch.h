/* Mounts: the API file systems, the root, and the step from the image into it. */
#pragma once

#include "initramfs/initrd/options.h"

#define NEW_ROOT "/sysroot"

/* /proc /sys /dev /run, and the standard descriptors on /dev/console. */
int mount_api(void);
/* Mounts node. type may be a comma-separated list, tried in order. */
int mount_device(
        const char *node, const char *where, const char *type, unsigned long flags, const char *data);
/* The program to execute as the real init, as a path in the new root; NULL: none of them is there. tried gets
 * the names for the message. */
const char *find_init(const struct initrd_options *o, struct strbuf *tried);
/* Moves the mounts, deletes the image, and executes init. Returns only on failure. */
int switch_root(const char *init, char **argv);
