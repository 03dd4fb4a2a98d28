"""Measures ciab beside others, in turn. Started by `run`, which sees to what it needs."""

import datetime
import hashlib
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import page

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
DIST = pathlib.Path(os.environ.get("CIAB_BENCH_BUILD", TOP / "target/x86_64-unknown-linux-gnu/dist"))
CIAB = DIST / "ciab"
ENGINE = DIST / "examples/bench"
HOST = TOP / "tests/host/host"
RESULTS = TOP / "docs/benchmarks.json"
PAGE = TOP / "docs/benchmarks.md"
ROUNDS = int(os.environ.get("CIAB_BENCH_ROUNDS", "3"))
STEPS = 100
FILES = 200


def main():
    if sys.argv[1:] == ["--table"]:
        return write_page()
    if sys.argv[1:] == ["--rendering"]:
        return apart(rendering)
    rows, hosts = [], []
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ciab-bench-") as folder:
        work = pathlib.Path(folder)
        try:
            rows += detect(work)
            rows += rendering(work)
            bench = Bench(work, hosts)
            rows += bench.steps()
            rows += bench.probes()
            rows += bench.tree()
            parts = bench.parts()
            bench.close()
            rows += Deployment(work, hosts).rows()
        finally:
            for host in hosts:
                subprocess.run([HOST, "down", host], check=False)
    rows.append(limit("size", "static binary", [CIAB.stat().st_size / 1e6], "MB", 12, []))
    results = {
        "commit": said("git", "-C", TOP, "rev-parse", "--short=12", "HEAD"),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": machine(before),
        "rows": rows,
        "parts": parts,
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_page()


def apart(measure):
    """Some rows of a run of their own beside those of the last whole one, each with the word of when it was."""
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="ciab-bench-") as folder:
        rows = measure(pathlib.Path(folder))
    commit = said("git", "-C", TOP, "rev-parse", "--short=12", "HEAD")
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    load = f"load average {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    for row in rows:
        row["apart"] = f"commit {commit}, {date}, {load}"
    results = json.loads(RESULTS.read_text())
    names = {row["id"] for row in rows}
    results["rows"] = [row for row in results["rows"] if row["id"] not in names] + rows
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_page()


def write_page():
    raw = RESULTS.read_bytes()
    PAGE.write_text(page.make(json.loads(raw), raw))


# --- rows -----------------------------------------------------------------------------


def beside(name, what, against, ours, theirs, aim, unit="ms"):
    """A row of pairs: lists of (figure, exit status)."""
    ratios = [b[0] / a[0] for a, b in zip(ours, theirs)]
    ratio = statistics.median(ratios)
    row = {
        "id": name,
        "what": what,
        "against": against,
        "ours": round(statistics.median(a[0] for a in ours), 3),
        "theirs": round(statistics.median(b[0] for b in theirs), 3),
        "worst": round(max(a[0] for a in ours), 3),
        "unit": unit,
        "ratio": round(ratio, 2),
        "ratios": [round(r, 2) for r in ratios],
        "aim": {"kind": "ratio", "figure": aim} if aim else None,
        "met": aim is None or ratio >= aim,
        "runs": len(ratios),
        "exits": {"ours": [a[1] for a in ours], "theirs": [b[1] for b in theirs]},
    }
    tell(f"{name}: {row['ours']} against {row['theirs']} {unit}, ratio {row['ratio']} (aim {aim})")
    return row


def limit(name, what, figures, unit, most, exits):
    median = statistics.median(figures)
    row = {
        "id": name,
        "what": what,
        "against": None,
        "ours": round(median, 3),
        "theirs": None,
        "worst": round(max(figures), 3),
        "unit": unit,
        "ratio": None,
        "aim": {"kind": "limit", "figure": most},
        "met": median < most,
        "runs": len(figures),
        "exits": {"ours": exits},
    }
    tell(f"{name}: {row['ours']} {unit} (under {most})")
    return row


