"""The table of roots that the initramfs is tested with, and how one of its rows is booted.

A row boots one guest from the disks of roots.py, with an image that rouse-initramfs makes from the same Debian, and
holds if the marker on the root says its name and every pattern of `says` is found on the console. {…} stands for what
the disks' builder said of them: {uuid[NAME]}, {blkid[DISK]}, {roothash}.
"""
import contextlib
import dataclasses
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import cache
import image
import qemu
import roots

UNITS = "--full --add-module virtio_pci --add-module virtio_blk --root-type ext4 "
GENERIC = "--generic --feature installed --feature shell --root-type ext4 --root-type xfs --root-type btrfs --root-type vfat"
TIMEOUT = float(os.environ.get("TIMEOUT") or 240)
WWIDS = "mkdir -p $ROOT/etc/multipath; echo /35000c500a1b2c3d4/ >$ROOT/etc/multipath/wwids"
DOWN = r"rouse-shutdown: all file systems unmounted"


@dataclasses.dataclass
class Row:
    name: str
    disks: str              # DISK[:HOW] …
    root: str               # root= and what else the kernel is told
    marker: str = ""        # what the root calls itself; "": it must not come up
    says: tuple = ()
    never: tuple = ()
    type: tuple = ()        # (pattern, what is typed then) …
    image: str = GENERIC    # arguments of rouse-initramfs
    kernel: str = "cloud"
    quick: bool = False     # one of those in `make check`
    mem: int = 512
    extra: tuple = ()       # more for QEMU
    helper: str = ""        # nfs, tpm, late, answer-there, hibernate, multipath
    before: str = ""        # what is done to the root that the image is made for


