#!/usr/bin/env python3
"""Times how long a killed node's work lies still: from kill -9 to the claim of each of its messages by another node.

    tools/chaos/takeover.py --kills 20            3 nodes, default lease (6 s), 20 slides, runs after each other

A node is killed with its parent, as a lost machine, at a moment (from the seed) at which it holds something; the next one after the former's work
has all been claimed elsewhere or has ended. Prints a line a kill and, at the end, median and maximum over all messages.
"""
import argparse
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from chaos import Node, Redis, SHARD_TILES, SYNTH, slidemesh

# Messages whose claim is of a life of the node ARGV[1].
HELD = """
local found = {}
for _, pool in ipairs({ 'coordinator', 'aggregator', 'default' }) do
  for _, member in ipairs(redis.call('ZRANGE', 'slidemesh:held:' .. pool, 0, -1)) do
    local run, slide = string.match(member, '^(%S+) (%S+)$')
    local mail = redis.call('HGETALL', 'slidemesh:mail:' .. pool .. ':' .. run .. ':' .. slide)
    for i = 1, #mail, 2 do
      if string.sub(mail[i], 1, 2) == 'n:' and string.sub(mail[i + 1], 1, #ARGV[1] + 1) == ARGV[1] .. '/' then
        found[#found + 1] = table.concat({ pool, run, slide, string.sub(mail[i], 3) }, ' ')
      end
    end
  end
end
return found
"""

# What became of each message: who holds it, "" while it waits, "gone" when it has ended.
HOLDERS = """
local answer = {}
for i, text in ipairs(ARGV) do
  local pool, run, slide, id = string.match(text, '^(%S+) (%S+) (%S+) (%S+)$')
  local lane = pool .. ':' .. run .. ':' .. slide
  if #redis.call('XRANGE', 'slidemesh:lane:' .. lane, id, id) == 0 then answer[i] = 'gone'
  else answer[i] = redis.call('HGET', 'slidemesh:mail:' .. lane, 'n:' .. id) or '' end
end
return answer
"""


class Client:
    """Just enough of Redis' protocol to ask a hundred times a second."""

    def __init__(self, port):
        self.file = socket.create_connection(("127.0.0.1", port), timeout=10).makefile("rwb")

    def ask(self, *command):
        parts = [str(part).encode() for part in command]
        self.file.write(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        self.file.flush()
        return self.read()

    def read(self):
        line = self.file.readline()[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"-":
            raise SystemExit("takeover: redis says " + rest.decode())
        return rest.decode()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--slides", type=int, default=20)
    options.add_argument("--nodes", type=int, default=3)
    options.add_argument("--lease", type=int, default=6)
    options.add_argument("--limit", type=float, default=450, help="seconds for everything")
    chosen = options.parse_args()
    ends = time.monotonic() + chosen.limit
    dice = random.Random(chosen.seed)
    work = pathlib.Path(tempfile.mkdtemp(prefix="slidemesh-takeover-"))
    store = work / "store"
    (store / "slides").mkdir(parents=True)
    for index in range(chosen.slides):
        subprocess.run(["dotnet", str(SYNTH), "slide", "--out", str(store / f"slides/s{index:02}.tiff"), "--size", "1280", "--seed", str(2000 + index)],
                       check=True, stdout=subprocess.DEVNULL)
    redis = Redis(work)
    environment = dict(os.environ, SLIDEMESH_STORE=str(store), SLIDEMESH_REDIS=f"127.0.0.1:{redis.port}")
    nodes = [Node(place, work, environment, chosen.lease, 3) for place in range(chosen.nodes)]
    client = Client(redis.port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("takeover: stopped"))
    times, kills, runs = [], 0, 0
    try:
        while kills < chosen.kills and time.monotonic() < ends:
            # Enough waits that nobody is idle.
            if int(client.ask("LLEN", "slidemesh:backlog:default")) + int(client.ask("LLEN", "slidemesh:backlog:coordinator")) < 8:
                runs += 1
                slidemesh(["submit", "slides", "--out", f"run{runs}", "--shard-tiles", str(SHARD_TILES)], environment, store).check_returncode()
            time.sleep(dice.uniform(0.5, 2.0))
            node = nodes[dice.randrange(len(nodes))]
            name = f"node{node.place}-{node.generation}"
            if not client.ask("EVAL", HELD, 0, name):
                continue
            node.kill()
            killed = time.monotonic()
            held = client.ask("EVAL", HELD, 0, name)
            node.start()
            waiting, took = dict.fromkeys(held), []
            while waiting and time.monotonic() - killed < 60:
                for message, holder in zip(list(waiting), client.ask("EVAL", HOLDERS, 0, *waiting)):
                    if holder == "gone":
                        # Run a second time elsewhere as a straggler, or its slide ended without it.
                        waiting.pop(message)
                    elif holder and not holder.startswith(name + "/"):
                        waiting.pop(message)
                        took.append((time.monotonic() - killed, message.split()[0]))
                time.sleep(0.01)
            if waiting:
                raise SystemExit(f"takeover: not claimed within 60 s: {list(waiting)}")
            kills += 1
            times += [seconds for seconds, _ in took]
            print(f"kill {kills}: {len(held)} messages held, claimed elsewhere after " + (", ".join(f"{s:.1f} s ({p})" for s, p in took) or "nothing"), flush=True)
    finally:
        for node in nodes:
            node.kill()
        redis.kill()
        shutil.rmtree(work, ignore_errors=True)
    if not times:
        raise SystemExit("takeover: no killed node held anything")
    print(f"{kills} kills, {len(times)} messages taken over, lease {chosen.lease} s: median {statistics.median(times):.1f} s, longest {max(times):.1f} s")
    return 0 if max(times) < 10 else 1


if __name__ == "__main__":
    sys.exit(main())
