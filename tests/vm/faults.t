#!/usr/bin/env python3
"""Units that are broken in every usual way, a disk that is missing, a device
daemon that is killed, a full /run: what is wrong is said, with file and line
or the device's name, and the rest of the system boots."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import HERE, TIMEOUT, Tap, fstab, text_file

tap = Tap()
UNITS = "/etc/systemd/system"
BAD = os.path.join(HERE, "bad")
copies = [(os.path.join(BAD, name), f"{UNITS}/{name}") for name in sorted(os.listdir(BAD))]
wants = " ".join("systemd.wants=" + name for name in sorted(os.listdir(BAD)) if not name.startswith("cycle-b"))

# What the log says of each, as regular expressions.
SAID = [
    ("rubbish in a unit file", r"rubbish\.service:[0-9]+"),
    ("an unknown directive", r"unknown\.service:[0-9]+.*NoSuchDirective"),
    ("a missing executable", r"missing\.service.*(No such file|not found)"),
    ("a service that exits at once", r"exits\.service.*(status[= ]|exited with |code )3\b"),
    ("a dependency cycle, by its members", r"ordering cycle.*cycle-[ab]\.service|cycle-[ab]\.service.*ordering cycle|cycle:.*cycle-[ab]\.service"),
]

NOWHERE = "b0070000-0000-4000-8000-00000000dead"
FILL = """[Unit]
Description=Fills /run before the services start
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=-/bin/sh -c 'cat /dev/zero >/run/full'
"""


def everything(guest):
    return guest.out("/usr/bin/rousectl log --no-pager" if tap.rouse else "journalctl -b --no-pager -o cat") + \
        guest.out("dmesg") + guest.console_text()


def active(guest, *units):
    for unit in units:
        tap.is_(guest.out(f"{tap.control} is-active {unit}"), "active", f"{unit} is active")


def broken_units(guest):
    log = everything(guest)
    for name, pattern in SAID:
        tap.like(log, pattern, f"{name} is named")
    for unit in ("missing", "exits"):
        tap.is_(guest.out(f"{tap.control} is-failed {unit}.service"), "failed", f"{unit}.service has failed")
    active(guest, "ssh.service", "nginx.service", "unknown.service")
    state = [guest.out(f"{tap.control} is-active cycle-{unit}.service") for unit in "ab"]
    tap.ok("active" in state, "of the cycle something runs", state)


def missing_disk(guest):
    guest.out(f"while {tap.control} list-jobs --no-legend | grep -q dead.device; do sleep 0.5; done", 60)
    tap.like(everything(guest), f"(Timed out|Dependency).*({NOWHERE}|/mnt|mnt.mount)",
             "a missing disk with nofail is named")
    tap.ok(guest.out(f"{tap.control} is-active emergency.target") != "active",
           "a missing disk with nofail: no emergency")


def killed_devd(guest):
    tap.like(everything(guest), r"systemd-udevd\.service.*(killed|KILL|signal)", "the killed device daemon is named")
    active(guest, "systemd-udevd.service", "srv.mount", "networking.service", "serial-getty@ttyS0.service")


with fstab(f"UUID={NOWHERE} /mnt ext4 nofail,x-systemd.device-timeout=8s 0 2") as file:
    with tap.guest("broken units", copies=copies + [(file.name, "/etc/fstab")], append=wants) as guest:
        guest.wait_ready(TIMEOUT)
        tap.ok(True, "the boot ends although units are broken")
        broken_units(guest)
        missing_disk(guest)
        if tap.rouse:
            killed_devd(guest)

with text_file(FILL) as unit:
    with tap.guest("a full /run", copies=[(unit.name, f"{UNITS}/fill.service")],
                   append="systemd.wants=fill.service") as guest:
        guest.expect("login: ", TIMEOUT)
        tap.ok(True, "a full /run: a login prompt comes")
        guest.wait_ready(TIMEOUT)
        tap.like(everything(guest), "No space left on device", "a full /run is named")
        active(guest, "srv.mount", "cron.service")
        guest.run("rm /run/full")
        tap.is_(guest.out(f"systemctl restart nginx.service; {tap.control} is-active nginx.service"), "active",
                "a full /run: with room again, services start")
tap.done()
