/* blkid: what is on a block device, through libblkid's low-level probe. Only the worker links this file: reading
 * may be slow, and a broken disk may hold it for minutes. */
#include <blkid/blkid.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "builtin.h"
#include "text.h"
#include "worker.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define ESP_TYPE "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"

/* Root partitions of the Discoverable Partitions Specification for the machine that this is built for. */
#if defined(__x86_64__)
#define ROOT_TYPE "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
#elif defined(__aarch64__)
#define ROOT_TYPE "b921b045-1df0-41c3-af44-4c6f280d3fae"
#elif defined(__i386__)
#define ROOT_TYPE "44479540-f297-41b2-9af7-d131d5f0458a"
#elif defined(__arm__)
#define ROOT_TYPE "69dad710-2ce4-4e3c-b16c-21a1d49abed3"
#elif defined(__riscv) && __riscv_xlen == 64
#define ROOT_TYPE "72ec70a6-cf74-40e6-bd49-4bda08e8f224"
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define ROOT_TYPE "c31c45e6-3f39-412e-80fb-4809c4980599"
#endif

enum how { PLAIN, ENCODED, BOTH };

/* libblkid's name → property. BOTH: a readable form without blanks, and one that decodes to the original. */
static const struct {
        const char *name, *key;
        enum how how;
} names[] = {
        { "TYPE", "ID_FS_TYPE", PLAIN },
        { "USAGE", "ID_FS_USAGE", PLAIN },
        { "VERSION", "ID_FS_VERSION", PLAIN },
        { "UUID", "ID_FS_UUID", BOTH },
        { "UUID_SUB", "ID_FS_UUID_SUB", BOTH },
        { "LABEL", "ID_FS_LABEL", BOTH },
        { "PTTYPE", "ID_PART_TABLE_TYPE", PLAIN },
        { "PTUUID", "ID_PART_TABLE_UUID", PLAIN },
        { "PART_ENTRY_NAME", "ID_PART_ENTRY_NAME", ENCODED },
        { "PART_ENTRY_TYPE", "ID_PART_ENTRY_TYPE", ENCODED },
        { "SYSTEM_ID", "ID_FS_SYSTEM_ID", ENCODED },
        { "PUBLISHER_ID", "ID_FS_PUBLISHER_ID", ENCODED },
        { "APPLICATION_ID", "ID_FS_APPLICATION_ID", ENCODED },
        { "BOOT_SYSTEM_ID", "ID_FS_BOOT_SYSTEM_ID", ENCODED },
        { "VOLUME_ID", "ID_FS_VOLUME_ID", ENCODED },
        { "LOGICAL_VOLUME_ID", "ID_FS_LOGICAL_VOLUME_ID", ENCODED },
        { "VOLUME_SET_ID", "ID_FS_VOLUME_SET_ID", ENCODED },
        { "DATA_PREPARER_ID", "ID_FS_DATA_PREPARER_ID", ENCODED },
};

static int add_value(struct device *d, const char *name, const char *value)
{
        char safe[256], encoded[1024], key[64];
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                if (!streq(name, names[i].name))
                        continue;
                if (names[i].how == PLAIN)
                        return builtin_add(d, names[i].key, value);
                if (blkid_encode_string(value, encoded, sizeof(encoded)) != 0)
                        return 0;
                if (names[i].how == ENCODED)
                        return builtin_add(d, names[i].key, encoded);
                if (blkid_safe_string(value, safe, sizeof(safe)) != 0)
                        return 0;
                snprintf(key, sizeof(key), "%s_ENC", names[i].key);
                r = builtin_add(d, names[i].key, safe);
                return r < 0 ? r : builtin_add(d, key, encoded);
        }
        if (startswith(name, "PART_ENTRY_")) {
                snprintf(key, sizeof(key), "ID_%.50s", name);
                return builtin_add(d, key, value);
        }
        return 0;
}

/* --- the root partition beside the boot loader's own -------------------------------------------------- */

/* UUID of the partition that the boot loader says it came from. */
static bool loader_partition(char *buf, size_t size)
{
        _cleanup_free_ char *data = NULL;
        size_t len, n = 0;

        if (read_file("/sys/firmware/efi/efivars/LoaderDevicePartUUID-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
                    4096, &data, &len) < 0)
                return false;
        /* 4 bytes of attributes, then UTF-16 */
        for (size_t i = 4; i + 1 < len && n + 1 < size && data[i]; i += 2)
                buf[n++] = data[i] >= 'A' && data[i] <= 'Z' ? (char)(data[i] + 32) : data[i];
        buf[n] = 0;
        return n == 36;
}

#ifdef ROOT_TYPE
static int find_gpt_root(struct device *d, blkid_probe pr)
{
        blkid_partlist list = blkid_probe_get_partitions(pr);
        bool esp = false;
        char loader[40];
        const char *root = NULL;

        if (!list || !loader_partition(loader, sizeof(loader)))
                return 0;
        for (int i = 0; i < blkid_partlist_numof_partitions(list); i++) {
                blkid_partition p = blkid_partlist_get_partition(list, i);
                const char *type = blkid_partition_get_type_string(p), *uuid = blkid_partition_get_uuid(p);

                if (!type || !uuid)
                        continue;
                if (streq(type, ESP_TYPE) && streq(uuid, loader))
                        esp = true;
                /* Bit 63: no automatic mount. */
                else if (!root && streq(type, ROOT_TYPE) &&
                         !(blkid_partition_get_flags(p) & UINT64_C(1) << 63))
                        root = uuid;
        }
        return esp && root ? builtin_add(d, "ID_PART_GPT_AUTO_ROOT_UUID", root) : 0;
}
#endif

