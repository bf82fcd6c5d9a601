#!/usr/bin/env bash
# Owns the proof that clients need not know of replicas: HAProxy, round robin and without
# stickiness, in front of three of them over one bucket; every client script and the official suite
# go through it. The proxy's own configuration is that of deploy/compose.
#
#   tests/scripts/haproxy.sh [conformance|CLIENT]…      all of them when none is named
#
# Each replica must have been asked, and by its fair share. STORE=versitygw or minio takes that
# store instead of the strict fake.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
# shellcheck source=tests/scripts/stores.sh
source "$(dirname "${BASH_SOURCE[0]}")/stores.sh"

readonly replica_count=3
store=${STORE:-fake}
# What HAProxy's buffers may hold and its checks may ask, as a share of an even distribution.
readonly least_share_percent=50

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-haproxy.XXXXXX")
proxy_pid=
finish() {
  local exit_code=$?
  if [[ -n $proxy_pid ]]; then
    stop_server "$proxy_pid" >/dev/null 2>&1 || true
  fi
  stop_all_servers
  if [[ $exit_code -ne 0 && $exit_code -ne 77 ]]; then
    tail -n 20 "$workspace"/*.log "$workspace"/*/*.log >&2 2>/dev/null || true
  fi
  rm -rf "$workspace"
}
trap finish EXIT

fail() {
  echo "haproxy: $*" >&2
  exit 1
}

# Each at an address of its own, so that all have the same ports, as the configuration has it.
start_replica() {
  local number=$1 address=127.0.0.$1
  mkdir -p "$workspace/replica$number"
  registry_address=$address:$replica_port
  admin_address=$address:$replica_admin_port
  write_roadstead_configuration "$workspace/replica$number" "$store_yaml"
  "$roadstead_binary" serve --config "$workspace/replica$number/roadstead.yaml" \
    >"$workspace/replica$number/server.log" 2>&1 &
  replica_pids+=($!)
  started_pids+=($!)
  wait_until_ready "$registry_address" $! || fail "replica $number did not come up"
}

start_haproxy() {
  proxy_address=127.0.0.1:$(free_port)
  sed -E -e "s/bind :5000/bind $proxy_address/" \
    -e "s/replica([123]):5000/127.0.0.\1:$replica_port/" \
    -e "s/connect port 5001/connect port $replica_admin_port/" \
    -e "s/connect port 5000/connect port $replica_port/" \
    "$repository_root/deploy/compose/haproxy.cfg" >"$workspace/haproxy.cfg"
  haproxy -db -f "$workspace/haproxy.cfg" >"$workspace/haproxy.log" 2>&1 &
  proxy_pid=$!
  wait_until_ready "$proxy_address" "$proxy_pid" || fail "the proxy passes nothing on"
}

# Demands that every replica was asked, none much less than the others.
check_distribution() {
  local number requests total=0 counts=()
  for ((number = 1; number <= replica_count; number++)); do
    requests=$(grep -c " replicas/replica$number [0-9]" "$workspace/haproxy.log" || true)
    counts+=("$requests")
    total=$((total + requests))
  done
  echo "haproxy: $total requests through the proxy, by replica: ${counts[*]}"
  for requests in "${counts[@]}"; do
    if [[ $((requests * replica_count * 100)) -lt $((total * least_share_percent)) ]]; then
      fail "the requests are not spread over the replicas"
    fi
  done
}

# A replica that died and a replica that wrote errors are findings, whatever the clients said.
check_replicas() {
  local number
  for ((number = 1; number <= replica_count; number++)); do
    kill -0 "${replica_pids[number - 1]}" 2>/dev/null || fail "replica $number ended during the run"
    if grep -E '"level": *"(ERROR|error)"|panicked at' "$workspace/replica$number/server.log"; then
      fail "replica $number wrote the errors above"
    fi
  done
  if grep -E "replicas/replica[123] is DOWN" "$workspace/haproxy.log"; then
    fail "a replica that lives failed a health check"
  fi
}

mapfile -t tools < <(stores_tools "$store")
"$repository_root/tests/scripts/tools.sh" haproxy "${tools[@]}" || exit $?
build_roadstead
build_fake
start_store "$store" "$workspace/store"
replica_port=$(free_port)
replica_admin_port=$(free_port)
replica_pids=()
for ((number = 1; number <= replica_count; number++)); do
  start_replica "$number"
done
start_haproxy

wants_conformance=
clients=()
for name in "$@"; do
  if [[ $name == conformance ]]; then
    wants_conformance=1
  else
    clients+=("$name")
  fi
done

failures=()
if [[ $# -eq 0 || -n $wants_conformance ]]; then
  REGISTRY=$proxy_address "$repository_root/tests/scripts/conformance.sh" || failures+=(conformance)
fi
if [[ $# -eq 0 || ${#clients[@]} -gt 0 ]]; then
  REGISTRY=$proxy_address "$repository_root/tests/scripts/clients.sh" "${clients[@]}" ||
    failures+=(clients)
fi
check_distribution
check_replicas
if [[ ${#failures[@]} -gt 0 ]]; then
  fail "failed through the proxy: ${failures[*]}"
fi
echo "haproxy: good"
