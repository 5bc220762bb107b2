"""A guest with one of everything that QEMU has for the device daemon: disks on every bus with partition tables, file
systems, RAID, LVM and LUKS on them, USB, input, sound, network interfaces, a watchdog, serial ports.

The disks are formatted once, in a guest under systemd, and kept in the cache, so that every guest sees the same UUIDs.
"""
import os
import struct
import tempfile

import cache
import image
import qemu

PACKAGES = ("lvm2,mdadm,udisks2,libinput-tools,btrfs-progs,xfsprogs,dosfstools,fdisk,cryptsetup-bin,dmsetup,acl,"
            "pciutils,usbutils,parted,libpam-systemd,dbus,nvme-cli,alsa-utils")

# name: (size in MiB, what makes it, with $d its node)
DISKS = {
    "gpt": (900, """
        sfdisk -q $d <<E
label: gpt
label-id: 11111111-2222-4333-8444-000000000001
start=2048, size=64MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name="EFI part", uuid=11111111-2222-4333-8444-000000000011
size=64MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=plain, uuid=11111111-2222-4333-8444-000000000012
size=16MiB, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, name="swäp/1", uuid=11111111-2222-4333-8444-000000000013
size=350MiB, type=933AC7E1-2EB4-4F13-B844-0E14E2AEF915, uuid=11111111-2222-4333-8444-000000000014
size=150MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, uuid=11111111-2222-4333-8444-000000000015
E
        udevadm settle
        mkfs.vfat -i 12345678 -n "MY ESP" ${d}1
        mkfs.ext4 -q -U 11111111-2222-4333-8444-000000000022 -L "ext four/x" ${d}2
        mkswap -U 11111111-2222-4333-8444-000000000023 -L swap1 ${d}3
        mkfs.xfs -q -m uuid=11111111-2222-4333-8444-000000000024 -L xfs1 ${d}4
        mkfs.btrfs -q -U 11111111-2222-4333-8444-000000000025 -L btr ${d}5"""),
    "mbr": (96, """
        sfdisk -q $d <<E
label: dos
label-id: 0xcafe0001
start=2048, size=20MiB, type=83
size=20MiB, type=c, bootable
size=40MiB, type=5
${d}5 : size=10MiB, type=83
E
        udevadm settle
        mkfs.ext2 -q -U 11111111-2222-4333-8444-000000000031 ${d}1
        mkfs.vfat -i 87654321 ${d}2
        mkfs.ext3 -q -U 11111111-2222-4333-8444-000000000032 ${d}5"""),
    "pv": (64, """
        pvcreate -q -ff -y --norestorefile --uuid aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg $d
        vgcreate -q vgtest $d
        lvcreate -q -y -n lvone -L 16M vgtest
        mkfs.ext4 -q -U 11111111-2222-4333-8444-000000000041 /dev/vgtest/lvone
        vgchange -an vgtest"""),
    "whole": (32, "mkfs.ext4 -q -U 11111111-2222-4333-8444-000000000051 -L whole $d"),
    "stick": (32, """
        sfdisk -q $d <<E
label: dos
label-id: 0xcafe0002
start=2048, type=c
E
        udevadm settle
        mkfs.vfat -i AAAA0001 -n STICK ${d}1"""),
    "md0": (32, "md0=$d"),
    "md1": (32, """
        mdadm --create /dev/md/test --metadata=1.2 --run --level=1 --raid-devices=2 --homehost=any --name=test \
              --uuid=11111111:22222222:33333333:44444444 $md0 $d
        n=0; until [ -e /dev/md/test ] || [ $n -gt 300 ]; do n=$((n+1)); sleep 0.2; done # mdadm waits a few seconds only
        mkfs.ext4 -q -U 11111111-2222-4333-8444-000000000061 /dev/md/test
        mdadm --wait /dev/md/test || :
        mdadm --stop /dev/md/test"""),
    "luks": (32, """
        echo secret | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
              --uuid 11111111-2222-4333-8444-000000000071 --label crypt $d -"""),
    "sdcard": (32, "mkfs.vfat -i BBBB0001 -n CARD $d"),
}

