#!/usr/bin/env python3
"""rouse-logd on sockets of a throw-away root: streams, syslog, native messages, forwarding, restart with its fds."""
import array, ctypes, fcntl, os, re, shutil, socket, struct, subprocess, sys, tempfile, time

OUT = os.environ.get("OUT", "build")
LOGD = os.path.realpath(f"{OUT}/rouse-logd")
DUMP = os.path.realpath(f"{OUT}/tests/logd-dump")
count = failed = 0


def ok(good, what, more=""):
    global count, failed
    count += 1
    print(("ok" if good else "not ok"), count, "-", what)
    if not good:
        failed += 1
        for line in str(more).splitlines():
            print("#", line)


root = tempfile.mkdtemp(prefix="rouse-logd.")
sockets = f"{root}/run/systemd/journal"
ring = f"{root}/run/log/rouse/ring"
os.makedirs(sockets)
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(f"{root}/notify")
notify.settimeout(10)


def start(pass_fds=(), names="", arguments=()):
    env = dict(os.environ, NOTIFY_SOCKET=f"{root}/notify")
    pre = None
    if pass_fds:
        # what the service manager does: descriptors from 3 on, named
        env["LISTEN_FDS"] = str(len(pass_fds))
        env["LISTEN_FDNAMES"] = names
        saved = [os.dup(f) for f in pass_fds]

        def pre():
            high = [fcntl.fcntl(f, fcntl.F_DUPFD, 100) for f in saved]
            for i, f in enumerate(high):
                os.dup2(f, 3 + i)
    p = subprocess.Popen([LOGD, "--root", root, *arguments], env=env, preexec_fn=pre, close_fds=not pass_fds)
    while (msg := notify.recv(4096)).startswith(b"FDSTORE"):        # of the one before
        pass
    assert msg == b"READY=1", msg
    return p


def dump(*args):
    return subprocess.run([DUMP, ring, *args], capture_output=True, text=True).stdout


def wait_for(text, *args):
    """Records so far, as soon as text is among them: the reader's futex wakes it, no poll."""
    return subprocess.run([DUMP, ring, "--until", text, *args], capture_output=True, text=True, timeout=20).stdout


def stream(identifier, unit, text, priority=30, prefix=1):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.connect(f"{sockets}/stdout")
    s.sendall(f"{identifier}\n{unit}\n{priority}\n{prefix}\n0\n0\n0\n{text}".encode())
    return s


def send(name, data, fds=()):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    anc = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    s.sendmsg([data], anc, 0, f"{sockets}/{name}")
    s.close()


