#!/usr/bin/env bash
# Owns the start of the crash rounds: kill -9 of a loaded server, restart, look for what is lost.
#
#   tests/scripts/crash.sh ROUNDS [--seed N] [--data DIR] [--clients N]
#
# It ends with 0 only when every round found every acknowledged blob, manifest and tag whole and
# nothing unacknowledged half visible. A violation is told with its history, and the data is kept.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

rounds=${1:?usage: crash.sh ROUNDS [--seed N] [--data DIR] [--clients N]}
shift
build_roadstead
cd "$repository_root"
cargo build --quiet --release --package roadstead-tests --no-default-features --bin crash
exec "${CARGO_TARGET_DIR:-$repository_root/target}/release/crash" \
  --rounds "$rounds" --server "$roadstead_binary" "$@"
