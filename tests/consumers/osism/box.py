"""A rendered OSISM configuration repository, and what is made of it along the way."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import yaml

import plays
from reconcile import reconcile
from tools import HOME, TOP, Refused

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
VAULT = "$ANSIBLE_VAULT;"
STEPS = TOP / "profiles/osism.yaml"
OPENSTACK, CEPH = "2025.1", "reef"


@dataclass
class Box:
    """One tree; what costs time is made once."""

    root: Path
    """/opt/configuration of the tree."""
    work: Path
    commands: list
    """argv of each `osism` command of the steps."""
    made: dict = field(default_factory=dict)

    def once(self, name, make):
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    @property
    def password(self):
        return self.root / "environments/.vault_pass"

    def plays(self):
        """Plays do not depend on the tree, so faults share them."""
        return self.once("plays", lambda: plays.lay_out(self.work / "plays", OPENSTACK, CEPH))

    def inventory(self):
        return self.once("inventory", lambda: reconcile(self.root, self.work / "inventory", OPENSTACK))

    def yaml_files(self):
        """Every file that Ansible reads as YAML: text by path, vaults opened."""
        return self.once("files", self._read)

    def _read(self):
        from ansible.parsing.vault import VaultLib, VaultSecret

        secret = VaultSecret(self.password.read_bytes().strip())
        library, files = VaultLib([("default", secret)]), {}
        # What lies beside these two is ciab's own.
        folders = (self.root / "environments", self.root / "inventory")
        for path in sorted(path for folder in folders for path in folder.rglob("*.yml")):
            text = path.read_text()
            files[path] = library.decrypt(text).decode() if text.startswith(VAULT) else text
        return files


def say(command, **how):
    """Runs a program; its words when it refuses."""
    environment = os.environ | {
        "ANSIBLE_COLLECTIONS_PATH": str(HOME / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS": "ignore",
        "PATH": f"{BIN}:{os.environ['PATH']}",
    }
    environment |= how.pop("env", {})
    called = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment, **how)
    if called.returncode != 0:
        lines = (called.stdout + called.stderr).strip().splitlines()
        told = [line for line in lines if re.match("fatal:|ERROR", line)]
        raise Refused("\n".join(told or lines[-20:]))
    return called.stdout, called.stderr


def read(tree, work):
    """The box of a rendered tree; `work` is a folder for all that is made of it."""
    root = tree / "opt/configuration"
    return Box(root, work, commands(yaml.safe_load((root / "plan.yml").read_text())))


def commands(plan):
    """The `osism` commands of the steps that this plan has."""
    cloud = plan["cloud"]
    below = "disks" if (cloud["storage"]["ceph"] or {}).get("devices") else "group"
    argvs = []
    for step in yaml.safe_load(STEPS.read_text())["steps"]:
        there = step.get("service", "common") in cloud["services"] and step.get("storage", below) == below
        for kind, before in (("apply", ["osism", "apply"]), ("client", ["osism"])):
            words = step["do"].get(kind)
            if there and words:
                argvs.append(before + [cloud["release"]["key_value"] if w == "key-value" else w for w in words])
    return argvs


def planted(box, fault):
    """The box again with a fault in it: a command more, or in a file a text in the place of another."""
    if isinstance(fault, list):
        return Box(box.root, box.work, [*box.commands, fault], dict(box.made))
    # The inventory is made of the folder of that name alone.
    anew = ("files", "inventory") if fault[0].startswith("inventory/") else ("files",)
    shared = {name: made for name, made in box.made.items() if name not in anew}
    root = box.work / "fault"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(box.root, root, symlinks=True)
    name, before, after = fault
    text = (root / name).read_text()
    if not re.search(before, text):
        raise SystemExit(f"{name} holds nothing like `{before}`: no fault can be planted there")
    (root / name).write_text(re.sub(before, after, text, count=1))
    return Box(root, box.work / "faulty", box.commands, shared)
