/* From a configuration to an image in memory. */
#pragma once

#include "initramfs/config.h"
#include "initramfs/image.h"

/* -ENOENT when something that the root needs is missing; the image's `missing` and the log name it. */
int generate(const struct config *c, struct image *im);
