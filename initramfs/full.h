/* An image with PID 1, the device daemon and units in it (--full), for machines that want to run units before the root is
 * there. What it mounts is init/generate-sysroot.c's; how it leaves, init/switch-root.c's. */
#pragma once

#include "initramfs/config.h"
#include "initramfs/image.h"

/* Everything but modules and rouse-initrd, which any image has. */
int full_install(const struct config *c, struct image *im);
