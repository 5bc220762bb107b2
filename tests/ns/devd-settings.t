#!/usr/bin/env python3
"""What udev.conf sets has its effect, bad values are told; an event that goes wrong is told to clients."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()

w = World(r'''
SUBSYSTEM=="block", KERNEL=="hang", PROGRAM="/bin/sh -c 'trap \"echo ended >> LOG; exit 1\" TERM; while :; do /bin/sleep 0.1; done'"
SUBSYSTEM=="block", KERNEL=="deaf", PROGRAM="/bin/sh -c 'trap : TERM; while :; do /bin/sleep 0.1; done'"
SUBSYSTEM=="block", KERNEL=="late", RUN+="/bin/true"
SUBSYSTEM=="block", ENV{SEEN}="yes"
''')
rules = w.path("rules/50-test.rules")
text = open(rules).read().replace("LOG", w.path("ended"))
open(rules, "w").write(text)
with open(w.path("udev.conf"), "w") as conf:
    conf.write("# as udev.conf(5)\nevent_timeout=1\ntimeout_signal=SIGTERM\nexec_delay=\"1\"\nchildren_max=3\n"
               "resolve_names=late\nudev_log=debug\nresolve_names=sometimes\nnothing=1\n")
w.extra += ["--conf", w.path("udev.conf")]

try:
    ok(w.start(), "starts with a udev.conf")
    ok("resolve_names=sometimes is not understood" in w.text() and "nothing= is not known" in w.text(),
       "what is wrong in it is told", w.text())
    mon = Monitor("block")
    w.disk("hang", 1)
    w.disk_event("add", "hang", 1)
    ok(mon.receive(["SEEN"], 60), "event_timeout=: a program that hangs is ended and the event goes on")
    is_(open(w.path("ended")).read() if os.path.exists(w.path("ended")) else "", "ended\n", "timeout_signal=: by this signal")
    w.disk("deaf", 2)
    w.disk_event("add", "deaf", 2)
    ok(mon.receive(["SEEN"], 60), "one that does not hear it is killed")

    w.disk("late", 3)
    begun = time.monotonic()
    w.disk_event("add", "late", 3)
    ok(mon.receive(["SEEN"], 60) and time.monotonic() - begun >= 1, "exec_delay=: a program of RUN waits")

    # An entry that cannot be written: something else has its name.
    w.disk("bad", 4)
    os.makedirs(w.path("run/data/b240:4/x"))
    w.disk_event("add", "bad", 4)
    got = mon.receive(["SEEN", "UDEV_WORKER_FAILED", "UDEV_WORKER_ERRNO", "UDEV_WORKER_ERRNO_NAME"], 30) or {}
    is_((got.get("SEEN"), got.get("UDEV_WORKER_FAILED")), ("yes", "1"), "an event that went wrong says so to clients")
    ok(got.get("UDEV_WORKER_ERRNO_NAME") in ("EISDIR", "ENOTEMPTY", "EEXIST") and int(got.get("UDEV_WORKER_ERRNO") or 0) > 0,
       "and how", got)
finally:
    w.stop()
    w.clean()
done()