try:
    p = start()
    s = stream("sshd", "ssh.service", "first line\n<3>an error\nhalf")
    out = wait_for("an error")
    ok("6 ssh.service sshd first line" in out, "a line of a service's output", out)
    ok("3 ssh.service sshd an error" in out, "level prefix", out)
    ok("half" not in out, "half a line waits", out)
    s.sendall(b" a line\0and after NUL\n")
    out = wait_for("and after NUL")
    ok("half a line" in out, "for its end", out)

    long = stream("x", "x.service", "y" * 100000 + "\nshort\n")
    out = wait_for("x short")
    ok(out.count(" x.service x yyy") == 3, "a long line in pieces of LineMax=", out[:2000])
    bad = stream("x", "x.service", "never\n", priority="abc")
    out = wait_for("bad header")
    ok("never" not in out, "a bad header: named, nothing taken", out)
    ok(bad.recv(1) == b"", "and the stream is closed")

    send("dev-log", b"<11>Oct 11 22:14:15 su[77]: hello syslog")
    out = wait_for("hello syslog")
    ok(re.search(r"^3 \S+ su hello syslog", out, re.M), "syslog datagram", out)
    me = f"[{os.getpid()}]"
    ok(dump("--pids").count(me) >= 1, "pid by credentials, not by what it says", dump("--pids"))

    send("socket", b"MESSAGE=hello native\nPRIORITY=4\nSYSLOG_IDENTIFIER=app\nFOO=bar\n_PID=1\nUNIT\n" + struct.pack("<Q", 3) + b"a\nb\n")
    out = wait_for("hello native")
    ok("4 " in out and "app hello native" in out, "native datagram", out)
    ok("FOO=bar" in dump("--fields") and "_PID" not in dump("--fields"), "its fields, but not those with _", dump("--fields"))

    fd = os.memfd_create("big", os.MFD_ALLOW_SEALING)
    os.write(fd, b"MESSAGE=sealed " + b"z" * 300000 + b"\n")
    send("socket", b"", [fd])
    out = wait_for("not sealed")
    ok("sealed zzz" not in out, "a memfd without seals is refused, by name", out[:500])
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL)
    send("socket", b"", [fd])
    out = wait_for("sealed zzz")
    ok("sealed zzz" in out, "a sealed one is read")

    # nobody was at the syslog socket yet: everything from the beginning comes, in order
    syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    syslog.settimeout(10)
    syslog.bind(f"{sockets}/syslog")
    got = []
    while not any(b"sealed zzz" in g for g in got):
        got.append(syslog.recv(65536))
    ok(got[0].startswith(b"<30>") and got[0].endswith(b" sshd[%d]: first line" % os.getpid()), "syslog gets the first message of all", got[0])
    ok(any(g.startswith(b"<27>") and b"an error" in g for g in got), "with its priority")
    send("dev-log", b"<14>tag: afterwards")
    g = syslog.recv(65536)
    ok(g.endswith(b"]: afterwards"), "and what comes later, at once", g)

    for i in range(2000):
        send("dev-log", b"<14>tag: number %d" % i)
    got = []
    while not any(g.endswith(b": number 1999") for g in got):
        got.append(syslog.recv(65536))
    ok(len(got) == 2000, "a slow syslog daemon loses nothing", len(got))

    # restart: the manager keeps the streams
    notify.setblocking(True)
    stored = {}
    while len(stored) < 2:
        data, anc, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(16))
        if data.startswith(b"FDSTORE=1\nFDNAME=") and anc:
            stored[data.split(b"FDNAME=")[1].decode()] = array.array("i", anc[0][2])[0]
    ok(set(stored) == {"stream 30 1000 ssh.service sshd", "stream 30 1000 x.service x"}, "streams are given to the manager to keep", stored)
    p.terminate()
    ok(p.wait(10) == 0, "ends when told to")
    s.sendall(b"said while nobody listened\n")
    p = start(list(stored.values()), ":".join(stored))
    out = wait_for("nobody listened")
    ok("6 ssh.service sshd said while nobody listened" in out, "a restart loses no line and no name", out[-500:])
    ok("first line" in out, "nor what was logged before", out[:300])

    p.kill()
    p.wait()
    with open(ring, "r+b") as f:
        f.seek(4096 + 300)
        f.write(b"\xff" * 100)
    p = start()
    out = wait_for("was damaged")
    ok("first line" not in out, "a damaged ring: said, and begun anew", out)
    p.terminate()
    p.wait()

    os.makedirs(f"{root}/etc/systemd")
    with open(f"{root}/etc/systemd/journald.conf", "w") as f:
        f.write("[Journal]\nStorage=persistent\nRateLimitBurst=5\nMaxLevelStore=notice\nNonsense=1\nRateLimitIntervalSec=never\nSeal=no\n")
    p = start()
    out = wait_for("cannot be understood")
    ok('journald.conf:5: Unknown key "Nonsense"' in out, "an unknown key: file and line", out)
    s2 = stream("flood", "flood.service", "".join(f"<5>line {i}\n" for i in range(50)))
    out = wait_for("further ones are dropped")
    ok(len(re.findall("flood line", out)) == 5, "rate limit of a unit", out[-600:])
    s2.sendall(b"")

    # what a unit says of its log: written by the manager before the unit's processes start, changed while it logs
    settings = f"{root}/run/rouse/log"

    def say(unit, text):
        with open(f"{settings}/.tmp", "wb") as f:
            f.write(text)
        os.rename(f"{settings}/.tmp", f"{settings}/{unit}")

    say("quiet.service", b"4 - -\n")
    stream("quiet", "quiet.service", "<5>not this\n<4>but this\n")
    out = wait_for("quiet but this")
    ok("not this" not in out, "LogLevelMax=", out[-600:])
    say("quiet.service", b"7 - -\n")
    stream("quiet", "quiet.service", "<5>now this\n")
    ok("now this" in wait_for("quiet now this"), "changed while the daemon runs")
    say("burst.service", b"- 60000000 3\n")
    stream("burst", "burst.service", "".join(f"<5>line {i}\n" for i in range(50)))
    out = wait_for("burst.service logs more than 3")
    ok(len(re.findall("burst line", out)) == 3, "LogRateLimitBurst=", out[-600:])
    say("free.service", b"- 0 -\n")
    stream("free", "free.service", "".join(f"<5>line {i}\n" for i in range(50)))
    out = wait_for("free line 49")
    ok(len(re.findall("free line", out)) == 50, "LogRateLimitIntervalSec=0: no limit", out[-600:])
    say("extra.service", b"- - -\nTEAM=web\nNOTE\n" + struct.pack("<Q", 3) + b"a\nb\n_PID=7\n")
    stream("extra", "extra.service", "<5>with fields\n")
    wait_for("with fields")
    out = [line for line in dump("--fields").splitlines() if "with fields" in line]
    ok("TEAM=web" in out[0] and "_PID" not in out[0], "LogExtraFields=", out)
    say("bad.service", b"9 - -\n")
    stream("bad", "bad.service", "<5>all the same\n")
    out = wait_for("bad all the same")
    ok("the settings of bad.service's log are not read" in out, "malformed settings are named", out[-600:])
    p.terminate()
    p.wait()

    p = start(arguments=["apart"])
    apart = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    apart.connect(f"{root}/run/systemd/journal.apart/stdout")
    apart.sendall(b"who\nx.service\n30\n1\n0\n0\n0\nin a namespace\n")
    out = subprocess.run([DUMP, f"{root}/run/log/rouse.apart/ring", "--until", "in a namespace"], capture_output=True, text=True, timeout=20).stdout
    ok("who in a namespace" in out and "in a namespace" not in dump(), "a log namespace has sockets and a ring of its own", out)
    p.terminate()
    p.wait()
finally:
    shutil.rmtree(root, ignore_errors=True)
print(f"1..{count}")
sys.exit(1 if failed else 0)
