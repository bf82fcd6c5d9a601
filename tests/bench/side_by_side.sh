#!/usr/bin/env bash
# Owns the comparison with Debian's docker-registry in one run of `regbench`, a load generator that
# visits both servers in turn, so that a ratio holds while the machine's speed drifts.
#
#   tests/bench/side_by_side.sh [small|requests|layer]…      all parts when none is named
#
# Roadstead syncs everything before it acknowledges; docker-registry runs as it comes and syncs
# nothing. REGBENCH names the folder with the generator's source.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/server.sh"
# shellcheck source=tests/bench/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

regbench_source=${REGBENCH:-$repository_root/../shared/regbench}
regbench=$repository_root/target/regbench/release/regbench
workspace=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/roadstead-bench.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

if [[ ! -f $regbench_source/Cargo.toml ]]; then
  echo "no regbench in $regbench_source; set REGBENCH to the folder with its source" >&2
  exit 1
fi
"$repository_root/tests/scripts/tools.sh" docker-registry jq
CARGO_TARGET_DIR=$repository_root/target/regbench \
  cargo build --quiet --release --locked --manifest-path "$regbench_source/Cargo.toml"
build_roadstead

start_docker_registry "$workspace/docker-registry"
theirs=docker-registry=$registry_address,pid=$registry_pid
start_roadstead "$workspace/roadstead" local
ours=roadstead=$registry_address,pid=$registry_pid

# Measures one group of scenarios. The writes of one group must not be paid for by the next.
measure() {
  sync
  "$regbench" --target "$theirs" --target "$ours" --concurrency 4 --json "$@" >>"$workspace/rows"
}

# The same for writes of many bytes: a target a call, with all that the one left dirty on the disk
# and its pages given back (as root) before the next begins. docker-registry syncs nothing, so its
# bytes would be written, and its pages be reclaimed, on our time.
measure_apart() {
  local rounds=$1 round target
  shift
  for ((round = 0; round < rounds; round++)); do
    for target in "$theirs" "$ours"; do
      sync
      { echo 3 >/proc/sys/vm/drop_caches; } 2>/dev/null || true
      "$regbench" --target "$target" --concurrency 4 --rounds 1 --json "$@" >>"$workspace/rows"
    done
  done
}

# Prints the rows of one group as a table and counts those that miss what is demanded. In `demands`
# a scenario has the least ratio of operations per second and the largest ratio of CPU time.
report() {
  local title=$1 demands=$2
  jq --slurp --raw-output --arg title "$title" --argjson demands "$demands" '
    def rounded(places): . * pow(10; places) | round / pow(10; places);
    def median: sort | .[length / 2 | floor];
    def of(name): map(select(.target == name)) | {
      scenario: .[0].scenario, ops_per_s: (map(.ops_per_s) | median),
      p50_ms: (map(.p50_ms) | median), p99_ms: (map(.p99_ms) | median),
      cpu_ms_per_op: (map(.cpu_ms_per_op) | median),
      peak_mib: (map(.peak_mib) | max), errors: (map(.errors) | add)};
    "\n### \($title)\n",
    "| scenario | docker-registry ops/s | Roadstead ops/s | ratio | demanded | p50 ms | p99 ms | CPU ms/op | CPU ratio | demanded | peak MiB | errors | verdict |",
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    (group_by(.scenario)[] |
      of("docker-registry") as $theirs |
      of("roadstead") as $ours |
      ($demands[$ours.scenario] // {ratio: 1, cpu: null}) as $demand |
      ($ours.ops_per_s / $theirs.ops_per_s) as $ratio |
      ($ours.cpu_ms_per_op / ([$theirs.cpu_ms_per_op, 0.000001] | max)) as $cpu |
      (($ratio >= $demand.ratio) and ($demand.cpu == null or $cpu <= $demand.cpu)
        and $ours.errors == 0) as $good |
      "| \($ours.scenario) | \($theirs.ops_per_s | rounded(1)) | \($ours.ops_per_s | rounded(1)) | \($ratio | rounded(2)) | \($demand.ratio) | \($theirs.p50_ms | rounded(2)) → \($ours.p50_ms | rounded(2)) | \($theirs.p99_ms | rounded(2)) → \($ours.p99_ms | rounded(2)) | \($theirs.cpu_ms_per_op | rounded(3)) → \($ours.cpu_ms_per_op | rounded(3)) | \($cpu | rounded(2)) | \($demand.cpu // "–") | \($theirs.peak_mib | rounded(1)) → \($ours.peak_mib | rounded(1)) | \($theirs.errors) → \($ours.errors) | \(if $good then "good" else "MISSED" end) |")
  ' "$workspace/rows" | tee "$workspace/table"
  missed=$((missed + $(grep -c MISSED "$workspace/table" || true)))
  : >"$workspace/rows"
}

parts=("$@")
if [[ ${#parts[@]} -eq 0 ]]; then
  parts=(small requests layer)
fi

describe_machine "$workspace"
echo "Against: $(docker-registry --version | head -n 1), without fsync, as Debian configures it." \
  "Load: regbench from the folder of REGBENCH, both servers in turn, 4 connections."

# The first requests of a process pay for its memory and its pages of code.
"$regbench" --target "$theirs" --target "$ours" --concurrency 4 --json \
  --scenarios push-monolith,pull --size 1m --count 40 --rounds 1 >"$workspace/warm"

missed=0
: >"$workspace/rows"
for part in "${parts[@]}"; do
  case $part in
    small)
      measure --scenarios push-monolith,push-stream,pull,mixed --size 1m --count 200 --rounds 5
      measure --scenarios push-tag,tags-page --size 1m --count 400 --rounds 5
      report "Images of 1 MiB, 4 connections" \
        '{"push-monolith": {"ratio": 2}, "push-stream": {"ratio": 2}}'
      ;;
    requests)
      measure --scenarios head-manifest,get-manifest,head-blob --size 1m --count 8000 --rounds 5
      report "Small requests, 4 connections" \
        '{"head-manifest": {"ratio": 6}, "get-manifest": {"ratio": 6}, "head-blob": {"ratio": 6}}'
      ;;
    layer)
      # Our first pull of a layer is hashed; a layer is pulled by many nodes.
      measure --scenarios pull-layer --size 256m --count 64 --rounds 3
      measure_apart 5 --scenarios push-monolith --size 256m --count 4
      measure_apart 5 --scenarios push-stream --size 256m --count 4
      report "Layers of 256 MiB, 4 connections" '{"pull-layer": {"ratio": 1, "cpu": 0.5},
        "push-monolith": {"ratio": 1, "cpu": 0.5}, "push-stream": {"ratio": 1, "cpu": 0.5}}'
      ;;
    *)
      echo "there is no part '$part'; there are: small requests layer" >&2
      exit 2
      ;;
  esac
done

if [[ $missed -gt 0 ]]; then
  echo "side by side: $missed rows miss what is demanded" >&2
  exit 1
fi
