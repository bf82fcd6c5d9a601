#!/usr/bin/env bash
# Owns the helm round trip: push and pull of a packaged chart, its provenance file, a version with
# build metadata, show, and a dependency fetched from the registry.
#
#   REGISTRY=HOST:PORT tests/clients/helm.sh
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
uses helm
export HELM_CACHE_HOME=$workspace/cache HELM_CONFIG_HOME=$workspace/config HELM_DATA_HOME=$workspace/data
cd "$workspace"
mkdir pulled-chart pulled-build pulled-provenance pulled-digest
charts=oci://$REGISTRY/$namespace

step "push and pull a chart"
quietly helm create harbour
quietly helm package harbour --version 0.1.0
quietly helm push --plain-http harbour-0.1.0.tgz "$charts"
verify_remote_image "$namespace/harbour" 0.1.0
expect_equal "config type" application/vnd.cncf.helm.config.v1+json \
  "$(remote_manifest "$namespace/harbour" 0.1.0 | jq -r .config.mediaType)"
quietly helm pull --plain-http "$charts/harbour" --version 0.1.0 --destination pulled-chart
expect_same_files "chart" harbour-0.1.0.tgz pulled-chart/harbour-0.1.0.tgz

step "a version with build metadata, whose tag says _ for +"
quietly helm package harbour --version 0.2.0+build.7
quietly helm push --plain-http harbour-0.2.0+build.7.tgz "$charts"
expect_status "the tag of the version" 200 "/v2/$namespace/harbour/manifests/0.2.0_build.7"
quietly helm pull --plain-http "$charts/harbour" --version 0.2.0+build.7 --destination pulled-build
expect_same_files "chart with build metadata" harbour-0.2.0+build.7.tgz \
  pulled-build/harbour-0.2.0+build.7.tgz

step "provenance file"
quietly helm package harbour --version 0.3.0
echo "provenance of harbour 0.3.0" >harbour-0.3.0.tgz.prov
quietly helm push --plain-http harbour-0.3.0.tgz "$charts"
quietly helm pull --plain-http --prov "$charts/harbour" --version 0.3.0 --destination pulled-provenance
expect_same_files "chart with provenance" harbour-0.3.0.tgz pulled-provenance/harbour-0.3.0.tgz
expect_same_files "provenance" harbour-0.3.0.tgz.prov pulled-provenance/harbour-0.3.0.tgz.prov

step "the newest version, found by the list of tags"
quietly helm show chart --plain-http "$charts/harbour" --version '>=0.1.0'
expect_equal "newest version" "version: 0.3.0" "$(grep ^version: client.log)"

step "pull by digest"
digest=$(remote_digest "$namespace/harbour" 0.1.0)
quietly helm pull --plain-http "$charts/harbour@$digest" --destination pulled-digest
expect_same_files "chart by digest" harbour-0.1.0.tgz "$(find pulled-digest -name '*.tgz')"

step "dependency from the registry"
quietly helm create fleet
printf 'dependencies:\n- {name: harbour, version: 0.1.0, repository: "%s"}\n' "$charts" >>fleet/Chart.yaml
quietly helm dependency update --plain-http fleet
expect_same_files "dependency" harbour-0.1.0.tgz fleet/charts/harbour-0.1.0.tgz
