#!/usr/bin/env python3
"""Every unit file of the packages that people run, through `rousectl verify`.

Downloads the packages with all that they depend on, unpacks them over each other
into one root (kept in the image cache), and verifies every unit file there is.
Whatever verify says must be in EXPECTED: no directive is unknown, none without
effect but those that are named there with the reason. No guest; the first run
downloads 300 MB and takes some 3 minutes, later ones a second.
"""
import os
import re
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import cache
import image
from tap import Tap

PACKAGES = """apache2 nginx postgresql mariadb-server redis-server openssh-server cron rsyslog dbus chrony dnsmasq
unbound bind9 haproxy squid memcached mosquitto php8.2-fpm exim4 postfix dovecot-imapd fail2ban smartmontools mdadm
lvm2 network-manager wpasupplicant bluez avahi-daemon cups cups-browsed containerd docker.io libvirt-daemon-system
qemu-guest-agent tor syncthing prometheus-node-exporter systemd""".split()
# What units execute and no dependency brings, since it is essential; the other halves of systemd and of the above.
MORE = """bash coreutils dash udev systemd-sysv systemd-timesyncd systemd-resolved systemd-container systemd-oomd
systemd-journal-remote thin-provisioning-tools dbus-user-session ifupdown""".split()
SUFFIXES = ("service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "scope")
UNITS = "usr/lib/systemd/system"

# Patterns of what verify says of these files, and why it is right to.
EXPECTED = {
    r"chrony-wait\.service: .*chronyd\.service": "Debian's chrony.service gives that name by an alias when it is enabled",
    r"mdadm-shutdown\.service: ExecStop=/usr/bin/dracut": "ConditionFileIsExecutable= of the same unit says so",
    r"quotaon\.service: ExecStart=/sbin/quotaon": "ConditionFileIsExecutable=",
    r"rc-local\.service: ExecStart=/etc/rc\.local": "ConditionFileIsExecutable=",
    r"syslog\.socket: there is no unit syslog\.service": "an alias that the syslog daemon gets when it is enabled",
    r"ManagedOOM\w+= has no effect": "they configure systemd-oomd over the manager's varlink interface",
}

tap = Tap()


def unpack(work):
    """One root with all packages unpacked over each other; what conflicts, the last one wins."""
    archives, tree = os.path.join(work, "archives"), os.path.join(work, "tree")
    os.makedirs(os.path.join(archives, "partial"))
    for name in ("bin", "sbin", "lib", "lib64"):
        os.makedirs(os.path.join(tree, "usr", name))
        os.symlink("usr/" + name, os.path.join(tree, name))
    for package in PACKAGES + MORE:     # one by one: some conflict
        image.run(["apt-get", "-q", "-y", "-oDir::State::status=/dev/null", "-oDir::Cache::archives=" + archives,
                   "-oAPT::Sandbox::User=root", "--no-install-recommends", "--download-only", "install", package])
    image.run(["sh", "-c", 'for d in "$0"/*.deb; do dpkg-deb --fsys-tarfile "$d" | tar -x -C "$1" '
               "--keep-directory-symlink --exclude=./usr/share/doc --exclude=./usr/share/man "
               "--exclude=./usr/share/locale --exclude=./usr/include --exclude='*.so' --exclude='*.so.[0-9]*'; done",
               archives, tree])
    # Programs are checked for being there, not executed.
    image.run(["sh", "-c", 'rm -r "$0"; find "$1/usr" -type f -perm /111 -exec truncate -s 0 {} +', archives, tree])


def verify(tree, names):
    command = [os.path.join(image.OUT, "rousectl"), "verify", "--recursive-errors=no", "--root=" + tree] + names
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


try:
    path = cache.entry("corpus", cache.digest(1, *PACKAGES, *MORE, "2"), unpack, image.say)
except image.Error as error:
    tap.ok(False, "the packages can be downloaded and unpacked", error)
    tap.done()
tree = os.path.join(path, "tree")
names = sorted(name for name in os.listdir(os.path.join(tree, UNITS)) if name.rpartition(".")[2] in SUFFIXES)
tap.ok(len(names) > 330, f"there are {len(names)} unit files", names)
done = verify(tree, names)
said = done.stderr.splitlines()
tap.ok(done.returncode in (0, 1), "verify comes to its end", f"status {done.returncode}\n{done.stderr[-2000:]}")
unexpected = [line for line in said if not any(re.search(pattern, line) for pattern in EXPECTED)]
tap.is_([line for line in unexpected if "Unknown" in line], [], "no directive or section is unknown")
tap.is_([line for line in unexpected if "no effect" in line], [], "none is without effect")
tap.is_([line for line in unexpected if not re.search("Unknown|no effect", line)], [], "nothing else is wrong")
for pattern, reason in EXPECTED.items():
    tap.ok(any(re.search(pattern, line) for line in said), f"named: {pattern} ({reason})")

# The same must be seen when something is wrong: one made-up directive in one file.
broken = [name for name in names if name == "nginx.service"]
with open(os.path.join(tree, UNITS, "nginx.service")) as file:
    text = file.read()
local = os.path.join(tree, "etc/systemd/system/nginx.service")
os.makedirs(os.path.dirname(local), exist_ok=True)
try:
    with open(local, "w") as file:
        file.write(text.replace("[Service]", "[Service]\nNoSuchDirective=1"))
    done = verify(tree, broken)
    tap.ok(done.returncode == 1 and "Unknown key 'NoSuchDirective'" in done.stderr, "a made-up directive is named",
           done.stderr)
finally:
    os.unlink(local)
done = verify(tree, broken)
tap.ok(done.returncode == 0, "without it nginx.service is good", done.stderr)
tap.done()
