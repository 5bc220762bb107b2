#!/usr/bin/env python3
"""The bridge to D-Bus: the real PID 1, dbus-daemon and rouse-busd in namespaces.

What it says of itself and of units, jobs and their signals, activation of bus
names, Type=dbus, unit files, transient units, direct connections, and that a
bridge that is killed comes back and loses nothing.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import threading
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pid1_ns

for tool in ("dbus-daemon", "busctl", "dbus-send"):
    if not shutil.which(tool):
        sys.exit(print(f"1..0 # SKIP no {tool} here"))
pid1_ns.PROGRAMS["rouse-busd"] = "usr/lib/rouse"
pid1_ns.enclose(540)

KILLS = int(os.environ.get("KILLS") or 100)
NAME, PATH = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
DBUS_CONF = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>systemd:</listen><servicedir>/etc/dbus-services</servicedir>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy></busconfig>
"""
SERVICE = "[D-BUS Service]\nName={0}\nExec=/bin/false\nUser=root\nSystemdService={1}\n"
OWNER = """#!/usr/bin/python3
# Owns a bus name, speaking just enough of the protocol; gives it back on SIGUSR1. NAME@UNIT: holds the unit as well;
# NAME@: subscribes to the manager.
import os, signal, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/run/dbus/system_bus_socket")
s.sendall(b"\\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\\r\\n")
s.recv(200)
s.sendall(b"BEGIN\\r\\n")
serial = 0
def call(member, signature="", body=b"", to=b"org.freedesktop.DBus", path=b"/org/freedesktop/DBus", of=b"org.freedesktop.DBus"):
    global serial
    serial += 1
    fields = b""
    def field(code, kind, value):
        nonlocal fields
        fields += b"\\0" * (-len(fields) % 8) + bytes([code, 1]) + kind + b"\\0"
        if kind == b"g":
            fields += bytes([len(value)]) + value + b"\\0"
        else:
            fields += b"\\0" * (-len(fields) % 4) + struct.pack("<I", len(value)) + value + b"\\0"
    field(1, b"o", path)
    field(6, b"s", to)
    field(2, b"s", of)
    field(3, b"s", member)
    if signature:
        field(8, b"g", signature)
    head = struct.pack("<4BIII", ord("l"), 1, 0, 1, len(body), serial, len(fields)) + fields
    s.sendall(head + b"\\0" * (-len(head) % 8) + body)
def text(t):
    return struct.pack("<I", len(t)) + t + b"\\0"
call(b"Hello")
name, _, unit = sys.argv[1].encode().partition(b"@")
if b"@" in sys.argv[1].encode() and not unit:
    call(b"Subscribe", to=b"org.freedesktop.systemd1", path=b"/org/freedesktop/systemd1", of=b"org.freedesktop.systemd1.Manager")
if unit:
    call(b"RefUnit", b"s", text(unit), b"org.freedesktop.systemd1", b"/org/freedesktop/systemd1", b"org.freedesktop.systemd1.Manager")
if len(sys.argv) > 2:
    open(sys.argv[2]).read()            # a FIFO: until somebody writes
body = text(name)
call(b"RequestName", b"su", body + b"\\0" * (-len(body) % 4) + struct.pack("<I", 4))
signal.signal(signal.SIGUSR1, lambda *_: call(b"ReleaseName", b"s", text(name)))
while s.recv(65536):
    pass
"""
UNITS = {
    "default.target": "[Unit]\nRequires=basic.target\nAfter=basic.target\nWants=dbus.service sleeper.service last.service\nAllowIsolate=yes\n",
    "dbus.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/dbus/system_bus_socket\n",
    "dbus.service": "[Unit]\nDefaultDependencies=no\nRequires=dbus.socket\n[Service]\nType=notify\n"
                    "ExecStart=/usr/bin/dbus-daemon --config-file=/etc/dbus.conf --address=systemd: --nofork --nopidfile --systemd-activation\n",
    "sleeper.service": "[Unit]\nDescription=It sleeps\nStartLimitIntervalSec=0\nConditionPathExists=/\n"
                       "Documentation=man:sleep(1) https://example.org/\n[Service]\nExecStart=/bin/sleep \"1000\"\n"
                       "ExecReload=/bin/true\nEnvironment=A=1 \"B=two words\"\nSuccessExitStatus=3 TERM\n"
                       "[Install]\nWantedBy=default.target\nAlias=nap.service\n",
    # the boot's end, when a test says so
    "last.service": "[Service]\nType=oneshot\nExecStart=/bin/sh -c 'mkfifo /run/booted; read x </run/booted'\n",
    "bad.service": "[Service]\nType=oneshot\nExecStart=/bin/false\n",
    "unmet.service": "[Unit]\nConditionPathExists=/nowhere\n[Service]\nExecStart=/bin/sleep 1000\n",
    "slow.service": "[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n",
    "owner.service": "[Service]\nType=dbus\nBusName=org.example.Owner\nExecStart=/usr/bin/python3 /usr/sbin/owner org.example.Owner\n",
    "later.service": "[Service]\nType=dbus\nBusName=org.example.Later\n"
                     "ExecStart=/usr/bin/python3 /usr/sbin/owner org.example.Later /run/later\n",
    "reached.service": "[Unit]\nAfter=later.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    "after-slow.service": "[Unit]\nAfter=slow.service\n[Service]\nType=oneshot\nExecStart=/bin/sleep 1000\n",
    "held.service": "[Unit]\nCollectMode=inactive-or-failed\n[Service]\nExecStart=/bin/sleep 1000\n",
    "holder.service": "[Service]\nType=dbus\nBusName=org.example.Holder\n"
                      "ExecStart=/usr/bin/python3 /usr/sbin/owner org.example.Holder@held.service\n",
    "subscriber.service": "[Service]\nType=dbus\nBusName=org.example.Subscriber\n"
                          "ExecStart=/usr/bin/python3 /usr/sbin/owner org.example.Subscriber@\n",
    "told.service": "[Unit]\nCollectMode=inactive-or-failed\n[Service]\nNotifyAccess=all\n"
                    "ExecStart=/bin/sh -c 'systemd-notify --status=half-way; sleep 0.2'\n",
    "dirs.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nStateDirectory=dirs\nCacheDirectory=dirs\nExecStart=/bin/true\n",
    "confined.service": "[Service]\nExecStart=/bin/sleep 1000\nSystemCallFilter=@system-service\nSystemCallFilter=~reboot\n"
                        "RestrictAddressFamilies=AF_UNIX AF_INET\nRestrictNamespaces=yes\nBindReadOnlyPaths=/usr:/mnt\n"
                        "CPUAffinity=0 2-3\nIOSchedulingClass=idle\nSyslogFacility=local0\nSyslogLevel=warning\nSecureBits=keep-caps\n"
                        "MountFlags=slave\nLimitNOFILE=1024:4096\nSystemCallErrorNumber=EPERM\nIOReadBandwidthMax=/dev/null 1M\n"
                        "CapabilityBoundingSet=CAP_CHOWN\nStateDirectory=x\n",
    "active.service": "[Service]\nExecStart=/usr/bin/python3 /usr/sbin/owner org.example.Activated\n",
}
count = failed = 0


