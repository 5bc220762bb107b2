#!/bin/sh
# rouse-shutdown in a PID and mount namespace of its own: what it says when all goes, and what it names when not.
OUT=${OUT:-build}
bin=$OUT/rouse-shutdown
n=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$dir/out"; fi; }
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root"; exit 0; }
unshare -fpm --mount-proc true 2>/dev/null || { echo "1..0 # SKIP no namespaces here"; exit 0; }
bin=$(realpath "$bin")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# In the namespace: SCRIPT, then rouse-shutdown becomes PID 1.
run() { # timeout script
        timeout 30 unshare -fpm --mount-proc sh -c "umount -l /srv /boot 2>/dev/null; $2
exec $bin poweroff --test-no-reboot --timeout $1 --exit-code 7" >"$dir/out" 2>&1
        rc=$?
}

run 5 "mkdir -p $dir/a; mount -t tmpfs t $dir/a; mkdir $dir/a/b; mount -t tmpfs t $dir/a/b; sleep 100 & "
grep -q '^rouse-shutdown: all file systems unmounted' "$dir/out"; ok $? "processes that heed SIGTERM, nested mounts: clean"
[ "$rc" -eq 7 ]; ok $? "the exit code asked for"

start=$(date +%s)
run 1 "(trap '' TERM HUP; exec sleep 1000) & while ! grep -q sleep /proc/*/comm; do :; done"
grep -q '^rouse-shutdown: forced: killed sleep\[[0-9]*\]' "$dir/out"; ok $? "a process that ignores SIGTERM is killed and named"
[ $(($(date +%s) - start)) -lt 8 ]; ok $? "within the time given"

run 5 "mkdir -p $dir/a; mount -t tmpfs t $dir/a; (cd $dir/a; exec bash -c 'exec -a @keeper sleep 1000') & until grep -qz '^@keeper\$' /proc/[0-9]*/cmdline; do :; done"
! grep -q killed "$dir/out"; ok $? "a storage daemon of root (argv[0] begins with @) is left alone"
grep -q "^rouse-shutdown: forced: busy, made read-only $dir/a" "$dir/out"; ok $? "a busy file system is made read-only and named"

timeout 10 "$bin" poweroff --test-no-reboot >"$dir/out" 2>&1
[ $? -eq 1 ] && grep -q 'for PID 1 alone' "$dir/out"; ok $? "outside of a namespace it refuses"
"$bin" nonsense >"$dir/out" 2>&1
[ $? -eq 2 ]; ok $? "an unknown verb is refused"
echo "1..$n"
