#!/usr/bin/env python3
"""Units that are broken in every usual way: what is wrong is said, with file
and line, and the rest of the system boots."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import HERE, TIMEOUT, Tap

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

with tap.guest("broken units", copies=copies, append=wants) as guest:
    guest.wait_ready(TIMEOUT)
    tap.ok(True, "the boot ends although units are broken")
    log = guest.out("/usr/bin/rousectl log --no-pager" if tap.rouse else "journalctl -b --no-pager -o cat") + \
        guest.out("dmesg") + guest.console_text()
    for name, pattern in SAID:
        tap.like(log, pattern, f"{name} is named")
    for unit in ("missing", "exits"):
        tap.is_(guest.out(f"{tap.control} is-failed {unit}.service"), "failed", f"{unit}.service has failed")
    for unit in ("ssh", "nginx", "unknown"):
        tap.is_(guest.out(f"{tap.control} is-active {unit}.service"), "active", f"{unit}.service is active")
    state = [guest.out(f"{tap.control} is-active cycle-{unit}.service") for unit in "ab"]
    tap.ok("active" in state, "of the cycle something runs", state)
tap.done()
