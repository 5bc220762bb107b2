"""The real PID 1 in namespaces of its own, over a root made for one test.

The test runs itself again in PID and mount namespaces (`enclose`), where all
that it mounts and starts ends with it. A Machine is a root on a tmpfs: the
programs of the tree, the host's tools bound read-only, and the units that the
test writes. /dev/kmsg and /dev/console are FIFOs, so that what PID 1 says is
read in the order in which it says it.
"""
import glob
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time

OUT = os.path.abspath(os.environ.get("OUT") or "build")
HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = {"rouse": "usr/sbin", "rousectl": "usr/sbin", "rouse-exec": "usr/lib/rouse", "rouse-early": "usr/lib/rouse",
            "rouse-shutdown": "usr/lib/rouse"}
BOUND = 30
SANITIZER = "detect_leaks=0:handle_segv=2:handle_abort=2:handle_sigfpe=2:handle_sigbus=2:handle_sigill=2:log_path=/asan"

BASE = {
    "sysinit.target": "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\n",
    "local-fs.target": "[Unit]\nDefaultDependencies=no\nConflicts=shutdown.target\n",
    "basic.target": "[Unit]\nRequires=sysinit.target local-fs.target\nAfter=sysinit.target local-fs.target\n",
    "sockets.target": "[Unit]\n",
    "shutdown.target": "[Unit]\nDefaultDependencies=no\nRefuseManualStart=yes\n",
    "poweroff.target": "[Unit]\nDefaultDependencies=no\nRequires=end.service\nAfter=end.service\nAllowIsolate=yes\n",
    "end.service": "[Unit]\nDefaultDependencies=no\nRequires=shutdown.target\nAfter=shutdown.target\n"
                   "SuccessAction=poweroff-force\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "emergency.target": "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\n",
}


def cgroup2():
    """The machine's cgroup2 tree, None where there is none to write in."""
    for line in open("/proc/self/mountinfo"):
        fields = line.split()
        if fields[fields.index("-") + 1] == "cgroup2" and os.access(fields[4], os.W_OK):
            return fields[4]
    return None


def remove_cgroup(path):
    for folder, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass


