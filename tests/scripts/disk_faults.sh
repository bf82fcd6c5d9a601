#!/usr/bin/env bash
# Owns the faults of a disk under the real server: strace lets its system calls fail while blobs and
# manifests are pushed and deleted.
#
#   tests/scripts/disk_faults.sh [DEPTH]     each kind of call fails at its first, … DEPTHth (1) time
#
# Demanded: after a kill and a start without faults everything that was answered with success is
# there and whole, what was deleted is gone, nothing is there in part; an error was answered where
# one was met, and the log says it. Calls are counted by thread, as strace does.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

depth=${1:-1}
workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-disk.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

"$repository_root/tests/scripts/tools.sh" strace curl
build_roadstead
real_binary=$roadstead_binary
folder=$workspace/server
records=$folder/data/records.redb
journal=$folder/data/records.journal
mkdir "$workspace/known" "$workspace/sent"

# Known: a file a blob or tag that must be there, with its bytes. Doubtful ones were not answered
# with success: they may be there, whole. Gone ones were deleted.
declare -A known=() doubtful=() gone=()
tracer_pid=0
number=0
cases=0
pushes=0
refusals=0
failed_starts=0
must_be_met=true

fail() {
  echo "disk faults: $1" >&2
  tail -n 20 "$folder/server.log" >&2
  exit 1
}

# A server whose very start meets the fault. It keeps its process id: strace watches from beside it.
traced_by() {
  cat >"$workspace/traced" <<SCRIPT
#!/bin/sh
exec strace -D -f -qq -o "$workspace/trace" $1 "$real_binary" "\$@"
SCRIPT
  chmod +x "$workspace/traced"
  echo "$workspace/traced"
}

