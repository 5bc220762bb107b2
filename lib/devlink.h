/* The protocol between PID 1 and rouse-devd: lib/wire.h messages over a SOCK_SEQPACKET pair that PID 1 makes
 * and hands over as fd 3 of devd (LISTEN_FDNAMES "link"); the kernel uevent netlink socket is fd 4 ("uevent"),
 * the udev control socket fd 5 ("control"). PID 1 keeps all three, so that a restarted devd loses nothing.
 *
 * Level-triggered on both sides: after (re)connecting devd sends DL_HELLO, PID 1 answers DL_HELLO and then all
 * its DL_WATCH and DL_MOUNT requests; devd answers with the state of each as it is, and with every later
 * change. Neither side ever waits for the other. Fields in the order given; s = string, u = u32, q = u64.
 *
 * A watched name that is not there is answered once the queue is empty, by DL_DEVICE with state DL_DEV_GONE and the
 * name itself as sysfs path (when it begins with /sys/) or as node; a network interface that is being renamed is
 * told under its final name only. Answers to requests with an id repeat the id.
 *
 * Names of devices: sysfs path ("/sys/devices/…"), node ("/dev/vda1") or link ("/dev/disk/by-uuid/…"); PID 1
 * turns them into .device unit names itself. */
#pragma once

#include "wire.h"

enum devlink_type {
        /* both ways */
        DL_HELLO = 1, /* u protocol version, q generation (counts up with each devd that starts) */

        /* PID 1 → devd */
        DL_WATCH = 10,   /* s name: tell me when this device appears, changes, goes */
        DL_UNWATCH,      /* s name */
        DL_MOUNT,        /* s where, s what, s type (NULL: auto), s options, u flags (DL_MOUNT_*) */
        DL_UMOUNT,       /* s where, u lazy, u force */
        DL_WATCH_MOUNTS, /* send DL_MOUNTINFO for all that is mounted, then every change */
        DL_COLDPLUG,     /* begin coldplug (PID 1 sends it at once; systemd-udev-trigger.service is it) */
        DL_SETTLE,       /* answer DL_SETTLED when the queue has been empty; id is repeated */
        DL_LOAD_MODULES, /* id; u n, s×n module names, u flags (DL_MODULES_*); answer DL_MODULES_DONE */
        DL_RELOAD,       /* read rules, .link files and udev.conf again */
        DL_STATIC_NODES, /* create modules.devname nodes; answer DL_MODULES_DONE */
        DL_BOOTED,       /* the boot's jobs are done: what was put off may go on */

        /* devd → PID 1 */
        DL_DEVICE = 40, /* s sysfs path, s node or NULL, u state (DL_DEV_*), u n, s×n links (only those that
                              this device won), u n, s×n properties SYSTEMD_*=… ID_MODEL=… ID_VENDOR_…=…; for
                              watched names, for devices with SYSTEMD_WANTS/ALIAS, and for tag "systemd" */
        DL_MOUNT_DONE,  /* s where, u error (0 = mounted), s message */
        DL_UMOUNT_DONE, /* s where, u error, s message */
        DL_MOUNTINFO,   /* u change (1 mounted, 0 gone), s where, s what, s type, s options */
        DL_MOUNTINFO_END, /* the first full listing is complete */
        DL_SETTLED,       /* id */
        DL_MODULES_DONE,  /* id, u number that failed (not: that do not exist), s message or NULL */
        DL_KEY,           /* s "power" | "reboot" | "sleep": pressed on a power-switch device */
        DL_QUEUE,    /* u number of events queued or running (sent when it becomes 0 and when it leaves 0) */
        DL_SWAPINFO, /* u change, s what (from /proc/swaps), u priority (as int32_t) */
        DL_SNAPSHOT_END, /* after DL_HELLO: all that the database knows with tag "systemd" has been sent; what is
                              not among it, and not watched, is gone */
};

enum { DL_MOUNT_REMOUNT = 1, DL_MOUNT_SLOPPY = 2, DL_MOUNT_RWONLY = 4 };
enum { DL_MODULES_LOW = 1 /* nobody waits: behind all other work */ };
enum { DL_DEV_GONE = 0, DL_DEV_PRESENT = 1, DL_DEV_NOT_READY = 2 /* SYSTEMD_READY=0 */ };
