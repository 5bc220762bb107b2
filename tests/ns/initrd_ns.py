"""rouse-initrd as process 1 of namespaces on this machine: real file systems on loop devices, the kernel's own uevents,
and programs that are made up (initrd-tool.c). What it would write to the kernel's log goes to a file, its console is a
pseudo-terminal; a restart ends the namespace with SIGHUP."""
import contextlib
import ctypes
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.realpath(os.environ.get("OUT") or os.path.join(os.path.dirname(os.path.dirname(HERE)), "build"))
LIBC = ctypes.CDLL(None, use_errno=True)
NEWNS, NEWPID, NEWNET = 0x20000, 0x20000000, 0x40000000
RDONLY, REMOUNT, BIND, REC, PRIVATE = 1, 32, 4096, 16384, 1 << 18
RESTART = -signal.SIGHUP


def mount(source, target, kind="none", flags=0, data=""):
    if LIBC.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) < 0:
        raise OSError(ctypes.get_errno(), f"mount of {target}")


class Disk:
    """A file, and a loop device on it while it is attached."""

    def __init__(self, path, partitions=False):
        self.path, self.partitions, self.device = path, partitions, None

    def attach(self):
        self.device = subprocess.run(["losetup", "-f", "--show"] + ["-P"] * self.partitions + [self.path], check=True,
                                     capture_output=True, text=True).stdout.strip()

    def detach(self):
        if self.device:
            subprocess.run(["losetup", "-d", self.device], check=False)
            self.device = None


