#!/usr/bin/env bash
# What the cluster engine costs: overhead of a shard by backlog, memory over many shards, nodes that wait instead of computing, how long an
# urgent slide waits. Starts a redis-server of its own on a free loopback port.
#   tools/bench/cluster.sh                 everything; about 25 minutes on 2 cores
#   tools/bench/cluster.sh overhead|million|memory|scaling|urgency|inference        each under 8 minutes
# "inference" needs two cores: one node of one thread on one core against two nodes on two, the same cohort with the demo models.
set -euo pipefail
cd "$(dirname "$0")/../.."
what=${1:-all}
tools/setup.sh --tests
dotnet build tests/SlideMesh.Benchmarks -c Release -v quiet --nologo -clp:NoSummary
work=$(mktemp -d)
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --dir "$work" --save "" --appendonly no >"$work/redis.log" &
redis=$!
pids=()
trap 'kill "${pids[@]}" "$redis" 2>/dev/null; wait; rm -rf "$work"' EXIT
sleep 1
bench() { dotnet tests/SlideMesh.Benchmarks/bin/Release/net10.0/slidemesh-bench.dll "$@"; }
wanted() { [ "$what" = all ] || [ "$what" = "$1" ]; }

if wanted overhead; then
  echo "backlog shards seconds shards/s (submit, claim, complete in its set; empty stage, one node)"
  for backlog in 1000 10000 100000; do bench mesh-overhead "127.0.0.1:$port" $backlog 20000 120; redis-cli -p "$port" flushall >/dev/null; done
fi
if wanted million; then
  echo "the same with 1,000,000 shards that wait, then an urgent slide's wait behind as many"
  bench mesh-overhead "127.0.0.1:$port" 1000000 20000 60
  redis-cli -p "$port" flushall >/dev/null
  bench mesh-urgency "127.0.0.1:$port" 1000000 20
  redis-cli -p "$port" flushall >/dev/null
fi
if wanted memory; then
  echo "1,000,000 shards (or what seven minutes bring) through a backlog of 1000"
  bench mesh-overhead "127.0.0.1:$port" 1000 1000000 420
  redis-cli -p "$port" flushall >/dev/null
fi
if wanted scaling; then
  echo "nodes shards seconds shards/s share-of-n (a stage that waits 100 ms)"
  bench mesh-scaling "127.0.0.1:$port" 100 40
fi
if wanted urgency; then
  echo "backlog tries longest-ms median-ms (from submission to the first urgent shard's handler; 4 places, shards of 200 ms)"
  bench mesh-urgency "127.0.0.1:$port" 10000 20
fi
if wanted inference; then
  dotnet build src/SlideMesh.Cli -c Release -v quiet --nologo -clp:NoSummary
  dotnet build tools/SlideMesh.Synth -c Release -v quiet --nologo -clp:NoSummary
  mkdir -p "$work/store/slides"
  for slide in 1 2 3 4 5 6 7 8 9; do
    dotnet tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll slide --out "$work/store/slides/s$slide.tiff" --size 16000 --seed "$slide" --origin Breast >/dev/null
  done
  export SLIDEMESH_REDIS=127.0.0.1:$port SLIDEMESH_STORE=$work/store
  program="dotnet src/SlideMesh.Cli/bin/Release/net10.0/slidemesh.dll"
  # Shards only: the time from the first claim to the last shard's completion, as Redis counts them.
  run() {
    pids=()
    for ((core = 0; core < $1; core++)); do
      taskset -c "$core" $program node --role coordinator,inference --name "n$1-$core-$RANDOM" --threads 1 --decoders 1 --batch-size 16 2>>"$work/nodes.log" &
      pids+=($!)
    done
    id=$($program submit "$work/store/slides" --models demo-encoder demo-grade-mil demo-origin --out "out$1-$RANDOM" --shard-tiles 32)
    /usr/bin/python3 tools/bench/shard_rate.py "$port" "$id" 9
    kill "${pids[@]}"; wait "${pids[@]}" 2>/dev/null || true
    pids=()
    $program cancel "$id" >/dev/null
  }
  echo "nodes shards seconds shards/s (demo encoder, one thread and one core a node)"
  for repeat in 1 2 3; do run 1; run 2; done
fi
