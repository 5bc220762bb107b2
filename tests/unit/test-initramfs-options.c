/* root= in all its spellings, rootflags=, and the words of the kernel command line; the hand-over's reader. */
#include <stdio.h>
#include <sys/mount.h>
#include "initramfs/initrd/dhcp.h"
#include "initramfs/initrd/extstate.h"
#include "initramfs/initrd/netconf.h"
#include "initramfs/initrd/options.h"
#include "lib/cmdline.h"
#include "lib/fileio.h"
#include "lib/initrddevs.h"
#include "lib/log.h"
#include "tests/tap.h"

static const struct {
        const char *root;
        enum root_kind kind;
        const char *text, *value;
} roots[] = {
        { "UUID=aB-1", ROOT_UUID, "UUID=aB-1", "aB-1" },
        { "UUID=\"aB-1\"", ROOT_UUID, "UUID=aB-1", "aB-1" },
        { "LABEL=my root", ROOT_LABEL, "LABEL=my root", "my root" },
        { "PARTUUID=0-1", ROOT_PARTUUID, "PARTUUID=0-1", "0-1" },
        { "PARTLABEL=x", ROOT_PARTLABEL, "PARTLABEL=x", "x" },
        { "/dev/disk/by-uuid/1-2", ROOT_UUID, "UUID=1-2", "1-2" },
        { "/dev/disk/by-label/a\\x20b", ROOT_LABEL, "LABEL=a b", "a b" },
        { "/dev/disk/by-partuuid/9", ROOT_PARTUUID, "PARTUUID=9", "9" },
        { "/dev/disk/by-partlabel/p", ROOT_PARTLABEL, "PARTLABEL=p", "p" },
        { "/dev/vda1", ROOT_NODE, "/dev/vda1", "/dev/vda1" },
        { "254:1", ROOT_NUMBER, "254:1", "254:1" },
        { "fe01", ROOT_NUMBER, "fe01", "fe01" },
        { "/dev/disk/by-id/x", ROOT_LINK, "/dev/disk/by-id/x", "by-id/x" },
        { "gpt-auto", ROOT_AUTO, "gpt-auto (the partition of type root)", "" },
        { "nfs:10.0.0.1:/srv,vers=4", ROOT_NFS, "nfs:10.0.0.1:/srv,vers=4", "10.0.0.1:/srv,vers=4" },
        { "tmpfs:LABEL=a:/b.tar", ROOT_TMPFS, "tmpfs:LABEL=a:/b.tar", "LABEL=a:/b.tar" },
        { "rubbish", ROOT_UNKNOWN, "rubbish", "rubbish" },
        { "254:1x", ROOT_UNKNOWN, "254:1x", "254:1x" },
};

static void spellings(void)
{
        for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
                struct root_spec r = { 0 };

                is_int(root_parse(roots[i].root, &r), 0, roots[i].root);
                is_int(r.kind, roots[i].kind, "kind");
                is_str(r.text, roots[i].text, "as messages name it");
                is_str(r.value, roots[i].value, "value");
                if (r.kind == ROOT_NUMBER)
                        ok(r.major == 254 && r.minor == 1, "number");
                root_done(&r);
        }
}

static bool matches(const char *root, const struct root_candidate *c)
{
        struct root_spec r;
        bool m = root_parse(root, &r) >= 0 && root_matches(&r, c);

        root_done(&r);
        return m;
}

static void comparing(void)
{
        const struct root_candidate c = { "/dev/vda1", "ab-CD", "Label", "FF-01", "part", 254, 1, NULL };
        const struct root_candidate bare = { .node = "/dev/vdb", .major = 254, .minor = 16 };

        ok(matches("UUID=AB-cd", &c), "UUIDs in any case");
        ok(matches("PARTUUID=ff-01", &c), "so PARTUUIDs");
        ok(matches("LABEL=Label", &c) && !matches("LABEL=label", &c), "labels exactly");
        ok(matches("PARTLABEL=part", &c), "partition's name");
        ok(matches("/dev/vda1", &c) && !matches("/dev/vda", &c), "node");
        ok(matches("254:1", &c) && !matches("254:16", &c), "number");
        ok(!matches("UUID=", &bare) && !matches("LABEL=", &bare), "an empty name matches nothing");
        ok(!matches("UUID=ab", &c), "nor does the beginning of one");
}

static struct initrd_options parse(const char *line)
{
        _cleanup_strv_ char **words = NULL;
        struct initrd_options o = { 0 };

        cmdline_split(line, &words);
        if (options_parse(words, &o) < 0)
                ok(false, line);
        return o;
}

