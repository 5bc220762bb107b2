/* Hardware from /sys or from a recording: see hardware.h. */

#include <endian.h>
#include <fcntl.h>
#include <glob.h>
#include <mntent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "initramfs/hardware.h"
#include "initramfs/microcode.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define MAX_DEPTH 16 /* of stacked devices */

void hardware_done(struct hardware *h)
{
        strv_free(h->modaliases);
        strv_free(h->root_modaliases);
        strv_free(h->features);
        strv_free(h->mappings);
        free(h->root_type);
        free(h->cpu);
}

static int add_modalias(const char *dir, char ***list)
{
        _cleanup_free_ char *path = str_printf("%s/modalias", dir), *s = NULL;

        if (!path)
                return -ENOMEM;
        if (read_one_line(path, &s) < 0 || !*s)
                return 0;
        return strv_add_unique(list, s);
}

static int scan_bus(const char *bus, char ***list)
{
        _cleanup_free_ char *path = str_printf("/sys/bus/%s/devices", bus);
        _cleanup_closedir_ DIR *d = path ? opendir(path) : NULL;
        struct dirent *e;

        while (d && (e = readdir(d))) {
                char dev[PATH_MAX];
                int r;

                if (e->d_name[0] == '.')
                        continue;
                snprintf(dev, sizeof dev, "%s/%s", path, e->d_name);
                r = add_modalias(dev, list);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The modaliases of a device's directory in /sys and of all above it. */
static int scan_chain(const char *devdir, char ***list)
{
        _cleanup_free_ char *p = strdup(devdir);
        int r = p ? 0 : -ENOMEM;

        while (r >= 0 && startswith(p, "/sys/devices/")) {
                r = add_modalias(p, list);
                *strrchr(p, '/') = 0;
        }
        return r;
}

/* The header is 4 KiB with its magic, its version and the size of the whole, then JSON. */
bool hardware_has_tpm2_token(const char *node)
{
        static const char magic[] = "LUKS\xba\xbe\0\2";
        static const char token[] = "\"systemd-tpm2\"";
        _cleanup_close_ int fd = open(node, O_RDONLY | O_CLOEXEC);
        uint64_t size;
        char head[16];

        if (fd < 0 || pread(fd, head, sizeof head, 0) != sizeof head || memcmp(head, magic, 8) != 0)
                return false;
        memcpy(&size, head + 8, sizeof size);
        size = MIN(be64toh(size), (uint64_t)4 << 20);
        _cleanup_free_ char *text = malloc(size);
        ssize_t n = text ? pread(fd, text, size, 0) : -1;
        return n > 0 && memmem(text, n, token, strlen(token));
}

/* The devices below an open LUKS2 device. */
static int scan_tokens(const char *dev, struct hardware *h)
{
        _cleanup_free_ char *slaves = str_printf("%s/slaves", dev);
        _cleanup_closedir_ DIR *d = slaves ? opendir(slaves) : NULL;
        int r = slaves ? 0 : -ENOMEM;

        for (struct dirent *e; r >= 0 && d && (e = readdir(d));) {
                _cleanup_free_ char *node = str_printf("/dev/%s", e->d_name);

                for (char *p = node; p && *p; p++)
                        if (*p == '!')
                                *p = '/';
                if (e->d_name[0] != '.' && node && hardware_has_tpm2_token(node))
                        r = strv_add_unique(&h->features, "tpm2");
        }
        return r;
}

/* What a device is made by. */
static int scan_kind(const char *dev, struct hardware *h)
{
        static const struct {
                const char *uuid, *feature;
        } kinds[] = { { "CRYPT-VERITY", "verity" }, { "CRYPT-", "luks" }, { "LVM-", "lvm" },
                { "mpath-", "multipath" } };
        _cleanup_free_ char *uuid_file = str_printf("%s/dm/uuid", dev),
                            *name_file = str_printf("%s/dm/name", dev), *md = str_printf("%s/md", dev),
                            *uuid = NULL, *name = NULL;
        int r = 0;

        if (!uuid_file || !name_file || !md)
                return -ENOMEM;
        if (access(md, F_OK) == 0)
                r = strv_add_unique(&h->features, "mdraid");
        if (r < 0 || read_one_line(uuid_file, &uuid) < 0)
                return r;
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (startswith(uuid, kinds[i].uuid)) {
                        r = strv_add_unique(&h->features, kinds[i].feature);
                        if (r >= 0 && streq(kinds[i].feature, "luks") &&
                                read_one_line(name_file, &name) >= 0)
                                r = strv_add_unique(&h->mappings, name);
                        return r < 0 || !startswith(uuid, "CRYPT-LUKS2-") ? r : scan_tokens(dev, h);
                }
        return 0;
}

/* A block device and what it is made of (dm, md). */
static int scan_block(unsigned maj, unsigned min, unsigned depth, struct hardware *h)
{
        char link[64], dev[PATH_MAX], slaves[PATH_MAX + 16];

        snprintf(link, sizeof link, "/sys/dev/block/%u:%u", maj, min);
        if (depth > MAX_DEPTH || !realpath(link, dev))
                return 0;
        int r = scan_chain(dev, &h->root_modaliases);
        if (r >= 0)
                r = scan_kind(dev, h);
        snprintf(slaves, sizeof slaves, "%s/slaves", dev);
        _cleanup_closedir_ DIR *d = opendir(slaves);
        struct dirent *e;
        while (r >= 0 && d && (e = readdir(d))) {
                _cleanup_free_ char *path = str_printf("%s/%s/dev", slaves, e->d_name), *s = NULL;
                unsigned a, b;

                if (e->d_name[0] == '.' || !path || read_one_line(path, &s) < 0 ||
                        sscanf(s, "%u:%u", &a, &b) != 2)
                        continue;
                r = scan_block(a, b, depth + 1, h);
        }
        return r;
}

/* The devices of a btrfs, of which one is known. */
static int scan_btrfs(dev_t one, struct hardware *h)
{
        _cleanup_free_ char *number = str_printf("%u:%u", major(one), minor(one));
        glob_t g = { 0 };
        size_t found = 0;
        int r = number ? 0 : -ENOMEM;

        if (r >= 0 && glob("/sys/fs/btrfs/*/devices/*/dev", GLOB_NOSORT, NULL, &g) != 0)
                g.gl_pathc = 0;
        /* Two rounds over a list that is short: which file system is it, and who else is in it? */
        const char *dir = NULL;
        for (size_t i = 0; i < g.gl_pathc && r >= 0 && !dir; i++) {
                _cleanup_free_ char *s = NULL;

                if (read_one_line(g.gl_pathv[i], &s) >= 0 && streq(s, number))
                        dir = g.gl_pathv[i];
        }
        size_t len = dir ? strstr(dir, "/devices/") - dir : 0;
        for (size_t i = 0; i < g.gl_pathc && r >= 0 && dir; i++) {
                _cleanup_free_ char *s = NULL;
                unsigned a, b;

                if (strncmp(g.gl_pathv[i], dir, len + 1) != 0 || read_one_line(g.gl_pathv[i], &s) < 0 ||
                        sscanf(s, "%u:%u", &a, &b) != 2)
                        continue;
                r = scan_block(a, b, 0, h);
                found++;
        }
        globfree(&g);
        return r < 0 || found ? r : scan_block(major(one), minor(one), 0, h);
}

/* What the file system at a path lies on. A btrfs has a device number of its own, and the mount table its device. */
static int scan_mounted(const char *path, struct hardware *h)
{
        struct stat st, at, source;
        struct mntent *m;
        FILE *f = NULL;
        int r = 0;

        if (stat(path, &st) < 0)
                return 0;
        if (major(st.st_dev) != 0)
                return scan_block(major(st.st_dev), minor(st.st_dev), 0, h);
        f = setmntent("/proc/self/mounts", "re");
        while (f && (m = getmntent(f)))
                if (streq(m->mnt_type, "btrfs") && stat(m->mnt_dir, &at) == 0 && at.st_dev == st.st_dev &&
                        stat(m->mnt_fsname, &source) == 0 && S_ISBLK(source.st_mode)) {
                        r = scan_btrfs(source.st_rdev, h);
                        break;
                }
        if (f)
                endmntent(f);
        return r;
}

/* The root, and /usr, which may lie elsewhere. */
static int scan_root(struct hardware *h)
{
        struct mntent *m;
        FILE *f = setmntent("/proc/self/mounts", "re");
        int r = 0;

        while (f && (m = getmntent(f)) && r >= 0)
                if (streq(m->mnt_dir, "/") && !streq(m->mnt_type, "rootfs"))
                        r = str_replace(&h->root_type, m->mnt_type);
        if (f)
                endmntent(f);
        if (r < 0 || (r = scan_mounted("/", h)) < 0)
                return r;
        return scan_mounted("/usr", h);
}

int hardware_scan_stack(struct hardware *h, const char *path)
{
        struct hardware all = { 0 };
        int r = scan_mounted(path, &all);

        if (r >= 0 && (r = strv_extend(&h->features, all.features)) >= 0)
                r = strv_extend(&h->mappings, all.mappings);
        hardware_done(&all);
        return r;
}

int hardware_scan(struct hardware *h)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/bus");
        struct dirent *e;
        int r = 0;

        if (!d)
                return log_error_errno(-errno, "Cannot read /sys/bus: %m");
        while (r >= 0 && (e = readdir(d)))
                if (e->d_name[0] != '.')
                        r = scan_bus(e->d_name, &h->modaliases);
        if (r >= 0)
                r = scan_root(h);
        if (r >= 0 && microcode_cpu(&h->cpu) == -ENOMEM)
                r = -ENOMEM;
        strv_sort(h->modaliases);
        strv_sort(h->root_modaliases);
        return r;
}

int hardware_read(struct hardware *h, const char *path)
{
        _cleanup_free_ char *text = NULL;
        unsigned line = 0;
        int r = read_file(path, 0, &text, NULL);

        if (r < 0)
                return log_error_errno(r, "Cannot read the hardware recording %s: %m", path);
        for (char *p = text, *s; (s = strsep(&p, "\n")) && r >= 0;) {
                const char *v;

                line++;
                s = str_strip(s);
                if (!*s || *s == '#')
                        continue;
                if ((v = startswith(s, "modalias ")))
                        r = strv_add_unique(&h->modaliases, v);
                else if ((v = startswith(s, "root-modalias ")))
                        r = strv_add_unique(&h->root_modaliases, v);
                else if ((v = startswith(s, "root-feature ")))
                        r = strv_add_unique(&h->features, v);
                else if ((v = startswith(s, "root-mapping ")))
                        r = strv_add_unique(&h->mappings, v);
                else if ((v = startswith(s, "root-type ")))
                        r = str_replace(&h->root_type, v);
                else if ((v = startswith(s, "cpu ")) && strchr(v, ' '))
                        r = str_replace(&h->cpu, v);
                else
                        log_file(path, line, LOG_WARNING, "Not a line of a hardware recording; ignored");
        }
        return r;
}

int hardware_write(const struct hardware *h, struct strbuf *out)
{
        strbuf_puts(out, "# rouse-initramfs hardware 1\n");
        if (h->root_type)
                strbuf_printf(out, "root-type %s\n", h->root_type);
        if (h->cpu)
                strbuf_printf(out, "cpu %s\n", h->cpu);
        FOREACH_STR (m, h->features)
                strbuf_printf(out, "root-feature %s\n", *m);
        FOREACH_STR (m, h->mappings)
                strbuf_printf(out, "root-mapping %s\n", *m);
        FOREACH_STR (m, h->root_modaliases)
                strbuf_printf(out, "root-modalias %s\n", *m);
        FOREACH_STR (m, h->modaliases)
                strbuf_printf(out, "modalias %s\n", *m);
        return out->failed ? -ENOMEM : 0;
}
