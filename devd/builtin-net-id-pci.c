/* net_id, PCI: names by the firmware's index, by slot, and by place on the bus. */
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>

#include "net-id.h"
#include "lib/fileio.h"
#include "lib/str.h"

bool name_printf(char buf[static IFNAMSIZ], const char *fmt, ...)
{
        char text[IFNAMSIZ];
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (n < 0 || n >= (int)sizeof(text)) {
                *buf = 0;
                return false;
        }
        memcpy(buf, text, (size_t)n + 1);
        return true;
}

struct address {
        unsigned domain, bus, slot, func;
};

static bool parse_address(const char *sysname, struct address *a)
{
        return sscanf(sysname, "%x:%x:%x.%u", &a->domain, &a->bus, &a->slot, &a->func) == 4;
}

/* Bit 7 of the header type in the configuration space. */
static bool is_multifunction(struct device *pci)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        uint8_t config[64];

        if (real_sys_path(pci->syspath, "config", path) < 0)
                return false;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        return fd >= 0 && read(fd, config, sizeof(config)) >= 0x0f && (config[0x0e] & 0x80);
}

static bool is_bridge(struct device *pci)
{
        const char *class = device_attr(pci, "class");
        unsigned long v = class ? strtoul(class, NULL, 0) : 0;

        return v >> 8 == 0x0604;
}

static unsigned long attr_number(struct device *d, const char *name, int base, unsigned long missing)
{
        const char *s = device_attr(d, name);
        char *end;
        unsigned long v;

        if (!s || !*s)
                return missing;
        v = strtoul(s, &end, base);
        return *end ? missing : v;
}

/* "n" and the port's name, or "d" and its number, when there is one. */
static void port_suffix(struct device *d, char *buf, size_t size)
{
        const char *name = device_attr(d, "phys_port_name");
        unsigned long port = attr_number(d, "dev_port", 10, 0);

        *buf = 0;
        /* Older InfiniBand drivers have the number elsewhere. */
        if (port == 0 && attr_number(d, "type", 10, 0) == 32)
                port = attr_number(d, "dev_id", 16, 0);
        if (!str_empty(name))
                snprintf(buf, size, "n%s", name);
        else if (port > 0)
                snprintf(buf, size, "d%lu", port);
}

static void name_onboard(struct device *d, struct device *pci, struct net_names *n)
{
        const char *label = device_attr(pci, "label");
        unsigned long index = attr_number(pci, "acpi_index", 10, ULONG_MAX);
        char port[64];

        if (index == ULONG_MAX)
                index = attr_number(pci, "index", 10, ULONG_MAX);
        if (index == ULONG_MAX || (index == 0 && !naming_has(NAMING_ZERO_ACPI_INDEX)))
                return;
        if (index > (naming_has(NAMING_16BIT_INDEX) ? 65535 : 16383))
                return;
        port_suffix(d, port, sizeof(port));
        name_printf(n->onboard, "o%lu%s", index, port);
        if (label)
                snprintf(n->label, sizeof(n->label), "%s", label);
}

/* Directory of a hot-plug slot → its number; -1. */
static int64_t slot_number(const char *dir, const char *name, const char *sysname)
{
        _cleanup_free_ char *address = NULL, *function = NULL;
        char path[PATH_MAX];
        uint64_t v;

        if (snprintf(path, sizeof(path), "%s/%s/address", dir, name) >= (int)sizeof(path) ||
                read_one_line(path, &address) < 0 || !*address || !startswith(sysname, address))
                return -1;
        if (snprintf(path, sizeof(path), "%s/%s/function_id", dir, name) < (int)sizeof(path) &&
                naming_has(NAMING_SLOT_FUNCTION_ID) && read_one_line(path, &function) >= 0)
                return (int64_t)strtoull(function, NULL, 16) & UINT32_MAX;
        return parse_u64(name, &v) >= 0 && v > 0 && v <= UINT32_MAX ? (int64_t)v : -1;
}