static void mark_gpt_root(struct device *d, blkid_probe pr)
{
#ifdef ROOT_TYPE
        const char *root, *uuid = device_prop(d, "ID_PART_ENTRY_UUID");
        struct device *disk;

        if (streq_null(device_prop(d, "ID_PART_TABLE_TYPE"), "gpt") && streq_null(d->devtype, "disk"))
                (void)find_gpt_root(d, pr);
        root = device_prop(d, "ID_PART_GPT_AUTO_ROOT_UUID");
        if (!root && uuid && (disk = device_parent(d)))
                root = device_prop(disk, "ID_PART_GPT_AUTO_ROOT_UUID");
        if (root && uuid && streq(root, uuid))
                (void)builtin_add(d, "ID_PART_GPT_AUTO_ROOT", "1");
#endif
}

/* --- probing ---------------------------------------------------------------------------------------- */

static void want_all(blkid_probe pr)
{
        blkid_probe_enable_partitions(pr, 1);
        blkid_probe_set_partitions_flags(pr, BLKID_PARTS_ENTRY_DETAILS);
        blkid_probe_enable_superblocks(pr, 1);
}

/* On a disk of a floppy's size a partition table is easily taken for a file system: if there is one, nothing
 * else is looked for. */
static int probe(blkid_probe pr, blkid_loff_t size, bool disk)
{
        if (disk && size > 0 && size <= 1440 * 1024) {
                blkid_probe_enable_superblocks(pr, 0);
                blkid_probe_enable_partitions(pr, 1);
                if (blkid_do_fullprobe(pr) < 0)
                        return -EIO;
                if (blkid_probe_lookup_value(pr, "PTTYPE", NULL, NULL) == 0)
                        return 0;
                want_all(pr);
        }
        return blkid_do_safeprobe(pr) >= 0 ? 0 : -ENODATA;
}

/* libblkid's buffer of a part of the disk, in which it looks before it reads: not in its header, but in its static library,
 * which has other things here from time to time. */
__attribute__((weak)) unsigned char *blkid_probe_get_buffer(blkid_probe pr, uint64_t offset, uint64_t len);

/* The beginning of the disk, where most of what it looks for would be, is read at once: dozens of small reads less. NULL:
 * it cannot be read, which is libblkid's to find out, or the disk is a small one, as slow ones are, of which libblkid does
 * not read so much. */
#define START       (256 * 1024)
#define START_LEAST (10 * 1024 * 1024)

static const char *read_start(blkid_probe pr)
{
        if (blkid_get_library_version(NULL, NULL) >= 2390 || !blkid_probe_get_buffer ||
                blkid_probe_get_size(pr) < START_LEAST)
                return NULL;
        return (const char *)blkid_probe_get_buffer(pr, 0, START);
}

/* Two of libblkid's probers have no magic number at a known place, and clear and copy a MiB and 256 KiB to find out that
 * there is nothing: more than half of what a probe costs. What they look for is looked for here, and where none of it is
 * they are left out. From 2.39 on libblkid looks elsewhere. */
#define ZFS_LABEL     (256 * 1024)
#define ZFS_UBERBLOCK UINT64_C(0x00bab10c)
#define ZFS_LEAST     (64 * 1024 * 1024) /* smaller ones are not looked at */
#define XFS_RECORD    "\xfe\xed\xba\xbe"

struct absent {
        bool zfs, xfs_log;
};

/* An uberblock in the second half of a label: there is a slot for each KiB. */
static bool has_uberblock(const char *half)
{
        for (size_t i = 0; i < ZFS_LABEL / 2; i += 1024) {
                uint64_t magic;

                memcpy(&magic, half + i, sizeof(magic));
                if (magic == ZFS_UBERBLOCK || magic == __builtin_bswap64(ZFS_UBERBLOCK))
                        return true;
        }
        return false;
}

static bool lacks_uberblock(int fd, int64_t label)
{
        static char half[ZFS_LABEL / 2];

        return pread(fd, half, sizeof(half), (off_t)(label + ZFS_LABEL / 2)) == (ssize_t)sizeof(half) &&
               !has_uberblock(half);
}

/* An external log of XFS begins with a record, at one of the first 512 sectors. */
static bool has_log_record(const char *start)
{
        for (size_t i = 0; i < 512 * 512; i += 512)
                if (memcmp(start + i, XFS_RECORD, 4) == 0)
                        return true;
        return false;
}

_Static_assert(START >= ZFS_LABEL && START >= 512 * 512, "both are there");

