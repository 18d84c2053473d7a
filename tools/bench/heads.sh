#!/usr/bin/env bash
# Heads on one bag in memory: SlideMesh (imported packages) beside PyTorch eager, sides in turn, the same threads. Widths are each head's own.
#   tools/bench/heads.sh [TILES] [THREADS] [ROUNDS] [HEAD...]      default 50000 1 3, all heads
set -euo pipefail
cd "$(dirname "$0")/../.."
# Debian's PyTorch multiplies with OpenBLAS, whose threads torch.set_num_threads does not count.
tiles=${1:-50000} threads=${2:-1} rounds=${3:-3}
shift $(($# < 3 ? $# : 3))
export OPENBLAS_NUM_THREADS=$threads OMP_NUM_THREADS=$threads
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 tools/bench/heads.py save "$work" > "$work/heads"
tools/slidemesh doctor > /dev/null || true
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
printf '%-20s %12s %12s %22s %14s %14s %22s\n' "head, $tiles tiles" "SlideMesh ms" "PyTorch ms" "PyTorch / SlideMesh" "SlideMesh CPU" "PyTorch CPU" "PyTorch / SlideMesh"
while read -r name arch settings; do
  [ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
  tools/slidemesh model import "$work/$name.pt" --arch "$arch" ${settings:+--set $settings} $([ ! -f "$work/$name.csv" ] || echo --omics-features "$work/$name.csv") --out "$work/$name" > /dev/null 2>&1
  ours='' theirs=''
  for _ in $(seq "$rounds"); do
    ours+=$(tools/slidemesh model bench "$work/$name" --batch "$tiles" --threads "$threads" | awk 'END {print $3, $4}')$'\n'
    theirs+=$(/usr/bin/python3 tools/bench/heads.py time "$name" "$tiles" "$threads" | awk '{print $1 * 1000, $2 * 1000}')$'\n'
  done
  line=$(printf %-20s "$name")
  # Wall time, then CPU time, which a busy machine disturbs less.
  for column in 1 2; do
    a=$(printf %s "$ours" | cut -d' ' -f$column | median) b=$(printf %s "$theirs" | cut -d' ' -f$column | median)
    line+=$(printf ' %*.0f %*.0f %22.2f' $((10 + 2 * column)) "$a" $((10 + 2 * column)) "$b" "$(awk "BEGIN {print $b / $a}")")
  done
  echo "$line"
done < "$work/heads"