/* The slot of the device, or of a bridge above it. */
static int64_t find_slot(struct device *pci)
{
        char dir[PATH_MAX];

        if (real_sys_path("/sys/bus/pci/slots", NULL, dir) < 0)
                return -1;
        for (struct device *p = pci; p && device_in_subsystem(p, "pci"); p = device_parent_lazy(p)) {
                _cleanup_closedir_ DIR *slots = opendir(dir);
                struct dirent *e;

                if (!slots)
                        return -1;
                while ((e = readdir(slots))) {
                        int64_t n = e->d_name[0] == '.' ? -1 : slot_number(dir, e->d_name, p->sysname);

                        if (n < 0)
                                continue;
                        if (p != pci && naming_has(NAMING_BRIDGE_NO_SLOT) && is_bridge(p) &&
                                !(naming_has(NAMING_BRIDGE_MULTIFUNCTION_SLOT) && is_multifunction(pci)))
                                return -1; /* others behind the bridge would get the same name */
                        return n;
                }
                if (!naming_has(NAMING_SLOT_OF_PARENT))
                        break;
        }
        return -1;
}

static void name_path_and_slot(struct device *d, struct device *pci, struct net_names *n)
{
        struct address a;
        char domain[16] = "", function[16] = "", port[64];
        int64_t slot;

        if (!parse_address(pci->sysname, &a))
                return;
        if (naming_has(NAMING_NPAR_ARI) && attr_number(pci, "ari_enabled", 10, 0) == 1)
                a.func += a.slot * 8;
        port_suffix(d, port, sizeof(port));
        if (a.domain > 0)
                snprintf(domain, sizeof(domain), "P%u", a.domain);
        if (a.func > 0 || is_multifunction(pci))
                snprintf(function, sizeof(function), "f%u", a.func);
        name_printf(n->path, "%sp%us%u%s%s", domain, a.bus, a.slot, function, port);
        slot = find_slot(pci);
        if (slot >= 0)
                name_printf(n->slot, "%ss%u%s%s", domain, (unsigned)slot, function, port);
}

/* Number of the virtual function pci below physical, by its virtfnN link; -1. */
static int virtual_number(struct device *physical, const char *sysname)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX];
        struct dirent *e;

        if (real_sys_path(physical->syspath, NULL, path) < 0 || !(dir = opendir(path)))
                return -1;
        while ((e = readdir(dir))) {
                const char *number = startswith(e->d_name, "virtfn");
                _cleanup_free_ char *target = NULL;
                uint32_t v;

                if (number && parse_u32(number, &v) >= 0 && v < 65536 &&
                        readlinkat_alloc(dirfd(dir), e->d_name, &target) >= 0 &&
                        streq(path_basename(target), sysname))
                        return (int)v;
        }
        return -1;
}

static int name_virtual(struct device *d, struct device *pci, const char *physical_link, struct net_names *n)
{
        _cleanup_device_ struct device *physical = NULL;
        char copy[IFNAMSIZ];
        int number, r;

        r = device_from_syspath(physical_link, NULL, &physical);
        if (r < 0)
                return r;
        number = virtual_number(physical, pci->sysname);
        if (number < 0)
                return -ENOENT;
        name_path_and_slot(d, physical, n);
        strcpy(copy, n->path);
        if (*copy)
                name_printf(n->path, "%sv%d", copy, number);
        strcpy(copy, n->slot);
        if (*copy)
                name_printf(n->slot, "%sv%d", copy, number);
        return 0;
}

int net_names_pci(struct device *d, struct device *pci, struct net_names *n)
{
        char link[PATH_MAX], logical[PATH_MAX];

        if (naming_has(NAMING_SR_IOV_V) && real_sys_path(pci->syspath, "physfn", link) >= 0 &&
                access(link, F_OK) >= 0 &&
                snprintf(logical, sizeof(logical), "%s/physfn", pci->syspath) < (int)sizeof(logical))
                return name_virtual(d, pci, logical, n);
        name_onboard(d, pci, n);
        name_path_and_slot(d, pci, n);
        return 0;
}
