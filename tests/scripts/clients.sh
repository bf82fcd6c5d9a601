#!/usr/bin/env bash
# Owns the run of the real clients against a server that was just built.
#
#   tests/scripts/clients.sh [skopeo|podman|buildah|crane|regctl|oras|helm|cosign|docker|containerd]…
#
# All but cosign, which takes minutes to install, when none is named. With REGISTRY=HOST:PORT that
# registry is used instead of a server started here. A client whose tool or daemon this machine
# cannot have is reported as skipped at the end; under CI=true that is a failure.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

readonly quick_clients=(skopeo podman buildah crane regctl oras helm docker containerd)
clients=("$@")
if [[ ${#clients[@]} -eq 0 ]]; then
  clients=("${quick_clients[@]}")
fi

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-clients.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

if [[ -z ${REGISTRY:-} ]]; then
  build_roadstead
  start_roadstead "$workspace" local
  REGISTRY=$registry_address
fi
export REGISTRY

passed=()
failed=()
skipped=()
for client in "${clients[@]}"; do
  script=$repository_root/tests/clients/$client.sh
  if [[ ! -x $script ]]; then
    echo "there is no client '$client'; there are: ${quick_clients[*]} cosign" >&2
    exit 2
  fi
  exit_code=0
  started=$SECONDS
  timeout --kill-after=60 900 "$script" || exit_code=$?
  case $exit_code in
    0) passed+=("$client") ;;
    77) skipped+=("$client") ;;
    *) failed+=("$client") ;;
  esac
  echo "  $client: exit code $exit_code after $((SECONDS - started)) s"
done

# A server that died and a server that wrote errors are findings too, whatever the clients said.
if [[ -n $registry_pid ]] && ! kill -0 "$registry_pid" 2>/dev/null; then
  echo "the server ended during the run; the end of its log:" >&2
  tail -n 20 "$workspace/server.log" >&2
  failed+=(server)
fi
if [[ -n $registry_pid ]] && grep -E '"level": *"(ERROR|error)"|panicked at' "$workspace/server.log" >"$workspace/errors"; then
  echo "errors in the server's log:" >&2
  head -n 10 "$workspace/errors" >&2
  failed+=(server-log)
fi

echo "clients passed: ${passed[*]:-none}"
if [[ ${#skipped[@]} -gt 0 ]]; then
  echo "clients SKIPPED on this machine (see above for what is missing): ${skipped[*]}" >&2
fi
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "clients FAILED: ${failed[*]}" >&2
  if [[ -n $registry_pid && -n ${KEEP_SERVER_LOG:-} ]]; then
    cp "$workspace/server.log" "$KEEP_SERVER_LOG"
  fi
  exit 1
fi
