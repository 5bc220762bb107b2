"""Things that are dear to make, kept outside the tree by a hash of their inputs.

An entry is a directory ROOT/KIND-HASH. It is made under a temporary name and
renamed when whole, so an entry that exists is complete; two processes that
want the same one wait for each other on the entry's lock file. Kinds that grow with
every change of the source (rouse's own images) are pruned: the newest few,
and what was used within the hour, stay.
"""
import contextlib
import fcntl
import hashlib
import os
import queue
import shutil
import tempfile
import threading
import time

ROOT = os.environ.get("ROUSE_CACHE") or "/var/cache/rouse"
PRUNED = ("disk", "install", "initramfs")
KEEP_NEWEST = 6
KEEP_SECONDS = 3600


def digest(*parts):
    """A short hash over strings and bytes, in order, unambiguous."""
    sha = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        sha.update(b"%d:" % len(data))
        sha.update(data)
    return sha.hexdigest()[:20]


def digest_tree(*paths):
    """A hash over names, modes, links and contents below the given paths."""
    parts = []
    for path in paths:
        entries = [path]
        for top, dirs, files in os.walk(path):
            dirs.sort()
            entries += [os.path.join(top, name) for name in sorted(dirs + files)]
        for entry in entries:
            info = os.lstat(entry)
            parts += [os.path.relpath(entry, path), "%o" % info.st_mode]
            if os.path.islink(entry):
                parts.append(os.readlink(entry))
            elif os.path.isfile(entry):
                with open(entry, "rb") as file:
                    parts.append(hashlib.sha256(file.read()).digest())
    return digest(*parts)


@contextlib.contextmanager
def locked(name):
    os.makedirs(ROOT, exist_ok=True)
    with open(os.path.join(ROOT, ".lock-" + name), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def slot():
    """An open file that holds one of this machine's places for a guest, one more than it has processors (a guest
    also waits): guests beyond that would only slow each other down. Waits in line until one is free (the kernel
    serves those who wait for a lock in the order in which they came); closing the file frees it."""
    os.makedirs(ROOT, exist_ok=True)
    got, first = queue.Queue(), threading.Lock()

    def wait(number):
        file = open(os.path.join(ROOT, f".guest-{number}"), "w")
        fcntl.flock(file, fcntl.LOCK_EX)
        if first.acquire(blocking=False):
            got.put(file)
        else:
            file.close()
    for number in range((os.cpu_count() or 1) + 1):
        threading.Thread(target=wait, args=(number,), daemon=True).start()
    return got.get()


def entry(kind, key, make, say=None):
    """The directory of KIND with this key; make(directory) fills a new one."""
    name = f"{kind}-{key}"
    path = os.path.join(ROOT, name)
    if not os.path.isdir(path):
        with locked(name):
            if not os.path.isdir(path):
                _make(kind, path, make, say)
    os.utime(path)
    return path


def _make(kind, path, make, say):
    if say:
        say(f"making {os.path.basename(path)}")
    started = time.monotonic()
    work = tempfile.mkdtemp(prefix=f".new-{kind}-", dir=ROOT)
    os.chmod(work, 0o755)
    try:
        make(work)
        os.rename(work, path)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        if not os.path.isdir(path):     # another state of this file may have made the same
            raise
    if say:
        say(f"made {os.path.basename(path)} in {time.monotonic() - started:.1f} s")
    if kind in PRUNED:
        prune(kind)


def prune(kind):
    now = time.time()
    found = []
    for name in os.listdir(ROOT):
        if name.startswith(kind + "-"):
            path = os.path.join(ROOT, name)
            with contextlib.suppress(FileNotFoundError):
                found.append((os.stat(path).st_mtime, path))
    for used, path in sorted(found, reverse=True)[KEEP_NEWEST:]:
        if now - used > KEEP_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


def clean():
    """Removes all that was cached."""
    if not os.path.isdir(ROOT):
        return
    for name in os.listdir(ROOT):
        path = os.path.join(ROOT, name)
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)


def throwaway(prefix):
    """A directory for one run's files; the caller removes it."""
    base = os.path.join(ROOT, "run")
    os.makedirs(base, exist_ok=True)
    _sweep(base)
    return tempfile.mkdtemp(prefix=prefix, dir=base)


def _sweep(base):
    """Removes what runs that were killed left behind, a day later."""
    for directory, prefix in ((base, ""), (ROOT, ".new-"), (ROOT, ".tree-")):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            with contextlib.suppress(FileNotFoundError):
                if name.startswith(prefix) and time.time() - os.stat(path).st_mtime > 86400:
                    shutil.rmtree(path, ignore_errors=True)
