#!/usr/bin/env python3
"""Devices that come and go while the system runs: PCI, disks of all kinds, USB storage and keyboards, network cards,
NVMe; loop devices with partitions, device mapper, RAID, zram, hundreds of LUNs; what writing to a disk changes, disks
that a formatter has locked, interfaces that change their names. One guest with Debian's full kernel.
ONLY=WORDS: only these parts: devices, mounts, btrfs, and those of SOFT by their names."""
import os
import re
import sys
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
from tap import TIMEOUT, Tap, fstab

tap = Tap()
ONLY = os.environ.get("ONLY", "").split()
BACKEND = {"driver": "null-co", "size": 64 << 20, "read-zeroes": True}

# Runs in the guest: waits until a condition holds, for a time that no machine needs.
WAIT = """
now() { read -r up _ </proc/uptime; echo "${up%.*}"; }
until_() { end=$(($(now)+90)); until eval "$1"; do [ "$(now)" -gt $end ] && { echo "never: $1"; return 1; }; sleep 0.2; done; }
entry() { # of a node or link
        s=$(stat -L -c %t:%T "$1") || return 1
        cat /run/udev/data/b$((0x${s%:*})):$((0x${s#*:})); }
"""

# Calls a function; when it does not end in its time, where every program (and thread of the kernel that hangs) waits
# is told, too.
STUCK = r"""
stuck() { $1 >/run/said 2>&1 & end=$(($(now)+200)); p=$!
        while kill -0 $p 2>/dev/null; do
                [ "$(now)" -le $end ] || { echo "never ends"; stacks; rousectl log --no-pager | tail -n 40; break; }
                sleep 0.2; done
        cat /run/said; }
stacks() { for i in /proc/[0-9]*; do
        cut -c -50 $i/stat | grep -q ') D ' || [ "$(readlink $i/exe)" ] || continue
        cut -c -50 $i/stat; cat $i/stack; done; }
"""

# What is plugged in: (name, backend or not, device's arguments, a link or other path that comes with it,
# what its database entry says).
PLUGGED = [
    ("virtio disk", True, {"driver": "virtio-blk-pci", "serial": "hotvirtio"},
     "/dev/disk/by-id/virtio-hotvirtio", r"ID_PATH=pci-"),
    ("SCSI disk", True, {"driver": "scsi-hd", "bus": "scsi.0", "serial": "hotscsi"},
     "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_hotscsi", r"ID_SERIAL=0QEMU_QEMU_HARDDISK_hotscsi"),
    ("USB storage", True, {"driver": "usb-storage", "bus": "usb.0", "serial": "hotusb"},
     "/dev/disk/by-id/usb-QEMU_QEMU_HARDDISK_hotusb-0:0", r"ID_BUS=usb"),
    ("NVMe", True, {"driver": "nvme", "serial": "hotnvme"},
     "/dev/disk/by-id/nvme-QEMU_NVMe_Ctrl_hotnvme", r"ID_MODEL=QEMU NVMe Ctrl"),
    ("USB keyboard", False, {"driver": "usb-kbd", "bus": "usb.0"},
     "/dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard*-event-kbd", None),
    ("network card", False, {"driver": "e1000", "netdev": "hotnet", "mac": "52:54:00:00:00:77"},
     "/sys/class/net/eth1", None),
]


def wanted(part):
    return not ONLY or part in ONLY


def plug(guest, name, backend, device, path, said):
    identity = name.lower().replace(" ", "-")
    if backend:
        guest.qmp("blockdev-add", **{"node-name": "b-" + identity, **BACKEND})
        device = {**device, "drive": "b-" + identity}
    guest.qmp("device_add", id=identity, **device)
    out = guest.out(WAIT + f"until_ '[ -e {path} ]' && udevadm settle && echo there && (entry {path} 2>/dev/null || :)",
                    TIMEOUT)
    tap.like(out, "^there", f"{name}: {os.path.basename(path)} is there")
    if said:
        tap.like(out, said, f"{name}: its database entry")


