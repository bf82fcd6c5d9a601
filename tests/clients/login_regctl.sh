#!/usr/bin/env bash
# Owns regctl at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_regctl        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses regctl
export REGCTL_CONFIG=$workspace/regctl.json DOCKER_CONFIG=$workspace/docker
mkdir -p "$DOCKER_CONFIG"
cd "$workspace"
checks_at_login=yes

login() {
  timeout 60 regctl registry login --user "$1" --pass-stdin "$REGISTRY" <<<"$2"
}
logout() {
  rm -f "$REGCTL_CONFIG"
  regctl registry set --tls disabled --skip-check "$REGISTRY"
}
push() {
  timeout 60 regctl image copy ocidir://image:v1 "$REGISTRY/$1:$tag"
}
pull() {
  rm -rf pulled
  timeout 60 regctl image copy "$REGISTRY/$1:$tag" ocidir://pulled:v1 &&
    diff -r image/blobs pulled/blobs
}

logout
make_layout image v1 1 65536
guarded_round_trip
