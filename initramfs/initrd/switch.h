/* Mounts: the API file systems and the root. */
#pragma once

#include "initramfs/initrd/options.h"

#define NEW_ROOT "/sysroot"

/* /proc /sys /dev /run, and the standard descriptors on /dev/console. */
int mount_api(void);
/* Mounts node. type may be a comma-separated list, tried in order. */
int mount_device(
        const char *node, const char *where, const char *type, unsigned long flags, const char *data);
