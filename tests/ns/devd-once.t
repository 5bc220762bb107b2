#!/usr/bin/env python3
"""rouse-devd's commands over made-up trees: verify, --once (alone and several at once), test."""
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()
HERE = os.path.dirname(os.path.abspath(__file__))

w = World(r'''
SUBSYSTEM=="block", KERNEL=="o*", SYMLINK+="disk/by-test/%k disk/shared", TAG+="systemd", ENV{FROM_RULE}="yes"
SUBSYSTEM=="block", ATTR{prio}=="?*", OPTIONS+="link_priority=$attr{prio}"
SUBSYSTEM=="block", ATTR{prio}=="1", OPTIONS+="link_priority=1"
SUBSYSTEM=="block", ATTR{prio}=="2", OPTIONS+="link_priority=2"
SUBSYSTEM=="block", ATTR{prio}=="3", OPTIONS+="link_priority=3"
SUBSYSTEM=="block", KERNEL=="oprog", PROGRAM="/bin/sh -c 'echo out-$$DEVTYPE-%k'", ENV{SAID}="$result"
SUBSYSTEM=="block", KERNEL=="oprog", ENV{.DOT}="dot"
SUBSYSTEM=="block", KERNEL=="oprog", PROGRAM="/usr/bin/printenv .DOT", ENV{DOTTED}="$result", RUN+="/bin/sh -c 'echo $$FROM_RULE $$DEVNAME >> RUNLOG'", RUN+="/bin/false"
SUBSYSTEM=="block", KERNEL=="oprog", RUN+="/bin/sh -c 'echo $$FROM_RULE $$DEVNAME >> RUNLOG'"
SUBSYSTEM=="block", KERNEL=="oslow", PROGRAM="/bin/sleep 60"
SUBSYSTEM=="block", KERNEL=="opersist", OPTIONS+="db_persist"
SUBSYSTEM=="block", KERNEL=="omode", MODE="0640", OPTIONS+="log_level=debug"
SUBSYSTEM=="block", KERNEL=="odump", OPTIONS+="dump", ENV{AFTER}="1"
'''.replace('OPTIONS+="link_priority=$attr{prio}"', 'ENV{PRIO}="$attr{prio}"'))
rules = w.path("rules/50-test.rules")
text = open(rules).read().replace("RUNLOG", w.path("run.log"))
open(rules, "w").write(text)
DEVD = os.path.join(w.out, "rouse-devd")
ROOTS = ["--sys", w.path("sys"), "--dev", w.path("dev"), "--run", w.path("run"), "--rules-dir", w.path("rules")]


