/* Device objects, attributes, the database files, and links below /dev with several claimants. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#include "devd/db.h"
#include "devd/text.h"
#include "lib/log.h"
#include "tests/tap.h"
#include "tests/unit/devd-fake.h"

#define PCI  "/devices/pci0000:00/0000:00:01.0"
#define DISK PCI "/ata1/host0/target0:0:0/0:0:0:0/block/sda"

static void make_tree(void)
{
        fake_device(PCI, "pci", "DRIVER=ahci\n");
        fake_device(PCI "/ata1/host0/target0:0:0/0:0:0:0", "scsi", "DEVTYPE=scsi_device\n");
        fake_device(DISK, "block", "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n");
        fake_device(DISK "/sda1", "block", "MAJOR=8\nMINOR=1\nDEVNAME=sda1\nDEVTYPE=partition\n");
        fake_device(
                "/devices/virtual/block/loop0", "block", "MAJOR=7\nMINOR=0\nDEVNAME=loop0\nDEVTYPE=disk\n");
        fake_device("/devices/virtual/net/lo", "net", "INTERFACE=lo\nIFINDEX=1\n");
        fake_device("/devices/virtual/tty/a!b", "tty", "MAJOR=4\nMINOR=9\nDEVNAME=a/b\n");
        fake_attr(DISK, "text", "value \n");
        fake_attr(DISK, "multi", "one\ntwo\n");
        fake_link("/sys" DISK "/weird", "../../target");
        fake_link("/sys" DISK "/driver", "../../../sd");
        fake_link("/sys/dev/block/8:0",
                "../../devices/pci0000:00/0000:00:01.0/ata1/host0/target0:0:0/0:0:0:0/block/sda");
        fake_link("/sys/class/net/lo", "../../devices/virtual/net/lo");
        fake_link("/sys/class/tty/a!b", "../../devices/virtual/tty/a!b");
        fake_dir("/sys/module/loop");
        fake_dir("/sys/bus/pci/drivers/ahci");
        fake_file("/dev/sda", "");
        fake_file("/dev/sda1", "");
        fake_file("/dev/loop0", "");
}

static void test_identity(void)
{
        static const struct {
                const char *path, *id, *subsystem, *sysname;
        } t[] = {
                { DISK, "b8:0", "block", "sda" },
                { "/sys/class/net/lo", "n1", "net", "lo" },
                { "/devices/virtual/tty/a!b", "c4:9", "tty", "a/b" },
                { PCI, "+pci:0000:00:01.0", "pci", "0000:00:01.0" },
                { "/sys/module/loop", "+module:loop", "module", "loop" },
                { "/sys/bus/pci/drivers/ahci", "+drivers:pci:ahci", "drivers", "ahci" },
                { "/sys/bus/pci", "+subsystem:pci", "subsystem", "pci" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_device_ struct device *d = NULL, *again = NULL;

                is_int(device_from_syspath(t[i].path, "add", &d), 0, t[i].path);
                if (!d)
                        continue;
                is_str(d->id, t[i].id, "its id");
                is_str(d->subsystem, t[i].subsystem, "its subsystem");
                is_str(d->sysname, t[i].sysname, "its name");
                if (!strchr("b+", d->id[0]) || streq(d->id, "b8:0") || startswith(d->id, "+module")) {
                        is_int(device_from_id(d->id, &again), d->id[0] == 'c' ? -ENODEV : 0,
                                "found again by id");
                        if (again)
                                is_str(again->syspath, d->syspath, "and the same");
                }
        }
        struct device *none = NULL;

        is_int(device_from_syspath("/sys/devices/nothing", "add", &none), -ENODEV, "what is not there");
        is_int(device_from_syspath("/etc/passwd", "add", &none), -ENODEV, "what is no device");
        is_int(device_from_syspath("/sys/devices/../../../etc", "add", &none) < 0, 1, "no way out of sysfs");
        is_int(device_from_id("b8:x/../y", &none), -EINVAL, "a bad id");
        is_int(device_from_id("+pci:../../x", &none), -EINVAL, "an id with a path in it");
}

static void test_chain(void)
{
        _cleanup_device_ struct device *d = NULL;

        (void)device_from_syspath(DISK "/sda1", NULL, &d);
        is_str(device_parent(d)->sysname, "sda", "parent");
        is_str(device_parent_with(d, "pci", NULL)->sysname, "0000:00:01.0", "parent by subsystem");
        is_str(device_parent_with(d, "scsi", "scsi_device")->sysname, "0:0:0:0",
                "parent by subsystem and type");
        ok(!device_parent_with(d, "usb", NULL), "no such parent");
        is_int(device_sysnum(d), 1, "number");
        ok(!device_parent(device_parent_with(d, "pci", NULL)), "the top has none");
}

static bool has_kept_parent(void)
{
        _cleanup_device_ struct device *d = NULL;

        return device_from_syspath("/sys/devices/kept/parent/dir/child", NULL, &d) >= 0 &&
               device_parent_lazy(d) && streq_null(device_subsystem(device_parent_lazy(d)), "bus1");
}

/* In a burst the answers stay as they were; the next word of the kernel's begins anew. */
static void test_kept(void)
{
        fake_device("/devices/kept/parent", "bus1", "");
        fake_device("/devices/kept/parent/dir/child", "class1", "");
        ok(has_kept_parent(), "a parent above a plain directory");
        fake_device("/devices/kept/parent", "bus2", "");
        ok(!has_kept_parent(), "nothing is kept unasked");
        fake_device("/devices/kept/parent", "bus1", "");
        device_keep_above(true);
        ok(has_kept_parent(), "asked for the first time");
        fake_device("/devices/kept/parent", "bus2", "");
        ok(has_kept_parent(), "kept");
        device_keep_above(true);
        ok(!has_kept_parent(), "anew");
        fake_device("/devices/kept/parent/dir", "bus1", "");
        ok(!has_kept_parent(), "what was no device is none while it is kept");
        device_keep_above(false);
        ok(has_kept_parent(), "not kept any more");
}

