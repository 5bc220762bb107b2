#!/usr/bin/env python3
"""Every way to end the system ends it: the power button, ctrl-alt-del,
signals to PID 1, and the commands, at once or at a given time. A reboot
reboots; services stop in reverse order; what had to be forced is said; the
disks are clean."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ext4
from tap import HERE, TIMEOUT, Tap

tap = Tap()
OFF, RESTART, HALT = "reboot: Power down", "reboot: Restarting system", "reboot: System halted"
STOP = os.path.join(HERE, "stop")
UNITS = [(os.path.join(STOP, name), f"/etc/systemd/system/{name}") for name in sorted(os.listdir(STOP))]


def in_guest(script):
    """What sets something off from inside, and comes back at once."""
    return lambda guest: guest.run(f"({script}) </dev/null >/dev/null 2>&1 &", TIMEOUT)


def log_in(guest):
    guest.expect(r"login: ", TIMEOUT)
    guest.send("root\n")
    guest.expect(r"Password: ", 60)
    guest.send("rouse\n")
    guest.expect(r"root@\S+#", 60)
    guest.send("tty; who | cat\n")
    guest.expect(r"/dev/ttyS0\s+root\s+ttyS0", 60)
    tap.ok(True, "one can log in on the console, and is seen there")


def schedule(guest):
    """A shutdown for later is shown to who is logged in, keeps users out, and can be cancelled."""
    log_in(guest)
    guest.out("shutdown -h +4 going down for the test </dev/null 2>&1")
    guest.expect("going down for the test", 60)
    tap.ok(True, "shutdown +4 is announced on the terminal")
    tap.like(guest.out("cat /run/systemd/shutdown/scheduled"), r"^MODE=poweroff$", "shutdown +4 is scheduled")
    tap.ok(guest.run("test -e /run/nologin")[0] == 0, "shutdown +4: nobody logs in any more")
    guest.out("shutdown -c </dev/null 2>&1")
    tap.ok(guest.run("test ! -e /run/systemd/shutdown/scheduled -a ! -e /run/nologin")[0] == 0,
           "shutdown -c: as if nothing had been")


def order(guest):
    tap.is_(guest.out("systemctl start order-second && systemctl is-active order-first"), "active",
            "the order's services run")


def stubborn(guest):
    tap.is_(guest.out("systemctl start stubborn; systemctl is-active stubborn"), "active",
            "a process that ends for nobody runs")


def press_power(guest):
    schedule(guest)
    order(guest)
    guest.powerdown()
    guest.expect("order: second stops", 60)
    guest.expect("order: first stops", 60)
    tap.ok(True, "services stop in the reverse of their order")


def halt_with_force(guest):
    if tap.rouse:
        stubborn(guest)
    in_guest("halt")(guest)
    if tap.rouse:
        guest.expect(r"rouse-shutdown: forced: .*killed sh\[", 60)
        tap.ok(True, "what had to be killed is named")


def again_and_off(guest):
    """A reboot comes up again, with the same disks, whoever asks for it, and the log of the boot before is there."""
    guest.run("mkdir -p /var/log/journal; logger -p user.crit a word for the next boot; rousectl log --flush", TIMEOUT)
    for how, script in (("reboot", "reboot"), ("SIGRTMIN+5", "kill -39 1")):
        in_guest(script)(guest)
        guest.expect(RESTART, 90)
        guest.agent_ready = False
        guest.wait_ready(TIMEOUT)
        tap.is_(guest.out(f"{tap.control} is-active srv.mount"), "active", f"{how}: the system comes up again")
    if tap.rouse:
        journalctl = guest.out("ls -r /bin/journalctl.systemd /bin/journalctl | head -n 1")
        tap.like(guest.out("rousectl log -b -2 -o cat -t root"), "^a word for the next boot$", "a boot's log is kept")
        tap.like(guest.out("rousectl log -b -2 -o cat -t rouse-shutdown -t rouse -t kernel | grep -c ."), r"^[1-9]\d",
                 "with what PID 1 and the kernel said")
        tap.like(guest.out(f"{journalctl} --list-boots --no-pager | wc -l"), "^[3-9]", "Debian's journalctl has the boots")
        tap.ok(guest.run(f"rousectl log --sync; {journalctl} --verify", TIMEOUT)[0] == 0, "and finds its files sound")
    guest.run("echo 7 >/proc/sys/kernel/printk; kill -38 1 &")


# Signals are as systemd(1) has them: SIGRTMIN+4 power off, +5 reboot, +3 halt.
WAYS = [
    ("the power button", press_power, OFF),
    ("ctrl-alt-del", lambda guest: guest.sendkey("ctrl-alt-del"), RESTART),
    ("reboot, SIGRTMIN+5 and SIGRTMIN+4 to PID 1", again_and_off, OFF),
    ("shutdown -r at a time of day", in_guest("date -s 12:00:57; shutdown -r 12:01"), RESTART),
    ("halt", halt_with_force, HALT),
]

for name, act, said in WAYS:
    with tap.guest(name, writable=True, quiet=True, copies=UNITS, reboot=act is again_and_off) as guest:
        guest.wait_ready(TIMEOUT)
        guest.run("echo 7 >/proc/sys/kernel/printk")
        act(guest)
        if tap.rouse and act is not halt_with_force:
            guest.expect("rouse-shutdown: all file systems unmounted", 90)
            tap.ok(True, f"{name}: rouse-shutdown forced nothing")
        guest.expect(said, 90)
        if said == HALT:
            guest.qmp("quit")
        guest.wait_exit(30)
        tap.ok(True, f"{name}: {said}")
        for where, path in (("/", guest.root), ("/srv", guest.srv)):
            problem = ext4.check_clean(path)
            tap.ok(problem is None, f"{name}: {where} is clean", problem)
tap.done()
