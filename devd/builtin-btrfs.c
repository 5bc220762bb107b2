/* btrfs ready DEVICE: asks the kernel whether all devices of the file system are known (ID_BTRFS_READY). The
 * call may wait for the file system's lock, so only the worker links this file. */
#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "builtin.h"

#define CONTROL "/dev/btrfs-control"

int builtin_btrfs(struct device *d, struct rules_event *e, int argc, char **argv)
{
        struct btrfs_ioctl_vol_args args = { 0 };
        _cleanup_close_ int fd = -1;
        int r;

        if (argc != 3 || !streq(argv[1], "ready") || strlen(argv[2]) >= sizeof(args.name))
                return -EINVAL;
        fd = open(CONTROL, O_RDWR | O_CLOEXEC);
        /* Early in a boot the node that has the kernel load the module may be still to come. */
        if (fd < 0 && errno == ENOENT && mknod(CONTROL, S_IFCHR | 0600, makedev(10, 234)) >= 0)
                fd = open(CONTROL, O_RDWR | O_CLOEXEC);
        if (fd < 0) /* no module: nobody can say, and nobody waits */
                return errno == ENOENT || errno == ENXIO || errno == ENODEV
                               ? builtin_add(d, "ID_BTRFS_READY", "0") < 0 ? -ENOMEM : -ENODEV
                               : -errno;
        strcpy(args.name, argv[2]);
        r = ioctl(fd, BTRFS_IOC_DEVICES_READY, &args);
        if (r < 0)
                return -errno;
        return builtin_add(d, "ID_BTRFS_READY", r == 0 ? "1" : "0");
}
