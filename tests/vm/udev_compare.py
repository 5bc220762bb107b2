"""What differs between the states of two guests that udev-state printed: (where, what) pairs, where a category and a
device or file, what the line with - for what only the first has, + for what only the second has."""
import json
import os
import re

# What time, chance or the order of probing decides.
VOLATILE = re.compile(r"^R: |^E: ?(USEC_INITIALIZED|IFINDEX|MAJOR|MINOR|SEQNUM|DISKSEQ|SYNTH_UUID)=|^I:\d{5,}|^Q: \d+|^[DI]: |^S:disk/by-diskseq/|^S: disk/by-diskseq/")


def lines(directory, name):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return []
    with open(path, errors="replace") as file:
        return file.read().splitlines()


# Names with numbers that the order of probing gives.
NUMBERED = re.compile(r"^(sd)[a-z]+(?=\d*$)|^(sr|sg|st|input|event|mouse|js|host|hidraw|hiddev|md|ata|link|usb|card|controlC|rtc|"
                      r"i2c-|rfkill|mmc|mmcblk|nvme|dm-|port|wakeup|vcs|ttyUSB|ttyS|phy)\d+(?=[a-zA-Z:.-]|$)|^(pcmC|hwC|dev|target)\d+|"
                      r"^(?=\d+:\d+:\d+:\d+$)()\d+|^(?=\d+-\d+[\d.]*(?::\d+\.\d+)?$)()\d+|^([0-9A-F]{4}:[0-9A-F]{4}:[0-9A-F]{4}\.)[0-9A-F]{4}$")
STABLE = re.compile(r"^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f]$|^virtual$|^platform$")


class Names:
    """Says the same of a device in each guest, whatever numbers it got: text() replaces them by places."""

    def __init__(self, directory):
        devices = self.read(lines(directory, "export-db"))
        self.places = {"": ""}
        children = {}
        for path in devices:
            parts = path.strip("/").split("/")
            for n in range(len(parts)):
                children.setdefault("/".join(parts[:n]), set()).add(parts[n])
        self.walk("", children)
        tokens = {}
        for path, (number, subsystem, index) in devices.items():
            name, place = path.rsplit("/", 1)[1], self.places[path.strip("/")]
            parts = place.split("/")
            last = max([n for n, part in enumerate(parts) if STABLE.match(part)], default=0)
            label = "<" + "/".join(parts[last:]) + ">"
            tokens[f"+{subsystem}:{name}"] = label
            if parts[-1] != name and not name[0].isdigit():
                tokens[name] = label
            if number:
                tokens[("b" if subsystem == "block" else "c") + number] = label
                if subsystem == "block":
                    tokens[number] = label
            if index:
                tokens["n" + index] = label
        self.tokens = tokens
        by_length = sorted(tokens, key=len, reverse=True)
        self.pattern = re.compile(
            r"(?<![A-Za-z0-9])(?:%s)(?![A-Za-z0-9])|(?<![A-Za-z0-9:.])(?:%s)(?![A-Za-z0-9:.])" % (
                "|".join(re.escape(token) for token in by_length if not token[0].isdigit()) or "$^",
                "|".join(re.escape(token) for token in by_length if token[0].isdigit()) or "$^"))

    @staticmethod
    def read(text):
        found, path = {}, None
        for line in text:
            if line.startswith("P: "):
                path = line[3:]
                found[path] = [None, None, None]
            elif line.startswith("U: "):
                found[path][1] = line[3:]
            elif line.startswith("D: "):
                found[path][0] = line[5:]
            elif line.startswith("I: "):
                found[path][2] = line[3:]
        return found

    def walk(self, top, children):
        """Places of what is below a path: numbered names become their kind and rank among their like."""
        kinds = {}
        for name in children.get(top, ()):
            match = NUMBERED.match(name)
            if match:
                kind = next(group for group in match.groups() if group is not None) + "~" + name[match.end():]
                kinds.setdefault(kind, []).append(name)
            else:
                self.places[(top + "/" + name).strip("/")] = (self.places[top] + "/" + name).strip("/")
        for kind, names in kinds.items():
            names.sort(key=lambda name: (len(name), name))
            for rank, name in enumerate(names):
                place = kind + (f"#{rank}" if len(names) > 1 else "")
                self.places[(top + "/" + name).strip("/")] = (self.places[top] + "/" + place).strip("/")
        for name in children.get(top, ()):
            self.walk((top + "/" + name).strip("/"), children)

    def text(self, text):
        text = re.sub(r"/dev/(char|block)/(\d+:\d+)$",
                      lambda match: f"/dev/{match[1]}/" + self.tokens.get(match[1][0] + match[2], match[2]), text)
        text = re.sub(r"(^M: |bsg/|scsi:)\d+(?=:\d+:\d+:\d+)", r"\1~", text)
        text = re.sub(r"/devices/[^\s\"']+", lambda match: "/" + self.longest(match.group()), text)
        return self.pattern.sub(lambda match: self.tokens[match.group()], text)

    def longest(self, path):
        """A path with its part that is a device's replaced by the place."""
        parts = path.strip("/").split("/")
        for n in range(len(parts), 0, -1):
            place = self.places.get("/".join(parts[:n]))
            if place is not None:
                return "/".join([place] + parts[n:])
        return path.strip("/")

    def apply(self, category):
        found = {}
        for name, content in category.items():
            found.setdefault(self.text(name), set()).update(self.text(line) for line in content)
        return found


def export_db(text):
    """{devpath: set of its lines}"""
    devices, current = {}, None
    for line in text:
        if line.startswith("P: "):
            current = devices.setdefault(line[3:], set())
        elif line and current is not None:
            current.add(normal(line))
    return devices


