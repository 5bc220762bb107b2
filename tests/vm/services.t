#!/usr/bin/env python3
"""Services on a booted system, as Debian's scripts and people see them: where
what they say goes (rsyslog, the log, status), systemctl's verbs and exit
statuses under its own name, invoke-rc.d and deb-systemd-*."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import HERE, TIMEOUT, Tap

tap = Tap()
TALKER = "/etc/systemd/system/talker.service"
SAID = ("stdout", "stderr", "syslog", "the native socket", "kmsg")

HELPER = "DPKG_MAINTSCRIPT_PACKAGE=talker deb-systemd-helper "

# Command, its exit status, a pattern of its output. In this order.
COMMANDS = [
    ("systemctl is-system-running", 0, "^running$"),
    ("systemctl is-active nginx", 0, "^active$"),
    ("systemctl is-active nginx cron nosuch", 0, "^active\nactive\ninactive$"),
    ("systemctl is-failed nginx", 1, "^active$"),
    ("systemctl status nginx", 0, r"Active: active \(running\)"),
    ("systemctl status nosuch", 4, "could not be found"),
    ("systemctl show -p MainPID,ActiveState,FragmentPath nginx", 0, "^ActiveState=active$"),
    ("systemctl show --value -p Id nginx.service", 0, "^nginx.service$"),
    ("systemctl cat nginx", 0, "^# /lib/systemd/system/nginx.service|^# /usr/lib/systemd/system/nginx.service"),
    ("systemctl list-units --type=service --no-legend --plain", 0, "^ssh.service +loaded active running"),
    ("systemctl list-jobs", 0, "No jobs"),
    ("systemctl list-unit-files nginx.service", 0, "nginx.service +enabled"),
    ("systemctl is-enabled nginx", 0, "^enabled$"),
    ("systemctl is-enabled nosuch", 1, ""),
    ("systemctl get-default", 0, "^graphical.target$"),
    ("systemctl start nosuch", 5, "nosuch.service not found"),
    ("systemctl stop nosuch", 5, "not loaded"),
    ("systemctl stop cron", 0, "^$"),
    ("systemctl is-active cron", 3, "^inactive$"),
    ("systemctl status cron", 3, r"Active: inactive \(dead\)"),
    ("systemctl try-restart cron; systemctl is-active cron", 3, "^inactive$"),
    ("systemctl start cron", 0, "^$"),
    ("systemctl reload cron", 3, "not applicable|cannot be reloaded"),
    ("systemctl reload nginx", 0, "^$"),
    ("systemctl reload-or-restart cron", 0, "^$"),
    ("systemctl stop cron && systemctl mask cron && systemctl start cron", 1, "masked"),
    ("systemctl unmask cron && systemctl start cron", 0, ""),
    ("systemctl reset-failed cron", 0, "^$"),          # and its starts so far
    ("systemctl disable cron && systemctl is-enabled cron", 1, "^disabled$"),
    ("systemctl enable cron && systemctl is-enabled cron", 0, "^enabled$"),
    ("systemctl kill -s HUP nginx && systemctl is-active nginx", 0, "^active$"),
    ("systemctl frobnicate", 1, "frobnicate"),
    ("systemctl daemon-reload", 0, "^$"),
    # what packages' scripts call
    ("invoke-rc.d nginx restart", 0, "^$"),
    ("invoke-rc.d nginx status", 0, r"active \(running\)"),
    ("service cron restart && service cron status", 0, r"active \(running\)"),
    ("deb-systemd-invoke restart nginx.service cron.service", 0, "^$"),
    ("deb-systemd-invoke stop cron.service; systemctl is-active cron", 3, "^inactive$"),
    ("deb-systemd-invoke start cron.service && systemctl is-active cron", 0, "^active$"),
    (HELPER + "unmask talker.service", 0, ""),
    (HELPER + "enable talker.service && systemctl is-enabled talker", 0, "^enabled$"),
    (HELPER + "was-enabled talker.service", 0, ""),
    (HELPER + "disable talker.service; systemctl is-enabled talker", 1, "^disabled$"),
    ("systemctl --system daemon-reload && deb-systemd-invoke start talker.service", 0, ""),
    ("systemctl --failed --no-legend", 0, "^$"),
]


def commands(guest):
    """All of them in one script, so that the host's part takes no time."""
    mark = "@@next"
    script = "".join(f"({command}) </dev/null 2>&1; echo '{mark}' $?\n" for command, _, _ in COMMANDS)
    parts = guest.out(script, TIMEOUT).split(mark)
    for number, (command, status, pattern) in enumerate(COMMANDS):
        ended, _, output = (parts[number + 1] if number + 1 < len(parts) else " none\n").partition("\n")
        output = parts[number].partition("\n")[2] if number else parts[0]
        tap.is_(ended.strip(), str(status), f"{command}: status {status}")
        if pattern:
            tap.like(output.strip("\n"), pattern, f"{command}: says what it should")


def log(guest):
    """What talker said, in each place where one looks for it."""
    guest.out(f"systemctl start talker; for i in 1 2 3 4 5 6 7 8; do "
              "grep -q 'by kmsg' /var/log/syslog && break; sleep 0.5; done")
    syslog = guest.out("cat /var/log/syslog")
    for way in SAID if tap.rouse else SAID[:-1]:
        tap.like(syslog, f"talker by {way}", f"rsyslog has what came by {way}")
    ours = guest.out("rousectl log --no-pager -u talker" if tap.rouse else "journalctl --no-pager -u talker")
    for way in SAID[:-1]:
        tap.like(ours, f"talker by {way}", f"the unit's log has what came by {way}")
    tap.ok("nginx" not in ours, "the unit's log is the unit's alone", ours)
    tap.like(guest.out("systemctl status talker"), "talker by (syslog|the native)", "status shows the last lines")
    if not tap.rouse:
        return
    early = guest.out("rousectl log --no-pager -o short-monotonic -t rouse | head -n 3; "
                      "rousectl show -p UserspaceTimestampMonotonic --value; "
                      "rousectl show -p ActiveEnterTimestampMonotonic --value systemd-journald").split("\n")
    try:
        said, init, logd = (float(early[0].split("]")[0].strip("[ ")), int(early[-2]) / 1e6, int(early[-1]) / 1e6)
        tap.ok(init - 0.1 <= said < logd, "PID 1's first words have the time at which it said them", early)
    except (ValueError, IndexError):
        tap.ok(False, "PID 1's first words have the time at which it said them", early)
    tap.like(syslog, r"rouse(\[1\])?: .*jobs for default.target", "rsyslog has what PID 1 said before it ran")


with tap.guest("services", copies=[(os.path.join(HERE, "good/talker.service"), TALKER)]) as guest:
    guest.wait_ready(TIMEOUT)
    guest.expect("login: ", TIMEOUT)
    commands(guest)
    log(guest)
tap.done()
