#!/usr/bin/env python3
"""rouse-initrd without a guest: names of a root, what is said while it waits and at the limit, results of fsck, LUKS by
keyscript, passphrase and token, break points, shells, /usr, a stale resume=. What needs a kernel of its own is in
tests/vm/roots.t."""
import os
import re
import subprocess
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from devd_ns import done, is_, ok, skip_all  # noqa: E402
import initrd_ns  # noqa: E402
from initrd_ns import RESTART, Boot, Disk, Lab  # noqa: E402

CRYPTSETUP, FSCK = "/sbin/cryptsetup", "/sbin/fsck.ext4"


def like(text, pattern, what):
    return ok(re.search(pattern, text, re.S | re.M), what, f"no {pattern!r} in:\n{text[-2500:]}")


def unlike(text, pattern, what):
    return ok(not re.search(pattern, text, re.S | re.M), what, f"{pattern!r} in:\n{text[-2500:]}")


def try_boot(what, words, disks, steps=lambda boot: None, **more):
    """Boots; the run, or None when it did not come to an end."""
    with Boot(lab, words, disks, **more) as boot:
        try:
            steps(boot)
            boot.wait()
            return boot
        except TimeoutError as error:
            ok(False, what, error)


def comes_up(what, words, disks, marker=r"MARKER / \S+ ext4 ro.*MARKER api proc sys dev run.*MARKER end", **more):
    boot = try_boot(what, words, disks, **more)
    if boot:
        like(boot.console, marker, what)
    return boot


def restarts(what, words, disks, says, **more):
    boot = try_boot(what, words, disks, **more)
    if boot:
        is_(boot.status, RESTART, f"{what}: restarts")
        for pattern in says:
            like(boot.log(), pattern, f"{what}: {pattern}")
        unlike(boot.console, "MARKER", f"{what}: does not come up")
    return boot


def names():
    root, number = lab.ext4("named")
    boot = comes_up("by UUID", f"root=UUID={number}", [root])
    if boot:
        like(boot.log(), rf"root UUID={number} is /dev/loop\d+, ext4.*is mounted.*executing /sbin/init", "says its way")
        like(boot.console, "MARKER checked", "a clean root counts as checked")
        unlike(boot.console, "MARKER way back", "a plain root needs no way back")
    comes_up("by LABEL, written to", "root=LABEL=named rw", [root], marker=r"MARKER / \S+ ext4 rw.*MARKER end")
    comes_up("by a by-uuid link", f"root=/dev/disk/by-uuid/{number}", [root])
    root.attach()
    comes_up("by path", f"root={root.device}", [])
    made = os.stat(root.device).st_rdev
    comes_up("by number", f"root={os.major(made)}:{os.minor(made)}", [])
    root.detach()
    comes_up("over it, memory", "root=LABEL=named systemd.volatile=overlay", [root], marker=r"MARKER / overlay overlay rw.*MARKER end")


def partitions():
    whole = lab.path("gpt.img")
    root, _ = lab.ext4("parted")
    number = "b0070000-0000-4000-8000-%012x" % os.getpid()
    with open(whole, "wb") as file:
        file.truncate(12 << 20)
    subprocess.run(["sfdisk", "-q", whole], input=f"label: gpt\nstart=2048,size=16384,name=part-{os.getpid()},uuid={number},"
                   "type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709\n", text=True, check=True)
    with open(whole, "r+b") as file, open(root.path, "rb") as content:
        file.seek(2048 * 512)
        file.write(content.read())
    disk = Disk(whole, partitions=True)
    disk.attach()
    known = os.path.exists(f"/sys/class/block/{os.path.basename(disk.device)}p1")
    disk.detach()
    if not known:
        ok(True, "by PARTUUID and PARTLABEL # SKIP this kernel knows no partitions")
        return
    comes_up("by PARTUUID", f"root=PARTUUID={number.upper()}", [disk])
    comes_up("by PARTLABEL", f"root=PARTLABEL=part-{os.getpid()}", [disk])


