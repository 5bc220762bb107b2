/* DHCP: see dhcp.h. Over a plain UDP socket bound to the interface: with the broadcast flag set, a server answers to
 * 255.255.255.255, which an interface without an address receives. */

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include "initramfs/initrd/dhcp.h"
#include "lib/log.h"

#define MAGIC      0x63825363u
#define BROADCAST  0x8000
#define SERVER     67
#define CLIENT     68
#define OPTIONS_AT 240
#define MIN_SIZE   300 /* what a BOOTP relay may insist on */

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };
enum {
        O_MASK = 1,
        O_ROUTER = 3,
        O_DNS = 6,
        O_HOST = 12,
        O_DOMAIN = 15,
        O_ROOT = 17,
        O_MTU = 26,
        O_ADDRESS = 50,
        O_SECONDS = 51,
        O_OVERLOAD,
        O_TYPE,
        O_SERVER,
        O_PARAMETERS,
        O_SIZE = 57,
        O_CLIENT = 61,
        O_END = 255
};

/* --- reading --- */

static void get_text(const uint8_t *v, size_t n, char *to, size_t size)
{
        n = MIN(n, size - 1);
        memcpy(to, v, n);
        to[n] = 0;
        for (char *p = to; *p; p++)
                if (*p < ' ' || *p > '~')
                        *p = '_';
}

static void get_address(const uint8_t *v, size_t n, struct in_addr *to)
{
        if (n >= 4)
                memcpy(to, v, 4);
}

static void get_option(uint8_t code, const uint8_t *v, size_t n, struct dhcp_lease *l)
{
        switch (code) {
        case O_MASK: get_address(v, n, &l->mask); break;
        case O_ROUTER: get_address(v, n, &l->router); break;
        case O_SERVER: get_address(v, n, &l->server); break;
        case O_DNS:
                for (l->n_dns = 0; l->n_dns < DHCP_DNS_MAX && n >= 4; v += 4, n -= 4)
                        memcpy(&l->dns[l->n_dns++], v, 4);
                break;
        case O_HOST: get_text(v, n, l->hostname, sizeof l->hostname); break;
        case O_DOMAIN: get_text(v, n, l->domain, sizeof l->domain); break;
        case O_ROOT: get_text(v, n, l->root_path, sizeof l->root_path); break;
        case O_MTU:
                if (n >= 2)
                        l->mtu = v[0] << 8 | v[1];
                break;
        case O_SECONDS:
                if (n >= 4)
                        l->seconds = (uint32_t)v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3];
                break;
        case O_TYPE:
                if (n >= 1)
                        l->type = *v;
                break;
        }
}

static int get_options(const uint8_t *p, size_t len, struct dhcp_lease *l)
{
        for (size_t i = 0; i < len && p[i] != O_END;) {
                if (p[i] == 0) {
                        i++;
                        continue;
                }
                if (i + 2 > len || i + 2 + p[i + 1] > len)
                        return -EBADMSG;
                get_option(p[i], p + i + 2, p[i + 1], l);
                i += 2 + p[i + 1];
        }
        return 0;
}

int dhcp_parse(const uint8_t *p, size_t len, uint32_t xid, const uint8_t mac[6], struct dhcp_lease *ret)
{
        struct dhcp_lease l = { .type = 0 };
        uint32_t magic, got;

        if (len < OPTIONS_AT || p[0] != 2 || p[1] != 1 || p[2] != 6 || memcmp(p + 28, mac, 6) != 0)
                return -EBADMSG;
        memcpy(&got, p + 4, 4);
        memcpy(&magic, p + 236, 4);
        if (got != xid || ntohl(magic) != MAGIC)
                return -EBADMSG;
        memcpy(&l.address, p + 16, 4);
        memcpy(&l.next, p + 20, 4);
        int r = get_options(p + OPTIONS_AT, len - OPTIONS_AT, &l);
        if (r < 0 || !l.type)
                return -EBADMSG;
        *ret = l;
        return 0;
}

/* --- writing --- */

static uint8_t *put(uint8_t *o, uint8_t code, const void *v, uint8_t n)
{
        *o++ = code;
        *o++ = n;
        memcpy(o, v, n);
        return o + n;
}