def unplug(guest, name, backend, device, path, said):
    identity = name.lower().replace(" ", "-")
    before = guest.out(f"readlink -f {path}")
    guest.qmp("device_del", id=identity)
    out = guest.out(WAIT + f"until_ '[ ! -e {path} ] && [ ! -e {before} ]' && udevadm settle && echo gone; "
                    f"grep -l . $(find /run/udev/links -name '*hot*' -type d) /dev/null 2>/dev/null", TIMEOUT)
    tap.like(out, "^gone", f"{name}: pulled out, node and links go")
    guest.wait_unplugged(identity)
    if backend:
        guest.qmp("blockdev-del", **{"node-name": "b-" + identity})


def devices(guest):
    guest.qmp("device_add", driver="virtio-scsi-pci", id="scsi")
    guest.qmp("device_add", driver="qemu-xhci", id="usb")
    guest.qmp("netdev_add", type="user", id="hotnet")
    for one in PLUGGED:
        plug(guest, *one)
    out = guest.out("cat /run/udev/data/n$(cat /sys/class/net/eth1/ifindex); "
                    "udevadm info /dev/input/by-id/usb-QEMU_QEMU_USB_Keyboard*-event-kbd; "
                    "systemctl is-active dev-disk-by\\\\x2did-virtio\\\\x2dhotvirtio.device")
    tap.like(out, "ID_NET_NAME_MAC=enx525400000077", "network card: its names are known")
    tap.like(out, "ID_INPUT_KEYBOARD=1", "USB keyboard: its kind is known")
    tap.like(out, "^active$", "a device unit is active")
    for one in reversed(PLUGGED):
        unplug(guest, *one)
    out = guest.out("systemctl is-active dev-disk-by\\\\x2did-virtio\\\\x2dhotvirtio.device; "
                    "find /run/udev/data /run/udev/links /dev/disk -name '*hot*'")
    tap.is_(out, "inactive", "nothing of them is left")


LATE = """LABEL=late /late ext4 nofail,x-systemd.device-timeout=infinity 0 0
LABEL=pair /pair btrfs nofail,x-systemd.device-timeout=infinity 0 0"""


def mounts(guest):
    """A disk that fstab waits for comes long after the boot, is used, and is pulled out."""
    path = os.path.join(guest.work, "late.img")
    with open(path, "wb") as file:
        file.truncate(64 << 20)
    guest.qmp("blockdev-add", **{"node-name": "late", "driver": "raw", "file": {"driver": "file", "filename": path}})
    device = {"driver": "virtio-blk-pci", "drive": "late", "serial": "latecomer"}
    disk, unit = "/dev/disk/by-id/virtio-latecomer", r"'dev-disk-by\x2dlabel-late.device'"
    for when in ("late", "again"):
        guest.qmp("device_add", id="late-" + when, **device)
        begin = f"until_ '[ -e {disk} ]'; systemctl is-active late.mount; mkfs.ext4 -q -L late {disk}; " if when == "late" else \
            "until_ '[ -e /dev/disk/by-label/late ]'; systemctl start late.mount; "
        out = guest.out(WAIT + f"{begin} until_ 'mountpoint -q /late' && echo mounted; systemctl is-active {unit}; "
                        f"systemd-run -q -u bound-{when} -p BindsTo={unit} -p After={unit} sleep 100000; "
                        f"until_ 'systemctl is-active -q bound-{when}'; systemctl is-active late.mount bound-{when}; touch /late/x", TIMEOUT)
        tap.like(out, ("^inactive\n" if when == "late" else "^") + "mounted\nactive\nactive\nactive$",
                 f"{when}: a disk that fstab names is mounted")
        guest.qmp("device_del", id="late-" + when)
        out = guest.out(WAIT + STUCK + "watched() { until_ '! mountpoint -q /late' && echo unmounted; "
                        f"until_ '! systemctl is-active -q bound-{when}'; until_ 'systemctl is-active late.mount | grep -qx inactive'; "
                        f"systemctl is-active late.mount bound-{when} {unit}; "
                        "systemctl is-active local-fs.target; }; stuck watched", TIMEOUT)
        tap.like(out, "^unmounted\ninactive\n(inactive|failed)\ninactive\nactive$",
                 f"{when}: pulled out while mounted, the mount and what is bound to the disk stop") or tap.diag(out)
        guest.wait_unplugged("late-" + when)


