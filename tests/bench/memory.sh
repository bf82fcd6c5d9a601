#!/usr/bin/env bash
# Owns the measurement of the server's peak memory: a 2 GiB layer pushed in one request and in a
# stream and pulled, 200 pulls of a 16 MiB layer and 64 pushes of 64 MiB at the same time.
#
#   tests/bench/memory.sh [fake|versitygw|minio|azurite]      the local driver when none is named
#
# Over a store the big layer has 6 GiB. The store's own memory does not count.
# Peak is what the kernel calls VmHWM, reset before each part; idle is VmRSS after the first request.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/server.sh"
# shellcheck source=tests/bench/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

# shellcheck source=tests/scripts/stores.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/stores.sh"

readonly store=${1:-local}
if [[ $store == local ]]; then
  readonly big_bytes=${BENCH_LAYER_BYTES:-$((2 << 30))} big_limit_mib=64 pulls_limit_mib=128
else
  # What waits for slow clients and for parts is bounded by settings, 256 MiB each.
  readonly big_bytes=${BENCH_LAYER_BYTES:-$((6 << 30))} big_limit_mib=96 pulls_limit_mib=512
fi
readonly small_bytes=$((16 << 20)) pulls=200
readonly pushes=64 push_bytes=$((64 << 20)) pushes_limit_mib=512

workspace=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/roadstead-memory.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

fail() {
  echo "memory: $*" >&2
  exit 1
}

memory_kib() {
  sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/$registry_pid/status"
}

# Makes the present memory the peak so far.
reset_peak() {
  echo 5 >"/proc/$registry_pid/clear_refs"
}

missed=0
report() {
  local what=$1 limit_mib=$2 seconds=$3 bytes=$4 peak_kib above_mib verdict=good
  peak_kib=$(memory_kib VmHWM)
  above_mib=$(((peak_kib - idle_kib) / 1024))
  if [[ $above_mib -ge $limit_mib ]]; then
    verdict=MISSED
    missed=$((missed + 1))
  fi
  echo "| $what | $(awk "BEGIN {printf \"%.1f\", $seconds}") | $(
    awk "BEGIN {printf \"%.0f\", $bytes / 1048576 / $seconds}") | $((peak_kib / 1024)) | $above_mib | $limit_mib | $verdict |"
}

now() {
  date +%s.%N
}

elapsed_since() {
  awk "BEGIN {printf \"%.3f\", $(now) - $1}"
}

# Prints where the session that was just opened wants its bytes.
open_upload() {
  local location
  location=$(curl --silent --show-error --fail --request POST --dump-header - --output /dev/null \
    "http://$registry_address/v2/bench/memory/blobs/uploads/" | tr -d '\r' |
    sed -n 's/^location: //Ip')
  [[ $location == http* ]] || location=http://$registry_address$location
  echo "$location"
}

with_query() {
  if [[ $1 == *'?'* ]]; then echo "$1&$2"; else echo "$1?$2"; fi
}

# Sends a file to a URL and demands a status.
send() {
  local wanted=$1 found
  shift
  local answer=$workspace/answer-$BASHPID
  found=$(curl --silent --show-error --output "$answer" --write-out '%{http_code}' \
    --header "Content-Type: application/octet-stream" --header "Expect:" "$@")
  [[ $found == "$wanted" ]] || fail "status $found instead of $wanted: $(<"$answer")"
}

push_monolith() {
  send 201 --upload-file "$1" "$(with_query "$(open_upload)" "digest=$2")"
}

# Without a length: the way docker, podman and crane send a layer.
push_stream() {
  local location
  location=$(open_upload)
  send 202 --request PATCH --header "Transfer-Encoding: chunked" --dump-header "$workspace/headers" \
    --upload-file - "$location" <"$1"
  location=$(tr -d '\r' <"$workspace/headers" | sed -n 's/^location: //Ip')
  [[ $location == http* ]] || location=http://$registry_address$location
  send 201 --request PUT --header "Content-Length: 0" "$(with_query "$location" "digest=$2")"
}

digest_of() {
  echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"
}

build_roadstead
storage=local
if [[ $store != local ]]; then
  mapfile -t tools < <(stores_tools "$store")
  "$repository_root/tests/scripts/tools.sh" "${tools[@]}"
  build_fake
  start_store "$store" "$workspace/store"
  storage=$store_yaml
fi
start_roadstead "$workspace/server" "$storage"
curl --silent --fail --output /dev/null "http://$registry_address/v2/"
idle_kib=$(memory_kib VmRSS)

describe_machine "$workspace"
echo
echo "### Peak memory, idle $((idle_kib / 1024)) MiB"
echo
echo "| what | seconds | MiB/s | peak MiB | above idle MiB | limit MiB | verdict |"
echo "|---|---|---|---|---|---|---|"

for style in monolith stream; do
  head -c "$big_bytes" /dev/urandom >"$workspace/layer"
  digest=$(digest_of "$workspace/layer")
  reset_peak
  start=$(now)
  "push_$style" "$workspace/layer" "$digest"
  report "push of $((big_bytes >> 20)) MiB, $style" "$big_limit_mib" "$(elapsed_since "$start")" "$big_bytes"
done

reset_peak
start=$(now)
curl --silent --show-error --fail --output "$workspace/pulled" \
  "http://$registry_address/v2/bench/memory/blobs/$digest"
seconds=$(elapsed_since "$start")
cmp "$workspace/layer" "$workspace/pulled" || fail "the layer came back changed"
report "pull of $((big_bytes >> 20)) MiB" "$big_limit_mib" "$seconds" "$big_bytes"
rm -f "$workspace/layer" "$workspace/pulled"

head -c "$small_bytes" /dev/urandom >"$workspace/layer"
digest=$(digest_of "$workspace/layer")
push_monolith "$workspace/layer" "$digest"
for rate in none 4M; do
  limit=()
  name="$pulls pulls of 16 MiB at once"
  if [[ $rate != none ]]; then
    # Slow clients hold everything open for the whole time.
    limit=(--limit-rate "$rate")
    name="$name, each at $rate/s"
  fi
  reset_peak
  start=$(now)
  curl --silent --show-error --no-progress-meter --parallel --parallel-immediate --parallel-max "$pulls" "${limit[@]}" \
    --output /dev/null --write-out '%{http_code} %{size_download}\n' \
    "http://$registry_address/v2/bench/memory/blobs/$digest?pull=[1-$pulls]" >"$workspace/pulls"
  seconds=$(elapsed_since "$start")
  whole=$(grep -c "^200 $small_bytes$" "$workspace/pulls" || true)
  [[ $whole -eq $pulls ]] || fail "$whole of $pulls pulls were whole"
  report "$name" "$pulls_limit_mib" "$seconds" $((small_bytes * pulls))
done

head -c "$push_bytes" /dev/urandom >"$workspace/layer"
digest=$(digest_of "$workspace/layer")
reset_peak
start=$(now)
pushing=()
for ((push = 0; push < pushes; push++)); do
  push_monolith "$workspace/layer" "$digest" &
  pushing+=("$!")
done
for process in "${pushing[@]}"; do
  wait "$process" || fail "a push failed"
done
report "$pushes pushes of $((push_bytes >> 20)) MiB at once" "$pushes_limit_mib" \
  "$(elapsed_since "$start")" $((push_bytes * pushes))

if [[ $missed -gt 0 ]]; then
  echo "memory: $missed rows are over the limit" >&2
  exit 1
fi
