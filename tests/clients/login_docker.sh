#!/usr/bin/env bash
# Owns docker at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_docker        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
skip_when_daemons_are_unwanted
uses dockerd
# shellcheck source=tests/clients/docker_daemon.sh
source "$(dirname "${BASH_SOURCE[0]}")/docker_daemon.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
checks_at_login=yes
sends_raw_tokens=yes

login() {
  timeout 60 docker login --username "$1" --password-stdin "$REGISTRY" <<<"$2"
}
logout() {
  rm -f "$DOCKER_CONFIG/config.json"
}
use_token() {
  jq --null-input --arg registry "$REGISTRY" --arg token "$1" \
    '{auths: {($registry): {auth: "", registrytoken: $token}}}' >"$DOCKER_CONFIG/config.json"
}
push() {
  docker tag "$image_id" "$REGISTRY/$1:$tag"
  timeout 60 docker push "$REGISTRY/$1:$tag"
}
# The image is removed first, so that the daemon asks for all of it, and comes back afterwards.
pull() {
  docker images --quiet --all | sort -u | xargs --no-run-if-empty docker rmi --force >/dev/null 2>&1
  timeout 60 docker pull "$REGISTRY/$1:$tag" || {
    load
    return 1
  }
  local pulled
  pulled=$(docker images --quiet --no-trunc "$REGISTRY/$1:$tag")
  load
  [[ $pulled == "$image_id" ]]
}
load() {
  docker load --quiet --input "$workspace/image.tar" >/dev/null
}

step "start the daemon"
start_daemon
make_tree "$workspace/image" tree 65536
printf 'FROM scratch\nCOPY tree /tree\n' >"$workspace/image/Dockerfile"
quietly docker build --tag local/image "$workspace/image"
image_id=$(docker images --quiet --no-trunc local/image)
quietly docker save --output "$workspace/image.tar" local/image
guarded_round_trip
