#!/usr/bin/env python3
"""Kernels, root images and initramfs images for the guests of our tests.

A root image is put together from layers, each cached by a hash of its inputs:

    base     Debian 12's packages, configured      mmdebstrap     ~1 min, once
    kernel   vmlinuz and modules from the package  apt-get        ~2 s, once
    stock    base + kernel as an ext4 image        mkfs.ext4 -d   ~3 s, once
    install  `make install`, Debian's commands     make           when it changed
             diverted if rouse brings /usr/lib/rouse/divert
    disk     stock + install + agent               debugfs        ~1 s, when it changed

and /srv is a small image of its own. Cached images are never written: guests
open them with snapshot=on, or get a copy. Nothing is mounted but overlays in
private mount namespaces, which end with the command that needed them.
"""
import sys
sys.dont_write_bytecode = True
import argparse
import dataclasses
import os
import re
import shutil
import subprocess
import tempfile

import cache
import ext4

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
OUT = os.environ.get("OUT") or os.path.join(TOP, "build")
PACKAGES = ("systemd,systemd-sysv,udev,openssh-server,nginx-light,dbus,cron,rsyslog,ifupdown,"
            "iproute2,kmod,e2fsprogs,login,initramfs-tools,zstd")
ROOT_UUID = "b0070000-0000-4000-8000-000000000001"
SRV_UUID = "b0070000-0000-4000-8000-000000000002"
ROOT_SIZE = "2G"
SRV_SIZE = "64M"
KERNELS = {"cloud": "linux-image-cloud-amd64", "full": "linux-image-amd64"}
# Every kind of root, and the drivers of the disks that QEMU has.
INITRAMFS_ARGUMENTS = "--generic --add-module virtio_pci --add-module virtio_blk"
TARGETS = ("multi-user", "graphical")
FAILED_TARGETS = ("emergency", "rescue")


class Error(Exception):
    pass


def say(text):
    print(f"image: {text}", file=sys.stderr, flush=True)


