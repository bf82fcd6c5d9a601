#!/usr/bin/env bash
# Owns the start of the chaos rounds: a server on a folder whose disk fails, and three replicas over a
# bucket that fails, both with the collector at its shortest times; look for what is lost or left.
#
#   tests/scripts/chaos.sh FAULTS [--seed N] [--data DIR] [--clients N]     so many for each of the two
#
# It ends with 0 only when everything acknowledged was there after each round, whole; when at the end
# each store held what clients see and nothing else; and when a store that breaks its word was found
# out. That is tried last, without the further arguments. STORES=local or STORES=s3 runs one alone.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

faults=${1:?usage: chaos.sh FAULTS [--seed N] [--data DIR] [--clients N]}
shift
stores=${STORES:-local s3}
if [[ $stores == *local* ]]; then
  "$repository_root/tests/scripts/tools.sh" strace
fi
build_roadstead
cd "$repository_root"
# Not as a release: linking that takes minutes, and the rounds wait for faults most of the time.
cargo build --quiet --package roadstead-tests --bin chaos
chaos=("${CARGO_TARGET_DIR:-$repository_root/target}/debug/chaos" --server "$roadstead_binary")
for store in $stores; do
  "${chaos[@]}" --store "$store" --faults "$faults" "$@"
done

logs=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-chaos.XXXXXX")
trap 'rm -rf "$logs"' EXIT
if "${chaos[@]}" --faults 250 --sabotage --data "$logs" >"$logs/output"; then
  cat "$logs/output"
  echo "chaos: a store that forgets what it acknowledged was not found out" >&2
  exit 1
fi
if ! grep -q '^VIOLATION' "$logs/output"; then
  cat "$logs/output"
  echo "chaos: the rounds over a store that forgets failed for something else" >&2
  exit 1
fi
echo "chaos: a store that forgets what it acknowledged is found out:" \
  "$(grep -o '[0-9]* violations' "$logs/output")"
