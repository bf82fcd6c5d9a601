#!/usr/bin/env bash
# Owns the measurement of what a big store costs: start, memory at rest, the collector, the check.
#
#   tests/scripts/scale.sh [OPTION]…      options of roadstead-scale, such as --blobs 100000
#
# Makes a store in a temporary folder (7 GB and 7 minutes for a million blobs; SCALE_FOLDER names the
# folder around it), starts the release server on it, and prints a line for each figure:
#
#   start        until the first answer, after a clean stop and after kill -9, with the store at rest and
#                in the midst of pushes
#   idle         memory when nothing is asked
#   latency      pulls of what is anywhere in the store and pushes, 100 a second: idle, beside a pass
#                at the pace that is set, beside a pass without a pace
#   pass N       a pass of the collector without a pace, its time, the server's CPU and peak memory
#   fsck         the check of all records and data, likewise
#
# SCALE_PACE is gc.calls_per_second (2000), SCALE_SECONDS how long each load lasts (60).
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

readonly seconds=${SCALE_SECONDS:-60} pace=${SCALE_PACE:-2000}
workspace=$(mktemp -d "${SCALE_FOLDER:-${TMPDIR:-/tmp}}/roadstead-scale.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

# Times as short as they may be, so that what one pass condemns the next one kills.
# shellcheck disable=SC2034  # start_roadstead reads it
access_yaml="gc: {interval: off, calls_per_second: $pace, condemned: 4s, reference_window: 1s, request_life: 2s}
scrub: {period: off}"
readonly plan=("$@")

build_roadstead
(cd "$repository_root" && cargo build --quiet --release --package roadstead-scale)
readonly programs=${CARGO_TARGET_DIR:-$repository_root/target}/release

now_ms() {
  date +%s%3N
}

memory_mib() {
  echo $(($(sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$registry_pid/status") / 1024))
}

# What the kernel charged the server so far, in hundredths of a second.
cpu_ticks() {
  local fields
  read -ra fields < <(sed 's/.*) //' "/proc/$registry_pid/stat")
  echo $((fields[11] + fields[12]))
}

# Prints the time, CPU and peak memory of a command that lets the server work.
measure() {
  local name=$1 begun ticks
  shift
  echo 5 >"/proc/$registry_pid/clear_refs"
  ticks=$(cpu_ticks)
  begun=$(now_ms)
  "$@" >"$workspace/output"
  awk -v name="$name" -v ms=$(($(now_ms) - begun)) -v ticks=$(($(cpu_ticks) - ticks)) \
    -v peak="$(memory_mib VmHWM)" \
    'BEGIN {printf "%s: %.1f s, CPU %.1f s, peak %d MiB\n", name, ms / 1000, ticks / 100, peak}'
  sed 's/^/    /' "$workspace/output"
}

ask() {
  "$roadstead_binary" "$@" --config "$workspace/roadstead.yaml"
}

# Prints how long the server takes to its first answer.
start() {
  local begun
  begun=$(now_ms)
  start_roadstead "$workspace"
  echo "start, $1: $(($(now_ms) - begun)) ms"
}

kill_server() {
  kill -KILL "$registry_pid"
  wait "$registry_pid" 2>/dev/null || true
}

latency() {
  echo "latency, $1:"
  "$programs/latency" "$registry_address" --seconds "$seconds" "${plan[@]}" | sed 's/^/    /'
}

"$programs/roadstead-scale" "$workspace/data" "${plan[@]}"
start "the first"
stop_server "$registry_pid"
start "after a clean stop"
echo "idle: $(memory_mib VmRSS) MiB"
latency "nothing else"
sleep 2
kill_server
start "after kill -9 with the store at rest"
"$programs/latency" "$registry_address" --seconds 20 --pushes 100 "${plan[@]}" >/dev/null 2>&1 &
pushing=$!
sleep 10
kill_server
wait "$pushing" || true
start "after kill -9 in the midst of pushes"
measure "pass 0, dry" ask gc run --dry-run --unpaced

ask gc run --once >/dev/null &
paced=$!
sleep 2
latency "beside a pass of $pace calls a second"
# It ends with its server; what it did stays done.
stop_server "$registry_pid"
wait "$paced" 2>/dev/null || true
echo "waiting until the lease of that pass is over"
sleep 121
start "after a clean stop"

ask gc run --once --unpaced >/dev/null &
unpaced=$!
sleep 2
latency "beside a pass without a pace"
wait "$unpaced"
for number in 2 3 4 5; do
  sleep 5
  measure "pass $number" ask gc run --once --unpaced
done
measure "fsck" ask fsck
echo "idle: $(memory_mib VmRSS) MiB"
