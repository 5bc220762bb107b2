/* Builtins that look only at sysfs: path_id, usb_id, input_id, net_id, net_setup_link, hwdb. */
#include <stdio.h>

#include "devd/builtin.h"
#include "devd/text.h"
#include "devd/hwdb-trie.h"
#include "devd/input-keys.h"
#include "devd/net-id.h"
#include "devd/net-link.h"
#include "lib/log.h"
#include "tests/tap.h"
#include "tests/unit/devd-fake.h"

#define P1F2 "/devices/pci0000:00/0000:00:1f.2"
#define P14  "/devices/pci0000:00/0000:00:14.0"

static struct device *run(const char *path, const char *command, int want)
{
        struct rules_event e = { 0 };
        struct device *d = NULL;
        char what[256];

        if (device_from_syspath(path, "add", &d) < 0) {
                printf("# %s\n", path);
                abort();
        }
        snprintf(what, sizeof(what), "%s for %s", command, path_basename(path));
        ok((builtin_run(d, &e, command) >= 0) == (want >= 0), what);
        return d;
}

static void expect(struct device *d, const char *key, const char *value)
{
        char what[128];

        snprintf(what, sizeof(what), "%s of %s", key, d->sysname);
        is_str(device_prop(d, key), value, what);
}

/* --- path_id ---------------------------------------------------------------------------------------- */

static void make_storage(void)
{
        fake_device(P1F2, "pci", "");
        fake_device(P1F2 "/ata3", NULL, "");
        fake_device(P1F2 "/ata3/ata_port/ata3", "ata_port", "");
        fake_attr(P1F2 "/ata3/ata_port/ata3", "port_no", "2\n");
        fake_link("/sys/class/ata_port/ata3", "../../devices/pci0000:00/0000:00:1f.2/ata3/ata_port/ata3");
        fake_device(P1F2 "/ata3/host2", "scsi", "DEVTYPE=scsi_host\n");
        fake_device(P1F2 "/ata3/host2/target2:0:1", "scsi", "DEVTYPE=scsi_target\n");
        fake_device(P1F2 "/ata3/host2/target2:0:1/2:0:1:0", "scsi", "DEVTYPE=scsi_device\n");
        fake_device(P1F2 "/ata3/host2/target2:0:1/2:0:1:0/block/sdb", "block",
                "MAJOR=8\nMINOR=16\nDEVNAME=sdb\nDEVTYPE=disk\n");

        fake_device("/devices/pci0000:00/0000:00:05.0", "pci", "");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio3", "virtio", "");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio3/block/vda", "block",
                "MAJOR=254\nMINOR=0\nDEVNAME=vda\nDEVTYPE=disk\n");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio4", "virtio", "");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio4/host7", "scsi", "DEVTYPE=scsi_host\n");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio4/host7/target7:0:3", "scsi",
                "DEVTYPE=scsi_target\n");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio4/host7/target7:0:3/7:0:3:1", "scsi",
                "DEVTYPE=scsi_device\n");
        fake_device("/devices/pci0000:00/0000:00:05.0/virtio4/host7/target7:0:3/7:0:3:1/block/sdc", "block",
                "MAJOR=8\nMINOR=32\nDEVNAME=sdc\nDEVTYPE=disk\n");

        fake_device("/devices/pci0000:00/0000:00:06.0", "pci", "");
        fake_device("/devices/pci0000:00/0000:00:06.0/nvme/nvme0", "nvme",
                "MAJOR=240\nMINOR=0\nDEVNAME=nvme0\n");
        fake_device("/devices/pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1", "block",
                "MAJOR=259\nMINOR=0\nDEVNAME=nvme0n1\nDEVTYPE=disk\n");
        fake_attr("/devices/pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1", "nsid", "1\n");

        fake_device("/devices/platform/serial8250", "platform", "");
        fake_device("/devices/platform/serial8250/tty/ttyS1", "tty", "MAJOR=4\nMINOR=65\nDEVNAME=ttyS1\n");
        fake_device(
                "/devices/virtual/block/loop0", "block", "MAJOR=7\nMINOR=0\nDEVNAME=loop0\nDEVTYPE=disk\n");
}

