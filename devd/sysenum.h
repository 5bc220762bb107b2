/* All devices of /sys as uevents, without asking the kernel for any: a directory of /sys/class or /sys/bus at a
 * time, those first that a boot waits for (disks, then buses whose drivers are modules, net, tty …). */
#pragma once

#include "device.h"

struct sysenum_source {
        char *dir; /* "/sys/class/block" */
        char *subsystem;
        bool plain; /* entries are the directories themselves (modules, drivers, subsystems) */
};

struct sysenum {
        struct sysenum_source *source;
        size_t n;
};

int sysenum_open(struct sysenum *s);
void sysenum_done(struct sysenum *s);
/* Calls cb for each device of one source, parents before children, with an event as the kernel would send it. */
typedef void (*sysenum_cb)(const struct uevent *u, void *data);
int sysenum_walk(
        const struct sysenum_source *s, const char *action, uint64_t seqnum, sysenum_cb cb, void *data);
/* One device: its event into u. -ENODEV when it is not there. */
int sysenum_event(
        struct uevent *u, const char *action, const char *devpath, const char *subsystem, uint64_t seqnum);
