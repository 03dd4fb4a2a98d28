"""What ciab does in the cloud of this box as its administrator, and how it proves that the cloud works.

    cloud.py networks [--check] JSON   makes the networks that lead out of the cloud, or says which differ
    cloud.py catalog TYPE...           every one of these services stands in the catalog, with TLS
    cloud.py quotas                    limits of a new project are read from each service that has some
    cloud.py image                     an image is uploaded, read back byte for byte, and removed
    cloud.py server FOLDER NETWORK     a server boots from the guest in FOLDER, knows its address and metadata, answers on a floating
                                       address of NETWORK, and no longer where its security group is closed

Ends with 0 for yes and 1 for no, the reason on the last line of standard error; with 2 where it cannot tell. All that a
proof makes is named `ciab-proof` and taken away at its end, and at the beginning of the next one where it was killed.
"""

import glob
import hashlib
import json
import os
import sys
import time
import traceback
import urllib.error
import urllib.request

os.environ.setdefault("OS_CLIENT_CONFIG_FILE", "/etc/ciab/clouds.yaml")

import openstack  # noqa: E402  (reads the variable above)
from openstack import exceptions  # noqa: E402

NAME = "ciab-proof"
# Seconds. A server that is emulated on busy cores boots in a minute or two.
BOOT = 420
# An agent notices, and a flow is laid, within seconds.
CHANGE = 60


class No(Exception):
    """The answer is no, and this is why."""


def within(seconds, what, ask, every=2):
    """Asks until the answer is true; `what` says what is still missing."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise No(f"after {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


# --- networks that lead out ---------------------------------------------------------


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


def different(wanted, there):
    return [key for key, value in wanted.items() if getattr(there, key) != value]


def networks(cloud, plan, check):
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


# --- proofs of the control plane ----------------------------------------------------


def catalog(cloud, types):
    access = cloud.session.auth.get_access(cloud.session)
    there = {entry["type"]: entry for entry in access.service_catalog.catalog}
    gone = [kind for kind in types if kind not in there]
    if gone:
        raise No(f"not in the catalog: {', '.join(gone)}")
    for kind in types:
        urls = [endpoint["url"] for endpoint in there[kind]["endpoints"]]
        plain = [url for url in urls if not url.startswith("https://")]
        if plain or not urls:
            raise No(f"{kind} is offered without TLS: {', '.join(plain) or 'nowhere'}")


def quotas(cloud):
    project = cloud.current_project_id
    for ask in (cloud.get_compute_quotas, cloud.get_network_quotas):
        if not ask(project):
            raise No(f"{ask.__name__} says nothing")


def image(cloud):
    # A name of its own: the proof of a server runs beside this one, and takes its own image away.
    name = f"{NAME}-image"

    def remove():
        for found in cloud.image.images(name=name):
            cloud.image.delete_image(found)

    remove()
    data = os.urandom(2**20)
    try:
        made = cloud.image.create_image(name=name, disk_format="raw", container_format="bare", data=data)
        within(CHANGE, "the image does not become active", lambda: cloud.image.get_image(made.id).status == "active")
        read = cloud.image.download_image(made.id, stream=False)
        content = getattr(read, "content", read)
        if hashlib.sha256(content).digest() != hashlib.sha256(data).digest():
            raise No("the image that is read is not the one that was written")
    finally:
        remove()
    if cloud.image.find_image(name, ignore_missing=True):
        raise No("the image is still there after it was removed")


# --- a server -----------------------------------------------------------------------


def take_away(cloud):
    """Removes what this or a killed proof has made, from the top down."""
    for server in cloud.compute.servers(details=False, name=NAME):
        cloud.compute.delete_server(server, force=True)
    within(120, "the server is still there", lambda: not list(cloud.compute.servers(details=False, name=NAME)))
    router = cloud.network.find_router(NAME, ignore_missing=True)
    network = cloud.network.find_network(NAME, ignore_missing=True)
    for address in cloud.network.ips(description=NAME):
        cloud.network.delete_ip(address)
    if router:
        for port in cloud.network.ports(device_id=router.id, device_owner="network:router_interface"):
            cloud.network.remove_interface_from_router(router, port_id=port.id)
        cloud.network.delete_router(router)
    if network:
        for port in cloud.network.ports(network_id=network.id):
            if not port.device_owner.startswith("network:"):
                cloud.network.delete_port(port)
        cloud.network.delete_network(network)
    for group in cloud.network.security_groups(name=NAME):
        cloud.network.delete_security_group(group)
    for flavor in cloud.compute.flavors():
        if flavor.name == NAME:
            cloud.compute.delete_flavor(flavor)
    for found in cloud.image.images(name=NAME):
        cloud.image.delete_image(found)


def says(address):
    """Whether somebody answers on port 80 of the address, over a new connection."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://{address}/", timeout=5) as answer:
            answer.read(1)
            return True
    except urllib.error.HTTPError:
        return True  # It answers, whatever it thinks of the question.
    except OSError:
        return False


