"""The proof that servers run: one boots, and is reached."""

import urllib.error
import urllib.request

from answer import No, within
from room import CHANGE, Room

NAME = "ciab-proof-server"


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


def prove(cloud, folder, outside):
    """`folder` has the guest's image, `outside` is a network that leads out."""
    up = [service.state for service in cloud.compute.services(binary="nova-compute")]
    if not up or set(up) != {"up"}:
        raise No(f"nova-compute is {', '.join(up) or 'nowhere'}")
    if not list(cloud.compute.hypervisors()):
        raise No("there is no hypervisor")
    with Room(cloud, NAME, folder, outside) as room:
        booted, port = room.boot(NAME)
        room.active(booted)
        bound = cloud.network.get_port(port.id)
        if bound.binding_vif_type in ("binding_failed", "unbound"):
            raise No(f"the port of the server is {bound.binding_vif_type}")
        room.shows(booted, "its address", port.fixed_ips[0]["ip_address"])
        room.shows(booted, "its number, which only the metadata know", booted.id)
        room.shows(booted, "where it has its entropy from", "random virtio_rng")
        address = room.floating(port.id)
        within(CHANGE, f"nobody answers on http://{address}/", lambda: says(address))
        cloud.network.delete_security_group_rule(room.opened)
        within(CHANGE, f"http://{address}/ still answers although its security group is closed", lambda: not says(address))
