#!/usr/bin/env python3
"""What cannot boot says so and leaves a way on: a wrong root, a disk of fstab
that is not there, emergency and rescue on the command line (with root's
account locked) or by signal, another init when ours has no target or crashes
while it boots."""
import os
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ext4
from tap import TIMEOUT, Tap, fstab, text_file

tap = Tap()
NOWHERE = "b0070000-0000-4000-8000-00000000dead"
UNITS = "/etc/systemd/system"


def active(guest, *units):
    """Waits for the jobs that run, then says whether all units are active."""
    return guest.out(f"for u in {' '.join(units)}; do {tap.control} is-active $u; done").split() == ["active"] * len(units)


def enter_shell(guest, name, answer):
    """At the console: what sulogin asks is answered, and root's shell listens."""
    guest.expect(r"(Press Enter|password) for maintenance\s+.or press Control-D to continue.: ", TIMEOUT)
    guest.send(answer + "\n")
    guest.expect(r"root@\S+#", 60)
    guest.send("echo I am $(id -un) in $((40 + 2))\n")
    guest.expect("I am root in 42", 60)
    tap.ok(True, f"{name}: a root shell is on the console")


def leave_shell(guest, name):
    guest.send("exit\n")
    guest.expect(r"login: ", TIMEOUT)
    tap.ok(active(guest, "nginx", "ssh", "srv.mount"), f"{name}: the boot goes on when the shell ends")


with tap.guest("a wrong root UUID", append=f"root=UUID={NOWHERE} rd.timeout=5 panic=0") as guest:
    guest.expect(NOWHERE + r"(?! rd)", TIMEOUT)     # not the command line that the kernel prints
    tap.ok(True, "a wrong root UUID is named")

with text_file("root:*:19000:0:99999:7:::\nsshd:!:19000::::::\nwww-data:*:19000:0:99999:7:::\n", 0o640) as shadow:
    with tap.guest("emergency", append="emergency", failed_boots=True, copies=[(shadow.name, "/etc/shadow")]) as guest:
        guest.wait_ready(TIMEOUT)
        tap.ok(active(guest, "emergency.target"), "emergency: its target is reached")
        tap.ok(not active(guest, "nginx.service"), "emergency: no service runs")
        if tap.rouse:
            enter_shell(guest, "emergency, root's account locked", "")
            leave_shell(guest, "emergency")

with tap.guest("single", append="single", failed_boots=True) as guest:
    guest.wait_ready(TIMEOUT)
    tap.ok(active(guest, "rescue.target", "srv.mount"), "single: rescue.target, with what is mounted")
    tap.ok(not active(guest, "nginx.service"), "single: no service runs")
    if tap.rouse:
        enter_shell(guest, "single", "rouse")
        leave_shell(guest, "single")
        guest.run("kill -36 1")                     # SIGRTMIN+2
        guest.expect("emergency mode", TIMEOUT)
        tap.ok(True, "SIGRTMIN+2: emergency mode")
        guest.run("kill -34 1")                     # SIGRTMIN+0
        guest.expect(r"login: ", TIMEOUT)
        tap.ok(active(guest, "nginx"), "SIGRTMIN+0: the default target again")
        guest.run("kill -35 1")                     # SIGRTMIN+1
        guest.expect("rescue mode", TIMEOUT)
        tap.ok(True, "SIGRTMIN+1: rescue mode")

with fstab(f"UUID={NOWHERE} /mnt ext4 defaults,x-systemd.device-timeout=30s 0 2") as file, \
        tempfile.NamedTemporaryFile(suffix=".img") as disk:
    ext4.make(disk.name, "64M", NOWHERE)
    with tap.guest("a missing disk", copies=[(file.name, "/etc/fstab")], failed_boots=True) as guest:
        if tap.rouse:
            guest.expect(r"WAIT.*" + NOWHERE + r".*/ 30s", TIMEOUT)
            tap.ok(True, "a missing disk: what is waited for is said, and for how long")
        guest.expect(r"(TIME|Timed out).*" + NOWHERE, TIMEOUT)
        tap.ok(True, "a missing disk is named")
        guest.expect(r"(emergency|maintenance)", TIMEOUT)
        tap.ok(True, "a missing disk: a shell is offered")
        guest.wait_ready(TIMEOUT)
        tap.ok(active(guest, "emergency.target"), "a missing disk: emergency.target")
        if tap.rouse:
            guest.qmp("blockdev-add", **{"driver": "raw", "node-name": "late",
                                         "file": {"driver": "file", "filename": disk.name}})
            guest.qmp("device_add", driver="virtio-blk-pci", drive="late", id="late")
            guest.expect(r"login: ", TIMEOUT)
            tap.ok(active(guest, "mnt.mount", "nginx"), "the missing disk appears: it is mounted and the boot goes on")
            tap.ok(not active(guest, "emergency.service"), "the missing disk appears: the shell has gone")

OTHER_INIT = """#!/bin/sh
mount -t proc proc /proc 2>/dev/null
echo "the other init is PID $$" >/dev/console
sleep 1
echo o >/proc/sysrq-trigger
sleep 100
"""
CRASH = """[Unit]
DefaultDependencies=no
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'kill -SEGV 1; sleep 5'
"""
if tap.rouse:
    with text_file(OTHER_INIT, 0o755) as init, text_file(CRASH) as crash:
        copies = [(init.name, "/usr/local/sbin/other-init"), (crash.name, f"{UNITS}/crash.service")]
        for name, words in (("no default target", "systemd.unit=nowhere.target"),
                            ("a crash while booting", "systemd.wants=crash.service")):
            with tap.guest(name, copies=copies, append=words + " rouse.fallback=/usr/local/sbin/other-init") as guest:
                guest.expect("executing the other init", TIMEOUT)
                guest.expect("the other init is PID 1", TIMEOUT)
                tap.ok(True, f"{name}: rouse.fallback= is executed")
tap.done()