def rule(cloud, group, **what):
    return cloud.network.create_security_group_rule(security_group_id=group.id, direction="ingress", ether_type="IPv4", **what)


def server(cloud, folder, outside):
    guests = sorted(glob.glob(f"{folder}/ciab-guest-*.qcow2"))
    if not guests:
        raise No(f"there is no guest in {folder}")
    take_away(cloud)
    try:
        prove_server(cloud, guests[-1], outside)
    finally:
        take_away(cloud)


def prove_server(cloud, file, outside):
    public = cloud.network.find_network(outside, ignore_missing=True)
    if public is None:
        raise No(f"there is no network {outside}")
    up = [service.state for service in cloud.compute.services(binary="nova-compute")]
    if not up or set(up) != {"up"}:
        raise No(f"nova-compute is {', '.join(up) or 'nowhere'}")
    if not list(cloud.compute.hypervisors()):
        raise No("there is no hypervisor")
    made = cloud.create_image(NAME, filename=file, disk_format="qcow2", container_format="bare", wait=True, timeout=300)
    flavor = cloud.compute.create_flavor(name=NAME, ram=256, vcpus=1, disk=1)
    network = cloud.network.create_network(name=NAME)
    subnet = cloud.network.create_subnet(network_id=network.id, name=NAME, ip_version=4, cidr="198.18.77.0/24")
    router = cloud.network.create_router(name=NAME, external_gateway_info={"network_id": public.id})
    cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
    group = cloud.network.create_security_group(name=NAME, description=NAME)
    opened = rule(cloud, group, protocol="tcp", port_range_min=80, port_range_max=80)
    port = cloud.network.create_port(name=NAME, network_id=network.id, security_groups=[group.id])
    booted = cloud.compute.create_server(name=NAME, image_id=made.id, flavor_id=flavor.id, networks=[{"port": port.id}])

    def active():
        now = cloud.compute.get_server(booted.id)
        if now.status == "ERROR":
            raise No(f"the server does not start: {(now.fault or {}).get('message', 'no reason is given')}")
        return now.status == "ACTIVE"

    within(BOOT, "the server does not become active", active)
    bound = cloud.network.get_port(port.id)
    if bound.binding_vif_type in ("binding_failed", "unbound"):
        raise No(f"the port of the server is {bound.binding_vif_type}")
    fixed = port.fixed_ips[0]["ip_address"]

    def console():
        return cloud.compute.get_server_console_output(booted.id).get("output") or ""

    for what, text in (("address", fixed), ("number, which only the metadata know", booted.id)):
        within(BOOT, lambda: f"the console does not show its {what}, {text}; it ends in: {console()[-300:]!r}",
               lambda: text in console(), every=3)
    floating = cloud.network.create_ip(floating_network_id=public.id, port_id=port.id, description=NAME)
    address = floating.floating_ip_address
    within(CHANGE, f"nobody answers on http://{address}/", lambda: says(address))
    cloud.network.delete_security_group_rule(opened)
    within(CHANGE, f"http://{address}/ still answers although its security group is closed", lambda: not says(address))


def main(words):
    command, rest = words[0], words[1:]
    cloud = openstack.connect(cloud="admin")
    if command == "networks":
        networks(cloud, json.loads(rest[-1]), "--check" in rest)
    elif command == "catalog":
        catalog(cloud, rest)
    elif command == "quotas":
        quotas(cloud)
    elif command == "image":
        image(cloud)
    elif command == "server":
        server(cloud, *rest)
    else:
        raise ValueError(f"there is no command {command}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except No as no:
        sys.exit(str(no).replace("\n", " "))
    except exceptions.SDKException as error:
        sys.exit(f"{type(error).__name__}: {error}".replace("\n", " "))
    except Exception as error:
        traceback.print_exc()
        print(f"{type(error).__name__}: {error}".replace("\n", " "), file=sys.stderr)
        sys.exit(2)
