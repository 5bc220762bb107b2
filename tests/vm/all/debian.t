#!/usr/bin/env python3
"""What a Debian has besides services with units: locale.conf and system.conf.d, AppArmor, scripts of /etc/init.d,
a network by ifupdown, NetworkManager or networkd, cloud-init with a seed disk, a container with a Debian in it, kexec.
INIT=systemd asks the same of Debian's systemd. ONLY=cloud runs one of them; 7 boots, about 10 guest-minutes."""
import os
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import ext4
import image
import qemu
import settings
from settings import files
from tap import TIMEOUT, Tap

os.environ.setdefault("TIMEOUT", "900")
TIMEOUT = max(TIMEOUT, 900)
tap = Tap()
PACKAGES = "cloud-init,apparmor,network-manager,xinetd,systemd-container,kexec-tools"
ONLINE = """[Unit]
After=network-online.target
Wants=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ip -4 -o addr show scope global >/run/online; ip route >>/run/online'
"""


def runs(guest, name):
    guest.wait_ready(TIMEOUT)
    state = guest.out("timeout 600 systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain", TIMEOUT)
    tap.is_(state, "running", f"{name}: no unit failed")


PROFILE = "profile probe /usr/local/bin/probe {\n  /** rm,\n  deny /etc/shadow r,\n}\n"


def network(guest):
    tap.like(guest.out("cat /run/online"), "eth0 +inet 10.0.2.15/24", "network-online.target waits for ifupdown")
    tap.is_(guest.out("grep OPTION /run/seen"), "OPTION=kernel", "systemd.setenv= of the kernel's command line counts")


def apparmor(guest):
    tap.is_(guest.out("systemctl is-active apparmor"), "active", "apparmor.service has run")
    tap.like(guest.out("cat /sys/kernel/security/apparmor/profiles"), r"^probe \(enforce\)", "its profiles are loaded")
    tap.is_(guest.out("cp /bin/cat /usr/local/bin/probe; probe /etc/hostname; probe /etc/shadow 2>&1; "
                      "probe /proc/self/attr/current"),
            guest.out("cat /etc/hostname") + "\nprobe: /etc/shadow: Permission denied\nprobe (enforce)",
            "and keep what they forbid")


def originals(guest):
    """What is not PID 1's is left to the programs whose names we have taken."""
    tap.like(guest.out("systemd-analyze timespan 90s; systemd-analyze calendar daily; systemd-analyze security --no-pager cron | tail -1"),
             r"(?s)1min 30s.*\*-\*-\* 00:00:00.*exposure level for cron", "systemd-analyze has its other verbs")
    tap.is_(guest.out("systemctl --global enable systemd-tmpfiles-setup.service 2>/dev/null; "
                      "find /etc/systemd -name systemd-tmpfiles-setup.service"),
            "/etc/systemd/user/basic.target.wants/systemd-tmpfiles-setup.service", "systemctl --global is about users' units")


CONTAINER = """
set -e
mkdir -p /run/c && mount -t tmpfs -o size=128m none /run/c && mkdir /run/c/upper /run/c/work /run/c/root
mount -t overlay -o lowerdir=/,upperdir=/run/c/upper,workdir=/run/c/work none /run/c/root
cd /run/c/root
rm -f etc/fstab etc/systemd/system/*.wants/rouse-guest.service etc/rc?.d/S*
printf 'auto lo\\niface lo inet loopback\\n' >etc/network/interfaces
echo inside >etc/hostname
for unit in NetworkManager.service NetworkManager-wait-online.service apparmor.service; do
    ln -sf /dev/null etc/systemd/system/$unit
done
systemd-run --quiet --unit=inside -p Delegate=yes -p KillMode=mixed systemd-nspawn --quiet --register=no --keep-unit \\
    --private-network --kill-signal=SIGRTMIN+3 --console=pipe -D /run/c/root %s
"""
# The container's PID 1 is the only child of nspawn that has a PID namespace of its own.
ENTER = 'inside() { nsenter -t $(pgrep -P $(systemctl show -p MainPID --value inside)) -a "$@"; }\n'
INSIDE = ENTER + """
for i in $(seq 300); do inside systemctl show >/dev/null 2>&1 && break; sleep 0.2; done
inside systemctl is-system-running --wait
inside systemctl list-units --failed --no-legend --plain
inside hostname
inside systemctl is-active nginx cron ssh dbus
basename $(inside readlink /proc/1/exe)
inside systemd-detect-virt
"""


def container(guest):
    program = "/usr/sbin/rouse" if tap.rouse else "-b"
    status, output = guest.run(CONTAINER % program, TIMEOUT)
    if not tap.ok(status == 0, "a container is started", output.decode(errors="replace")):
        return
    said = guest.out(INSIDE, TIMEOUT).split("\n")
    tap.is_(said, ["running", "inside"] + ["active"] * 4 + ["rouse" if tap.rouse else "systemd", "systemd-nspawn"],
            "a Debian in a container (systemd-nspawn) runs its services")
    if "running" not in said:
        tap.diag(guest.out(ENTER + "systemctl status inside --no-pager -n 60; "
                           "inside systemctl status --failed --no-pager -n 40; inside journalctl -b --no-pager -n 150", TIMEOUT))
    tap.is_(guest.out(ENTER + "inside systemctl poweroff; for i in $(seq 300); do [ $(systemctl is-active inside) = active ] || break; "
                      "sleep 0.2; done; systemctl is-failed inside; systemctl is-active nginx", TIMEOUT),
            "inactive\nactive", "its poweroff ends it, and it alone")


