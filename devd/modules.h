/* Loading kernel modules, never in this process and never killed.
 *
 * Aliases are looked up in the mapped digest (lib/digest.h); what is not there yet is inserted, dependencies
 * first, by a child of its own a module (task.h), so all loads run beside each other; the kernel itself lets a
 * second insertion of one module wait for the first. Where no digest fits, or an `install` line wants it, a
 * worker with live libkmod does it. Events do not wait for their modules; settle and the queue flag do. */
#pragma once

#include "devd.h"

int modules_new(struct devd *m);
void modules_free(struct devd *m);
size_t modules_pending(const struct devd *m);
/* The kmod builtin: args "load", for the device's MODALIAS, or "load NAME…". Begins it; 0 or -errno. */
int modules_builtin(struct devd *m, struct device *d, const char *args);
/* Loads by name or alias; low: behind all other work. done gets the number that failed and a message (NULL when none did). */
typedef void (*modules_done_t)(unsigned failed, const char *message, void *data);
int modules_load(struct devd *m, char *const *names, bool low, modules_done_t done, void *data);
/* Begins what was put off while coldplug_holds(). */
/* Gives the mapped digest back, until a module is asked for again. */
void modules_trim(struct devd *m);
void modules_resume(struct devd *m);
/* Insertions begun since start. */
unsigned modules_started(const struct devd *m);
