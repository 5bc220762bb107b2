/* net_id: the names that a network interface could have, by systemd.net-naming-scheme(7). */
#include <ctype.h>
#include <stdio.h>

#include "builtin.h"
#include "hwdb-trie.h"
#include "net-id.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/log.h"

/* --- schemes ---------------------------------------------------------------------------------------- */

#define V239 (NAMING_SR_IOV_V | NAMING_NPAR_ARI | NAMING_SLOT_OF_PARENT)
#define V240 (V239 | NAMING_INFINIBAND | NAMING_ZERO_ACPI_INDEX)
#define V241 (V240 | NAMING_NAME_IN_MAC)
#define V243 (V241 | NAMING_NETDEVSIM | NAMING_LABEL_NOPREFIX)
#define V247 (V243 | NAMING_BRIDGE_NO_SLOT)
#define V249 (V247 | NAMING_SLOT_FUNCTION_ID | NAMING_16BIT_INDEX)
#define V250 (V249 | NAMING_XEN_VIF)
#define V251 (V250 | NAMING_BRIDGE_MULTIFUNCTION_SLOT)
#define V252 (V251 | NAMING_DEVICETREE_ALIASES)

static const struct scheme {
        const char *name;
        unsigned flags;
} schemes[] = {
        { "v238", 0 },
        { "v239", V239 },
        { "v240", V240 },
        { "v241", V241 },
        { "v243", V243 },
        { "v245", V243 },
        { "v247", V247 },
        { "v249", V249 },
        { "v250", V250 },
        { "v251", V251 },
        { "v252", V252 },
};

static const struct scheme *current;
static bool policy_disabled;

static const struct scheme *find_scheme(const char *name)
{
        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (streq(schemes[i].name, name))
                        return &schemes[i];
        return streq(name, "latest") ? &schemes[ARRAY_SIZE(schemes) - 1] : NULL;
}

static void read_cmdline(void)
{
        _cleanup_strv_ char **words = NULL;
        const char *s;

        if (current)
                return;
        current = &schemes[ARRAY_SIZE(schemes) - 1];
        if (cmdline_read(&words) < 0)
                return;
        policy_disabled = !cmdline_bool(words, "net.ifnames", true);
        s = cmdline_get(words, "net.naming-scheme");
        if (s && find_scheme(s))
                current = find_scheme(s);
        else if (s && parse_boolean(s) < 0)
                log_warning("net.naming-scheme=%s is not known, %s is used", s, current->name);
}

const char *naming_scheme_name(void)
{
        read_cmdline();
        return current->name;
}

bool naming_has(enum naming flag)
{
        read_cmdline();
        return current->flags & flag;
}

bool naming_policy_disabled(void)
{
        read_cmdline();
        return policy_disabled;
}

void naming_set_for_tests(const char *scheme)
{
        current = find_scheme(scheme);
}

/* --- by hardware address ---------------------------------------------------------------------------- */

static bool parse_mac(const char *s, uint8_t mac[6])
{
        unsigned m[6];
        int end = 0;

        if (sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%n", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5], &end) != 6 ||
                s[end])
                return false;
        for (int i = 0; i < 6; i++)
                mac[i] = (uint8_t)m[i];
        return true;
}

static int take_oui(const char *key, const char *value, void *data)
{
        return builtin_add(data, key, value);
}

static void name_mac(struct device *d, const char *prefix)
{
        const char *type = device_attr(d, "addr_assign_type"), *address = device_attr(d, "address");
        struct hwdb *h;
        uint8_t m[6];
        char text[64];

        if (!streq_null(type, "0") || !address || !parse_mac(address, m) ||
                !(m[0] | m[1] | m[2] | m[3] | m[4] | m[5]))
                return;
        snprintf(text, sizeof(text), "%sx%02x%02x%02x%02x%02x%02x", prefix, m[0], m[1], m[2], m[3], m[4],
                m[5]);
        (void)builtin_add(d, "ID_NET_NAME_MAC", text);
        /* 00:00:00 is Xerox's, and everybody's who forgot to set one. */
        if (!(m[0] | m[1] | m[2]) || !(h = hwdb_shared()))
                return;
        snprintf(text, sizeof(text), "OUI:%02X%02X%02X%02X%02X%02X", m[0], m[1], m[2], m[3], m[4], m[5]);
        (void)hwdb_lookup(h, text, take_oui, d);
}

