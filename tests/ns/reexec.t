#!/usr/bin/env python3
"""PID 1 executes itself anew, when asked and after crashes, and nothing that runs notices."""
import os
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pid1_ns  # noqa: E402
from pid1_ns import Machine, Tap  # noqa: E402

pid1_ns.SANITIZER = pid1_ns.SANITIZER.replace("handle_segv=2", "handle_segv=0")     # PID 1's own handler is asked

tap = Tap()
ok = tap.ok
KEYS = ("Id", "ActiveState", "SubState", "MainPID", "InvocationID", "ActiveEnterTimestampMonotonic", "NRestarts",
        "StatusText", "Job", "Result")


def service(lines, unit=""):
    return f"[Unit]\n{unit}\n[Service]\n{lines}\n"


def units(m):
    m.unit("default.target", "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n"
                             "Wants=simple.service once.service store.service dog.service echo.socket door.socket\n")
    m.unit("simple.service", service("ExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0"))
    m.unit("once.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true"))
    m.unit("store.service", service("Type=notify\nFileDescriptorStoreMax=4\nNotifyAccess=all\nWatchdogSec=1000\n"
                                    "ExecStart=/usr/sbin/service store"))
    m.unit("echo.socket", "[Socket]\nListenStream=/run/echo\nFileDescriptorName=door\n")
    m.unit("echo.service", service("ExecStart=/usr/sbin/service listen"))
    m.unit("door.socket", "[Socket]\nListenStream=/run/door\nAccept=yes\n")
    m.unit("door@.service", service("ExecStart=/bin/cat\nStandardInput=socket\nStandardOutput=socket"))
    m.unit("slow.service", service("Type=oneshot\nRemainAfterExit=yes\n"
                                   "ExecStart=/bin/cat /run/slow\nExecStart=/bin/touch /run/second"))
    m.unit("after.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true", "After=slow.service"))
    m.unit("tick.timer", "[Timer]\nOnActiveSec=1h\nOnCalendar=2040-01-01\nUnit=once.service\n")
    m.unit("look.path", "[Path]\nPathExists=/run/look\nUnit=looked.service\n")
    m.unit("looked.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true"))
    for x in "ab":
        m.unit(f"mnt-{x}.mount", f"[Mount]\nWhat=tmpfs\nWhere=/mnt/{x}\nType=tmpfs\n")
        m.unit(f"mnt-{x}.automount", f"[Automount]\nWhere=/mnt/{x}\n")
    m.unit("dog.service", service("Type=notify\nWatchdogSec=3\nExecStart=/usr/bin/python3 -c 'import os, socket, time\\nwith "
                                  "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:\\n s.connect(os.environ[\"NOTIFY_SOCKET\"])\\n"
                                  " s.send(b\"READY=1\")\\n while True:\\n  s.send(b\"WATCHDOG=1\")\\n  time.sleep(1)'"))
    m.unit("alone.service", service("PrivateNetwork=yes\nExecStart=/bin/sleep 1000"))
    m.unit("failed.service", service("Type=oneshot\nExecStart=/bin/false"))
    m.unit("loop-a.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true", "After=loop-b.service"))
    m.unit("loop-b.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true", "After=loop-a.service"))


def states(m):
    names = [line.split()[0] for line in m.ctl("list-units", "--all", "--plain", "--no-legend").stdout.splitlines()]
    text = m.ctl("show", *[f"-p{key}" for key in KEYS], *names).stdout
    return sorted(block for block in text.split("\n\n") if "ActiveState" in block)


def others(m):
    """What else is to stay."""
    return (m.ctl("show-environment").stdout, m.ctl("list-jobs", "--no-legend").stdout,
            m.ctl("list-timers", "--no-legend").stdout.split()[:4], m.ctl("get-default").stdout)


def descriptors(m):
    """Without those of whoever asks at the moment, the console, which is open once something was said there, and the list
    of mounts, once a path was asked about."""
    found = []
    for fd in os.listdir(f"/proc/{m.pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{m.pid}/fd/{fd}").split(":")[0])
        except FileNotFoundError:   # closed meanwhile
            pass
    return sorted(f for f in found if not f.endswith(("/dev/console", "/mountinfo")))


def executed(m):
    with open(f"/proc/{m.pid}/cmdline") as f:
        return f.read().split("\0")