ROWS = [
    # --- names of a root ---
    Row("ext4 by UUID", "gpt", "root=UUID={uuid[gptroot]}", "gptroot", (r"on /dev/vda1 ext4 ro", r"api .*proc.*sys.*dev.*run"), quick=True),
    Row("by LABEL", "gpt", "root=LABEL=gptroot", "gptroot"),
    Row("by PARTUUID of a GPT", "gpt", "root=PARTUUID=b0070000-0000-4000-8000-0000000000f1", "gptroot"),
    Row("by PARTUUID of an MBR", "dos", "root=PARTUUID=b0070001-01", "dosroot"),
    Row("by PARTLABEL", "gpt", "root=PARTLABEL=rootpart", "gptroot"),
    Row("by path, written to", "gpt", "root=/dev/vda1 rw", "gptroot", (r"on /dev/vda1 ext4 rw",)),
    Row("by a by-uuid link", "gpt", "root=/dev/disk/by-uuid/{uuid[gptroot]}", "gptroot"),
    Row("by a by-id link", "gpt", "root=/dev/disk/by-id/virtio-gpt-part1", "gptroot"),
    Row("by a by-path link", "gpt", "root=/dev/disk/by-path/pci-0000:00:05.0-part1", "gptroot"),
    Row("by number", "gpt", "root=254:1", "gptroot"),
    Row("by the type of its GPT partition", "gpt", "root=gpt-auto", "gptroot"),
    # --- file systems ---
    Row("xfs", "xfs", "root=LABEL=xfsroot", "xfsroot", (r"xfs ro",)),
    Row("btrfs", "btrfs", "root=LABEL=btrfsroot", "btrfsroot", (r"btrfs ro",)),
    Row("btrfs of two members", "btrfs-a btrfs-b", "root=UUID={blkid[btrfs-a]}", "btrfstwo"),
    Row("btrfs of two members, one missing", "btrfs-a", "root=UUID={blkid[btrfs-a]} rd.degraded=2 rootflags=degraded", "btrfstwo",
        (r"the btrfs of root UUID=\S+ lacks members; mounting it degraded",)),
    Row("btrfs of two members, one missing, refused", "btrfs-a", "root=UUID={blkid[btrfs-a]} rd.degraded=2 rd.timeout=20 panic=1", "",
        (r"the btrfs of root UUID=\S+ lacks members \(rootflags=degraded mounts it without them\)", r"panic=1: restarting")),
    Row("f2fs", "f2fs", "root=LABEL=f2fsroot", "f2fsroot", (r"f2fs ro",), kernel="full", image="--generic --root-type f2fs"),
    Row("vfat", "vfat", "root=LABEL=VFATROOT rootflags=umask=0", "vfatroot"),
    Row("squashfs", "squashfs", "root=/dev/vda rootfstype=squashfs", "squashroot", image=GENERIC + " --root-type squashfs"),
    Row("erofs", "erofs", "root=UUID={uuid[erofsroot]}", "erofsroot", image=GENERIC + " --root-type erofs"),
    # --- controllers ---
    Row("SCSI", "gpt:scsi", "root=LABEL=gptroot", "gptroot", (r"on /dev/sda1",)),
    Row("AHCI, by the drive's id", "gpt:ahci", "root=/dev/disk/by-id/ata-QEMU_HARDDISK_gpt-part1", "gptroot", (r"on /dev/sda1",), kernel="full"),
    Row("NVMe", "gpt:nvme", "root=LABEL=gptroot", "gptroot", (r"on /dev/nvme0n1p1",)),
    Row("USB storage", "gpt:usb", "root=LABEL=gptroot", "gptroot", (r"on /dev/sda1",), kernel="full"),
    Row("SD card", "dos:sd", "root=LABEL=dosroot", "dosroot", (r"on /dev/mmcblk0p1",), kernel="full"),
    Row("NVDIMM", "repair:nvdimm", "root=/dev/pmem0", "repair", (r"on /dev/pmem0 ext4",)),
    # --- above a file system ---
    Row("overlay over a read-only root", "gpt", "root=LABEL=gptroot systemd.volatile=overlay", "gptroot", (r"on overlay overlay rw",), quick=True),
    Row("memory, unpacked from an archive on a disk", "keys", "root=tmpfs:LABEL=keys:/root.tar.gz rw", "unpacked", (r"on tmpfs tmpfs rw",),
        image=GENERIC + " --feature tmpfs-root"),
    Row("/usr by NFS", "usr-nfs", "root=LABEL=usrnfs marker.show=/usr/marker", "usrnfs",
        (r"MARKER usr 10\.0\.2\.2:/nfsroot/usr nfs4?", r"this is /usr"), helper="nfs", image=GENERIC + " --feature nfs"),
    Row("/usr by NFS without mount.nfs", "usr-nfs", "root=LABEL=usrnfs", "usrnfs",
        (r"/usr of the root's fstab is on NFS, and this image has no /sbin/mount\.nfs \(rouse-initramfs --feature nfs\)",)),
    Row("/usr on its own", "usr", "root=LABEL=usrroot marker.show=/usr/usr/marker", "usrroot", (r"MARKER usr /dev/vda2 ext4", r"this is /usr"), quick=True),
    # --- LUKS ---
    Row("LUKS1", "luks1", "root=UUID={uuid[luks1root]}", "luks1root", (DOWN,), type=((r"Passphrase for /dev/vda", "secret1\n"),)),
    Row("LUKS2 by name", "luks2", "root=/dev/mapper/crypt rd.luks.name={uuid[luks2]}=crypt", "luks2root", (r"on /dev/mapper/crypt|on /dev/dm-0", DOWN),
        type=((r"Passphrase for /dev/vda \(crypt\)", "secret2\n"),), quick=True),
    Row("LUKS2, right at the third try", "luks2", "root=UUID={uuid[luks2root]}", "luks2root", (r"wrong passphrase for /dev/vda",),
        type=((r"Passphrase for", "wrong\n"), (r"Passphrase for", "wrong\n"), (r"Passphrase for", "secret2\n"))),
    Row("LUKS2, wrong three times", "luks2", "root=UUID={uuid[luks2root]} rd.shell=0 panic=1", "",
        (r"luks: /dev/vda \(luks-\S+\) was not opened after 3 tries", r"No shell \(rd.shell=0\)", r"panic=1: restarting"),
        type=((r"Passphrase for", "wrong\n"), (r"Passphrase for", "wrong\n"), (r"Passphrase for", "wrong\n"))),
    Row("LUKS2, asked on two consoles, answered on the first", "luks2", "root=UUID={uuid[luks2root]} console=hvc0 console=ttyS0", "luks2root",
        image=GENERIC + " --add-module virtio_console", helper="answer-there"),
    Row("LUKS2 by a key file on another disk", "luks2 keys", "root=UUID={uuid[luks2root]} rd.luks.uuid={uuid[luks2]} rd.luks.key=/root.key:LABEL=keys",
        "luks2root", (DOWN,), never=(r"Passphrase for",)),
    Row("LUKS2 with its header in a file on another disk", "luks-detached keys",
        "root=LABEL=detachedroot rd.luks.name={uuid[luksdetached]}=d rd.luks.data={uuid[luksdetached]}=/dev/vda "
        "rd.luks.options={uuid[luksdetached]}=header=/header.img:LABEL=keys",
        "detachedroot", type=((r"Passphrase for", "secret3\n"),)),
    Row("LUKS2 in the partition that root= names", "luks-gpt", "root=PARTLABEL=cryptroot", "luksgptroot", type=((r"Passphrase for \S+ \(root\)", "secret4\n"),)),
    Row("LUKS2 by TPM2", "tpm", "root=UUID={uuid[tpmroot]} rd.luks.uuid={uuid[lukstpm]}", "tpmroot", never=(r"Passphrase for",), kernel="full",
        image="--generic --feature tpm2", helper="tpm", mem=768),
    Row("LUKS2 by TPM2, which is not there", "tpm", "root=UUID={uuid[tpmroot]} rd.luks.uuid={uuid[lukstpm]}", "tpmroot", kernel="full",
        image="--generic --feature tpm2", type=((r"Passphrase for", "secret5\n"),), mem=768),
    Row("LUKS2 by a keyscript", "luks2", "root=UUID={uuid[luks2root]} rd.luks.uuid={uuid[luks2]} rd.luks.key=secret2 "
        "rd.luks.options=keyscript=/usr/bin/printf", "luks2root", never=(r"Passphrase for",),
        image=GENERIC + " --add-file /usr/bin/printf"),
    Row("LUKS2 by a keyscript that is wrong", "luks2", "root=UUID={uuid[luks2root]} rd.luks.uuid={uuid[luks2]} rd.luks.key=wrong "
        "rd.luks.options=keyscript=/usr/bin/printf,tries=2", "luks2root",
        (r"(?s)luks: what was printed by /usr/bin/printf does not open /dev/vda.*luks: what was printed by /usr/bin/printf does not open /dev/vda",),
        type=((r"Passphrase for", "wrong\n"), (r"Passphrase for", "secret2\n")), image=GENERIC + " --add-file /usr/bin/printf"),
    # --- LVM ---
    Row("LVM, linear", "lvm-a lvm-b", "root=/dev/root-vg/linear", "lvmlinear", (DOWN,), quick=True),
    Row("LVM, by the mapper's name", "lvm-a lvm-b", "root=/dev/mapper/root--vg-linear", "lvmlinear"),
    Row("LVM, raid1", "lvm-a lvm-b", "root=UUID={uuid[lvmmirror]}", "lvmmirror", (DOWN,)),
    Row("LVM, thin", "lvm-a lvm-b", "root=LABEL=lvmthin", "lvmthin", (DOWN,)),
    Row("LVM, raid1 without a member", "lvm-a", "root=UUID={uuid[lvmmirror]} rd.degraded=2", "lvmmirror", (r"a volume group is incomplete; activating",)),
    # --- md ---
    Row("md, raid0", "md0-a md0-b", "root=UUID={uuid[raid0root]}", "raid0root", (DOWN,)),
    Row("md, raid1", "md1-a md1-b", "root=UUID={uuid[raid1root]}", "raid1root", (DOWN,), quick=True),
    Row("md, raid5", "md5-a md5-b md5-c", "root=UUID={uuid[raid5root]}", "raid5root", (DOWN,)),
    Row("md, raid1 without a member", "md1-a", "root=UUID={uuid[raid1root]} rd.degraded=2", "raid1root",
        (r"array md\S+ is degraded: .*starting it \(rd.degraded=no refuses\)",)),
    Row("md, raid5 without a member", "md5-a md5-c", "root=UUID={uuid[raid5root]} rd.degraded=2", "raid5root", (r"is degraded",)),
    Row("md, raid1 without a member, refused", "md1-a", "root=UUID={uuid[raid1root]} rd.degraded=no rd.timeout=20 panic=1", "",
        (r"root UUID=\S+ did not appear within 20 s", r"array md\S+ is degraded and was not started: .*\(rd.degraded=no\)")),
    # --- multipath ---
    Row("multipath", "gpt:multipath", "root=LABEL=gptroot", "gptroot", (r"on /dev/mapper/35000c500a1b2c3d4-part1 ext4|on /dev/dm-1 ext4", DOWN),
        image=GENERIC + " --feature multipath", before=WWIDS, helper="multipath"),
    Row("multipath, turned off", "gpt:multipath", "root=LABEL=gptroot nompath", "gptroot", (r"on /dev/sd[ab]1 ext4",), image=GENERIC + " --feature multipath",
        before=WWIDS, helper="multipath"),
    # --- stacks ---
    Row("LUKS on LVM on RAID", "stack-a stack-b", "root=UUID={uuid[stackroot]}", "stackroot", (DOWN,), type=((r"Passphrase for", "secret6\n"),), quick=True),
    Row("LVM on RAID on two LUKS", "turned-a turned-b", "root=UUID={uuid[turnedroot]}", "turnedroot", (DOWN,), type=((r"Passphrase for", "secret7\n"),)),
    Row("btrfs over two LUKS", "bl-a bl-b", "root=LABEL=btrfsluks", "btrfsluks", (DOWN,), type=((r"Passphrase for", "secret8\n"),)),
    Row("dm-verity", "verity", "root=/dev/mapper/root roothash={roothash} systemd.verity_root_data=/dev/vda1 systemd.verity_root_hash=/dev/vda2",
        "verityroot", image=GENERIC + " --root-type squashfs", quick=True),
    Row("dm-verity with another hash", "verity", "roothash=00{roothash} systemd.verity_root_data=/dev/vda1 systemd.verity_root_hash=/dev/vda2 "
        "rd.timeout=20 panic=1", "", (r"verity: the root was not opened: it does not fit roothash=",), image=GENERIC + " --root-type squashfs"),
    # --- in an image with units: udev's rules and systemd's units do it ---
    Row("with units: LVM", "lvm-a lvm-b", "root=/dev/root-vg/linear", "lvmlinear", (DOWN,), image=UNITS + "--feature lvm", mem=768),
    Row("with units: md, raid1", "md1-a md1-b", "root=UUID={uuid[raid1root]}", "raid1root", (DOWN,), image=UNITS + "--feature mdraid", mem=768),
    Row("with units: LUKS2", "luks2", "root=/dev/mapper/crypt rd.luks.name={uuid[luks2]}=crypt", "luks2root", (DOWN,), image=UNITS + "--feature luks",
        type=((r"(?i)passphrase for disk .*:", "secret2\n"),), mem=768),
    Row("with units: LUKS on LVM on RAID", "stack-a stack-b", "root=/dev/mapper/crypt rd.luks.name={uuid[stackcrypt]}=crypt", "stackroot", (DOWN,),
        image=UNITS + "--feature luks --feature lvm --feature mdraid", type=((r"(?i)passphrase for disk .*:", "secret6\n"),), mem=768),
    # --- the network ---
    Row("NFS, address by DHCP", "", "root=nfs:10.0.2.2:/nfsroot", "nfsroot", (r"network: \S+ has 10\.0\.2\.15", r"on 10\.0\.2\.2:\S+ nfs4? ", DOWN), helper="nfs", image="--bare --feature nfs --add-module virtio_pci"),
    Row("NFS, fixed address", "", "root=/dev/nfs nfsroot=10.0.2.2:/nfsroot ip=10.0.2.15::10.0.2.2:255.255.255.0:guest::off", "nfsroot",
        (r"network: \S+ has 10\.0\.2\.15",), helper="nfs", image="--bare --feature nfs --add-module virtio_pci"),
    # --- hibernation ---
    Row("hibernation and waking up", "gpt", "root=LABEL=gptroot resume=LABEL=hibernate marker.stay no_console_suspend", "gptroot",
        (r"resuming from /dev/vda2", r"^woken-42"), helper="hibernate",
        type=((r"MARKER root", "swapon /dev/vda2; echo shutdown >/sys/power/disk; echo disk >/sys/power/state; "
               "echo woken-$((40+2)); poweroff -f\n"),)),
    Row("a stale resume=", "gpt", "root=LABEL=gptroot resume=UUID=00000000-dead", "gptroot", (r"resume=UUID=00000000-dead is not there; booting afresh",),
        never=(r"waiting for",)),
    # --- checks ---
    Row("a file system that fsck repairs", "repair", "root=LABEL=repair", "repair", (r"fsck\.ext4: ",)),
    Row("a file system that fsck leaves with errors", "corrupt", "root=LABEL=corrupt panic=1", "",
        (r"fsck\.ext4 has left errors on root LABEL=corrupt \(/dev/vda, exit code 4\); repair it by hand", r"panic=1: restarting"), quick=True),
    # --- failures, and waiting well ---
    Row("no such UUID", "gpt", "root=UUID=00000000-0000-0000-0000-00000000dead rd.timeout=20 panic=1 rd.shell=0", "",
        (r"waiting for root UUID=\S+dead \(3 s\); block devices seen: .*/dev/vda1 ext4", r"root UUID=\S+dead did not appear within 20 s",
         r"block device /dev/vda1 ext4 UUID=", r"modules loaded: \d+, failed: 0")),
    Row("no driver in the image", "gpt:nvme", "root=LABEL=gptroot rd.timeout=20 panic=1", "",
        (r"no block device has appeared", r"modules wanted that are not in this image: .*nvme"),
        image="--bare --add-module virtio_pci --add-module virtio_blk --root-type ext4", kernel="full"),
    Row("LUKS without cryptsetup", "luks2", "root=UUID={uuid[luks2root]} rd.timeout=20 panic=1", "",
        (r"/dev/vda is crypto_LUKS, and this image has no /sbin/cryptsetup \(rouse-initramfs --feature luks\)",), image="--generic --feature -luks"),
    Row("no init in the root", "noinit", "root=LABEL=noinit panic=1", "",
        (r"no init found in root LABEL=noinit: tried /sbin/init /etc/init /bin/init /bin/sh",), quick=False),
    Row("init= that is not there", "gpt", "root=LABEL=gptroot init=/no/such", "gptroot", (r"init=/no/such is not a program in the root; trying the usual ones",)),
    Row("a disk that comes late", "gpt:late", "root=LABEL=gptroot rd.timeout=6", "gptroot",
        (r"waiting for root LABEL=gptroot \(3 s\); block devices seen: none", r"root LABEL=gptroot did not appear within 6 s"), helper="late"),
    Row("quiet", "gpt", "root=LABEL=gptroot loglevel=4", "gptroot", never=(r"rouse-initrd: (?!waiting for root)",)),  # which a slow machine may say
    Row("not quiet", "gpt", "root=LABEL=gptroot", "gptroot", (r"(?s)rouse-initrd: root LABEL=gptroot is /dev/vda1, ext4.*"
        r"rouse-initrd: root LABEL=gptroot is mounted.*rouse-initrd: executing /sbin/init",)),
    Row("rd.break at the beginning", "gpt", "root=LABEL=gptroot rd.break=initqueue", "gptroot", (r"rd.break: a shell before any device is looked for",),
        type=((r"initrd# ", "echo in-$((40+2))\n"), (r"in-42", "exit\n"))),
    Row("rd.break before the mount", "gpt", "root=LABEL=gptroot rd.break=pre-mount", "gptroot", (r"rd.break: a shell before the mount of the root",),
        type=((r"initrd# ", "echo in-$((40+2))\n"), (r"in-42", "exit\n"))),
    Row("a shell behind a password", "gpt", "root=LABEL=gptroot rd.break", "gptroot", (r"password|Password",),
        image="--generic --feature shell-password", type=((r"to continue\): ", "rouse\n"), (r"# ", "echo in-$((40+2))\n"), (r"in-42", "exit\n"))),
]


