/* udevadm(8): one file a group of commands; devices are those of devd/device.h, read from sysfs and /run/udev. */
#pragma once

#include "ctl.h"
#include "devd/db.h"

/* A device by what people type: /dev/…, /sys/…, NAME.device, a devpath. -ENODEV. The database's entry is read. */
int udev_device(const char *arg, struct device **ret);
/* "KEY=value" of all properties, as programs see them; SUBSYSTEM before or after those of the uevent. */
char **udev_properties(struct device *d, bool subsystem_first);
bool udev_is_initialized(struct device *d);
/* 0 once the daemon has handled it, -ETIMEDOUT. */
int udev_wait_initialized(const char *syspath, usec_t timeout);
/* Paths of all devices in sysfs, parents first, of all buses, drivers and modules, or of both. */
enum udev_kinds { UDEV_DEVICES = 1, UDEV_SUBSYSTEMS = 2, UDEV_ALL = 3 };
int udev_list(enum udev_kinds kinds, char ***ret);
/* The netlink group 1 (the kernel's uevents) or 2 (the daemon's), and the next believable message of it: its length
 * (the buffer has one byte more than size), 0 for one that is not to be believed, or -errno. */
int udev_monitor_open(bool udev);
ssize_t udev_monitor_receive(int fd, bool udev, char *buf, size_t size);
/* The "KEY=value\0" block of a message: where it begins, NULL when this is none; and a value in it. */
const char *udev_message_properties(const char *buf, size_t len, bool udev, size_t *ret_len);
const char *udev_message_value(const char *properties, size_t len, const char *key);
/* udevadm info: one device with all that is known, each line after a prefix; the tree of them. */
void udev_print_all(struct device *d, bool subsystem_first, const char *prefix);
int udev_print_tree(const char *only_syspath);

/* Sends a command to the daemon and waits until it has taken it. */
int udev_control(int type, int value, const char *text, usec_t timeout);
/* For poll(2): milliseconds until then, rounded up; -1 for never. */
int udev_remaining_ms(usec_t until);
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
int udevadm_test(int argc, char **argv);