static void command_line(void)
{
        struct initrd_options o =
                parse("root=UUID=1 rw ro quiet rootflags=noatime,rw,data=journal,x-systemd.a "
                      "rootfstype=ext4 init=/bin/x rd.timeout=5 panic=3 rd.break=pre-mount "
                      "fsck.mode=force fsck.repair=yes modprobe.blacklist=a,b rd.shell=0");

        is_str(o.root.text, "UUID=1", "root");
        ok(o.flags == MS_NOATIME, "rootflags= over ro");
        is_str(o.data, "data=journal", "the file system's own options");
        is_str(o.fstype, "ext4", "rootfstype");
        is_str(o.init, "/bin/x", "init");
        is_int(o.limit, 5 * USEC_PER_SEC, "rd.timeout");
        is_int(o.panic, 3, "panic");
        is_int(o.break_at, BREAK_PRE_MOUNT, "rd.break");
        ok(!o.shell, "no shell");
        ok(o.fsck == FSCK_FORCE && o.repair == FSCK_YES, "fsck");
        ok(strv_len(o.blacklist) == 2, "blacklist");
        options_done(&o);

        o = parse("");
        ok(o.root.kind == ROOT_AUTO && o.flags == MS_RDONLY && o.shell && o.limit == 90 * USEC_PER_SEC,
                "defaults");
        options_done(&o);
        o = parse("root=/dev/vda rootwait rd.timeout=rubbish panic=x fastboot rootdelay=2min");
        ok(o.limit == USEC_INFINITY && o.panic == 0 && o.fsck == FSCK_SKIP,
                "rootwait; rubbish leaves the defaults");
        options_done(&o);
        o = parse("ro rw");
        is_int(o.flags, 0, "the last of ro and rw counts");
        options_done(&o);
}

static void hand_over(void)
{
        char path[] = "/tmp/rouse-devs-XXXXXX";
        static const char text[] =
                "254:1 9 /devices/a/block/vda/vda1 ID_FS_TYPE=ext4 ID_FS_UUID=1-2\n"
                "rubbish\n\n254:x 0 /devices/b A=1\n254:0 9 /devices/a/block/vda\n254:2 9 relative A=1\n"
                "8:0 0 /devices/s ID_FS_TYPE=xfs";
        struct initrd_devices d = { 0 };
        int fd = mkstemp(path);

        write_all(fd, text, strlen(text));
        close(fd);
        is_int(initrd_devices_read(path, &d), 0, "initrd.devices is read");
        is_int(d.n, 3, "its good lines");
        const struct initrd_device *e = initrd_devices_find(&d, 254, 1, "/devices/a/block/vda/vda1", 9);
        ok(e && streq(e->properties[0], "ID_FS_TYPE=ext4") && streq(e->properties[1], "ID_FS_UUID=1-2") &&
                        !e->properties[2],
                "properties");
        e = initrd_devices_find(&d, 254, 0, "/devices/a/block/vda", 9);
        ok(e && !e->properties[0], "a device with nothing on it");
        ok(!initrd_devices_find(&d, 254, 1, "/devices/a/block/vda/vda1", 10),
                "another disk under the same number");
        ok(!initrd_devices_find(&d, 254, 1, "/devices/b", 9), "another path");
        initrd_devices_done(&d);
        unlink(path);
        is_int(initrd_devices_read("/nonexistent/x", &d), -ENOENT, "no file");
}

static enum ext_state health(
        uint16_t state, int16_t mounts, int16_t max, uint32_t incompat, uint32_t interval)
{
        uint8_t sb[EXT_SUPERBLOCK] = { [0x38] = 0x53, [0x39] = 0xef };
        uint32_t last = 1000000;
        const char *why;

        memcpy(sb + 0x3a, &state, 2);
        memcpy(sb + 0x34, &mounts, 2);
        memcpy(sb + 0x36, &max, 2);
        memcpy(sb + 0x60, &incompat, 4);
        memcpy(sb + 0x44, &interval, 4);
        memcpy(sb + 0x40, &last, 4);
        return ext_state(sb, 1000100, &why);
}

static void ext_health(void)
{
        uint8_t sb[EXT_SUPERBLOCK] = { [0x38] = 0x53, [0x39] = 0xef, [0x3a] = 1, [0x194] = 1 };
        const char *why;

        is_int(health(1, 5, -1, 0, 0), EXT_CLEAN, "a clean ext4");
        is_int(health(1, 5, -1, 4, 0), EXT_JOURNAL, "one with a journal to replay");
        is_int(health(0, 5, -1, 0, 0), EXT_CHECK, "one that was not unmounted");
        is_int(health(3, 5, -1, 0, 0), EXT_CHECK, "one with errors");
        is_int(health(1, 5, 6, 0, 0), EXT_CLEAN, "one mount before the check");
        is_int(health(1, 6, 6, 0, 0), EXT_CHECK, "mounted often enough");
        is_int(health(1, 6, 0, 0, 0), EXT_CLEAN, "no limit of mounts");
        is_int(health(1, 0, -1, 0, 101), EXT_CLEAN, "a second before the check");
        is_int(health(1, 0, -1, 0, 100), EXT_CHECK, "time for the check");
        is_int(health(1, 0, -1, 8, 0), EXT_UNKNOWN, "a journal alone is no file system");
        is_int(ext_state(sb, 0, &why), EXT_CHECK, "errors counted");
        is_str(why, "the kernel has found errors in it", "and named");
        memset(sb, 0, sizeof sb);
        is_int(ext_state(sb, 0, &why), EXT_UNKNOWN, "nothing there");
}

