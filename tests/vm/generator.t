#!/usr/bin/env python3
"""The image generator on a Debian root with a real kernel's modules: the same image every time; damage of every sort is
named and survived; killed at any moment it leaves the old image or a whole new one; what is asked for comes in, and
is said to. No guest; a minute or two."""
import os
import random
import re
import subprocess
import sys
import tempfile
import time
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cache
import image
from tap import Tap

tap = Tap()
OUT = os.environ.get("OUT") or os.path.join(image.TOP, "build")
KERNEL = image.kernel("cloud")
LAYERS = [image.install(OUT) + "/tree", KERNEL.tree, image.base() + "/tree"]
IMAGE_FSCK = "mkdir -p $ROOT/etc/rouse; echo Fsck=image >$ROOT/etc/rouse/initramfs.conf; "
NOISE = "head -c 3000 /dev/urandom >"

# What is broken (M: the kernel's modules), what must be said, and whether there is an image all the same.
DAMAGE = [
    ("a module cut short", "truncate -s 3000 $M/kernel/drivers/block/virtio_blk.ko", "Module virtio_blk .*cannot be used", True),
    ("a module cut at its end", "truncate -s -2000 $M/kernel/drivers/block/virtio_blk.ko", "virtio_blk .*cannot be used", True),
    ("an empty module", ": >$M/kernel/drivers/scsi/scsi_mod.ko", "Module scsi_mod .*cannot be used", True),
    ("a dangling link", "ln -sf /nowhere $M/kernel/drivers/block/virtio_blk.ko", "virtio_blk.ko: No such file", True),
    ("a loop of links", "ln -sf virtio_blk.ko $M/kernel/drivers/block/virtio_blk.ko", "virtio_blk.ko: Too many", True),
    ("an unreadable directory for a module", "rm $M/kernel/drivers/block/virtio_blk.ko; mkdir $M/kernel/drivers/block/virtio_blk.ko",
     "virtio_blk.ko: Is a directory", True),
    ("modules.dep.bin of rubbish", NOISE + "$M/modules.dep.bin", "Cannot read the module index .*modules.dep.bin", False),
    ("modules.dep.bin cut short", "truncate -s 5000 $M/modules.dep.bin", r"modules.dep.bin is damaged: \d+ entries", False),
    ("modules.alias.bin of rubbish", NOISE + "$M/modules.alias.bin", "Cannot read the module index .*modules.alias.bin", False),
    ("modules.alias.bin cut short", "truncate -s 5000 $M/modules.alias.bin", r"modules.alias.bin is damaged", False),
    ("no modules", "rm -r $M", "No modules.dep for kernel", False),
    ("fsck cut short", IMAGE_FSCK + "cp --remove-destination $ROOT/sbin/e2fsck $ROOT/sbin/fsck.ext4; truncate -s 5000 $ROOT/sbin/fsck.ext4",
     "fsck.ext4 is damaged", True),
    ("fsck a loop of links", IMAGE_FSCK + "ln -sf fsck.ext4 $ROOT/sbin/fsck.ext4", r"fsck.ext4 cannot be had \(Too many", True),
    ("a library of fsck gone", IMAGE_FSCK + "rm $ROOT/lib/x86_64-linux-gnu/libe2p.so.2", "needs the library libe2p.so.2", True),
    ("modprobe.d of rubbish", "printf '\\377\\376\\n' >$ROOT/etc/modprobe.d/x.conf", "x.conf:1: Not UTF-8", True),
    ("a wrong line in modprobe.d", "echo rubbish x >$ROOT/etc/modprobe.d/x.conf", 'x.conf:1: Unknown command "rubbish"', True),
    ("fstab of rubbish", NOISE + "$ROOT/etc/fstab", "", True),
    ("a configuration of rubbish", "mkdir -p $ROOT/etc/rouse; printf 'Mode=none\\nNo\\n' >$ROOT/etc/rouse/initramfs.conf",
     "initramfs.conf:1: Mode=none is not valid", True),
    ("a module that was asked for and is not there", "mkdir -p $ROOT/etc/rouse; echo Modules=nosuch >$ROOT/etc/rouse/initramfs.conf",
     "Module nosuch .*is not among the modules", False),
    ("a file that was asked for and is not there", "mkdir -p $ROOT/etc/rouse; echo Files=/no/such >$ROOT/etc/rouse/initramfs.conf",
     "Cannot add the file /no/such", False),
]