static struct absent look_ahead(blkid_probe pr, int fd, bool noraid)
{
        int64_t offset = blkid_probe_get_offset(pr),
                size = blkid_probe_get_size(pr) & ~(int64_t)(ZFS_LABEL - 1);
        const int64_t labels[] = { ZFS_LABEL, size - 2 * ZFS_LABEL, size - ZFS_LABEL }; /* but the first */
        const char *start = read_start(pr);
        struct absent a = {};

        if (!start)
                return a;
        a.xfs_log = !has_log_record(start);
        a.zfs = !noraid && size >= ZFS_LEAST && !has_uberblock(start + ZFS_LABEL / 2);
        for (size_t i = 0; i < ARRAY_SIZE(labels) && a.zfs; i++)
                a.zfs = lacks_uberblock(fd, offset + labels[i]);
        return a;
}

/* All types that are left out, which libblkid names. */
static int list_left_out(bool raid, struct absent absent, char ***ret)
{
        _cleanup_free_ char **types = calloc(1, sizeof(*types));
        const char *name;
        size_t n = 0;
        int usage;

        if (!types)
                return -ENOMEM;
        for (size_t i = 0; blkid_superblocks_get_name(i, &name, &usage) == 0; i++) {
                char **p;

                if (!(raid && usage & BLKID_USAGE_RAID) && !(absent.zfs && streq(name, "zfs_member")) &&
                        !(absent.xfs_log && streq(name, "xfs_external_log")))
                        continue;
                p = reallocarray(types, n + 2, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                types = p;
                types[n++] = (char *)name;
                types[n] = NULL;
        }
        *ret = TAKE_PTR(types);
        return 0;
}

/* A probe has one filter of types: what is left out is named in one list, the same one for the next disk. */
static int leave_out(blkid_probe pr, bool raid, struct absent absent)
{
        static char **lists[8];
        char ***list = &lists[raid | absent.zfs << 1 | absent.xfs_log << 2];
        int r = *list ? 0 : list_left_out(raid, absent, list);

        if (r < 0 || !(*list)[0])
                return r;
        return blkid_probe_filter_superblocks_type(pr, BLKID_FLTR_NOTIN, *list) < 0 ? -EIO : 0;
}

static void set_up(blkid_probe pr)
{
        want_all(pr);
        blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE |
                                                      BLKID_SUBLKS_SECTYPE | BLKID_SUBLKS_USAGE |
                                                      BLKID_SUBLKS_VERSION | BLKID_SUBLKS_BADCSUM);
}

static int collect(struct device *d, blkid_probe pr)
{
        int n = blkid_probe_numof_values(pr), r;

        for (int i = 0; i < n; i++) {
                const char *name, *value;
                size_t len;

                if (blkid_probe_get_value(pr, i, &name, &value, &len) != 0 || !memchr(value, 0, len))
                        continue;
                r = add_value(d, name, value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int probe_fd(struct device *d, int fd, int64_t offset, bool noraid, char *const *hints)
{
        blkid_probe pr = blkid_new_probe();
        int r = 0;

        if (!pr)
                return -ENOMEM;
        set_up(pr);
        if (blkid_probe_set_device(pr, fd, offset, 0) != 0)
                r = -EIO;
        if (r >= 0)
                r = leave_out(pr, noraid, look_ahead(pr, fd, noraid));
        FOREACH_STR (h, hints) {
                char *eq = strchr(*h, '=');
                int64_t v;

                /* "session_offset=123" */
                if (eq && parse_i64(eq + 1, &v) >= 0 && v >= 0)
                        (void)blkid_probe_set_hint(pr, strndupa(*h, (size_t)(eq - *h)), (uint64_t)v);
        }
        if (r >= 0)
                r = probe(pr, blkid_probe_get_size(pr), streq_null(d->devtype, "disk"));
        if (r >= 0)
                r = collect(d, pr);
        if (r >= 0)
                mark_gpt_root(d, pr);
        blkid_free_probe(pr);
        return r;
}

int builtin_blkid(struct device *d, struct rules_event *e, int argc, char **argv)
{
        const struct worker_disk *disk = e->data;
        _cleanup_strv_ char **hints = NULL;
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        bool noraid = false;
        int64_t offset = 0;
        const char *v;
        int r;

        for (int i = 1; i < argc; i++) {
                if (streq(argv[i], "--noraid") || streq(argv[i], "-R"))
                        noraid = true;
                else if ((v = startswith(argv[i], "--offset="))) {
                        if (parse_i64(v, &offset) < 0 || offset < 0)
                                return log_warning_errno(
                                        -EINVAL, "%s: blkid: \"%s\" is not an offset", d->sysname, v);
                } else if (streq(argv[i], "--offset"))
                        offset = 0;
                else if ((v = startswith(argv[i], "--hint=")) && strv_add(&hints, v) < 0)
                        return -ENOMEM;
        }
        if (!d->devnode)
                return -ENODEV;
        r = real_dev_path(d->devnode, path);
        if (r < 0)
                return r;
        if (disk->fd >= 0)
                return probe_fd(d, disk->fd, offset, noraid, hints);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return log_debug_errno(-errno, "%s: cannot open: %m", d->devnode);
        return probe_fd(d, fd, offset, noraid, hints);
}
