/* Mounts: see switch.h. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"

static const struct {
        const char *type, *where, *options;
        unsigned long flags;
        bool needed;
} api[] = {
        { "devtmpfs", "/dev", "mode=0755", MS_NOSUID, true },
        { "proc", "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
        { "sysfs", "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, true },
        { "tmpfs", "/run", "mode=0755,size=20%", MS_NOSUID | MS_NODEV, true },
};

static void use_console(void)
{
        int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

        if (fd < 0)
                fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (fd < 0)
                return;
        for (int i = 0; i < 3; i++)
                if (i != fd)
                        dup2(fd, i);
        if (fd > 2)
                close(fd);
        else
                fcntl(fd, F_SETFD, 0);
}

/* What somebody has mounted before us stays. */
static bool is_mount_point(const char *path)
{
        struct stat st, root;

        return stat(path, &st) == 0 && stat("/", &root) == 0 && st.st_dev != root.st_dev;
}

int mount_api(void)
{
        int result = 0;

        umask(0022);
        for (size_t i = 0; i < ARRAY_SIZE(api); i++) {
                bool there = mkdir(api[i].where, 0755) < 0 && is_mount_point(api[i].where);
                if (!there &&
                        mount(api[i].type, api[i].where, api[i].type, api[i].flags, api[i].options) < 0 &&
                        errno != EBUSY && result == 0)
                        result = -errno;
                if (i == 0)
                        use_console();
        }
        return result;
}

int mount_device(
        const char *node, const char *where, const char *type, unsigned long flags, const char *data)
{
        _cleanup_strv_ char **types = strv_split(type, ",");
        int r = -ENODEV;

        FOREACH_STR (t, types) {
                if (mount(node, where, *t, flags, data) >= 0)
                        return 0;
                r = -errno;
                if (r == -ENODEV)
                        log_warning("Cannot mount %s: the kernel has no file system %s, and neither has "
                                    "this image",
                                node, *t);
                else
                        log_warning_errno(r, "Cannot mount %s as %s: %m", node, *t);
        }
        return r;
}
