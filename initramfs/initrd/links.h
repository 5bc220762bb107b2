/* The names under /dev/disk that udev's rules make from what a device says of itself, worked out from /sys for one
 * device at a time: by-id of virtio, NVMe, SCSI, ATA and USB disks, of dm and md devices, by-path, by-diskseq. */
#pragma once

#include "initramfs/initrd/options.h"

/* Is below ("by-id/virtio-disk0-part1") a name of the device? */
bool link_matches(const char *below, const struct root_candidate *c);