def ok(holds, name, detail=""):
    global count, failed
    count += 1
    failed += not holds
    print(f"{'ok' if holds else 'not ok'} {count} - {name}")
    if not holds:
        for line in str(detail).splitlines()[-60:]:
            print("# " + line)
    sys.stdout.flush()


m = pid1_ns.Machine("busd")
for unit, text in UNITS.items():
    m.unit(unit, text)
with open(os.path.join(pid1_ns.HERE, "../../units/rouse-busd.service")) as unit:
    m.unit("rouse-busd.service", unit.read().replace("OOMScoreAdjust", "# not here: "), vendor=True)
m.file("etc/dbus.conf", DBUS_CONF)
m.file("usr/sbin/owner", OWNER)
for name, unit in (("Activated", "active"), ("Nowhere", "nowhere"), ("Bad", "bad"), ("Unmet", "unmet")):
    m.file(f"etc/dbus-services/org.example.{name}.service", SERVICE.format(f"org.example.{name}", f"{unit}.service"))
m.file("etc/dbus-services/org.freedesktop.systemd1.service", SERVICE.format(NAME, "").replace("SystemdService=\n", ""))


def inside(*args, bound=60):
    return subprocess.run(["timeout", "-s", "KILL", str(bound), "nsenter", "-t", str(m.pid), "-m", "-r", "-w", "-p", *args],
                          text=True, capture_output=True, stdin=subprocess.DEVNULL)


