/* Putting an autofs up and taking it down: see autofs.h. Linked into PID 1 and rouse-exec. */
#include "autofs.h"

#include <fcntl.h>
#include <linux/auto_fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "lib/fileio.h"
#include "lib/str.h"

#define LAYERS_MAX 16

static int open_root(const char *where, unsigned long seconds)
{
        _cleanup_close_ int fd = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
        int protocol = 0;

        if (fd < 0 || ioctl(fd, AUTOFS_IOC_PROTOVER, &protocol) < 0)
                return -errno;
        (void)ioctl(fd, AUTOFS_IOC_SETTIMEOUT, &seconds);
        return TAKE_FD(fd);
}

int autofs_put_up(const char *where, const struct autofs_plan *p, int *ret_root, int *ret_pipe)
{
        _cleanup_close_ int read_end = -1, write_end = -1;
        _cleanup_free_ char *options = NULL;
        int ends[2], r = mkdir_p(where, p->directory_mode);

        if (r < 0 && r != -EEXIST && access(where, F_OK) < 0)
                return r;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        read_end = ends[0];
        write_end = ends[1];
        options = str_printf("fd=%d,pgrp=%d,minproto=5,maxproto=5,direct%s%s", write_end, p->group,
                p->options ? "," : "", p->options ?: "");
        if (!options)
                return -ENOMEM;
        if (mount("rouse-1", where, "autofs", 0, options) < 0)
                return -errno;
        r = open_root(where, p->seconds);
        if (r < 0) {
                (void)umount2(where, MNT_DETACH | UMOUNT_NOFOLLOW);
                return r;
        }
        *ret_root = r;
        *ret_pipe = TAKE_FD(read_end);
        return 0;
}

static bool is_autofs(const char *where)
{
        _cleanup_close_ int fd = open(where, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        struct statfs fs;

        return fd >= 0 && fstatfs(fd, &fs) >= 0 && fs.f_type == AUTOFS_SUPER_MAGIC;
}

int autofs_take_down(const char *where)
{
        for (int i = 0; i < LAYERS_MAX; i++) {
                bool last = is_autofs(where);

                if (umount2(where, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                        return i > 0 && errno == EINVAL ? 0 : -errno;
                if (last)
                        return 0;
        }
        return -ELOOP;
}
