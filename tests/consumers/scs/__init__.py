"""Flavors and images of the Sovereign Cloud Stack: OSISM's managers read their definitions, the standards' own tests judge
what a cloud would then hold. `place` is the folder with flavors.yml and images/."""

import json
import pathlib
import random
import re

import upstream
import yaml
from tools import HOME, Refused, run

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = HOME / "osism/bin/python"
NAMES = HOME / "flavor_names"
# The part that every name has, in the spelling of the standard's text. Its parser takes more: sizes that begin with 0 or
# with a point, a half behind two digits, no size at all.
TEXT = r"SCS-[1-9]\d*[LVTC]i?-(0\.5|[1-9](\.5)?|[1-9]\d+)u?o?(-([1-9]\d*x)?[1-9]\d*[nhsp]?)?(_|$)"
# What its parser takes for the generation of a GPU, with all that follows up to a dash.
SWALLOWED = r".*_[gG][NAI]([a-z]|\d(\.\d+)?)?_ib$"


def held(place):
    """What nova, glance and, where a play says it, cinder would hold."""
    said = run([PYTHON, HERE / "managers.py", place / "flavors.yml", place / "images"]).accepted()
    play = place / "playbook-bootstrap.yml"
    return json.loads(said.out) | ({"volume_types": volume_types(play)} if play.exists() else {})


def volume_types(play):
    tasks = [task for part in yaml.safe_load(play.read_text()) for task in part["tasks"]]
    asked = [task["openstack.cloud.volume_type"] for task in tasks if "openstack.cloud.volume_type" in task]
    return [{"name": made["name"], "description": made["description"]} for made in asked]


def flavor_manager(place):
    found = held(place)
    if errors := [error for error in found["errors"] if "image" not in error.lower()]:
        raise Refused("\n".join(errors))
    if len(found["flavors"]) != (place / "flavors.yml").read_text().count("\n  - name: "):
        raise Refused("it has not made every flavor")


def image_manager(place):
    program = HOME / "osism/bin/openstack-image-manager"
    run([program, "--check-only", "--images", place / "images"]).accepted()
    found = held(place)
    if errors := [error for error in found["errors"] if "flavor" not in error.lower()]:
        raise Refused("\n".join(errors))
    if len(found["images"]) != (place / "images/scs.yml").read_text().count("\n  - name: "):
        raise Refused("it has not made every image")


def tests():
    return upstream.checkout("SovereignCloudStack/standards") / "Tests"


def standards(place):
    """Every test that has to pass; those that are recommended are counted."""
    folder = tests()
    said = run([PYTHON, HERE / "standards.py", folder], stdin=json.dumps(held(place))).accepted()
    rows = [line.split(" ", 2) for line in said.out.splitlines()]
    for kind in ("main", "recommended"):
        outcomes = [outcome.split()[0] for asked, _, outcome in rows if asked == kind]
        counts = [f"{outcomes.count(word)} {word.lower()}" for word in ("PASS", "FAIL", "ABORT")]
        print(f"  {kind}: {len(outcomes)} run, {', '.join(counts)}", flush=True)
    bad = [f"{test} {outcome}" for kind, test, outcome in rows if kind == "main" and outcome != "PASS"]
    if bad or not rows:
        raise Refused("\n".join(bad) or "it ran no test")


def names(place, more=()):
    """Our parser of names and theirs say the same: of the names that are rendered, and of a thousand others."""
    folder = tests()
    rendered = [line.split('"')[1] for line in (place / "flavors.yml").read_text().splitlines() if " - name: " in line]
    asked = [*rendered, *more, *drawn(1000)]
    ours = answers([NAMES], asked)
    theirs = answers([PYTHON, HERE / "names.py", folder], asked)
    if wrong := [name for name in rendered if theirs[name] != "yes"]:
        raise Refused(f"the standard knows no flavor {', '.join(wrong)}")
    apart = [name for name in asked if ours[name] != theirs[name]]
    excused = {"yes": lambda name: not re.match(TEXT, name) or re.search(r"-0\d", name), "no": lambda name: re.match(SWALLOWED, name)}
    apart = [name for name in apart if not excused[theirs[name]](name)]
    if apart:
        raise Refused("\n".join(f"{name}: ours {ours[name]}, theirs {theirs[name]}" for name in apart))
    good = sum(answer == "yes" for answer in theirs.values())
    print(f"  {len(theirs)} names, {good} of them good", flush=True)


def answers(argv, asked):
    said = run(argv, stdin="".join(f"{name}\n" for name in asked)).accepted()
    return {name: answer for answer, name in (line.split(" ", 1) for line in said.out.splitlines())}


def drawn(count):
    """Names, and two of three with a letter lost, doubled or replaced; always the same ones."""
    dice = random.Random(100)

    def maybe(*words):
        return dice.choice(("", *words))

    def name():
        memory = dice.choice(("1", "4", "16", "0.5", "2.5", "64")) + maybe("u") + maybe("o")
        disk = maybe("-" + maybe("2x", "3x") + dice.choice(("5", "10", "20", "100")) + maybe("n", "h", "s", "p"))
        extra = maybe("_kvm", "_xen", "_vmw", "_hyv", "_bms") + maybe("_hwv") + maybe("_i", "_z2", "_a1h", "_rhh", "_i6")
        extra += maybe("_gNa", "_GNt-8", "_GNa-14h-6", "_gI", "_GA3.1-104") + maybe("_ib")
        return f"SCS-{dice.choice((1, 2, 4, 16, 128))}{dice.choice('LVTC')}{maybe('i')}-{memory}{disk}{extra}"

    def spoilt(text):
        at = dice.randrange(len(text))
        return text[:at] + dice.choice(("", text[at] * 2, dice.choice("SVX0:._-7hz"))) + text[at + 1 :]

    for number in range(count):
        yield name() if number % 3 == 0 else spoilt(name())


# Name, what is asked, and the fault: a file, an expression in it, what takes its place, and what the refusal has to say.
CHECKS = [
    ("openstack-flavor-manager", flavor_manager, ("flavors.yml", r"\n    cpus: 1\n", "\n"), "Unknown key_string 'cpus'"),
    (
        "openstack-image-manager",
        image_manager,
        ("images/scs.yml", "hw_disk_bus: scsi", "hw_disk_bus: sata"),
        "'sata' not in ('virtio', 'scsi', None)",
    ),
    ("SCS compliance tests", standards, ("flavors.yml", "ram: 4096", "ram: 4095"), "scs-0103-flavor-1v-4"),
    ("SCS flavor names", names, ("flavors.yml", '"SCS-2V-4-20s"', '"SCS-2V-4-20z"'), "the standard knows no flavor SCS-2V-4-20z"),
]
# Those that no checkout is needed for.
QUICK = ["openstack-flavor-manager", "openstack-image-manager"]

