#!/bin/sh
# PID 1 of a guest in which device daemons are measured one after the other. Its steps are words of bench.steps= on
# the kernel command line, separated by commas; what it finds goes to the console as lines "@ KEY VALUE…".
#
#   DAEMON            stops what runs, takes all marks off devices, starts DAEMON (rouse, udevd, mdev), coldplug
#   null:N loops:N    N null_blk devices; N loop devices with four partitions each
#   dummy:N           N dummy interfaces, made while the daemon runs (the time until it has settled)
#   claims:N          N devices that claim one link (the time until it has settled)
#   latency pss       of the daemon that runs
#   trace             the system calls of one event, as the kernel's tracer saw them
#   shares:DAEMON     as DAEMON, and which part of it was the kernel's, loading modules: that takes any daemon as long
#   same              compares what the last two daemons left
#   nomodules         from here on the kernel refuses modules: those that find no hardware are tried by each daemon
#                     again, and their signatures take longer than all else
#   debug             from here on rouse-devd says all that it does, which is printed at the end
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
HERE=/usr/lib/rouse-bench
UDEVADM=/bin/udevadm
[ -e $UDEVADM.systemd ] && UDEVADM=$UDEVADM.systemd
TRIGGER="$UDEVADM trigger --type=all --action=add --prioritized-subsystem=module,block,tpmrm,net,tty,input"
daemon= pid= debug=

mounts() {
        [ -e /proc/self ] || mount -t proc proc /proc
        [ -e /sys/class ] || mount -t sysfs sys /sys
        [ -e /dev/null ] || mount -t devtmpfs dev /dev
        mount -o remount,mode=755 /run 2>/dev/null || mount -t tmpfs -o mode=755 tmpfs /run
        mkdir -p /dev/pts /run/lock /run/systemd/system # the mark that programs of rules look for
        nodes >/run/nodes
        exec >/dev/console 2>&1 </dev/null
        ip link set lo up
}

stop() {
        [ "$pid" ] && { kill "$pid"; while [ -d /proc/"$pid" ]; do sleep 0.1; done; }
        pid=
}

# As the kernel alone left it.
clean() {
        rm -rf /run/udev /run/rouse
        mkdir -p /run/udev
        find /dev -type l ! -name fd ! -name stdin ! -name stdout ! -name stderr ! -name core -delete
        nodes >/run/nodes.now
        comm -13 /run/nodes /run/nodes.now | while read -r mode owner node; do
                echo "$node"
        done | sort >/run/changed
        # those that were there at the beginning as they were then, all others as devtmpfs makes them
        sort -k 3 /run/nodes | join -1 3 -2 1 -o 1.1,1.2,1.3 - /run/changed | while read -r mode owner node; do
                chmod "$mode" "$node"
                chown "$owner" "$node"
        done
        cut -d ' ' -f 3 /run/nodes | sort | join -v 2 - /run/changed >/run/fresh
        xargs -r chmod 600 </run/fresh
        xargs -r chown 0:0 </run/fresh
}

nodes() {
        find /dev -xdev \( -type b -o -type c \) -printf '%m %U:%G %p\n' | sort
}

# All that others can see: database, links, nodes, tags, interface names.
state() {
        {
                find /run/udev/data -type f -printf 'data %f\n'
                grep -r '' /run/udev/data | grep -v ':[IVW]:'
                find /dev -xdev -type l -printf 'link %P %l\n'
                find /dev -xdev \( -type b -o -type c \) -printf 'node %P %m %u %g\n'
                find /run/udev/tags -type f -printf 'tag %P\n'
                find /sys/class/net/ -type l -printf 'net %f\n'
        } | sort >/run/state.new
        mv /run/state.last /run/state.before 2>/dev/null
        mv /run/state.new /run/state.last
}

same() {
        comm -3 /run/state.before /run/state.last >/run/difference
        echo "@ different $(wc -l </run/difference) of $(wc -l </run/state.last)"
        sed 's/^/# /' /run/difference | head -n 60
}

begin() {
        stop
        clean
        daemon=$1
        case $daemon in
        rouse) set -- /usr/lib/rouse/rouse-devd --foreground $debug ;;
        udevd) set -- --trigger "$TRIGGER" --argv0 /lib/systemd/systemd-udevd $UDEVADM ;;
        mdev)
                before=$(date +%s%N)
                $HERE/busybox mdev -s
                echo "@ coldplug mdev 0 $(($(date +%s%N) - before))"
                return
                ;;
        esac
        result=$($HERE/devices run "$@") || { cat /run/devices-bench.log; echo "@ failed $daemon"; return; }
        pid=${result%% *}
        echo "@ coldplug $daemon ${result#* }"
        echo "# its main process was on the processor for $(cut -d ' ' -f 1 /proc/"$pid"/schedstat) ns"
        state
}

timed() {
        what=$1; shift
        before=$(date +%s%N)
        "$@"
        $HERE/devices settle || echo "@ failed $daemon"
        echo "@ $what $daemon $(($(date +%s%N) - before))"
}

loops() {
        modprobe loop
        i=0
        while [ $i -lt "$1" ]; do
                losetup -r -P /dev/loop$i $HERE/disk
                i=$((i + 1))
        done
}

