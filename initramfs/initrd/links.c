/* Links under /dev/disk: see links.h. Names follow 60-persistent-storage.rules and its path_id, of which this
 * covers the disks that a root is on. */

#include <fcntl.h>
#include <linux/hdreg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "initramfs/initrd/links.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/str.h"

struct disk {
        char sys[PATH_MAX];  /* "/sys/devices/…/block/vda", of the whole disk */
        char part[32];       /* "-part1" or "" */
        const char *kernel;  /* "vda" */
        char node[PATH_MAX]; /* of the whole disk */
};

static bool read_attr(const struct disk *d, const char *name, char *buf, size_t n)
{
        char path[PATH_MAX + 64];
        _cleanup_free_ char *s = NULL;

        snprintf(path, sizeof path, "%s/%s", d->sys, name);
        if (read_one_line(path, &s) < 0)
                return false;
        snprintf(buf, n, "%s", str_strip(s));
        return *buf;
}

/* As udev does with vendor strings: runs of blanks and what a file name cannot hold become one "_". */
static void to_name(char *s)
{
        char *o = s;

        for (char *p = s; *p; p++) {
                bool good = (*p > ' ' && *p < 0x7f && !strchr("/\\\"'`$&;|<>*?!()[]{}", *p));

                if (good)
                        *o++ = *p;
                else if (o > s && o[-1] != '_')
                        *o++ = '_';
        }
        while (o > s && o[-1] == '_')
                o--;
        *o = 0;
}

static bool is(const struct disk *d, const char *name, const char *prefix, const char *id)
{
        _cleanup_free_ char *want = str_printf("%s%s%s", prefix, id, d->part);

        return want && *id && streq(want, name);
}

static bool id_virtio(const struct disk *d, const char *name)
{
        char serial[128];

        return startswith(d->kernel, "vd") && read_attr(d, "serial", serial, sizeof serial) &&
               (to_name(serial), is(d, name, "virtio-", serial));
}

static bool id_nvme(const struct disk *d, const char *name)
{
        char wwid[256], model[128], serial[128], both[300];

        if (!startswith(d->kernel, "nvme"))
                return false;
        if (read_attr(d, "wwid", wwid, sizeof wwid) && is(d, name, "nvme-", wwid))
                return true;
        if (!read_attr(d, "device/model", model, sizeof model) ||
                !read_attr(d, "device/serial", serial, sizeof serial))
                return false;
        to_name(model);
        to_name(serial);
        snprintf(both, sizeof both, "%s_%s", model, serial);
        if (is(d, name, "nvme-", both))
                return true;
        snprintf(both, sizeof both, "%s_%s_1", model, serial);
        return is(d, name, "nvme-", both);
}

/* The drive's own words, which libata keeps for this call of old. */
static bool id_ata(const struct disk *d, const char *name)
{
        _cleanup_close_ int fd = -1;
        struct hd_driveid id;
        char model[48], serial[32], both[96];

        if (!startswith(d->kernel, "sd") || !startswith(name, "ata-"))
                return false;
        fd = open(d->node, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || ioctl(fd, HDIO_GET_IDENTITY, &id) < 0)
                return false;
        snprintf(model, sizeof model, "%.40s", (const char *)id.model);
        snprintf(serial, sizeof serial, "%.20s", (const char *)id.serial_no);
        to_name(model);
        to_name(serial);
        snprintf(both, sizeof both, "%s_%s", model, serial + strspn(serial, "_"));
        return is(d, name, "ata-", both);
}

/* scsi-0VENDOR_MODEL_SERIAL, usb-VENDOR_MODEL_SERIAL-0:0, wwn-0x…. */
static bool id_scsi(const struct disk *d, const char *name)
{
        char vendor[64], model[64], serial[256] = "", id[420], wwid[256], path[PATH_MAX + 64];
        _cleanup_free_ char *page = NULL;
        size_t len;

        if (!startswith(d->kernel, "sd"))
                return false;
        if (read_attr(d, "device/wwid", wwid, sizeof wwid) && startswith(wwid, "naa.") &&
                is(d, name, "wwn-0x", wwid + 4))
                return true;
        snprintf(path, sizeof path, "%s/device/vpd_pg80", d->sys);
        if (read_file(path, 4096, &page, &len) >= 0 && len > 4)
                snprintf(serial, sizeof serial, "%.*s", (int)MIN(len - 4, sizeof serial - 1), page + 4);
        if (!read_attr(d, "device/vendor", vendor, sizeof vendor) ||
                !read_attr(d, "device/model", model, sizeof model))
                return false;
        to_name(vendor);
        to_name(model);
        to_name(serial);
        snprintf(id, sizeof id, "%s_%s_%s", vendor, model, serial);
        if (is(d, name, "scsi-0", id) || is(d, name, "scsi-S", id))
                return true;
        /* A USB disk: the last three numbers of its SCSI address do not count but for target:lun. */
        const char *usb = startswith(name, "usb-");
        return usb && startswith(usb, id) && strstr(usb, "-0:") && endswith(usb, d->part);
}

