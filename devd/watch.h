/* OPTIONS+="watch": a block device that somebody had open for writing is looked at again when it is closed.
 *
 * inotify on the node; /run/udev/watch/ID → wd and wd → ID as other programs expect. What follows a close-write
 * (reading the partition table again, asking the kernel for "change" events) opens the disk, so a child does it. */
#pragma once

#include "devd.h"

int watches_new(struct devd *m);
void watches_free(struct devd *m);
void watch_begin(struct devd *m, const struct device *d);
/* While an event of the device is handled, what is written to it is not heard; then watch_begin() or watch_end(). */
void watch_pause(struct devd *m, const char *id);
void watch_end(struct devd *m, const char *id);
