"""Lets the flavor manager and the image manager of OSISM read our definitions: what nova and glance would then hold.

Run by the Python that has both: `managers.py FLAVORS_FILE IMAGES_FOLDER`. Their own code reads the files and makes every
call; in the place of a cloud stands a record of the calls. Writes one JSON document: `flavors`, `images`, and `errors`,
which both programs only log."""

import datetime
import json
import pathlib
import sys
import types

import munch
import openstack_image_manager.main as image_manager
from loguru import logger
from openstack_flavor_manager import main as flavor_manager


class Nova:
    """What openstacksdk would be told to make."""

    def __init__(self):
        self.flavors = {}

    def create_flavor(self, name, ram, vcpus, disk, is_public, **rest):
        flavor = types.SimpleNamespace(id=name, name=name, ram=ram, vcpus=vcpus, disk=disk, is_public=is_public)
        self.flavors[name] = flavor
        return flavor

    def set_flavor_specs(self, flavor_id, extra_specs):
        self.flavors[flavor_id].extra_specs = extra_specs


class Glance(image_manager.ImageManager):
    """The image manager whose imports end at once."""

    def __init__(self, folder):
        self.CONF = munch.Munch(
            images=str(folder), filter=None, tag="managed_by_osism", latest=True, dry_run=False, use_os_hidden=False
        )
        self.exit_with_error = False
        self.images = {}

    @property
    def image_proxy(self):
        return self

    def get_images(self):
        return self.images

    def import_image(self, image, name, url, versions, version, checksum=None):
        self.images[name] = munch.Munch(
            id=name, name=name, size=0, min_disk=0, min_ram=0, tags=[], properties={}, status="active",
            visibility="private", url=url, hash_algo=(checksum or "").split(":")[0] or None, format=image["format"],
        )  # fmt: skip
        return True

    def update_image(self, name, **values):
        image = self.images[name]
        image.update({key: value for key, value in values.items() if key in image})
        image.properties.update({key: value for key, value in values.items() if key not in image})

    def add_tag(self, name, tag):
        self.images[name].tags.append(tag)

    def rename_images(self, image, sorted_versions, imported, previous):
        self.images[image["name"]] = self.images.pop(imported.name)
        self.images[image["name"]].name = image["name"]


def flavors(file):
    definitions = flavor_manager.get_flavor_definitions("local", pathlib.Path(file).resolve().as_uri())
    cloud = flavor_manager.Cloud.__new__(flavor_manager.Cloud)
    cloud.conn, cloud.existing_flavors = Nova(), {}
    flavor_manager.FlavorManager(cloud=cloud, definitions=definitions).run()
    return [vars(flavor) for flavor in cloud.conn.flavors.values()]


def images(folder):
    # It asks whether the maker's file is there; that is the box's network and not this file's matter.
    image_manager.requests.head = lambda url, **rest: types.SimpleNamespace(status_code=200)
    manager = Glance(folder)
    manager.validate_yaml_schema()
    manager.process_images(manager.read_image_files())
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [dict(image, created_at=now, is_hidden=False) for image in manager.images.values()]


def main():
    errors = []
    logger.remove()
    logger.add(lambda message: errors.append(message.record["message"]), level="WARNING")
    held = {"flavors": [], "images": []}
    for name, read, place in (("flavors", flavors, sys.argv[1]), ("images", images, sys.argv[2])):
        try:
            held[name] = read(place)
        except (Exception, SystemExit) as error:
            errors.append(f"{name}: {error!r}")
    json.dump(held | {"errors": errors}, sys.stdout, indent=1)


main()
