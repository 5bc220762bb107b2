#!/usr/bin/env python3
"""`make boot` with its variables: the other kernel on two processors, little memory, more packages, twice the same (the
second time nothing is made); KVM, where it works, and a plain word within two minutes where it does not. 5 boots."""
import os
import re
import subprocess
import sys
import time
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import image
from tap import HERE, Tap

tap = Tap()
BEYOND = 20     # seconds of the second run that are not the guest's, with others at work on the machine


def boot(name, bound=1800, **variables):
    """Status, output and seconds of what `make boot QUIT=1` runs."""
    started = time.monotonic()
    try:
        done = subprocess.run([os.path.join(HERE, "boot")], env=dict(os.environ, QUIT="1", TIMEOUT="900", **variables),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=bound)
        return done.returncode, done.stdout, time.monotonic() - started
    except subprocess.TimeoutExpired as error:
        return None, f"no end in {bound} s:\n{(error.stdout or b'').decode(errors='replace')}", bound


def holds(name, **variables):
    status, output, seconds = boot(name, **variables)
    tap.ok(status == 0, f"make boot {name}: all of it holds", output)
    return output, seconds


output, first = holds("")
output, second = holds("once more")
tap.ok("image: making" not in output, "make boot once more: makes no image", output)
guest = sum(float(number) for number in re.findall(r"A login prompt after ([0-9.]+) s|powers off \(([0-9.]+) s\)", output)
            for number in number if number)
tap.ok(second - guest < BEYOND, f"make boot once more: {second:.0f} s, {guest:.0f} of them the guest's boot and power-off",
       f"more than {BEYOND} s beyond")
tap.diag(f"make boot: {first:.0f} s, then {second:.0f} s, {second - guest:.1f} s of them beyond the guest's own")
holds("KERNEL=full SMP=2", KERNEL="full", SMP="2")
holds("MEM=256", MEM="256")
holds("ROOT_PACKAGES=…,tree,at APPEND=systemd.log_level=debug", ROOT_PACKAGES=image.extended("tree,at"),
      APPEND="systemd.log_level=debug")
status, output, seconds = boot("ACCEL=kvm", 600, ACCEL="kvm")
tap.ok(status == 0 or (status == 1 and re.search("ACCEL=kvm: (the guest's kernel does not boot under|there is no /dev/kvm)", output)),
       "make boot ACCEL=kvm: boots, or says that guests do not boot under KVM here", output)
tap.ok(seconds < 120 or status == 0, "make boot ACCEL=kvm: within two minutes", f"{seconds:.0f} s")
tap.done()
