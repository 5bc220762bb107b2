#!/usr/bin/env python3
"""Packages come and go on a system that runs under rouse: rouse's own is upgraded, PID 1 and the daemons execute the
new programs and no service notices; a package with a service starts it when installed (unless policy-rc.d says no),
restarts it when upgraded, stops it when removed, and leaves nothing when purged. INIT=systemd asks the second half of
Debian's systemd. 1 boot, about 4 guest-minutes."""
import os
import subprocess
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cache
import image
from tap import TIMEOUT, Tap

tap = Tap()
DEBS = ["at", "acpid", "runit-helper"]
ASK = "for u in ssh nginx cron rsyslog dbus; do systemctl show -p MainPID,NRestarts,InvocationID --value $u | tr '\\n' ' '; done"
# Each daemon runs the program that is on the disk.
NEW = "for pid in 1 $(pidof rouse-devd rouse-logd rouse-busd); do readlink /proc/$pid/exe; done | sort"
LEFT = r"find /etc /var/lib/systemd /lib/systemd /run/systemd -name '*atd*' -o -name 'acpid*' | sort"


def own_package(work):
    """Our package, and the same one as a newer build."""
    out = os.environ.get("OUT") or os.path.join(image.TOP, "build")
    done = subprocess.run(["make", "-s", "-C", image.TOP, f"OUT={out}", "deb"], capture_output=True, text=True)
    if done.returncode:
        raise image.Error(done.stderr)
    return [os.path.join(image.TOP, done.stdout.split()[-1])] + [
        newer(os.path.join(image.TOP, done.stdout.split()[-1]), work, "rouse", ["usr/sbin/rouse", "usr/lib/rouse/rouse-devd"])]


def newer(deb, work, name, programs=()):
    """The same package with a higher version; the programs have other contents, which work as before."""
    tree, path = os.path.join(work, name), os.path.join(work, name + "_newer.deb")
    image.run(["dpkg-deb", "-R", deb, tree])
    image.run(["sed", "-i", r"s/^\(Version: .*\)/\1+newer/", os.path.join(tree, "DEBIAN/control")])
    for program in programs:
        with open(os.path.join(tree, program), "ab") as file:
            file.write(b"newer\n")
    image.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, path])
    return path


def debian_packages():
    def make(path):
        image.run(["apt-get", "download", "-q", "-oAPT::Sandbox::User=root"] + DEBS, cwd=path)
    path = cache.entry("debs", cache.digest(1, *DEBS), make)
    return {name.split("_")[0]: os.path.join(path, name) for name in os.listdir(path)}


def upgrade(guest):
    """dpkg -i of the same version over what `make install` put there, then of a newer one."""
    status, output = guest.run("dpkg -i /root/rouse.deb 2>&1", TIMEOUT)
    tap.ok(status == 0, "rouse's package is installed under rouse", output.decode(errors="replace"))
    guest.out("systemctl start rouse-busd; until [ \"$(systemctl list-jobs --no-legend)\" = 'No jobs running.' ] || "
              "[ -z \"$(systemctl list-jobs --no-legend)\" ]; do sleep 0.2; done", 60)
    before, exe = guest.out(ASK), guest.out("stat -L -c %i /proc/1/exe")
    status, output = guest.run("dpkg -i /root/rouse-newer.deb 2>&1", TIMEOUT)
    tap.ok(status == 0, "and upgraded", output.decode(errors="replace"))
    tap.is_(guest.out("dpkg-query -W -f '${db:Status-Abbrev} ${Version}' rouse").endswith("+newer"), True, "the version is the new one")
    tap.ok(guest.out("stat -L -c %i /proc/1/exe") not in (exe, ""), "PID 1 executes the new program")
    tap.is_(guest.out("tail -c 6 /proc/1/exe; tail -c 6 /proc/$(pidof rouse-devd)/exe"), "newer\nnewer", "PID 1 and the device daemon")
    tap.is_(guest.out(NEW), "/usr/lib/rouse/rouse-busd\n/usr/lib/rouse/rouse-devd\n/usr/lib/rouse/rouse-logd\n/usr/sbin/rouse",
            "none runs a program that is gone")
    tap.is_(guest.out(ASK), before, "services run on, the same processes")
    tap.is_(guest.out("timeout 120 systemctl is-system-running --wait"), "running", "no unit has failed")
    tap.is_(guest.out("logger after-upgrade; for i in $(seq 50); do grep -q after-upgrade /var/log/syslog && break; "
                      "sleep 0.2; done; grep -c after-upgrade /var/log/syslog"), "1", "what is logged arrives")
    tap.is_(guest.out("systemctl restart cron; systemctl is-active cron; udevadm settle --timeout=60; echo $?; busctl get-property "
                      "org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager SystemState"),
            "active\n0\ns \"running\"", "all of it answers")
    tap.like(guest.out("dpkg --purge rouse 2>&1"), "rouse is PID 1 of this machine", "it cannot be removed while it is PID 1")


