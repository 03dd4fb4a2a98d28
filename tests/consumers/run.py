"""Gives rendered trees to their consumers, and says what became of it (tests/consumers/run calls it).

Each consumer takes the tree as it is, without a warning that allow.yaml does not name, and refuses it with one planted
fault. What a full run found goes to docs/consumers.json, from which docs/consumers.md is made."""

import argparse
import datetime
import functools
import json
import pathlib
import sys
import time

import kolla
import lint
import page
import prechecks
import written
from tools import HERE, HOME, TOP, Refused, Tree, Warnings, squeezed, version

sys.path.insert(1, str(HERE / "osism"))
import box
import scs
import table
import upstream

DOCS = TOP / "docs"


def consumers(tree, quick):
    """Name, what has to pass, what has to be refused and why: in the order in which one needs the files of another."""
    state = {}

    def out():
        if "out" not in state:
            raise Refused("kolla-ansible wrote no files to ask about")
        return state["out"]

    def genconfig():
        state["out"], warnings = kolla.generate(tree, quick)
        Warnings("genconfig").judge(warnings)

    def options():
        Warnings("oslo-config-validator").judge([word for _, word in written.options(out())])

    yield "ansible-inventory", lambda: kolla.inventory(tree), lambda: kolla.inventory_fault(tree), "mariadb"
    yield "yamllint", lambda: lint.yamllint(tree), lambda: lint.yamllint_fault(tree), "truthy"
    yield "ansible-lint", lambda: lint.ansible_lint(tree), lambda: lint.ansible_lint_fault(tree), "var-naming"
    for name, ask, (file, before, after), reason in scs.CHECKS:
        if not quick or name in scs.QUICK:
            place = tree.kolla.parent
            fault = functools.partial(scs_fault, tree, ask, file, before, after)
            yield name, functools.partial(ask, place), fault, reason
    yield "kolla-ansible genconfig", genconfig, lambda: kolla.genconfig_fault(
        tree
    ), "'keystone_database_password' is undefined"
    yield "haproxy -c", lambda: written.haproxy(out()), lambda: written.haproxy_fault(tree), "No Private Key found"
    yield "mariadbd --help", lambda: written.mariadbd_values(tree.read("config/galera.cnf"), out()), lambda: written.mariadbd_fault(
        tree
    ), "unknown variable"
    if not quick and "designate" in tree.plan()["cloud"]["services"]:
        yield "named-checkconf", lambda: written.named(out()), lambda: written.named_fault(tree), "192.0.2.530"
    if not quick:
        yield "kolla-ansible prechecks", lambda: prechecks.prechecks(tree, state), lambda: prechecks.prechecks_fault(
            state
        ), "Checking empty passwords in passwords.yml"
        yield "oslo-config-validator", options, lambda: written.options_fault(tree), "DEFAULT/resume_guest_state"


def scs_fault(tree, ask, file, before, after):
    faulty = tree.with_fault(f"../{file}", before, after)
    ask(faulty.kolla.parent)


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
    return None if squeezed(reason) in squeezed(said) else f"it refuses the planted fault for another reason than `{reason}`:\n{said}"


def ask(engine, profile, folder, quick):
    """A row for each consumer that was asked, and the names of those that could not be."""
    told = versions(engine)
    rows, not_run = [], []
    for name, accept, fault, reason in asked(engine, profile, folder, quick):
        began = time.monotonic()
        try:
            why = refuses(accept) or unmoved(fault, reason)
        except upstream.NotRun as lacking:
            print(f"{name:28} not run: {lacking}", flush=True)
            not_run.append(name)
            continue
        took = time.monotonic() - began
        print(f"{name:28} {'accepted' if why is None else 'REFUSED'} {took:7.1f} s", flush=True)
        if why is not None:
            print(why, flush=True)
        rows.append(
            {
                "consumer": name,
                "version": told[name](),
                "profile": profile,
                "engine": engine,
                "date": datetime.date.today().isoformat(),
                "seconds": round(took, 1),
                "accepted": why is None,
            }
        )
    return rows, not_run


