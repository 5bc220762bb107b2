/* path_id: where a device hangs on its buses, as ID_PATH ("pci-0000:00:1f.2-ata-1.0") and ID_PATH_TAG.
 *
 * The chain is walked upwards; each bus that is known puts its piece in front. A table of subsystems, a function
 * each, which returns the ancestor to go on from. A block device whose transport is not known gets no path:
 * two disks would have the same one. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>

#include "builtin.h"
#include "lib/fileio.h"

struct path {
        char text[1024], compat[1024]; /* compat: as older versions wrote ATA ports */
        bool has_compat;
        bool transport, parent; /* something known was met */
        bool bad;
};

static void prepend_to(char *buf, size_t size, const char *piece, struct path *p)
{
        char copy[1024];

        strcpy(copy, buf);
        if (snprintf(buf, size, "%s%s%s", piece, *copy ? "-" : "", copy) >= (int)size)
                p->bad = true;
}

static void prepend(struct path *p, const char *fmt, ...) _printf_(2, 3);
static void prepend(struct path *p, const char *fmt, ...)
{
        char piece[512];
        va_list ap;

        va_start(ap, fmt);
        if (vsnprintf(piece, sizeof(piece), fmt, ap) >= (int)sizeof(piece))
                p->bad = true;
        va_end(ap);
        if (p->has_compat)
                prepend_to(p->compat, sizeof(p->compat), piece, p);
        prepend_to(p->text, sizeof(p->text), piece, p);
}

/* The last ancestor of a run of the same subsystem. */
static struct device *skip(struct device *d, const char *subsystem)
{
        struct device *p = d;

        while (p && device_in_subsystem(p, subsystem)) {
                d = p;
                p = device_parent_lazy(p);
        }
        return d;
}

/* --- SCSI ------------------------------------------------------------------------------------------- */

static void format_lun(const char *number, char *buf, size_t size)
{
        unsigned long lun = strtoul(number, NULL, 10);

        /* Beyond 255 the number is written as the standard's 8 bytes. */
        if (lun < 256)
                snprintf(buf, size, "lun-%lu", lun);
        else
                snprintf(buf, size, "lun-0x%04lx%04lx00000000", lun & 0xffff, lun >> 16 & 0xffff);
}

static bool parse_hctl(const char *s, unsigned n[4])
{
        return sscanf(s, "%u:%u:%u:%u", &n[0], &n[1], &n[2], &n[3]) == 4;
}

static void last_number(const char *s, char *buf, size_t size)
{
        const char *c = strrchr(s, ':');

        format_lun(c ? c + 1 : "0", buf, size);
}

static struct device *scsi_fibre_channel(struct device *d, struct path *p)
{
        struct device *target = device_parent_with(d, "scsi", "scsi_target"), *rport;
        _cleanup_device_ struct device *fc = NULL;
        char lun[64];
        const char *port;

        if (!target)
                return NULL;
        rport = device_parent_lazy(target);
        if (!rport || device_from_subsystem("fc_remote_ports", rport->sysname, &fc) < 0)
                return NULL;
        port = device_attr(fc, "port_name");
        if (!port)
                return NULL;
        last_number(d->sysname, lun, sizeof(lun));
        prepend(p, "fc-%s-%s", port, lun);
        return d;
}

static struct device *scsi_sas(struct device *d, struct path *p)
{
        struct device *target = device_parent_with(d, "scsi", "scsi_target"), *end, *port, *up;
        _cleanup_device_ struct device *sas = NULL, *expander = NULL;
        const char *phy, *address;
        char lun[64];

        if (!target || !(end = device_parent_lazy(target)) || !(port = device_parent_lazy(end)) ||
                !(up = device_parent_lazy(port)))
                return NULL;
        last_number(d->sysname, lun, sizeof(lun));
        if (device_from_subsystem("sas_device", end->sysname, &sas) < 0)
                return NULL;
        phy = device_attr(sas, "phy_identifier");
        if (phy && device_from_subsystem("sas_device", up->sysname, &expander) >= 0 &&
                (address = device_attr(expander, "sas_address"))) {
                prepend(p, "sas-exp%s-phy%s-%s", address, phy, lun);
                return d;
        }
        if (phy && strtoul(phy, NULL, 10) < 255) {
                prepend(p, "sas-phy%s-%s", phy, lun);
                return d;
        }
        address = device_attr(sas, "sas_address");
        if (!address)
                return NULL;
        prepend(p, "sas-%s-%s", address, lun);
        return d;
}

static struct device *scsi_iscsi(struct device *d, struct path *p)
{
        _cleanup_device_ struct device *session = NULL, *connection = NULL;
        const char *target, *address, *port;
        struct device *t;
        char name[64], lun[64];