def normal(line):
    if VOLATILE.match(line):
        return re.split(r"[=:]", line)[0] + "=…" if line.startswith("E") else line[:2] + "…"
    if re.match(r"E: ?DEVLINKS=", line):
        key, value = line.split("=", 1)
        return key + "=" + " ".join(sorted(word for word in value.split() if "/by-diskseq/" not in word))
    if re.match(r"E: ?(CURRENT_)?TAGS=", line):
        key, value = line.split("=", 1)
        return key + "=" + ":".join(sorted(value.split(":")))
    return line


def database(directory):
    """{id: (mode, set of lines)} of /run/udev/data"""
    top, found = os.path.join(directory, "run/udev/data"), {}
    for name in os.listdir(top):
        path = os.path.join(top, name)
        with open(path, errors="replace") as file:
            found[name] = {normal(line) for line in file.read().splitlines()}
            found[name].add("mode %o" % (os.stat(path).st_mode & 0o7777))
    return found


def tree(directory, below):
    """Names, types, link targets of /run/udev/BELOW."""
    top, found = os.path.join(directory, "run/udev", below), {}
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.join(where, name)
            if "by-diskseq" in path or name == ".lock":
                continue
            text = "%o" % os.lstat(path).st_mode
            if os.path.islink(path):
                text += " -> " + os.readlink(path)
            found[os.path.relpath(path, top)] = {text}
    return found


def nodes(directory):
    found = {}
    for line in lines(directory, "dev"):
        path, *rest = line.split("\t")
        if "/by-diskseq/" not in path:
            found[path] = {"\t".join(rest)}
    return found


def flat(value, prefix=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{prefix}.{key}" if prefix else key)
    else:
        yield f"{prefix}={json.dumps(value)}"


def lsblk(directory):
    found = {}

    def add(device):
        children = device.pop("children", [])
        for volatile in "disk-seq", "fsused", "fsavail", "fsuse%":
            device.pop(volatile, None)
        found.setdefault(device["path"], set()).update(flat(device))
        for child in children:
            add(child)
    text = "\n".join(lines(directory, "lsblk"))
    for device in json.loads(text)["blockdevices"] if text else []:
        add(device)
    return found


def blocks(directory, name, start, volatile="$^"):
    """A file of blocks, each begun by a line that start finds, as {that line: set of lines}."""
    found, current = {}, None
    for line in lines(directory, name):
        if re.search(start, line):
            current = line.strip()
            found.setdefault(current, set())
        elif line.strip() and current and not re.search(volatile, line):
            found[current].add(line.strip())
    return found


def whole(directory, name, volatile="$^"):
    return {name: {line for line in lines(directory, name) if not re.search(volatile, line)}}


def arrays(directory):
    """/proc/mdstat, with the members of an array in the order of their roles and not in that of their discovery."""
    found = whole(directory, "mdstat")
    member = re.compile(r"^\S+\[(\d+)\]")
    for name, text in found.items():
        found[name] = {" ".join([word for word in line.split(" ") if not member.match(word)] +
                                sorted(filter(member.match, line.split(" ")), key=lambda word: int(member.match(word)[1])))
                       if line.startswith("md") else line for line in text}
    return found


def units(directory):
    """With the paths that their names stand for, as far as these are of sysfs, so that numbers in them are seen."""
    def path(name):
        if not name.startswith("sys-"):
            return name
        return "/" + re.sub(r"\\x(..)", lambda match: chr(int(match[1], 16)), name.removesuffix(".device").replace("-", "/"))
    return {"units": {path(line.split()[0]) + " " + " ".join(line.split()[1:4]) for line in lines(directory, "units") if line.split()
                      and "diskseq" not in line}}


def state(directory):
    """{category: {name: set of lines}}"""
    names = Names(directory)
    return {category: names.apply(content) for category, content in raw_state(directory).items()}


def raw_state(directory):
    return {
        "database": database(directory),
        "export-db": export_db(lines(directory, "export-db")),
        "tags": tree(directory, "tags"),
        "links": tree(directory, "links"),
        "static-node tags": tree(directory, "static_node-tags"),
        "dev": nodes(directory),
        "acl": blocks(directory, "acl", "^# file:"),
        "lsblk": lsblk(directory),
        "libinput": blocks(directory, "libinput", "^Device:"),
        "udisks": blocks(directory, "udisks", "^/org/", "DiskSeq|TimeDetected|TimeMediaDetected|CurrentFirmware|SmartUpdated|diskseq"),
        "udisks status": whole(directory, "udisks.status"),
        "lvm": {**whole(directory, "pvs"), **whole(directory, "lvs")},
        "md": {**arrays(directory), **whole(directory, "mdadm")},
        "ip": whole(directory, "ip", "link/ether|qdisc"),
        "net": whole(directory, "net", "dummy|veth"),
        "modules": whole(directory, "modules"),
        "units": units(directory),
        "errors": whole(directory, "errors"),
    }


def differences(first, second):
    for category in first:
        one, two = first[category], second[category]
        for name in sorted(set(one) | set(two)):
            if name not in two:
                yield f"{category}: {name}", "- all of it"
            elif name not in one:
                yield f"{category}: {name}", "+ all of it"
            else:
                for line in sorted(one[name] - two[name]):
                    yield f"{category}: {name}", "- " + line
                for line in sorted(two[name] - one[name]):
                    yield f"{category}: {name}", "+ " + line


if __name__ == "__main__":
    import sys
    last = None
    for where, what in differences(state(sys.argv[1]), state(sys.argv[2])):
        if where != last:
            print(where)
        last = where
        print("    " + what)