static void test_attributes(void)
{
        _cleanup_device_ struct device *d = NULL;

        (void)device_from_syspath(DISK, NULL, &d);
        is_str(device_attr(d, "text"), "value ", "an attribute, its newline cut");
        is_str(device_attr(d, "multi"), "one\ntwo", "of several lines");
        is_str(device_attr(d, "nothing"), NULL, "absent");
        is_str(device_attr(d, "subsystem"), "block", "a link by the name of its target");
        is_str(device_attr(d, "driver"), "sd", "the driver");
        is_str(device_attr(d, "weird"), NULL, "other links do not count");
        is_int(device_write_attr(d, "text", "VALUE"), 0, "written");
        is_str(device_attr(d, "text"), "VALUE ", "and read again");
        is_int(device_write_attr(d, "nothing", "x"), -ENOENT, "never made");
}

static void test_uevent(void)
{
        static const char text[] =
                "change@/devices/virtual/x\0ACTION=change\0DEVPATH=/devices/virtual/x\0SUBSYSTEM=mem\0"
                "MAJOR=1\0MINOR=3\0DEVNAME=null\0DEVMODE=0666\0SEQNUM=77\0A=b=c\0";
        _cleanup_device_ struct device *d = NULL;
        struct uevent u = { 0 };

        memcpy(u.buf, text, sizeof(text) - 1);
        is_int(uevent_parse(&u, sizeof(text) - 1), 0, "an uevent");
        is_int(device_from_uevent(&u, &d), 0, "made to a device");
        is_str(d->devnode, "/dev/null", "node");
        is_str(device_prop(d, "DEVNAME"), "/dev/null", "node as a property");
        is_str(device_prop(d, "A"), "b=c", "value with an equals sign");
        is_int((int64_t)d->seqnum, 77, "number");
        is_str(d->id, "c1:3", "id");
        is_str(d->props[0].key, "ACTION", "properties in their order");
        ok(d->props[0].from_kernel, "known to be the kernel's");
        is_int(device_set_prop(d, "A=", "x"), -EINVAL, "no '=' in a key");
        is_int(device_set_prop(d, "A", NULL), 0, "removed");
        is_str(device_prop(d, "A"), NULL, "and gone");
}

