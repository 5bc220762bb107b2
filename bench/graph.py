#!/usr/bin/env python3
"""graph.py N FOLDER: writes N units of a generated graph into FOLDER, always the same ones for the same N.

The shape is that of a distribution's, grown: 4 of 5 units are services (oneshot, so that systemd can be asked too),
the others targets, sockets and timers in equal parts. Each unit names a few of those before it, mostly near ones:
Wants= on up to three, Requires= on every third, After= on up to four, Before= on one that comes later now and then.
One unit in twenty conflicts with a neighbour that nobody wants. Each tenth has a drop-in, each twentieth is an
instance of a template. graph.target wants them all. No cycle: order always follows the numbers."""
import os
import sys

SEED = 20260101


class Numbers:
    """A generator of our own: the same numbers with every Python."""

    def __init__(self, seed):
        self.state = seed

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def kind(i):
    if i % 5:
        return "service"
    return ("target", "socket", "timer")[i // 5 % 3]


def name(i):
    return f"graph@{i}.service" if i % 20 == 7 else f"graph-{i}.{kind(i)}"


def before(numbers, i):
    """One of those before i: mostly near, sometimes any."""
    return numbers.below(i) if numbers.below(4) == 0 else max(0, i - 1 - numbers.below(min(i, 50)))


def unit(numbers, i, count):
    lines = ["[Unit]", f"Description=Unit {i} of {count}"]
    if i:
        lines += [f"Wants={name(before(numbers, i))}" for _ in range(numbers.below(4))]
        if i % 3 == 0:
            required = name(before(numbers, i))
            lines += [f"Requires={required}", f"After={required}"]
        lines += [f"After={name(before(numbers, i))}" for _ in range(numbers.below(5))]
    if i % 4 == 1 and i + 10 < count:
        lines.append(f"Before={name(i + 1 + numbers.below(9))}")
    if i % 20 == 3:
        lines.append(f"Conflicts=graph-none-{i}.service")
    if i % 7 == 2:
        lines.append(f"ConditionPathExists=!/run/graph-{i}")
    section = {"service": ["[Service]", "Type=oneshot", "RemainAfterExit=yes", "ExecStart=/bin/true",
                           f"Environment=NUMBER={i}", "ProtectSystem=full", "PrivateTmp=yes"],
               "socket": ["[Socket]", f"ListenStream=/run/graph-{i}", "Service=graph-socket@.service", "Accept=yes"],
               "timer": ["[Timer]", "OnCalendar=daily", "Persistent=yes", "Unit=graph-tick.service"],
               "target": []}[kind(i) if i % 20 != 7 else "service"]
    return "\n".join(lines + section + ["[Install]", "WantedBy=graph.target", ""])


def write(folder, path, text):
    path = os.path.join(folder, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def make(count, folder):
    numbers = Numbers(SEED)
    os.makedirs(os.path.join(folder, "graph.target.wants"), exist_ok=True)
    write(folder, "graph.target", "[Unit]\nDescription=All of the graph\nAllowIsolate=yes\n")
    write(folder, "graph@.service", "[Unit]\nDescription=Instance %i\n[Service]\nType=oneshot\nRemainAfterExit=yes\n"
                                    "ExecStart=/bin/true %i\n")
    write(folder, "graph-socket@.service", "[Service]\nExecStart=/bin/cat\nStandardInput=socket\n")
    write(folder, "graph-tick.service", "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    for i in range(count):
        text, target = unit(numbers, i, count), "../" + name(i)
        if name(i).startswith("graph@"):
            write(folder, f"{name(i)}.d/more.conf", text.partition("[Service]")[0])
            target = "../graph@.service"
        else:
            write(folder, name(i), text)
            if i % 10 == 4:
                write(folder, f"{name(i)}.d/more.conf", f"[Unit]\nDocumentation=man:graph({i % 9})\n")
        os.symlink(target, os.path.join(folder, "graph.target.wants", name(i)))


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    make(int(sys.argv[1]), sys.argv[2])
