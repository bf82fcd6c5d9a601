#!/usr/bin/env bash
# Owns the crane round trip: append, push, pull, copy, tag, ls, catalog, validate, delete, and the
# export of an image's files.
#
#   REGISTRY=HOST:PORT tests/clients/crane.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses crane
export DOCKER_CONFIG=$workspace/docker
mkdir -p "$DOCKER_CONFIG"
repository=$REGISTRY/$namespace

step "append a layer to nothing"
make_tree "$workspace/trees" first 262144
tar --create --file "$workspace/first.tar" --directory "$workspace/trees" first
quietly crane append --oci-empty-base --new_layer "$workspace/first.tar" --new_tag "$repository/appended:v1"
verify_remote_image "$namespace/appended" v1
crane export "$repository/appended:v1" - | tar --extract --directory "$workspace" --one-top-level=exported
expect_same_files "exported files" "$workspace/trees" "$workspace/exported"

step "append a layer to an image in the registry"
make_tree "$workspace/trees" second 262144
tar --create --file "$workspace/second.tar" --directory "$workspace/trees" second
quietly crane append --base "$repository/appended:v1" --new_layer "$workspace/second.tar" \
  --new_tag "$repository/appended:v2"
verify_remote_image "$namespace/appended" v2
rm -rf "$workspace/exported"
crane export "$repository/appended:v2" - | tar --extract --directory "$workspace" --one-top-level=exported
expect_same_files "exported files of two layers" "$workspace/trees" "$workspace/exported"

step "push and pull a layout"
make_layout "$workspace/image" v1 3 262144
quietly crane push "$workspace/image" "$repository/image:v1"
expect_equal "digest after the push" "$(layout_digest "$workspace/image" v1)" \
  "$(remote_digest "$namespace/image" v1)"
expect_equal "crane digest" "$(layout_digest "$workspace/image" v1)" \
  "$(crane digest "$repository/image:v1")"
quietly crane pull --format oci "$repository/image:v1" "$workspace/pulled"
expect_same_files "blobs after the round trip" "$workspace/image/blobs" "$workspace/pulled/blobs"
quietly crane pull "$repository/image:v1" "$workspace/pulled.tar"
quietly crane validate --tarball "$workspace/pulled.tar"

step "push and pull an index of three platforms"
make_index_layout "$workspace/index" v1 linux/amd64 linux/arm64 windows/amd64
quietly crane push --index "$workspace/index" "$repository/wrapped:v1"
verify_remote_image "$namespace/wrapped" v1
index_digest=$(remote_manifest "$namespace/wrapped" v1 | jq -r '.manifests[0].digest')
expect_equal "digest of the inner index" "$(layout_digest "$workspace/index" v1)" "$index_digest"
expect_equal "manifests of the inner index" 3 \
  "$(crane manifest "$repository/wrapped@$index_digest" | jq '.manifests | length')"

step "copy"
quietly crane copy "$repository/wrapped@$index_digest" "$repository/copied:v1"
expect_equal "digest of the copy" "$index_digest" "$(remote_digest "$namespace/copied" v1)"
verify_remote_image "$namespace/copied" v1
quietly crane pull --format oci "$repository/copied:v1" "$workspace/copied"
expect_same_files "blobs of the copy" "$workspace/index/blobs" "$workspace/copied/blobs"
quietly crane copy --platform linux/arm64 "$repository/copied:v1" "$repository/copied:arm"
expect_equal "platform of the copy" arm64 "$(crane config "$repository/copied:arm" | jq -r .architecture)"

step "tag, mutate, ls"
quietly crane tag "$repository/image:v1" v2
quietly crane mutate "$repository/image:v1" --label color=blue --tag "$repository/image:blue"
expect_equal "label" blue "$(crane config "$repository/image:blue" | jq -r .config.Labels.color)"
expect_equal "tags" "blue v1 v2" "$(crane ls "$repository/image" | sort | xargs)"

step "catalog"
crane catalog "$REGISTRY" | grep "^$namespace/" | sort >"$workspace/catalog"
expect_equal "repositories" "appended copied image wrapped" \
  "$(sed "s|^$namespace/||" "$workspace/catalog" | xargs)"

step "validate"
for image in appended:v1 appended:v2 image:v1 image:blue copied:arm; do
  quietly crane validate --remote "$repository/$image"
done
quietly crane validate --remote "$repository/copied:v1"

step "delete"
digest=$(remote_digest "$namespace/image" v1)
quietly crane delete "$repository/image@$digest"
expect_failure "manifest of a deleted image" crane manifest "$repository/image@$digest"
expect_equal "tags after the deletion" "blue" "$(crane ls "$repository/image" | xargs)"
verify_remote_image "$namespace/image" blue
