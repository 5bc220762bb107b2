/* btrfs of several members: the kernel collects them, and says when it has them all. */

#include <fcntl.h>
#include <linux/btrfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "initramfs/initrd/stack.h"

static int tell(int fd, unsigned long request, const char *node)
{
        struct btrfs_ioctl_vol_args a = { 0 };

        snprintf(a.name, sizeof a.name, "%s", node);
        int r = ioctl(fd, request, &a);
        return r < 0 ? -errno : r;
}

int btrfs_ready(const struct blocks *b, const struct block *d)
{
        _cleanup_close_ int fd = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        for (size_t i = 0; i < b->n; i++)
                if (b->block[i] != d && !b->block[i]->held && b->block[i]->type &&
                        streq(b->block[i]->type, "btrfs") && streq_null(b->block[i]->uuid, d->uuid))
                        (void)tell(fd, BTRFS_IOC_SCAN_DEV, b->block[i]->node);
        /* This one's answer counts; it is told of too by that. 0: ready, 1: not yet. */
        int r = tell(fd, BTRFS_IOC_DEVICES_READY, d->node);
        return r < 0 ? r : r == 0;
}
