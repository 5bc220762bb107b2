#!/usr/bin/env python3
"""The bus of a stock Debian with libpam-systemd and polkit: logind, hostnamed,
localed and timedated unmodified, sessions of ssh logins with the user's own
manager, polkit's answers, systemd's own systemctl, what busctl shows. One
guest, one script."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import steps
from tap import TIMEOUT, Tap

tap = Tap()
PACKAGES = "libpam-systemd,polkitd,tzdata"
KILLS = int(os.environ.get("KILLS") or 100)
SSH = "ssh -o StrictHostKeyChecking=no -o ConnectTimeout=60 -o BatchMode=yes"
SD = "/bin/systemctl.systemd --no-pager"
BUSCTL = "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager"

STEPS = [
    ("until systemctl is-active -q rouse-busd systemd-logind; do sleep 0.2; done; systemctl is-active rouse-busd", 0, "^active$"),
    # Debian's programs
    ("hostnamectl", 0, "Operating System: Debian"),
    ("hostnamectl set-hostname moved && hostname", 0, "^moved$"),
    ("timedatectl", 0, "Time zone: "),
    ("timedatectl set-timezone Europe/Paris && readlink -f /etc/localtime", 0, "zoneinfo/Europe/Paris$"),
    ("localectl", 0, "System Locale"),
    ("localectl set-locale LANG=C.UTF-8 && localectl", 0, "System Locale: LANG=C.UTF-8"),
    (f"{SD} status ssh", 0, r"Active: active \(running\)"),
    (f"{SD} stop cron && {SD} is-active cron", 3, "^inactive$"),
    (f"{SD} start cron && {SD} is-active cron", 0, "^active$"),
    (f"{SD} start nosuch", 5, "not found"),
    (f"{SD} list-units", 0, "ssh.service +loaded +active +running"),
    (f"{SD} list-timers", 0, "fstrim.timer|apt-daily.timer"),
    (f"{SD} daemon-reload && timeout 200 {SD} is-system-running --wait || {{ systemctl list-jobs; false; }}", 0, "running"),
    ("busctl tree org.freedesktop.systemd1 | grep -c /unit/", 0, "^[0-9]{2,}$"),
    ("busctl introspect org.freedesktop.systemd1 /org/freedesktop/systemd1/unit/ssh_2eservice | grep -c property", 0,
     "^3[0-9][0-9]|^4[0-9][0-9]"),
    # sessions
    ("useradd -m -s /bin/bash alice && mkdir -p /home/alice/.ssh /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && "
     "cp /root/.ssh/id_ed25519.pub /home/alice/.ssh/authorized_keys && chown -R alice:alice /home/alice", 0, ""),
    (f"{SSH} alice@localhost 'cat /proc/self/cgroup; echo $XDG_RUNTIME_DIR; loginctl list-sessions --no-legend'", 0,
     r"^0::/user.slice/user-1000.slice/session-\w+.scope\n/run/user/1000\n *\w+ 1000 alice"),
    (f"{SSH} alice@localhost 'systemctl --user show -p SystemState --value; systemctl --user start dbus.socket; "
     "systemctl is-active user@1000.service'", 0, r"active$"),
    (f"{SSH} alice@localhost 'systemctl --no-ask-password restart cron; {BUSCTL} StopUnit ss cron.service replace; "
     f"{BUSCTL} GetUnit s cron.service'", 0, "(?i)(denied|authentication required)(.|\n)*unit/cron_2eservice"),
    (f"{SSH} alice@localhost 'timedatectl --no-ask-password set-timezone Asia/Tokyo'", 1, "(?i)denied|authentication required"),
    ("mkdir -p /etc/polkit-1/rules.d; echo 'polkit.addRule(function(a, s) { if (s.user == \"alice\") return polkit.Result.YES; });' "
     f">/etc/polkit-1/rules.d/10-alice.rules; systemctl try-restart polkit; {SSH} alice@localhost "
     f"'{BUSCTL} RestartUnit ss cron.service replace'", 0, "/org/freedesktop/systemd1/job/"),
    ("loginctl enable-linger alice && until systemctl is-active -q user@1000.service; do sleep 0.2; done; "
     "loginctl user-status alice --no-pager", 0, "Linger: yes"),
    (f"{SSH} alice@localhost 'exec sleep 1000' >/dev/null 2>&1 & until loginctl list-sessions --no-legend | grep -q alice; do sleep 0.2; done; "
     "loginctl terminate-user alice; wait $!; test $? != 0", 0, ""),
    # a login on a virtual console: a session with a seat; killed by loginctl
    ("setsid sh -c 'exec login -f alice </dev/tty9 >/dev/tty9 2>&1' >/dev/null 2>&1 & until loginctl list-sessions --no-legend | grep -q tty9; do sleep 0.2; done; "
     "s=$(loginctl list-sessions --no-legend | awk '/tty9/ {print $1}'); loginctl show-session -p Seat -p VTNr -p Scope -p Type $s; "
     "until systemctl is-active session-$s.scope; do sleep 0.2; done; loginctl kill-session -s KILL $s; until ! systemctl is-active -q session-$s.scope; do sleep 0.2; done", 0,
     r"VTNr=9\nSeat=seat0\n(.*\n)*Scope=session-\w+.scope\n(.*\n)*active"),
    ("loginctl disable-linger alice; until ! systemctl is-active -q user@1000.service; do sleep 0.2; done; "
     "until ! systemctl is-active -q user-1000.slice; do sleep 0.2; done; loginctl list-users --no-legend", 0, r"\A\Z"),
    ("systemd-inhibit --what=shutdown --who=me --why=because systemd-inhibit --list --no-pager", 0, "shutdown +because"),
    # transient units, as programs ask for them
    (f"{BUSCTL} StartTransientUnit 'ssa(sv)a(sa(sv))' one.service fail 4 Description s '50 % of it' "
     "ExecStart 'a(sasb)' 1 /bin/sleep 2 sleep 1000 false MemoryMax t 67108864 Environment as 1 'A=b c' 0 && "
     "until systemctl is-active -q one.service; do sleep 0.1; done; cat /sys/fs/cgroup/system.slice/one.service/memory.max; "
     "systemctl show -p Description --value one.service", 0, r"^67108864\n50 % of it$"),
    (f"{BUSCTL} SetUnitProperties 'sba(sv)' one.service true 1 MemoryMax t 33554432; "
     "cat /sys/fs/cgroup/system.slice/one.service/memory.max", 0, "^33554432$"),
    (f"sleep 1000 >/dev/null 2>&1 & {BUSCTL} StartTransientUnit 'ssa(sv)a(sa(sv))' two.scope fail 3 PIDs au 1 $! Delegate b true Slice s a.slice 0; "
     "until systemctl is-active -q two.scope; do sleep 0.1; done; cat /proc/$!/cgroup", 0, "^0::/a.slice/two.scope"),
    # killed under load: no job lost, no service touched
    (f"main=$(systemctl show -p MainPID --value ssh cron); mkdir -p /run/n; for i in $(seq {KILLS}); do "
     f"{{ {BUSCTL} StartTransientUnit 'ssa(sv)a(sa(sv))' n$i.service fail 1 ExecStart 'a(sasb)' 1 /bin/touch 2 touch /run/n/$i false 0 "
     ">/dev/null 2>&1 && echo $i >>/run/asked; } & "
     "p=$(systemctl show -p MainPID --value rouse-busd); systemctl kill -s KILL rouse-busd; wait; "
     "until test \"$(systemctl show -p MainPID --value rouse-busd)\" != $p && systemctl is-active -q rouse-busd; do sleep 0.1; done; done; "
     "for i in $(cat /run/asked); do until test -e /run/n/$i; do sleep 0.1; done; done; "
     "systemctl is-active cron rouse-busd; test \"$main\" = \"$(systemctl show -p MainPID --value ssh cron)\" && test -s /run/asked && "
     "systemctl list-jobs", 0, r"^active\nactive\nNo jobs running"),
    ("systemctl list-units --failed --no-legend --plain | grep .", 1, "^$"),
]

steps.TIMEOUT = max(TIMEOUT, 900)         # about two minutes of a guest that is alone

with tap.guest("the bus of a Debian", packages=PACKAGES, mem=768) as guest:
    steps.run(tap, guest, STEPS, bound=400)
    # the power button is logind's; held by an inhibitor, it does nothing
    guest.out("systemd-inhibit --what=handle-power-key --mode=block sleep 1000 </dev/null >/dev/null 2>&1 & "
              "until systemd-inhibit --list --no-pager | grep -q handle-power-key; do sleep 0.2; done", TIMEOUT)
    guest.powerdown()
    tap.is_(guest.out("sleep 5; pkill -f 'sleep 1000$'; systemctl is-system-running", TIMEOUT), "running", "an inhibited power button does nothing")
    guest.powerdown()
    guest.expect("reboot: Power down", TIMEOUT)
    tap.ok(True, "logind powers off at the power button")
with tap.guest("a machine that is idle", packages=PACKAGES, mem=768) as guest:
    guest.out("mkdir -p /etc/systemd/logind.conf.d; printf '[Login]\\nIdleAction=poweroff\\nIdleActionSec=5\\n' >/etc/systemd/logind.conf.d/idle.conf; "
              "until systemctl is-active -q systemd-logind; do sleep 0.2; done; systemctl restart systemd-logind", TIMEOUT)
    guest.expect("reboot: Power down", TIMEOUT)
    tap.ok(True, "logind powers off when nobody has done anything for a while")
tap.done()
