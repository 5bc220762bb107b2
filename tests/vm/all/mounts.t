#!/usr/bin/env python3
"""/etc/fstab with every option of systemd.mount(5), on disks of their own: file
systems made and grown, automounts, bind mounts of directories and files, loop,
swap by label, what may be missing. One guest."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import steps
from tap import TIMEOUT, Tap, fstab

tap = Tap()
LINES = """
/dev/vdc /made ext4 x-systemd.makefs,x-systemd.growfs,x-systemd.mount-timeout=60 0 2
/dev/vdd none swap x-systemd.makefs,pri=3 0 0
/dev/vde /idle ext4 x-systemd.makefs,x-systemd.automount,x-systemd.idle-timeout=1 0 0
/etc /bound none bind,ro 0 0
/etc/hostname /boundfile none bind 0 0
/fresh/source /bound2 none bind,x-systemd.requires-mounts-for=/made 0 0
tmpfs /ordered tmpfs size=1M,x-systemd.after=made.mount,x-systemd.requires=bound.mount 0 0
tmpfs /wanted tmpfs x-systemd.wanted-by=multi-user.target 0 0
tmpfs /later tmpfs noauto 0 0
/dev/nothere /missing ext4 nofail,x-systemd.device-timeout=2s 0 0
server:/x /net nfs _netdev,noauto 0 0
""".strip()

STEPS = [
    ("findmnt -n -o FSTYPE /made; systemctl is-active systemd-makefs@dev-vdc.service systemd-growfs@made.service", 0,
     r"^ext4\nactive\nactive$"),
    ("swapon --show --noheadings; systemctl show -p ActiveState dev-vdd.swap", 0, r"/dev/vdd +partition .* 3\nActiveState=active"),
    ("systemctl is-active idle.automount idle.mount; ls -d /idle/lost+found; systemctl is-active idle.mount; "
     "until systemctl is-active idle.mount | grep -qx inactive; do sleep 0.3; done", 0, r"^active\ninactive\n/idle/lost\+found\nactive"),
    # a service that may write nothing goes to no automount point
    ("systemd-run -q --wait -p ProtectSystem=strict true; systemctl is-active idle.mount", 3, "^inactive$"),
    ("cmp /etc/hostname /bound/hostname && ! touch /bound/x; cmp /etc/hostname /boundfile && ls -d /fresh/source && findmnt -n /bound2", 0,
     "Read-only file system"),
    ("systemctl show -p After,Requires ordered.mount | tr ' ' '\\n' | grep -cE 'made.mount|bound.mount'; findmnt -n -o SIZE,OPTIONS /ordered", 0,
     r"^[3-9]\n +1M"),
    ("findmnt -n /wanted; ! findmnt -n /later; systemctl start later.mount && findmnt -n /later; systemctl list-dependencies --plain "
     "multi-user.target | grep wanted.mount", 0, "wanted.mount"),
    ("until systemctl show -p Result dev-nothere.device missing.mount; do :; done; systemctl is-active missing.mount; "
     "systemctl is-active local-fs.target", 0, r"inactive\nactive$"),
    ("journalctl -b --no-pager | grep 'Timed out waiting for'", 0, "Timed out waiting for .*/dev/nothere"),
    ("systemctl show -p After,Wants net.mount", 0, "network-online.target"),
    # mounts that others make, and devices that go away under them
    ("mkdir -p /by/hand; mount -t tmpfs t /by/hand; until systemctl is-active -q by-hand.mount; do sleep 0.1; done; "
     "systemctl show -p What,Type,FragmentPath by-hand.mount; umount /by/hand; "
     "until ! systemctl is-active -q by-hand.mount; do sleep 0.1; done", 0, r"What=t\n"),
    ("truncate -s 8M /run/i && mkfs.ext4 -q /run/i && mkdir /run/l && printf '[Mount]\\nWhat=/run/i\\nWhere=/run/l\\nOptions=loop\\n' "
     "> /run/systemd/system/run-l.mount && systemctl daemon-reload && systemctl start run-l.mount && findmnt -n -o SOURCE /run/l; "
     "systemctl stop run-l.mount; losetup -a", 0, r"^/dev/loop\d+$"),
    ("truncate -s 8M /run/d && loop=$(losetup -f --show /run/d) && mkswap -q -L lab $loop && udevadm settle && "
     "printf '[Swap]\\nWhat=/dev/disk/by-label/lab\\n' > '/run/systemd/system/dev-disk-by\\x2dlabel-lab.swap' && systemctl daemon-reload && "
     "systemctl start 'dev-disk-by\\x2dlabel-lab.swap' && swapon --show=NAME --noheadings | grep loop && "
     "systemctl stop 'dev-disk-by\\x2dlabel-lab.swap' && losetup -d $loop; swapon --show=NAME --noheadings", 0, r"/dev/loop\d\n/dev/vdd$"),
    # what was mounted by hand goes with its device where it is said to, and stays otherwise
    ("for o in rw x-systemd.device-bound; do truncate -s 8M /run/b && mkfs.ext4 -q /run/b && loop=$(losetup -f --show /run/b) && udevadm settle; "
     "until systemctl is-active -q dev-$(basename $loop).device; do sleep 0.1; done; mkdir -p /run/bm; mount -o $o $loop /run/bm; "
     "until systemctl is-active -q run-bm.mount; do sleep 0.1; done; mkdir -p /run/udev/rules.d; "
     "echo \"KERNEL==\\\"$(basename $loop)\\\", ENV{SYSTEMD_READY}=\\\"0\\\"\" >/run/udev/rules.d/99-b.rules; udevadm control --reload; udevadm trigger -c change $loop; "
     "until ! systemctl is-active -q dev-$(basename $loop).device; do sleep 0.1; done; "
     "[ $o = rw ] || until ! findmnt -n /run/bm >/dev/null; do sleep 0.1; done; findmnt -n -o FSTYPE /run/bm; systemctl is-active run-bm.mount; rm /run/udev/rules.d/99-b.rules; udevadm control --reload; "
     "! findmnt -n /run/bm >/dev/null || umount /run/bm; losetup -d $loop; done", 0, r"^ext4\nactive\ninactive$"),
    # a service bound to a device stops with it
    ("truncate -s 4M /run/e && loop=$(losetup -f --show /run/e) && udevadm settle; "
     "until systemctl is-active -q dev-$(basename $loop).device; do sleep 0.1; done; "
     "systemd-run -q -u bound1 -p BindsTo=dev-$(basename $loop).device -p After=dev-$(basename $loop).device sleep 1000 && systemctl is-active bound1; "
     "losetup -d $loop; until systemctl is-active bound1 | grep -qx inactive; do sleep 0.2; done; echo stopped", 0, r"^active\n(.|\n)*stopped$"),
]

with fstab(LINES) as table, tap.guest("mounts", disks=["64M", "16M", "16M"], copies=[(table.name, "/etc/fstab")]) as guest:
    guest.wait_ready(TIMEOUT)
    steps.run(tap, guest, STEPS)
tap.done()
