"""One measured boot: QEMU as the clock wants it, and what the probe said."""
import calendar
import dataclasses
import os
import re
import time

import qemu
import timeline

PM_TICKS = 3579545                  # a second's, of the ACPI timer
PM_WRAP = 1 << 24
BASE = "2026-01-01T00:00:00"
PRIME_BASE = "2025-12-31T00:00:00"  # so that a measured boot is never before the priming one
METRICS = ("kernel_to_initrd", "initrd_to_init", "init_to_ready", "init_to_login", "poweroff", "pss_kib",
           "forks", "execs")


class Failed(Exception):
    pass


class BenchGuest(qemu.Guest):
    """No network card, one processor, the console to a file, the debug port
    for the probe; at power-off QEMU stops and stays, so that its clock can be
    read."""

    def __init__(self, machine, clock, base=BASE, **options):
        super().__init__(machine, nic=False, **options)
        self.clock, self.base = clock, base
        self.marks_path = os.path.join(self.work, "marks")
        self.debugcon = self.marks_path

    def command(self, far):
        argv = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "tcg",
                "-cpu", "qemu64,+rdrand", "-smp", str(self.smp), "-kernel", self.machine.kernel.image,
                "-initrd", self.machine.initramfs, "-append", self.kernel_arguments(), "-no-reboot",
                "-action", "shutdown=pause"]
        argv += self._exact() if self.clock == "exact" else self._plain()
        argv += ["-chardev", f"file,id=console,path={self.console_path}", "-serial", "chardev:console",
                 "-chardev", f"socket,id=qmp,fd={far['qmp'].fileno()}", "-mon", "chardev=qmp,mode=control",
                 "-chardev", f"file,id=debugcon,path={self.debugcon}", "-device", "isa-debugcon,chardev=debugcon"]
        return argv + self.arguments

    def _exact(self):
        argv = ["-icount", "shift=1,sleep=off", "-rtc", f"clock=vm,base={self.base}", "-seed", "1",
                "-M", "pc,nvdimm=on", "-m", f"{self.mem},slots=4,maxmem=8G"]
        for number, path in enumerate((self.root, self.srv)):
            argv += ["-object", f"memory-backend-file,id=m{number},share=off,mem-path={path},"
                     f"size={os.path.getsize(path)}", "-device", f"nvdimm,id=n{number},memdev=m{number}"]
        return argv

    def _plain(self):
        argv = ["-M", "pc", "-m", str(self.mem), "-rtc", f"base={self.base}"]
        snapshot = "off" if self.writable else "on"
        for number, path in enumerate((self.root, self.srv)):
            argv += ["-drive", f"file={path},if=none,id=d{number},format=raw,snapshot={snapshot},cache=unsafe",
                     "-device", f"virtio-blk-pci,drive=d{number},serial=disk{number}"]
        return argv

    def wait_stop(self, timeout):
        """Waits until the machine has switched itself off."""
        self._await("qmp", rb'^\{.*"event": "(SHUTDOWN|RESET|GUEST_PANICKED)".*\n', timeout, "the power-off")

    def pm_timer(self):
        """Of a machine that stands still."""
        for _ in range(1000):
            if not self.qmp("query-status")["running"]:
                break
            time.sleep(0.01)
        return int(re.search(r"= 0x([0-9a-f]+)", self.hmp("i /w 0x608"))[1], 16) % PM_WRAP

    def seconds_on(self):
        """By the real-time clock, which nobody sets in these guests."""
        now = self.qmp("qom-get", path="/machine", property="rtc-time")
        then = calendar.timegm(time.strptime(self.base, "%Y-%m-%dT%H:%M:%S"))
        return calendar.timegm((now["tm_year"] + 1900, now["tm_mon"] + 1, now["tm_mday"], now["tm_hour"],
                                now["tm_min"], now["tm_sec"])) - then

    def marks(self):
        with open(self.marks_path, "rb") as file:
            return file.read()


