"""The flavors of the standards (SCS-0103), by their names (SCS-0100)."""

from answer import No, different


def sizes(flavor):
    return {"vcpus": flavor["cpus"], "ram": flavor["ram"], "disk": flavor["disk"], "is_public": True}


def make(cloud, plan, check):
    """`plan` is a list of `name`, `cpus`, `ram` (MiB), `disk` (GB) and `specs`; the operator's own specs are left alone."""
    there = {flavor.name: flavor for flavor in cloud.compute.flavors(get_extra_specs=True)}
    differs = []
    for flavor in plan:
        name, specs = flavor["name"], flavor["specs"]
        found = there.get(name)
        if found is None:
            if check:
                differs.append(f"there is no {name}")
                continue
            made = cloud.compute.create_flavor(name=name, **sizes(flavor))
            cloud.compute.create_flavor_extra_specs(made, specs)
            print(f"made flavor {name}")
            continue
        # The sizes of a flavor never change, and servers may have it: nobody but the operator takes it away.
        if other := different(sizes(flavor), found):
            differs.append(f"{name} is there with another {', '.join(other)}")
        lacks = {key: value for key, value in specs.items() if found.extra_specs.get(key) != value}
        if lacks and check:
            differs.append(f"{name} has another {', '.join(lacks)}")
        elif lacks:
            cloud.compute.create_flavor_extra_specs(found, lacks)
            print(f"changed {', '.join(lacks)} of flavor {name}")
    if differs:
        raise No(f"{len(plan) - len(differs)} of {len(plan)} flavors: {'; '.join(differs)}")
