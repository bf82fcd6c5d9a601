#!/usr/bin/env bash
# Owns the order of the measurements. They load the machine; run them on an idle one.
#
#   tests/bench/run.sh
#
# Everything stays on 127.0.0.1. All parts print Markdown tables for docs/performance.md, which are
# kept in target/bench as well, and end with an exit code other than 0 when a demand is not met.
# BENCH_FOLDER names a folder on the disk to measure; the default is the system's temporary folder.
set -euo pipefail

folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tables=$folder/../../target/bench
mkdir -p "$tables"
exit_code=0
for part in side_by_side tokens memory; do
  "$folder/$part.sh" | tee "$tables/$part.txt" || exit_code=1
done
exit "$exit_code"
