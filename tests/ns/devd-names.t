#!/usr/bin/env python3
"""Real network interfaces in a namespace: names by rules, two and three that want each other's, names that are taken,
busy interfaces, settings of .link files."""
import array
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import *  # noqa: F403

enter()

WANTED = {"0a": "swapb", "0b": "swapa", "0c": "fresh", "1a": "ring2", "1b": "ring3", "1c": "ring1", "0d": "wanted", "0e": "idle"}
RULES = "".join(f'SUBSYSTEM=="net", ACTION=="add", ATTR{{address}}=="02:00:00:00:00:{end}", NAME="{name}"\n'
                for end, name in WANTED.items()) + r'''
SUBSYSTEM=="net", ACTION=="add", ATTR{address}=="02:00:00:00:00:2?", IMPORT{builtin}="net_setup_link"
SUBSYSTEM=="net", ACTION=="add", NAME=="", ENV{ID_NET_NAME}!="", NAME="$env{ID_NET_NAME}"
SUBSYSTEM=="net", TAG+="systemd"
'''
LINKS = {
    "10-lan.link": """[Match]
MACAddress=02:00:00:00:00:20
KernelVersion=>= 3.0
[Link]
Name=lan0
AlternativeName=uplink
AlternativeName=second-name
MTUBytes=1400
MACAddress=02:00:5e:00:00:77
Alias=towards the world
TransmitQueueLength=777
ReceiveChecksumOffload=no
GenericSegmentationOffload=no
[SR-IOV]
VirtualFunction=2
MACAddress=02:00:00:00:00:f2
VLANId=5
QualityOfService=3
MACSpoofCheck=yes
QueryReceiveSideScaling=no
Trust=yes
LinkState=auto
""",
    "15-wake.link": "[Match]\nMACAddress=02:00:00:00:00:22\n[Link]\nWakeOnLan=secureon\nWakeOnLanPassword=SOCKET\n",
    "20-never.link": "[Match]\nMACAddress=02:00:00:00:00:21\nFirmware=no-such-firmware\n[Link]\nName=never0\n",
}


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


def add(name, end, kind="ifb"):
    return ip("link", "add", name, "address", "02:00:00:00:00:" + end, "type", kind).returncode == 0


def names():
    """{last part of the address: name}"""
    found = {}
    for name in os.listdir(w.path("sys/class/net")):
        try:
            with open(w.path("sys/class/net", name, "address")) as file:
                found[file.read().strip()[-2:]] = name
        except OSError:
            pass
    return found


def are(*wanted):
    return wait_for(lambda: all(names().get(end) == WANTED[end] for end in wanted), 60)


def entry_of(name):
    try:
        with open(w.path("sys/class/net", name, "ifindex")) as file:
            return w.entry("n" + file.read().strip()) or []
    except FileNotFoundError:
        return []


def settled(*interfaces):
    """Nothing under way; none of them is marked as one that changes its name."""
    return w.settle(60) and all(entry_of(name) and "E:ID_RENAMING=1" not in entry_of(name) for name in interfaces)


