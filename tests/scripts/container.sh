#!/usr/bin/env bash
# Owns the proof that deploy/container makes an image that works: built by buildah from the binary
# that is there already, run by podman with a read-only root and without capabilities, pushed to,
# pulled from, administered, asked for its health, stopped and started again on the same volume.
#
#   tests/scripts/container.sh
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
"$repository_root/tests/scripts/tools.sh" buildah podman runc crane curl jq || exit $?

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-container.XXXXXX")
container=roadstead-$$
finish() {
  local exit_code=$?
  if [[ $exit_code -ne 0 ]]; then
    tail -n 20 "$workspace"/*.log >&2 2>/dev/null || true
    podman logs --tail 20 "$container" >&2 2>/dev/null || true
  fi
  podman rm --force "$container" >/dev/null 2>&1 || true
  podman volume rm --force "$container" >/dev/null 2>&1 || true
  # A mount that is still there must not have its contents deleted through it.
  awk -v prefix="$workspace/" 'index($2, prefix) == 1 {print $2}' /proc/mounts | sort -r |
    while read -r mount_point; do umount -l "$mount_point" || true; done
  rm -rf --one-file-system "$workspace"
}
trap finish EXIT

fail() {
  echo "container: $*" >&2
  exit 1
}

expect() {
  [[ $2 == "$3" ]] || fail "$1 is '$2', wanted '$3'"
}

# A store of its own, and what containers need where no init system runs.
REGISTRY=127.0.0.1
# shellcheck source=tests/clients/containers_storage.sh
source "$repository_root/tests/clients/containers_storage.sh"
use_store image

# The last stage as it is; the first would compile what is built already.
build_image() {
  "$repository_root/deploy/container/image_root.sh" "$roadstead_binary" "$workspace/image"
  sed -n '/^FROM scratch$/,$p' "$repository_root/deploy/container/Containerfile" |
    sed -E 's|^COPY --from=build (.*)/image/|COPY \1|' >"$workspace/Containerfile"
  buildah bud --format docker --signature-policy "${containers:?}/policy.json" \
    --file "$workspace/Containerfile" --tag localhost/roadstead "$workspace/image" \
    >"$workspace/build.log" 2>&1 || fail "buildah builds no image"
  buildah inspect --type image localhost/roadstead >"$workspace/inspect.json"
}

property() {
  jq --compact-output --raw-output ".Docker.config.$1" "$workspace/inspect.json"
}

check_image() {
  expect "the user" "$(property User)" 65532:65532
  expect "the entry point" "$(property Entrypoint)" '["/usr/local/bin/roadstead"]'
  expect "the command" "$(property Cmd)" '["serve"]'
  expect "the signal to stop" "$(property StopSignal)" SIGTERM
  expect "the volumes" "$(property 'Volumes | keys')" '["/data"]'
  expect "the health check" "$(property Healthcheck.Test)" '["CMD","/usr/local/bin/roadstead","health"]'
  local programs
  programs=$(find "$workspace/image/root" -type f -perm -u+x | grep -vc '\.so')
  expect "the number of programs" "$programs" 1
  echo "  an image of $(du -sm "$workspace/image" | cut -f1) MiB, one program, not root"
}

run_container() {
  podman run --detach --name "$container" --network host --read-only --cap-drop all \
    --security-opt no-new-privileges --volume "$container:/data" \
    --env "ROADSTEAD_LISTEN=$registry_address" --env "ROADSTEAD_ADMIN__LISTEN=$admin_address" \
    --env 'ROADSTEAD_ACCESS__RULES=[{subjects: [authenticated], repositories: ["**"], actions: [pull, push]}]' \
    localhost/roadstead >"$workspace/run.log" 2>&1 || fail "podman runs no container"
}

# Nobody tells when a container serves, so it is asked, 20 s at most.
await_health() {
  local deadline=$((SECONDS + 20))
  until podman healthcheck run "$container" >"$workspace/health.log" 2>&1; do
    [[ $SECONDS -lt $deadline ]] || fail "the container is not healthy within 20 s"
    sleep 0.1
  done
}

build_roadstead
echo "container: deploy/container"
build_image
check_image
registry_address=127.0.0.1:$(free_port)
admin_address=127.0.0.1:$(free_port)
run_container
await_health
expect "who runs it" "$(podman inspect --format '{{.State.Pid}}' "$container" |
  xargs -I{} stat --format %u:%g /proc/{})" 65532:65532
echo "  healthy with a read-only root and without capabilities"

password=$(podman exec "$container" roadstead user add ops)
expect "a push without a password" \
  "$(curl --silent --output /dev/null --write-out '%{http_code}' --request POST "http://$registry_address/v2/team/app/blobs/uploads/")" 401
export DOCKER_CONFIG=$workspace/docker
crane auth login "$registry_address" --username ops --password "$password" >"$workspace/login.log" 2>&1
head -c 1048576 /dev/urandom >"$workspace/content"
tar --create --file "$workspace/layer.tar" --directory "$workspace" content
crane append --oci-empty-base --new_layer "$workspace/layer.tar" --new_tag "$registry_address/team/app:1.0" \
  >/dev/null 2>"$workspace/crane.log"
echo "  a user added by podman exec pushes an image"

podman stop --time 20 "$container" >/dev/null 2>&1
expect "the exit code after SIGTERM" "$(podman inspect --format '{{.State.ExitCode}}' "$container")" 0
podman start "$container" >/dev/null 2>&1
await_health
crane export "$registry_address/team/app:1.0" "$workspace/pulled.tar" 2>>"$workspace/crane.log"
tar --extract --to-stdout --file "$workspace/pulled.tar" content | cmp - "$workspace/content" ||
  fail "the image came back changed"
echo "  stopped, started again on the same volume, pulled"
echo "container: good"
