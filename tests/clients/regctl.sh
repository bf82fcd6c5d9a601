#!/usr/bin/env bash
# Owns the regctl round trip: image copy with referrers and digest tags, export, tag ls and delete,
# artifact put, list, get and tree through the referrers API, blobs, index create, chunked uploads.
#
#   REGISTRY=HOST:PORT tests/clients/regctl.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses regctl
export REGCTL_CONFIG=$workspace/regctl.json DOCKER_CONFIG=$workspace/docker
mkdir -p "$DOCKER_CONFIG"
repository=$REGISTRY/$namespace
cd "$workspace"
quietly regctl registry set --tls disabled "$REGISTRY"

step "image copy in and out"
make_layout "$workspace/image" v1 3 262144
quietly regctl image copy "ocidir://image:v1" "$repository/image:v1"
image_digest=$(layout_digest image v1)
expect_equal "digest after the push" "$image_digest" "$(remote_digest "$namespace/image" v1)"
verify_remote_image "$namespace/image" v1
quietly regctl image copy "$repository/image:v1" "ocidir://pulled:v1"
expect_same_files "blobs after the round trip" image/blobs pulled/blobs
expect_equal "regctl image digest" "$image_digest" "$(regctl image digest "$repository/image:v1")"

step "image copy of a three-platform index"
make_index_layout "$workspace/index" v1 linux/amd64 linux/arm64 linux/riscv64
quietly regctl image copy "ocidir://index:v1" "$repository/index:v1"
expect_equal "digest of the index" "$(layout_digest index v1)" "$(remote_digest "$namespace/index" v1)"
verify_remote_image "$namespace/index" v1

step "artifact put with a subject"
echo '{"spdx": true}' >sbom.json
echo '{"vulnerabilities": 0}' >scan.json
for kind in sbom scan; do
  quietly regctl artifact put --artifact-type "application/vnd.example.$kind" \
    --annotation "kind=$kind" --file "$kind.json" --file-media-type application/json \
    --subject "$repository/image:v1"
done

step "artifact list"
# The referrers API itself: without it regctl falls back to a tag that clients keep by themselves.
expect_status "the referrers API" 200 "/v2/$namespace/image/referrers/$image_digest"
regctl artifact list "$repository/image:v1" --format body >referrers.json
expect_equal "referrers" "application/vnd.example.sbom application/vnd.example.scan" \
  "$(jq -r '[.manifests[].artifactType] | sort | join(" ")' referrers.json)"
regctl artifact list "$repository/image:v1" --format body \
  --filter-artifact-type application/vnd.example.scan >referrers.json
expect_equal "filtered referrers" "application/vnd.example.scan scan" \
  "$(jq -r '.manifests[] | "\(.artifactType) \(.annotations.kind)"' referrers.json)"
expect_equal "fallback tags" "v1" "$(remote_tags "$namespace/image" | xargs)"

step "artifact get"
mkdir received
quietly regctl artifact get --subject "$repository/image:v1" \
  --filter-artifact-type application/vnd.example.scan --output received
expect_equal "artifact" "$(digest_of_file scan.json)" "$(digest_of_file "$(find received -type f)")"
quietly regctl artifact tree "$repository/image:v1"
expect_equal "artifacts in the tree" 2 "$(grep -c 'application/vnd.example' client.log)"

step "artifact without a subject"
quietly regctl artifact put --artifact-type application/vnd.example.note --file scan.json \
  --file-media-type application/json "$repository/note:v1"
verify_remote_image "$namespace/note" v1
expect_equal "artifact" "$(<scan.json)" "$(regctl artifact get "$repository/note:v1")"

step "image copy with referrers"
quietly regctl image copy --referrers --digest-tags "$repository/image:v1" "$repository/copied:v1"
expect_equal "digest of the copy" "$image_digest" "$(remote_digest "$namespace/copied" v1)"
verify_remote_image "$namespace/copied" v1
expect_equal "referrers of the copy" 2 \
  "$(regctl artifact list "$repository/copied:v1" --format body | jq '.manifests | length')"

step "index create"
quietly regctl index create "$repository/image:index" --ref "$repository/image:v1" \
  --desc-platform linux/amd64
expect_equal "manifest of the index" "$image_digest" \
  "$(regctl manifest get "$repository/image:index" --format body | jq -r '.manifests[0].digest')"

step "blob put in chunks, get, head, delete"
quietly regctl registry set --blob-chunk 1048576 --blob-max 2097152 "$REGISTRY"
head -c $((5 << 20)) /dev/urandom >big
regctl blob put "$repository/blobs" <big >pushed-digest
blob=$(digest_of_file big)
regctl blob get "$repository/blobs" "$blob" >blob-back
expect_same_files "blob" big blob-back
quietly regctl blob head "$repository/blobs" "$blob"
quietly regctl blob delete "$repository/blobs" "$blob"
expect_status "a deleted blob" 404 "/v2/$namespace/blobs/blobs/$blob"

step "tag ls, with pages, and repo ls"
for number in 1 2 3 4 5 6; do
  quietly regctl image copy "$repository/image:v1" "$repository/tags:t$number"
done
expect_equal "tags" "t1 t2 t3 t4 t5 t6" "$(regctl tag ls "$repository/tags" | xargs)"
expect_equal "a page of tags" "t3 t4" "$(regctl tag ls --limit 2 --last t2 "$repository/tags" | head -n 2 | xargs)"
regctl repo ls "$REGISTRY" | grep -qx "$namespace/tags" || fail "repo ls does not name $namespace/tags"

step "tag delete leaves the image and the other tags"
quietly regctl tag delete "$repository/tags:t4"
expect_equal "tags after the deletion" "t1 t2 t3 t5 t6" "$(regctl tag ls "$repository/tags" | xargs)"
verify_remote_image "$namespace/tags" "$image_digest"

step "manifest delete"
quietly regctl manifest delete "$repository/tags@$image_digest"
expect_status "a deleted manifest" 404 "/v2/$namespace/tags/manifests/$image_digest"
expect_status "a tag of a deleted manifest" 404 "/v2/$namespace/tags/manifests/t1"
