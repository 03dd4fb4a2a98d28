"""The tree of the engine `kolla`, given to Ansible and kolla-ansible: for each a check, and a fault that it must refuse."""

import configparser
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import yaml

from tools import HOME, Refused, run

VENV = HOME / "kolla"
PLAYS = VENV / "share/kolla-ansible/ansible"

# Tags of site.yml. One after the other they would be every enabled service; the first list is what `make test` has time
# for, and holds every override, the certificates and the inventory's use.
QUICK = ["loadbalancer", "mariadb", "keystone", "cinder", "neutron", "nova"]

# Answers what the plays ask the toolbox container for while they only write files: nothing is there yet.
TOOLBOX = """\
from ansible.module_utils.basic import AnsibleModule

names = {"container_engine": "str", "module_name": "str", "module_args": "dict", "module_extra_vars": "dict"}
names |= {"api_version": "str", "timeout": "int", "user": "str"}
spec = {name: {"type": kind} for name, kind in names.items()}
AnsibleModule(argument_spec=spec).exit_json(changed=False, resources=[])
"""


def playbooks():
    """kolla-ansible's plays, with the one module replaced that would ask a running container."""
    folder = HOME / "plays"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "library").mkdir(parents=True)
    for path in PLAYS.iterdir():
        if path.name != "library":
            (folder / path.name).symlink_to(path)
    for path in (PLAYS / "library").glob("*.py"):
        if path.name != "kolla_toolbox.py":
            (folder / "library" / path.name).symlink_to(path)
    (folder / "library/kolla_toolbox.py").write_text(TOOLBOX)
    return folder


