#!/usr/bin/env bash
# Owns the way from a row of the benchmark to a flame graph of the server under it.
#
#   tests/scripts/profile.sh TEXT [GROUP|OPTION]…     rows that have TEXT in their names, such as pull
#
# GROUP and OPTION are those of `roadstead-bench --help`; without a group, all rows over local files are
# looked at. The server is built as for a release, with frame pointers besides (some minutes the first
# time); SERVER_BINARY names one that is already built, whose stacks take longer to read. perf samples it while the row is measured and not while it is prepared. For each row,
# target/profiles/ROW has a flame graph (flamegraph.svg: open it in a browser, click to zoom, Ctrl-F to
# search), the stacks it is made of (stacks.folded) and the functions that take the most time (top.txt).
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=$PWD/target/tools/bin:$PATH
if [[ $# -eq 0 || $1 == -* ]]; then
  sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
  exit 2
fi
row=$1
shift
words=("$@")
groups=(small requests lists large many)
for word in "${words[@]}"; do
  [[ $word == -* ]] || groups=()
done

say() {
  echo "profile: $*" >&2
}

if ! tests/scripts/tools.sh perf inferno-flamegraph; then
  say "perf (Debian's package linux-perf) and inferno are needed; what is missing is named above"
  exit 77
fi
if ! perf record --quiet --output /dev/null -- true 2>/dev/null; then
  say "the kernel does not let perf look; be root, or set kernel.perf_event_paranoid to 1 or less"
  exit 1
fi

binaries=${CARGO_TARGET_DIR:-target}
server=${SERVER_BINARY:-}
call_graph=dwarf
if [[ -z $server ]]; then
  say "building the server with frame pointers (minutes the first time)"
  RUSTFLAGS="${RUSTFLAGS:-} -C force-frame-pointers=yes" \
    cargo build --quiet --profile profiling --package roadstead
  server=$binaries/profiling/roadstead
  call_graph=fp
fi
say "building the load generator"
cargo build --quiet --release --package roadstead-bench

profiles=target/profiles
raw=$profiles/raw
rm -rf "$raw"
mkdir -p "$raw"
# Demands mean nothing under perf, so neither does that exit code.
"$binaries/release/roadstead-bench" --row "$row" --record "$raw" --call-graph "$call_graph" \
  --without-distribution --server "$server" --output "$profiles/figures" "${groups[@]}" "${words[@]}" \
  >"$profiles/figures.txt" || true

shopt -s nullglob
recorded=("$raw"/*.1.data)
if [[ ${#recorded[@]} -eq 0 ]]; then
  tail -n 5 "$profiles/figures.txt" >&2
  say "nothing was recorded: no row has '$row' in its name, or perf failed"
  exit 1
fi

# Prints the share of each function, by itself and with all that it calls, the largest first.
print_top() {
  local stacks=$1
  awk '
    {
      count = $NF
      sub(/ [0-9]+$/, "")
      total += count
      depth = split($0, frames, ";")
      split("", seen)
      for (at = 1; at <= depth; at++) {
        if (!(frames[at] in seen)) {
          seen[frames[at]] = 1
          below[frames[at]] += count
        }
      }
      own[frames[depth]] += count
    }
    END {
      for (frame in below)
        printf "%6.2f %6.2f  %s\n", 100 * own[frame] / total, 100 * below[frame] / total, frame
    }' "$stacks" >"$stacks.shares"
  echo "most by themselves (share, share with all they call, function):"
  sort -k1,1nr -k2,2nr "$stacks.shares" | sed -n 1,40p | cut -c 1-160
  echo
  echo "most with all they call:"
  sort -k2,2nr -k1,1nr "$stacks.shares" | sed -n 1,60p | cut -c 1-160
  rm "$stacks.shares"
}

for first in "${recorded[@]}"; do
  name=$(basename "$first" .1.data)
  folder=$profiles/$name
  mkdir -p "$folder"
  say "$name: folding stacks"
  : >"$folder/samples"
  for data in "$raw/$name".*.data; do
    perf script --no-inline --input "$data" --fields comm,pid,tid,time,event,ip,sym,dso \
      >>"$folder/samples" 2>/dev/null
  done
  inferno-collapse-perf "$folder/samples" >"$folder/stacks.folded"
  rm "$folder/samples"
  inferno-flamegraph --title "$name" --hash "$folder/stacks.folded" >"$folder/flamegraph.svg"
  print_top "$folder/stacks.folded" >"$folder/top.txt"
  echo "==== $name"
  head -n 26 "$folder/top.txt"
  echo "$folder/flamegraph.svg"
done
