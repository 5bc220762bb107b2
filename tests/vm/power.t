#!/usr/bin/env python3
"""Every way to end the system ends it: the power button, ctrl-alt-del,
signals to PID 1, and the commands. A reboot reboots; the disks are clean."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ext4
from tap import TIMEOUT, Tap

tap = Tap()
OFF, RESTART, HALT = "reboot: Power down", "reboot: Restarting system", "reboot: System halted"


def in_guest(script):
    """What sets something off from inside, and comes back at once."""
    return lambda guest: guest.run(f"({script}) </dev/null >/dev/null 2>&1 &", TIMEOUT)


# Signals are as systemd(1) has them: SIGRTMIN+4 power off, +5 reboot, +3 halt.
WAYS = [
    ("the power button", lambda guest: guest.powerdown(), OFF),
    ("ctrl-alt-del", lambda guest: guest.sendkey("ctrl-alt-del"), RESTART),
    ("SIGRTMIN+4 to PID 1", in_guest("kill -38 1"), OFF),
    ("reboot", in_guest("/sbin/reboot" if not tap.rouse else f"{tap.control} reboot"), RESTART),
    ("halt", in_guest("/sbin/halt" if not tap.rouse else f"{tap.control} halt"), HALT),
]

for name, act, said in WAYS:
    with tap.guest(name, writable=True, quiet=True) as guest:
        guest.wait_ready(TIMEOUT)
        guest.run("echo 7 >/proc/sys/kernel/printk")
        act(guest)
        guest.expect(said, 90)
        if said != HALT:
            guest.wait_exit(30)
        else:
            guest.qmp("quit")
            guest.wait_exit(30)
        tap.ok(True, f"{name}: {said}")
        for where, path in (("/", guest.root), ("/srv", guest.srv)):
            problem = ext4.check_clean(path)
            tap.ok(problem is None, f"{name}: {where} is clean", problem)
tap.done()
