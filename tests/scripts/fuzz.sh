#!/usr/bin/env bash
# Owns the fuzz runs of the parsers in tests/fuzz.
#
#   tests/scripts/fuzz.sh SECONDS [TARGET]…      every target when none is named, SECONDS for each
#
# Inputs that reach new code are kept in target/fuzz/corpus, beside the committed ones in
# tests/fuzz/corpus, which a run only reads. A crash leaves its input in tests/fuzz/artifacts.
set -euo pipefail

repository_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repository_root"
export PATH=$repository_root/target/tools/bin:$PATH

duration_secs=${1:?usage: fuzz.sh SECONDS [TARGET]…}
shift
tests/scripts/tools.sh nightly cargo-fuzz

readonly folders=(--fuzz-dir tests/fuzz --target-dir target/fuzz)
targets=("$@")
if [[ ${#targets[@]} -eq 0 ]]; then
  mapfile -t targets < <(cargo +nightly fuzz list --fuzz-dir tests/fuzz)
fi
if [[ ${#targets[@]} -eq 0 ]]; then
  echo "tests/fuzz names no target" >&2
  exit 1
fi

cargo +nightly fuzz build "${folders[@]}"
mkdir -p target/fuzz/corpus
for target in "${targets[@]}"; do
  mkdir -p "target/fuzz/corpus/$target" "tests/fuzz/corpus/$target"
  log=target/fuzz/$target.log
  # The first folder takes the new inputs.
  if ! cargo +nightly fuzz run "${folders[@]}" "$target" \
    "target/fuzz/corpus/$target" "tests/fuzz/corpus/$target" -- \
    -max_total_time="$duration_secs" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "fuzz $target: FAILED; the whole log is $log" >&2
    exit 1
  fi
  echo "fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $duration_secs s, no finding"
done