# Disks of the standard guest are virtio0 and virtio1 (vda, vdb).
QEMU = """
-device qemu-xhci,id=xhci,p2=8,p3=8 -device usb-kbd,bus=xhci.0,port=1 -device usb-mouse,bus=xhci.0,port=2
-device usb-tablet,bus=xhci.0,port=3 -device usb-storage,bus=xhci.0,port=4,drive=stick,serial=USB0001,removable=on
-device piix3-usb-uhci,id=uhci
-device virtio-blk-pci,drive=gpt,serial=gptdisk -device nvme,drive=pv,serial=nvme0001
-device virtio-scsi-pci,id=vscsi -device scsi-hd,bus=vscsi.0,drive=mbr,serial=scsi0001,wwn=0x5000c50015ea71aa
-device scsi-hd,bus=vscsi.0,drive=md0,serial=md0 -device scsi-hd,bus=vscsi.0,drive=md1,serial=md1
-device scsi-cd,bus=vscsi.0,drive=cd,serial=cd0001
-device ahci,id=ahci -device ide-hd,bus=ahci.0,drive=whole,serial=ahci0001,wwn=0x5000c50015ea71ab
-device ide-cd,bus=ahci.1,drive=cd2,serial=cd0002 -device ide-hd,bus=ahci.2,drive=luks,serial=ahci0002
-device sdhci-pci -device sd-card,drive=sdcard
-netdev user,id=n1 -device e1000,netdev=n1,mac=52:54:00:00:00:11
-netdev user,id=n2 -device rtl8139,netdev=n2,mac=52:54:00:00:00:12
-audiodev none,id=snd -device intel-hda -device hda-duplex,audiodev=snd
-device i6300esb -device pci-serial,chardev=null0 -chardev null,id=null0 -chardev null,id=null1 -chardev null,id=null2
-device virtio-serial-pci,id=vser -device virtserialport,bus=vser.0,name=org.rouse.test,chardev=null1
-device usb-serial,bus=xhci.0,port=5,chardev=null2 -device virtio-rng-pci -device virtio-keyboard-pci
-device virtio-tablet-pci -device VGA -device virtio-balloon-pci
"""


def iso(path):
    """As much of an ISO 9660 image as tells what it is."""
    text = lambda value, size: value.encode().ljust(size)[:size]
    both = lambda value: struct.pack("<I", value) + struct.pack(">I", value)
    descriptor = b"\x01CD001\x01\0" + text("LINUX", 32) + text("ROUSE CD", 32) + bytes(8) + both(64) + bytes(32)
    descriptor += bytes(8 + 8) + b"\0" * 30 + bytes(34)
    descriptor = descriptor.ljust(190)[:190] + text("", 623) + b"2026010203040500\0" * 2
    with open(path, "wb") as file:
        file.truncate(64 * 2048)
        file.seek(16 * 2048)
        file.write(descriptor[:2048].ljust(2048, b"\0") + b"\xffCD001\x01".ljust(2048, b"\0"))


def drives(directory, snapshot):
    words = []
    for name in [*DISKS, "cd", "cd2"]:
        file = os.path.join(directory, ("cd" if name.startswith("cd") else name) + ".img")
        media = ",media=cdrom,readonly=on" if name.startswith("cd") else f",snapshot={snapshot}"
        words += ["-drive", f"file={file},if=none,id={name},format=raw,cache=unsafe{media}"]
    return words


def _make(work):
    for name, (size, _) in DISKS.items():
        with open(os.path.join(work, name + ".img"), "wb") as file:
            file.truncate(size << 20)
    iso(os.path.join(work, "cd.img"))
    arguments = drives(work, "off")
    script = "set -e\n"
    for name, (_, commands) in DISKS.items():
        arguments += ["-device", f"virtio-blk-pci,drive={name},serial={name}"]
        script += f"d=/dev/disk/by-id/virtio-{name}\nd=$(readlink -f $d)\n{commands}\n"
    script += "udevadm settle; sync; sync\n"
    machine = image.machine("systemd", packages=image.extended(PACKAGES), flavour="full")
    with qemu.Guest(machine, mem=1024, arguments=arguments) as guest:
        guest.boot()
        status, output = guest.run(script, 600, 900)
        if status:
            raise qemu.Failed("the disks could not be made:\n" + output.decode(errors="replace"))


def disks():
    """The directory of the formatted disks."""
    return cache.entry("devices", cache.digest(1, repr(DISKS)), _make, image.say)


LINK = """[Match]
OriginalName=veth0
[Link]
Alias=an alias
MTUBytes=1400
TransmitQueueLength=555
GenericSegmentOffloadMaxBytes=32K
GenericSegmentOffloadMaxSegments=17
AlternativeName=other-name
MACAddressPolicy=persistent
NamePolicy=keep kernel slot
RxBufferSize=max
"""


def guest(init, append="net.ifnames=1", console=None, copies=()):
    """That guest under rouse or systemd, not yet booted."""
    link = tempfile.NamedTemporaryFile("w", suffix=".link")
    link.write(LINK)
    link.flush()
    os.chmod(link.name, 0o644)
    copies = [*copies, (link.name, "/etc/systemd/network/50-test.link"),
              (os.path.join(image.HERE, "udev-state"), "/usr/lib/rouse-guest/udev-state")]
    machine = image.machine(init, packages=image.extended(PACKAGES), flavour="full")
    made = qemu.Guest(machine, append=append + " no_timer_check", mem=1024, console=console, copies=copies,
                      arguments=drives(disks(), "on") + QEMU.split())
    made.link = link  # the file lives as long as the guest
    return made