def generate(work, before="", arguments="--generic"):
    """(status, what was said) of one run; the image is work/image."""
    said = image.in_tree(LAYERS, f"M=$ROOT/usr/lib/modules/{KERNEL.version}; set +e; {before}\n"
                         f"'{OUT}/rouse-initramfs' -k {KERNEL.version} --sysroot \"$ROOT\" {arguments} "
                         f"-o '{work}/image' 2>&1; echo status $?")
    return int(re.search(r"status (\d+)", said)[1]), said


def whole(path):
    return subprocess.run([OUT + "/rouse-initramfs", "--inspect", path], capture_output=True).returncode == 0


def read(path):
    with open(path, "rb") as file:
        return file.read()


def same_every_time(work):
    """In another directory, at another time, with other dates on the files, by any number of threads."""
    generate(work)
    first = read(work + "/image")
    os.unlink(work + "/image")
    generate(work, "find $M -name '*.ko' -exec touch -h -d 2001-02-03 {} +; cd /; export TZ=Asia/Tokyo", "--generic --threads 3")
    tap.ok(first == read(work + "/image"), "the same image every time, to the byte")


def inspect(work, *name):
    return subprocess.run([OUT + "/rouse-initramfs", "--inspect", os.path.join(work, *(name or ("image",)))],
                          capture_output=True, text=True).stdout