static void make_usb(void)
{
        static const uint8_t descriptors[] = { 18, 1, 0, 2, 0, 0, 0, 64, 0x81, 0x07, 0x67, 0x55, 0, 1, 1, 2,
                3, 1, 9, 2, 32, 0, 1, 1, 0, 0x80, 100, 9, 4, 0, 0, 2, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0,
                9, 4, 1, 0, 0, 3, 1, 1, 0 };

        fake_device(P14, "pci", "");
        fake_device(P14 "/usb1", "usb", "DEVTYPE=usb_device\nMAJOR=189\nMINOR=0\nDEVNAME=bus/usb/001/001\n");
        fake_device(
                P14 "/usb1/1-2", "usb", "DEVTYPE=usb_device\nMAJOR=189\nMINOR=1\nDEVNAME=bus/usb/001/002\n");
        fake_attr(P14 "/usb1/1-2", "idVendor", "0781\n");
        fake_attr(P14 "/usb1/1-2", "idProduct", "5567\n");
        fake_attr(P14 "/usb1/1-2", "manufacturer", "San Disk\n");
        fake_attr(P14 "/usb1/1-2", "product", "Cruzer  Blade\n");
        fake_attr(P14 "/usb1/1-2", "serial", "4C53000\n");
        fake_attr(P14 "/usb1/1-2", "bcdDevice", "0100\n");
        fake_bytes("/sys" P14 "/usb1/1-2/descriptors", descriptors, sizeof(descriptors));
        fake_device(P14 "/usb1/1-2/1-2:1.0", "usb",
                "DEVTYPE=usb_interface\nDRIVER=usb-storage\nMODALIAS=usb:x\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0", "bInterfaceNumber", "00\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0", "bInterfaceClass", "08\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0", "bInterfaceSubClass", "06\n");
        fake_link("/sys" P14 "/usb1/1-2/1-2:1.0/driver", "/anywhere/usb-storage");
        fake_device(P14 "/usb1/1-2/1-2:1.0/host9", "scsi", "DEVTYPE=scsi_host\n");
        fake_device(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0", "scsi", "DEVTYPE=scsi_target\n");
        fake_device(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0", "scsi", "DEVTYPE=scsi_device\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0", "vendor", "SanDisk \n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0", "model", "Cruzer Blade    \n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0", "rev", "1.26\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0", "type", "0\n");
        fake_device(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0/block/sdd", "block",
                "MAJOR=8\nMINOR=48\nDEVNAME=sdd\nDEVTYPE=disk\n");
        fake_device(P14 "/usb1/1-2/1-2:1.1", "usb", "DEVTYPE=usb_interface\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.1", "bInterfaceNumber", "01\n");
        fake_attr(P14 "/usb1/1-2/1-2:1.1", "bInterfaceClass", "03\n");
}

static void test_path_id(void)
{
        static const struct {
                const char *path, *id, *tag, *compat;
        } t[] = {
                { P1F2 "/ata3/host2/target2:0:1/2:0:1:0/block/sdb", "pci-0000:00:1f.2-ata-2.1",
                        "pci-0000_00_1f_2-ata-2_1", "pci-0000:00:1f.2-ata-2" },
                { "/devices/pci0000:00/0000:00:05.0/virtio3/block/vda", "pci-0000:00:05.0",
                        "pci-0000_00_05_0", NULL },
                { "/devices/pci0000:00/0000:00:05.0/virtio4/host7/target7:0:3/7:0:3:1/block/sdc",
                        "pci-0000:00:05.0-scsi-0:0:3:1", "pci-0000_00_05_0-scsi-0_0_3_1", NULL },
                { "/devices/pci0000:00/0000:00:06.0/nvme/nvme0/nvme0n1", "pci-0000:00:06.0-nvme-1",
                        "pci-0000_00_06_0-nvme-1", NULL },
                { "/devices/platform/serial8250/tty/ttyS1", "platform-serial8250", "platform-serial8250",
                        NULL },
                { P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0/block/sdd",
                        "pci-0000:00:14.0-usb-0:2:1.0-scsi-0:0:0:0",
                        "pci-0000_00_14_0-usb-0_2_1_0-scsi-0_0_0_0", NULL },
                { P14 "/usb1/1-2", "pci-0000:00:14.0-usb-0:2", "pci-0000_00_14_0-usb-0_2", NULL },
                { "/devices/virtual/block/loop0", NULL, NULL, NULL },
        };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_device_ struct device *d = run(t[i].path, "path_id", t[i].id ? 0 : -1);

                expect(d, "ID_PATH", t[i].id);
                expect(d, "ID_PATH_TAG", t[i].tag);
                expect(d, "ID_PATH_ATA_COMPAT", t[i].compat);
        }
}

static void test_usb_id(void)
{
        _cleanup_device_ struct device *disk =
                run(P14 "/usb1/1-2/1-2:1.0/host9/target9:0:0/9:0:0:0/block/sdd", "usb_id", 0);
        _cleanup_device_ struct device *dev = run(P14 "/usb1/1-2", "usb_id", 0);
        _cleanup_device_ struct device *hid = run(P14 "/usb1/1-2/1-2:1.1", "usb_id", 0);
        _cleanup_device_ struct device *none = run("/devices/virtual/block/loop0", "usb_id", -1);
        struct rules_event e = { 0 };

        expect(disk, "ID_BUS", "usb");
        expect(disk, "ID_VENDOR", "SanDisk");
        expect(disk, "ID_VENDOR_ENC", "SanDisk\\x20");
        expect(disk, "ID_MODEL", "Cruzer_Blade");
        expect(disk, "ID_SERIAL", "SanDisk_Cruzer_Blade_4C53000-0:0");
        expect(disk, "ID_SERIAL_SHORT", "4C53000");
        expect(disk, "ID_REVISION", "1.26");
        expect(disk, "ID_TYPE", "disk");
        expect(disk, "ID_INSTANCE", "0:0");
        expect(disk, "ID_USB_INTERFACES", ":080650:030101:");
        expect(disk, "ID_USB_INTERFACE_NUM", "00");
        expect(disk, "ID_USB_DRIVER", "usb-storage");
        expect(disk, "ID_VENDOR_ID", "0781");
        expect(dev, "ID_SERIAL", "San_Disk_Cruzer_Blade_4C53000");
        expect(dev, "ID_TYPE", NULL);
        expect(dev, "ID_REVISION", "0100");
        expect(hid, "ID_TYPE", "hid");
        ok(!device_prop(none, "ID_BUS"), "nothing is said of what is no USB device");
        (void)device_set_prop(none, "ID_BUS", "ata");
        _cleanup_device_ struct device *ata = NULL;
        (void)device_from_syspath(P14 "/usb1/1-2/1-2:1.1", "add", &ata);
        (void)device_set_prop(ata, "ID_BUS", "ata");
        (void)builtin_run(ata, &e, "usb_id");
        expect(ata, "ID_BUS", "ata");
        expect(ata, "ID_MODEL", NULL);
        expect(ata, "ID_USB_MODEL", "Cruzer_Blade");
}

/* --- input_id --------------------------------------------------------------------------------------- */

static void test_input_id(void)
{
        static const struct {
                const char *name, *ev, *key, *rel, *abs, *prop, *expect;
        } t[] = {
                { "keyboard", "120013", "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe", "0",
                        "0", "0", "KEY KEYBOARD" },
                { "mouse", "17", "1f0000 0 0 0 0", "903", "0", "0", "MOUSE" },
                { "tablet of qemu", "1f", "1f0000 0 0 0 0", "900", "3", "0", "MOUSE" },
                { "touchpad", "b", "e520 10000 0 0 0 0", "0", "660800011000003", "5", "TOUCHPAD" },
                { "touchscreen", "b", "400 0 0 0 0 0", "0", "260800000000003", "2", "TOUCHSCREEN" },
                { "power button", "3", "10000000000000 0", "0", "0", "0", "KEY" },
                { "lid switch", "21", "0", "0", "0", "0", "SWITCH" },
                { "gamepad", "b", "7cdb000000000000 0 0 0 0", "0", "3003f", "0", "JOYSTICK" },
                { "accelerometer", "9", "0", "0", "7", "0", "ACCELEROMETER" },
                { "pen tablet", "b", "1c03 0 0 0 0 0", "0", "1000003", "1", "TABLET" },
                { "speaker", "40001", "0", "0", "0", "0", "" },
        };
        static const char *const kinds[] = { "KEY", "KEYBOARD", "MOUSE", "TOUCHPAD", "TOUCHSCREEN",
                "JOYSTICK", "TABLET", "SWITCH", "ACCELEROMETER", "POINTINGSTICK", "TABLET_PAD" };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_strv_ char **want = strv_split(t[i].expect, " ");
                struct device *d;
                char path[128], what[128], key[64];

                snprintf(path, sizeof(path), "/devices/virtual/input/input%zu", i);
                fake_device(path, "input", "");
                fake_attr(path, "capabilities/ev", t[i].ev);
                fake_attr(path, "capabilities/key", t[i].key);
                fake_attr(path, "capabilities/rel", t[i].rel);
                fake_attr(path, "capabilities/abs", t[i].abs);
                fake_attr(path, "properties", t[i].prop);
                d = run(path, "input_id", 0);
                expect(d, "ID_INPUT", "1");
                for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
                        snprintf(key, sizeof(key), "ID_INPUT_%s", kinds[k]);
                        snprintf(what, sizeof(what), "%s: %s", t[i].name, kinds[k]);
                        is_str(device_prop(d, key), strv_contains(want, kinds[k]) ? "1" : NULL, what);
                }
                device_unref(d);
        }
        is_int(input_key_code("volumeup"), 115, "a key by name");
        is_int(input_key_code("BTN_LEFT"), 0x110, "a button");
        is_int(input_key_code("nothing"), -EINVAL, "none");
}

