#!/usr/bin/env python3
"""A machine that sleeps and wakes: `systemctl suspend`, by logind and without it (--force); what wakes it is a timer with
WakeSystem=yes. Services run on, and the next sleep is as good as the first. INIT=systemd asks the same of Debian's
systemd. 1 boot, about 2 guest-minutes."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import TIMEOUT, Tap

tap = Tap()
# What the kernel says it slept; the time that the alarm is set to must not pass before it does.
SLEEP = """
systemd-run -q --unit=alarm-{n} --on-active=30 --timer-property=WakeSystem=yes --timer-property=AccuracySec=1us touch /run/woken-{n}
systemctl suspend {options} && echo asked
for i in $(seq 600); do [ $(dmesg | grep -c 'PM: suspend exit') -ge {n} ] && [ -e /run/woken-{n} ] && break; sleep 0.2; done
ls /run/woken-{n}
dmesg | grep -o 'PM: suspend exit' | tail -n +{n}
for i in $(seq 300); do systemctl is-active -q suspend.target systemd-suspend.service || break; sleep 0.2; done
systemctl show -p Result --value systemd-suspend.service
systemctl list-jobs --no-legend
"""
SAME = "systemctl show -p Id,MainPID,InvocationID ssh nginx cron dbus systemd-logind"

# the emulated HPET drowns the console in complaints of the clock that the alarm is set in
with tap.guest("a machine that sleeps", kernel="full", arguments=["-no-hpet"]) as guest:
    guest.wait_ready(TIMEOUT)
    guest.out("timeout 120 systemctl is-system-running --wait; systemctl start systemd-logind")
    before = guest.out(SAME)
    for n, options in ((1, ""), (2, "--force")):
        text = guest.out(SLEEP.format(n=n, options=options), TIMEOUT)
        if not tap.is_(text.replace("No jobs running.", "").strip(), f"asked\n/run/woken-{n}\nPM: suspend exit\nsuccess",
                       f"systemctl suspend {options}: it sleeps, and the timer wakes it"):
            tap.diag(guest.out("journalctl -b --no-pager -n 60; dmesg | tail -n 30"))
    tap.is_(guest.out(SAME), before, "services run on")
    tap.is_(guest.out("systemctl is-system-running"), "running", "no unit failed")
tap.done()
