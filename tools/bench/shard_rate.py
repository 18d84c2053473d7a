#!/usr/bin/env python3
"""Rate of a run's shards while its nodes are busy: shard_rate.py PORT RUN SLIDES. Reads the run's count from Redis, waits until all slides are planned and
a tenth of the shards is done (nodes have loaded their models by then), and measures up to nine tenths."""
import subprocess
import sys
import time

port, run, slides = sys.argv[1], sys.argv[2], int(sys.argv[3])


def ask(*command):
    return subprocess.run(["redis-cli", "-p", port, *command], capture_output=True, text=True, check=True).stdout.strip()


def count():
    return int(ask("HGET", f"slidemesh:run:{run}", "shards") or 0)


def total():
    sets = ask("KEYS", f"slidemesh:set:{run}:*").split()
    return sum(int(ask("HGET", name, "want")) for name in sets) if len(sets) == slides else None


ENDS = time.monotonic() + 120


def wait(until, pause):
    while not until():
        if time.monotonic() > ENDS:
            sys.exit(f"shard_rate: {count()} shards after two minutes, planned: {total()}")
        time.sleep(pause)


wait(lambda: total() is not None, 0.05)
wanted = total()
wait(lambda: count() >= wanted * 0.1, 0.01)
first, began = count(), time.monotonic()
wait(lambda: count() >= wanted * 0.9, 0.01)
done, seconds = count() - first, time.monotonic() - began
nodes = len([line for line in ask("ZRANGE", "slidemesh:nodes", "0", "-1").split("\n") if line])
print(f"{nodes} {done} {seconds:.2f} {done / seconds:.2f}", flush=True)