def talk(m, path, text=b""):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(pid1_ns.BOUND)
        s.connect(m.path(path))
        s.sendall(text)
        return s.recv(100).decode()


def client(m, *args):
    return subprocess.Popen(["nsenter", "-t", str(m.pid), "-m", "-r", "-w", "-p", "/usr/sbin/rousectl", *args],
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def inside(m, *command):
    return subprocess.run(["timeout", "30", "nsenter", "-t", str(m.pid), "-m", "-r", "-w", "-p", *command]).returncode


def unchanged(m, before, what):
    after = states(m)
    changed = [f"{a}\n--- now ---\n{b}" for a, b in zip(before[0], after) if a != b]
    ok(len(before[0]) == len(after) and not changed, f"{what}: every unit is as it was, processes, times and all",
       "\n".join(changed) or f"{len(before[0])} units, now {len(after)}\n{set(before[0]) ^ set(after)}")
    now = others(m)
    ok(now == before[1], f"{what}: jobs, timers, environment too", f"{before[1]}\n{now}")


def crash(m, number):
    said = len(m.said("Executed anew"))
    os.kill(m.pid, signal.SIGSEGV)
    ok(m.wait(lambda: len(m.said("Executed anew")) > said), f"crash {number}: it begins anew", m.log[-3000:])


def begin(m):
    units(m)
    m.start("quiet systemd.default_standard_error=null")
    ok(m.booted(90), "boot", m.log[-3000:])
    os.mkfifo(m.path("run/slow"))
    m.ctl("start", "tick.timer", "look.path")
    m.ctl("start", "failed.service")
    m.automounts = m.ctl("start", "mnt-a.automount", "mnt-b.automount").returncode == 0
    if m.automounts:
        ok(inside(m, "touch", "/mnt/b/before") == 0 and m.is_state("mnt-b.mount", "active"), "an automount that is mounted")
    m.scope = m.cgroup and client(m, "run", "--scope", "-q", "-u", "live", "sleep", "1000")
    if m.scope:
        ok(m.is_state("live.scope", "active"), "a scope")
    m.ctl("start", "loop-a.service", "loop-b.service")
    m.ctl("set-environment", "KEPT=one\ttwo \\ three")
    waiting = [client(m, "start", "slow.service")]
    m.is_state("slow.service", "activating")
    waiting.append(client(m, "start", "after.service"))
    ok(m.wait(lambda: m.ctl("list-jobs", "--no-legend").stdout.count("start") == 2), "two jobs, one waits for the other",
       m.ctl("list-jobs").stdout)
    ok(m.is_state("store.service", "active"), "a service with descriptors in the store")
    return waiting


def anew(m, waiting):
    before = (states(m), others(m))
    fds = min((descriptors(m) for _ in range(100)), key=len)   # the last client may not be gone yet
    ok(m.ctl("daemon-reexec").returncode == 0, "daemon-reexec")
    ok(m.wait(lambda: executed(m)[1:2] == ["--state"]), "PID 1 has executed itself", executed(m))
    ok(executed(m)[5:7] == ["quiet", "systemd.default_standard_error=null"], "the options of a container go along", executed(m))
    ok(m.ctl("show", "-pDefaultStandardError").stdout == "DefaultStandardError=null\n", "and count still",
       m.ctl("show", "-pDefaultStandardError").stdout)
    unchanged(m, before, "daemon-reexec")
    ok(m.wait(lambda: descriptors(m) == fds), "no descriptor is lost or left", f"{fds}\n{descriptors(m)}")
    ok(not m.said("is not known; left out"), "all that was written is read", m.said(".*is not known.*"))
    began, dog = time.monotonic(), m.show("dog.service", "MainPID")
    m.wait(lambda: time.monotonic() > began + 3.2)          # beyond the limit of its watchdog as it was just written
    for number in range(1, 6):
        crash(m, number)
        unchanged(m, before, f"crash {number}")
    ok(m.wait(lambda: descriptors(m) == fds), "after five crashes: no descriptor is lost or left", f"{fds}\n{descriptors(m)}")
    ok(m.show("dog.service", "MainPID") == dog and not m.said("dog.service: Watchdog"), "signs of life count on", m.said("dog.*"))
    ok(all(w.poll() is None for w in waiting), "clients still wait for their jobs")


def goes_on(m, waiting):
    m.feed("run/slow")
    ok([w.wait(pid1_ns.BOUND) for w in waiting] == [0, 0], "jobs under way end, and their clients are told")
    ok(os.path.exists(m.path("run/second")) and m.is_state("after.service", "active"),
       "the next command of the one has run, and the other one after it")
    ok(talk(m, "run/echo") == "fds=1 names=door\n", "a socket still starts its service")
    ok(talk(m, "run/door", b"hello") == "hello", "and one with Accept= an instance")
    open(m.path("run/look"), "w").close()
    ok(m.is_state("looked.service", "active"), "a path unit still looks")
    before = m.show("simple.service", "MainPID")["MainPID"]
    m.ctl("kill", "-s", "KILL", "simple.service")
    ok(m.wait(lambda: m.show("simple.service", "MainPID")["MainPID"] not in (before, "0")), "what dies is started again")
    m.ctl("restart", "store.service")
    ok(m.show("store.service", "StatusText")["StatusText"] == "stored=2 first second", "the fd store was kept",
       m.show("store.service", "StatusText"))
    if m.automounts:
        ok(inside(m, "touch", "/mnt/a/after") == 0 and m.is_state("mnt-a.mount", "active"), "an automount still waits for who comes")
        ok(inside(m, "test", "-e", "/mnt/b/before") == 0 and m.ctl("stop", "mnt-b.mount").returncode == 0 and
           inside(m, "touch", "/mnt/b/again") == 0 and m.is_state("mnt-b.mount", "active"), "one that was mounted does so again")
        m.ctl("stop", "mnt-a.automount", "mnt-b.automount", "mnt-a.mount", "mnt-b.mount")
    if m.scope:
        m.ctl("kill", "live.scope")
        ok(m.wait(lambda: m.show("live.scope", "LoadState") == {"LoadState": "not-found"}), "a scope is seen to end",
           m.show("live.scope", "SubState"))
    m.ctl("start", "alone.service")
    os.rename(m.path("usr/sbin/rouse"), m.path("usr/sbin/rouse.old"))
    subprocess.run(["cp", m.path("usr/sbin/rouse.old"), m.path("usr/sbin/rouse")], check=True)
    m.ctl("daemon-reexec")
    ok(m.wait(lambda: os.readlink(f"/proc/{m.pid}/exe").endswith("sbin/rouse")), "an upgrade: the new file is executed",
       os.readlink(f"/proc/{m.pid}/exe"))
    kept = os.listdir(m.path("run/rouse/ns"))
    m.ctl("stop", "alone.service")
    ok(kept and m.wait(lambda: not os.listdir(m.path("run/rouse/ns"))), "a private network goes with its service", kept)
    os.unlink(m.path("usr/sbin/rouse"))
    m.file("usr/sbin/rouse", "no program\n")
    os.chmod(m.path("usr/sbin/rouse"), 0o755)
    said = len(m.said("Executed anew"))
    m.ctl("daemon-reexec")
    ok(m.wait(lambda: len(m.said("Executed anew")) > said) and m.is_state("store.service", "active"),
       "a file that cannot be executed: the old program goes on", m.log[-1500:])
    m.ctl("stop", "store.service")
    ok(m.is_state("store.service", "inactive"), "and stops what it is asked to")


def enough(m):
    pids = m.show("simple.service", "MainPID")["MainPID"]
    os.kill(m.pid, signal.SIGSEGV)
    ok(m.says("one crash too many"), "the sixth crash in ten minutes is the last", m.log[-1500:])
    ok(m.wait(lambda: "shell is on the console" in m.console + m.log), "a shell on the console is what is left")
    inside = subprocess.run(["nsenter", "-t", str(m.pid), "-p", "-m", "-r", "/bin/kill", "-0", pids])
    ok(inside.returncode == 0, "services run on")


def run(cgroups):
    m = Machine("cgroups" if cgroups else "plain", cgroups)
    try:
        waiting = begin(m)
        anew(m, waiting)
        goes_on(m, waiting)
        enough(m)
        ok(not m.reports(), "no report of a sanitizer", m.reports()[-6000:])
    except (pid1_ns.Ended, OSError, KeyError, subprocess.TimeoutExpired) as error:
        ok(False, f"went on: {error!r}", m.log[-4000:] + m.reports())
    finally:
        m.close()


pid1_ns.enclose(280)
run(bool(os.environ["PID1_CGROUP"]))
tap.done()
