#!/usr/bin/env bash
# Accuracy of the demo models on held-out synthetic slides, run through `slidemesh run`: prints a table, slide alone against fused with omics.
#   tools/bench/accuracy.sh [SLIDES [SEED]]      default 60 slides of seed 9001 (the training used others); about 3 minutes on 2 cores
set -euo pipefail
cd "$(dirname "$0")/../.."
slides=${1:-60}
seed=${2:-9001}
tools/setup.sh --tests
work=${SLIDEMESH_BENCH:-$(mktemp -d)}
[ -n "${SLIDEMESH_BENCH:-}" ] || trap 'rm -rf "$work"' EXIT
dotnet build tools/SlideMesh.Synth -c Release -v quiet --nologo -clp:NoSummary
dotnet tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll cohort --out "$work/cohort" --slides "$slides" --seed "$seed" >/dev/null
tools/slidemesh run --manifest "$work/cohort/cohort.csv" --omics "$work/cohort/omics.csv" --out "$work/results" --models tools/demo-models >"$work/table.txt" \
  || { cat "$work/table.txt"; exit 1; }
/usr/bin/python3 tools/score_cohort.py "$work/results" "$work/cohort/cohort.csv"
