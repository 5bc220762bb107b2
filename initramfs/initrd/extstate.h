/* What the superblock of an ext2, ext3 or ext4 says of its own health: whether fsck would have anything to do. The
 * fields and the rules are those of the kernel's documentation (Documentation/filesystems/ext4) and of e2fsck(8). */
#pragma once

#include "lib/util.h"

#define EXT_SUPERBLOCK 1024 /* its offset, and its length */

enum ext_state {
        EXT_CLEAN,   /* nothing to do */
        EXT_JOURNAL, /* clean once its journal has been replayed, which a mount does */
        EXT_CHECK,   /* errors, never unmounted, or a check is due */
        EXT_UNKNOWN, /* no such file system, or it cannot be read */
};

/* sb: EXT_SUPERBLOCK bytes; now: seconds since 1970. why, of EXT_CHECK: a few words. */
enum ext_state ext_state(const uint8_t *sb, int64_t now, const char **ret_why);
/* Of what is on a device now. */
enum ext_state ext_state_of(const char *node, const char **ret_why);
