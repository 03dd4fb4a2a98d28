"""What ciab does in the cloud of this box as its administrator, and how it proves that the cloud works.

    networks [--check] JSON   makes the networks that lead out of the cloud, or says which differ
    flavors [--check] JSON    makes the flavors of the standards, or says which differ
    volumes [--check] JSON    makes the types of volumes, or says which differ
    catalog TYPE...           every one of these services stands in the catalog, with TLS
    quotas                    limits of a new project are read from each service that has some
    image                     an image is uploaded, read back byte for byte, and removed
    group                     a new project lets nobody in who is not of it, and everybody out (scs-0115)
    server FOLDER NETWORK     a server boots from the guest in FOLDER, knows its address and metadata, has entropy, answers on a
                              floating address of NETWORK, and no longer where its security group is closed
    volume FOLDER NETWORK     a volume is given to a server, which writes to it, and finds that again when it comes back
    balancer FOLDER NETWORK   a load balancer by OVN shows its members who asks, and leaves a dead one out where it watches them

Ends with 0 for yes and 1 for no, the reason on the last line of standard error; with 2 where it cannot tell. All that a
proof makes has a name that begins with `ciab-proof`; it is taken away at the end, and at the beginning of the next proof
where one was killed.
"""

import json
import os
import sys
import traceback

os.environ.setdefault("OS_CLIENT_CONFIG_FILE", "/etc/ciab/clouds.yaml")

import openstack  # noqa: E402  (reads the variable above)
from openstack import exceptions  # noqa: E402

import balancer  # noqa: E402
import control  # noqa: E402
import flavors  # noqa: E402
import networks  # noqa: E402
import server  # noqa: E402
import volume  # noqa: E402
import volumes  # noqa: E402
from answer import No  # noqa: E402


def content(make):
    """A word that makes what its JSON says, or with --check compares."""
    return lambda cloud, words: make(cloud, json.loads(words[-1]), "--check" in words)


WORDS = {
    "networks": content(networks.make),
    "flavors": content(flavors.make),
    "volumes": content(volumes.make),
    "catalog": control.catalog,
    "quotas": lambda cloud, _: control.quotas(cloud),
    "image": lambda cloud, _: control.image(cloud),
    "group": lambda cloud, _: control.group(cloud),
    "server": lambda cloud, words: server.prove(cloud, *words),
    "volume": lambda cloud, words: volume.prove(cloud, *words),
    "balancer": lambda cloud, words: balancer.prove(cloud, *words),
}


def main(words):
    if not words or words[0] not in WORDS:
        raise ValueError(f"the words are {', '.join(WORDS)}")
    WORDS[words[0]](openstack.connect(cloud="admin"), words[1:])


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
