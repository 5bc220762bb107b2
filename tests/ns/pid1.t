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
    m.feed("run/go")
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
    ok(m.is_state("echo.service", "active"), "it is active", m.said(".*echo.*"))


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
    m.feed("run/orphans")
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


# ---- a boot with all that can be wrong in unit files and fstab ----

def bad_units(m):
    m.unit("default.target", target("rubbish.service", "unknown.service", "missing.service", "again.service", "ring-a.service",
                                    "half.service", "good.service"))
    m.unit("rubbish.service", "[Unit]\nDescription=x\n[Service]\n\x01\x02 no assignment\nType=nonsense\nExecStart=/bin/sleep 1000\n")
    m.unit("half.service", "[Unit\n[Service]\nExecStart=/bin/sleep 1000\n=\n")
    m.unit("unknown.service", service("FlyToTheMoon=yes\nExecStart=/bin/sleep 1000"))
    m.unit("missing.service", service("ExecStart=/nowhere/program\nType=exec"))
    m.unit("again.service", service("ExecStart=/bin/false\nRestart=always\nRestartSec=0",
                                    "StartLimitBurst=3\nStartLimitIntervalSec=60\nOnFailure=alarm.service"))
    m.unit("alarm.service", service("Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true"))
    for a, b in ("ab", "bc", "ca"):
        m.unit(f"ring-{a}.service", service("ExecStart=/bin/sleep 1000", f"Wants=ring-{b}.service\nAfter=ring-{b}.service"))
    m.unit("good.service", service("ExecStart=/bin/sleep 1000"))
    m.unit("emergency.service", service("ExecStart=/bin/sleep 1000", "DefaultDependencies=no"))
    m.unit("emergency.target", "[Unit]\nDefaultDependencies=no\nAllowIsolate=yes\nRequires=emergency.service\n")


def what_is_said(m):
    ok(m.booted(90), "with all that, the boot ends", m.log[-3000:])
    for name in ("good", "unknown", "ring-a", "ring-b", "ring-c"):
        ok(m.is_state(f"{name}.service", "active"), f"{name}.service runs")
    for file, line in (("rubbish.service", 4), ("rubbish.service", 5), ("half.service", 1), ("half.service", 4)):
        ok(m.said(rf"/etc/systemd/system/{file}:{line}\b"), f"{file}:{line} is named", m.said(rf".*{file}.*"))
    ok(m.said(r"unknown\.service:4.*FlyToTheMoon"), "an unknown directive is named", m.said(".*FlyToTheMoon.*"))
    ring = m.said(r"Ordering cycle: (.*)")
    ok(len(ring) == 1 and all(f"ring-{x}.service →" in ring[0] for x in "abc") and "dropped: ring-" in ring[0],
       "the cycle is named once, with what was dropped", ring)


def what_fails(m):
    ok(m.is_state("missing.service", "failed"), "a missing executable: failed")
    ok(m.show("missing.service", "ExecMainStatus").get("ExecMainStatus") == "203", "203",
       m.show("missing.service", "ExecMainStatus", "ExecMainCode"))
    ok(m.said("missing.service: .*/nowhere/program.*EXEC"), "said with its path", m.said(".*missing.service.*"))
    ok(m.is_state("again.service", "failed"), "a service that ends at once: failed in the end")
    ok(m.show("again.service", "Result", "NRestarts").get("Result") == "start-limit-hit", "by the start limit",
       m.show("again.service", "Result", "NRestarts"))
    ok(m.is_state("alarm.service", "active"), "which starts OnFailure=")
    ok(m.said("again.service: Start request repeated too quickly"), "and is said")


def boot_of_errors():
    m = Machine("errors", container=False)
    bad_units(m)
    m.file("etc/fstab", "/dev/optional /mnt ext4 nofail,x-systemd.device-timeout=1 0 0\n")
    try:
        m.start()
        what_is_said(m)
        what_fails(m)
        ok(m.says(r"Timed out waiting for .*optional"), "a missing device with nofail is named, and does not hold the boot", m.said(".*optional.*"))
        power_off(m, "after errors")
    except (pid1_ns.Ended, OSError, KeyError) as error:
        ok(False, f"went on: {error!r}", m.log[-4000:] + m.reports())
    finally:
        m.close()


def boot_of_missing_device():
    m = Machine("device", container=False)
    bad_units(m)
    m.unit("default.target", target("good.service"))
    m.unit("local-fs.target", "[Unit]\nDefaultDependencies=no\nOnFailure=emergency.target\nOnFailureJobMode=replace-irreversibly\n")
    m.file("etc/fstab", "/dev/needed /srv ext4 x-systemd.device-timeout=2 0 0\n")
    try:
        m.start()
        ok(m.says(r"Timed out waiting for .*needed"), "a missing device is waited for as long as fstab says", m.log[-3000:])
        ok(m.is_state("emergency.service", "active"), "without nofail: the emergency target", m.log[-3000:])
        ok(m.ctl("is-active", "srv.mount").stdout.strip() == "inactive", "the mount is not there")
        power_off(m, "in emergency")
    except (pid1_ns.Ended, OSError, KeyError) as error:
        ok(False, f"went on: {error!r}", m.log[-4000:] + m.reports())
    finally:
        m.close()


pid1_ns.enclose(280)
if os.environ["PID1_CGROUP"]:
    boot_of_types(True)
boot_of_types(False)
boot_of_errors()
boot_of_missing_device()
tap.done()