static void test_database(void)
{
        _cleanup_device_ struct device *d = NULL, *old = NULL, *net = NULL, *pci = NULL;
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ino_t inode;

        (void)device_from_syspath(DISK, "add", &d);
        is_int(db_read_old(d, &old), -ENOENT, "no entry yet");
        (void)device_add_link(d, "disk/by-id/x");
        is_int(device_add_link(d, "../x"), -EINVAL, "a link out of /dev is refused");
        is_int(device_add_link(d, "."), -EINVAL, "and the directory itself");
        (void)device_set_prop(d, "ID_A", "1");
        (void)device_set_prop(d, ".HIDDEN", "1");
        (void)device_set_prop(d, "ID_B", "two words");
        (void)device_add_tag(d, "systemd");
        is_int(device_add_tag(d, "a/b"), -EINVAL, "a tag that is no name");
        d->link_priority = -5;
        d->usec_initialized = 1234567;
        is_int(db_write(d), 0, "entry written");
        (void)read_file(fake_path("/run/data/b8:0"), 0, &text, NULL);
        is_str(text,
                "S:disk/by-id/x\nL:-5\nI:1234567\nE:ID_A=1\nE:ID_B=two words\nG:systemd\nQ:systemd\nV:1\n",
                "as libudev reads it");
        ok(fake_exists("/run/tags/systemd/b8:0"), "tag index");
        (void)stat(fake_path("/run/data/b8:0"), &st);
        is_int(st.st_mode & 07777, 0644, "mode");
        is_int(db_read_old(d, &old), 0, "read again");
        is_str(device_prop(old, "ID_B"), "two words", "property");
        is_int(old->link_priority, -5, "priority");
        ok(strv_contains(old->links, "disk/by-id/x") && device_has_tag(old, "systemd"), "link and tag");
        is_int(old->usec_initialized, 1234567, "time");
        (void)stat(fake_path("/run/data/b8:0"), &st);
        inode = st.st_ino;
        is_int(db_write_over(d, old), 0, "written over what says the same");
        (void)stat(fake_path("/run/data/b8:0"), &st);
        ok(st.st_ino == inode, "is not touched");
        (void)device_set_prop(d, "ID_B", "three");
        is_int(db_write_over(d, old), 0, "written over what differs");
        (void)stat(fake_path("/run/data/b8:0"), &st);
        ok(st.st_ino != inode, "is another file");
        d->db_persist = true;
        (void)db_write(d);
        (void)stat(fake_path("/run/data/b8:0"), &st);
        is_int(st.st_mode & 07777, 01644, "persistent entries are sticky");
        (void)device_from_syspath("/sys/class/net/lo", "add", &net);
        is_int(db_write(net), 0, "an interface of which nothing is known");
        (void)stat(fake_path("/run/data/n1"), &st);
        is_int(st.st_size, 0, "has an empty file");
        (void)device_from_syspath(PCI, "add", &pci);
        fake_file("/run/data/+pci:0000:00:01.0", "E:X=1\n");
        is_int(db_write(pci), 0, "a device without node");
        ok(!fake_exists("/run/data/+pci:0000:00:01.0"), "has no file, an old one goes");
        is_int(db_cleanup(), 0, "cleanup before the change of root");
        ok(fake_exists("/run/data/b8:0") && !fake_exists("/run/data/n1"), "keeps what is persistent");
        is_int(db_delete(d), 0, "deleted");
        ok(!fake_exists("/run/data/b8:0") && !fake_exists("/run/tags/systemd/b8:0"), "with its tags");
}

