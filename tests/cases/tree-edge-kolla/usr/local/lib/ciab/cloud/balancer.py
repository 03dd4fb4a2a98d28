"""The proof that load balancers work: OVN's, with and without a monitor of its members."""

import http.client
import time

from answer import No, within
from room import BOOT, CHANGE, Room

NAME = "ciab-proof-balancer"
# Seconds in which a monitor has to leave a dead member out: it asks every 2 s, and believes the second silence.
NOTICED = 15
# Connections, each from a port of its own: that one of two members gets none of them is a chance of 1 to 2^24.
MANY = 24


class Answer:
    """What a member says of a connection: its own name, and who has called."""

    def __init__(self, address):
        line = http.client.HTTPConnection(address, 80, timeout=3)
        try:
            line.connect()
            self.asked_from = line.sock.getsockname()[0]
            line.request("GET", "/cgi-bin/who")
            member, self.caller = line.getresponse().read().decode().split()
            # The metadata put a domain behind the name of the server.
            self.member = member.split(".")[0]
        finally:
            line.close()


def asked(address, times=MANY):
    """The answers, and how many connections had none."""
    answers, silent = [], 0
    for _ in range(times):
        try:
            answers.append(Answer(address))
        except (OSError, ValueError, http.client.HTTPException):
            silent += 1
    return answers, silent


def members(address):
    answers, silent = asked(address)
    return sorted({answer.member for answer in answers}), silent


def prove(cloud, folder, outside):
    """`folder` has the guest's image, `outside` is a network that leads out."""
    remove(cloud)
    with Room(cloud, NAME, folder, outside) as room:
        try:
            prove_in(cloud, room)
        finally:
            remove(cloud)


def remove(cloud):
    there = lambda: list(cloud.load_balancer.load_balancers(name=NAME))  # noqa: E731
    for found in there():
        for address in cloud.network.ips(port_id=found.vip_port_id):
            cloud.network.delete_ip(address)
        # One that is being changed refuses; it is asked again below.
        cloud.load_balancer.delete_load_balancer(found, cascade=True, ignore_missing=True)
    within(CHANGE, "the load balancer is still there", lambda: not there())


def prove_in(cloud, room):
    booted = [room.boot(f"{NAME}-{number}") for number in (1, 2)]
    for server, _ in booted:
        room.active(server)
    for server, _ in booted:
        room.shows(server, "that it is ready", "ciab-guest: ready")
    made = cloud.load_balancer.create_load_balancer(name=NAME, vip_subnet_id=room.subnet.id, provider="ovn")

    def settled():
        now = cloud.load_balancer.get_load_balancer(made.id)
        if now.provisioning_status == "ERROR":
            raise No("the load balancer does not come about")
        return now.provisioning_status == "ACTIVE"

    def waits():
        within(CHANGE, "the load balancer does not become active", settled, every=1)

    waits()
    listener = cloud.load_balancer.create_listener(
        name=NAME, protocol="TCP", protocol_port=80, load_balancer_id=made.id)
    waits()
    pool = cloud.load_balancer.create_pool(
        name=NAME, protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener.id)
    waits()
    for server, port in booted:
        cloud.load_balancer.create_member(
            pool, name=server.name, address=port.fixed_ips[0]["ip_address"], protocol_port=80, subnet_id=room.subnet.id)
        waits()
    address = room.floating(cloud.load_balancer.get_load_balancer(made.id).vip_port_id)
    both = lambda: len(members(address)[0]) == 2  # noqa: E731
    within(CHANGE, f"not both members answer on http://{address}/", both)
    for answer in asked(address)[0]:
        if answer.caller != answer.asked_from:
            raise No(f"a member sees {answer.caller} and not the client, {answer.asked_from}")

    dies, lives = booted[1][0], booted[0][0]

    def stop():
        cloud.compute.stop_server(dies)
        within(CHANGE, "a member does not end", lambda: cloud.compute.get_server(dies.id).status == "SHUTOFF", every=1)

    # Nobody watches: whoever is sent to the dead one hears nothing, and that is to be seen.
    stop()
    if members(address)[1] == 0:
        raise No("without a monitor, connections to a dead member should fail, and none does")

    cloud.load_balancer.create_health_monitor(
        name=NAME, type="TCP", delay=2, timeout=1, max_retries=1, max_retries_down=2, pool_id=pool.id)
    waits()
    within(CHANGE, "a monitor does not leave a member out that was dead before it came", lambda: members(address)[1] == 0)
    cloud.compute.start_server(dies)
    within(BOOT, "a member that is back is not asked again", both)
    stop()
    time.sleep(NOTICED)
    answers, silent = asked(address)
    if silent:
        raise No(f"{NOTICED} s after a member died {silent} of {MANY} connections are still lost")
    if wrong := {answer.member for answer in answers} - {lives.name}:
        raise No(f"{', '.join(wrong)} answers, and not {lives.name}")