def busctl(*args, bound=60):
    done = inside("/usr/bin/busctl", "--timeout=30", *args, bound=bound)
    return (done.stdout + done.stderr).strip()


def call(member, *args):
    return busctl("call", NAME, PATH, f"{NAME}.Manager", member, *args)


def prop(unit, interface, name):
    return busctl("get-property", NAME, f"{PATH}/unit/" + re.sub(r"[^A-Za-z0-9]", lambda c: f"_{ord(c[0]):02x}", unit),
                  f"{NAME}.{interface}", name)


m.start()
ok(m.is_state("dbus.service", "active"), "dbus is up", m.log)
ok(m.is_state("rouse-busd.service", "active"), "the bridge follows by itself", m.log)
if failed:
    m.close()
    sys.exit(print(f"Bail out! no bridge, no test\n1..{count}") or 1)

# the end of the boot
waits = []
if shutil.which("systemctl"):
    waits = [threading.Thread(target=lambda: waits.append(inside("/usr/bin/systemctl", "is-system-running", "--wait").stdout.strip()))]
    waits[0].start()
    m.wait(lambda: "/run/systemd/private" in inside("/bin/cat", "/proc/net/unix").stdout and
           len(re.findall("/run/systemd/private", inside("/bin/cat", "/proc/net/unix").stdout)) > 1)
inside("/bin/sh", "-c", "echo >/run/booted", bound=5)
ok(m.wait(lambda: "running" in busctl("get-property", NAME, PATH, f"{NAME}.Manager", "SystemState")), "the boot ends")
if waits:
    waits[0].join()
    ok(waits[1:] == ["running"], "systemctl is-system-running --wait is told of it", waits)

# what it says of units
ok(f"{PATH}/unit/sleeper_2eservice" in busctl("tree", "--list", NAME), "busctl tree lists the units")
ok(call("GetUnit", "s", "sleeper.service") == f'o "{PATH}/unit/sleeper_2eservice"', "GetUnit")
ok("not loaded" in call("GetUnit", "s", "nosuch.service"), "GetUnit of what is not there")
ok("Invalid unit name" in call("GetUnit", "s", "nosuch"), "GetUnit of what is no name")
for interface, name, value in (
        ("Unit", "ActiveState", 's "active"'), ("Unit", "Names", 'as 1 "sleeper.service"'),
        ("Unit", "Documentation", 'as 2 "man:sleep(1)" "https://example.org/"'), ("Unit", "CanReload", "b true"),
        ("Unit", "Job", '(uo) 0 "/"'), ("Unit", "LoadError", '(ss) "" ""'), ("Service", "Type", 's "simple"'),
        ("Service", "Environment", 'as 2 "A=1" "B=two words"'), ("Service", "SuccessExitStatus", "(aiai) 1 3 1 15"),
        ("Service", "UMask", "u 18"), ("Service", "TimeoutStopUSec", "t 90000000"), ("Service", "TasksMax", None)):
    got = prop("sleeper.service", interface, name)
    ok(got == value if value else got.startswith("t "), f"{interface}.{name}", got)
got = prop("sleeper.service", "Service", "ExecStart")
ok(re.match(r'a\(sasbttttuii\) 1 "/bin/sleep" 2 "/bin/sleep" "1000" false \d+ \d+ 0 0 \d+ 0 0$', got), "ExecStart", got)
pid = prop("sleeper.service", "Service", "MainPID").split()[-1]
ok(call("GetUnitByPID", "u", pid) == f'o "{PATH}/unit/sleeper_2eservice"', "GetUnitByPID")
got = call("GetUnitFileLinks", "sb", "a.service", "false")
ok("does not have GetUnitFileLinks" in got, "what is not there says so", got)
ok("this is no initramfs" in call("SwitchRoot", "ss", "/mnt", ""), "SwitchRoot is for the initramfs", call("SwitchRoot", "ss", "/mnt", ""))
ok("takes the arguments" in call("GetUnit", "u", "1"), "wrong arguments are refused")
ok("Unknown property" in prop("sleeper.service", "Service", "Nonsense") or "has no property" in
   prop("sleeper.service", "Service", "Nonsense"), "unknown properties too")
