#!/usr/bin/env python3
"""Times rouse-devd beside systemd-udevd and busybox mdev, in the same guests,
one after the other: from the daemon's start until database, links, modes, tags
and names are there; from a uevent until libudev's clients are told; memory.

    bench/devices.py                  all of it
    bench/devices.py --exact          the standard guest by the clock that counts instructions: once for each from
                                      the boot on, and both once all modules are in
    bench/devices.py --steps LIST     any steps (bench/devices.sh lists them)
"""
import sys
sys.dont_write_bytecode = True
import argparse
import os
import statistics
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests/vm")]

import cache
import ext4
import image
import qemu
import run
import systems

DIR = "/usr/lib/rouse-bench"
# Interleaved; what comes first in a boot loads the modules, so that is done once before.
PLAIN = {
    "as booted": "rouse,udevd,rouse,udevd,rouse,udevd,same,rouse,latency,pss,udevd,latency,pss,mdev",
    "5,000 block devices": "rouse,null:4000,loops:200,rouse,udevd,same,rouse,pss,claims:1000,claims:4000",
    "1,000 interfaces": "rouse,dummy:1000,pss,nodummy",
}
EXACT = ("rouse,latency", "udevd,latency", "rouse,nomodules,rouse,udevd,same,rouse,pss,udevd,pss")
LABELS = {"coldplug": "start → complete", "pss": "PSS, KiB"}


def partitioned():
    """An image with four partitions, for the loop devices."""
    def make(work):
        path = os.path.join(work, "disk")
        with open(path, "wb") as file:
            file.truncate(16 << 20)
        subprocess.run(["sfdisk", "-q", path], input="label: gpt\n" + "size=2M\n" * 4, text=True, check=True)
    return os.path.join(cache.entry("benchpartitions", cache.digest(1), make, image.say), "disk")


def guest_of(bench, clock, steps, mem, console):
    machine = image.Machine(bench.kernel, bench.initramfs(systems.SYSTEMS["rouse"], clock), bench.root, bench.srv,
                            DIR + "/devices.sh")
    out = os.path.abspath(os.environ.get("OUT") or os.path.join(TOP, "build"))
    copies = [(os.path.join(HERE, "devices.sh"), DIR + "/devices.sh"),
              (os.path.join(out, "bench/devices"), DIR + "/devices"), (partitioned(), DIR + "/disk")]
    return run.BenchGuest(machine, clock, append="bench.steps=" + steps, copies=copies, mem=mem, quiet=True,
                          console=console)


def measure(bench, clock, name, steps, mem, timeout):
    """{(what, daemon): [values]}; what the guest had to say besides is printed."""
    results = os.path.join(HERE, "out")
    os.makedirs(results, exist_ok=True)
    console = os.path.join(results, "devices-" + "".join(c if c.isalnum() else "-" for c in name))
    with guest_of(bench, clock, steps, mem, console) as guest:
        guest.boot()
        problem = None
        try:
            guest.wait_stop(timeout)
        except (qemu.Timeout, qemu.Ended) as error:
            problem = error
        text = guest.console_text()
    found = {}
    for line in text.splitlines():
        words = line.split()
        if line.startswith("# "):
            print(line, file=sys.stderr)
        elif line.startswith("@ different"):
            print(f"{name}: what the last two left differs in {words[2]} of {words[4]} lines")
        elif words[:2] == ["@", "failed"]:
            problem = f"{words[2]} failed"
        elif line.startswith("@ ") and len(words) > 3:
            found.setdefault((words[1], words[2]), []).append(int(words[-1]))
    if problem or "@ end" not in text:
        print(f"bench: {name}: {problem or 'the guest ended early'}; its console: {console}", file=sys.stderr)
    return found


def report(name, found):
    print(f"\n{name}")
    for what in dict.fromkeys(what for what, _ in found):
        cells = {daemon: values for (key, daemon), values in found.items() if key == what}
        base = statistics.median(cells["rouse"]) if "rouse" in cells else None
        line = []
        for daemon, values in cells.items():
            value = statistics.median(values)
            shown = f"{value:,.0f}" if what == "pss" else f"{value / 1e6:,.3f} ms"
            ratio = f" ({value / base:.2f}×)" if base and daemon != "rouse" else ""
            line.append(f"{daemon} {shown}{ratio}" + (f" of {len(values)}" if len(values) > 1 else ""))
        print(f"  {LABELS.get(what, what):<20} " + " · ".join(line), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exact", action="store_true", help="one boot for each daemon, by counted instructions")
    parser.add_argument("--steps", help="these steps, in one guest")
    parser.add_argument("--only", choices=list(PLAIN), help="one of the plain series, with --exact by that clock")
    parser.add_argument("--mem", type=int, metavar="MIB", help="3072 unless told, with --exact 512")
    parser.add_argument("--timeout", type=float, default=1500, help="seconds of the host's clock for one guest")
    options = parser.parse_args()
    clock = "exact" if options.exact else "plain"
    bench = systems.bench(os.path.abspath(os.environ.get("OUT") or os.path.join(TOP, "build")))
    if options.exact and not options.only:
        found = {}
        for steps in [options.steps] if options.steps else EXACT:
            if "nomodules" in steps and found:
                report("standard guest, exact clock, modules included", found)
                found = {}
            found.update(measure(bench, clock, "exact " + steps, steps, options.mem or 512, options.timeout))
        return report("standard guest, exact clock", found)
    series = {"steps": options.steps} if options.steps else PLAIN
    for name, steps in series.items():
        if not options.only or name == options.only:
            report(name + ", exact clock" * options.exact,
                   measure(bench, clock, name, steps, options.mem or 3072, options.timeout))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (image.Error, ext4.Error, run.Failed, qemu.Failed) as error:
        sys.exit(f"bench: {error}")