def tell(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def timed(*argv, out=subprocess.DEVNULL, **more):
    """Milliseconds and exit status of a process; a failure ends the benchmark, for its time means nothing."""
    began = time.perf_counter()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, **more)
    took = (time.perf_counter() - began) * 1000
    if done.returncode != 0:
        sys.exit(f"{argv[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return took, done.returncode


def said(*argv):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def in_turn(rounds, *sides):
    """Each side once, so often, in turn; the lists of what they returned."""
    lists = [[] for _ in sides]
    for _ in range(rounds):
        for kept, side in zip(lists, sides):
            kept.append(side())
    return lists


def machine(before):
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "unknown")
    mem = next(int(l.split()[1]) // 1024 for l in open("/proc/meminfo") if l.startswith("MemTotal"))
    return {
        "cpus": os.cpu_count(),
        "cpu": cpu,
        "kernel": platform.release(),
        "mem_mib": mem,
        "load_before": round(before, 1),
        "load_after": round(os.getloadavg()[0], 1),
    }


# --- this machine -------------------------------------------------------------------------


def detect(work):
    ansible = work / "ansible-here"
    ansible.mkdir()
    ansible_setup = ["ansible", "localhost", "-c", "local", "-i", "localhost,", "-m", "setup"]
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "HOME": str(ansible)}
    ours, lshw, setup = in_turn(
        max(ROUNDS, 5),
        lambda: timed(CIAB, "detect", "--json"),
        lambda: timed("lshw", "-json", "-quiet"),
        lambda: timed(*ansible_setup, env=environment),
    )
    what = "`ciab detect --json`"
    return [
        beside("detect-ansible", what, "`ansible -m setup`", ours, setup, 100),
        beside("detect-lshw", what, "`lshw -json`", ours, lshw, None),
        limit("detect", what, [a[0] for a in ours], "ms", 20, [a[1] for a in ours]),
    ]


def rendering(work):
    """The configuration of the largest profile; Ansible's module fills in as many files of the same texts."""
    box, facts = TOP / "tests/consumers/osism/sandbox.yaml", work / "facts.json"
    # The recorded machine, as if the system that OSISM is for were on it.
    recorded = (TOP / "tests/cases/vm/facts.json").read_text()
    for old, new in [("\nID=debian", "\nID=ubuntu"), ('VERSION_ID=\"12\"', 'VERSION_ID=\"24.04\"')]:
        recorded = recorded.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    facts.write_text(recorded)
    peak, trees = work / "peak", work / "trees"
    trees.mkdir()

    def ours():
        tree = trees / str(len(list(trees.iterdir())))
        argv = [CIAB, "render", box, "--replay", facts, "--output", tree]
        return timed("time", "-f", "%M", "-o", peak, *argv)

    ours()
    files = sorted(path for path in (trees / "0").rglob("*") if path.is_file())
    theirs = templates(work, files)
    mine, their = in_turn(ROUNDS, ours, theirs)
    argv = [ENGINE, "render", box, facts, "--times", str(max(ROUNDS, 5) + 1)]
    first, *later = [float(word) for word in said(*argv).split()]
    tell(f"the first tree, which pays for the keys of its vaults: {first:.0f} ms")
    what = f"`ciab render`, profile `sandbox`: {len(files)} files, vaults included"
    return [
        beside("render-ansible", what, "`ansible-playbook`, the module `template` for as many", mine, their, 10),
        limit("render", "the same tree in one process, the keys of its vaults derived before", later, "ms", 50, []),
        limit("memory-render", "peak memory of `ciab render`", [int(peak.read_text().split()[-1]) / 1024], "MiB", 64, []),
    ]


def templates(work, files):
    """A playbook that fills in one value in each of these texts, in one task, without facts and without SSH."""
    source, laid = work / "templates", work / "laid"
    source.mkdir()
    laid.mkdir()
    for number, path in enumerate(files):
        text = path.read_text()
        (source / f"{number}.j2").write_text("# {{ value }}\n{% raw %}" + text + "{% endraw %}")
    task = {"ansible.builtin.template": {"src": f"{source}/{{{{ item }}}}.j2", "dest": f"{laid}/{{{{ item }}}}"}}
    task |= {"name": "Fill in", "loop": list(range(len(files)))}
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"value": 1}, "tasks": [task]}
    book = work / "templates.yml"
    book.write_text(json.dumps([play]))
    environment = {**os.environ, "ANSIBLE_LOCALHOST_WARNING": "false", "HOME": str(work)}

    def run():
        for path in laid.iterdir():
            path.unlink()
        took = timed("ansible-playbook", "-i", "localhost,", book, env=environment)
        if len(list(laid.iterdir())) != len(files):
            sys.exit("ansible-playbook did not lay all files")
        return took

    return run


# --- a host ----------------------------------------------------------------------------------


