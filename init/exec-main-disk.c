/* rouse-exec: from a disk image to mounts. An image, in a file or on a block device, is one file system; or has a GPT
 * whose partitions are of the types of the Discoverable Partitions Specification; or an MBR or GPT with one Linux
 * partition.
 *
 * Each file system gets a loop device of its own, of the part of the image where it is, so that no partition's node
 * has to be waited for; the kernel gives it back when the last mount of it is gone. Partitions that are not to be
 * mounted automatically are left out, and a /var that is another machine's. With a hash of its root or of its /usr
 * (exec-main-verity.c) only the partitions of that hash count, and what is mounted is the verified device. */
#include "exec-main-disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "exec-main-partitions.h"
#include "exec-main-verity.h"
#include "lib/fileio.h"
#include "lib/str.h"

static const struct {
        const char *name, *places[2]; /* the first that is there */
} parts[PART_MAX] = {
        [PART_ROOT] = { "root", { "" } },
        [PART_USR] = { "usr", { "/usr" } },
        [PART_HOME] = { "home", { "/home" } },
        [PART_SRV] = { "srv", { "/srv" } },
        [PART_VAR] = { "var", { "/var" } },
        [PART_TMP] = { "tmp", { "/var/tmp" } },
        [PART_XBOOTLDR] = { "xbootldr", { "/boot" } },
        [PART_ESP] = { "esp", { "/efi", "/boot" } },
};

int disk_part_from_string(const char *s, size_t n)
{
        for (int i = 0; i < PART_MAX; i++)
                if (strlen(parts[i].name) == n && memcmp(parts[i].name, s, n) == 0)
                        return i;
        return -EINVAL;
}

/* ---- loop devices ---- */

static int new_loop(int file, const struct range *range, bool read_only, char *name, size_t n)
{
        struct loop_config config = { .fd = (uint32_t)file,
                .info.lo_offset = range->at,
                .info.lo_sizelimit = range->size,
                .info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0) };
        _cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

        if (control < 0)
                return -errno;
        for (int tries = 0; tries < 64; tries++) { /* others look for one at the same time */
                int number = ioctl(control, LOOP_CTL_GET_FREE), fd;

                if (number < 0)
                        return -errno;
                snprintf(name, n, "/dev/loop%d", number);
                fd = open(name, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
                if (fd < 0)
                        return -errno;
                if (ioctl(fd, LOOP_CONFIGURE, &config) >= 0)
                        return fd;
                close(fd);
                if (errno != EBUSY)
                        return -errno;
        }
        return -EBUSY;
}

/* ---- file systems ---- */

static const struct {
        const char *type, *magic;
        size_t n;
        off_t at;
} magics[] = {
        { "squashfs", "hsqs", 4, 0 },
        { "ext4", "\x53\xef", 2, 1080 },
        { "erofs", "\xe2\xe1\xf5\xe0", 4, 1024 },
        { "xfs", "XFSB", 4, 0 },
        { "btrfs", "_BHRfS_M", 8, 65600 },
        { "f2fs", "\x10\x20\xf5\xf2", 4, 1024 },
        { "vfat", "FAT32   ", 8, 82 },
        { "vfat", "FAT16   ", 8, 54 },
        { "vfat", "FAT12   ", 8, 54 },
};

static const char *type_of(int fd, uint64_t at)
{
        for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
                char found[8];

                if (pread(fd, found, magics[i].n, (off_t)at + magics[i].at) == (ssize_t)magics[i].n &&
                        memcmp(found, magics[i].magic, magics[i].n) == 0)
                        return magics[i].type;
        }
        return NULL;
}

/* Options that are the mount's; the rest is the file system's own. */
static unsigned mount_flag(const char *option)
{
        static const struct {
                const char *name;
                unsigned attr;
        } flags[] = {
                { "ro", MOUNT_ATTR_RDONLY },
                { "nosuid", MOUNT_ATTR_NOSUID },
                { "nodev", MOUNT_ATTR_NODEV },
                { "noexec", MOUNT_ATTR_NOEXEC },
                { "noatime", MOUNT_ATTR_NOATIME },
        };

        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (streq(option, flags[i].name))
                        return flags[i].attr;
        return 0;
}

static int mount_device(const char *type, const char *device, bool read_only, const char *options)
{
        _cleanup_close_ int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
        _cleanup_strv_ char **list = strv_split(options, ",");
        unsigned attr = read_only ? MOUNT_ATTR_RDONLY : 0;
        int fd;

        if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", device, 0) < 0)
                return -errno;
        FOREACH_STR (o, list) {
                char *eq = strchr(*o, '=');
                unsigned flag = mount_flag(*o);

                attr |= flag;
                if (flag || startswith(*o, "x-") || streq(*o, "rw"))
                        continue;
                if (eq)
                        *eq++ = '\0';
                if (syscall(SYS_fsconfig, fs, eq ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, *o, eq, 0) < 0)
                        return -errno;
        }
        if (attr & MOUNT_ATTR_RDONLY && syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
                return -errno;
        if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
                return -errno;
        fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attr);
        return fd < 0 ? -errno : fd;
}

/* A detached mount of what is in a range of the image. */
static int mount_range(int file, const struct range *range, bool read_only, const char *options)
{
        const char *type = type_of(file, range->at);
        _cleanup_close_ int loop = -1;
        char device[32];

        if (!type)
                return -EMEDIUMTYPE;
        read_only |= range->read_only;
        loop = new_loop(file, range, read_only, device, sizeof(device));
        return loop < 0 ? loop : mount_device(type, device, read_only, options ?: "");
}

