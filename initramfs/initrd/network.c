/* A root on the network: an interface, its address by ip= or DHCP, and the mount by mount.nfs of the image. */

#include <arpa/inet.h>
#include <net/route.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include "initramfs/initrd/dhcp.h"
#include "initramfs/initrd/initrd.h"
#include "initramfs/initrd/netconf.h"
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"

struct net {
        struct netconf conf;
        struct dhcp dhcp;
        struct dhcp_lease lease; /* what is in use, however it was come by */
        char ifname[IFNAMSIZ];   /* "": none yet */
        bool asked, ready, broken;
        unsigned tries;
        struct loop_timer retry;
};

/* --- the interface --- */

static int control(unsigned long request, void *arg)
{
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return fd < 0 || ioctl(fd, request, arg) < 0 ? -errno : 0;
}

static int set_up(const char *ifname)
{
        struct ifreq ifr = { 0 };

        snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", ifname);
        int r = control(SIOCGIFFLAGS, &ifr);
        if (r < 0)
                return r;
        ifr.ifr_flags |= IFF_UP;
        return control(SIOCSIFFLAGS, &ifr);
}

static int set_address(const char *ifname, unsigned long request, struct in_addr a)
{
        struct ifreq ifr = { 0 };
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = a };

        snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", ifname);
        memcpy(&ifr.ifr_addr, &in, sizeof in);
        return a.s_addr ? control(request, &ifr) : 0;
}

static int set_route(const char *ifname, struct in_addr gateway)
{
        struct sockaddr_in to = { .sin_family = AF_INET },
                           via = { .sin_family = AF_INET, .sin_addr = gateway };
        struct rtentry rt = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char *)ifname };

        memcpy(&rt.rt_dst, &to, sizeof to);
        memcpy(&rt.rt_genmask, &to, sizeof to);
        memcpy(&rt.rt_gateway, &via, sizeof via);
        return gateway.s_addr ? control(SIOCADDRT, &rt) : 0;
}

/* An Ethernet interface, of hardware, and the one that is asked for. */
static bool fits(const struct net *n, const char *ifname)
{
        struct ifreq ifr = { 0 };
        char path[64];

        if (streq(ifname, "lo") || strlen(ifname) >= IFNAMSIZ)
                return false;
        if (*n->conf.ifname && !n->conf.by_mac)
                return streq(n->conf.ifname, ifname);
        snprintf(path, sizeof path, "/sys/class/net/%.16s/device", ifname);
        snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", ifname);
        if (access(path, F_OK) < 0 || control(SIOCGIFHWADDR, &ifr) < 0 ||
                ifr.ifr_hwaddr.sa_family != ARPHRD_ETHER)
                return false;
        return !n->conf.by_mac || memcmp(ifr.ifr_hwaddr.sa_data, n->conf.mac, 6) == 0;
}

static void find_interface(struct net *n)
{
        _cleanup_closedir_ DIR *d = opendir("/sys/class/net");

        for (struct dirent *e; d && !*n->ifname && (e = readdir(d));)
                if (e->d_name[0] != '.' && fits(n, e->d_name))
                        snprintf(n->ifname, sizeof n->ifname, "%.15s", e->d_name);
}

/* --- its configuration --- */

static void print_address(char *to, struct in_addr a)
{
        if (!inet_ntop(AF_INET, &a, to, INET_ADDRSTRLEN))
                *to = 0;
}

/* /run/net-IFACE.conf, as klibc's ipconfig leaves it, and resolv.conf for mount.nfs. */
static void write_files(const struct net *n)
{
        _cleanup_strbuf_ struct strbuf conf = { 0 }, resolv = { 0 };
        const struct dhcp_lease *l = &n->lease;
        char a[6][INET_ADDRSTRLEN], path[64];

        print_address(a[0], l->address);
        print_address(a[1], l->mask);
        print_address(a[2], l->router);
        print_address(a[3], l->server);
        strbuf_printf(&conf, "DEVICE='%s'\nPROTO='%s'\nIPV4ADDR='%s'\nIPV4NETMASK='%s'\nIPV4GATEWAY='%s'\n",
                n->ifname, n->conf.dhcp ? "dhcp" : "none", a[0], a[1], a[2]);
        for (unsigned i = 0; i < 2; i++) {
                print_address(a[4], i < l->n_dns ? l->dns[i] : (struct in_addr) { 0 });
                strbuf_printf(&conf, "IPV4DNS%u='%s'\n", i, a[4]);
                if (i < l->n_dns)
                        strbuf_printf(&resolv, "nameserver %s\n", a[4]);
        }
        strbuf_printf(&conf, "HOSTNAME='%s'\nDNSDOMAIN='%s'\nROOTSERVER='%s'\nROOTPATH='%s'\n", l->hostname,
                l->domain, a[3], l->root_path);
        snprintf(path, sizeof path, "/run/net-%s.conf", n->ifname);
        mkdir("/etc", 0755);
        if (write_file_atomic(path, conf.s ?: "", conf.len, 0644, false) < 0 ||
                write_file_atomic("/etc/resolv.conf", resolv.s ?: "", resolv.len, 0644, false) < 0)
                log_warning("Cannot write the network's configuration to %s", path);
}