# What is done to the root before, arguments, and what --inspect must and must not say.
ASKED = [
    ("options and a soft dependency of modprobe.d", "printf 'options virtio_blk queue_depth=7\\nsoftdep virtio_blk pre: dummy post: veth\\n'"
     ">$ROOT/etc/modprobe.d/x.conf", "--bare --add-module virtio_blk",
     [r"/virtio_blk.ko  \(asked for\)  \[loaded at once\]  \[options queue_depth=7\]", r"/dummy.ko  \(for module virtio_blk\)",
      r"/veth.ko  \(for module virtio_blk\)"], []),
    ("a weak dependency", "echo 'weakdep virtio_blk veth' >$ROOT/etc/modprobe.d/x.conf", "--bare --add-module virtio_blk",
     [r"/veth.ko  \(virtio_blk may ask for it\)"], []),
    ("a blacklist keeps a module from being asked for by devices", "echo 'blacklist virtio_blk' >$ROOT/etc/modprobe.d/x.conf",
     f"--bare --hardware '{image.TOP}/bench/guest.hardware'", [r"/virtio_pci.ko"], [r"virtio_blk.ko"]),
    ("a recording: the root's driver, loaded at once", "", f"--bare --hardware '{image.TOP}/bench/guest.hardware'",
     [r"/virtio_blk.ko  \(drives the way to the root\)  \[loaded at once\]"], []),
    ("what is built in needs no module", "", "--bare --add-module nvme --add-module virtio_blk", [r"/virtio_blk.ko"], [r"/nvme.ko"]),
    ("compressed modules", "for m in virtio_blk:xz virtio_scsi:zstd; do find $M -name ${m%:*}.ko -exec ${m#*:} -q --rm {} \\; 2>&1 || "
     "find $M -name ${m%:*}.ko -exec ${m#*:} {} \\;; done; depmod -b $ROOT $(basename $M); rm -f $M/modules.rouse",
     "--bare --add-module virtio_blk --add-module virtio_scsi", [r"/virtio_blk.ko ", r"/virtio_scsi.ko "], [r"\.ko\.(xz|zst)"]),
    ("plain firmware", "mkdir -p $ROOT/lib/firmware; echo firmware >$ROOT/lib/firmware/daqboard2000_firmware.bin", "--bare --add-module daqboard2000",
     [r"-  ?0644 +9 lib/firmware/daqboard2000_firmware.bin  \(firmware of daqboard2000\)"], []),
    ("firmware by xz", "mkdir -p $ROOT/lib/firmware; echo firmware | xz >$ROOT/lib/firmware/daqboard2000_firmware.bin.xz",
     "--bare --add-module daqboard2000", [r" 9 lib/firmware/daqboard2000_firmware.bin  \(firmware of daqboard2000\)"], []),
    ("firmware by zstd", "mkdir -p $ROOT/lib/firmware; echo firmware | zstd -q >$ROOT/lib/firmware/daqboard2000_firmware.bin.zst",
     "--bare --add-module daqboard2000", [r" 9 lib/firmware/daqboard2000_firmware.bin  \(firmware of daqboard2000\)"], []),
    ("a script brings its interpreter, a program its libraries", "printf '#!/bin/dash\\n' >$ROOT/usr/bin/x; chmod +x $ROOT/usr/bin/x",
     "--bare --add-file /usr/bin/x:/x", [r" x  \(asked for\)", r"bin/dash  \(interpreter of /x\)", r"libc.so.6  \(library of /bin/dash\)"], []),
    ("microcode stands first, unpacked", "mkdir -p $ROOT/lib/firmware/intel-ucode; printf '\\1\\0\\0\\0code' >$ROOT/lib/firmware/intel-ucode/06-55-04",
     "--generic", [r"\A(d .*\n)+- 0644 +8 kernel/x86/microcode/GenuineIntel.bin"], []),
    ("mdadm.conf, crypttab and LVM's records speak for their tools", "for p in sbin/cryptsetup sbin/mdadm sbin/lvm; do cp $ROOT/bin/true $ROOT/$p; done; "
     "mkdir -p $ROOT/etc/mdadm $ROOT/etc/lvm/backup; echo 'ARRAY /dev/md0 UUID=x' >$ROOT/etc/mdadm/mdadm.conf; echo vg >$ROOT/etc/lvm/backup/vg; "
     "echo 'r UUID=1 none luks' >$ROOT/etc/crypttab", "--generic", [r"sbin/cryptsetup  \(feature luks\)", r"sbin/mdadm  \(feature mdraid\)",
                                                               r"sbin/lvm  \(feature lvm\)"], []),
    ("installed, and nothing speaks for them: not in a generic image", "for p in sbin/cryptsetup sbin/mdadm sbin/lvm; do cp $ROOT/bin/true $ROOT/$p; done; "
     "echo 's /dev/sdb /dev/urandom swap' >$ROOT/etc/crypttab", "--generic", [r"/virtio_blk.ko"], [r"sbin/cryptsetup", r"sbin/mdadm", r"sbin/lvm"]),
    ("an image with units: PID 1, devd, their libraries and units", "", "--full",
     [r"l 0777 .* init -> usr/sbin/rouse ", r" usr/lib/rouse/rouse-devd ", r"libkmod.so.2  \(library of /usr/lib/rouse/rouse-devd-worker\)",
      r" usr/lib/systemd/system/initrd.target ", r"etc/systemd/system/sysinit.target.wants/systemd-udevd.service -> /usr/lib/rouse/system/systemd-udevd.service",
      r" etc/initrd-release ", r" usr/lib/rouse/system/initrd-parse-etc.service "], [r"sbin/cryptsetup"]),
    ("an image with units for a root on LUKS and LVM: rules, units, and what they run", "for p in sbin/cryptsetup sbin/lvm sbin/dmsetup; do "
     "cp $ROOT/bin/true $ROOT/$p; done; touch $ROOT/usr/lib/udev/rules.d/69-lvm.rules", "--full --feature luks --feature lvm",
     [r" lib/systemd/systemd-cryptsetup ", r"libsystemd-shared-\d+.so  \(library of /lib/systemd/systemd-cryptsetup\)",
      r" lib/systemd/system-generators/systemd-cryptsetup-generator ", r" usr/lib/udev/rules.d/69-lvm.rules ", r" shutdown -> /usr/lib/rouse/rouse-shutdown  \(takes the root's devices down",
      r"sysinit.target.wants/cryptsetup.target -> ", r"sysinit.target.wants/systemd-ask-password-console.path -> ", r"bin/systemd-run -> rousectl",
      r"/dm-crypt.ko  \(feature luks\)  \[loaded at once\]"], []),
    ("a unit of one's own, its drop-in, and what they execute", "mkdir -p $ROOT/etc/systemd/system/x@.service.d; cp $ROOT/bin/true $ROOT/usr/bin/x; "
     "printf '[Service]\\nExecStart=-@/usr/bin/x y\\nExecStop=-/no/such\\n[Install]\\nWantedBy=multi-user.target basic.target\\n'"
     ">$ROOT/etc/systemd/system/x@.service; printf '[Service]\\nExecStartPre=cat\\n' >$ROOT/etc/systemd/system/x@.service.d/a.conf",
     "--full --unit x@.service", [r"basic.target.wants/x@.service -> /etc/systemd/system/x@.service", r" x@.service.d/a.conf|x@.service.d/a.conf ",
                                  r" usr/bin/x  \(run by x@.service\)", r" usr/bin/cat  \(run by x@.service\)"], [r"multi-user.target.wants"]),
    ("a recording and /usr on NFS: what mounts it, and the network", "cp $ROOT/bin/true $ROOT/sbin/mount.nfs; "
     "echo 'server:/usr /usr nfs ro 0 0' >>$ROOT/etc/fstab", f"--hardware '{image.TOP}/bench/guest.hardware'",
     [r"sbin/mount.nfs  \(feature nfs\)", r"/nfsv4.ko ", r"/virtio_net.ko ", r" shutdown  \(takes the root's devices down"], []),
    ("unless all that is installed is asked for", "for p in sbin/cryptsetup sbin/mdadm sbin/lvm; do cp $ROOT/bin/true $ROOT/$p; done",
     "--generic --feature installed --feature -lvm", [r"sbin/cryptsetup", r"sbin/mdadm"], [r"sbin/lvm"]),
]


