#!/usr/bin/env bash
# Owns the oras round trip: push, pull, attach, discover through the referrers API, copy -r with
# everything attached, blobs and manifests one by one.
#
#   REGISTRY=HOST:PORT tests/clients/oras.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses oras
export ORAS_CACHE='' DOCKER_CONFIG=$workspace/docker
mkdir -p "$DOCKER_CONFIG"
repository=$REGISTRY/$namespace
cd "$workspace"

# The referrers API alone; oras would otherwise fall back to the tag that clients keep by themselves
# and hide that the API is not there.
readonly by_interface=(--distribution-spec v1.1-referrers-api)

step "push and pull files"
make_tree "$workspace/sent" data 1048576
quietly oras push --plain-http --no-tty --artifact-type application/vnd.example.data \
  "$repository/data:v1" sent/data/random:application/octet-stream sent/data/nested/greeting:text/plain
verify_remote_image "$namespace/data" v1
expect_equal "artifact type" application/vnd.example.data \
  "$(remote_manifest "$namespace/data" v1 | jq -r .artifactType)"
quietly oras pull --plain-http --no-tty --output received "$repository/data:v1"
expect_same_files "pulled files" sent received/sent

step "push of a folder, several tags at once"
quietly oras push --plain-http --no-tty "$repository/folder:a,b,c" sent/data
quietly oras pull --plain-http --no-tty --output received-folder "$repository/folder:c"
expect_same_files "pulled folder" sent received-folder/sent
expect_equal "tags" "a b c" "$(oras repo tags --plain-http "$repository/folder" | sort | xargs)"

step "push of nothing"
quietly oras push --plain-http --no-tty --artifact-type application/vnd.example.empty "$repository/empty:v1"
verify_remote_image "$namespace/empty" v1

step "attach"
subject=$(remote_digest "$namespace/data" v1)
echo '{"spdx": true}' >sbom.json
echo '{"vulnerabilities": 0}' >scan.json
for kind in sbom scan; do
  quietly oras attach --plain-http --no-tty "${by_interface[@]}" \
    --artifact-type "application/vnd.example.$kind" --annotation "kind=$kind" \
    "$repository/data:v1" "$kind.json:application/json"
done

step "discover"
oras discover --plain-http "${by_interface[@]}" --format json "$repository/data:v1" >discovered.json
expect_equal "referrers" "application/vnd.example.sbom application/vnd.example.scan" \
  "$(jq -r '[(.referrers // .manifests)[].artifactType] | sort | join(" ")' discovered.json)"
oras discover --plain-http "${by_interface[@]}" --format json \
  --artifact-type application/vnd.example.scan "$repository/data@$subject" >discovered.json
expect_equal "filtered referrers" "application/vnd.example.scan scan" \
  "$(jq -r '(.referrers // .manifests)[] | "\(.artifactType) \(.annotations.kind)"' discovered.json)"
scan=$(jq -r '(.referrers // .manifests)[0].digest' discovered.json)
quietly oras pull --plain-http --no-tty --output received-scan "$repository/data@$scan"
expect_same_files "attached file" scan.json received-scan/scan.json

step "attach to what is attached, and the whole tree"
echo signed >signature
quietly oras attach --plain-http --no-tty "${by_interface[@]}" \
  --artifact-type application/vnd.example.signature "$repository/data@$scan" signature:text/plain
oras discover --plain-http "${by_interface[@]}" "$repository/data:v1" >tree.txt
grep -q application/vnd.example.signature tree.txt || fail "the signature is missing in the tree"

step "copy -r"
quietly oras cp --recursive --no-tty --from-plain-http --to-plain-http \
  --from-distribution-spec v1.1-referrers-api --to-distribution-spec v1.1-referrers-api \
  "$repository/data:v1" "$repository/copied:v1"
expect_equal "digest of the copy" "$subject" "$(remote_digest "$namespace/copied" v1)"
verify_remote_image "$namespace/copied" v1
verify_remote_image "$namespace/copied" "$scan"
oras discover --plain-http "${by_interface[@]}" "$repository/copied:v1" >tree-copied.txt
expect_equal "digests in the tree of the copy" "$(grep -o 'sha256:[0-9a-f]*' tree.txt | sort)" \
  "$(grep -o 'sha256:[0-9a-f]*' tree-copied.txt | sort)"

step "copy of an index to a layout and back"
make_index_layout "$workspace/index" v1 linux/amd64 linux/arm64 linux/s390x
quietly oras cp --recursive --no-tty --from-oci-layout --to-plain-http \
  "index:v1" "$repository/index:v1"
expect_equal "digest of the index" "$(layout_digest "$workspace/index" v1)" \
  "$(remote_digest "$namespace/index" v1)"
quietly oras cp --recursive --no-tty --from-plain-http --to-oci-layout \
  "$repository/index:v1" "index-back:v1"
expect_same_files "blobs of the index" "$workspace/index/blobs" "$workspace/index-back/blobs"

step "blob push, fetch, delete"
blob=$(digest_of_file sent/data/random)
quietly oras blob push --plain-http --no-tty "$repository/blobs@$blob" sent/data/random
quietly oras blob fetch --plain-http --no-tty --output fetched "$repository/blobs@$blob"
expect_same_files "fetched blob" sent/data/random fetched
quietly oras blob delete --plain-http --force "$repository/blobs@$blob"
expect_status "a deleted blob" 404 "/v2/$namespace/blobs/blobs/$blob"

step "manifest fetch, push, delete; resolve; repo ls"
quietly oras manifest fetch --plain-http --output manifest.json "$repository/data:v1"
expect_equal "fetched manifest" "$subject" "$(digest_of_file manifest.json)"
quietly oras manifest push --plain-http "$repository/data:v2" manifest.json
expect_equal "resolved digest" "$subject" "$(oras resolve --plain-http "$repository/data:v2")"
quietly oras tag --plain-http "$repository/data:v2" v3 v4
expect_equal "digest of v4" "$subject" "$(remote_digest "$namespace/data" v4)"
quietly oras manifest delete --plain-http --force "$repository/data@$scan"
oras discover --plain-http "${by_interface[@]}" --depth 1 --format json "$repository/data:v1" >discovered.json
expect_equal "referrers after the deletion" application/vnd.example.sbom \
  "$(jq -r '[(.referrers // .manifests)[].artifactType] | join(" ")' discovered.json)"
oras repo ls --plain-http "$REGISTRY/$namespace/" | grep -qx data || fail "repo ls does not name data"
