/* udevadm(8): one file a group of commands; devices are those of devd/device.h, read from sysfs and /run/udev. */
#pragma once

#include "ctl.h"
#include "devd/db.h"

/* A device by what people type: /dev/…, /sys/…, NAME.device, a devpath. -ENODEV. The database's entry is read. */
int udev_device(const char *arg, struct device **ret);
/* "KEY=value" of all properties, as programs see them. */
char **udev_properties(struct device *d);
bool udev_is_initialized(struct device *d);
/* Calls fn for every device in sysfs, parents first. */
int udev_foreach(void (*fn)(struct device *d, void *data), void *data);

/* Sends a command to the daemon and waits until it has taken it. */
int udev_control(int type, int value, const char *text, usec_t timeout);
/* 0 when the queue is empty, -ETIMEDOUT. */
int udev_settle(usec_t timeout, const char *exit_if_exists);
#define UDEV_TIMEOUT (120 * USEC_PER_SEC)

int udevadm_info(int argc, char **argv);
int udevadm_trigger(int argc, char **argv);
int udevadm_settle(int argc, char **argv);
int udevadm_control(int argc, char **argv);
int udevadm_monitor(int argc, char **argv);
int udevadm_wait(int argc, char **argv);
int udevadm_lock(int argc, char **argv);
int udevadm_hwdb(int argc, char **argv);
int udevadm_unsupported(int argc, char **argv);