/* --- net_id ----------------------------------------------------------------------------------------- */

static void make_interface(const char *path, const char *mac, const char *more)
{
        char text[128];
        static int index = 10;

        snprintf(text, sizeof(text), "INTERFACE=eth\nIFINDEX=%d\n%s", ++index, more);
        fake_device(path, "net", text);
        fake_attr(path, "type", "1\n");
        fake_attr(path, "address", mac);
        fake_attr(path, "addr_assign_type", "0\n");
        fake_attr(path, "ifindex", "5\n");
        fake_attr(path, "iflink", "5\n");
        fake_attr(path, "dev_port", "0\n");
        fake_attr(path, "name_assign_type", "1\n");
}

static void test_net_id(void)
{
        uint8_t config[64] = { [0x0e] = 0x80 };

        fake_device("/devices/pci0000:00/0000:00:03.0", "pci", "");
        fake_device("/devices/pci0000:00/0000:00:03.0/virtio0", "virtio", "");
        make_interface("/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0", "52:54:00:12:34:56\n", "");
        _cleanup_device_ struct device *virtio =
                run("/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0", "net_id", 0);

        expect(virtio, "ID_NET_NAMING_SCHEME", "v252");
        expect(virtio, "ID_NET_NAME_MAC", "enx525400123456");
        expect(virtio, "ID_NET_NAME_PATH", "enp0s3");
        expect(virtio, "ID_NET_NAME_SLOT", NULL);

        fake_device("/devices/pci0001:02/0001:02:1f.1", "pci", "");
        fake_bytes("/sys/devices/pci0001:02/0001:02:1f.1/config", config, sizeof(config));
        fake_attr("/devices/pci0001:02/0001:02:1f.1", "acpi_index", "3\n");
        fake_attr("/devices/pci0001:02/0001:02:1f.1", "label", "Onboard LAN\n");
        make_interface("/devices/pci0001:02/0001:02:1f.1/net/eth1", "00:11:22:33:44:55\n", "");
        fake_attr("/devices/pci0001:02/0001:02:1f.1/net/eth1", "phys_port_name", "p0\n");
        fake_file("/sys/bus/pci/slots/7/address", "0001:02:1f\n");
        _cleanup_device_ struct device *board =
                run("/devices/pci0001:02/0001:02:1f.1/net/eth1", "net_id", 0);

        expect(board, "ID_NET_NAME_ONBOARD", "eno3np0");
        expect(board, "ID_NET_LABEL_ONBOARD", "Onboard LAN");
        expect(board, "ID_NET_NAME_PATH", "enP1p2s31f1np0");
        expect(board, "ID_NET_NAME_SLOT", "enP1s7f1np0");

        fake_device(P14 "/usb1/1-1", "usb", "DEVTYPE=usb_device\n");
        fake_device(P14 "/usb1/1-1/1-1.4:1.6", "usb", "DEVTYPE=usb_interface\n");
        make_interface(P14 "/usb1/1-1/1-1.4:1.6/net/wwan0", "02:80:37:ec:02:00\n", "DEVTYPE=wwan\n");
        _cleanup_device_ struct device *usb = run(P14 "/usb1/1-1/1-1.4:1.6/net/wwan0", "net_id", 0);

        expect(usb, "ID_NET_NAME_MAC", "wwx028037ec0200");
        expect(usb, "ID_NET_NAME_PATH", "wwp0s20u1u4i6");

        make_interface("/devices/virtual/net/vlan1", "00:11:22:33:44:55\n", "");
        fake_attr("/devices/virtual/net/vlan1", "iflink", "3\n");
        _cleanup_device_ struct device *vlan = run("/devices/virtual/net/vlan1", "net_id", 0);

        expect(vlan, "ID_NET_NAME_MAC", NULL);

        fake_device("/devices/css0/0.0.0007/0.0.f5f0", "ccwgroup", "");
        make_interface("/devices/css0/0.0.0007/0.0.f5f0/net/eth0", "02:6d:3c:00:00:0a\n", "");
        _cleanup_device_ struct device *ccw = run("/devices/css0/0.0.0007/0.0.f5f0/net/eth0", "net_id", 0);

        expect(ccw, "ID_NET_NAME_PATH", "encf5f0");

        naming_set_for_tests("v238");
        _cleanup_device_ struct device *old = run("/devices/pci0001:02/0001:02:1f.1/net/eth1", "net_id", 0);
        expect(old, "ID_NET_LABEL_ONBOARD", "enOnboard LAN");
        expect(old, "ID_NET_NAMING_SCHEME", "v238");
        naming_set_for_tests("v252");
}

