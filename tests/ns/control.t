#!/bin/sh
# rousectl and the control socket, with the real PID 1 in namespaces of its own and a throw-away set of units.
OUT=${OUT:-build}
n=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$dir/out" "$dir/err" 2>/dev/null; fi; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
unshare -fpmuinC --mount-proc true 2>/dev/null || { echo "1..0 # SKIP no namespaces here"; exit 0; }
rouse=$(realpath "$OUT/rouse")
dir=$(mktemp -d)
ln -s "$(realpath "$OUT/rousectl")" "$dir/systemctl"
mkdir "$dir/units"
unit() { cat >"$dir/units/$1"; }

unit default.target <<'U'
[Unit]
Description=The default
Wants=sleeper.service once.service
AllowIsolate=yes
U
unit sleeper.service <<'U'
[Unit]
Description=It sleeps
DefaultDependencies=no
Before=default.target
[Service]
ExecStart=/bin/sleep 1000
ExecReload=/bin/true
Environment=A=1 "B=two words"
LimitNOFILE=100:200
[Install]
WantedBy=default.target
U
unit once.service <<'U'
[Unit]
DefaultDependencies=no
Before=default.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
U
unit bad.service <<'U'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/false
U
unit slow.service <<'U'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=/bin/sleep 1000
U

mkdir "$dir/units/service.d"
unit service.d/limits.conf <<'U'
[Service]
LimitNOFILE=100:200
U

