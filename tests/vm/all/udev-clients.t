#!/usr/bin/env python3
"""Programs that live on the device daemon, unmodified, and settings that only show with real drivers: access for the
user at the seat (logind, hot-plugged devices), NetworkManager, Debian's own udevadm (trigger --uuid, --settle, monitor,
control), .link files with drivers' settings, interfaces that want each other's names, locked disks, units that devices
pull in. One guest with Debian's full kernel, a console and three network cards."""
import os
import sys
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
import steps
from tap import TIMEOUT, Tap, text_file

tap = Tap()
PACKAGES = "network-manager,libpam-systemd,acl,ethtool,fdisk,usbutils"
QEMU = """-device VGA -device qemu-xhci,id=usb -audiodev none,id=snd
-netdev user,id=n1 -device e1000,netdev=n1,mac=52:54:00:00:00:21
-netdev user,id=n2 -device virtio-net-pci,netdev=n2,mac=52:54:00:00:00:22
-netdev user,id=n3 -device virtio-net-pci,netdev=n3,mac=52:54:00:00:00:23
-netdev user,id=n4 -device vmxnet3,netdev=n4,mac=52:54:00:00:00:24
-netdev user,id=hot"""

# eth0 is the guest's own; eth1 … eth3 in the order of the bus
LINKS = {
    "10-lan.link": """[Match]
PermanentMACAddress=52:54:00:00:00:21
Firmware=!uefi
KernelVersion=>= 5.0
[Link]
Name=lan0
AlternativeName=uplink
AlternativeName=second-name
MTUBytes=1400
MACAddress=02:00:5e:00:00:21
Alias=towards the world
WakeOnLan=magic
RxBufferSize=512
ReceiveChecksumOffload=no
TCPSegmentationOffload=no
TransmitQueueLength=777
""",
    # the only one of QEMU's cards that may wake the machine
    "15-wake.link": "[Match]\nPermanentMACAddress=52:54:00:00:00:24\n[Link]\nName=wake0\nWakeOnLan=magic\nWakeOnLan=unicast\n",
    # these two want each other's names
    "20-two.link": "[Match]\nPermanentMACAddress=52:54:00:00:00:22\n[Link]\nName=eth3\n",
    "20-three.link": "[Match]\nPermanentMACAddress=52:54:00:00:00:23\n[Link]\nName=eth2\n",
}

RULES = """SUBSYSTEM=="block", KERNEL=="zram*", TAG+="uaccess", TAG+="systemd"
ACTION=="add", SUBSYSTEM=="block", KERNEL=="zram1", ENV{SYSTEMD_WANTS}+="pulled@.service plain.service"
"""
UNITS = {
    "pulled@.service": "[Service]\nExecStart=/bin/sleep 1000\n",
    "plain.service": "[Service]\nExecStart=/bin/sleep 1000\n",
    # a user's session on the first console, as a display manager or login makes one
    "seat.service": "[Unit]\nAfter=systemd-logind.service\nConflicts=getty@tty1.service\n[Service]\nUser=alice\nPAMName=login\n"
                    "TTYPath=/dev/tty1\nStandardInput=tty-force\nExecStart=/bin/sleep 1000000\n",
}

UNTIL = ('until_() { n=0; until eval "$1"; do n=$((n+1)); [ $n -gt 250 ] && { echo "never: $1"; return 1; }; sleep 0.2; done; }; ')
THEIRS = "/usr/bin/udevadm.systemd"

