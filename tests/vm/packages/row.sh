# One row of packages.t, in the guest: row UNIT PROBE WANT [OPTION=VALUE…] prints "ok NAME" or "not ok NAME" lines, with
# details after a tab. PROBE is a shell command whose output must match WANT (grep -E) within 6 minutes.
# Options: kill=no  its main process is left alone (others hang on it)
#          reload=no  it is not asked to reload
#          stop=no  it is not stopped
#          result=RESULT  its Result= when it has failed after SIGKILL (signal)
#          stopped=STATE  what it is after a stop (inactive)

say() { # holds, name, detail
    if [ "$1" = 0 ]; then printf 'ok\t%s\n' "$2"; else printf 'not ok\t%s\t%s\n' "$2" "$(echo "$3" | tail -n 12 | tr '\n' '~')"; fi
}

show() { systemctl show -p "$1" --value "$unit"; }

# The probe's answer, asked again until it comes.
answers() {
    name=$1 end=$(($(cut -d. -f1 /proc/uptime) + 360))
    while [ "$(cut -d. -f1 /proc/uptime)" -lt $end ]; do
        out=$(timeout 60 sh -c "$probe" 2>&1)
        if printf '%s\n' "$out" | grep -qE -e "$want"; then
            say 0 "$name"
            return 0
        fi
        sleep 1
    done
    say 1 "$name" "$out
$(systemctl status --no-pager -n 20 "$unit" 2>&1)"
    return 1
}

# Until `test "$(command)" OP value` holds; 90 s.
until_state() { # states, as a pattern
    tries=0
    while [ $tries -lt 180 ]; do
        state=$(systemctl is-active "$unit")
        case "$state" in $1) return 0 ;; esac
        tries=$((tries + 1))
        sleep 0.5
    done
    return 1
}

killed() {
    pid=$(show MainPID)
    restart=$(show Restart)
    [ "${pid:-0}" -gt 1 ] || { say 1 "$unit: has a main process" "MainPID=$pid"; return; }
    kill -9 "$pid"
    case "$restart" in
    always | on-failure | on-abnormal | on-abort)
        tries=0
        while [ $tries -lt 240 ]; do
            new=$(show MainPID)
            [ "${new:-0}" -gt 1 ] && [ "$new" != "$pid" ] && [ "$(systemctl is-active "$unit")" = active ] && break
            tries=$((tries + 1))
            sleep 0.5
        done
        [ $tries -lt 240 ]
        say $? "$unit: Restart=$restart starts it again after SIGKILL" "$(systemctl status --no-pager -n 20 "$unit" 2>&1)"
        answers "$unit: answers after that"
        ;;
    *)
        until_state 'failed'
        say $? "$unit: Restart=$restart lets it fail after SIGKILL" "is $state"
        [ "$(show Result)" = "$result" ]
        say $? "$unit: with the result $result" "Result=$(show Result)"
        systemctl reset-failed "$unit"
        systemctl start "$unit" 2>&1
        answers "$unit: answers when started again"
        ;;
    esac
}

row() {
    unit=$1 probe=$2 want=$3 kill=yes reload=yes stop=yes stopped=inactive result=signal
    shift 3
    for option; do eval "${option%%=*}='${option#*=}'"; done
    until_state 'active' || systemctl start "$unit"
    answers "$unit: answers" || return
    if [ $reload = yes ] && [ "$(show CanReload)" = yes ]; then
        out=$(systemctl reload "$unit" 2>&1)
        say $? "$unit: reloads" "$out
$(systemctl status --no-pager -n 20 "$unit" 2>&1)"
        answers "$unit: answers after the reload"
    fi
    [ $kill = no ] || killed
    systemctl restart "$unit"
    say $? "$unit: restarts" "$(systemctl status --no-pager -n 20 "$unit" 2>&1)"
    answers "$unit: answers after the restart"
    [ $stop = no ] && return
    group=/sys/fs/cgroup$(show ControlGroup)
    systemctl stop "$unit"
    say $? "$unit: stops"
    state=$(systemctl is-active "$unit")
    [ "$state" = "$stopped" ]
    say $? "$unit: is $stopped then" "$state: $(systemctl status --no-pager -n 20 "$unit" 2>&1)"
    left=
    [ "$group" = /sys/fs/cgroup ] || [ ! -e "$group/cgroup.procs" ] || left=$(find "$group" -name cgroup.procs -exec cat {} +)
    [ -z "$left" ]
    say $? "$unit: leaves no process" "$(ps -fp $left 2>&1)"
    systemctl start "$unit"
    answers "$unit: starts again"
}
