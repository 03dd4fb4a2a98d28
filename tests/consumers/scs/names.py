"""Asks the standard's own parser about names: `names.py TESTS < NAMES`, a line `yes NAME` or `no NAME` for each.

TESTS is the folder `Tests` of a checkout of the standards; its command line says the same of each name."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(sys.argv[1]) / "iaas/scs_0100_flavor_naming"))
import cli

for line in sys.stdin:
    name = line.rstrip("\n")
    try:
        good = cli.PARSERS["v3"](name) is not None
    except Exception:
        good = False
    print("yes" if good else "no", name)
