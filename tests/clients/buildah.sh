#!/usr/bin/env bash
# Owns the buildah round trip: push and pull with gzip and zstd layers, many layers, Docker's
# format, and a manifest list for three platforms.
#
#   REGISTRY=HOST:PORT tests/clients/buildah.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses buildah
# shellcheck source=tests/clients/containers_storage.sh
source "$(dirname "${BASH_SOURCE[0]}")/containers_storage.sh"

push() {
  quietly buildah push --tls-verify=false --signature-policy "$containers/policy.json" \
    --digestfile "$workspace/pushed" "$@"
}
pull() {
  quietly buildah pull --tls-verify=false --signature-policy "$containers/policy.json" "$@"
}

# Compares the files of a pulled image with the trees it was built from.
expect_trees() {
  local what=$1 image=$2 trees=$3 container mount_point
  container=$(buildah from --signature-policy "$containers/policy.json" --pull-never "$image" 2>/dev/null)
  mount_point=$(buildah mount "$container")
  expect_same_files "$what" "$trees" "$mount_point"
  buildah umount "$container" >/dev/null
  buildah rm "$container" >/dev/null
}

# Each form gets an image of its own: buildah remembers which compressed form of a layer a registry
# has, and would not send another one.
round_trip() {
  local name=$1 media_type=$2
  shift 2
  step "build, push and pull $name"
  use_store "push-$name"
  make_build_context "$workspace/$name" 5 65536
  quietly buildah bud --layers --signature-policy "$containers/policy.json" \
    --tag local/image "$workspace/$name"
  push "$@" local/image "docker://$REGISTRY/$namespace/image:$name"
  expect_equal "digest of the push" "$(<"$workspace/pushed")" \
    "$(remote_digest "$namespace/image" "$name")"
  expect_equal "layers" "5 $media_type" "$(remote_manifest "$namespace/image" "$name" |
    jq -r '"\(.layers | length) \([.layers[].mediaType] | unique | join(" "))"')"
  verify_remote_image "$namespace/image" "$name"
  use_store "pull-$name"
  pull "docker://$REGISTRY/$namespace/image:$name"
  expect_trees "files of the $name pull" "$REGISTRY/$namespace/image:$name" "$workspace/$name/trees"
}

round_trip gzip application/vnd.oci.image.layer.v1.tar+gzip --format oci
round_trip zstd application/vnd.oci.image.layer.v1.tar+zstd --format oci --compression-format zstd
round_trip docker application/vnd.docker.image.rootfs.diff.tar.gzip --format v2s2

step "manifest list for three platforms"
use_store push-list
quietly buildah manifest create local/list
for architecture in amd64 arm64 s390x; do
  container=$(buildah from --signature-policy "$containers/policy.json" --arch "$architecture" scratch)
  make_tree "$workspace/platforms/$architecture" "$architecture" 8192
  quietly buildah copy "$container" "$workspace/platforms/$architecture" /
  quietly buildah config --arch "$architecture" --os linux "$container"
  quietly buildah commit --signature-policy "$containers/policy.json" --manifest local/list \
    "$container" "local/platform-$architecture"
  buildah rm "$container" >/dev/null
done
quietly buildah manifest push --all --tls-verify=false --format oci \
  --signature-policy "$containers/policy.json" --digestfile "$workspace/pushed" \
  local/list "docker://$REGISTRY/$namespace/list:v1"
expect_equal "digest of the list" "$(<"$workspace/pushed")" "$(remote_digest "$namespace/list" v1)"
expect_equal "platforms of the list" "amd64 arm64 s390x" "$(remote_manifest "$namespace/list" v1 |
  jq -r '[.manifests[].platform.architecture] | sort | join(" ")')"
verify_remote_image "$namespace/list" v1
use_store pull-list
pull --arch arm64 "docker://$REGISTRY/$namespace/list:v1"
expect_trees "files of the arm64 pull" "$REGISTRY/$namespace/list:v1" "$workspace/platforms/arm64"
