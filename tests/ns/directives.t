#!/usr/bin/env python3
"""Directives of the execution environment, each by what the service's process
sees and may do then: tests/directives/cases.py, run by PID 1 in namespaces.

EMPTY=1 with the build of tests/empty-directives: each unit without the effect
of its case's row; then every case has to fail.
"""
import contextlib
import fcntl
import glob
import hmac
import os
import shutil
import socket
import subprocess
import sys
import threading
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path[:0] = [HERE, os.path.join(HERE, "../directives")]
import cases  # noqa: E402
import pid1_ns  # noqa: E402
from pid1_ns import OUT, Machine, Tap  # noqa: E402

LOOPS, LOOP_CTL_ADD = 64, 0x4C80
VAR = uuid.UUID("4d21b016-b534-45c2-a9fb-5c16e091fd2d")
MACHINE_ID = "00112233445566778899aabbccddeeff"
EMPTY = bool(os.environ.get("EMPTY"))
PREPARE = """
mkdir -p /results /srv/root/usr/sbin /srv/root/proc /srv/root/sys /srv/root/dev /srv/root/run /opt/marked/sub /opt/home \\
    /home/marked /mnt /var/tmp /etc/security
echo 'the other root' >/srv/root/marker
cp /usr/sbin/probe /srv/root/usr/sbin/
echo marker | tee /opt/marked/marker /home/marked/marker /tmp/marker >/var/tmp/marker
cp /bin/true /opt/marked/; cp /bin/true /opt/marked/sub/
chmod 1777 /tmp /var/tmp
ln -s ../run /var/run; touch /run/utmp
"""


class DirectiveMachine(Machine):
    def __init__(self, name):
        super().__init__(name)
        # a root of its own: in a plain directory no mount namespace can be arranged
        subprocess.run(["mount", "--bind", self.root, self.root], check=True)
        self.masters = []

    def _script(self):
        # and one that is the root in truth: who is in a chroot may not make user namespaces
        return super()._script().replace(f"$chroot {self.root} /", "/").replace(
            "cd /;", f"env=$(command -v env); cd {self.root}; mkdir -p old; pivot_root . old; umount -l old;")

    def _devices(self):
        """With loop devices enough for all cases at once: here no node appears by itself."""
        fds = super()._devices()
        if os.path.exists("/dev/loop-control"):
            with open("/dev/loop-control", "rb") as control:
                for number in range(LOOPS):
                    with contextlib.suppress(FileExistsError):
                        fcntl.ioctl(control, LOOP_CTL_ADD, number)
        for node in ["/dev/loop-control", *glob.glob("/dev/loop[0-9]*")]:
            if os.path.exists(node):
                open(self.path(node[1:]), "w").close()
                subprocess.run(["mount", "--bind", node, self.path(node[1:])], check=True)
        return fds

    def exists(self, path):
        return os.path.exists(self.path(path))

    def until(self, script, *answers):
        """What the script says, asked again until it is one of the answers."""
        self.wait(lambda: self.run(script).strip() in answers, script, 10)
        return self.run(script)

    def utmp_type(self, ident, awaited):
        """Kind of the utmp record with this id: 8 is that of a process that has ended."""
        def kind():
            with open(self.path("run/utmp"), "rb") as f:
                data = f.read()
            records = [data[i:i + 384] for i in range(0, len(data), 384)]
            return "".join(str(r[0]) for r in records if r[40:44] == ident.encode())
        self.wait(lambda: kind() == awaited, "utmp", 10)
        return kind()

    def later(self, path):
        self.wait(lambda: self.text(path), path, 10)
        return self.text(path)

    def run(self, script):
        return subprocess.run(["nsenter", "-t", str(self.pid), "-m", "-r", "-w", "-p", "-i", "/bin/sh", "-c", script], text=True,
                              capture_output=True, stdin=subprocess.DEVNULL).stdout

    def log_stream(self, name, unit):
        """What a service's standard output begins with, and says, at a log daemon's socket."""
        self.wait(lambda: any(f"\n{unit}\n" in text for text in self.streams[name]), unit, 10)
        return "".join(text for text in self.streams[name] if f"\n{unit}\n" in text)

    def serve_logs(self, *names):
        self.streams = {name: [] for name in names}
        for name in names:
            listener = socket.socket(socket.AF_UNIX)
            os.makedirs(self.path(f"run/systemd/{name}"), exist_ok=True)
            listener.bind(self.path(f"run/systemd/{name}/stdout"))
            listener.listen(64)
            threading.Thread(target=self._take, args=(listener, self.streams[name]), daemon=True).start()

    @staticmethod
    def _take(listener, streams):
        while True:
            connection, _ = listener.accept()
            parts = []
            while part := connection.recv(65536):
                parts.append(part.decode(errors="replace"))
            streams.append("".join(parts))

    def terminal(self, name):
        """A pseudo terminal of the test, as a file of the machine."""
        master, slave = os.openpty()
        path = self.file(name, "")
        subprocess.run(["mount", "--bind", os.ttyname(slave), path], check=True)
        self.masters.append(master)
        os.close(slave)