# Booting one --------------------------------------------------------------

def device(how, number, name, path):
    """QEMU's arguments for a disk."""
    drive = ["-drive", f"file={path},if=none,id=d{number},format=raw,snapshot=on,cache=unsafe"]
    return {
        "virtio": drive + ["-device", f"virtio-blk-pci,drive=d{number},serial={name},addr={number + 5:#x}"],
        "scsi": drive + ["-device", "virtio-scsi-pci,id=s", "-device", f"scsi-hd,bus=s.0,drive=d{number},serial={name}"],
        "ahci": drive + ["-device", "ahci,id=a", "-device", f"ide-hd,bus=a.0,drive=d{number},serial={name}"],
        "nvme": drive + ["-device", f"nvme,drive=d{number},serial={name}"],
        "usb": drive + ["-device", "qemu-xhci,id=x", "-device", f"usb-storage,drive=d{number}"],
        "sd": drive + ["-device", "sdhci-pci", "-device", f"sd-card,drive=d{number}"],
        "nvdimm": ["-object", f"memory-backend-file,id=m{number},share=off,mem-path={path},size=32M",
                   "-device", f"nvdimm,memdev=m{number}"],
        "late": drive,
        # one disk, which two ways lead to
        "multipath": ["-blockdev", f"driver=raw,node-name=m{number},file.driver=file,file.filename={path}",
                      "-device", "virtio-scsi-pci,id=s"] +
                     [word for lun in (0, 1) for word in ("-device", f"scsi-hd,bus=s.0,lun={lun},drive=m{number},share-rw=on,"
                                                          f"serial={name},wwn=0x5000c500a1b2c3d4")],
    }[how]