def host_up(hosts, kind):
    name = f"b-{kind}-{os.getpid()}"
    hosts.append(name)
    done = subprocess.run([HOST, "up", name, "--root", "ext4"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"no host: {done.stderr.decode()}")
    return name, json.loads(said(HOST, "info", name, "--json"))


def inside(name, script, *words):
    """As root on the host, without SSH."""
    done = subprocess.run([HOST, "exec", name, "--", "sh", "-c", script, "sh", *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"on the host: {script[:80]}: {done.stderr[-1000:]}")
    return done.stdout


# Root logs in with the same key, so that nobody pays for sudo.
FURNISH = """
set -e
export DEBIAN_FRONTEND=noninteractive http_proxy=$1
apt-get update -qq
apt-get install -qqy --no-install-recommends git python3 rsync
mkdir -p -m 700 /root/.ssh
cp /home/debian/.ssh/authorized_keys /root/.ssh/
chown -R root: /root/.ssh
sed -i 's/^PermitRootLogin.*/PermitRootLogin prohibit-password/' /etc/ssh/sshd_config.d/10-test-host.conf
usermod -p '*' root
systemctl reload ssh
"""

FORGET = "rm -rf /srv/bench /var/lib/ciab/steps /var/lib/ciab/runs /var/lib/ciab/current /var/lib/ciab/events.jsonl /var/lib/ciab/put; sync"


class Bench:
    """The comparisons over SSH, all against one host."""

    def __init__(self, work, hosts):
        self.work = work
        self.name, info = host_up(hosts, "steps")
        inside(self.name, FURNISH, info["proxy"])
        self.port, self.key = str(info["port"]), info["key"]
        self.address = "root@127.0.0.1"
        known = f"-oUserKnownHostsFile={work}/known"
        self.fresh = ["-i", self.key, "-oStrictHostKeyChecking=accept-new", "-oBatchMode=yes",
                      "-oIdentitiesOnly=yes", "-oLogLevel=ERROR", known]
        self.master = f"{work}/master"
        timed("ssh", "-p", self.port, *self.fresh, "-M", "-S", self.master, "-fN", "-oControlPersist=yes", self.address)

    def close(self):
        subprocess.run(["ssh", "-S", self.master, "-O", "exit", self.address], stderr=subprocess.DEVNULL, check=False)

    def engine(self, word, file, *more, **rest):
        state = self.work / "state"
        return timed(ENGINE, word, file, "--port", self.port, "--user", "root", "--key", self.key,
                     "--state", state, *more, **rest)

    def run(self, graph, *more):
        """A graph from nothing to its end."""
        inside(self.name, FORGET)
        events = self.work / "events"
        with open(events, "w") as out:
            result = self.engine("run", graph, *more, out=out)
        last = json.loads(events.read_text().splitlines()[-1])["kind"]["run-finished"]["outcome"]
        wanted = {"done": {"ran": len(json.loads(graph.read_text())["steps"]), "held": 0}}
        if last != wanted:
            sys.exit(f"the run ended otherwise: {last}")
        return result

    def loop(self, *command):
        """The same command a hundred times, one after another, over the master connection."""
        ssh = " ".join(["ssh", "-S", self.master, self.address, *command])
        return timed("bash", "-c", f"set -e; for i in $(seq {STEPS}); do {ssh}; done")

    def steps(self):
        apart = self.graph("apart", lambda n: [])
        chain = self.graph("chain", lambda n: [f"step-{n - 1}"] if n else [])
        book = self.book()
        # Once beforehand: what the first contact costs, the helper's binary among it, is no part of a step.
        self.run(apart)
        durable = "'systemd-run --quiet --wait --collect true && sync'"
        side, row, ansible, loop, durable_loop = in_turn(
            ROUNDS,
            lambda: self.run(apart, "--side-by-side", "4"),
            lambda: self.run(chain),
            lambda: timed("ansible-playbook", book, cwd=self.work, env=self.ansible),
            lambda: self.loop("true"),
            lambda: self.loop(durable),
        )
        side_what = f"{STEPS} durable steps, four side by side (as `deploy` runs them)"
        row_what = f"{STEPS} durable steps, strictly one after another"
        playbook = "`ansible-playbook`, pipelining and ControlPersist"
        master = "a loop of `ssh` over a master connection"
        return [
            beside("steps-ansible", side_what, playbook, side, ansible, 10),
            beside("steps-ssh", side_what, master, side, loop, 4),
            beside("chain-ansible", row_what, playbook, row, ansible, 10),
            beside("chain-ssh", row_what, master, row, loop, 4),
            beside("chain-ssh-durable", row_what, "the same loop of `systemd-run --wait ... && sync`", row, durable_loop, None),
        ]

    def graph(self, name, needs):
        steps = [
            step(f"step-{n}", {"job": {"argv": ["true"]}}, {"command": {"argv": ["true"]}}, needs(n))
            for n in range(STEPS)
        ]
        return self.file(f"{name}.json", {"steps": steps})

    def file(self, name, document):
        path = self.work / name
        path.write_text(json.dumps(document))
        return path

    def book(self):
        tasks = [{"name": f"Step {n}", "command": "true"} for n in range(STEPS)]
        book = self.file("book.yml", [{"hosts": "all", "gather_facts": False, "tasks": tasks}])
        (self.work / "inventory").write_text(
            f"box ansible_host=127.0.0.1 ansible_port={self.port} ansible_user=root "
            "ansible_python_interpreter=/usr/bin/python3\n"
        )
        options = " ".join(["-oControlMaster=auto", "-oControlPersist=600", *self.fresh[2:]])
        (self.work / "ansible.cfg").write_text(
            f"[defaults]\ninventory = {self.work}/inventory\nprivate_key_file = {self.key}\n"
            f"[ssh_connection]\npipelining = True\nssh_args = {options}\ncontrol_path_dir = {self.work}/cp\n"
        )
        self.ansible = {**os.environ, "ANSIBLE_CONFIG": f"{self.work}/ansible.cfg", "HOME": str(self.work)}
        return book

    def probes(self):
        command = self.file("commands.json", [{"command": {"argv": ["test", "-d", "/etc"]}}] * STEPS)
        folder = {"folder": {"path": "/etc", "mode": 0o755, "owner": "root", "group": "root"}}
        wants = self.file("wants.json", [{"wants": [folder]}] * STEPS)
        commands, states, loop = in_turn(
            ROUNDS,
            lambda: self.prove(command),
            lambda: self.prove(wants),
            lambda: self.loop("test", "-d", "/etc"),
        )
        master = f"{STEPS} commands of `ssh` over a master connection"
        return [
            beside("probes-state", f"{STEPS} probes of a folder in one round trip", master, states, loop, 20),
            beside("probes-command", f"{STEPS} probes in one round trip, each a command", master, commands, loop, 20),
        ]

    def prove(self, file):
        """The round trip alone: on the other side, too, the connection is open before."""
        out = self.work / "prove"
        with open(out, "w") as to:
            status = self.engine("prove", file, "--times", "3", out=to)[1]
        return statistics.median(float(line) for line in out.read_text().split()), status

    def tree(self):
        top = self.work / "tree"
        texts = {}
        for n in range(FILES):
            path = f"folder-{n % 20}/file-{n}.yml"
            texts[path] = f"# file {n}\n" + "".join(f"key_{k}: value {n * k}\n" for k in range(100))
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(texts[path])
        entries = {
            f"/srv/bench/{path}": {"mode": 0o644, "owner": "root", "group": "root", "secret": False, "text": text}
            for path, text in texts.items()
        }
        wants = [{"file": {"path": path, "entry": entry}} for path, entry in entries.items()]
        ensure = self.file("ensure.json", {"steps": [step("tree", {"ensure": wants}, "action", [])]})
        laid = {"put": {"root": "/srv/bench", "tree": entries, "message": "A tree"}}
        put = self.file("put.json", {"steps": [step("tree", laid, "action", [])]})
        far = f"{self.address}:/srv/bench"
        remote = " ".join(["ssh", "-p", self.port, *self.fresh])

        def clean(*argv):
            inside(self.name, FORGET)
            return timed(*argv)

        ours, ours_put, scp, rsync, synced = in_turn(
            ROUNDS,
            lambda: self.run(ensure),
            lambda: self.run(put),
            lambda: clean("scp", "-q", "-r", "-P", self.port, *self.fresh, top, far),
            lambda: clean("rsync", "-a", "-e", remote, f"{top}/", far),
            lambda: clean("rsync", "-a", "--fsync", "-e", remote, f"{top}/", far),
        )
        size = sum(map(len, texts.values())) // 1000
        files = f"{FILES} files ({size} kB), each synced, as one durable step"
        git = f"{FILES} files ({size} kB), synced and committed with git (`Put`)"
        return [
            beside("tree-scp", files, "`scp -r`", ours, scp, None),
            beside("tree-rsync", files, "`rsync -a`", ours, rsync, None),
            beside("tree-rsync-fsync", files, "`rsync -a --fsync`", ours, synced, None),
            beside("put-scp", git, "`scp -r`", ours_put, scp, None),
            beside("put-rsync", git, "`rsync -a`", ours_put, rsync, None),
        ]

    def parts(self):
        helper = inside(self.name, "echo /var/lib/ciab/bin/*").split()[-1]
        return json.loads(inside(self.name, 'exec python3 -c "$1" "$2"', (HERE / "parts.py").read_text(), helper))


def step(name, action, probe, needs):
    return {
        "id": name,
        "title": name.replace("-", " ").capitalize(),
        "needs": needs,
        "action": action,
        "probe": probe,
        "limit": {"soft": 60, "hard": 120},
        "in_doubt": "run-again",
    }


# --- deploy --------------------------------------------------------------------------------------

# Every installation of packages waits while the file is there: a step that goes on for as long as is wanted.
HOLD = r"""touch /run/bench-hold
echo 'DPkg::Pre-Invoke { "while [ -e /run/bench-hold ]; do sleep 0.1; done"; };' > /etc/apt/apt.conf.d/00bench-hold"""


class Deployment:
    """`ciab deploy` itself, from a bare host."""

    def __init__(self, work, hosts):
        self.name, info = host_up(hosts, "deploy")
        # What is named CIAB_... is a value of the box file.
        plain = {name: value for name, value in os.environ.items() if not name.startswith("CIAB_")}
        self.environment = {**plain, "XDG_STATE_HOME": f"{work}/workstation"}
        self.box = work / "box.yaml"
        self.peak = work / "peak"
        key = pathlib.Path(info["key"] + ".pub").read_text().strip()
        self.box.write_text(
            "apiVersion: ciab/v1\nkind: Box\nprofile: base\nname: bench\naccess:\n"
            f"  target: debian@127.0.0.1:{info['port']}\n  host_key: \"{info['host_key']}\"\n"
            f"  identity: {info['key']}\n  ssh_keys:\n    - {key}\n"
            f"network:\n  ntp: [{info['ntp']}]\n  proxy:\n    http: {info['proxy']}\n"
        )
        self.helpers = HelperMemory(hashlib.sha256(CIAB.read_bytes()).hexdigest())

    def rows(self):
        inside(self.name, HOLD)
        self.until("step-started", "packages")
        attached = [self.until("step-followed", "packages") for _ in range(ROUNDS)]
        inside(self.name, "rm -f /run/bench-hold")
        whole = self.deploy()
        again = [self.deploy() for _ in range(ROUNDS)]
        if any(began for _, _, _, began in again):
            sys.exit("a deployment with nothing to do began steps")
        engine = [peak for _, _, peak, _ in [whole, *again]]
        exits = [status for _, status, _, _ in [whole, *again]]
        nothing = [took / 1000 for took, _, _, _ in again]
        return [
            limit("deploy-nothing", "`deploy` with nothing to do, proofs included", nothing, "s", 3, exits[1:]),
            limit("re-attach", "a killed `deploy` started again, until it follows the step that runs",
                  [took / 1000 for took in attached], "s", 2, []),
            limit("memory-engine", "peak memory of `deploy`", [max(engine)], "MiB", 64, exits),
            limit("memory-helper", "peak memory of its helper on the box", [self.helpers.stop()], "MiB", 64, []),
        ]

    def deploy(self):
        """A whole deployment: milliseconds, exit status, peak MiB, steps begun."""
        words = ["time", "-f", "%M", "-o", self.peak, CIAB, "deploy", "--json", self.box]
        began = time.perf_counter()
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=self.environment, text=True, executable=shutil.which("time"))
        took = (time.perf_counter() - began) * 1000
        if done.returncode != 0:
            sys.exit(f"deploy ended with {done.returncode}: {done.stderr[-2000:]}")
        return took, done.returncode, int(self.peak.read_text().split()[-1]) / 1024, done.stdout.count('"step-started"')

    def until(self, kind, step_name):
        """Milliseconds until `deploy` says this of a step; then it is killed."""
        began = time.perf_counter()
        engine = subprocess.Popen([CIAB, "deploy", "--json", self.box], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, text=True)
        for line in engine.stdout:
            event = json.loads(line).get("kind", {})
            if isinstance(event, dict) and event.get(kind, {}).get("step") == step_name:
                took = (time.perf_counter() - began) * 1000
                # A moment for what was just started to become a unit that runs.
                time.sleep(1)
                engine.kill()
                engine.communicate()
                # The helper sees that its engine is gone, and lets go of the lock.
                time.sleep(1)
                return took
        sys.exit(f"deploy ended with {engine.wait()} before {kind}: {engine.stderr.read()[-2000:]}")


class HelperMemory:
    """The largest resident set of any helper of this binary, looked at from outside while deployments run."""

    def __init__(self, digest):
        self.digest, self.most, self.over = digest.encode(), 0, False
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.over:
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    words = (process / "cmdline").read_bytes().split(b"\0")
                    if words[1:3] == [b"agent", b"serve"] and self.digest in words:
                        lines = (process / "status").read_text().splitlines()
                        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
                        self.most = max(self.most, peak / 1024)
                except (OSError, StopIteration):
                    continue
            time.sleep(0.25)

    def stop(self):
        self.over = True
        self.thread.join()
        return self.most


main()