lines = busctl("introspect", NAME, f"{PATH}/unit/sleeper_2eservice")
ok(len(lines.splitlines()) > 400 and "Failed to" not in lines, "busctl introspect", lines)
listed = call("ListUnits")
ok('"sleeper.service" "It sleeps" "loaded" "active" "running" ""' in listed, "ListUnits", listed[:2000])
ok('"sleeper.service"' in call("ListUnitsByPatterns", "asas", "0", "1", "sleep*") and
   '"bad.service"' not in call("ListUnitsByPatterns", "asas", "0", "1", "sleep*"), "ListUnitsByPatterns")
ok("running" in busctl("get-property", NAME, PATH, f"{NAME}.Manager", "SystemState"), "the manager's properties")
for name, value in (
        ("SystemCallFilter", '(bas) true 1 "@system-service"'), ("RestrictAddressFamilies", '(bas) true 2 "AF_UNIX" "AF_INET"'),
        ("RestrictNamespaces", "t 0"), ("BindReadOnlyPaths", 'a(ssbt) 1 "/usr" "/mnt" false 16384'), ("CPUAffinity", "ay 1 13"),
        ("IOSchedulingClass", "i 3"), ("SyslogFacility", "i 16"), ("SyslogLevel", "i 4"), ("SyslogPriority", "i 132"),
        ("SecureBits", "i 16"), ("MountFlags", "t 524288"), ("LimitNOFILE", "t 4096"), ("LimitNOFILESoft", "t 1024"),
        ("SystemCallErrorNumber", "i 1"), ("IOReadBandwidthMax", 'a(st) 1 "/dev/null" 1000000'), ("CapabilityBoundingSet", "t 1"),
        ("LimitCORESoft", None)):
    got = prop("confined.service", "Service", name)
    ok(got == value if value else re.match(r"t \d+$", got), f"Service.{name}", got)
ok(prop("confined.service", "Unit", "CanClean") == 'as 1 "state"', "Unit.CanClean", prop("confined.service", "Unit", "CanClean"))
ok(prop("confined.service", "Unit", "FailureActionExitStatus") == "i -1", "Unit.FailureActionExitStatus")
ok(busctl("get-property", NAME, PATH, f"{NAME}.Manager", "Version").startswith('s "252 (rouse '), "Manager.Version: the interface's")

# what was read before is said again as long as it is true: one connection of PID 1's writes, the bus reads
stale = []
for number in range(30):
    for _ in range(2):
        prop("sleeper.service", "Unit", "ActiveState"), prop("sleeper.service", "Service", "MainPID")
        busctl("get-property", NAME, PATH, f"{NAME}.Manager", "Environment")
    m.ctl("stop" if number % 2 == 0 else "start", "sleeper.service")
    m.ctl("set-environment", f"NUMBER={number}")
    active = prop("sleeper.service", "Unit", "ActiveState")
    pid = prop("sleeper.service", "Service", "MainPID")
    environment = busctl("get-property", NAME, PATH, f"{NAME}.Manager", "Environment")
    listed = call("ListUnits")
    running = number % 2 == 1
    if (active != ('s "active"' if running else 's "inactive"') or (pid == "u 0") == running or f'"NUMBER={number}"' not in environment or
            ('"sleeper.service" "It sleeps" "loaded" "active"' in listed) != running):
        stale.append(f"{number}: {active} {pid} {environment}")
ok(not stale, "what is read after it was changed is the new", "\n".join(stale))
m.ctl("unset-environment", "NUMBER")
m.ctl("daemon-reexec")
got = [prop("sleeper.service", "Unit", "ActiveState") for _ in range(3)]
m.ctl("stop", "sleeper.service")
got.append(prop("sleeper.service", "Unit", "ActiveState"))
m.ctl("start", "sleeper.service")
got.append(prop("sleeper.service", "Unit", "ActiveState"))
ok(got == ['s "active"'] * 3 + ['s "inactive"', 's "active"'], "also after PID 1 has executed itself", got)

