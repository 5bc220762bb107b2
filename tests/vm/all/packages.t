#!/usr/bin/env python3
"""The packages that people install, each at its work under rouse.

TABLE has a row a service: its package, its unit, what makes it ready to be asked,
a command that asks it, and what the answer must have in it. For each: it answers;
`reload`, if it has it, leaves it answering; SIGKILL to its main process makes it
start again where its Restart= says so, or fail; `restart`; `stop` leaves it
inactive and no process behind; `start`. The packages are installed by their own
scripts when the image is made. INIT=systemd asks the same of Debian's systemd.

Groups are guests of their own (they are chosen not to clash on ports), one after
the other: some 12 guest-minutes each. GROUP=web runs one of them, ROW=redis-server,memcached these rows.
IN=container asks them in containers on this machine instead, a minute each: to see
soon what a change does to them. What needs a machine of its own is left out there.
"""
import json
import os
import re
import socket
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import container
import image
from tap import HERE, TIMEOUT, Tap

ALWAYS = ["curl", "netcat-openbsd", "bind9-dnsutils"]
# group: [(package, unit, preparation, question, answer, options of row.sh)]
TABLE = {
    "web": [
        ("nginx-light", "nginx", "systemctl stop apache2; systemctl restart nginx",
         "curl -sI http://127.0.0.1/", "Server: nginx", ""),
        ("apache2", "apache2", "systemctl stop nginx; systemctl reset-failed apache2; systemctl start apache2",
         "curl -s http://127.0.0.1/", "Apache2 Debian Default Page", ""),
        ("php8.2-fpm", "php8.2-fpm", "a2enmod -q proxy_fcgi; a2enconf -q php8.2-fpm; systemctl restart apache2; "
         "echo '<?php echo 6*7;' >/var/www/html/x.php", "curl -s http://127.0.0.1/x.php", "^42$", ""),
        ("haproxy", "haproxy", "printf 'frontend f\\n bind :8081\\n mode http\\n default_backend b\\nbackend b\\n mode http\\n"
         " server s 127.0.0.1:80\\n' >>/etc/haproxy/haproxy.cfg; systemctl reset-failed haproxy; systemctl restart haproxy",
         "curl -s http://127.0.0.1:8081/", "Apache2 Debian Default Page", ""),
        ("squid", "squid", "echo 'shutdown_lifetime 1 seconds' >/etc/squid/conf.d/fast.conf; systemctl restart squid",
         "curl -s -x http://127.0.0.1:3128 http://127.0.0.1/", "Apache2 Debian Default Page", ""),
        ("prometheus-node-exporter", "prometheus-node-exporter", "", "curl -s http://127.0.0.1:9100/metrics",
         "^node_load1 ", "reload=no"),          # the SIGHUP of its ExecReload= ends it, which counts as clean
        ("tor", "tor@default", "", "nc -z 127.0.0.1 9050 && echo open", "open", ""),
    ],
    "data": [
        ("postgresql", "postgresql@15-main", "", "su postgres -c \"psql -Atc 'select 6*7'\"", "^42$",
         "result=exit-code"),   # its ExecStart=- forgives the signal, and ExecStop= fails then
        ("mariadb-server", "mariadb", "", "mariadb -Ne 'select 6*7'", "^42$", ""),
        ("redis-server", "redis-server", "", "redis-cli ping", "PONG", ""),
        ("memcached", "memcached", "", "printf 'version\\r\\nquit\\r\\n' | nc -w 5 127.0.0.1 11211", "^VERSION", ""),
        ("bind9", "named", "", "dig +short @127.0.0.1 localhost", "^127.0.0.1$", ""),
        ("mosquitto,mosquitto-clients", "mosquitto", "",
         "mosquitto_pub -r -t t -m hello42 && mosquitto_sub -C 1 -W 20 -t t", "hello42", ""),
        ("chrony", "chrony", "", "chronyc -n tracking", "Reference ID", ""),
        ("syncthing", "syncthing@root", "systemctl start syncthing@root", "curl -s -o /dev/null -D - http://127.0.0.1:8384/", "^X-Syncthing-Version: v1", ""),
        ("prometheus-redis-exporter", "prometheus-redis-exporter", "systemctl start redis-server",
         "curl -s http://127.0.0.1:9121/metrics", "^redis_up 1", "reload=no"),      # as node-exporter
    ],
    "mail": [
        ("cron", "cron", "echo '* * * * * root touch /run/cron-ran' >/etc/cron.d/probe",
         "rm -f /run/cron-ran; for i in $(seq 45); do sleep 1; [ -e /run/cron-ran ] && echo ran && break; done",
         "ran", ""),
        ("rsyslog", "rsyslog", "", "n=$(cat /proc/sys/kernel/random/uuid); logger $n; sleep 1; grep -c $n /var/log/syslog",
         "^[1-9]", "stop=no"),         # syslog.socket starts it at once again
        ("openssh-server", "ssh", "", "nc -w 5 127.0.0.1 22 </dev/null", "^SSH-2.0-OpenSSH", ""),
        ("dbus", "dbus", "", "dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.GetId",
         "string \"[0-9a-f]{32}\"", "kill=no stop=no"),
        ("dnsmasq", "dnsmasq", "echo address=/probe.test/10.9.8.7 >/etc/dnsmasq.d/probe; systemctl restart dnsmasq",
         "dig +short @127.0.0.1 probe.test", "^10.9.8.7$", ""),
        ("exim4-daemon-light", "exim4", "", "printf 'QUIT\\r\\n' | nc -w 20 127.0.0.1 25", "^220 .*Exim", "kill=no"),
        ("dovecot-imapd", "dovecot", "", "printf '1 LOGOUT\\r\\n' | nc -w 20 127.0.0.1 143", "OK .*ready", ""),
        ("fail2ban,python3-systemd", "fail2ban", "printf '[DEFAULT]\\nbackend=polling\\n' >/etc/fail2ban/jail.d/a.conf; "
         "touch /var/log/auth.log; systemctl reset-failed fail2ban; systemctl restart fail2ban", "fail2ban-client ping",
         "pong", ""),
        ("avahi-daemon,avahi-utils", "avahi-daemon", "", "avahi-resolve -4 -n $(hostname).local", "10.0.2", ""),
        ("cups", "cups", "", "curl -s http://127.0.0.1:631/", "CUPS", ""),
        ("smartmontools", "smartmontools", "echo 'smartd_opts=\"-q never\"' >>/etc/default/smartmontools; "
         "mkdir -p /etc/systemd/system/smartmontools.service.d; printf '[Unit]\\nConditionVirtualization=\\n' "
         ">/etc/systemd/system/smartmontools.service.d/here.conf; systemctl daemon-reload; systemctl reset-failed smartmontools; systemctl restart smartmontools", "pgrep -x smartd", "^[0-9]+$", ""),
        ("lvm2", "lvm2-monitor", "truncate -s 64M /var/tmp/pv; losetup /dev/loop5 /var/tmp/pv; pvcreate -q /dev/loop5; "
         "vgcreate -q vg /dev/loop5; lvcreate -q -n lv -L 16M vg", "udevadm settle; readlink /dev/vg/lv", "dm-", "kill=no"),
    ],
    "host": [
        ("unbound,dns-root-data", "unbound", "", "dig +short @127.0.0.1 localhost", "^127.0.0.1$", ""),
        ("postfix", "postfix@-", "", "printf 'QUIT\\r\\n' | nc -w 20 127.0.0.1 25", "^220 .*Postfix", "kill=no"),
        ("network-manager", "NetworkManager", "", "nmcli -t -f RUNNING general", "^running$", ""),
        ("wpasupplicant", "wpa_supplicant", "", "dbus-send --system --print-reply --dest=fi.w1.wpa_supplicant1 "
         "/fi/w1/wpa_supplicant1 org.freedesktop.DBus.Properties.Get string:fi.w1.wpa_supplicant1 string:DebugLevel",
         "variant +string", ""),
        ("containerd", "containerd", "", "ctr version", "Server:", ""),
        ("docker.io,busybox-static,apparmor", "docker", "", "tar -cC /bin busybox | docker import - bb >/dev/null; "
         "docker run --rm --network none bb /busybox expr 6 '*' 7", "^42$", ""),
        ("libvirt-daemon-system", "libvirtd", "", "virsh -c qemu:///system nodeinfo", "CPU model", ""),
        ("libvirt-daemon-system", "virtlogd", "", "virt-admin -c virtlogd:///system server-list", "virtlogd", ""),
        ("qemu-guest-agent", "qemu-guest-agent", "", "systemctl is-active qemu-guest-agent", "^active$", ""),
    ],
}
# These want the network, a device, a mount, or a kernel's facility that a container does not have.
NOT_CONTAINED = {"avahi-daemon", "lvm2-monitor", "chrony", "docker", "qemu-guest-agent"}
tap = Tap()


