"""The systems that are measured, and their images.

All boot the same root: Debian's packages, rouse's layer over them if there is
one, and the bench's own files. Each then gets a copy of its own, which it
boots once, writing, so that what a first boot does is over; measured boots
never write to it.
"""
import dataclasses
import glob
import os
import shutil
import signal
import tempfile
import time

import cache
import ext4
import image

HERE = os.path.dirname(os.path.abspath(__file__))
DIR = "/usr/lib/rouse-bench"
PROBE = DIR + "/probe"
PRIMES_KEPT = 2
INITRAMFS_KEPT = 6
INTERFACES = "auto lo\niface lo inet loopback\n"
# What finds the disks, by clock: the plain clock's are virtio disks, the exact one's are NVDIMMs.
MODULES = {
    "plain": ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
              "virtio_blk"),
    "exact": ("libnvdimm", "nfit", "nd_btt", "nd_pmem"),
}
ROOT_DEVICE = {"plain": "/dev/vda", "exact": "/dev/pmem0"}
POWEROFF_STANDARD = 34 + 4          # SIGRTMIN+4, as glibc counts


@dataclasses.dataclass(frozen=True)
class System:
    name: str
    init: str
    poweroff: int                   # the signal to PID 1
    initramfs: str                  # whose: rouse, debian, ideal
    stack: tuple                    # prefixes of the names of its own processes
    about: str


SYSTEMS = {system.name: system for system in (
    System("rouse", "/usr/sbin/rouse", POWEROFF_STANDARD, "rouse", ("rouse",),
           "rouse-initrd, rouse, rouse-devd, rouse-logd"),
    System("systemd", "/lib/systemd/systemd", POWEROFF_STANDARD, "debian", ("systemd", "(sd-"),
           "initramfs-tools, systemd, udev, journald, logind"),
    System("busybox", DIR + "/init", signal.SIGUSR2, "ideal", ("init", "busybox", "mdev", "rcS"),
           "ideal's initramfs, busybox init and mdev, a script of 20 lines"),
    System("ideal", DIR + "/ideal", signal.SIGUSR2, "ideal", ("ideal",),
           "a static launcher that knows this guest by heart, its initramfs too"),
)}


@dataclasses.dataclass
class Bench:
    """What all systems share."""
    kernel: image.Kernel
    base: str
    install: str | None
    out: str
    initramfs_arguments: tuple = ("--generic",)

    def __post_init__(self):
        self.root = self._root()
        self.srv = image.srv()

    # The root that all share ------------------------------------------------

    def _root(self):
        original = image.disk(self.base, self.kernel, self.install)
        files = self._files()
        key = cache.digest(1, original, *[part for name, path, mode in files
                                          for part in (name, _bytes(path), mode)])

        def make(work):
            path = os.path.join(work, "root.img")
            ext4.sparse_copy(original, path)
            edit = ext4.Edit()
            for name, source, mode in files:
                edit.put(name, source, mode)
            edit.link(DIR + "/init", "busybox")
            for applet in ("mount", "umount", "hostname", "mdev", "mkdir", "ifconfig", "killall", "pidof", "usleep"):
                edit.link(f"{DIR}/applets/{applet}", "../busybox")
            with tempfile.NamedTemporaryFile("w") as interfaces:
                interfaces.write(INTERFACES)
                interfaces.flush()
                edit.put("/etc/network/interfaces", interfaces.name, 0o644)
                edit.apply(path, os.path.join(work, "edit"))
            os.unlink(os.path.join(work, "edit"))
        entry = cache.entry("benchdisk", key, make, image.say)
        keep_newest("benchdisk", PRIMES_KEPT)
        return os.path.join(entry, "root.img")

    def _files(self):
        return [(DIR + "/rcK", os.path.join(HERE, "busybox/rcK"), 0o755),
                (PROBE, os.path.join(self.out, "bench/probe"), 0o755),
                (DIR + "/ideal", os.path.join(self.out, "bench/ideal"), 0o755),
                (DIR + "/busybox", busybox(), 0o755),
                (DIR + "/rcS", os.path.join(HERE, "busybox/rcS"), 0o755),
                ("/etc/inittab", os.path.join(HERE, "busybox/inittab"), 0o644)]

    # Initramfs images -----------------------------------------------------------

    def initramfs(self, system, clock):
        made = {"rouse": self._initramfs_rouse, "debian": self._initramfs_debian,
                "ideal": self._initramfs_ideal}[system.initramfs](clock)
        keep_newest("benchinitramfs", INITRAMFS_KEPT)
        return made

    def _initramfs_rouse(self, clock):
        more = [word for module in MODULES["exact"] for word in ("--add-module", module)]
        arguments = self.initramfs_arguments + (tuple(more) if clock == "exact" else ())
        return image.initramfs_rouse(self.base, self.kernel, self.install, arguments, self.out)

    def _initramfs_debian(self, clock):
        if clock == "plain":
            return image.initramfs_debian(self.base, self.kernel)
        modules = "\\n".join(MODULES["exact"])

        def make(work):
            image.in_tree([self.kernel.tree, self.base + "/tree"],
                          f"printf '{modules}\\n' >>\"$ROOT/etc/initramfs-tools/modules\"; "
                          f'chroot "$ROOT" mkinitramfs -o /boot/image {self.kernel.version}; '
                          f"cp \"$ROOT/boot/image\" '{work}/initramfs'")
        key = cache.digest(1, self.base, self.kernel.path, modules)
        return os.path.join(cache.entry("benchinitramfs", key, make, image.say), "initramfs")

    def _initramfs_ideal(self, clock):
        """One static program, the modules that it needs, the fsck of Debian's."""
        program = os.path.join(self.out, "bench/ideal")

        def make(work):
            tree = os.path.join(work, "tree")
            for directory in ("dev", "proc", "sys", "root"):
                os.makedirs(os.path.join(tree, directory))
            names = [self._module(name) for name in MODULES[clock]]
            with open(os.path.join(tree, "modules"), "w") as file:
                file.write("".join(f"/{os.path.basename(name)}\n" for name in names))
            with open(os.path.join(tree, "root-device"), "w") as file:
                file.write(ROOT_DEVICE[clock])
            for name in names:
                shutil.copy(name, tree)
            shutil.copy(program, os.path.join(tree, "init"))
            os.chmod(os.path.join(tree, "init"), 0o755)
            image.in_tree([self.base + "/tree"],
                          f"to='{tree}'; fsck=/usr/sbin/fsck.ext4; mkdir -p \"$to/sbin\"; "
                          'cp -L "$ROOT$fsck" "$to/sbin/"; '
                          'for lib in $(chroot "$ROOT" ldd $fsck | grep -o "/[^ ]*"); do '
                          'mkdir -p "$to${lib%/*}"; cp -L "$ROOT$lib" "$to$lib"; done')
            with open(os.path.join(work, "initramfs"), "wb") as file:
                write_cpio(file, tree)
            shutil.rmtree(tree)
        key = cache.digest(2, clock, self.base, self.kernel.path, _bytes(program))
        return os.path.join(cache.entry("benchinitramfs", key, make, image.say), "initramfs")

    def _module(self, name):
        found, = glob.glob(f"{self.kernel.tree}/usr/lib/modules/*/kernel/**/{name}.ko", recursive=True)
        return found

    # A system's own root -----------------------------------------------------------

    def primed(self, system, boot):
        """The directory of the images after one writing boot, which boot does."""
        with open(self.initramfs(system, "plain"), "rb") as file:
            key = cache.digest(4, self.root, self.srv, system.init, file.read())

        def make(work):
            for name, source in (("root.img", self.root), ("srv.img", self.srv)):
                ext4.sparse_copy(source, os.path.join(work, name))
            boot(os.path.join(work, "root.img"), os.path.join(work, "srv.img"))
            for name in ("root.img", "srv.img"):
                problem = ext4.check_clean(os.path.join(work, name))
                if problem:
                    image.say(f"note: {system.name} left {name} so: {problem.splitlines()[0]}")
        kind = "primed" + system.name
        entry = cache.entry(kind, key, make, image.say)
        keep_newest(kind, PRIMES_KEPT)
        return entry

    def own_units(self):
        """Names of units that are systemd's, udev's or ours."""
        names = set()
        for package in ("systemd", "udev", "systemd-sysv"):
            with open(f"{self.base}/tree/var/lib/dpkg/info/{package}.list") as file:
                names |= {os.path.basename(line.strip()) for line in file if "/systemd/system/" in line}
        if self.install:
            for _, _, files in os.walk(os.path.join(self.install, "tree/usr/lib/rouse")):
                names |= set(files)
        return names