class Lab:
    """A directory with the program that stands for all others, and the disks that were made."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="initrd-ns-")
        self.tool = os.path.join(self.dir, "tool")
        subprocess.run((os.environ.get("CC") or "gcc").split() +
                       ["-static", "-O1", "-w", "-o", self.tool, os.path.join(HERE, "initrd-tool.c")], check=True)

        # None, unless it was built with sanitizers.
        said = subprocess.run(["ldd", os.path.join(OUT, "rouse-initrd")], capture_output=True, text=True).stdout
        self.libraries = re.findall(r"(/\S+) \(0x", said)

    def path(self, name):
        return os.path.join(self.dir, name)

    def tree(self, files=()):
        """What is put on a root: an init, the directories of the API file systems, and more files."""
        tree = tempfile.mkdtemp(dir=self.dir)
        for name in ("dev", "proc", "sys", "run", "sbin", "etc", "usr"):
            os.mkdir(os.path.join(tree, name))
        shutil.copy(self.tool, os.path.join(tree, "sbin/init"))
        for name, text in dict(files).items():
            path = os.path.join(tree, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if text is None:
                os.unlink(path)
            else:
                with open(path, "w") as file:
                    file.write(text)
        return tree

    def ext4(self, name, files=(), unclean=False):
        """(disk, UUID) of an ext4 with LABEL=NAME."""
        path, number = self.path(name + ".img"), str(uuid.uuid4())
        with open(path, "wb") as file:
            file.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-L", name, "-U", number, "-d", self.tree(files), path], check=True)
        if unclean:
            subprocess.run(["debugfs", "-w", "-R", "ssv state 2", path], check=True, capture_output=True)
        return Disk(path), number

    def luks(self, name):
        """(disk, UUID) of something that has the header of LUKS1 and nothing else."""
        path, number = self.path(name + ".img"), str(uuid.uuid4())
        header = bytearray(1 << 20)
        header[:8] = b"LUKS\xba\xbe\0\1"
        header[168:168 + 36] = number.encode()
        with open(path, "wb") as file:
            file.write(header)
        return Disk(path), number

    def end(self):
        shutil.rmtree(self.dir)


class Boot:
    """One run. programs: path in the image → list of exit codes; files: path → text."""

    def __init__(self, lab, words, disks=(), programs=None, files=None):
        self.lab, self.words, self.disks = lab, words, list(disks)
        self.programs, self.files = programs or {}, files or {}
        self.root = tempfile.mkdtemp(dir=lab.dir)
        self.log_path = os.path.join(lab.dir, os.path.basename(self.root) + ".log")
        self.console, self.at, self.status = "", 0, None

    def __enter__(self):
        for disk in self.disks:
            disk.attach()
        with open(self.log_path, "w"), open(self.log_path + ".cmdline", "w") as file:
            file.write(self.words + "\n")
        self.master, slave = pty.openpty()
        self.tools_fd, far = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(os.ttyname(slave), far)
        os.close(slave)
        os.close(far)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            if self.status is None:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.tools_fd)
        for disk in self.disks:
            disk.detach()

    # In the child ----------------------------------------------------------

    def _child(self, terminal, far):
        try:
            if LIBC.unshare(NEWNS | NEWPID | NEWNET) < 0:
                raise OSError(ctypes.get_errno(), "unshare")
            pid = os.fork()
            if pid == 0:
                LIBC.prctl(1, signal.SIGKILL)
                self._become_init(terminal)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with contextlib.suppress(OSError), open(os.path.join(self.root, "run/tools"), "rb") as file:
                os.write(far, file.read())
            os._exit(100 - status if status < 0 else status)
        except BaseException as error:
            print(f"# {error}", file=sys.stderr, flush=True)
            os._exit(99)

    def _become_init(self, terminal):
        os.setsid()
        mount("none", "/", flags=REC | PRIVATE)
        root = self.root
        mount("tmpfs", root, "tmpfs", data="mode=0755")
        for name in ("dev", "proc", "sys", "run", "sbin", "bin", "etc", "codes"):
            os.mkdir(f"{root}/{name}")
        shutil.copy(os.path.join(OUT, "rouse-initrd"), f"{root}/init")
        for library in self.lab.libraries:
            os.makedirs(os.path.dirname(root + library), exist_ok=True)
            shutil.copy(library, root + library)
        for path, codes in self.programs.items():
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            shutil.copy(self.lab.tool, root + path)
            with open(f"{root}/codes/{os.path.basename(path)}", "w") as file:
                file.write("".join(f"{code}\n" for code in codes))
        for path, text in self.files.items():
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            with open(root + path, "w") as file:
                file.write(text)
        mount("devtmpfs", f"{root}/dev", "devtmpfs")
        mount("proc", f"{root}/proc", "proc")
        mount("sysfs", f"{root}/sys", "sysfs", RDONLY)
        mount(self.log_path + ".cmdline", f"{root}/proc/cmdline", flags=BIND)
        mount(f"{root}/proc/sys", f"{root}/proc/sys", flags=BIND)
        mount("none", f"{root}/proc/sys", flags=BIND | REMOUNT | RDONLY)
        mount(self.log_path, f"{root}/dev/kmsg", flags=BIND)
        with open("/sys/class/tty/console/active") as file:
            names = file.read().split()
        for name in {"console", *names}:
            if os.path.exists(f"{root}/dev/{name}"):
                mount(terminal, f"{root}/dev/{name}", flags=BIND)
        null = os.open("/dev/null", os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.closerange(3, 256)
        os.chroot(root)
        os.chdir("/")
        os.execv("/init", ["/init"])

    # From outside ----------------------------------------------------------

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def _read(self, seconds):
        while select.select([self.master], [], [], seconds)[0]:
            try:
                self.console += os.read(self.master, 4096).decode(errors="replace")
            except OSError:
                return
            seconds = 0

    def _until(self, condition, what, seconds):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come in {seconds} s\nconsole: {self.console}\nlog: {self.log()}")
            self._read(0.02)

    def expect(self, pattern, seconds=30):
        """On the console, after what was found before."""
        self._until(lambda: re.search(pattern, self.console[self.at:]), pattern, seconds)
        self.at += re.search(pattern, self.console[self.at:]).end()

    def expect_log(self, pattern, seconds=30):
        self._until(lambda: re.search(pattern, self.log()), pattern, seconds)

    def send(self, text):
        os.write(self.master, text.encode())

    def wait(self, seconds=30):
        """Exit code, or minus the signal, of process 1. Then console, log() and tools are whole."""
        def ended():
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
            return pid != 0
        self._until(ended, "the end", seconds)
        self._read(0)
        self.tools = ""
        while data := os.read(self.tools_fd, 65536):
            self.tools += data.decode(errors="replace")
        self.status = 100 - self.status if self.status > 100 else self.status
        return self.status


def possible():
    """Why it cannot be done here, or ""."""
    if os.geteuid() != 0:
        return "one must be root (loop devices, mounts)"
    if not os.path.exists("/dev/loop-control"):
        return "no loop devices here"
    return ""