def pair(guest):
    """A file system on two disks, of which one is pulled out, and then the other."""
    for name in ("one", "two"):
        path = os.path.join(guest.work, name + ".img")
        with open(path, "wb") as file:
            file.truncate(160 << 20)
        guest.qmp("blockdev-add", **{"node-name": name, "driver": "raw", "file": {"driver": "file", "filename": path}})
        guest.qmp("device_add", driver="virtio-blk-pci", id="pair-" + name, drive=name, serial="pair" + name)
    disk, unit = "/dev/disk/by-id/virtio-pair", r"'dev-disk-by\x2dlabel-pair.device'"
    link = "readlink -f /dev/disk/by-label/pair"
    out = guest.out(WAIT + f"until_ '[ -e {disk}one ] && [ -e {disk}two ]'; mkfs.btrfs -q -L pair -d raid1 -m raid1 {disk}one {disk}two; "
                    f"until_ 'mountpoint -q /pair' && echo mounted; systemd-run -q -u with-pair -p BindsTo={unit} -p After={unit} sleep 100000; "
                    "until_ 'systemctl is-active -q with-pair'; udevadm settle; systemctl is-active pair.mount with-pair; touch /pair/x; sync; "
                    f"[ \"$({link})\" = \"$(readlink -f {disk}one)\" ] && echo one || echo two", TIMEOUT)
    tap.like(out, "^mounted\nactive\nactive\n(one|two)$", "btrfs of two disks: mounted") or tap.diag(out)
    owner = out.split()[-1]
    other = "two" if owner == "one" else "one"
    guest.qmp("device_del", id="pair-" + owner)
    out = guest.out(WAIT + f"until_ '[ ! -e {disk}{owner} ]' && until_ '[ \"$({link})\" = \"$(readlink -f {disk}{other})\" ]' && echo follows; "
                    f"udevadm settle; systemctl is-active pair.mount with-pair {unit}; ls /pair", TIMEOUT)
    tap.like(out, "^follows\nactive\nactive\nactive\nx$", "pulled out, the link's owner leaves it to the other disk: mount and service go on") or tap.diag(out)
    guest.wait_unplugged("pair-" + owner)
    guest.qmp("device_del", id="pair-" + other)
    out = guest.out(WAIT + STUCK + "watched() { until_ '! mountpoint -q /pair' && echo unmounted; until_ '! systemctl is-active -q with-pair'; "
                    f"systemctl is-active with-pair {unit}; }}; stuck watched", TIMEOUT)
    tap.like(out, "^unmounted\n(inactive|failed)\ninactive$", "with the other one both end") or tap.diag(out)
    guest.wait_unplugged("pair-" + other)