def asked_for(work):
    for name, before, arguments, says, never in ASKED:
        status, output = generate(work, before, arguments)
        said = inspect(work)
        missing = [p for p in says if not re.search(p, said)] + [p for p in never if re.search(p, said)]
        tap.ok(status == 0 and not missing, name, f"{missing}\n{output}\n{said[:3000]}")


def said(work):
    """What is said and what is not written."""
    status, output = generate(work, "", "--bare --add-module daqboard2000")
    tap.ok(status == 0 and "Firmware daqboard2000_firmware.bin, which module daqboard2000 may ask for, is not there" in output,
           "missing firmware is a warning", output)
    with open(work + "/image", "w") as file:
        file.write("the old image")
    status, output = generate(work, "echo '/dev/vda / nosuchfs defaults 0 1' >$ROOT/etc/fstab", "--generic")
    tap.ok(status != 0 and "nosuchfs" in output and read(work + "/image") == b"the old image",
           "a missing driver of the root is an error", output)
    for arguments, pattern in (("--full --unit nosuch.service", "needs the unit nosuch.service: No such file"),
                               ("--full --feature nfs", "An image with units cannot have the feature nfs"),
                               ("--full --feature luks", "Feature luks needs /sbin/cryptsetup, which is not there"),
                               ("--feature nosuch", "There is no feature nosuch")):
        status, output = generate(work, "", arguments)
        tap.ok(status != 0 and pattern in output and read(work + "/image") == b"the old image", f"{arguments}: {pattern}", output)
    for option, pattern in (("--list", r"\d+ lib/modules/.*/virtio_blk.ko  \(lean set\)"), ("--dry-run", r"\d+ entries, \d+ bytes, \d+ as zstd")):
        status, output = generate(work, "", "--host " + option)
        tap.ok(status == 0 and re.search(pattern, output) and read(work + "/image") == b"the old image", f"{option} writes nothing", output)
    status, output = generate(work, f"mkdir '{work}/small'; mount -t tmpfs -o size=200k none '{work}/small'; echo old >'{work}/small/i'",
                              f"--host -o '{work}/small/i'; ls '{work}/small'; cat '{work}/small/i'; true")
    tap.ok("KiB free and the image needs" in output and "\ni\nold\n" in output, "no space: the old image stays, alone", output)