def ask(said, row):
    """said: a function that runs a script, and returns what it has said."""
    package, unit, prepare, question, answer, options = row
    words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in [unit, question, answer] + options.split())
    output = said(f". /usr/lib/rouse-guest/row.sh; {{ {prepare or ':'}; }} >/run/prepare.out 2>&1; row {words}", 1500)
    count = 0
    for line in output.splitlines():
        match = re.match(r"(ok|not ok)\t([^\t]*)\t?(.*)", line)
        if match:
            count += 1
            tap.ok(match[1] == "ok", match[2], match[3].replace("~", "\n"))
    if not count:
        tap.ok(False, f"{unit}: can be asked", output)


def agent_answers(path):
    """The guest agent, asked from the host over its virtio port."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(120)
        end.connect(path)
        end.sendall(b'{"execute":"guest-ping"}\n')
        return json.loads(end.makefile().readline()) == {"return": {}}


ROW = os.path.join(HERE, "packages/row.sh")
ONLY = [name for name in os.environ.get("ROW", "").split(",") if name]


def contained(name, rows):
    packages = ALWAYS + [package for row in rows for package in row[0].split(",")]
    with open(ROW) as file:
        texts = {"/usr/lib/rouse-guest/row.sh": file.read(), "/etc/network/interfaces": "auto lo\niface lo inet loopback\n"}
    try:
        with container.container("", ",".join(packages), texts) as inside:
            if tap.ok(inside.up(), f"{name}: PID 1 runs", inside.text.decode(errors="replace")):
                inside.out("timeout 300 systemctl is-system-running --wait")
                for row in rows:
                    if row[1] in (ONLY or [row[1]]) and row[1] not in NOT_CONTAINED:
                        ask(inside.out, row)
    except (image.Error, OSError, subprocess.SubprocessError) as error:
        tap.ok(False, name, error)


def group(name, rows):
    if ONLY:    # those before them stay: some rows ask what another one runs
        rows = rows[:max(number for number, row in enumerate(rows) if row[1] in ONLY) + 1]
    packages = ALWAYS + [package for row in rows for package in row[0].split(",")]
    arguments, path = [], None
    if "qemu-guest-agent" in packages:
        path = os.path.join("/tmp", f"rouse-qga-{os.getpid()}")
        arguments = ["-device", "virtio-serial-pci", "-chardev", f"socket,id=qga,path={path},server=on,wait=off",
                     "-device", "virtserialport,chardev=qga,name=org.qemu.guest_agent.0"]
    with tap.guest(name, packages=",".join(packages), mem=1536, arguments=arguments,
                   copies=[(ROW, "/usr/lib/rouse-guest/row.sh")]) as guest:
        guest.wait_ready(TIMEOUT)
        for row in rows:
            if row[1] in (ONLY or [row[1]]):
                ask(guest.out, row)
        if path and (not ONLY or "qemu-guest-agent" in ONLY):
            tap.ok(agent_answers(path), "qemu-guest-agent: answers the host")
        failed = guest.out("systemctl list-units --failed --no-legend --plain")
        tap.diag(f"{name}: failed at the end: {failed or 'none'}")
    if path and os.path.exists(path):
        os.unlink(path)


if os.path.basename(sys.argv[0]) == "packages.t":
    os.environ.setdefault("TIMEOUT", "900")
    TIMEOUT = max(TIMEOUT, 900)
    for name in set(ONLY) - {row[1] for rows in TABLE.values() for row in rows}:
        tap.ok(False, f"ROW={name} names a row")
    for name, rows in TABLE.items():
        if os.environ.get("GROUP", name) == name and {row[1] for row in rows}.intersection(ONLY or [rows[0][1]]):
            (contained if os.environ.get("IN") == "container" else group)(name, rows)
    tap.done()
