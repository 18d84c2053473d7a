#!/usr/bin/env bash
# Peak resident memory of `slidemesh run` with all demo models on slides of 20,000, 50,000 and 100,000 pixels.
# The batch size is fixed: chosen by measuring it differs from run to run, and with it the peak by up to 300 MiB.
# The slides repeat one rendered block, so that they are written in seconds; to the pipeline they are slides like any other.
#   tools/bench/memory.sh [EDGE_PX ...]      about 5 minutes on 2 cores
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/setup.sh --bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build src/SlideMesh.Cli -c Release -v quiet --nologo -clp:NoSummary
dotnet build tools/SlideMesh.Synth -c Release -v quiet --nologo -clp:NoSummary
echo "| slide | tiles | peak resident | wall |"
echo "| --- | --- | --- | --- |"
for edge in "${@:-20000 50000 100000}"; do
  for size in $edge; do
    dotnet tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll repeat --size "$size" --out "$work/$size.tiff" --seed 1 >/dev/null
    /usr/bin/time -o "$work/time" -f '%M %e' dotnet src/SlideMesh.Cli/bin/Release/net10.0/slidemesh.dll run "$work/$size.tiff" --out "$work/out-$size" --batch-size 16 --quiet >"$work/table"
    read -r kib seconds <"$work/time"
    tiles=$(/usr/bin/python3 -c "import csv,sys; r=next(csv.DictReader(open(sys.argv[1]))); print(sum(int(v) for k,v in r.items() if k.startswith('tiles_demo')))" "$work/out-$size/slides.csv")
    echo "| $size x $size | $tiles | $((kib / 1024)) MiB | $seconds s |"
    rm -rf "$work/out-$size" "$work/$size.tiff"
  done
done
