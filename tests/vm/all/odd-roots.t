#!/usr/bin/env python3
"""Roots that are not as an installer leaves them: without a machine id, never to be written, with /usr and /var on
disks of their own, without an fstab. Each boots to its services with no unit failed, and leaves its disks clean.
INIT=systemd asks the same of Debian's systemd. ONLY=usr runs one of them; 13 boots, about 9 guest-minutes."""
import dataclasses
import os
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ext4
import image
import qemu
from tap import TIMEOUT, Tap, text_file

tap = Tap()
ROOT = f"UUID={image.ROOT_UUID}"
FIRST = """[Unit]
ConditionFirstBoot=yes
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /etc/machine-id >>/var/lib/first-boots'
"""
FILES = []      # they live as long as the test
SERVICES = "ssh nginx dbus cron rsyslog networking"


def copy(text, path):
    """A file with this text, for the guest."""
    FILES.append(text_file(text))
    return FILES[-1].name, path


def runs(guest, name, services=SERVICES):
    """Its services are there, and nothing has failed."""
    guest.wait_ready(TIMEOUT)
    states = guest.out(f"for s in {services}; do echo $s $(systemctl is-active $s); done")
    tap.is_(states.split("\n"), [f"{service} active" for service in services.split()], f"{name}: the services run")
    failed = guest.out("timeout 120 systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain")
    if not tap.is_(failed, "running", f"{name}: no unit failed"):
        tap.diag(guest.out("for u in $(systemctl list-units --failed --no-legend --plain | cut -d' ' -f1); do "
                           "systemctl status --no-pager -n 30 $u; done"))


def ends(guest, name):
    """Power-off; what was on the disks is whole."""
    guest.run("systemctl poweroff </dev/null >/dev/null 2>&1 &")
    guest.wait_exit(TIMEOUT)
    for disk in [guest.root] + (guest.disks if guest.writable else []):
        if guest.writable:
            problem = ext4.check_clean(disk)
            tap.ok(problem is None, f"{name}: {os.path.basename(disk)} is clean", problem)


def again(guest):
    guest.run("systemctl reboot </dev/null >/dev/null 2>&1 &")
    guest.agent_ready = False
    guest.wait_ready(TIMEOUT)


# The wizard would ask on the console for what the image does not say: systemd-firstboot(1).
QUIET = "systemd.firstboot=no systemd.wants=first.service "


def machine_id(name, first, copies=(), removes=(), words=""):
    """The first boot gives the machine its id, which the second one finds."""
    name = f"{name} /etc/machine-id"
    with tap.guest(name, writable=True, reboot=True, append=QUIET + words, removes=removes,
                   copies=[copy(FIRST, "/etc/systemd/system/first.service")] + list(copies)) as guest:
        runs(guest, name)
        given = guest.out("cat /etc/machine-id")
        tap.like(given, "^[0-9a-f]{32}$", f"{name}: it gets one")
        tap.is_(guest.out("cat /run/machine-id /etc/machine-id 2>/dev/null | sort -u; grep -c machine-id /proc/self/mounts"),
                given + "\n0", f"{name}: it is on the disk, and nothing over it")
        tap.is_(guest.out("cat /var/lib/first-boots 2>/dev/null"), given if first else "",
                f"{name}: ConditionFirstBoot= {'holds' if first else 'does not hold'}")
        again(guest)
        tap.is_(guest.out("cat /etc/machine-id"), given, f"{name}: it is the same at the next boot")
        tap.is_(guest.out("cat /var/lib/first-boots 2>/dev/null"), given if first else "",
                f"{name}: the next boot is not the first")
        ends(guest, name)


PRESET = "[Unit]\nDescription=Enabled by nobody\n[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"


def presets(name):
    """A first boot enables what the presets say, if it can write: here it can."""
    no = "disable other.service\nenable probe.service\ndisable *\n"
    copies = [copy(PRESET, "/etc/systemd/system/probe.service"), copy(PRESET, "/etc/systemd/system/other.service"),
              copy(no, "/etc/systemd/system-preset/00-probe.preset")]
    with tap.guest(name, removes=["/etc/machine-id"], append=QUIET + "rw", copies=copies) as guest:
        runs(guest, name)
        tap.is_(guest.out("systemctl is-enabled probe other; systemctl is-active probe other").split(),
                ["enabled", "disabled", "active", "inactive"], f"{name}: what the presets enable is enabled and runs")
        tap.is_(guest.out("systemctl is-enabled nginx"), "enabled", f"{name}: nothing is disabled")