def settings():
    """The environment of every Ansible that is asked: with a configuration of its own, for whoever runs this has one."""
    strategies = next(VENV.glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy"))
    lines = ["[defaults]", f"collections_path = {HOME}/collections", "strategy = mitogen_linear"]
    file = HOME / "ansible.cfg"
    file.write_text("\n".join([*lines, f"strategy_plugins = {strategies}", "nocolor = true", ""]))
    return {"ANSIBLE_CONFIG": str(file)}


def plays(name="site.yml"):
    """The plays of site.yml, with those of the files that it imports in their places."""
    for play in yaml.safe_load((PLAYS / name).read_text()):
        yield from plays(play["import_playbook"]) if "import_playbook" in play else [play]


def groups():
    """Every group that a play of this kolla-ansible is for, or that one of its variables looks up."""
    named = set()
    for play in plays():
        hosts = play.get("hosts", [])
        named.update([hosts] if isinstance(hosts, str) else hosts)
    texts = [PLAYS / "group_vars/all.yml", *PLAYS.glob("roles/*/defaults/main.yml"), *PLAYS.glob("roles/*/tasks/*.yml")]
    for text in [*texts, *PLAYS.glob("roles/*/templates/**/*.j2")]:
        named.update(re.findall(r"groups\[['\"]([a-z0-9_-]+)['\"]\]", text.read_text()))
    for text in PLAYS.glob("roles/*/defaults/main.yml"):
        named.update(re.findall(r"^ +group: \"?([a-z0-9-]+)\"?$", text.read_text(), re.MULTILINE))
    # Made by the plays while they run, and names of something else that is called groups.
    made = re.compile(r"&?enable_|kolla_action_|mariadb_|rabbitmq_|all|.*_(leader|follower)$|.*-sec-grp$")
    return {name for name in named if not made.match(name)}


def inventory(tree):
    said = run([VENV / "bin/ansible-inventory", "-i", tree.inventory(), "--list"], env=settings()).accepted()
    there = json.loads(said.out)

    def hosts(name, seen=()):
        group = there.get(name, {})
        below = [
            host for child in group.get("children", []) if child not in seen for host in hosts(child, (*seen, name))
        ]
        return [*group.get("hosts", []), *below]

    empty = sorted(name for name in groups() if not hosts(name))
    if empty:
        raise Refused("groups without a host that plays of kolla-ansible are for: " + ", ".join(empty))


def inventory_fault(tree):
    inventory(tree.with_fault("inventory/hosts.yml", r"^( +)mariadb:", r"\1mariadbs:"))


def interfaces(tree):
    """A shell script that makes those of the box that kolla-ansible looks for."""
    wanted = tree.globals()
    inside, outside = wanted["network_interface"], wanted["neutron_external_interface"]
    internal = tree.plan()["network"]["internal"]
    address = internal["address"] + "/" + internal["cidr"].split("/")[1]
    lines = [f"ip link add {inside} type bridge", f"ip address add {address} dev {inside}", f"ip link set {inside} up"]
    for name in outside.split(","):
        lines += [f"ip link add {name} type bridge", f"ip link set {name} up"]
    return "\n".join(lines)


def network(tree):
    """The interfaces in a network apart, and a folder for the units that kolla-ansible lays."""
    return interfaces(tree) + "\nmount -t tmpfs tmpfs /etc/systemd/system"


def genconfig(tree, tags, out):
    """What `kolla-ansible genconfig` calls, without root's places: the files go to `out`."""
    out.mkdir(parents=True, exist_ok=True)
    more = {
        "CONFIG_DIR": str(tree.kolla),
        "ansible_become": False,
        "ansible_python_interpreter": str(VENV / "bin/python"),
        "kolla_action": "config",
        "node_config_directory": str(out),
    }
    argv = [VENV / "bin/ansible-playbook", "--inventory", tree.inventory()]
    argv += ["-e", f"@{tree.kolla}/globals.yml", "-e", f"@{tree.kolla}/passwords.yml", "-e", json.dumps(more)]
    argv += ["--tags", ",".join(tags)] if tags else []
    said = run(argv + [HOME / "plays/site.yml"], env=settings(), apart=network(tree), writable=[out])
    accepted(said)
    return warned(said)


def accepted(said):
    """What failed in a playbook, by the names of its tasks."""
    if said.code != 0:
        lines = [line[:2000] for line in said.out.splitlines() if line.startswith(("TASK", "fatal:", "failed:"))]
        faults = [f"{before}\n{line}" for before, line in zip(lines, lines[1:]) if not line.startswith("TASK")]
        raise Refused("\n".join(faults) or said.all[-4000:])


def warned(said):
    """The warnings of an Ansible, each as one line."""
    parts = re.split(r"^\[(?:DEPRECATION )?WARNING\]:", said.err, flags=re.MULTILINE)
    return [" ".join(part.split()) for part in parts[1:]]


def parts(tree, quick):
    """The plays of what the plan has in three parts. The first makes the folders that the load balancer's plays share
    with all others; of the others two cores take two at once."""
    cloud = tree.plan()["cloud"]
    tags = {"key-value": cloud["release"]["key_value"]}
    every = [tags.get(service, service) for service in cloud["services"]]
    # A volume in a logical one goes to its server over iSCSI.
    every += ["iscsi"] if cloud["storage"]["volume_group"] else []
    if quick:
        every = [tag for tag in every if tag in QUICK]
    first, second = ["common", "loadbalancer"], [
        "cinder",
        "designate",
        "glance",
        "horizon",
        "keystone",
        "octavia",
        "placement",
    ]
    third = [tag for tag in every if tag not in {*first, *second}]
    return [tag for tag in first if tag in every], [tag for tag in second if tag in every], third


def generate(tree, quick):
    """All files of kolla-ansible for a tree, and the warnings that came with them."""
    playbooks()
    out = HOME / "out"
    shutil.rmtree(out, ignore_errors=True)
    first, *others = parts(tree, quick)
    warnings = genconfig(tree, first, out)
    with ThreadPoolExecutor() as pool:
        for more in pool.map(lambda tags: genconfig(tree, tags, out), others):
            warnings += more
    arrived(tree.kolla / "config", out)
    return out, warnings


def settings_of(file):
    parser = configparser.ConfigParser(allow_no_value=True, strict=False, interpolation=None)
    parser.optionxform = str
    try:
        parser.read(file)
    except configparser.Error:
        # Apache's and others of that name, which no override is for.
        return set()
    return {(section, name, value) for section in parser.sections() for name, value in parser.items(section)}


def arrived(overrides, out):
    """An override in the wrong place is read by nobody, and nobody says so: each of its lines has to be found again."""
    for override in (path for path in overrides.rglob("*") if path.is_file() and path.name != ".keep"):
        if override.suffix in (".conf", ".cnf", ".ini"):
            mine = settings_of(override)
            there = any(mine <= settings_of(file) for file in out.rglob(f"*{override.suffix}"))
        else:
            there = any(override.read_text() == file.read_text() for file in out.rglob(override.name))
        if not there:
            raise Refused(f"{override.relative_to(overrides)} is read by no play")


def spoilt(tree, tags, name):
    """The files that kolla-ansible makes for some plays of a tree with a fault, beside all others that are there."""
    out = HOME / name
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(HOME / "out", out)
    genconfig(tree, tags, out)
    return out


def genconfig_fault(tree):
    spoilt(tree.with_fault("passwords.yml", r"^keystone_database_password:.*\n", ""), ["keystone"], "out-fault")
