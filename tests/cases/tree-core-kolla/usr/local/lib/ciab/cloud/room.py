"""A place in the cloud where proofs boot servers: an image, a flavor, a network with its router, and a security group."""

import fcntl
import glob

from answer import No, within

# Seconds. A server that is emulated on busy cores boots in a minute or two.
BOOT = 420
# An agent notices, and a flow is laid, within seconds.
CHANGE = 60
# Held while a room is in use.
DOOR = "/run/ciab-proof.lock"


class Room:
    """All in it has its name. It is empty at the beginning, and gone at the end: `with Room(...) as room`."""

    def __init__(self, cloud, name, folder, outside):
        guests = sorted(glob.glob(f"{folder}/ciab-guest-*.qcow2"))
        if not guests:
            raise No(f"there is no guest in {folder}")
        self.cloud, self.name, self.guest = cloud, name, guests[-1]
        self.public = cloud.network.find_network(outside, ignore_missing=True)
        if self.public is None:
            raise No(f"there is no network {outside}")

    def __enter__(self):
        # One room at a time: where tenants have servers, a small box has no place for those of two proofs.
        self.door = open(DOOR, "w")
        fcntl.flock(self.door, fcntl.LOCK_EX)
        self.take_away()
        try:
            self.furnish()
        except BaseException:
            self.take_away()
            raise
        return self

    def __exit__(self, *_):
        self.take_away()
        self.door.close()

    def furnish(self):
        cloud, name = self.cloud, self.name
        self.image = cloud.create_image(
            name, filename=self.guest, disk_format="qcow2", container_format="bare", wait=True, timeout=300,
            # Entropy from the host (SCS-0101); and nothing in the guest would end it on request.
            hw_rng_model="virtio", os_shutdown_timeout="0")
        self.flavor = cloud.compute.create_flavor(name=name, ram=256, vcpus=1, disk=1)
        cloud.compute.create_flavor_extra_specs(self.flavor, {"hw_rng:allowed": "True"})
        self.network = cloud.network.create_network(name=name)
        self.subnet = cloud.network.create_subnet(network_id=self.network.id, name=name, ip_version=4, cidr="198.18.77.0/24")
        router = cloud.network.create_router(name=name, external_gateway_info={"network_id": self.public.id})
        cloud.network.add_interface_to_router(router, subnet_id=self.subnet.id)
        self.group = cloud.network.create_security_group(name=name, description=name)
        self.opened = cloud.network.create_security_group_rule(
            security_group_id=self.group.id, direction="ingress", ether_type="IPv4", protocol="tcp",
            port_range_min=80, port_range_max=80)

    def boot(self, name):
        """A server of the room, begun; with its port."""
        port = self.cloud.network.create_port(name=name, network_id=self.network.id, security_groups=[self.group.id])
        booted = self.cloud.compute.create_server(
            name=name, image_id=self.image.id, flavor_id=self.flavor.id, networks=[{"port": port.id}])
        return booted, port

    def active(self, server):
        """Waits until it runs."""

        def now():
            there = self.cloud.compute.get_server(server.id)
            if there.status == "ERROR":
                raise No(f"the server does not start: {(there.fault or {}).get('message', 'no reason is given')}")
            return there.status == "ACTIVE"

        within(BOOT, "the server does not become active", now)

    def console(self, server):
        return self.cloud.compute.get_server_console_output(server.id).get("output") or ""

    def shows(self, server, what, text):
        """Waits until the console of a server has a text."""
        missing = lambda: f"the console does not show {what}, {text}; it ends in: {self.console(server)[-300:]!r}"  # noqa: E731
        within(BOOT, missing, lambda: text in self.console(server), every=3)

    def floating(self, port):
        """An address of the network that leads out, for a port."""
        made = self.cloud.network.create_ip(floating_network_id=self.public.id, port_id=port, description=self.name)
        return made.floating_ip_address

    def take_away(self):
        """Removes what this or a killed proof has made, from the top down."""
        cloud, name = self.cloud, self.name
        mine = lambda: [there for there in cloud.compute.servers(details=False) if there.name.startswith(name)]  # noqa: E731
        for server in mine():
            cloud.compute.delete_server(server, force=True)
        within(120, "the server is still there", lambda: not mine())
        for address in cloud.network.ips(description=name):
            cloud.network.delete_ip(address)
        router = cloud.network.find_router(name, ignore_missing=True)
        if router:
            for port in cloud.network.ports(device_id=router.id, device_owner="network:router_interface"):
                cloud.network.remove_interface_from_router(router, port_id=port.id)
            cloud.network.delete_router(router)
        network = cloud.network.find_network(name, ignore_missing=True)
        if network:
            for port in cloud.network.ports(network_id=network.id):
                if not port.device_owner.startswith("network:"):
                    cloud.network.delete_port(port)
            cloud.network.delete_network(network)
        for group in cloud.network.security_groups(name=name):
            cloud.network.delete_security_group(group)
        for flavor in cloud.compute.flavors():
            if flavor.name == name:
                cloud.compute.delete_flavor(flavor)
        for found in cloud.image.images(name=name):
            cloud.image.delete_image(found)