static int send_message(struct dhcp *d)
{
        static const uint8_t wanted[] = { O_MASK, O_ROUTER, O_DNS, O_HOST, O_DOMAIN, O_ROOT, O_MTU,
                O_SECONDS };
        uint8_t m[MIN_SIZE + 300] = { 1, 1, 6 }, *o = m + OPTIONS_AT,
                             type = d->requesting ? REQUEST : DISCOVER;
        uint8_t client[7] = { 1 };
        uint16_t flags = htons(BROADCAST), size = htons(1500), secs;
        uint32_t magic = htonl(MAGIC);
        struct sockaddr_in to = {
                .sin_family = AF_INET, .sin_port = htons(SERVER), .sin_addr.s_addr = INADDR_BROADCAST
        };

        secs = htons(MIN((now_monotonic() - d->started) / USEC_PER_SEC, 65535));
        memcpy(m + 4, &d->xid, 4);
        memcpy(m + 8, &secs, 2);
        memcpy(m + 10, &flags, 2);
        memcpy(m + 28, d->mac, 6);
        memcpy(m + 236, &magic, 4);
        memcpy(client + 1, d->mac, 6);
        o = put(o, O_TYPE, &type, 1);
        o = put(o, O_CLIENT, client, sizeof client);
        o = put(o, O_SIZE, &size, 2);
        if (d->requesting) {
                o = put(o, O_ADDRESS, &d->offer.address, 4);
                o = put(o, O_SERVER, &d->offer.server, 4);
        }
        if (d->hostname && *d->hostname && strlen(d->hostname) < 65)
                o = put(o, O_HOST, d->hostname, strlen(d->hostname));
        o = put(o, O_PARAMETERS, wanted, sizeof wanted);
        *o++ = O_END;
        size_t len = MAX((size_t)(o - m), (size_t)MIN_SIZE);
        return sendto(d->io.fd, m, len, 0, (struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
}

/* --- the exchange --- */

static void send_and_wait(struct dhcp *d)
{
        usec_t pause = USEC_PER_SEC << MIN(d->tries, 4u);
        int r = send_message(d);

        if (r < 0)
                log_debug_errno(r, "Cannot send to the DHCP servers on %s: %m", d->ifname);
        d->tries++;
        loop_timer_set(d->loop, &d->retry, usec_add(now_monotonic(), pause));
}

static void on_retry(struct loop_timer *t)
{
        struct dhcp *d = t->data;

        if (d->requesting && d->tries > 3) { /* the server that offered has gone */
                d->requesting = false;
                d->tries = 0;
        }
        send_and_wait(d);
}

static void on_message(struct loop_io *io, uint32_t revents)
{
        struct dhcp *d = io->data;
        uint8_t m[1600];
        struct dhcp_lease l;
        ssize_t n = recv(io->fd, m, sizeof m, 0);

        if (n < 0 || dhcp_parse(m, n, d->xid, d->mac, &l) < 0)
                return;
        if (l.type == OFFER && !d->requesting && l.address.s_addr) {
                d->offer = l;
                d->requesting = true;
                d->tries = 0;
                send_and_wait(d);
        } else if (l.type == ACK && d->requesting && l.address.s_addr) {
                dhcp_end(d);
                d->done(d, &l);
        } else if (l.type == NAK && d->requesting) {
                d->requesting = false;
                send_and_wait(d);
        }
}

int dhcp_start(struct dhcp *d)
{
        struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(CLIENT) };
        struct ifreq ifr = { 0 };
        int one = 1, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        snprintf(ifr.ifr_name, sizeof ifr.ifr_name, "%s", d->ifname);
        if (ioctl(fd, SIOCGIFHWADDR, &ifr) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
                setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, d->ifname, strlen(d->ifname) + 1) < 0 ||
                bind(fd, (struct sockaddr *)&here, sizeof here) < 0) {
                int r = -errno;
                close(fd);
                return r;
        }
        memcpy(d->mac, ifr.ifr_hwaddr.sa_data, sizeof d->mac);
        if (getrandom(&d->xid, sizeof d->xid, GRND_NONBLOCK) != sizeof d->xid)
                d->xid = (uint32_t)now_monotonic() ^ (uint32_t)d->mac[5] << 24;
        d->started = now_monotonic();
        d->tries = 0;
        d->requesting = false;
        d->io = (struct loop_io) { .fd = fd, .events = EPOLLIN, .cb = on_message, .data = d };
        d->retry = (struct loop_timer) { .cb = on_retry, .data = d };
        int r = loop_io_add(d->loop, &d->io);
        if (r < 0) {
                close(fd);
                return r;
        }
        send_and_wait(d);
        return 0;
}

void dhcp_end(struct dhcp *d)
{
        int fd = d->io.fd;

        loop_timer_cancel(d->loop, &d->retry);
        loop_io_remove(d->loop, &d->io);
        close_fd(fd);
}