def waiting():
    root, number = lab.ext4("late")
    other, _ = lab.ext4("other")
    restarts("no such UUID", f"root=UUID={number} rd.timeout=4 panic=1 rd.shell=0", [other], (
        rf"waiting for root UUID={number} \(3 s\); block devices seen: .*/dev/loop\d+ ext4 UUID=\S+ LABEL=other",
        rf"root UUID={number} did not appear within 4 s", r"block device /dev/loop\d+ ext4 UUID=\S+ LABEL=other",
        r"No shell \(rd\.shell=0\); the boot goes on if the device appears", r"panic=1: restarting"))

    def attach(boot):
        boot.expect_log(r"did not appear within 4 s")
        boot.expect(r"sh prompts# ")
        root.attach()
    boot = comes_up("a root that appears after the limit", f"root=UUID={number} rd.timeout=4", [], steps=attach, programs={"/bin/sh": []})
    if boot:
        like(boot.log(), r"waiting for root.*did not appear.*is /dev/loop\d+, ext4.*executing", "and everything was said")
    root.detach()


def checks():
    root, number = lab.ext4("unclean", unclean=True)
    for code, up in ((0, True), (1, True), (2, False), (3, False), (4, False), (8, False)):
        what = f"fsck ends with {code}"
        if up:
            boot = comes_up(what, f"root=UUID={number}", [root], marker="MARKER checked.*MARKER end", programs={FSCK: [code]})
            if boot:
                like(boot.tools, r"^fsck\.ext4 -a /dev/loop\d+ <>$", "its arguments")
        else:
            restarts(what, f"root=UUID={number} panic=1 rd.shell=0", [root],
                     [rf"fsck\.ext4 has repaired /dev/loop\d+ \(exit code {code}\) and wants a restart; restarting" if code < 4 else
                      rf"fsck\.ext4 has left errors on root UUID={number} \(/dev/loop\d+, exit code {code}\); repair it by hand"],
                     programs={FSCK: [code]})
    boot = comes_up("fsck.mode=skip", f"root=UUID={number} fsck.mode=skip", [root], marker="MARKER end", programs={FSCK: [4]})
    if boot:
        is_(boot.tools, "", "runs no fsck")
    clean, number = lab.ext4("clean")
    boot = comes_up("fsck.mode=force fsck.repair=yes", f"root=UUID={number} fsck.mode=force fsck.repair=yes", [clean],
                    programs={FSCK: [0]})
    if boot:
        like(boot.tools, r"^fsck\.ext4 -y -f /dev/loop\d+ <>$", "checks what is clean")


def no_root():
    root, number = lab.ext4("noinit", files={"sbin/init": None})
    restarts("no init", f"root=UUID={number} panic=1", [root],
             [rf"no init found in root UUID={number}: tried /sbin/init /etc/init /bin/init /bin/sh"])
    root, number = lab.ext4("init")
    boot = comes_up("init= that is not there", f"root=UUID={number} init=/no/such", [root])
    if boot:
        like(boot.log(), "init=/no/such is not a program in the root; trying the usual ones", "is named")
    box, number = lab.luks("sealed")
    restarts("LUKS without cryptsetup", f"root=UUID={number}-inside rd.timeout=4 panic=1", [box],
             [r"/dev/loop\d+ is crypto_LUKS, and this image has no /sbin/cryptsetup \(rouse-initramfs --feature luks\)"])


def opens(root):
    """The root appears when something has been opened."""
    def step(boot):
        boot.expect_log("is open as")
        root.attach()
    return step


