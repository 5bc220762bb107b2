#!/usr/bin/env python3
"""The image generator on a Debian root with a real kernel's modules: the same image every time; damage of every sort is
named and survived; killed at any moment it leaves the old image or a whole new one. No guest; under a minute."""
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
    generate(work)
    first = read(work + "/image")
    os.unlink(work + "/image")
    generate(work)
    tap.ok(first == read(work + "/image"), "the same image every time, to the byte")


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
    damaged(work)
    killed(work)
tap.done()
