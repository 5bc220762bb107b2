#!/usr/bin/env python3
"""A file system that hangs: PID 1 answers all the same, and what waits for a path on it goes on when it answers, or after
the deadline. The file system is a FUSE of the test's own, which keeps its requests until it is told to answer."""
import errno
import os
import statistics
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pid1_ns  # noqa: E402
from pid1_ns import Machine, Tap  # noqa: E402

tap = Tap()
ok = tap.ok
OPCODES = {1: "lookup", 3: "getattr", 4: "setattr", 6: "symlink", 8: "mknod", 9: "mkdir", 10: "unlink", 11: "unlink", 12: "rename", 14: "open", 15: "read", 17: "statfs", 18: "release", 25: "release",
           26: "init", 27: "open", 28: "readdir", 29: "release"}


class Fuse:
    """One directory of small files, and of what is made there."""

    def __init__(self, where):
        self.files, self.modes, self.gone = {}, {}, []
        self.held, self.hangs, self.lock = [], False, threading.Lock()
        self.fd = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        os.makedirs(where, exist_ok=True)
        subprocess.run(["mount", "-i", "-t", "fuse", "-o", f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other",
                        "held", where], check=True, pass_fds=[self.fd])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                request = os.read(self.fd, 1 << 20)
            except OSError as e:
                if e.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                return
            with self.lock:
                if self.hangs:
                    self.held.append(request)
                else:
                    self._answer(request)

    def hang(self):
        with self.lock:
            self.hangs = True

    def go_on(self):
        with self.lock:
            self.hangs, held, self.held = False, self.held, []
            for request in held:
                self._answer(request)

    def _answer(self, request):
        _, opcode, unique, node = struct.unpack_from("=IIQQ", request)
        if opcode in (2, 36, 42):                   # forget, interrupt
            return
        function = getattr(self, "_" + OPCODES.get(opcode, ""), None)
        body = function(node, request[40:]) if function else errno.ENOSYS
        error, body = (-body, b"") if isinstance(body, int) else (0, body)
        try:
            os.write(self.fd, struct.pack("=IiQ", 16 + len(body), error, unique) + body)
        except OSError:
            pass                                    # who asked was killed meanwhile

    def _attr(self, node):
        name = list(self.files)[node - 2] if node > 1 else None
        text, mtime = self.files[name] if name else (b"", 0)
        mode, links = (self.modes.get(name, 0o100644), 1) if name else (0o40755, 2)
        return struct.pack("=6Q10I", node, len(text), 1, mtime, mtime, mtime, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)

    def _init(self, node, body):
        return struct.pack("=4I2H2I2HI7I", 7, 31, 65536, 0, 16, 12, 4096, 1, 0, 0, 0, *[0] * 7)

    def _lookup(self, node, body):
        name = body.rstrip(b"\0").decode()
        if name not in self.files:
            return errno.ENOENT
        node = list(self.files).index(name) + 2
        return struct.pack("=4Q2I", node, 1, 0, 0, 0, 0) + self._attr(node)

    def _getattr(self, node, body):
        return struct.pack("=Q2I", 0, 0, 0) + self._attr(node)

    def _open(self, node, body):
        return struct.pack("=Q2I", 0, 1, 0)         # direct: its size may change

    def _read(self, node, body):
        offset = struct.unpack_from("=QQ", body)[1]
        return list(self.files.values())[node - 2][0][offset:]

    def _readdir(self, node, body):
        offset = struct.unpack_from("=QQ", body)[1]
        entries = b""
        for i, name in enumerate(self.files):
            if i >= offset and node == 1:           # directories in it are empty
                entry = struct.pack("=QQII", i + 2, i + 1, len(name), 8) + name.encode()
                entries += entry.ljust(-(-len(entry) // 8) * 8, b"\0")
        return entries

    def _statfs(self, node, body):
        return struct.pack("=5Q10I", 9, 9, 9, 9, 9, 4096, 255, 4096, 0, *[0] * 6)

    def _release(self, node, body):
        return b""

    def _unlink(self, node, body):
        self.gone.append(body.rstrip(b"\0").decode())
        self.modes.pop(self.gone[-1], None)
        self.files.pop(self.gone[-1], None)
        return b""

    def _made(self, name, mode):
        name = name.rstrip(b"\0").decode()
        self.files[name], self.modes[name] = (b"", 0), mode
        return self._lookup(1, name.encode())

    def _mknod(self, node, body):
        return self._made(body[16:], struct.unpack_from("=I", body)[0])

    def _mkdir(self, node, body):
        return self._made(body[8:], struct.unpack_from("=I", body)[0] | 0o40000)

    def _symlink(self, node, body):
        return self._made(body[:body.index(b"\0") + 1], 0o120777)

    def _setattr(self, node, body):
        return self._getattr(node, body)

    def _rename(self, node, body):
        old, new = body[8:].rstrip(b"\0").split(b"\0")
        self.files[new.decode()] = self.files.pop(old.decode())
        self.modes[new.decode()] = self.modes.pop(old.decode())
        return b""


def oneshot(unit, lines="Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true"):
    return f"[Unit]\nDefaultDependencies=no\n{unit}\n[Service]\n{lines}\n"


def units(m):
    m.unit("default.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\n")
    m.unit("there.service", oneshot("ConditionPathExists=/slow/there"))
    m.unit("missing.service", oneshot("ConditionPathExists=/slow/missing"))
    m.unit("not.service", oneshot("ConditionPathExists=!/link/there"))
    m.unit("glob.service", oneshot("ConditionPathExistsGlob=/s*/th*"))
    m.unit("needs.service", oneshot("Requires=assert.service\nAfter=assert.service"))
    m.unit("assert.service", oneshot("AssertFileNotEmpty=/slow/missing"))
    m.unit("late.service", oneshot("ConditionPathExists=/slow/there"))
    m.unit("local.service", oneshot("ConditionPathExists=/etc/passwd"))
    m.unit("look.path", "[Path]\nPathExists=/slow/there\nUnit=looked.service\n")
    m.unit("full.path", "[Path]\nDirectoryNotEmpty=/slow\nUnit=full.service\n")
    m.unit("never.path", "[Path]\nPathExists=/slow/missing\nUnit=never.service\n")
    for name in ("looked", "full", "never", "ticked", "heard"):
        m.unit(f"{name}.service", oneshot(""))
    m.unit("tick.timer", "[Timer]\nOnCalendar=weekly\nPersistent=yes\nAccuracySec=1ms\nUnit=ticked.service\n")
    m.unit("listen.socket", "[Socket]\nListenStream=/slow/sock\nListenFIFO=/slow/fifo\nSymlinks=/slow/link\nRemoveOnStop=yes\n"
                            "SocketMode=0640\nService=heard.service\n")
    m.unit("slow-place.mount", "[Mount]\nWhat=tmpfs\nWhere=/slow/place\nType=tmpfs\n")
    m.unit("state.service", oneshot("", "Type=oneshot\nRemainAfterExit=yes\nStateDirectory=kept/here\nStateDirectoryMode=0710\n"
                                        "ExecStart=/bin/true"))
    m.unit("slow-auto.automount", "[Automount]\nWhere=/slow/auto\n")
    m.unit("slow-auto.mount", "[Mount]\nWhat=tmpfs\nWhere=/slow/auto\nType=tmpfs\n")
    for name, limit in (("tree", "TimeoutCleanSec=1"), ("slow-tree", "")):
        m.unit(f"{name}.service", oneshot("", f"Type=oneshot\nStateDirectory=kept/{name}\nExecStart=/bin/true\n{limit}"))
    m.unit("forks.service", oneshot("", "Type=forking\nPIDFile=/slow/pid\n"
                                    "ExecStart=/bin/sh -c 'sleep 1000 & echo $! >/run/forked'"))


def times(m, n=10):
    """Seconds that an answer takes, sorted."""
    took = []
    for _ in range(n):
        begin = time.monotonic()
        m.ctl("show", "local.service", "-pActiveState")
        took.append(time.monotonic() - begin)
    return sorted(took)


def inside(m, command):
    return subprocess.run(["timeout", "-s", "KILL", "20", "nsenter", "-t", str(m.pid), "-m", "-r", "-w", "-p", *command.split()], text=True,
                          capture_output=True, stdin=subprocess.DEVNULL).stdout


def made(m, fuse):
    """What is made on it: sockets, FIFOs, links, places to mount on, directories of services."""
    names = ["listen.socket", "slow-place.mount", "state.service"]
    fuse.hang()
    m.ctl("start", "--no-block", *names)
    ok(m.show("listen.socket", "SubState") == {"SubState": "start-chown"}, "a socket there is made by a child")
    ok(max(times(m)) < 5 and all(name in m.ctl("list-jobs", "--no-legend").stdout for name in names),
       "PID 1 answers while they are being made")
    fuse.go_on()
    for name, state in zip(names, ("listening", "mounted", "exited")):
        ok(m.wait(lambda: m.show(name, "SubState") == {"SubState": state}, name) is not False
           and m.show(name, "SubState") == {"SubState": state}, f"it answers: {name} is {state}", m.log[-2000:])
    ok({name: oct(mode) for name, mode in fuse.modes.items() if "stamp" not in name} ==
       {"sock": "0o140640", "fifo": "0o10640", "link": "0o120777", "place": "0o40755", "here": "0o40710"}, "they are what they shall be",
       str(fuse.modes))
    ok(m.ctl("stop", *names).returncode == 0, "they are stopped")
    m.wait(lambda: {"sock", "fifo", "link"} <= set(fuse.gone), "removal")
    ok({"sock", "fifo", "link"} <= set(fuse.gone), "what was made for the socket is removed", str(fuse.gone))


def automounted(m, fuse):
    """An automount point there, and what is mounted on one."""
    fuse.hang()
    m.ctl("start", "--no-block", "slow-auto.automount")
    ok(m.show("slow-auto.automount", "SubState") == {"SubState": "loading"} and max(times(m)) < 5,
       "an automount point there is put up by a child; PID 1 answers meanwhile")
    ok(m.ctl("stop", "slow-auto.automount").returncode == 0, "it is given up by a stop")
    m.ctl("start", "--no-block", "slow-auto.automount")
    fuse.go_on()
    m.wait(lambda: m.show("slow-auto.automount", "SubState") == {"SubState": "waiting"}, "the automount")
    ok(m.show("slow-auto.automount", "SubState") == {"SubState": "waiting"}, "it answers: the automount waits", m.log[-2000:])
    ok(inside(m, "ls -d /slow/auto/."), "who goes there")
    ok(m.show("slow-auto.mount", "ActiveState") == {"ActiveState": "active"}, "finds the mount")
    ok(m.ctl("stop", "slow-auto.mount", "slow-auto.automount").returncode == 0, "both are stopped")
    m.wait(lambda: "/slow/auto" not in inside(m, "cat /proc/self/mountinfo"), "the unmounting")
    ok("/slow/auto" not in inside(m, "cat /proc/self/mountinfo"), "nothing stays mounted")


def cleaned(m, fuse):
    """Its directories are removed by a child, which has only so long."""
    ok(m.ctl("start", "tree.service").returncode == 0 and "tree" in fuse.files, "a service has a directory there")
    fuse.hang()
    done = m.ctl("clean", "--what=state", "tree.service", bound=30)
    ok(done.returncode == 1 and "timeout" in done.stderr, "cleaning is given up after TimeoutCleanSec=", done.stderr)
    ok(m.show("tree.service", "ActiveState", "CleanResult") == {"ActiveState": "inactive", "CleanResult": "timeout"},
       "which is its result")
    m.ctl("clean", "--what=state", "--no-block", "slow-tree.service")
    ok(m.show("slow-tree.service", "ActiveState", "SubState") == {"ActiveState": "maintenance", "SubState": "cleaning"},
       "one without a limit is being cleaned")
    m.ctl("start", "--no-block", "slow-tree.service")
    ok("slow-tree.service" in m.ctl("list-jobs", "--no-legend").stdout, "a start waits for that")
    ok(m.ctl("stop", "slow-tree.service").returncode == 0
       and m.show("slow-tree.service", "ActiveState", "CleanResult") == {"ActiveState": "inactive", "CleanResult": "signal"},
       "a stop ends it")
    fuse.go_on()
    ok(m.ctl("clean", "--what=state", "tree.service").returncode == 0 and "tree" in fuse.gone
       and m.show("tree.service", "CleanResult") == {"CleanResult": "success"}, "when the file system answers it is removed")
    ok(m.ctl("clean", "--what=logs", "tree.service").returncode == 1, "what a unit does not have is said to be missing")


def main():
    pid1_ns.enclose(240)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        sys.exit(print("1..0 # SKIP no /dev/fuse"))
    m = Machine("slow")
    fuse = Fuse(f"{m.root}/slow")
    fuse.files = {"there": (b"x", 0), "stamp-tick.timer": (b"", int(time.time()) - 30 * 86400)}
    units(m)
    os.symlink("/slow", f"{m.root}/link")
    os.makedirs(f"{m.root}/var/lib/systemd")
    os.symlink("/slow", f"{m.root}/var/lib/systemd/timers")
    os.symlink("/slow", f"{m.root}/var/lib/kept")
    m.start()
    m.is_state("default.target", "active")
    before = times(m)

    fuse.hang()
    waiting = ["there.service", "missing.service", "not.service", "glob.service", "needs.service", "tick.timer"]
    m.ctl("start", "--no-block", "look.path", "full.path", "never.path", "forks.service", *waiting)
    during = times(m)
    print(f"# median of an answer: {statistics.median(before) * 1000:.1f} ms before, "
          f"{statistics.median(during) * 1000:.1f} ms while the file system hangs")
    ok(statistics.median(during) < 3 * statistics.median(before) + 0.05, "PID 1 answers as before while it hangs")
    jobs = m.ctl("list-jobs", "--no-legend").stdout
    ok(all(name in jobs for name in waiting), "what asks for a path on it waits")
    ok(m.ctl("start", "local.service").returncode == 0, "what does not is started")
    ok(m.show("look.path", "SubState") == {"SubState": "waiting"}, "path units wait")
    m.wait(lambda: os.path.exists(f"/proc/{m.pid}/root/run/forked"), "the process that forks")
    ok(m.show("forks.service", "SubState") == {"SubState": "start"}, "a PID file is waited for")

    fuse.go_on()
    ok(m.is_state("there.service", "active"), "it answers: a condition that holds")
    m.wait(lambda: not set(m.ctl("list-jobs", "--no-legend").stdout.split()) & set(waiting), "the jobs")
    ok(m.show("missing.service", "ActiveState", "ConditionResult") == {"ActiveState": "inactive", "ConditionResult": "no"},
       "one that does not")
    ok(m.show("not.service", "ConditionResult") == {"ConditionResult": "no"}, "by way of a link, the other way round")
    ok(m.is_state("glob.service", "active"), "by a pattern that leads there")
    ok(m.show("assert.service", "AssertResult") == {"AssertResult": "no"} and m.is_state("needs.service", "inactive"),
       "an assertion that does not hold")
    ok(m.is_state("looked.service", "active") and m.is_state("full.service", "active"), "paths that are there start their units")
    ok(m.show("never.path", "SubState") == {"SubState": "waiting"} and m.is_state("never.service", "inactive"),
       "one that is not waits on")
    ok(m.is_state("ticked.service", "active"), "a stamp of last month: the timer elapses at once")
    with open(f"/proc/{m.pid}/root/run/forked") as f:
        pid = f.read().strip()
    fuse.files["pid"] = (f"{pid}\n".encode(), 0)
    ok(m.is_state("forks.service", "active") and m.show("forks.service", "MainPID") == {"MainPID": pid},
       "the PID file comes, and names the main process")

    made(m, fuse)
    cleaned(m, fuse)
    if "autofs" in open("/proc/filesystems").read():
        automounted(m, fuse)
    fuse.hang()
    begin = time.monotonic()
    done = m.ctl("start", "late.service")
    took = time.monotonic() - begin
    ok(9 < took < 25, f"it hangs for good: the condition is given up after the deadline ({took:.1f} s)")
    ok(done.returncode == 0 and m.show("late.service", "ConditionResult") == {"ConditionResult": "no"},
       "and counts as not met")
    ok(m.says(r"late\.service: cannot test ConditionPathExists=/slow/there"), "which the log says")
    ok(m.ctl("stop", "forks.service", "look.path", "tick.timer").returncode == 0, "stopping needs no answer")
    fuse.go_on()
    m.close()
    tap.done()


main()
