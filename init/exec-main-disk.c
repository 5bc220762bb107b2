/* rouse-exec: from a disk image to mounts. An image, in a file or on a block device, is one file system; or has a GPT
 * whose partitions are of the types of the Discoverable Partitions Specification; or an MBR or GPT with one Linux
 * partition.
 *
 * Each file system gets a loop device of its own, of the part of the image where it is, so that no partition's node
 * has to be waited for; the kernel gives it back when the last mount of it is gone. Partitions that are not to be
 * mounted automatically are left out, and so is /var: it belongs to one machine, by its id. */
#include "exec-main-disk.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mount.h>
#include <stdio.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/fileio.h"
#include "lib/str.h"

#define LINUX_DATA  "0fc63daf-8483-4772-8e79-3d69d8477de4"
#define NO_AUTO     (UINT64_C(1) << 63)
#define READ_ONLY   (UINT64_C(1) << 60)
#define ENTRIES_MAX 1024u

#if defined __x86_64__
#define ROOT_TYPE "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#define USR_TYPE  "8484680c-9521-48c6-9c11-b0720656f69e"
#elif defined __i386__
#define ROOT_TYPE "44479540-f297-41b2-9af7-d131d5f0458a"
#define USR_TYPE  "75250d76-8cc6-458e-bd66-bd47cc81a812"
#elif defined __aarch64__
#define ROOT_TYPE "b921b045-1df0-41c3-af44-4c6f280d3fae"
#define USR_TYPE  "b0e01050-ee5f-4390-949a-9101b17104e9"
#else
#define ROOT_TYPE ""
#define USR_TYPE  ""
#endif

