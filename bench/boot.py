#!/usr/bin/env python3
"""Boots the same root under several inits, interleaved, and says who was ready
when. `make bench` and `make bench-exact` run it.

    bench/boot.py [--exact]                      all systems, RUNS runs each
    bench/boot.py --exact --once rouse           one boot of one system, all marks
    bench/boot.py --exact --once rouse --trace   and each exec with its time
    bench/boot.py --report                       prints and draws what was measured last

The plain clock is a person's: wall time under TCG, virtio disks. The exact
clock counts instructions (2 ns each), has its disks as NVDIMMs, and repeats:
the same images take the same time to the microsecond. SYSTEMS (names with
spaces or commas) and RUNS are taken from the environment too.

Results go to bench/out: boot.csv (what was measured on the other clock stays)
and boot.svg.
"""
import sys
sys.dont_write_bytecode = True
import argparse
import csv
import os
import statistics

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [HERE, os.path.join(TOP, "tests/vm")]

import chart
import ext4
import image
import qemu
import run
import systems
import timeline

RESULTS = os.path.join(HERE, "out")
CSV = os.path.join(RESULTS, "boot.csv")
SVG = os.path.join(RESULTS, "boot.svg")
LABELS = {
    "kernel_to_initrd": ("kernel → /init", "s"),
    "initrd_to_init": ("/init → real init", "s"),
    "init_to_ready": ("init → ready", "s"),
    "init_to_login": ("init → login", "s"),
    "poweroff": ("power-off", "s"),
    "pss_kib": ("PSS of the stack, KiB", ""),
    "forks": ("forks until ready", ""),
    "execs": ("execs until ready", ""),
}


def out_directory():
    return os.path.abspath(os.environ.get("OUT") or os.path.join(TOP, "build"))


def machine_of(bench, system, clock, directory=None):
    return image.Machine(bench.kernel, bench.initramfs(system, clock),
                         os.path.join(directory, "root.img") if directory else bench.root,
                         os.path.join(directory, "srv.img") if directory else bench.srv, systems.PROBE)


def primed(bench, system, options):
    """The machine's images after the one writing boot that each gets."""
    def prime(root, srv):
        machine = image.Machine(bench.kernel, bench.initramfs(system, "plain"), root, srv, systems.PROBE)
        result = run.boot(machine, system, "plain", base=run.PRIME_BASE, writable=True, timeout=options.timeout)
        if result.missing_services():
            raise run.Failed(f"{system.name}: missing after its first boot: {' '.join(result.missing)}")
    if options.no_prime:
        return None
    return bench.primed(system, prime)


def measure(bench, system, clock, options, directory):
    os.makedirs(RESULTS, exist_ok=True)
    append = options.append + (" bench.switches" if options.trace else "")
    return run.boot(machine_of(bench, system, clock, directory), system, clock, append=append.strip(),
                    timeout=options.timeout, keep=os.path.join(RESULTS, f"console-{system.name}"))


# One system ----------------------------------------------------------------------

def once(bench, system, clock, options):
    result = measure(bench, system, clock, options, primed(bench, system, options))
    own = bench.own_units()
    marks, t0 = result.marks, result.marks["t0"]
    print(f"{system.name} ({system.about}), {clock} clock")
    for name, when in sorted(marks.items(), key=lambda mark: mark[1]):
        if not name.startswith("k"):
            print(f"{(when - t0) / 1e6:>12.3f} ms  {name}")
    if result.missing:
        print("missing: " + " ".join(result.missing))
    for name, value in result.metrics(system).items():
        print(f"  {name:<18} {form(name, value)}")
    if result.trace:
        print(f"  {'execs of its own':<18} {len(result.trace.outside(marks['ready'], own))} (outside the cgroups of "
              "services that are neither systemd's nor ours)")
    for pid, name, pss, program in result.stack(system):
        print(f"  PSS {pss:>6} KiB  {name} ({pid}, {program})")
    for note in result.notes:
        print("  " + note)
    if options.trace:
        print()
        timeline.show(result, own, sys.stdout.write)
    return 1 if result.missing_services() else 0


# All of them ---------------------------------------------------------------------

def all_systems(bench, names, clock, options):
    prepared = {name: primed(bench, systems.SYSTEMS[name], options) for name in names}
    rows, failed = [], 0
    for number in range(1, options.runs + 1):
        for name in names:
            system = systems.SYSTEMS[name]
            try:
                result = measure(bench, system, clock, options, prepared[name])
            except (run.Failed, qemu.Failed) as error:
                print(f"bench: {error}", file=sys.stderr)
                failed += 1
                continue
            metrics = result.metrics(system)
            if result.missing:
                print(f"bench: {name}: missing: {' '.join(result.missing)}", file=sys.stderr)
                failed += 1
            print(f"bench: {clock} run {number} {name}: init → ready {form('init_to_ready', metrics['init_to_ready'])}",
                  file=sys.stderr, flush=True)
            rows += [(clock, name, number, metric, value) for metric, value in metrics.items() if value is not None]
    merge(rows, clock, names)
    report()
    return 1 if failed else 0


