"""The networks that lead out of the cloud."""

from answer import No, different


def wanted_network(name, net):
    wanted = {
        "name": name,
        "provider_physical_network": net["physical"],
        "provider_network_type": "vlan" if net.get("vlan") else "flat",
        "provider_segmentation_id": net.get("vlan"),
        "is_router_external": True,
        "is_shared": False,
    }
    return {key: value for key, value in wanted.items() if value is not None}


def wanted_subnet(name, net):
    return {
        "name": name,
        "ip_version": 4,
        "cidr": net["cidr"],
        "gateway_ip": net["gateway"],
        "is_dhcp_enabled": False,
        "allocation_pools": [{"start": net["pool"]["first"], "end": net["pool"]["last"]}],
    }


def make(cloud, plan, check):
    """`plan` has by name what `network.provider` of the plan has."""
    for name, net in plan.items():
        there = cloud.network.find_network(name, ignore_missing=True)
        wanted = wanted_network(name, net)
        if there is None:
            if check:
                raise No(f"there is no network {name}")
            there = cloud.network.create_network(**wanted)
            print(f"made network {name}")
        elif differs := different(wanted, there):
            # Servers may hang on it: nobody but the operator takes it away.
            raise No(f"network {name} is there with another {', '.join(differs)}")
        subnet = next(iter(cloud.network.subnets(network_id=there.id, ip_version=4)), None)
        wanted = wanted_subnet(name, net)
        if subnet is None:
            if check:
                raise No(f"network {name} has no subnet")
            cloud.network.create_subnet(network_id=there.id, **wanted)
            print(f"made subnet {wanted['cidr']}")
        elif differs := different(wanted, subnet):
            if check or set(differs) - {"allocation_pools", "name"}:
                raise No(f"subnet {wanted['cidr']} is there with another {', '.join(differs)}")
            cloud.network.update_subnet(subnet, **{key: wanted[key] for key in differs})
            print(f"changed {', '.join(differs)} of subnet {wanted['cidr']}")
