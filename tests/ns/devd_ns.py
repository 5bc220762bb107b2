"""What the namespace tests of rouse-devd share: a made-up /sys, /dev and /run/udev, uevents by the kernel's own
loop-back (a unicast to port 0 comes back as a uevent in a network namespace), and TAP.

Run as a script's first step, enter() executes the script again in a namespace of its own."""
import ctypes
import os
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time

NETLINK_KOBJECT_UEVENT = 15
count = failed = 0


def ok(good, what, note=""):
    global count, failed
    count += 1
    print(("ok" if good else "not ok"), count, "-", what, flush=True)
    if not good:
        failed += 1
        for line in str(note).splitlines():
            print("#", line, flush=True)
    return good


def is_(got, want, what):
    return ok(got == want, what, f"got {got!r}\nexpected {want!r}")


def done():
    print(f"1..{count}")
    sys.exit(1 if failed else 0)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def enter():
    if os.environ.get("DEVD_NS") == "1":
        return
    how = ["unshare", "-n", "-m"] if os.geteuid() == 0 else ["unshare", "-U", "-r", "-n", "-m"]
    if subprocess.run(how + ["true"], capture_output=True).returncode != 0:
        skip_all("no namespaces here")
    os.environ["DEVD_NS"] = "1"
    os.execvp(how[0], how + [sys.executable] + sys.argv)


