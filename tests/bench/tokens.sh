#!/usr/bin/env bash
# Owns the price of knowing who asks: small requests with Bearer, with Basic and without credentials,
# at one server with rules, in turn in one run of `regbench`, and beside them a server that is open.
#
#   tests/bench/tokens.sh
#
# `regbench` is copied from the folder of REGBENCH and gets tokens by regbench_tokens.patch. Prints a
# Markdown table; the exit code is 1 when HEAD manifest with Bearer keeps less than 85 % of the anonymous
# rate or costs 20 µs of CPU more. ROUNDS sets how often every target is visited.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/server.sh"
# shellcheck source=tests/scripts/people.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/people.sh"
# shellcheck source=tests/bench/machine.sh
source "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

readonly rounds=${ROUNDS:-15} requests_a_round=8000 least_share=0.85 most_microseconds=20
regbench_source=${REGBENCH:-$repository_root/../shared/regbench}
copy=$repository_root/target/regbench-tokens
workspace=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/roadstead-tokens.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

if [[ ! -f $regbench_source/Cargo.toml ]]; then
  echo "no regbench in $regbench_source; set REGBENCH to the folder with its source" >&2
  exit 1
fi
"$repository_root/tests/scripts/tools.sh" jq curl
mkdir -p "$copy"
rm -rf "$copy/source"
cp -r --no-preserve=mode "$regbench_source" "$copy/source"
patch --quiet --strip=1 --directory "$copy/source" \
  <"$repository_root/tests/bench/regbench_tokens.patch"
CARGO_TARGET_DIR=$copy cargo build --quiet --release --locked \
  --manifest-path "$copy/source/Cargo.toml"
build_roadstead

start_roadstead "$workspace/open" local
open="open=$registry_address,pid=$registry_pid"
access_yaml='access:
  rules:
    - {subjects: ["*"], repositories: ["everybody/**"], actions: [pull, push]}
    - {subjects: ["group:team"], repositories: ["team/**"], actions: [pull, push]}
'
start_roadstead "$workspace/guarded" local
SERVER_CONFIGURATION=$workspace/guarded/roadstead.yaml
administer user add bench --group team --password-stdin <<<password
guarded=$registry_address,pid=$registry_pid

describe_machine "$workspace"
measure() {
  "$copy/release/regbench" --target "anonymous=$guarded,prefix=everybody/" \
    --target "Bearer=$guarded,token=bench:password,prefix=team/" \
    --target "Basic=$guarded,auth=bench:password,prefix=team/" --target "$open" \
    --size 1m --count "$requests_a_round" --concurrency 4 --json "$@"
}
measure --scenarios head-manifest --rounds 1 >"$workspace/warm"
measure --scenarios head-manifest,get-manifest,head-blob --rounds "$rounds" >"$workspace/rows"

jq --slurp --raw-output --argjson share "$least_share" --argjson most "$most_microseconds" '
  def rounded(places): . * pow(10; places) | round / pow(10; places);
  "\n| request | credentials | per second | of anonymous | p50 ms | p99 ms | CPU µs | more than anonymous | errors | verdict |",
  "|---|---|---|---|---|---|---|---|---|---|",
  (group_by(.scenario)[] | map(select(.target == "anonymous"))[0] as $anonymous | .[] |
    (.ops_per_s / $anonymous.ops_per_s) as $kept |
    ((.cpu_ms_per_op - $anonymous.cpu_ms_per_op) * 1000) as $more |
    (.scenario != "head-manifest" or .target != "Bearer" or ($kept >= $share and $more < $most)) as $good |
    "| \(.scenario) | \(if .target == "open" then "none, open server" else .target end) | \(.ops_per_s | rounded(0)) | \($kept | rounded(2)) | \(.p50_ms | rounded(3)) | \(.p99_ms | rounded(3)) | \(.cpu_ms_per_op * 1000 | rounded(1)) | \($more | rounded(1)) | \(.errors) | \(if $good and .errors == 0 then "good" else "MISSED" end) |")
  ' "$workspace/rows" | tee "$workspace/table"
! grep -q MISSED "$workspace/table"
