#!/usr/bin/env python3
"""A unified kernel image, made around systemd's stub, is started by EFI firmware and boots to the services.
1 boot, about 1 guest-minute."""
import glob
import os
import subprocess
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cache
import ext4
import image
import qemu
from tap import TIMEOUT, Tap

tap = Tap()
PACKAGES = ["ovmf", "systemd-boot-efi"]
STUB = "usr/lib/systemd/boot/efi/linuxx64.efi.stub"


def firmware():
    """A directory with the firmware's and the stub's packages unpacked."""
    def make(work):
        with tempfile.TemporaryDirectory(dir=work) as temporary:
            image.run(["apt-get", "download", "-q", "-oAPT::Sandbox::User=root"] + PACKAGES, cwd=temporary)
            for package in glob.glob(os.path.join(temporary, "*.deb")):
                image.run(["dpkg-deb", "-x", package, work])
    return cache.entry("firmware", cache.digest(1, *PACKAGES), make, image.say)


def make(machine, stub, work):
    """The unified image, for the guest's root; what is not in that root is laid beside it."""
    out = os.environ.get("OUT") or os.path.join(image.TOP, "build")
    words = f"{qemu.ROOT} console=ttyS0 net.ifnames=0 panic=-1 init={machine.init}"
    efi = os.path.join(work, "esp", "EFI", "BOOT")
    os.makedirs(efi)
    version = machine.kernel.version
    image.in_tree([image.install(out) + "/tree", machine.kernel.tree, image.base() + "/tree"],
                  f"cp '{machine.kernel.image}' \"$ROOT/boot/vmlinuz-{version}\"; cp '{stub}' \"$ROOT/root/stub\"; "
                  f"echo '{words}' >\"$ROOT/etc/kernel/cmdline\"; "
                  f"'{out}/rouse-initramfs' -k {version} --sysroot \"$ROOT\" --generic --uki --stub /root/stub "
                  f"-o '{efi}/BOOTX64.EFI'")
    return os.path.join(work, "esp")


with tempfile.TemporaryDirectory(prefix="rouse-uki-") as work:
    try:
        files = firmware()
        machine = image.machine("rouse")
        esp = make(machine, os.path.join(files, STUB), work)
        with qemu.Guest(machine, mem=768, efi=(files + "/usr/share/OVMF/OVMF_CODE.fd", esp)) as guest:
            guest.boot()
            guest.wait_ready(TIMEOUT)
            tap.ok(guest.run("test -d /sys/firmware/efi")[0] == 0, "the machine was started by EFI")
            tap.like(guest.out("cat /proc/cmdline"), "init=/usr/sbin/rouse", "with the image's own command line")
            tap.is_(guest.out("systemctl is-active nginx ssh"), "active\nactive", "its services run")
    except (qemu.Timeout, qemu.Ended, qemu.Failed, image.Error, ext4.Error, OSError, subprocess.SubprocessError) as error:
        tap.ok(False, "all of it", error)
tap.done()
