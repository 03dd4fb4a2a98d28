"""Makes docs/benchmarks.md from docs/benchmarks.json. The same JSON gives the same page."""

import hashlib

MARK = "<!-- made from docs/benchmarks.json "

HOW = """\
Made by `make bench` from `docs/benchmarks.json`; not written by hand (`tests/benchmarks.rs` refuses it).

Both sides are measured in turn, A B A B, on the same machine and the same disposable host (`tests/host`, root file
system ext4, all of it in the machine's memory), reached over real OpenSSH as root. The ratio is the median of the
ratios of the pairs, so what else the machine does concerns both sides. Times are of the whole process, connection
included, unless said otherwise; the master connection of `ssh` and the persistent one of Ansible are open before.
The graph runs by `tests/bench/engine.rs`: engine, SSH, helper, units and record are those of `deploy`.

A durable step is written to the record and synced before it acts, runs as a systemd unit of its own that outlives
the connection, and is followed by a sync of all file systems and a synced word of how it ended, and by its probe.
Neither Ansible nor a loop of `ssh` does any of this.
"""


def amount(value, unit):
    if value is None:
        return ""
    if unit == "ms":
        return f"{value / 1000:.2f} s" if value >= 1000 else f"{value:.1f} ms"
    return f"{value:.1f} {unit}"


def cell(row):
    word = "met" if row["met"] else "**missed**"
    if row["aim"] is None:
        return ""
    kind, figure = row["aim"]["kind"], row["aim"]["figure"]
    said = f"{figure:g} times faster" if kind == "ratio" else f"under {figure:g} {row['unit']}"
    return f"{said}: {word}"


def make(results, raw):
    machine = results["machine"]
    page = ["# Benchmarks\n", HOW]
    page.append(
        f"Commit {results['commit']}, {results['date']}; {machine['cpus']} CPUs ({machine['cpu']}), "
        f"{machine['mem_mib']} MiB, Linux {machine['kernel']}. The load average was {machine['load_before']} before "
        f"and {machine['load_after']} after."
    )
    if max(machine["load_before"], machine["load_after"]) > 1.5 * machine["cpus"]:
        page.append(
            "\n**The machine was busy with other work meanwhile:** times are longer than on an idle one, and times "
            "that depend on many processes in turn (`systemd-run`) more so than others."
        )
    ratios = [row for row in results["rows"] if row["theirs"] is not None]
    limits = [row for row in results["rows"] if row["theirs"] is None]
    page.append("\n## Beside others\n")
    page.append("| what | beside | ciab | the other | ratio | aim | runs | exit statuses |\n|---|---|---|---|---|---|---|---|")
    for row in ratios:
        page.append(
            f"| {row['what']} | {row['against']} | {amount(row['ours'], row['unit'])} | "
            f"{amount(row['theirs'], row['unit'])} | {row['ratio']:.1f} | {cell(row)} | {row['runs']} | {codes(row)} |"
        )
    page.append("\n## Alone\n")
    page.append("| what | median | worst | aim | runs | exit statuses |\n|---|---|---|---|---|---|")
    for row in limits:
        page.append(
            f"| {row['what']} | {amount(row['ours'], row['unit'])} | {amount(row['worst'], row['unit'])} | "
            f"{cell(row)} | {row['runs']} | {codes(row)} |"
        )
    for row in results["rows"]:
        if "apart" in row:
            page.append(f"\n{row['what']}: measured by itself, {row['apart']}.")
    page.append("\n## What a step consists of\n")
    page.append(
        "Measured one by one on the host in the same run. Every durable step has one of each marked so, most of them "
        "in a row; on two CPUs two steps can overlap.\n"
    )
    page.append("| part | in each step | median | least |\n|---|---|---|---|")
    for part in results["parts"]:
        page.append(f"| {part['what']} | {part['times'] or ''} | {part['median']:.2f} ms | {part['least']:.2f} ms |")
    text = "\n".join(page) + "\n"
    return text + f"\n{MARK}{digest(raw)}; this page {digest(text.encode())} -->\n"


def codes(row):
    """How the processes ended: the statuses there were, of both sides."""
    sides = [side for side in row["exits"].values() if side]
    return " / ".join(", ".join(str(code) for code in sorted(set(side))) for side in sides)


def digest(data):
    return hashlib.sha256(data).hexdigest()
