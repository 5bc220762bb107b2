/* Disk images: what file systems they hold, as detached mounts (exec-main-disk.c). */
#pragma once

#include "lib/util.h"

/* Partitions of the Discoverable Partitions Specification that are mounted, in this order. */
enum disk_part {
        PART_ROOT,
        PART_USR,
        PART_HOME,
        PART_SRV,
        PART_VAR,
        PART_TMP,
        PART_XBOOTLDR,
        PART_ESP,
        PART_MAX
};
/* "root" …; -EINVAL. */
int disk_part_from_string(const char *s, size_t n);

struct disk {
        int fd[PART_MAX]; /* detached mounts, -1 */
};
/* options: of each part, "" or NULL; verity: two, of the root and of /usr. 0; -EMEDIUMTYPE no file system is known; -ENOPKG there is none to be the root;
 * -ENOTUNIQ which one is not to be told;
 * -ENODATA there is nothing to verify it by; -errno. */
struct verity;
int disk_open(const char *source, bool read_only, const char *const options[PART_MAX],
        const struct verity *verity, struct disk *ret);
/* Mounts them at where, which is made, and below it. They are closed. */
int disk_place(struct disk *d, const char *where);
