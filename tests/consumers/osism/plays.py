"""The plays that each of the manager's containers has, laid out as its image does, and the list that it publishes.

`osism apply ROLE` looks the role up in these lists (/interface/playbooks). Sources: the Containerfiles and
src/render-playbooks.py of osism/container-image-{osism,kolla,ceph}-ansible and osism/osism-kubernetes.
"""

import os
import shutil
import subprocess
import sys

import yaml

from tools import Refused
from upstream import checkout


def lay_out(work, openstack, ceph):
    """`work`/<worker>/ with each container's plays; returns worker -> folder."""
    if work.exists():
        shutil.rmtree(work)
    folders = {worker: work / worker for worker in WORKERS}
    for worker, folder in folders.items():
        folder.mkdir(parents=True)
        WORKERS[worker](folder, openstack, ceph)
    return folders


def osism(folder, _openstack, _ceph):
    source = checkout("osism/ansible-playbooks") / "playbooks"
    for environment in sorted(path.name for path in source.iterdir()):
        for play in sorted((source / environment).glob("*.yml")):
            name = f"{environment}-{play.name}"
            # generate-playbook-symlinks.py leaves these out.
            skipped = ["bootstrap", "docker", "netbox", "network", "operator", "reboot"]
            if name not in [f"manager-{skip}.yml" for skip in skipped]:
                shutil.copy(play, folder / name)
    published(folder, checkout("osism/container-image-osism-ansible"))


def kolla(folder, openstack, _ceph):
    """All of the image as its Containerfile makes it, not its plays alone: genconfig runs from here."""
    image, source = checkout("osism/container-image-kolla-ansible"), checkout("openstack/kolla-ansible")
    repository = folder / "repository"
    for part in ("ansible", "kolla_ansible"):
        shutil.copytree(source / part, repository / part, symlinks=True)
    for patch in sorted((image / "patches" / openstack).glob("*.patch")):
        command = ["patch", "--forward", "--batch", "-p1", "--directory", repository, "--input", patch.resolve()]
        applied = subprocess.run(command, capture_output=True, text=True)
        # A patch may touch what stands outside of these two, which is not here.
        if applied.returncode != 0 and "can't find file to patch" not in applied.stdout:
            raise Refused(f"{patch.name}: {applied.stdout}")
    shutil.copytree(image / "files/playbooks", folder, ignore=by_release, dirs_exist_ok=True)
    environment = os.environ | {"SITEFILE": str(repository / "ansible/site.yml"), "DSTPATH": str(folder)}
    scripted(image / "files/scripts/remove-common-as-dependency.py", "/repository", repository)
    scripted(image / "files/scripts/split-kolla-ansible-site.py", "/ansible", folder, environment)
    for part in ("action_plugins", "filter_plugins", "library", "module_utils", "roles"):
        if (repository / "ansible" / part).exists():
            shutil.copytree(repository / "ansible" / part, folder / part, dirs_exist_ok=True)
    scripted(image / "files/scripts/kolla-container-throttle.py", "/ansible", folder)
    for play in (repository / "ansible").glob("*.yml"):
        if play.name not in ("kolla-host.yml", "post-deploy.yml"):
            shutil.copy(play, folder / f"kolla-{play.name}")
    for role in (folder / "roles").glob("*/tasks/config.yml"):
        shutil.copy(image / "files/refresh-containers.yml", role.with_name("refresh-containers.yml"))
    shutil.copytree(image / "files/playbooks" / openstack, folder, dirs_exist_ok=True)
    for aliased in ("backup", "recovery"):
        shutil.copy(folder / f"kolla-mariadb_{aliased}.yml", folder / f"kolla-mariadb-{aliased}.yml")
    published(folder, image)


def scripted(script, place, folder, environment=None):
    """Runs a script of the image with another folder in place of the one that it names."""
    text = script.read_text().replace(f'"{place}', f'"{folder}')
    called = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, env=environment)
    if called.returncode != 0:
        raise Refused(f"{script.name}: {called.stderr}")


def by_release(_folder, names):
    """Plays of a release stand in a folder with its name."""
    return [name for name in names if name[0].isdigit()]


def ceph(folder, _openstack, ceph):
    image = checkout("osism/container-image-ceph-ansible")
    for source in (image / "files/playbooks", image / "files/playbooks" / ceph):
        for play in source.glob("*.yml"):
            shutil.copy(play, folder)
    for play in (checkout("ceph/ceph-ansible") / "infrastructure-playbooks").glob("*.yml"):
        shutil.copy(play, folder / f"ceph-{play.name}")
    published(folder, image)


def kubernetes(folder, _openstack, _ceph):
    source = checkout("osism/osism-kubernetes")
    for play in (source / "playbooks").glob("*.yml"):
        shutil.copy(play, folder)
    published(folder, source)


def published(folder, image):
    """Runs the image's own script that writes the list."""
    text = (image / "files/src/render-playbooks.py").read_text().replace("/ansible", str(folder))
    subprocess.run([sys.executable, "-c", text], check=True, capture_output=True)


def lists(folders):
    """Worker -> role -> environment."""
    return {worker: yaml.safe_load((folder / "playbooks.yml").read_text()) for worker, folder in folders.items()}


WORKERS = {"osism-ansible": osism, "kolla-ansible": kolla, "ceph-ansible": ceph, "osism-kubernetes": kubernetes}