CASES = [case for case in cases.CASES if case.where != "vm"]


def put_units(m):
    for number, case in enumerate(CASES):
        case.settle(number, EMPTY)
        m.unit(f"{case.id}.service", case.text())
        for name, text in case.units.items():
            m.unit(name, text)
        if case.tty:
            m.terminal(case.tty)
    m.unit("prepare.service", "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nKillMode=process\nExecStart=/bin/sh -x /prepare\n"
                              "StandardOutput=append:/prepare.log\nStandardError=append:/prepare.log\n")
    m.file("prepare", PREPARE + "\n".join(case.before for case in CASES) + "\n")
    m.unit("default.target", "[Unit]\nDefaultDependencies=no\nRequires=prepare.service\nAfter=prepare.service\n")


def make_images(m):
    """File systems in files: one to be a root, with what the probe needs, and one of more files."""
    more, root = m.path("opt/images/more"), m.path("opt/images/root")
    for place in (more, root):
        m.file(f"opt/images/{os.path.basename(place)}/marker", "of the image\n")
    m.file("opt/images/more/usr/lib/extension-release.d/extension-release.more", "ID=debian\nVERSION_ID=12\n")
    m.file("opt/images/more/usr/share/of-more", "more\n")
    m.file("opt/images/more/opt/of-more", "more\n")
    for folder in ("usr/sbin", "proc", "sys", "dev", "run", "results"):
        os.makedirs(f"{root}/{folder}")
    subprocess.run(["cp", f"{OUT}/tests/probe", f"{root}/usr/sbin/"], check=True)
    for place in (more, root):
        make_ext4(place, f"{place}.raw")
    subprocess.run(["mksquashfs", more, m.path("opt/images/more.squashfs"), "-quiet", "-no-progress"], check=True)
    subprocess.run(["mkfs.erofs", "--quiet", m.path("opt/images/more.erofs"), more], check=True)
    make_tables(m, root, more)


def make_ext4(folder, file, size="8M"):
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", folder, file, size], check=True)


def make_disk(file, label, *partitions):
    """An image of (type and attributes, file with a file system) with a partition table."""
    with open(file, "wb") as f:
        f.truncate((2 + 8 * len(partitions)) << 20)
    script = f"label: {label}\n" + "".join(f"start={1 + 8 * i}MiB, size=8MiB, type={kind}\n" for i, (kind, _) in enumerate(partitions))
    subprocess.run(["sfdisk", "-q", file], input=script, text=True, check=True)
    for i, (_, content) in enumerate(partitions):
        subprocess.run(["dd", f"if={content}", f"of={file}", "bs=1M", f"seek={1 + 8 * i}", "conv=notrunc", "status=none"], check=True)


def own_var():
    """The UUID that a partition with this machine's /var has."""
    sum_ = hmac.new(bytes.fromhex(MACHINE_ID), VAR.bytes, "sha256").digest()[:16]
    return uuid.UUID(bytes=sum_, version=4)


