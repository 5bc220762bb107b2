#!/usr/bin/env python3
"""bus.py [--systems rouse,systemd] [--exact] [--runs N] [--transient N]: the manager's side of the bus.

Stock root with libpam-systemd, polkitd and python3-dbus, a guest a system and
run, the systems taking turns. Each figure is the median of several, in
milliseconds of the guest's clock: an ssh login's session, `systemctl status` of
systemd's own systemctl, 1,000 StartTransientUnit in a row (to the last one's
JobRemoved), the same 50 with 100 subscribers, ListUnits, GetAll, Get, GetUnit.
Of several runs the least counts. The plain clock is a person's, and so is its
noise: compare, do not quote. --exact counts instructions: one run will do.
"""
import argparse
import json
import os
import sys
sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests/vm"))
import image
import qemu

ICOUNT = ("-icount", "shift=1,sleep=off")
PACKAGES = "libpam-systemd,polkitd,python3-dbus,python3-gi"
INSIDE = r'''
import dbus, json, os, subprocess, sys, time
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
DBusGMainLoop(set_as_default=True)
S = "org.freedesktop.systemd1"
bus = dbus.SystemBus()
manager = dbus.Interface(bus.get_object(S, "/org/freedesktop/systemd1", introspect=False), S + ".Manager")
def median(times):
    return round(sorted(times)[len(times) // 2] * 1000, 2)
def timed(what, n):
    times = []
    for _ in range(n):
        t = time.monotonic()
        what()
        times.append(time.monotonic() - t)
    return median(times)
def transient(n, prefix):
    """n services in a row, until the last job has ended; seconds."""
    ended, loop = set(), GLib.MainLoop()
    def removed(number, path, unit, result):
        ended.add(unit)
        if len([u for u in ended if u.startswith(prefix)]) == n:
            loop.quit()
    match = bus.add_signal_receiver(removed, "JobRemoved", S + ".Manager", S)
    manager.Subscribe() if prefix == "a" else None
    t = time.monotonic()
    for i in range(n):
        command = dbus.Array([("/bin/true", ["/bin/true"], False)], "(sasb)")
        manager.StartTransientUnit(f"{prefix}{i}.service", "replace", dbus.Array([("ExecStart", command)], "(sv)"),
                                   dbus.Array([], "(sa(sv))"))
    GLib.timeout_add_seconds(300, loop.quit)
    loop.run()
    match.remove()
    return round((time.monotonic() - t) * 1000, 1), len(ended)
systemctl = "/bin/systemctl.systemd" if os.path.exists("/bin/systemctl.systemd") else "/bin/systemctl"
figures = {}
figures["status"] = timed(lambda: subprocess.run([systemctl, "status", "ssh", "--no-pager", "-n0"], stdout=subprocess.DEVNULL), 5)
figures["ListUnits"] = timed(lambda: manager.ListUnits(), 20)
ssh = dbus.Interface(bus.get_object(S, manager.GetUnit("ssh.service"), introspect=False), "org.freedesktop.DBus.Properties")
figures["GetAll"] = timed(lambda: ssh.GetAll(S + ".Service"), 20)
figures["GetAll of Unit"] = timed(lambda: ssh.GetAll(S + ".Unit"), 20)
figures["Get"] = timed(lambda: ssh.Get(S + ".Unit", "ActiveState"), 50)
figures["GetUnit"] = timed(lambda: manager.GetUnit("ssh.service"), 50)
login = ["ssh", "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "root@localhost", "true"]
subprocess.run(login, stderr=subprocess.DEVNULL)
figures["ssh login"] = timed(lambda: subprocess.run(login), 5)
figures["TRANSIENT StartTransientUnit"], figures["jobs seen"] = transient(TRANSIENT, "a")
others = [dbus.bus.BusConnection("unix:path=/run/dbus/system_bus_socket") for _ in range(100)]
for other in others:
    other.add_match_string(f"type='signal',sender='{S}'")
    dbus.Interface(other.get_object(S, "/org/freedesktop/systemd1", introspect=False), S + ".Manager").Subscribe()
figures["50 with 100 subscribers"], _ = transient(50, "b")
print(json.dumps(figures))
'''
PREPARE = ("until busctl status org.freedesktop.systemd1 >/dev/null 2>&1; do sleep 0.5; done; mkdir -p /root/.ssh; "
           "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519; cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys; "
           "python3 - <<'END' 2>&1 | tail -n 1\n" + INSIDE + "\nEND")


def measure(system, options):
    machine = image.machine(system, packages=image.extended(options.packages))
    accel = "tcg" if options.exact else os.environ.get("ACCEL") or "tcg"
    with qemu.Guest(machine, mem=1024, accel=accel, arguments=ICOUNT if options.exact else ()) as guest:
        guest.boot()
        guest.wait_ready(1800)
        out = guest.out(PREPARE.replace("TRANSIENT", str(options.transient)), 3600)
    try:
        return json.loads(out.splitlines()[-1])
    except (ValueError, IndexError):
        raise SystemExit(f"bus.py: {system}: {out[-2000:]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default="rouse,systemd")
    parser.add_argument("--exact", action="store_true", help="the clock that counts instructions")
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--packages", default=PACKAGES, help="those of the root besides the usual")
    parser.add_argument("--transient", type=int, default=1000, metavar="N", help="StartTransientUnit N times in a row (default 1000)")
    options = parser.parse_args()
    systems = options.systems.split(",")
    runs = {system: [] for system in systems}
    for _ in range(options.runs):
        for system in systems:
            runs[system].append(measure(system, options))
    figures = {system: {key: min(run[key] for run in all_) for key in all_[0]} for system, all_ in runs.items()}
    print(f"{'ms':<26}" + "".join(f"{s:>12}" for s in systems))
    for key in figures[systems[0]]:
        print(f"{key:<26}" + "".join(f"{figures[s].get(key, '-'):>12}" for s in systems))


if __name__ == "__main__":
    main()
