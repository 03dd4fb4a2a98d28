"""The upstream projects that the checks ask: checkouts below $UPSTREAM, see upstream.md."""

import os
import re
import subprocess
from pathlib import Path


class NotRun(Exception):
    """What a check asks is not at hand, so it says nothing."""


def checkout(project):
    """The folder of `owner/name`: $UPSTREAM/owner+name, $UPSTREAM/owner/name or $UPSTREAM/name."""
    root = os.environ.get("UPSTREAM")
    if not root:
        raise NotRun("UPSTREAM names no folder of checkouts")
    owner, name = project.split("/")
    for place in (f"{owner}+{name}", f"{owner}/{name}", name):
        if (found := Path(root) / place).is_dir():
            return found.resolve()
    raise NotRun(f"there is no checkout of {project} below UPSTREAM")


def projects():
    """Every project that upstream.md names."""
    return re.findall(r"^\| ([A-Za-z]+/[a-z-]+) \|", (Path(__file__).parent / "upstream.md").read_text(), re.MULTILINE)


def commits():
    """What is checked out of each project."""
    return {project: commit(checkout(project)) for project in projects()}


def commit(folder):
    """The commit, shortened, behind the tag that it stands on or after."""
    command = ["git", "-C", folder, "describe", "--tags", "--always", "--dirty", "--long", "--abbrev=10"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main():
    """Says which checkouts are lacking, all of them; fails where one is."""
    lacking = []
    for project in projects():
        try:
            commit(checkout(project))
        except (NotRun, subprocess.CalledProcessError) as why:
            lacking.append(str(why))
    if lacking:
        said = "\n".join(dict.fromkeys(lacking))
        raise SystemExit(f"{said}\nnot run: {len(lacking)}; tests/consumers/osism/upstream.md says what is asked for")


if __name__ == "__main__":
    main()
