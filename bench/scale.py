#!/usr/bin/env python3
"""scale.py [rouse|systemd]…: how the time to load units and to make a transaction of them grows with their number.
`make bench-scale` runs it.

Each init is booted with QEMU's counted clock (2 ns an instruction), is given the generated graph of 1,000 and of
10,000 units (graph.py) in /run/systemd/system, and is asked to start all of it: what is timed is `systemctl start
--no-block graph.target`, which returns when the units are read and the jobs are queued. Then 500 services that sleep
are started at once. Memory is PID 1's own (Private_Dirty), before and after. A boot a size, so that nothing is left
over from one to the other."""
import sys
sys.dont_write_bytecode = True
import io
import os
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "tests/vm")]

import graph
import image
import qemu

SIZES = (1000, 10000)
LIMIT = 14
RUNNING = 500
ICOUNT = ("-icount", "shift=1,sleep=off")
SCRIPT = """
now() { date +%s%N; }
memory() { awk '/^Private_Dirty/ { s += $2 } END { print s }' /proc/1/smaps_rollup; }
mkdir -p /run/systemd/system && cd /run/systemd/system && tar -xf /graph.tar || exit
systemctl is-system-running --wait >/dev/null
m0=$(memory); t0=$(now)
systemctl daemon-reload
t1=$(now)
systemctl start --no-block graph.target
t2=$(now); m1=$(memory)
echo result $((t1 - t0)) $((t2 - t1)) $m0 $m1
"""
RUN_SCRIPT = """
now() { date +%s%N; }
memory() { awk '/^Private_Dirty/ { s += $2 } END { print s }' /proc/1/smaps_rollup; }
mkdir -p /run/systemd/system && cd /run/systemd/system && tar -xf /graph.tar || exit
systemctl daemon-reload
systemctl is-system-running --wait >/dev/null
m0=$(memory); t0=$(now)
systemctl start sleepers.target
t1=$(now); m1=$(memory)
echo result $((t1 - t0)) $(systemctl list-units --plain --no-legend 'sleeper-*' | grep -c ' running ') $m0 $m1
"""


def archive(folder):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        tar.add(folder, ".")
    file = tempfile.NamedTemporaryFile(prefix="rouse-scale-")
    file.write(data.getvalue())
    file.flush()
    return file


def sleepers(folder):
    names = [f"sleeper-{i}.service" for i in range(RUNNING)]
    for name in names:
        graph.write(folder, name, "[Service]\nExecStart=/bin/sleep infinity\n")
    graph.write(folder, "sleepers.target", f"[Unit]\nRequires={' '.join(names)}\n")


def measure(init, make, script):
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        with archive(folder) as tar, qemu.Guest(image.machine(init), mem=1024, nic=False, quiet=True,
                                                 copies=[(tar.name, "/graph.tar")], arguments=ICOUNT) as guest:
            guest.boot()
            text = guest.out(script, 1500)
    words = [line.split()[1:] for line in text.splitlines() if line.startswith("result ")]
    if not words:
        raise SystemExit(f"{init}: no result:\n{text[-2000:]}")
    return [int(word) for word in words[0]]


def main(inits):
    bad = False
    print(f"{'':10} {'units':>6} {'reload s':>9} {'load and transaction s':>23} {'KiB a unit':>11}")
    for init in inits:
        times = {}
        for size in SIZES:
            reload, start, before, after = measure(init, lambda folder: graph.make(size, folder),
                                                   SCRIPT)
            times[size] = start
            print(f"{init:10} {size:6} {reload / 1e9:9.3f} {start / 1e9:23.3f} {(after - before) / size:11.2f}", flush=True)
        ratio = times[SIZES[1]] / times[SIZES[0]]
        print(f"{init:10} t({SIZES[1]})/t({SIZES[0]}) = {ratio:.1f}", flush=True)
        bad |= init == "rouse" and ratio > LIMIT
        took, running, before, after = measure(init, sleepers, RUN_SCRIPT)
        print(f"{init:10} {running} of {RUNNING} services run after {took / 1e9:.3f} s, "
              f"{(after - before) / RUNNING:.2f} KiB of PID 1's each", flush=True)
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["rouse", "systemd"]))
