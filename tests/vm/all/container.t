#!/usr/bin/env python3
"""A Debian as a container on this machine, no guest (tests/vm/container.py). Its services run, it sees the settings of
the root, scripts of /etc/init.d are units; poweroff ends it. cloud-init with a seed.
First boots, as machine-id(5) has them."""
import os
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import container
import image
import settings
from tap import TIMEOUT, Tap

tap = Tap()
PACKAGES = "cloud-init,apparmor,network-manager,xinetd,systemd-container,kexec-tools"     # the root of debian.t
TEXTS = {**settings.TEXTS, "/etc/hostname": "inside\n", "/etc/network/interfaces": "auto lo\niface lo inet loopback\n"}
LINKS = {**settings.LINKS, **{f"/etc/systemd/system/{unit}.service": "/dev/null" for unit in (
    "NetworkManager", "NetworkManager-wait-online", "apparmor")}}


SEED = {f"/var/lib/cloud/seed/nocloud/{name}": text for name, text in (
    ("user-data", settings.USER_DATA), ("meta-data", settings.META_DATA))}


def machine(words, script="", texts=TEXTS):
    return container.container(words, PACKAGES, texts, LINKS, script)


def runs(inside):
    if not tap.ok(inside.up(), "PID 1 runs",
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


def cloud():
    with machine("", texts={**TEXTS, **SEED}) as inside:
        if tap.ok(inside.up(), "cloud-init: PID 1 runs"):
            settings.cloud(tap, inside, TIMEOUT)
            tap.is_(inside.out("systemctl is-system-running --wait; systemctl list-units --failed --no-legend --plain"), "running",
                    "no unit has failed")


def first_boot(name, script, first):
    """What machine-id(5) says of a file that is missing, empty, or says `uninitialized`."""
    tap.diag(f"{name} /etc/machine-id")
    with machine("systemd.wants=once.service systemd.firstboot=no", ONCE + script) as inside:
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


if not container.possible():
    print("1..0 # SKIP no cgroup2 tree to write in, or not root")
    sys.exit(0)
try:
    with machine("systemd.wants=seen.service systemd.setenv=OPTION=argument") as inside:
        if runs(inside):
            tap.is_(inside.out("grep OPTION /run/seen"), "OPTION=argument", "its arguments are its command line")
            settings.settings(tap, inside)
            settings.sysv(tap, inside)
            tap.ok(inside.says(b"inside login: "), "there is a login on its console")
            inside.out("systemctl poweroff")
            tap.is_(inside.process.wait(60), 0, "poweroff ends it")
        if tap.failed:
            tap.diag("its console:\n" + inside.text.decode(errors="replace")[-4000:])
    cloud()
    first_boot("a missing", 'rm "$ROOT/etc/machine-id"\n', True)
    first_boot("an uninitialized", 'rm "$ROOT/etc/machine-id"; echo uninitialized >"$ROOT/etc/machine-id"\n', True)
    first_boot("an empty", 'rm "$ROOT/etc/machine-id"; : >"$ROOT/etc/machine-id"\n', False)
except (image.Error, OSError, subprocess.SubprocessError) as error:
    tap.ok(False, "a container", error)
tap.done()
