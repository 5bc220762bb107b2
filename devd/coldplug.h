/* Coldplug: every device that is there when devd starts, straight from /sys. One directory a turn of the loop, so
 * that events and PID 1 are heard meanwhile; what no rule can touch costs reading its uevent file and nothing else. */
#pragma once

#include "devd.h"

int coldplug_start(struct devd *m);
void coldplug_free(struct devd *m);
bool coldplug_active(const struct devd *m);
/* Was it ever begun by this daemon or the one before it? */
bool coldplug_begun(const struct devd *m);
