"""Reads the kernel's record of forks, execs, exits and switches (perf rings),
and tells what was executed, when, by whom, in which cgroup and for how long.

The layout of the records is that of perf_event_open(2), for the sample type
that bench/probe-perf.c asks for: TID, TIME, CPU, RAW, CGROUP.
"""
import collections
import dataclasses
import os
import struct

LOST, EXIT, FORK, SAMPLE, SWITCH_CPU_WIDE, CGROUP = 2, 4, 7, 9, 15, 19
SWITCH_OUT = 0x2000
TRAILER = 24                        # pid, tid, time, cpu, reserved behind records that are no samples


@dataclasses.dataclass
class Exec:
    time: int
    pid: int
    program: str
    cgroup: str
    end: int | None = None          # the process's end, or its next exec
    cpu: int = 0                    # ns on the processor, if switches were recorded


class Trace:
    def __init__(self, rings, t0):
        self.t0 = t0
        self.parent, self.execs, self.lost = {}, [], 0
        self.cgroups, self.idle = {}, []
        self.running = collections.defaultdict(list)    # pid: [(start, end)]
        self.last = {}              # pid: its newest Exec
        self.forks = []             # (time, child, parent)
        self.has_switches = False
        records = sorted((record for ring in rings for record in self._records(ring)), key=lambda r: r[0])
        current = {}
        for time, kind, fields in records:
            self._take(time, kind, fields, current)
        for run in self.execs:
            run.cgroup = self.cgroups.get(run.cgroup, "/")
            run.cpu = sum(max(0, min(end, run.end or end) - max(start, run.time))
                          for start, end in self.running.get(run.pid, ()))

    # Reading ---------------------------------------------------------------

    @staticmethod
    def _records(ring):
        at = 0
        while at + 8 <= len(ring):
            kind, misc, size = struct.unpack_from("=IHH", ring, at)
            if size < 8:
                return
            body = ring[at + 8:at + size]
            at += size
            if kind == SAMPLE:
                pid, tid, time, cpu, _, raw_size = struct.unpack_from("=IIQIII", body)
                raw = body[28:28 + raw_size]
                cgroup, = struct.unpack_from("=Q", body, 28 + raw_size)
                where, = struct.unpack_from("=I", raw, 8)
                program = raw[where & 0xffff:][:where >> 16].split(b"\0")[0].decode(errors="replace")
                yield time, kind, (pid, program, cgroup)
            elif kind in (FORK, EXIT):
                yield struct.unpack_from("=Q", body, 16)[0], kind, struct.unpack_from("=IIII", body)
            elif kind == SWITCH_CPU_WIDE:
                other, _, pid, tid, time, cpu = struct.unpack_from("=IIIIQI", body)
                yield time, kind, (bool(misc & SWITCH_OUT), pid, tid, cpu)
            elif kind == CGROUP:
                ident, = struct.unpack_from("=Q", body)
                path = body[8:-TRAILER].split(b"\0")[0].decode(errors="replace")
                yield struct.unpack_from("=Q", body, len(body) - 16)[0], kind, (ident, path)
            elif kind == LOST:
                yield struct.unpack_from("=Q", body, len(body) - 16)[0], kind, struct.unpack_from("=QQ", body)

    def _take(self, time, kind, fields, current):
        if kind == SAMPLE:
            pid, program, cgroup = fields
            if pid in self.last and not self.last[pid].end:
                self.last[pid].end = time
            self.last[pid] = run = Exec(time, pid, program, cgroup)
            self.execs.append(run)
        elif kind == FORK:
            pid, parent, tid, _ = fields
            if pid == tid:
                self.parent[pid] = parent
                self.forks.append((time, pid, parent))
        elif kind == EXIT:
            pid, _, tid, _ = fields
            if pid == tid and pid in self.last and not self.last[pid].end:
                self.last[pid].end = time
        elif kind == CGROUP:
            self.cgroups[fields[0]] = fields[1]
        elif kind == LOST:
            self.lost += fields[1]
        elif kind == SWITCH_CPU_WIDE:
            self.has_switches = True
            out, pid, tid, cpu = fields
            if not out:
                current[cpu] = (time, pid, tid)
            elif cpu in current and current[cpu][2] == tid:
                self.running[pid].append((current[cpu][0], time))

    # Asking -----------------------------------------------------------------

    def between(self, start, end):
        return [run for run in self.execs if start <= run.time <= end]

    def execs_until(self, end):
        return len(self.between(self.t0, end))

    def outside(self, end, own_units):
        """What was executed outside the cgroups of services that are neither
        systemd's nor ours; agetty's unit is systemd's."""
        return [run for run in self.between(self.t0, end) if self.is_own(run.cgroup, own_units)]

    @staticmethod
    def is_own(cgroup, own_units):
        unit = os.path.basename(cgroup)
        if not unit.endswith((".service", ".socket", ".mount", ".swap")):
            return True
        name, at, rest = unit.partition("@")
        template = f"{name}@.{rest.rpartition('.')[2]}" if at else unit
        return unit in own_units or template in own_units or unit.startswith(("systemd-", "rouse"))

    def cpu_between(self, start, end):
        """ns on the processor by pid; pid 0 is the idle loop."""
        used = collections.Counter()
        for pid, spans in self.running.items():
            total = sum(max(0, min(b, end) - max(a, start)) for a, b in spans)
            if total:
                used[pid] = total
        return used

    def name(self, pid, names):
        run = self.last.get(pid)
        if run or pid in names or pid not in self.parent:
            return os.path.basename(run.program) if run else names.get(pid, "")
        return self.name(self.parent[pid], names) + "'"      # never executed anything: its parent's fork