static void test_bad_entry(void)
{
        _cleanup_device_ struct device *d = NULL, *old = NULL;

        (void)device_from_syspath(DISK, "add", &d);
        fake_file("/run/data/b8:0",
                "\nS:../../etc/passwd\nS:/"
                "abs\nS:good\nL:many\nI:-5\nE:novalue\nE:=x\nE:A=1\nE:A=\nE:B=2\nZ:?\nW:3\nG\nG:\nG:t\n:\n");
        is_int(db_read_old(d, &old), 0, "a damaged entry is read");
        is_int((int64_t)strv_len(old->links), 1, "of links only the sane one");
        is_str(device_prop(old, "A"), NULL, "an empty value removes");
        is_str(device_prop(old, "B"), "2", "what is good counts");
        ok(device_has_tag(old, "t"), "version 0: all tags are current");
        (void)unlink(fake_path("/run/data/b8:0"));
}

static const char *points_at(const char *link)
{
        static char target[PATH_MAX];
        ssize_t n = readlink(fake_path(link), target, sizeof(target) - 1);

        if (n < 0)
                return NULL;
        target[n] = 0;
        return target;
}

static void test_targets(void)
{
        static const struct {
                const char *link, *node, *want;
        } cases[] = {
                { "cdrom", "/dev/sr0", "sr0" },
                { "disk/by-id/x", "/dev/sda", "../../sda" },
                { "input/by-path/kbd", "/dev/input/event0", "../event0" },
                { "mapper/vg-lv", "/dev/dm-0", "../dm-0" },
                { "input/x", "/dev/inputs/event0", "../inputs/event0" },
                { "snd/by-id/a", "/dev/snd/controlC0", "../controlC0" },
        };
        char target[PATH_MAX], link[NAME_MAX + 1], name[NAME_MAX + 1];

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                is_int(links_target(cases[i].link, cases[i].node, target), 0, "a link's target");
                is_str(target, cases[i].want, cases[i].link);
        }
        links_escape("a/b\\c", name);
        is_int(links_unescape(name, link), 0, "an escaped name");
        is_str(link, "a/b\\c", "read back");
}

/* Another process has the lock: the daemon, which has no patience, is told to come again. */
static void test_lock_held(void)
{
        char path[PATH_MAX];
        int fd;

        is_int(links_claim("held", "b8:0", 0, "/dev/sda"), 0, "a claim");
        snprintf(path, sizeof(path), "%s/links/held/.lock", root_run());
        fd = open(path, O_RDWR | O_CLOEXEC);
        ok(fd >= 0 && flock(fd, LOCK_EX) == 0, "whose lock somebody takes");
        links_set_patience(0);
        is_int(links_claim("held", "b8:1", 0, "/dev/sdb"), -EAGAIN, "another claim has to wait");
        is_int(links_claim("held", "b8:0", 0, "/dev/sda"), 0, "the same one stands, and needs no lock");
        links_set_patience(30 * USEC_PER_SEC);
        close(fd);
        is_int(links_claim("held", "b8:1", 0, "/dev/sdb"), 0, "then it is made");
        is_int(links_release_others("b8:1", NULL), 0, "all of a device's links are given up");
        is_int(links_release("held", "b8:0"), 0, "and the other's");
        ok(!fake_exists("/dev/held"), "the name is gone");
}

