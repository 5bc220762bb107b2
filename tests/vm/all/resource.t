#!/usr/bin/env python3
"""Every directive of systemd.resource-control(5) that rouse has, by what the
kernel's files say and what it forbids; startup values, accounting, delegation,
slices, out of memory. One guest."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import steps
from tap import TIMEOUT, Tap, text_file

tap = Tap()
CG = "/sys/fs/cgroup"
RUN = "systemd-run -q --wait --pipe -p SendSIGHUP=no "
SEND = 'perl -MIO::Socket::INET -e "IO::Socket::INET->new(Proto => q(udp), PeerAddr => q(127.0.0.1:9))->send(q(x) x 100)"'
COUNTED = "mkdir -p /etc/systemd/system.conf.d; systemd-run --wait -p SendSIGHUP=no"
OWN = "cd /sys/fs/cgroup/$(cut -d: -f3 /proc/self/cgroup)"

FILES = [
    ("CPUWeight=250", "cpu.weight", "250"), ("CPUWeight=idle", "cpu.idle", "1"), ("CPUQuota=20%", "cpu.max", "20000 100000"),
    ("CPUQuota=20% -p CPUQuotaPeriodSec=10ms", "cpu.max", "2000 10000"), ("AllowedCPUs=0", "cpuset.cpus", "0"),
    ("AllowedMemoryNodes=0", "cpuset.mems", "0"), ("MemoryMin=4M", "memory.min", "4194304"),
    ("MemoryLow=4M", "memory.low", "4194304"), ("MemoryHigh=64M", "memory.high", "67108864"),
    ("MemoryMax=64M", "memory.max", "67108864"), ("MemorySwapMax=0", "memory.swap.max", "0"),
    ("TasksMax=12", "pids.max", "12"), ("IOWeight=50", "io.weight", "default 50"),
    ("IOReadBandwidthMax='/dev/vda 1M'", "io.max", r"254:0 rbps=1000000 wbps=max riops=max wiops=max"),
    ("IOWriteBandwidthMax='/dev/vda 1M'", "io.max", "wbps=1000000"), ("IOReadIOPSMax='/dev/vda 100'", "io.max", "riops=100"),
    ("IOWriteIOPSMax='/dev/vda 100'", "io.max", "wiops=100"), ("IOWeight=10 -p IODeviceWeight='/dev/vda 70'", "io.weight", "254:0 70"),
]
# weights of single devices are the kernel's only where its cost model is on
STEPS = [("echo '254:0 enable=1' >/sys/fs/cgroup/io.cost.qos", 0, "")] + [(f"{RUN} -p {lines} sh -c '{OWN}; cat {file}'", 0, wanted) for lines, file, wanted in FILES] + [
    (f"{RUN} -p TasksMax=3 sh -c 'for i in 1 2 3 4 5 6; do sleep 1 & done 2>&1; wait'", 2, "fork|Resource temporarily"),
    (f"{RUN} -p DevicePolicy=closed sh -c 'cat </dev/null && ! cat </dev/vda'", 0, "not permitted"),
    (f"{RUN} -p DevicePolicy=closed -p DeviceAllow='/dev/vda r' sh -c 'head -c 1 /dev/vda | wc -c'", 0, "^1$"),
    # accounting
    ("systemctl show -p MemoryAccounting,MemoryCurrent,TasksCurrent,CPUUsageNSec cron | sort", 0,
     r"^CPUUsageNSec=\d+\nMemoryAccounting=yes\nMemoryCurrent=\d+\nTasksCurrent=\d+$"),
    ("systemctl restart cron; systemctl status cron", 0, r"Tasks: \d+(.|\n)*Memory: [\d.]+"),
    # of the network and of block devices: while it runs, when it has ended, and by default
    (f"{COUNTED} -p IPAccounting=yes {SEND} 2>&1", 0, r"IP traffic received: 0B\nIP traffic sent: 128B"),
    (f"{COUNTED} -p IOAccounting=yes head -c 65536 /dev/vda 2>&1 >/dev/null", 0, r"IO bytes read: [1-9]"),
    (f"{COUNTED} {SEND} 2>&1", 0, r"\A(?!(.|\n)*traffic)"),
    ("printf '[Manager]\nDefaultIPAccounting=yes\nDefaultIOAccounting=yes\nDefaultTasksAccounting=no\n' >/etc/systemd/system.conf.d/count.conf; "
     f"systemctl daemon-reload; {COUNTED} {SEND} 2>&1; systemctl show -p DefaultIPAccounting,DefaultIOAccounting,DefaultTasksAccounting", 0,
     r"IP traffic sent: 128B(.|\n)*DefaultTasksAccounting=no\nDefaultIOAccounting=yes\nDefaultIPAccounting=yes"),
    (f"systemd-run -q -u counted sh -c '{SEND}; sync; exec sleep 1000'; until systemctl show -p IPEgressBytes --value counted | grep -qx 128; "
     "do sleep 0.1; done; systemctl status counted; systemctl show -p CPUPressure,IOPressure counted; systemctl stop counted; "
     "rm /etc/systemd/system.conf.d/count.conf; systemctl daemon-reload", 0,
     r"IP: 0B in, 128B out\n +IO: [\d.]+\w+ read, [\d.]+\w+ written(.|\n)*CPUPressure=some avg10=[\d.]+.*; full.*\nIOPressure=some"),
    # startup values ended with the boot
    ("cat /run/startup; cat /sys/fs/cgroup/system.slice/starting.service/cpu.weight", 0, r"^700\n10$"),
    # delegation
    ("systemd-run -q -u deleg -p Delegate=yes sleep 1000; getfattr -n trusted.delegate --only-values /sys/fs/cgroup/system.slice/deleg.service 2>/dev/null || "
     "perl -e 'print 1'; cat /sys/fs/cgroup/system.slice/deleg.service/cgroup.controllers", 0, r"^1.*(cpu|memory).*pids"),
    ("systemctl stop deleg; systemctl is-active deleg", 4, "inactive"),
    # slices are a tree; what is said of one holds below
    ("systemd-run -q --slice=one-two -u inner sleep 1000; systemctl show -p ControlGroup --value inner; systemctl is-active one.slice one-two.slice; "
     f"systemctl set-property --runtime one.slice MemoryMax=50M && cat {CG}/one.slice/memory.max; systemctl stop one.slice; systemctl is-active inner", 4,
     r"^/one.slice/one-two.slice/inner.service\nactive\nactive\n52428800\ninactive$"),
    ("systemd-run -q --slice=frz -u f1 sleep 1000; systemctl freeze frz.slice && grep frozen /sys/fs/cgroup/frz.slice/f1.service/cgroup.events; "
     "systemctl thaw frz.slice && grep frozen /sys/fs/cgroup/frz.slice/f1.service/cgroup.events; systemctl stop f1", 0, r"^frozen 1\nfrozen 0$"),
    # out of memory
    ("systemd-run --wait -q -u hog -p MemoryMax=20M -p MemorySwapMax=0 perl -e '$x = \"a\" x 200_000_000'; systemctl show -p Result hog; systemctl reset-failed hog",
     0, "^Result=oom-kill$"),
    *[(f"systemd-run -q -u oom -p OOMPolicy={policy} -p MemoryMax=20M -p MemorySwapMax=0 "
       f"sh -c 'tail /dev/zero; touch /run/oom-{policy}; exec sleep 1000'; {until}; systemctl show -p ActiveState,Result oom; "
       f"ls /run/oom-{policy} 2>/dev/null; systemctl stop oom; systemctl reset-failed oom; true", 0, wanted)
      for policy, until, wanted in [
          ("continue", "until test -e /run/oom-continue; do sleep 0.1; done", r"^Result=success\nActiveState=active\n/run/oom-continue\n"),
          ("stop", "until systemctl is-failed -q oom; do sleep 0.1; done", r"^Result=oom-kill\nActiveState=failed(\n/run/oom-stop)?$"),
          # the shell goes with what it has started
          ("kill", "until systemctl is-failed -q oom; do sleep 0.1; done", r"^Result=oom-kill\nActiveState=failed$")]],
    # kept over a reload, changed by a file
    ("systemd-run -q -u keep -p MemoryMax=40M sleep 1000; systemctl daemon-reload; cat /sys/fs/cgroup/system.slice/keep.service/memory.max; systemctl stop keep", 0,
     "^41943040$"),
    # masks and restarts
    ("systemctl mask cron && systemctl restart cron", 1, "masked"),
    ("systemctl is-active cron && systemctl unmask cron && systemctl restart cron && systemctl is-active cron", 0, r"^active\nRemoved .*\nactive$"),
]
UNIT = """[Service]
ExecStart=/bin/sh -c 'cat /sys/fs/cgroup/system.slice/starting.service/cpu.weight > /run/startup; exec sleep 100000'
CPUWeight=10
StartupCPUWeight=700
"""

with text_file(UNIT) as unit, tap.guest("resource", smp=2, append="systemd.wants=starting.service",
                                          copies=[(unit.name, "/etc/systemd/system/starting.service")]) as guest:
    guest.wait_ready(TIMEOUT)
    steps.run(tap, guest, STEPS)
tap.done()
