"""Makes docs/consumers.md from docs/consumers.json. The same JSON gives the same page."""

import hashlib

MARK = "<!-- made from docs/consumers.json "

HOW = """\
Made by `make acceptance` from `docs/consumers.json`; not written by hand (`tests/consumers.rs` refuses it).

Each row is a program that reads what `ciab` renders, or what kolla-ansible makes of it: it takes the tree as it is,
without a warning that `tests/consumers/allow.yaml` does not name with a reason, and it refuses the same tree with one
planted fault, for that reason. A cell says when that was seen last, and how long both took. This is
*consumer-accepted*; that a cloud runs is another matter.
"""


def merge(earlier, rows):
    """What was found now in place of all that was found earlier of the same trees."""
    asked = {(row["engine"], row["profile"]) for row in rows}
    kept = [row for row in earlier if (row["engine"], row["profile"]) not in asked]
    return sorted([*kept, *rows], key=key)


def key(row):
    return (row["engine"], row["consumer"], row["profile"])


def make(rows, upstream, raw):
    text = "# Consumers\n\n" + HOW
    for engine in sorted({row["engine"] for row in rows}):
        mine = [row for row in rows if row["engine"] == engine]
        profiles = sorted({row["profile"] for row in mine})
        text += f"\n## Engine `{engine}`\n\n"
        text += "| consumer | version | " + " | ".join(f"`{name}`" for name in profiles) + " |\n"
        text += "|---|---|" + "---|" * len(profiles) + "\n"
        for consumer in sorted({row["consumer"] for row in mine}):
            cells = {row["profile"]: row for row in mine if row["consumer"] == consumer}
            versions = sorted({row["version"] for row in cells.values()})
            text += f"| {consumer} | {', '.join(versions)} | "
            text += " | ".join(cell(cells.get(name)) for name in profiles) + " |\n"
    if upstream:
        text += "\nThe checkouts that were asked (`tests/consumers/osism/upstream.md`):\n\n"
        text += "| project | commit |\n|---|---|\n"
        text += "".join(f"| {project} | {commit} |\n" for project, commit in sorted(upstream.items()))
    return text + f"\n{MARK}{digest(raw)}; this page {digest(text.encode())} -->\n"


def cell(row):
    if row is None:
        return ""
    return f"{row['date']}, {row['seconds']:.0f} s" if row["accepted"] else f"**refused** {row['date']}"


def digest(data):
    return hashlib.sha256(data).hexdigest()