def make_tables(m, root, more):
    """Disks of several file systems: by the types of the Discoverable Partitions Specification, and with one alone."""
    split, usr, home = (m.path(f"opt/images/{name}") for name in ("split", "usr", "home"))
    os.system(f"cp -a {root} {split}; mkdir {usr} {home} {split}/home {split}/srv {split}/var; mv {split}/usr/sbin {usr}/; echo of the image >{home}/marker; "
              f"echo of the image >{usr}/marker; cp -a {more}/usr/lib {more}/usr/share {usr}/")
    for place in (split, usr, home):
        make_ext4(place, f"{place}.fs")
    types = {name: f"{guid}{', attrs=GUID:60' if name == 'usr' else ', attrs=GUID:63' if name == 'srv' else ''}" for name, guid in (
        ("root", "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709"), ("usr", "8484680C-9521-48C6-9C11-B0720656F69E"),
        ("home", "933AC7E1-2EB4-4F13-B844-0E14E2AEF915"), ("srv", "3B8F8425-20E0-4F3B-907F-1A25A76F98E8"))}
    linux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
    for name in ("parts", "parts2"):                # written to by a case each
        make_disk(m.path(f"opt/images/{name}.raw"), "gpt", (types["srv"], f"{root}.raw"), (linux, f"{root}.raw"), (types["root"], f"{split}.fs"),
              (types["usr"], f"{usr}.fs"), (types["home"], f"{home}.fs"),
                  (f"{VAR}, uuid={uuid.uuid4()}", f"{usr}.fs"), (f"{VAR}, uuid={own_var()}", f"{home}.fs"))
    make_disk(m.path("opt/images/usronly.raw"), "gpt", (types["usr"], f"{usr}.fs"))
    make_disk(m.path("opt/images/single.raw"), "gpt", (linux, f"{more}.raw"))
    make_disk(m.path("opt/images/mbr.raw"), "dos", ("83", f"{more}.raw"))
    make_disk(m.path("opt/images/two.raw"), "gpt", (linux, f"{more}.raw"), (linux, f"{more}.raw"))
    make_disk(m.path("opt/images/none.raw"), "gpt", (types["home"], f"{home}.fs"))


def prepare_root(m):
    os.system(f"cp {OUT}/tests/probe {m.root}/usr/sbin/probe")
    m.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nprobe:x:1234:1234::/opt/home:/bin/sh\nkeeper:x:1235:1234::/:/bin/sh\n")
    m.file("etc/group", "root:x:0:\nprobe:x:1234:\nprobes:x:2345:\n")
    m.file("etc/machine-id", MACHINE_ID + "\n")
    m.file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
    for name, release in (("one", "ID=debian\nVERSION_ID=12"), ("two", "ID=_any"), ("other", "ID=fedora\nVERSION_ID=12"),
                          ("newer", "ID=debian\nVERSION_ID=13"), ("foreign", "ID=_any\nARCHITECTURE=vax"),
                          ("native", f"ID=_any\nARCHITECTURE={os.uname().machine.replace('_', '-')}"), ("renamed", "ID=_any")):
        m.file(f"opt/extensions/{name}/usr/lib/extension-release.d/extension-release.{name}", release + "\n")
        for file in (f"of-{name}", "of-both"):
            m.file(f"opt/extensions/{name}/usr/share/{file}", name + "\n")
    for name, tag in (("tagged", b"0"), ("untagged", b"1")):
        shutil.copytree(m.path("opt/extensions/renamed"), m.path(f"opt/extensions/{name}"))
        os.setxattr(m.path(f"opt/extensions/{name}/usr/lib/extension-release.d/extension-release.renamed"), "user.extension-release.strict", tag)
    make_images(m)
    # namespaces with a name: kept by mounts that PID 1's own namespaces get with the rest
    for kind in ("net", "ipc"):
        os.makedirs(m.path("names"), exist_ok=True)
        open(m.path(f"names/{kind}"), "w").close()
        os.system(f"unshare --{kind}={m.path('names')}/{kind} true")


def report(m, tap):
    for case in CASES:
        said = case.after(m, case) if case.after else m.text(f"results/{case.id}")
        good = case.matches(said)
        tap.ok(good, case.row, "" if good else
               f"expected: {case.expect!r}\nsaid:     {said!r}\nstatus:   {cases.status(m, case)}\n{case.lines}\n"
               + "\n".join(m.said(rf".*{case.id}\.service.*")[-6:]))


def main():
    pid1_ns.enclose(280)
    tap = Tap()
    m = DirectiveMachine("d")
    prepare_root(m)
    put_units(m)
    try:
        m.start()
        m.serve_logs("journal", "journal.apart")
        if not tap.ok(m.booted(60), "the machine is up", m.log[-3000:] + m.text("prepare.log")):
            tap.done()
        m.ctl("start", *[f"{case.id}.service" for case in CASES], bound=200)
        report(m, tap)
        tap.ok(not m.reports(), "no report of a sanitizer", m.reports()[-6000:])
    except (pid1_ns.Ended, OSError, KeyError) as error:
        tap.ok(False, f"went on: {error!r}", m.log[-4000:] + m.reports())
    finally:
        m.close()
    tap.done()


main()