/* --- by bus ----------------------------------------------------------------------------------------- */

static int add_name(struct device *d, const char *key, const char *prefix, const char *name)
{
        char full[IFNAMSIZ];

        return *name && name_printf(full, "%s%s", prefix, name) ? builtin_add(d, key, full) : 0;
}

static struct device *above_virtio(struct device *d)
{
        while (d && device_in_subsystem(d, "virtio"))
                d = device_parent_lazy(d);
        return d;
}

/* "1-1.4:1.6" → "u1u4i6": chain of ports, configuration unless 1, interface unless 0. */
static bool usb_suffix(const char *sysname, char buf[static IFNAMSIZ])
{
        char ports[64], *dash = strchr(sysname, '-'), *colon, *dot;

        if (!dash || snprintf(ports, sizeof(ports), "%s", dash + 1) >= (int)sizeof(ports) ||
                !(colon = strchr(ports, ':')) || !(dot = strchr(colon, '.')))
                return false;
        *colon++ = 0;
        *dot++ = 0;
        for (char *p = ports; *p; p++)
                if (*p == '.')
                        *p = 'u';
        return name_printf(buf, "u%s%s%s%s%s", ports, streq(colon, "1") ? "" : "c",
                streq(colon, "1") ? "" : colon, streq(dot, "0") ? "" : "i", streq(dot, "0") ? "" : dot);
}

static void append(char buf[static IFNAMSIZ], const char *suffix)
{
        char copy[IFNAMSIZ];

        if (!*buf)
                return;
        strcpy(copy, buf);
        name_printf(buf, "%s%s", copy, suffix);
}

static int names_on_pci(struct device *d, struct device *parent, const char *prefix)
{
        struct device *pci =
                device_in_subsystem(parent, "pci") ? parent : device_parent_with(parent, "pci", NULL);
        struct device *usb = device_in_subsystem(parent, "usb") ? parent : NULL;
        struct device *bcma = device_in_subsystem(parent, "bcma") ? parent : NULL;
        struct net_names n = { 0 };
        char suffix[IFNAMSIZ] = "";
        int r;

        if (!pci || (pci != parent && !usb && !bcma))
                return 0;
        r = net_names_pci(d, pci, &n);
        if (r < 0)
                return r;
        if (usb) {
                if (!streq_null(device_devtype(usb), "usb_interface") || !usb_suffix(usb->sysname, suffix))
                        return 0;
                *n.onboard = *n.label = 0;
        } else if (bcma) {
                unsigned bus, core;

                if (sscanf(bcma->sysname, "bcma%u:%u", &bus, &core) != 2)
                        return 0;
                if (core > 0)
                        name_printf(suffix, "b%u", core);
                *n.onboard = *n.label = 0;
        }
        append(n.path, suffix);
        append(n.slot, suffix);
        (void)add_name(d, "ID_NET_NAME_ONBOARD", prefix, n.onboard);
        if (*n.label && naming_has(NAMING_LABEL_NOPREFIX))
                (void)builtin_add(d, "ID_NET_LABEL_ONBOARD", n.label);
        else if (*n.label)
                (void)add_name(d, "ID_NET_LABEL_ONBOARD", prefix, n.label);
        (void)add_name(d, "ID_NET_NAME_PATH", prefix, n.path);
        return add_name(d, "ID_NET_NAME_SLOT", prefix, n.slot);
}

static int names_on_ccw(struct device *d, struct device *parent, const char *prefix)
{
        const char *bus = parent->sysname;
        char name[IFNAMSIZ];

        /* "0.0.f5f0": leading zeros and dots go */
        bus += strspn(bus, ".0");
        if (!*bus)
                bus = "0";
        return name_printf(name, "c%s", bus) ? add_name(d, "ID_NET_NAME_PATH", prefix, name) : 0;
}

static int names_on_vio(struct device *d, struct device *parent, const char *prefix)
{
        const char *number = startswith(parent->devpath, "/devices/vio/");
        char name[IFNAMSIZ];
        unsigned slot;

        /* Eight digits, the last four of them the slot. */
        if (!number || strspn(number, "0123456789abcdefABCDEF") != 8 ||
                sscanf(number + 4, "%4x", &slot) != 1)
                return 0;
        return name_printf(name, "v%u", slot) ? add_name(d, "ID_NET_NAME_SLOT", prefix, name) : 0;
}

