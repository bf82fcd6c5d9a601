#!/usr/bin/env bash
# Owns the shortest look at a built server as an operator meets it: `roadstead serve` without a
# configuration file, one blob and one manifest in and out with curl, a restart, a second server on
# the same data folder, SIGTERM, and the refusals that end with a sentence and an exit code.
#
#   tests/scripts/smoke.sh
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-smoke.XXXXXX")
finish() {
  local exit_code=$?
  stop_all_servers
  if [[ $exit_code -ne 0 ]]; then
    tail -n 20 "$workspace"/*.log >&2
  fi
  rm -rf "$workspace"
}
trap finish EXIT

fail() {
  echo "smoke: $*" >&2
  exit 1
}

# Starts a server the way the README does, on ports of its own.
serve() {
  local log=$1 address=$2 data=$3
  ROADSTEAD_ADMIN__LISTEN=$admin_address "$roadstead_binary" serve --listen "$address" --data "$data" \
    >"$workspace/$log" 2>&1 &
  served_pid=$!
  started_pids+=("$served_pid")
}

# Runs a server that must refuse to start: exit code other than 0, within 10 s, one line about it.
expect_refusal() {
  local what=$1 pattern=$2 exit_code=0
  shift 2
  timeout 10 env ROADSTEAD_ADMIN__LISTEN="127.0.0.1:$(free_port)" "$roadstead_binary" serve "$@" \
    >"$workspace/refusal.log" 2>&1 || exit_code=$?
  if [[ $exit_code -eq 0 || $exit_code -eq 124 ]]; then
    fail "$what: not refused (exit code $exit_code)"
  fi
  grep -qi "$pattern" "$workspace/refusal.log" || fail "$what: the message says nothing like '$pattern'"
  echo "  refused, exit code $exit_code: $(tail -n 1 "$workspace/refusal.log")"
}

status_of() {
  curl --silent --output "$workspace/answer" --write-out '%{http_code}' --max-time 20 "$@"
}

expect_status() {
  local wanted=$1 found
  shift
  found=$(status_of "$@")
  if [[ $found != "$wanted" ]]; then
    cat "$workspace/answer" >&2
    fail "wanted status $wanted, got $found: curl $*"
  fi
}

push() {
  local location
  location=$(curl --silent --show-error --fail --request POST --dump-header - --output /dev/null \
    "$registry/v2/smoke/image/blobs/uploads/" | tr -d '\r' | sed -n 's/^location: //Ip')
  [[ $location == http* ]] || location=$registry$location
  local separator='?'
  [[ $location != *'?'* ]] || separator='&'
  expect_status 201 --request PUT --header "Content-Type: application/octet-stream" \
    --data-binary "@$workspace/$1" "$location${separator}digest=$2"
}

digest_of() {
  echo "sha256:$(sha256sum "$workspace/$1" | cut -d ' ' -f 1)"
}

expect_image() {
  expect_status 200 "$registry/v2/smoke/image/manifests/v1"
  cmp --silent "$workspace/answer" "$workspace/manifest" || fail "the manifest came back changed"
  expect_status 200 "$registry/v2/smoke/image/blobs/$layer_digest"
  cmp --silent "$workspace/answer" "$workspace/layer" || fail "the layer came back changed"
}

build_roadstead
address=127.0.0.1:$(free_port)
admin_address=127.0.0.1:$(free_port)
registry=http://$address

echo "smoke: start with nothing but two options"
serve first.log "$address" "$workspace/data"
wait_until_ready "$address" "$served_pid" || fail "the server did not come up"
expect_status 200 "$registry/v2/"
expect_status 200 "http://$admin_address/healthz"
expect_status 200 "http://$admin_address/readyz"
expect_status 200 "http://$admin_address/metrics"

echo "smoke: push one image"
head -c 1048576 /dev/urandom >"$workspace/layer"
echo '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}' >"$workspace/config"
layer_digest=$(digest_of layer)
config_digest=$(digest_of config)
push layer "$layer_digest"
push config "$config_digest"
cat >"$workspace/manifest" <<JSON
{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
 "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "$config_digest",
            "size": $(stat -c %s "$workspace/config")},
 "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": "$layer_digest",
             "size": $(stat -c %s "$workspace/layer")}]}
JSON
expect_status 201 --request PUT --header "Content-Type: application/vnd.oci.image.manifest.v1+json" \
  --data-binary "@$workspace/manifest" "$registry/v2/smoke/image/manifests/v1"
expect_image

echo "smoke: refusals"
expect_refusal "a second server on the same data" "in use\|another\|lock" \
  --listen "127.0.0.1:$(free_port)" --data "$workspace/data"
expect_refusal "a port that is taken" "in use\|taken" --listen "$address" --data "$workspace/other"
: >"$workspace/file"
expect_refusal "a data folder that cannot be made" "$workspace/file" \
  --listen "127.0.0.1:$(free_port)" --data "$workspace/file/data"
printf 'storage: {local: {pth: ./data}}\n' >"$workspace/wrong.yaml"
expect_refusal "an unknown key" "path" --config "$workspace/wrong.yaml"
expect_image

echo "smoke: SIGTERM, restart, the image is there"
stop_server "$served_pid" || fail "exit code $? after SIGTERM, wanted 0"
serve second.log "$address" "$workspace/data"
wait_until_ready "$address" "$served_pid" || fail "the server did not come up again"
expect_image
stop_server "$served_pid" || fail "exit code $? after the second SIGTERM, wanted 0"
echo "smoke: good"