static void test_net_setup_link(void)
{
        char *dirs[] = { strdup(fake_path("/etc-network")), strdup(fake_path("/lib-network")), NULL };
        struct rules_event e = { 0 };
        _cleanup_device_ struct device *d = NULL, *usb = NULL;

        fake_file("/lib-network/99-default.link",
                "[Match]\nOriginalName=*\n[Link]\nNamePolicy=keep kernel database onboard slot path\n");
        fake_file("/lib-network/73-usb.link", "[Match]\nPath=*-usb-*\n[Link]\nNamePolicy=mac\n");
        fake_file("/lib-network/10-strange.link", "[Match]\nSSID=x\n[Link]\nName=no\n");
        fake_file(
                "/etc-network/50-mine.link", "[Match]\nMACAddress=52-54-00-12-34-56\n[Link]\nName=mine0\n");
        link_files_set_dirs(dirs);
        (void)device_from_syspath("/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0", "add", &d);
        (void)builtin_run(d, &e, "net_id");
        is_int(builtin_run(d, &e, "net_setup_link"), 0, "a .link file by address");
        expect(d, "ID_NET_NAME", "mine0");
        ok(endswith(device_prop(d, "ID_NET_LINK_FILE"), "50-mine.link"), "the first in order of names");
        (void)device_from_syspath(P14 "/usb1/1-1/1-1.4:1.6/net/wwan0", "add", &usb);
        (void)builtin_run(usb, &e, "net_id");
        (void)builtin_run(usb, &e, "path_id");
        (void)builtin_run(usb, &e, "net_setup_link");
        expect(usb, "ID_NET_NAME", "wwx028037ec0200");
        if (!naming_policy_disabled()) {
                fake_file("/etc-network/50-mine.link", "");
                link_files_forget();
                (void)builtin_run(d, &e, "net_setup_link");
                expect(d, "ID_NET_NAME", "enp0s3");
        }
        link_files_set_dirs(NULL);
        link_files_forget();
        free(dirs[0]);
        free(dirs[1]);
}