def milliseconds(ns):
    return f"{ns / 1e6:.2f}"


def show(result, own_units, write):
    """The time-line of one boot, and where its time went."""
    trace, marks = result.trace, result.marks
    if not trace:
        write("no record of execs (the kernel refused perf events)\n")
        return
    ready, t0 = marks["ready"], marks["t0"]
    names = {pid: name for pid, name, _, _ in result.processes}
    names[result.counts.get("probe")] = "(the probe)"
    events = [(run.time, run) for run in trace.execs]
    events += [(when, name) for name, when in marks.items() if when > t0 - 1 and not name.startswith("k")]
    events.sort(key=lambda event: event[0])
    write(f"{'ms':>9} {'lasted':>9} {'cpu':>8} {'pid':>5} {'by':<20} program · cgroup\n")
    for when, event in events:
        at = milliseconds(when - t0)
        if isinstance(event, str):
            write(f"{at:>9} {'──':>9} {event}\n")
            continue
        lasted = milliseconds(event.end - event.time) if event.end else "stays"
        cpu = milliseconds(event.cpu) if trace.has_switches else ""
        parent = trace.parent.get(event.pid, 0)
        by = f"{parent} {trace.name(parent, names)}" if parent else ""
        write(f"{at:>9} {lasted:>9} {cpu:>8} {event.pid:>5} {by[:20]:<20} {event.program} · {event.cgroup}\n")
    if trace.lost:
        write(f"\n{trace.lost} records were lost: the ring is too small\n")
    if trace.has_switches:
        show_cpu(trace, t0, ready, names, write)
    outside = trace.outside(ready, own_units)
    write(f"\n{trace.execs_until(ready)} programs executed until ready; outside the cgroups of services that are "
          f"neither systemd's nor ours: {len(outside)}\n")
    for run in outside:
        write(f"{milliseconds(run.time - t0):>9} {run.program} · {run.cgroup}\n")


def show_cpu(trace, t0, ready, names, write):
    used = trace.cpu_between(t0, ready)
    idle = used.pop(0, 0)
    write(f"\nThe processor from t0 until ready ({milliseconds(ready - t0)} ms): "
          f"idle {milliseconds(idle)}, and\n")
    for pid, ns in used.most_common(40):
        programs = [os.path.basename(run.program) for run in trace.execs if run.pid == pid]
        what = " → ".join(programs) or names.get(pid)
        if not what:
            what = f"({trace.name(pid, names) or 'kernel'})"
        write(f"{milliseconds(ns):>9} {pid:>5} {what}\n")
