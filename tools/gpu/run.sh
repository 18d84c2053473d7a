#!/usr/bin/env bash
# Measures the libtorch engine on a GPU machine: correctness against the CPU, speed against PyTorch's own rate and against a Python pipeline,
# two models at once, and a device without memory. Prints tables; needs no network, no .NET and no Debian package there.
#   tools/gpu/run.sh --pack FILE.tar.xz      here: everything that the other machine needs (about 45 MiB)
#   tools/gpu/run.sh FILE.tar.xz [PYTHON]    there: unpacks, builds the engine's library against PYTHON's PyTorch (default python3), measures;
#                                            about 7 minutes on one GPU. It needs cmake, a C++ compiler, and numpy, onnx and h5py in PYTHON
#   tools/gpu/run.sh --dry-run [DEVICE]      here: packs, unpacks and measures small sizes on the CPU with Debian's libtorch
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
fail() { printf 'gpu: %s\n' "$*" >&2; exit 1; }
say() { printf 'gpu: %s\n' "$*" >&2; }

# A bare Debian has none; both ends need it.
command -v xz >/dev/null || fail "xz is missing: install it (Debian: apt-get install xz-utils)"

pack() {
  local target=$1 large=$2 larger=${3:-} root bundle dotnet library size seed slides
  root=$(cd "$here/../.." && pwd)
  bundle=$(mktemp -d)
  say "packing"
  (cd "$root" && tools/setup.sh >&2 && dotnet publish src/SlideMesh.Cli -c Release -o "$bundle/slidemesh" -v quiet --nologo >&2 \
    && dotnet build tools/SlideMesh.Synth -c Release -v quiet --nologo -clp:NoSummary >&2)
  rm -f "$bundle"/slidemesh/*.pdb "$bundle"/slidemesh/*.xml "$bundle"/slidemesh/libslidemesh_torch.so
  # The runtime itself, so that the other machine needs no .NET and the feed no runtime packages.
  dotnet=$(dirname "$(readlink -f "$(command -v dotnet)")")
  mkdir -p "$bundle/dotnet/shared" "$bundle/lib" "$bundle/slides"
  cp -r "$dotnet/dotnet" "$dotnet/host" "$bundle/dotnet/"
  cp -r "$dotnet/shared/Microsoft.NETCore.App" "$bundle/dotnet/shared/"
  # OpenSlide, libjpeg-turbo and HDF5 with what they need, but for the C and C++ runtimes: the other machine's have to be as new as this one's.
  for library in 'libopenslide[.]so[.]0' 'libturbojpeg[.]so[.]0' 'libhdf5_serial[.]so[.](103|310)'; do
    library=$(ldconfig -p | awk -v n="^$library\$" '$1 ~ n && !found {print $NF; found = 1}')
    [ -n "$library" ] || fail "a library of tools/setup.sh is missing"
    cp -L "$library" "$bundle/lib/"
    ldd "$library" | awk '/=> \// && $3 !~ /\/(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s)\.so/ {print $3}' | xargs -r -I{} cp -L {} "$bundle/lib/"
  done
  # Of any size within seconds: one small slide repeated, whose tiles are stored once.
  for seed in 11 12 ${larger:+13 14}; do
    size=$large slides=$bundle/slides
    [ "$seed" -le 12 ] || { size=$larger slides=$bundle/slides-long; mkdir -p "$slides"; }
    dotnet "$root/tools/SlideMesh.Synth/bin/Release/net10.0/slidemesh-synth.dll" repeat --out "$slides/slide$seed.tiff" --size "$size" --seed "$seed" --origin Breast >/dev/null
  done
  cp "$here/run.sh" "$here/measure.py" "$root/tests/SlideMesh.Inference.Tests/LibTorch/Reference/make_encoders.py" "$bundle/"
  tar -C "$bundle" -c . | xz -T0 -3 >"$target"
  rm -rf "$bundle"
  say "$target: $(($(stat -c %s "$target") >> 20)) MiB"
}

measure() {
  local bundle=$1 python=$2
  shift 2
  export DOTNET_ROOT="$bundle/dotnet" DOTNET_CLI_TELEMETRY_OPTOUT=1 SLIDEMESH_PROGRAM="$bundle/dotnet/dotnet $bundle/slidemesh/slidemesh.dll" SLIDEMESH_LIBRARIES="$bundle/lib"
  say "building the engine's library"
  LD_LIBRARY_PATH="$bundle/lib" $SLIDEMESH_PROGRAM doctor --build-torch --torch-path "$("$python" -c 'import sys; print(sys.executable)')" \
    || LD_LIBRARY_PATH="$bundle/lib" $SLIDEMESH_PROGRAM doctor --build-torch || fail "the engine's library does not build (see above)"
  PYTHONUNBUFFERED=1 "$python" "$bundle/measure.py" "$bundle" "$@"
}

case "${1:-}" in
  --pack)
    [ $# = 2 ] || fail "usage: tools/gpu/run.sh --pack FILE.tar.xz"
    pack "$2" 50000
    ;;
  --dry-run)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # The longer slides are for models that are through with the others before a rate can be told.
    pack "$work/bundle.tar.xz" 3072 12288
    mkdir "$work/there" && tar -C "$work/there" -xJf "$work/bundle.tar.xz"
    measure "$work/there" /usr/bin/python3 --small "${2:-cpu}"
    ;;
  "" | -*) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  *)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    tar -C "$work" -xJf "$1"
    measure "$work" "${2:-python3}"
    ;;
esac
