#!/usr/bin/env python3
"""systemd.generator(7), clause by clause, with generators that write down what they are given; and what system.conf(5) says
of PID 1 itself, by what its children may do."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import pid1_ns  # noqa: E402
from pid1_ns import Machine, Tap  # noqa: E402

tap = Tap()
ok = tap.ok
DIRS = ["/run/systemd/generator", "/run/systemd/generator.early", "/run/systemd/generator.late"]
SERVICE = "[Unit]\nDefaultDependencies=no\nDescription={}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n"


def generator(m, where, name, script, mode=0o755):
    os.chmod(m.file(f"{where}/systemd/system-generators/{name}", f"#!/bin/sh\n{script}\n"), mode)


def service(directory, name, description):
    text = SERVICE.format(description).replace("\n", "\\n")
    return f"printf '{text}' >{directory}/{name}.service"


def description(m, unit):
    return m.show(unit, "Description").get("Description")


def contract():
    m = Machine("contract")
    m.file("etc/systemd/system.conf", "[Manager]\nLogLevel=debug\nDefaultEnvironment=FOR=all\nManagerEnvironment=OWN=manager\n")
    generator(m, "etc", "writes", "echo \"$# $0 $*\" >/written; env >/environment; "
              # early before /etc, normal between /etc and /usr, late after all
              + "; ".join(service(f"${d + 1}", name, f"of {DIRS[d]}") for d, name in
                          [(1, "early"), (0, "local"), (0, "vendor"), (2, "usr"), (2, "late")])
              + "; mkdir -p $1/default.target.wants $1/early.service.d; ln -s ../late.service $1/default.target.wants/"
              "; printf '[Unit]\\nDocumentation=man:dropped(1)\\n' >$1/early.service.d/more.conf")
    m.unit("early.service", SERVICE.format("of /etc"))
    m.unit("local.service", SERVICE.format("of /etc"))
    m.unit("vendor.service", SERVICE.format("of /usr"), vendor=True)
    m.unit("usr.service", SERVICE.format("of /usr"), vendor=True)
    # each waits until the other is there, too: in turn they would not come to an end
    os.mkfifo(m.path("meet"))
    generator(m, "etc", "meets-a", "echo met >/meet")
    generator(m, "usr/lib", "meets-b", "cat /meet >/met")
    generator(m, "usr/lib", "fails", service("$1", "half", "half done") + "; exit 3")
    generator(m, "usr/lib", "dies", "kill -9 $$")
    generator(m, "usr/lib", "hidden", "touch /hidden")
    os.symlink("/dev/null", m.path("etc/systemd/system-generators/hidden"))
    generator(m, "usr/lib", "empty", "touch /empty")
    m.file("run-empty", "")
    m.file("etc/systemd/system-generators/empty", "")
    generator(m, "usr/lib", "twice", "touch /of-usr")
    generator(m, "etc", "twice", "touch /of-etc")
    generator(m, "etc", "plain", "touch /plain", 0o644)
    m.unit("default.target", "[Unit]\nDefaultDependencies=no\n")
    m.start()
    ok(m.booted(60), "generators that fail do not keep the machine from coming up", m.log[-2000:])
    ok(m.text("written") == f"3 /etc/systemd/system-generators/writes {' '.join(DIRS)}\n",
       "three directories, in this order", m.text("written"))
    said = dict(line.partition("=")[::2] for line in m.text("environment").splitlines())
    wanted = {"SYSTEMD_SCOPE": "system", "SYSTEMD_IN_INITRD": "0", "SYSTEMD_FIRST_BOOT": "0", "SYSTEMD_ARCHITECTURE": "x86-64",
              "SYSTEMD_VIRTUALIZATION": "container:test", "FOR": "all", "OWN": "manager"}
    if os.uname().machine != "x86_64":
        del wanted["SYSTEMD_ARCHITECTURE"]
    got = {key: said.get(key) for key in wanted}
    got["SYSTEMD_VIRTUALIZATION"] = re.sub(":.*", ":test", got["SYSTEMD_VIRTUALIZATION"] or "")
    ok(got == wanted, "the environment that the page lists", said)
    ok([description(m, f"{n}.service") for n in ("early", "local", "vendor", "usr", "late")] ==
       [f"of {DIRS[1]}", "of /etc", f"of {DIRS[0]}", "of /usr", f"of {DIRS[2]}"], "each directory has its place in the search path",
       str([(n, description(m, f"{n}.service")) for n in ("early", "local", "vendor", "usr", "late")]))
    ok(m.is_state("late.service", "active"), "a link in a .wants directory is a dependency")
    ok("man:dropped(1)" in m.ctl("show", "early.service", "-pDocumentation").stdout, "a drop-in counts")
    ok(m.text("met") == "met\n", "all run at the same time")
    ok(m.says(r"Generator /usr/lib/systemd/system-generators/fails failed \(exit status 3\)"), "one that fails is named, with its status")
    ok(m.says(r"Generator /usr/lib/systemd/system-generators/dies failed \(signal 9\)"), "one that is killed, too")
    ok(description(m, "half.service") == "half done", "what it had written counts")
    ok(not os.path.exists(m.path("hidden")) and not os.path.exists(m.path("empty")), "a link to /dev/null and an empty file mask one")
    ok(os.path.exists(m.path("of-etc")) and not os.path.exists(m.path("of-usr")), "one in /etc takes the place of that in /usr")
    ok(not os.path.exists(m.path("plain")), "a file that is no program is none")

    generator(m, "etc", "writes", service("$1", "after", "of the reload") + "; ls $1 $2 $3 >/found")
    generator(m, "run", "twice", "touch /of-run")
    os.unlink(m.path("of-etc"))
    generator(m, "etc", "meets-a", "exit 0")
    generator(m, "usr/lib", "meets-b", "exit 0")
    m.ctl("set-environment", "FOR=some")
    ok(m.ctl("daemon-reload").returncode == 0, "reload")
    ok("FOR=some\n" in m.ctl("show-environment").stdout, "what was set in the environment counts more than the files")
    ok(re.sub(r"half\.service\n", "", m.text("found")) ==
       "/run/systemd/generator:\nafter.service\n\n/run/systemd/generator.early:\n\n/run/systemd/generator.late:\n",
       "what they had written is gone before they run again", m.text("found"))
    ok(description(m, "after.service") == "of the reload" and description(m, "vendor.service") == "of /usr",
       "the units are those that there are now")
    ok(m.show("late.service", "ActiveState") == {"ActiveState": "active"}, "one that runs goes on without its file")
    ok(os.path.exists(m.path("of-run")) and not os.path.exists(m.path("of-etc")), "one in /run takes the place of that in /etc")
    m.close()


def too_long():
    m = Machine("long")
    generator(m, "etc", "hangs", service("$1", "before", "written before") + "; exec sleep 1000")
    m.unit("default.target", "[Unit]\nDefaultDependencies=no\nWants=before.service\n")
    m.start()
    ok(m.booted(60), "one that does not end holds up the boot for a while only", m.log[-2000:])
    ok(m.says(r"Generator /etc/systemd/system-generators/hangs has not ended after 10 s; it is killed"), "it is named and killed")
    ok(m.is_state("before.service", "active"), "what it had written counts")
    ok("sleep" not in m.text("proc/self/comm") and not [p for p in os.listdir(f"/proc/{m.pid}/root/proc") if p.isdigit()
       and open(f"/proc/{m.pid}/root/proc/{p}/comm").read() == "sleep\n"], "nothing of it is left")
    m.close()


def status(m, path):
    return dict(line.partition(":\t")[::2] for line in m.text(path).splitlines())


def privileges():
    """NoNewPrivileges= and CapabilityBoundingSet= of system.conf(5) are PID 1's own, and so everybody's."""
    m = Machine("privileges")
    m.file("etc/systemd/system.conf", "[Manager]\nLogLevel=debug\nNoNewPrivileges=yes\nCapabilityBoundingSet=~CAP_SYS_TIME CAP_MKNOD\n")
    m.unit("default.target", "[Unit]\nDefaultDependencies=no\nRequires=look.service tries.service\nAfter=look.service tries.service\n")
    shell = "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/sh -c '{}'\n{}"
    m.unit("look.service", shell.format("cat /proc/self/status >/status", ""))
    m.unit("tries.service", shell.format("mknod /node c 1 3 2>/tried; cat /proc/self/status >/asked",
                                         "CapabilityBoundingSet=CAP_MKNOD CAP_CHOWN\n"))
    m.start()
    ok(m.booted(60), "the machine is up", m.log[-2000:])
    with open(f"/proc/{m.pid}/status") as f:
        own = dict(line.rstrip("\n").partition(":\t")[::2] for line in f)
    gone = 1 << 25 | 1 << 27
    ok(own["NoNewPrivs"] == "1" and status(m, "status")["NoNewPrivs"] == "1", "NoNewPrivileges= holds for PID 1 and its children")
    ok(not (int(own["CapEff"], 16) | int(own["CapPrm"], 16)) & gone, "of the capabilities that it has, too", own["CapEff"])
    ok(not int(own["CapBnd"], 16) & gone, "CapabilityBoundingSet= holds for PID 1", own["CapBnd"] + "\n" + "\n".join(m.said(".*system.conf.*")))
    ok(not int(status(m, "status")["CapBnd"], 16) & gone and int(status(m, "status")["CapBnd"], 16) & 1, "and for its children",
       status(m, "status").get("CapBnd"))
    ok(int(status(m, "asked")["CapBnd"], 16) == 1, "a unit cannot have back what is gone", status(m, "asked").get("CapBnd"))
    ok("not permitted" in m.text("tried") and not os.path.exists(m.path("node")), "which then is refused", m.text("tried"))
    m.close()


pid1_ns.enclose(240)
try:
    contract()
    too_long()
    privileges()
except pid1_ns.Ended as ended:
    ok(False, f"went on: {ended}")
tap.done()