# an interface alone, and all of them at once: the same values
def get_all(unit, interface):
    path = f"{PATH}/unit/" + re.sub(r"[^A-Za-z0-9]", lambda c: f"_{ord(c[0]):02x}", unit)
    text = busctl("--json=short", "call", NAME, path, "org.freedesktop.DBus.Properties", "GetAll", "s", f"{NAME}.{interface}" if interface else "")
    return {key: value["data"] for key, value in json.loads(text)["data"][0].items()}


LIVE = ("MemoryCurrent", "CPUUsageNSec", "TasksCurrent", "IOReadBytes", "IOReadOperations", "IOWriteBytes", "IOWriteOperations")
for unit, interface in (("sleeper.service", "Service"), ("dbus.socket", "Socket"), ("basic.target", "Target"), ("system.slice", "Slice"), ("-.mount", "Mount")):
    apart = {**get_all(unit, "Unit"), **get_all(unit, interface)}
    differ = [key for key, value in get_all(unit, "").items() if key not in LIVE and (key not in apart or apart[key] != value)]
    ok(not differ and len(apart) > 50, f"GetAll of {unit}: of its interfaces, and of all at once", differ)

# jobs
got = call("StartUnit", "ss", "slow.service", "replace")
ok(re.match(rf'o "{PATH}/job/\d+"$', got), "StartUnit gives the job", got)
job = re.search(r"job/(\d+)", got)[1]
ok(f'{job} "slow.service" "start" "running"' in call("ListJobs"), "ListJobs", call("ListJobs"))
ok(busctl("get-property", NAME, f"{PATH}/job/{job}", f"{NAME}.Job", "JobType") == 's "start"', "the job is an object")
call("StartUnit", "ss", "after-slow.service", "replace")
later = re.search(r'(\d+) "after-slow.service"', call("ListJobs"))[1]
ok(f'1 {later} "after-slow.service"' in call("GetJobAfter", "u", job), "GetJobAfter: those that wait for it", call("GetJobAfter", "u", job))
ok(f'1 {job} "slow.service"' in busctl("call", NAME, f"{PATH}/job/{later}", f"{NAME}.Job", "GetBefore"), "Job.GetBefore: those that it waits for")
ok("does not exist" in call("GetJobBefore", "u", "99999"), "and none of a job that is not there")
ok("No job queued" in call("StartUnitReplace", "sss", "bad.service", "sleeper.service", "replace"), "StartUnitReplace: not without a job")
got = call("StartUnitReplace", "sss", "slow.service", "sleeper.service", "replace")
ok(re.match(rf'o "{PATH}/job/\d+"$', got), "and with one", got)
call("CancelJob", "u", later)
call("CancelJob", "u", job)
ok(call("ListJobs") == "a(usssoo) 0", "CancelJob", call("ListJobs"))
ok("not found" in call("StartUnit", "ss", "nosuch.service", "replace"), "a unit that is not there cannot be started")
ok("cannot be reloaded" in call("ReloadUnit", "ss", "owner.service", "replace"), "nor reloaded what cannot be",
   call("ReloadUnit", "ss", "owner.service", "replace"))
if shutil.which("systemctl"):
    def systemctl(*args):
        done = inside("/usr/bin/systemctl", "--no-pager", *args)
        return done.returncode, done.stdout + done.stderr
    ok(systemctl("stop", "sleeper.service")[0] == 0 and m.is_state("sleeper.service", "inactive"), "systemd's systemctl stops a unit")
    ok(systemctl("start", "sleeper.service")[0] == 0 and m.is_state("sleeper.service", "active"), "and starts it")
    ok(systemctl("start", "sleeper.service")[0] == 0, "and does not wait for what needs no job")
    ok(systemctl("start", "bad.service")[0] == 1, "and tells a failure")
    got = systemctl("status", "sleeper.service")
    ok(got[0] == 0 and "Active: active (running)" in got[1] and f"Main PID: " in got[1], "status", got)
    ok("sleeper.service" in systemctl("list-units")[1], "list-units")
    got = systemctl("reload", "sleeper.service")
    ok(got[0] == 0, "reload", got)
    got = systemctl("show", "-p", "ExecStart,Conditions,WantedBy", "sleeper.service")
    ok("argv[]=/bin/sleep 1000 ;" in got[1], "show", got)
    got = systemctl("daemon-reload")
    ok(got[0] == 0, "daemon-reload", got)
    got = systemctl("reset-failed", "bad.service")
    ok(got[0] == 0 and m.is_state("bad.service", "inactive"), "reset-failed", got)
