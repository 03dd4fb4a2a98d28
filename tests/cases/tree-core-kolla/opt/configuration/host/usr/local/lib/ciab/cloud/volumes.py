"""The types of volumes, which say what they promise (SCS-0114)."""

from answer import No, different


def make(cloud, plan, check):
    """`plan` is a list of `name`, `description` and, where the volumes are encrypted, `encryption`."""
    there = {kind.name: kind for kind in cloud.block_storage.types()}
    for wanted in plan:
        name, promise = wanted["name"], {"description": wanted["description"], "is_public": True}
        found = there.get(name)
        if found is None:
            if check:
                raise No(f"there is no type of volumes {name}")
            found = cloud.block_storage.create_type(name=name, **promise)
            print(f"made type of volumes {name}")
        elif differs := different(promise, found):
            if check:
                raise No(f"the type of volumes {name} has another {', '.join(differs)}")
            cloud.block_storage.update_type(found, **promise)
            print(f"changed {', '.join(differs)} of the type of volumes {name}")
        encrypt(cloud, found, wanted.get("encryption"), check)


def encrypt(cloud, kind, wanted, check):
    if wanted is None:
        return
    there = cloud.block_storage.get_type_encryption(kind)
    if there and there.provider:
        if differs := different(wanted, there):
            # Volumes of this type are there, perhaps: nova reads from it how they are opened.
            raise No(f"volumes of type {kind.name} are encrypted with another {', '.join(differs)}")
        return
    if check:
        raise No(f"volumes of type {kind.name} are not encrypted")
    cloud.block_storage.create_type_encryption(kind, **wanted)
    print(f"volumes of type {kind.name} are encrypted from now on")
