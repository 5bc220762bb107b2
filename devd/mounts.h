/* Mounts of block devices for PID 1, and what is mounted and swapped on, told to it.
 *
 * A mount is done by a child (mount-child.c: plain options, by system call) or, for what needs more than that (a
 * type to be found out, loop devices, user options), by a worker through libmount. The file system's module is
 * loaded before. /proc/self/mountinfo and /proc/swaps are read when the kernel says that they changed, at most
 * every MOUNTS_PAUSE, and differences are sent. */
#pragma once

#include "devd.h"

#define MOUNTS_PAUSE (10 * USEC_PER_MSEC)

struct mount_request {
        uint32_t id;
        const char *where, *what, *type, *options;
        uint32_t flags; /* DL_MOUNT_* */
};

void mounts_mount(struct devd *m, const struct mount_request *q);
void mounts_umount(struct devd *m, uint32_t id, const char *where, bool lazy, bool force);
/* Begins to send DL_MOUNTINFO and DL_SWAPINFO. */
void mounts_watch(struct devd *m);
/* Reads now, so that what was mounted is known before its DL_MOUNT_DONE. */
void mounts_refresh(struct devd *m);
void mounts_free(struct devd *m);

/* mount-child.c: option lists as fstab has them. */
struct mount_plan {
        unsigned long flags; /* MS_* */
        char *data;          /* for the file system */
        bool plain;          /* nothing in it needs libmount */
};
int mount_plan_parse(const char *options, struct mount_plan *ret);
/* mount(2), the mount point made when missing; read-only where the device is (unless rw_only). Writes what went
 * wrong, or was done instead, to out_fd. */
int mount_plan_run(const struct mount_plan *p, const char *what, const char *where, const char *type,
        bool rw_only, int out_fd);

/* One line of mountinfo. Strings are unescaped, in place. 0 or -EBADMSG. */
struct mount_line {
        char *id, *where, *what, *type, *options, *super_options;
};
int mount_line_parse(char *line, struct mount_line *ret);