static void configure(struct net *n)
{
        const struct dhcp_lease *l = &n->lease;
        char address[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN];
        int r;

        print_address(address, l->address);
        print_address(gateway, l->router);
        if ((r = set_address(n->ifname, SIOCSIFADDR, l->address)) < 0 ||
                (r = set_address(n->ifname, SIOCSIFNETMASK, l->mask)) < 0 ||
                (r = set_route(n->ifname, l->router)) < 0) {
                log_error_errno(r, "Cannot give %s the address %s: %m", n->ifname, address);
                n->broken = true;
                return;
        }
        if (*l->hostname)
                (void)sethostname(l->hostname, strlen(l->hostname));
        write_files(n);
        log_info("network: %s has %s%s%s", n->ifname, address, l->router.s_addr ? ", by way of " : "",
                l->router.s_addr ? gateway : "");
        n->ready = true;
}

static void on_lease(struct dhcp *d, const struct dhcp_lease *lease)
{
        boot.net->lease = *lease;
        configure(boot.net);
        note_news();
        advance();
}

static void configure_static(struct net *n)
{
        const struct netconf *c = &n->conf;

        n->lease = (struct dhcp_lease) { .address = c->address,
                .mask = c->mask,
                .router = c->gateway,
                .server = c->server,
                .n_dns = c->n_dns };
        memcpy(n->lease.dns, c->dns, sizeof c->dns);
        snprintf(n->lease.hostname, sizeof n->lease.hostname, "%s", c->hostname);
        configure(n);
}

static void start(struct net *n)
{
        int r = set_up("lo");

        if (r >= 0)
                r = set_up(n->ifname);
        if (r < 0) {
                log_error_errno(r, "Cannot switch on %s: %m", n->ifname);
                *n->ifname = 0;
                return;
        }
        n->asked = true;
        if (!n->conf.dhcp) {
                configure_static(n);
                return;
        }
        n->dhcp = (struct dhcp) { .loop = boot.loop, .hostname = n->conf.hostname, .done = on_lease };
        memcpy(n->dhcp.ifname, n->ifname, sizeof n->ifname);
        log_info("network: asking for an address on %s", n->ifname);
        r = dhcp_start(&n->dhcp);
        if (r < 0)
                log_error_errno(r, "Cannot ask for an address on %s: %m", n->ifname);
}

static void on_retry(struct loop_timer *t)
{
        boot.phase = WAITING;
        advance();
}

bool network_ready(void)
{
        struct net *n = boot.net;

        if (!n) {
                n = boot.net = calloc(1, sizeof *n);
                if (!n)
                        return false;
                n->retry.cb = on_retry;
                n->broken = netconf_parse(boot.o.words, &n->conf) < 0;
        }
        if (!n->broken && !*n->ifname)
                find_interface(n);
        if (!n->broken && *n->ifname && !n->asked)
                start(n);
        return n->ready && !loop_timer_armed(&n->retry);
}

void network_event(const struct uevent *u)
{
        if (!*boot.net->ifname)
                note_news(); /* advance() looks for it again */
}

/* --- NFS --- */

static void on_mounted(struct tool *t, int code)
{
        if (code) {
                usec_t pause = MIN(USEC_PER_SEC << MIN(boot.net->tries, 4u), 10 * USEC_PER_SEC);

                boot.net->tries++;
                log_error("cannot mount %s %s: %s ended with %d; trying again", boot.goal->what,
                        boot.goal->spec.text, t->program, code);
                boot.phase = WAITING;
                loop_timer_set(boot.loop, &boot.net->retry, usec_add(now_monotonic(), pause));
                return;
        }
        goal_mounted();
}

/* [SERVER:]PATH[,OPTIONS]; server and path from DHCP where there are none. */
static int root_source(const struct net *n, char **ret_source, char **ret_options)
{
        const struct goal *g = boot.goal;
        const char *v = g->spec.value;
        const char *path = strstr(v, ":/") ? strstr(v, ":/") + 1 : *v == '/' ? v : NULL;
        _cleanup_free_ char *server = NULL, *where = NULL, *rest = NULL;
        const char *given = g == &boot.root && *n->lease.root_path ? n->lease.root_path : NULL;

        if (!path && given && strstr(given, ":/"))
                v = given, path = strstr(given, ":/") + 1;
        else if (!path)
                path = given;
        if (!path)
                return log_error_errno(
                        -EINVAL, "%s %s names no path, and neither does DHCP", g->what, g->spec.text);
        if (path > v && v[path - v - 1] == ':')
                server = strndup(v, path - v - 1);
        else {
                char a[INET_ADDRSTRLEN];

                print_address(a, n->lease.next.s_addr ? n->lease.next : n->lease.server);
                server = strdup(a);
        }
        where = strndup(path, strcspn(path, ",:"));
        rest = strdup(path[strcspn(path, ",:")] ? path + strcspn(path, ",:") + 1 : "");
        if (!server || !where || !rest)
                return -ENOMEM;
        *ret_source = str_printf("%s:%s", server, where);
        *ret_options = str_printf("%s%s%s%s%s", g->flags & MS_RDONLY ? "ro,nolock" : "rw,nolock",
                *rest ? "," : "", rest, g->data && *g->data ? "," : "", g->data ?: "");
        return *ret_source && *ret_options ? 0 : -ENOMEM;
}

int network_mount(void)
{
        _cleanup_free_ char *source = NULL, *options = NULL;
        int r = root_source(boot.net, &source, &options);

        if (r < 0)
                return r;
        const char *argv[] = { MOUNT_NFS, source, boot.goal->where, "-o", options, NULL };
        boot.mounter.done = on_mounted;
        r = tool_start(&boot.mounter, argv, NULL, 0);
        if (r == -ENOENT)
                log_error("this image has no %s (rouse-initramfs --feature nfs)", MOUNT_NFS);
        return r;
}
