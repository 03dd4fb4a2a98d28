"""The consumers of OSISM's repository in the order in which one needs what another made, each with one fault that it must
refuse."""

from dataclasses import dataclass

import checks
import scs
import services
from box import planted


@dataclass
class Check:
    name: str
    ask: object
    fault: tuple
    """File below the repository, an expression for what stands in it, what takes its place; or a command more."""
    reason: str
    """What the refusal of the fault has to say."""
    again: object = None
    """What is asked of the box with the fault, where it is not all of `ask`."""


KOLLA = "environments/kolla/configuration.yml"
OVERLAYS = "environments/kolla/files/overlays"
# A certificate without its key, as the merge of two files may lose it.
KEY = r"-----BEGIN (EC )?PRIVATE KEY-----[^-]*-----END (EC )?PRIVATE KEY-----"
CHECKS = [
    Check(
        "ansible-vault view",
        checks.vault,
        ("environments/kolla/secrets.yml", r"(\d)\s*\Z", lambda last: "2" if last[1] == "1" else "1"),
        "ERROR! Decryption failed",
    ),
    Check(
        "yamllint",
        checks.yaml_lint,
        ("environments/configuration.yml", r"\A---\n", "---\ntwice: 1\ntwice: 2\n"),
        'duplication of key "twice"',
    ),
    Check(
        "ansible-lint",
        checks.ansible_lint,
        ("environments/openstack/playbook-bootstrap.yml", "name: Make the role", "name: make the role"),
        "name[casing]",
    ),
    Check(
        "osism parser",
        checks.parser,
        ["osism", "apply", "--no-weight", "keystone"],
        "unrecognized arguments: --no-weight",
    ),
    Check(
        "osism apply roles",
        checks.commands,
        ["osism", "apply", "keystones"],
        "osism apply keystones:",
    ),
    Check(
        "inventory groups",
        checks.groups,
        ("inventory/20-roles", r"\[compute\]", "[computers]"),
        "undefined group: compute",
    ),
    Check(
        "known variables",
        checks.variables,
        (KOLLA, "kolla_internal_fqdn:", "kolla_internal_fdqn:"),
        "kolla_internal_fdqn",
    ),
    Check(
        "values",
        checks.values,
        (KOLLA, "neutron_plugin_agent: ovn", 'neutron_plugin_agent: "{{ nothing }}"'),
        "'nothing' is undefined",
    ),
    Check(
        "kolla-ansible genconfig",
        services.genconfig,
        (KOLLA, "openstack_cacert: /etc", 'openstack_cacert: "{{ nothing }}" # /etc'),
        "'nothing' is undefined",
        lambda box: services.again(box, "placement"),
    ),
    Check(
        "haproxy -c",
        services.haproxy,
        ("environments/kolla/certificates/haproxy-internal.pem", KEY, ""),
        "No Private Key found",
        services.haproxy_fault,
    ),
    Check(
        "mariadbd --help",
        services.mariadbd,
        (f"{OVERLAYS}/galera.cnf", "innodb_flush_log_at_trx_commit", "innodb_flush_logs_at_trx_commit"),
        "unknown variable",
        services.mariadbd_fault,
    ),
    Check(
        "named-checkconf",
        services.named,
        (KOLLA, r"\Z", "designate_forwarders_addresses: 192.0.2.530\n"),
        "192.0.2.530",
        services.named_fault,
    ),
    Check(
        "oslo-config-validator",
        services.options,
        (f"{OVERLAYS}/nova/nova-compute.conf", "resume_guests_state_on", "resume_guest_state_on"),
        "DEFAULT/resume_guest_state_on_host_boot",
        services.options_fault,
    ),
]
OPENSTACK = "environments/openstack"
CHECKS += [
    Check(name, lambda box, ask=ask: ask(box.root / OPENSTACK), (f"{OPENSTACK}/{file}", before, after), reason)
    for name, ask, (file, before, after), reason in scs.CHECKS
]
# Those that `make test` has time for.
QUICK = ["ansible-vault view", "yamllint", "ansible-lint", "osism parser", *scs.QUICK]


def consumers(box, quick):
    """Name, what has to pass, what has to be refused and why."""
    for check in CHECKS:
        if not quick or check.name in QUICK:
            yield check.name, bound(check.ask, box), bound(fault, box, check), check.reason


def left_out():
    """Those that `make test` does not ask."""
    return [check.name for check in CHECKS if check.name not in QUICK]


def bound(act, *given):
    return lambda: act(*given)


def fault(box, check):
    (check.again or check.ask)(planted(box, check.fault))
