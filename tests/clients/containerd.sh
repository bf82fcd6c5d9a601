#!/usr/bin/env bash
# Owns the round trip with containerd, started by hand in the test's folder: import, push, pull,
# export, and a mirror for another registry's name, whose requests carry `?ns=`.
#
#   REGISTRY=HOST:PORT tests/clients/containerd.sh    (root; SKIP_DAEMONS=1 leaves it out)
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
skip_when_daemons_are_unwanted
uses containerd ctr
# shellcheck source=tests/clients/containerd_daemon.sh
source "$(dirname "${BASH_SOURCE[0]}")/containerd_daemon.sh"
repository=$REGISTRY/$namespace

# Forgets every image and its content, so that the next pull asks for all of it.
forget_everything() {
  ctr images ls --quiet | xargs --no-run-if-empty ctr images rm --sync >/dev/null
  expect_equal "content left in containerd" "" "$(ctr content ls --quiet)"
}

# Compares what containerd holds of an image with the layout it was made from, blob by blob.
expect_blobs() {
  local what=$1 layout=$2 blob
  for blob in "$layout"/blobs/sha256/*; do
    ctr content get "sha256:$(basename "$blob")" >"$workspace/content"
    expect_same_files "$what" "$blob" "$workspace/content"
  done
}

step "start the daemon"
start_daemon

step "push and pull an image"
make_layout "$workspace/image" v1 4 262144
import "$workspace/image" "$repository/image"
quietly ctr images push --plain-http "$repository/image:v1"
expect_equal "digest after the push" "$(layout_digest "$workspace/image" v1)" \
  "$(remote_digest "$namespace/image" v1)"
verify_remote_image "$namespace/image" v1
forget_everything
quietly ctr images pull --plain-http "$repository/image:v1"
expect_blobs "blobs of the pull" "$workspace/image"

step "push and pull a three-platform index"
make_index_layout "$workspace/index" v1 linux/amd64 linux/arm64 linux/s390x
import "$workspace/index" "$repository/index"
quietly ctr images push --plain-http "$repository/index:v1"
expect_equal "digest of the index" "$(layout_digest "$workspace/index" v1)" \
  "$(remote_digest "$namespace/index" v1)"
verify_remote_image "$namespace/index" v1
forget_everything
quietly ctr images pull --plain-http --all-platforms "$repository/index:v1"
expect_blobs "blobs of the index" "$workspace/index"

step "push under a second name"
quietly ctr images tag "$repository/index:v1" "$repository/second:v2"
quietly ctr images push --plain-http "$repository/second:v2"
expect_equal "digest of the second name" "$(layout_digest "$workspace/index" v1)" \
  "$(remote_digest "$namespace/second" v2)"
verify_remote_image "$namespace/second" v2

step "pull by digest"
forget_everything
quietly ctr images pull --plain-http "$repository/image@$(layout_digest "$workspace/image" v1)"
expect_blobs "blobs of the pull by digest" "$workspace/image"

step "pull of a 64 MiB layer"
make_layout "$workspace/big" v1 1 $((64 << 20))
import "$workspace/big" "$repository/big"
quietly ctr images push --plain-http "$repository/big:v1"
forget_everything
quietly ctr images pull --plain-http "$repository/big:v1"
expect_blobs "blobs of the big image" "$workspace/big"

step "mirror of another registry, with ?ns= on every request"
readonly mirrored=registry.example.test
mkdir -p "$workspace/hosts/$mirrored"
cat >"$workspace/hosts/$mirrored/hosts.toml" <<TOML
server = "http://$REGISTRY"
[host."http://$REGISTRY"]
capabilities = ["pull", "resolve"]
TOML
forget_everything
quietly ctr images pull --hosts-dir "$workspace/hosts" --http-dump --all-platforms \
  "$mirrored/$namespace/index:v1"
expect_blobs "blobs of the mirrored index" "$workspace/index"
grep -q "[?&]ns=$mirrored" "$workspace/client.log" || fail "no request carried ?ns=$mirrored"