else:
    print("# no systemctl of systemd's here")

# unit files
got = call("EnableUnitFiles", "asbb", "1", "sleeper.service", "false", "false")
ok(got.startswith("ba(sss) true 2") and os.path.islink(f"{m.root}/etc/systemd/system/nap.service"), "EnableUnitFiles", got)
ok(call("GetUnitFileState", "s", "sleeper.service") == 's "enabled"', "GetUnitFileState")
ok(prop("sleeper.service", "Unit", "UnitFileState") == 's "enabled"', "Unit.UnitFileState")
got = call("DisableUnitFiles", "asb", "1", "sleeper.service", "false")
ok(got.startswith("a(sss) 2") and not os.path.islink(f"{m.root}/etc/systemd/system/nap.service"), "DisableUnitFiles", got)

ok(prop("sleeper.service", "Unit", "UnitFileState") == 's "disabled"', "Unit.UnitFileState follows")
inside("/usr/sbin/rousectl", "enable", "sleeper.service")
ok(m.wait(lambda: prop("sleeper.service", "Unit", "UnitFileState") == 's "enabled"'), "also what rousectl did", prop("sleeper.service", "Unit", "UnitFileState"))
inside("/usr/sbin/rousectl", "disable", "sleeper.service")
got = call("AddDependencyUnitFiles", "asssbb", "1", "sleeper.service", "basic.target", "Wants", "false", "false")
ok(got.startswith("a(sss) 1") and os.path.islink(f"{m.root}/etc/systemd/system/basic.target.wants/sleeper.service"), "AddDependencyUnitFiles", got)
m.file("etc/systemd/system/sleeper.service.d/more.conf", "[Unit]\nDescription=It sleeps more\n")
got = call("RevertUnitFiles", "as", "1", "sleeper.service")
ok("more.conf" in got and not os.path.exists(f"{m.root}/etc/systemd/system/sleeper.service.d"), "RevertUnitFiles", got)
m.file("etc/systemd/system-preset/1.preset", "enable sleeper.service\ndisable *\n")
got = call("PresetAllUnitFiles", "sbb", "enable-only", "false", "false")
ok("nap.service" in got and call("GetUnitFileState", "s", "sleeper.service") == 's "enabled"', "PresetAllUnitFiles", got)
ok("is not the name" in call("EnableUnitFiles", "asbb", "1", "../../x", "false", "false"), "what is no unit's name is refused")
m.ctl("daemon-reload")

# signals: what a unit becomes is told before the end of its job, and before it is forgotten
def signals_of(what):
    """(member, of what, ActiveState or "") of each signal about told.service while what() happens."""
    out = os.path.join(m.root, "run/monitor")
    with open(out, "w") as file:
        monitor = subprocess.Popen(["nsenter", "-t", str(m.pid), "-m", "-r", "-w", "/usr/bin/dbus-monitor", "--address",
                                    "unix:path=/run/dbus/system_bus_socket", "type='signal'"], stdout=file, stderr=subprocess.STDOUT)
    read = lambda: open(out).read()
    m.wait(lambda: "NameAcquired" in read() or "NameLost" in read())
    what()
    m.wait(lambda: "member=UnitRemoved" in read() or not what.__doc__)
    monitor.kill()
    monitor.wait()
    found = []
    for text in re.split(r"(?m)^signal ", read())[1:]:
        member, path = re.search(r"member=(\w+)", text)[1], re.search(r"path=([^;]*)", text)[1]
        if "told.service" in text or path.endswith("/told_2eservice"):
            interface = re.search(r'string "org.freedesktop.systemd1.(\w+)"', text)
            state = re.search(r'"(?:ActiveState|StatusText)"\s+variant\s+string "([^"]*)"', text)
            found.append((member, interface[1] if interface else "", state[1] if state else ""))
    return found


