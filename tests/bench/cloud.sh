#!/usr/bin/env bash
# Owns the comparison over S3 with distribution v3 on the same store: the time and the number of S3
# requests of a push of an image of ten layers and of its pull by tag, with 20 ms added to every
# request.
#
#   tests/bench/cloud.sh
#
# BENCH_ROUNDS (5) rounds each, every push of new content; the median of the times and of the
# requests counts. Roadstead must need at most half of both, else the exit code is 1. The pull that
# counts is that of a server that has not seen the image, as another replica has not. A second pull
# from the same server is shown beside it: distribution then answers from its memory what exists,
# which Roadstead, for the sake of other replicas, never does.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/server.sh"
# shellcheck source=tests/scripts/stores.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/stores.sh"
# shellcheck source=tests/bench/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

readonly rounds=${BENCH_ROUNDS:-5} layers=10 layer_bytes=$((1 << 20)) latency_ms=20

workspace=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/roadstead-cloud-bench.XXXXXX")
# Called by the trap.
# shellcheck disable=SC2317
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

"$repository_root/tests/scripts/tools.sh" crane curl jq registry
build_roadstead
build_fake

# An image of ten layers of random bytes, as a folder that crane pushes.
make_image() {
  local folder=$1 layer
  local appends=()
  mkdir -p "$folder"
  for ((layer = 0; layer < layers; layer++)); do
    head -c "$layer_bytes" /dev/urandom >"$folder/content-$layer"
    tar -C "$folder" -cf "$folder/layer-$layer.tar" "content-$layer"
    appends+=(--new_layer "$folder/layer-$layer.tar")
  done
  crane append "${appends[@]}" --new_tag bench/image:1 --output "$folder/image.tar" >/dev/null 2>&1
}

take_counts() {
  curl --silent --fail "http://$control_address/counts"
}

median() {
  sort -n | awk '{a[NR] = $1} END {print a[int((NR + 1) / 2)]}'
}

start_distribution() {
  local folder=$1
  mkdir -p "$folder"
  registry_address=127.0.0.1:$(free_port)
  cat >"$folder/distribution.yaml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage:
  cache: {blobdescriptor: inmemory}
  redirect: {disable: true}
  s3:
    bucket: $store_bucket
    region: us-east-1
    regionendpoint: $store_endpoint
    forcepathstyle: true
    accesskey: $STORE_ACCESS_KEY
    secretkey: $STORE_SECRET_KEY
    rootdirectory: /distribution
http: {addr: "$registry_address"}
YAML
  OTEL_TRACES_EXPORTER=none registry serve "$folder/distribution.yaml" >>"$folder/server.log" 2>&1 &
  registry_pid=$!
  started_pids+=("$registry_pid")
  wait_until_ready "$registry_address" "$registry_pid" || {
    tail -n 20 "$folder/server.log" >&2
    return 1
  }
}

# Runs a command; adds its seconds and its S3 requests to the files of WHAT.
measure() {
  local what=$1 begin end
  shift
  take_counts >/dev/null
  begin=$(date +%s%N)
  "$@" >"$workspace/client.log" 2>&1 || {
    tail -n 5 "$workspace/client.log" >&2
    return 1
  }
  end=$(date +%s%N)
  awk "BEGIN {printf \"%.3f\n\", ($end - $begin) / 1e9}" >>"$workspace/$what.seconds"
  take_counts | tee -a "$workspace/$what.counts" | jq .total >>"$workspace/$what.requests"
}

start_measured() {
  local name=$1
  if [[ $name == own ]]; then
    start_roadstead "$workspace/$name" "$store_yaml"
  else
    start_distribution "$workspace/$name"
  fi
}

measure_registry() {
  local name=$1 round
  start_measured "$name"
  for ((round = 0; round < rounds; round++)); do
    measure "$name-push" crane push --insecure "$workspace/image-$round/image.tar" \
      "$registry_address/bench/image-$round:1"
  done
  for ((round = 0; round < rounds; round++)); do
    stop_server "$registry_pid" || true
    start_measured "$name"
    for what in pull again; do
      measure "$name-$what" crane pull --insecure "$registry_address/bench/image-$round:1" \
        "$workspace/pulled.tar"
    done
  done
  stop_server "$registry_pid" || true
}

echo "making $rounds images of $layers layers of $((layer_bytes >> 20)) MiB"
for ((round = 0; round < rounds; round++)); do
  make_image "$workspace/image-$round"
done
control_address=127.0.0.1:$(free_port)
# distribution sends parts of different lengths, which AWS takes.
start_store fake "$workspace/fake" --unequal-parts --control "$control_address" \
  --latency-ms "$latency_ms"

echo "measuring Roadstead"
measure_registry own
echo "measuring distribution"
measure_registry distribution

describe_machine "$workspace"
echo
echo "| what | Roadstead s | distribution v3 s | ratio | Roadstead requests | distribution v3 requests | ratio | |"
echo "|---|---|---|---|---|---|---|---|"
missed=0
for what in push pull again; do
  own=$(median <"$workspace/own-$what.seconds")
  peer=$(median <"$workspace/distribution-$what.seconds")
  own_requests=$(median <"$workspace/own-$what.requests")
  peer_requests=$(median <"$workspace/distribution-$what.requests")
  line=$(awk "BEGIN {
    time = $own / $peer; requests = $own_requests / $peer_requests
    printf \"| %s | %.2f | %.2f | %.2f | %d | %d | %.2f | %s |\", \"$what\", $own, $peer, time, \
      $own_requests, $peer_requests, requests, (time <= 0.5 && requests <= 0.5) ? \"good\" : \"$what\" == \"again\" ? \"\" : \"MISSED\"
  }")
  echo "$line"
  [[ $line != *MISSED* || $what == again ]] || missed=1
done
if [[ -n ${BENCH_VERBOSE:-} ]]; then
  tail -n 1 "$workspace"/*.counts
fi
exit "$missed"
