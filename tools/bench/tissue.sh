#!/usr/bin/env bash
# Time and memory of tissue detection: slides of 20,000, 50,000 and 100,000 pixels with and without a pyramid, by our reader and by
# OpenSlide alone. Bar: 3 s, and 300 MB for the whole process. Medians of 3.
#   tools/bench/tissue.sh [EDGE_PX ...]      about 2 minutes on 2 cores
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/setup.sh --bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build tests/SlideMesh.Benchmarks -c Release -v quiet --nologo -clp:NoSummary
dotnet build tools/SlideMesh.Synth -c Release -v quiet --nologo -clp:NoSummary
bench=tests/SlideMesh.Benchmarks/bin/Release/net10.0/slidemesh-bench.dll
median() { sort -n | sed -n 2p; }
echo "| slide | levels | reader | tissue mm2 | share read | s | peak MiB |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
for edge in "${@:-20000 50000 100000}"; do
  for size in $edge; do
    for levels in pyramid one; do
      slide=$work/$size-$levels.tiff
      smallest=1024
      [ "$levels" = pyramid ] || smallest=1000000
      dotnet tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll repeat --size "$size" --smallest-level "$smallest" --out "$slide" --seed 1 >/dev/null
      for reader in auto openslide; do
        : >"$work/seconds"; : >"$work/kib"
        for _ in 1 2 3; do
          /usr/bin/time -o "$work/time" -f '%M' dotnet "$bench" tissue "$slide" "$reader" >"$work/out"
          read -r area share seconds <"$work/out"
          echo "$seconds" >>"$work/seconds"
          cat "$work/time" >>"$work/kib"
        done
        echo "| $size x $size | $levels | $reader | $area | $share | $(median <"$work/seconds") | $(($(median <"$work/kib") / 1024)) |"
      done
      rm -f "$slide"
    done
  done
done
