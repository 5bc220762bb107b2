#!/usr/bin/env python3
"""What goes wrong around rouse-devd: storms that overflow the kernel's buffer, a daemon that is killed, rules that are
replaced while events run, programs that hang, devices that vanish half-way, a /run that is full. Afterwards the state
is that of a devd that looks at the same devices for the first time."""
import os
import random
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()

# Loop devices are this machine's: what the kernel says of them comes into every network namespace.
RULES = r'''
SUBSYSTEM=="block", KERNEL!="loop*", SYMLINK+="disk/by-name/$kernel disk/shared$attr{group}", TAG+="systemd", ENV{SIZE}="$attr{size}"
SUBSYSTEM=="block", ATTR{size}=="8", OPTIONS+="link_priority=10"
SUBSYSTEM=="block", KERNEL=="*7", PROGRAM="/bin/echo said-%k", ENV{SAID}="$result"
SUBSYSTEM=="net", ENV{NET}="$attr{address}", TAG+="systemd"
'''


def difference(got, want):
    return "\n".join(f"{key}: got {got.get(key)!r}, expected {want.get(key)!r}"
                     for key in sorted(set(got) | set(want)) if got.get(key) != want.get(key))[:3000]


def same_as_fresh(w, what):
    note = difference(w.state(), w.fresh_state())
    return ok(not note, what, note)


class Machine:
    """Disks that come, change and go."""

    def __init__(self, w, count, seed):
        self.w, self.count, self.there, self.random = w, count, set(), random.Random(seed)

    def step(self):
        number = self.random.randrange(self.count)
        name = f"td{number}"
        if number not in self.there:
            attrs = {"size": str(self.random.randrange(9)), "group": str(number % 3)}
            self.w.disk(name, number, attrs=attrs)
            self.there.add(number)
            action = "add"
        elif self.random.random() < 0.4:
            self.w.remove(f"/devices/virtual/block/{name}", name)
            for link in (self.w.path("sys/class/block", name), self.w.path(f"sys/dev/block/240:{number}")):
                os.unlink(link)
            self.there.remove(number)
            action = "remove"
        else:
            for attribute, most in (("size", 9), ("group", 3)):
                with open(self.w.path(f"sys/devices/virtual/block/{name}/{attribute}"), "w") as file:
                    file.write(f"{self.random.randrange(most)}\n")
            action = "change"
        self.w.disk_event(action, name, number)


def storm():
    w = World(RULES)
    large = w.keep_socket(buffer=64 << 20) >= 64 << 20
    try:
        ok(w.start(), "a storm of 10,000 events")
        m = Machine(w, 300, 1)
        for number in range(10000):
            if number % 10 == 0 or not m.there:
                m.step()
            else:
                again = m.random.choice(sorted(m.there))
                w.disk_event("change", f"td{again}", again)
        ok(w.settle(240), "is over")
        ok("drop uevents" not in w.text() or not large, "nothing was lost on the way")
        same_as_fresh(w, "the state is a fresh one's")
    finally:
        w.clean()


def overflow():
    w = World(RULES)
    w.keep_socket(buffer=16 * 1024)
    try:
        ok(w.start(), "a socket with a small buffer")
        m = Machine(w, 60, 2)
        for _ in range(100):
            m.step()
        w.settle()
        w.device("/devices/virtual/net/x0", "net", {"INTERFACE": "x0", "IFINDEX": 77}, attrs={"address": "aa"})
        w.uevent("add", "/devices/virtual/net/x0", "net", INTERFACE="x0", IFINDEX=77)
        w.settle()
        w.proc.send_signal(signal.SIGSTOP)
        for _ in range(1500):
            m.step()
        # a rename among what is lost
        os.rename(w.path("sys/devices/virtual/net/x0"), w.path("sys/devices/virtual/net/y0"))
        os.unlink(w.path("sys/class/net/x0"))
        w.device("/devices/virtual/net/y0", "net", {"INTERFACE": "y0", "IFINDEX": 77}, attrs={"address": "bb"})
        w.proc.send_signal(signal.SIGCONT)
        ok(wait_for(lambda: "All devices compared" in w.text(), 30), "an overflow is seen, and all devices compared")
        ok(w.settle(60), "which settle waits for")
        same_as_fresh(w, "what was lost is made good: added, changed, removed, renamed")
    finally:
        w.clean()


def killed():
    w = World(RULES)
    w.keep_socket()
    try:
        m = Machine(w, 40, 3)
        clock = random.Random(4)
        ready = w.start()
        times = 100 if "asan" not in w.out else 15  # sanitizers make a start slow
        for _ in range(times):
            for _ in range(30):
                m.step()
            time.sleep(clock.random() * 0.02)
            w.kill()
            ready &= w.start()
        ok(ready, f"a devd that is killed at a random moment {times} times starts again each time")
        ok(w.settle(60), "and settles")
        same_as_fresh(w, "the state is a fresh one's")
        w.stop()
        m.step()
        ok(w.start() and w.settle(), "what came while none ran")
        same_as_fresh(w, "is handled by the next")
    finally:
        w.clean()


