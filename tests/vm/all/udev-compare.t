#!/usr/bin/env python3
"""The same guest under systemd-udevd and under rouse-devd, with one of everything: databases, links, nodes, names, tags and
what programs make of them are compared device by device. What differs and may is in EXPLAINED, with its reason, which
docs/udev-differences.md lists; anything else fails.

UDEV_STATE=DIRECTORY keeps what the guests said."""
import base64
import io
import os
import re
import sys
import tarfile
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import ext4
import image
import machine_full
import qemu
import udev_compare
from tap import Tap

LIMIT = float(os.environ.get("TIMEOUT") or 900)

# (where, what, why): regular expressions over what udev_compare.differences() yields.
EXPLAINED = [
    (r"virtual/vc/vcs|vcs[au]?~|vcs", r".", "virtual consoles that systemd-logind opens before they are used"),
    (r"autofs", r".", "systemd loads autofs4 for itself"),
    (r"^modules", r"^[-+] (autofs4|ip_tables|x_tables|efi_pstore|ehci_pci|crc64_rocksoft\w*|async_\w+|raid\d+|linear|multipath)$",
     "systemd loads autofs4 and ip_tables for itself; personalities of md that nobody uses"),
    (r".", r"cdrom|CD-ROM|DVD|L: ?-?\d+|block/sr~", "the first optical drive to be found is /dev/cdrom, with its priority"),
    (r"cdrom", r".", "the first optical drive to be found is /dev/cdrom"),
    (r"^units", r"dev-", "the state of a device stands under its sysfs path; its other names are names of that unit"),
    (r".", r"SortKey|DeviceNumber|hctl|^[-+] ?/org/freedesktop|^[-+] Partitions:|Symlinks:.*cdrom",
     "numbers and order of discovery"),
    (r".", r"BUSNUM=|bus/usb/|^[-+] M: \d+-", "numbers of USB buses"),
    (r"workqueue|raid", r"all of it", "personalities of md that nobody uses"),
    (r"bus/usb/", r".", "numbers of USB buses"),
    (r"^md: mdstat", r"^[-+] Personalities ", "personalities of md that nobody uses"),
    (r"^units", r"^- /sys/devices/virtual/block/md~ ", "asked for by its node before it was there, it stands under that name"),
    (r"nvme", r"^\+ E: ?LVM_VG_NAME_COMPLETE=", "lvm tells it to a disk's first event alone: systemd's boot handles each disk twice"),
    (r"^database", r"^- E:DM_LV_LAYER=$", "an empty property, which readers drop"),
    (r"^dev: /dev/input/by-path/\S+-mouse$", r"^[-+] l\t\S+\t0\t0\t\S+/input~/(mouse|js)~>$",
     "a mouse that is a joystick too claims one link twice; the last event has it: systemd's boot has all events a second time, by name"),
    (r"^dev: /dev/console$", r"^(- c\t620\t0\t5|\+ c\t600\t0\t0)\t$",
     "systemd itself gives the console to the group tty once a unit that wrote to it has ended: systemd-fsckd, which is not used"),
    (r"^dev: /dev/initctl", r"^- all of it", "the old FIFO of systemd-initctl.socket"),
    (r".", r"[-+] ?(E: ?)?NVME_HOST_IFACE=none|^[-+] [IV]:", "whether the last event of a device was a change"),
]


def state(tap, init, directory):
    with machine_full.guest(init) as guest:
        try:
            guest.boot()
            guest.wait_ready(LIMIT)
            programs = "/usr/bin/udevadm.systemd /usr/bin/udevadm" if init == "rouse" else "/usr/bin/udevadm -"
            _, output = guest.run("sh /usr/lib/rouse-guest/udev-state " + programs, LIMIT, LIMIT)
            tarfile.open(fileobj=io.BytesIO(base64.b64decode(output))).extractall(directory)
            tap.ok(True, f"devices seen under {init}")
            return True
        except (qemu.Timeout, qemu.Ended, qemu.Failed, tarfile.ReadError, ValueError) as error:
            tap.ok(False, f"devices seen under {init}", f"{error}\n{guest.tail(30)}")
            return False


def explained(where, what):
    return any(re.search(pattern, where) and re.search(text, what) for pattern, text, _ in EXPLAINED)


def compare(tap, first, second):
    one, two = udev_compare.state(first), udev_compare.state(second)
    found = {category: [] for category in one}
    for where, what in udev_compare.differences(one, two):
        if not explained(where, what):
            found[where.split(":")[0]].append(f"{where}: {what}")
    for category, differences in found.items():
        tap.ok(not differences, f"{category}: the same ({sum(map(len, one[category].values()))} facts)",
               "- udevd, + rouse-devd\n" + "\n".join(differences))


def normal(text):
    """Lines, with links and tags in the order of names: udev has none."""
    links = [line for line in text.splitlines() if re.search(r"\bS: ", line)]
    rest = [re.sub(r"(DEVLINKS='?|^)(/dev/\S.*)$", lambda match: match[1] + " ".join(sorted(match[2].split())), line)
            for line in text.splitlines() if not re.search(r"\bS: ", line)]
    rest = [re.sub(r"(TAGS='?):(\S*):", lambda match: match[1] + ":".join(sorted(match[2].split(":"))), line) for line in rest]
    return rest + sorted(links)


def pairs(tap, directory):
    top = os.path.join(directory, "pairs")
    for name in sorted(os.listdir(top)):
        path = os.path.join(top, name)
        if "." not in name:
            question, theirs, ours = (open(path + end, errors="replace").read() for end in ("", ".theirs", ".ours"))
            lines = set(normal(theirs)) ^ set(normal(ours))
            tap.ok(theirs and normal(theirs) == normal(ours), f"the same answer: {question.strip()}",
                   "\n".join(sorted(lines)[:40]) or "another order")


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory() as temporary:
        top = os.environ.get("UDEV_STATE") or temporary
        try:
            if all([state(tap, init, os.path.join(top, init)) for init in ("systemd", "rouse")]):
                compare(tap, os.path.join(top, "systemd"), os.path.join(top, "rouse"))
                pairs(tap, os.path.join(top, "rouse"))
        except (image.Error, ext4.Error, qemu.Failed) as error:
            tap.ok(False, "the guests are made", error)
    tap.done()


main()
