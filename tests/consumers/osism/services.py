"""What asks the files that OSISM's kolla-ansible makes of a repository, which are what the services would start with."""

import written
from kolla import arrived
from plays import lists
from tools import Refused, Warnings
from worker import Worker


# The load balancer alone, without the parts that other services lay beside it.
LOADBALANCER = "loadbalancer-without-service-config"


def roles(box):
    """What the steps have kolla-ansible apply, in their order: the roles that its worker publishes."""
    published = lists(box.plays())["kolla-ansible"]
    applied = [argv[-1] for argv in box.commands if argv[:2] == ["osism", "apply"]]
    # The worker knows the play by the name without what tells it from Ceph's own.
    return [role.removeprefix("kolla-") for role in applied if role in published]


def worker(box):
    def make():
        merged = box.inventory().with_name("inventory.merge")
        keys = any("copy-ceph-keys" in argv for argv in box.commands)
        return Worker(box.root, merged, box.plays()["kolla-ansible"], box.work / "worker", keys)

    return box.once("worker", make)


def genconfig(box):
    """kolla-ansible writes the files of every service of the plan, and finds each override."""
    judge = Warnings("osism genconfig")
    judge.judge(worker(box).generate(roles(box)))
    overlays = worker(box).repository / "environments/kolla/files/overlays"
    arrived(overlays, worker(box).out)
    box.made["generated"] = worker(box).out


def out(box):
    if "generated" not in box.made:
        raise Refused("kolla-ansible wrote no files to ask about")
    return box.made["generated"]


def again(box, role):
    """The files that a role makes of a box with a fault, beside those of all others that it had without."""
    faulty = box.made["worker"].beside(box.root, "faulty-worker")
    faulty.config(role)
    return faulty.out


def options(box):
    Warnings("oslo-config-validator").judge([word for _, word in written.options(out(box))])


def options_fault(box):
    made = again(box, "nova-compute")
    Warnings("oslo-config-validator").judge([word for _, word in written.options(made, "nova-compute")])


def haproxy(box):
    written.haproxy(out(box))


def haproxy_fault(box):
    written.haproxy(again(box, LOADBALANCER))


def named(box):
    written.named(out(box))


def named_fault(box):
    written.named(again(box, "designate"))


def mariadbd(box):
    """The server would run with the values of the overlay."""
    override = box.root / "environments/kolla/files/overlays/galera.cnf"
    written.mariadbd_values(override.read_text(), out(box))


def mariadbd_fault(box):
    written.mariadbd(again(box, "mariadb"))