class RootGuest(qemu.Guest):
    def __init__(self, row, machine, facts, slot, more=(), writable=None):
        super().__init__(machine, mem=row.mem, arguments=[*row.extra, *more], slot=slot)
        self.row, self.facts, self.disk_copy = row, facts, writable

    def _prepare_images(self):
        pass

    def kernel_arguments(self):
        return f"console=ttyS0 net.ifnames=0 quiet loglevel=7 {self.row.root.format(**self.facts)}"

    def command(self, far):
        row = self.row
        nvdimm = "nvdimm" in row.disks
        argv = ["qemu-system-x86_64", "-M", "pc,nvdimm=on" if nvdimm else "pc", "-nodefaults", "-no-user-config",
                "-display", "none", "-accel", self.accel, "-cpu", "qemu64,+rdrand",
                "-m", f"{row.mem},slots=2,maxmem=4G" if nvdimm else str(row.mem),
                "-kernel", self.machine.kernel.image, "-initrd", self.machine.initramfs,
                "-append", self.kernel_arguments(), "-no-reboot"]
        for number, word in enumerate(row.disks.split()):
            name, _, how = word.partition(":")
            path = self.disk_copy or os.path.join(self.machine.root, name + ".img")
            arguments = device(how or "virtio", number, name, path)
            argv += [word.replace("snapshot=on", "snapshot=off") for word in arguments] if self.disk_copy else arguments
        argv += ["-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,addr=0x1d"] if row.helper == "nfs" else []
        # the kernel has but one console of each kind
        second = ["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=agent"] if row.helper == "answer-there" \
            else ["-serial", "chardev:agent"]
        argv += ["-chardev", f"socket,id=console,fd={far['console'].fileno()},logfile={self.console_path}",
                 "-serial", "chardev:console",
                 "-chardev", f"socket,id=agent,fd={far['agent'].fileno()}", *second,
                 "-chardev", f"socket,id=qmp,fd={far['qmp'].fileno()}", "-mon", "chardev=qmp,mode=control"]
        return argv + self.arguments


