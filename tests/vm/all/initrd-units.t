#!/usr/bin/env python3
"""An initramfs with PID 1, the device daemon and units in it: a unit of the administrator's own runs there, the root is
checked and mounted by units, and the machine comes up under rouse and under systemd. 3 boots, 4 guest-minutes: one waits
for a device until the limit. ONLY="rouse systemd waits" runs those."""
import os
import re
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ext4
import image
import qemu
from tap import TIMEOUT, Tap

tap = Tap()
OUT = os.environ.get("OUT") or os.path.join(image.TOP, "build")
# before the root is there, after it, and one that must have ended when the root is entered
UNITS = r"""mkdir -p $ROOT/etc/systemd/system $ROOT/usr/local/bin
printf '#!/bin/sh\nread -r line </etc/initrd-release; [ /proc/1/exe -ef /usr/sbin/rouse ] && pid1=rouse; echo "$1 $line $pid1" >>/run/note\n' >$ROOT/usr/local/bin/note
chmod +x $ROOT/usr/local/bin/note
cat >$ROOT/etc/systemd/system/early-note.service <<'X'
[Unit]
DefaultDependencies=no
Before=sysroot.mount
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=note early
[Install]
WantedBy=initrd-root-fs.target multi-user.target
X
cat >$ROOT/etc/systemd/system/late-note.service <<'X'
[Unit]
After=initrd-root-fs.target
[Service]
Type=oneshot
ExecStart=/usr/local/bin/note late
ExecStart=/bin/cp /sysroot/etc/hostname /run/hostname-there
X
cat >$ROOT/etc/systemd/system/stays.service <<'X'
[Service]
ExecStart=/bin/sleep 1000
X
"""
CHECK = """systemctl is-active nginx ssh srv.mount
for d in /proc /sys /dev /run; do grep -q " $d " /proc/mounts || echo "no $d"; done
pgrep -x sleep
ls -d /sysroot/etc /init 2>/dev/null
systemctl list-units --failed --no-legend --plain
"""


def make(work):
    kernel = image.kernel()
    path = os.path.join(work, "initramfs")
    said = image.in_tree([image.install(OUT) + "/tree", kernel.tree, image.base() + "/tree"],
                         f"{UNITS}\n'{OUT}/rouse-initramfs' -k {kernel.version} --sysroot \"$ROOT\" --full --unit early-note.service "
                         "--unit late-note.service --unit stays.service --add-module virtio_pci --add-module virtio_blk "
                         f"-o '{path}' 2>&1")
    tap.diag(f"the image has {os.path.getsize(path)} bytes{': ' + said if said else ''}")
    return path


def boots(machine, name, pid1):
    with qemu.Guest(machine, mem=768) as guest:
        try:
            guest.boot()
            guest.wait_ready(TIMEOUT)
            tap.is_(guest.out("basename $(readlink /proc/1/exe)"), pid1, f"{name}: process 1")
            said = guest.console_text().partition("Switching to the root")[0]
            tap.is_("\n".join(re.findall(r".*cannot be (?:started|inserted).*", said)), "", f"{name}: the initramfs complains of nothing")
            tap.like(guest.out("cat /run/note"), r'^early PRETTY_NAME="Debian.* rouse\nlate PRETTY_NAME="Debian.* rouse$',
                     f"{name}: the administrator's units ran in the initramfs")
            if not tap.is_(guest.out("cat /run/hostname-there"), guest.out("cat /etc/hostname"), "and saw the root"):
                tap.diag(guest.out("dmesg | grep -a -e note -e sysroot -e cp:"))
            tap.is_(guest.out(CHECK), "active\nactive\nactive", f"{name}: services run; nothing of the initramfs is left")
            tap.like(guest.out("cat /run/rouse/initrd.times"), r"(?s)initrd_start=\d+.*root_found=.*root_mounted=.*switch_root=",
                     f"{name}: times are handed over")
            tap.like(guest.out("cat /run/rouse/initrd.devices"), r"(?m)^254:0 \d+ /devices/\S+/block/vda .*ID_FS_UUID=b0070000-0000-4000-8000-000000000001",
                     f"{name}: and what was probed")
            tap.ok(guest.run("test -e /run/initramfs/fsck-root")[0] == 0, f"{name}: the root was checked")
            if pid1 == "rouse":
                tap.like(guest.out("rousectl analyze plot"), "initrd: mount of the root", "one chart")
                tap.like(guest.out("journalctl -b -o cat"), r"Switching to the root in /sysroot, executing its /usr/sbin/rouse",
                         "what was logged there is in the log")
        except (qemu.Timeout, qemu.Ended, qemu.Failed, OSError) as error:
            tap.ok(False, name, f"{error}\n{guest.tail(40)}")


def waits(machine):
    """A root that does not come: it is named, and the emergency target entered."""
    with qemu.Guest(machine, mem=768, append="root=UUID=00000000-0000-4000-8000-000000000000") as guest:
        try:
            guest.boot()
            guest.expect(r"Timed out waiting for .*00000000", TIMEOUT)
            guest.expect(r"(?i)emergency", TIMEOUT)
            tap.ok(True, "a root that is not there is named, and emergency mode entered")
        except (qemu.Timeout, qemu.Ended, qemu.Failed, OSError) as error:
            tap.ok(False, "a root that is not there", f"{error}\n{guest.tail(40)}")


with tempfile.TemporaryDirectory(prefix="rouse-units-") as work:
    try:
        initramfs = make(work)
        rouse = image.machine("rouse", initramfs)
        only = os.environ.get("ONLY", "rouse systemd waits").split()
        if "rouse" in only:
            boots(rouse, "rouse", "rouse")
        if "systemd" in only:
            boots(image.machine("systemd", initramfs), "systemd", "systemd")
        if "waits" in only:
            waits(rouse)
    except (image.Error, ext4.Error, OSError) as error:
        tap.ok(False, "all of it", error)
tap.done()
