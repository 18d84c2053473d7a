#!/usr/bin/env bash
# Speed of the pipeline: against bare ONNX Runtime on the same tiles in memory, and against a Python pipeline (openslide-python,
# PIL, PyTorch eager) with the same weights and tiles; then the demo encoder, with where its time goes. Sides alternate; medians.
#   tools/bench/speed.sh [REPEATS [SLIDE_EDGE_PX]]     default 3 repeats on a 20,000 px synthetic slide; about 10 minutes on 2 cores
set -euo pipefail
cd "$(dirname "$0")/../.."
repeats=${1:-3}
edge=${2:-20000}
batch=8
# The Python side is slow: its rate is taken over the slide's first tiles.
python_tiles=300
tools/setup.sh --bench
work=${SLIDEMESH_BENCH:-$(mktemp -d)}
[ -n "${SLIDEMESH_BENCH:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
dotnet build tests/SlideMesh.Benchmarks -c Release -v quiet --nologo -clp:NoSummary
dotnet build tools/SlideMesh.Synth -c Release -v quiet --nologo -clp:NoSummary
bench() { dotnet tests/SlideMesh.Benchmarks/bin/Release/net10.0/slidemesh-bench.dll "$@"; }
[ -f "$work/slide.tiff" ] || dotnet tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll slide --out "$work/slide.tiff" --size "$edge" --seed 11 --origin Breast --grade 3 --tmb 8 >/dev/null
[ -f "$work/package/model.json" ] || /usr/bin/python3 tools/bench/resnet50_package.py "$work"

median() { sort -n | awk '{v[NR]=$1} END {print (NR % 2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.3f", a/b}'; }

echo "ResNet-50, 224 px tiles of a synthetic slide of $edge px, batch $batch, $repeats repeats, sides in turn"
: >"$work/pipeline"; : >"$work/bare"; : >"$work/python"; : >"$work/cosine"
for ((i = 1; i <= repeats; i++)); do
  p=$(bench pipeline "$work/slide.tiff" "$work/package" "$work/out" $batch 2>"$work/explain")
  b=$(bench bare "$work/slide.tiff" "$work/package" "$work/out" $batch)
  features=$(ls "$work"/out/slides/*/features/*.h5)
  # Workers: 0 and 1 were the fastest settings on 2 cores; the better of the two counts.
  y0=$(/usr/bin/python3 tools/bench/python_pipeline.py "$work/slide.tiff" "$features" "$work/resnet50.pt" 0 $batch $python_tiles)
  y1=$(/usr/bin/python3 tools/bench/python_pipeline.py "$work/slide.tiff" "$features" "$work/resnet50.pt" 1 $batch $python_tiles)
  y=$(printf '%s\n%s\n' "$y0" "$y1" | sort -k3 -n -r | head -n 1)
  echo "$p" | cut -d' ' -f3 >>"$work/pipeline"
  echo "$b" | cut -d' ' -f3 >>"$work/bare"
  echo "$y" | cut -d' ' -f3 >>"$work/python"
  echo "$y" | cut -d' ' -f4 >>"$work/cosine"
  echo "  $i: pipeline $(tail -n 1 "$work/pipeline"), bare ONNX Runtime $(tail -n 1 "$work/bare"), Python $(tail -n 1 "$work/python") tiles/s; least cosine $(tail -n 1 "$work/cosine")"
done
p=$(median <"$work/pipeline"); b=$(median <"$work/bare"); y=$(median <"$work/python")
echo
echo "| side | tiles/s (median) | pipeline / side |"
echo "| --- | --- | --- |"
echo "| SlideMesh, slide to report | $p | 1 |"
echo "| bare ONNX Runtime, tiles in memory | $b | $(ratio "$p" "$b") |"
echo "| Python: openslide-python, PIL, PyTorch eager | $y | $(ratio "$p" "$y") |"
echo "least cosine of a tile's features, ours against Python's: $(sort -n "$work/cosine" | head -n 1)"
echo
echo "Where the ResNet-50 run's time went:"
sed 's/^/  /' "$work/explain"
echo
echo "Demo encoder (all times of the last of $repeats runs):"
: >"$work/demo"
for ((i = 1; i <= repeats; i++)); do
  bench pipeline "$work/slide.tiff" tools/demo-models/demo-encoder "$work/out-demo" $batch 2>"$work/explain" | cut -d' ' -f3 >>"$work/demo"
done
echo "  $(median <"$work/demo") tiles/s (median)"
sed 's/^/  /' "$work/explain"