def formats(work):
    """Each form, by the tool that it is named after, at its lowest and highest level."""
    for form, levels, test in (("zstd", "1 19", "zstd -qdc"), ("lz4", "1 12", "lz4 -qdc"), ("xz", "1 6", "xz -dc"), ("gzip", "1 9", "gzip -dc"), ("none", "0", "cat")):
        sizes = []
        for level in levels.split():
            choice = form if form == "none" else f"{form}:{level}"
            status, output = generate(work, "", f"--bare --no-microcode --add-module virtio_blk --compress {choice}")
            listed = subprocess.run(["sh", "-c", f"{test} <'{work}/image' | cpio -t --quiet"], capture_output=True, text=True)
            sizes.append(os.path.getsize(work + "/image"))
            tap.ok(status == 0 and "/virtio_blk.ko" in listed.stdout, f"{choice}: {test.split()[0]} and cpio read it", output + listed.stderr)
        if len(sizes) > 1:
            tap.ok(sizes[1] < sizes[0], f"{form}: a higher level is smaller", sizes)


def damaged(work):
    for name, script, said, made in DAMAGE:
        with open(work + "/image", "w") as file:
            file.write("the old image")
        status, output = generate(work, script)
        good = (status == 0) == made and re.search(said, output) is not None
        if made:
            good = good and whole(work + "/image")
        else:
            good = good and read(work + "/image") == b"the old image"
        tap.ok(good, f"{name}: {said or 'no matter'}; {'an image all the same' if made else 'the old image stays'}", output)


def killed(work):
    """100 times, at moments spread over the time that a run takes."""
    path = work + "/image"
    generate(work)
    good = read(path)
    again = 0
    script = (f"cd '{work}'; i=0; while [ $i -lt 100 ]; do i=$((i + 1)); echo old >image; "
              f"timeout -s KILL $(cat delay.$i) '{OUT}/rouse-initramfs' -k {KERNEL.version} --sysroot \"$ROOT\" --generic -o image "
              "2>/dev/null; cp image image.$i; done")
    started = time.monotonic()
    generate(work)
    took = time.monotonic() - started
    chance = random.Random(1)
    for i in range(1, 101):
        with open(f"{work}/delay.{i}", "w") as file:
            file.write(f"{chance.uniform(0.01, took):.3f}")
    image.in_tree(LAYERS, "set +e; " + script + "; true")
    broken = 0
    for i in range(1, 101):
        data = read(f"{work}/image.{i}")
        again += data == good
        broken += data not in (good, b"old\n")
    tap.ok(broken == 0, "killed 100 times: never a broken image", f"{broken} broken")
    tap.diag(f"killed 100 times: {again} had ended before, {100 - again - broken} left the old image")
    left = [name for name in os.listdir(work) if "image" in name and not re.fullmatch(r"image(\.\d+)?", name)]
    generate(work)
    tap.ok(read(path) == good, "and the next run makes it", left)


os.makedirs(cache.ROOT, exist_ok=True)
with tempfile.TemporaryDirectory(dir=cache.ROOT, prefix=".tree-generator-") as work:
    same_every_time(work)
    asked_for(work)
    said(work)
    formats(work)
    damaged(work)
    killed(work)
tap.done()
