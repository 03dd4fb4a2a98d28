"""What the consumers share: a place below target/, processes without the rest of the machine, what they say."""

import pathlib
import re
import shlex
import subprocess
import tempfile

import yaml

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
HOME = TOP / "target/consumers"
ALLOWED = yaml.safe_load((HERE / "allow.yaml").read_text())


class Refused(Exception):
    """The consumer does not accept what it was given."""


class Tree:
    """A rendered tree: the root of a box in a folder."""

    def __init__(self, root, place=None):
        self.root = pathlib.Path(root).resolve()
        self.kolla = self.root / "opt/configuration/kolla"
        # Holds the folder as long as the tree is used.
        self.place = place

    def plan(self):
        return yaml.safe_load((self.root / "opt/configuration/plan.yml").read_text())

    def globals(self):
        return yaml.safe_load((self.kolla / "globals.yml").read_text())

    def inventory(self):
        return self.kolla / "inventory"

    def read(self, name):
        return (self.kolla / name).read_text()

    def with_fault(self, name, old, new):
        """The same tree in a new place with a part of a file replaced; a file that lacks it is a fault of the test."""
        place = tempfile.TemporaryDirectory(dir=HOME)
        root = pathlib.Path(place.name) / "tree"
        subprocess.run(["cp", "-a", str(self.root), str(root)], check=True)
        copy = Tree(root, place)
        file = copy.kolla / name
        text = file.read_text()
        if not re.search(old, text, re.MULTILINE):
            raise SystemExit(f"{name} holds nothing like `{old}`: no fault can be planted there")
        file.write_text(re.sub(old, new, text, count=1, flags=re.MULTILINE))
        return copy


class Said:
    """How a process ended and what it said."""

    def __init__(self, code, out, err):
        self.code, self.out, self.err, self.all = code, out, err, out + err

    def accepted(self, *others):
        """A status other than success, or one of these, is a refusal."""
        if self.code != 0 and self.code not in others:
            raise Refused(self.all[-4000:])
        return self


def run(argv, *, env=None, cwd=None, apart=None, writable=(), stdin=None):
    """A process to its end. `stdin` is the text that it reads. `apart` is a shell script for what it shall find in a network of its own; then nothing
    but `writable` and a scratch folder can be written on the whole machine."""
    argv = [str(word) for word in argv]
    scratch = tempfile.TemporaryDirectory(dir=HOME)
    if apart is not None:
        paths = [shlex.quote(str(path)) for path in [*writable, scratch.name]]
        binds = "".join(f"mount --bind {path} {path}\n" for path in paths)
        script = (
            f"set -e\nmount --make-rprivate /\nmount -t sysfs -o ro sysfs /sys\n{binds}mount -o remount,bind,ro /\n"
        )
        script += f'ip link set lo up\n{apart}\nexec "$@"\n'
        argv = [
            "unshare",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "bash",
            "-c",
            script,
            "consumer",
            *argv,
        ]
    words = {
        "PATH": f"{HOME}/kolla/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LC_ALL": "C.UTF-8",
        "HOME": scratch.name,
        "TMPDIR": scratch.name,
        **(env or {}),
    }
    done = subprocess.run(
        argv,
        env=words,
        cwd=cwd or HOME,
        **({"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def squeezed(text):
    """Without blanks: Ansible breaks what it says into short lines, in words too."""
    return re.sub(r"\s+", "", text)


class Warnings:
    """The warnings of one consumer, held against the list of those that are allowed."""

    # What the list allows and a warning asked for, of all consumers that were asked so far.
    used = set()

    def __init__(self, consumer):
        self.consumer = consumer
        self.entries = [
            (re.compile(squeezed(entry["said"]) + r"\Z"), entry["said"]) for entry in ALLOWED.get(consumer, [])
        ]

    def judge(self, warnings):
        left = []
        for warning in warnings:
            found = [said for pattern, said in self.entries if pattern.match(squeezed(warning))]
            self.used.update((self.consumer, said) for said in found)
            if not found:
                left.append(warning)
        if left:
            raise Refused("warnings that tests/consumers/allow.yaml does not allow:\n" + "\n".join(sorted(set(left))))

    @classmethod
    def unused(cls):
        """What is allowed and nothing asked for."""
        allowed = [(consumer, entry["said"]) for consumer, entries in ALLOWED.items() for entry in entries]
        return [f"{consumer}: {said}" for consumer, said in allowed if (consumer, said) not in cls.used]


def version(argv, pattern=r"(\d+(?:\.\d+)+\S*)"):
    """The version that a program tells about itself."""
    said = run(argv)
    found = re.search(pattern, said.all)
    if said.code != 0 or not found:
        raise SystemExit(f"{argv[0]} is missing or does not tell its version:\n{said.all[-500:]}")
    return found.group(1)
