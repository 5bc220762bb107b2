#!/usr/bin/env python3
"""A Debian as a container on this machine, no guest: rouse is PID 1 of namespaces of its own over the guests' root, with
a part of root's capabilities, /proc/sys and /sys read-only, a console, and the words of the kernel's command line as its
arguments. Its services run, it sees the settings of the root, scripts of /etc/init.d are units; poweroff ends it. First
boots, as machine-id(5) has them."""
import contextlib
import os
import pty
import shlex
import subprocess
import sys
import tempfile
import threading
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, "../../ns")]
import image
import settings
from pid1_ns import cgroup2, remove_cgroup
from tap import TIMEOUT, Tap

tap = Tap()
PACKAGES = "cloud-init,apparmor,network-manager,xinetd,systemd-container,kexec-tools"     # the root of debian.t
TEXTS = {**settings.TEXTS, "/etc/hostname": "inside\n", "/etc/network/interfaces": "auto lo\niface lo inet loopback\n"}
LINKS = {**settings.LINKS, **{f"/etc/systemd/system/{unit}.service": "/dev/null" for unit in (
    "NetworkManager", "NetworkManager-wait-online", "apparmor")}}
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


@contextlib.contextmanager
def container(words, script=""):
    """One that is starting, over the image's layers, changed by a script; what it has written goes with it."""
    tree = cgroup2()
    group = os.path.join(tree, f"rouse-container-{os.getpid()}")
    with tempfile.TemporaryDirectory(prefix="rouse-container-", dir="/var/tmp") as work:
        root, upper = os.path.join(work, "root"), os.path.join(work, "upper")
        for name in (root, upper, os.path.join(work, "work")):
            os.mkdir(name)
        settings.files(upper, TEXTS, LINKS)
        layers = [image.install() + "/tree", image.base(image.extended(PACKAGES)) + "/tree"]
        image.in_tree(layers, "chroot \"$ROOT\" /usr/lib/rouse/divert install; rm -f \"$ROOT/etc/fstab\"\n" + script, upper)
        os.mkdir(group)
        made = Container(group, words)
        try:
            made.start(root, f"lowerdir={':'.join(layers)},upperdir={upper},workdir={work}/work")
            yield made
        finally:
            made.end()
            remove_cgroup(group)


def runs(inside):
    for _ in range(600):
        if inside.process.poll() is not None or (inside.find() and inside.out("test -e /run/systemd/system && echo up") == "up"):
            break
        threading.Event().wait(0.1)
    if not tap.ok(inside.pid and inside.process.poll() is None, "PID 1 runs",
                  inside.process.stdout.read().decode(errors="replace") if inside.process.poll() is not None else ""):
        return False
    state = inside.out("timeout 120 systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain")
    tap.is_(state, "running", "the container is up, and no unit has failed")
    tap.is_(inside.out("hostname; systemd-detect-virt; systemctl is-active nginx ssh cron rsyslog dbus").split(),
            ["inside", "container-other"] + ["active"] * 5, "its services run")
    return True


ONCE = """
cat >"$ROOT/etc/systemd/system/once.service" <<'EOT'
[Unit]
ConditionFirstBoot=yes
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /etc/machine-id >>/var/lib/first-boots'
EOT
for name in preset other; do
    printf '[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n' >"$ROOT/etc/systemd/system/$name.service"
done
mkdir -p "$ROOT/etc/systemd/system-preset"
printf 'enable preset.service\\ndisable *\\n' >"$ROOT/etc/systemd/system-preset/00-test.preset"
"""


def first_boot(name, script, first):
    """What machine-id(5) says of a file that is missing, empty, or says `uninitialized`."""
    tap.diag(f"{name} /etc/machine-id")
    with container("systemd.wants=once.service systemd.firstboot=no", ONCE + script) as inside:
        if not runs(inside):
            return
        given = inside.out("cat /etc/machine-id")
        tap.like(given, "^[0-9a-f]{32}$", f"{name} /etc/machine-id: the machine gets one")
        tap.is_(inside.out("grep -c machine-id /proc/self/mounts"), "0", f"{name} /etc/machine-id: on the disk, nothing over it")
        tap.is_(inside.out("cat /var/lib/first-boots 2>/dev/null"), given if first else "",
                f"{name} /etc/machine-id: it is {'a' if first else 'no'} first boot")
        tap.is_(inside.out("systemctl is-enabled preset other nginx; systemctl is-active preset other").split(),
                (["enabled", "disabled", "enabled", "active", "inactive"] if first else
                 ["disabled", "disabled", "enabled", "inactive", "inactive"]),
                f"{name} /etc/machine-id: what the presets enable {'is enabled, the rest stays' if first else 'is not'}")


if not cgroup2() or os.geteuid():
    print("1..0 # SKIP no cgroup2 tree to write in, or not root")
    sys.exit(0)
try:
    with container("systemd.wants=seen.service systemd.setenv=OPTION=argument") as inside:
        if runs(inside):
            tap.is_(inside.out("grep OPTION /run/seen"), "OPTION=argument", "its arguments are its command line")
            settings.settings(tap, inside)
            settings.sysv(tap, inside)
            tap.ok(inside.says(b"inside login: "), "there is a login on its console")
            inside.out("systemctl poweroff")
            tap.is_(inside.process.wait(60), 0, "poweroff ends it")
        if tap.failed:
            tap.diag("its console:\n" + inside.text.decode(errors="replace")[-4000:])
    first_boot("a missing", 'rm "$ROOT/etc/machine-id"\n', True)
    first_boot("an uninitialized", 'rm "$ROOT/etc/machine-id"; echo uninitialized >"$ROOT/etc/machine-id"\n', True)
    first_boot("an empty", 'rm "$ROOT/etc/machine-id"; : >"$ROOT/etc/machine-id"\n', False)
except (image.Error, OSError, subprocess.SubprocessError) as error:
    tap.ok(False, "a container", error)
tap.done()