def usual(work):
    texts = {**settings.TEXTS, "/etc/systemd/system/online.service": ONLINE, "/etc/apparmor.d/probe": PROFILE}
    with tap.guest("settings", packages=PACKAGES, mem=768, copies=files(work, texts, settings.LINKS),
                   append="systemd.wants=seen.service systemd.wants=online.service systemd.setenv=OPTION=kernel") as guest:
        runs(guest, "settings, AppArmor, scripts")
        settings.settings(tap, guest)
        settings.sysv(tap, guest)
        for part in (network, apparmor, originals, container):
            part(guest)


NO_IFUPDOWN = {"/etc/network/interfaces": "auto lo\niface lo inet loopback\n", "/etc/systemd/system/online.service": ONLINE}


def network_manager(work):
    with tap.guest("NetworkManager", packages=PACKAGES, mem=768, copies=files(work, NO_IFUPDOWN),
                   append="systemd.wants=online.service") as guest:
        runs(guest, "NetworkManager")
        tap.like(guest.out("cat /run/online"), "eth0 +inet 10.0.2.15/24", "network-online.target waits for NetworkManager")
        tap.like(guest.out("cat /run/online"), "^default via 10.0.2.2", "and for its route")
        tap.is_(guest.out("systemctl is-active NetworkManager NetworkManager-wait-online network-online.target"),
                "active\nactive\nactive", "NetworkManager's units are active")


def networkd(work):
    units = "/lib/systemd/system/"
    links = {f"/etc/systemd/system/{name}": units + target for name, target in (
        ("multi-user.target.wants/systemd-networkd.service", "systemd-networkd.service"),
        ("sockets.target.wants/systemd-networkd.socket", "systemd-networkd.socket"),
        ("dbus-org.freedesktop.network1.service", "systemd-networkd.service"),
        ("network-online.target.wants/systemd-networkd-wait-online.service", "systemd-networkd-wait-online.service"))}
    texts = {"/etc/systemd/network/10.network": "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n", **NO_IFUPDOWN}
    with tap.guest("networkd", packages=PACKAGES, mem=768, copies=files(work, texts, links),
                   append="systemd.wants=online.service systemd.mask=NetworkManager.service "
                          "systemd.mask=NetworkManager-wait-online.service") as guest:
        runs(guest, "networkd")
        tap.like(guest.out("cat /run/online"), "eth0 +inet 10.0.2.15/24", "network-online.target waits for networkd")
        tap.is_(guest.out("systemctl is-active systemd-networkd systemd-networkd-wait-online NetworkManager").split(),
                ["active", "active", "inactive"], "networkd runs, and what systemd.mask= names does not")
        tap.like(guest.out("networkctl --no-pager status eth0 2>&1"), r"routable.*configured", "networkctl answers")


def cloud(work):
    files(work, {"/user-data": settings.USER_DATA, "/meta-data": settings.META_DATA})
    disk = ["-blockdev", f"driver=vvfat,node-name=seed,dir={work},label=CIDATA,fat-type=16,read-only=on",
            "-device", "virtio-blk-pci,drive=seed"]
    with tap.guest("cloud-init", packages=PACKAGES, mem=768, arguments=disk) as guest:
        guest.wait_ready(TIMEOUT)
        settings.cloud(tap, guest, TIMEOUT)
        runs(guest, "cloud-init")


def kexec(_):
    machine = image.machine(os.environ.get("INIT") or "rouse", packages=image.extended(PACKAGES))
    with tap.guest("kexec", machine=machine, mem=768, reboot=True, copies=[
            (machine.kernel.image, "/boot/vmlinuz"), (machine.initramfs, "/boot/initrd")]) as guest:
        guest.wait_ready(TIMEOUT)
        before = guest.out("cat /proc/sys/kernel/random/boot_id")
        status, output = guest.run("kexec -l /boot/vmlinuz --initrd=/boot/initrd --reuse-cmdline --append=rouse.second=1", TIMEOUT)
        tap.ok(status == 0, "kexec -l", output)
        guest.run("systemctl kexec </dev/null >/dev/null 2>&1 &")
        guest.agent_ready = False
        guest.wait_ready(TIMEOUT)
        tap.ok(guest.out("cat /proc/sys/kernel/random/boot_id") != before, "systemctl kexec boots anew")
        tap.like(guest.out("cat /proc/cmdline"), r"rouse\.second=1", "with the kernel that was loaded")
        tap.ok("SeaBIOS" not in guest.console_text(), "without the firmware")
        if tap.rouse:
            tap.like(guest.console_text(), "rouse-shutdown: all file systems unmounted", "everything was unmounted before")


CASES = {"usual": usual, "nm": network_manager, "networkd": networkd, "cloud": cloud, "kexec": kexec}
for name, case in CASES.items():
    if os.environ.get("ONLY", name) == name:
        with tempfile.TemporaryDirectory(prefix="rouse-debian-") as work:
            try:
                case(work)
            except (image.Error, ext4.Error, qemu.Failed, OSError) as error:
                tap.ok(False, name, error)
tap.done()
