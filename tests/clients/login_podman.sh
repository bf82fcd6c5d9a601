#!/usr/bin/env bash
# Owns podman at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_podman        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses podman runc
# shellcheck source=tests/clients/containers_storage.sh
source "$(dirname "${BASH_SOURCE[0]}")/containers_storage.sh"
checks_at_login=yes

login() {
  timeout 60 podman login --tls-verify=false --username "$1" --password-stdin "$REGISTRY" <<<"$2"
}
logout() {
  echo '{}' >"$REGISTRY_AUTH_FILE"
}
push() {
  timeout 60 podman push --tls-verify=false --signature-policy "$containers/policy.json" \
    local/image "docker://$REGISTRY/$1:$tag"
}
# The store is that of the push, but podman asks the registry for the manifest, and for what it has
# not; so the image is removed first.
pull() {
  podman rmi --force local/image "$REGISTRY/$1:$tag" >/dev/null 2>&1 || true
  timeout 60 podman pull --tls-verify=false --signature-policy "$containers/policy.json" \
    "docker://$REGISTRY/$1:$tag" || {
    load
    return 1
  }
  local pulled
  pulled=$(podman image inspect --format '{{.Id}}' "$REGISTRY/$1:$tag")
  load
  [[ $pulled == "$(podman image inspect --format '{{.Id}}' local/image)" ]]
}
load() {
  podman load --quiet --input "$workspace/image.tar" >/dev/null 2>&1
}

use_store guarded
make_build_context "$workspace/image" 1 65536
quietly podman build --layers --signature-policy "$containers/policy.json" \
  --tag local/image "$workspace/image"
quietly podman save --output "$workspace/image.tar" local/image
guarded_round_trip
