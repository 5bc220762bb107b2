/* What rouse-initrd learnt by probing, left in /run/rouse/initrd.devices for devd, which need not probe again.
 *
 * Text, one line a block device that was opened and probed with success (also when nothing was found on it):
 *
 *     MAJ:MIN DISKSEQ SYSFSPATH KEY=VALUE KEY=VALUE …
 *     254:1 9 /devices/pci0000:00/0000:00:04.0/virtio1/block/vda/vda1 ID_FS_TYPE=ext4 ID_FS_USAGE=filesystem …
 *
 * DISKSEQ is /sys/…/diskseq of the disk (0: the kernel has none); a line counts only for a device with the same
 * number, sysfs path and DISKSEQ. Keys are exactly what udev's blkid builtin sets (ID_FS_TYPE, ID_FS_USAGE,
 * ID_FS_VERSION, ID_FS_UUID, ID_FS_UUID_ENC, ID_FS_UUID_SUB, ID_FS_UUID_SUB_ENC, ID_FS_LABEL, ID_FS_LABEL_ENC,
 * ID_PART_TABLE_TYPE, ID_PART_TABLE_UUID, ID_PART_ENTRY_*), with values encoded as there, which leaves no white
 * space in them. Devices with a conflict of signatures are left out: they are probed again, and the conflict
 * is reported where it can be seen. SYSFSPATH is a uevent's DEVPATH. */
#pragma once

#include "util.h"

struct initrd_device {
        unsigned major, minor;
        uint64_t diskseq;
        const char *devpath;
        char **properties; /* "KEY=VALUE", NULL-terminated; into the text, not to be freed one by one */
};

struct initrd_devices {
        char *text;
        struct initrd_device *dev;
        size_t n;
};

/* Reads path (NULL: ROUSE_INITRD_DEVS). -ENOENT: no rouse-initrd ran. Malformed lines are skipped. */
int initrd_devices_read(const char *path, struct initrd_devices *ret);
void initrd_devices_done(struct initrd_devices *d);
/* The entry that counts for this device, or NULL. */
const struct initrd_device *initrd_devices_find(
        const struct initrd_devices *d, unsigned maj, unsigned min, const char *devpath, uint64_t diskseq);
