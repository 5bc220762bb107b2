#!/usr/bin/env python3
"""rouse-devd in a network namespace: uevents in, database, links, tags, monitor messages and RUN programs out."""
import fcntl
import os
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()

w = World(r'''
SUBSYSTEM=="block", KERNEL=="td*", SYMLINK+="disk/by-test/$kernel disk/shared", TAG+="systemd", ENV{FROM_RULE}="yes"
SUBSYSTEM=="block", ATTR{prio}=="high", OPTIONS+="link_priority=10"
SUBSYSTEM=="block", KERNEL=="tdprog", PROGRAM="/bin/sh -c 'echo out-$$DEVTYPE-%k'", ENV{SAID}="$result"
SUBSYSTEM=="block", KERNEL=="tdprog", IMPORT{program}="/bin/echo IMPORTED=1"
SUBSYSTEM=="block", KERNEL=="slow*", ACTION!="remove", PROGRAM="/bin/sleep 30"
SUBSYSTEM=="block", KERNEL=="tdrun", RUN+="/bin/sh -c 'echo $env{FROM_RULE} $$DEVNAME $$ACTION >> ''' + "RUNLOG" + r''''"
SUBSYSTEM=="block", KERNEL=="tw*", OPTIONS+="watch"
SUBSYSTEM=="block", KERNEL=="tw*", IMPORT{builtin}="blkid"
SUBSYSTEM=="block", KERNEL=="twb", RUN+="/bin/sh -c 'echo >>TWB'"
SUBSYSTEM=="block", KERNEL=="seq", RUN+="/bin/sh -c 'echo $env{STEP} >> ''' + "SEQLOG" + r''''"
''')
rules = w.path("rules/50-test.rules")
text = open(rules).read().replace("RUNLOG", w.path("run.log")).replace("SEQLOG", w.path("seq.log"))
text = text.replace("TWB", w.path("dev/twb"))
open(rules, "w").write(text)

