#!/usr/bin/env python3
"""Storage beyond the root, put together at boot and taken apart at the end: a LUKS disk with a key file and a plain one
for swap with a random key (crypttab), a verified disk (veritytab), LUKS on LVM on a RAID of two disks, a volume group, btrfs of two
disks, two paths to one disk (multipath), a LUKS disk whose key is on a stick that may be missing (nofail), NFS from the machine
to itself (_netdev). The guest makes them, boots again, and again without the stick."""
import os
import sys
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
from tap import TIMEOUT, Tap

tap = Tap()
PACKAGES = "cryptsetup-bin,mdadm,lvm2,btrfs-progs,multipath-tools,nfs-kernel-server"
DISKS = ["64M"] * 3 + ["128M"] + ["256M"] * 2 + ["64M"] * 4     # vdc … vdl
WHERE = ("luks", "stack", "lvm", "btrfs", "verity", "mp", "nfs", "stick")

MAKE = r"""
set -e
exec 2>&1
export LVM_SUPPRESS_FD_WARNINGS=1
dd if=/dev/urandom of=/etc/disk.key bs=64 count=1 status=none; chmod 600 /etc/disk.key
luks() { cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$1" /etc/disk.key
        cryptsetup open --key-file /etc/disk.key "$1" "$2"; mkfs.ext4 -q -L "$2" /dev/mapper/"$2"; }
luks /dev/vdc cluks
mdadm --create /dev/md/raid --run --level=1 --raid-devices=2 --metadata=1.2 --name=raid --homehost=any /dev/vdd /dev/vde
mdadm --detail --scan >>/etc/mdadm/mdadm.conf
pvcreate -q /dev/md/raid; vgcreate -q vgraid /dev/md/raid; lvcreate -q -n lv -L 40M -Zn -Wn vgraid
luks /dev/vgraid/lv cstack
pvcreate -q /dev/vdf; vgcreate -q vgplain /dev/vdf; lvcreate -q -n data -L 40M -Zn -Wn vgplain; mkfs.ext4 -q /dev/vgplain/data
mkfs.btrfs -q -L many -d raid1 -m raid1 /dev/vdg /dev/vdh
mkfs.ext4 -q -b 4096 /dev/vdi; mount /dev/vdi /mnt; echo verified >/mnt/file; umount /mnt
veritysetup format /dev/vdi /dev/vdj | sed -n 's/^Root hash:[ \t]*//p' >/etc/roothash
printf 'defaults {\n user_friendly_names yes\n find_multipaths yes\n}\n' >/etc/multipath.conf
multipath -v0 || :; sleep 1; mkfs.ext4 -q -L paths /dev/mapper/mpatha || mkfs.ext4 -q -L paths /dev/sda
luks /dev/vdl cstick
stick=/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_stick
mkfs.ext4 -q -L stick $stick; mount $stick /mnt; cp /etc/disk.key /mnt/stick.key; umount /mnt
for i in luks stack lvm btrfs verity mp nfs stick; do mkdir -p /mnt/$i; done
mkdir -p /root/share; echo nfs >/root/share/file; echo '/root/share 127.0.0.1(ro,no_subtree_check,no_root_squash,insecure)' >>/etc/exports
cat >>/etc/crypttab <<END
cluks /dev/vdc /etc/disk.key luks
cstack /dev/vgraid/lv /etc/disk.key luks
cstick /dev/vdl /stick.key:LABEL=stick luks,nofail,keyfile-timeout=120s
cswap /dev/vdk /dev/urandom plain,swap,cipher=aes-xts-plain64,size=256
END
echo "cverity /dev/vdi /dev/vdj $(cat /etc/roothash)" >/etc/veritytab
cat >>/etc/fstab <<END
/dev/mapper/cluks /mnt/luks ext4 defaults 0 2
LABEL=cstack /mnt/stack ext4 defaults 0 2
/dev/vgplain/data /mnt/lvm ext4 defaults 0 2
LABEL=many /mnt/btrfs btrfs defaults 0 0
/dev/mapper/cverity /mnt/verity ext4 ro 0 0
LABEL=paths /mnt/mp ext4 defaults,nofail,x-systemd.device-timeout=300s 0 0
/dev/mapper/cstick /mnt/stick ext4 nofail,x-systemd.device-timeout=300s 0 0
/dev/mapper/cswap none swap sw 0 0
127.0.0.1:/root/share /mnt/nfs nfs4 _netdev,nofail 0 0
END
sync
echo made
"""

