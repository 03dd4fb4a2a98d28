"""What asks a rendered OSISM configuration repository.

A check returns what it has seen, in a few words; it raises `Refused` with what stands against the repository, and
`NotRun` when what it would ask is not at hand.
"""

import json
import os
import pathlib
import re
import tempfile

import jinja2
import yaml

import plays
from box import BIN, HERE, VAULT, say
from tools import HOME, Refused
from upstream import checkout


# The Python that has the package osism.
ASKER = HOME / "osism/bin/python"


def view(box, path):
    return say([BIN / "ansible-vault", "view", "--vault-password-file", box.password, path])[0]


def vault(box):
    """ansible-vault opens every secrets.yml, and finds a map of names in it."""
    files = sorted(box.root.glob("environments/**/secrets.yml"))
    names = 0
    for path in files:
        if not path.read_text().startswith(VAULT):
            raise Refused(f"{path.relative_to(box.root)} is not encrypted")
        read = yaml.safe_load(view(box, path))
        if not isinstance(read, dict):
            raise Refused(f"{path.relative_to(box.root)} holds no map")
        names += len(read)
    return f"{len(files)} files, {names} names"


def yaml_lint(box):
    """yamllint with the settings that OSISM's repositories have, on texts without their vaults."""
    profile = "{extends: default, rules: {comments: enable, line-length: disable}}"
    with tempfile.TemporaryDirectory(dir=HOME) as folder:
        for path, text in box.yaml_files().items():
            place = pathlib.Path(folder) / path.relative_to(box.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        say([BIN / "yamllint", "--strict", "--format", "parsable", "-d", profile, "."], cwd=folder)


def ansible_lint(box):
    """ansible-lint on our own plays, with its default profile as OSISM's CI has it."""
    own = sorted(box.root.glob("environments/*/playbook-*.yml"))
    if own:
        say([BIN / "ansible-lint", "--offline", "--strict", "--nocolor", "-q", *own], cwd=box.root)
    return f"{len(own)} plays"


def commands(box):
    """The real parser takes each command, and each role has a play in the worker that gets it."""
    folders = box.plays()
    own = {env.name: [p.stem.removeprefix("playbook-") for p in env.glob("playbook-*.yml")]
           for env in (box.root / "environments").iterdir() if env.is_dir()}
    own |= {worker: [path.stem for path in folder.glob("*.yml")] for worker, folder in folders.items()}
    return ask_osism(box, {"lists": plays.lists(folders), "plays": own})


def parser(box):
    """The real parser takes each command."""
    return ask_osism(box, {})


def ask_osism(box, more):
    document = json.dumps({"commands": box.commands, **more})
    faults, _ = say([ASKER, HERE / "commands.py"], input=document)
    if faults:
        raise Refused(faults)
    return f"{len(box.commands)} commands"


def groups(box):
    """Every group that a play names is there, and some host is in the groups of each play."""
    from ansible.inventory.manager import InventoryManager
    from ansible.parsing.dataloader import DataLoader

    os.environ["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"] = "ignore"
    inventory = InventoryManager(loader=DataLoader(), sources=[str(box.inventory())])
    known, seen = inventory.get_groups_dict(), 0
    for path in box.once("plays of roles", lambda: list(play_files(box))):
        for play in yaml.safe_load(path.read_text()):
            named = [name for name in hosts(play) if name not in ("localhost", "127.0.0.1")]
            if missing := [name for name in named if name not in known and name != "all"]:
                raise Refused(f"{path.name}: no group {', '.join(missing)}")
            if named and not any(inventory.list_hosts(name) for name in named):
                raise Refused(f"{path.name}: no host in {', '.join(named)}")
            seen += 1
    return f"{seen} plays"


def play_files(box):
    """The file of each role that a command applies."""
    folders = box.plays()
    for argv in box.commands:
        if argv[:2] != ["osism", "apply"]:
            continue
        role = argv[-1]
        if "--environment" in argv:
            yield box.root / "environments" / argv[argv.index("--environment") + 1] / f"playbook-{role}.yml"
            continue
        names = [f"{name}-{role}" for name in ENVIRONMENTS] + [role, f"kolla-{role}"]
        for folder in folders.values():
            yield from (folder / f"{name}.yml" for name in names if (folder / f"{name}.yml").exists())


ENVIRONMENTS = ["ceph", "generic", "infrastructure", "kubernetes", "manager", "monitoring", "openstack", "state"]


def hosts(play):
    """The groups that a play names; what kolla groups at run time (`&enable_nova_True`) is left out."""
    if "import_playbook" in play or "ansible.builtin.import_playbook" in play:
        return []
    text = play["hosts"] if isinstance(play["hosts"], list) else re.split("[,:]", play["hosts"]) \
        if "{{" not in play["hosts"] else [play["hosts"]]
    names = [jinja2.Template(name).render() for name in text]
    return [name for name in names if name[0] not in "&!" and "_True" not in name and name not in AT_RUN_TIME]


# Groups that kolla's roles make while they run (group_by).
AT_RUN_TIME = ["mariadb_restart", "mariadb_start", "mariadb_bootstrap_restart", "rabbitmq_restart"]


def variables(box):
    """Each variable that we set is one that upstream reads: a misspelt one would be silently without effect."""
    known = box.once("words", upstream_words) | own_words(box)
    unknown, seen = [], 0
    for path, text in box.yaml_files().items():
        if not re.search(r"/(configuration|secrets|images)\.yml$|_vars/", str(path)):
            continue
        for name in yaml.safe_load(text) or {}:
            seen += 1
            if name not in known and name not in UNREAD:
                unknown.append(f"{path.relative_to(box.root)}: {name}")
    if unknown:
        raise Refused("nothing upstream reads\n" + "\n".join(unknown))
    return f"{seen} names"


# Names that upstream's own repositories have and that no play reads.
UNREAD = {
    "dummy": "Ansible refuses a file of variables that holds none",
    "manager_listener_broker_password": "read where a listener is switched on",
    "operator_password_unhashed": "for people: what operator_password is the hash of",
    "os_password_admin": "python-osism reads os_password_<cloud>",
    "os_password_admin_system": "python-osism reads os_password_<cloud>",
    "os_password_octavia": "python-osism reads os_password_<cloud>",
    "os_password_test": "python-osism reads os_password_<cloud>",
}


def own_words(box):
    """What our own templates ask for."""
    texts = (path.read_text(errors="ignore") for path in box.root.rglob("*") if path.is_file())
    asked = (span for text in texts for span in re.findall(r"\{[{%].*?[%}]\}", text, re.DOTALL))
    return {word for span in asked for word in re.findall(r"[A-Za-z_]\w+", span)}


def upstream_words():
    """Words of the projects that read our variables. Not of cloud-in-a-box: what is wrong there is wrong here too."""
    words = set()
    for project in READERS:
        for path in checkout(project).rglob("*"):
            if path.suffix in (".j2", ".py", ".sh", ".yml", ".yaml", "") and path.is_file() and ".git" not in path.parts:
                words.update(re.findall(r"[A-Za-z_][A-Za-z0-9_]+", path.read_text(errors="ignore")))
    return words


READERS = [
    "ceph/ceph-ansible",
    "openstack/kolla-ansible",
    "osism/ansible-collection-commons",
    "osism/ansible-collection-services",
    "osism/ansible-collection-validations",
    "osism/ansible-playbooks",
    "osism/ansible-playbooks-manager",
    "osism/container-image-ceph-ansible",
    "osism/container-image-kolla-ansible",
    "osism/defaults",
    "osism/osism-kubernetes",
]


def values(box):
    """Ansible itself fills in every variable of ours, in the order of OSISM's run.sh, with nothing undefined."""
    seen = 0
    for environment in ("ceph", "generic", "infrastructure", "kolla", "kubernetes", "manager", "monitoring"):
        folder = box.root / "environments" / environment
        own = [folder / "group_vars/manager", folder / "host_vars"]
        shared = [box.root / "inventory/group_vars/generic", box.root / "inventory/host_vars"]
        vars_ = own if environment == "manager" else shared
        names = set()
        for path in (box.root / "environments", folder, *vars_):
            for file in (file for file in path.glob("*.yml") if not file.name.startswith("playbook-")):
                names.update(yaml.safe_load(box.yaml_files()[file]) or {})
        layers = [f"../{name}.yml" for name in ("configuration", "secrets")]
        layers += [f"{name}.yml" for name in ("secrets", "images", "configuration")]
        extra = [word for layer in layers for word in ("-e", f"@{layer}")]
        inventory = folder / "hosts" if environment == "manager" else box.inventory()
        command = [BIN / "ansible-playbook", "-i", inventory, "--vault-password-file", box.password, *extra,
                   "-e", json.dumps({"checked": sorted(names - {"dummy", "clouds", "collections"})}), HERE / "values.yml"]
        say(command, cwd=folder)
        seen += len(names)
    return f"{seen} values"
