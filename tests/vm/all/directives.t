#!/usr/bin/env python3
"""Directives of the execution environment that need a machine of their own: the cases of tests/directives that are
for "vm", AppArmor, PAM sessions, users that NSS alone knows, a virtual console, the log's side of Log…=, credentials
from outside, USB functions, verified images. One guest, with two NUMA nodes and the full kernel.

EMPTY=1 with the build of tests/empty-directives: the units of the cases lack their row; then each case has to fail.
"""
import os
import re
import shutil
import sys
import tempfile
sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(HERE), os.path.join(HERE, "../../directives")]
import cases  # noqa: E402
import steps  # noqa: E402
from tap import TIMEOUT, Tap  # noqa: E402

OUT = os.path.abspath(os.environ.get("OUT") or "build")
EMPTY = bool(os.environ.get("EMPTY"))
CASES = [case for case in cases.CASES if case.where == "vm"]
RUN = "systemd-run -q --wait --pipe "
WAIT = "systemd-run -q --wait "

PROFILE = "profile confined flags=(attach_disconnected) { file, /etc/hostname r, deny /etc/passwd r, signal, }\n"
PAM = ("auth required pam_permit.so\naccount required pam_permit.so\n"
       "session required pam_exec.so /usr/local/sbin/session\n")
SESSION = "#!/bin/sh\necho $PAM_TYPE $PAM_USER >>/run/sessions\n"

# makes a USB function NAME with an endpoint, at /run/NAME, and the files that describe it
GADGET = r"""#!/bin/sh -e
modprobe -a dummy_hcd libcomposite usb_f_fs
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
mkdir -p /sys/kernel/config/usb_gadget/$1 /run/$1
cd /sys/kernel/config/usb_gadget/$1
echo 0x1d6b >idVendor; echo 0x0104 >idProduct
mkdir configs/c.1 functions/ffs.$1
ln -s functions/ffs.$1 configs/c.1/
mount -t functionfs $1 /run/$1
interface='\011\004\000\000\001\377\000\000\001'
printf "\003\000\000\000\064\000\000\000\003\000\000\000\002\000\000\000\002\000\000\000$interface\007\005\201\002\100\000\000$interface\007\005\201\002\000\002\000" >/run/$1.descriptors
printf '\002\000\000\000\030\000\000\000\001\000\000\000\001\000\000\000\011\004probe\000' >/run/$1.strings
"""

# images with trees of hashes: as they are, with a block that was changed later, with all that belongs to it beside, in partitions
VERITY = r"""#!/bin/sh -e
mkdir -p /run/v/root; cd /run/v
mkdir -p root/usr/sbin root/proc root/sys root/dev root/run root/results
cp /usr/sbin/probe root/usr/sbin/
echo of the verified image >root/marker
echo what is changed later >root/other
truncate -s 8M plain.raw
mke2fs -q -t ext4 -b 4096 -d root plain.raw
veritysetup format plain.raw plain.tree | awk '/Root hash/ { print $3 }' >plain.hash
cp plain.raw spoilt.raw
printf X | dd of=spoilt.raw bs=1 seek=$(grep -abo 'what is changed later' spoilt.raw | head -n 1 | cut -d: -f1) conv=notrunc status=none
cp spoilt.raw beside.raw; cp plain.tree beside.verity; cp plain.hash beside.roothash
uuid() { echo $1 | sed -E 's/(.{8})(.{4})(.{4})(.{4})(.{12})/\1-\2-\3-\4-\5/'; }
truncate -s 16M parts.raw
sfdisk -q parts.raw <<E
label: gpt
start=1MiB, size=8MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
start=9MiB, size=2MiB, type=2C7357ED-EBD2-46D9-AEC1-23D437EC2BF5, uuid=$(uuid $(cut -c33- plain.hash))
start=11MiB, size=1MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
E
sfdisk -q --part-uuid parts.raw 1 $(uuid $(cut -c-32 plain.hash))
dd if=spoilt.raw of=parts.raw bs=1M seek=1 conv=notrunc status=none
dd if=plain.tree of=parts.raw bs=1M seek=9 conv=notrunc status=none
"""

