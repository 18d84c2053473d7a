#!/usr/bin/env bash
# From a bare Debian machine with the .NET SDK to results: installs what is missing, builds, makes a small synthetic cohort,
# runs the pipeline on it and says where to look. Safe to run again: what is done stays done. Under 10 minutes on 2 cores.
#   tools/demo.sh [FOLDER]      default: demo/ in the checkout
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=${1:-demo}
slides=8
seed=2026
say() { printf '\n== %s\n' "$*"; }

say "installing what is missing"
tools/setup.sh
say "building"
dotnet build tools/SlideMesh.Synth/SlideMesh.Synth.csproj -c Release -v quiet --nologo -clp:NoSummary
tools/slidemesh --version >/dev/null

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if [ ! -f "$folder/cohort/.complete" ]; then
  say "making $slides synthetic slides (seed $seed)"
  rm -rf "$folder/cohort"
  dotnet tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll cohort --out "$folder/cohort" --slides "$slides" --seed "$seed"
  touch "$folder/cohort/.complete"
fi

cd "$folder"
say "what the slides are: slidemesh inspect cohort/slides"
"$root/tools/slidemesh" inspect cohort/slides
say "the main job: slidemesh run --manifest cohort/cohort.csv --omics cohort/omics.csv --out results"
status=0
"$root/tools/slidemesh" run --manifest cohort/cohort.csv --omics cohort/omics.csv --out results || status=$?

say "results"
echo "report of the run:      $folder/results/report.html"
echo "table, a row a slide:   $folder/results/slides.csv"
echo "what failed, and why:   $folder/results/failures.csv"
echo "one slide's report:     $(ls -d "$folder"/results/slides/*/report.html 2>/dev/null | head -n 1)"
echo "one slide's heatmaps:   $(ls -d "$folder"/results/slides/*/heatmaps 2>/dev/null | head -n 1)"
echo "The truth behind each synthetic slide stands in $folder/cohort/cohort.csv."
exit "$status"