def enclose(bound):
    """Runs the calling script again in namespaces; returns only inside."""
    if "PID1_ROOT" in os.environ:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "root", os.environ["PID1_ROOT"]], check=True)
        return
    if os.getuid() != 0:
        sys.exit(print("1..0 # SKIP needs root"))
    unshare = ["unshare", "-f", "-p", "-m", "-n", "--kill-child", "--mount-proc", "--propagation", "private"]
    if subprocess.run(unshare + ["true"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(print("1..0 # SKIP no namespaces here"))
    root, tree = tempfile.mkdtemp(prefix="rouse-pid1."), cgroup2()
    group = f"{tree}/{os.path.basename(root)}" if tree else ""
    try:
        if group:
            os.mkdir(group)
        done = subprocess.run(["timeout", "-s", "KILL", str(bound), *unshare, sys.executable, *sys.argv],
                              env={**os.environ, "PID1_ROOT": root, "PID1_CGROUP": group})
        sys.exit(done.returncode if done.returncode >= 0 else 1)
    finally:
        if group:
            remove_cgroup(group)
        os.rmdir(root)


class Ended(Exception):
    """PID 1 has ended where it should not."""


class Machine:
    def __init__(self, name, cgroups=True, container=True):
        """container: what PID 1 is told; in one it leaves fstab's devices alone."""
        self.environment = "container=test" if container else ""
        if emptied := os.environ.get("ROUSE_EMPTY_DIRECTIVE"):     # tests/empty-directives
            self.environment += f" ROUSE_EMPTY_DIRECTIVE={emptied}"
        self.root = f"{os.environ['PID1_ROOT']}/{name}"
        self.cgroup = f"{os.environ['PID1_CGROUP']}/{name}" if cgroups and os.environ["PID1_CGROUP"] else None
        self.log, self.console, self.process = "", "", None
        for folder in ("usr/sbin", "usr/bin", "usr/lib/rouse", "usr/lib/systemd/system", "usr/lib64", "etc/systemd/system",
                       "proc", "sys", "dev", "run", "tmp", "root", "var"):
            os.makedirs(f"{self.root}/{folder}")
        for link in ("bin", "sbin", "lib", "lib64"):
            os.symlink(f"usr/{link}", f"{self.root}/{link}")
        for program, folder in PROGRAMS.items():
            subprocess.run(["cp", f"{OUT}/{program}", f"{self.root}/{folder}/"], check=True)
        subprocess.run(["cp", f"{HERE}/pid1_service.py", f"{self.root}/usr/sbin/service"], check=True)
        self.file("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        self.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.file("etc/group", "root:x:0:\n")
        self.file("etc/systemd/system.conf", "[Manager]\nLogLevel=debug\n")
        for unit, text in BASE.items():
            self.unit(unit, text, vendor=True)

    def file(self, path, text):
        path = f"{self.root}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def unit(self, name, text, vendor=False):
        return self.file(("usr/lib" if vendor else "etc") + f"/systemd/system/{name}", text)

    def _script(self):
        """What is mounted before PID 1 is executed, in its own namespaces."""
        binds = [d for d in ["/usr/bin", "/usr/lib64", *glob.glob("/usr/lib/*-linux-gnu*"), *glob.glob("/usr/lib/python3*")]
                 if os.path.isdir(d)]
        lines = ["set -e", "chroot=$(command -v chroot)"]
        for d in binds:
            lines.append(f"mkdir -p {self.root}{d}; mount --bind -o ro {d} {self.root}{d}")
        lines += [f"mount -t proc proc {self.root}/proc", f"mount --bind {self.root}/etc/cmdline {self.root}/proc/cmdline"]
        lines.append(f"mount -t {'sysfs' if self.cgroup else 'tmpfs'} sys {self.root}/sys")
        lines.append(f"mount --rbind {self.root}/dev {self.root}/dev")
        lines.append(f"cd /; exec env -i {self.environment} "
                     f"ASAN_OPTIONS={SANITIZER} UBSAN_OPTIONS=print_stacktrace=1 $chroot {self.root} /usr/sbin/rouse $(cat {self.root}/etc/cmdline)")
        return "\n".join(lines)

    def _devices(self):
        dev = f"{self.root}/dev"
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "dev", dev], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "run", f"{self.root}/run"], check=True)
        for name in ("null", "zero", "full", "random", "urandom"):
            open(f"{dev}/{name}", "w").close()
            subprocess.run(["mount", "--bind", f"/dev/{name}", f"{dev}/{name}"], check=True)
        for name in ("kmsg", "console"):
            os.mkfifo(f"{dev}/{name}")
        return [os.open(f"{dev}/{name}", os.O_RDWR | os.O_CLOEXEC) for name in ("kmsg", "console")]

    def _read(self, kmsg, console):
        while True:
            for fd in select.select([kmsg, console], [], [])[0]:
                text = os.read(fd, 65536).decode(errors="replace")
                if fd == kmsg:
                    self.log += text
                else:
                    self.console += text

    def start(self, cmdline="quiet"):
        self.file("etc/cmdline", cmdline + "\n")
        threading.Thread(target=self._read, args=self._devices(), daemon=True).start()
        enter = ""
        if self.cgroup:
            os.mkdir(self.cgroup)
            enter = f"echo $$ >{self.cgroup}/cgroup.procs; "
        unshare = "exec unshare -f -p -m -u -i -n -C --kill-child --propagation private sh -c \"$1\""
        self.process = subprocess.Popen(["sh", "-c", enter + unshare, "sh", self._script()], stdin=subprocess.DEVNULL)
        self.pidfd = os.pidfd_open(self.process.pid)
        self.wait(self._find_pid, "PID 1")
        self.wait(lambda: os.path.exists(f"{self.root}/run/rouse/control"), "the control socket")

    def _find_pid(self):
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
                self.pid = int(f.read())
            return os.readlink(f"/proc/{self.pid}/exe").endswith("/rouse")
        except (OSError, ValueError):
            return False

    def ended(self, bound=0.0):
        return bool(select.select([self.pidfd], [], [], bound)[0])

    def wait(self, holds, what="", bound=BOUND):
        """Looks until it holds, or the bound is over, or PID 1 has ended."""
        end = time.monotonic() + bound
        while not holds():
            if self.ended(0.01):
                raise Ended(f"PID 1 ended while waiting for {what}")
            if time.monotonic() > end:
                return False
        return True

    def says(self, pattern, bound=BOUND):
        return self.wait(lambda: re.search(pattern, self.log, re.M), pattern, bound)

    def said(self, pattern):
        return re.findall(pattern, self.log, re.M)

    def ctl(self, *args, bound=BOUND):
        """rousectl inside; the finished process, with its output as text."""
        return subprocess.run(["timeout", "-s", "KILL", str(bound), "nsenter", "-t", str(self.pid), "-m", "-r", "-w", "-p",
                               "/usr/sbin/rousectl", *args], text=True, capture_output=True, stdin=subprocess.DEVNULL)

    def show(self, unit, *keys):
        out = self.ctl("show", unit, *[f"-p{k}" for k in keys]).stdout
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def is_state(self, unit, state, bound=BOUND):
        return self.wait(lambda: self.ctl("is-active", unit).stdout.strip() == state, f"{unit} {state}", bound)

    def booted(self, bound=BOUND):
        return self.says("Startup finished", bound)

    def path(self, name):
        return f"{self.root}/{name}"

    def text(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def feed(self, fifo):
        """Opens a FIFO as soon as somebody reads there, and closes it."""
        def opened():
            try:
                os.close(os.open(self.path(fifo), os.O_WRONLY | os.O_NONBLOCK))
            except OSError:
                return False
            return True
        return self.wait(opened, fifo)

    def reports(self):
        return "".join(self.text(os.path.basename(f)) for f in glob.glob(f"{self.root}/asan.*"))

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def ok(self, holds, name, detail=""):
        self.count += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.count} - {name}")
        if not holds and detail:
            for line in str(detail).rstrip("\n").split("\n"):
                print("# " + line)
        sys.stdout.flush()
        return holds

    def done(self):
        print(f"1..{self.count}")
        sys.exit(1 if self.failed else 0)
