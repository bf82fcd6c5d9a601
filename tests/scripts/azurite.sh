#!/usr/bin/env bash
# Owns the life of Azurite, the emulator of Azure Blob Storage, and the suite of all drivers over it.
#
#   tests/scripts/azurite.sh [ARGUMENT…]   runs the suite; arguments go to the tests
#
# Sourced after server.sh, which stops what was started here, it gives
#
#   start_azurite FOLDER   sets azurite_endpoint and azurite_pid; the container is there afterwards
#
# and exports what the tests read. Nothing is kept on disk but the log in FOLDER.

if ! declare -F stop_all_servers >/dev/null; then
  set -euo pipefail
  # shellcheck source=tests/scripts/server.sh
  source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
fi

# The account that every Azurite has; its key is in Microsoft's documentation.
export STORE_AZURE_ACCOUNT=devstoreaccount1
export STORE_AZURE_KEY=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
export STORE_AZURE_CONTAINER=images
export STORE_AZURE_ENDPOINT=

azurite_endpoint=
azurite_pid=

# Any answer of HTTP will do. 60 s at most.
wait_for_azurite() {
  local address=$1 pid=$2 deadline=$((SECONDS + 60))
  while [[ $SECONDS -lt $deadline ]]; do
    if curl --silent --output /dev/null --max-time 2 "http://$address/"; then
      return
    fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

# Signs as "Authorize with Shared Key" tells; the account stands in the path and before it.
make_azure_container() {
  local account=$STORE_AZURE_ACCOUNT container=$STORE_AZURE_CONTAINER
  local version=2023-11-03 date key to_sign signature status
  date=$(LC_ALL=C date --utc '+%a, %d %b %Y %H:%M:%S GMT')
  key=$(base64 --decode <<<"$STORE_AZURE_KEY" | od --address-radix=n --format=x1 |
    tr --delete ' \n')
  to_sign="PUT\n\n\n\n\n\n\n\n\n\n\n\n"
  to_sign+="x-ms-date:$date\nx-ms-version:$version\n"
  to_sign+="/$account/$account/$container\nrestype:container"
  signature=$(printf '%b' "$to_sign" |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
  status=$(curl --silent --output /dev/null --write-out '%{http_code}' --request PUT \
    --header "x-ms-date: $date" --header "x-ms-version: $version" --header "Content-Length: 0" \
    --header "Authorization: SharedKey $account:$signature" \
    "$azurite_endpoint/$container?restype=container")
  if [[ $status != 201 && $status != 409 ]]; then
    echo "the container could not be made: $status" >&2
    return 1
  fi
}

start_azurite() {
  local folder=$1 address
  mkdir -p "$folder"
  for _ in {1..3}; do
    address=127.0.0.1:$(free_port)
    azurite-blob --inMemoryPersistence --silent --disableTelemetry --skipApiVersionCheck \
      --blobHost "${address%:*}" --blobPort "${address#*:}" \
      >>"$folder/azurite.log" 2>&1 &
    azurite_pid=$!
    started_pids+=("$azurite_pid")
    if wait_for_azurite "$address" "$azurite_pid"; then
      azurite_endpoint=http://$address/$STORE_AZURE_ACCOUNT
      export STORE_AZURE_ENDPOINT=$azurite_endpoint
      make_azure_container
      return
    fi
    stop_server "$azurite_pid" 2>/dev/null || true
  done
  echo "azurite did not come up; the end of its log:" >&2
  tail -n 20 "$folder/azurite.log" >&2
  return 1
}

run_azure_suite() {
  workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-azurite.XXXXXX")
  trap 'stop_all_servers; rm -rf "$workspace"' EXIT
  "$repository_root/tests/scripts/tools.sh" curl openssl azurite-blob
  start_azurite "$workspace"
  (cd "$repository_root" &&
    cargo test --locked --package roadstead-tests --features servers --test azure_servers "$@")
}

if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  run_azure_suite "$@"
fi
