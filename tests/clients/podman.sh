#!/usr/bin/env bash
# Owns the podman round trip: build, push and pull with gzip, zstd and zstd:chunked layers (the
# last one pulled in parts by multi-range requests), pull by digest, search of the tags.
#
#   REGISTRY=HOST:PORT tests/clients/podman.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses podman runc
# shellcheck source=tests/clients/containers_storage.sh
source "$(dirname "${BASH_SOURCE[0]}")/containers_storage.sh"

push() {
  quietly podman push --tls-verify=false --signature-policy "$containers/policy.json" \
    --digestfile "$workspace/pushed" "$@"
}
pull() {
  quietly podman pull --tls-verify=false --signature-policy "$containers/policy.json" "$@"
}

# Compares the files of a pulled image with the trees it was built from.
expect_trees() {
  local what=$1 image=$2 trees=$3 mount_point
  mount_point=$(podman image mount "$image" 2>/dev/null)
  expect_same_files "$what" "$trees" "$mount_point"
  podman image umount "$image" >/dev/null 2>&1
}

# Each form gets an image of its own: podman remembers which compressed form of a layer a registry
# has, and would not send another one.
round_trip() {
  local name=$1 media_type=$2
  shift 2
  step "build, push and pull $name"
  use_store "push-$name"
  make_build_context "$workspace/$name" 4 262144
  quietly podman build --layers --signature-policy "$containers/policy.json" \
    --tag local/image "$workspace/$name"
  push "$@" local/image "docker://$REGISTRY/$namespace/image:$name"
  expect_equal "digest of the push" "$(<"$workspace/pushed")" \
    "$(remote_digest "$namespace/image" "$name")"
  expect_equal "layers" "4 $media_type" "$(remote_manifest "$namespace/image" "$name" |
    jq -r '"\(.layers | length) \([.layers[].mediaType] | unique | join(" "))"')"
  verify_remote_image "$namespace/image" "$name"
  use_store "pull-$name"
  pull "docker://$REGISTRY/$namespace/image:$name"
  expect_trees "files of the $name pull" "$REGISTRY/$namespace/image:$name" "$workspace/$name/trees"
}

round_trip gzip application/vnd.oci.image.layer.v1.tar+gzip --format oci
round_trip zstd application/vnd.oci.image.layer.v1.tar+zstd --format oci --compression-format zstd
round_trip docker application/vnd.docker.image.rootfs.diff.tar.gzip --format v2s2
round_trip chunked application/vnd.oci.image.layer.v1.tar+zstd \
  --format oci --compression-format zstd:chunked

# The second image repeats one file of the first between two new ones, so that its layer has to be
# asked for as two ranges in one request.
step "pull of the missing parts of a zstd:chunked layer"
use_store push-parts
for name in first second; do
  make_tree "$workspace/$name/trees" before 300000
  make_tree "$workspace/$name/trees" common 300000
  make_tree "$workspace/$name/trees" later 300000
  printf 'FROM scratch\nCOPY trees /\n' >"$workspace/$name/Containerfile"
done
cp "$workspace/first/trees/common/random" "$workspace/second/trees/common/random"
for name in first second; do
  quietly podman build --signature-policy "$containers/policy.json" \
    --tag "local/$name" "$workspace/$name"
  push --format oci --compression-format zstd:chunked \
    "local/$name" "docker://$REGISTRY/$namespace/parts:$name"
done
use_store pull-parts
for name in first second; do
  quietly podman --log-level debug pull --tls-verify=false \
    --signature-policy "$containers/policy.json" "docker://$REGISTRY/$namespace/parts:$name"
  expect_equal "layers of the $name image pulled in parts" 1 \
    "$(grep -c "Retrieved partial blob" "$workspace/client.log")"
  expect_trees "files of the $name pull" "$REGISTRY/$namespace/parts:$name" "$workspace/$name/trees"
done

step "pull by digest"
use_store pull-digest
digest=$(remote_digest "$namespace/image" gzip)
pull "docker://$REGISTRY/$namespace/image@$digest"
expect_equal "digest of the pull" "$digest" \
  "$(podman image inspect --format '{{.Digest}}' "$REGISTRY/$namespace/image@$digest" 2>/dev/null)"

step "search --list-tags"
expect_equal "tags" "chunked docker gzip zstd" "$(podman search --list-tags --tls-verify=false \
  --format '{{.Tag}}' "$REGISTRY/$namespace/image" 2>/dev/null |
  awk '$1 != "NAME" {print $NF}' | sort | xargs)"
