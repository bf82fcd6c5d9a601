#!/usr/bin/env bash
# Owns the run of the real clients against servers that were just built.
#
#   tests/scripts/clients.sh [skopeo|podman|buildah|crane|regctl|oras|helm|cosign|docker|containerd]…
#   tests/scripts/clients.sh [login_skopeo|login_podman|login_crane|…]…
#
# All but cosign, which takes minutes to install, when none is named. Those of the first line meet a
# server that is open, the logins one with rules, users and robots. With REGISTRY=HOST:PORT that
# registry is used instead of a server started here; it has rules when SERVER_CONFIGURATION is set
# as tests/scripts/people.sh does, and meets the logins then, otherwise the others. A client whose
# tool or daemon this machine cannot have is reported as skipped at the end; under CI=true that is a
# failure.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
# shellcheck source=tests/scripts/people.sh
source "$(dirname "${BASH_SOURCE[0]}")/people.sh"

readonly open_clients=(skopeo podman buildah crane regctl oras helm docker containerd)
readonly login_clients=(login_skopeo login_podman login_crane login_regctl login_oras login_helm
  login_docker login_containerd)
clients=("$@")
if [[ ${#clients[@]} -eq 0 ]]; then
  if [[ -z ${SERVER_CONFIGURATION:-} ]]; then
    clients=("${open_clients[@]}")
  fi
  if [[ -z ${REGISTRY:-} || -n ${SERVER_CONFIGURATION:-} ]]; then
    clients+=("${login_clients[@]}")
  fi
fi

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-clients.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

given_registry=${REGISTRY:-}
open_registry=
guarded_registry=
server_logs=()

# Makes REGISTRY the server that the client is for, started when it is first needed.
choose_registry() {
  local client=$1
  if [[ -n $given_registry ]]; then
    REGISTRY=$given_registry
  elif [[ $client == login_* ]]; then
    if [[ -z $guarded_registry ]]; then
      start_guarded_server
      guarded_registry=$registry_address
      server_logs+=("$workspace/guarded/server.log")
    fi
    REGISTRY=$guarded_registry
  else
    if [[ -z $open_registry ]]; then
      start_roadstead "$workspace/open" local
      open_registry=$registry_address
      server_logs+=("$workspace/open/server.log")
    fi
    REGISTRY=$open_registry
  fi
  export REGISTRY
}

start_guarded_server() {
  "$repository_root/tests/scripts/tools.sh" faketime curl jq || exit $?
  access_yaml=$guarded_access_yaml
  registry_address=127.0.0.1:$(free_port)
  admin_address=127.0.0.1:$(free_port)
  mkdir -p "$workspace/guarded"
  write_roadstead_configuration "$workspace/guarded" local
  # The folder has one server at a time: the one of the past comes first.
  add_people "$workspace/guarded/roadstead.yaml"
  make_expired_token "$SERVER_CONFIGURATION" "$registry_address"
  start_roadstead "$workspace/guarded" local
  access_yaml=
}

if [[ -z $given_registry ]]; then
  build_roadstead
fi

passed=()
failed=()
skipped=()
for client in "${clients[@]}"; do
  script=$repository_root/tests/clients/$client.sh
  if [[ ! -x $script ]]; then
    echo "there is no client '$client'; there are: ${open_clients[*]} cosign ${login_clients[*]}" >&2
    exit 2
  fi
  choose_registry "$client"
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
for pid in "${started_pids[@]}"; do
  if ! kill -0 "$pid" 2>/dev/null; then
    echo "a server ended during the run; the end of its log:" >&2
    tail -n 20 "${server_logs[@]}" >&2
    failed+=(server)
  fi
done
for log in "${server_logs[@]}"; do
  if grep -E '"level": *"(ERROR|error)"|panicked at' "$log" >"$workspace/errors"; then
    echo "errors in the server's log:" >&2
    head -n 10 "$workspace/errors" >&2
    failed+=(server-log)
  fi
done

echo "clients passed: ${passed[*]:-none}"
if [[ ${#skipped[@]} -gt 0 ]]; then
  echo "clients SKIPPED on this machine (see above for what is missing): ${skipped[*]}" >&2
fi
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "clients FAILED: ${failed[*]}" >&2
  if [[ ${#server_logs[@]} -gt 0 && -n ${KEEP_SERVER_LOG:-} ]]; then
    cat "${server_logs[@]}" >"$KEEP_SERVER_LOG"
  fi
  exit 1
fi
