# shellcheck shell=bash
# Owns what every client script stands on: its own temporary folder, what must be undone at the
# end, the tools it needs, and reading the registry back with nothing but curl. To be sourced.
#
# A client script says `uses TOOL…` first. Exit code 77 means skipped, with the reason printed.

repository_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$repository_root/target/tools/bin:$PATH:/usr/sbin:/sbin

client_name=$(basename "$0" .sh)
: "${REGISTRY:?set REGISTRY=HOST:PORT of a registry that speaks plain HTTP}"
# A number of its own a run, so that a script can be run again against the same registry.
# shellcheck disable=SC2034 # used by the scripts that source this file
namespace=clients/$client_name-$$
workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-$client_name.XXXXXX")
undo_commands=()

# Registers a command to run at the end, whatever happens; the last one registered runs first.
at_exit() {
  undo_commands+=("$*")
}

finish() {
  local exit_code=$?
  local index
  for ((index = ${#undo_commands[@]} - 1; index >= 0; index--)); do
    eval "${undo_commands[index]}" || true
  done
  # A mount that is still there must not have its contents deleted through it.
  if grep -q " $workspace/" /proc/mounts; then
    awk -v prefix="$workspace/" 'index($2, prefix) == 1 {print $2}' /proc/mounts | sort -r |
      while read -r mount_point; do umount -l "$mount_point" || true; done
  fi
  rm -rf --one-file-system "$workspace"
  if [[ $exit_code -ne 0 && $exit_code -ne 77 ]]; then
    echo "$client_name: FAILED in step: ${current_step:-setting up}" >&2
  fi
  exit "$exit_code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

current_step=
step() {
  current_step=$*
  echo "  $client_name: $*"
}

fail() {
  echo "$client_name: $*" >&2
  exit 1
}

# Installs the named tools; exits 1 under CI and 77 elsewhere when one cannot be had.
uses() {
  local exit_code=0
  "$repository_root/tests/scripts/tools.sh" "$@" curl jq || exit_code=$?
  if [[ $exit_code -eq 77 ]]; then
    echo "$client_name: SKIPPED, because of the missing tools above" >&2
  fi
  [[ $exit_code -eq 0 ]] || exit "$exit_code"
}

# A daemon this machine cannot start: a failure under CI, unless it was told that it cannot be.
cannot_start() {
  local daemon=$1 log=$2
  echo "$client_name: $daemon does not start on this machine; the end of its log:" >&2
  tail -n 10 "$log" >&2
  if [[ ${CI:-} == true && ${SKIP_DAEMONS:-} != 1 ]]; then
    exit 1
  fi
  echo "$client_name: SKIPPED; it needs root, mounts and namespaces" >&2
  exit 77
}

skip_when_daemons_are_unwanted() {
  if [[ ${SKIP_DAEMONS:-} == 1 ]]; then
    echo "$client_name: SKIPPED, because SKIP_DAEMONS=1" >&2
    exit 77
  fi
}

expect_equal() {
  local what=$1 wanted=$2 found=$3
  if [[ $wanted != "$found" ]]; then
    fail "$what: wanted '$wanted', found '$found'"
  fi
}

# Runs a client quietly; its output is shown when it fails.
quietly() {
  if ! timeout 300 "$@" >"$workspace/client.log" 2>&1; then
    tail -n 15 "$workspace/client.log" >&2
    fail "failed: $*"
  fi
}

# Succeeds when the command fails: for what the registry must refuse or must not have.
expect_failure() {
  local what=$1
  shift
  if "$@" >"$workspace/unexpected.log" 2>&1; then
    fail "$what: the command succeeded: $*"
  fi
}

expect_same_files() {
  local what=$1
  if ! diff -r "$2" "$3" >"$workspace/difference.log"; then
    head -n 5 "$workspace/difference.log" >&2
    fail "$what: $2 and $3 differ"
  fi
}

digest_of_file() {
  echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"
}

readonly every_manifest_type="application/vnd.oci.image.index.v1+json, \
application/vnd.oci.image.manifest.v1+json, \
application/vnd.docker.distribution.manifest.list.v2+json, \
application/vnd.docker.distribution.manifest.v2+json"

# Prints the digest of the bytes the registry answers for REPOSITORY and REFERENCE. It is computed
# here and must be the one the registry names.
remote_digest() {
  local repository=$1 reference=$2 computed named
  curl --silent --show-error --fail --header "Accept: $every_manifest_type" \
    --dump-header "$workspace/headers" --output "$workspace/manifest" \
    "http://$REGISTRY/v2/$repository/manifests/$reference"
  computed=$(digest_of_file "$workspace/manifest")
  named=$(tr -d '\r' <"$workspace/headers" | sed -n 's/^docker-content-digest: //Ip')
  expect_equal "Docker-Content-Digest of $repository:$reference" "$computed" "$named"
  echo "$computed"
}

remote_manifest() {
  remote_digest "$1" "$2" >/dev/null
  cat "$workspace/manifest"
}

# Reads every layer and the config of a manifest (and of the manifests of an index) with curl and
# demands that the bytes have the digest and the size that the manifest says.
verify_remote_image() {
  local repository=$1 reference=$2 manifest child digest size
  manifest=$(remote_manifest "$repository" "$reference")
  while read -r child; do
    verify_remote_image "$repository" "$child"
  done < <(jq -r '.manifests // [] | .[].digest' <<<"$manifest")
  while read -r digest size; do
    curl --silent --show-error --fail --output "$workspace/blob" \
      "http://$REGISTRY/v2/$repository/blobs/$digest"
    expect_equal "bytes of $repository@$digest" "$digest" "$(digest_of_file "$workspace/blob")"
    expect_equal "size of $repository@$digest" "$size" "$(stat -c %s "$workspace/blob")"
  done < <(jq -r '[.config, (.layers // [])[]] | .[] | select(. != null) | "\(.digest) \(.size)"' \
    <<<"$manifest")
}

remote_tags() {
  curl --silent --show-error --fail "http://$REGISTRY/v2/$1/tags/list" | jq -r '.tags // [] | .[]'
}

expect_status() {
  local what=$1 wanted=$2 path=$3 found
  found=$(curl --silent --output /dev/null --write-out '%{http_code}' \
    --header "Accept: $every_manifest_type" "http://$REGISTRY$path")
  expect_equal "$what: status of $path" "$wanted" "$found"
}
