/* Block devices and what is on them: see blocks.h. */

#include <blkid/blkid.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "initramfs/initrd/blocks.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* --- blkid's values as udev's properties --- */

enum form { AS_IS, SAFE, ENCODED, SAFE_AND_ENCODED };

static const struct {
        const char *name; /* blkid's */
        const char *key;  /* udev's */
        enum form form;
        size_t raw; /* member of struct block that keeps the value, 0: none */
} values[] = {
        { "TYPE", "ID_FS_TYPE", AS_IS, offsetof(struct block, type) },
        { "USAGE", "ID_FS_USAGE", AS_IS, offsetof(struct block, usage) },
        { "VERSION", "ID_FS_VERSION", AS_IS, 0 },
        { "UUID", "ID_FS_UUID", SAFE_AND_ENCODED, offsetof(struct block, uuid) },
        { "UUID_SUB", "ID_FS_UUID_SUB", SAFE_AND_ENCODED, 0 },
        { "LABEL", "ID_FS_LABEL", SAFE_AND_ENCODED, offsetof(struct block, label) },
        { "PTTYPE", "ID_PART_TABLE_TYPE", AS_IS, offsetof(struct block, table) },
        { "PTUUID", "ID_PART_TABLE_UUID", AS_IS, 0 },
        { "PART_ENTRY_NAME", "ID_PART_ENTRY_NAME", ENCODED, offsetof(struct block, partlabel) },
        { "PART_ENTRY_TYPE", "ID_PART_ENTRY_TYPE", ENCODED, offsetof(struct block, part_type) },
        { "PART_ENTRY_DISK", "ID_PART_ENTRY_DISK", AS_IS, offsetof(struct block, part_disk) },
        { "PART_ENTRY_FLAGS", "ID_PART_ENTRY_FLAGS", AS_IS, offsetof(struct block, part_flags) },
        { "PART_ENTRY_UUID", "ID_PART_ENTRY_UUID", AS_IS, offsetof(struct block, partuuid) },
        { "SYSTEM_ID", "ID_FS_SYSTEM_ID", ENCODED, 0 },
        { "PUBLISHER_ID", "ID_FS_PUBLISHER_ID", ENCODED, 0 },
        { "APPLICATION_ID", "ID_FS_APPLICATION_ID", ENCODED, 0 },
        { "BOOT_SYSTEM_ID", "ID_FS_BOOT_SYSTEM_ID", ENCODED, 0 },
};

static int keep_value(struct block *d, const char *name, const char *value)
{
        char text[512];

        for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
                if (!streq(values[i].name, name))
                        continue;
                if (values[i].raw && str_replace((char **)((char *)d + values[i].raw), value) < 0)
                        return -ENOMEM;
                switch (values[i].form) {
                case AS_IS: return strv_addf(&d->properties, "%s=%s", values[i].key, value);
                case ENCODED:
                        if (blkid_encode_string(value, text, sizeof text) < 0)
                                return 0;
                        return strv_addf(&d->properties, "%s=%s", values[i].key, text);
                case SAFE:
                case SAFE_AND_ENCODED:
                        if (blkid_safe_string(value, text, sizeof text) >= 0 &&
                                strv_addf(&d->properties, "%s=%s", values[i].key, text) < 0)
                                return -ENOMEM;
                        if (values[i].form == SAFE || blkid_encode_string(value, text, sizeof text) < 0)
                                return 0;
                        return strv_addf(&d->properties, "%s_ENC=%s", values[i].key, text);
                }
        }
        if (startswith(name, "PART_ENTRY_"))
                return strv_addf(&d->properties, "ID_%s=%s", name, value);
        return 0;
}

int block_probe(struct block *d, int fd)
{
        blkid_probe p = blkid_new_probe();
        int r;

        if (!p)
                return -ENOMEM;
        errno = 0;
        if (blkid_probe_set_device(p, fd, 0, 0) < 0) {
                r = errno ? -errno : -EIO;
                goto out;
        }
        blkid_probe_set_superblocks_flags(p, BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE |
                                                     BLKID_SUBLKS_SECTYPE | BLKID_SUBLKS_USAGE |
                                                     BLKID_SUBLKS_VERSION);
        blkid_probe_enable_superblocks(p, 1);
        blkid_probe_enable_partitions(p, 1);
        blkid_probe_set_partitions_flags(p, BLKID_PARTS_ENTRY_DETAILS);
        errno = 0;
        r = blkid_do_safeprobe(p);
        d->conflict = r == -2;
        if (r == -1)
                r = errno ? -errno : -EIO;
        else if (r == 0)
                for (int i = 0, n = blkid_probe_numof_values(p); i < n && r >= 0; i++) {
                        const char *name, *value;

                        if (blkid_probe_get_value(p, i, &name, &value, NULL) == 0)
                                r = keep_value(d, name, value);
                }
        else
                r = 0;
out:
        blkid_free_probe(p);
        return r;
}