        for (t = device_parent_lazy(d); t && !startswith(t->sysname, "session"); t = device_parent_lazy(t))
                ;
        if (!t || device_from_subsystem("iscsi_session", t->sysname, &session) < 0)
                return NULL;
        target = device_attr(session, "targetname");
        snprintf(name, sizeof(name), "connection%s:0", device_sysnum_text(t));
        if (!target || device_from_subsystem("iscsi_connection", name, &connection) < 0)
                return NULL;
        address = device_attr(connection, "persistent_address");
        port = device_attr(connection, "persistent_port");
        if (!address || !port)
                return NULL;
        last_number(d->sysname, lun, sizeof(lun));
        prepend(p, "ip-%s:%s-iscsi-%s-%s", address, port, target, lun);
        return d;
}

static struct device *scsi_ata(struct device *d, struct path *p)
{
        struct device *host = device_parent_with(d, "scsi", "scsi_host"),
                      *up = host ? device_parent_lazy(host) : NULL;
        _cleanup_device_ struct device *port = NULL;
        const char *number;
        char piece[64];
        unsigned n[4];

        if (!up || !parse_hctl(d->sysname, n) || device_from_subsystem("ata_port", up->sysname, &port) < 0)
                return NULL;
        number = device_attr(port, "port_no");
        if (!number)
                return NULL;
        snprintf(p->compat, sizeof(p->compat), "%s", p->text);
        if (n[1] != 0) /* behind a port multiplier */
                prepend(p, "ata-%s.%u.0", number, n[1]);
        else
                prepend(p, "ata-%s.%u", number, n[2]);
        snprintf(piece, sizeof(piece), "ata-%.40s", number);
        prepend_to(p->compat, sizeof(p->compat), piece, p);
        p->has_compat = true;
        return host;
}

/* Host numbers count over all adapters; those of one adapter are told from its lowest. */
static struct device *scsi_plain(struct device *d, struct path *p)
{
        struct device *host = device_parent_with(d, "scsi", "scsi_host"),
                      *up = host ? device_parent_lazy(host) : NULL;
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;
        unsigned n[4], base = UINT_MAX;

        if (!up || !parse_hctl(d->sysname, n) || real_sys_path(up->syspath, NULL, path) < 0 ||
                !(dir = opendir(path)))
                return NULL;
        while ((e = readdir(dir))) {
                const char *number = startswith(e->d_name, "host");
                uint32_t i;

                if (number && parse_u32(number, &i) >= 0 && i < base)
                        base = i;
        }
        if (base > n[0])
                return NULL;
        prepend(p, "scsi-%u:%u:%u:%u", n[0] - base, n[1], n[2], n[3]);
        return host;
}

static struct device *scsi_hyperv(struct device *d, struct path *p)
{
        struct device *host = device_parent_with(d, "scsi", "scsi_host"),
                      *bus = host ? device_parent_lazy(host) : NULL;
        const char *guid = bus ? device_attr(bus, "device_id") : NULL;
        char lun[64];
        size_t n;

        if (!guid || guid[0] != '{' || !(n = strcspn(guid, "}")) || n < 2)
                return NULL;
        last_number(d->sysname, lun, sizeof(lun));
        prepend(p, "vmbus-%.*s-%s", (int)n - 1, guid + 1, lun);
        return d;
}

static struct device *on_scsi(struct device *d, struct path *p)
{
        const char *id;

        if (!streq_null(device_devtype(d), "scsi_device"))
                return d;
        id = device_attr(d, "ieee1394_id");
        if (id) {
                prepend(p, "ieee1394-0x%s", id);
                p->transport = true;
                return skip(d, "scsi");
        }
        if (strstr(d->devpath, "/rport-")) {
                p->transport = true;
                return scsi_fibre_channel(d, p);
        }
        p->transport = true;
        if (strstr(d->devpath, "/end_device-"))
                return scsi_sas(d, p);
        if (strstr(d->devpath, "/session"))
                return scsi_iscsi(d, p);
        if (strstr(d->devpath, "/ata"))
                return scsi_ata(d, p);
        if (strstr(d->devpath, "/vmbus_"))
                return scsi_hyperv(d, p);
        return scsi_plain(d, p);
}

/* --- the other buses -------------------------------------------------------------------------------- */

static struct device *on_scsi_tape(struct device *d, struct path *p)
{
        const char *n = d->sysname;

        if (startswith(n, "nst") && n[3] && strchr("lma", n[3]))
                prepend(p, "nst%c", n[3]);
        else if (startswith(n, "st") && n[2] && strchr("lma", n[2]))
                prepend(p, "st%c", n[2]);
        return d;
}

static struct device *on_usb(struct device *d, struct path *p)
{
        const char *type = device_devtype(d), *port;