# A control group of its own, so that PID 1's are not made in this machine's root.
cg=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
[ -n "$cg" ] && cg=$cg/rouse-control-$$ && mkdir "$cg" 2>/dev/null || cg=
# The tools run in PID 1's mount namespace, where its socket is.
container=test sh -c "[ -z '$cg' ] || echo \$\$ >'$cg/cgroup.procs'; exec \"\$@\"" sh unshare -fpmuinC --mount-proc --kill-child sh -c "
        mount -t tmpfs t /run && mount -t tmpfs t /sys/fs/cgroup && mount -t tmpfs t /usr/lib/systemd
        mkdir -p /etc/systemd && mount -t tmpfs t /etc/systemd && mkdir -p /run/systemd/system
        cp -r $dir/units/* /run/systemd/system/
        exec $rouse" >"$dir/console" 2>&1 </dev/null &
outer=$!
clean() {
        kill -KILL $outer 2>/dev/null
        wait $outer 2>/dev/null
        rm -rf "$dir"
        while [ -n "$cg" ] && [ -d "$cg" ] && [ "${left:=100}" -gt 0 ]; do # until the last process is gone
                find "$cg" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.05
                left=$((left - 1))
        done
}
trap clean EXIT
tries=0
while :; do
        inner=$(cat /proc/$outer/task/$outer/children 2>/dev/null | tr -d ' ')
        [ -n "$inner" ] && [ -S "/proc/$inner/root/run/rouse/control" ] && break
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo "1..0 # SKIP PID 1 does not come up in a namespace here"; sed 's/^/# /' "$dir/console"; exit 0; }
        sleep 0.05
done
in_ns() { timeout 20 nsenter -t "$inner" -m -p "$@" >"$dir/out" 2>"$dir/err"; }
sc() { in_ns "$dir/systemctl" "$@"; }

sc --wait is-system-running; grep -q 'running\|degraded' "$dir/out"; ok $? "the boot ends: $(cat "$dir/out")"
sc list-units --no-legend; grep -q '^  sleeper.service *loaded active running It sleeps' "$dir/out"; ok $? "list-units"
sc is-active sleeper; [ $? -eq 0 ] && grep -qx active "$dir/out"; ok $? "is-active: active, 0"
sc is-active bad; [ $? -eq 3 ] && grep -qx inactive "$dir/out"; ok $? "is-active: inactive, 3"
sc is-active none.service; [ $? -eq 4 ] && grep -qx inactive "$dir/out"; ok $? "is-active: no such unit, 4"
sc status none; [ $? -eq 4 ] && grep -q 'none.service could not be found' "$dir/err"; ok $? "status: no such unit, 4"
sc status sleeper; [ $? -eq 0 ] && grep -q 'Active: active (running) since' "$dir/out"; ok $? "status: running, 0"
grep -q 'Main PID: [0-9]' "$dir/out"; ok $? "status names the main process"
sc start none; [ $? -eq 5 ] && grep -q 'none.service not found' "$dir/err"; ok $? "start: no such unit, 5"
sc show none.scope -p LoadState; grep -qx LoadState=not-found "$dir/out"; sc list-units --all --no-legend --plain; ! grep -q "^none\." "$dir/out"; ok $? "a unit that is not there is not kept for having been asked for"
sc start bad; [ $? -eq 1 ] && grep -q 'Job for bad.service failed' "$dir/err"; ok $? "start of what fails: 1, and said"
sc is-failed bad; [ $? -eq 0 ] && grep -qx failed "$dir/out"; ok $? "is-failed"
sc list-units --failed --plain --no-legend; grep -q '^bad.service' "$dir/out"; ok $? "list-units --failed"
sc show --failed -p Id; [ "$(cat "$dir/out")" = Id=bad.service ] && { sc status --failed -n 0 || :; } && grep -q "bad.service" "$dir/out" && ! grep -q "State:" "$dir/out" && ! grep -q "sleeper.service" "$dir/out"; ok $? "show and status of what --failed leaves"
sc reset-failed; sc is-failed bad; [ $? -eq 1 ]; ok $? "reset-failed"
sc show sleeper -p MainPID --value; [ "$(cat "$dir/out")" -gt 1 ]; ok $? "show -p MainPID --value"
old=$(cat "$dir/out")
sc restart sleeper; sc show sleeper -p MainPID --value; [ "$(cat "$dir/out")" -ne "$old" ]; ok $? "restart gives another process"
sc reload sleeper; ok $? "reload"
sc show sleeper -p MainPID --value; old=$(cat "$dir/out")
sc set-property --runtime sleeper Markers=needs-restart; sc reload-or-restart --marked; ok $? "reload-or-restart --marked"
sc show sleeper -p MainPID --value; [ "$(cat "$dir/out")" -ne "$old" ]; ok $? "restarts what is marked"
sc reload-or-restart; [ $? -eq 1 ] && ! sc restart --marked sleeper; ok $? "--marked goes with no unit, and no unit with --marked only"
sc show sleeper -p ActiveEnterTimestamp --timestamp=unix; grep -qE '^ActiveEnterTimestamp=@[0-9]{10}$' "$dir/out" &&
        sc show sleeper -p ActiveEnterTimestamp --timestamp=us+utc && grep -qE '=[A-Z][a-z]{2} [0-9-]{10} [0-9:]{8}\.[0-9]{6} UTC$' "$dir/out"
ok $? "--timestamp="
! sc --global enable sleeper && grep -q "no manager for users" "$dir/err" && ! sc -M box status && grep -q "this machine only" "$dir/err"
ok $? "what speaks of another manager is not done to this one"
sc show sleeper -p Environment,LimitNOFILE,LimitNOFILESoft,Restart,Type,KillMode,Description,ActiveState
[ "$(sort "$dir/out" | tr '\n' ';')" = 'ActiveState=active;Description=It sleeps;Environment=A=1 B=two words;KillMode=control-group;LimitNOFILE=200;LimitNOFILESoft=100;Restart=no;Type=simple;' ]
ok $? "show: configuration by the directive table"
sc show sleeper -p ExecStart; grep -q '^ExecStart={ path=/bin/sleep ; argv\[\]=/bin/sleep 1000 ; ignore_errors=no ; start_time=\[' "$dir/out"; ok $? "show: ExecStart="
sc show -p SystemState,NJobs; grep -q '^SystemState=' "$dir/out" && grep -qx NJobs=0 "$dir/out"; ok $? "show of the manager"
sc start --no-block slow; ok $? "start --no-block"
sc list-jobs --no-legend; grep -q 'slow.service start running' "$dir/out"; ok $? "list-jobs"
sc cancel; sc stop slow; sc is-active slow; [ $? -eq 3 ]; ok $? "cancel and stop"
sc kill sleeper -s KILL; ok $? "kill"
tries=0; until sc is-failed sleeper || [ $((tries += 1)) -gt 100 ]; do sleep 0.05; done # its end is told when it is reaped
sc start sleeper; ok $? "start again"
sc cat sleeper; head -1 "$dir/out" | grep -q '^# /run/systemd/system/sleeper.service' && grep -qx 'ExecStart=/bin/sleep 1000' "$dir/out"; ok $? "cat"
sc set-environment X=1; sc show-environment; grep -qx X=1 "$dir/out"; ok $? "set-environment"
sc unset-environment X; sc show-environment; ! grep -q '^X=' "$dir/out"; ok $? "unset-environment"
sc set-environment 1bad; [ $? -ne 0 ]; ok $? "a bad assignment is refused"
sc daemon-reexec; ok $? "daemon-reexec"
sc daemon-reload; [ $? -eq 0 ] || grep -q "not supported" "$dir/err"; ok $? "daemon-reload is done, or said not to be there"
sc is-active sleeper; ok $? "what ran still runs"
sc list-units -o json; python3 -c 'import json,sys; assert any(u["unit"]=="sleeper.service" for u in json.load(open(sys.argv[1])))' "$dir/out" 2>>"$dir/err"; ok $? "list-units as JSON"
ln -sf systemctl "$dir/systemd-run"
in_ns "$dir/systemd-run" --wait -p DefaultDependencies=no /bin/sh -c 'exit 3' >"$dir/out" 2>"$dir/err"; [ $? -eq 3 ] && grep -q 'Finished with result: exit-code' "$dir/err" && grep -q 'code=exited/status=3' "$dir/err"
ok $? "systemd-run --wait: how it ended"
in_ns "$dir/systemd-run" --wait -p DefaultDependencies=no /bin/sh -c '[ "$1" = --user ]' sh --user; ok $? "systemd-run: the options of the command are its own"
in_ns "$dir/systemd-run" --unit made -p DefaultDependencies=no -p LimitNOFILE=100 -p RemainAfterExit=yes /bin/sh -c 'exit 0'; ok $? "systemd-run"
sc is-active made; ok $? "the transient unit is there"
ln -sf systemctl "$dir/shutdown"; ln -sf systemctl "$dir/systemd-analyze"
in_ns "$dir/shutdown" --no-wall +10; grep -q "^MODE=poweroff" "/proc/$inner/root/run/systemd/shutdown/scheduled"; ok $? "shutdown +10 is scheduled"
in_ns "$dir/shutdown" -c --no-wall; [ ! -e "/proc/$inner/root/run/systemd/shutdown/scheduled" ]; ok $? "shutdown -c"
in_ns "$dir/systemd-analyze" blame; grep -q once.service "$dir/out"; ok $? "systemd-analyze blame"
in_ns "$dir/systemd-analyze" critical-chain; grep -q '^default.target @' "$dir/out"; ok $? "systemd-analyze critical-chain"
if command -v setpriv >/dev/null; then
        chmod 755 "$dir"; in_ns setpriv --reuid 65534 --clear-groups "$dir/systemctl" stop sleeper; [ $? -ne 0 ] && grep -q "Only root" "$dir/err"; ok $? "stop by another user is refused"
fi
sc is-active sleeper; ok $? "and it still runs"
echo "1..$n"