# Lets the running server meet the fault from now on.
trace_running() {
  local status threads
  # shellcheck disable=SC2086 # these are several arguments
  strace -f -qq -o "$workspace/trace" $1 -p "$registry_pid" 2>"$workspace/refused" &
  tracer_pid=$!
  for _ in {1..200}; do
    threads=$(ls "/proc/$registry_pid/task")
    status=$(awk '/^TracerPid:/ { if ($2 == 0) print }' /proc/"$registry_pid"/task/*/status 2>/dev/null || true)
    if [[ -n $threads && -z $status ]]; then
      return
    fi
    if ! kill -0 "$tracer_pid" 2>/dev/null; then
      break
    fi
    sleep 0.02
  done
  echo "disk faults: strace may not watch a running server: $(<"$workspace/refused")" >&2
  echo "MISSING RIGHT: run as root, or 'sysctl kernel.yama.ptrace_scope=0'" >&2
  [[ ${CI:-} == true ]] && exit 1
  exit 77
}

# Starts once, without a second attempt: a start that fails is a result.
start_once() {
  mkdir -p "$folder"
  registry_address=127.0.0.1:$(free_port)
  admin_address=127.0.0.1:$(free_port)
  write_roadstead_configuration "$folder" local
  "$1" serve --config "$folder/roadstead.yaml" >>"$folder/server.log" 2>&1 &
  registry_pid=$!
  started_pids=("$registry_pid")
  wait_until_ready "$registry_address" "$registry_pid"
}

kill_server() {
  kill -KILL "$registry_pid" 2>/dev/null || true
  wait "$registry_pid" 2>/dev/null || true
  started_pids=()
}

status_of() {
  curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' --header "Expect:" "$@" || true
}

# Enters what a push was answered: KEY FILE STATUS.
enter() {
  pushes=$((pushes + 1))
  if [[ $3 == 201 ]]; then
    known[$1]=$2
    unset "doubtful[$1]"
  else
    doubtful[$1]=$2
    refusals=$((refusals + 1))
  fi
}

push_all() {
  local base=http://$registry_address/v2/faults file digest size location answer manifest tag
  for size in 100 60000 300000; do
    number=$((number + 1))
    file=$workspace/sent/$number
    head -c "$size" /dev/urandom >"$file"
    digest=sha256:$(sha256sum "$file" | cut -d ' ' -f 1)
    doubtful[blobs/$digest]=$file
    if [[ $size == 300000 ]]; then
      # In two pieces, over a session.
      answer=$(curl --silent --max-time 20 --request POST --dump-header - --output /dev/null "$base/blobs/uploads/" || true)
      location=$(tr -d '\r' <<<"$answer" | awk 'tolower($1) == "location:" { print $2 }')
      if [[ -z $location ]]; then
        refusals=$((refusals + 1))
        continue
      fi
      head -c 200000 "$file" >"$workspace/first"
      tail -c +200001 "$file" >"$workspace/second"
      status_of --request PATCH --data-binary "@$workspace/first" "http://$registry_address$location" >/dev/null
      answer=$(status_of --request PUT --data-binary "@$workspace/second" "http://$registry_address$location?digest=$digest")
    else
      answer=$(status_of --request POST --header "Content-Type: application/octet-stream" \
        --data-binary "@$file" "$base/blobs/uploads/?digest=$digest")
    fi
    enter "blobs/$digest" "$file" "$answer"
    tag=tag$number
    manifest=$workspace/sent/$tag
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"%s","size":%s},"layers":[]}' \
      "$digest" "$size" >"$manifest"
    answer=$(status_of --request PUT --header "Content-Type: application/vnd.oci.image.manifest.v1+json" \
      --data-binary "@$manifest" "$base/manifests/$tag")
    enter "manifests/$tag" "$manifest" "$answer"
  done
  # One tag of an earlier round is deleted.
  for tag in "${!known[@]}"; do
    if [[ $tag == manifests/* ]]; then
      manifest=${known[$tag]}
      unset "known[$tag]"
      if [[ $(status_of --request DELETE "$base/$tag") == 202 ]]; then
        gone[$tag]=$manifest
      else
        doubtful[$tag]=$manifest
        refusals=$((refusals + 1))
      fi
      break
    fi
  done
}

# Holds the server against what is known.
check_all() {
  local base=http://$registry_address/v2/faults key found
  for key in "${!known[@]}" "${!doubtful[@]}" "${!gone[@]}"; do
    found=$(curl --silent --max-time 20 --output "$workspace/found" --write-out '%{http_code}' \
      --header "Accept: */*" "$base/$key")
    if [[ $found == 404 && -z ${known[$key]:-} ]]; then
      continue
    fi
    if [[ $found != 200 || -n ${gone[$key]:-} ]]; then
      fail "$1: $key answers $found"
    fi
    cmp --quiet "$workspace/found" "${known[$key]:-${doubtful[$key]:-}}" || fail "$1: $key has other bytes"
  done
}

# Holds what happened since line LINES of the log against what must: WHAT LINES REFUSED_BEFORE.
judge() {
  local injected
  kill_server
  wait "$tracer_pid" 2>/dev/null || true
  injected=$(grep --count INJECTED "$workspace/trace" || true)
  if [[ $refusals -gt $3 ]]; then
    # To its end: were it to stop at the first line, the pipe's writer would fail.
    tail -n +"$(($2 + 1))" "$folder/server.log" | grep '"level":"\(WARN\|ERROR\)"' >/dev/null ||
      fail "$1: an error was answered and the log says nothing"
  fi
  start_once "$real_binary" || fail "$1: the server does not start without the fault"
  check_all "$1"
  kill_server
  # Calls are counted by thread, so a later one of a kind may never be made.
  [[ $injected -gt 0 || $must_be_met == false ]] || fail "$1: no fault was met"
  printf 'disk faults: %3d met, %2d calls refused: %s\n' "$injected" "$((refusals - $3))" "${1//"$folder/data/"/}"
}

fault_while_running() {
  local refused=$refusals lines
  cases=$((cases + 1))
  lines=$(wc -l <"$folder/server.log")
  start_once "$real_binary" || fail "$1: the server does not start"
  trace_running "$1"
  push_all
  judge "$1" "$lines" "$refused"
}

# The fault is of what the server does once nobody writes; what is pushed then meets its consequences.
fault_at_rest() {
  local refused=$refusals lines
  cases=$((cases + 1))
  lines=$(wc -l <"$folder/server.log")
  start_once "$real_binary" || fail "$1: the server does not start"
  trace_running "$1"
  push_all
  for _ in {1..200}; do
    if grep --quiet INJECTED "$workspace/trace"; then
      break
    fi
    sleep 0.05
  done
  push_all
  judge "$1 (at rest)" "$lines" "$refused"
}

fault_at_start() {
  local refused=$refusals lines
  cases=$((cases + 1))
  lines=$(wc -l <"$folder/server.log")
  if start_once "$(traced_by "$1")"; then
    push_all
  else
    failed_starts=$((failed_starts + 1))
    tail -n +"$((lines + 1))" "$folder/server.log" | grep "^roadstead: " >/dev/null ||
      fail "$1: the server did not start and gave no reason"
  fi
  judge "$1 (from the start)" "$lines" "$refused"
}

start_once "$real_binary" || fail "the server does not start"
push_all
[[ $refusals == 0 ]] || fail "a push without faults was refused"
check_all "without faults"
kill_server

for ((nth = 1; nth <= depth; nth++)); do
  [[ $nth -eq 1 ]] || must_be_met=false
  fault_while_running "-e trace=fdatasync -e inject=fdatasync:error=EIO:when=$nth"
  fault_while_running "-P $journal -e trace=fdatasync -e inject=fdatasync:error=EIO:when=$((nth * 3))"
  fault_at_rest "-P $records -e trace=fdatasync -e inject=fdatasync:error=EIO:when=$nth"
  fault_while_running "-e trace=fsync -e inject=fsync:error=EIO:when=$nth"
  fault_while_running "-e trace=renameat,renameat2 -e inject=renameat,renameat2:error=EIO:when=$nth"
  fault_while_running "-e trace=pwritev,pwritev2 -e inject=pwritev,pwritev2:error=ENOSPC:when=$nth"
  fault_while_running "-P $journal -e trace=pwritev,pwrite64 -e inject=pwritev,pwrite64:error=EIO:when=$((nth * 3))"
  fault_at_rest "-P $records -e trace=pwritev,pwrite64 -e inject=pwritev,pwrite64:error=EIO:when=$nth"
done
must_be_met=true
fault_while_running "-e trace=fsync -e inject=fsync:error=EIO:when=2+"
fault_while_running "-P $journal -e trace=fdatasync -e inject=fdatasync:error=EIO:when=4+"
fault_while_running "-e trace=pwritev,fallocate -e inject=pwritev,fallocate:error=ENOSPC:when=9+"
fault_at_start "-e trace=fdatasync -e inject=fdatasync:error=EIO:when=2+"
fault_at_start "-e trace=fsync -e inject=fsync:error=EIO"
fault_at_start "-e trace=mkdirat -e inject=mkdirat:error=EIO"
fault_at_start "-e trace=fallocate -e inject=fallocate:error=ENOSPC"

[[ $refusals -gt 0 ]] || fail "no fault was ever met"
echo "disk faults: $cases cases, $failed_starts refused to start, $pushes pushes, $refusals calls refused;" \
  "${#known[@]} answered with success are whole, ${#gone[@]} deleted are gone"
