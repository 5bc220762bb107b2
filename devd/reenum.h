/* Finding what was missed: after the kernel had to drop uevents, and when a devd takes over from one before it.
 *
 * Every device that ended an event is noted (path → id), so a device that is gone can still be named. */
#pragma once

#include "devd.h"

void reenum_note(struct devd *m, struct device *d);
bool reenum_known(struct devd *m, const char *devpath);
/* The first thing a devd does that follows another: differences only. */
void reenum_takeover(struct devd *m);
bool reenum_pending(const struct devd *m);
void reenum_free(struct devd *m);
