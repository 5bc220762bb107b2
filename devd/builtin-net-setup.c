/* net_setup_link: applies the first matching .link file to an interface: its name (as ID_NET_NAME, which a rule
 * turns into NAME), alternative names, hardware address, MTU. */
#include <net/if.h>
#include <linux/ethtool.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "builtin.h"
#include "net-id.h"
#include "net-link.h"
#include "text.h"
#include "lib/fileio.h"
#include "lib/log.h"

#ifndef IFLA_PROP_LIST
#define IFLA_PROP_LIST 52
#endif
#ifndef IFLA_ALT_IFNAME
#define IFLA_ALT_IFNAME 53
#endif
#ifndef RTM_NEWLINKPROP
#define RTM_NEWLINKPROP 108
#endif

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

/* --- netlink ---------------------------------------------------------------------------------------- */

struct request {
        struct nlmsghdr h;
        struct ifinfomsg i;
        char attrs[2048];
};

static void *put_attr(struct request *q, unsigned short type, const void *data, size_t len)
{
        struct rtattr *a = (struct rtattr *)((char *)q + NLMSG_ALIGN(q->h.nlmsg_len));

        if (NLMSG_ALIGN(q->h.nlmsg_len) + RTA_SPACE(len) > sizeof(*q))
                return NULL;
        a->rta_type = type;
        a->rta_len = (unsigned short)RTA_LENGTH(len);
        if (len)
                memcpy(RTA_DATA(a), data, len);
        q->h.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->h.nlmsg_len) + RTA_ALIGN(a->rta_len));
        return a;
}

/* Asks the kernel and waits for its answer, which comes within the call: no device is touched by it. */
static int ask_kernel(struct request *q)
{
        _cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        struct timeval limit = { .tv_sec = 2 };
        struct nlmsghdr *h;
        char buf[4096];
        ssize_t n;

        if (fd < 0)
                return -errno;
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        q->h.nlmsg_flags =
                NLM_F_REQUEST | NLM_F_ACK |
                (q->h.nlmsg_type == RTM_NEWLINKPROP ? NLM_F_CREATE | NLM_F_EXCL | NLM_F_APPEND : 0);
        if (sendto(fd, q, q->h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
                return -errno;
        n = recv(fd, buf, sizeof(buf), 0);
        if (n < 0)
                return -errno;
        h = (struct nlmsghdr *)buf;
        if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || h->nlmsg_type != NLMSG_ERROR)
                return -EBADMSG;
        return ((struct nlmsgerr *)NLMSG_DATA(h))->error;
}

static void start_request(struct request *q, struct device *d, unsigned short type)
{
        memset(q, 0, sizeof(*q));
        q->h.nlmsg_len = NLMSG_LENGTH(sizeof(q->i));
        q->h.nlmsg_type = type;
        q->i.ifi_family = AF_UNSPEC;
        q->i.ifi_index = d->ifindex;
}

static void add_altname(struct device *d, const char *name, const char *taken)
{
        struct rtattr *list;
        struct request q;
        int r;

        if (!name || !*name || strlen(name) >= 128 || streq(name, d->sysname) || streq_null(name, taken))
                return;
        start_request(&q, d, RTM_NEWLINKPROP);
        list = put_attr(&q, IFLA_PROP_LIST | NLA_F_NESTED, NULL, 0);
        if (!list || !put_attr(&q, IFLA_ALT_IFNAME, name, strlen(name) + 1))
                return;
        list->rta_len = (unsigned short)((char *)&q + q.h.nlmsg_len - (char *)list);
        r = ask_kernel(&q);
        if (r < 0 && r != -EEXIST)
                log_warning_errno(r, "%s: cannot add the alternative name %s: %m", d->sysname, name);
}

static void set_link(struct device *d, unsigned short type, const void *data, size_t len, const char *what)
{
        struct request q;
        int r;

        start_request(&q, d, RTM_SETLINK);
        if (!put_attr(&q, type, data, len))
                return;
        r = ask_kernel(&q);
        if (r < 0)
                log_warning_errno(r, "%s: cannot set the %s: %m", d->sysname, what);
}

/* --- hardware address ------------------------------------------------------------------------------- */

/* 64 bits out of text, each bit depending on all of it (FNV-1a, then a finisher). Not secret: an address is seen
 * by everyone; it has to be the same at each boot and differ from machine to machine. */
static uint64_t mix(uint64_t h, const char *s)
{
        for (; *s; s++)
                h = (h ^ (uint8_t)*s) * UINT64_C(1099511628211);
        h ^= h >> 33;
        h *= UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 33;
        h *= UINT64_C(0xc4ceb9fe1a85ec53);
        return h ^ h >> 33;
}

static bool persistent_mac(struct device *d, uint8_t mac[6])
{
        static const char *const names[] = { "ID_NET_NAME_ONBOARD", "ID_NET_NAME_SLOT", "ID_NET_NAME_PATH",
                "ID_NET_NAME_MAC" };
        _cleanup_free_ char *machine = NULL;
        const char *name = NULL;
        uint64_t h;

        for (size_t i = 0; i < ARRAY_SIZE(names) && !name; i++)
                name = device_prop(d, names[i]);
        if (!name && naming_has(NAMING_NAME_IN_MAC))
                name = d->sysname;
        if (!name || read_one_line("/etc/machine-id", &machine) < 0 || strlen(machine) != 32)
                return false;
        h = mix(mix(UINT64_C(14695981039346656037), machine), name);
        memcpy(mac, &h, 6);
        return true;
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
                } else if (assigned == 1 || getrandom(mac, sizeof(mac), GRND_NONBLOCK) != sizeof(mac)) {
                        return;
                }
                mac[0] = (uint8_t)((mac[0] & 0xfe) | 0x02); /* unicast, locally administered */
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
        if (f->alias)
                set_link(d, IFLA_IFALIAS, f->alias, strlen(f->alias), "alias");
        apply_altnames(d, f, name);
        return r;
}
