#!/usr/bin/env python3
"""The log on disk: rouse-logd on a throw-away root, read by Debian's journalctl and by ours; ours reads Debian's format."""
import os, shutil, signal, socket, subprocess, sys, tempfile, time

OUT = os.environ.get("OUT", "build")
LOGD = os.path.realpath(f"{OUT}/rouse-logd")
CTL = os.path.realpath(f"{OUT}/rousectl")
DUMP = os.path.realpath(f"{OUT}/tests/logd-dump")
MACHINE = "0123456789abcdef0123456789abcdef"
count = failed = 0

if not shutil.which("journalctl"):
    print("1..0 # SKIP no journalctl to compare with")
    sys.exit(0)
root = tempfile.mkdtemp(prefix="rouse-journal.")
run = f"{root}/run/systemd/journal"
ring = f"{root}/run/log/rouse/ring"
journal = f"{root}/var/log/journal/{MACHINE}"
for d in (run, f"{root}/var/log/journal", f"{root}/etc/systemd"):
    os.makedirs(d)
open(f"{root}/etc/machine-id", "w").write(MACHINE + "\n")
ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ready.bind(f"{root}/notify")
ready.settimeout(30)


def ok(good, what, more=""):
    global count, failed
    count += 1
    print(("ok" if good else "not ok"), count, "-", what)
    if not good:
        failed += 1
        print("\n".join("# " + line for line in str(more).splitlines()[:40]))


def start():
    p = subprocess.Popen([LOGD, "--root", root], env=dict(os.environ, NOTIFY_SOCKET=f"{root}/notify"))
    assert ready.recv(4096) == b"READY=1"
    return p


def say(*texts):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.connect(f"{run}/dev-log")
    for t in texts:
        s.send(f"<13>tester[7]: {t}".encode())
    subprocess.run([DUMP, ring, "--until", texts[-1]], capture_output=True, timeout=30)


def asked(p, sig, mark):
    """Sends a signal and waits for the mark that it has been heeded."""
    path = f"{run}/{mark}"

    def inode():
        return os.stat(path).st_ino if os.path.exists(path) else 0

    before, end = inode(), time.monotonic() + 30
    os.kill(p.pid, sig)
    while inode() == before and time.monotonic() < end:
        os.sched_yield()


def theirs(*args):
    return subprocess.run(["journalctl", "-D", journal, "--no-pager", *args], capture_output=True, text=True)


def ours(*args):
    env = dict(os.environ, ROUSE_JOURNAL=journal, ROUSE_LOG=ring)
    return subprocess.run([CTL, "log", *args], capture_output=True, text=True, env=env).stdout


def sound():
    r = theirs("--verify")
    return r.returncode == 0 and "FAIL" not in r.stderr, r.stderr


p = start()
say("before anybody said that /var is there")
ok(not os.path.exists(journal), "nothing is written before /var is there")
asked(p, signal.SIGUSR1, "flushed")
ok(sound()[0], "what is written is sound, by journalctl --verify", sound()[1])
ok("before anybody said" in theirs("-o", "cat").stdout, "and has what came before")
st = os.stat(f"{journal}/system.journal")
ok(st.st_mode & 0o7777 == 0o640 and os.stat(journal).st_mode & 0o7777 == 0o2755, "modes as journald's", oct(st.st_mode))
say("not on disk yet", "critical or not")
texts = ours("-o", "cat").splitlines()
ok(texts.count("not on disk yet") == 1 and texts.count("before anybody said that /var is there") == 1,
   "ours reads disk and ring as one", texts)
asked(p, signal.SIGRTMIN + 1, "synced")
texts = ours("-o", "cat").splitlines()
ok(texts.count("not on disk yet") == 1 and len(texts) == len(set(texts)), "nothing twice once it is on disk", texts)
ok(ours("-o", "cat") == theirs("-o", "cat").stdout, "both read the same", ours("-o", "cat"))
ok("tester" in theirs("-t", "tester", "-n", "1").stdout and "critical" in theirs("_PID=7", "-n1", "-o", "cat").stdout
   or "critical" in theirs("SYSLOG_IDENTIFIER=tester", "-n", "1", "-o", "cat").stdout, "theirs finds by index")