static void test_link_functions(void)
{
        char *dirs[] = { strdup(fake_path("/vf-network")), NULL };
        _cleanup_free_ char *path = path_join(dirs[0], "10-vf.link"), *count = NULL;
        const struct link_file *f;

        fake_attr("/devices/pci0000:00/0000:00:09.0", "sriov_numvfs", "0\n");
        fake_file("/vf-network/10-vf.link",
                "[Match]\nOriginalName=*\n[Link]\nName=vf0\n"
                "[SR-IOV]\nVirtualFunction=3\nVLANId=7\nQualityOfService=2\nVLANProtocol=802.1ad\nLinkState="
                "auto\n"
                "MACAddress=02:00:00:00:00:33\nTrust=yes\n"
                "[SR-IOV]\nTrust=yes\n"
                "[SR-IOV]\nVirtualFunction=0\nVLANId=4096\nMACAddress=02:00:00:00:00:33:44\nLinkState="
                "perhaps\n"
                "MACSpoofCheck=no\nQueryReceiveSideScaling=1\nVirtualFunction=-1\nOther=1\n");
        link_files_set_dirs(dirs);
        f = link_file_named(path);
        ok(f && net_functions_any(&f->functions), "[SR-IOV]");
        if (f) {
                const struct net_function *v = f->functions.list;
                const uint8_t mac[6] = { 2, 0, 0, 0, 0, 0x33 };

                is_int((int)f->functions.n, 2, "a section without VirtualFunction= does not count");
                ok(v[0].number == 3 && v[0].set[VF_VLAN] && v[0].vlan == 7 && v[0].qos == 2 &&
                                v[0].protocol == 0x88a8,
                        "its VLAN");
                ok(v[0].set[VF_MAC] && memcmp(v[0].mac, mac, 6) == 0, "its address");
                ok(v[0].set[VF_TRUST] && v[0].value[VF_TRUST] == 1 && v[0].set[VF_LINK_STATE] &&
                                v[0].value[VF_LINK_STATE] == 0 && !v[0].set[VF_SPOOFCHK],
                        "its switches");
                ok(v[1].number == 0 && !v[1].set[VF_VLAN] && !v[1].set[VF_MAC] && !v[1].set[VF_LINK_STATE] &&
                                v[1].set[VF_SPOOFCHK] && v[1].value[VF_SPOOFCHK] == 0 &&
                                v[1].value[VF_RSS_QUERY] == 1,
                        "values without sense are named and left out");
                fake_link("/sys/devices/pci0000:00/0000:00:09.0/net/vf0/device", "../..");
                net_functions_apply(&f->functions, "/sys/devices/pci0000:00/0000:00:09.0/net/vf0", "vf0", 0);
                (void)read_one_line(fake_path("/sys/devices/pci0000:00/0000:00:09.0/sriov_numvfs"), &count);
                is_str(count, "4", "as many functions as the sections are about");
        }
        link_files_set_dirs(NULL);
        link_files_forget();
        free(dirs[0]);
}

