/* Any datagram as a DHCP server's answer; any text as ip=. */
#include "initramfs/initrd/dhcp.h"
#include "initramfs/initrd/netconf.h"
#include "lib/log.h"
#include "tests/fuzz/fuzz.h"

FUZZ_TARGET(dhcp)
{
        static const uint8_t mac[6] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
        struct dhcp_lease l = { .type = 0 };
        struct netconf c;
        uint32_t xid;

        memcpy(&xid, "rous", 4);
        log_open("fuzz", LOG_TO_NULL);
        if (dhcp_parse(data, size, xid, mac, &l) >= 0)
                fuzz_check(l.type && l.n_dns <= DHCP_DNS_MAX && strlen(l.hostname) < sizeof(l.hostname) &&
                           strlen(l.root_path) < sizeof(l.root_path));
        char *word = malloc(size + 4), *words[] = { word, NULL };
        if (!word)
                return;
        memcpy(word, "ip=", 3);
        memcpy(word + 3, data, size);
        word[size + 3] = 0;
        (void)netconf_parse(words, &c);
        free(word);
}
