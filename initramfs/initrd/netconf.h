/* ip= of the kernel command line, in the forms of the kernel's documentation (nfsroot), initramfs-tools and dracut:
 *
 *     ip=dhcp   ip=IFACE:dhcp   ip=CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:IFACE:METHOD[:DNS0[:DNS1]]
 *
 * and BOOTIF=01-MAC, which a PXE loader adds. */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include "lib/str.h"

struct netconf {
        char ifname[IFNAMSIZ]; /* "": the first that is there */
        uint8_t mac[6];        /* BOOTIF= */
        bool by_mac, dhcp;
        struct in_addr address, mask, gateway, server;
        struct in_addr dns[3];
        unsigned n_dns;
        char hostname[65];
};

/* No ip=: DHCP on the first interface. -EINVAL: what is wrong has been said. */
int netconf_parse(char *const *words, struct netconf *ret);
