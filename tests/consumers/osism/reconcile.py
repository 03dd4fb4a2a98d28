"""The inventory that the manager works with: defaults, generics and ours, put together by OSISM's own scripts.

The scripts come from a checkout of osism/container-image-inventory-reconciler; only the folders that they name are
others. The order is that of its files/run.sh.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from upstream import checkout

SCRIPTS = ["move-group-vars.py", "prepare-vars.py", "handle-inventory-overwrite.py", "merge-inventory-files.py"]
# Longest first: one name is the beginning of another.
FOLDERS = ["/inventory.merge", "/inventory.pre", "/opt/configuration", "/inventory", "/defaults"]


def reconcile(configuration, work):
    """Makes `work`/inventory.pre, as ansible-inventory reads it, from the configuration repository."""
    work = work.resolve()
    if work.exists():
        shutil.rmtree(work)
    for folder in FOLDERS:
        (work / folder[1:]).mkdir(parents=True, exist_ok=True)
    pre = work / "inventory.pre"
    hidden = shutil.ignore_patterns(".*", "README.md", "LICENSE")
    shutil.copytree(checkout("osism/defaults"), pre / "group_vars", ignore=hidden, dirs_exist_ok=True)
    shutil.copytree(checkout("osism/generics") / "inventory", pre, dirs_exist_ok=True)
    shutil.copytree(configuration / "inventory", pre, ignore=hidden, dirs_exist_ok=True)
    shutil.copytree(configuration, work / "opt/configuration", dirs_exist_ok=True)
    # Made by two runs: hosts.yml of the first tells the second which hosts Ceph has.
    for _ in range(2):
        for script in SCRIPTS:
            run(script, work)
        # As run.sh does: the groups of 99-overwrite are read before those that use them.
        overwrite = pre / "99-overwrite"
        if overwrite.exists():
            overwrite.rename(pre / "49-overwrite")
        listing(pre, work / "inventory/hosts.yml")
    return pre


def run(script, work):
    text = (checkout("osism/container-image-inventory-reconciler") / "files" / script).read_text()
    for number, folder in enumerate(FOLDERS):
        text = text.replace(folder, f"\0{number}")
    for number, folder in enumerate(FOLDERS):
        text = text.replace(f"\0{number}", f"{work}{folder}")
    place = work / script
    place.write_text(text)
    called = subprocess.run([sys.executable, place], capture_output=True, text=True)
    if called.returncode != 0 or "ERROR" in called.stdout + called.stderr:
        raise ValueError(f"{script}: {called.stdout}{called.stderr}")


def listing(pre, output):
    command = [Path(sys.executable).with_name("ansible-inventory"), "-i", pre, "--list", "-y", "--output", output]
    environment = {"ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "ignore", "PATH": "/usr/bin:/bin", "HOME": str(pre)}
    called = subprocess.run(command, capture_output=True, text=True, env=environment)
    if called.returncode != 0 or "WARNING" in called.stderr:
        raise ValueError(f"ansible-inventory: {called.stderr}")
