#!/usr/bin/env bash
# Owns crane at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_crane        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses crane
export DOCKER_CONFIG=$workspace/docker
mkdir -p "$DOCKER_CONFIG"
# crane's login writes the credentials down and asks nobody.
sends_raw_tokens=yes

login() {
  crane auth login --username "$1" --password-stdin "$REGISTRY" <<<"$2"
}
logout() {
  rm -f "$DOCKER_CONFIG/config.json"
}
use_token() {
  jq --null-input --arg registry "$REGISTRY" --arg token "$1" \
    '{auths: {($registry): {registrytoken: $token}}}' >"$DOCKER_CONFIG/config.json"
}
push() {
  timeout 60 crane push "$workspace/image" "$REGISTRY/$1:$tag"
}
pull() {
  rm -rf "$workspace/pulled"
  timeout 60 crane pull --format oci "$REGISTRY/$1:$tag" "$workspace/pulled" &&
    diff -r "$workspace/image/blobs" "$workspace/pulled/blobs"
}

make_layout "$workspace/image" v1 1 65536
guarded_round_trip
