#!/usr/bin/env python3
"""Our PID 1 behind other initramfs programs, and other inits behind ours: the machine comes up with the API file
systems and /run as each expects them, and no unit fails. Four guests, 2 to 3 guest-minutes."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cache
import image
import qemu
import roots
from tap import TIMEOUT, Tap

tap = Tap()


def dracut_image(kernel):
    """dracut's, made in a root of its own."""
    base = roots.base()

    def make(work):
        image.in_tree([kernel.tree, base + "/tree"],
                      f'chroot "$ROOT" dracut --quiet --force --no-hostonly --no-hostonly-cmdline --kver {kernel.version} '
                      f"/boot/image; cp \"$ROOT/boot/image\" '{work}/initramfs'")
    return os.path.join(cache.entry("debianinitramfs", cache.digest("dracut", base, kernel.path), make, image.say), "initramfs")


CHECK = """for d in /proc /sys /dev /run; do grep -q " $d " /proc/mounts || echo "no $d"; done
[ -e /dev/disk/by-uuid/b0070000-0000-4000-8000-000000000001 ] || echo "no link to the root"
[ "$(stat -c %a /run)" = 755 ] || echo "/run has mode $(stat -c %a /run)"
systemctl list-units --failed --no-legend --plain
"""


def boots(name, machine, pid1):
    with qemu.Guest(machine, mem=768) as guest:
        try:
            guest.boot()
            guest.wait_ready(TIMEOUT)
            tap.is_(guest.out("basename $(readlink /proc/1/exe)"), pid1, f"{name}: process 1")
            tap.is_(guest.out(CHECK), "", f"{name}: mounts, links, units")
            if machine.initramfs.startswith(os.path.join(cache.ROOT, "initramfs-")):
                tap.like(guest.out("cat /run/rouse/initrd.times"), "switch_root=", f"{name}: times are handed over")
                if pid1 == "rouse":
                    tap.like(guest.out("rousectl analyze plot"), "initrd: mount of the root", f"{name}: one chart")
                    tap.like(guest.out("journalctl -b | grep -o 'Block devices: .*'"),
                             "^Block devices: [1-9][0-9]* known from the initramfs, [0-9]+ probed$",
                             f"{name}: what was probed is taken over (devd-initrd.t counts)")
        except (qemu.Timeout, qemu.Ended, qemu.Failed, OSError) as error:
            tap.ok(False, name, f"{error}\n{guest.tail(30)}")


try:
    kernel = image.kernel()
    boots("rouse behind rouse-initrd", image.machine("rouse"), "rouse")
    boots("rouse behind initramfs-tools", image.machine("rouse", "debian"), "rouse")
    boots("rouse behind dracut", image.machine("rouse", dracut_image(kernel)), "rouse")
    boots("systemd behind rouse-initrd", image.machine("systemd", "rouse"), "systemd")
except image.Error as error:
    tap.ok(False, "images", error)
tap.done()
