#!/usr/bin/env python3
"""PID 1 itself, in namespaces: it boots, runs, says what is wrong, and ends."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pid1_ns  # noqa: E402
from pid1_ns import Machine, Tap  # noqa: E402

tap = Tap()
ok = tap.ok


def service(lines, unit=""):
    return f"[Unit]\n{unit}\n[Service]\n{lines}\n"


def target(*wants):
    return f"[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\nWants={' '.join(wants)}\n"


# ---- a boot with services of each type ----

def units_of_types(m):
    m.unit("default.target", target("simple.service", "once.service", "forking.service", "many.target"))
    m.unit("simple.service", service("ExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0"))
    m.unit("once.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStart=/bin/touch /run/once"))
    m.unit("forking.service", service(
        "Type=forking\nPIDFile=/run/forking.pid\n"
        "ExecStart=/bin/sh -c 'sleep 1000 & echo $! >/run/forking.pid'"))
    m.unit("late.service", service("Type=notify\nExecStart=/usr/sbin/service ready"))
    m.unit("after-late.service", service("ExecStart=/bin/sleep 1000", "Requires=late.service\nAfter=late.service"))
    m.unit("echo.socket", "[Socket]\nListenStream=/run/echo\nFileDescriptorName=door\n")
    m.unit("echo.service", service("ExecStart=/usr/sbin/service listen"))
    m.unit("orphans.service", service(
        "Type=oneshot\nRemainAfterExit=yes\nKillMode=process\n"
        "ExecStart=/bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do (cat /run/orphans & echo $! >>/run/orphan-pids) & done; wait'"))
    for i in range(200):
        m.unit(f"many-{i}.service", service("ExecStart=/bin/sleep 1000", "Before=many.target"))
    m.unit("many.target", "[Unit]\nRequires=" + " ".join(f"many-{i}.service" for i in range(200)) + "\n")


def running(m):
    ok(m.booted(90), "the default target is reached", m.log[-3000:])
    ok(m.ctl("is-active", "default.target").returncode == 0, "default.target is active", m.log[-3000:])
    ok(m.is_state("simple.service", "active"), "a simple service runs")
    ok(os.path.exists(m.path("run/once")), "the oneshot's second command ran")
    ok(m.show("once.service", "SubState")["SubState"] == "exited", "the oneshot remains, exited")
    pid = m.text("run/forking.pid").strip()
    ok(m.show("forking.service", "MainPID", "SubState") == {"MainPID": pid, "SubState": "running"},
       "the forking service's main process is the PID file's", m.show("forking.service", "MainPID", "SubState"))


def many_services(m):
    ok(m.ctl("is-active", "many.target").returncode == 0, "200 services at once")
    states = {line.split()[0]: line.split()[3] for line in
              m.ctl("list-units", "--plain", "--no-legend").stdout.splitlines() if line.startswith("many-")}
    ok(len(states) == 200 and set(states.values()) == {"running"}, "all of them run", states)


def restarting(m):
    before = m.show("simple.service", "MainPID")["MainPID"]
    ok(m.ctl("kill", "-s", "KILL", "simple.service").returncode == 0, "kill")
    again = m.wait(lambda: m.show("simple.service", "MainPID")["MainPID"] not in (before, "0"))
    ok(again and m.show("simple.service", "NRestarts")["NRestarts"] == "1", "Restart=always: another process, counted",
       m.show("simple.service", "MainPID", "NRestarts"))


def notifying(m):
    os.mkfifo(m.path("run/go"))
    m.ctl("start", "--no-block", "after-late.service")
    ok(m.is_state("late.service", "activating"), "Type=notify: activating until it says READY=1")
    jobs = m.ctl("list-jobs", "--no-legend").stdout
    ok("late.service start running" in " ".join(jobs.split()) and "after-late.service start waiting" in " ".join(jobs.split()),
       "list-jobs: one runs, one waits", jobs)
    with open(m.path("run/go"), "w") as f:
        f.write("go")
    ok(m.is_state("after-late.service", "active"), "what comes after it starts then")
    ok(m.show("late.service", "StatusText")["StatusText"] == "at your service", "STATUS= is shown")


def activation(m):
    ok(m.ctl("start", "echo.socket").returncode == 0, "a socket listens")
    ok(m.ctl("is-active", "echo.service").stdout.strip() == "inactive", "its service does not run yet")
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(pid1_ns.BOUND)
        s.connect(m.path("run/echo"))
        got = s.recv(100).decode()
    ok(got == "fds=1 names=door\n", "a connection starts it, with LISTEN_FDS and LISTEN_FDNAMES", got)
    ok(m.ctl("is-active", "echo.service").returncode == 0, "it is active")


def zombies(m):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as f:
                state, parent = f.read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) == m.pid:
            found.append(pid)
    return found


def orphans(m):
    os.mkfifo(m.path("run/orphans"))
    ok(m.ctl("start", "orphans.service").returncode == 0, "a service that leaves eight orphans")
    with open(m.path("run/orphans"), "w"):
        pass
    ok(m.wait(lambda: not zombies(m)), "they end, and are reaped", zombies(m))


def stopping(m):
    m.ctl("stop", "simple.service")
    got = m.show("simple.service", "ActiveState", "MainPID", "Result")
    ok(got == {"ActiveState": "inactive", "MainPID": "0", "Result": "success"}, "stop: inactive, and not restarted", got)
    ok(m.ctl("start", "simple.service").returncode == 0 and m.is_state("simple.service", "active"), "start again")
    ok("Active: active (running)" in m.ctl("status", "simple.service").stdout, "status")


def power_off(m, kind):
    m.ctl("poweroff")
    ok(m.ended(60), f"power-off ends PID 1 ({kind})", m.log[-3000:])
    ok(m.process.wait() == -2, "by rouse-shutdown, as a power-off", f"{m.process.returncode}\n{m.console[-2000:]}")
    ok(not m.reports(), "no report of a sanitizer", m.reports()[-6000:])


def boot_of_types(cgroups):
    m = Machine("cgroups" if cgroups else "plain", cgroups)
    try:
        units_of_types(m)
        m.start()
        for part in (running, many_services, restarting, notifying, activation, orphans, stopping):
            part(m)
        power_off(m, "with cgroups" if m.cgroup else "without cgroups")
    except (pid1_ns.Ended, OSError, KeyError) as error:
        ok(False, f"went on: {error!r}", m.log[-4000:] + m.reports())
    finally:
        m.close()


pid1_ns.enclose(400)
if os.environ["PID1_CGROUP"]:
    boot_of_types(True)
boot_of_types(False)
tap.done()
