#!/usr/bin/env python3
"""One guest that reboots time and again, on one disk: each boot reaches its services with no unit failed, within its
bound, from a disk that was left clean; each shutdown forces nothing. What goes wrong once in many is found by many:
ROUNDS=30 (the default) are some 30 guest-minutes on a busy machine, and ROUNDS=1000 a night."""
import os
import re
import sys
import time
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ext4
from tap import TIMEOUT, Tap

tap = Tap()
ROUNDS = int(os.environ.get("ROUNDS") or 30)
SAME = "systemctl is-active ssh nginx cron rsyslog dbus networking srv.mount | sort | uniq -c; cat /proc/sys/kernel/random/boot_id"
# What a shutdown that was not orderly says, or the boot after it.
WRONG = re.compile(r"rouse-shutdown: (forced|.*(still|busy|cannot|failed)).*|systemd-shutdown.*(Could not|Failed|Waiting for "
                   r"process).*|timed out.*|Kernel panic.*|EXT4-fs.*(error|recover).*|.*stack traces?.*|\S+ crashed.*", re.I)

with tap.guest("reboots", writable=True, reboot=True) as guest:
    boots, downs, seen, bad = [], [], set(), []
    for number in range(ROUNDS):
        started = time.monotonic()
        guest.wait_ready(TIMEOUT)
        boots.append(time.monotonic() - started)
        state = guest.out("timeout 120 systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain")
        active, boot = guest.out(SAME).rsplit("\n", 1)
        if state != "running" or active.split() != ["7", "active"] or boot in seen:
            bad.append(f"boot {number}: {state} {active} {boot}")
        seen.add(boot)
        said = len(guest.console_text())
        started = time.monotonic()
        last = number == ROUNDS - 1
        guest.run(f"systemctl {'poweroff' if last else 'reboot'} </dev/null >/dev/null 2>&1 &")
        guest.expect("reboot: Power down" if last else "reboot: Restarting system", TIMEOUT)
        downs.append(time.monotonic() - started)
        guest.agent_ready = False
        wrong = WRONG.search(guest.console_text()[said:])
        if wrong:
            bad.append(f"shutdown {number}: {wrong.group()}")
    guest.wait_exit(60)
    tap.is_(bad, [], f"{ROUNDS} boots, each with all of its services, and {ROUNDS} clean ends")
    for path in (guest.root, guest.srv):
        problem = ext4.check_clean(path)
        tap.ok(problem is None, f"{os.path.basename(path)} is clean after that", problem)
    for name, times in (("boot to ready", boots), ("shutdown", downs)):
        times.sort()
        tap.diag(f"{name}: {times[0]:.1f} to {times[-1]:.1f} s, median {times[len(times) // 2]:.1f} s")
tap.done()