@dataclasses.dataclass
class Result:
    """What one boot said; times in ns of the guest's clock."""
    marks: dict
    counts: dict
    missing: list
    processes: list                 # (pid, name, pss, program)
    rings: list
    notes: list
    poweroff: float | None = None   # seconds
    trace: object = None

    def seconds(self, start, end):
        if start not in self.marks or end not in self.marks:
            return None
        return (self.marks[end] - self.marks[start]) / 1e9

    def metrics(self, system):
        return {
            "kernel_to_initrd": self.seconds("kernel-start", "run-init"),
            "initrd_to_init": self.seconds("run-init", "wrapper"),
            "init_to_ready": self.seconds("t0", "ready") if not self.missing_services() else None,
            "init_to_login": self.seconds("t0", "login"),
            "poweroff": self.poweroff,
            "pss_kib": self.pss(system),
            "forks": self.counts.get("forks"),
            "execs": self.trace.execs_until(self.marks["ready"]) if self.trace else None,
        }

    def missing_services(self):
        return [name for name in self.missing if name not in ("login", "perf")]

    def stack(self, system):
        return [process for process in self.processes if process[1].startswith(system.stack)]

    def pss(self, system):
        return sum(pss for _, _, pss, _ in self.stack(system))


def parse(data):
    """The probe's lines, and the rings between them."""
    result = Result({}, {}, [], [], [], [])
    at = 0
    while (end := data.find(b"\n", at)) >= 0:
        words = data[at:end].decode(errors="replace").split()
        at = end + 1
        if not words:
            continue
        if words[0] == "mark":
            result.marks[words[1]] = int(words[2])
        elif words[0] == "count":
            result.counts[words[1]] = int(words[2])
        elif words[0] == "missing":
            result.missing.append(words[1])
        elif words[0] == "process":
            result.processes.append((int(words[1]), words[2], int(words[3]), (words + [""])[4]))
        elif words[0] == "perf":
            size = int(words[2])
            result.rings.append(data[at:at + size])
            at += size
        elif words[0] == "off":
            result.marks["off"], result.counts["off-timer"] = int(words[1]), int(words[2]) % PM_WRAP
        elif words[0] != "end":
            result.notes.append(" ".join(words))
    marks = result.marks
    if "kernel-start" in marks and marks.get("kmsg-run-init", -1) > 0:
        marks["run-init"] = marks["kernel-start"] + marks["kmsg-run-init"]
    if result.rings:
        result.trace = timeline.Trace(result.rings, marks.get("t0", 0))
    return result


def boot(machine, system, clock, append="", base=BASE, writable=False, timeout=300, keep=None):
    """Boots, waits for the end, returns what the probe said. keep: a file for
    the console's text."""
    words = f"bench.init={system.init} bench.poweroff={int(system.poweroff)} {append}".strip()
    with BenchGuest(machine, clock, base, append=words, writable=writable, quiet=True) as guest:
        guest.boot()
        problem = None
        try:
            guest.wait_stop(timeout)
            timer = guest.pm_timer()
        except (qemu.Timeout, qemu.Ended) as error:
            problem, timer = str(error), None
        result = parse(guest.marks())
        if keep:
            with open(keep, "w") as file:
                file.write(guest.console_text())
        if problem or "t0" not in result.marks or not result.counts.get("off-timer"):
            raise Failed(f"{system.name}: {problem or 'the machine went off before the probe was done'}; "
                         f"marks: {result.marks}; missing: {result.missing}; the console's end:\n{guest.tail(30)}")
        result.poweroff = since_off(result, timer, guest)
        if writable:
            for name, path in (("root.img", guest.root), ("srv.img", guest.srv)):
                os.replace(path, os.path.join(os.path.dirname(machine.root), name))
        return result


def since_off(result, timer, guest):
    """Seconds from the probe's last mark until the machine stood still. The
    ACPI timer wraps each 4.7 s; the machine's real-time clock, which knows
    whole seconds since power-on, tells how often it did."""
    period = PM_WRAP / PM_TICKS
    mono = result.marks["off"] / 1e9
    off = mono + (result.counts["off-timer"] / PM_TICKS - mono) % period     # since power-on
    end = off + (timer / PM_TICKS - off) % period
    wraps = round((guest.seconds_on() + 0.5 - end) / period)
    return end + max(0, wraps) * period - off