def bench(out, rouse=True, arguments=None):
    """rouse: its layer is in the root."""
    return Bench(image.kernel("cloud"), image.base(), image.install(out) if rouse else None, out,
                 tuple((arguments or "--generic").split()))


def busybox():
    """Debian's static busybox, by its package."""
    package = image.run(["apt-cache", "policy", "busybox-static"]).split("Candidate:")[1].split()[0]

    def make(work):
        image.run(["apt-get", "download", "-q", "-oAPT::Sandbox::User=root", "busybox-static=" + package],
                  cwd=work)
        deb, = glob.glob(os.path.join(work, "*.deb"))
        image.run(["dpkg-deb", "-x", deb, os.path.join(work, "tree")])
        os.unlink(deb)
    entry = cache.entry("busybox", cache.digest(1, package), make, image.say)
    for path in ("bin/busybox", "usr/bin/busybox"):
        if os.path.exists(os.path.join(entry, "tree", path)):
            return os.path.join(entry, "tree", path)
    raise image.Error("busybox-static's package has no busybox")


def keep_newest(kind, count):
    """Images are large, and each change of the source makes new ones."""
    entries = [os.path.join(cache.ROOT, name) for name in os.listdir(cache.ROOT)
               if name.startswith(kind + "-")]
    for path in sorted(entries, key=lambda path: os.stat(path).st_mtime, reverse=True)[count:]:
        if time.time() - os.stat(path).st_mtime > 600:
            shutil.rmtree(path, ignore_errors=True)


def write_cpio(file, tree):
    """A newc archive of a tree of files and directories; nothing of it depends on when."""
    names = [""]
    for top, dirs, files in os.walk(tree):
        dirs.sort()
        names += [os.path.relpath(os.path.join(top, name), tree) for name in sorted(dirs + files)]
    for number, name in enumerate(sorted(set(names) - {""})):
        path = os.path.join(tree, name)
        data = b"" if os.path.isdir(path) else _bytes(path)
        mode = 0o40755 if os.path.isdir(path) else 0o100755
        _cpio_entry(file, number + 1, name, mode, data)
    _cpio_entry(file, 0, "TRAILER!!!", 0, b"")


def _cpio_entry(file, number, name, mode, data):
    name = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    file.write(head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4))


def _bytes(path):
    with open(path, "rb") as file:
        return file.read()
