#!/usr/bin/env python3
"""docker.io and podman run containers, whose scopes they have made by the
manager: the systemd cgroup driver. The images are made in the guest, of a
static busybox; nothing is fetched."""
import os
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import steps
from tap import TIMEOUT, Tap

tap = Tap()
steps.TIMEOUT = max(TIMEOUT, 1800)
BOX = "/bin/busybox"
# Where the container's first process is, and the limit of its scope.
PLACE = ("p=$(%s inspect -f '{{.State.Pid}}' one); cat /proc/$p/cgroup; g=/sys/fs/cgroup$(sed 's/^0:://' /proc/$p/cgroup); "
         "cat ${g%%.scope*}.scope/memory.max")
DOCKER, PODMAN = PLACE % "docker", PLACE % "podman"

STEPS = [
    # docker: dockerd and containerd are Type=notify; dockerd asks the manager on the bus
    ("until systemctl is-active -q docker; do systemctl is-failed -q docker && break; sleep 1; done; systemctl is-active docker containerd", 0,
     r"^active\nactive$"),
    ("docker info -f '{{.CgroupDriver}} {{.CgroupVersion}}'", 0, "^systemd 2$"),
    ("mkdir -p /tmp/box/bin && cp /bin/busybox /tmp/box/bin/ && tar -C /tmp/box -c . | docker import - box", 0, "^sha256:"),
    (f"docker run --rm box {BOX} echo hello", 0, "^hello$"),
    (f"docker run -d --name one --memory 64m --pids-limit 50 box {BOX} sleep 1000 && {DOCKER}", 0,
     r"0::/system.slice/docker-[0-9a-f]{64}.scope(/.*)?\n67108864$"),
    ("systemctl list-units --no-legend --plain 'docker-*.scope'", 0, "docker-[0-9a-f]{64}.scope +loaded +active +running"),
    (f"docker exec one {BOX} ps", 0, "sleep 1000"),
    ("docker update --memory 32m --memory-swap 32m one && cat /sys/fs/cgroup/system.slice/docker-*.scope/memory.max", 0, "^33554432$"),
    ("docker restart -t 1 one && docker ps --format '{{.Status}}'", 0, "^Up"),
    ("docker rm -f one; systemctl list-units --all --no-legend --plain 'docker-*.scope'", 0, r"\Aone\Z"),
    ("systemctl restart docker && docker ps -q", 0, ""),
    # podman, as root: conmon's scope and the container's, in machine.slice; it finds by itself that it may have them there
    ("tar -C /tmp/box -c . | podman import - box", 0, "^sha256:|^[0-9a-f]{64}$"),
    ("podman info -f '{{.Host.CgroupManager}} {{.Host.CgroupsVersion}}'", 0, "^systemd v2$"),
    (f"podman run --rm box {BOX} echo hello", 0, "^hello$"),
    (f"podman run -d --name one --memory 64m box {BOX} sleep 1000 && {PODMAN}", 0,
     r"0::/machine.slice/libpod-[0-9a-f]{64}.scope(/.*)?\n67108864$"),
    ("systemctl list-units --no-legend --plain 'libpod-*.scope' | wc -l", 0, "^[1-9]"),
    (f"podman exec one {BOX} ps", 0, "sleep 1000"),
    ("podman rm -f -t 0 one 2>/dev/null; systemctl list-units --all --no-legend --plain 'libpod-*.scope'", 0, r"\Aone\Z|\A[0-9a-f]{64}\Z"),
    # a container as a service, as `podman generate systemd` writes it
    (f"podman create -q --name svc --sdnotify=conmon box {BOX} sh -c \"trap 'exit 0' TERM; while :; do sleep 1; done\" >/dev/null && podman generate systemd --name svc "
     ">/etc/systemd/system/svc.service && systemctl daemon-reload && systemctl start svc && systemctl is-active svc && podman ps --format '{{.Names}}'",
     0, r"^active\nsvc$"),
    ("systemctl stop svc; systemctl is-active svc; podman ps -q", 0, r"^inactive$"),
    ("systemctl list-units --failed --no-legend --plain | grep .", 1, "^$"),
]

with tap.guest("containers", packages="docker.io,podman,apparmor,busybox-static,iptables,libpam-systemd,polkitd,ca-certificates", mem=1536) as guest:
    steps.run(tap, guest, STEPS, bound=600)
tap.done()
