#!/usr/bin/env python3
"""PID 1 in an initramfs: units run there, the root's fstab is read when it is mounted, and systemctl switch-root leads into
it: nothing is left behind but a storage daemon of root's, and what was logged goes along."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pid1_ns  # noqa: E402
from pid1_ns import Machine, Tap  # noqa: E402

tap = Tap()
ok = tap.ok
TOP = os.path.dirname(os.path.dirname(pid1_ns.HERE))
TARGET = "[Unit]\nDefaultDependencies=no\n"
# As Debian's, but for the device daemon.
INITRD = {
    "initrd-root-fs.target": TARGET, "initrd-usr-fs.target": TARGET,
    "initrd-fs.target": TARGET + "After=initrd-parse-etc.service\n",
    "initrd.target": "[Unit]\nRequires=basic.target\nAllowIsolate=yes\nAfter=basic.target initrd-root-fs.target initrd-fs.target\n"
                     "Wants=initrd-root-fs.target initrd-fs.target initrd-parse-etc.service\n",
    "initrd-cleanup.service": "[Unit]\nDefaultDependencies=no\nAfter=initrd-root-fs.target initrd-fs.target initrd.target\n"
                              "[Service]\nType=oneshot\nExecStart=rousectl --no-block isolate initrd-switch-root.target\n",
    "initrd-switch-root.target": TARGET + "Wants=initrd-switch-root.service\nBefore=initrd-switch-root.service\nAllowIsolate=yes\n"
                                 "Wants=initrd-root-fs.target initrd-fs.target\nAfter=initrd-root-fs.target initrd-fs.target initrd-cleanup.service\n",
    "initrd-switch-root.service": TARGET + "AllowIsolate=yes\n[Service]\nType=oneshot\nExecStart=rousectl --no-block switch-root /sysroot\n",
}


class Initrd(Machine):
    """A machine with a second root, on a file system of its own, for it to go to."""

    def __init__(self, name):
        super().__init__(name)
        os.mkdir(self.path("newroot"))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "newroot", self.path("newroot")], check=True)
        self.there = Machine(name + "/newroot")
        os.mkdir(self.path("sysroot"))
        self.file("etc/initrd-release", "ID=test\n")
        with open(f"{TOP}/units/initrd-parse-etc.service") as file:
            self.unit("initrd-parse-etc.service", file.read().replace("/usr/bin/rousectl", "rousectl"))
        for unit, text in INITRD.items():
            self.unit(unit, text)
        os.symlink("initrd.target", self.path("etc/systemd/system/default.target"))
        self.unit("sysroot.service", TARGET + "Before=initrd-root-fs.target\n[Service]\nType=oneshot\n"
                  "RemainAfterExit=yes\nExecStart=mount --rbind /newroot /sysroot\n")
        os.mkdir(self.path("etc/systemd/system/initrd-root-fs.target.requires"))
        os.symlink("../sysroot.service", self.path("etc/systemd/system/initrd-root-fs.target.requires/sysroot.service"))

    def want(self, target, unit, text):
        self.unit(unit, text)
        folder = self.path(f"etc/systemd/system/{target}.wants")
        os.makedirs(folder, exist_ok=True)
        os.symlink("../" + unit, f"{folder}/{unit}")

    def _script(self):
        lines = super()._script().split("\n")
        there = [line.replace(self.root + "/", self.there.root + "/") for line in lines if "bind -o ro" in line]
        return "\n".join(lines[:-1] + there + lines[-1:])

    def inside(self, script):
        return subprocess.run(["timeout", "30", "nsenter", "-t", str(self.pid), "-m", "-r", "-w", "-p", "sh", "-c", script],
                              text=True, capture_output=True).stdout


def switches():
    m = Initrd("initrd")
    m.want("initrd.target", "note.service", "[Unit]\nAfter=initrd-root-fs.target\n[Service]\nType=oneshot\nExecStart=/bin/sh -c 'echo one >>/run/note'\n"
           "ExecStart=/bin/sh -c 'sleep 1; echo two >>/run/note'\nExecStart=/bin/cp /sysroot/etc/there /run/there\n")
    m.want("initrd.target", "stays.service", "[Service]\nExecStart=/bin/sleep 1001\n")
    m.want("initrd.target", "keeps.service", "[Unit]\nIgnoreOnIsolate=yes\nDefaultDependencies=no\n[Service]\nKillMode=none\nExecStart=@/bin/sleep @sleep 1002\n")
    m.want("initrd-fs.target", "late.service", TARGET + "After=initrd-parse-etc.service\nRequiresMountsFor=/sysroot/data\n"
           "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'true'\n")
    m.there.file("etc/there", "the root's\n")
    m.there.file("etc/fstab", "/dev/none / ext4 defaults 0 1\n")
    m.there.unit("default.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=run.service\n")
    m.there.unit("run.service", "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo $$PPID >/run/root-ran'\n")
    m.start("quiet init=/usr/sbin/rouse systemd.log_level=debug")
    ok(m.says(r"Switching to the root in /sysroot, executing its /usr/sbin/rouse"), "the root is entered", m.log[-3000:])
    ok(m.wait(lambda: m.inside("cat /run/root-ran").strip() == "1"), "and its units run, under process 1", m.log[-3000:] + m.console[-1000:])
    ok(m.inside("cat /run/note /run/there") == "one\ntwo\nthe root's\n", "the initramfs' unit ran to its end before", m.inside("cat /run/note /run/there") + m.log[-3000:])
    ok(m.inside("ls /etc/there; test -e /etc/initrd-release || echo none") == "/etc/there\nnone\n", "/ is the root")
    ok(not os.path.exists(m.path("usr/sbin")), "the initramfs is deleted")
    processes = m.inside("for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done")
    ok("sleep 1001" not in processes and "@sleep 1002" in processes, "only the storage daemon has stayed", processes)
    ok(all(f"{name}=" in m.inside("cat /run/rouse/initrd.times") for name in ("initrd_start", "switch_root")), "times are there",
       m.inside("cat /run/rouse/initrd.times"))
    ok(m.inside("ls /run/rouse/initrd.log 2>/dev/null") == "", "the log has been taken")
    ok(m.ctl("is-active", "note.service").stdout.strip() == "inactive", "units of the initramfs are none of the root's")
    m.close()


def refused():
    m = Machine("real")
    m.unit("default.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\n")
    m.file("there/sbin/init", "#!/bin/sh\n")
    os.chmod(m.path("there/sbin/init"), 0o755)
    m.start()
    m.booted()
    done = m.ctl("switch-root", "/there")
    ok(done.returncode != 0 and "no initramfs" in done.stderr, "elsewhere than in an initramfs it is refused", done)
    done = m.ctl("switch-root", "/root")
    ok(done.returncode != 0 and "There is no init in /root: tried /sbin/init" in done.stderr, "a root without init is named", done)
    m.close()


pid1_ns.enclose(180)
switches()
refused()
tap.done()