def ethtool_value(name, command):
    data = array.array("B", struct.pack("=II", command, 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        fcntl.ioctl(end, 0x8946, struct.pack("16sP", name.encode(), data.buffer_info()[0]))
    return struct.unpack("=II", data.tobytes())[1]


w = World(RULES, ["--sys", "/sys"])  # settings are applied to the interfaces of the real /sys only: ours, in this namespace
shutil.rmtree(w.path("sys"))
os.symlink("/sys", w.path("sys"))
try:
    if subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], capture_output=True).returncode or not add("try0", "ff"):
        skip_all("no sysfs, or no interfaces of kind ifb, can be had here")
    os.makedirs(w.path("links"))
    for name, text in LINKS.items():
        with open(w.path("links", name), "w") as file:
            file.write(text.replace("SOCKET", w.path("password")))
    teller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    teller.bind(w.path("password"))
    teller.listen()
    teller.settimeout(30)
    here = os.path.isdir("/etc/systemd/network") and not subprocess.run(
        ["mount", "--bind", w.path("links"), "/etc/systemd/network"], capture_output=True).returncode
    ok(w.start(), "ready")

    add("any", "0c")
    ok(are("0c") and settled("fresh"), "an interface gets its name")

    w.control(2)
    add("swapa", "0a")
    add("swapb", "0b")
    w.control(3)
    ok(are("0a", "0b") and settled("swapa", "swapb"), "two interfaces change names with each other", names())

    w.control(2)
    for number, end in enumerate(("1a", "1b", "1c"), 1):
        add(f"ring{number}", end)
    w.control(3)
    ok(are("1a", "1b", "1c") and settled("ring1", "ring2", "ring3"), "three interfaces change names in a ring", names())

    add("wanted", "99")
    add("other", "0d")
    ok(wait_for(lambda: "E:ID_RENAMING=1" in entry_of("other")) and names()["0d"] == "other", "a name that is taken is waited for")
    ip("link", "set", "wanted", "name", "another")
    ok(are("0d") and settled("wanted"), "until it is free")
    ip("link", "del", "wanted")
    ip("link", "set", "another", "name", "wanted")
    add("other", "0d")
    ok(wait_for(lambda: "E:ID_RENAMING=1" in entry_of("other")), "and once more")
    ip("link", "del", "wanted")
    ok(are("0d") and settled("wanted"), "a name is also free when its interface goes")

    w.control(2)
    add("busy", "0e", "bridge")
    ip("link", "set", "busy", "up")
    w.control(3)
    w.settle(60)
    ok(names().get("0e") in ("busy", "idle") and settled(names()["0e"]), "one that is up keeps its name, or gets it from kernels that allow it", names())

    if here:
        add("lan", "20", "veth")
        shown = wait_for(lambda: os.path.exists(w.path("sys/class/net/lan0"))) and settled("lan0") and ip("-d", "link", "show", "lan0").stdout
        ok(shown, "a .link file's Name=")
        for what in ("mtu 1400", "02:00:5e:00:00:77", "altname uplink", "altname second-name", "alias towards the world", "qlen 777"):
            ok(what in (shown or ""), f".link: {what}", shown)
        is_(ethtool_value("lan0", 0x14), 0, ".link: ReceiveChecksumOffload=no")
        is_(ethtool_value("lan0", 0x23), 0, ".link: GenericSegmentationOffload=no")
        # veth has no functions: the kernel understands each of the requests, and says so
        ok("lan0: 3 virtual functions cannot be made: No such file" in w.text(), ".link: virtual functions that cannot be", w.text()[-2000:])
        for what in ("MACAddress", "VLANId, QualityOfService", "MACSpoofCheck", "QueryReceiveSideScaling", "Trust", "LinkState"):
            ok(f"lan0: cannot set [SR-IOV] {what} of virtual function 2: Operation not supported" in w.text(), f".link: [SR-IOV] {what}")
        for said, answer in ((b"00:11:22:33:44:55\n", "wake0: cannot set Wake-on-LAN with a password: Operation not supported"),
                             (b"none", f"wake0: {w.path('password')} tells no password for Wake-on-LAN: Invalid argument")):
            add("wake0", "22", "veth")
            asking, _ = teller.accept()
            add("meanwhile", "23", "veth")
            ok(wait_for(lambda: entry_of("meanwhile")) and w.busy(), ".link: WakeOnLanPassword= of a socket holds up its own interface only")
            asking.send(said)
            asking.close()
            ok(wait_for(lambda: answer in w.text()) and w.settle(60), ".link: what it tells is used", w.text()[-1000:])
            ip("link", "del", "meanwhile")
            ip("link", "del", "wake0")
            w.settle(60)
        add("kept", "21", "veth")
        ok(wait_for(lambda: entry_of("kept")) and settled("kept") and names()["21"] == "kept", "a .link file for other firmware does not count")
finally:
    w.clean()
done()
