"""The inventory that the manager works with: defaults, generics and ours, put together by OSISM's own scripts.

The scripts come from a checkout of osism/container-image-inventory-reconciler; only the folders that they name are
others. The order is that of its files/run.sh.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from jinja2 import Environment, FileSystemLoader

from tools import Refused
from upstream import checkout

SCRIPTS = ["move-group-vars.py", "prepare-vars.py", "handle-inventory-overwrite.py", "merge-inventory-files.py"]
# Longest first: one name is the beginning of another.
FOLDERS = ["/inventory.merge", "/inventory.pre", "/opt/configuration", "/inventory", "/defaults"]


def reconcile(configuration, work, openstack):
    """Makes `work`/inventory.merge, which the manager's workers read, from the configuration repository; returns
    `work`/inventory.pre, from which it is made."""
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
    versions(pre / "group_vars/all", openstack)
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
    merged = work / "inventory.merge"
    shutil.copy(work / "inventory/hosts.yml", merged)
    shutil.copy(checkout("osism/defaults") / "ansible.cfg", work / "defaults")
    for script in ("merge-ansible-cfg.py", "generate-minified-hosts.py"):
        run(script, work)
    for part in ("group_vars", "host_vars"):
        shutil.copytree(pre / part, merged / "fast" / part)
    return pre


def versions(group, openstack):
    """What the worker's image tells of its own versions and overlays. The pins of single services come with the image
    (sbom.yml) and are in no checkout; each has the name of the release of OpenStack instead, as in an image without."""
    image = checkout("osism/container-image-kolla-ansible")
    base = yaml.safe_load((checkout("osism/release") / f"latest/openstack-{openstack}.yml").read_text())
    template = Environment(loader=FileSystemLoader(image / "files/src/templates")).get_template("versions.yml.j2")
    told = {"openstack_version": openstack, "openstack_previous_version": base["openstack_previous_version"]}
    told |= {"openstackclient_version": base["docker_images"]["openstackclient"], "versions": {}}
    (group / "100-versions-kolla-ansible.yml").write_text(template.render(told))
    shutil.copy(image / "overlays" / openstack / "kolla-ansible.yml", group / "100-overlays-kolla-ansible.yml")


def run(script, work):
    text = (checkout("osism/container-image-inventory-reconciler") / "files" / script).read_text()
    for number, folder in enumerate(FOLDERS):
        text = text.replace(folder, f"\0{number}")
    for number, folder in enumerate(FOLDERS):
        text = text.replace(f"\0{number}", f"{work}{folder}")
    place = work / script
    place.write_text(text)
    environment = os.environ | {"OSISM_LOG_LEVEL": "WARNING"}
    called = subprocess.run([sys.executable, place], capture_output=True, text=True, env=environment)
    if called.returncode != 0 or "ERROR" in called.stdout + called.stderr:
        raise Refused(f"{script}: {called.stdout}{called.stderr}")


def listing(pre, output):
    command = [Path(sys.executable).with_name("ansible-inventory"), "-i", pre, "--list", "-y", "--output", output]
    environment = {"ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "ignore", "PATH": "/usr/bin:/bin", "HOME": str(pre)}
    called = subprocess.run(command, capture_output=True, text=True, env=environment)
    if called.returncode != 0 or "WARNING" in called.stderr:
        raise Refused(f"ansible-inventory: {called.stderr}")
