#!/usr/bin/env bash
# Speed of reading against openslide-python with Pillow, and against libjpeg-turbo alone on the same compressed tiles in memory.
# Two slides of 20,000 px are made from a real one by repeating its tiles: as Aperio has it (RGB), and as a generic pyramid (YCbCr).
# Two threads read slides of 40,000 px made in the same way: one of 20,000 px is over in 0.4 s, of which 20 ms go into opening it and first touching the caches.
#   tools/bench/read.sh [SLIDES [REPEATS]]     default ../shared/data/slides and 5 repeats; about 4 minutes on 2 cores
# SLIDES holds CMU-1-Small-Region.svs and TCGA-CR-7395-01A-01-TS1.svs (OpenSlide's and TCGA's test data). SLIDEMESH_BENCH names a folder to keep.
# Sides take turns; medians. One core by taskset; every side is warmed up and reads from the page cache. The last column compares what
# one second of processor time does: it hardly depends on what else the machine does, and with two threads shows what they cost each other.
set -euo pipefail
cd "$(dirname "$0")/../.."
slides=$(cd "${1:-../shared/data/slides}" && pwd)
repeats=${2:-5}
cmu=$slides/CMU-1-Small-Region.svs
tcga=$slides/TCGA-CR-7395-01A-01-TS1.svs
for slide in "$cmu" "$tcga"; do [ -f "$slide" ] || { echo "read.sh: $slide is missing" >&2; exit 2; }; done
tools/setup.sh --bench
work=${SLIDEMESH_BENCH:-$(mktemp -d)}
[ -n "${SLIDEMESH_BENCH:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
dotnet build tests/SlideMesh.Benchmarks -c Release -v quiet --nologo -clp:NoSummary
if [ ! -f "$work/rgb.svs" ] || [ ! -f "$work/ycbcr.tif" ]; then /usr/bin/python3 tools/bench/read_slides.py "$cmu" "$work"; fi
if [ ! -f "$work/large/rgb.svs" ] || [ ! -f "$work/large/ycbcr.tif" ]; then mkdir -p "$work/large"; /usr/bin/python3 tools/bench/read_slides.py "$cmu" "$work/large" 40000; fi

cores() { if [ "$1" = 1 ]; then echo 0; else echo 0,1; fi; }
ours() { exec taskset -c "$(cores "${threads:-1}")" dotnet tests/SlideMesh.Benchmarks/bin/Release/net10.0/slidemesh-bench.dll read "$@"; }
two() { threads=2 ours "$@"; }
python() { exec taskset -c 0 /usr/bin/python3 tools/bench/read_openslide.py "$@"; }
# column FILE N [FACTOR]: median of a column.
column() { awk -v n="$2" -v f="${3:-1}" '{print $n * f}' "$1" | sort -n | awk '{v[NR]=$1} END {print (NR % 2) ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2}'; }

# row NAME BAR OURS... -- THEIRS...: starts both sides, lets them take turns, prints the row. Tiles are counted as megapixels where unit=Mpx.
row() {
  local name=$1 bar=$2 i side line factor=1; shift 2
  local left=() right=()
  while [ "$1" != -- ]; do left+=("$1"); shift; done; shift; right=("$@")
  for side in left right; do rm -f "$work/$side".*; mkfifo "$work/$side.in" "$work/$side.out"; done
  ("${left[@]}") <"$work/left.in" >"$work/left.out" &
  local first=$!
  exec 3>"$work/left.in" 4<"$work/left.out"
  read -r line <&4
  ("${right[@]}") <"$work/right.in" >"$work/right.out" 3>&- &
  local second=$!
  exec 5>"$work/right.in" 6<"$work/right.out"
  read -r line <&6
  for ((i = 0; i < repeats; i++)); do
    echo >&3; read -r line <&4; echo "$line" >>"$work/left.turns"
    echo >&5; read -r line <&6; echo "$line" >>"$work/right.turns"
  done
  exec 3>&- 4<&- 5>&- 6<&-
  wait "$first"; wait "$second"
  [ "${unit:-}" != Mpx ] || factor=0.065536
  awk -v n="$name" -v bar="$bar" -v a="$(column "$work/left.turns" 1 $factor)" -v b="$(column "$work/right.turns" 1)" \
    -v ac="$(column "$work/left.turns" 2 $factor)" -v bc="$(column "$work/right.turns" 2)" \
    'BEGIN {r = a / b; printf "| %s | %.0f | %.0f | %.2f | %s | %s | %.2f |\n", n, a, b, r, bar, (bar == "-") ? "-" : (r >= bar) ? "yes" : "NO", ac / bc}'
}

# Rows of tiles: whole repetitions of the source's picture, so that both sides meet the same mixture of tissue and glass.
echo "| work | ours | other side | ratio | bar | met | ratio by processor time |"
echo "| --- | --- | --- | --- | --- | --- | --- |"
y=$work/ycbcr.tif r=$work/rgb.svs
unit=Mpx row "256 px tiles, YCbCr, 1 core, Mpx/s: libjpeg-turbo alone" 0.85 ours tiles "$y" 256 256 256 44 1 -- ours bare "$y" 44 0
unit=Mpx row "256 px tiles, Aperio RGB, 1 core, Mpx/s: libjpeg-turbo alone" 0.85 ours tiles "$r" 256 256 256 45 1 -- ours bare "$r" 48 0
row "256 px tiles, YCbCr, 1 core, tiles/s: openslide-python" 7.5 ours tiles "$y" 256 256 256 44 1 -- python tiles "$y" 256 256 256 11
row "256 px tiles, Aperio RGB, 1 core, tiles/s: openslide-python" 4.5 ours tiles "$r" 256 256 256 45 1 -- python tiles "$r" 256 256 256 11
row "512 to 256 px, YCbCr, 1 core, tiles/s: openslide-python, PIL" 12 ours tiles "$y" 512 512 256 33 1 -- python tiles "$y" 512 512 256 6
row "512 to 256 px, Aperio RGB, 1 core, tiles/s: openslide-python, PIL" 8 ours tiles "$r" 512 512 256 34 1 -- python tiles "$r" 512 512 256 6
row "256 px tiles, stride 200, YCbCr, 1 core, tiles/s: openslide-python" 6 ours tiles "$y" 256 200 256 70 1 -- python tiles "$y" 256 200 256 14
row "256 px tiles, stride 200, Aperio RGB, 1 core, tiles/s: openslide-python" 6 ours tiles "$r" 256 200 256 72 1 -- python tiles "$r" 256 200 256 14
row "JPEG 2000, 512 to 256 px, 1 core, tiles/s: openslide-python, PIL" 2 ours tiles "$tcga" 512 512 256 6 1 -- python tiles "$tcga" 512 512 256 6
row "256 px tiles, YCbCr, 2 threads, tiles/s: 1 thread" 1.9 two tiles "$work/large/ycbcr.tif" 256 256 256 155 2 -- ours tiles "$work/large/ycbcr.tif" 256 256 256 155 1
row "256 px tiles, Aperio RGB, 2 threads, tiles/s: 1 thread" 1.9 two tiles "$work/large/rgb.svs" 256 256 256 155 2 -- ours tiles "$work/large/rgb.svs" 256 256 256 155 1
row "256 px tiles, YCbCr, 1 core, every read 5 ms late, tiles/s: from memory" - ours late "$y" 5 77 planned -- ours tiles "$y" 256 256 256 77 1
row "256 px tiles, YCbCr, 1 core, every read 5 ms late, tiles/s: not announced" - ours late "$y" 5 77 planned -- ours late "$y" 5 2 unplanned
row "pixels to NCHW float, 224 px, 1 core, tiles/s: NumPy as usually written" 4 ours planes 224 20000 -- python planes-plain 224 500
row "pixels to NCHW float, 224 px, 1 core, tiles/s: NumPy's fastest way" 4 ours planes 224 20000 -- python planes 224 5000
