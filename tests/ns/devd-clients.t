#!/usr/bin/env python3
"""udevadm against a running rouse-devd, with real interfaces in a namespace: monitor, trigger with UUIDs and --settle,
settle, control, info, wait. Ours, and Debian's own where its package udev is installed (UDEVADM=PROGRAM: another)."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()

RULES = r'''
SUBSYSTEM=="net", TAG+="systemd", ENV{SAID}="$attr{address}"
ENV{PASS}=="word", ENV{PASSED}="word"
SUBSYSTEM=="net", KERNEL=="slow*", ACTION=="change", PROGRAM="/bin/sleep 0.5"
SUBSYSTEM=="net", ACTION=="change", RUN+="/bin/sh -c 'echo $env{SYNTH_UUID} >>LOG'"
'''
UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


def udevadm(*words, seconds=60):
    return subprocess.run([*tool, *words], capture_output=True, text=True, timeout=seconds)


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True).returncode == 0


def seen():
    try:
        with open(log) as file:
            return file.read().split()
    except FileNotFoundError:
        return []


def monitor():
    """What udevadm monitor says from an interface's add to its removal."""
    path = w.path("monitor")
    with open(path, "wb") as file:
        process = subprocess.Popen([*tool, "monitor", "--udev", "--property", "--subsystem-match=net"], stdout=file, stderr=file)
    text = lambda: open(path).read()
    ready = wait_for(lambda: "UDEV - the event" in text())
    ip("link", "add", "mon0", "type", "ifb")
    ok(ready and wait_for(lambda: "INTERFACE=mon0" in text()), "monitor hears of an interface", text())
    ip("link", "del", "mon0")
    ok(wait_for(lambda: "ACTION=remove" in text()), "and of its end")
    process.terminate()
    process.wait()
    said = text()
    for wanted in (r"^UDEV +\[[0-9.]+\] add +/devices/virtual/net/mon0 \(net\)$", r"^ACTION=add$", r"^SAID=([0-9a-f]{2}:){5}",
                   r"^USEC_INITIALIZED=[0-9]+$", r"^TAGS=:systemd:$"):
        ok(re.search(wanted, said, re.M), f"monitor: {wanted}", said)


def trigger():
    before = len(seen())
    got = udevadm("trigger", "--uuid", "--settle", "-c", "change", "/sys/class/net/lo")
    uuid = got.stdout.split("\n")[0]
    ok(got.returncode == 0 and re.match(UUID, uuid), "trigger --uuid says which event it asked for", got)
    is_(seen()[before:], [uuid], "and --settle comes back when that event is over")
    is_(got.stdout.split("\n"), [uuid, "settle " + uuid, ""], "it says so")
    got = udevadm("trigger", "-v", "--settle", "-c", "change", "/sys/class/net/slow0")
    is_(got.stdout, "/sys/devices/virtual/net/slow0\nsettle /sys/devices/virtual/net/slow0\n", "and of which device")
    ok(got.returncode == 0 and len(seen()) == before + 2, "also a slow one", got)
    got = udevadm("trigger", "-c", "change", "--subsystem-match=net", "--sysname-match=slow*")
    got = udevadm("settle", "--timeout=30")
    ok(got.returncode == 0 and len(seen()) == before + 3 and not w.busy(), "settle waits for all", got)
    got = udevadm("trigger", "-nv", "--tag-match=systemd")
    ok("/sys/devices/virtual/net/slow0" in got.stdout.split(), "trigger by tag", got)


def control():
    got = udevadm("control", "--property=PASS=word", "--log-level=info", "--ping")
    is_(got.returncode, 0, "control: property, log level, ping")
    udevadm("trigger", "--settle", "-c", "change", "/sys/class/net/lo")
    got = udevadm("info", "--query=property", "/sys/class/net/lo")
    ok("PASSED=word" in got.stdout.split("\n"), "the property reaches the rules, the database and info", got.stdout)
    is_(udevadm("control", "--property=PASS=").returncode, 0, "taken back")
    with open(w.path("rules/60-more.rules"), "w") as file:
        file.write('SUBSYSTEM=="net", ENV{MORE}="yes"\n')
    is_(udevadm("control", "--reload").returncode, 0, "reload")
    udevadm("trigger", "--settle", "-c", "change", "/sys/class/net/lo")
    ok("MORE=yes" in udevadm("info", "-q", "property", "/sys/class/net/lo").stdout.split("\n"), "new rules count")
    os.unlink(w.path("rules/60-more.rules"))
    is_(udevadm("control", "--stop-exec-queue").returncode, 0, "the queue is stopped")
    udevadm("trigger", "-c", "change", "/sys/class/net/lo")
    is_(udevadm("settle", "--timeout=1").returncode, 1, "settle gives up after its time")
    is_(udevadm("control", "--start-exec-queue").returncode, 0, "and goes on")
    is_(udevadm("settle", "--timeout=30").returncode, 0, "settle comes back")


def each(name, program):
    """All of that with one udevadm; ours goes by that name."""
    global w, tool, log
    w = World(RULES, ["--sys", "/sys", "--run", "/run/udev"])
    log = w.path("uuids")
    for folder, target in (("sys", "/sys"), ("run", "/run/udev")):
        shutil.rmtree(w.path(folder))
        os.symlink(target, w.path(folder))
    with open(w.path("rules/50-test.rules"), "w") as file:
        file.write(RULES.replace("LOG", log))
    os.symlink(program, w.path("udevadm"))
    tool = [w.path("udevadm")]
    shutil.rmtree("/run/udev", ignore_errors=True)
    os.mkdir("/run/udev")
    try:
        ok(w.start() and ip("link", "add", "slow0", "type", "ifb"), f"{name} udevadm, {program}")
        udevadm("trigger", "--settle", "-c", "add", "--subsystem-match=net")
        monitor()
        trigger()
        control()
    finally:
        ip("link", "del", "slow0")
        w.clean()


if any(subprocess.run(["mount", "-t", kind, kind, where], capture_output=True).returncode
       for kind, where in (("sysfs", "/sys"), ("tmpfs", "/run"))) or not ip("link", "add", "try0", "type", "ifb"):
    skip_all("no sysfs, no tmpfs or no interfaces of kind ifb can be had here")
each("our", os.path.join(os.path.realpath(os.environ.get("OUT", "build")), "rousectl"))
theirs = [p for p in (os.environ.get("UDEVADM"), "/usr/bin/udevadm.systemd", "/usr/bin/udevadm") if p and os.path.exists(p)]
if theirs:
    each("Debian's", theirs[0])
else:
    print("# Debian's udevadm is not installed")
done()
