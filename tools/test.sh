#!/usr/bin/env bash
# Runs all tests. Ends with a line "N passed, N failed"; exit code 0 only when none failed and some ran.
#   tools/test.sh              the whole suite
#   tools/test.sh Tissue       only the test projects whose name holds the word
set -uo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh --tests || exit 1
# The libtorch engine's library is there now: its tests must run, not be left out.
export SLIDEMESH_TESTS_NEED_LIBTORCH=1
filter=${1:-}
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

dotnet build SlideMesh.sln -c Release --nologo -v quiet || { echo "0 passed, 1 failed"; exit 1; }
status=0
for project in tests/SlideMesh.*"$filter"*.Tests; do
  name=$(basename "$project")
  # A test that hangs is named and ends its project, instead of holding up the machine for hours.
  dotnet test "$project" -c Release --no-build --nologo --results-directory "$results" --blame-hang-timeout 5m --blame-hang-dump-type none \
    --logger "trx;LogFileName=$name.trx" --logger "console;verbosity=minimal" || status=1
done

# The counters of every result file, so that a project that crashed half-way cannot look green.
passed=0 failed=0 projects=0
for trx in "$results"/*.trx; do
  [ -f "$trx" ] || continue
  projects=$((projects + 1))
  counters=$(grep -o '<Counters [^>]*' "$trx" | head -n 1)
  number() { printf '%s' "$counters" | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*' || echo 0; }
  passed=$((passed + $(number passed)))
  failed=$((failed + $(number failed) + $(number error) + $(number timeout) + $(number aborted)))
done
[ "$passed" -gt 0 ] || status=1
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
echo "$passed passed, $failed failed"
exit "$status"
