/* Devices made of other devices: loop, device mapper, md. Those that are free are detached, so that what lies
 * below them can be unmounted or powered off in order; the one that the root is on stays. */
#include <dirent.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <linux/loop.h>
#include <linux/major.h>
#include <linux/raid/md_u.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "init/shutdown-common.h"

static int detach_loop(const char *name, dev_t dev)
{
        _cleanup_free_ char *attr = str_printf("/sys/block/%s/loop/autoclear", name),
                            *node = str_printf("/dev/%s", name);
        _cleanup_free_ char *autoclear = NULL;
        _cleanup_close_ int fd = -1;

        if (!attr || !node || read_one_line(attr, &autoclear) < 0)
                return -ENXIO; /* no file behind it */
        if (streq(autoclear, "1"))
                return -EBUSY; /* goes by itself with its last user */
        fd = open(node, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return ioctl(fd, LOOP_CLR_FD, 0) < 0 ? -errno : 0;
}

static int detach_dm(const char *name, dev_t dev)
{
        struct dm_ioctl dm = {
                .version = { DM_VERSION_MAJOR, DM_VERSION_MINOR, DM_VERSION_PATCHLEVEL },
                .data_size = sizeof(dm),
                .dev = ((uint64_t)minor(dev) & 0xff) | ((uint64_t)major(dev) << 8) |
                       (((uint64_t)minor(dev) & ~0xffull) << 12),
        };
        _cleanup_close_ int fd = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        return ioctl(fd, DM_DEV_REMOVE, &dm) < 0 ? -errno : 0;
}

static int detach_md(const char *name, dev_t dev)
{
        _cleanup_free_ char *attr = str_printf("/sys/block/%s/md/array_state", name),
                            *node = str_printf("/dev/%s", name);
        _cleanup_free_ char *state = NULL;
        _cleanup_close_ int fd = -1;

        if (!attr || !node || read_one_line(attr, &state) < 0 || streq(state, "clear") ||
                streq(state, "inactive"))
                return -ENXIO;
        fd = open(node, O_RDONLY | O_EXCL | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        return ioctl(fd, STOP_ARRAY, NULL) < 0 ? -errno : 0;
}

static const struct {
        const char *prefix;
        int (*detach)(const char *name, dev_t dev);
} kinds[] = { { "loop", detach_loop }, { "dm-", detach_dm }, { "md", detach_md } };

static int device_number(const char *name, dev_t *ret)
{
        _cleanup_free_ char *path = str_printf("/sys/block/%s/dev", name), *line = NULL;
        unsigned maj, min;
        int r;

        if (!path)
                return -ENOMEM;
        r = read_one_line(path, &line);
        if (r < 0)
                return r;
        if (sscanf(line, "%u:%u", &maj, &min) != 2)
                return -EBADMSG;
        *ret = makedev(maj, min);
        return 0;
}

/* Is the root on this device, or on something that is made of it? */
static bool carries_root(const char *name, dev_t dev, dev_t root, unsigned depth)
{
        _cleanup_free_ char *path = str_printf("/sys/block/%s/holders", name);
        _cleanup_closedir_ DIR *d = NULL;
        dev_t holder;

        if (dev == root)
                return true;
        d = path && depth < 8 ? opendir(path) : NULL;
        for (struct dirent *de; d && (de = readdir(d));)
                if (de->d_name[0] != '.' && device_number(de->d_name, &holder) >= 0 &&
                        carries_root(de->d_name, holder, root, depth + 1))
                        return true;
        return false;
}

unsigned shutdown_detach_devices(struct shutdown *s, bool report)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/block");
        unsigned done = 0;
        struct stat root;
        dev_t dev;

        if (!d || stat("/", &root) < 0)
                return 0;
        for (struct dirent *de; (de = readdir(d));)
                for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                        int r;

                        if (!startswith(de->d_name, kinds[k].prefix) ||
                                device_number(de->d_name, &dev) < 0 ||
                                carries_root(de->d_name, dev, root.st_dev, 0))
                                continue;
                        r = kinds[k].detach(de->d_name, dev);
                        if (r >= 0)
                                done++;
                        else if (report && r == -EBUSY)
                                shutdown_forced(s, "not detached /dev/%s", de->d_name);
                }
        return done;
}