pss() {
        sleep 10
        total=0
        for process in /proc/[0-9]*; do
                case $(readlink "$process/exe") in
                */rouse-devd* | */udevadm*) ;;
                *) continue ;;
                esac
                kib=$(sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "$process/smaps_rollup")
                total=$((total + kib))
                echo "# $process $(cat "$process/comm") $kib KiB: $(tr -s ' \n' ' ' <"$process/smaps_rollup" | cut -c 1-400)"
        done
        echo "@ pss $daemon $total"
}

latency() {
        for path in /sys/devices/virtual/mem/null /sys/class/block/vda /sys/class/block/pmem0 /sys/class/block/loop0; do
                path=$(readlink -f $path)
                [ -e "$path/uevent" ] && echo "@ latency:${path##*/} $daemon $($HERE/devices latency "$path" 100)"
        done
}

# tracer on|off EVENT…
tracer() {
        at=/sys/kernel/tracing
        [ -e $at/tracing_on ] || mount -t tracefs tracefs $at
        [ "$1" = off ] && echo 0 >$at/tracing_on
        switch=$([ "$1" = on ] && echo 1 || echo 0)
        [ "$1" = on ] && { echo 8192 >$at/buffer_size_kb; : >$at/trace; }
        shift
        for event; do
                echo "$switch" >$at/events/"$event"/enable
        done
        [ "$switch" = 0 ] || echo 1 >$at/tracing_on
}

# One uevent of each kind of device, with every system call and switch of the processor on the way.
trace() {
        for path in /sys/devices/virtual/mem/null /sys/class/block/vda /sys/class/block/pmem0; do
                path=$(readlink -f $path)
                [ -e "$path/uevent" ] || continue
                tracer on raw_syscalls sched/sched_switch
                $HERE/devices latency "$path" 2 >/run/traced
                tracer off raw_syscalls sched/sched_switch
                echo "# trace of ${path##*/}, $(cat /run/traced) ns"
                grep -v '^#' $at/trace | sed 's/^/# /'
        done
}

# Who had the processor meanwhile, and how long the kernel took to load modules: finit_module(2), whoever calls it.
shares() {
        for call in sys_enter sys_exit; do
                mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
                echo 'id == 313' >/sys/kernel/tracing/events/raw_syscalls/$call/filter
        done
        tracer on raw_syscalls sched/sched_switch
        "$@"
        tracer off raw_syscalls sched/sched_switch
        echo "# modules there now: $(cut -d ' ' -f 1 /proc/modules | tr '\n' ' ')"
        grep -v '^#' $at/trace | awk -v daemon="$daemon" '
                { match($0, /[0-9]+\.[0-9]+: /); now = substr($0, RSTART, RLENGTH) + 0
                  if (!began) began = now; pid = $0; sub(/ *\[.*/, "", pid); sub(/.*-/, "", pid) }
                /sys_enter:/ { inside[pid] = 1; since[pid] = now; calls++ }
                /sys_exit:/ { module += now - since[pid]; delete inside[pid] }
                /sched_switch:/ {
                        last = $0; sub(/.*prev_comm=/, "", last); sub(/ prev_pid=.*/, "", last); sub(/\/.*/, "", last)
                        by[last] += now - (at ? at : began); at = now
                        before = $0; sub(/.*prev_pid=/, "", before); sub(/ .*/, "", before)
                        after = $0; sub(/.*next_pid=/, "", after); sub(/ .*/, "", after)
                        if (before in inside) module += now - since[before]
                        if (after in inside) since[after] = now }
                END { for (name in by) printf "# %9.3f ms %s\n", by[name] * 1000, name
                      printf "@ modules:%d %s %d\n", calls, daemon, module * 1e9 }' | sort -rn -k 2
        for call in sys_enter sys_exit; do
                echo 0 >/sys/kernel/tracing/events/raw_syscalls/$call/filter
        done
}

claims() {
        mkdir -p /run/udev/rules.d
        echo 'KERNEL=="nullb*", SYMLINK+="disk/all-of-them"' >/run/udev/rules.d/10-claims.rules
        $UDEVADM control --reload
        n=0
        for path in /sys/class/block/nullb*; do
                [ $n -lt "$1" ] || break
                echo change >"$path/uevent"
                n=$((n + 1))
        done
}

step() {
        argument=${1#*:}
        case $1 in
        rouse | udevd | mdev) begin "$1" ;;
        null:*) modprobe null_blk nr_devices="$argument" gb=1 queue_mode=0 submit_queues=1 hw_queue_depth=1 ;;
        loops:*) loops "$argument" ;;
        dummy:*) timed "$1" modprobe dummy numdummies="$argument" ;;
        claims:*) timed "$1" claims "$argument" ;;
        nodummy) timed "$1" rmmod dummy ;;
        latency) latency ;;
        pss) pss ;;
        trace) trace ;;
        shares:*) shares begin "$argument" ;;
        same) same ;;
        debug) debug=--debug ;;
        nomodules) echo 1 >/proc/sys/kernel/modules_disabled ;;
        *) echo "@ unknown $1" ;;
        esac
}

mounts
steps=$(sed -n 's/.*bench\.steps=\([^ ]*\).*/\1/p' /proc/cmdline)
IFS=,
for one in $steps; do
        unset IFS
        step "$one"
done
stop
[ "$debug" ] && {
        cut -c 1-200 /run/devices-bench.log
        grep -r '^I:' /run/udev/data | sort -t : -k 4 | sed 's/.*data.//' # who was ready when
}
echo "@ end"
echo o >/proc/sysrq-trigger
sleep 1000