def once(action, devpath, *more, wait=True):
    process = subprocess.Popen([DEVD, "--once", action, devpath, *ROOTS, *more], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
    if not wait:
        return process
    output, _ = process.communicate(timeout=120)
    return process.returncode, output


def disk(name):
    return f"/devices/virtual/block/{name}"


try:
    # ---- verify ----
    golden = os.path.join(HERE, "../unit/golden-verify")
    done_ = subprocess.run([DEVD, "verify", "bad.rules"], cwd=golden, capture_output=True, text=True)
    said = done_.stderr.replace("rouse-devd: ", "") + done_.stdout
    is_(done_.returncode, 1, "verify fails when there is something to say")
    is_(sorted(said.splitlines()), sorted(open(os.path.join(golden, "bad.expected")).read().splitlines()),
        "what verify says, with file, line and column")
    done_ = subprocess.run([DEVD, "verify", "--quiet", w.path("rules")], capture_output=True, text=True)
    is_((done_.returncode, done_.stdout), (1, ""), "OPTIONS that udev does not have in this version are told")

    # ---- one event ----
    w.disk("oa", 1)
    status, output = once("add", disk("oa"))
    is_(status, 0, "an event is handled")
    ok({"S:disk/by-test/oa", "S:disk/shared", "E:FROM_RULE=yes", "G:systemd", "Q:systemd", "V:1"} <= set(w.entry("b240:1") or []),
       "database entry", output)
    is_(w.link("disk/by-test/oa"), "../../oa", "link")
    ok(os.path.exists(w.path("run/tags/systemd/b240:1")), "index of the tag")
    status, output = once("add", disk("nothing"))
    is_(status, 1, "a device that is not there is an error")
    status, output = once("jump", disk("oa"))
    ok(status == 1 and "jump" in output, "so is an action that does not exist", output)

    # ---- programs ----
    w.disk("oprog", 2)
    status, output = once("add", disk("oprog"))
    ok(status == 0 and "ended with status 1" in output, "a RUN program that fails is told, the event has succeeded", output)
    ok({"E:SAID=out-disk-oprog", "E:DOTTED=dot"} <= set (w.entry("b240:2") or []), "PROGRAM's output, properties with a dot among its environment")
    is_(open(w.path("run.log")).read(), "yes /dev/oprog\n", "RUN: once for equal commands, with the properties as environment")
    w.disk("oslow", 3)
    status, output = once("add", disk("oslow"), "--timeout", "0.2s")
    ok(status == 0 and w.entry("b240:3") is not None, "a program that hangs is ended, the event goes on", output)

    # ---- options ----
    w.disk("opersist", 4)
    once("add", disk("opersist"))
    is_("%o" % (os.stat(w.path("run/data/b240:4")).st_mode & 0o7777), "1644", "db_persist: the sticky bit")
    w.disk("omode", 5)
    once("add", disk("omode"))
    is_("%o" % (os.stat(w.path("dev/omode")).st_mode & 0o7777), "640", "MODE")

    # ---- dry ----
    w.disk("odry", 6)
    status, output = once("add", disk("odry"), "--dry-run")
    ok(status == 0 and "FROM_RULE=yes" in output and w.entry("b240:6") is None and w.link("disk/by-test/odry") is None,
       "--dry-run prints and changes nothing", output)
    done_ = subprocess.run([DEVD, "test", *ROOTS, "/sys" + disk("oprog")], capture_output=True, text=True)
    ok(done_.returncode == 0 and "run: '/bin/false'" in done_.stdout and "SAID=out-disk-oprog" in done_.stdout,
       "test prints the properties and what would be run", done_.stdout + done_.stderr)
    is_(subprocess.run([DEVD, "test-builtin", *ROOTS, "path_id", "/sys" + disk("oa")], capture_output=True).returncode, 1,
        "test-builtin fails where the builtin has nothing to say")

    # ---- several at once agree on a link ----
    for number in range(20, 32):
        w.disk(f"o{number}", number, attrs={"prio": str(number % 3 + 1)})
    running = [once("add", disk(f"o{number}"), wait=False) for number in range(20, 32)]
    ok(all(process.wait(120) == 0 for process in running), "twelve at once")
    winners = [f"../o{number}" for number in range(20, 32) if number % 3 + 1 == 3]
    ok(w.link("disk/shared") in winners, "the link leads to one of the highest priority", w.link("disk/shared"))
    for round_ in range(3):
        holder = os.path.basename(w.link("disk/shared"))
        others = [name for name in (f"o{number}" for number in range(20, 32)) if name != holder]
        running = [once("remove", disk(holder), wait=False)] + [once("change", disk(name), wait=False) for name in others[:4]]
        ok(all(process.wait(120) == 0 for process in running), "the holder goes while others change")
        after = os.path.basename(w.link("disk/shared") or "")
        ok(after != holder and int(after[1:]) % 3 + 1 == 3, "the link leads to another of the highest", after)

    # ---- the user at the seat ----
    uaccess = w.path("uaccess")
    os.makedirs(uaccess)
    with open(os.path.join(uaccess, "70.rules"), "w") as f:
        f.write('KERNEL=="seat*", TAG+="uaccess"\nKERNEL=="seatmode", MODE="0640"\nTAG=="uaccess", RUN{builtin}+="uaccess"\n')
    w.disk("seat", 40)
    seats = "/run/systemd/seats"
    if w.real_nodes and subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True).returncode == 0:
        def entries():
            raw = os.getxattr(w.path("dev/seat"), "system.posix_acl_access")[4:]
            return [struct.unpack_from("<HHI", raw, at) for at in range(0, len(raw), 8)]

        def event(uid):
            os.makedirs(seats, exist_ok=True)
            with open(seats + "/seat0", "w") as f:
                f.write(f"# logind's and elogind's file\nIS_SEAT0=1\nACTIVE=c1\nACTIVE_UID={uid}\n" if uid else "IS_SEAT0=1\n")
            return subprocess.run([DEVD, "--once", "change", disk("seat"), *ROOTS[:6], "--rules-dir", uaccess]).returncode
        none = 0xffffffff
        wanted = [(1, 6, none), (2, 6, 1234), (4, 0, none), (0x10, 6, none), (0x20, 0, none)]
        is_((event(1234), entries()), (0, wanted), "uaccess: the user of the seat's session may use the node")
        is_((event(1234), entries()), (0, wanted), "a second event gives nobody else more")
        is_((event(1235), entries()), (0, [e if e[2] != 1234 else (2, 6, 1235) for e in wanted]), "the next user takes it over")
        event(0)
        try:
            entries()
            ok(False, "without a session the list is taken away")
        except OSError:
            is_("%o" % (os.stat(w.path("dev/seat")).st_mode & 0o777), "600", "without a session the list is taken away")

    # ---- gone ----
    status, output = once("remove", disk("oa"))
    ok(status == 0 and w.entry("b240:1") is None and w.link("disk/by-test/oa") is None and
       not os.path.exists(w.path("run/tags/systemd/b240:1")), "remove takes all of it away", output)
finally:
    open(w.path("log"), "a").close()
    w.clean()
done()