def merge(rows, clock, names):
    """New figures take the place of older ones of the same clock and system."""
    kept = [row for row in read_rows() if row[0] != clock or row[1] not in names]
    order = list(systems.SYSTEMS)
    metrics = list(LABELS)
    every = sorted(kept + rows, key=lambda row: (row[0], order.index(row[1]), int(row[2]), metrics.index(row[3])))
    os.makedirs(RESULTS, exist_ok=True)
    with open(CSV, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("clock", "system", "run", "metric", "value"))
        for row in every:
            writer.writerow(row[:4] + (row[4] if isinstance(row[4], (str, int)) else f"{row[4]:.6f}",))


def read_rows():
    if not os.path.exists(CSV):
        return []
    with open(CSV, newline="") as file:
        rows = [tuple(row) for row in csv.reader(file)][1:]
    return [row for row in rows if row[1] in systems.SYSTEMS and row[3] in LABELS]


def form(metric, value):
    if value is None:
        return "–"
    return f"{value:.3f} s" if LABELS[metric][1] else f"{value:,.0f}"


def table():
    """{clock: {system: {metric: [values]}}} of what is in the file."""
    found = {}
    for clock, system, _, metric, value in read_rows():
        found.setdefault(clock, {}).setdefault(system, {}).setdefault(metric, []).append(float(value))
    return found


def report():
    figures = table()
    for clock in sorted(figures):
        of = figures[clock]
        runs = {name: max(len(values) for values in metrics.values()) for name, metrics in of.items()}
        print(f"\n{clock} clock, median (least–most) of " + ", ".join(f"{n} {name}" for name, n in runs.items()))
        reference = "rouse" if "rouse" in of else "ideal"
        print(f"{'':<24}" + "".join(f"{name:>26}" for name in of) + (f"   each to {reference}" if len(of) > 1 else ""))
        for metric, (label, unit) in LABELS.items():
            cells, medians = "", {}
            for name in of:
                values = of[name].get(metric)
                if values:
                    medians[name] = statistics.median(values)
                cells += f"{spread(values, unit):>26}"
            base = medians.get(reference)
            ratios = " ".join(f"{name} {medians[name] / base:.2f}×" for name in medians if name != reference and base)
            print(f"{label:<24}{cells}   {ratios}")
        together(of)
    chart.draw(SVG, figures)
    print(f"\n{os.path.relpath(CSV)} · {os.path.relpath(SVG)}")


def together(of):
    """/init → ready: a root that is checked in the initramfs moves cost across the line."""
    cells = ""
    for name in of:
        parts = [of[name].get(metric) for metric in ("initrd_to_init", "init_to_ready")]
        cells += f"{sum(statistics.median(part) for part in parts) if all(parts) else 0:>24.3f} s"
    print(f"{'/init → ready':<24}{cells}")


def spread(values, unit):
    if not values:
        return "–"
    low, middle, high = min(values), statistics.median(values), max(values)
    if not unit:
        return f"{middle:,.0f}" + (f" ({low:,.0f}–{high:,.0f})" if low != high else "")
    return f"{middle:.3f} s" + (f" ({low:.3f}–{high:.3f})" if high - low >= 0.0005 else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0],
                                     epilog="SYSTEMS and RUNS may come from the environment.")
    parser.add_argument("--exact", action="store_true", help="the clock that counts instructions")
    parser.add_argument("--systems", default=os.environ.get("SYSTEMS") or " ".join(systems.SYSTEMS))
    parser.add_argument("--runs", type=int, default=int(os.environ.get("RUNS") or 5))
    parser.add_argument("--once", metavar="SYSTEM", choices=list(systems.SYSTEMS), help="one boot, its marks")
    parser.add_argument("--trace", action="store_true",
                        help="with --once: the time-line of what was executed, and who had the processor")
    parser.add_argument("--append", default="", help="more words for the kernel command line")
    parser.add_argument("--no-prime", action="store_true", help="no writing boot before: first-boot work is measured")
    parser.add_argument("--no-rouse", action="store_true", help="a root without rouse's layer")
    parser.add_argument("--initramfs-arguments", default=os.environ.get("ROUSE_INITRAMFS_ARGS"),
                        help="for rouse-initramfs (--generic)")
    parser.add_argument("--timeout", type=float, default=240, help="seconds of the host's clock for one boot")
    parser.add_argument("--report", action="store_true", help="print and draw what is there, boot nothing")
    options = parser.parse_args()
    if options.report:
        return report()
    names = [options.once] if options.once else options.systems.replace(",", " ").split()
    for name in names:
        if name not in systems.SYSTEMS:
            parser.error(f"no such system: {name} (there are {' '.join(systems.SYSTEMS)})")
    clock = "exact" if options.exact else "plain"
    bench = systems.bench(out_directory(), not options.no_rouse, options.initramfs_arguments)
    if options.once:
        return once(bench, systems.SYSTEMS[options.once], clock, options)
    return all_systems(bench, names, clock, options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (image.Error, ext4.Error, run.Failed, qemu.Failed, qemu.Timeout, qemu.Ended) as error:
        sys.exit(f"bench: {error}")
