"""Settings and scripts of a Debian that a service is seen to get, and to be made of: for a guest (all/debian.t) and for a
container on this machine (all/container.t). Both have .out(script)."""
import os

# A script as it was written for sysvinit: says in which order it came, runs until it is stopped.
SCRIPT = """#!/bin/sh
%s
case $1 in
start) echo %s >>/run/sysv-order; setsid sleep infinity </dev/null >/dev/null 2>&1 & echo $! >/run/%s.pid ;;
stop) kill $(cat /run/%s.pid) ;;
esac
"""
LSB = """### BEGIN INIT INFO
# Provides: %s
# Required-Start: $remote_fs %s
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
# Short-Description: the script %s
### END INIT INFO"""
XINETD = """service echo
{
    type = INTERNAL UNLISTED
    id = echo-probe
    socket_type = stream
    protocol = tcp
    port = 7007
    wait = no
}
"""
TEXTS = {
    "/etc/locale.conf": "LANG=C.UTF-8\nLC_TIME='POSIX'\n",
    "/etc/systemd/system.conf.d/50-site.conf": "[Manager]\nDefaultEnvironment=SITE=here \"TWO=a b\"\n"
                                               "DefaultLimitNOFILE=2000:4000\nDefaultTimeoutStopSec=77s\n",
    "/etc/systemd/system/seen.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/local/bin/seen\n",
    "/usr/local/bin/seen": "#!/bin/sh\nexec 3>/run/seen\nenv >&3\necho NOFILE=$(ulimit -Sn):$(ulimit -Hn) >&3\n"
                           "for fd in 1 2; do echo FD$fd=$(stat -L -c %d:%i /proc/$$/fd/$fd) >&3; done\n",
    "/etc/xinetd.d/probe": XINETD,
}
for number, (name, needs) in enumerate((("zulu", ""), ("mike", "zulu"), ("alpha", "mike"))):
    TEXTS[f"/etc/init.d/{name}"] = SCRIPT % (LSB % (name, needs, name), name, name, name)
# without a header the numbers of the links count
for name in ("yankee", "bravo"):
    TEXTS[f"/etc/init.d/{name}"] = SCRIPT % ("# no header", name, name, name)
LINKS = {f"/etc/rc{level}.d/S{number:02}{name}": f"../init.d/{name}" for level in "2345"
         for number, name in ((1, "zulu"), (2, "mike"), (3, "alpha"), (20, "yankee"), (30, "bravo"))}


def files(work, texts, links=()):
    """A directory with these files, for the guest; scripts can be executed."""
    for path, text in texts.items():
        here = work + path
        os.makedirs(os.path.dirname(here), exist_ok=True)
        with open(here, "w") as file:
            file.write(text)
        os.chmod(here, 0o755 if text.startswith("#!") else 0o644)
    for path, target in dict(links).items():
        os.makedirs(os.path.dirname(work + path), exist_ok=True)
        os.symlink(target, work + path)
    return [(work, "/")]


def settings(tap, guest):
    """What a service sees of the manager's settings."""
    seen = dict(line.split("=", 1) for line in guest.out("cat /run/seen").split("\n") if "=" in line)
    for key, value in (("LANG", "C.UTF-8"), ("LC_TIME", "POSIX"), ("SITE", "here"), ("TWO", "a b"),
                       ("NOFILE", "2000:4000")):
        tap.is_(seen.get(key), value, f"a service sees {key}")
    tap.is_(guest.out("systemctl show -p TimeoutStopUSec --value seen"), "1min 17s", "DefaultTimeoutStopSec counts")
    tap.is_(seen.get("INVOCATION_ID"), guest.out("systemctl show -p InvocationID --value seen"), "INVOCATION_ID is the unit's")
    tap.ok(seen.get("JOURNAL_STREAM") in (seen.get("FD1"), seen.get("FD2")) and seen.get("FD1"),
           "JOURNAL_STREAM is the device and inode of its output", seen)
    again = guest.out("systemctl restart seen; grep INVOCATION_ID /run/seen; systemctl show -p InvocationID --value seen").split()
    tap.ok(len(again) == 2 and again[0] == "INVOCATION_ID=" + again[1] and again[1] != seen.get("INVOCATION_ID"),
           "the next start has another one", again)
    tap.is_(guest.out("systemctl get-default; systemctl is-active graphical.target multi-user.target"),
            "graphical.target\nactive\nactive", "graphical.target is the default, and reached")


def sysv(tap, guest):
    """Scripts of /etc/init.d, ours and that of a package."""
    order = guest.out("cat /run/sysv-order").split()
    tap.is_([name for name in order if name in ("zulu", "mike", "alpha")], ["zulu", "mike", "alpha"],
            "scripts start in the order of their headers")
    tap.is_([name for name in order if name in ("yankee", "bravo")], ["yankee", "bravo"],
            "without a header in the order of their links")
    tap.is_(guest.out("systemctl is-active zulu mike alpha yankee bravo xinetd").split(), ["active"] * 6, "they are units")
    tap.is_(guest.out("systemctl show -p SourcePath,Description zulu"),
            "Description=LSB: the script zulu\nSourcePath=/etc/init.d/zulu", "that say where they come from")
    tap.is_(guest.out("systemctl stop mike; for i in $(seq 100); do [ -e /proc/$(cat /run/mike.pid) ] || break; sleep 0.1; done; "
                      "ls -d /proc/$(cat /run/mike.pid) 2>/dev/null; systemctl is-active mike"), "inactive", "they stop")
    tap.is_(guest.out("service xinetd restart >/dev/null 2>&1; systemctl is-active xinetd; "
                      "for i in $(seq 100); do timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/7007; echo hello >&3; "
                      "head -n 1 <&3' 2>/dev/null && break; sleep 0.1; done"),
            "active\nhello", "a package that has only a script does its work (xinetd)")
    tap.is_(guest.out("systemctl stop xinetd; systemctl is-active xinetd; pgrep -x xinetd"), "inactive", "and stops")
    tap.is_(guest.out("systemctl disable xinetd >/dev/null 2>&1; ls /etc/rc2.d | grep -c S..xinetd; "
                      "systemctl is-enabled xinetd 2>/dev/null"), "0\ndisabled", "systemctl disable takes its links")
    tap.is_(guest.out("systemctl enable xinetd >/dev/null 2>&1; ls /etc/rc2.d | grep -c S..xinetd; "
                      "systemctl is-enabled xinetd 2>/dev/null"), "1\nenabled", "systemctl enable makes them")


USER_DATA = """#cloud-config
locale: C.UTF-8
ssh_deletekeys: false
users:
  - name: cloudy
    shell: /bin/bash
write_files:
  - path: /etc/cloud-probe
    content: "from the seed\\n"
runcmd:
  - [touch, /run/cloud-ran]
"""
META_DATA = "instance-id: i-probe\nlocal-hostname: cloudhost\n"


def cloud(tap, guest, timeout):
    """cloud-init, with such a seed (NoCloud)."""
    tap.is_(guest.out("timeout 800 cloud-init status --wait | tr -d .", timeout).strip(), "status: done",
            "cloud-init comes to its end")
    tap.is_(guest.out("getent passwd cloudy | cut -d: -f7; cat /etc/cloud-probe; hostname; ls /run/cloud-ran; "
                      "cat /run/cloud-init/.instance-id"),
            "/bin/bash\nfrom the seed\ncloudhost\n/run/cloud-ran\ni-probe", "it has done what its seed says")
    tap.is_(guest.out("systemctl is-active cloud-init-local cloud-init cloud-config cloud-final cloud-init.target").split(),
            ["active"] * 5, "its units are active")
