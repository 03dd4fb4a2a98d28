"""The files that kolla-ansible made of a tree, given to what they are made for: the services' tables of options,
HAProxy, MariaDB. For each a check, and a fault that it must refuse."""

import configparser
import json
import os
import re
import tempfile

from kolla import spoilt
from tools import HOME, Refused, Warnings, run

# What every service takes of the common libraries, by the names that the libraries give their tables of options.
OSLO = ["cache", "concurrency", "db", "limit", "log", "messaging", "middleware", "middleware.cors", "policy", "privsep"]
OSLO += ["reports", "service.periodic_task", "service.service", "service.sslutils", "service.wsgi", "versionedobjects"]
OSLO = [f"oslo.{name}" for name in OSLO] + ["keystonemiddleware.auth_token", "castellan.config"]
TABLES = {
    "barbican": ["barbican.common.config", "barbican.plugin.crypto", "barbican.plugin.crypto.simple"]
    + ["barbican.plugin.secret_store"],
    "ceilometer": ["ceilometer", "ceilometer-auth"],
    "cinder": ["cinder"],
    "designate": ["designate.auth", "designate.conf"],
    "glance": ["glance", "glance.api", "glance.store", "glance.multi_store"],
    "gnocchi": ["gnocchi"],
    "heat": ["heat.api.aws.ec2token", "heat.common.cache", "heat.common.config", "heat.common.context"]
    + ["heat.common.crypt", "heat.common.wsgi", "heat.engine.clients", "heat.engine.notification"]
    + ["heat.engine.clients.os.keystone.heat_keystoneclient", "heat.engine.resources"],
    "keystone": ["keystone"],
    "manila": ["manila"],
    "neutron": [
        "neutron",
        "neutron.agent",
        "neutron.base.agent",
        "neutron.db",
        "neutron.extensions",
        "neutron.metadata.agent",
    ]
    + [
        "neutron.ml2",
        "neutron.ml2.ovn",
        "neutron.ovn.metadata.agent",
        "neutron.experimental",
        "nova.auth",
        "placement.auth",
    ],
    "nova": ["nova.conf"],
    "octavia": ["octavia", "octavia.api.drivers.ovn"],
    "placement": ["placement.conf"],
}

# Sections that a file names itself, and the one of the table that has their options.
NAMED = {
    "cinder": {r"[a-z]+-\d+": "backend_defaults"},
    "glance": {"os_glance_(staging|tasks)_store|rbd": "glance_store"},
    "manila": {r"[a-z]+\d": "DEFAULT"},
}


def configurations(out):
    """The files of services that take their options from tables, with the service of each; of those that are alike one."""
    seen = set()
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        service = folder.name.split("-")[0]
        if service not in TABLES or folder.name == "nova-libvirt":
            continue
        for file in sorted([*folder.glob("*.conf"), *folder.glob("*.ini")]):
            # Of Apache and of uWSGI, of BIND and of Ceph.
            if not re.search(r"wsgi|httpd|auth\.conf|named|rndc|ceph", file.name) and file.read_text() not in seen:
                seen.add(file.read_text())
                yield service, file


def options(out, folder=None):
    """What every table of options has against its file, or against those in one folder."""
    warnings = []
    for service, file in configurations(out):
        if folder not in (None, file.parent.name):
            continue
        text = file.read_text()
        for name, section in NAMED.get(service, {}).items():
            text = re.sub(rf"^\[(?:{name})\]$", f"[{section}]", text, flags=re.MULTILINE)
        known = [word for name in [*OSLO, *TABLES[service]] for word in ("--namespace", name)]
        with tempfile.NamedTemporaryFile("w", dir=HOME, suffix=file.name) as asked:
            asked.write(text)
            asked.flush()
            said = run([HOME / "services/bin/oslo-config-validator", *known, "--input-file", asked.name])
        told = re.findall(r"^(?:ERROR|WARNING):root:(.*)$", said.all, re.MULTILINE)
        if said.code != 0 and not told:
            raise Refused(f"{file.relative_to(out)}: {said.all[-2000:]}")
        warnings += [(file.relative_to(out), word) for word in told]
    return warnings


