#!/usr/bin/env python3
"""Disturbs a cluster at random moments while it works, and compares every byte that it leaves with a run on one machine.

    tools/chaos/chaos.py --seed 1 --moments 200            20 slides, 3 nodes, default settings
    tools/chaos/chaos.py --seed 1 --moments 6 --slides 4   the short form

Starts a redis-server with an append-only file and the nodes itself, on free loopback ports, in a temporary folder. Runs follow each other until
all moments have come. What is done, to which node, and after which pause follows from the seed; when it hits the work follows from the machine.
Disturbances: kill -9 of a node with the parent that watches over it (a machine that is lost; a new one starts), SIGSTOP of both for longer than the
lease, then SIGCONT, CLIENT KILL of all connections, kill -9 of Redis and a start from its append-only file. Exit code 0 when every run ended with the
right bytes, every slide done, and each shard counted once, and no node's log holds the trace of a defect.
"""
import argparse
import hashlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = ROOT / "src/SlideMesh.Cli/bin/Release/net10.0/slidemesh.dll"
SYNTH = ROOT / "tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll"
OF_THE_RUN = {".lock", "run.log", "timings.csv"}
SHARD_TILES = 4
# What a node says, or the runtime for it, before the trace of an exception that nobody expected.
DEFECTS = ("this is a defect", "unhandled exception")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Redis:
    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--appendonly", "yes", "--save", ""],
            stdout=subprocess.DEVNULL)
        for _ in range(500):
            if self.ask("PING") == "PONG":
                return
            time.sleep(0.02)
        raise SystemExit("chaos: redis-server did not start")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def ask(self, *command):
        return subprocess.run(["redis-cli", "-p", str(self.port), *command], capture_output=True, text=True, check=False).stdout.strip()


