/* The block devices that have appeared, and what libblkid's low-level probe found on each.
 *
 * Every device is probed once when it appears, and again when the kernel says that it changed. Floppies, RAM and
 * empty loop devices are not opened. What was found is kept for comparing with root=, for messages, and for devd
 * (lib/initrddevs.h). */
#pragma once

#include "initramfs/initrd/options.h"
#include "lib/str.h"
#include "lib/uevent.h"

struct block {
        char *devpath; /* as in uevents: "/devices/…/block/vda" */
        char *node;    /* "/dev/vda" */
        unsigned major, minor;
        uint64_t diskseq;
        bool probed, conflict; /* conflict: two signatures that exclude each other */
        int error;             /* negative errno when it could not be opened or read */
        /* raw values, NULL for what there is not */
        char *type, *usage, *uuid, *label, *partuuid, *partlabel, *table, *part_type, *part_disk,
                *part_flags;
        char *dm_name, *dm_uuid; /* of a device-mapper device */
        bool taken;              /* given to the handler of its type (stack.h) */
        bool held; /* a way to a disk, or it may be one (multipath.c): what is on it does not count */
        enum { WAYS_UNKNOWN, WAYS_ASKED, WAYS_KNOWN } ways; /* has multipath looked at it? */
        char **properties;                                  /* as udev has them */
};

struct blocks {
        struct block **block;
        size_t n;
};

/* A device of subsystem block that is there or has changed. *ret gets the probed entry, or NULL for a device that
 * is left alone. */
int blocks_update(struct blocks *b, const char *devpath, const char *node, unsigned maj, unsigned min,
        struct block **ret);
/* Fills the values of an entry from what is on fd; the part of blocks_update() that reads what others wrote. */
int block_probe(struct block *d, int fd);
void block_forget(struct block *d);
void blocks_remove(struct blocks *b, unsigned maj, unsigned min);
/* Calls fn for each device that the kernel has already. */
int blocks_enumerate(
        void (*fn)(const char *devpath, const char *node, unsigned maj, unsigned min, void *data),
        void *data);
/* Is this a part of something that is made of several, as the halves of a mirrored LV, or has somebody built
 * something on it already? Such a device shows what the whole shows, and is never a root. */
bool block_is_part(const struct block *d);
/* A volume that LVM keeps for itself: half of a mirror, the data of a thin pool … */
bool block_is_lvm_part(const struct block *d);
bool block_matches(const struct block *d, const struct root_spec *spec);
/* The first that was probed and matches. */
struct block *blocks_find(const struct blocks *b, const struct root_spec *spec);
struct block *blocks_find_number(const struct blocks *b, unsigned maj, unsigned min);
void blocks_done(struct blocks *b);
/* "/dev/vda1 ext4 UUID=… LABEL=…" */
void block_describe(const struct block *d, struct strbuf *out);
/* The text of /run/rouse/initrd.devices. */
void blocks_write(const struct blocks *b, struct strbuf *out);
