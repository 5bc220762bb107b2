/* Power, reset and sleep keys of devices with the tag "power-switch", told to PID 1, which leaves them to logind where that
 * runs: without it nobody else hears the power button. */
#pragma once

#include "devd.h"

int keys_new(struct devd *m);
void keys_free(struct devd *m);
/* Those that a devd before us tagged. */
void keys_open_known(struct devd *m);
void keys_event(struct devd *m, const struct device *d);
