#!/usr/bin/env python3
"""Every rule of the packages that a machine may have parses: their rules files are taken out of Debian's packages (kept in
the cache) and checked by `rouse-devd verify`, which must have nothing to say of them."""
import os
import subprocess
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import cache
import image
from tap import Tap

PACKAGES = """udev systemd dmsetup lvm2 mdadm multipath-tools kpartx udisks2 network-manager bluez libinput-bin nvme-cli
    alsa-utils btrfs-progs modemmanager usb-modeswitch-data usbmuxd nut-client nut-server libmtp-common libsane1 pulseaudio gdm3""".split()


def make(work):
    with tempfile.TemporaryDirectory(dir=work) as temporary:
        image.run(["apt-get", "download", "-q", "-oAPT::Sandbox::User=root", *PACKAGES], cwd=temporary)
        for package in os.listdir(temporary):
            name = package.split("_")[0]
            os.makedirs(os.path.join(work, "rules", name))
            unpacked = os.path.join(temporary, "x")
            image.run(["dpkg-deb", "-x", os.path.join(temporary, package), unpacked])
            for top, _, files in os.walk(unpacked):
                if top.endswith("udev/rules.d"):
                    for file in files:
                        os.rename(os.path.join(top, file), os.path.join(work, "rules", name, file))
            image.run(["rm", "-rf", unpacked])


tap = Tap()
try:
    rules = os.path.join(cache.entry("rules", cache.digest(1, *PACKAGES), make, image.say), "rules")
    for package in PACKAGES:
        files = os.listdir(os.path.join(rules, package))
        done = subprocess.run([os.path.join(image.OUT, "rouse-devd"), "verify", "--resolve-names=never",
                               os.path.join(rules, package)], capture_output=True, text=True)
        tap.ok(done.returncode == 0 and not done.stderr, f"{package}: {done.stdout.strip()}", done.stderr)
    tap.ok(sum(len(os.listdir(os.path.join(rules, package))) for package in PACKAGES) >= 80, "there are rules in them")
except image.Error as error:
    tap.ok(False, "the packages are there", error)
tap.done()
