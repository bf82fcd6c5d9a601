#!/usr/bin/env bash
# Owns the skopeo round trip: copy, copy of a whole index, copy between repositories, Docker's
# manifest format, list-tags, sync both ways, delete.
#
#   REGISTRY=HOST:PORT tests/clients/skopeo.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses skopeo

echo '{}' >"$workspace/auth.json"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$workspace/policy.json"
: >"$workspace/registries.conf"
export REGISTRY_AUTH_FILE=$workspace/auth.json CONTAINERS_REGISTRIES_CONF=$workspace/registries.conf

skopeo_here() {
  skopeo --policy "$workspace/policy.json" --tmpdir "$workspace" --command-timeout 120s "$@" \
    >"$workspace/skopeo.log" 2>&1 || {
    tail -n 10 "$workspace/skopeo.log" >&2
    return 1
  }
}
copy_in() { skopeo_here copy --dest-tls-verify=false "$@"; }
copy_out() { skopeo_here copy --src-tls-verify=false "$@"; }

step "copy one image in and out"
make_layout "$workspace/image" v1 3 262144
copy_in "oci:$workspace/image:v1" "docker://$REGISTRY/$namespace/one:v1"
expect_equal "digest after the push" "$(layout_digest "$workspace/image" v1)" \
  "$(remote_digest "$namespace/one" v1)"
verify_remote_image "$namespace/one" v1
copy_out "docker://$REGISTRY/$namespace/one:v1" "oci:$workspace/pulled:v1"
expect_same_files "blobs after the round trip" "$workspace/image/blobs" "$workspace/pulled/blobs"

step "copy an image of 40 layers and one of a 64 MiB layer"
make_layout "$workspace/many" v1 40 2048
copy_in "oci:$workspace/many:v1" "docker://$REGISTRY/$namespace/many:v1"
copy_out "docker://$REGISTRY/$namespace/many:v1" "oci:$workspace/many-pulled:v1"
expect_same_files "40 layers" "$workspace/many/blobs" "$workspace/many-pulled/blobs"
make_layout "$workspace/big" v1 1 $((64 << 20))
copy_in "oci:$workspace/big:v1" "docker://$REGISTRY/$namespace/big:v1"
copy_out "docker://$REGISTRY/$namespace/big:v1" "oci:$workspace/big-pulled:v1"
expect_same_files "64 MiB layer" "$workspace/big/blobs" "$workspace/big-pulled/blobs"

step "copy --all of a three-platform index"
make_index_layout "$workspace/index" v1 linux/amd64 linux/arm64 linux/riscv64
copy_in --all "oci:$workspace/index:v1" "docker://$REGISTRY/$namespace/index:v1"
expect_equal "digest of the index" "$(layout_digest "$workspace/index" v1)" \
  "$(remote_digest "$namespace/index" v1)"
verify_remote_image "$namespace/index" v1
copy_out --all "docker://$REGISTRY/$namespace/index:v1" "oci:$workspace/index-pulled:v1"
expect_same_files "the whole index" "$workspace/index/blobs" "$workspace/index-pulled/blobs"

step "copy from repository to repository"
skopeo_here copy --all --src-tls-verify=false --dest-tls-verify=false \
  "docker://$REGISTRY/$namespace/index:v1" "docker://$REGISTRY/$namespace/index-copy:v2"
expect_equal "digest of the copy" "$(layout_digest "$workspace/index" v1)" \
  "$(remote_digest "$namespace/index-copy" v2)"
verify_remote_image "$namespace/index-copy" v2

step "copy as a Docker schema 2 manifest"
copy_in --format v2s2 "oci:$workspace/image:v1" "docker://$REGISTRY/$namespace/docker:v1"
expect_equal "media type" application/vnd.docker.distribution.manifest.v2+json \
  "$(remote_manifest "$namespace/docker" v1 | jq -r .mediaType)"
verify_remote_image "$namespace/docker" v1
copy_out "docker://$REGISTRY/$namespace/docker:v1" "dir:$workspace/docker-pulled"
expect_equal "manifest of the pull" "$(remote_digest "$namespace/docker" v1)" \
  "$(digest_of_file "$workspace/docker-pulled/manifest.json")"

step "inspect"
skopeo inspect --tls-verify=false "docker://$REGISTRY/$namespace/one:v1" >"$workspace/inspect.json"
expect_equal "digest that inspect names" "$(layout_digest "$workspace/image" v1)" \
  "$(jq -r .Digest "$workspace/inspect.json")"

step "list-tags"
for tag in v2 v3 latest; do
  copy_in "oci:$workspace/image:v1" "docker://$REGISTRY/$namespace/one:$tag"
done
expect_equal "tags" "latest v1 v2 v3" "$(skopeo list-tags --tls-verify=false \
  "docker://$REGISTRY/$namespace/one" | jq -r '.Tags | sort | join(" ")')"

step "sync to a folder and back"
skopeo_here sync --all --src docker --dest dir --src-tls-verify=false \
  "$REGISTRY/$namespace/index" "$workspace/synced"
expect_equal "manifest of the sync" "$(layout_digest "$workspace/index" v1)" \
  "$(digest_of_file "$workspace/synced/index:v1/manifest.json")"
skopeo_here sync --all --src dir --dest docker --dest-tls-verify=false \
  "$workspace/synced" "$REGISTRY/$namespace/synced"
expect_equal "digest after the sync back" "$(layout_digest "$workspace/index" v1)" \
  "$(remote_digest "$namespace/synced/index" v1)"
verify_remote_image "$namespace/synced/index" v1

step "delete"
skopeo_here delete --tls-verify=false "docker://$REGISTRY/$namespace/docker:v1"
expect_failure "inspect of a deleted image" \
  skopeo inspect --tls-verify=false "docker://$REGISTRY/$namespace/docker:v1"
expect_status "a deleted image" 404 "/v2/$namespace/docker/manifests/v1"
expect_equal "tags after the deletion" "" "$(remote_tags "$namespace/docker")"
expect_status "the neighbour of a deleted image" 200 "/v2/$namespace/one/manifests/v1"