def rules_replaced():
    w = World(RULES)
    try:
        w.start()
        m = Machine(w, 50, 5)
        for turn in range(20):
            for _ in range(50):
                m.step()
            fresh = w.path(f"rules.{turn}")
            os.mkdir(fresh)
            with open(os.path.join(fresh, "50-test.rules"), "w") as file:
                file.write(RULES + f'SUBSYSTEM=="block", ENV{{TURN}}="{turn}"\n')
            os.rename(w.path("rules"), w.path(f"old.{turn}"))
            os.rename(fresh, w.path("rules"))
            w.control(4)
        for number in sorted(m.there):
            w.disk_event("change", f"td{number}", number)
        ok(w.settle(60), "rules that are replaced 20 times while events run")
        same_as_fresh(w, "the last ones count")
    finally:
        w.clean()


def hanging():
    w = World(RULES + '''SUBSYSTEM=="block", KERNEL=="td1", RUN+="/bin/sh -c 'sleep 4242 & sleep 4242'"
SUBSYSTEM=="block", KERNEL=="td2", RUN+="/bin/sh -c 'sleep 4243 &'"
SUBSYSTEM=="block", KERNEL=="td3", PROGRAM="/bin/sh -c 'sleep 4244; echo late'", ENV{LATE}="$result"
''', extra=["--event-timeout", "1"])

    def alive(argument):
        found = []
        for pid in os.listdir("/proc"):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if file.read().split(b"\0")[:2] == [b"sleep", argument.encode()]:
                        found.append(pid)
            except OSError:
                pass
        return found
    try:
        w.start()
        for number in (1, 2, 3, 4):
            w.disk(f"td{number}", number, attrs={"size": "1", "group": "0"})
            w.disk_event("add", f"td{number}", number)
        ok(wait_for(lambda: w.entry("b240:4") is not None), "programs that hang do not keep the others")
        ok(w.settle(60), "each has its time limit")
        for argument, what in (("4242", "a hanging program's children end with it"), ("4243", "so do those of one that left"),
                               ("4244", "and PROGRAM")):
            ok(wait_for(lambda: not alive(argument)), what, alive(argument))
        ok(w.entry("b240:3") is not None and "E:LATE=late" not in w.entry("b240:3"), "the device is there all the same")
    finally:
        w.clean()


def vanishing():
    w = World(RULES + '''SUBSYSTEM=="block", KERNEL=="td*", PROGRAM="/bin/sh -c 'sleep 0.3; echo x'", ENV{LATE}="$result"
''')
    try:
        w.start()
        for number in range(20):
            w.disk(f"td{number}", number, attrs={"size": "1", "group": "0"})
            w.disk_event("add", f"td{number}", number)
        wait_for(w.busy)
        for number in range(0, 20, 2):
            w.remove(f"/devices/virtual/block/td{number}", f"td{number}")
            os.unlink(w.path("sys/class/block", f"td{number}"))
            os.unlink(w.path(f"sys/dev/block/240:{number}"))
            w.disk_event("remove", f"td{number}", number)
        ok(w.settle(60), "devices that vanish while their events run")
        same_as_fresh(w, "leave nothing behind")
    finally:
        w.clean()


def full():
    w = World(RULES)
    try:
        if os.system(f"mount -t tmpfs -o size=256k tmpfs {w.path('run')}") != 0:
            ok(True, "a full /run # SKIP no tmpfs here")
            return
        w.start()
        m = Machine(w, 30, 6)
        for _ in range(20):
            m.step()
        w.settle()
        try:
            with open(w.path("run/filler"), "wb", buffering=0) as file:
                while file.write(b"x" * 4096):
                    pass
        except OSError:
            pass
        for _ in range(60):
            m.step()
        ok(w.settle(60) and w.proc.poll() is None, "with a full /run the daemon goes on")
        ok("No space left" in w.text(), "and says what is not written")
        os.unlink(w.path("run/filler"))
        ok(wait_for(lambda: all(w.entry(f"b240:{number}") for number in m.there), 60), "once there is room, all is written")
        w.settle()
        same_as_fresh(w, "the state is a fresh one's")
    finally:
        os.system(f"umount {w.path('run')} 2>/dev/null")
        w.clean()


