#!/usr/bin/env bash
# Owns oras at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_oras        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses oras
export ORAS_CACHE='' DOCKER_CONFIG=$workspace/docker
mkdir -p "$DOCKER_CONFIG"
cd "$workspace"
checks_at_login=yes
sends_raw_tokens=yes

login() {
  timeout 60 oras login --plain-http --username "$1" --password-stdin "$REGISTRY" <<<"$2"
}
logout() {
  rm -f "$DOCKER_CONFIG/config.json"
}
use_token() {
  jq --null-input --arg registry "$REGISTRY" --arg token "$1" \
    '{auths: {($registry): {registrytoken: $token}}}' >"$DOCKER_CONFIG/config.json"
}
push() {
  timeout 60 oras cp --no-tty --from-oci-layout --to-plain-http image:v1 "$REGISTRY/$1:$tag"
}
pull() {
  rm -rf pulled
  timeout 60 oras cp --no-tty --from-plain-http --to-oci-layout "$REGISTRY/$1:$tag" pulled:v1 &&
    diff -r image/blobs pulled/blobs
}

make_layout image v1 1 65536
guarded_round_trip
