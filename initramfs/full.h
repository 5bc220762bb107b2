/* An image with PID 1, the device daemon and units in it (--full), for machines that want to run units before the root is
 * there. What it mounts is init/generate-sysroot.c's; how it leaves, init/switch-root.c's. */
#pragma once

#include "initramfs/config.h"
#include "initramfs/image.h"

/* Everything but modules and rouse-initrd, which any image has. */
int full_install(const struct config *c, struct image *im);

/* Can an image with units have this feature (features.h)? What it needs there besides the feature's own row: rules, units, and
 * the programs that they run. */
bool full_has_feature(const char *feature);
int full_add_feature(struct image *im, const char *feature);
