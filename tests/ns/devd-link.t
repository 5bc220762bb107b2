#!/usr/bin/env python3
"""The link between PID 1 and rouse-devd, with this test as PID 1: watched names, coldplug, mounts, modules, settle,
and a devd that is killed and started again."""
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()

HELLO, WATCH, UNWATCH, MOUNT, UMOUNT, WATCH_MOUNTS, COLDPLUG, SETTLE, LOAD_MODULES, RELOAD, STATIC = (
    1, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
(DEVICE, MOUNT_DONE, UMOUNT_DONE, MOUNTINFO, MOUNTINFO_END, SETTLED, MODULES_DONE, KEY, QUEUE, SWAPINFO,
 SNAPSHOT_END) = range(40, 51)
GONE, PRESENT, NOT_READY = 0, 1, 2


class Pid1:
    """PID 1's end: frames of lib/wire.h."""

    def __init__(self):
        self.mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.seen = []

    def send(self, kind, *fields, ident=0):
        body = b""
        for f in fields:
            if f is None:
                body += b"n"
            elif isinstance(f, int):
                body += b"u" + struct.pack("=I", f)
            elif isinstance(f, tuple):
                body += b"q" + struct.pack("=Q", f[0])
            elif isinstance(f, list):
                body += b"u" + struct.pack("=I", len(f)) + b"".join(
                    b"s" + struct.pack("=I", len(x)) + x.encode() + b"\0" for x in f)
            else:
                body += b"s" + struct.pack("=I", len(f)) + f.encode() + b"\0"
        self.mine.send(struct.pack("=IHHII", 0x73756f72, 1, kind, ident, len(body)) + body)

    def parse(self, data):
        _, _, kind, ident, _ = struct.unpack("=IHHII", data[:16])
        p, fields = 16, []
        while p < len(data):
            t, p = data[p:p + 1], p + 1
            if t == b"u":
                fields.append(struct.unpack_from("=I", data, p)[0])
                p += 4
            elif t == b"q":
                fields.append(struct.unpack_from("=Q", data, p)[0])
                p += 8
            elif t == b"s":
                n = struct.unpack_from("=I", data, p)[0]
                fields.append(data[p + 4:p + 4 + n].decode())
                p += 4 + n + 1
            else:
                fields.append(None)
        return kind, ident, fields

    def next(self, kind, match=lambda f: True, seconds=5):
        """The first message of this kind that fits; all others are kept."""
        for i, (k, _, f) in enumerate(self.seen):
            if k == kind and match(f):
                return self.seen.pop(i)
        self.mine.settimeout(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                data = self.mine.recv(256 * 1024)
            except OSError:
                return None
            if not data:
                return None
            m = self.parse(data)
            if m[0] == kind and match(m[2]):
                return m
            self.seen.append(m)
        return None

    def device(self, name, state=None, seconds=5):
        """DL_DEVICE that names it, as a dictionary."""
        def fits(f):
            d = self.split(f)
            return name in [d["syspath"], d["node"]] + d["links"] and (state is None or d["state"] == state)
        m = self.next(DEVICE, fits, seconds)
        return self.split(m[2]) if m else None

    @staticmethod
    def split(f):
        n = f[3]
        return {"syspath": f[0], "node": f[1], "state": f[2], "links": f[4:4 + n], "props": f[5 + n:]}


def start(w, p):
    """As PID 1 starts it: the link as fd 3. The descriptor is moved there by a shell-less trampoline."""
    code = ("import os,sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES='link');"
            "os.execv(sys.argv[2], sys.argv[2:])")
    os.set_inheritable(p.theirs.fileno(), True)
    good = w.start([sys.executable, "-c", code, str(p.theirs.fileno())], pass_fds=[p.theirs.fileno()])
    p.theirs.close()
    return good


RULES = r'''
SUBSYSTEM=="block", TAG+="systemd", SYMLINK+="disk/by-test/$kernel disk/shared"
SUBSYSTEM=="block", KERNEL=="td1", OPTIONS+="link_priority=5", ENV{SYSTEMD_WANTS}="x.service", ENV{OTHER}="no"
SUBSYSTEM=="block", KERNEL=="td3", ENV{SYSTEMD_READY}="0"
SUBSYSTEM=="net", TAG+="systemd", ENV{SYSTEMD_ALIAS}+="/sys/subsystem/net/devices/$name"
'''
w = World(RULES)
try:
    for i in range(3):
        w.disk(f"td{i}", i)
    w.device("/devices/virtual/net/dummy9", "net", {"INTERFACE": "dummy9", "IFINDEX": 9})
    p = Pid1()
    ok(start(w, p), "ready")
    m = p.next(HELLO)
    ok(m and m[2] == [1, 1], "DL_HELLO with version and the first generation", m)
    p.send(HELLO, 1, (1,))
    ok(p.next(SNAPSHOT_END), "the end of an empty snapshot")

    for name in ("/dev/disk/by-test/td0", "/dev/nothing", "/sys/devices/virtual/block/td1",
                 "/sys/subsystem/net/devices/dummy9"):
        p.send(WATCH, name)
    p.send(COLDPLUG)
    d = p.device("/dev/disk/by-test/td0")
    ok(d and d["state"] == PRESENT and d["node"] == "/dev/td0", "coldplug: a watched link is there", d)
    d = p.device("/sys/devices/virtual/block/td1")
    ok(d and "SYSTEMD_WANTS=x.service" in d["props"], "a watched sysfs path, with SYSTEMD_WANTS", d)
    ok(d and not any(x.startswith("OTHER") for x in d["props"]), "and nothing that PID 1 has no use for", d)
    ok(d and "/dev/disk/shared" in d["links"], "the link that it won", d)
    d = p.device("/dev/td2")
    ok(d and "/dev/disk/shared" not in d["links"], "not the link that it lost", d)
    d = p.device("/sys/devices/virtual/net/dummy9")
    ok(d and "SYSTEMD_ALIAS=/sys/subsystem/net/devices/dummy9" in d["props"], "an interface with its alias", d)
    d = p.device("/dev/nothing")
    ok(d and d["state"] == GONE, "what is not there is said so once all is handled", d)
    p.send(SETTLE, ident=77)
    m = p.next(SETTLED)
    ok(m and m[1] == 77, "settled", m)

    # ---- later ----
    w.disk("td3", 3)
    w.disk_event("add", "td3", 3)
    d = p.device("/dev/td3")
    ok(d and d["state"] == NOT_READY, "SYSTEMD_READY=0", d)
    p.send(WATCH, "/dev/disk/shared")
    d = p.device("/dev/disk/shared")
    ok(not w.real_nodes or d and d["node"] == "/dev/td1", "a name watched later is answered at once", d)
    w.remove("/devices/virtual/block/td1", "td1")
    w.disk_event("remove", "td1", 1)
    d = p.device("/sys/devices/virtual/block/td1", GONE)
    ok(d, "its disk is gone")
    d = p.device("/dev/disk/shared", NOT_READY)
    ok(not w.real_nodes or d and d["node"] == "/dev/td3", "the link's next owner, the last that came, is told", d)

    # ---- another name ----
    w.remove("/devices/virtual/net/dummy9")
    w.device("/devices/virtual/net/other9", "net", {"INTERFACE": "other9", "IFINDEX": 9})
    w.uevent("move", "/devices/virtual/net/other9", "net", INTERFACE="other9", IFINDEX=9,
             DEVPATH_OLD="/devices/virtual/net/dummy9")
    d = p.device("/sys/devices/virtual/net/other9")
    ok(d and d["state"] == PRESENT, "an interface under its new name", d)
    ok(p.device("/sys/devices/virtual/net/dummy9", GONE), "and no longer under the old one")

    # ---- mounts ----
    p.send(WATCH_MOUNTS)
    ok(p.next(MOUNTINFO, lambda f: f[1] == "/"), "the root is mounted")
    ok(p.next(MOUNTINFO_END), "end of the listing")
    where = w.path("mnt")
    p.send(MOUNT, where, "none", "tmpfs", "size=1m,noexec,nofail,x-systemd.automount", 0, ident=5)
    m = p.next(MOUNTINFO, lambda f: f[1] == where)
    ok(m and m[2][0] == 1 and m[2][3] == "tmpfs" and "noexec" in m[2][4], "mountinfo tells of the mount", m)
    m = p.next(MOUNT_DONE)
    ok(m and m[1] == 5 and m[2][:2] == [where, 0], "the mount is done", m)
    p.send(MOUNT, w.path("bad"), "/dev/nothing", "ext4", None, 0, ident=6)
    m = p.next(MOUNT_DONE)
    ok(m and m[1] == 6 and m[2][1] != 0 and "/dev/nothing" in (m[2][2] or ""), "one that fails says what", m)
    subprocess.run(["mount", "-t", "tmpfs", "over", where], check=True)
    m = p.next(MOUNTINFO, lambda f: f[1] == where and f[0] == 1)
    ok(m and m[2][2] == "over", "a mount by somebody else", m)
    p.send(UMOUNT, where, 0, 0, ident=8)
    ok(p.next(MOUNTINFO, lambda f: f[1] == where and f[0] == 0), "gone again")
    m = p.next(MOUNTINFO, lambda f: f[1] == where and f[0] == 1)
    ok(m and m[2][2] == "none", "and what it covered is there again", m)
    ok(p.next(UMOUNT_DONE), "unmounted")

    # ---- modules ----
    p.send(LOAD_MODULES, ["no_such_module_rouse"], ident=9)
    m = p.next(MODULES_DONE, seconds=10)
    ok(m and m[1] == 9 and m[2] == [0, "no_such_module_rouse: no such module"], "a module that does not exist is told, and no failure", m)

    # ---- killed, and started again ----
    w.proc.send_signal(signal.SIGKILL)
    w.proc.wait()
    w.disk("td4", 4)
    w.remove("/devices/virtual/block/td2", "td2")
    p = Pid1()
    ok(start(w, p), "a second devd")
    m = p.next(HELLO)
    ok(m and m[2] == [1, 2], "of the second generation", m)
    p.send(HELLO, 1, (2,))
    ok(p.device("/dev/td0", PRESENT), "the snapshot has what was there")
    ok(p.next(SNAPSHOT_END), "and its end")
    p.send(WATCH, "/dev/td2")
    p.send(COLDPLUG)
    ok(p.device("/dev/td4", PRESENT), "what came meanwhile")
    ok(p.device("/dev/td2", GONE), "what went meanwhile")
    ok(w.entry("b240:2") is None, "its database entry too")
    ok(not any(k == DEVICE and Pid1.split(f)["node"] == "/dev/td3" for k, _, f in p.seen[5:]), "nothing twice")

    # ---- rubbish from PID 1's side ----
    p.mine.send(b"rubbish")
    p.send(MOUNT, None, None, None, None, 0)
    p.send(999, "x")
    p.send(WATCH, "relative/name")
    p.send(SETTLE, ident=10)
    ok(p.next(SETTLED), "malformed messages are survived")
    p.mine.close()
    ok(w.proc.wait(10) is not None, "a closed link ends it: PID 1 starts the next")
    w.proc = None
finally:
    subprocess.run(["umount", w.path("mnt")], capture_output=True)
    w.clean()
done()