/* ACPI names: three or four letters of the vendor, four digits of the model, instance: "HISI00C2:03". */
static int names_on_platform(struct device *d, struct device *parent, const char *prefix)
{
        const char *s = parent->sysname;
        size_t letters = 0;
        unsigned model, instance;
        char vendor[5], name[IFNAMSIZ];
        int end = 0;

        while (letters < 4 &&
                (isupper((unsigned char)s[letters]) || (letters && isdigit((unsigned char)s[letters]))))
                letters++;
        if (strchr(s, ':') && strchr(s, ':') - s == 7)
                letters = 3;
        else if (letters < 4 || !strchr(s, ':') || strchr(s, ':') - s != 8)
                return 0;
        if (sscanf(s + letters, "%4x:%x%n", &model, &instance, &end) != 2 || s[letters + (size_t)end])
                return 0;
        for (size_t i = 0; i < letters; i++)
                vendor[i] = (char)tolower((unsigned char)s[i]);
        vendor[letters] = 0;
        return name_printf(name, "a%s%xi%u", vendor, model, instance)
                       ? add_name(d, "ID_NET_NAME_PATH", prefix, name)
                       : 0;
}

static int names_on_netdevsim(struct device *d, struct device *parent, const char *prefix)
{
        const char *port = device_attr(d, "phys_port_name"), *number = device_sysnum_text(parent);
        char name[IFNAMSIZ];

        if (!naming_has(NAMING_NETDEVSIM) || str_empty(port) || !*number)
                return 0;
        return name_printf(name, "i%sn%s", number, port) ? add_name(d, "ID_NET_NAME_PATH", prefix, name) : 0;
}

static int names_on_xen(struct device *d, struct device *parent, const char *prefix)
{
        const char *number = startswith(parent->sysname, "vif-");
        char name[IFNAMSIZ];
        uint32_t v;

        if (!naming_has(NAMING_XEN_VIF) || !number || parse_u32(number, &v) < 0)
                return 0;
        return name_printf(name, "X%u", v) ? add_name(d, "ID_NET_NAME_SLOT", prefix, name) : 0;
}

static const struct {
        const char *subsystem;
        int (*fn)(struct device *d, struct device *parent, const char *prefix);
} buses[] = {
        { "pci", names_on_pci },
        { "usb", names_on_pci },
        { "bcma", names_on_pci },
        { "ccw", names_on_ccw },
        { "ccwgroup", names_on_ccw },
        { "vio", names_on_vio },
        { "xen", names_on_xen },
        { "platform", names_on_platform },
        { "netdevsim", names_on_netdevsim },
};

static const char *name_prefix(struct device *d)
{
        const char *type = device_attr(d, "type"), *devtype = device_devtype(d);

        switch (type ? atoi(type) : -1) {
        case 1:
                if (streq_null(devtype, "wlan"))
                        return "wl";
                return streq_null(devtype, "wwan") ? "ww" : "en";
        case 32: return naming_has(NAMING_INFINIBAND) ? "ib" : NULL;
        case 256: return "sl";
        default: return NULL;
        }
}

int builtin_net_id(struct device *d, struct rules_event *e, int argc, char **argv)
{
        const char *prefix = name_prefix(d), *link = device_attr(d, "iflink"),
                   *index = device_attr(d, "ifindex");
        struct device *parent;
        const char *s;

        if (!prefix)
                return 0;
        if (link && index &&
                !streq(link, index)) /* on top of another interface: a VLAN, one end of a veth */
                return 0;
        (void)builtin_add(d, "ID_NET_NAMING_SCHEME", naming_scheme_name());
        if (!streq(prefix, "ib"))
                name_mac(d, prefix);
        parent = above_virtio(device_parent_lazy(d));
        s = parent ? device_subsystem(parent) : NULL;
        for (size_t i = 0; s && i < ARRAY_SIZE(buses); i++)
                if (streq(s, buses[i].subsystem))
                        return MIN(buses[i].fn(d, parent, prefix), 0);
        return 0;
}