/* [Match] of what is no interface: each of these files alone applies, or does not. */
static void test_link_conditions(void)
{
        static const struct {
                const char *match;
                bool applies;
        } t[] = {
                { "Firmware=coreboot", false },
                { "Firmware=!coreboot", true },
                { "Firmware=smbios-field(no_such_field = \"x\")", false },
                { "KernelVersion=>= 2.6", true },
                { "KernelVersion=< 2.6", false },
                { "KernelVersion=!< 2.6", true },
                { "KernelVersion=[3-9]*", true },
                { "Credential=token", true },
                { "Credential=!token", false },
                { "Credential=nothing", false },
                { "Credential=../token", false },
        };
        char *dirs[] = { strdup(fake_path("/one-network")), NULL };
        struct rules_event e = { 0 };
        _cleanup_device_ struct device *d = NULL;

        fake_file("/credentials/token", "x");
        setenv("CREDENTIALS_DIRECTORY", fake_path("/credentials"), 1);
        (void)device_from_syspath("/devices/pci0000:00/0000:00:03.0/virtio0/net/eth0", "add", &d);
        link_files_set_dirs(dirs);
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                char text[256];

                snprintf(text, sizeof(text), "[Match]\n%s\n[Link]\nName=mine%zu\n", t[i].match, i);
                fake_file("/one-network/10-one.link", text);
                link_files_forget();
                (void)device_set_prop(d, "ID_NET_LINK_FILE", NULL);
                (void)builtin_run(d, &e, "net_setup_link");
                ok(!!device_prop(d, "ID_NET_LINK_FILE") == t[i].applies, t[i].match);
        }
        unsetenv("CREDENTIALS_DIRECTORY");
        link_files_set_dirs(NULL);
        link_files_forget();
        free(dirs[0]);
}