def run_told():
    """It ends, and is forgotten."""
    m.ctl("start", "told.service")


got = signals_of(run_told) if shutil.which("dbus-monitor") and shutil.which("systemd-notify") else None
if got is None:
    print("# no dbus-monitor or systemd-notify here")
else:
    ok(not [s for s in got if s[0] == "PropertiesChanged"], "nothing is told of units while nobody has subscribed", got)
    m.ctl("start", "subscriber.service")
    got = signals_of(run_told)
    at = {s: i for i, s in reversed(list(enumerate(got)))}
    order = [("UnitNew", "", ""), ("JobNew", "", ""), ("PropertiesChanged", "Unit", "active"), ("JobRemoved", "", ""),
             ("PropertiesChanged", "Service", "half-way"), ("PropertiesChanged", "Unit", "inactive"), ("UnitRemoved", "", "")]
    places = [at.get(s) for s in order]
    ok(None not in places and places == sorted(places), "a subscriber hears of a unit's life in its order", got)
    m.ctl("daemon-reexec")
    got = signals_of(run_told)
    ok([s for s in order if s in got] == order, "also after PID 1 has executed itself", got)
    m.ctl("stop", "subscriber.service")
    ok(m.wait(lambda: not [s for s in signals_of(run_told) if s[0] == "PropertiesChanged"]), "and nothing when it has left")

# units that somebody holds; directories
call("StartUnit", "ss", "held.service", "replace")
ok(m.ctl("start", "holder.service").returncode == 0, "a client that holds a unit", m.log)
ok(m.wait(lambda: re.match(r'as 1 ":[\d.]+@', prop("held.service", "Unit", "Refs"))), "Refs says so", prop("held.service", "Unit", "Refs"))
m.ctl("stop", "held.service")
ok("held_2eservice" in call("GetUnit", "s", "held.service"), "it is not forgotten when it has ended")
ok("not held by the caller" in call("UnrefUnit", "s", "held.service"), "who does not hold it cannot let go")
m.ctl("kill", "-s", "KILL", "rouse-busd.service")
m.is_state("rouse-busd.service", "active")
ok(m.wait(lambda: re.match(r'as 1 ":[\d.]+@', prop("held.service", "Unit", "Refs"))), "nor when the bridge is another one")
m.ctl("stop", "holder.service")
ok(m.wait(lambda: "not loaded" in call("GetUnit", "s", "held.service")), "it is when its holder has left", call("GetUnit", "s", "held.service"))
m.ctl("start", "dirs.service")
ok("is not inactive" in call("CleanUnit", "sas", "dirs.service", "1", "state"), "CleanUnit: not while it runs")
m.ctl("stop", "dirs.service")
ok(call("CleanUnit", "sas", "dirs.service", "2", "state", "cache") == "" and
   m.wait(lambda: not os.path.exists(f"{m.root}/var/lib/dirs") and not os.path.exists(f"{m.root}/var/cache/dirs")), "CleanUnit")
ok("No matching" in call("CleanUnit", "sas", "bad.service", "1", "logs"), "CleanUnit of what has none", call("CleanUnit", "sas", "bad.service", "1", "logs"))
got = call("SetUnitProperties", "sba(sv)", "sleeper.service", "true", "1", "Markers", "as", "1", "+needs-restart")
ok(prop("sleeper.service", "Unit", "Markers") == 'as 1 "needs-restart"', "Markers", got)
before = prop("sleeper.service", "Service", "MainPID")
got = call("EnqueueMarkedJobs")
ok(re.match(rf'ao 1 "{PATH}/job/', got) and m.wait(lambda: prop("sleeper.service", "Unit", "Markers") == "as 0" and
   prop("sleeper.service", "Service", "MainPID") not in (before, "u 0")), "EnqueueMarkedJobs restarts what is marked", got)
ok("not a marker" in call("SetUnitProperties", "sba(sv)", "sleeper.service", "true", "1", "Markers", "as", "1", "needs-rest"), "what is no marker is refused")
call("SetShowStatus", "s", "no")
ok(busctl("get-property", NAME, PATH, f"{NAME}.Manager", "ShowStatus") == "b false", "SetShowStatus")
ok(call("GetDynamicUsers") == "a(us) 0" and "no such dynamic user" in call("LookupDynamicUserByName", "s", "nobody"), "dynamic users")