def run(argv, **more):
    """Runs a command quietly; its whole output is in the error if it fails."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              env=ext4.ENV, **more)
    except FileNotFoundError as error:
        raise Error(f"{argv[0]} is missing here: `make deps` ({error})") from None
    if done.returncode:
        raise Error(f"{' '.join(argv[:4])} failed ({done.returncode}):\n{done.stdout[-4000:]}")
    return done.stdout


# Layers -------------------------------------------------------------------

@dataclasses.dataclass
class Kernel:
    path: str       # the cache entry; tree below is a layer for a root
    version: str

    @property
    def image(self):
        return os.path.join(self.path, "vmlinuz")

    @property
    def tree(self):
        return os.path.join(self.path, "tree")


def kernel(flavour="cloud", refresh=False):
    """The newest kernel of a flavour that was current when it was first asked for."""
    pointer = os.path.join(cache.ROOT, f"kernel-{flavour}.package")
    if refresh or not os.path.exists(pointer):
        package = _kernel_package(KERNELS[flavour])
        os.makedirs(cache.ROOT, exist_ok=True)
        with open(pointer, "w") as file:
            file.write(package)
    with open(pointer) as file:
        package = file.read()
    path = cache.entry("kernel", cache.digest(2, package), lambda work: _make_kernel(work, package), say)
    with open(os.path.join(path, "version")) as file:
        return Kernel(path, file.read().strip())


def _kernel_package(meta):
    """NAME=VERSION of the package behind a metapackage."""
    depends = re.search(r"Depends: (linux-image-[0-9]\S+)", run(["apt-cache", "depends", meta]))
    if not depends:
        raise Error(f"apt knows no kernel behind {meta} (apt-get update?)")
    policy = re.search(r"Candidate: (\S+)", run(["apt-cache", "policy", depends[1]]))
    return f"{depends[1]}={policy[1]}"


def _make_kernel(work, package):
    with tempfile.TemporaryDirectory(dir=work) as temporary:
        run(["apt-get", "download", "-q", "-oAPT::Sandbox::User=root", package], cwd=temporary)
        deb, = os.listdir(temporary)
        unpacked = os.path.join(temporary, "x")
        run(["dpkg-deb", "-x", os.path.join(temporary, deb), unpacked])
        version, = os.listdir(os.path.join(unpacked, "lib/modules"))
        run(["depmod", "-b", unpacked, version])
        os.rename(os.path.join(unpacked, "boot", "vmlinuz-" + version), os.path.join(work, "vmlinuz"))
        tree = os.path.join(work, "tree")
        os.makedirs(os.path.join(tree, "usr/lib"))
        os.makedirs(os.path.join(tree, "boot"))
        os.rename(os.path.join(unpacked, "lib/modules"), os.path.join(tree, "usr/lib/modules"))
        config = "boot/config-" + version
        os.rename(os.path.join(unpacked, config), os.path.join(tree, config))
    # Newer than /etc/.updated would mean first-boot work (ConditionNeedsUpdate=).
    for directory in ("usr", "usr/lib", "boot"):
        os.utime(os.path.join(tree, directory), (1577836800, 1577836800))
    with open(os.path.join(work, "version"), "w") as file:
        file.write(version + "\n")


def base(packages=PACKAGES):
    """The entry whose directory tree/ is Debian with these packages."""
    packages = ",".join(sorted(set(packages.replace(" ", ",").split(",")) - {""}))
    recipe = os.path.join(HERE, "make-base")
    key = cache.digest(packages, cache.digest_tree(recipe, os.path.join(HERE, "root")))
    return cache.entry("base", key, lambda work: run([recipe, os.path.join(work, "tree"), packages]), say)


def extended(packages):
    """The usual packages and the given ones besides."""
    return PACKAGES + ("," + packages if packages else "")


def in_tree(layers, script, upper=None):
    """Runs a shell script with $ROOT a tree put together from layers, the
    first on top; what is written to it goes to upper, or away."""
    if os.geteuid() != 0:
        raise Error("to make images one must be root (overlay mounts, chroot)")
    with tempfile.TemporaryDirectory(dir=cache.ROOT, prefix=".tree-") as work:
        names = {name: os.path.join(work, name) for name in ("root", "upper", "work")}
        if upper:
            names["upper"] = upper
            names["work"] = tempfile.mkdtemp(dir=os.path.dirname(upper), prefix=".work-")
        for name in names.values():
            os.makedirs(name, exist_ok=True)
        options = f"lowerdir={':'.join(layers)},upperdir={names['upper']},workdir={names['work']}"
        setup = (f"set -e; mount -t overlay overlay -o '{options}' '{names['root']}'; "
                 f"ROOT='{names['root']}'; mount -t proc proc \"$ROOT/proc\"; ")
        try:
            return run(["unshare", "--mount", "--propagation", "private", "sh", "-c", setup + script])
        finally:
            if upper:
                shutil.rmtree(names["work"], ignore_errors=True)


def install(out=None):
    """The entry whose directory tree/ is what `make install` puts into a root,
    together with a file that names its hash."""
    out = out or OUT
    with tempfile.TemporaryDirectory() as temporary:
        run(["make", "-s", "--no-print-directory", "-C", TOP, "install", "DESTDIR=" + temporary, "OUT=" + out])
        _usr_merged(temporary)
        if not os.path.exists(os.path.join(temporary, "usr/sbin/rouse")):
            raise Error("`make install` brought no /usr/sbin/rouse: is it built?")
        key = cache.digest(1, cache.digest_tree(temporary))
        return cache.entry("install", key, lambda work: shutil.copytree(
            temporary, os.path.join(work, "tree"), symlinks=True), say)


def _usr_merged(tree):
    """Debian's /lib, /sbin and /bin are links; what was installed there moves."""
    for name in ("lib", "sbin", "bin"):
        source = os.path.join(tree, name)
        if os.path.isdir(source) and not os.path.islink(source):
            shutil.copytree(source, os.path.join(tree, "usr", name), symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(source)


# Images -------------------------------------------------------------------

def srv():
    def make(work):
        with tempfile.TemporaryDirectory() as tree:
            with open(os.path.join(tree, "index.html"), "w") as file:
                file.write("<!DOCTYPE html><title>rouse</title><p>This is /srv, on a disk of its own.\n")
            ext4.make(os.path.join(work, "srv.img"), SRV_SIZE, SRV_UUID, tree, "srv")
    return os.path.join(cache.entry("srv", cache.digest(1, SRV_SIZE, SRV_UUID), make, say), "srv.img")


def stock(base_path, kernel_):
    """Debian alone, as it is under systemd."""
    def make(work):
        image = os.path.join(work, "root.img")
        in_tree([kernel_.tree, base_path + "/tree"],
                f"umount \"$ROOT/proc\"; mkfs.ext4 -q -F -U {ROOT_UUID} -L root -J size=16 -i 32768 "
                f"-E lazy_itable_init=0,lazy_journal_init=0,nodiscard -d \"$ROOT\" '{image}' {ROOT_SIZE}")
        problem = ext4.check_clean(image)
        if problem:
            raise Error(f"the new root image {problem}")
    key = cache.digest(2, base_path, kernel_.path, ROOT_SIZE)
    return os.path.join(cache.entry("stock", key, make, say), "root.img")


def _add_agent(edit, failed_boots):
    source = os.path.join(HERE, "agent")
    edit.put("/usr/lib/rouse-guest/agent", os.path.join(source, "agent"), 0o755)
    unit = "/etc/systemd/system/rouse-guest.service"
    edit.put(unit, os.path.join(source, "rouse-guest.service"), 0o644)
    for target in TARGETS + (FAILED_TARGETS if failed_boots else ()):
        edit.link(f"/etc/systemd/system/{target}.target.wants/rouse-guest.service", unit)


def disk(base_path, kernel_, install_path=None, agent=False, failed_boots=False):
    """A root image: Debian, and rouse if install_path is given, and the agent
    that runs the host's commands; failed_boots: in emergency mode too."""
    if not install_path and not agent:
        return stock(base_path, kernel_)
    original = stock(base_path, kernel_)

    def make(work):
        image = os.path.join(work, "root.img")
        ext4.sparse_copy(original, image)
        edit = ext4.Edit()
        if install_path:
            edit.tree(os.path.join(install_path, "tree"))
            edit.tree(_diverted(work, base_path, kernel_, install_path), owners=True)
        if agent:
            _add_agent(edit, failed_boots)
        edit.apply(image, os.path.join(work, "edit"))
        problem = ext4.check_clean(image)
        if problem:
            raise Error(f"the new root image {problem}")
        for name in ("edit", "upper"):
            path = os.path.join(work, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.unlink(path)
    key = cache.digest(3, original, install_path, agent, failed_boots,
                       cache.digest_tree(os.path.join(HERE, "agent")) if agent else "")
    return os.path.join(cache.entry("disk", key, make, say), "root.img")


def _diverted(work, base_path, kernel_, install_path):
    """What /usr/lib/rouse/divert changes in the root, as overlayfs keeps it."""
    upper = os.path.join(work, "upper")
    os.makedirs(upper)
    if os.path.exists(os.path.join(install_path, "tree/usr/lib/rouse/divert")):
        in_tree([install_path + "/tree", kernel_.tree, base_path + "/tree"],
                'chroot "$ROOT" /usr/lib/rouse/divert install', upper)
    return upper


# Initramfs images ---------------------------------------------------------

def initramfs_debian(base_path, kernel_):
    """initramfs-tools' own, MODULES=most as Debian has it."""
    def make(work):
        in_tree([kernel_.tree, base_path + "/tree"],
                f'chroot "$ROOT" mkinitramfs -o /boot/image {kernel_.version}; '
                f"cp \"$ROOT/boot/image\" '{work}/initramfs'")
    key = cache.digest(1, base_path, kernel_.path)
    return os.path.join(cache.entry("debianinitramfs", key, make, say), "initramfs")


def initramfs_rouse(base_path, kernel_, install_path, arguments=("--generic",), out=None, before=""):
    """Ours, made by the build's rouse-initramfs with the root as its sysroot; before: what is done to that first."""
    tool = os.path.join(out or OUT, "rouse-initramfs")
    if not os.path.exists(tool):
        raise Error(f"{tool} is not built: `make`, or take --initramfs debian")

    def make(work):
        quoted = " ".join(f"'{argument}'" for argument in arguments)
        in_tree([install_path + "/tree", kernel_.tree, base_path + "/tree"],
                f"{before}\n'{tool}' -k {kernel_.version} -o '{work}/initramfs' --sysroot \"$ROOT\" {quoted}")
    with open(tool, "rb") as file:
        key = cache.digest(1, base_path, kernel_.path, install_path, file.read(), *arguments, *([before] if before else []))
    return os.path.join(cache.entry("initramfs", key, make, say), "initramfs")


# All of it ----------------------------------------------------------------

@dataclasses.dataclass
class Machine:
    """What QEMU needs to boot one variant."""
    kernel: Kernel
    initramfs: str
    root: str
    srv: str
    init: str       # for init= on the command line, or "" for the root's own


def machine(init="rouse", initramfs=None, packages=PACKAGES, flavour="cloud", agent=True,
            failed_boots=False, rouse=None, initramfs_arguments=None, out=None):
    """init: rouse, systemd, or a path in the root; initramfs: rouse, debian or
    a file; rouse: whether rouse is installed in the root (by default unless
    init is systemd)."""
    if rouse is None:
        rouse = init != "systemd"
    initramfs = initramfs or ("debian" if init == "systemd" else "rouse")
    kernel_ = kernel(flavour)
    base_path = base(packages)
    install_path = install(out) if rouse or initramfs == "rouse" else None
    root = disk(base_path, kernel_, install_path if rouse else None, agent, failed_boots)
    if initramfs == "debian":
        initrd = initramfs_debian(base_path, kernel_)
    elif initramfs == "rouse":
        arguments = initramfs_arguments or os.environ.get("ROUSE_INITRAMFS_ARGS", INITRAMFS_ARGUMENTS).split()
        initrd = initramfs_rouse(base_path, kernel_, install_path, tuple(arguments), out)
    else:
        initrd = os.path.abspath(initramfs)
    path = {"rouse": "/usr/sbin/rouse", "systemd": ""}.get(init, init)
    return Machine(kernel_, initrd, root, srv(), path)


def main():
    parser = argparse.ArgumentParser(description="make and find the images of test guests")
    parser.add_argument("command", choices=("machine", "kernel", "clean", "refresh-kernel"))
    parser.add_argument("--init", default="rouse")
    parser.add_argument("--initramfs")
    parser.add_argument("--kernel", default="cloud", choices=sorted(KERNELS))
    parser.add_argument("--packages", default="", help="packages besides the usual ones")
    parser.add_argument("--root-packages", default=PACKAGES, help="packages instead of the usual ones")
    parser.add_argument("--no-agent", action="store_true")
    options = parser.parse_args()
    if options.command == "clean":
        cache.clean()
    elif options.command in ("kernel", "refresh-kernel"):
        found = kernel(options.kernel, options.command == "refresh-kernel")
        print(f"kernel={found.image}\nversion={found.version}\nmodules={found.tree}/usr/lib/modules")
    else:
        packages = options.root_packages + ("," + options.packages if options.packages else "")
        made = machine(options.init, options.initramfs, packages, options.kernel, not options.no_agent)
        print(f"kernel={made.kernel.image}\nversion={made.kernel.version}\ninitramfs={made.initramfs}\n"
              f"root={made.root}\nsrv={made.srv}\ninit={made.init}")


if __name__ == "__main__":
    try:
        main()
    except (Error, ext4.Error) as error:
        sys.exit(f"image: {error}")