static void test_link_passwords(void)
{
        struct link_settings s = { 0 };

        is_int(link_settings_parse(&s, "WakeOnLan", "magic"), 1, "Wake-on-LAN without a password");
        ok(!link_settings_want_password(&s), "no password is sought");
        is_int(link_settings_parse(&s, "WakeOnLan", "secureon"), 1, "Wake-on-LAN with a password");
        ok(link_settings_want_password(&s), "a password is sought");
        fake_file("/password", "00:11:22:33:44:66\n");
        is_int(link_settings_parse(&s, "WakeOnLanPassword", fake_path("/password")), 1, "in a file");
        ok(s.password_set && s.password[5] == 0x66, "it is read");
        ok(!link_settings_want_password(&s), "none is sought any more");
        is_int(link_settings_parse(&s, "WakeOnLanPassword", "/nowhere/at/all"), -EINVAL,
                "a file that is not there");
        is_int(link_settings_parse(&s, "WakeOnLanPassword", "/dev/zero"), -EINVAL, "not a regular file");
}

static void test_link_settings(void)
{
        static const struct {
                const char *key, *value;
                int result;
        } t[] = {
                { "TransmitQueueLength", "500", 1 },
                { "TransmitQueueLength", "x", -EINVAL },
                { "RxBufferSize", "max", 1 },
                { "RxBufferSize", "0", -EINVAL },
                { "BitsPerSecond", "1G", 1 },
                { "BitsPerSecond", "1", -EINVAL },
                { "Duplex", "full", 1 },
                { "Duplex", "whole", -EINVAL },
                { "WakeOnLan", "magic arp", 1 },
                { "WakeOnLan", "off", 1 },
                { "WakeOnLan", "loud", -EINVAL },
                { "WakeOnLan", "", 1 },
                { "WakeOnLanPassword", "00:11:22:33:44:55", 1 },
                { "WakeOnLanPassword", "secret", -EINVAL },
                { "Advertise", "1000baset-full 100baset-full", 1 },
                { "Advertise", "fast", -EINVAL },
                { "GenericSegmentOffloadMaxBytes", "64K", 1 },
                { "GenericSegmentOffloadMaxBytes", "65K", -EINVAL },
                { "RxCoalesceSec", "100us", 1 },
                { "CoalescePacketRateSampleIntervalSec", "1500ms", 1 },
                { "LargeReceiveOffload", "no", 1 },
                { "MDI", "mdix", 1 },
                { "Nothing", "1", 0 },
        };
        struct link_settings s = { 0 };
        static const uint8_t id[16] = { 0x5c, 0x0e, 0x5b, 0x0a, 0x4d, 0x1f, 0x4c, 0x5e, 0x9a, 0x7d, 0x3b,
                0x2e, 0x1f, 0x60, 0x48, 0x57 };
        uint8_t mac[6];
        char what[128];

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                snprintf(what, sizeof(what), "%s=%s", t[i].key, t[i].value);
                is_int(link_settings_parse(&s, t[i].key, t[i].value), t[i].result, what);
        }
        /* the addresses that udev of version 252 gave on a machine with this id */
        ok(link_persistent_mac(id, "dummy0", mac) && memcmp(mac, "\xa2\xff\x48\xec\x38\xbc", 6) == 0,
                "the persistent address of dummy0");
        ok(link_persistent_mac(id, "veth0", mac) && memcmp(mac, "\xd6\x83\xa3\x8f\x09\x01", 6) == 0,
                "the persistent address of veth0");
}

/* --- hwdb ------------------------------------------------------------------------------------------- */

/* A small tree by hand: "usb:v1*" → " A=1", "usb:v12?4" → " A=2" of a later line, " B=x". */
struct image {
        uint8_t b[1024];
        size_t n;
};

static uint64_t put(struct image *i, const void *data, size_t len)
{
        uint64_t at = i->n;

        memcpy(i->b + i->n, data, len);
        i->n += len;
        return at;
}

static uint64_t put_string(struct image *i, const char *s)
{
        return put(i, s, strlen(s) + 1);
}

static void put64(struct image *i, uint64_t v)
{
        put(i, &v, 8);
}

static uint64_t put_node(struct image *i, uint64_t prefix, uint8_t children, uint64_t values)
{
        uint64_t at = i->n, head = children;

        put64(i, prefix);
        put64(i, head);
        put64(i, values);
        return at;
}

static void put_value(struct image *i, uint64_t key, uint64_t value, uint32_t line)
{
        put64(i, key);
        put64(i, value);
        put64(i, 0);
        put64(i, line | (uint64_t)1 << 32);
}

static void put_child(struct image *i, char c, uint64_t node)
{
        put64(i, (uint8_t)c);
        put64(i, node);
}

