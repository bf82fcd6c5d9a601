#!/usr/bin/env bash
# Owns what is tried over real stores: the suite of all drivers, `storage check`, the official suite.
#
#   tests/scripts/cloud.sh [fake|versitygw|minio|moto|azurite]…   all of them when none is named
#
# moto does not list multipart uploads as S3 does, so that one clause is left out there. CHECKS=FOLDER keeps the tables of
# `storage check`, which the documentation quotes.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
# shellcheck source=tests/scripts/stores.sh
source "$(dirname "${BASH_SOURCE[0]}")/stores.sh"

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-cloud.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

stores=("$@")
if [[ ${#stores[@]} -eq 0 ]]; then
  stores=(fake versitygw minio moto azurite)
fi
mapfile -t tools < <(stores_tools "${stores[@]}")
"$repository_root/tests/scripts/tools.sh" conformance "${tools[@]}"
build_roadstead
build_fake

run_suite() {
  local name=$1 left_out=() test=s3_servers
  [[ $name != azurite ]] || test=azure_servers
  [[ $name != moto ]] || left_out=(-- --skip an_unfinished_upload_is_listed)
  echo "cloud $name: the suite of all drivers"
  (cd "$repository_root" &&
    ROADSTEAD_TEST_S3_ENDPOINT=$store_endpoint ROADSTEAD_TEST_S3_BUCKET=$store_bucket \
      ROADSTEAD_TEST_S3_ACCESS_KEY=$STORE_ACCESS_KEY ROADSTEAD_TEST_S3_SECRET_KEY=$STORE_SECRET_KEY \
      cargo test --quiet --locked --package roadstead-tests --features servers --test "$test" \
      "${left_out[@]}" >"$workspace/$name-suite.log" 2>&1) || {
    grep -E "^(test .*FAILED|failures:|    server|test result)" "$workspace/$name-suite.log" >&2 ||
      tail -n 40 "$workspace/$name-suite.log" >&2
    return 1
  }
  grep "^test result" "$workspace/$name-suite.log"
}

check_store() {
  local name=$1
  printf 'listen: 127.0.0.1:0\nstorage: %s\n' "$store_yaml" >"$workspace/$name.yaml"
  "$roadstead_binary" storage check --config "$workspace/$name.yaml" | tee "$workspace/$name.txt"
  if [[ -n ${CHECKS:-} ]]; then
    cp "$workspace/$name.txt" "$CHECKS/$name.txt"
  fi
}

run_conformance() {
  local name=$1
  start_roadstead "$workspace/$name-server" "$store_yaml"
  REGISTRY=$registry_address "$repository_root/tests/scripts/conformance.sh" dev
  stop_server "$registry_pid"
}

failures=0
for name in "${stores[@]}"; do
  start_store "$name" "$workspace/$name"
  for part in run_suite check_store run_conformance; do
    "$part" "$name" || {
      echo "cloud $name: $part failed" >&2
      failures=$((failures + 1))
    }
  done
  stop_server "$store_pid" >/dev/null 2>&1 || true
done
if [[ $failures -gt 0 ]]; then
  echo "cloud: $failures of the runs above are not what is demanded" >&2
  exit 1
fi
