#!/usr/bin/env bash
# Owns the look at what the server brings to the disk before it answers: it traces the system calls
# of a blob push in one request and in pieces, of a manifest push and of the push of a manifest too
# large for its record.
#
#   tests/scripts/fsync_audit.sh
#
# Demanded: the bytes, fdatasync, rename, fsync of the folder (and of the folders around it when
# they are new), only then the record in the journal, its fdatasync, only then the answer.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-audit.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

"$repository_root/tests/scripts/tools.sh" strace curl
build_roadstead

# The server keeps its process id: strace watches from beside it.
cat >"$workspace/traced" <<EOF2
#!/bin/sh
exec strace -D -f -yy -s 64 -o "$workspace/trace" \\
  -e trace=write,pwrite64,pwritev,pwritev2,fdatasync,fsync,renameat,renameat2,mkdirat,recvfrom,sendto,sendmsg,writev \\
  "$roadstead_binary" "\$@"
EOF2
chmod +x "$workspace/traced"
roadstead_binary=$workspace/traced
start_roadstead "$workspace/server" local

push_with() {
  local wanted=$1 found
  shift
  found=$(curl --silent --show-error --output "$workspace/answer" --write-out '%{http_code}' \
    --header "Expect:" "$@")
  if [[ $found != "$wanted" ]]; then
    echo "fsync audit: status $found instead of $wanted: $(<"$workspace/answer")" >&2
    exit 1
  fi
}

push() {
  push_with 201 "$@"
}

head -c 100000 /dev/urandom >"$workspace/blob"
digest=sha256:$(sha256sum "$workspace/blob" | cut -d ' ' -f 1)
manifest() {
  local type=application/vnd.oci.image
  printf '{"schemaVersion":2,"mediaType":"%s.manifest.v1+json","config":{"mediaType":"%s.config.v1+json",' $type $type
  printf '"digest":"%s","size":100000},"layers":[],"annotations":{"filler":"%s"}}' "$digest" "$1"
}
manifest small >"$workspace/small"
manifest "$(head -c 150000 /dev/zero | tr '\0' x)" >"$workspace/large"

base=http://$registry_address/v2/audit
push --request POST --header "Content-Type: application/octet-stream" \
  --data-binary "@$workspace/blob" "$base/blobs/uploads/?digest=$digest"
# In pieces: the first with a session of its own, the last with the closing request.
head -c 300000 /dev/urandom >"$workspace/pieces"
head -c 200000 "$workspace/pieces" >"$workspace/first"
tail -c +200001 "$workspace/pieces" >"$workspace/last"
push_with 202 --request POST --dump-header "$workspace/headers" "$base/blobs/uploads/"
session=http://$registry_address$(tr -d '\r' <"$workspace/headers" | awk 'tolower($1) == "location:" { print $2 }')
push_with 202 --request PATCH --data-binary "@$workspace/first" "$session"
push --request PUT --data-binary "@$workspace/last" \
  "$session?digest=sha256:$(sha256sum "$workspace/pieces" | cut -d ' ' -f 1)"
for size in small large; do
  push --request PUT --header "Content-Type: application/vnd.oci.image.manifest.v1+json" \
    --data-binary "@$workspace/$size" "$base/manifests/$size"
done
stop_server "$registry_pid" || true
sync "$workspace/trace"

# Makes one line an event of the trace: a write when it begins, everything else when it is done.
events() {
  awk '
    function path_of(text) { return match(text, /<\/[^>]*>/) ? substr(text, RSTART + 1, RLENGTH - 2) : "" }
    function last(path) { sub(/.*\//, "", path); return path }
    {
      pid = $1
      text = substr($0, index($0, $2))
    }
    text ~ /<unfinished \.\.\.>$/ {
      sub(/ <unfinished \.\.\.>$/, "", text)
      if (text ~ /^(write|pwrite|pwritev|writev|sendto|sendmsg)/) began[pid] = 1
      else { held[pid] = text; next }
    }
    text ~ /^<\.\.\. [a-z0-9]+ resumed>/ {
      if (began[pid]) { began[pid] = 0; next }
      sub(/^<\.\.\. [a-z0-9]+ resumed>/, "", text)
      text = held[pid] text
    }
    text ~ /recvfrom\(.*"(POST|PUT) \/v2\/audit\// && text !~ /MSG_PEEK/ { print "request"; next }
    text ~ /"HTTP\/1\.1 201/ { print "answer"; next }
    text ~ /= -1 / { next }
    text ~ /^pwrite.*records\.journal>/ { print "record-written"; next }
    text ~ /^fdatasync\(.*records\.journal>/ { print "record-synced"; next }
    text ~ /^pwrite.*\/uploads\// { print "data-written", last(path_of(text)); next }
    text ~ /^fdatasync\(.*\/uploads\// { print "data-synced", last(path_of(text)); next }
    text ~ /^renameat.*"uploads\// {
      match(text, /"uploads\/[0-9a-f]+"/); print "renamed", last(substr(text, RSTART + 1, RLENGTH - 2)); next
    }
    text ~ /^mkdirat\(/ { print "folder-made"; next }
    text ~ /^fsync\(.*\/data\/data\/[0-9a-f]+\/[0-9a-f]+>/ { print "inner-folder-synced"; next }
    text ~ /^fsync\(.*\/data\/data\/[0-9a-f]+>/ { print "outer-folder-synced"; next }
    text ~ /^fsync\(.*\/data\/data>/ { print "root-folder-synced"; next }
  ' "$workspace/trace"
}

# Reads the events of four pushes and holds each against the demanded order.
events | awk '
  function demand(is_true, what) {
    if (!is_true) { print "  MISSING: " what; bad = 1 }
  }
  BEGIN { split("blob of 100 kB;blob in pieces;manifest in its record;manifest of 150 kB", names, ";"); split("1 1 0 1", has_data); split("0 0 0 1", forgets) }
  $1 == "request" && !open { open = 1; delete at; made = 0 }
  !open { next }
  { now++ }
  $1 == "folder-made" { made = 1 }
  $1 == "inner-folder-synced" { at["record-after-folder"] = 0 }
  $1 == "record-written" && at["inner-folder-synced"] && !at["record-after-folder"] { at["record-after-folder"] = now }
  { at[$1] = now }
  $1 == "answer" {
    number++
    printf "fsync audit: %s\n", names[number]
    if (has_data[number]) {
      demand(at["data-written"] && at["data-written"] < at["data-synced"], "fdatasync after the last byte")
      demand(at["data-synced"] < at["renamed"], "rename after fdatasync")
      demand(at["renamed"] < at["inner-folder-synced"], "fsync of the folder after the rename")
      if (made) demand(at["renamed"] < at["outer-folder-synced"] && at["renamed"] < at["root-folder-synced"], "fsync of new folders")
      demand(at["inner-folder-synced"] < at["record-after-folder"], "a record after the fsync of the folder")
    } else demand(!at["data-written"], "no data file")
    # The session of a large manifest is forgotten beside the answer: that record may still be on its way.
    last_record = forgets[number] ? at["record-after-folder"] : at["record-written"]
    demand(last_record && last_record < at["record-synced"], "fdatasync after the record")
    demand(at["record-synced"] < at["answer"], "the answer after the fdatasync of the record")
    open = 0
  }
  END {
    if (number != 4) { print "fsync audit: " number + 0 " of 4 pushes found in the trace"; bad = 1 }
    print bad ? "fsync audit: FAILED" : "fsync audit: every answer came after everything it promises was on the disk"
    exit bad
  }'
