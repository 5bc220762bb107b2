/* Finding what was missed: after the kernel had to drop uevents, and when a devd takes over from one before it.
 *
 * Every device that ended an event is noted (path → id), so a device that is gone can still be named. */
#pragma once

#include "devd.h"

void reenum_note(struct devd *m, struct device *d);
/* The entry or a link of a device (noted already) could not be written, /run is full: the device is looked at again
 * until it can be. written: something could. */
void reenum_failed(struct devd *m, const char *devpath);
void reenum_written(void);
/* Its entry may not name all links that it has. */
bool reenum_has_failed(const char *devpath);
bool reenum_known(struct devd *m, const char *devpath);
/* The first thing a devd does that follows another: differences only. */
void reenum_takeover(struct devd *m);
/* Brings what is noted together in as little memory as it needs. */
void reenum_pack(void);
bool reenum_pending(const struct devd *m);
void reenum_free(struct devd *m);