def service(guest):
    """A package with a service, as apt-get brings it."""
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -y --allow-downgrades "
    guest.out("printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d")
    status, output = guest.run(install + "/root/at.deb 2>&1", TIMEOUT)
    tap.ok(status == 0, "apt-get install, and policy-rc.d forbids", output.decode(errors="replace"))
    tap.is_(guest.out("systemctl is-active atd; systemctl is-enabled atd"), "inactive\nenabled", "the service is enabled, and not started")
    status, output = guest.run("apt-get purge -y at 2>&1; rm /usr/sbin/policy-rc.d", TIMEOUT)
    tap.is_(guest.out(LEFT), "", "apt-get purge leaves nothing")
    status, output = guest.run(install + "/root/at.deb /root/acpid.deb /root/runit-helper.deb 2>&1", TIMEOUT)
    tap.ok(status == 0, "apt-get install", output.decode(errors="replace"))
    tap.is_(guest.out("systemctl is-active atd acpid.socket acpid.path; systemctl is-enabled atd acpid.socket"),
            "active\nactive\nactive\nenabled\nenabled", "starts the service, the socket and the path")
    tap.is_(guest.out("echo 'touch /run/at-ran' | at now 2>/dev/null; for i in $(seq 100); do [ -e /run/at-ran ] && break; "
                      "sleep 0.2; done; ls /run/at-ran"), "/run/at-ran", "the service does its work")
    old = guest.out("systemctl show -p MainPID --value atd")
    status, output = guest.run(install + "/root/at-newer.deb 2>&1", TIMEOUT)
    tap.ok(status == 0, "an upgrade", output.decode(errors="replace"))
    tap.ok(guest.out("systemctl show -p MainPID --value atd") not in (old, "0"), "starts it anew")
    status, output = guest.run("apt-get remove -y at acpid 2>&1", TIMEOUT)
    tap.ok(status == 0, "apt-get remove", output.decode(errors="replace"))
    tap.is_(guest.out("pidof atd acpid; systemctl is-active atd acpid.socket acpid.path acpid"),
            "inactive\ninactive\ninactive\ninactive", "stops all of it")
    guest.run("apt-get purge -y at acpid 2>&1", TIMEOUT)
    tap.is_(guest.out(LEFT), "", "apt-get purge leaves nothing")
    tap.is_(guest.out("systemctl list-units --all --plain --no-legend 'atd*' 'acpid*'"), "", "and no unit is remembered")
    tap.is_(guest.out("timeout 120 systemctl is-system-running --wait"), "running", "no unit has failed after all that")


with tempfile.TemporaryDirectory(prefix="rouse-upgrade-") as work:
    try:
        debs = debian_packages()
        copies = [(debs[name], f"/root/{name}.deb") for name in DEBS] + [(newer(debs["at"], work, "at"), "/root/at-newer.deb")]
        if tap.rouse:
            ours, built_anew = own_package(work)
            copies += [(ours, "/root/rouse.deb"), (built_anew, "/root/rouse-newer.deb")]
        with tap.guest("packages come and go", copies=copies, mem=768) as guest:
            guest.wait_ready(TIMEOUT)
            guest.out("timeout 120 systemctl is-system-running --wait")
            if tap.rouse:
                upgrade(guest)
            service(guest)
    except (image.Error, OSError) as error:
        tap.ok(False, "all of it", error)
tap.done()
