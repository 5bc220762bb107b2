/* Coldplug: every device that is there when devd starts, straight from /sys. One directory a turn of the loop, so
 * that events and PID 1 are heard meanwhile; what no rule can touch costs reading its uevent file and nothing else.
 *
 * In two parts under PID 1: what a boot may wait for (disks, buses with modules, network), and all the rest. The
 * rest, and modules that only an alias asks for, are held until somebody asks (a watched name that is not there,
 * settle), until PID 1 has nothing else to do (DL_BOOTED), three seconds at the most: a module's signature is checked in one
 * uninterruptible piece of 20 to 150 ms, and on the way to the services nobody reads the database entry of the
 * sixty-third virtual terminal. */
#pragma once

#include "devd.h"

int coldplug_start(struct devd *m);
/* The same, unless a devd of this boot has done it: then what has changed since is looked for. */
int coldplug_or_takeover(struct devd *m);
void coldplug_free(struct devd *m);
/* Ends the hold: goes on with the rest, loads what was put off. */
void coldplug_hurry(struct devd *m);
bool coldplug_held(const struct devd *m);  /* the first part is walked, the rest waits */
bool coldplug_holds(const struct devd *m); /* should what can wait be put off? */
/* While held: handles the one terminal that is watched ("/dev/ttyS0"). False when name is not such. */
bool coldplug_fetch(struct devd *m, const char *name);
bool coldplug_active(const struct devd *m);
/* Was it ever begun by this daemon or the one before it? */
bool coldplug_begun(const struct devd *m);
