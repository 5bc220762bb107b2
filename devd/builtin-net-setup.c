/* net_setup_link: applies the first matching .link file to an interface: its name (as ID_NET_NAME, which a rule
 * turns into NAME), alternative names, hardware address, MTU. */
#include <endian.h>
#include <net/if.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "builtin.h"
#include "net-id.h"
#include "net-link.h"
#include "rtnl.h"
#include "text.h"
#include "lib/fileio.h"
#include "lib/log.h"
#include "lib/siphash.h"
#include "lib/str.h"

/* --- asking ----------------------------------------------------------------------------------------- */

struct facts {
        struct link_facts f;
        char driver[32], mac[3 * 32];
};

static int ethtool(int fd, const char *name, void *data)
{
        struct ifreq ifr = { 0 };

        snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
        ifr.ifr_data = data;
        return ioctl(fd, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

static const char *type_name(struct device *d)
{
        const char *devtype = device_devtype(d), *type = device_attr(d, "type");

        if (devtype && (streq(devtype, "wlan") || streq(devtype, "wwan")))
                return devtype;
        switch (type ? atoi(type) : -1) {
        case ARPHRD_ETHER: return "ether";
        case ARPHRD_LOOPBACK: return "loopback";
        case ARPHRD_INFINIBAND: return "infiniband";
        case ARPHRD_SLIP: return "slip";
        case ARPHRD_PPP: return "ppp";
        case ARPHRD_NONE: return "none";
        case ARPHRD_TUNNEL: return "tunnel";
        case ARPHRD_TUNNEL6: return "tunnel6";
        case ARPHRD_SIT: return "sit";
        case ARPHRD_IPGRE: return "ipgre";
        default: return "";
        }
}

static void ask(struct device *d, struct facts *f)
{
        struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
        union { /* the kernel's structure and room for the address behind it */
                struct ethtool_perm_addr head;
                uint8_t room[sizeof(struct ethtool_perm_addr) + 32];
        } perm = { .head = { .cmd = ETHTOOL_GPERMADDR, .size = 32 } };
        _cleanup_close_ int fd = -1;
        bool any = false;

        f->f.type = type_name(d);
        /* A tree that only looks like sysfs has no interfaces behind it. */
        fd = streq(root_sys(), "/sys") ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
        if (fd < 0)
                return;
        if (ethtool(fd, d->sysname, &info) >= 0) {
                snprintf(f->driver, sizeof(f->driver), "%.31s", info.driver);
                f->f.driver = f->driver;
        }
        if (ethtool(fd, d->sysname, &perm) >= 0 && perm.head.size >= 4 && perm.head.size <= 32) {
                for (unsigned i = 0; i < perm.head.size; i++) {
                        snprintf(f->mac + 3 * i, 4, "%02x%s", perm.head.data[i],
                                i + 1 < perm.head.size ? ":" : "");
                        any |= perm.head.data[i];
                }
                f->f.permanent_mac = any ? f->mac : NULL;
        }
}

/* --- names ------------------------------------------------------------------------------------------ */

static const char *policy_value(struct device *d, const char *policy)
{
        static const char *const names[][2] = { { "database", "ID_NET_NAME_FROM_DATABASE" },
                { "onboard", "ID_NET_NAME_ONBOARD" }, { "slot", "ID_NET_NAME_SLOT" },
                { "path", "ID_NET_NAME_PATH" }, { "mac", "ID_NET_NAME_MAC" } };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(policy, names[i][0]))
                        return device_prop(d, names[i][1]);
        return NULL;
}

const char *link_new_name(struct device *d, const struct link_file *f)
{
        const char *s = device_attr(d, "name_assign_type"), *name;
        int assigned = s ? atoi(s) : 0; /* 1 enumerated, 2 predictable, 3 by the user, 4 renamed */

        if (!naming_policy_disabled())
                FOREACH_STR (p, f->name_policy) {
                        if (streq(*p, "kernel") && assigned == 2)
                                return NULL;
                        if (streq(*p, "keep") && (assigned == 3 || assigned == 4))
                                return NULL;
                        name = policy_value(d, *p);
                        if (name && ifname_valid(name))
                                return name;
                }
        return f->name && ifname_valid(f->name) ? f->name : NULL;
}

/* --- telling the kernel ----------------------------------------------------------------------------- */

static void add_altname(struct device *d, const char *name, const char *taken)
{
        int r;

        if (!name || !*name || strlen(name) >= 128 || streq(name, d->sysname) || streq_null(name, taken))
                return;
        r = rtnl_add_altname(d->ifindex, name);
        if (r < 0 && r != -EEXIST)
                log_warning_errno(r, "%s: cannot add the alternative name %s: %m", d->sysname, name);
}

static void set_link(struct device *d, unsigned short type, const void *data, size_t len, const char *what)
{
        int r = rtnl_set_link(d->ifindex, type, data, len);

        if (r < 0)
                log_warning_errno(r, "%s: cannot set the %s: %m", d->sysname, what);
}

/* --- hardware address ------------------------------------------------------------------------------- */

static int machine_id(uint8_t id[static 16])
{
        _cleanup_free_ char *text = NULL;
        int r = read_one_line("/etc/machine-id", &text);

        if (r < 0)
                return r;
        if (strlen(text) != 32)
                return -EBADMSG;
        for (int i = 0; i < 16; i++) {
                int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

                if (high < 0 || low < 0)
                        return -EBADMSG;
                id[i] = (uint8_t)(high << 4 | low);
        }
        return 0;
}

/* The same address that udev gives: a keyed hash of the machine's id and the interface's name, as observed. */
bool link_persistent_mac(const uint8_t id[static 16], const char *name, uint8_t mac[static 6])
{
        static const uint8_t key[16] = { 0xd3, 0x1e, 0x48, 0xfa, 0x90, 0xfe, 0x4b, 0x4c, 0x9d, 0xaf, 0xd5,
                0xd7, 0xa1, 0xb1, 0x2e, 0x8a };
        uint8_t data[16 + 128];
        size_t n = strlen(name);
        uint64_t h;

        if (n > sizeof(data) - 16)
                return false;
        memcpy(data, id, 16);
        memcpy(data + 16, name, n);
        h = htole64(siphash24(data, 16 + n, key));
        memcpy(mac, &h, 6);
        mac[0] = (uint8_t)((mac[0] & 0xfe) | 0x02); /* unicast, locally administered */
        return true;
}

static bool persistent_mac(struct device *d, uint8_t mac[static 6])
{
        static const char *const names[] = { "ID_NET_NAME_ONBOARD", "ID_NET_NAME_SLOT", "ID_NET_NAME_PATH",
                "ID_NET_NAME_MAC" };
        const char *name = NULL;
        uint8_t id[16];

        for (size_t i = 0; i < ARRAY_SIZE(names) && !name; i++)
                name = device_prop(d, names[i]);
        if (!name && naming_has(NAMING_NAME_IN_MAC))
                name = d->sysname;
        return name && machine_id(id) >= 0 && link_persistent_mac(id, name, mac);
}

static void apply_mac(struct device *d, const struct link_file *f)
{
        const char *type = device_attr(d, "addr_assign_type"), *hw = device_attr(d, "type");
        int assigned = type ? atoi(type) : -1; /* 0 permanent, 1 random, 2 stolen, 3 set */
        unsigned m[6];
        uint8_t mac[6];

        if (!hw || atoi(hw) != ARPHRD_ETHER)
                return;
        if (f->mac_policy == MAC_NONE) {
                if (!f->mac)
                        return;
                if (sscanf(f->mac, "%2x:%2x:%2x:%2x:%2x:%2x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) !=
                        6) {
                        log_warning("%s: MACAddress=%s is not an address", f->path, f->mac);
                        return;
                }
                for (int i = 0; i < 6; i++)
                        mac[i] = (uint8_t)m[i];
        } else {
                if (assigned == 3 || assigned < 0 || assigned > 3)
                        return;
                if (f->mac_policy == MAC_PERSISTENT) {
                        if (assigned == 0 || !persistent_mac(d, mac))
                                return;
                } else {
                        if (assigned == 1 || getrandom(mac, sizeof(mac), GRND_NONBLOCK) != sizeof(mac))
                                return;
                        mac[0] = (uint8_t)((mac[0] & 0xfe) | 0x02);
                }
        }
        set_link(d, IFLA_ADDRESS, mac, 6, "hardware address");
}

/* --- all of it -------------------------------------------------------------------------------------- */

static void apply_altnames(struct device *d, const struct link_file *f, const char *name)
{
        FOREACH_STR (a, f->altnames)
                add_altname(d, *a, name);
        if (!naming_policy_disabled())
                FOREACH_STR (p, f->altname_policy)
                        add_altname(d, policy_value(d, *p), name);
}

void link_apply_late(struct device *d)
{
        const char *path = device_prop(d, "ID_NET_LINK_FILE");
        const struct link_file *f = path ? link_file_named(path) : NULL;

        if (!f)
                return;
        if (f->settings.password_socket)
                link_settings_apply_late(&f->settings, d->sysname);
        if (net_functions_any(&f->functions))
                net_functions_apply(&f->functions, d->syspath, d->sysname, d->ifindex);
}

int builtin_net_setup_link(struct device *d, struct rules_event *e, int argc, char **argv)
{
        const struct link_file *f;
        struct facts facts = { 0 };
        const char *name;
        bool fresh;
        int r;

        if (d->ifindex <= 0)
                return -ENODEV;
        /* On other events the settings are left as they are, but it is said which they would be. */
        fresh = !d->action || streq(d->action, "add") || streq(d->action, "bind") ||
                streq(d->action, "move");
        ask(d, &facts);
        r = builtin_add(d, "ID_NET_DRIVER", facts.f.driver);
        /* The loopback interface is nobody's to rename. */
        f = r < 0 || streq(facts.f.type, "loopback") ? NULL : link_file_for(d, &facts.f);
        if (!f)
                return r < 0 ? r : -ENOENT;
        r = builtin_add(d, "ID_NET_LINK_FILE", f->path);
        name = !fresh || streq_null(d->action, "move") ? NULL : link_new_name(d, f);
        if (r >= 0)
                r = builtin_add(d, "ID_NET_NAME", name ? name : d->sysname);
        if (!fresh || !streq(root_sys(), "/sys"))
                return r;
        apply_mac(d, f);
        if (f->mtu)
                set_link(d, IFLA_MTU, &f->mtu, sizeof(f->mtu), "MTU");
        link_settings_apply(&f->settings, d->sysname, d->ifindex);
        if (f->alias)
                set_link(d, IFLA_IFALIAS, f->alias, strlen(f->alias), "alias");
        apply_altnames(d, f, name);
        if (e)
                e->late = net_functions_any(&f->functions) || f->settings.password_socket;
        return r;
}