static void test_claims(void)
{
        is_int(links_claim("a/b", "b8:0", 0, "/dev/sda"), 0, "a name is claimed");
        is_str(points_at("/dev/a/b"), "../sda", "and points at its device");
        is_int(links_claim("a/b", "b8:1", 0, "/dev/sda1"), 0, "another of the same priority");
        is_str(points_at("/dev/a/b"), "../sda1", "takes it");
        is_int(links_claim("a/b", "b8:0", 0, "/dev/sda"), 0, "the first one's next event");
        is_str(points_at("/dev/a/b"), "../sda", "takes it back");
        is_int(links_claim("a/b", "b8:2", 0, "/dev/sda2"), 0, "a third");
        is_int(links_claim("a/b", "b8:0", 0, "/dev/sda"), 0, "the first once more");
        is_int(links_release("a/b", "b8:0"), 0, "and goes");
        is_str(points_at("/dev/a/b"), "../sda2", "the last that came follows");
        is_int(links_claim("a/b", "b8:1", 0, "/dev/sda1"), 0, "the second has an event");
        is_int(links_claim("a/b", "b8:0", 0, "/dev/sda"), 0, "the first is back");
        is_int(links_claim("a/b", "b8:1", 0, "/dev/sda1"), 0, "the second has it again");
        is_int(links_release("a/b", "b8:2"), 0, "one that had it not goes");
        is_str(points_at("/dev/a/b"), "../sda", "then, too, the last that came has it");
        is_int(links_claim("a/b", "b7:0", 5, "/dev/loop0"), 0, "one of higher priority");
        is_str(points_at("/dev/a/b"), "../loop0", "takes it");
        is_str(points_at("/run/links/a\\x2fb/b7:0"), "5:/dev/loop0", "the stack is on disk");
        links_forget();
        is_int(links_claim("a/b", "b8:2", 0, "/dev/sda2"), 0, "another process comes");
        is_str(points_at("/dev/a/b"), "../loop0", "and agrees");
        is_int(links_release("a/b", "b7:0"), 0, "the owner goes");
        is_str(points_at("/dev/a/b"), "../sda2", "the last of equals follows");
        is_int(links_claim("a/b", "b8:1", 1, "/dev/sda1"), 0, "a claim that rises");
        is_str(points_at("/dev/a/b"), "../sda1", "wins");
        is_int(links_claim("a/b", "b8:1", -1, "/dev/sda1"), 0, "and falls");
        is_str(points_at("/dev/a/b"), "../sda2", "loses it");
        is_int(links_claim("a/b", "b8:0", 1, "/dev/sda"), 0, "another rises");
        is_int(links_claim("a/b", "b8:0", 0, "/dev/sda"), 0, "and falls among equals");
        is_int(links_claim("a/b", "b8:1", -1, "/dev/sda1"), 0, "of which");
        is_str(points_at("/dev/a/b"), "../sda", "it is the last that came");
        (void)links_release("a/b", "b8:0");
        (void)links_release("a/b", "b8:1");
        (void)links_release("a/b", "b8:2");
        ok(!fake_exists("/dev/a") && !fake_exists("/run/links/a\\x2fb"),
                "the last one takes link and directories along");
        is_int(links_claim("../x", "b8:0", 0, "/dev/sda"), -EINVAL, "no name outside of /dev");
        is_int(links_claim("x", "../b", 0, "/dev/sda"), -EINVAL, "no id with a path");
        fake_file("/dev/taken", "x");
        is_int(links_claim("taken", "b8:0", 0, "/dev/sda"), -EEXIST, "what is no link stays");
        ok(fake_exists("/dev/taken"), "there it is");
        (void)links_release("taken", "b8:0");
        ok(fake_exists("/dev/taken"), "still");
}

/* Each time that the owner goes, the next is the one with the highest priority, and of equals the last that came. */
static void test_successors(void)
{
        enum { N = 60 };
        bool there[N];
        unsigned wrong = 0;
        char id[16], node[32], want[32];

        for (int i = 0; i < N; i++) {
                snprintf(id, sizeof(id), "b9:%d", i);
                snprintf(node, sizeof(node), "/dev/m%d", i);
                wrong += links_claim("disk/heirs", id, i * 7 % 13, node) < 0;
                there[i] = true;
        }
        for (int left = N; left > 0; left--) {
                int best = -1;

                for (int i = 0; i < N; i++)
                        if (there[i] && (best < 0 || i * 7 % 13 >= best * 7 % 13))
                                best = i;
                snprintf(want, sizeof(want), "../m%d", best);
                wrong += !streq_null(points_at("/dev/disk/heirs"), want);
                snprintf(id, sizeof(id), "b9:%d", best);
                wrong += links_release("disk/heirs", id) < 0;
                there[best] = false;
        }
        is_int(wrong, 0, "heirs of a link, one after the other");
}

