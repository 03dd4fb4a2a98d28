"""Runs the compliance tests of the standards on what a cloud would hold: `standards.py TESTS < HELD`.

Run by a Python that has openstacksdk. TESTS is the folder `Tests` of a checkout; HELD is what managers.py writes. Of the
newest stable version of the standard for clouds it runs the tests that these things decide. Writes a line for each:
whether it is `main` (it must pass) or `recommended`, its id, and PASS, FAIL or ABORT."""

import json
import pathlib
import sys
import types

import yaml

TESTS = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(TESTS / "iaas"))
import openstack_test

# What openstacksdk gives every image as an attribute, set or not.
PROPERTIES = ("architecture", "hw_disk_bus", "hypervisor_type", "hw_rng_model", "os_distro", "os_version")
# What each kind of thing decides; the rest wants a cloud that runs.
OURS = {
    "flavors": ("scs-0100-", "scs-0103-flavor-"),
    "images": ("scs-0102-", "scs-0104-"),
    "volume_types": ("scs-0114-",),
}


def thing(fields):
    return types.SimpleNamespace(**{**dict.fromkeys(PROPERTIES), **fields.get("properties", {}), **fields})


def targets(ours):
    """Kind and id of every test that the newest stable version asks for, in its order."""
    scope = yaml.safe_load((TESTS / "scs-compatible-iaas.yaml").read_text())
    modules = {module["id"]: module for module in scope["modules"]}
    stable = max((version for version in scope["versions"] if "stabilized_at" in version), key=newest)
    for part in stable["include"]:
        name = part["ref"] if isinstance(part, dict) else part
        # Recommendations stand in modules of their own beside it.
        for id in (name, *(other for other in modules if other.startswith(f"{name}-rec"))):
            for kind, tests in modules[id].get("targets", {}).items():
                yield from ((kind, test) for test in tests if test.startswith(ours))


def newest(version):
    return version["stabilized_at"], [int(part) for part in version["version"].lstrip("v").split("-")[0].split(".")]


def main():
    held = json.load(sys.stdin)
    tests = openstack_test.make_container("none")
    there = [kind for kind in OURS if kind in held]
    for kind in there:
        tests._values[kind] = (False, [thing(fields) for fields in held[kind]])
    for kind, test in targets(tuple(start for kind in there for start in OURS[kind])):
        try:
            outcome = "PASS" if getattr(tests, test.replace("-", "_")) else "FAIL"
        except Exception as error:
            outcome = f"ABORT {error!r}"
        print(f"{kind} {test}: {outcome}")


main()
