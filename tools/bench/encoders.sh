#!/usr/bin/env bash
# Speed of imported encoders: a PyTorch checkpoint is imported by `slidemesh model import`, then our graph in ONNX Runtime and PyTorch
# eager take turns on the same batch of 224 px tiles, 2 threads each; medians, and the largest difference of a feature.
#   tools/bench/encoders.sh [REPEATS [NAME ...]]      default 7 repeats of resnet50 and vit_b_16 (torchvision's names); 2 minutes
#   tools/bench/encoders.sh 5 resnet18 resnet34 resnet50 resnet101 densenet121 inception_v3 efficientnet_b0 convnext_tiny swin_t vit_b_16
set -euo pipefail
cd "$(dirname "$0")/../.."
repeats=${1:-7}
shift || true
[ $# -gt 0 ] || set -- resnet50 vit_b_16
batch=8
tools/setup.sh --bench
work=${SLIDEMESH_BENCH:-$(mktemp -d)}
[ -n "${SLIDEMESH_BENCH:-}" ] || trap 'rm -rf "$work"' EXIT
dotnet build tests/SlideMesh.Benchmarks -c Release -v quiet --nologo -clp:NoSummary
dotnet build src/SlideMesh.Cli -c Release -v quiet --nologo -clp:NoSummary
for name in "$@"; do
  [ -d "$work/$name" ] && continue
  /usr/bin/python3 tools/bench/encoders.py save "$name" "$work/$name.pth"
  dotnet src/SlideMesh.Cli/bin/Release/net10.0/slidemesh.dll model import "$work/$name.pth" --out "$work/$name" --mpp 0.5 >/dev/null 2>&1
  rm "$work/$name.pth"
done
echo "| encoder | our graph, tiles/s | PyTorch eager, tiles/s | ours / PyTorch | largest difference | largest feature |"
echo "| --- | --- | --- | --- | --- | --- |"
for name in "$@"; do
  /usr/bin/python3 tools/bench/encoders.py race "$name" "$work" "$repeats" $batch dotnet tests/SlideMesh.Benchmarks/bin/Release/net10.0/slidemesh-bench.dll
done