static bool id_mapped(const struct disk *d, const char *name)
{
        static const struct {
                const char *attr, *prefix;
        } names[] = { { "dm/name", "dm-name-" }, { "dm/uuid", "dm-uuid-" } };
        char value[256];

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (read_attr(d, names[i].attr, value, sizeof value) && is(d, name, names[i].prefix, value))
                        return true;
        return false;
}

static bool (*const ids[])(
        const struct disk *d, const char *name) = { id_virtio, id_nvme, id_ata, id_scsi, id_mapped };

/* --- by-path --- */

/* "pci-0000:00:05.0[-ata-1|-nvme-1|-usb-0:1:1.0-scsi-0:0:0:0|-scsi-0:0:0:0]", from the path in /sys. */
static bool path_matches(const struct disk *d, const char *name)
{
        char pci[32] = "", usb[64] = "", tail[96] = "", want[320], last[64] = "";
        unsigned h, c, t, l, ata = 0, n;
        char copy[PATH_MAX];

        snprintf(copy, sizeof copy, "%s", d->sys);
        for (char *p = copy, *w; (w = strsep(&p, "/"));) {
                unsigned a, b, e, f;
                int end = 0;

                if (sscanf(w, "%4x:%2x:%2x.%1x%n", &a, &b, &e, &f, &end) == 4 && !w[end])
                        snprintf(pci, sizeof pci, "pci-%s", w);
                else if (sscanf(w, "ata%u%n", &n, &end) == 1 && !w[end])
                        ata = n;
                else if (sscanf(w, "%u-%31[0-9.]:%u.%u%n", &a, last, &e, &f, &end) == 4 && !w[end])
                        snprintf(usb, sizeof usb, "-usb-0:%s:%u.%u", last, e, f);
                else if (sscanf(w, "%u:%u:%u:%u%n", &h, &c, &t, &l, &end) == 4 && !w[end])
                        snprintf(tail, sizeof tail, "-scsi-0:%u:%u:%u", c, t, l);
                else if (sscanf(w, "nvme%*un%u%n", &n, &end) == 1 && end && !w[end])
                        snprintf(tail, sizeof tail, "-nvme-%u", n);
        }
        if (ata) /* numbered by the controller's ports, which the kernel counts over all controllers */
                snprintf(want, sizeof want, "%s-ata-", pci);
        else
                snprintf(want, sizeof want, "%s%s%s%s", pci, usb, tail, d->part);
        if (!*pci)
                return false;
        if (!ata)
                return streq(name, want) ||
                       (startswith(name, "virtio-") && streq(name + strlen("virtio-"), want));
        /* ata-N or ata-N.0 */
        const char *rest = startswith(name, want);
        char *after;
        if (!rest)
                return false;
        unsigned long port = strtoul(rest, &after, 10), first = ata;
        char dir[PATH_MAX];
        /* The lowest ata port below the same controller is its first. */
        const char *at = strstr(d->sys, "/ata");
        snprintf(dir, sizeof dir, "%.*s", (int)(at ? at - d->sys : 0), d->sys);
        _cleanup_closedir_ DIR *ports = opendir(dir);
        for (struct dirent *e; ports && (e = readdir(ports));)
                if (sscanf(e->d_name, "ata%u", &n) == 1 && n < first)
                        first = n;
        if (startswith(after, ".0"))
                after += 2;
        return port == ata - first + 1 && streq(after, d->part);
}

bool link_matches(const char *below, const struct root_candidate *c)
{
        struct disk d = { .part = "" };
        char path[PATH_MAX + 16], seq[32];
        _cleanup_free_ char *number = NULL;
        const char *name;

        snprintf(d.sys, sizeof d.sys, "/sys%s", c->devpath);
        snprintf(path, sizeof path, "%.4000s/partition", d.sys);
        if (read_one_line(path, &number) >= 0) {
                snprintf(d.part, sizeof d.part, "-part%s", number);
                *strrchr(d.sys, '/') = 0;
        }
        d.kernel = strrchr(d.sys, '/') + 1;
        snprintf(d.node, sizeof d.node, "/dev/%.200s", d.kernel);
        if ((name = startswith(below, "by-id/"))) {
                for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
                        if (ids[i](&d, name))
                                return true;
        } else if ((name = startswith(below, "by-path/")))
                return path_matches(&d, name);
        else if ((name = startswith(below, "by-diskseq/")))
                return read_attr(&d, "diskseq", seq, sizeof seq) && is(&d, name, "", seq);
        return false;
}
