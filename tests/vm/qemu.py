"""One QEMU guest: its command line, its channels, and a hold on its life.

    with Guest(machine, append="...") as guest:
        guest.boot()
        guest.expect(r"login:", timeout=60)         # on the console
        status, output = guest.run("systemctl list-units", timeout=30)
        guest.qmp("system_powerdown")
        guest.wait_exit(60)

Console, command channel and QMP are socket pairs whose far ends QEMU inherits,
so there are no paths to collide or to clean up; one thread reads all three.
QEMU dies with this process (PDEATHSIG), at the latest when `with` ends. All
waits have bounds. Images are opened with snapshot=on unless writable=True.
"""
import base64
import contextlib
import ctypes
import json
import os
import re
import secrets
import selectors
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

import cache
import ext4

ROOT = "root=UUID=b0070000-0000-4000-8000-000000000001 ro"
KVM_SECONDS = 60    # a kernel that boots under KVM needs one or two
KEYS = {"ctrl-alt-del": "ctrl-alt-delete"}


class Timeout(Exception):
    """Something did not come in time."""


class Ended(Exception):
    """QEMU ended while something was waited for."""


class Failed(Exception):
    """QEMU could not do what it was told."""


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG


_kvm_boots = set()


def probe_kvm(kernel):
    """Raises Failed unless this kernel boots under KVM here: there are machines with a /dev/kvm on which guests stand
    still without a word. With no root to mount it panics, and QEMU ends."""
    if kernel in _kvm_boots:
        return
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise Failed("ACCEL=kvm: there is no /dev/kvm here that one may use; ACCEL=tcg needs none")
    argv = ["qemu-system-x86_64", "-M", "pc", "-nodefaults", "-no-user-config", "-display", "none", "-accel", "kvm",
            "-cpu", "qemu64,+rdrand", "-m", "256", "-no-reboot", "-kernel", kernel,
            "-append", "console=ttyS0 panic=-1", "-serial", "stdio"]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=KVM_SECONDS,
                              preexec_fn=_die_with_parent)
        said, errors = done.stdout, done.stderr if done.returncode else b""
    except subprocess.TimeoutExpired as error:
        said, errors = error.stdout or b"", b""
    if b"Kernel panic - not syncing: VFS" not in said:
        last = (said + errors).decode(errors="replace").strip().splitlines()
        raise Failed("ACCEL=kvm: the guest's kernel does not boot under this machine's /dev/kvm (the last that was said: "
                     f"{last[-1].strip() if last else f'nothing in {KVM_SECONDS} s'}); ACCEL=tcg does without")
    _kvm_boots.add(kernel)