static const struct {
        const char *name, *type;
        const char *places[2]; /* the first that is there */
} parts[PART_MAX] = {
        [PART_ROOT] = { "root", ROOT_TYPE, { "" } },
        [PART_USR] = { "usr", USR_TYPE, { "/usr" } },
        [PART_HOME] = { "home", "933ac7e1-2eb4-4f13-b844-0e14e2aef915", { "/home" } },
        [PART_SRV] = { "srv", "3b8f8425-20e0-4f3b-907f-1a25a76f98e8", { "/srv" } },
        [PART_TMP] = { "tmp", "7ec6f557-3bc5-4aca-b293-16ef5df639d1", { "/var/tmp" } },
        [PART_XBOOTLDR] = { "xbootldr", "bc13c2ff-59e6-4262-a352-b275fd6f7172", { "/boot" } },
        [PART_ESP] = { "esp", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", { "/efi", "/boot" } },
};

int disk_part_from_string(const char *s, size_t n)
{
        for (int i = 0; i < PART_MAX; i++)
                if (strlen(parts[i].name) == n && memcmp(parts[i].name, s, n) == 0)
                        return i;
        return n == strlen("var") && memcmp(s, "var", n) == 0 ? -ENOENT : -EINVAL;
}

/* ---- partition tables ---- */

struct range {
        uint64_t at, size; /* bytes; size 0: none, or to the end */
        bool read_only;
};

struct table {
        struct range part[PART_MAX], linux_data;
        unsigned n_linux;
};

static void guid_to_text(const uint8_t g[16], char ret[37])
{
        snprintf(ret, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[3], g[2],
                g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

/* The first of a kind counts. */
static void take_partition(struct table *t, const char *type, const struct range *r)
{
        for (int i = 0; i < PART_MAX; i++)
                if (strcasecmp(type, parts[i].type) == 0 && t->part[i].size == 0)
                        t->part[i] = *r;
        if (strcasecmp(type, LINUX_DATA) == 0 && t->n_linux++ == 0)
                t->linux_data = *r;
}

static uint64_t le64(const uint8_t *p)
{
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return le64toh(v);
}

static uint32_t le32(const uint8_t *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

static void take_entry(struct table *t, const uint8_t *e, uint64_t sector)
{
        uint64_t first = le64(e + 32), last = le64(e + 40), flags = le64(e + 48);
        struct range r = { .read_only = flags & READ_ONLY };
        char type[37];

        if (flags & NO_AUTO || first == 0 || last < first || last >= INT64_MAX / sector)
                return;
        r.at = first * sector;
        r.size = (last - first + 1) * sector;
        guid_to_text(e, type);
        take_partition(t, type, &r);
}

/* 1, 0: it has none, -EBADMSG. */
static int read_gpt(int fd, uint64_t sector, struct table *t)
{
        uint8_t h[92];
        uint64_t at;
        uint32_t n, each;
        _cleanup_free_ uint8_t *entries = NULL;

        if (pread(fd, h, sizeof(h), (off_t)sector) != (ssize_t)sizeof(h) || memcmp(h, "EFI PART", 8) != 0)
                return 0;
        at = le64(h + 72);
        n = le32(h + 80);
        each = le32(h + 84);
        if (at < 2 || at >= INT64_MAX / sector || n == 0 || n > ENTRIES_MAX || each < 128 || each > 4096)
                return -EBADMSG;
        entries = calloc(n, each);
        if (!entries)
                return -ENOMEM;
        if (pread(fd, entries, (size_t)n * each, (off_t)(at * sector)) != (ssize_t)((size_t)n * each))
                return -EBADMSG;
        for (uint32_t i = 0; i < n; i++)
                take_entry(t, entries + (size_t)i * each, sector);
        return 1;
}

static int read_mbr(int fd, struct table *t)
{
        uint8_t b[512];

        if (pread(fd, b, sizeof(b), 0) != (ssize_t)sizeof(b) || b[510] != 0x55 || b[511] != 0xaa)
                return 0;
        for (int i = 0; i < 4; i++) {
                const uint8_t *e = b + 446 + 16 * i;
                struct range r = { .at = le32(e + 8) * UINT64_C(512), .size = le32(e + 12) * UINT64_C(512) };

                if (e[4] == 0x83 && r.at > 0 && r.size > 0)
                        take_partition(t, LINUX_DATA, &r);
        }
        return 1;
}

static int read_table(int fd, struct table *t)
{
        int r = read_gpt(fd, 512, t);

        return r != 0 ? r : read_gpt(fd, 4096, t);
}

/* A table without a root of its own kind: the one Linux partition is it. */
static int choose_root(struct table *t)
{
        if (t->part[PART_ROOT].size > 0 || t->part[PART_USR].size > 0)
                return 0;
        if (t->n_linux != 1)
                return t->n_linux > 1 ? -ENOTUNIQ : -ENOPKG;
        t->part[PART_ROOT] = t->linux_data;
        return 0;
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

/* ---- images ---- */

static int open_parts(
        int file, const struct table *t, bool read_only, const char *const options[PART_MAX], struct disk *d)
{
        for (int i = 0; i < PART_MAX; i++) {
                if (t->part[i].size == 0)
                        continue;
                d->fd[i] = mount_range(file, &t->part[i], read_only, options[i]);
                if (d->fd[i] < 0)
                        return d->fd[i];
        }
        if (d->fd[PART_ROOT] < 0) /* /usr alone: a place to put it */
                d->fd[PART_ROOT] = mount_device("tmpfs", "image-root", false, "mode=0755");
        return MIN(d->fd[PART_ROOT], 0);
}

static int open_disk(int file, const struct stat *st, const char *source, bool read_only,
        const char *const options[PART_MAX], struct disk *d)
{
        const struct range whole = { 0 };
        struct table t = { 0 };
        const char *type;
        int r = read_table(file, &t);

        if (r == 0 && (type = type_of(file, 0))) {
                d->fd[PART_ROOT] = S_ISBLK(st->st_mode)
                                           ? mount_device(type, source, read_only, options[PART_ROOT] ?: "")
                                           : mount_range(file, &whole, read_only, options[PART_ROOT]);
                return MIN(d->fd[PART_ROOT], 0);
        }
        if (r == 0 && read_mbr(file, &t) == 0)
                return -EMEDIUMTYPE;
        if (r >= 0)
                r = choose_root(&t);
        return r < 0 ? r : open_parts(file, &t, read_only, options, d);
}

static void disk_close(struct disk *d)
{
        for (int i = 0; i < PART_MAX; i++)
                if (d->fd[i] >= 0)
                        d->fd[i] = close_fd(d->fd[i]);
}

int disk_open(const char *source, bool read_only, const char *const options[PART_MAX], struct disk *ret)
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
        r = open_disk(file, &st, source, read_only, options, &d);
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
