#!/usr/bin/env bash
# Owns helm at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_helm        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
uses helm
export HELM_CACHE_HOME=$workspace/cache HELM_CONFIG_HOME=$workspace/config HELM_DATA_HOME=$workspace/data
cd "$workspace"
checks_at_login=yes

login() {
  timeout 60 helm registry login --plain-http --username "$1" --password-stdin "$REGISTRY" <<<"$2"
}
logout() {
  rm -rf "$HELM_CONFIG_HOME/registry"
}
push() {
  timeout 60 helm push --plain-http "image-$tag.tgz" "oci://$REGISTRY/$(dirname "$1")"
}
pull() {
  rm -rf pulled
  mkdir pulled
  timeout 60 helm pull --plain-http "oci://$REGISTRY/$1" --version "$tag" --destination pulled &&
    cmp "image-$tag.tgz" "pulled/image-$tag.tgz"
}

helm create image >/dev/null
helm package image --version "$tag" >/dev/null
guarded_round_trip
