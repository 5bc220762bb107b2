/* ip=: see netconf.h. */

#include <arpa/inet.h>
#include <stdio.h>
#include "initramfs/initrd/netconf.h"
#include "lib/cmdline.h"
#include "lib/log.h"

static bool is_dhcp(const char *s)
{
        static const char *const methods[] = { "dhcp", "on", "any", "both", "bootp" };

        for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
                if (streq(methods[i], s))
                        return true;
        return false;
}

static int set_address(const char *what, const char *s, struct in_addr *to)
{
        if (*s && inet_pton(AF_INET, s, to) != 1)
                return log_error_errno(-EINVAL, "ip=: %s %s is not an IPv4 address", what, s);
        return 0;
}

/* "255.255.255.0" or "24" */
static int set_mask(const char *s, struct in_addr *to)
{
        uint32_t n;

        if (!strchr(s, '.') && *s && parse_u32(s, &n) >= 0 && n >= 1 && n <= 32) {
                to->s_addr = htonl(UINT32_MAX << (32 - n));
                return 0;
        }
        return set_address("netmask", s, to);
}

/* The netmask of the address's class, as the kernel takes it when none is given. */
static struct in_addr usual_mask(struct in_addr a)
{
        uint8_t first = ntohl(a.s_addr) >> 24;

        return (struct in_addr) { htonl(first < 128   ? 0xff000000u
                                        : first < 192 ? 0xffff0000u
                                                      : 0xffffff00u) };
}

static int set_ifname(const char *s, struct netconf *c)
{
        if (strlen(s) >= sizeof c->ifname)
                return log_error_errno(-EINVAL, "ip=: interface name %s is too long", s);
        strcpy(c->ifname, s);
        return 0;
}

static int parse_fields(char **f, size_t n, struct netconf *c)
{
        static char none[] = "";
        char *v[9] = { none, none, none, none, none, none, none, none, none };
        int r;

        for (size_t i = 0; i < n && i < ARRAY_SIZE(v); i++)
                v[i] = f[i];
        if ((r = set_address("address", v[0], &c->address)) < 0 ||
                (r = set_address("server", v[1], &c->server)) < 0 ||
                (r = set_address("gateway", v[2], &c->gateway)) < 0 || (r = set_mask(v[3], &c->mask)) < 0 ||
                (r = set_ifname(v[5], c)) < 0)
                return r;
        snprintf(c->hostname, sizeof c->hostname, "%s", v[4]);
        c->dhcp = !c->address.s_addr && (!*v[6] || is_dhcp(v[6]));
        if (c->address.s_addr && !c->mask.s_addr)
                c->mask = usual_mask(c->address);
        for (size_t i = 7; i < ARRAY_SIZE(v); i++)
                if (*v[i] && (r = set_address("name server", v[i], &c->dns[c->n_dns++])) < 0)
                        return r;
        return 0;
}

static void parse_bootif(const char *v, struct netconf *c)
{
        unsigned m[6];

        if (sscanf(v, "%*2x-%2x-%2x-%2x-%2x-%2x-%2x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
                return;
        for (int i = 0; i < 6; i++)
                c->mac[i] = m[i];
        c->by_mac = true;
}

int netconf_parse(char *const *words, struct netconf *ret)
{
        struct netconf c = { .dhcp = true };
        const char *v = cmdline_get(words, "ip"), *bootif = cmdline_get(words, "BOOTIF");
        int r = 0;

        if (bootif)
                parse_bootif(bootif, &c);
        if (v && *v && !is_dhcp(v)) {
                char *fields[16];
                size_t n = 0;
                _cleanup_free_ char *copy = strdup(v);

                for (char *p = copy, *w; n < ARRAY_SIZE(fields) && (w = strsep(&p, ":"));)
                        fields[n++] = w;
                if (!copy)
                        return -ENOMEM;
                if (n == 2 && is_dhcp(fields[1]))
                        r = set_ifname(fields[0], &c);
                else
                        r = parse_fields(fields, n, &c);
        }
        if (r < 0)
                return r;
        *ret = c;
        return 0;
}
