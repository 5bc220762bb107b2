"""Steps of a guest's test: commands with the exit status and a pattern of the
output that are wanted, all of them in one script, so that the host's part
takes no time. ROW=REGEX in the environment: only the first step, and those
whose command it matches."""
import os
import re

from tap import TIMEOUT

MARK = "@@next"
OUTPUT = "/run/step-output"  # a file: what a step leaves in the background would hold a pipe open


def run(tap, guest, steps, bound=60):
    """Each command has bound seconds of the guest's clock; what hangs fails."""
    row = os.environ.get("ROW")
    if row:
        steps = steps[:1] + [step for step in steps[1:] if re.search(row, step[0])]
    script = "".join(
        f"timeout {bound} sh -c {quote(command)} </dev/null >{OUTPUT} 2>&1; s=$?; cat {OUTPUT}; echo '{MARK}' $s\n"
        for command, _, _ in steps)
    parts = guest.out(script, TIMEOUT + bound * len(steps)).split(MARK)
    for number, (command, status, pattern) in enumerate(steps):
        ended, _, _ = (parts[number + 1] if number + 1 < len(parts) else " none\n").partition("\n")
        output = parts[number].partition("\n")[2] if number else parts[0]
        shown = " ".join(command.split())[:110]
        tap.is_(ended.strip(), str(status), f"{shown}: status {status}") or tap.diag(output[-2000:])
        if pattern:
            tap.like(output.strip("\n"), pattern, f"{shown}: says what it should")


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"
