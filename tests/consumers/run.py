"""Gives rendered trees to their consumers, and says what became of it (tests/consumers/run calls it).

Each consumer takes the tree as it is, without a warning that allow.yaml does not name, and refuses it with one planted
fault. What a full run found goes to docs/consumers.json, from which docs/consumers.md is made."""

import argparse
import datetime
import json
import sys
import time

import kolla
import lint
import page
import written
from tools import HOME, TOP, Refused, Tree, Warnings, version

DOCS = TOP / "docs"


def consumers(tree, quick):
    """Name, what has to pass, what has to be refused and why: in the order in which one needs the files of another."""
    state = {}

    def out():
        if "out" not in state:
            raise Refused("kolla-ansible wrote no files to ask about")
        return state["out"]

    def genconfig():
        judge = Warnings("genconfig")
        state["out"], warnings = kolla.generate(tree, quick)
        judge.judge(warnings)
        if not quick and judge.unused():
            raise Refused("tests/consumers/allow.yaml allows what nothing asks for: " + "; ".join(judge.unused()))

    def options():
        judge = Warnings("oslo-config-validator")
        judge.judge([word for _, word in written.options(out())])
        if judge.unused():
            raise Refused("tests/consumers/allow.yaml allows what nothing asks for: " + "; ".join(judge.unused()))

    yield "ansible-inventory", lambda: kolla.inventory(tree), lambda: kolla.inventory_fault(tree), "mariadb"
    yield "yamllint", lambda: lint.yamllint(tree), lambda: lint.yamllint_fault(tree), "truthy"
    yield "ansible-lint", lambda: lint.ansible_lint(tree), lambda: lint.ansible_lint_fault(tree), "var-naming"
    yield "kolla-ansible genconfig", genconfig, lambda: kolla.genconfig_fault(
        tree
    ), "'keystone_database_password' is undefined"
    yield "haproxy -c", lambda: written.haproxy(out()), lambda: written.haproxy_fault(tree), "No Private Key found"
    yield "keepalived --config-test", lambda: written.keepalived(tree, out()), lambda: written.keepalived_fault(
        tree
    ), "invalid IP 192.168.16"
    yield "mariadbd --help", lambda: written.mariadbd_values(tree, out()), lambda: written.mariadbd_fault(
        tree
    ), "unknown variable"
    if not quick:
        yield "oslo-config-validator", options, lambda: written.options_fault(tree), "DEFAULT/resume_guest_state"


def refuses(check):
    try:
        check()
    except Refused as refused:
        return str(refused)
    return None


def unmoved(fault, reason):
    """What is wrong with the answer to a tree with a planted fault, which is a refusal for just that reason."""
    said = refuses(fault)
    if said is None:
        return "it accepts the tree with a planted fault too"
    return None if reason in said else f"it refuses the planted fault for another reason than `{reason}`:\n{said}"


def ask(tree, profile, quick):
    told = versions()
    rows = []
    for name, accept, fault, reason in consumers(tree, quick):
        began = time.monotonic()
        why = refuses(accept) or unmoved(fault, reason)
        took = time.monotonic() - began
        print(f"{name:28} {'accepted' if why is None else 'REFUSED'} {took:7.1f} s", flush=True)
        if why is not None:
            print(why, flush=True)
        rows.append(
            {
                "consumer": name,
                "version": told[name](),
                "profile": profile,
                "engine": "kolla",
                "date": datetime.date.today().isoformat(),
                "seconds": round(took, 1),
                "accepted": why is None,
            }
        )
    return rows


def versions():
    """How each consumer tells its version; one that is missing ends the run there."""

    def pip(venv, name):
        return version(
            [HOME / venv / "bin/python", "-c", f"import importlib.metadata as m; print(m.version('{name}'))"]
        )

    return {
        "ansible-inventory": lambda: "ansible-core " + pip("kolla", "ansible-core"),
        "yamllint": lambda: pip("kolla", "yamllint"),
        "ansible-lint": lambda: pip("kolla", "ansible-lint"),
        "kolla-ansible genconfig": lambda: pip("kolla", "kolla-ansible"),
        "oslo-config-validator": lambda: "oslo.config " + pip("services", "oslo.config"),
        "haproxy -c": lambda: version(["haproxy", "-v"]),
        "keepalived --config-test": lambda: version(["keepalived", "--version"], r"v(\d\S*)"),
        "mariadbd --help": lambda: version(["mariadbd", "--version"], r"(\d+\.\d+\.\d+)"),
    }


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="six services, and no tables of options")
    words.add_argument("--write", action="store_true", help="write docs/consumers.json and docs/consumers.md")
    words.add_argument("--table", action="store_true", help="make docs/consumers.md from docs/consumers.json")
    words.add_argument("trees", nargs="*", metavar="PROFILE=DIR", help="a rendered tree and the profile it is of")
    given = words.parse_args()
    results = DOCS / "consumers.json"
    if given.table:
        return write(page.merge(json.loads(results.read_text())["rows"], []))
    rows = []
    for tree in given.trees:
        profile, folder = tree.split("=", 1)
        print(f"== {profile}")
        rows += ask(Tree(folder), profile, given.quick)
    if given.write:
        earlier = json.loads(results.read_text())["rows"] if results.exists() else []
        write(page.merge(earlier, rows))
    sys.exit(0 if rows and all(row["accepted"] for row in rows) else 1)


def write(rows):
    raw = json.dumps({"rows": rows}, indent=1, sort_keys=True) + "\n"
    (DOCS / "consumers.json").write_text(raw)
    (DOCS / "consumers.md").write_text(page.make(rows, raw.encode()))


if __name__ == "__main__":
    main()
