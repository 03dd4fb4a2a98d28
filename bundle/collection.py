"""Cuts one Ansible collection out of a wheel, as the tarball that ansible-galaxy installs.

    collection.py WHEEL NAMESPACE.NAME FOLDER

Prints the tarball's name. The same wheel gives the same bytes.

A wheel leaves out files that the collection's list of files names, and ansible-galaxy refuses a tarball without one
of them: the list is cut down to what is there, and the digest of the list in the manifest follows.
"""
import gzip
import hashlib
import io
import json
import os
import posixpath
import sys
import tarfile
import zipfile

wheel, name, folder = sys.argv[1:]
prefix = "ansible_collections/" + name.replace(".", "/") + "/"

with zipfile.ZipFile(wheel) as archive:
    infos = {info.filename[len(prefix):]: info for info in archive.infolist() if info.filename.startswith(prefix)}
    infos = {path: info for path, info in infos.items() if path and not info.is_dir()}
    if not {"MANIFEST.json", "FILES.json"} <= infos.keys():
        sys.exit(f"{wheel} has no collection {name}")
    contents = {path: archive.read(info) for path, info in infos.items()}

folders = set()
for path in contents:
    while path := posixpath.dirname(path):
        folders.add(path)

files = json.loads(contents["FILES.json"])
files["files"] = [
    entry for entry in files["files"] if entry["name"] == "." or entry["name"] in contents or entry["name"] in folders
]
contents["FILES.json"] = json.dumps(files, indent=1).encode()
manifest = json.loads(contents["MANIFEST.json"])
manifest["file_manifest_file"]["chksum_sha256"] = hashlib.sha256(contents["FILES.json"]).hexdigest()
contents["MANIFEST.json"] = json.dumps(manifest, indent=1).encode()

about = manifest["collection_info"]
tarball = f"{about['namespace']}-{about['name']}-{about['version']}.tar.gz"
beside = os.path.join(folder, tarball + ".new")
with open(beside, "wb") as raw:
    with gzip.GzipFile("", "wb", 6, raw, 0) as packed, tarfile.open(fileobj=packed, mode="w") as out:
        for path in sorted(folders | contents.keys()):
            entry = tarfile.TarInfo(path)
            if path in folders:
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                out.addfile(entry)
            else:
                entry.size = len(contents[path])
                # What may be executed stays so; a wheel keeps a file's mode in the upper half.
                entry.mode = 0o755 if infos[path].external_attr >> 16 & 0o100 else 0o644
                out.addfile(entry, io.BytesIO(contents[path]))
    raw.flush()
    os.fsync(raw.fileno())
os.rename(beside, os.path.join(folder, tarball))
print(tarball)