STEPS = [
    # AppArmor
    ("cat /sys/module/apparmor/parameters/enabled; apparmor_parser -r /etc/confined.profile", 0, "^Y"),
    (f"{RUN} -p AppArmorProfile=confined sh -c 'cat /proc/self/attr/current /etc/hostname; cat /etc/passwd'", 1,
     r"^confined \(enforce\)\n\S+\n.*Permission denied"),
    (f"{RUN} -p AppArmorProfile=of-nobody true", 231, ""),
    (f"{RUN} -p AppArmorProfile=-of-nobody cat /etc/hostname", 0, r"^\S+$"),
    # a session opens before the program and closes after it; who opened it outlives the service
    (f"{RUN} -p User=daemon -p PAMName=session id -un; until grep -q close /run/sessions; do sleep 0.1; done; cat /run/sessions", 0, r"^daemon\nopen_session daemon\nclose_session daemon$"),
    ("rm /run/sessions; systemd-run -q -u sleeper -p User=daemon -p PAMName=session sleep 1000; until grep open /run/sessions; do sleep 0.1; done 2>/dev/null; "
     "systemctl kill -s KILL --kill-who=main sleeper; until grep close /run/sessions; do sleep 0.1; done", 0,
     r"^open_session daemon\nclose_session daemon$"),
    # users whom only NSS knows
    (f"{RUN} -p User=outsider sh -c 'id -u; id -G; echo $HOME $LOGNAME'", 0, r"^4711\n4711 4712\n/nowhere outsider$"),
    (f"{RUN} -p User=outsider -p SetLoginEnvironment=no sh -c 'echo $USER,$LOGNAME'", 0, r"^outsider,$"),
    (f"{RUN} -p User=root -p Group=outsiders id -gn", 0, r"^outsiders$"),
    # what the log daemon keeps
    (f"systemd-run -q --wait -u level -p LogLevelMax=warning sh -c 'echo \"<5>not this\"; echo \"<4>but this\"; logger -p user.debug nor that'; "
     "journalctl -o cat -u level", 0, r"(?s)\A(?!.*(not this|nor that)).*but this"),
    (f"systemd-run -q --wait -u extra -p LogExtraFields=TEAM=web echo with a field; journalctl -o cat TEAM=web", 0, r"^with a field$"),
    (f"systemd-run -q --wait -u burst --description=many -p LogRateLimitIntervalSec=1h -p LogRateLimitBurst=3 sh -c 'for i in 1 2 3 4 5 6; do echo line $i; done'; "
     "journalctl -o cat -u burst | grep -c line", 0, r"^3$"),
    (f"systemd-run -q --wait -u apart --description=elsewhere -p LogNamespace=apart sh -c 'echo printed; logger to syslog'; journalctl -o cat --namespace=apart; "
     "journalctl -o cat -u apart | grep -c -e printed -e syslog", 1, r"(?s)printed.*to syslog.*^0$|to syslog.*printed.*^0$"),
    # a virtual console that nobody has open any more is given back
    (f"{WAIT} -p StandardInput=tty -p TTYPath=/dev/tty9 true; ls /dev/vcs9 && {WAIT} -p TTYPath=/dev/tty9 -p TTYVTDisallocate=yes true; "
     "ls /dev/vcs9", 2, r"^/dev/vcs9\n.*No such file"),
    # a host that finds the function wakes its service, which is given what happens to it
    ("gadget wired && systemctl start wired.socket && systemctl show -p ActiveState,SubState,Listen wired.socket && ls /sys/class/udc >/sys/kernel/config/usb_gadget/wired/UDC && "
     "until test -e /run/wired-events; do sleep 0.1; done; od -An -tu1 -j8 -N1 /run/wired-events; cat /sys/bus/usb/devices/*/interface; "
     "systemctl is-active wired.service; systemctl daemon-reexec; systemctl stop wired.service; systemctl show -p SubState wired.socket; "
     "systemctl stop wired.socket", 0,
     r"\AListen=/run/wired \(USBFunction\)\nActiveState=active\nSubState=listening\n +[02]\n(.*\n)*probe\n(.*\n)*active\nSubState=(listening|running)$"),
    # a tree of hashes by another's hash, or without one; a signature that nobody trusts; and no device stays
    *[(f"{WAIT} -p RootImage=/run/v/plain.raw -p MountAPIVFS=yes {lines} /usr/sbin/probe out:x", status, "")
      for status, lines in ((0, "-p RootHash=/run/v/plain.hash -p RootVerity=/run/v/plain.tree"),
                            (226, "-p RootVerity=/run/v/plain.tree -p RootHash=" + 32 * "07"), (226, "-p RootHash=/run/v/plain.hash"),
                            (226, "-p RootHash=/run/v/plain.hash -p RootVerity=/run/v/plain.tree -p RootHashSignature=base64:AAAA"))],
    ("until ! ls /sys/block | grep dm-; do sleep 0.1; done; losetup -l", 0, r"\A(dm-.*\n)*\Z"),
    # from the command line and the firmware
    ("ls -l /run/credentials/@system; mount | grep -c credentials/@system.*ro,", 0, r"-r-------- 1 root root .* bin\n(.|\n)*of-it\n1$"),
]


