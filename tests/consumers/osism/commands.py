"""Asks the real `osism` program about commands: its parser, and the routing of `osism apply` to a worker and a play.

Run by the Python that has the package osism. Reads one JSON document: `commands`, a list of argv that begin with
`osism`, and `lists`, worker -> role -> environment as the workers publish them. Writes one fault a line; none is good.
Nothing is sent anywhere: a role's task is made and looked at, not queued.
"""

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

import yaml
from loguru import logger
from osism.main import OsismApp


def parse(words, app):
    """The command's own parser and what it makes of the words; its error otherwise."""
    make, name, rest = app.command_manager.find_command(words)
    command = make(app, app.options, cmd_name=name)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return name, command, command.get_parser(f"osism {name}").parse_args(rest)
    except SystemExit:
        raise ValueError(said.getvalue().strip().splitlines()[-1]) from None


def fault(words, app, lists, plays):
    """What stands against a command, or None."""
    name, command, asked = parse(words, app)
    if name == "apply" and lists is not None:
        if not asked.role:
            return "names no role"
        for role in asked.role.split("//"):
            if why := unplayable(command, asked, role, plays):
                return why
    return None


def unplayable(command, asked, role, plays):
    task = command._prepare_task(
        asked.arguments, asked.environment, asked.overwrite, asked.sub, role, asked.action, True, "log", 1, 1
    )
    environment, name = task.args[0], task.args[1]
    worker = WORKERS[task.task.split(".")[2]]
    if environment in ("custom", "openstack") and name in plays.get(environment, []):
        return None
    if f"{environment}-{name}" in plays[worker] or name in plays.get(environment, []):
        return None
    return f"{worker} has no play for {role} in environment {environment}"


WORKERS = {
    "ansible": "osism-ansible",
    "ceph": "ceph-ansible",
    "kolla": "kolla-ansible",
    "kubernetes": "osism-kubernetes",
}


def main():
    asked = json.load(sys.stdin)
    lists, plays = asked.get("lists"), asked.get("plays")
    if lists is not None:
        from osism.data import playbooks

        published = Path(tempfile.mkdtemp())
        for worker, roles in lists.items():
            (published / f"{worker}.yml").write_text(yaml.safe_dump(roles))
        playbooks._PLAYBOOK_DIR = published
        playbooks._reset_caches()
    app = OsismApp()
    logger.remove()
    app.options = None
    for argv in asked["commands"]:
        try:
            why = fault(argv[1:], app, lists, plays)
        except ValueError as error:
            why = str(error)
        if why:
            print(f"{' '.join(argv)}: {why}")


main()
