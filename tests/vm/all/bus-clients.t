#!/usr/bin/env python3
"""Programs that talk to the manager on the bus: python3-dbus, cockpit-bridge,
NetworkManager, Ansible's systemd module, busctl monitor."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import steps
from tap import TIMEOUT, Tap, text_file

tap = Tap()
steps.TIMEOUT = max(TIMEOUT, 1800)
PACKAGES = "network-manager,cockpit-bridge,python3-dbus,python3-gi,ansible-core,libpam-systemd,polkitd"

# subscribes, starts a transient service, waits for its job and for its end, as its properties tell it
DBUS = """
import dbus, sys
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib
DBusGMainLoop(set_as_default=True)
S = "org.freedesktop.systemd1"
bus, loop, told = dbus.SystemBus(), GLib.MainLoop(), []
manager = dbus.Interface(bus.get_object(S, "/org/freedesktop/systemd1"), S + ".Manager")
manager.Subscribe()
def removed(number, path, unit, result):
    told.append(f"{unit} {result}")
def changed(interface, values, invalid, path):
    if interface == S + ".Unit" and values.get("ActiveState") == "inactive" and "one_2eservice" in path:
        told.append("over")
        loop.quit()
bus.add_signal_receiver(removed, "JobRemoved", S + ".Manager", S)
bus.add_signal_receiver(changed, "PropertiesChanged", "org.freedesktop.DBus.Properties", S, path_keyword="path")
command = dbus.Array([("/bin/sleep", ["/bin/sleep", "1"], False)], "(sasb)")
manager.StartTransientUnit("one.service", "fail", dbus.Array([("ExecStart", command), ("AddRef", True)], "(sv)"), dbus.Array([], "(sa(sv))"))
GLib.timeout_add_seconds(200, loop.quit)
loop.run()
print(*told)
unit = bus.get_object(S, manager.GetUnit("one.service"))      # held: it is still there
properties = dbus.Interface(unit, "org.freedesktop.DBus.Properties")
print(properties.Get(S + ".Service", "Result"), len(properties.GetAll(S + ".Service")) > 200, len(properties.Get(S + ".Unit", "Refs")))
manager.UnrefUnit("one.service")
try:
    manager.GetUnit("one.service")
    print("still there")
except dbus.DBusException as error:
    print(error.get_dbus_name())
"""

# cockpit's protocol: frames with their length, over a socket
COCKPIT = """
import json, socket, subprocess
S, P = "org.freedesktop.systemd1", "/org/freedesktop/systemd1"
ours, its = socket.socketpair()
bridge = subprocess.Popen(["cockpit-bridge"], stdin=its, stdout=its)
its.close()
stream = ours.makefile("rwb")
def send(channel, text):
    frame = (channel + chr(10) + json.dumps(text)).encode()
    stream.write(b"%d\\n" % len(frame) + frame)
    stream.flush()
def receive():
    size = int(stream.readline())
    channel, _, text = stream.read(size).partition(b"\\n")
    return channel.decode(), json.loads(text)
send("", {"command": "init", "version": 1, "host": "localhost"})
send("", {"command": "open", "channel": "a", "payload": "dbus-json3", "bus": "system", "name": S})
send("a", {"call": [P, S + ".Manager", "Subscribe", []], "id": "0"})
send("a", {"call": [P, S + ".Manager", "LoadUnit", ["cron.service"]], "id": "1"})
send("a", {"call": [P, S + ".Manager", "ListUnits", []], "id": "2"})
send("a", {"call": [P + "/unit/cron_2eservice", "org.freedesktop.DBus.Properties", "GetAll", [S + ".Unit"]], "id": "3"})
send("a", {"call": [P, S + ".Manager", "RestartUnit", ["cron.service", "replace"]], "id": "4"})
answers = {}
while len(answers) < 5:
    channel, message = receive()
    if channel == "a" and ("reply" in message or "error" in message):
        answers[message["id"]] = message
print(answers["1"].get("reply"), len(answers["2"]["reply"][0][0]) > 50, answers["3"]["reply"][0][0]["ActiveState"]["v"], answers["4"].get("reply"))
bridge.terminate()
"""

STEPS = [
    ("until systemctl is-active -q rouse-busd; do sleep 0.2; done; systemctl is-system-running --wait", 0, "running"),
    ("/usr/bin/python3 /root/subscribe.py", 0, r"(^| )one.service done.* over\nsuccess True 1\norg.freedesktop.systemd1.NoSuchUnit$"),
    ("/usr/bin/python3 /root/cockpit.py", 0, r"unit/cron_2eservice.*True active .*systemd1/job/[0-9]+"),
    ("systemctl is-active NetworkManager && nmcli -t -f RUNNING general && nmcli -t device && nmcli -t -f STATE general", 0, r"^active\nrunning\n(.|\n)*lo:loopback"),
    ("ip link add probe type dummy && nmcli connection add type dummy ifname probe con-name probe ipv4.method manual ipv4.addresses 10.9.8.7/24 "
     "&& nmcli connection up probe && ip -4 addr show probe", 0, "inet 10.9.8.7/24"),
    ("main=$(systemctl show -p MainPID --value cron); ansible localhost -c local -m ansible.builtin.systemd_service -a "
     "'name=cron state=restarted enabled=true daemon_reload=true' 2>&1; test $main != $(systemctl show -p MainPID --value cron)", 0, "CHANGED"),
    ("ansible localhost -c local -m ansible.builtin.service -a 'name=cron state=stopped' 2>&1; systemctl is-active cron; "
     "ansible localhost -c local -m ansible.builtin.service -a 'name=cron state=started' 2>&1; systemctl is-active cron", 0,
     r"CHANGED(.|\n)*^inactive\n(.|\n)*CHANGED(.|\n)*^active$"),
    ("ansible localhost -c local -m ansible.builtin.service_facts 2>&1 | grep -A5 '\"cron.service\": {'", 0,
     r'"source": "systemd"(.|\n)*"state": "running"'),
    ("ansible localhost -c local -m ansible.builtin.setup -a filter=ansible_service_mgr 2>&1", 0, '"ansible_service_mgr": "systemd"'),
    ("timeout 60 busctl monitor org.freedesktop.systemd1 >/run/monitor 2>&1 & until grep -q 'Monitoring bus' /run/monitor; do sleep 0.2; done; "
     "systemctl.systemd restart cron; busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager Subscribe; "
     "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager RestartUnit ss cron.service replace; "
     "until grep -q Member=JobRemoved /run/monitor; do sleep 0.2; done; grep -o 'Member=[A-Za-z]*' /run/monitor | sort -u | tr '\\n' ' '", 0,
     "Member=JobRemoved.*Member=RestartUnit"),
    ("systemctl list-units --failed --no-legend --plain | grep .", 1, "^$"),
]

with text_file(DBUS) as dbus, text_file(COCKPIT) as cockpit:
    with tap.guest("clients of the bus", packages=PACKAGES, mem=1024,
                   copies=[(dbus.name, "/root/subscribe.py"), (cockpit.name, "/root/cockpit.py")]) as guest:
        steps.run(tap, guest, STEPS, bound=600)
tap.done()
