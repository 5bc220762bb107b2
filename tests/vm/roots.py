"""Disks with every kind of root, made once by a guest with Debian's own tools (roots/build) and cached like the other
images, and a guest that boots one of them with an initramfs of ours.

What is on them is a marker: busybox and an init (roots/marker-init) that says what it finds and powers off, so that a
boot takes seconds.
"""
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import cache
import ext4
import image
import qemu

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ("systemd,systemd-sysv,udev,dbus,kmod,e2fsprogs,login,openssh-server,initramfs-tools,zstd,lvm2,"
            "thin-provisioning-tools,cryptsetup-bin,mdadm,btrfs-progs,xfsprogs,f2fs-tools,dosfstools,squashfs-tools,"
            "erofs-utils,nfs-common,busybox-static,xz-utils,tar,dracut-core,libtss2-esys-3.0.2-0,libtss2-rc0,libtss2-mu0,"
            "libtss2-tcti-device0,tpm2-tools,iproute2,ifupdown,multipath-tools")
ROOT_TYPE = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
SWAP_TYPE = "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"

# size in MiB, and what sfdisk is told
DISKS = {
    "gpt": (160, f"label: gpt\nsize=64M,type={ROOT_TYPE},name=rootpart,uuid=b0070000-0000-4000-8000-0000000000f1\n"
                 f"type={SWAP_TYPE},name=swappart,uuid=b0070000-0000-4000-8000-0000000000f2\n"),
    "dos": (64, "label: dos\nlabel-id: 0xb0070001\ntype=83\n"),
    "xfs": (320, None), "btrfs": (128, None), "btrfs-a": (128, None), "btrfs-b": (128, None),
    "f2fs": (64, None), "vfat": (64, None), "squashfs": (16, None), "erofs": (16, None),
    "usr": (96, "label: gpt\nsize=32M\ntype=linux\n"), "usr-nfs": (32, None), "noinit": (32, None), "corrupt": (32, None), "repair": (32, None),
    "keys": (64, None), "luks1": (64, None), "luks2": (64, None), "luks-detached": (64, None),
    "luks-gpt": (96, f"label: gpt\ntype={ROOT_TYPE},name=cryptroot,uuid=b0070000-0000-4000-8000-0000000000f3\n"),
    "tpm": (64, None), "lvm-a": (128, None), "lvm-b": (64, None),
    "md0-a": (48, None), "md0-b": (48, None), "md1-a": (48, None), "md1-b": (48, None),
    "md5-a": (32, None), "md5-b": (32, None), "md5-c": (32, None),
    "stack-a": (96, None), "stack-b": (96, None), "turned-a": (96, None), "turned-b": (96, None),
    "bl-a": (160, None), "bl-b": (160, None),
    "verity": (32, "label: gpt\nsize=16M\ntype=linux\n"),
}


# Making them --------------------------------------------------------------

def base():
    return image.base(PACKAGES)


def _marker_tree(tree, base_path):
    """What is put on each root."""
    for name in ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "etc", "usr", "var"):
        os.makedirs(os.path.join(tree, name))
    busybox = os.path.join(base_path, "tree/bin/busybox")
    shutil.copy(busybox, os.path.join(tree, "bin/busybox"))
    for name in ("sh", "cat", "cp", "grep", "tr", "sed", "mount", "stty", "poweroff", "blkid", "swapon", "echo", "ls", "sleep"):
        os.symlink("busybox", os.path.join(tree, "bin", name))
    shutil.copy(os.path.join(HERE, "roots/marker-init"), os.path.join(tree, "sbin/init"))
    shutil.copy(os.path.join(HERE, "roots/hibernate"), os.path.join(tree, "sbin/hibernate"))
    with open(os.path.join(tree, "usr/marker"), "w") as file:
        file.write("this is /usr\n")


def _blank_disks(work):
    for name, (size, table) in DISKS.items():
        path = os.path.join(work, name + ".img")
        with open(path, "wb") as file:
            file.truncate(size << 20)
        if table:
            image.run(["sh", "-c", f"printf '%s' '{table}' | sfdisk -q '{path}'"])


def _builder_root(work, base_path, kernel):
    path = os.path.join(work, "builder.img")
    with tempfile.TemporaryDirectory() as extra:
        _marker_tree(os.path.join(extra, "marker"), base_path)
        shutil.copy(os.path.join(HERE, "roots/build"), os.path.join(extra, "build"))
        image.in_tree([extra, kernel.tree, base_path + "/tree"],
                      f"umount \"$ROOT/proc\"; mkfs.ext4 -q -F -U {image.ROOT_UUID} -d \"$ROOT\" '{path}' 2G")
    return path


BUILDER_INIT = """#!/bin/busybox sh
busybox mount -t devtmpfs dev /dev
for m in /modules/*; do busybox insmod "$m"; done
n=0
while [ ! -b /dev/vda ] && [ $n -lt 600 ]; do busybox sleep 0.1; n=$((n + 1)); done
busybox mount -t ext4 /dev/vda /root
busybox mount --move /dev /root/dev
exec busybox switch_root /root /build
"""