def asked(engine, profile, folder, quick):
    if engine == "kolla":
        return consumers(Tree(folder), quick)
    tree = pathlib.Path(folder).resolve()
    return table.consumers(box.read(tree, HOME / f"work-{profile}"), quick)


def versions(engine):
    """How each consumer tells its version; one that is missing ends the run there."""

    def pip(venv, name):
        return version(
            [HOME / venv / "bin/python", "-c", f"import importlib.metadata as m; print(m.version('{name}'))"]
        )

    def genconfig():
        if engine == "kolla":
            return pip("kolla", "kolla-ansible")
        return upstream.commit(upstream.checkout("openstack/kolla-ansible")) + " with OSISM's patches"

    def ansible():
        return "ansible-core " + pip("kolla", "ansible-core")

    def osism():
        return pip("osism", "osism")

    def standards():
        return upstream.commit(upstream.checkout("SovereignCloudStack/standards"))

    return {
        "ansible-inventory": ansible,
        "ansible-lint": lambda: pip("kolla", "ansible-lint"),
        "ansible-vault view": ansible,
        "haproxy -c": lambda: version(["haproxy", "-v"]),
        "SCS compliance tests": standards,
        "SCS flavor names": standards,
        "inventory groups": ansible,
        "known variables": lambda: "the checkouts",
        "kolla-ansible genconfig": genconfig,
        "kolla-ansible prechecks": genconfig,
        "mariadbd --help": lambda: version(["mariadbd", "--version"], r"(\d+\.\d+\.\d+)"),
        "named-checkconf": lambda: version(["named-checkconf", "-v"]),
        "openstack-flavor-manager": lambda: pip("osism", "openstack-flavor-manager"),
        "openstack-image-manager": lambda: pip("osism", "openstack-image-manager"),
        "osism apply roles": osism,
        "osism parser": osism,
        "oslo-config-validator": lambda: "oslo.config " + pip("services", "oslo.config"),
        "values": ansible,
        "yamllint": lambda: pip("kolla", "yamllint"),
    }


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="what needs no checkout, and six services")
    words.add_argument("--write", action="store_true", help="write docs/consumers.json and docs/consumers.md")
    words.add_argument("--table", action="store_true", help="make docs/consumers.md from docs/consumers.json")
    words.add_argument("--all", action="store_true", help="these are all trees: an allowed warning that none gave is a fault")
    words.add_argument("trees", nargs="*", metavar="ENGINE:PROFILE=DIR", help="a rendered tree and what it is of")
    given = words.parse_args()
    if given.table:
        return write([])
    rows, not_run = [], []
    for tree in given.trees:
        name, folder = tree.split("=", 1)
        print(f"== {name}")
        more, lacking = ask(*name.split(":"), folder, given.quick)
        rows += more
        not_run += lacking
    good = bool(rows) and all(row["accepted"] for row in rows)
    if given.quick:
        not_run = table.left_out()
        print(f"not run: {len(not_run)} consumers that need checkouts; `make acceptance` asks them")
    elif not_run:
        good = False
        print(f"not run: {len(not_run)}, which is a failure here")
    if given.all and good and (unused := Warnings.unused()):
        good = False
        print("tests/consumers/allow.yaml allows what nothing asks for: " + "; ".join(unused))
    if given.write:
        write(rows)
    sys.exit(0 if good else 1)


def write(rows):
    """Puts these rows in the place of earlier ones, and makes the page."""
    results = DOCS / "consumers.json"
    found = json.loads(results.read_text()) if results.exists() else {"rows": [], "upstream": {}}
    found["rows"] = page.merge(found["rows"], rows)
    if rows:
        found["upstream"] = upstream.commits()
    raw = json.dumps(found, indent=1, sort_keys=True) + "\n"
    results.write_text(raw)
    (DOCS / "consumers.md").write_text(page.make(found["rows"], found["upstream"], raw.encode()))


if __name__ == "__main__":
    main()
