"""The proof that volumes work: a server writes to one, and finds that again."""

from answer import No, within
from room import Room

NAME = "ciab-proof-volume"
# Seconds. The first one of a pool is the slowest: its driver starts.
MADE = 120
# What the guest knows of a volume's number: a serial number of virtio has 20 characters.
SERIAL = 20


def prove(cloud, folder, outside):
    """`folder` has the guest's image, `outside` is a network that leads out."""
    with Room(cloud, NAME, folder, outside) as room:
        take_away(cloud)
        booted, _ = room.boot(NAME)
        volume = cloud.block_storage.create_volume(name=NAME, size=1)
        try:
            becomes(cloud, volume, "available")
            room.active(booted)
            room.shows(booted, "that it runs", "ciab-guest: ready")
            serial = volume.id[:SERIAL]
            attach(cloud, booted, volume)
            room.shows(booted, "that it wrote to the volume", f"disk {serial} written")
            detach(cloud, booted, volume)
            attach(cloud, booted, volume)
            room.shows(booted, "what it wrote", f"disk {serial} has: of {NAME}")
            detach(cloud, booted, volume)
        finally:
            room.take_away()
            take_away(cloud)


def attach(cloud, server, volume):
    cloud.compute.create_volume_attachment(server, volume)
    becomes(cloud, volume, "in-use")


def detach(cloud, server, volume):
    cloud.compute.delete_volume_attachment(server, volume)
    becomes(cloud, volume, "available")


def becomes(cloud, volume, wanted):
    def now():
        there = cloud.block_storage.get_volume(volume.id)
        if there.status.startswith("error"):
            raise No(f"the volume is in state {there.status}")
        return there.status == wanted

    within(MADE, f"the volume does not become {wanted}", now)


def take_away(cloud):
    """Removes what this or a killed proof has made."""
    mine = lambda: [there for there in cloud.block_storage.volumes() if there.name == NAME]  # noqa: E731
    for volume in mine():
        cloud.block_storage.delete_volume(volume, force=True)
    within(MADE, "the volume is still there", lambda: not mine())