LOOK = r"""
exec 2>&1
# what is still to be mounted has a job
for i in $WANTED; do while systemctl list-jobs --no-legend | grep -q "mnt-$i.mount" && ! mountpoint -q /mnt/$i; do sleep 0.5; done; done
for i in luks stack lvm btrfs verity mp nfs stick; do echo "$i $(findmnt -n -o SOURCE,FSTYPE /mnt/$i || echo missing)"; done
swapon --show=NAME,TYPE --noheadings
cat /mnt/verity/file /mnt/nfs/file
lsblk -o NAME,TYPE,FSTYPE,MOUNTPOINTS | cat
grep -A 1 ^md /proc/mdstat
dmsetup ls --target multipath; multipath -ll
systemctl list-units --failed --plain --no-legend
for u in systemd-cryptsetup@cluks.service systemd-veritysetup@cverity.service cryptsetup.target remote-fs.target; do
        echo "$u $(systemctl is-active $u)"; done
"""


def look(guest, when, md="UU", wanted=WHERE):
    out = guest.out(f"WANTED='{' '.join(wanted)}'" + LOOK, TIMEOUT + 60)
    for name in wanted:
        tap.like(out, rf"^{name} (?!missing)\S", f"{when}: {name} is mounted")
    tap.like(out, "^verified$", f"{when}: what is verified can be read")
    tap.like(out, "^/dev/dm-[0-9]+ ", f"{when}: the encrypted swap is on")
    tap.like(out, rf"\[{md}\]", f"{when}: the RAID is [{md}]")
    tap.like(out, "cluks.service active", f"{when}: the unit of the crypttab line is active")
    tap.like(out, "cverity.service active", f"{when}: the unit of the veritytab line is active")
    return out


def again(guest):
    """Reboots; what the console says of the end is returned."""
    seen = len(guest.console_text())
    guest.run("(sleep 1; systemctl reboot) </dev/null >/dev/null 2>&1 &", TIMEOUT)
    guest.agent_ready = False
    guest.wait_ready(TIMEOUT)
    return guest.console_text()[seen:]


def clean_end(text, when):
    """Nothing was left for rouse-shutdown to break."""
    forced = [line for line in text.splitlines() if "forced:" in line]
    tap.ok("all file systems unmounted" in text and not forced, f"{when}: the stacks were taken apart without force",
           "\n".join(forced) or text[-2000:])


with tap.guest("storage", packages=PACKAGES, mem=768, disks=DISKS, reboot=True) as guest:
    shared = os.path.join(guest.work, "shared.img")
    with open(shared, "wb") as file:
        file.truncate(64 << 20)
    stick = os.path.join(guest.work, "stick.img")
    with open(stick, "wb") as file:
        file.truncate(16 << 20)
    guest.wait_ready(TIMEOUT)
    guest.qmp("device_add", driver="virtio-scsi-pci", id="scsi")
    for number in (1, 2):
        guest.qmp("blockdev-add", **{"node-name": f"path{number}", "driver": "raw", "file": {
            "driver": "file", "filename": shared, "locking": "off"}})
        guest.qmp("device_add", driver="scsi-hd", bus="scsi.0", id=f"mp{number}", drive=f"path{number}",
                  serial="twopaths", wwn=0x5000c50015ea71ff, **{"share-rw": True})
    guest.qmp("blockdev-add", **{"node-name": "stick", "driver": "raw", "file": {"driver": "file", "filename": stick}})
    guest.qmp("device_add", driver="scsi-hd", bus="scsi.0", id="stick", drive="stick", serial="stick")
    made = guest.out("udevadm settle; " + MAKE, TIMEOUT)
    if tap.like(made, "^made$", "the stacks are made"):
        first = again(guest)
        report = look(guest, "after a boot")
        guest.qmp("device_del", id="stick")
        second = again(guest)
        clean_end(second, "at the end")
        third = look(guest, "without the stick", wanted=WHERE[:-1])
        tap.like(third, "^stick missing$", "without the stick: what it is the key of is left out")
        if tap.failed:
            tap.diag(report)
            tap.diag(third)
            tap.diag(guest.out("rousectl log --no-pager | tail -n 80"))
            tap.diag(second[:6000])
tap.done()
