/* A DHCP client (RFC 2131, 2132) for the time until the root is mounted: discover, request, and the lease. It does not
 * renew; the real root's programs take the interface over. */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include "lib/loop.h"

#define DHCP_DNS_MAX 3

struct dhcp_lease {
        struct in_addr address, mask, router, server; /* server: who gave it, option 54 */
        struct in_addr next;                          /* siaddr: where files are */
        struct in_addr dns[DHCP_DNS_MAX];
        unsigned n_dns;
        uint32_t seconds;
        uint16_t mtu;
        char hostname[65], domain[129], root_path[257];
        uint8_t type; /* of the message: 2 offer, 5 ack, 6 nak */
};

struct dhcp {
        struct loop *loop;
        char ifname[IFNAMSIZ];
        const char *hostname; /* to be asked for; NULL: none */
        void (*done)(struct dhcp *d, const struct dhcp_lease *lease);
        void *data;
        /* its own */
        struct loop_io io;
        struct loop_timer retry;
        uint8_t mac[6];
        uint32_t xid;
        bool requesting;
        unsigned tries;
        struct dhcp_lease offer;
        usec_t started;
};

/* The interface must be up. Tries again for ever, with longer and longer pauses (1 to 16 s). */
int dhcp_start(struct dhcp *d);
void dhcp_end(struct dhcp *d);
/* An answer to xid and mac. -EBADMSG when it is malformed or somebody else's. */
int dhcp_parse(const uint8_t *p, size_t len, uint32_t xid, const uint8_t mac[6], struct dhcp_lease *ret);
