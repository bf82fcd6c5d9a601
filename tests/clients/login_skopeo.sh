#!/usr/bin/env bash
# Owns skopeo at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_skopeo        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses skopeo
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$workspace/policy.json"
: >"$workspace/registries.conf"
export REGISTRY_AUTH_FILE=$workspace/auth.json CONTAINERS_REGISTRIES_CONF=$workspace/registries.conf
checks_at_login=yes
sends_raw_tokens=yes
raw_token=()

login() {
  timeout 60 skopeo login --tls-verify=false --username "$1" --password-stdin "$REGISTRY" <<<"$2"
}
logout() {
  raw_token=()
  echo '{}' >"$REGISTRY_AUTH_FILE"
}
use_token() {
  raw_token=(--src-registry-token "$1")
}
skopeo_here() {
  skopeo --policy "$workspace/policy.json" --tmpdir "$workspace" --command-timeout 60s "$@"
}
push() {
  skopeo_here copy --dest-tls-verify=false "oci:$workspace/image:v1" "docker://$REGISTRY/$1:$tag"
}
pull() {
  rm -rf "$workspace/pulled"
  skopeo_here copy "${raw_token[@]}" --src-tls-verify=false "docker://$REGISTRY/$1:$tag" \
    "oci:$workspace/pulled:v1" && diff -r "$workspace/image/blobs" "$workspace/pulled/blobs"
}

logout
make_layout "$workspace/image" v1 1 65536
guarded_round_trip
