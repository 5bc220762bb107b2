"""One case a row of the directive table: the lines that a service has, what its
process (probe.c) is asked, and what it must say; without the row's effect it
says something else, which tests/empty-directives checks.

The row is named as the table has it: "exec.Nice". before: a shell script that
the machine runs first. units: further units by name. after: asked when the
service has ended, of the machine.
"""
import base64
import dataclasses
import re
import subprocess
import sys
import time


@dataclasses.dataclass
class Case:
    row: str
    lines: str
    checks: object          # what probe is asked; or the whole of ExecStart= where it begins with "="
    expect: str             # all that it says; "~…": a regular expression
    unit: str = ""          # lines of [Unit]
    before: str = ""
    units: dict = dataclasses.field(default_factory=dict)
    where: str = ""         # "vm": only where there is a machine of one's own
    after: object = None    # a function of the machine and the case; what it returns is what must be as expected
    number: int = 0

    def settle(self, number, empty):
        """Gives the case its number, and its names to all that it says; empty: takes the row away, in its unit."""
        self.number = number
        section = self.row.partition(".")[0]
        if section not in ("Unit", "Service") and any(f"[{section}]\n" in text for text in self.units.values()):
            if empty:
                self.units = {name: text.replace(f"[{section}]\n", f"[{section}]\nX-RouseEmpty={self.row}\n")
                              for name, text in self.units.items()}
            empty = False
        self.empty = empty
        self.tty = f"/ttys/{self.id}" if "@TTY@" in self.lines else None
        checks = [self.checks] if isinstance(self.checks, str) else self.checks
        self.checks = [self.named(check) for check in checks]
        for name in ("lines", "unit", "expect", "before"):
            setattr(self, name, self.named(getattr(self, name)))
        self.units = {self.named(name): self.named(text) for name, text in self.units.items()}

    def named(self, text):
        return (text.replace("@ID@", self.id).replace("@TTY@", f"/ttys/{self.id}")
                .replace("@PORT@", str(20000 + self.number)))

    @property
    def id(self):
        return f"case-{self.number}"

    def matches(self, said):
        said, expect = said.rstrip("\n"), self.expect.rstrip("\n")
        return bool(re.search(expect[1:], said)) if expect.startswith("~") else said == expect

    def text(self):
        start = "/usr/sbin/probe " + " ".join(f"'{c}'" for c in self.checks)
        if self.checks[0].startswith("="):
            start = self.checks[0][1:]
        output = "" if "StandardOutput=" in self.lines else f"StandardOutput=append:/results/{self.id}\n"
        return (f"[Unit]\nDefaultDependencies=no\n{'X-RouseEmpty=' + self.row if self.empty else ''}\n{self.unit}\n"
                f"[Service]\nType=oneshot\n{output}{self.lines}\nExecStart={start}\n")


ENCRYPT = "systemd-creds encrypt --with-key=host --name=x"
# answers one who connects with the name of his end
ASKED = {"asked.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/asked\nAccept=yes\n",
         "asked@.service": "[Unit]\nDefaultDependencies=no\n[Service]\nStandardInput=socket\nExecStart=/usr/bin/python3 -c "
         "'import socket; s = socket.socket(fileno=0); s.send(s.getpeername()[1:])'\n"}


def status(machine, case):
    """Exit status of the main process: which step failed before the program."""
    return machine.show(f"{case.id}.service", "ExecMainStatus").get("ExecMainStatus", "?")


def log_stream(machine, case, name="journal"):
    """What came at the log daemon's socket from this unit."""
    return machine.log_stream(name, f"{case.id}.service")


def result(machine, case):
    return machine.show(f"{case.id}.service", "Result").get("Result", "?")


def socket(row, lines, checks, expect, listen="ListenStream=127.0.0.1:@PORT@", **more):
    """A case of [Socket]: the service has its descriptors passed."""
    return Case(f"Socket.{row}", "", checks, expect, unit="Requires=@ID@.socket\nAfter=@ID@.socket",
                units={"@ID@.socket": f"[Unit]\nDefaultDependencies=no\n[Socket]\n{listen}\n{lines}\n"}, **more)


def function(row):
    """A case of a USB function: the service has its endpoints; see gadget in tests/vm/all/directives.t."""
    return Case(row, "USBFunctionDescriptors=/run/@ID@.descriptors\nUSBFunctionStrings=/run/@ID@.strings",
                ["env:LISTEN_FDS", "link:/proc/self/fd/3", "link:/proc/self/fd/4"], "2\n/run/@ID@/ep0\n/run/@ID@/ep1",
                unit="Requires=@ID@.socket\nAfter=@ID@.socket", before="gadget @ID@ >&2", where="vm",
                units={"@ID@.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenUSBFunction=/run/@ID@\n"})


def networked(name, lines, service, expect, listen="ListenStream=127.0.0.1:@PORT@"):
    """A socket in a network of its own."""
    return Case(name, service, "fd3:net", expect, unit="Requires=@ID@.socket\nAfter=@ID@.socket\nJoinsNamespaceOf=@ID@.socket",
                units={"@ID@.socket": f"[Unit]\nDefaultDependencies=no\n[Socket]\n{listen}\n{lines}\n"})


def client(row, lines, checks, expect, server, **more):
    """A case of [Socket] whose service is a client of it; another service is started by it."""
    name = "@ID@-in@.service" if "Accept=yes" in lines else "@ID@-in.service"
    return Case(f"Socket.{row}", "", checks, expect, unit="Requires=@ID@-in.socket\nAfter=@ID@-in.socket",
                units={"@ID@-in.socket": f"[Unit]\nDefaultDependencies=no\n[Socket]\n{lines}\n",
                       name: f"[Unit]\nDefaultDependencies=no\nStartLimitIntervalSec=0\n[Service]\n{server}\n"}, **more)


def runs(machine, case):
    """How often the server has run when its socket has come to rest."""
    machine.until(f"rousectl show -p SubState --value {case.id}-in.socket", "failed", "listening")
    return str(machine.text(f"results/{case.id}-runs").count("x"))


def stopped_socket(path):
    """What is at a path when the socket has been stopped."""
    def after(machine, case):
        machine.ctl("stop", f"{case.id}.service", f"{case.id}.socket")
        return machine.run(f"cat {case.named(path)} 2>/dev/null || [ ! -e {case.named(path)} ] || echo there") or "gone"
    return after


def socket_result(machine, case):
    return machine.show(f"{case.id}.socket", "Result").get("Result", "?")