# names on the bus
ok("Call failed" in busctl("call", "org.example.Nowhere", "/", "org.example", "X") or
   "not found" in busctl("call", "org.example.Nowhere", "/", "org.example", "X"), "activation of a unit that is not there fails at once")
got = busctl("call", "org.example.Bad", "/", "org.example", "X")
ok("did not start" in got, "and of one that fails", got)
got = busctl("call", "org.example.Unmet", "/", "org.example", "X")
ok("not running" in got, "and of one whose condition is not met", got)
busctl("call", "org.example.Activated", "/", "org.freedesktop.DBus.Peer", "Ping", "--timeout=1")
ok(m.is_state("active.service", "active"), "activation starts the unit", m.log)
ok(m.ctl("start", "owner.service").returncode == 0 and m.is_state("owner.service", "active"), "Type=dbus: up with its name", m.log)
os.mkfifo(f"/proc/{m.pid}/root/run/later")
m.ctl("start", "--no-block", "later.service", "reached.service")
ok(m.wait(lambda: m.show("later.service", "SubState").get("SubState") == "start"), "Type=dbus: waits for its name")
ok(m.show("reached.service", "ActiveState").get("ActiveState") == "inactive", "and what comes after it waits too")
inside("/bin/sh", "-c", "echo >/run/later")
ok(m.is_state("later.service", "active") and m.is_state("reached.service", "active"), "until it has it", m.log)
m.ctl("kill", "-s", "USR1", "owner.service")
ok(m.is_state("owner.service", "inactive"), "a lost name stops the service", m.log)

# killed under load
before = prop("later.service", "Service", "MainPID")
m.file("usr/sbin/load", "echo $1 >>/run/load\n")
asked, over = [], threading.Event()


def load():
    """Transient services, one after the other; those whose job was named must run."""
    number = 0
    while not over.is_set():
        number += 1
        got = call("StartTransientUnit", "ssa(sv)a(sa(sv))", f"load{number}.service", "fail", "1", "ExecStart", "a(sasb)", "1", "/bin/sh", "3",
                   "/bin/sh", "/usr/sbin/load", str(number), "false", "0")
        if got.startswith("o "):
            asked.append(str(number))


clients = threading.Thread(target=load, daemon=True)
clients.start()
bridges = []


def another_bridge():
    """Does one run that was not there before? Then it is the last of them."""
    shown = m.show("rouse-busd.service", "MainPID", "ActiveState")
    new = shown.get("ActiveState") == "active" and shown["MainPID"] not in bridges
    if new:
        bridges.append(shown["MainPID"])
    return new


while len(bridges) < KILLS and m.wait(another_bridge):
    seen = len(asked)
    m.wait(lambda: len(asked) > seen)           # in the midst of the next call
    inside("/bin/kill", "-KILL", bridges[-1])
over.set()
clients.join()
ok(m.wait(lambda: prop("later.service", "Service", "MainPID") == before), f"killed {KILLS} times, it is back",
   prop("later.service", "Service", "MainPID"))
ok(len(bridges) == KILLS, "a new one each time", bridges)


def done():
    return set(inside("/bin/cat", "/run/load").stdout.split())


ok(len(asked) >= KILLS and m.wait(lambda: set(asked) <= done()), f"no job of the {len(asked)} that were asked for meanwhile is lost",
   sorted(set(asked) - done()))
ok(m.wait(lambda: call("ListJobs") == "a(usssoo) 0"), "and none is left over", call("ListJobs"))
ok(m.show("later.service", "ActiveState").get("ActiveState") == "active", "and no service was touched")
m.ctl("restart", "dbus.service")
ok(m.is_state("rouse-busd.service", "active") and m.wait(lambda: "sleeper" in call("ListUnits")), "it comes back with dbus", m.log)
ok(m.show("sleeper.service", "ActiveState").get("ActiveState") == "active", "the bus's end touches no service that does not need it")
m.close()
print(f"1..{count}")
sys.exit(1 if failed else 0)
