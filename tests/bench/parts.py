"""On the host: how long the parts of a durable step take alone, as JSON."""

import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import time

helper = sys.argv[1]
TIMES = 25


def measure(what, times, act):
    took = []
    for n in range(TIMES):
        began = time.perf_counter()
        act(n)
        took.append((time.perf_counter() - began) * 1000)
    return {"what": what, "times": times, "median": round(statistics.median(took), 3), "least": round(min(took), 3)}


def run(*argv):
    subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def block(n):
    file = os.open("/var/lib/bench-block", os.O_WRONLY | os.O_CREAT)
    os.pwrite(file, b"x" * 4096, 0)
    os.fsync(file)
    os.close(file)


def question():
    """`Get SystemState` of systemd's manager, as the D-Bus Specification writes it down."""

    def padded(data, to):
        return data + bytes(-len(data) % to)

    def text(value):
        return struct.pack("<I", len(value)) + value.encode() + b"\0"

    body = padded(text("org.freedesktop.systemd1.Manager"), 4) + text("SystemState")
    fields = b""
    for code, kind, value in [
        (1, b"o", "/org/freedesktop/systemd1"),
        (2, b"s", "org.freedesktop.DBus.Properties"),
        (3, b"s", "Get"),
    ]:
        fields = padded(fields, 8) + bytes([code, 1]) + kind + b"\0" + text(value)
    fields = padded(fields, 8) + b"\x08\x01g\0\x02ss\0"
    head = struct.pack("<4sIII", b"l\1\0\1", len(body), 1, len(fields))
    return padded(head + fields, 8) + body


QUESTION = question()


def ask(n):
    """Asks it as the helper does: a connection of its own to the socket that is systemd's own."""
    with socket.socket(socket.AF_UNIX) as systemd:
        systemd.connect("/run/systemd/private")
        systemd.sendall(b"\0AUTH EXTERNAL 30\r\nBEGIN\r\n")
        if not systemd.recv(4096).startswith(b"OK "):
            sys.exit("systemd does not let root in")
        systemd.sendall(QUESTION)
        # A message that answers (kind 2), and no error (3).
        if systemd.recv(4096)[1:2] != b"\2":
            sys.exit("systemd does not say its state")


def unit(*more):
    run("systemd-run", "--quiet", "--collect", *more, "true")


parts = [
    measure("a process that does nothing (`true`)", "", lambda n: run("true")),
    measure("the helper's binary starts and ends", "2", lambda n: run(helper, "agent", "revert")),
    measure("a question to systemd, connection included", "2", ask),
    measure("the same by `systemctl is-system-running`", "", lambda n: run("systemctl", "is-system-running")),
    measure("`systemd-run --no-block`", "", lambda n: unit("--no-block", f"--unit=bench-{n}")),
    measure(
        "a unit from `systemd-run --wait` to its end, ExecStopPost included",
        "",
        lambda n: unit("--wait", "--property=Type=exec", "--property=ExecStopPost=true"),
    ),
    measure("a block of a file written and synced", "6", block),
    measure("`sync` of all file systems", "1", lambda n: os.sync()),
]
print(json.dumps(parts))
