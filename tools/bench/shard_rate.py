#!/usr/bin/env python3
"""Rate of a run's shards while its nodes are busy: shard_rate.py PORT RUN SLIDES. Reads the run's count from Redis, waits until all slides are planned and
three tenths of the shards are done (nodes have loaded and compiled what they need by then), and measures up to nine tenths."""
import socket
import sys
import time

port, run, slides = sys.argv[1], sys.argv[2], int(sys.argv[3])


# One connection and few questions: a redis-cli for each took a tenth of a core from the nodes that are measured.
answers = socket.create_connection(("127.0.0.1", int(port))).makefile("rwb")


def read():
    kind, rest = (line := answers.readline().rstrip(b"\r\n"))[:1], line[1:]
    if kind == b"-":
        sys.exit("shard_rate: redis says " + rest.decode())
    if kind == b"*":
        return [read() for _ in range(int(rest))]
    if kind == b"$":
        length = int(rest)
        return None if length < 0 else answers.read(length + 2)[:length].decode()
    return rest.decode()


def ask(*command):
    parts = [part.encode() for part in command]
    answers.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    answers.flush()
    return read()


def count():
    return int(ask("HGET", f"slidemesh:run:{run}", "shards") or 0)


def total():
    sets = ask("KEYS", f"slidemesh:set:{run}:*")
    return sum(int(ask("HGET", name, "want")) for name in sets) if len(sets) == slides else None


ENDS = time.monotonic() + 120


def wait(until, pause):
    while not until():
        if time.monotonic() > ENDS:
            sys.exit(f"shard_rate: {count()} shards after two minutes, planned: {total()}")
        time.sleep(pause)


wait(lambda: total() is not None, 0.05)
wanted = total()
wait(lambda: count() >= wanted * 0.3, 0.02)
first, began = count(), time.monotonic()
wait(lambda: count() >= wanted * 0.9, 0.02)
done, seconds = count() - first, time.monotonic() - began
nodes = len(ask("ZRANGE", "slidemesh:nodes", "0", "-1"))
print(f"{nodes} {done} {seconds:.2f} {done / seconds:.2f}", flush=True)
