#!/usr/bin/env python3
"""What is made while the system runs: scopes, transient units of all kinds by
systemd-run, properties that are set, units that are frozen, automounts. One
guest, one script: each step is a command, its exit status and a pattern of
what it prints."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import steps
from tap import TIMEOUT, Tap

tap = Tap()
CG = "/sys/fs/cgroup"

STEPS = [
    # scopes
    ("systemd-run --scope -q -u sc1 -p MemoryMax=64M --slice=test "
     "sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/test.slice/sc1.scope/memory.max; "
     "systemctl is-active sc1.scope test.slice; systemctl show -p SubState --value sc1.scope; exit 7'",
     7, r"^0::/test.slice/sc1.scope\n67108864\nactive\nactive\nrunning$"),
    ("until ! systemctl is-active -q sc1.scope; do sleep 0.05; done; systemctl status sc1.scope", 4, "could not be found"),
    (f"test ! -e {CG}/test.slice/sc1.scope", 0, ""),
    ("systemd-run --scope -u sc2 sleep 1000 & until systemctl is-active -q sc2.scope; do sleep 0.05; done; "
     "systemctl status sc2.scope; systemctl stop sc2.scope; wait $!", 143, r"Active: active \(running\)(.|\n)*sleep 1000"),
    ("systemd-run --scope -q -u sc3 -p RuntimeMaxSec=100ms sleep 1000; "
     "until systemctl is-failed -q sc3.scope; do sleep 0.05; done; systemctl show -p Result sc3.scope; "
     "systemctl reset-failed sc3.scope", 0, "^Result=timeout$"),
    ("systemctl cat sc3.scope", 1, ""),
    ("systemd-run --scope -q -p NoSuch=1 true", 1, "Unknown property 'NoSuch'"),
    ("systemd-run --scope -q --uid=nobody --nice=7 -E A=b sh -c 'id -un; nice; echo $A'", 0, r"^nobody\n7\nb$"),
    ("systemctl start nothere.scope", 5, "not found"),
    ("systemctl is-active init.scope", 0, "^active$"),
    # services
    ("systemd-run -q --wait -p CollectMode=inactive-or-failed sh -c 'exit 3'", 3, ""),
    ("systemd-run --wait -u w1 true", 0, r"^Running as unit: w1.service\nFinished with result: success\n"
     r"Main processes terminated with: code=exited/status=0\nService runtime: "),
    ("systemd-run -q --wait -p SuccessExitStatus=11 sh -c 'exit 11'", 0, "^$"),
    ("systemctl show -p LoadState --value w1; ls /run/systemd/transient/", 0, r"^not-found$"),
    ("systemd-run -q -u w2 --description='It waits' sleep 1000; systemctl cat w2", 0,
     r"# /run/systemd/transient/w2.service\n(.|\n)*\[Unit\]\nDescription=It waits\n(.|\n)*\[Service\]\nExecStart=\"/usr/bin/sleep\" \"1000\""),
    ("systemd-run -q -u w2 true", 1, "w2.service was already loaded or has a fragment file"),
    ("systemd-run -q -u nginx true", 1, "already loaded or has a fragment"),
    ("systemctl daemon-reload; systemctl show -p Transient,ActiveState w2; systemctl stop w2; "
     "while test -e /run/systemd/transient/w2.service; do sleep 0.05; done", 0, r"^Transient=yes\nActiveState=active$"),
    ("systemd-run -q -p Nice=abc true", 1, "Property 'Nice=abc' was not understood"),
    ("systemd-run -q -u w3 false; until systemctl is-failed w3; do sleep 0.05; done; systemctl reset-failed w3; systemctl is-failed w3", 1,
     r"failed\ninactive$"),
    ("systemd-run -q --pipe --wait cat < /etc/hostname | tr a-z A-Z", 0, "^ROUSE-GUEST$"),
    ("echo in | systemd-run -q --pipe sh -c 'cat; echo err >&2; exit 4'", 4, r"^in\nerr$"),
    ("systemd-run -q --pty sh -c 'tty; stty size; exit 5' </dev/null", 5, r"^/dev/pts/\d+\r?\n"),
    ("cd /usr/lib; systemd-run -q --pipe --same-dir -E B='x y$z%' --uid=daemon --nice=3 sh -c 'pwd; echo $B; id -un; nice'",
     0, r"^/usr/lib\nx y\$z%\ndaemon\n3$"),
    ("systemd-run -q --no-block -u w4 -r true; until systemctl is-active -q w4; do sleep 0.05; done; "
     "systemctl show -p SubState w4; systemctl stop w4", 0, "^SubState=exited$"),
    # triggers
    ("systemd-run -u t1 --on-active=100ms --timer-property=AccuracySec=1ms touch /run/t1; "
     "until test -e /run/t1; do sleep 0.05; done; until ! systemctl is-active -q t1.timer; do sleep 0.05; done; "
     "systemctl show -p LoadState --value t1.timer t1.service", 0,
     r"^Running timer as unit: t1.timer\nWill run service as unit: t1.service\nnot-found\n+not-found$"),
    ("systemd-run -q -u t2 --path-property=PathExists=/run/t2 touch /run/t2.done; systemctl is-active t2.path; "
     "touch /run/t2; until test -e /run/t2.done; do sleep 0.05; done; rm /run/t2; systemctl stop t2.path", 0, "^active$"),
    ("systemd-run -q -u t3 --socket-property=ListenStream=/run/t3.sock --socket-property=Accept=no "
     "-p StandardInput=socket sh -c 'echo $LISTEN_FDS > /run/t3.done'; ls /run/t3.sock; "
     "perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Peer => \"/run/t3.sock\") or die'; "
     "until test -s /run/t3.done; do sleep 0.05; done; cat /run/t3.done; systemctl stop t3.socket", 0, r"^/run/t3.sock\n"),
    ("systemd-run -q -u t4 --on-calendar='2099-01-01' true; systemctl list-timers --all --no-legend t4.timer; "
     "systemctl stop t4.timer", 0, r"2099-01-01 00:00:00 .*t4.timer +t4.service"),
    ("systemd-run --on-active=1 --scope true", 1, "not for --scope"),
    # slices and properties
    (f"systemctl set-property --runtime cron.service CPUWeight=250 MemoryMax=100M TasksMax=33 && "
     f"cd {CG}/system.slice/cron.service && cat cpu.weight memory.max pids.max; "
     "cat /run/systemd/system.control/cron.service.d/50-CPUWeight.conf", 0,
     r"^250\n104857600\n33\n(.|\n)*^\[Service\]\nCPUWeight=250$"),
    ("systemctl show -p CPUWeight,MemoryMax,TasksMax,NeedDaemonReload cron | sort", 0,
     r"^CPUWeight=250\nMemoryMax=104857600\nNeedDaemonReload=no\nTasksMax=33$"),
    ("systemctl show -p DropInPaths cron; systemctl cat cron", 0, "50-MemoryMax.conf"),
    (f"systemctl set-property --runtime cron.service MemoryMax= CPUWeight=; cat {CG}/system.slice/cron.service/memory.max "
     f"{CG}/system.slice/cron.service/cpu.weight", 0, r"^max\n100$"),
    ("systemctl set-property cron.service IOWeight=50 && ls /etc/systemd/system.control/cron.service.d/ && "
     f"cat {CG}/system.slice/cron.service/io.weight", 0, r"^50-IOWeight.conf\ndefault 50$"),
    (f"systemctl restart cron; cat {CG}/system.slice/cron.service/io.weight {CG}/system.slice/cron.service/pids.max", 0,
     r"^default 50\n33$"),
    ("systemctl set-property cron.service Type=forking", 1, "cannot be set while it runs"),
    ("systemctl set-property cron.service CPUWeight=abc", 1, "not understood"),
    # freezing
    ("systemctl freeze cron; systemctl show -p FreezerState cron; "
     f"grep frozen {CG}/system.slice/cron.service/cgroup.events; systemctl thaw cron; systemctl show -p FreezerState cron",
     0, r"^FreezerState=frozen\nfrozen 1\nFreezerState=running$"),
    ("systemctl freeze cron; systemctl stop cron; systemctl is-active cron; systemctl start cron", 0, "^inactive$"),
    ("systemctl freeze nosuch", 1, "not loaded"),
]

UNITS = "/run/systemd/system"
STEPS += [
    # automounts
    (f"mkdir -p {UNITS}; cd {UNITS}; "
     "printf '[Mount]\\nWhat=tmpfs\\nWhere=/mnt/a\\nType=tmpfs\\n' > mnt-a.mount; "
     "printf '[Automount]\\nWhere=/mnt/a\\nTimeoutIdleSec=1\\nDirectoryMode=0700\\nExtraOptions=strictexpire\\n' > mnt-a.automount; "
     "printf '[Mount]\\nWhat=/dev/nothere\\nWhere=/mnt/b\\nType=tmpfs\\n[Unit]\\nRequires=mnt-b-fails.service\\n"
     "After=mnt-b-fails.service\\n' > mnt-b.mount; "
     "printf '[Service]\\nType=oneshot\\nExecStart=false\\n' > mnt-b-fails.service; "
     "printf '[Automount]\\nWhere=/mnt/b\\n' > mnt-b.automount; systemctl daemon-reload; "
     "systemctl start mnt-a.automount mnt-b.automount && systemctl is-active mnt-a.automount mnt-a.mount", 0,
     r"^active\ninactive$"),
    ("stat -c %a /mnt; grep ' /mnt/a ' /proc/self/mountinfo; systemctl show -p SubState mnt-a.automount", 0,
     r"- autofs rouse-1 .*direct(.|\n)*SubState=waiting"),
    ("touch /mnt/a/x && systemctl is-active mnt-a.mount && ls /mnt/a; systemctl show -p SubState mnt-a.automount; "
     "grep -c ' /mnt/a ' /proc/self/mountinfo", 0, r"^active\nx\nSubState=running\n2$"),
    ("until systemctl is-active mnt-a.mount | grep -qx inactive; do sleep 0.2; done; systemctl show -p SubState mnt-a.automount; ls /mnt/a; "
     "systemctl is-active mnt-a.mount", 0, r"^SubState=waiting\nactive$"),
    ("(exec 9>/mnt/a/y; sleep 5; echo still) & wait $!; umount /mnt/a; until ! systemctl is-active -q mnt-a.mount; do sleep 0.1; done; "
     "echo > /mnt/a/z && systemctl is-active mnt-a.mount", 0, r"^still\nactive$"),
    ("ls /mnt/b", 2, "cannot (open|access).*No such file or directory"),
    ("systemctl is-active mnt-b.automount; systemctl stop mnt-b.automount mnt-a.mount mnt-a.automount; grep -c autofs.*mnt /proc/self/mountinfo", 1,
     r"^active\n0$"),
    ("ls /mnt/a; systemctl is-active mnt-a.automount", 3, r"^inactive$"),
    ("until systemctl is-active proc-sys-fs-binfmt_misc.automount; do sleep 0.1; done; ls /proc/sys/fs/binfmt_misc/register; "
     "systemctl is-active proc-sys-fs-binfmt_misc.mount", 0, r"register\nactive$"),
    # a device below an automount: mounted by a process that passes through
    ("truncate -s 8M /run/img && mkfs.ext4 -q /run/img && loop=$(losetup -f --show /run/img) && "
     f"printf \"[Mount]\\nWhat=$loop\\nWhere=/mnt/c\\n\" > {UNITS}/mnt-c.mount && "
     f"printf '[Automount]\\nWhere=/mnt/c\\n' > {UNITS}/mnt-c.automount; systemctl daemon-reload; "
     "systemctl start mnt-c.automount && ls -d /mnt/c/lost+found; systemctl stop mnt-c.mount && systemctl is-active mnt-c.automount && "
     "ls -d /mnt/c/lost+found; systemctl stop mnt-c.automount; grep -c /mnt/c /proc/self/mountinfo", 1,
     r"^/mnt/c/lost\+found\nactive\n/mnt/c/lost\+found\n0$"),
]

with tap.guest("dynamic") as guest:
    guest.wait_ready(TIMEOUT)
    steps.run(tap, guest, STEPS)
tap.done()
