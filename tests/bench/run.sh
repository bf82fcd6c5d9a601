#!/usr/bin/env bash
# Owns how measurements are begun: builds what they need, then measures. They load the machine; run
# them on an idle one.
#
#   tests/bench/run.sh [GROUP|memory|cloud]… [OPTION]…     everything but memory and cloud when none is named
#
# GROUP and OPTION are those of `roadstead-bench --help`. `memory` is memory.sh, peaks of memory under
# many clients; `cloud` is cloud.sh, a real client over S3. Everything stays on 127.0.0.1. The tables are
# printed and kept in target/bench. The exit code is 1 when a demand is not met.
# SERVER_BINARY names a server that is already built, BENCH_FOLDER a folder on the disk to measure.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
folder=tests/bench
binaries=${CARGO_TARGET_DIR:-target}/release

scripts=()
words=()
for word in "$@"; do
  case $word in
    memory | cloud) scripts+=("$word") ;;
    *) words+=("$word") ;;
  esac
done

mkdir -p target/bench
exit_code=0
if [[ ${#words[@]} -gt 0 || ${#scripts[@]} -eq 0 ]]; then
  echo "building the load generator (a minute or two the first time)"
  packages=(--package roadstead-bench --package roadstead-tests --no-default-features
    --bin roadstead-bench --bin s3-fake)
  if [[ " ${words[*]} " == *" scale "* ]]; then
    packages+=(--package roadstead-scale --bin roadstead-scale)
    # Made once: the big one takes minutes.
    words=(--small-store target/bench/stores/small --big-store target/bench/stores/big "${words[@]}")
    mkdir -p target/bench/stores
  fi
  cargo build --quiet --release "${packages[@]}"
  if [[ -z ${SERVER_BINARY:-} && " ${words[*]} " != *" --help "* ]]; then
    echo "building the server"
    cargo build --quiet --release --package roadstead
    export SERVER_BINARY=$binaries/roadstead
  fi
  # Without the peer there is less to compare with, which the tables say.
  if [[ " ${words[*]} " != *" --without-distribution "* && " ${words[*]} " != *" --help "* ]]; then
    tests/scripts/tools.sh registry || true
  fi
  "$binaries/roadstead-bench" "${words[@]}" || exit_code=$?
fi
for script in "${scripts[@]}"; do
  "$folder/$script.sh" | tee "target/bench/$script.md" || exit_code=1
done
exit "$exit_code"
