#!/usr/bin/env python3
"""The package on a stock Debian: installed under systemd, it makes the machine's initramfs by Debian's own ways
(update-initramfs, a kernel's hooks, the dpkg trigger), the machine boots from that image under rouse and under systemd,
and after the package's removal everything is as it was. 4 boots, about 4 guest-minutes."""
import base64
import dataclasses
import os
import subprocess
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ext4
import image
import qemu
from tap import TIMEOUT, Tap

tap = Tap()
NAMES = "/usr/bin/systemctl /bin/udevadm /usr/sbin/update-initramfs /sbin/reboot"
LOOK = f"for f in {NAMES} /bin/journalctl; do readlink -f $f; md5sum <$f; done; ls /boot /etc/kernel/*.d /usr/lib/rouse"


def package():
    """The package, by the build's own target."""
    out = os.environ.get("OUT") or os.path.join(image.TOP, "build")
    done = subprocess.run(["make", "-s", "-C", image.TOP, f"OUT={out}", "deb"], capture_output=True, text=True)
    if done.returncode:
        raise image.Error(done.stderr)
    return os.path.join(image.TOP, done.stdout.split()[-1])


def install(guest):
    before = guest.out(LOOK + " 2>&1")
    status, output = guest.run("dpkg -i /root/rouse.deb 2>&1", TIMEOUT)
    tap.ok(status == 0, "the package is installed", output)
    tap.is_(guest.out("systemctl is-active ssh; readlink /usr/bin/systemctl"), "active\n/usr/bin/rousectl",
            "under another PID 1 the commands do what they did")
    tap.ok(guest.run("test -e /lib/modules/$(uname -r)/modules.rouse")[0] == 0, "the module digest is there")
    tap.like(guest.out("update-initramfs -h"), "initramfs-tools|Usage", "update-initramfs is still Debian's")
    tap.is_(guest.out("readlink /usr/sbin/update-initramfs || echo no link"), "no link", "and no link")
    guest.out("/usr/lib/rouse/divert install initramfs")
    tap.is_(guest.out("readlink -f /usr/sbin/update-initramfs"), "/usr/lib/rouse/update-initramfs",
            "divert install initramfs")
    return before


def make_images(guest):
    version = guest.out("uname -r")
    guest.out("mkdir -p /etc/initramfs/post-update.d; "
              "printf '#!/bin/sh\\necho $* >>/root/hooks\\n' >/etc/initramfs/post-update.d/note; "
              "chmod +x /etc/initramfs/post-update.d/note")
    status, output = guest.run(f"update-initramfs -c -k {version} 2>&1", TIMEOUT)
    tap.ok(status == 0, "update-initramfs -c", output)
    tap.is_(guest.out("cat /root/hooks"), f"{version} /boot/initrd.img-{version}", "post-update.d was told")
    tap.like(guest.out(f"rouse-initramfs --inspect /boot/initrd.img-{version}"), r"virtio_blk.*drives the way to the root",
             "the image knows the machine's disk")
    guest.out("rm /root/hooks; dpkg-trigger --by-package=kmod update-initramfs; dpkg --triggers-only -a", TIMEOUT)
    tap.is_(guest.out("cat /root/hooks"), f"{version} /boot/initrd.img-{version}", "the dpkg trigger makes it anew, once")
    guest.out(f"rm /root/hooks /boot/initrd.img-{version}; run-parts --arg={version} --arg=/boot/vmlinuz-{version} "
              "/etc/kernel/postinst.d", TIMEOUT)
    tap.is_(guest.out(f"cat /root/hooks; test -s /boot/initrd.img-{version} && echo made"),
            f"{version} /boot/initrd.img-{version}\nmade", "a kernel's postinst.d makes it, once")
    guest.out("mkdir -p /lib/modules/9.9; cp -r /lib/modules/$(uname -r)/modules.* /lib/modules/9.9; "
              "touch /boot/initrd.img-9.9; run-parts --arg=9.9 --arg=/boot/vmlinuz-9.9 /etc/kernel/postrm.d")
    tap.is_(guest.out("ls /boot | grep -c 9.9; ls /lib/modules/9.9/modules.rouse 2>&1 | grep -c 'No such'"), "0\n1",
            "postrm.d takes what was made for a kernel")
    guest.out("rm -rf /lib/modules/9.9")
    return base64.b64decode(guest.out(f"base64 -w0 /boot/initrd.img-{version}"))


def full_boot(guest):
    """A full /boot: the old image stays, and what is missing is said."""
    version = guest.out("uname -r")
    guest.out("mkdir /tmp/small && mount -t tmpfs -o size=200k none /tmp/small && "
              f"echo old >/tmp/small/initrd.img-{version}")
    output = guest.out(f"update-initramfs -u -k {version} -b /tmp/small 2>&1; echo status $?", TIMEOUT)
    tap.like(output, "^status 1$", "no space: it fails")
    tap.like(output, r"/tmp/small has .* KiB free and the image needs", "and says how much is missing")
    tap.is_(guest.out(f"cat /tmp/small/*; ls /tmp/small"), f"old\ninitrd.img-{version}", "the old image stays, alone")
    guest.out("umount /tmp/small")


def boots(machine, init, name):
    with qemu.Guest(dataclasses.replace(machine, init=init)) as guest:
        guest.boot()
        guest.wait_ready(TIMEOUT)
        tap.is_(guest.out("systemctl is-active nginx srv.mount; tr '\\0' '\\n' </proc/1/cmdline | head -n 1"),
                "active\nactive\n" + (init or "/sbin/init"), name)


with tempfile.TemporaryDirectory(prefix="rouse-package-") as work:
    try:
        deb = package()
        machine = image.machine("systemd")
        with qemu.Guest(machine, writable=True, copies=[(deb, "/root/rouse.deb")]) as guest:
            guest.boot()
            guest.wait_ready(TIMEOUT)
            before = install(guest)
            data = make_images(guest)
            full_boot(guest)
            guest.run("systemctl poweroff &")
            guest.wait_exit(TIMEOUT)
            root, initramfs = os.path.join(work, "root.img"), os.path.join(work, "initramfs")
            ext4.sparse_copy(guest.root, root)
        with open(initramfs, "wb") as file:
            file.write(data)
        machine = dataclasses.replace(machine, root=root, initramfs=initramfs)
        boots(machine, "/usr/sbin/rouse", "rouse boots from the image that the machine made for itself")
        boots(machine, "", "and so does systemd")
        with qemu.Guest(machine) as guest:
            guest.boot()
            guest.wait_ready(TIMEOUT)
            guest.out("rm -f /boot/initrd.img-$(uname -r) /etc/initramfs/post-update.d/note")
            status, output = guest.run("dpkg --purge rouse 2>&1", TIMEOUT)
            tap.ok(status == 0, "the package is removed", output)
            tap.is_(guest.out(LOOK + " 2>&1"), before, "everything is as it was")
            tap.is_(guest.out("dpkg-divert --list '*' | grep -c rouse; systemctl is-active ssh"), "0\nactive",
                    "no diversion is left")
    except (qemu.Timeout, qemu.Ended, qemu.Failed, image.Error, ext4.Error, OSError) as error:
        tap.ok(False, "all of it", error)
tap.done()
