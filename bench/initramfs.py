#!/usr/bin/env python3
"""Making an initramfs: how long it takes and how large it gets, ours beside others', for the same root and kernel.

    bench/initramfs.py [--kernel cloud|full]… [--runs N] [GENERATOR…]

Every generator runs in the same Debian root, one after the other, N times round. The root is a copy on this machine's
disk, thrown away afterwards, with LUKS, LVM, md and btrfs tools installed: initramfs-tools and dracut look for the device
that it is on. Printed, and written to bench/out/initramfs.csv: processor seconds (user and system, children included),
seconds by the clock, bytes. `dep` and `host` mean the machine that this runs on; "rouse host" takes a recording of the
guest that `make boot` starts (bench/guest.hardware).
"""
import argparse
import csv
import os
import re
import statistics
import sys
import tempfile
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "vm"))
import cache
import image

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.environ.get("OUT") or os.path.join(image.TOP, "build")
PACKAGES = "dracut-core,tiny-initramfs-core,busybox-static,cryptsetup-bin,lvm2,mdadm,btrfs-progs"
OURS = f"'{OUT}/rouse-initramfs' -k $V --sysroot $ROOT -o $ROOT/image "
MKINITRAMFS = ("sed -i 's/^MODULES=.*/MODULES={}/' $ROOT/etc/initramfs-tools/initramfs.conf; rm -f $ROOT/etc/initramfs-tools/conf.d/*; "
               "timed chroot $ROOT mkinitramfs -o /image $V")
GENERATORS = {
    "rouse host": f"timed {OURS} --hardware '{HERE}/guest.hardware'",
    "rouse lean": f"timed {OURS} --host",
    "rouse generic": f"timed {OURS} --generic",
    "rouse generic, all tools": f"timed {OURS} --generic --feature installed",
    "rouse full": f"timed {OURS} --full",
    "initramfs-tools dep": MKINITRAMFS.format("dep"),
    "initramfs-tools most": MKINITRAMFS.format("most"),
    "dracut host": "timed chroot $ROOT dracut -q --hostonly --no-hostonly-cmdline --zstd /image $V",
    "dracut generic": "timed chroot $ROOT dracut -q --no-hostonly --zstd /image $V",
    "tiny-initramfs": "timed chroot $ROOT mktirfs -o /image $V",
}
TIMED = r"""
export V=%s
timed() { python3 -c '
import resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if done.returncode: print("FAILED", done.returncode, done.stderr.decode(errors="replace")[-300:].replace("\n", " "))
print("RESULT", used.ru_utime + used.ru_stime, time.monotonic() - began)
' "$@"; }
ROOT=%s
mount --bind $ROOT $ROOT; mount --bind /dev $ROOT/dev; mount -t sysfs sysfs $ROOT/sys; mount -t proc proc $ROOT/proc
rm -f $ROOT/image
%s
stat -c 'SIZE %%s' $ROOT/image || echo SIZE 0
"""


def once(root, version, script):
    said = image.run(["unshare", "--mount", "--propagation", "private", "bash", "-c", TIMED % (version, root, script)])
    result = re.search(r"RESULT (\S+) (\S+)", said)
    failed = re.search(r"FAILED.*", said)
    if failed:
        print("# " + failed[0][:400], file=sys.stderr)
    size = int(re.search(r"SIZE (\d+)", said)[1])
    return float(result[1]), float(result[2]), 0 if failed else size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", action="append", choices=sorted(image.KERNELS))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("generator", nargs="*", help="; ".join(GENERATORS))
    options = parser.parse_args()
    names = options.generator or list(GENERATORS)
    rows = []
    for flavour in options.kernel or sorted(image.KERNELS):
        kernel = image.kernel(flavour)
        results = {name: [] for name in names}
        with tempfile.TemporaryDirectory(dir=cache.ROOT, prefix=".tree-bench-") as root:
            for layer in (image.base(image.extended(PACKAGES)), image.install(OUT)):
                image.run(["cp", "-a", layer + "/tree/.", root])
            image.run(["cp", "-a", kernel.tree + "/.", root])
            for run in range(options.runs):
                for name in names:
                    results[name].append(once(root, kernel.version, GENERATORS[name]))
                    rows += [(flavour, name, run, *results[name][-1])]
                    print("# " + " ".join(map(str, rows[-1])), file=sys.stderr, flush=True)
        print(f"\n{kernel.version}, {options.runs} runs      CPU s   clock s        bytes")
        for name in names:
            cpu, clock, size = (statistics.median(values) for values in zip(*results[name]))
            print(f"{name:28} {cpu:9.3f} {clock:9.3f} {int(size) or 'failed':>12}")
    os.makedirs(os.path.join(HERE, "out"), exist_ok=True)
    with open(os.path.join(HERE, "out", "initramfs.csv"), "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("kernel", "generator", "run", "cpu", "clock", "bytes"))
        writer.writerows(rows)


if __name__ == "__main__":
    main()