try:
    ok(w.start(), "READY=1 once the rules are there")
    mon, tagged, other = Monitor("block", "disk"), Monitor(tag="systemd"), Monitor("block", "partition")

    # ---- one disk ----
    w.disk("tda", 1)
    w.disk_event("add", "tda", 1)
    got = mon.receive(["ACTION", "DEVNAME", "DEVLINKS", "TAGS", "CURRENT_TAGS", "FROM_RULE", "USEC_INITIALIZED", "SEQNUM"])
    ok(got is not None, "a libudev client with a subsystem and devtype filter receives it")
    got = got or {}
    is_(got.get("DEVNAME"), "/dev/tda", "with the node's full name")
    is_(sorted((got.get("DEVLINKS") or "").split()), ["/dev/disk/by-test/tda", "/dev/disk/shared"], "links")
    is_(got.get("TAGS"), ":systemd:", "tags with outer colons")
    is_(got.get("CURRENT_TAGS"), ":systemd:", "current tags")
    is_(got.get("FROM_RULE"), "yes", "properties of the rules")
    ok(got.get("USEC_INITIALIZED"), "and the time of its initialisation")
    ok(tagged.receive(["DEVNAME"]) is not None, "a client with a tag filter receives it")
    ok(other.receive(["DEVNAME"], 0.05) is None, "one that filters for partitions does not")
    entry = w.entry("b240:1") or []
    ok({"S:disk/by-test/tda", "S:disk/shared", "E:FROM_RULE=yes", "G:systemd", "Q:systemd", "V:1"} <= set(entry),
       "database entry", entry)
    is_(w.link("disk/by-test/tda"), "../../tda", "the link")
    ok(os.path.exists(w.path("run/tags/systemd/b240:1")), "the tag's index")

    # ---- written while it is probed, by others and by its own program ----
    def readable(name, minor):
        where = w.disk(name, minor, attrs={"size": "2048"})
        os.unlink(w.path("dev", name))
        with open(w.path("dev", name), "wb") as f:
            f.truncate(1 << 20)
        return os.path.join(where, "uevent"), w.path("dev", name)

    def asked(file):
        with open(file) as f:
            return f.read().startswith("change")

    file, node = readable("twa", 60)
    with open(node, "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        w.disk_event("add", "twa", 60)
        ok(wait_for(lambda: os.path.lexists(w.path("run/watch/b240:60"))), "a disk is watched before it is probed")
        with open(node, "r+b") as f:
            f.write(b"x")
        ok(not asked(file) and w.entry("b240:60") is None and w.busy(), "it is locked: its event waits")
    ok(wait_for(lambda: w.entry("b240:60") is not None), "unlocked, it goes on")
    ok(wait_for(lambda: asked(file)), "what was written meanwhile brings another event")
    file, node = readable("twb", 61)
    w.disk_event("add", "twb", 61)
    ok(wait_for(lambda: os.path.lexists(w.path("run/watch/b240:61"))) and w.settle() is not False and
       os.path.getsize(node) > 1 << 20 and not asked(file), "what its own program writes does not")
    with open(node, "r+b") as f:
        f.write(b"x")
    ok(wait_for(lambda: asked(file)), "what is written afterwards does")

    # ---- what libblkid need not look for where it cannot be ----
    uberblocks = b"".join(struct.pack("<QQ", 0x00bab10c, 5000).ljust(1024, b"\0") for _ in range(4))
    record = struct.pack(">IIII", 0xfeedbabe, 1, 2, 512).ljust(300, b"\0") + struct.pack(">I", 1) + bytes(range(16))
    size = (64 << 20) + 100 * 1024  # labels of ZFS stand at multiples of 256 KiB
    end = size & ~0x3ffff
    for minor, (what, at, data) in enumerate([
            ("zfs_member", 128 << 10, uberblocks), ("zfs_member", (256 + 200) << 10, uberblocks),
            ("zfs_member", end - (512 - 128) * 1024, uberblocks), ("zfs_member", end - 4 * 1024, uberblocks),
            ("zfs_member", end - 4 * 1024, b"".join(uberblocks[i:i + 8][::-1].ljust(1024, b"\0") for i in range(0, 4096, 1024))),
            ("xfs_external_log", 0, record), ("xfs_external_log", 511 * 512, record), (None, 128 << 10, uberblocks[:3072]),
            (None, 512 * 512, record)], 70):
        w.disk(f"tw{minor}", minor, attrs={"size": str(size // 512)})
        os.unlink(w.path("dev", f"tw{minor}"))
        with open(w.path("dev", f"tw{minor}"), "wb") as f:
            f.truncate(size)
            f.seek(at)
            f.write(data)
        w.disk_event("add", f"tw{minor}", minor)
        wait_for(lambda: w.entry(f"b240:{minor}") is not None)
        found = next((line[13:] for line in w.entry(f"b240:{minor}") or [] if line.startswith("E:ID_FS_TYPE=")), None)
        is_(found, what, f"blkid finds {what or 'nothing'} by what stands at {at}")

    # ---- links with several claimants ----
    w.disk("tdb", 2, attrs={"prio": "high"})
    w.disk_event("add", "tdb", 2)
    ok(wait_for(lambda: w.link("disk/shared") == "../tdb"), "the higher priority takes the link over")
    w.remove("/devices/virtual/block/tdb", "tdb")
    w.disk_event("remove", "tdb", 2)
    ok(wait_for(lambda: w.link("disk/shared") == "../tda"), "and hands it back when it goes")
    ok(wait_for(lambda: w.entry("b240:2") is None), "its database entry goes with it")

    # ---- programs ----
    w.disk("tdprog", 3)
    w.disk_event("add", "tdprog", 3)
    ok(wait_for(lambda: w.entry("b240:3") is not None), "a device whose rules need programs")
    entry = w.entry("b240:3") or []
    ok("E:SAID=out-disk-tdprog" in entry, "PROGRAM's result", entry)
    ok("E:IMPORTED=1" in entry, "IMPORT{program}", entry)
    w.disk("tdrun", 4)
    w.disk_event("add", "tdrun", 4)
    ok(wait_for(lambda: os.path.exists(w.path("run.log"))), "RUN")
    ok(w.settle(), "settle comes back")
    is_(open(w.path("run.log")).read(), "yes /dev/tdrun add\n", "its environment is the device's")

    # ---- a program that hangs holds its own device only ----
    w.disk("slow", 5)
    w.disk("tdfast", 6)
    w.disk_event("add", "slow", 5)
    w.disk_event("add", "tdfast", 6)
    start = time.monotonic()
    ok(wait_for(lambda: w.entry("b240:6") is not None), "another device is not held up by a hanging program")
    ok(time.monotonic() - start < 2, "not even a little")
    ok(w.busy(), "the queue flag is there while it hangs")

    # ---- order ----
    w.disk("seq", 7)
    for i in range(200):
        w.disk_event("change", "seq", 7, STEP=i)
    ok(wait_for(lambda: os.path.exists(w.path("seq.log")) and len(open(w.path("seq.log")).readlines()) == 200, 30),
       "200 changes of one device are handled")
    is_(open(w.path("seq.log")).read().split(), [str(i) for i in range(200)], "in their order")

    # ---- reload ----
    with open(rules, "a") as f:
        f.write('SUBSYSTEM=="block", KERNEL=="tda", ENV{AFTER_RELOAD}="1"\n')
    ok(w.control(4), "reload is taken")
    w.disk_event("change", "tda", 1)
    ok(wait_for(lambda: "E:AFTER_RELOAD=1" in (w.entry("b240:1") or [])), "new rules count")
    ok(w.control(5, b"GLOBAL=g"), "control --property")
    ok(w.control(2), "stop-exec-queue")
    w.disk_event("change", "tda", 1, MARK="stopped")
    ok(w.control(7) and w.busy(), "a ping is answered, the event waits")
    ok(w.control(3), "start-exec-queue")

    # ---- rubbish ----
    import socket as so
    s = so.socket(so.AF_UNIX, so.SOCK_SEQPACKET)
    s.connect(w.path("run/control"))
    s.send(b"rubbish")
    s.settimeout(5)
    ok(s.recv(1) == b"", "a control message of the wrong size closes the connection")
    w.sender.sendto(b"\0" * 16, (0, 0))
    ok(w.control(7), "and the daemon lives on")
    ok(w.proc.poll() is None, "really")
    is_(w.stop(), 0, "SIGTERM ends it, although a program still hangs")
finally:
    w.clean()
done()
