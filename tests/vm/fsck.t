#!/usr/bin/env python3
"""The root's check without a fsck in the image: a healthy root is not checked, a journal is replayed by its mount, errors
are repaired by the root's own fsck, which the machine restarts after. 4 boots, about 2 guest-minutes."""
import dataclasses
import os
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ext4
import qemu
from tap import TIMEOUT, Tap

tap = Tap()
if not tap.rouse:
    tap.done()


def superblock(path, field):
    said = subprocess.run(["dumpe2fs", "-h", path], capture_output=True, text=True, check=True).stdout
    return next(line.split(":", 1)[1].strip() for line in said.split("\n") if line.startswith(field + ":"))


with tap.guest("a power cut", writable=True) as guest:
    guest.wait_ready(TIMEOUT)
    tap.ok("is checked" not in guest.console_text(), "a healthy root is not checked")
    tap.ok(guest.run("test -e /run/initramfs/fsck-root")[0] == 0, "and counts as checked")
    guest.out("dd if=/dev/urandom of=/var/tmp/x bs=1M count=4 conv=fsync")
    guest.process.kill()
    guest.process.wait()
    cut = os.path.join(guest.work, "cut.img")
    ext4.sparse_copy(guest.root, cut)
    tap.like(superblock(cut, "Filesystem features"), "needs_recovery", "the power is cut while files are written")
    guest.slot.close()
    machine = dataclasses.replace(guest.machine, root=cut)
    with qemu.Guest(machine, writable=True) as second:
        second.boot()
        second.wait_ready(TIMEOUT)
        tap.ok("fsck.ext4" not in second.console_text(), "the next boot replays the journal, and runs no fsck")
        tap.is_(second.out("stat -c %s /var/tmp/x; systemctl is-active nginx"), "4194304\nactive", "and has the file")
        second.run("systemctl poweroff &")
        second.wait_exit(TIMEOUT)
        subprocess.run(["debugfs", "-w", "-R", "ssv state 2", second.root], check=True, capture_output=True)
        ext4.sparse_copy(second.root, cut)
    with qemu.Guest(machine, writable=True, reboot=True) as third:
        third.boot()
        third.expect("is checked: the kernel has found errors in it", TIMEOUT)
        tap.ok(True, "errors: the root is checked")
        third.expect(r"fsck\.ext4: ", TIMEOUT)
        third.expect("and wants a restart; restarting", TIMEOUT)
        tap.ok(True, "by its own fsck; then the machine restarts")
        third.wait_ready(TIMEOUT)
        tap.is_(third.out("systemctl is-active nginx"), "active", "and boots")
        third.run("systemctl poweroff &")
        third.expect("reboot: Power down", TIMEOUT)
        tap.is_(superblock(third.root, "Filesystem state"), "clean", "the root is clean")
tap.done()