STEPS = [
    # .link files
    ("ip -o link show lan0; cat /sys/class/net/lan0/ifalias", 0,
     r"mtu 1400 .*qlen 777\\.*link/ether 02:00:5e:00:00:21 (.|\n)*alias towards the world(.|\n)*^towards the world$"),
    ("ip link show lan0 | grep altname", 0, r"altname uplink(.|\n)*altname second-name"),
    ("ethtool -k lan0 | grep -E '^(rx-checksumming|tcp-segmentation-offload)'; ethtool -g lan0 | tail -n 8", 0,
     r"^rx-checksumming: off\ntcp-segmentation-offload: off\n(.|\n)*RX:\s+512\n"),
    ("ethtool wake0 | grep Wake-on; rousectl log --no-pager | grep -o 'lan0: cannot set WakeOnLan.*'", 0,
     r"Supports Wake-on: uag\n\s+Wake-on: ug\nlan0: cannot set WakeOnLan: Operation not supported$"),
    (f"{THEIRS} info /sys/class/net/lan0", 0, r"E: ID_NET_LINK_FILE=/etc/systemd/network/10-lan.link\n(.|\n)*E: ID_NET_NAME=lan0$"),
    # names that change places
    ("for i in eth2 eth3; do echo $i $(cat /sys/class/net/$i/address); done; ls /sys/class/net | grep -c rename", 1,
     r"^eth2 52:54:00:00:00:23\neth3 52:54:00:00:00:22\n0$"),
    (f"for i in eth2 eth3; do {THEIRS} info -q property /sys/class/net/$i; done", 0,
     r"^INTERFACE=eth2\n(.|\n)*ID_NET_NAME_MAC=enx525400000023\n(.|\n)*INTERFACE=eth3\n(.|\n)*ID_NET_NAME_MAC=enx525400000022"),
    ("grep -l ID_RENAMING /run/udev/data/n*", 1, "^$"),
    # NetworkManager
    (UNTIL + "until_ 'nmcli -t -f DEVICE,TYPE device | grep -q lan0:ethernet' && nmcli -t -f DEVICE,TYPE,STATE device", 0,
     r"^lan0:ethernet:(?!unmanaged)"),
    (UNTIL + "modprobe dummy numdummies=0; ip link add nmdummy type dummy; until_ 'nmcli -t -f DEVICE device | grep -qx nmdummy' && "
     "nmcli -t -f GENERAL.TYPE,GENERAL.STATE,GENERAL.UDI device show nmdummy; ip link del nmdummy; "
     "until_ '! nmcli -t -f DEVICE device | grep -qx nmdummy'", 0, r"^GENERAL.TYPE:dummy\n(.|\n)*GENERAL.UDI:/sys/devices/virtual/net/nmdummy"),
    (UNTIL + "nmcli connection add type ethernet ifname lan0 con-name c ipv4.method manual ipv4.addresses 192.0.2.9/24 >/dev/null && "
     "nmcli connection up c >/dev/null; until_ 'ip -4 -o address show lan0 | grep -q 192.0.2.9' && nmcli -t -f DEVICE,STATE device", 0,
     "^lan0:connected$"),
    # Debian's own udevadm
    (f"cat /proc/sys/kernel/random/uuid >/dev/null; {THEIRS} trigger --uuid -c change /dev/null /dev/zero | grep -cE '^[0-9a-f-]{{36}}$'", 0, "^2$"),
    ("udevadm trigger --uuid -c change /dev/null /dev/zero | grep -cE '^[0-9a-f-]{36}$'", 0, "^2$"),
    ("mkdir -p /run/udev/rules.d; for u in " + THEIRS + " udevadm; do printf 'KERNEL==\"null\", RUN+=\"/bin/sh -c \\047echo $env{SYNTH_UUID} >>/run/seen\\047\"\n' "
     ">/run/udev/rules.d/99-seen.rules; $u control --reload; : >/run/seen; id=$($u trigger --uuid -w -c change /dev/null); "
     "grep -cx \"$id\" /run/seen; done; rm /run/udev/rules.d/99-seen.rules; udevadm control --reload", 0, r"^1\n1$"),
    (f"{THEIRS} trigger --settle -c change -s block; echo $?; ls /run/udev/queue", 2, "^0$"),
    (f"{THEIRS} control --log-level=info --property=FOO=bar --children-max=4 --ping && {THEIRS} settle -t 30 && {THEIRS} control -p FOO=", 0, ""),
    (UNTIL + f"{THEIRS} monitor -p -u -s net >/run/m & m=$!; until_ 'grep -q UDEV /run/m'; ip link add mon0 type dummy; "
     "until_ 'grep -q INTERFACE=mon0 /run/m'; ip link del mon0; until_ 'grep -q ACTION=remove /run/m'; kill $m; cat /run/m", 0,
     r"ACTION=add(.|\n)*INTERFACE=mon0(.|\n)*USEC_INITIALIZED=[0-9]+(.|\n)*ACTION=remove"),
    # who sits at the machine
    ("useradd -m alice; systemctl start seat.service; " + UNTIL + "until_ 'loginctl show-seat seat0 -p ActiveSession | grep -q =.'; "
     "until_ 'systemctl list-units --no-legend --state=active \"session-*.scope\" | grep -q .'; "
     "loginctl list-sessions --no-legend; cat /run/systemd/seats/seat0", 0, r"alice seat0 +tty1(.|\n)*ACTIVE_UID=1000"),
    (UNTIL + "until_ 'ls /dev/dri/card0 >/dev/null'; until_ 'getfacl -p /dev/dri/card0 | grep -q user:alice:rw'; getfacl -cp /dev/dri/card0", 0, "^user:alice:rw-"),
    # a client that is told of a device can use it: node, mode and ACL are there
    (UNTIL + f"modprobe zram; {THEIRS} settle; ({THEIRS} monitor -u -s block | while read -r l; do case $l in *add*/zram1*) "
     "getfacl -cp /dev/zram1 >/run/acl.new 2>&1; cp /run/udev/data/b$(cat /sys/class/block/zram1/dev) /run/entry; mv /run/acl.new /run/acl;; esac; done) & m=$!; "
     "sleep 1; cat /sys/class/zram-control/hot_add; until_ '[ -e /run/acl ]'; cat /run/acl /run/entry; kill $m", 0,
     r"^user:alice:rw-(.|\n)*I:[0-9]+"),
    (UNTIL + "until_ 'systemctl is-active -q plain.service'; systemctl is-active plain.service 'pulled@sys-devices-virtual-block-zram1.service' dev-zram1.device", 0,
     r"^active\nactive\nactive$"),
    ("systemctl stop seat.service; " + UNTIL + "until_ '! getfacl -p /dev/dri/card0 | grep -q user:alice'; getfacl -cp /dev/dri/card0", 0, "^user::rw-"),
    # her session went with the service, whose end a user may not tell root's keeper of it; so it does after SIGKILL
    (UNTIL + "over() { until_ '! loginctl list-sessions --no-legend | grep alice' && until_ '! systemctl list-units --no-legend \"session-*.scope\" | grep .'; }; "
     "on() { until_ 'systemctl list-units --no-legend --state=active \"session-*.scope\" | grep -q .'; }; over && "
     "systemctl start seat.service && until_ 'loginctl show-seat seat0 -p ActiveSession | grep -q =.' && on && loginctl show-session -p State --value $(loginctl show-seat seat0 -p ActiveSession --value) && "
     "systemctl kill -s KILL --kill-who=main seat.service && over && systemctl reset-failed seat.service && echo over", 0, "^active\nover$"),
    # locks
    (f"truncate -s 32M /root/i; losetup -P /dev/loop5 /root/i; {THEIRS} lock -d /dev/loop5 sh -c 'mkfs.ext4 -q -L lock1 /dev/loop5; "
     "udevadm settle -t 3; [ -e /dev/disk/by-label/lock1 ] && echo early || echo held'; " + UNTIL + "until_ '[ -e /dev/disk/by-label/lock1 ]' && echo there", 0,
     r"^held\nthere$"),
    # a busy interface keeps its name, and everybody knows
    ("mkdir -p /run/udev/rules.d; ip link add busy0 type dummy; udevadm settle; ip link set busy0 up; printf 'SUBSYSTEM==\"net\", KERNEL==\"busy0\", NAME=\"idle0\"\\n' "
     ">/run/udev/rules.d/10-b.rules; udevadm control --reload; udevadm trigger -c add /sys/class/net/busy0; udevadm settle; "
     "ls -d /sys/class/net/*0 | grep -E 'busy0|idle0'; grep -c RENAMING /run/udev/data/n$(cat /sys/class/net/busy0/ifindex)", 1,
     r"^/sys/class/net/busy0\n0$"),
]

files = {"/etc/systemd/network/" + name: text for name, text in LINKS.items()}
files.update({"/etc/systemd/system/" + name: text for name, text in UNITS.items()})
files["/etc/udev/rules.d/72-test.rules"] = RULES
texts = [(text_file(text), path) for path, text in files.items()]
with tap.guest("udev-clients", packages=PACKAGES, kernel="full", mem=768, arguments=QEMU.split(),
               copies=[(file.name, path) for file, path in texts]) as guest:
    guest.wait_ready(TIMEOUT)
    guest.out("udevadm settle")
    steps.run(tap, guest, STEPS)
    if tap.failed:
        tap.diag(guest.out("rousectl log --no-pager | tail -n 60"))
tap.done()