def luks():
    box, number = lab.luks("box")
    root, inside = lab.ext4("inside")
    words = f"root=UUID={inside} rd.luks.name={number}=vault rd.luks.key=xyzzy rd.luks.options=keyscript=/bin/keyscript,tries=2"
    boot = comes_up("keyscript=", words, [box], steps=opens(root), programs={CRYPTSETUP: [0], "/bin/keyscript": [0]},
                    files={"/shutdown": "x"})
    if boot:
        like(boot.tools, r"^keyscript NAME=vault KEY=xyzzy OPTIONS=keyscript=/bin/keyscript,tries=2 TRIED=0 OPTION_tries=2$", "what it is told")
        like(boot.tools, r"^cryptsetup open --batch-mode --type luks --key-file - /dev/loop\d+ vault <xyzzy>$", "its key goes to cryptsetup")
        like(boot.console, "MARKER way back", "a root on LUKS has a way back")
        unlike(boot.console, "Passphrase", "nothing is asked")
    root.detach()

    def answer(boot):
        boot.expect(r"Passphrase for /dev/loop\d+ \(vault\): ")
        boot.send("open sesame\n")
        opens(root)(boot)
    boot = comes_up("keyscript= with a wrong key", words, [box], steps=answer,
                    programs={CRYPTSETUP: [2, 2, 0], "/bin/keyscript": [0]})
    if boot:
        is_(len(re.findall(r"what was printed by /bin/keyscript does not open /dev/loop\d+", boot.log())), 2, "is run tries= times")
        like(boot.tools, r"TRIED=0.*<xyzzy>.*TRIED=1.*<xyzzy>.*<open sesame>", "then a passphrase is asked for")
    root.detach()
    boot = comes_up("keyscript= that fails", words, [box], steps=answer, programs={CRYPTSETUP: [0], "/bin/keyscript": [1]})
    if boot:
        like(boot.log(), r"/bin/keyscript gave no key for /dev/loop\d+ \(exit code 1\)", "is named")
    root.detach()

    def thrice(boot):
        for _ in range(3):
            boot.expect(r"Passphrase for /dev/loop\d+ \(vault\): ")
            boot.send("wrong\n")
    words = f"root=UUID={inside} rd.luks.name={number}=vault"
    restarts("a wrong passphrase three times", words + " rd.shell=0 panic=1", [box], (
        r"(luks: wrong passphrase for /dev/loop\d+ \(vault\).*){3}luks: /dev/loop\d+ \(vault\) was not opened after 3 tries",
        r"No shell \(rd\.shell=0\)", r"panic=1: restarting"), steps=thrice, programs={CRYPTSETUP: [2]})
    boot = comes_up("a token", words, [box], steps=opens(root), programs={CRYPTSETUP: [0]},
                    files={"/lib/x86_64-linux-gnu/cryptsetup/libcryptsetup-token-systemd-tpm2.so": "x"})
    if boot:
        like(boot.tools, r"^cryptsetup open --batch-mode --type luks --token-only /dev/loop\d+ vault <>$", "is tried first")
    root.detach()
    boot = comes_up("a token that does not open it", words, [box], steps=answer, programs={CRYPTSETUP: [1, 0]},
                    files={"/lib/x86_64-linux-gnu/cryptsetup/libcryptsetup-token-systemd-tpm2.so": "x"})
    if boot:
        like(boot.tools, r"--token-only .*--key-file - .*<open sesame>", "a passphrase is asked for")
    root.detach()
    keys, _ = lab.ext4("keys", files={"deep/root.key": "k", "header": "h"})
    boot = comes_up("key file and header on another device", words + " rd.luks.key=/deep/root.key:LABEL=keys "
                    "rd.luks.options=header=/header:LABEL=keys,discard,nonsense", [box, keys], steps=opens(root), programs={CRYPTSETUP: [0]})
    if boot:
        like(boot.tools, r"^cryptsetup open --batch-mode --type luks --key-file /run/rouse/keys/key/deep/root\.key "
             r"--header /run/rouse/keys/header/header --allow-discards /dev/loop\d+ vault <>$", "go to cryptsetup")
        like(boot.log(), "luks: vault: option nonsense is not known; ignored", "an option that is none is named")
    root.detach()
    boot = comes_up("a key file whose device does not come", words + " rd.luks.key=/k:LABEL=no-such rd.degraded=1", [box],
                    steps=answer, programs={CRYPTSETUP: [0]})
    if boot:
        like(boot.log(), "the device LABEL=no-such with the key file of vault has not appeared; asking instead", "is named")
    root.detach()
    boot = comes_up("a key file of crypttab", f"root=UUID={inside}", [box], steps=opens(root), programs={CRYPTSETUP: [0]},
                    files={"/etc/crypttab": f"vault UUID={number} /etc/key luks,discard\n", "/etc/key": "k"})
    if boot:
        like(boot.tools, r"^cryptsetup open .* --key-file /etc/key --allow-discards /dev/loop\d+ vault <>$", "goes to cryptsetup")
    root.detach()