class Guest:
    def __init__(self, machine, append="", mem=512, smp=1, accel="tcg", disks=(), copies=(),
                 removes=(), writable=False, console=None, nic=True, reboot=False, debugcon=None,
                 interactive=False, quiet=False, arguments=(), efi=None, slot=None):
        """machine: image.machine(); disks: sizes or files of further disks,
        vdc and on; copies: (source, path in the guest), and removes: files that
        are away, before it boots; console: the file for
        what the guest's console says; reboot: a reboot boots again instead of
        ending QEMU; debugcon: a file for port 0xe9; interactive: the console
        on this terminal; arguments: more for QEMU; efi: (firmware, directory
        with EFI/BOOT/…) to boot from, instead of the kernel and its words;
        slot: a place (cache.slot()) that the caller keeps."""
        self.machine, self.append, self.mem, self.smp, self.accel = machine, append, mem, smp, accel
        self.disks, self.writable, self.nic = list(disks), writable, nic
        self.copies, self.removes = list(copies), list(removes)
        self.reboot, self.debugcon, self.interactive, self.quiet = reboot, debugcon, interactive, quiet
        self.arguments, self.efi = list(arguments), efi
        self.work = cache.throwaway("guest-")
        self.console_path = console or os.path.join(self.work, "console")
        self.process, self.started, self.root, self.srv = None, None, machine.root, machine.srv
        self.sockets, self.data, self.ends = {}, {}, set()
        self.changed = threading.Condition()
        self.reader = None
        self.slot, self.slot_is_ours = slot, slot is None
        self.at = {"console": 0, "agent": 0, "qmp": 0}
        self.agent_ready = False
        self._log = None

    # Life ------------------------------------------------------------------

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends QEMU if it still runs, and removes the run's files."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.slot and self.slot_is_ours:
            self.slot.close()
        if self.reader:
            self.reader.join(10)
        for end in self.sockets.values():
            end.close()
        shutil.rmtree(self.work, ignore_errors=True)

    def boot(self):
        """Starts QEMU; returns at once."""
        if self.accel == "kvm":
            probe_kvm(self.machine.kernel.image)
        self._prepare_images()
        if self.slot_is_ours:
            self.slot = cache.slot()
        open(self.console_path, "wb").close()
        far = [self._channel(name) for name in ("console", "agent", "qmp") if not self._on_terminal(name)]
        argv = self.command(dict(far))
        self.started = time.monotonic()
        stdin, errors = (None, None) if self.interactive else (subprocess.DEVNULL, subprocess.PIPE)
        self.process = subprocess.Popen(argv, stdin=stdin, stderr=errors,
                                        stdout=None if self.interactive else subprocess.DEVNULL,
                                        pass_fds=[end.fileno() for _, end in far],
                                        preexec_fn=_die_with_parent)
        for _, end in far:
            end.close()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self._qmp_open()

    def _on_terminal(self, name):
        return name == "console" and self.interactive

    def _channel(self, name):
        near, end = socket.socketpair()
        self.sockets[name], self.data[name] = near, bytearray()
        return name, end

    def _prepare_images(self):
        if self.copies or self.removes or self.writable:
            self.root = os.path.join(self.work, "root.img")
            ext4.sparse_copy(self.machine.root, self.root)
            self.srv = os.path.join(self.work, "srv.img")
            ext4.sparse_copy(self.machine.srv, self.srv)
        edit = ext4.Edit()
        for path in self.removes:
            edit.remove(path)
        for source, path in self.copies:
            if os.path.isdir(source):
                edit.tree(source, path)
            else:
                edit.put(path, source)
        edit.apply(self.root, os.path.join(self.work, "edit"))
        for number, disk in enumerate(self.disks):
            if not os.path.exists(str(disk)):
                path = os.path.join(self.work, f"disk{number}.img")
                with open(path, "wb") as file:
                    file.truncate(parse_size(disk))
                self.disks[number] = path

    # Command line ----------------------------------------------------------

    def kernel_arguments(self):
        words = [ROOT, "console=ttyS0 net.ifnames=0 panic=-1 no_timer_check"]  # a busy host is late, and the kernel panics
        if self.machine.init:
            words.append("init=" + self.machine.init)
        if self.quiet:
            words.append("quiet")
        return " ".join(words + ([self.append] if self.append else []))

    def command(self, far):
        """QEMU's argv; far: our channels' other ends by name."""
        argv = ["qemu-system-x86_64", "-M", "pc", "-nodefaults", "-no-user-config", "-display", "none",
                "-accel", self.accel, "-cpu", "qemu64,+rdrand", "-smp", str(self.smp), "-m", str(self.mem)]
        if self.efi:
            firmware, directory = self.efi
            argv += ["-drive", f"if=pflash,format=raw,readonly=on,file={firmware}",
                     "-drive", f"if=none,id=esp,format=raw,file=fat:rw:{directory}",
                     "-device", "virtio-blk-pci,drive=esp,bootindex=0"]
        else:
            argv += ["-kernel", self.machine.kernel.image, "-initrd", self.machine.initramfs,
                     "-append", self.kernel_arguments()]
        if not self.reboot:
            argv.append("-no-reboot")
        for number, path in enumerate([self.root, self.srv] + self.disks):
            snapshot = "off" if self.writable else "on"
            argv += ["-drive", f"file={path},if=none,id=d{number},format=raw,snapshot={snapshot},cache=unsafe",
                     "-device", f"virtio-blk-pci,drive=d{number},serial=disk{number}"]
        if self.nic:
            argv += ["-netdev", "user,id=n0,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-:80",
                     "-device", "virtio-net-pci,netdev=n0"]
        if self.interactive:
            argv += ["-chardev", f"stdio,id=console,mux=on,signal=off,logfile={self.console_path}",
                     "-mon", "chardev=console,mode=readline"]
        else:
            argv += ["-chardev", f"socket,id=console,fd={far['console'].fileno()},logfile={self.console_path}"]
        argv += ["-serial", "chardev:console",
                 "-chardev", f"socket,id=agent,fd={far['agent'].fileno()}", "-serial", "chardev:agent",
                 "-chardev", f"socket,id=qmp,fd={far['qmp'].fileno()}", "-mon", "chardev=qmp,mode=control"]
        if self.debugcon:
            argv += ["-chardev", f"file,id=debugcon,path={self.debugcon}", "-device", "isa-debugcon,chardev=debugcon"]
        return argv + self.arguments + shlex.split(os.environ.get("QEMU_ARGUMENTS", ""))

    # Channels --------------------------------------------------------------

    def _read(self):
        selector = selectors.DefaultSelector()
        for name, end in self.sockets.items():
            selector.register(end, selectors.EVENT_READ, name)
        while selector.get_map():
            for key, _ in selector.select():
                try:
                    chunk = key.fileobj.recv(65536)
                except OSError:
                    chunk = b""
                with self.changed:
                    if chunk:
                        self.data[key.data] += chunk
                    else:
                        selector.unregister(key.fileobj)
                        self.ends.add(key.data)
                    self.changed.notify_all()

    def _await(self, name, pattern, timeout, what, progress=None):
        """The match of a bytes pattern in a channel's unread data."""
        compiled = re.compile(pattern, re.M)
        deadline = time.monotonic() + timeout
        with self.changed:
            while True:
                match = compiled.search(self.data[name], self.at[name])
                if match:
                    self.at[name] = match.end()
                    return match
                if progress:
                    progress()
                if name in self.ends:
                    raise Ended(f"the guest ended while waiting for {what}{self._errors()}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Timeout(f"{what}: nothing in {timeout:g} s")
                self.changed.wait(left)

    def _errors(self):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        text = self.process.stderr.read().decode(errors="replace") if self.process.stderr else ""
        return f" (QEMU: {text.strip()[-500:]})" if text.strip() else ""

    def send(self, text):
        """Types on the console; Enter is \\n."""
        self.sockets["console"].sendall(text.replace("\n", "\r").encode())

    def expect(self, pattern, timeout=120):
        """Waits for a regular expression on the console, after what the last
        expect matched; returns the match (of bytes)."""
        return self._await("console", pattern.encode(), timeout, f"console pattern {pattern!r}")

    def console_text(self):
        with contextlib.suppress(OSError):
            with open(self.console_path, "rb") as file:
                return file.read().decode(errors="replace").replace("\r", "")
        return ""

    def tail(self, lines=25):
        return "\n".join(self.console_text().rstrip().splitlines()[-lines:])

    # QMP -------------------------------------------------------------------

    def _qmp_open(self):
        self._await("qmp", rb'^\{"QMP".*\n', 30, "QEMU's greeting")
        self.qmp("qmp_capabilities")

    def qmp(self, command, timeout=30, **arguments):
        """A QMP command's answer; events in between are dropped."""
        ident = secrets.token_hex(4)
        message = {"execute": command, "arguments": arguments, "id": ident}
        self.sockets["qmp"].sendall(json.dumps(message).encode() + b"\n")
        pattern = rb'^.*"id": "%s".*\n' % ident.encode()
        answer = json.loads(self._await("qmp", pattern, timeout, f"QMP {command}").group())
        if "error" in answer:
            raise Failed(f"QMP {command}: {answer['error'].get('desc')}")
        return answer["return"]

    def wait_unplugged(self, identity, timeout=120):
        """Waits until a device that device_del pulls out is gone for QEMU, too: the guest has let go of it."""
        at, self.at["qmp"] = self.at["qmp"], 0
        try:
            self._await("qmp", rb'^(?=.*"DEVICE_DELETED").*"device": "%s".*\n' % identity.encode(), timeout,
                        f"the end of {identity}")
        finally:
            self.at["qmp"] = max(at, self.at["qmp"])

    def hmp(self, line):
        """A command of QEMU's human monitor; returns what it says."""
        return self.qmp("human-monitor-command", **{"command-line": line})

    def sendkey(self, keys):
        self.hmp("sendkey " + KEYS.get(keys, keys))

    def powerdown(self):
        """Presses the power button."""
        self.qmp("system_powerdown")

    def port(self, inside):
        """The port on 127.0.0.1 that leads to a port of the guest (22, 80)."""
        match = re.search(r"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+%d\b" % inside,
                          self.hmp("info usernet"))
        if not match:
            raise Failed(f"no port leads to the guest's {inside}")
        return int(match[1])

    def wait_exit(self, timeout=120):
        """Waits until QEMU has ended; returns its exit status."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Timeout(f"the guest did not end in {timeout:g} s") from None

    # Commands in the guest (agent/agent) -------------------------------------

    def wait_ready(self, timeout=300):
        """Waits until the boot's target is reached and commands can run."""
        if not self.agent_ready:
            self._await("agent", rb"^@rouse-guest ready\n", timeout, "the boot's target (no command channel)")
            self.agent_ready = True

    def run(self, script, timeout=120, boot_timeout=300, stream=None):
        """Runs a shell script as root; returns (status, output as bytes).
        stream: a binary file that gets the output as it comes."""
        self.wait_ready(boot_timeout)
        nonce = secrets.token_hex(8)
        code = base64.b64encode(script.encode())
        if len(code) > 48000:
            raise Failed("the script is too long for the serial port: copy it in as a file")
        start = sent = self.at["agent"]
        self.sockets["agent"].sendall(b"run %s %s\n" % (nonce.encode(), code))

        def progress():
            nonlocal sent
            # What may be the beginning of the end mark is held back.
            upto = max(sent, len(self.data["agent"]) - len(nonce) - 12)
            if stream:
                stream.write(self.data["agent"][sent:upto])
                stream.flush()
            sent = upto
        try:
            match = self._await("agent", rb"\n@%s (\d+)\n" % nonce.encode(), timeout,
                                "the command's end", progress)
        except (Timeout, Ended):
            if stream:
                stream.write(self.data["agent"][sent:])
                stream.flush()
            raise
        output = bytes(self.data["agent"][start:match.start()])
        if stream:
            stream.write(output[sent - start:])
            stream.flush()
        return int(match[1]), output

    def out(self, script, timeout=120):
        """What a script prints, as text without the last newline."""
        return self.run(script, timeout)[1].decode(errors="replace").rstrip("\n")


def parse_size(text):
    """64M, 2G, 512K or bytes."""
    match = re.fullmatch(r"(\d+)([KMGT]?)i?B?", str(text).strip(), re.I)
    if not match:
        raise Failed(f"neither a file nor a size: {text}")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}[match[2].upper()]