def lock_held():
    """A foreground process sits on a link's lock: the daemon waits for it without stopping."""
    import fcntl
    w = World(RULES)
    try:
        w.start()
        os.makedirs(w.path("run/links/disk\\x2fshared0"))
        with open(w.path("run/links/disk\\x2fshared0/.lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for number, group in ((1, "0"), (2, "1")):
                w.disk(f"td{number}", number, attrs={"size": "1", "group": group})
                w.disk_event("add", f"td{number}", number)
            ok(wait_for(lambda: w.entry("b240:2") is not None), "a lock that is held stops its own device only")
            ok(w.entry("b240:1") is None and w.control(7), "which is not ready, and the daemon answers")
        ok(w.settle(), "when it is let go")
        ok(w.entry("b240:1") is not None and w.link("disk/shared0") == "../td1", "the device is done")
    finally:
        w.clean()


def probes():
    """Workers that leave as they are given something, die, or take their time: no disk is without its names afterwards."""
    import fcntl
    import uuid
    w = World('SUBSYSTEM=="block", KERNEL=="td*", IMPORT{builtin}="blkid"\n'
              'SUBSYSTEM=="block", ENV{ID_FS_UUID}=="?*", SYMLINK+="disk/by-uuid/$env{ID_FS_UUID}", TAG+="systemd"\n')
    w.extra += ["--worker", w.path("worker")]
    w.keep_socket(buffer=16 * 1024)
    with open(w.path("worker"), "w") as file:
        file.write(f"""#!/bin/sh
exec 9<{w.path("turn")}
flock 9
read -r how <{w.path("turn")}
sed -i 1d {w.path("turn")}
exec 9<&-
case $how in
leaves) exit 0 ;;
dies) kill -9 $$ ;;
waits) flock {w.path("gate")} true ;;
esac
exec {w.out}/rouse-devd-probe "$@"
""")
    os.chmod(w.path("worker"), 0o755)

    def turns(*how):
        with open(w.path("turn"), "w") as file:
            file.write("".join(line + "\n" for line in how))

    def swap(number):
        w.disk(f"td{number}", number, attrs={"size": "2048"})
        os.unlink(w.path("dev", f"td{number}"))
        name = uuid.UUID(int=number + 1)
        with open(w.path("dev", f"td{number}"), "wb") as file:
            file.write((bytes(1024) + struct.pack("=III", 1, 255, 0) + name.bytes).ljust(4086, b"\0") + b"SWAPSPACE2")
            file.truncate(1 << 20)
        return name

    def named(number, name):
        return f"E:ID_FS_UUID={name}" in (w.entry(f"b240:{number}") or []) and w.link(f"disk/by-uuid/{name}") == f"../../td{number}"
    try:
        turns("leaves", "dies")
        w.start()
        name = swap(0)
        w.disk_event("add", "td0", 0)
        ok(wait_for(lambda: named(0, name)), "a probe goes on with another worker when one left, and one died", w.text()[-2000:])
        turns("dies", "dies", "dies")
        deaths = w.text().count("ended by signal KILL")
        for pid in os.listdir("/proc"):
            try:
                if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == "rouse-devd-probe" and \
                        w.dir.encode() in open(f"/proc/{pid}/cmdline", "rb").read():
                    os.kill(int(pid), signal.SIGKILL)
            except (OSError, ValueError):
                pass
        ok(wait_for(lambda: w.text().count("ended by signal KILL") > deaths), "the idle one is gone")
        name = swap(1)
        w.disk_event("add", "td1", 1)
        ok(wait_for(lambda: w.entry("b240:1") is not None), "what three of them die of has an end")
        w.disk_event("change", "td1", 1)
        ok(wait_for(lambda: named(1, name)), "and its next event is a new beginning")

        with open(w.path("gate"), "w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            turns(*["waits"] * 40)
            names = {}
            for number in range(2, 14):
                names[number] = swap(number)
                w.disk_event("add", f"td{number}", number)
            wait_for(w.busy)
            w.proc.send_signal(signal.SIGSTOP)  # more than the buffer holds, with disks among what is lost
            for number in range(14, 40):
                names[number] = swap(number)
            for turn in range(30):
                for number in sorted(names):
                    w.disk_event("add" if turn == 0 else "change", f"td{number}", number)
            w.proc.send_signal(signal.SIGCONT)
            ok(wait_for(lambda: "All devices compared" in w.text(), 30), "an overflow while answers are slow")
            w.kill()
            os.unlink(w.path("dev", "td5"))
            names[5] = swap(5)
            ok(w.start(), "the daemon is killed")
        ok(w.settle(120), "the answers come")
        without = [number for number, name in names.items() if not named(number, name)]
        is_(without, [], "every disk has its names")
        same_as_fresh(w, "the state is a fresh one's")
    finally:
        w.clean()


for part in (storm, overflow, killed, rules_replaced, hanging, vanishing, full, lock_held, probes):
    part()
done()