def options_fault(tree):
    """An option with a wrong letter in one of our overrides has to come out of kolla-ansible's merge as a warning."""
    fault = ("^resume_guests_state_on_host_boot", "resume_guest_state_on_host_boot")
    out = spoilt(tree.with_fault("config/nova/nova-compute.conf", *fault), ["nova-cell"], "out-fault")
    Warnings("oslo-config-validator").judge([word for _, word in options(out, "nova-compute")])


def container(out, service):
    """A shell script that lays the files where the container's start would, by kolla's own list of them."""
    lines = []
    for file in json.loads((out / service / "config.json").read_text())["config_files"]:
        source = file["source"].replace("/var/lib/kolla/config_files", str(out / service))
        target = file["dest"].rstrip("/")
        if os.path.exists(source):
            lines.append(f"mkdir -p $(dirname {target})\ncp -rT {source.rstrip('/')} {target}")
    return "\n".join(lines)


def laid(out, service, argv, before="", image=""):
    """A program of the container with its files at their places, on a root whose changes are thrown away. `image` is a
    shell line for what is part of the image and has to be there."""
    # The images have a group of their own for sockets that services share.
    script = f"""{before}
mount -t tmpfs tmpfs /mnt
mkdir /mnt/up /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/up,workdir=/mnt/work /mnt/root
for place in dev proc sys {HOME.relative_to("/")}; do mount --rbind /$place /mnt/root/$place; done
cat >/mnt/root/lay <<'LAY'
{container(out, service)}
getent group kolla >/dev/null || echo kolla:x:42400: >>/etc/group
{image}
LAY
chroot /mnt/root bash -e /lay"""
    return run(["chroot", "/mnt/root", *argv], apart=script)


def haproxy(out):
    argv = ["haproxy", "-c", "-f", "/etc/haproxy/haproxy.cfg", "-f", "/etc/haproxy/services.d"]
    said = laid(out, "haproxy", argv).accepted()
    Warnings("haproxy").judge(re.findall(r"^\[WARNING\] *\(?\d*\)? ?: ?(.*)$", said.all, re.MULTILINE))


def haproxy_fault(tree):
    """A certificate whose key is gone, as the merge of two files may lose it."""
    key = r"-----BEGIN (EC )?PRIVATE KEY-----[^-]*-----END (EC )?PRIVATE KEY-----"
    haproxy(spoilt(tree.with_fault("certificates/haproxy-internal.pem", key, ""), ["loadbalancer"], "out-fault"))


def named(out):
    """The name server of designate."""
    # Made when the image is.
    laid(out, "designate-backend-bind9", ["named-checkconf", "/etc/bind/named.conf"], image="mkdir -p /var/lib/named").accepted()


def named_fault(tree):
    fault = ("^(designate_forwarders_addresses:) .*", r"\1 192.0.2.530")
    named(spoilt(tree.with_fault("globals.yml", *fault), ["designate"], "out-fault"))


def mariadbd(out):
    """The server reads its file and tells the values that it would run with."""
    # The plug-in that clusters is another package, and the user of the files is the container's.
    argv = [
        "mariadbd",
        f"--defaults-file={out}/mariadb/galera.cnf",
        "--user=nobody",
        "--wsrep-provider=none",
        "--verbose",
        "--help",
    ]
    said = run(argv, apart="")
    errors = re.findall(r"^.*(?:\[ERROR\]|unknown variable).*$", said.all, re.MULTILINE)
    if said.code != 0 or errors:
        raise Refused("\n".join(errors) or said.all[-2000:])
    return dict(line.split(None, 1) for line in said.out.splitlines() if re.match(r"^[a-z][a-z-]+ +\S", line))


def mariadbd_values(override, out):
    """What the override asks for is what the server would run with."""
    values = mariadbd(out)
    asked = configparser.ConfigParser(allow_no_value=True)
    asked.read_string(override)
    for name, wanted in asked["mysqld"].items():
        got = values.get(name.replace("_", "-"), "").strip()
        sizes = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
        number = str(int(wanted[:-1]) * sizes[wanted[-1]]) if wanted[-1] in sizes else wanted
        if got not in (number, {"1": "TRUE", "0": "FALSE"}.get(number, number)):
            raise Refused(f"{name} = {wanted} became `{got}`")


def mariadbd_fault(tree):
    fault = ("^innodb_flush_log_at_trx_commit", "innodb_flush_logs_at_trx_commit")
    mariadbd(spoilt(tree.with_fault("config/galera.cnf", *fault), ["mariadb"], "out-fault"))
