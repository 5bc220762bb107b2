#!/usr/bin/env python3
"""bus-interface.t [--docs] [PAGE]: rouse-busd's interfaces beside org.freedesktop.systemd1(5).

Members that the page has and rouse-busd does not, or with another signature,
are failures; those that are only there by name, and answer NotSupported, are
listed in docs/bus.md, which --docs writes and the test compares. PAGE is the
page's file; without one, the installed one is taken, or that of Debian's
package (fetched once, into the build folder).
"""
import glob
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OUT = os.environ.get("OUT") or os.path.join(TOP, "build")
PAGE = "usr/share/man/man5/org.freedesktop.systemd1.5.gz"
PREFIX = "org.freedesktop.systemd1."
DOCS = os.path.join(TOP, "docs/bus.md")
BEGIN = "<!-- by tests/ns/bus-interface.t --docs -->\n"


def page():
    for path in sys.argv[1:]:
        if not path.startswith("-"):
            return path
    if os.path.exists("/" + PAGE):
        return "/" + PAGE
    folder = os.path.join(TOP, "build/systemd-page")
    if not os.path.exists(os.path.join(folder, PAGE)):
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["apt-get", "download", "-q", "-oAPT::Sandbox::User=root", "systemd"], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["dpkg-deb", "-x", *glob.glob(folder + "/systemd_*.deb"), folder], check=True)
    return os.path.join(folder, PAGE)


def documented(path):
    """{(interface, kind, member): signature} of the page's listings."""
    text = subprocess.run(["man", "-l", path], env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8", "MANPAGER": "cat",
                                                    "MAN_KEEP_FORMATTING": ""}, capture_output=True, text=True).stdout
    text = re.sub(".\b", "", text)
    found = {}
    for block in re.finditer(r"interface org\.freedesktop\.systemd1\.(\w+) \{(?! \.\.\.)(.*?)\n\s+\};", text, re.S):
        parts = re.split(r"\b(methods|signals|properties):", re.sub(r"\s+", " ", block[2]))
        for kind, items in zip(parts[1::2], parts[2::2]):
            for item in items.split(";"):
                item = re.sub(r'@\S+\("\w+"\)\s*', "", item).strip()
                prop = re.match(r"(readonly|readwrite|writeonly) (\S+) (\w+) =", item)
                member = re.match(r"(\w+)\((.*)\)$", item)
                if prop:
                    found[block[1], "property", prop[3]] = f"{prop[2]} {'readwrite' if prop[1] == 'readwrite' else 'read'}"
                elif member and kind == "signals":
                    found[block[1], "signal", member[1]] = "".join(a.split()[0] for a in member[2].split(",") if a.strip())
                elif member:
                    args = [a.split() for a in member[2].split(",") if a.strip()]
                    found[block[1], "method", member[1]] = " → ".join(
                        "".join(a[1] for a in args if a[0] == way) for way in ("in", "out"))
    return found


def ours():
    """The same of rouse-busd; and the methods that are there by name alone."""
    xml = subprocess.run([os.path.join(OUT, "rouse-busd"), "--introspect"], check=True, capture_output=True, text=True).stdout
    found, names_alone = {}, []
    for interface in ElementTree.fromstring(xml):
        name = interface.get("name").removeprefix(PREFIX)
        for member in interface:
            key = name, member.tag, member.get("name")
            args = member.findall("arg")
            if member.tag == "property":
                found[key] = f"{member.get('type')} {member.get('access')}"
            elif member.tag == "signal":
                found[key] = "".join(a.get("type") for a in args)
            else:
                found[key] = " → ".join("".join(a.get("type") for a in args if a.get("direction") == way) for way in ("in", "out"))
                if member.find("annotation[@name='rouse.NotSupported']") is not None:
                    names_alone.append(key)
    return found, names_alone


def listing(wanted, found, names_alone):
    lines = [BEGIN, f"Of {len(wanted)} members that org.freedesktop.systemd1(5) of Debian 12 lists, "
             f"{len([k for k in wanted if found.get(k) == wanted[k]])} are there with its signature.\n", "\n"
             "Methods that answer `org.freedesktop.DBus.Error.NotSupported`:\n\n"]
    lines += [f"- {i}.{m}\n" for i, _, m in sorted(names_alone)]
    extra = sorted(set(found) - set(wanted))
    lines += ["\nMembers of later versions:\n\n"] + [f"- {i}.{m}\n" for i, _, m in extra]
    return "".join(lines)


def main():
    wanted, (found, names_alone) = documented(page()), ours()
    text = listing(wanted, found, names_alone)
    with open(DOCS) as file:
        before, _, old = file.read().partition(BEGIN)
    if "--docs" in sys.argv:
        with open(DOCS, "w") as file:
            file.write(before + text)
        return 0
    missing = sorted(k for k in wanted if k not in found)
    other = sorted(k for k in wanted if k in found and found[k] != wanted[k])
    tests = [(len(wanted) > 800, "the page is understood", [f"{len(wanted)} members"]),
             (not missing, "every member of the page is there", missing),
             (not other, "with the same signature", [f"{k}: {found[k]}, the page: {wanted[k]}" for k in other]),
             (BEGIN + old == text, "docs/bus.md lists what answers NotSupported (tests/ns/bus-interface.t --docs)", [])]
    for number, (holds, name, details) in enumerate(tests, 1):
        print(f"{'ok' if holds else 'not ok'} {number} - {name}")
        for line in [] if holds else details[:40]:
            print("#", line)
    print(f"1..{len(tests)}")
    return 0 if all(t[0] for t in tests) else 1


if __name__ == "__main__":
    sys.exit(main())
