#!/bin/sh
# update-initramfs: which kernels each call is for, the old image kept, Debian's hooks, the dpkg trigger.
n=0
ok() { n=$((n + 1)); if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$d/out" "$d/err" "$d/log"; fi; }
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
mkdir -p "$d/modules/6.1.0-9" "$d/modules/6.1.0-10" "$d/modules/6.1.0-10-empty" "$d/boot" "$d/hooks" "$d/bin"
touch "$d/modules/6.1.0-9/modules.dep" "$d/modules/6.1.0-10/modules.dep" "$d/log"
sed -e "s#^MODULES=.*#MODULES=$d/modules#" -e "s#^BOOT=.*#BOOT=$d/boot#" -e "s#^CONF=.*#CONF=$d/conf#" \
        -e "s#^HOOKS=.*#HOOKS=$d/hooks#" -e "s#^TRIGGER=.*#TRIGGER=$d/trigger#" \
        -e "s#^GENERATOR=.*#GENERATOR=$d/bin/generator#" initramfs/update-initramfs >"$d/bin/update-initramfs"
cat >"$d/bin/generator" <<END
#!/bin/sh
echo "generator \$*" >>$d/log
case "\$*" in --digest*) exit 0 ;; esac
[ ! -e $d/broken ] || exit 1
while [ \$# -gt 1 ]; do if [ "\$1" = -o ]; then echo new >"\$2.new"; mv "\$2.new" "\$2"; fi; shift; done
END
printf '#!/bin/sh\necho "dpkg-trigger $*" >>%s/log\n' "$d" >"$d/bin/dpkg-trigger"
printf '#!/bin/sh\necho "hook $*" >>%s/log\n' "$d" >"$d/hooks/note"
chmod +x "$d"/bin/* "$d/hooks/note"
PATH=$d/bin:$PATH
unset DPKG_MAINTSCRIPT_PACKAGE
ui() { : >"$d/log"; sh "$d/bin/update-initramfs" "$@" >"$d/out" 2>"$d/err"; }
made() { sed -n 's/^generator .*-o //p' "$d/log" | sed "s#$d/boot/initrd.img-##" | tr '\n' ' '; }

ui; [ $? -eq 2 ]; ok $? "without a mode: usage"
ui -c; [ $? -eq 1 ]; ok $? "-c needs a version"
ui -c -k 6.1.0-9; [ $? -eq 0 ] && [ "$(made)" = "6.1.0-9 " ]; ok $? "-c -k"
grep -q "^generator --digest -k 6.1.0-9" "$d/log"; ok $? "the module digest comes along"
grep -qx "hook 6.1.0-9 $d/boot/initrd.img-6.1.0-9" "$d/log"; ok $? "post-update.d: version and file"
ui -c -k 6.1.0-10-empty; [ $? -eq 1 ] && grep -q "no modules" "$d/err" && [ ! -e "$d/boot/initrd.img-6.1.0-10-empty" ]; ok $? "a kernel without modules"
ui -c -k all; [ "$(made)" = "6.1.0-9 6.1.0-10 " ]; ok $? "-c -k all: all that are installed"
ui -u; [ "$(made)" = "6.1.0-10 " ]; ok $? "-u: the newest, by version and not by letter"
ui -u -k all; [ "$(made)" = "6.1.0-9 6.1.0-10 " ]; ok $? "-u -k all"
mkdir "$d/other"; ui -c -k 6.1.0-9 -b "$d/other"; [ -e "$d/other/initrd.img-6.1.0-9" ]; ok $? "-b"
echo old >"$d/boot/initrd.img-6.1.0-10"
echo backup_initramfs=yes >"$d/conf"; ui -u; [ "$(cat "$d/boot/initrd.img-6.1.0-10.bak")" = old ]; ok $? "backup_initramfs=yes"
touch "$d/broken"; echo keep >"$d/boot/initrd.img-6.1.0-10"
ui -u; [ $? -eq 1 ] && [ "$(cat "$d/boot/initrd.img-6.1.0-10")" = keep ] && ! grep -q ^hook "$d/log"; ok $? "an error: the old image stays, no hook runs"
ui -u -k all; [ $? -eq 1 ] && [ "$(made)" = "6.1.0-9 6.1.0-10 " ]; ok $? "one that fails does not keep the others from theirs"
rm "$d/broken"
echo update_initramfs=all >"$d/conf"; ui -u; [ "$(made)" = "6.1.0-9 6.1.0-10 " ]; ok $? "update_initramfs=all"
echo update_initramfs=no >"$d/conf"; ui -u; [ $? -eq 0 ] && [ -z "$(made)" ]; ok $? "update_initramfs=no"
rm "$d/conf"
export DPKG_MAINTSCRIPT_PACKAGE=some-package
ui -u; [ "$(made)" = "6.1.0-10 " ]; ok $? "from a package's script, when nobody minds the trigger: at once"
echo rouse >"$d/trigger"
ui -u; [ -z "$(made)" ] && grep -qx "dpkg-trigger --no-await update-initramfs" "$d/log"; ok $? "else put off to the trigger"
ui -u -k 6.1.0-9; [ "$(made)" = "6.1.0-9 " ]; ok $? "not with a version"
DPKG_MAINTSCRIPT_PACKAGE=rouse; ui -u; [ "$(made)" = "6.1.0-10 " ]; ok $? "the trigger's package makes it"
unset DPKG_MAINTSCRIPT_PACKAGE
ui -d -k 6.1.0-10; [ $? -eq 0 ] && [ ! -e "$d/boot/initrd.img-6.1.0-10" ] && [ ! -e "$d/boot/initrd.img-6.1.0-10.bak" ]; ok $? "-d: image and backup"
ui -d -k 6.1.0-10; [ $? -eq 1 ]; ok $? "again: there is none"
ui -d -k all; [ $? -eq 0 ] && ! ls "$d"/boot/initrd.img* >/dev/null 2>&1; ok $? "-d -k all"
ui -u; [ $? -eq 0 ] && [ -z "$(made)" ]; ok $? "-u without any image: nothing to do"
ui -c -u; [ $? -eq 1 ]; ok $? "two modes"
echo "1..$n"
