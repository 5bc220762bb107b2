#!/usr/bin/python3 -I
"""What the services of pid1.t run: one behaviour a word."""
import os
import signal
import socket
import sys


def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.connect(os.environ["NOTIFY_SOCKET"])
        s.send(text.encode())


def ready():
    """Ready only when the FIFO has been written to; runs until it is told to stop."""
    with open("/run/go") as f:
        f.read()
    notify("READY=1\nSTATUS=at your service")
    signal.pause()


def listen():
    """Answers one connection on the socket handed over, saying what else was."""
    assert int(os.environ["LISTEN_PID"]) == os.getpid()
    listener = socket.socket(fileno=3)
    while True:
        connection, _ = listener.accept()
        connection.sendall(f"fds={os.environ['LISTEN_FDS']} names={os.environ['LISTEN_FDNAMES']}\n".encode())
        connection.close()


def store():
    """Puts two descriptors into the store, unless they come back from there."""
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    if names == [""]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(os.environ["NOTIFY_SOCKET"])
            for name in ("first", "second"):
                socket.send_fds(s, [f"FDSTORE=1\nFDNAME={name}".encode()], [os.open("/dev/null", os.O_RDONLY)])
    notify(f"READY=1\nSTATUS=stored={len(names)} {' '.join(names)}")
    signal.pause()


{"ready": ready, "listen": listen, "store": store}[sys.argv[1]]()
