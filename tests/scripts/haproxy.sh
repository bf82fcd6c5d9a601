#!/usr/bin/env bash
# Owns the proof that clients need not know of replicas: HAProxy, round robin and without
# stickiness, in front of three of them over one bucket; every client script and the official suite
# go through it. The proxy's own configuration is that of deploy/compose.
#
#   tests/scripts/haproxy.sh [conformance|CLIENT]…             all of them when none is named
#   tests/scripts/haproxy.sh login [conformance|login_CLIENT]…
#
# With `login` the replicas have rules, race for the first signing key of an empty store, and must
# accept each other's tokens; the suite runs as a user, and the clients are those that log in.
# Each replica must have been asked, and by its fair share. STORE=versitygw or minio takes that
# store instead of the strict fake.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
# shellcheck source=tests/scripts/stores.sh
source "$(dirname "${BASH_SOURCE[0]}")/stores.sh"
# shellcheck source=tests/scripts/people.sh
source "$(dirname "${BASH_SOURCE[0]}")/people.sh"

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
}

# All at once, so that those with rules find a store without a key.
start_replicas() {
  local number
  for ((number = 1; number <= replica_count; number++)); do
    start_replica "$number"
  done
  for ((number = 1; number <= replica_count; number++)); do
    wait_until_ready "127.0.0.$number:$replica_port" "${replica_pids[number - 1]}" ||
      fail "replica $number did not come up"
  done
}

# Demands that one key signs the tokens of all, and that each accepts those of each other.
check_tokens() {
  local maker checker token key status keys=()
  for ((maker = 1; maker <= replica_count; maker++)); do
    token=$(curl --silent --show-error --fail --user "auditor:$AUDITOR_PASSWORD" \
      "http://127.0.0.$maker:$replica_port/token" | jq -r .token)
    key=$(jq --null-input --raw-output --arg token "$token" \
      '$token | split(".")[0] | @base64d | fromjson | .kid')
    keys+=("$key")
    for ((checker = 1; checker <= replica_count; checker++)); do
      status=$(curl --silent --output /dev/null --write-out '%{http_code}' \
        --header "Authorization: Bearer $token" "http://127.0.0.$checker:$replica_port/v2/")
      [[ $status == 200 ]] || fail "replica $checker answers $status to a token of replica $maker"
    done
  done
  if [[ $(printf '%s\n' "${keys[@]}" | sort -u | wc -l) -ne 1 ]]; then
    fail "the replicas sign with different keys: ${keys[*]}"
  fi
  echo "haproxy: $replica_count replicas that started at once sign with one key, ${keys[0]}"
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
"$repository_root/tests/scripts/tools.sh" haproxy faketime curl jq "${tools[@]}" || exit $?
has_rules=
if [[ ${1:-} == login ]]; then
  has_rules=1
  access_yaml=$guarded_access_yaml
  shift
fi
build_roadstead
build_fake
start_store "$store" "$workspace/store"
replica_port=$(free_port)
replica_admin_port=$(free_port)
replica_pids=()
start_replicas
if [[ -n $has_rules ]]; then
  add_people "$workspace/replica1/roadstead.yaml"
  check_tokens
  # A fourth, whose clock goes after, makes the token that has expired.
  registry_address=127.0.0.4:$replica_port
  admin_address=127.0.0.4:$replica_admin_port
  mkdir -p "$workspace/past"
  write_roadstead_configuration "$workspace/past" "$store_yaml"
  make_expired_token "$workspace/past/roadstead.yaml" "$registry_address"
fi
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
