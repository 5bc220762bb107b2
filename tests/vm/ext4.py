"""Ext4 images as files: made from a tree, copied, edited without mounting.

Nothing here needs a loop device. An edit is a list of steps (Put, Link, Dir,
Remove) which debugfs carries out on an image that nobody has open; modes and
owners are set explicitly, since debugfs takes them from wherever.
"""
import os
import re
import stat
import subprocess

SBIN = "/usr/sbin:/sbin:" + os.environ.get("PATH", "")
ENV = dict(os.environ, PATH=SBIN, DEBUGFS_PAGER="cat", LC_ALL="C")


class Error(Exception):
    pass


def run(argv, **more):
    done = subprocess.run(argv, env=ENV, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        raise Error(f"{' '.join(argv[:3])} … failed ({done.returncode}):\n{done.stdout[-3000:]}")
    return done.stdout


def make(path, size, uuid, tree=None, label=None):
    """A new image. Tables are written in full: no lazy work for the guest."""
    argv = ["mkfs.ext4", "-q", "-F", "-U", uuid, "-J", "size=16",
            "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-i", "32768"]
    argv += ["-L", label] if label else []
    argv += ["-d", tree] if tree else []
    run(argv + [path, size])


def sparse_copy(source, target):
    """Copies only what is not a hole."""
    with open(source, "rb") as src, open(target, "wb") as dst:
        size = os.fstat(src.fileno()).st_size
        os.ftruncate(dst.fileno(), size)
        end = 0
        while end < size:
            try:
                at = os.lseek(src.fileno(), end, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(src.fileno(), at, os.SEEK_HOLE)
            while at < end:
                done = os.copy_file_range(src.fileno(), dst.fileno(), end - at, at, at)
                if not done:
                    raise Error(f"{source}: shorter than it was")
                at += done


def check_clean(path):
    """None if the file system was unmounted and is whole, else what is wrong."""
    head = run(["dumpe2fs", "-h", path])
    if "needs_recovery" in head:
        return "was not unmounted: the journal needs recovery"
    state = re.search(r"^Filesystem state:\s+(.*)$", head, re.M)
    if not state or state[1].strip() != "clean":
        return f"state is {state[1] if state else 'unknown'}"
    done = subprocess.run(["e2fsck", "-fn", path], env=ENV, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else "e2fsck finds faults:\n" + done.stdout


def _quoted(path):
    if re.search(r'["\n]', path):
        raise Error(f"no such characters in a file name here, please: {path!r}")
    return f'"{path}"'


class Edit:
    """Changes to one image, gathered and then applied at once."""

    def __init__(self):
        self.lines = []
        self.dirs = set()
        self.puts = []

    def _owned(self, path, mode, uid=0, gid=0):
        name = _quoted(path)
        self.lines += [f"sif {name} mode 0{mode:o}", f"sif {name} uid {uid}", f"sif {name} gid {gid}"]

    def parents(self, path):
        """Makes the directories above path; those that exist stay as they are."""
        parent = os.path.dirname(path)
        if parent in ("/", "") or parent in self.dirs:
            return
        self.parents(parent)
        self.dirs.add(parent)
        self.lines.append(f"mkdir {_quoted(parent)}")

    def directory(self, path, mode=None, uid=0, gid=0):
        self.parents(path + "/x")
        if mode is not None:
            self._owned(path, stat.S_IFDIR | mode, uid, gid)

    def put(self, path, source, mode=None, uid=0, gid=0):
        self.parents(path)
        if mode is None:
            mode = stat.S_IMODE(os.stat(source).st_mode)
        parent, name = os.path.split(path)
        # write takes a name in the current directory, not a path
        self.lines += [f"rm {_quoted(path)}", f"cd {_quoted(parent)}",
                       f"write {_quoted(os.path.abspath(source))} {_quoted(name)}", "cd /"]
        self._owned(path, stat.S_IFREG | mode, uid, gid)
        self.puts.append(path)

    def link(self, path, target):
        self.parents(path)
        self.lines += [f"rm {_quoted(path)}", f"symlink {_quoted(path)} {_quoted(target)}"]

    def remove(self, path):
        self.lines.append(f"rm {_quoted(path)}")

    def tree(self, source, prefix="/", owners=False):
        """All of a directory; overlayfs's whiteouts remove what they cover.
        A directory of mode 0755 leaves one that is there already as it is.
        owners: they are kept, else all of it is root's."""
        for top, dirs, files in os.walk(source):
            for name in sorted(dirs + files):
                here = os.path.join(top, name)
                there = os.path.normpath(os.path.join(prefix, os.path.relpath(here, source)))
                info = os.lstat(here)
                owner = (info.st_uid, info.st_gid) if owners else (0, 0)
                if stat.S_ISLNK(info.st_mode):
                    self.link(there, os.readlink(here))
                elif stat.S_ISDIR(info.st_mode):
                    mode = stat.S_IMODE(info.st_mode)
                    self.directory(there, None if mode == 0o755 else mode, *owner)
                elif stat.S_ISREG(info.st_mode):
                    self.put(there, here, None, *owner)
                elif stat.S_ISCHR(info.st_mode) and info.st_rdev == 0:
                    self.remove(there)
                else:
                    raise Error(f"{here}: neither file, directory nor link")

    def apply(self, image, work):
        """work: a path for the command file."""
        if not self.lines:
            return
        with open(work, "w") as file:
            file.write("\n".join(self.lines) + "\n")
        out = run(["debugfs", "-w", "-f", work, image])
        with open(work, "w") as file:
            file.write("".join(f"stat {_quoted(path)}\n" for path in self.puts))
        found = run(["debugfs", "-f", work, image])
        missing = re.findall(r"^(.*: File not found by ext2_lookup.*)$", found, re.M)
        if missing:
            raise Error(f"{image}: could not be edited: {missing[:3]}\n{out[-2000:]}")
