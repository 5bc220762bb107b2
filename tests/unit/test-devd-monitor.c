/* The bytes that libudev's monitors get. Hash values: computed by another implementation of MurmurHash2. */
#include <arpa/inet.h>
#include <libudev.h>
#include <poll.h>
#include <sched.h>
#include <sys/sysmacros.h>

#include "devd/devd.h"
#include "devd/monitor.h"
#include "tests/tap.h"

static struct device *make_device(void)
{
        static struct uevent u;
        static const char raw[] =
                "add@/devices/virtual/block/t0\0ACTION=add\0DEVPATH=/devices/virtual/block/t0\0"
                "SUBSYSTEM=block\0MAJOR=240\0MINOR=7\0DEVNAME=t0\0DEVTYPE=disk\0SEQNUM=4711";
        struct device *d = NULL;

        memcpy(u.buf, raw, sizeof(raw));
        if (uevent_parse(&u, sizeof(raw)) < 0 || device_from_uevent(&u, &d) < 0)
                exit(99);
        (void)device_set_prop(d, "ID_TEST", "a b");
        (void)device_set_prop(d, ".HIDDEN", "1");
        (void)device_add_tag(d, "systemd");
        (void)device_add_tag(d, "uaccess");
        (void)device_add_link(d, "disk/by-id/x");
        (void)device_add_link(d, "disk/by-id/y");
        d->usec_initialized = 12345;
        return d;
}

static bool has(const struct strbuf *b, const char *what)
{
        return memmem(b->s + sizeof(struct monitor_header), b->len - sizeof(struct monitor_header), what,
                strlen(what) + 1);
}

static void hashes(void)
{
        static const struct {
                const char *s;
                uint32_t h;
        } known[] = { { "", 0x00000000 }, { "a", 0x92685f5e }, { "ab", 0x1aa14063 }, { "abc", 0x13577c9b },
                { "block", 0xf0031db7 }, { "disk", 0x7bcbc5ee }, { "partition", 0xcb234489 },
                { "net", 0xa74d3cc8 }, { "systemd", 0xa75f972a }, { "power-switch", 0x43b5e13f },
                { "usb_device", 0x27f8f50c } };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                is_int(monitor_hash(known[i].s), known[i].h, known[i].s);
}

static void bytes(void)
{
        struct device *d = make_device();
        struct strbuf b = {};
        struct monitor_header h;

        is_int(monitor_format(d, &b), 0, "a message");
        memcpy(&h, b.s, sizeof(h));
        is_int(sizeof(h), 40, "header of 40 bytes");
        ok(memcmp(h.prefix, "libudev\0", 8) == 0, "prefix");
        is_int(ntohl(h.magic), 0xfeedcafe, "magic");
        is_int(h.header_size, 40, "header size");
        is_int(h.properties_off, 40, "offset of the properties");
        is_int(h.properties_len, (int64_t)b.len - 40, "length of the properties");
        is_int(ntohl(h.subsystem_hash), monitor_hash("block"), "hash of the subsystem");
        is_int(ntohl(h.devtype_hash), monitor_hash("disk"), "hash of the devtype");
        is_int((int64_t)((uint64_t)ntohl(h.tag_bloom_hi) << 32 | ntohl(h.tag_bloom_lo)),
                (int64_t)UINT64_C(0x0200240810801008), "bloom filter of two tags");
        is_str(b.s + 40, "UDEV_DATABASE_VERSION=1", "first property");
        ok(has(&b, "ACTION=add") && has(&b, "DEVPATH=/devices/virtual/block/t0") && has(&b, "SEQNUM=4711"),
                "identity");
        ok(has(&b, "DEVNAME=/dev/t0"), "the node's full name");
        ok(has(&b, "DEVLINKS=/dev/disk/by-id/x /dev/disk/by-id/y"), "links");
        ok(has(&b, "TAGS=:systemd:uaccess:") && has(&b, "CURRENT_TAGS=:systemd:uaccess:"), "tags");
        ok(has(&b, ".HIDDEN=1") && has(&b, "ID_TEST=a b") && has(&b, "USEC_INITIALIZED=12345"),
                "properties");
        strbuf_done(&b);
        device_unref(d);
}

/* The real library as receiver, in a network namespace of its own. */
static void client(void)
{
        struct device *d = make_device();
        struct udev *udev = udev_new();
        struct udev_monitor *mon;
        struct udev_device *got;
        struct monitor *sender;
        struct pollfd p = { .events = POLLIN };

        if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
                ok(true, "libudev client # SKIP no network namespace");
                return;
        }
        mon = udev_monitor_new_from_netlink(udev, "udev");
        udev_monitor_filter_add_match_subsystem_devtype(mon, "block", "disk");
        udev_monitor_filter_add_match_tag(mon, "uaccess");
        udev_monitor_enable_receiving(mon);
        is_int(monitor_new(&sender), 0, "sender");
        is_int(monitor_send(sender, d), 0, "sends");
        p.fd = udev_monitor_get_fd(mon);
        is_int(poll(&p, 1, 5000), 1, "libudev's own filter lets it pass");
        got = udev_monitor_receive_device(mon);
        ok(got, "libudev takes it");
        if (got) {
                is_str(udev_device_get_action(got), "add", "action");
                is_str(udev_device_get_devnode(got), "/dev/t0", "node");
                is_str(udev_device_get_syspath(got), "/sys/devices/virtual/block/t0", "sysfs path");
                is_str(udev_device_get_property_value(got, "ID_TEST"), "a b", "property");
                is_int((int64_t)udev_device_get_seqnum(got), 4711, "sequence number");
                is_int(udev_device_has_tag(got, "systemd"), 1, "tag");
                is_int(major(udev_device_get_devnum(got)), 240, "number");
                udev_device_unref(got);
        }
        (void)str_replace(&d->subsystem, "net");
        (void)monitor_send(sender, d);
        is_int(poll(&p, 1, 50), 0, "another subsystem is filtered out");
        udev_monitor_unref(mon);
        udev_unref(udev);
        monitor_free(sender);
        device_unref(d);
}

int main(void)
{
        hashes();
        bytes();
        client();
        return tap_done();
}