class Node:
    """One place in the cluster: the process in it is replaced when it is killed."""

    def __init__(self, place, work, environment, lease, deaths):
        self.place, self.work, self.environment, self.lease, self.deaths = place, work, environment, lease, deaths
        self.generation, self.stopped_until = 0, 0.0
        self.start()

    def start(self):
        self.generation += 1
        self.log = open(self.work / f"node{self.place}.log", "a")
        self.process = subprocess.Popen(
            ["dotnet", str(PROGRAM), "node", "--name", f"node{self.place}-{self.generation}", "--lease", str(self.lease), "--max-deaths", str(self.deaths),
             "--threads", "1", "--decoders", "1", "--batch-size", "4", "--models-cache", str(self.work / f"cache{self.place}")],
            env=self.environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def signal(self, number):
        """To the node's two processes at once."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            # It has ended by itself, which its log explains.
            pass


def tree(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in OF_THE_RUN}


def differences(expected, found):
    wanted, got = tree(expected), tree(found)
    return ([f"missing {f}" for f in wanted.keys() - got.keys()] + [f"too much {f}" for f in got.keys() - wanted.keys()]
            + [f"different {f}" for f in wanted.keys() & got.keys() if wanted[f] != got[f]])


def defects(logs):
    """Lines of nodes' logs that no disturbance explains, with the exception's own line where it comes next."""
    found = []
    for log in sorted(logs):
        lines = log.read_text(errors="replace").splitlines()
        for number, line in enumerate(lines):
            if any(word in line.lower() for word in DEFECTS):
                then = " | ".join(text.strip() for text in lines[number:number + 2])
                found.append(f"{log.stem}, line {number + 1} of its log: {then}")
    return found


def shards_of(reference):
    """What the cluster has to complete: every stream's planned tiles, cut."""
    total = 0
    for plan in reference.glob("slides/*/plan.json"):
        total += sum(-(-stream["tiles"] // SHARD_TILES) for stream in json.loads(plan.read_text())["streams"])
    return total


def slidemesh(arguments, environment, cwd):
    return subprocess.run(["dotnet", str(PROGRAM), *arguments], env=environment, cwd=cwd, capture_output=True, text=True, check=False)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--moments", type=int, default=200)
    options.add_argument("--slides", type=int, default=20)
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--lease", type=int, default=6, help="seconds, as the nodes' --lease")
    options.add_argument("--max-deaths", type=int, default=3)
    options.add_argument("--pause", type=float, default=3.0, help="mean seconds between moments")
    options.add_argument("--limit", type=float, default=300, help="seconds that one run may take")
    options.add_argument("--keep", action="store_true", help="keep the working folder")
    chosen = options.parse_args()
    if not PROGRAM.exists() or not SYNTH.exists():
        raise SystemExit("chaos: build first: dotnet build SlideMesh.sln -c Release")

    work = pathlib.Path(tempfile.mkdtemp(prefix="slidemesh-chaos-"))
    dice = random.Random(chosen.seed)
    store = work / "store"
    store.mkdir()
    slides = store / "slides"
    slides.mkdir()
    for index in range(chosen.slides):
        subprocess.run(
            ["dotnet", str(SYNTH), "slide", "--out", str(slides / f"s{index:02}.tiff"), "--size", str(dice.choice([768, 1024, 1280])), "--seed", str(1000 + index)],
            check=True, stdout=subprocess.DEVNULL)
    environment = dict(os.environ, SLIDEMESH_STORE=str(store))
    reference = work / "reference"
    began = time.monotonic()
    slidemesh(["run", "slides", "--out", str(reference), "--quiet", "--threads", "1", "--decoders", "2", "--batch-size", "4", "--shard-tiles", str(SHARD_TILES)],
              environment, store).check_returncode()
    shards = shards_of(reference)
    print(f"reference: {chosen.slides} slides, {shards} shards, {time.monotonic() - began:.0f} s on one machine", flush=True)

    redis = Redis(work)
    environment["SLIDEMESH_REDIS"] = f"127.0.0.1:{redis.port}"
    nodes = [Node(place, work, environment, chosen.lease, chosen.max_deaths) for place in range(chosen.nodes)]
    counts = {"kill node": 0, "stop node": 0, "cut connections": 0, "kill redis": 0}
    done = threading.Event()
    moments = 0

    def disturb():
        nonlocal moments
        while not done.is_set() and moments < chosen.moments:
            pause = dice.uniform(0.2, 2 * chosen.pause - 0.2)
            # One in two is a node that dies; the rest are shared out.
            kind = dice.choices(list(counts), weights=[5, 2, 2, 1])[0]
            node = nodes[dice.randrange(len(nodes))]
            after = dice.uniform(0.0, 1.5)
            if done.wait(pause):
                return
            if kind == "kill node":
                node.kill()
                time.sleep(after)
                node.start()
                node.stopped_until = 0.0
            elif kind == "stop node" and not node.stopped_until:
                node.signal(signal.SIGSTOP)
                node.stopped_until = time.monotonic() + chosen.lease + 2
            elif kind == "cut connections":
                redis.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
                redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
            elif kind == "kill redis":
                redis.kill()
                time.sleep(after)
                redis.start()
            else:
                continue
            counts[kind] += 1
            moments += 1

    def revive():
        while not done.wait(0.2):
            for node in nodes:
                if node.stopped_until and time.monotonic() > node.stopped_until:
                    node.stopped_until = 0.0
                    node.signal(signal.SIGCONT)

    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("chaos: stopped"))
    wrong, runs = [], 0
    threading.Thread(target=revive, daemon=True).start()
    try:
        while moments < chosen.moments and not wrong:
            runs += 1
            out = f"run{runs}"
            submitted = slidemesh(["submit", "slides", "--out", out, "--shard-tiles", str(SHARD_TILES)], environment, store)
            submitted.check_returncode()
            run = submitted.stdout.strip()
            first = moments
            worker = threading.Thread(target=disturb, daemon=True)
            ended = threading.Event()
            began = time.monotonic()
            done.clear()
            worker.start()
            state = {}
            while not ended.is_set():
                time.sleep(0.25)
                fields = redis.ask("HGETALL", f"slidemesh:run:{run}").split("\n")
                state = dict(zip(fields[::2], fields[1::2]))
                if "closed" in state:
                    ended.set()
                if time.monotonic() - began > chosen.limit:
                    wrong.append(f"{run} did not end within {chosen.limit:.0f} s: {state}")
                    break
            done.set()
            worker.join()
            done.clear()
            threading.Thread(target=revive, daemon=True).start()
            counted = {name: state.get(name, "0") for name in ("done", "failed", "quarantined", "shards")}
            expected = {"done": str(chosen.slides), "failed": "0", "quarantined": "0", "shards": str(shards)}
            if not wrong and counted != expected:
                wrong.append(f"{run}: {counted}, expected {expected}")
            if ended.is_set():
                # A node that was stopped may still come round: what it does then must change nothing.
                while any(node.stopped_until for node in nodes):
                    time.sleep(0.2)
                time.sleep(1.5)
                wrong += [f"{run}: {line}" for line in differences(reference, store / out)]
            wrong += defects(work.glob("node*.log"))
            print(f"run {runs}: {moments - first} moments, {time.monotonic() - began:.0f} s, {counted}, {'WRONG' if wrong else 'same bytes'}", flush=True)
    finally:
        done.set()
        for node in nodes:
            node.signal(signal.SIGCONT)
            node.kill()
        redis.kill()
    wrong += [line for line in defects(work.glob("node*.log")) if line not in wrong]
    took_over = sum(line.startswith("took over") or " took over " in line for log in work.glob("node*.log") for line in log.read_text().split("\n"))
    print(f"seed {chosen.seed}: {moments} moments in {runs} runs ({', '.join(f'{n} x {what}' for what, n in counts.items())}), {took_over} take-overs seen: "
          + ("every run ended with the bytes of one machine" if not wrong else "FAILED"))
    for line in wrong[:40]:
        print("  " + line)
    if chosen.keep or wrong:
        print(f"working folder: {work}")
    else:
        shutil.rmtree(work)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