static void newer_words(void)
{
        struct initrd_options o = parse("root=/dev/nfs nfsroot=10.0.0.1:/srv/root,vers=4 resume=LABEL=swap "
                                        "resume_offset=34816 rd.degraded=no systemd.volatile=overlay "
                                        "rd.luks=0 break=premount");

        is_int(o.root.kind, ROOT_NFS, "root=/dev/nfs");
        is_str(o.root.value, "10.0.0.1:/srv/root,vers=4", "nfsroot");
        ok(o.resume.kind == ROOT_LABEL && o.resume_offset == 34816, "resume");
        ok(o.degraded == USEC_INFINITY && !o.luks, "rd.degraded=no, rd.luks=0");
        is_int(o.volatile_root, VOLATILE_OVERLAY, "systemd.volatile");
        is_int(o.break_at, BREAK_PRE_MOUNT, "initramfs-tools' name of a place to break");
        options_done(&o);
        o = parse("root=LABEL=a resume=LABEL=b noresume rd.degraded=4 overlayroot=tmpfs rd.break=initqueue");
        is_int(o.resume.kind, ROOT_NONE, "noresume");
        is_int(o.degraded, 4 * USEC_PER_SEC, "rd.degraded in seconds");
        ok(o.volatile_root == VOLATILE_OVERLAY && o.break_at == BREAK_BEGIN,
                "overlayroot, rd.break=initqueue");
        options_done(&o);
}

static int netconf(const char *line, struct netconf *c)
{
        _cleanup_strv_ char **words = NULL;

        cmdline_split(line, &words);
        return netconf_parse(words, c);
}

static void network(void)
{
        struct netconf c = { 0 };

        ok(netconf("root=nfs:", &c) == 0 && c.dhcp && !*c.ifname, "no ip=: DHCP on any interface");
        ok(netconf("ip=eth1:dhcp", &c) == 0 && c.dhcp && streq(c.ifname, "eth1"), "ip=IFACE:dhcp");
        ok(netconf("ip=10.0.0.5::10.0.0.1:24:host:eth0:off:8.8.8.8", &c) == 0 && !c.dhcp, "fixed");
        ok(c.address.s_addr == htonl(0x0a000005) && c.mask.s_addr == htonl(0xffffff00) &&
                        c.gateway.s_addr == htonl(0x0a000001) && c.n_dns == 1,
                "address, mask, gateway, name server");
        ok(streq(c.hostname, "host") && streq(c.ifname, "eth0"), "name and interface");
        ok(netconf("ip=192.168.1.2", &c) == 0 && c.mask.s_addr == htonl(0xffffff00), "the class's mask");
        is_int(netconf("ip=10.0.0.300::", &c), -EINVAL, "no address");
        ok(netconf("BOOTIF=01-52-54-00-12-34-56", &c) == 0 && c.by_mac && c.mac[5] == 0x56, "BOOTIF=");
}

static void lease(void)
{
        static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
        static const uint8_t options[] = { 53, 1, 5, 0, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 2, 2, 17, 2,
                '/', 'r', 255 };
        uint8_t m[300] = { 2, 1, 6 };
        struct dhcp_lease l = { 0 };
        uint32_t xid = 7;

        memcpy(m + 4, &xid, 4);
        memcpy(m + 16, (uint8_t[]) { 10, 0, 2, 15 }, 4);
        memcpy(m + 28, mac, 6);
        memcpy(m + 236, (uint8_t[]) { 0x63, 0x82, 0x53, 0x63 }, 4);
        memcpy(m + 240, options, sizeof options);
        is_int(dhcp_parse(m, sizeof m, xid, mac, &l), 0, "an answer");
        ok(l.type == 5 && l.address.s_addr == htonl(0x0a00020f) && l.router.s_addr == htonl(0x0a000202),
                "addresses");
        is_str(l.root_path, "/r", "root path");
        is_int(dhcp_parse(m, sizeof m, 8, mac, &l), -EBADMSG, "somebody else's");
        is_int(dhcp_parse(m, 248, xid, mac, &l), -EBADMSG, "cut off inside an option");
        m[1] = 7;
        is_int(dhcp_parse(m, sizeof m, xid, mac, &l), -EBADMSG, "another kind of network");
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        spellings();
        comparing();
        command_line();
        newer_words();
        network();
        lease();
        hand_over();
        ext_health();
        return tap_done();
}
