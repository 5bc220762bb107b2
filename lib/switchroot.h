/* The step from an initramfs into the real root, made by the initramfs' last program. */
#pragma once

#include "lib/str.h"

/* The program to execute as the real init: wanted if that is one, else a usual one. A path in the root that is mounted
 * on where; NULL: none of them is there. tried gets the names for the message. */
const char *switch_root_init(const char *where, const char *wanted, struct strbuf *tried);
/* Moves /dev, /proc, /sys and /run, makes where the root, deletes what the kernel unpacked, and executes init. Returns
 * only on failure. */
int switch_root(const char *where, const char *init, char **argv);
/* Keeps the image's /shutdown (rouse-shutdown) as /run/initramfs/shutdown, where any PID 1 looks for the program that takes
 * down what the root lies on. -ENOENT: the image has none. */
int switch_root_keep_shutdown(void);
