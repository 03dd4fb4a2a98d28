"""Proofs that need no server: the catalog, limits, an image, and what a new project starts with."""

import hashlib
import os

from answer import No, within

NAME = "ciab-proof"
# Seconds.
CHANGE = 60


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


def group(cloud):
    """SCS-0115-v1: the default group lets in whoever is in it, and out to everywhere by IPv4 and IPv6."""
    name = f"{NAME}-group"

    def remove():
        for project in cloud.identity.projects(name=name):
            for there in cloud.network.security_groups(project_id=project.id):
                cloud.network.delete_security_group(there)
            cloud.identity.delete_project(project)

    remove()
    try:
        project = cloud.identity.create_project(name=name)
        # The project's first question makes it.
        default = next(iter(cloud.network.security_groups(project_id=project.id, name="default")), None)
        if default is None:
            raise No("a new project has no default security group")
        out = set()
        for rule in cloud.network.security_group_rules(security_group_id=default.id):
            anybody = rule.remote_ip_prefix in (None, "0.0.0.0/0", "::/0")
            if rule.direction == "ingress" and rule.remote_group_id != default.id:
                raise No(f"a new project lets {rule.remote_ip_prefix or 'anybody'} in ({rule.protocol or 'every protocol'})")
            if rule.direction == "egress" and anybody and not (rule.protocol or rule.remote_group_id):
                out.add(rule.ether_type)
        if lacks := {"IPv4", "IPv6"} - out:
            raise No(f"a new project's servers do not get out by {', '.join(sorted(lacks))}")
    finally:
        remove()