def accounted(machine, case):
    """Bytes and packets that the unit has sent."""
    said = machine.show(f"{case.id}.service", "IPEgressBytes", "IPEgressPackets")
    return f"{said.get('IPEgressBytes')} {said.get('IPEgressPackets')}"


def live_properties(machine, case):
    keys = ("UID", "GID", "AssertTimestamp", "WatchdogTimestamp")
    said = machine.show(f"{case.id}-run.service", *keys)
    return " ".join(said.get(key, "?") for key in keys)


TRY = """
import socket, sys
for source in "127.0.0.1", "127.0.0.2":
    with socket.socket() as s:
        s.bind((source, 0))
        s.settimeout(1)
        try:
            s.connect(("127.0.0.1", int(sys.argv[1])))
            print("reached", end=" ")
        except TimeoutError:
            print("dropped", end=" ")
"""


def reached(machine, case):
    """From which of two addresses the socket unit can be reached, and what it has counted of that."""
    said = subprocess.run(["nsenter", "-t", str(machine.pid), "-n", sys.executable, "-c", TRY, case.named("@PORT@")],
                          capture_output=True, text=True)
    return said.stdout + said.stderr + machine.show(f"{case.id}.socket", "IPIngressPackets").get("IPIngressPackets", "?")


def filtered(lines):
    return {"@ID@.socket": f"[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=127.0.0.1:@PORT@\nAccept=yes\n{lines}\n",
            "@ID@@.service": f"[Unit]\nDefaultDependencies=no\n[Service]\n{ANSWER}\n"}


ANSWER = "ExecStart=/bin/sh -c 'echo hello; exec sleep 1000'\nStandardInput=socket\nStandardOutput=socket"
COUNTED = "Type=oneshot\nExecStart=/bin/sh -c 'echo x >>/results/@ID@-runs'"
SOCKETS = [
    socket("ListenStream", "", ["sockopt:type", "env:LISTEN_FDS"], "1\n1", listen="ListenStream=/run/@ID@"),
    socket("ListenDatagram", "", "sockopt:type", "2", listen="ListenDatagram=/run/@ID@"),
    socket("ListenSequentialPacket", "", "sockopt:type", "5", listen="ListenSequentialPacket=/run/@ID@"),
    socket("ListenFIFO", "", "link:/proc/self/fd/3", "/run/@ID@", listen="ListenFIFO=/run/@ID@"),
    socket("ListenNetlink", "", ["sockopt:type", "sockopt:protocol"], "3\n15", listen="ListenNetlink=kobject-uevent 2"),
    socket("ListenMessageQueue", "", "link:/proc/self/fd/3", "/@ID@", listen="ListenMessageQueue=/@ID@"),
    socket("BindIPv6Only", "BindIPv6Only=ipv6-only", "sockopt:v6only", "1", listen="ListenStream=[::]:@PORT@"),
    socket("Backlog", "Backlog=7", "fd3:backlog", "7"),
    socket("BindToDevice", "BindToDevice=lo", "fd3:device", "lo"),
    socket("SocketUser", "SocketUser=probe", "stat:/run/@ID@", "666 1234:1234", listen="ListenStream=/run/@ID@"),
    socket("SocketGroup", "SocketGroup=probes", "stat:/run/@ID@", "666 0:2345", listen="ListenStream=/run/@ID@"),
    socket("SocketMode", "SocketMode=0610", "stat:/run/@ID@", "610 0:0", listen="ListenStream=/run/@ID@"),
    socket("DirectoryMode", "DirectoryMode=0710", "stat:/run/@ID@", "710 0:0", listen="ListenStream=/run/@ID@/x"),
    socket("Writable", "Writable=yes", "fd3:mode", "rw", listen="ListenSpecial=/dev/null"),
    socket("KeepAlive", "KeepAlive=yes", "sockopt:keepalive", "1"),
    socket("NoDelay", "NoDelay=yes", "sockopt:nodelay", "1"),
    socket("Priority", "Priority=5", "sockopt:priority", "5"),
    socket("DeferAcceptSec", "DeferAcceptSec=3", "sockopt:deferaccept", "3"),
    socket("ReceiveBuffer", "ReceiveBuffer=64K", "sockopt:rcvbuf", "131072"),
    socket("SendBuffer", "SendBuffer=64K", "sockopt:sndbuf", "131072"),
    socket("IPTOS", "IPTOS=low-delay", "sockopt:tos", "16"),
    socket("IPTTL", "IPTTL=33", "sockopt:ttl", "33"),
    socket("Mark", "Mark=44", "sockopt:mark", "44"),
    socket("ReusePort", "ReusePort=yes", "sockopt:reuseport", "1"),
    socket("PipeSize", "PipeSize=128K", "fd3:pipesize", "131072", listen="ListenFIFO=/run/@ID@"),
    socket("MessageQueueMaxMessages", "MessageQueueMaxMessages=5\nMessageQueueMessageSize=99", "fd3:mq", "5:99",
           listen="ListenMessageQueue=/@ID@"),
    socket("MessageQueueMessageSize", "MessageQueueMaxMessages=6\nMessageQueueMessageSize=88", "fd3:mq", "6:88",
           listen="ListenMessageQueue=/@ID@"),
    socket("FreeBind", "FreeBind=yes", "sockopt:freebind", "1"),
    socket("Transparent", "Transparent=yes", "sockopt:transparent", "1"),
    socket("Broadcast", "Broadcast=yes", "sockopt:broadcast", "1", listen="ListenDatagram=127.0.0.1:@PORT@"),
    socket("PassCredentials", "PassCredentials=yes", "sockopt:passcred", "1", listen="ListenStream=/run/@ID@"),
    socket("PassSecurity", "PassSecurity=yes", "sockopt:passsec", "1", listen="ListenStream=/run/@ID@"),
    socket("PassPacketInfo", "PassPacketInfo=yes", "sockopt:pktinfo", "1", listen="ListenDatagram=127.0.0.1:@PORT@"),
    socket("Timestamping", "Timestamping=us", "sockopt:timestamp", "1", listen="ListenDatagram=127.0.0.1:@PORT@"),
    socket("ExecStartPre", "ExecStartPre=/bin/touch /run/@ID@-pre", "stat:/run/@ID@-pre", "644 0:0"),
    socket("ExecStartPost", "ExecStartPost=/bin/touch /run/@ID@-post", "stat:/run/@ID@-post", "644 0:0"),
    socket("ExecStopPre", "ExecStopPre=/bin/sh -c 'echo said >/run/@ID@-pre'", "out:x", "said",
           after=stopped_socket("/run/@ID@-pre")),
    socket("ExecStopPost", "ExecStopPost=/bin/sh -c 'echo said >/run/@ID@-post'", "out:x", "said",
           after=stopped_socket("/run/@ID@-post")),
    socket("TimeoutSec", "ExecStartPre=/bin/sleep 20\nTimeoutSec=1", "out:x", "timeout", after=socket_result),
    socket("Service", "Service=@ID@.service", "env:LISTEN_FDS", "1"),
    socket("RemoveOnStop", "RemoveOnStop=yes", "out:x", "gone", listen="ListenStream=/run/@ID@", after=stopped_socket("/run/@ID@")),
    socket("Symlinks", "Symlinks=/run/@ID@-link", "link:/run/@ID@-link", "/run/@ID@", listen="ListenStream=/run/@ID@"),
    socket("FileDescriptorName", "FileDescriptorName=door", "env:LISTEN_FDNAMES", "door"),
    client("Accept", "ListenStream=/run/@ID@\nAccept=yes", "talk:/run/@ID@", "3", ANSWER),
    client("MaxConnections", "ListenStream=/run/@ID@\nAccept=yes\nMaxConnections=2", "talk:/run/@ID@", "2", ANSWER),
    client("FlushPending", "ListenDatagram=/run/@ID@\nFlushPending=yes", "send:/run/@ID@", "1", COUNTED, after=runs),
    client("TriggerLimitBurst", "ListenDatagram=/run/@ID@\nTriggerLimitBurst=3\nTriggerLimitIntervalSec=1h", "send:/run/@ID@",
           "3", COUNTED, after=runs),
    client("TriggerLimitIntervalSec", "ListenDatagram=/run/@ID@\nTriggerLimitBurst=5\nTriggerLimitIntervalSec=1h",
           "send:/run/@ID@", "failed", "Type=oneshot\nExecStart=/bin/sleep 0.6",
           after=lambda machine, case: machine.until(f"rousectl show -p SubState --value {case.id}-in.socket", "failed")),
    *[function(row) for row in ("Socket.ListenUSBFunction", "Service.USBFunctionDescriptors", "Service.USBFunctionStrings")],
    *[networked(f"PrivateNetwork= of a socket unit, {listen.partition('=')[0]}", "PrivateNetwork=yes", "", "another", listen)
      for listen in ("ListenStream=127.0.0.1:@PORT@", "ListenDatagram=[::1]:@PORT@%%lo", "ListenStream=@abstract-@ID@",
                     "ListenNetlink=route 1")],
    networked("a network that a socket unit lends", "PrivateNetwork=yes", "PrivateNetwork=yes", "mine"),
    networked("NetworkNamespacePath= of a socket unit", "NetworkNamespacePath=/names/net", "NetworkNamespacePath=/names/net", "mine"),
    Case("NetworkNamespacePath= of a socket unit that is none", "", "out:x", "resources", unit="Wants=@ID@.socket\nAfter=@ID@.socket",
         units={"@ID@.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=127.0.0.1:@PORT@\n"
                "NetworkNamespacePath=/etc/passwd\n"}, after=socket_result),
]