def members():
    root, number = lab.ext4("raided")
    path = lab.path("isw.img")
    with open(path, "wb") as file:
        file.truncate(4 << 20)
        file.seek((4 << 20) - 1024)
        file.write(b"Intel Raid ISM Cfg Sig. 1.0.00")

    def assembled(boot):
        boot.expect_log("isw_raid_member: mdmon, which keeps such metadata while the array is written to, is not started here")
        root.attach()
    boot = comes_up("a member with metadata of a firmware", f"root=UUID={number}", [Disk(path)], steps=assembled,
                    programs={"/sbin/mdadm": [0]})
    if boot:
        like(boot.tools, r"^mdadm --incremental --quiet /dev/loop\d+ <>$", "goes to mdadm")
    root.detach()


def verity():
    data, _ = lab.ext4("data")
    path = lab.path("hashes.img")
    with open(path, "wb") as file:
        file.write(b"verity\0\0" + (1).to_bytes(4, "little") * 2 + bytes((1 << 20) - 16))
    hashes, roothash = Disk(path), "5e" * 32
    data.attach()
    hashes.attach()
    words = f"roothash={roothash} systemd.verity_root_data={data.device} systemd.verity_root_hash={hashes.device} panic=1"
    boot = restarts("dm-verity with another hash", words, [], [r"verity: the root was not opened: it does not fit roothash= \(exit code 1\)"],
                    programs={"/sbin/veritysetup": [1]})
    if boot:
        is_(boot.tools, f"veritysetup open {data.device} root {hashes.device} {roothash} <>\n", "what veritysetup is told")
    data.detach()
    hashes.detach()


def breaks():
    root, number = lab.ext4("broken")
    for at, where in (("initqueue", "any device is looked for"), ("pre-mount", "the mount of the root"), ("", "the switch of root")):
        def shell(boot, name="sh"):
            boot.expect(f"{name} prompts# ")
            boot.send("hello\n")
            boot.expect("told hello")
            boot.send("exit\n")
        boot = comes_up(f"rd.break={at}", f"root=UUID={number} rd.break{'=' if at else ''}{at}", [root], steps=shell, programs={"/bin/sh": []})
        if boot:
            like(boot.log(), rf"rd\.break: a shell before {where}.*The shell has ended; going on.*executing", "the shell, then the boot")
    comes_up("a shell with a password", f"root=UUID={number} rd.break", [root], steps=lambda boot: shell(boot, "sulogin"),
             programs={"/bin/sh": [], "/sbin/sulogin": []})
    boot = comes_up("rd.break without a shell", f"root=UUID={number} rd.break", [root])
    if boot:
        like(boot.log(), "There is no shell in this image; rd.break passed over", "is named")


def usr():
    usr_disk, number = lab.ext4("usr")
    root, outside = lab.ext4("usrless", files={"etc/fstab": f"UUID={number} /usr ext4 ro 0 2\n"})
    comes_up("/usr on its own", f"root=UUID={outside}", [root, usr_disk], marker=r"MARKER /usr /dev/loop\d+ ext4 ro.*MARKER end")
    root, outside = lab.ext4("usrnfs", files={"etc/fstab": "server:/usr /usr nfs ro 0 0\n"})
    boot = comes_up("/usr by NFS without mount.nfs", f"root=UUID={outside}", [root])
    if boot:
        like(boot.log(), r"/usr of the root's fstab is on NFS, and this image has no /sbin/mount\.nfs \(rouse-initramfs --feature nfs\)",
             "is named")


def resume():
    root, number = lab.ext4("resume")
    boot = comes_up("a stale resume=", f"root=UUID={number} resume=UUID=00000000-dead", [root])
    if boot:
        like(boot.log(), "resume=UUID=00000000-dead is not there; booting afresh", "is named")
        unlike(boot.log(), "waiting for", "and not waited for")


if initrd_ns.possible():
    skip_all(initrd_ns.possible())
lab = Lab()
try:
    only = sys.argv[1:]
    for test in (names, partitions, waiting, checks, no_root, luks, members, verity, breaks, usr, resume):
        if not only or test.__name__ in only:
            test()
finally:
    lab.end()
done()
