#!/usr/bin/env python3
"""What rouse-initrd probed is not probed again: rouse-devd takes /run/rouse/initrd.devices over at coldplug, without a
worker, unless the disk is another one now."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()
os.makedirs("/run/rouse", exist_ok=True)
if subprocess.run(["mount", "-t", "tmpfs", "none", "/run/rouse"]).returncode != 0:
    skip_all("no mount here")

w = World(r'''
SUBSYSTEM=="block", IMPORT{builtin}="blkid"
SUBSYSTEM=="block", ENV{ID_FS_UUID}=="?*", SYMLINK+="disk/by-uuid/$env{ID_FS_UUID}"
''', ["--worker", "/bin/false"], coldplug=True)
try:
    w.disk("td0", 0, attrs={"diskseq": "7"})
    w.disk("td1", 1, attrs={"diskseq": "9"})
    w.device("/devices/virtual/block/td0/td0p1", "block",
             {"MAJOR": 240, "MINOR": 16, "DEVNAME": "td0p1", "DEVTYPE": "partition"}, node="td0p1")
    with open("/run/rouse/initrd.devices", "w") as f:
        f.write("240:0 7 /devices/virtual/block/td0 ID_FS_TYPE=ext4 ID_FS_USAGE=filesystem ID_FS_UUID=aaaa\n"
                "240:1 8 /devices/virtual/block/td1 ID_FS_TYPE=ext4 ID_FS_USAGE=filesystem ID_FS_UUID=bbbb\n"
                "240:16 7 /devices/virtual/block/td0/td0p1 ID_FS_TYPE=vfat ID_FS_UUID=cccc\nrubbish\n")
    ok(w.start(), "ready")
    ok(w.settle(), "settled")
    ok(wait_for(lambda: "Block devices: 2 known from the initramfs, 1 probed" in open(w.path("log")).read()), "the log has the count")
    is_(w.link("disk/by-uuid/aaaa"), "../../td0", "a disk as the initramfs left it: its link, without a probe")
    is_(w.link("disk/by-uuid/cccc"), "../../td0p1", "a partition counts by its disk's sequence")
    ok(w.link("disk/by-uuid/bbbb") is None, "another disk in its place is not believed")
    ok("E:ID_FS_TYPE=ext4" in (w.entry("b240:0") or []), "database entry", w.entry("b240:0"))
    ok(w.entry("b240:1") is not None, "a worker that cannot work does not hold the device up")
    w.disk_event("change", "td0", 0)
    ok(w.settle(), "after a change")
    ok(w.link("disk/by-uuid/aaaa") is None, "the old answer no longer counts")
    is_(w.stop(), 0, "ends")
finally:
    w.clean()
done()
