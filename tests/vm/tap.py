"""TAP for the guests' tests, and the few ways in which they all boot.

INIT (rouse, systemd or a path) says whom a test asks; what only one of them
promises is wrapped in `if tap.rouse`. A test that failed ends with the tail
of the console of each guest that it had, and how to run it alone.
"""
import contextlib
import os
import sys
import tempfile

import ext4
import image
import qemu

INIT = os.environ.get("INIT") or "rouse"
ROUSE = INIT == "rouse"
TIMEOUT = float(os.environ.get("TIMEOUT") or 300)
HERE = os.path.dirname(os.path.abspath(__file__))


def text_file(text, mode=0o644):
    """A temporary file with this text, to be copied into a guest."""
    file = tempfile.NamedTemporaryFile("w", prefix="rouse-test-")
    file.write(text)
    file.flush()
    os.chmod(file.name, mode)
    return file


def fstab(line):
    """The guest's usual fstab and one more line, as such a file."""
    with open(os.path.join(HERE, "root/etc/fstab")) as usual:
        return text_file(usual.read() + line + "\n")


class Tap:
    def __init__(self):
        self.count = self.failed = 0
        self.rouse = ROUSE
        self.control = "/usr/bin/rousectl" if ROUSE else "systemctl"

    def ok(self, holds, name, detail=""):
        self.count += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.count} - {name}")
        if not holds and detail:
            self.diag(str(detail))
        sys.stdout.flush()
        return holds

    def like(self, text, pattern, name):
        """Holds if the regular expression is found in the text."""
        import re
        return self.ok(re.search(pattern, text, re.M | re.I) is not None, name,
                       f"no {pattern!r} in:\n{text[-3000:]}")

    def is_(self, got, wanted, name):
        return self.ok(got == wanted, name, f"got {got!r}, wanted {wanted!r}")

    @staticmethod
    def diag(text):
        for line in text.rstrip("\n").split("\n"):
            print("# " + line)

    @contextlib.contextmanager
    def guest(self, name, failed_boots=False, init=INIT, packages="", kernel="cloud", machine=None, **options):
        """A guest that is booting; what goes wrong with it is a failed test.
        packages: what its root has besides the usual ones; machine: one that is made already."""
        before = self.failed
        try:
            machine = machine or image.machine(init, packages=image.extended(packages), flavour=kernel,
                                               failed_boots=failed_boots)
            with qemu.Guest(machine, accel=os.environ.get("ACCEL") or "tcg", **options) as guest:
                try:
                    guest.boot()
                    yield guest
                except (qemu.Timeout, qemu.Ended, qemu.Failed, OSError) as error:
                    self.ok(False, name, error)
                if self.failed > before:
                    self.diag(f"{name}: the console's end:\n{guest.tail(40)}")
        except (image.Error, ext4.Error) as error:
            self.ok(False, name, error)

    def done(self):
        print(f"1..{self.count}")
        if self.failed:
            self.diag(f"alone: INIT={INIT} {os.path.relpath(os.path.abspath(sys.argv[0]), image.TOP)}")
        sys.exit(1 if self.failed else 0)
