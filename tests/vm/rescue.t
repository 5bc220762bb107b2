#!/usr/bin/env python3
"""What cannot boot says so and leaves a way on: a wrong root, a disk of fstab
that is not there (with and without nofail), emergency on the command line."""
import os
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import HERE, TIMEOUT, Tap

tap = Tap()
NOWHERE = "b0070000-0000-4000-8000-00000000dead"


def fstab(line):
    """The usual fstab and one more line, as a copy for the guest."""
    file = tempfile.NamedTemporaryFile("w", suffix=".fstab")
    file.write(open(os.path.join(HERE, "root/etc/fstab")).read() + line + "\n")
    file.flush()
    os.chmod(file.name, 0o644)
    return file


with tap.guest("a wrong root UUID", append=f"root=UUID={NOWHERE} rd.timeout=5 panic=0") as guest:
    guest.expect(NOWHERE + r"(?! rd)", TIMEOUT)     # not the command line that the kernel prints
    tap.ok(True, "a wrong root UUID is named")

with tap.guest("emergency", append="emergency", failed_boots=True) as guest:
    guest.wait_ready(TIMEOUT)
    tap.is_(guest.out(f"{tap.control} is-active emergency.target"), "active", "emergency: its target is reached")
    tap.ok(guest.out(f"{tap.control} is-active nginx.service") != "active", "emergency: no service runs")

with fstab(f"UUID={NOWHERE} /mnt ext4 nofail,x-systemd.device-timeout=15s 0 2") as file:
    with tap.guest("a missing disk with nofail", copies=[(file.name, "/etc/fstab")]) as guest:
        guest.wait_ready(TIMEOUT)
        tap.is_(guest.out(f"{tap.control} is-active ssh.service"), "active", "a missing disk with nofail: the rest boots")

with fstab(f"UUID={NOWHERE} /mnt ext4 defaults,x-systemd.device-timeout=5s 0 2") as file:
    with tap.guest("a missing disk", copies=[(file.name, "/etc/fstab")], failed_boots=True) as guest:
        guest.expect(NOWHERE[-8:], TIMEOUT)
        tap.ok(True, "a missing disk is named")
        guest.expect(r"(emergency|maintenance)", TIMEOUT)
        tap.ok(True, "a missing disk: a shell is offered")
        guest.wait_ready(TIMEOUT)
        tap.is_(guest.out(f"{tap.control} is-active emergency.target"), "active", "a missing disk: emergency.target")
tap.done()
