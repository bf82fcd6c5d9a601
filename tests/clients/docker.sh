#!/usr/bin/env bash
# Owns the round trip with Docker's own daemon, started by hand in the test's folder: build, push,
# pull, pull by digest, the same layers under a second name, many layers, an OCI index.
#
#   REGISTRY=HOST:PORT tests/clients/docker.sh        (root; SKIP_DAEMONS=1 leaves it out)
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
skip_when_daemons_are_unwanted
uses dockerd crane
# shellcheck source=tests/clients/docker_daemon.sh
source "$(dirname "${BASH_SOURCE[0]}")/docker_daemon.sh"
repository=$REGISTRY/$namespace

# The digest that the daemon says it pushed; the client prints it on the last line of a push.
pushed_digest() {
  sed -n 's/.* digest: \(sha256:[0-9a-f]*\) .*/\1/p' "$workspace/client.log"
}

# Compares the files of an image with the trees it was built from.
expect_trees() {
  local what=$1 image=$2 trees=$3 container
  container=$(docker create "$image" /nothing 2>/dev/null)
  rm -rf "$workspace/copied"
  mkdir "$workspace/copied"
  for tree in "$trees"/*; do
    docker cp "$container:/$(basename "$tree")" "$workspace/copied/" >/dev/null
  done
  docker rm "$container" >/dev/null
  expect_same_files "$what" "$trees" "$workspace/copied"
}

build() {
  local name=$1 layers=$2 bytes=$3 number
  mkdir -p "$workspace/$name"
  echo "FROM scratch" >"$workspace/$name/Dockerfile"
  for ((number = 0; number < layers; number++)); do
    make_tree "$workspace/$name/trees" "tree-$number" "$bytes"
    echo "COPY trees/tree-$number /tree-$number" >>"$workspace/$name/Dockerfile"
  done
  quietly docker build --tag "$repository/$name:v1" "$workspace/$name"
}

remove_local_images() {
  docker images --quiet --all | sort -u | xargs --no-run-if-empty docker rmi --force >/dev/null 2>&1 || true
  expect_equal "images left in the daemon" "" "$(docker images --quiet --all)"
}

step "start the daemon"
start_daemon

step "build, push and pull"
build image 4 262144
image_id=$(docker images --quiet --no-trunc "$repository/image:v1")
quietly docker push "$repository/image:v1"
digest=$(pushed_digest)
expect_equal "digest after the push" "$digest" "$(remote_digest "$namespace/image" v1)"
verify_remote_image "$namespace/image" v1
remove_local_images
quietly docker pull "$repository/image:v1"
expect_equal "image after the pull" "$image_id" "$(docker images --quiet --no-trunc "$repository/image:v1")"
expect_trees "files of the pull" "$repository/image:v1" "$workspace/image/trees"

step "push of the same layers under a second name and a second tag"
docker tag "$repository/image:v1" "$repository/second:v2"
docker tag "$repository/image:v1" "$repository/image:v2"
quietly docker push "$repository/second:v2"
expect_equal "digest of the second name" "$digest" "$(remote_digest "$namespace/second" v2)"
expect_equal "layers mounted from the first" 4 "$(grep -c 'Mounted from' "$workspace/client.log")"
verify_remote_image "$namespace/second" v2
quietly docker push "$repository/image:v2"
expect_equal "tags" "v1 v2" "$(remote_tags "$namespace/image" | sort | xargs)"
quietly docker push --all-tags "$repository/image"

step "pull by digest"
remove_local_images
quietly docker pull "$repository/second@$digest"
expect_equal "image of the pull by digest" "$image_id" \
  "$(docker image inspect --format '{{.Id}}' "$repository/second@$digest")"
expect_trees "files of the pull by digest" "$repository/second@$digest" "$workspace/image/trees"

step "an image of 40 layers and one of a 64 MiB layer"
build many 40 2048
build big 1 $((64 << 20))
quietly docker push "$repository/many:v1"
quietly docker push "$repository/big:v1"
remove_local_images
quietly docker pull "$repository/many:v1"
expect_trees "files of 40 layers" "$repository/many:v1" "$workspace/many/trees"
quietly docker pull "$repository/big:v1"
expect_trees "file of 64 MiB" "$repository/big:v1" "$workspace/big/trees"

step "pull from an OCI index that another client pushed"
make_index_layout "$workspace/index" v1 linux/amd64 linux/arm64 linux/s390x
quietly crane push --index "$workspace/index" "$repository/wrapped:v1"
quietly crane copy "$repository/wrapped@$(layout_digest "$workspace/index" v1)" "$repository/index:v1"
for platform in amd64 arm64; do
  quietly docker pull --platform "linux/$platform" "$repository/index:v1"
  expect_equal "platform of the pull" "$platform" \
    "$(docker image inspect --format '{{.Architecture}}' "$repository/index:v1")"
done
