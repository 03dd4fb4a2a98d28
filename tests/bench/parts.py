"""On the host: how long the parts of a durable step take alone, as JSON."""

import json
import os
import statistics
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


def unit(*more):
    run("systemd-run", "--quiet", "--collect", *more, "true")


parts = [
    measure("a process that does nothing (`true`)", "", lambda n: run("true")),
    measure("the helper's binary starts and ends", "2", lambda n: run(helper, "agent", "revert")),
    measure("`systemctl is-system-running`", "1", lambda n: run("systemctl", "is-system-running")),
    measure("`systemctl show` of one unit", "", lambda n: run("systemctl", "show", "--property=ActiveState,Job", "x.service")),
    measure("`systemd-run --no-block`", "1", lambda n: unit("--no-block", f"--unit=bench-{n}")),
    measure(
        "a unit from `systemd-run --wait` to its end, ExecStopPost included",
        "",
        lambda n: unit("--wait", "--property=Type=exec", "--property=ExecStopPost=true"),
    ),
    measure("a block of a file written and synced", "6", block),
    measure("`sync` of all file systems", "1", lambda n: os.sync()),
]
print(json.dumps(parts))