def initramfs(row):
    arguments = row.image.split()
    return image.initramfs_rouse(roots.base(), image.kernel(row.kernel), image.install(), tuple(arguments), before=row.before)


def _answer_there(guest):
    """On the second console."""
    guest._await("agent", rb"Passphrase for", TIMEOUT, "the question on the second console")
    guest.expect("Passphrase for", TIMEOUT)
    guest.sockets["agent"].sendall(b"secret2\r")


def _late(guest):
    guest.expect("did not appear within", TIMEOUT)
    guest.qmp("device_add", driver="virtio-blk-pci", drive="d0", id="late", serial="late")


WRITABLE = ("hibernate", "multipath")  # helpers whose guest writes to a copy of the disk
STEPS = {"answer-there": _answer_there, "late": _late}


@contextlib.contextmanager
def nfs_server(facts):
    """nfs-ganesha on this machine, which guests reach as 10.0.2.2: the marker's tree as /nfsroot."""
    with tempfile.TemporaryDirectory(dir=cache.ROOT) as work:
        tree = os.path.join(work, "tree")
        roots._marker_tree(tree, roots.base())
        with open(os.path.join(tree, "etc/marker"), "w") as file:
            file.write("nfsroot\n")
        conf = os.path.join(work, "ganesha.conf")
        with open(conf, "w") as file:
            file.write("NFS_CORE_PARAM { Protocols = 4; NFS_Port = 2049; Enable_NLM = false; Enable_RQUOTA = false; "
                       f"}}\nNFSV4 {{ RecoveryRoot = {work}; RecoveryBackend = fs; Grace_Period = 1; Lease_Lifetime = 5; "
                       "Graceless = true; }\n"
                       f"EXPORT {{ Export_Id = 1; Path = {tree}; Pseudo = /nfsroot; Access_Type = RW; Squash = none; "
                       "SecType = sys; Protocols = 4; FSAL { Name = VFS; } }\n")
        process = subprocess.Popen(["ganesha.nfsd", "-F", "-f", conf, "-L", os.path.join(work, "log"), "-p",
                                    os.path.join(work, "pid")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 30
            while time.monotonic() < end:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", 2049), 1):
                    break
                time.sleep(0.2)
            yield []
        finally:
            process.terminate()
            process.wait()


@contextlib.contextmanager
def helper(row, facts):
    if row.helper == "nfs":
        with nfs_server(facts) as more:
            yield more
    elif row.helper == "tpm":
        with tempfile.TemporaryDirectory(dir=cache.ROOT) as state:
            shutil.copytree(os.path.join(roots.disks(), "tpm"), state, dirs_exist_ok=True)
            with roots.tpm(state) as more:
                yield more
    else:
        yield []


def judge(row, text):
    """What is wrong with a console's text; "" if nothing."""
    wrong = []
    found = re.findall(r"^MARKER root (\S+)", text, re.M)
    if found != ([row.marker] if row.marker else []):
        wrong.append(f"root came up as {found}, not {row.marker or 'not at all'}")
    wrong += [f"not said: {pattern}" for pattern in row.says if not re.search(pattern, text, re.M)]
    wrong += [f"said: {pattern}" for pattern in row.never if re.search(pattern, text)]
    return "; ".join(wrong)


def _boot(row, machine, facts, slot, more, writable=None):
    with RootGuest(row, machine, facts, slot, more, writable) as guest:
        guest.boot()
        try:
            for pattern, text in row.type:
                guest.expect(pattern, TIMEOUT)
                guest.send(text)
            if row.helper in STEPS:
                STEPS[row.helper](guest)
            guest.wait_exit(TIMEOUT)
        except (qemu.Timeout, qemu.Ended, qemu.Failed, OSError) as error:
            return guest.console_text(), f"{error}; "
        return guest.console_text(), ""


def run_row(row, slot):
    """(what is wrong, the console's text, seconds of a guest)"""
    facts = roots.facts()
    machine = image.Machine(image.kernel(row.kernel), initramfs(row), roots.disks(), "", "")
    with helper(row, facts) as more:
        started = time.monotonic()
        if row.helper in WRITABLE:
            with tempfile.TemporaryDirectory(dir=cache.ROOT) as work:
                disk = os.path.join(work, "disk.img")
                roots.ext4.sparse_copy(os.path.join(machine.root, row.disks.partition(":")[0] + ".img"), disk)
                text, error = _boot(row, machine, facts, slot, more, disk)
                if row.helper == "hibernate":
                    again, error2 = _boot(dataclasses.replace(row, type=()), machine, facts, slot, more, disk)
                    text, error = text + again, error + error2
        else:
            text, error = _boot(row, machine, facts, slot, more)
    return error + judge(row, text) if error or judge(row, text) else "", text, time.monotonic() - started


def run(rows, tap):
    """All of them, one after the other, in one place of this machine."""
    seconds = 0.0
    slot = None
    try:
        roots.disks()
        for row in rows:
            initramfs(row)
        slot = cache.slot()
        for row in rows:
            wrong, text, took = run_row(row, slot)
            seconds += took
            tap.ok(not wrong, f"{row.name} ({took:.1f} s)", f"{wrong}\nthe console's end:\n" + "\n".join(text.splitlines()[-30:]))
    except image.Error as error:
        tap.ok(False, "the roots' disks and images", error)
    finally:
        if slot:
            slot.close()
    tap.diag(f"{len(rows)} guests, {seconds / 60:.1f} guest-minutes")