/* ---- verified ones ---- */

static int mount_verified(int file, const struct range *range, const char *options, const struct verity *v,
        const struct range *tree)
{
        _cleanup_close_ int data = -1, hashes = -1,
                            other = v->data ? open(v->data, O_RDONLY | O_CLOEXEC) : -1, fd = -1;
        const struct range whole = { 0 };
        struct verified d;
        const char *type;
        char name[32];
        int r;

        if (v->data && other < 0)
                return -errno;
        if (!v->data && tree->size == 0)
                return -ENODATA;
        data = new_loop(file, range, true, name, sizeof(name));
        hashes = data < 0 ? data
                          : new_loop(v->data ? other : file, v->data ? &whole : tree, true, name,
                                    sizeof(name));
        if (hashes < 0)
                return hashes;
        r = verity_open(v, data, hashes, &d);
        if (r < 0)
                return r;
        fd = open(d.node, O_RDONLY | O_CLOEXEC);
        type = fd < 0 ? NULL : type_of(fd, 0);
        r = fd < 0 ? -errno : !type ? -EMEDIUMTYPE : mount_device(type, d.node, true, options ?: "");
        verity_close(&d);
        return r;
}

/* ---- images ---- */

static int open_parts(int file, const struct partitions *t, bool read_only,
        const char *const options[PART_MAX], struct disk *d)
{
        for (int i = 0; i < PART_MAX; i++) {
                const struct verity *v = partitions_verity(t->verity, i);

                if (t->part[i].size == 0 && v)
                        return -ENODATA;
                if (t->part[i].size == 0)
                        continue;
                d->fd[i] = v ? mount_verified(file, &t->part[i], options[i], v, &t->tree[i])
                             : mount_range(file, &t->part[i], read_only, options[i]);
                if (d->fd[i] < 0)
                        return d->fd[i];
        }
        if (d->fd[PART_ROOT] < 0) /* /usr alone: a place to put it */
                d->fd[PART_ROOT] = mount_device("tmpfs", "image-root", false, "mode=0755");
        return MIN(d->fd[PART_ROOT], 0);
}

static int open_disk(int file, const struct stat *st, const char *source, bool read_only,
        const char *const options[PART_MAX], const struct verity *verity, struct disk *d)
{
        const struct range whole = { 0 };
        struct partitions t = { .verity = verity };
        const struct verity *v = partitions_verity(verity, PART_ROOT);
        const char *type;
        int r = partitions_read_gpt(file, &t);

        if (r == 0 && (type = type_of(file, 0))) {
                d->fd[PART_ROOT] = v ? mount_verified(file, &whole, options[PART_ROOT], v, &whole)
                                   : S_ISBLK(st->st_mode)
                                           ? mount_device(type, source, read_only, options[PART_ROOT] ?: "")
                                           : mount_range(file, &whole, read_only, options[PART_ROOT]);
                return MIN(d->fd[PART_ROOT], 0);
        }
        if (r == 0 && partitions_read_mbr(file, &t) == 0)
                return -EMEDIUMTYPE;
        if (r >= 0)
                r = partitions_choose_root(&t);
        return r < 0 ? r : open_parts(file, &t, read_only, options, d);
}

static void disk_close(struct disk *d)
{
        for (int i = 0; i < PART_MAX; i++)
                if (d->fd[i] >= 0)
                        d->fd[i] = close_fd(d->fd[i]);
}

int disk_open(const char *source, bool read_only, const char *const options[PART_MAX],
        const struct verity *verity, struct disk *ret)
{
        _cleanup_close_ int file = read_only ? -1 : open(source, O_RDWR | O_CLOEXEC);
        struct disk d;
        struct stat st;
        int r;

        for (int i = 0; i < PART_MAX; i++)
                d.fd[i] = -1;
        if (file < 0) {
                read_only = true;
                file = open(source, O_RDONLY | O_CLOEXEC);
        }
        if (file < 0 || fstat(file, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return -ENOTBLK;
        r = open_disk(file, &st, source, read_only, options, verity, &d);
        if (r < 0) {
                disk_close(&d);
                return r;
        }
        *ret = d;
        return 0;
}

static int place_one(int fd, const char *path)
{
        return syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) < 0 ? -errno : 0;
}

/* Where part goes below the root; its directory is made where that can be. "" where there is none. */
static void find_place(const char *where, int part, char *ret, size_t n)
{
        struct stat st;

        for (size_t i = 0; i < ARRAY_SIZE(parts[part].places) && parts[part].places[i]; i++) {
                snprintf(ret, n, "%s%s", where, parts[part].places[i]);
                if (part == PART_USR)
                        (void)mkdir(ret, 0755);
                if (lstat(ret, &st) >= 0 && S_ISDIR(st.st_mode)) /* a link could lead out of the image */
                        return;
        }
        *ret = '\0';
}

int disk_place(struct disk *d, const char *where)
{
        int r = mkdir_p(where, 0755);

        r = r < 0 && access(where, F_OK) < 0 ? r : 0;
        for (int i = 0; i < PART_MAX && r >= 0; i++) {
                char path[PATH_MAX];

                if (d->fd[i] < 0)
                        continue;
                if (i == PART_ROOT)
                        snprintf(path, sizeof(path), "%s", where);
                else
                        find_place(where, i, path, sizeof(path));
                if (*path)
                        r = place_one(d->fd[i], path);
        }
        disk_close(d);
        return r;
}
