"""kolla-ansible's own prechecks, on a disposable host (tests/host) that stands for the box: what it finds wrong with the
values of a tree, or with a host that is set up as the tree says."""

import json
import os
import subprocess

import yaml

from kolla import PLAYS, VENV, accepted, interfaces, settings
from tools import HOME, TOP, Refused, run

HOST = TOP / "tests/host/host"

# What the steps of the engine bring before kolla-ansible is called.
FURNISH = """
set -e
export DEBIAN_FRONTEND=noninteractive http_proxy=$1
apt-get update -qq
apt-get install -qqy --no-install-recommends docker.io iproute2 iputils-ping python3 python3-dbus python3-docker
"""


class Box:
    """The host, as long as it is used."""

    def __enter__(self):
        self.name = f"prechecks-{os.getpid()}"
        self.host("up", self.name)
        self.info = json.loads(self.host("info", self.name, "--json"))
        self.inside(FURNISH, self.info["proxy"])
        return self

    def __exit__(self, *_):
        self.host("down", self.name)

    def host(self, *words):
        done = subprocess.run([HOST, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise Refused(f"no host: tests/host/host {' '.join(words[:2])}: {done.stderr[-2000:]}")
        return done.stdout

    def inside(self, script, *words):
        self.host("exec", self.name, "--", "sh", "-c", script, "sh", *words)

    def becomes(self, tree):
        """Name and interfaces that ciab would have given it."""
        hosts = (tree.root / "etc/hosts").read_text()
        name = tree.plan()["host"]["name"]
        self.inside('printf %s "$1" >/etc/hosts; hostname "$2"', hosts, name)
        self.inside("set -e\n" + interfaces(tree))

    def inventory(self, tree):
        """Behind that of the tree: how its one host is reached."""
        name = next(iter(yaml.safe_load(tree.read("inventory/hosts.yml"))["all"]["hosts"]))
        how = {
            "ansible_become": True,
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_port": self.info["port"],
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": self.info["key"],
            "ansible_user": "debian",
        }
        file = HOME / "prechecks-host.yml"
        file.write_text(json.dumps({"all": {"hosts": {name: how}}}))
        return file


def ask(tree, box):
    more = {
        "CONFIG_DIR": str(tree.kolla),
        "kolla_action": "precheck",
        # The clock of a container is its host's.
        "prechecks_enable_host_ntp_checks": False,
    }
    argv = [VENV / "bin/ansible-playbook", "-i", tree.inventory(), "-i", box.inventory(tree)]
    argv += ["-e", f"@{tree.kolla}/globals.yml", "-e", f"@{tree.kolla}/passwords.yml", "-e", json.dumps(more)]
    # The host made its key a moment ago, on this machine.
    accepted(run(argv + [PLAYS / "site.yml"], env=settings() | {"ANSIBLE_HOST_KEY_CHECKING": "false"}))


def prechecks(tree, state):
    """All of them; the host is kept for the fault, which is asked of it next."""
    with Box() as box:
        box.becomes(tree)
        ask(tree, box)
        fault = tree.with_fault("passwords.yml", r"^keystone_database_password:.*$", "keystone_database_password:")
        try:
            ask(fault, box)
        except Refused as refused:
            state["fault"] = refused


def prechecks_fault(state):
    if "fault" in state:
        raise state["fault"]