static size_t make_hwdb(struct image *i)
{
        uint64_t prefix, rest, a, b, one, two, x, star, question, root, header[9];

        i->n = 80;
        prefix = put_string(i, "usb:v1");
        rest = put_string(i, "4");
        a = put_string(i, " A");
        b = put_string(i, " B");
        one = put_string(i, "1");
        two = put_string(i, "2");
        x = put_string(i, "x");
        star = put_node(i, 0, 0, 1);
        put_value(i, a, one, 10);
        question = put_node(i, rest, 0, 2); /* "?4" */
        put_value(i, a, two, 20);
        put_value(i, b, x, 21);
        uint64_t two_node = put_node(i, 0, 1, 0); /* after '2' */
        put_child(i, '?', question);
        root = put_node(i, prefix, 2, 0);
        put_child(i, '*', star);
        put_child(i, '2', two_node);
        memcpy(i->b, "KSLPHHRH", 8);
        header[0] = 252;
        header[1] = i->n;
        header[2] = 80;
        header[3] = 24;
        header[4] = 16;
        header[5] = 32;
        header[6] = root;
        header[7] = header[8] = 0;
        memcpy(i->b + 8, header, sizeof(header));
        return i->n;
}

static int collect(const char *key, const char *value, void *data)
{
        return strv_addf(data, "%s=%s", key, value);
}

static char *look_up(struct hwdb *h, const char *modalias)
{
        _cleanup_strv_ char **v = NULL;

        (void)hwdb_lookup(h, modalias, collect, &v);
        strv_sort(v);
        return v ? strv_join(v, " ") : strdup("");
}

static void test_hwdb(void)
{
        static const char *const t[][2] = { { "usb:v1", "A=1" }, { "usb:v1999", "A=1" },
                { "usb:v1234", "A=2 B=x" }, { "usb:v12345", "A=1" }, { "usb:v2", "" }, { "usb", "" },
                { "", "" } };
        struct image i = { .n = 0 };
        struct hwdb *h = NULL;
        size_t n = make_hwdb(&i);
        unsigned bad = 0;

        is_int(hwdb_from_memory(i.b, n, &h), 0, "a database in memory");
        for (size_t k = 0; k < ARRAY_SIZE(t); k++) {
                char *got = look_up(h, t[k][0]);

                is_str(got, t[k][1], t[k][0]);
                free(got);
        }
        hwdb_free(h);
        is_int(hwdb_from_memory(i.b, 20, &h), -EBADMSG, "cut short");
        i.b[0] = 'x';
        is_int(hwdb_from_memory(i.b, n, &h), -EBADMSG, "something else");
        i.b[0] = 'K';
        /* Whatever byte is wrong, a lookup ends and stays inside. */
        for (size_t k = 8; k < n; k++) {
                uint8_t was = i.b[k], *copy = malloc(n);

                i.b[k] = 0xff;
                memcpy(copy, i.b, n);
                h = NULL;
                if (hwdb_from_memory(copy, n, &h) >= 0) {
                        free(look_up(h, "usb:v1234"));
                        hwdb_free(h);
                        bad++;
                }
                free(copy);
                i.b[k] = was;
        }
        ok(bad > 0, "damaged databases do no harm");
}

static void test_words(void)
{
        static const struct {
                const char *text, *joined;
        } t[] = { { "a b  c", "a|b|c" }, { "a 'b c' \"d e\"", "a|b c|d e" }, { "a'b c'd", "ab cd" },
                { "sh -c 'x=\\n \"$y\"'", "sh|-c|x=\\n \"$y\"" }, { "a ''", "a|" },
                { "'open end", "open end" } };

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                _cleanup_strv_ char **v = NULL;
                _cleanup_free_ char *j = NULL;

                is_int(command_split(t[i].text, &v), 0, t[i].text);
                j = strv_join(v, "|");
                is_str(j, t[i].joined, "its words");
        }
        char **v = NULL;
        is_int(command_split("  ", &v), -EINVAL, "nothing at all");
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        fake_start();
        naming_set_for_tests("v252");
        make_storage();
        make_usb();
        test_path_id();
        test_usb_id();
        test_input_id();
        test_net_id();
        test_net_setup_link();
        test_link_functions();
        test_link_conditions();
        test_link_passwords();
        test_link_settings();
        test_hwdb();
        test_words();
        fake_end();
        return tap_done();
}