# Scripts, one after the other, each begun by its name.
SOFT = r"""part loop; truncate -s 64M /root/image; printf 'label: gpt
size=20M, name=first
size=20M, name=second
' | sfdisk -q /root/image
losetup -P /dev/loop1 /root/image
until_ '[ -e /dev/disk/by-partlabel/first ] && [ -e /dev/disk/by-partlabel/second ]' && udevadm settle && echo partitions
part watch; mkfs.ext4 -q -L watched /dev/loop1p1; until_ '[ -e /dev/disk/by-label/watched ]' && echo label
readlink /dev/disk/by-label/watched
part lock; (flock -x 9; mkfs.ext4 -q -F -L locked /dev/loop1p2; sync; echo change >/sys/class/block/loop1p2/uevent; sleep 2
        [ -e /dev/disk/by-label/locked ] && echo too early || echo held off) 9</dev/loop1
until_ '[ -e /dev/disk/by-label/locked ]' && echo afterwards
part table; printf 'label: gpt
size=30M, name=third
' | sfdisk -q --force --wipe always /dev/loop1
until_ '[ -e /dev/disk/by-partlabel/third ] && [ ! -e /dev/disk/by-partlabel/first ]' && udevadm settle && echo changed
[ -e /dev/loop1p2 ] || echo 'p2 gone'
part detach; losetup -d /dev/loop1; until_ '[ ! -e /dev/disk/by-partlabel/third ]' && echo gone
part dm; echo '0 8192 zero' | dmsetup create hotdm; [ -e /dev/mapper/hotdm ] && echo node; [ -e /dev/disk/by-id/dm-name-hotdm ] && echo link
dmsetup rename hotdm colddm; [ -e /dev/disk/by-id/dm-name-colddm ] && [ ! -e /dev/disk/by-id/dm-name-hotdm ] && echo renamed
dmsetup remove colddm; [ ! -e /dev/disk/by-id/dm-name-colddm ] && echo removed
part md; truncate -s 32M /root/m1 /root/m2; losetup /dev/loop2 /root/m1; losetup /dev/loop3 /root/m2
mdadm --create /dev/md/hot --run --level=1 --raid-devices=2 --metadata=1.2 --name=hot /dev/loop2 /dev/loop3 2>&1 | tail -n 1
until_ '[ -e /dev/md/hot ] && ls /dev/disk/by-id/md-uuid-* >/dev/null 2>&1' && echo assembled
mdadm --stop /dev/md/hot 2>&1; until_ '! ls /dev/disk/by-id/md-uuid-* >/dev/null 2>&1' && echo stopped; losetup -d /dev/loop2 /dev/loop3
part zram; modprobe zram; until_ '[ -e /run/udev/data/b$(cat /sys/class/block/zram0/dev) ]' && echo there
echo 16M >/sys/block/zram0/disksize; mkswap -q -L hotswap /dev/zram0; cat /sys/class/zram-control/hot_add; until_ '[ -b /dev/zram1 ]' && echo second
part nbd; modprobe nbd nbds_max=4; until_ '[ -e /run/udev/data/b$(cat /sys/class/block/nbd3/dev) ]' && echo there
part luns; modprobe scsi_debug max_luns=16 num_tgts=4 dev_size_mb=8 sector_size=512
until_ '[ $(ls /dev/disk/by-path 2>/dev/null | grep -c pseudo) -ge 0 ] && [ $(ls /sys/class/scsi_disk | wc -l) -ge 64 ]'; udevadm settle
n=0; for d in /sys/class/scsi_disk/*/device/block/*; do [ -e /run/udev/data/b$(cat $d/dev) ] && n=$((n+1)); done; echo "$n entries"
echo "$(ls /dev/disk/by-id | grep -c 'scsi-') links"
rmmod scsi_debug; udevadm settle; echo "$(ls /dev/disk/by-id | grep -c 'scsi-3333') links left"
part gadget; modprobe dummy_hcd; modprobe libcomposite; mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
truncate -s 16M /root/stick; mkfs.ext4 -q -L gadgetstick /root/stick; g=/sys/kernel/config/usb_gadget/g; mkdir $g; cd $g
echo 0x1d6b >idVendor; echo 0x0104 >idProduct; mkdir strings/0x409 configs/c.1
echo 4711 >strings/0x409/serialnumber; echo Rouse >strings/0x409/manufacturer; echo Toy >strings/0x409/product
mkdir functions/mass_storage.0 functions/hid.0 functions/acm.0; echo /root/stick >functions/mass_storage.0/lun.0/file
echo 1 >functions/hid.0/protocol; echo 1 >functions/hid.0/subclass; echo 8 >functions/hid.0/report_length
printf '\005\001\011\006\241\001\005\007\031\340\051\347\025\000\045\001\165\001\225\010\201\002\225\001\165\010\201\003\225\005\165\001\005\010\031\001\051\005\221\002\225\001\165\003\221\003\225\006\165\010\025\000\045\145\005\007\031\000\051\145\201\000\300' >functions/hid.0/report_desc
for f in mass_storage.0 hid.0 acm.0; do ln -s functions/$f configs/c.1/; done; ls /sys/class/udc >UDC; cd /
until_ 'ls /dev/disk/by-id/usb-*4711-0:0 >/dev/null 2>&1 && [ -e /dev/disk/by-label/gadgetstick ]' && echo disk
until_ 'ls /dev/input/by-id/usb-Rouse_Toy_4711*event-kbd >/dev/null 2>&1' && echo keyboard
until_ 'ls /dev/serial/by-id/usb-Rouse_Toy_4711-if* >/dev/null 2>&1' && stat -L -c '%G' /dev/serial/by-id/usb-Rouse_Toy_4711-if*
echo "" >$g/UDC; until_ '! ls /dev/disk/by-id/usb-*4711* /dev/input/by-id/usb-*4711* /dev/serial/by-id/usb-*4711* >/dev/null 2>&1' && echo gone
part rename; mkdir -p /run/udev/rules.d
cat >/run/udev/rules.d/10-names.rules <<'END'
SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="02:00:00:00:00:0a", NAME="swapb"
SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="02:00:00:00:00:0b", NAME="swapa"
SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="02:00:00:00:00:0c", NAME="fresh"
END
udevadm control --reload; modprobe dummy numdummies=0
ip link add swapc address 02:00:00:00:00:0c type dummy; until_ '[ -e /sys/class/net/fresh ]' && echo named
udevadm settle; grep -c ID_RENAMING /run/udev/data/n$(cat /sys/class/net/fresh/ifindex)
udevadm control --stop-exec-queue; ip link add swapa address 02:00:00:00:00:0a type dummy; ip link add swapb address 02:00:00:00:00:0b type dummy
udevadm control --start-exec-queue; udevadm settle
echo "a is $(ip -o link | sed -n 's/^[0-9]*: \([^:]*\):.*02:00:00:00:00:0a.*/\1/p'), b is $(ip -o link | sed -n 's/^[0-9]*: \([^:]*\):.*02:00:00:00:00:0b.*/\1/p')"
for i in swapa swapb fresh; do ip link del $i; done; udevadm settle; ls /run/udev/data | grep -c '^n' 
part storm; ls /run/udev/data | sort >/run/before; for i in $(seq 200); do ip link add storm$i type dummy; done; udevadm settle
n=0; for i in $(seq 200); do [ -e /run/udev/data/n$(cat /sys/class/net/storm$i/ifindex) ] && n=$((n+1)); done; echo "$n interfaces"
rmmod dummy; udevadm settle; ls /run/udev/data | sort | comm -3 /run/before - | wc -l
part fresh; old=$(pidof -s rouse-devd); kill -9 $old; until_ 'pidof rouse-devd >/dev/null && [ "$(pidof -s rouse-devd)" != $old ]'; udevadm settle; echo "daemon $(pidof rouse-devd | wc -w)"
"""
WANTED = {
    "loop": ("^partitions$", "partitions of a loop device"),
    "watch": ("^label\n../../loop1p1$", "a file system's label without anybody's trigger"),
    "lock": ("^held off\nafterwards$", "a disk that is locked is looked at when the lock is gone"),
    "table": ("^changed\np2 gone$", "a new partition table"),
    "detach": ("^gone$", "a loop device detached"),
    "dm": ("^node\nlink\nrenamed\nremoved$", "device mapper: created, renamed, removed"),
    "md": ("^assembled(\n.*)*\nstopped$", "RAID: made, stopped"),
    "zram": ("^there\n1\nsecond$", "zram"),
    "nbd": ("^there$", "nbd"),
    "luns": ("^64 entries\n[1-9][0-9]* links\n0 links left$", "64 LUNs"),
    "gadget": ("^disk\nkeyboard\ndialout\ngone$", "a USB device of several functions (dummy_hcd)"),
    "rename": ("^named\n0\na is swapb, b is swapa\n", "interfaces get their names, two change theirs with each other"),
    "storm": ("^200 interfaces\n0$", "200 interfaces come and go"),
    "fresh": ("^daemon 1$", "a daemon that is killed is back"),
}


def software(guest):
    for part in re.split("^part ", SOFT, flags=re.M)[1:]:
        name, script = part.split("; ", 1)
        pattern, what = WANTED[name]
        if wanted(name):
            tap.like(guest.out("exec 2>&1\n" + WAIT + script, TIMEOUT).strip("\n"), pattern, what)


with fstab(LATE) as table, tap.guest("hotplug", packages="dmsetup,mdadm,fdisk,btrfs-progs", kernel="full", mem=768,
                                     copies=[(table.name, "/etc/fstab")]) as guest:
    guest.wait_ready(TIMEOUT)
    if wanted("devices"):
        devices(guest)
    if wanted("mounts"):
        mounts(guest)
    if wanted("btrfs"):
        pair(guest)
    software(guest)
    if tap.failed:
        tap.diag(guest.out("rousectl log --no-pager | tail -n 40" if tap.rouse else "journalctl -b | tail -n 40"))
tap.done()
