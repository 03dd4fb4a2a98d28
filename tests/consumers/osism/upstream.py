"""The upstream projects that the checks ask: checkouts below $UPSTREAM, see upstream.md."""

import os
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
            return found
    raise NotRun(f"there is no checkout of {project} below UPSTREAM")


def commit(folder):
    """The commit that is checked out, shortened."""
    command = ["git", "-C", folder, "describe", "--tags", "--always", "--dirty"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