static void test_many_claims(void)
{
        usec_t start = now_monotonic();
        char id[32], node[32];

        for (int i = 0; i < 1000; i++) {
                snprintf(id, sizeof(id), "b9:%d", i);
                snprintf(node, sizeof(node), "/dev/many%d", i);
                (void)links_claim("same", id, i % 7, node);
        }
        is_str(points_at("/dev/same"), "many993", "of a thousand the last with the highest priority");
        for (int i = 0; i < 1000; i++) {
                snprintf(id, sizeof(id), "b9:%d", i);
                (void)links_release("same", id);
        }
        ok(!fake_exists("/dev/same"), "and none is left");
        printf("# 1000 claims made and given up in %lld us\n", (long long)(now_monotonic() - start));
}

static void test_node(void)
{
        _cleanup_device_ struct device *d = NULL, *old = NULL;
        struct stat st;

        (void)device_from_syspath(DISK, "add", &d);
        (void)device_add_link(d, "disk/by-id/one");
        (void)device_add_link(d, "disk/by-diskseq/1");
        d->mode = 0640;
        is_int(node_update(d, NULL), 0, "node updated");
        (void)stat(fake_path("/dev/sda"), &st);
        is_int(st.st_mode & 07777, 0640, "its mode");
        is_str(points_at("/dev/disk/by-id/one"), "../../sda", "its link");
        is_str(points_at("/dev/disk/by-diskseq/1"), "../../sda", "the one by sequence number");
        ok(!fake_exists("/run/links/disk\\x2fby-diskseq\\x2f1"), "which has no stack");
        is_str(points_at("/dev/block/8:0"), "../sda", "the one by device number");
        (void)db_write(d);
        (void)db_read_old(d, &old);
        strv_free(d->links);
        d->links = NULL;
        (void)device_add_link(d, "disk/by-id/two");
        is_int(node_update(d, old), 0, "updated again");
        ok(!fake_exists("/dev/disk/by-id/one") && fake_exists("/dev/disk/by-id/two"),
                "links that are gone go");
        is_int(node_remove(d, NULL), 0, "removed");
        ok(!fake_exists("/dev/disk") && !fake_exists("/dev/block/8:0"), "nothing is left");
        (void)unlink(fake_path("/dev/sda"));
        is_int(node_update(d, NULL), 0, "a node that has vanished is no error");
        (void)node_remove(d, NULL);
        fake_file("/dev/sda", "");
}

static void test_text(void)
{
        char buf[256], name[NAME_MAX + 1], long_name[600];

        strcpy(buf, " a  b ");
        text_replace_blanks(buf);
        is_str(buf, "a_b", "blanks");
        strcpy(buf, "ä\xff(\\x20)\t");
        text_replace_chars(buf, " ");
        is_str(buf, "ä__\\x20_ ", "characters");
        is_int(text_encode("a b/ä\\", buf, sizeof(buf)), 0, "encoding");
        is_str(buf, "a\\x20b\\x2fä\\x5c", "as blkid does");
        is_int(text_encode("aaaaaaa", buf, 4), -ENOSPC, "too small a buffer");
        ok(ifname_valid("eth0") && !ifname_valid("") && !ifname_valid("12") && !ifname_valid("a b") &&
                        !ifname_valid("abcdefghijklmnop"),
                "interface names");
        links_escape("a/b\\c", name);
        is_str(name, "a\\x2fb\\x5cc", "escaped link");
        memset(long_name, '/', sizeof(long_name));
        long_name[sizeof(long_name) - 1] = 0;
        links_escape(long_name, name);
        ok(strlen(name) <= NAME_MAX, "a long one is shortened");
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        fake_start();
        make_tree();
        test_identity();
        test_chain();
        test_kept();
        test_attributes();
        test_uevent();
        test_database();
        test_bad_entry();
        test_targets();
        test_lock_held();
        test_claims();
        test_successors();
        test_many_claims();
        test_node();
        test_text();
        links_forget();
        fake_end();
        return tap_done();
}