say("bin \t\x01 ary", "long " + "x" * 20000)
asked(p, signal.SIGRTMIN + 1, "synced")
ok(("x" * 20000) in theirs("-o", "cat", "-a").stdout, "a long one")

# killed: the file was not closed
p.kill()
p.wait()
p = start()
say("after the kill")
asked(p, signal.SIGRTMIN + 1, "synced")
names = os.listdir(journal)
ok("system.journal" in names and sound()[0], "after SIGKILL: sound", str(names) + sound()[1])
texts = theirs("-o", "cat").stdout.splitlines()
ok(len(texts) == len(set(texts)) and texts[-1] == "after the kill", "nothing lost, nothing twice", texts[-5:])

# rotation
asked(p, signal.SIGUSR2, "rotated")
say("in the new file")
asked(p, signal.SIGRTMIN + 1, "synced")
ok(any("@" in n and n.endswith(".journal") for n in os.listdir(journal)) and sound()[0],
   "rotated: an archived file beside the new one", os.listdir(journal))
ok(theirs("-o", "cat").stdout.splitlines()[-1] == "in the new file" and ours("-o", "cat") == theirs("-o", "cat").stdout,
   "read as one")
ok(len(ours("-r", "-n", "2", "-o", "cat").splitlines()) == 2 and
   ours("-r", "-n", "2", "-o", "cat").splitlines()[0] == "in the new file", "backwards")
cursor = [line for line in ours("-n", "3", "--show-cursor").splitlines() if line.startswith("-- cursor: ")]
say("after the cursor")
got = ours("-o", "cat", "--after-cursor", cursor[0][len("-- cursor: "):]) if cursor else ""
ok(got.splitlines() == ["after the cursor"], "--after-cursor", got)
boots = subprocess.run([CTL, "log", "--list-boots"], capture_output=True, text=True,
                       env=dict(os.environ, ROUSE_JOURNAL=journal, ROUSE_LOG=ring)).stdout
boot_id = open("/proc/sys/kernel/random/boot_id").read().strip().replace("-", "")
ok(boot_id in boots and boot_id in theirs("--list-boots").stdout, "--list-boots", boots)

# old files go
for i in range(3):
    asked(p, signal.SIGUSR2, "rotated")
    say(f"file {i}")
    asked(p, signal.SIGRTMIN + 1, "synced")
before = len(os.listdir(journal))
subprocess.run([CTL, "log", "-D", journal, "--vacuum-files=2"], capture_output=True)
ok(before > 2 and len(os.listdir(journal)) == 2 and sound()[0], "--vacuum-files", os.listdir(journal))

# let go, as before /var is unmounted, and back
p.terminate()
p.wait()
held = open(f"{journal}/system.journal", "rb").read(17)[16]
ok(held == 0, "closed in order at the end", held)
p = start()
say("once more")
asked(p, signal.SIGUSR1, "flushed")
ok(theirs("-o", "cat").stdout.splitlines()[-1] == "once more" and sound()[0], "continued", os.listdir(journal))
p.terminate()
p.wait()

# configuration: none on disk
shutil.rmtree(f"{root}/var/log/journal")
p = start()
asked(p, signal.SIGUSR1, "flushed")
ok(not os.path.exists(journal), "Storage=auto without /var/log/journal: memory alone")
p.terminate()
p.wait()
open(f"{root}/etc/systemd/journald.conf", "w").write("[Journal]\nStorage=persistent\nSystemMaxUse=3M\nSystemMaxFileSize=512K\n")
p = start()
asked(p, signal.SIGUSR1, "flushed")
ok(os.path.exists(f"{journal}/system.journal"), "Storage=persistent makes it")
for i in range(40):
    say(*[f"{i} {k} " + os.urandom(1500).hex() for k in range(50)])
    asked(p, signal.SIGRTMIN + 1, "synced")
used = sum(os.stat(f"{journal}/{n}").st_blocks * 512 for n in os.listdir(journal))
ok(used < 4 << 20 and len(os.listdir(journal)) > 2 and sound()[0], "SystemMaxUse=, SystemMaxFileSize= hold",
   f"{used} {os.listdir(journal)}")
last = theirs("-o", "cat", "-n", "1").stdout
ok(last.startswith("39 49 "), "and the newest is there", last[:80])
p.terminate()
p.wait()
shutil.rmtree(root)
print(f"1..{count}")
sys.exit(failed > 0)