        if (!type || (!streq(type, "usb_interface") && !streq(type, "usb_device")))
                return d;
        port = strchr(d->sysname, '-');
        if (!port)
                return d;
        prepend(p, "usb-0:%s", port + 1);
        p->transport = true;
        return skip(d, "usb");
}

static struct device *on_pci(struct device *d, struct path *p)
{
        prepend(p, "pci-%s", d->sysname);
        p->parent = true;
        return skip(d, "pci");
}

static struct device *on_platform(struct device *d, struct path *p)
{
        prepend(p, "platform-%s", d->sysname);
        p->transport = p->parent = true;
        return skip(d, "platform");
}

static struct device *on_virtio(struct device *d, struct path *p)
{
        p->transport = true;
        return skip(d, "virtio");
}

static struct device *named_parent(struct device *d, struct path *p)
{
        prepend(p, "%s-%s", d->subsystem, d->sysname);
        p->parent = true;
        return skip(d, d->subsystem);
}

static struct device *named_both(struct device *d, struct path *p)
{
        p->transport = true;
        return named_parent(d, p);
}

static struct device *on_serio(struct device *d, struct path *p)
{
        const char *n = device_sysnum_text(d);

        if (*n) {
                prepend(p, "serio-%s", n);
                return skip(d, "serio");
        }
        return d;
}

static struct device *on_bcma(struct device *d, struct path *p)
{
        const char *core = strchr(d->sysname, ':');

        if (core)
                prepend(p, "bcma-%lu", strtoul(core + 1, NULL, 10));
        return d;
}

static struct device *on_cciss(struct device *d, struct path *p)
{
        unsigned c, v;

        if (sscanf(d->sysname, "c%ud%u", &c, &v) != 2)
                return d;
        prepend(p, "cciss-disk%u", v);
        p->transport = true;
        return skip(d, "cciss");
}

static struct device *on_spi(struct device *d, struct path *p)
{
        const char *cs = strchr(d->sysname, '.');

        if (cs) {
                prepend(p, "cs-%s", cs + 1);
                prepend(p, "spi");
        }
        return skip(d, "spi");
}

static struct device *on_ap(struct device *d, struct path *p)
{
        const char *type = device_attr(d, "type"), *card = device_attr(d, "ap_functions");

        if (type && card)
                prepend(p, "ap-%s-%s", type, card);
        else
                prepend(p, "ap-%s", d->sysname);
        p->transport = p->parent = true;
        return skip(d, "ap");
}

static const struct {
        const char *subsystem;
        struct device *(*fn)(struct device *d, struct path *p);
} buses[] = {
        { "scsi_tape", on_scsi_tape },
        { "scsi", on_scsi },
        { "cciss", on_cciss },
        { "usb", on_usb },
        { "bcma", on_bcma },
        { "serio", on_serio },
        { "pci", on_pci },
        { "platform", on_platform },
        { "amba", named_both },
        { "acpi", named_parent },
        { "xen", named_parent },
        { "virtio", on_virtio },
        { "scm", named_both },
        { "ccw", named_both },
        { "ccwgroup", named_both },
        { "ap", on_ap },
        { "iucv", named_both },
        { "spi", on_spi },
};

static void make_tag(const char *path, char *tag)
{
        size_t n = 0;

        for (; *path; path++) {
                if (isalnum((unsigned char)*path) || *path == '-') {
                        tag[n++] = *path;
                        continue;
                }
                if (n && tag[n - 1] != '_') /* no run of them, none in front */
                        tag[n++] = '_';
        }
        while (n && tag[n - 1] == '_')
                n--;
        tag[n] = 0;
}

static struct device *one_step(struct device *start, struct device *d, struct path *p)
{
        const char *s = device_subsystem(d), *nsid;

        if (s && (streq(s, "nvme") || streq(s, "nvme-subsystem")) && (nsid = device_attr(start, "nsid"))) {
                prepend(p, "nvme-%s", nsid);
                p->transport = true;
                return skip(d, s);
        }
        for (size_t i = 0; s && i < ARRAY_SIZE(buses); i++)
                if (streq(s, buses[i].subsystem))
                        return buses[i].fn(d, p);
        return d;
}

int builtin_path_id(struct device *d, struct rules_event *e, int argc, char **argv)
{
        struct path p = { 0 };
        char tag[1024];
        int r;

        for (struct device *at = d; at;) {
                at = one_step(d, at, &p);
                if (!at)
                        break;
                at = device_parent_lazy(at);
        }
        if (!*p.text || p.bad || !p.parent || (device_in_subsystem(d, "block") && !p.transport))
                return -ENODATA;
        r = builtin_add(d, "ID_PATH", p.text);
        if (r >= 0 && p.has_compat)
                r = builtin_add(d, "ID_PATH_ATA_COMPAT", p.compat);
        make_tag(p.text, tag);
        return r < 0 ? r : builtin_add(d, "ID_PATH_TAG", tag);
}
