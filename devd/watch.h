/* OPTIONS+="watch": a block device that somebody had open for writing is looked at again when it is closed.
 *
 * inotify on the node; /run/udev/watch/ID → wd and wd → ID as other programs expect. What follows a close-write
 * (reading the partition table again, asking the kernel for "change" events) opens the disk, so a child does it. */
#pragma once

#include "devd.h"

int watches_new(struct devd *m);
void watches_free(struct devd *m);

/* An event of the device is handled: a look that is due waits until watch_begin(), or is called off by watch_end(). */
void watch_pause(struct devd *m, const char *id);
/* Before a probe of the device: what is written from now on, the probe may not have seen. */
void watch_probe(struct devd *m, const struct device *d);
/* Around each program that the event runs: what it writes brings no further event. */
void watch_deafen(struct devd *m, const char *id, bool deaf);
/* The event is over. */
void watch_begin(struct devd *m, const struct device *d);
void watch_end(struct devd *m, const char *id);
