#!/usr/bin/env bash
# Owns the cosign round trip: sign, verify, attest and verify the attestation, stored as tags and as
# referrers, without a transparency log and without a network.
#
#   REGISTRY=HOST:PORT tests/clients/cosign.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
uses crane cosign
export HOME=$workspace/home DOCKER_CONFIG=$workspace/docker COSIGN_PASSWORD=secret
mkdir -p "$HOME" "$DOCKER_CONFIG"
cd "$workspace"
quietly cosign generate-key-pair
quietly cosign generate-key-pair --output-key-prefix stranger

readonly signing=(--yes --key cosign.key --tlog-upload=false --allow-http-registry)
readonly verifying=(--key cosign.pub --insecure-ignore-tlog=true --allow-http-registry)
readonly verifying_stranger=(--key stranger.pub --insecure-ignore-tlog=true --allow-http-registry)
# An empty one: without it the bundle format asks a server far away for the public one.
quietly cosign trusted-root create --out trusted-root.json
readonly bundle=(--new-bundle-format --trusted-root trusted-root.json)
echo '{"builder": "tests", "materials": []}' >predicate.json

push_image() {
  local name=$1
  make_layout "$workspace/$name" v1 2 65536
  quietly crane push "$workspace/$name" "$REGISTRY/$namespace/$name:v1"
  image=$REGISTRY/$namespace/$name@$(layout_digest "$workspace/$name" v1)
  digest=${image#*@}
}

referrers() {
  curl --silent --fail "http://$REGISTRY/v2/$namespace/$1/referrers/$digest" | jq '.manifests | length'
}

step "sign and verify, signature under a tag"
push_image tagged
quietly cosign sign "${signing[@]}" "$image"
quietly cosign verify "${verifying[@]}" "$image"
expect_failure "verification with a stranger's key" cosign verify "${verifying_stranger[@]}" "$image"
expect_status "tag of the signature" 200 "/v2/$namespace/tagged/manifests/sha256-${digest#sha256:}.sig"
verify_remote_image "$namespace/tagged" "sha256-${digest#sha256:}.sig"

step "a second signature joins the first"
quietly cosign sign --yes --key stranger.key --tlog-upload=false --allow-http-registry "$image"
quietly cosign verify "${verifying[@]}" "$image"
quietly cosign verify "${verifying_stranger[@]}" "$image"

step "attest and verify, attestation under a tag"
quietly cosign attest "${signing[@]}" --predicate predicate.json --type custom "$image"
quietly cosign verify-attestation "${verifying[@]}" --type custom "$image"
verify_remote_image "$namespace/tagged" "sha256-${digest#sha256:}.att"

step "sign and verify, signature as a referrer"
push_image referring
export COSIGN_EXPERIMENTAL=1
quietly cosign sign "${signing[@]}" --registry-referrers-mode oci-1-1 "$image"
unset COSIGN_EXPERIMENTAL
expect_equal "referrers" 1 "$(referrers referring)"
quietly cosign verify "${verifying[@]}" --experimental-oci11 "$image"
expect_failure "verification with a stranger's key" \
  cosign verify "${verifying_stranger[@]}" --experimental-oci11 "$image"
expect_equal "tags" v1 "$(remote_tags "$namespace/referring" | xargs)"

step "sign, attest and verify, in the bundle format"
push_image bundled
quietly cosign sign "${signing[@]}" --new-bundle-format "$image"
quietly cosign verify "${verifying[@]}" "${bundle[@]}" "$image"
quietly cosign attest "${signing[@]}" --new-bundle-format --predicate predicate.json --type custom "$image"
quietly cosign verify-attestation "${verifying[@]}" "${bundle[@]}" --type custom "$image"
expect_equal "referrers" 2 "$(referrers bundled)"
expect_equal "tags" v1 "$(remote_tags "$namespace/bundled" | xargs)"

step "tree, and copy with everything that is signed"
quietly cosign tree --allow-http-registry "$REGISTRY/$namespace/tagged@$(layout_digest tagged v1)"
quietly cosign copy --allow-http-registry "$REGISTRY/$namespace/tagged:v1" "$REGISTRY/$namespace/copied:v1"
quietly cosign verify "${verifying[@]}" "$REGISTRY/$namespace/copied@$(layout_digest tagged v1)"