def read_only(name):
    """ro in fstab: what has to be written is on tmpfs, what is made once has been made."""
    lines = (f"{ROOT} / ext4 ro 0 1\ntmpfs /tmp tmpfs mode=1777 0 0\ntmpfs /var/log tmpfs mode=755 0 0\n"
             "tmpfs /var/lib/nginx tmpfs mode=755 0 0\n")
    keep = "d /var/log/nginx 0755 root adm -\n"
    with tap.guest(name, writable=True, copies=[copy(lines, "/etc/fstab"),
                                                copy(keep, "/etc/tmpfiles.d/log.conf"),
                                                copy("", "/var/lib/systemd/linger/.once")]) as guest:
        runs(guest, name)
        tap.like(guest.out("cat /proc/self/mounts"), "^/dev/vda / ext4 ro[, ]", f"{name}: it stays so")
        tap.is_(guest.out("touch /x 2>&1"), "touch: cannot touch '/x': Read-only file system", f"{name}: nobody writes there")
        ends(guest, name)


def no_fstab(name):
    with tap.guest(name, writable=True, removes=["/etc/fstab"], append="rw") as guest:
        runs(guest, name)
        tap.like(guest.out("cat /proc/self/mounts"), "^/dev/vda / ext4 rw[, ]", f"{name}: rw on the command line counts")
        tap.is_(guest.out("systemctl is-active -- -.mount; systemctl is-active srv.mount"), "active\ninactive",
                f"{name}: / is a unit, what nobody names is none")
        ends(guest, name)


def no_fstab_ro(name):
    with tap.guest(name, removes=["/etc/fstab"]) as guest:
        guest.wait_ready(TIMEOUT)
        tap.like(guest.out("cat /proc/self/mounts"), "^/dev/vda / ext4 ro[, ]", f"{name}: / stays as it is mounted")
        tap.is_(guest.out("systemctl is-active ssh dbus"), "active\nactive", f"{name}: services run")
        guest.expect("login: ", TIMEOUT)
        tap.ok(True, f"{name}: one can log in")
        ends(guest, name)


def apart(directory, work, root):
    """Moves a directory of the root image to a disk of its own; the place where it was is empty."""
    here = os.path.join(work, "tree")
    os.mkdir(here)
    ext4.run(["debugfs", "-R", f"rdump /{directory} {here}", root])
    disk = os.path.join(work, f"{directory}.img")
    ext4.make(disk, "900M", f"b0070000-0000-4000-8000-0000000{directory.encode().hex()[:5]}", os.path.join(here, directory),
              directory)
    image.run(["rm", "-r", here])
    edit = ext4.Edit()
    edit.lines = [f"ln /{directory} /was-{directory}", f"unlink /{directory}", f"mkdir /{directory}"]
    edit.apply(root, os.path.join(work, "edit"))
    return disk


def own_disks(name):
    """The initramfs mounts /usr, since init is there; PID 1 waits for /var as for any mount."""
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="rouse-odd-") as work:
        machine = image.machine(os.environ.get("INIT") or "rouse")
        root = os.path.join(work, "root.img")
        ext4.sparse_copy(machine.root, root)
        disks = [apart(directory, work, root) for directory in ("usr", "var")]
        lines = f"{ROOT} / ext4 errors=remount-ro 0 1\nLABEL=usr /usr ext4 defaults 0 2\nLABEL=var /var ext4 defaults 0 2\n"
        with tap.guest(name, machine=dataclasses.replace(machine, root=root), writable=True, disks=disks,
                       copies=[copy(lines, "/etc/fstab")]) as guest:
            runs(guest, name)
            mounts = guest.out("cat /proc/self/mounts")
            for number, directory in enumerate(("usr", "var")):
                tap.like(mounts, f"^/dev/vd{'cd'[number]} /{directory} ext4 rw", f"{name}: /{directory} is mounted")
                tap.is_(guest.out(f"systemctl is-active {directory}.mount"), "active", f"{name}: {directory}.mount is active")
            tap.is_(guest.out("mount --bind / /mnt; ls -A /mnt/usr /mnt/var; umount /mnt"), "/mnt/usr:\n\n/mnt/var:",
                    f"{name}: below them is nothing")
            guest.out("logger odd; for i in $(seq 50); do grep -q odd /var/log/syslog && break; sleep 0.2; done")
            tap.like(guest.out("cat /var/log/syslog"), "odd", f"{name}: the syslog is written there")
            ends(guest, name)


CASES = {
    # Where /etc is read-only and there is nothing to mount over, systemd refuses to boot.
    "missing": lambda: machine_id("a missing", True, removes=["/etc/machine-id"], words="" if tap.rouse else "rw"),
    "uninitialized": lambda: machine_id("an uninitialized", True, [copy("uninitialized\n", "/etc/machine-id")]),
    "empty": lambda: machine_id("an empty", False, [copy("", "/etc/machine-id")]),
    "presets": lambda: presets("the presets of a first boot"),
    "ro": lambda: read_only("a read-only root"),
    "fstab": lambda: no_fstab("no fstab"),
    "fstab-ro": lambda: no_fstab_ro("no fstab, and ro"),
    "usr": lambda: own_disks("/usr and /var on disks of their own"),
}
for name, case in CASES.items():
    if os.environ.get("ONLY", name) == name:
        try:
            case()
        except (image.Error, ext4.Error, qemu.Failed, OSError) as error:
            tap.ok(False, name, error)
tap.done()
