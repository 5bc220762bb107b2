#!/usr/bin/env python3
"""A stock guest whose PID 1 executes itself anew, once when asked, five times after a crash, and once as an upgrade:
every unit, job, process, timer and descriptor is as it was (but for the console, the kernel's log and the mount table:
each program opens one when it first needs it). A sixth crash leaves the services and a shell."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import Tap

tap = Tap()
UNITS = {
    "keeper.service": "[Service]\nType=notify\nNotifyAccess=all\nRestart=always\nRestartSec=100ms\nWatchdogSec=1000\n"
                      "ExecStart=/bin/sh -c 'systemd-notify --ready --status=keeps; exec sleep infinity'\n",
    "lazy.socket": "[Socket]\nListenStream=/run/lazy.sock\n",
    "lazy.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    "slow.service": "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                    "ExecStart=/bin/sh -c 'while ! [ -e /run/go ]; do sleep 0.2; done'\nExecStart=/bin/touch /run/second\n",
    "after.service": "[Unit]\nAfter=slow.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n",
    **{f"mnt-{x}.mount": f"[Mount]\nWhat=tmpfs\nWhere=/mnt/{x}\nType=tmpfs\n" for x in "ab"},
    **{f"mnt-{x}.automount": f"[Automount]\nWhere=/mnt/{x}\n" for x in "ab"},
    "tick.timer": "[Timer]\nOnActiveSec=1h\nOnCalendar=2040-01-01\nUnit=lazy.service\n",
}
PREPARE = "".join(f"cat >/etc/systemd/system/{name} <<'EOT'\n{text}EOT\n" for name, text in UNITS.items()) + """
systemctl is-system-running --wait >/dev/null
systemctl daemon-reload && systemctl start keeper lazy.socket tick.timer mnt-a.automount mnt-b.automount
touch /mnt/b/before
systemd-run --scope -q -u live -p MemoryMax=64M sleep 1000 </dev/null >/dev/null 2>&1 &
until systemctl is-active -q live.scope; do sleep 0.1; done
mkdir -p /run/mnt && mount -t tmpfs other /run/mnt
(systemctl start slow.service; echo slow=$? >/run/slow.rc) >/dev/null 2>&1 &
until [ "$(systemctl is-active slow.service)" = activating ]; do sleep 0.1; done
(systemctl start after.service; echo after=$? >/run/after.rc) >/dev/null 2>&1 &
until [ "$(systemctl list-jobs --no-legend | wc -l)" = 2 ]; do sleep 0.1; done
systemctl set-environment KEPT=yes
cat >/run/state <<'EOT'
systemctl list-units --all --plain --no-legend | awk '{ print $1, $2, $3, $4 }' | sort
systemctl show -p Id,MainPID,NRestarts,InvocationID,ActiveEnterTimestampMonotonic,StatusText -- \\
        keeper ssh nginx cron dbus systemd-udevd systemd-journald tick.timer -.mount run-mnt.mount mnt-b.mount
systemctl show -p Id,ActiveState,SubState,InvocationID,MemoryMax,ControlGroup live.scope mnt-a.automount mnt-b.automount
cat /sys/fs/cgroup/system.slice/live.scope/cgroup.procs
systemctl list-jobs --no-legend
systemctl show-environment
systemctl list-timers --no-legend | awk '{ print $NF }'
for fd in /proc/1/fd/*; do readlink $fd; done | sed 's/[0-9]//g' | sort | uniq -c | grep -vE ' 1 (/dev/console|/dev/kmsg|/proc//mountinfo)$'
EOT
sh /run/state >/run/before
"""
SAME = "sh /run/state >/run/now; diff /run/before /run/now && echo same; tr '\\0' ' ' </proc/1/cmdline\n"
AFTER = """
touch /run/go
until [ -e /run/slow.rc ] && [ -e /run/after.rc ]; do sleep 0.2; done
cat /run/slow.rc /run/after.rc; ls /run/second
old=$(systemctl show -p MainPID --value keeper); kill -9 $old
until new=$(systemctl show -p MainPID --value keeper); [ $new != $old ] && [ $new != 0 ]; do sleep 0.1; done
until systemctl is-active keeper | grep -v activating; do sleep 0.1; done
umount /run/mnt
until [ "$(systemctl is-active run-mnt.mount)" = inactive ]; do sleep 0.1; done; echo unmounted
touch /mnt/a/after && systemctl is-active mnt-a.mount; ls /mnt/b
umount /mnt/b; until [ "$(systemctl is-active mnt-b.mount)" = inactive ]; do sleep 0.1; done
touch /mnt/b/again && systemctl is-active mnt-b.mount && echo automounts
kill $(cat /sys/fs/cgroup/system.slice/live.scope/cgroup.procs)
until ! systemctl is-active -q live.scope; do sleep 0.1; done; ls -d /sys/fs/cgroup/system.slice/live.scope || echo scope has ended
cp /usr/sbin/rouse /usr/sbin/rouse.new && mv /usr/sbin/rouse.new /usr/sbin/rouse
systemctl daemon-reexec; systemctl is-active keeper; readlink /proc/1/exe
systemctl stop keeper nginx; systemctl is-active keeper nginx cron
systemctl start nginx; systemctl is-active nginx
"""

with tap.guest("a guest that executes itself anew") as guest:
    guest.out(PREPARE, 900)
    for number in range(6):
        how = f"crash {number}" if number else "daemon-reexec"
        text = guest.out(("kill -SEGV 1; sleep 0.5\n" if number else "systemctl daemon-reexec\n") + SAME, 900)
        tap.like(text, "^same$", f"{how}: all is as it was")
        tap.like(text, rf"--state \d+ {number} ", f"{how}: PID 1 has executed itself")
    text = guest.out(AFTER, 900)
    tap.like(text, "^slow=0\nafter=0\n/run/second\n", "jobs under way have ended, their clients were told")
    tap.like(text, "^/run/second\nactive\n", "what is killed is started again")
    tap.like(text, "^unmounted$", "mounts are seen to go")
    tap.like(text, "^active\nbefore\nactive\nautomounts$", "automounts, one that waited and one that was mounted, go on")
    tap.like(text, "^scope has ended$", "a scope is seen to end")
    tap.like(text, "^active\n/usr/sbin/rouse$", "an upgrade: the new file is executed")
    tap.like(text, "^inactive\ninactive\nactive\nactive$", "stop and start")
    text = guest.out("kill -SEGV 1; sleep 1; dmesg | tail -3; pgrep -c nginx", 900)
    tap.like(text, "one crash too many", "a sixth crash is the last")
    tap.like(text, "^[1-9][0-9]*$", "services run on")
tap.done()
