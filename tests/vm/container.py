"""A Debian as a container on this machine: rouse is PID 1 of namespaces of its own over the guests' root, with a part
of root's capabilities, /proc/sys and /sys read-only, a console, and the words of the kernel's command line as its
arguments. What it writes goes with it."""
import contextlib
import os
import pty
import shlex
import signal
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "ns"))
import image                                            # noqa: E402
import settings                                         # noqa: E402
from pid1_ns import cgroup2, remove_cgroup              # noqa: E402
from tap import TIMEOUT                                 # noqa: E402

SETUP = """
set -e
mount -t overlay -o "$LAYERS" overlay "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
ln -s pts/ptmx dev/ptmx
touch dev/console
mount --bind "$CONSOLE" dev/console
mount -t tmpfs -o mode=755 run run
mount -t tmpfs tmp tmp
pivot_root . mnt
cd /
umount -l /mnt
exec setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-sys_resource,-mac_admin,-syslog,-mknod \\
    env -i container=rouse-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /usr/sbin/rouse $WORDS
"""


class Container:
    def __init__(self, group, words):
        self.group, self.words, self.text = group, words, bytearray()
        self.process = self.pid = None

    def start(self, root, layers):
        master, slave = pty.openpty()
        threading.Thread(target=self.read, args=(master,), daemon=True).start()
        env = dict(os.environ, ROOT=root, LAYERS=layers, CONSOLE=os.ttyname(slave), WORDS=self.words)
        into = f"echo $$ >{self.group}/cgroup.procs; exec unshare -fpmnuiC --kill-child --propagation private sh -c {shlex.quote(SETUP)}"
        self.process = subprocess.Popen(["sh", "-c", into], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)

    def read(self, master):
        with contextlib.suppress(OSError):
            while chunk := os.read(master, 65536):
                self.text += chunk

    def end(self):
        """Nothing of it is left then."""
        with open(f"{self.group}/cgroup.kill", "w") as file:
            file.write("1")
        if self.process:
            self.process.wait(60)
        for _ in range(600):
            if "populated 0" in open(f"{self.group}/cgroup.events").read():
                break
            threading.Event().wait(0.1)

    def up(self):
        """Waits until it has an init that can be asked; False: it ends before that, or does not get so far."""
        for _ in range(600):
            if self.process.poll() is not None:
                return False
            if self.find() and self.out("test -e /run/systemd/system && echo up") == "up":
                return True
            threading.Event().wait(0.1)
        return False

    def says(self, words):
        for _ in range(600):
            if words in self.text:
                return True
            threading.Event().wait(0.1)
        return False

    def find(self):
        """PID 1 as this machine sees it: what unshare has begun, once it is rouse."""
        for name in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if name.isdigit() and f"\nPPid:\t{self.process.pid}\n" in open(f"/proc/{name}/status").read() and \
                        os.readlink(f"/proc/{name}/exe") == "/usr/sbin/rouse":
                    self.pid = name
        return self.pid

    def out(self, script, timeout=TIMEOUT):
        done = subprocess.run(["nsenter", "-t", self.pid, "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-c", script],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
        return done.stdout.decode(errors="replace").rstrip("\n")


def possible():
    return cgroup2() and os.geteuid() == 0


@contextlib.contextmanager
def container(words="", packages="", texts=None, links=None, script=""):
    """One that is starting, over the layers of a guest with these packages, changed by files, links and a script."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # what takes too long is cleared away, too
    tree = cgroup2()
    group = os.path.join(tree, f"rouse-container-{os.getpid()}")
    with tempfile.TemporaryDirectory(prefix="rouse-container-", dir="/var/tmp") as work:
        root, upper = os.path.join(work, "root"), os.path.join(work, "upper")
        for name in (root, upper, os.path.join(work, "work")):
            os.mkdir(name)
        settings.files(upper, texts or {}, links or {})
        layers = [image.install() + "/tree", image.base(image.extended(packages)) + "/tree"]
        image.in_tree(layers, "chroot \"$ROOT\" /usr/lib/rouse/divert install; rm -f \"$ROOT/etc/fstab\"\n" + script, upper)
        os.mkdir(group)
        made = Container(group, words)
        try:
            made.start(root, f"lowerdir={':'.join(layers)},upperdir={upper},workdir={work}/work")
            yield made
        finally:
            made.end()
            remove_cgroup(group)
