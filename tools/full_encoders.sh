#!/usr/bin/env bash
# Whole ViT-L, ViT-H and ViT-g (formula-made weights, 224 px) against PyTorch: what the tests check at full width with two blocks only.
#   tools/full_encoders.sh      about 10 minutes on 2 cores, 12 GiB of memory and 5 GB of temporary files; "Passed!" at the end
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh --tests
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 tests/reference/make_encoder_reference.py --full "$work"
SLIDEMESH_FULL_ENCODERS=$work TMPDIR=$work dotnet test tests/SlideMesh.Models.Tests -c Release --nologo --logger "console;verbosity=detailed" \
  --filter 'DisplayName~-full' | grep -E 'Largest|error|Failed|Passed'