LIMITS = ["CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
          "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"]         # in the kernel's order of numbers
LIMIT_VALUES = {"CPU": ("1h:2h", "3600:7200"), "FSIZE": ("1M:2M", "1048576:2097152"), "DATA": ("3G:4G", "3221225472:4294967296"),
                "STACK": ("4M:5M", "4194304:5242880"), "AS": ("7G:8G", "7516192768:8589934592"), "NICE": ("5:6", "5:6"),
                "RTTIME": ("5s:6s", "5000000:6000000")}

CASES = [
    Case("exec.ExecSearchPath", "ExecSearchPath=/opt/search", "=finder out:found", "found",
         before="mkdir -p /opt/search; cp /usr/sbin/probe /opt/search/finder"),
    Case("exec.WorkingDirectory", "WorkingDirectory=/opt", "cwd", "/opt"),
    Case("exec.RootDirectory", "RootDirectory=/srv/root", "file:/marker", "the other root"),
    Case("exec.MountAPIVFS", "RootDirectory=/srv/root\nMountAPIVFS=yes", ["stat:/proc/self/status", "stat:/sys/kernel"],
         "444 0:0\n755 0:0"),
    Case("exec.ProtectProc", "User=probe\nProtectProc=invisible", "stat:/proc/1/status", "ENOENT"),
    Case("exec.ProcSubset", "ProcSubset=pid", ["stat:/proc/meminfo", "status:Threads"], "ENOENT\n1"),
    Case("exec.BindPaths", "BindPaths=/opt/marked:/mnt", ["file:/mnt/marker", "write:/mnt/x"], "marker\nok"),
    Case("exec.BindReadOnlyPaths", "BindReadOnlyPaths=/opt/marked:/mnt", ["file:/mnt/marker", "write:/mnt/x"],
         "marker\nEROFS"),
    Case("exec.User", "User=probe", ["status:Uid", "status:Gid", "env:HOME", "env:USER"],
         "1234\t1234\t1234\t1234\n1234\t1234\t1234\t1234\n/opt/home\nprobe"),
    Case("exec.Group", "Group=probes", "status:Gid", "2345\t2345\t2345\t2345"),
    Case("exec.DynamicUser", "DynamicUser=yes", ["status:Uid", "write:/usr/x", "status:NoNewPrivs"],
         "~^6[1-5]\\d\\d\\d\t.*\nEROFS\n1$"),
    Case("exec.SupplementaryGroups", "User=probe\nSupplementaryGroups=probes 77", "status:Groups", "~\\b77 .*\\b2345\\b"),
    Case("SetLoginEnvironment=no with User=", "User=probe\nSetLoginEnvironment=no", ["env:LOGNAME", "env:HOME", "env:USER"],
         "unset\nunset\nprobe"),
    Case("exec.SetLoginEnvironment", "SetLoginEnvironment=yes", ["env:LOGNAME", "env:HOME"], "root\n/root"),
    Case("exec.PAMName", "PAMName=probe", "env:FROM_PAM", "yes",
         before="mkdir -p /etc/pam.d /etc/security; echo 'FROM_PAM DEFAULT=yes' >/etc/security/probe.conf;"
                "printf 'account required pam_permit.so\\nsession required pam_env.so conffile=/etc/security/probe.conf readenv=0\\n'"
                " >/etc/pam.d/probe"),
    Case("exec.CapabilityBoundingSet", "CapabilityBoundingSet=CAP_CHOWN CAP_KILL", ["status:CapBnd", "call:chroot"],
         "0000000000000021\nEPERM"),
    Case("exec.AmbientCapabilities", "User=probe\nAmbientCapabilities=CAP_CHOWN", ["status:CapAmb", "call:chown"],
         "0000000000000001\nok"),
    Case("exec.NoNewPrivileges", "NoNewPrivileges=yes", "status:NoNewPrivs", "1"),
    Case("exec.SecureBits", "SecureBits=noroot", "number:securebits", "1"),
    *[Case(f"exec.Limit{name}", f"Limit{name}={LIMIT_VALUES.get(name, ('123:456',))[0]}", f"limit:{number}",
           LIMIT_VALUES.get(name, ("", "123:456"))[1], where="vm" if name in ("NICE", "RTPRIO") else "")
      for number, name in enumerate(LIMITS)],
    Case("exec.UMask", "UMask=0027", "number:umask", "0027"),
    Case("exec.CoredumpFilter", "CoredumpFilter=private-anonymous elf-headers", "file:/proc/self/coredump_filter", "00000011"),
    Case("exec.KeyringMode", "KeyringMode=shared", "keyring", "shared"),
    Case("exec.OOMScoreAdjust", "OOMScoreAdjust=500", "file:/proc/self/oom_score_adj", "500"),
    Case("exec.TimerSlackNSec", "TimerSlackNSec=77us", "number:timerslack", "77000"),
    Case("exec.Personality", "Personality=x86", "number:personality", "8"),
    Case("exec.IgnoreSIGPIPE", "IgnoreSIGPIPE=no", "call:sigpipe", "EPIPE"),
    Case("exec.NonBlocking", "NonBlocking=yes", ["nonblock:3", "env:LISTEN_FDS"], "yes\n1",
         unit="Requires=@ID@.socket\nAfter=@ID@.socket",
         units={"@ID@.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/@ID@\n"}),
    Case("exec.Nice", "Nice=7", "number:nice", "7"),
    Case("exec.CPUSchedulingPolicy", "CPUSchedulingPolicy=batch", "number:sched", "3:0"),
    Case("exec.CPUSchedulingPriority", "CPUSchedulingPolicy=rr\nCPUSchedulingPriority=7", "number:sched", "2:7"),
    Case("exec.CPUSchedulingResetOnFork", "CPUSchedulingPolicy=batch\nCPUSchedulingResetOnFork=yes", "number:sched",
         "3:0:reset"),
    Case("exec.CPUAffinity", "CPUAffinity=0", "status:Cpus_allowed_list", "0"),
    Case("CPUAffinity=numa", "CPUAffinity=numa\nNUMAMask=1", "status:Cpus_allowed_list", "1", where="vm"),
    Case("exec.NUMAPolicy", "NUMAPolicy=local", "number:mempolicy", "4:0"),
    Case("exec.NUMAMask", "NUMAPolicy=bind\nNUMAMask=0", "number:mempolicy", "2:1"),
    Case("exec.IOSchedulingClass", "IOSchedulingClass=idle", "number:ioprio", "~^3:"),
    Case("exec.IOSchedulingPriority", "IOSchedulingClass=best-effort\nIOSchedulingPriority=6", "number:ioprio", "2:6"),

    Case("exec.ProtectSystem", "ProtectSystem=yes", ["write:/usr/x", "write:/etc/x"], "EROFS\nok"),
    Case("exec.ProtectHome", "ProtectHome=yes", "file:/home/marked/marker", "ENOENT"),
    Case("exec.RuntimeDirectory", "User=probe\nRuntimeDirectory=@ID@ @ID@/sub",
         ["stat:/run/@ID@", "stat:/run/@ID@/sub", "env:RUNTIME_DIRECTORY"],
         "755 1234:1234\n755 1234:1234\n/run/@ID@:/run/@ID@/sub"),
    Case("exec.StateDirectory", "User=probe\nStateDirectory=@ID@", ["stat:/var/lib/@ID@", "env:STATE_DIRECTORY"],
         "755 1234:1234\n/var/lib/@ID@"),
    Case("exec.CacheDirectory", "User=probe\nCacheDirectory=@ID@", ["stat:/var/cache/@ID@", "env:CACHE_DIRECTORY"],
         "755 1234:1234\n/var/cache/@ID@"),
    Case("exec.LogsDirectory", "User=probe\nLogsDirectory=@ID@", ["stat:/var/log/@ID@", "env:LOGS_DIRECTORY"],
         "755 1234:1234\n/var/log/@ID@"),
    Case("exec.ConfigurationDirectory", "User=probe\nConfigurationDirectory=@ID@",
         ["stat:/etc/@ID@", "env:CONFIGURATION_DIRECTORY"], "755 0:0\n/etc/@ID@"),
    *[Case(f"exec.{kind}DirectoryMode", f"{kind}Directory=@ID@\n{kind}DirectoryMode=0710", f"stat:{where}/@ID@", "710 0:0")
      for kind, where in (("Runtime", "/run"), ("State", "/var/lib"), ("Cache", "/var/cache"), ("Logs", "/var/log"),
                          ("Configuration", "/etc"))],
    Case("exec.RuntimeDirectoryPreserve", "RuntimeDirectory=@ID@\nRuntimeDirectoryPreserve=yes", "put:/run/@ID@/x", "kept",
         after=lambda machine, case: "kept" if machine.exists(f"run/{case.id}/x") else "gone"),
    Case("exec.ReadWritePaths", "ProtectSystem=strict\nReadWritePaths=/opt/marked", ["write:/opt/marked/x", "write:/opt/x"],
         "ok\nEROFS"),
    Case("exec.ReadOnlyPaths", "ReadOnlyPaths=/opt/marked", ["write:/opt/marked/x", "write:/opt/x"], "EROFS\nok"),
    Case("exec.InaccessiblePaths", "InaccessiblePaths=/opt/marked", "file:/opt/marked/marker", "ENOENT"),
    Case("what is hidden may be a mounted file that has been removed", "InaccessiblePaths=/opt/below", "file:/opt/below", "~^(EPERM|ENXIO|EACCES)$",
         before="echo below >/opt/below; echo above >/opt/above; mount --bind /opt/above /opt/below; rm /opt/above; cat /opt/below"),
    Case("exec.ReadWriteDirectories", "ProtectSystem=strict\nReadWriteDirectories=/opt/marked", "write:/opt/marked/x", "ok"),
    Case("exec.ReadOnlyDirectories", "ReadOnlyDirectories=/opt/marked", "write:/opt/marked/x", "EROFS"),
    Case("exec.InaccessibleDirectories", "InaccessibleDirectories=/opt/marked", "file:/opt/marked/marker", "ENOENT"),
    Case("exec.NoExecPaths", "NoExecPaths=/opt/marked", "exec:/opt/marked/true", "EACCES"),
    Case("exec.ExecPaths", "NoExecPaths=/opt/marked\nExecPaths=/opt/marked/sub",
         ["exec:/opt/marked/sub/true", "exec:/opt/marked/true"], "ok\nEACCES"),
    Case("exec.TemporaryFileSystem", "TemporaryFileSystem=/opt:ro", ["list:/opt", "write:/opt/x"], "\nEROFS"),
    Case("exec.PrivateTmp", "PrivateTmp=yes", ["stat:/tmp/marker", "stat:/var/tmp/marker", "stat:/tmp"],
         "ENOENT\nENOENT\n1777 0:0"),
    Case("exec.PrivateDevices", "PrivateDevices=yes", ["stat:/dev/kmsg", "write:/dev/null", "call:mknod"], "ENOENT\nok\nEPERM"),
    Case("exec.PrivateNetwork", "PrivateNetwork=yes", ["ns:net", "udp:127.0.0.1"], "own\nok"),
    Case("exec.NetworkNamespacePath", "NetworkNamespacePath=/names/net", "ns:net", "own"),
    Case("exec.PrivateIPC", "PrivateIPC=yes", "ns:ipc", "own"),
    Case("exec.IPCNamespacePath", "IPCNamespacePath=/names/ipc", "ns:ipc", "own"),
    Case("exec.PrivateUsers", "PrivateUsers=yes", "file:/proc/self/uid_map", "~^ +0 +0 +1$"),
    Case("exec.ProtectHostname", "ProtectHostname=yes", ["ns:uts", "call:sethostname"], "own\nEPERM"),
    Case("exec.ProtectClock", "ProtectClock=yes", "call:clock", "EPERM"),
    Case("exec.ProtectKernelTunables", "ProtectKernelTunables=yes", ["write:/proc/sys/kernel/domainname", "flags:/sys"],
         "~^EROFS\nro"),
    Case("exec.ProtectKernelModules", "ProtectKernelModules=yes", ["call:module", "list:/usr/lib/modules"], "EPERM\n",
         before="mkdir -p /usr/lib/modules/1"),
    Case("exec.ProtectKernelLogs", "ProtectKernelLogs=yes", ["call:syslog", "read:/dev/kmsg"], "~^EPERM\n(EPERM|ENXIO|EACCES)"),
    Case("exec.ProtectControlGroups", "ProtectControlGroups=yes", "flags:/sys/fs/cgroup", "~^ro"),
    Case("exec.RestrictAddressFamilies", "RestrictAddressFamilies=AF_UNIX", ["socket:inet", "socket:unix"],
         "EAFNOSUPPORT\nok"),
    Case("exec.RestrictNamespaces", "RestrictNamespaces=net", ["unshare:uts", "unshare:net"], "EPERM\nok"),
    Case("exec.LockPersonality", "LockPersonality=yes", "call:personality", "EPERM"),
    Case("exec.MemoryDenyWriteExecute", "MemoryDenyWriteExecute=yes", ["call:wxmap", "call:mprotect"], "EPERM\nEPERM"),
    Case("exec.RestrictRealtime", "RestrictRealtime=yes", "call:realtime", "EPERM"),
    Case("exec.RestrictSUIDSGID", "RestrictSUIDSGID=yes", "call:suid", "EPERM"),
    Case("exec.PrivateMounts", "PrivateMounts=yes", "ns:mnt", "own"),
    Case("exec.MountFlags", "MountFlags=slave", "ns:mnt", "own"),
    Case("exec.SystemCallFilter", "SystemCallFilter=~sched_yield:EXDEV", ["call:yield", "call:chroot"], "EXDEV\nok"),
    Case("exec.SystemCallErrorNumber", "SystemCallFilter=~sched_yield\nSystemCallErrorNumber=EXDEV", "call:yield", "EXDEV"),
    Case("exec.SystemCallArchitectures", "SystemCallArchitectures=native", "call:i386", "EPERM"),
    Case("exec.SystemCallLog", "SystemCallLog=sched_yield", ["status:Seccomp", "call:yield"], "2\nok"),

    Case("exec.Environment", "Environment=A=1 'B=two words'", ["env:A", "env:B"], "1\ntwo words"),
    Case("exec.EnvironmentFile", "EnvironmentFile=/opt/env", "env:FROM_FILE", "a value",
         before="echo 'FROM_FILE=\"a value\"' >/opt/env"),
    Case("exec.PassEnvironment", "PassEnvironment=container", "env:container", "test"),
    Case("exec.UnsetEnvironment", "Environment=A=1 B=2\nUnsetEnvironment=A", ["env:A", "env:B"], "unset\n2"),
    Case("exec.StandardInput", "StandardInput=file:/opt/input", "stdin", "some input", before="printf 'some input' >/opt/input"),
    Case("exec.StandardInputText", "StandardInputText=typed", "stdin", "typed\n"),
    Case("exec.StandardInputData", "StandardInputData=" + base64.b64encode(b"raw \1 data").decode(), "stdin", "raw \1 data"),
    Case("exec.StandardOutput", "StandardOutput=truncate:/results/@ID@", "out:here", "here",
         before="echo before >/results/@ID@"),
    Case("exec.StandardError", "StandardOutput=null\nStandardError=append:/results/@ID@", "err:there", "there"),
    Case("exec.LoadCredential", "LoadCredential=x:/opt/credential", ["file:/run/credentials/@ID@.service/x",
         "env:CREDENTIALS_DIRECTORY"], "secret\n/run/credentials/@ID@.service", before="echo secret >/opt/credential"),
    Case("a credential that nobody has given is none", "LoadCredential=of-nobody", "env:CREDENTIALS_DIRECTORY",
         "/run/credentials/@ID@.service"),
    Case("exec.RootImage", "RootImage=/opt/images/root.raw\nMountAPIVFS=yes\nDevicePolicy=closed", ["file:/marker", "write:/new"],
         "of the image\nok"),
    Case("exec.RootImageOptions", "RootImage=/opt/images/root.raw\nRootImageOptions=root:ro,noatime", ["file:/marker", "write:/other"],
         "of the image\nEROFS"),
    Case("exec.MountImages", "PrivateDevices=yes\nMountImages=/opt/images/more.raw:/mnt/image:ro", ["file:/mnt/image/marker", "write:/mnt/image/x"],
         "of the image\nEROFS"),
    *[Case(f"MountImages= of {name}", f"MountImages=/opt/images/{name}:/mnt/image:ro", ["file:/mnt/image/marker", "write:/mnt/image/x"],
           "of the image\nEROFS") for name in ("more.squashfs", "more.erofs", "single.raw", "mbr.raw")],
    Case("RootImage= with partitions", "RootImage=/opt/images/parts.raw\nMountAPIVFS=yes\nRootImageOptions=root:noatime home:ro",
         ["file:/marker", "file:/usr/marker", "file:/home/marker", "list:/srv", "list:/var", "write:/new", "write:/usr/x", "write:/home/x"],
         "of the image\nof the image\nof the image\n\nlost+found marker\nok\nEROFS\nEROFS"),
    Case("MountImages= with partitions", "MountImages=/opt/images/parts2.raw:/mnt/image:root:ro:home:noatime",
         ["file:/mnt/image/usr/marker", "write:/mnt/image/x", "write:/mnt/image/home/x"], "of the image\nEROFS\nok"),
    Case("an extension that is a /usr alone", "ExtensionImages=/opt/images/usronly.raw:x-systemd.relax-extension-release-check",
         "file:/usr/share/of-more", "more"),
    Case("an extension as a squashfs of another name", "ExtensionImages=/opt/images/more.squashfs:x-systemd.relax-extension-release-check",
         "file:/usr/share/of-more", "more"),
    Case("an extension of another name", "ExtensionImages=/opt/images/more.squashfs", "out:x", "226", after=status),
    *[Case(f"an extension whose file is tagged, {name}", f"ExtensionDirectories=/opt/extensions/{name}", "out:x", expect, **more)
      for name, expect, more in (("tagged", "x", {}), ("untagged", "226", {"after": status}))],
    *[Case(f"an extension for a processor, {name}", f"ExtensionDirectories=/opt/extensions/{name}", "out:x", expect, **more)
      for name, expect, more in (("native", "x", {}), ("foreign", "226", {"after": status}))],
    *[Case(f"MountImages= of {name}: which one?", f"MountImages=/opt/images/{name}:/mnt", "out:x", "226", after=status)
      for name in ("two.raw", "none.raw")],
    Case("exec.ExtensionImages", "ExtensionImages=/opt/images/more.raw", ["file:/usr/share/of-more", "file:/opt/of-more", "write:/usr/x"],
         "more\nmore\nEROFS"),
    Case("exec.ExtensionDirectories", "ExtensionDirectories=-/opt/nowhere /opt/extensions/one /opt/extensions/two",
         ["file:/usr/share/of-one", "file:/usr/share/of-both", "write:/usr/x"], "one\ntwo\nEROFS"),
    Case("an extension for another system", "ExtensionDirectories=/opt/extensions/other", "out:x", "226", after=status),
    Case("an extension for another version", "ExtensionDirectories=/opt/extensions/newer", "out:x", "226", after=status),
    Case("an extension that does not say for what", "ExtensionDirectories=/opt/marked", "out:x", "226", after=status),
    Case("show has images as they are written", "MountImages=-/opt/no:/mnt -/opt/nor:/mnt\nExtensionDirectories=-/opt/nowhere", "out:x",
         "-/opt/no:/mnt -/opt/nor:/mnt; -/opt/nowhere", after=lambda machine, case: "; ".join(
             machine.show(f"{case.id}.service", key).get(key, "?") for key in ("MountImages", "ExtensionDirectories"))),
    Case("an image that is none", "MountImages=/usr/sbin/probe:/mnt", "out:x", "226", after=status),
    *[Case(f"a verified image, {name}", f"RootImage=/run/v/{image}.raw\nMountAPIVFS=yes\nDevicePolicy=closed\n{lines}",
           ["file:/marker", "file:/other", "write:/x"], f"of the verified image\n{other}\nEROFS", where="vm",
           before="[ -e /run/v ] || verity-images >/dev/null 2>&1")
      for name, image, other, lines in (
          ("as it was", "plain", "what is changed later", "RootHash=/run/v/plain.hash\nRootVerity=/run/v/plain.tree"),
          ("with a block that was changed", "spoilt", "EIO", "RootHash=/run/v/plain.hash\nRootVerity=/run/v/plain.tree"),
          ("with all that belongs to it beside", "beside", "EIO", ""), ("in partitions", "parts", "EIO", "RootHash=/run/v/plain.hash"))],
    *[Case(f"exec.{name}", f"RootImage=/opt/images/root.raw\n{name}=/opt/x", "out:x", "226", after=status)
      for name in ("RootHash", "RootHashSignature", "RootVerity")],
    Case("ReadOnlyPaths= of what is missing", "ReadOnlyPaths=/usr/share/of-nobody", "out:x", "226", after=status),
    Case("ReadOnlyPaths= of what is missing where all is read-only", "ProtectSystem=strict\nReadOnlyPaths=/usr/share/of-nobody", "out:x", "x"),
    Case("ReadOnlyPaths= of what is missing where something may be written", "ProtectSystem=strict\nReadWritePaths=/usr\n"
         "ReadOnlyPaths=/usr/share/of-nobody", "out:x", "226", after=status),
    Case("MountImages= with - before it, and no image", "MountImages=-/opt/image:/mnt", "out:x", "x"),
    Case("exec.LoadCredentialEncrypted", "LoadCredentialEncrypted=x:/opt/encrypted", "file:/run/credentials/@ID@.service/x", "secret",
         before=f"echo secret | {ENCRYPT} - /opt/encrypted"),
    Case("exec.SetCredentialEncrypted", "SetCredential=a:b", "file:/run/credentials/@ID@.service/x", "secret",
         before=f"mkdir -p /etc/systemd/system/@ID@.service.d; (echo [Service]; echo secret | {ENCRYPT} -p - -) "
         ">/etc/systemd/system/@ID@.service.d/x.conf"),
    Case("an encrypted credential of another name is refused", "LoadCredentialEncrypted=y:/opt/encrypted", "out:x", "243",
         before=f"echo secret | {ENCRYPT} - /opt/encrypted", after=status),
    Case("a credential that is not encrypted is refused", "LoadCredentialEncrypted=x:/opt/credential", "out:x", "243", after=status,
         before="echo secret >/opt/credential"),
    Case("a socket is told who asks for a credential", "LoadCredential=x:/run/asked", "file:/run/credentials/@ID@.service/x",
         "~^[0-9a-f]{16}/unit/@ID@.service/x$", "Requires=asked.socket\nAfter=asked.socket", units=ASKED),
    Case("LoadCredentialEncrypted= that is nowhere", "LoadCredentialEncrypted=nowhere", ["list:/run/credentials/@ID@.service"], ""),
    Case("exec.TTYVTDisallocate", "TTYPath=/dev/tty9\nTTYVTDisallocate=yes", "stat:/dev/vcs9", "ENOENT", where="vm",
         before="systemd-run -q --wait -p StandardInput=tty -p TTYPath=/dev/tty9 true"),
    Case("exec.AppArmorProfile", "AppArmorProfile=confined", "file:/proc/self/attr/current", "confined (enforce)", where="vm",
         before="apparmor_parser -r /etc/confined.profile"),
    Case("LoadCredential= of the machine's own", "LoadCredential=of-it\nLoadCredential=bin", ["file:/run/credentials/@ID@.service/of-it",
         "file:/run/credentials/@ID@.service/bin"], "outside\nbytes", where="vm"),
    Case("exec.SetCredential", "SetCredential=y:given\\x20here", "file:/run/credentials/@ID@.service/y", "given here"),

    # what the log daemon is told first: identifier, unit, priority, whether "<N>" is read, "", to kmsg, to the console
    Case("exec.SyslogIdentifier", "StandardOutput=journal\nSyslogIdentifier=somebody", "out:x",
         "somebody\n@ID@.service\n30\n1\n0\n0\n0\nx", after=log_stream),
    Case("exec.SyslogFacility", "StandardOutput=journal\nSyslogFacility=local3", "out:x",
         "probe\n@ID@.service\n158\n1\n0\n0\n0\nx", after=log_stream),
    Case("exec.SyslogLevel", "StandardOutput=journal\nSyslogLevel=err", "out:x",
         "probe\n@ID@.service\n27\n1\n0\n0\n0\nx", after=log_stream),
    Case("exec.SyslogLevelPrefix", "StandardOutput=journal\nSyslogLevelPrefix=no", "out:x",
         "probe\n@ID@.service\n30\n0\n0\n0\n0\nx", after=log_stream),
    Case("exec.LogNamespace", "StandardOutput=journal\nLogNamespace=apart", "out:x",
         "probe\n@ID@.service\n30\n1\n0\n0\n0\nx", after=lambda machine, case: log_stream(machine, case, "journal.apart"),
         units={"systemd-journald@.socket": "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=/run/of-%i\nService=apart.service\n",
                "apart.service": "[Service]\nExecStart=/bin/true\n"}),
    # what the log daemon finds of the unit: level, interval, burst, fields (tests/ns/logd.t has its side)
    Case("exec.LogLevelMax", "LogLevelMax=err", "file:/run/rouse/log/@ID@.service", "3 - -"),
    Case("exec.LogRateLimitIntervalSec", "LogRateLimitIntervalSec=5s", "file:/run/rouse/log/@ID@.service", "- 5000000 -"),
    Case("exec.LogRateLimitBurst", "LogRateLimitBurst=7", "file:/run/rouse/log/@ID@.service", "- - 7"),
    Case("exec.LogExtraFields", "LogExtraFields=A=1 'B=two words'", "file:/run/rouse/log/@ID@.service", "- - -\nA=1\nB=two words"),

    Case("exec.TTYPath", "StandardInput=tty-force\nTTYPath=@TTY@", ["link:/proc/self/fd/0"], "@TTY@"),
    Case("exec.TTYRows", "StandardInput=tty-force\nTTYPath=@TTY@\nTTYRows=33\nTTYColumns=44", "number:winsize", "33x44"),
    Case("exec.TTYColumns", "StandardInput=tty-force\nTTYPath=@TTY@\nTTYRows=33\nTTYColumns=55", "number:winsize", "33x55"),
    Case("exec.TTYReset", "StandardInput=tty-force\nTTYPath=@TTY@\nTTYReset=yes", "=/bin/stty -a", "~ icanon\\b",
         before="stty raw <@TTY@"),
    Case("exec.TTYVHangup", "TTYPath=@TTY@\nTTYVHangup=yes", "out:x", "hung up",
         unit="Requires=@ID@-holder.service\nAfter=@ID@-holder.service",
         units={"@ID@-holder.service": "[Unit]\nDefaultDependencies=no\n[Service]\n"
                "ExecStart=/bin/sh -c 'trap : HUP; exec 3<@TTY@; echo >/results/@ID@-open; read x <&3; echo hung up >/results/@ID@-told'\n"
                "ExecStartPost=/bin/sh -c 'while [ ! -e /results/@ID@-open ]; do sleep 0.1; done'\n"},
         after=lambda machine, case: machine.later(f"results/{case.id}-told")),
    Case("exec.UtmpIdentifier", "UtmpIdentifier=prob", "=/bin/cat /run/utmp", "~prob"),
    Case("UtmpIdentifier= closes its record", "UtmpIdentifier=gone", "out:x", "8",
         after=lambda machine, case: machine.utmp_type("gone", "8")),
    Case("exec.UtmpMode", "UtmpIdentifier=mode\nUtmpMode=user\nUser=probe", "=/bin/cat /run/utmp", "~mode(.|\n)*probe"),

    Case("cgroup.DeviceAllow", "DevicePolicy=strict\nDeviceAllow=/dev/null rw", ["write:/dev/null", "read:/dev/zero"],
         "ok\nEPERM"),
    Case("cgroup.DevicePolicy", "DevicePolicy=closed", ["write:/dev/null", "read:/opt/hpet"], "ok\nEPERM",
         before="mknod /opt/hpet c 10 228; mknod -m 666 /opt/other c 1 11"),

    Case("cgroup.Delegate", "User=probe\nDelegate=yes", "stat:/sys/fs/cgroup/system.slice/@ID@.service", "755 1234:1234"),
    Case("cgroup.Slice", "Slice=odd-even.slice", "file:/proc/self/cgroup", "~/odd.slice/odd-even.slice/@ID@.service"),
    Case("cgroup.CPUAccounting", "CPUAccounting=yes", "out:x", "yes",
         after=lambda machine, case: machine.show(f"{case.id}.service", "CPUAccounting").get("CPUAccounting", "?")),
    Case("cgroup.IPAddressDeny", "IPAddressDeny=any", ["udp:127.0.0.1", "udp:::1"], "EPERM\nEPERM"),
    Case("cgroup.IPAddressAllow", "IPAddressDeny=any\nIPAddressAllow=127.0.0.0/9 ::1/128",
         ["udp:127.0.0.1", "udp:::1", "udp:127.128.0.1"], "ok\nok\nEPERM"),
    # 28 bytes of headers and what is said, out and in at the same unit
    Case("cgroup.IPAccounting", "IPAccounting=yes", ["udp:127.0.0.1", "udp:127.0.0.1"], "~^[1-9][0-9]+ 2$", after=accounted),
    Case("cgroup.SocketBindDeny", "SocketBindDeny=ipv4:tcp:1000-2000",
         ["bind:tcp4/1000", "bind:tcp4/2001", "bind:udp4/1500", "bind:tcp6/2000"], "EPERM\nok\nok\nok"),
    Case("cgroup.SocketBindAllow", "SocketBindDeny=any\nSocketBindAllow=udp:777", ["bind:tcp4/777", "bind:udp6/777"], "EPERM\nok"),
    Case("cgroup.RestrictNetworkInterfaces", "RestrictNetworkInterfaces=~lo", "udp:127.0.0.1", "EPERM"),
    Case("cgroup.BPFProgram", "BPFProgram=egress:/nowhere", "out:x", "resources", after=result),
    Case("cgroup.IPIngressFilterPath", "IPIngressFilterPath=/nowhere", "out:x", "resources", after=result),
    Case("cgroup.IPEgressFilterPath", "IPEgressFilterPath=/nowhere", "out:x", "resources", after=result),
    # the sockets of a socket unit are in its cgroup, and those of its connections
    Case("IPAddressDeny= of a socket unit", "", "out:x", "~^dropped reached [1-9]", unit="Requires=@ID@.socket\nAfter=@ID@.socket",
         units=filtered("IPAddressDeny=any\nIPAddressAllow=127.0.0.2\nIPAccounting=yes"), after=reached),
    Case("IPAddressDeny= of a socket unit's slice", "", "out:x", "~^dropped reached", unit="Requires=@ID@.socket\nAfter=@ID@.socket",
         units={**filtered("Slice=narrow.slice"),
                "narrow.slice": "[Unit]\nDefaultDependencies=no\n[Slice]\nIPAddressDeny=any\nIPAddressAllow=127.0.0.2\n"}, after=reached),
    Case("IPEgressFilterPath= of a socket unit", "", "out:x", "resources", unit="Wants=@ID@.socket\nAfter=@ID@.socket",
         units=filtered("IPEgressFilterPath=/nowhere"), after=socket_result),
    Case("IPAddressDeny= of a slice", "Slice=deny-inner.slice\nIPAddressAllow=127.0.0.1", ["udp:127.0.0.1", "udp:::1"],
         "ok\nEPERM", units={"deny.slice": "[Unit]\nDefaultDependencies=no\n[Slice]\nIPAddressDeny=localhost\n"}),

    Case("DevicePolicy= of a slice", "Slice=strict-inner.slice", ["write:/dev/null", "read:/dev/zero"], "ok\nEPERM",
         units={"strict.slice": "[Unit]\nDefaultDependencies=no\n[Slice]\nDevicePolicy=strict\nDeviceAllow=/dev/null rw\n"}),

    Case("exec.RemoveIPC", "User=keeper\nRemoveIPC=yes", "call:shm", "0",
         after=lambda machine, case: machine.until("ipcs -m | grep -c keeper", "0")),
    Case("Unit.JoinsNamespaceOf", "PrivateTmp=yes\nPrivateNetwork=yes\nPrivateIPC=yes",
         ["stat:/tmp/of-the-other", "call:shmexists"], "~^600 0:0\nok",
         unit="JoinsNamespaceOf=@ID@-other.service\nRequires=@ID@-other.service\nAfter=@ID@-other.service",
         units={"@ID@-other.service": "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nRemainAfterExit=yes\nUMask=0077\n"
                "PrivateTmp=yes\nPrivateNetwork=yes\nPrivateIPC=yes\nExecStart=/bin/touch /tmp/of-the-other\n"
                "ExecStart=/usr/sbin/probe call:shm\n"}),
    Case("UID, GID, AssertTimestamp, WatchdogTimestamp of a service that runs", "", "out:x", rf"~^1234 2345 \w+ {time.strftime('%Y')}-.*UTC \w+ {time.strftime('%Y')}-.*UTC$",
         unit="Requires=@ID@-run.service\nAfter=@ID@-run.service", units={"@ID@-run.service":
         "[Unit]\nDefaultDependencies=no\n[Service]\nType=notify\nUser=probe\nGroup=probes\nWatchdogSec=1h\nExecStart=/usr/bin/python3 -c "
         "'import os, socket, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(os.environ[\"NOTIFY_SOCKET\"]); "
         "s.send(b\"READY=1\\\\nWATCHDOG=1\"); time.sleep(1000)'\n"}, after=live_properties),
    Case("a tree of another user's is given, all of it", "User=probe\nStateDirectory=@ID@", ["stat:/var/lib/@ID@/a/b/c", "stat:/var/lib/@ID@"],
         "644 1234:1234\n755 1234:1234", before="mkdir -p /var/lib/@ID@/a/b; touch /var/lib/@ID@/a/b/c"),
    Case("DynamicUser= takes over what was root's", "DynamicUser=yes\nStateDirectory=@ID@", ["stat:/var/lib/@ID@/a/b/c"],
         "~^644 6[1-5]...:6", before="mkdir -p /var/lib/@ID@/a/b; touch /var/lib/@ID@/a/b/c"),
    *[Case(f"{kind}Directory= that cannot be made", f"{kind}Directory=@ID@", "out:x", str(code), after=status,
           before=f"mkdir -p {where}; touch {where}/@ID@")
      for kind, where, code in (("Runtime", "/run", 233), ("State", "/var/lib", 238), ("Cache", "/var/cache", 239),
                                ("Logs", "/var/log", 240), ("Configuration", "/etc", 241))],
    *[Case(f"{line.split(chr(10))[-1]}: exit status {code}", line, "out:x", str(code), after=status)
      for line, code in (("WorkingDirectory=/nowhere", 200), ("User=nobody-of-this-name", 217), ("Group=none-of-this-name", 216),
                         ("StandardInput=file:/nowhere", 208), ("StandardOutput=file:/nowhere/x", 209),
                         ("RootDirectory=/nowhere", 226), ("ReadOnlyPaths=/nowhere", 226), ("BindPaths=/nowhere", 226),
                         ("NetworkNamespacePath=/nowhere", 225), ("LoadCredential=a:/nowhere", 243),
                         ("PAMName=deny-all-of-it", 224), ("TTYPath=/nowhere\nStandardInput=tty", 208),
                         ("NUMAPolicy=bind\nNUMAMask=1000", 242))],
]
CASES += SOCKETS
