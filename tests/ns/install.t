#!/bin/sh
# enable, disable, mask, preset and the default target on a root beside the running one (systemctl --root).
OUT=${OUT:-build}
n=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$root/out" "$root/err"; fi; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
ln -s "$(realpath "$OUT/rousectl")" "$root/systemctl"
export ROUSE_CONTROL="$root/none"
touch "$ROUSE_CONTROL"
sc() { "$root/systemctl" --root="$root" "$@" >"$root/out" 2>"$root/err"; }
lib=$root/usr/lib/systemd/system
etc=$root/etc/systemd/system
mkdir -p "$lib" "$etc" "$root/usr/lib/systemd/system-preset"
printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\nRequiredBy=other.target\nAlias=alias.service\nAlso=b.socket\n' >"$lib/a.service"
printf '[Socket]\nListenStream=1\n[Install]\nWantedBy=sockets.target\n' >"$lib/b.socket"
printf '[Service]\nExecStart=/bin/true\n' >"$lib/static.service"
printf '[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=%%p-%%i.target\nDefaultInstance=one\n' >"$lib/t@.service"
printf '[Unit]\n' | tee "$lib/multi-user.target" >"$lib/graphical.target"
printf 'disable a.service\nenable b.*\ndisable *\n' >"$root/usr/lib/systemd/system-preset/50-x.preset"

sc is-enabled a; [ $? -eq 1 ] && grep -qx disabled "$root/out"; ok $? "disabled at first"
sc is-enabled static; [ $? -eq 0 ] && grep -qx static "$root/out"; ok $? "static without [Install]"
sc is-enabled none; [ $? -eq 1 ] && grep -q 'No such file' "$root/err"; ok $? "a unit without a file"
sc enable a; [ $? -eq 0 ] && [ "$(readlink "$etc/multi-user.target.wants/a.service")" = /usr/lib/systemd/system/a.service ]; ok $? "enable: WantedBy="
[ -L "$etc/other.target.requires/a.service" ]; ok $? "RequiredBy="
[ -L "$etc/alias.service" ]; ok $? "Alias="
[ -L "$etc/sockets.target.wants/b.socket" ]; ok $? "Also="
grep -q '^Created symlink .*multi-user.target.wants/a.service → /usr/lib/systemd/system/a.service\.$' "$root/err"; ok $? "what was made is said"
sc is-enabled a; [ $? -eq 0 ] && grep -qx enabled "$root/out"; ok $? "enabled"
sc is-enabled alias; [ $? -eq 0 ] && grep -qx alias "$root/out"; ok $? "alias"
sc enable a; [ $? -eq 0 ] && [ ! -s "$root/err" ]; ok $? "again: nothing to do, nothing said"
sc list-unit-files --no-legend; grep -q '^a.service *enabled *disabled' "$root/out"; ok $? "list-unit-files with state and preset"
sc disable a; [ $? -eq 0 ] && [ ! -e "$etc/multi-user.target.wants" ] && [ ! -L "$etc/alias.service" ] && [ ! -L "$etc/sockets.target.wants/b.socket" ]; ok $? "disable takes all away"
sc enable t@; [ -L "$etc/t-one.target.wants/t@one.service" ]; ok $? "DefaultInstance= and specifiers"
sc enable t@two.service; [ -L "$etc/t-two.target.wants/t@two.service" ]; ok $? "an instance"
sc disable t@; [ ! -e "$etc/t-one.target.wants" ] && [ ! -e "$etc/t-two.target.wants" ]; ok $? "a template takes its instances along"
sc mask a; [ "$(readlink "$etc/a.service")" = /dev/null ]; ok $? "mask"
sc is-enabled a; [ $? -eq 1 ] && grep -qx masked "$root/out"; ok $? "masked"
sc enable a; [ $? -eq 1 ] && grep -q 'is masked' "$root/err"; ok $? "what is masked cannot be enabled"
sc unmask a; [ ! -e "$etc/a.service" ] && [ ! -L "$etc/a.service" ]; ok $? "unmask"
sc preset a b.socket; [ ! -e "$etc/multi-user.target.wants/a.service" ] && [ -L "$etc/sockets.target.wants/b.socket" ]; ok $? "preset"
sc set-default multi-user; [ "$(readlink "$etc/default.target")" = /usr/lib/systemd/system/multi-user.target ]; ok $? "set-default"
sc get-default; grep -qx multi-user.target "$root/out"; ok $? "get-default"
echo x >"$etc/local.service"
sc mask local; [ $? -eq 1 ] && grep -q 'already exists' "$root/err"; ok $? "a file of one's own is not masked"
sc enable static; [ $? -eq 0 ] && grep -q 'no installation config' "$root/err"; ok $? "enable of a static unit says so"
sc cat static; grep -q '^ExecStart=/bin/true' "$root/out"; ok $? "cat"
echo "1..$n"