def unit_tree(folder):
    for number, case in enumerate(CASES):
        case.settle(number, EMPTY)
        for name, text in {f"{case.id}.service": case.text(), **case.units}.items():
            with open(f"{folder}/{name}", "w") as f:
                f.write(text)


def put(folder, name, text, mode=0o644):
    path = f"{folder}/{name}"
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def run_cases(tap, guest):
    script = "mkdir -p /results\n"
    for case in CASES:
        script += f"{case.before}\nsystemctl start {case.id}.service; cat /results/{case.id}; echo @@next\n"
    said = guest.out(script, TIMEOUT).split("@@next")
    for case, text in zip(CASES, said):
        tap.ok(case.matches(text.lstrip("\n")), case.row, f"expected {case.expect!r}, said {text!r}")


def main():
    tap = Tap()
    work = tempfile.mkdtemp()
    os.makedirs(f"{work}/units")
    unit_tree(f"{work}/units")
    copies = [(f"{work}/units/{name}", f"/etc/systemd/system/{name}") for name in os.listdir(f"{work}/units")]
    copies += [(f"{OUT}/tests/probe", "/usr/sbin/probe"),
               (put(work, "profile", PROFILE), "/etc/confined.profile"),
               (put(work, "pam", PAM), "/etc/pam.d/session"),
               (put(work, "session", SESSION, 0o755), "/usr/local/sbin/session"),
               (put(work, "passwd", "outsider:x:4711:4711::/nowhere:/bin/sh\n"), "/var/lib/extrausers/passwd"),
               (put(work, "group", "outsider:x:4711:\noutsiders:x:4712:outsider\n"), "/var/lib/extrausers/group"),
               (put(work, "nsswitch", "passwd: files extrausers\ngroup: files extrausers\n"), "/etc/nsswitch.conf")]
    for name, text in (("wired.socket", "[Socket]\nListenUSBFunction=/run/wired\n"),
                       ("wired.service", "[Service]\nUSBFunctionDescriptors=/run/wired.descriptors\nUSBFunctionStrings=/run/wired.strings\n"
                        "ExecStart=/bin/sh -c 'dd bs=12 count=1 <&3 >/run/wired-new && mv /run/wired-new /run/wired-events; exec sleep 1000'\n")):
        copies.append((put(work, name, text), f"/etc/systemd/system/{name}"))
    copies.append((put(work, "gadget", GADGET, 0o755), "/usr/local/sbin/gadget"))
    copies.append((put(work, "verity-images", VERITY, 0o755), "/usr/local/sbin/verity-images"))
    nodes = []
    for n in (0, 1):
        nodes += ["-object", f"memory-backend-ram,size=256M,id=m{n}", "-numa", f"node,cpus={n},memdev=m{n}"]
    try:
        with tap.guest("directives", smp=2, kernel="full", packages="apparmor,libnss-extrausers,cryptsetup-bin,fdisk", copies=copies, mem=512,
                       append="apparmor=1 security=apparmor systemd.set_credential=of-it:outside",
                       arguments=[*nodes, "-smbios", "type=11,value=io.systemd.credential.binary:bin=Ynl0ZXM="]) as guest:
            guest.wait_ready(TIMEOUT)
            run_cases(tap, guest)
            if not EMPTY:
                steps.run(tap, guest, STEPS)
    finally:
        shutil.rmtree(work)
    tap.done()


main()