/* --- the table --- */

void block_forget(struct block *d)
{
        char ***list = &d->properties;

        for (size_t i = 0; i < ARRAY_SIZE(values); i++)
                if (values[i].raw) {
                        char **p = (char **)((char *)d + values[i].raw);

                        free(*p);
                        *p = NULL;
                }
        strv_free(*list);
        *list = NULL;
        d->conflict = false;
        d->error = 0;
}

static void block_free(struct block *d)
{
        block_forget(d);
        free(d->devpath);
        free(d->node);
        free(d->dm_name);
        free(d->dm_uuid);
        free(d);
}

struct block *blocks_find_number(const struct blocks *b, unsigned maj, unsigned min)
{
        for (size_t i = 0; i < b->n; i++)
                if (b->block[i]->major == maj && b->block[i]->minor == min)
                        return b->block[i];
        return NULL;
}

bool block_matches(const struct block *d, const struct root_spec *spec)
{
        struct root_candidate c = { d->node, d->uuid, d->label, d->partuuid, d->partlabel, d->major,
                d->minor, d->devpath };

        return d->probed && !d->held && root_matches(spec, &c);
}

struct block *blocks_find(const struct blocks *b, const struct root_spec *spec)
{
        for (size_t i = 0; i < b->n; i++)
                if (block_matches(b->block[i], spec))
                        return b->block[i];
        return NULL;
}

void blocks_remove(struct blocks *b, unsigned maj, unsigned min)
{
        for (size_t i = 0; i < b->n; i++)
                if (b->block[i]->major == maj && b->block[i]->minor == min) {
                        block_free(b->block[i]);
                        b->block[i] = b->block[--b->n];
                        return;
                }
}

void blocks_done(struct blocks *b)
{
        for (size_t i = 0; i < b->n; i++)
                block_free(b->block[i]);
        free(b->block);
        *b = (struct blocks) { 0 };
}

static struct block *add(struct blocks *b, const char *devpath, const char *node, unsigned maj, unsigned min)
{
        struct block **grown = realloc(b->block, (b->n + 1) * sizeof *grown);
        struct block *d = calloc(1, sizeof *d);

        if (grown)
                b->block = grown;
        if (!grown || !d || !(d->devpath = strdup(devpath)) || !(d->node = strdup(node))) {
                if (d)
                        block_free(d);
                return NULL;
        }
        d->major = maj;
        d->minor = min;
        return b->block[b->n++] = d;
}

/* Opening a floppy waits for its motor; RAM disks hold nothing that boots. */
static bool is_left_alone(const char *node)
{
        static const char *const names[] = { "/dev/ram", "/dev/zram", "/dev/fd", "/dev/nbd" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (startswith(node, names[i]))
                        return true;
        return false;
}

/* diskseq of the disk, which for a partition is the directory above. */
static uint64_t read_diskseq(const char *devpath)
{
        static const char *const formats[] = { "/sys%s/diskseq", "/sys%s/../diskseq" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
                _cleanup_free_ char *s = NULL;
                uint64_t v;

                snprintf(path, sizeof path, formats[i], devpath);
                if (read_one_line(path, &s) >= 0 && parse_u64(s, &v) >= 0)
                        return v;
        }
        return 0;
}

/* A device-mapper device gets its name after its first uevent. */
static void read_dm(struct block *d)
{
        char path[PATH_MAX];
        _cleanup_free_ char *name = NULL, *uuid = NULL;

        snprintf(path, sizeof path, "/sys%s/dm/name", d->devpath);
        if (read_one_line(path, &name) >= 0 && *name)
                (void)str_replace(&d->dm_name, name);
        snprintf(path, sizeof path, "/sys%s/dm/uuid", d->devpath);
        if (read_one_line(path, &uuid) >= 0 && *uuid)
                (void)str_replace(&d->dm_uuid, uuid);
}

/* LVM keeps these for itself in the names of what a volume is made of (lvm(8), "reserved"). */
bool block_is_lvm_part(const struct block *d)
{
        static const char *const within[] = { "_cdata", "_cmeta", "_corig", "_cpool", "_cvol", "_mimage",
                "_mlog", "_pmspare", "_rimage", "_rmeta", "_tdata", "_tmeta", "_vdata", "_vorigin",
                "_wcorig" };

        if (!d->dm_uuid || !d->dm_name || !startswith(d->dm_uuid, "LVM-"))
                return false;
        /* "LVM-", two ids of 32, and for what is not a volume by itself a suffix */
        if (strlen(d->dm_uuid) > 4 + 64)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(within); i++)
                if (strstr(d->dm_name, within[i]))
                        return true;
        return false;
}