def wait_for(condition, seconds=10):
    """Waits until condition() is true; it is asked again whenever something may have changed."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        select.select([], [], [], 0.002)
    return True


class World:
    def __init__(self, rules, extra=(), coldplug=False, out=None):
        self.out = os.path.realpath(out or os.environ.get("OUT", "build"))
        self.dir = tempfile.mkdtemp(prefix="devd-ns-")
        for name in ("sys/devices", "sys/class", "sys/bus", "dev", "run", "rules"):
            os.makedirs(os.path.join(self.dir, name))
        with open(self.path("rules/50-test.rules"), "w") as f:
            f.write(rules)
        self.extra = list(extra) + ([] if coldplug else ["--no-coldplug"])
        self.proc = None
        self.uevents = None      # a socket of the kernel's that outlives the daemon, as PID 1 keeps one
        self.real_nodes = False  # mknod(2) is allowed here; without, nodes are plain files
        self.sender = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    # ---- the daemon ----
    def keep_socket(self, buffer=None):
        """The daemons to come get this test's socket, and find what was sent while none ran."""
        self.uevents = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_KOBJECT_UEVENT)
        self.uevents.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        if buffer:
            try:
                self.uevents.setsockopt(socket.SOL_SOCKET, 33, buffer)  # SO_RCVBUFFORCE
            except PermissionError:
                self.uevents.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.uevents.bind((0, 1))
        return self.uevents.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def start(self, wrapper=(), env=None, pass_fds=()):
        if self.uevents:
            number = self.uevents.fileno()
            wrapper = ["sh", "-c", f'exec 3<&{number} {number}<&-; export LISTEN_FDS=1 LISTEN_FDNAMES=uevent; exec "$@"',
                       "sh"] + list(wrapper)
            pass_fds = (number,)
        notify = self.path("notify")
        if os.path.exists(notify):
            os.unlink(notify)
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(notify)
        self.log = open(self.path("log"), "a")
        args = list(wrapper) + [os.path.join(self.out, "rouse-devd"), "--foreground", "--debug",
                                "--sys", self.path("sys"), "--dev", self.path("dev"), "--run", self.path("run"),
                                "--rules-dir", self.path("rules"), "--trust-pid", str(os.getpid())] + self.extra
        environment = dict(os.environ, NOTIFY_SOCKET=notify, **(env or {}))
        self.proc = subprocess.Popen(args, stdout=self.log, stderr=self.log, env=environment, pass_fds=pass_fds)
        ready.settimeout(60)
        try:
            message = ready.recv(4096)
        except OSError:
            message = b""
        ready.close()
        return b"READY=1" in message

    def stop(self):
        if not self.proc:
            return 0
        self.proc.send_signal(signal.SIGTERM)
        code = self.proc.wait(10)
        self.proc = None
        return code

    def kill(self):
        self.proc.kill()
        self.proc.wait()
        self.proc = None

    def state(self):
        """All that others can see of database, links and tags, without what differs from run to run."""
        found = {}
        for top in ("run/data", "run/tags", "run/links", "dev"):
            for folder, _, files in os.walk(self.path(top)):
                for name in files + [d for d in os.listdir(folder) if os.path.islink(os.path.join(folder, d))]:
                    full = os.path.join(folder, name)
                    key = os.path.relpath(full, self.dir)
                    if os.path.islink(full):
                        found[key] = os.readlink(full)
                    elif top == "run/data":
                        found[key] = [line for line in open(full).read().splitlines() if line[:2] != "I:"]
                    elif top != "dev":
                        found[key] = ""
        # Of claimants with the same priority the last that had an event owns the name: which one that is, is history.
        for key, node in found.items():
            claims = "run/links/" + key[4:].replace("/", "\\x2f") + "/" if key.startswith("dev/") else None
            mine = [value for name, value in found.items() if claims and name.startswith(claims) and value]
            best = max((int(value.split(":")[0]) for value in mine), default=None)
            if best is not None and f"{best}:/dev/{os.path.basename(node)}" in mine:
                found[key] = "one of the highest priority"
        # Real loop devices, of whoever uses them on this machine, are heard of here, too.
        return {key: value for key, value in found.items()
                if not key.endswith("/.lock") and not re.search(r"/(b?7:\d+|loop\d+)$", key)}

    def fresh_state(self):
        """What a devd makes of the same /sys with an empty /run and no links."""
        other = World(open(self.path("rules/50-test.rules")).read(), coldplug=True, out=self.out)
        shutil.rmtree(other.path("sys"))
        os.symlink(self.path("sys"), other.path("sys"))
        for name in os.listdir(self.path("dev")):
            full = self.path("dev", name)
            if not os.path.islink(full) and not os.path.isdir(full):
                info = os.stat(full)
                if stat.S_ISREG(info.st_mode):
                    os.link(full, other.path("dev", name))
                else:
                    os.mknod(other.path("dev", name), info.st_mode, info.st_rdev)
        try:
            if not other.start() or not other.settle(200):
                raise TimeoutError("a fresh daemon does not come to an end:\n" + other.text()[-2000:])
            return other.state()
        finally:
            other.stop()
            other.clean()

    def text(self):
        with open(self.path("log")) as f:
            return f.read()

    def clean(self):
        if self.proc:
            self.proc.kill()
            self.proc.wait()
        if failed:
            for line in self.text().splitlines()[-60:]:
                print("#", line)
        shutil.rmtree(self.dir, ignore_errors=True)

    # ---- a device of /sys ----
    def device(self, devpath, subsystem, uevent=None, attrs=None, node=None, bus=False):
        full = self.path("sys", devpath.lstrip("/"))
        os.makedirs(full, exist_ok=True)
        with open(os.path.join(full, "uevent"), "w") as f:
            f.write("".join(f"{k}={v}\n" for k, v in (uevent or {}).items()))
        for name, value in (attrs or {}).items():
            with open(os.path.join(full, name), "w") as f:
                f.write(value + "\n")
        kind = self.path("sys", "bus" if bus else "class", subsystem)
        where = os.path.join(kind, "devices") if bus else kind
        os.makedirs(where, exist_ok=True)
        link = os.path.join(where, os.path.basename(devpath))
        if not os.path.islink(link):
            os.symlink(os.path.relpath(full, os.path.realpath(where)), link)
        sub = os.path.join(full, "subsystem")
        if not os.path.islink(sub):
            os.symlink(os.path.relpath(kind, full), sub)
        if uevent and "MAJOR" in uevent:
            numbers = self.path("sys/dev", "block" if subsystem == "block" else "char")
            os.makedirs(numbers, exist_ok=True)
            number = os.path.join(numbers, f"{uevent['MAJOR']}:{uevent['MINOR']}")
            if not os.path.islink(number):
                os.symlink(os.path.relpath(full, numbers), number)
        if node:
            os.makedirs(os.path.dirname(self.path("dev", node)), exist_ok=True)
            kind = stat.S_IFBLK if subsystem == "block" else stat.S_IFCHR
            try:
                os.mknod(self.path("dev", node), kind | 0o600, os.makedev(uevent["MAJOR"], uevent["MINOR"]))
                self.real_nodes = True
            except PermissionError:
                open(self.path("dev", node), "w").close()
        return full

    def disk(self, name, minor, parent="/devices/virtual/block", **more):
        return self.device(f"{parent}/{name}", "block",
                           {"MAJOR": 240, "MINOR": minor, "DEVNAME": name, "DEVTYPE": "disk"}, node=name, **more)

    def remove(self, devpath, node=None):
        shutil.rmtree(self.path("sys", devpath.lstrip("/")), ignore_errors=True)
        if node:
            os.unlink(self.path("dev", node))

    # ---- uevents ----
    def uevent(self, action, devpath, subsystem, **keys):
        fields = {"ACTION": action, "DEVPATH": devpath, "SUBSYSTEM": subsystem, **keys}
        body = f"{action}@{devpath}".encode() + b"\0"
        body += b"".join(f"{k}={v}".encode() + b"\0" for k, v in fields.items())
        header = struct.pack("=IHHII", 16 + len(body), 0x10, 1, 1, 0)
        while True:
            try:
                self.sender.sendto(header + body, (0, 0))
                return
            except (BlockingIOError, OSError) as e:
                if getattr(e, "errno", 0) not in (11, 105):
                    raise

    def disk_event(self, action, name, minor, parent="/devices/virtual/block", **keys):
        self.uevent(action, f"{parent}/{name}", "block", MAJOR=240, MINOR=minor, DEVNAME=name, DEVTYPE="disk", **keys)

    # ---- what came of it ----
    def entry(self, ident):
        try:
            with open(self.path("run/data", ident)) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return None

    def link(self, name):
        try:
            return os.readlink(self.path("dev", name))
        except OSError:
            return None

    def busy(self):
        return os.path.exists(self.path("run/queue"))

    def control(self, kind, value=b""):
        """One message of udevadm, then "end"; true when the daemon closed the connection within the time."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        s.settimeout(10)
        s.connect(self.path("run/control"))
        if isinstance(value, int):
            value = struct.pack("=i", value)
        for k, v in ((kind, value), (0, b"")):
            s.send(struct.pack("=16sII256s", b"udev-252", 0xdead1dea, k, v))
        try:
            return s.recv(1) == b""
        except OSError:
            return False
        finally:
            s.close()

    def settle(self, seconds=20):
        return self.control(7) and wait_for(lambda: not self.busy(), seconds)


class Monitor:
    """A client of libudev, as packages' programs are."""

    def __init__(self, subsystem=None, devtype=None, tag=None):
        self.lib = lib = ctypes.CDLL("libudev.so.1")
        for name in ("udev_new", "udev_monitor_new_from_netlink", "udev_monitor_receive_device"):
            getattr(lib, name).restype = ctypes.c_void_p
        for name in ("udev_device_get_property_value", "udev_device_get_devnode", "udev_device_get_syspath"):
            getattr(lib, name).restype = ctypes.c_char_p
        self.udev = ctypes.c_void_p(lib.udev_new())
        self.mon = ctypes.c_void_p(lib.udev_monitor_new_from_netlink(self.udev, b"udev"))
        if subsystem:
            lib.udev_monitor_filter_add_match_subsystem_devtype(self.mon, subsystem.encode(),
                                                                devtype.encode() if devtype else None)
        if tag:
            lib.udev_monitor_filter_add_match_tag(self.mon, tag.encode())
        lib.udev_monitor_enable_receiving(self.mon)
        self.fd = lib.udev_monitor_get_fd(self.mon)

    def receive(self, keys, seconds=5):
        if not select.select([self.fd], [], [], seconds)[0]:
            return None
        device = ctypes.c_void_p(self.lib.udev_monitor_receive_device(self.mon))
        if not device:
            return None
        found = {}
        for k in keys:
            v = self.lib.udev_device_get_property_value(device, k.encode())
            found[k] = v.decode() if v is not None else None
        self.lib.udev_device_unref(device)
        return found
