"""kolla-ansible as OSISM's worker runs it: the image's own run.sh, at the places where the container has everything.

Nothing is deployed: the action is `config`, which writes what the containers of the services would be started with. The
worker and the box are one machine here, so Ansible connects to itself, and what a running container would be asked is
answered by `kolla.TOOLBOX`.
"""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import yaml

from kolla import TOOLBOX, VENV, accepted, warned
from tools import HOME, run
from upstream import checkout

OPENSTACK = "2025.1"
# What other plays look up or lay their parts into, so they run by themselves.
FIRST = ["gather-facts", "common", "loadbalancer"]


class Worker:
    """The worker with a configuration repository and the inventory that was made of it."""

    def __init__(self, repository, inventory, plays, work, ceph):
        """`inventory` is what the reconciler made, `plays` the folder of the image; all else is made below `work`. `ceph`:
        the keys of Ceph are there."""
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self.work, self.inventory, self.ansible = work, inventory, plays
        self.repository, self.out = work / "configuration", work / "etc-kolla"
        shutil.copytree(repository, self.repository, symlinks=True)
        for name in ("cache", "logs", "share", "etc-kolla"):
            (work / name).mkdir()
        (plays / "library/kolla_toolbox.py").write_text(TOOLBOX)
        commons = work / "collections/ansible_collections/osism/commons"
        shutil.copytree(checkout("osism/ansible-collection-commons"), commons, ignore=shutil.ignore_patterns(".git"))
        scripts = checkout("osism/container-image-kolla-ansible") / "files/scripts"
        for script in (scripts / OPENSTACK / "run.sh", scripts / "secrets.sh"):
            shutil.copy(script, work)
        self.ceph = ceph
        if ceph:
            self.keyrings()

    def beside(self, repository, name):
        """A worker with another repository, that has the same facts and finds all files there that this one wrote."""
        other = Worker(repository, self.inventory, self.ansible, self.work.with_name(name), self.ceph)
        for part in ("cache", "etc-kolla"):
            shutil.copytree(self.work / part, other.work / part, dirs_exist_ok=True)
        return other

    def keyrings(self):
        """The keys that `osism apply copy-ceph-keys` lays into the repository, for each folder that is there."""
        play = yaml.safe_load((checkout("osism/ansible-playbooks") / "playbooks/manager/copy-ceph-keys.yml").read_text())
        for key in play[0]["vars"]["ceph_kolla_keys"]:
            place = self.repository / key["dest"].split("}}/", 1)[1]
            if place.parent.is_dir():
                client = key["src"].removeprefix("ceph.").removesuffix(".keyring")
                # The form of a key; there is no Ceph that would know it.
                place.write_text(f"[{client}]\n\tkey = AQA3yHZlAAAAABAA0nOlZJ8sJ8mDYx4gGmYq9w9pQZ9YVA==\n")

    def network(self):
        """The interfaces that the inventory names, with the box's address."""
        own = {}
        for name in ("group_vars/generic/kolla.yml", *[f"host_vars/{path.name}" for path in self.hosts()]):
            own |= yaml.safe_load((self.repository / "inventory" / name).read_text())
        inside = own["network_interface"]
        lines = [f"ip link add {inside} type bridge", f"ip address add {own['internal_address']}/24 dev {inside}"]
        lines += [f"ip link set {inside} up"]
        for outside in own.get("neutron_external_interface", "").split(","):
            lines += [f"ip link add {outside} type bridge", f"ip link set {outside} up"] if outside else []
        return "\n".join(lines)

    def hosts(self):
        return sorted((self.repository / "inventory/host_vars").glob("*.yml"))

    def layout(self):
        """A shell script that makes a root like the container's, whose changes are thrown away."""
        places = {"/ansible": self.ansible, "/ansible/inventory": self.inventory}
        places |= {"/ansible/cache": self.work / "cache", "/ansible/logs": self.work / "logs"}
        places |= {"/opt/configuration": self.repository, "/etc/kolla": self.out, "/share": self.work / "share"}
        lines = ["mount -t tmpfs tmpfs /mnt", "mkdir /mnt/up /mnt/work /mnt/root"]
        lines += ["mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root"]
        for place in ("dev", "proc", "sys", str(HOME.relative_to("/"))):
            lines.append(f"mount --rbind /{place} /mnt/root/{place}")
        for place, folder in places.items():
            lines += [f"mkdir -p /mnt/root{place}", f"mount --bind {folder} /mnt/root{place}"]
        lines += [f"cp {self.work}/run.sh {self.work}/secrets.sh /mnt/root/", self.network()]
        return "\n".join(lines)

    def config(self, role):
        """`osism apply --action config ROLE`, and the warnings that came with it."""
        strategies = next(VENV.glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy"))
        env = {
            # The cache of the manager is Redis; a file holds the same facts.
            "ANSIBLE_CACHE_PLUGIN": "jsonfile",
            "ANSIBLE_CACHE_PLUGIN_CONNECTION": "/ansible/cache",
            "ANSIBLE_COLLECTIONS_PATH": f"{self.work}/collections:{HOME}/collections",
            # The same plays in a third of the time.
            "ANSIBLE_STRATEGY": "mitogen_linear",
            "ANSIBLE_STRATEGY_PLUGINS": str(strategies),
            "PYTHONPATH": str(self.ansible / "repository"),
            # There is no systemd that could be told of a new unit.
            "SYSTEMD_OFFLINE": "1",
        }
        here = {"ansible_connection": "local", "ansible_become": False}
        here["ansible_python_interpreter"] = str(VENV / "bin/python")
        argv = ["chroot", "/mnt/root", "bash", "/run.sh", "config", role, "-e", json.dumps(here)]
        writable = [self.ansible, self.work]
        said = run(argv, env=env, apart=self.layout(), writable=writable)
        accepted(said)
        return warned(said)

    def generate(self, roles):
        """The files of all these roles, two at once; the warnings of all."""
        warnings = []
        for role in FIRST:
            warnings += self.config(role)
        with ThreadPoolExecutor(2) as pool:
            for more in pool.map(self.config, [role for role in roles if role not in FIRST]):
                warnings += more
        return warnings