bool block_is_part(const struct block *d)
{
        char path[PATH_MAX];

        if (d->dm_name && block_is_lvm_part(d))
                return true;
        snprintf(path, sizeof path, "/sys%s/holders", d->devpath);
        _cleanup_closedir_ DIR *dir = opendir(path);
        for (struct dirent *e; dir && (e = readdir(dir));)
                if (e->d_name[0] != '.')
                        return true;
        return false;
}

int blocks_update(struct blocks *b, const char *devpath, const char *node, unsigned maj, unsigned min,
        struct block **ret)
{
        struct block *d = blocks_find_number(b, maj, min);
        uint64_t size = 0;

        *ret = NULL;
        if (is_left_alone(node))
                return 0;
        _cleanup_close_ int fd = open(node, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        int r = fd < 0 ? -errno : 0;
        if (fd >= 0 && (ioctl(fd, BLKGETSIZE64, &size) < 0 || size == 0))
                return 0; /* no medium, or a loop device without a file */
        if (!d && !(d = add(b, devpath, node, maj, min)))
                return -ENOMEM;
        block_forget(d);
        if (startswith(node, "/dev/dm-"))
                read_dm(d);
        if (r >= 0) {
                d->diskseq = read_diskseq(devpath);
                r = block_probe(d, fd);
        }
        d->probed = r >= 0 && !d->conflict;
        d->error = r;
        if (r < 0)
                log_warning_errno(r, "Cannot read what is on %s: %m", node);
        else if (d->conflict)
                log_warning("%s carries signatures of two things that exclude each other; not used (wipefs "
                            "shows them)",
                        node);
        *ret = d;
        return 0;
}

/* --- what was there before us --- */

static void enumerate_one(int class_fd, const char *name,
        void (*fn)(const char *devpath, const char *node, unsigned maj, unsigned min, void *data),
        void *data)
{
        _cleanup_free_ char *link = NULL, *dev = NULL;
        char path[NAME_MAX + 16], node[NAME_MAX + 16];
        unsigned maj, min;
        size_t len;

        if (readlinkat_alloc(class_fd, name, &link) < 0)
                return;
        snprintf(path, sizeof path, "%s/dev", name);
        if (read_file_at(class_fd, path, 64, &dev, &len) < 0 || sscanf(dev, "%u:%u", &maj, &min) != 2)
                return;
        const char *devpath = strstr(link, "/devices/");
        if (!devpath)
                return;
        snprintf(node, sizeof node, "/dev/%s", name);
        for (char *p = node + 5; *p; p++)
                if (*p == '!')
                        *p = '/';
        fn(devpath, node, maj, min, data);
}

int blocks_enumerate(
        void (*fn)(const char *devpath, const char *node, unsigned maj, unsigned min, void *data),
        void *data)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/class/block");
        struct dirent *e;

        if (!d)
                return -errno;
        while ((e = readdir(d)))
                if (e->d_name[0] != '.')
                        enumerate_one(dirfd(d), e->d_name, fn, data);
        return 0;
}

/* --- telling others --- */

void block_describe(const struct block *d, struct strbuf *out)
{
        strbuf_puts(out, d->node);
        if (d->dm_name)
                strbuf_printf(out, " (%s)", d->dm_name);
        if (d->error < 0)
                strbuf_printf(out, " (unreadable: %s)", strerror(-d->error));
        else if (d->conflict)
                strbuf_puts(out, " (conflicting signatures)");
        else if (d->type)
                strbuf_printf(out, " %s", d->type);
        else if (d->table)
                strbuf_printf(out, " %s partition table", d->table);
        else
                strbuf_puts(out, " (nothing known on it)");
        if (d->uuid)
                strbuf_printf(out, " UUID=%s", d->uuid);
        if (d->label)
                strbuf_printf(out, " LABEL=%s", d->label);
        if (d->partuuid)
                strbuf_printf(out, " PARTUUID=%s", d->partuuid);
        if (d->partlabel)
                strbuf_printf(out, " PARTLABEL=%s", d->partlabel);
}

void blocks_write(const struct blocks *b, struct strbuf *out)
{
        for (size_t i = 0; i < b->n; i++) {
                const struct block *d = b->block[i];

                if (!d->probed)
                        continue;
                strbuf_printf(out, "%u:%u %llu %s", d->major, d->minor, (unsigned long long)d->diskseq,
                        d->devpath);
                FOREACH_STR (p, d->properties)
                        strbuf_printf(out, " %s", *p);
                strbuf_putc(out, '\n');
        }
}