def _builder_initramfs(work, base_path, kernel):
    """The least that brings the builder's root up: busybox and the modules of its disk, in the order of modprobe."""
    tree = os.path.join(work, "initramfs.d")
    for name in ("bin", "modules", "dev", "root"):
        os.makedirs(os.path.join(tree, name))
    shutil.copy(os.path.join(base_path, "tree/bin/busybox"), os.path.join(tree, "bin/busybox"))
    paths = []
    for name in ("virtio_pci", "virtio_blk", "ext4"):
        said = image.run(["modprobe", "-d", kernel.tree + "/usr", "-S", kernel.version, "--show-depends", name])
        paths += [path for path in re.findall(r"^insmod (\S+)", said, re.M) if path not in paths]
    for number, path in enumerate(paths):
        shutil.copy(path, os.path.join(tree, "modules", f"{number:02}.ko"))
    with open(os.path.join(tree, "init"), "w") as file:
        file.write(BUILDER_INIT)
    os.chmod(os.path.join(tree, "init"), 0o755)
    path = os.path.join(work, "initramfs")
    image.run(["sh", "-c", f"cd '{tree}' && find . | cpio -o -H newc --quiet >'{path}'"])
    shutil.rmtree(tree)
    return path


@contextlib.contextmanager
def tpm(state):
    """A TPM2 (swtpm) with its state in a directory: QEMU's arguments for it."""
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "socket")
        process = subprocess.Popen(["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={state}", "--ctrl",
                                    f"type=unixio,path={path}", "--flags", "startup-clear"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 20
            while not os.path.exists(path) and time.monotonic() < end:
                time.sleep(0.05)
            yield ["-chardev", f"socket,id=tpm,path={path}", "-tpmdev", "emulator,id=tpm0,chardev=tpm",
                   "-device", "tpm-tis,tpmdev=tpm0"]
        finally:
            process.terminate()
            process.wait()


class Builder(qemu.Guest):
    def __init__(self, machine, work, arguments):
        super().__init__(machine, mem=1024, arguments=arguments)
        self.work_disks = work

    def _prepare_images(self):
        pass

    def kernel_arguments(self):
        return f"{qemu.ROOT} rw console=ttyS0 panic=-1 init=/build quiet disks={len(DISKS)}"

    def command(self, far):
        argv = ["qemu-system-x86_64", "-M", "pc", "-nodefaults", "-no-user-config", "-display", "none", "-accel", self.accel,
                "-cpu", "qemu64,+rdrand", "-m", str(self.mem), "-kernel", self.machine.kernel.image,
                "-initrd", self.machine.initramfs, "-append", self.kernel_arguments(), "-no-reboot",
                "-drive", f"file={self.machine.root},if=none,id=root,format=raw,cache=unsafe",
                "-device", "virtio-blk-pci,drive=root", "-device", "virtio-scsi-pci,id=s"]
        for number, name in enumerate(DISKS):
            argv += ["-drive", f"file={self.work_disks}/{name}.img,if=none,id=d{number},format=raw,cache=unsafe,discard=unmap,"
                     "detect-zeroes=unmap", "-device", f"scsi-hd,bus=s.0,lun={number},drive=d{number},serial={name}"]
        argv += ["-chardev", f"socket,id=console,fd={far['console'].fileno()},logfile={self.console_path}",
                 "-serial", "chardev:console",
                 "-chardev", f"socket,id=qmp,fd={far['qmp'].fileno()}", "-mon", "chardev=qmp,mode=control",
                 "-chardev", f"socket,id=agent,fd={far['agent'].fileno()}", "-serial", "chardev:agent"]
        return argv + self.arguments


def disks():
    """The cache entry: NAME.img for each disk, tpm/ the TPM's state, facts.json what the builder said."""
    kernel, base_path = image.kernel("full"), base()

    def make(work):
        _blank_disks(work)
        root = _builder_root(work, base_path, kernel)
        os.makedirs(os.path.join(work, "tpm"))
        initramfs = _builder_initramfs(work, base_path, kernel)
        machine = image.Machine(kernel, initramfs, root, "", "/build")
        with tpm(os.path.join(work, "tpm")) as arguments, Builder(machine, work, arguments) as guest:
            guest.boot()
            try:
                guest.expect(r"^@(done)", 3600)
                guest.wait_exit(120)
            except (qemu.Timeout, qemu.Ended) as error:
                raise image.Error(f"the disks could not be made: {error}\n{guest.tail(30)}") from None
            text = guest.console_text()
        for step in re.findall(r"^@broken (\S+)", text, re.M):
            image.say(f"a step of the disks' builder failed: {step}\n{text[-6000:]}")
        facts = {"roothash": (re.findall(r"^@roothash ([0-9a-f]+)", text, re.M) or [""])[0],
                 "broken": re.findall(r"^@broken (\S+)", text, re.M),
                 "uuid": dict(re.findall(r"^@uuid (\S+) (\S+)", text, re.M)),
                 "blkid": dict(re.findall(r"^@blkid (\S+) (\S+)", text, re.M))}
        with open(os.path.join(work, "facts.json"), "w") as file:
            json.dump(facts, file, indent=1)
        os.unlink(root)
        os.unlink(initramfs)
    key = cache.digest(1, base_path, kernel.path, json.dumps(DISKS), cache.digest_tree(os.path.join(HERE, "roots")))
    return cache.entry("roots", key, make, image.say)


def facts():
    with open(os.path.join(disks(), "facts.json")) as file:
        return json.load(file)
