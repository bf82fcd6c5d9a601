#!/usr/bin/env bash
# Owns the run of the official OCI conformance suite and the reading of its counts.
#
#   tests/scripts/conformance.sh [dev|1.1|1.0]…      all three when none is named
#
# The suite ends with exit code 0 after skips and after a broken configuration of its own, so only
# the counts of a fresh report decide: profile dev wants 975 cases or more, none failed, none
# skipped; 1.1 and 1.0 want none failed. With REGISTRY=HOST:PORT that registry is measured;
# otherwise a server is started for the local driver and one for the memory driver.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

readonly minimum_cases_dev=975
# The other two profiles leave out some of the cases; a report much smaller than this is no run.
readonly minimum_cases_other=840

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-conformance.XXXXXX")
finish() {
  stop_all_servers
  rm -rf "$workspace"
}
trap finish EXIT

failures=0

# Prints one attribute of the report's <testsuite>; an absent one counts as 0.
count_of() {
  local report=$1 attribute=$2 value
  value=$(sed -n "/<testsuite /{s/.* $attribute=\"\([0-9]*\)\".*/\1/p;q}" "$report")
  echo "${value:-0}"
}

print_failures() {
  local report=$1
  sed -n 's/.*<testcase name="\([^"]*\)".*status="\(failure\|error\|skipped\)".*/    \2: \1/p' "$report" |
    sort | uniq -c | head -n 40
}

run_profile() {
  local driver=$1 profile=$2
  local results=$workspace/$driver-$profile
  local report=$results/junit.xml
  # The suite also reads a file in the current folder; naming an empty one keeps that out.
  # Every other setting is the suite's own default for the profile.
  : >"$workspace/empty.yaml"
  (cd "$workspace" &&
    env -i PATH="$PATH" HOME="$workspace" OCI_CONFIGURATION="$workspace/empty.yaml" \
      OCI_REGISTRY="$registry_address" OCI_TLS=disabled OCI_VERSION="$profile" \
      OCI_REPO1="conformance/$profile-one" OCI_REPO2="conformance/$profile-two" \
      OCI_RESULTS_DIR="$results" \
      timeout 300 conformance >"$workspace/$driver-$profile.log" 2>&1) || true
  if [[ ! -s $report ]]; then
    echo "conformance $driver $profile: no report was written; the end of the log:" >&2
    tail -n 10 "$workspace/$driver-$profile.log" >&2
    failures=$((failures + 1))
    return
  fi

  local total failed errors skipped disabled
  total=$(count_of "$report" tests)
  failed=$(count_of "$report" failures)
  errors=$(count_of "$report" errors)
  skipped=$(count_of "$report" skipped)
  disabled=$(count_of "$report" disabled)
  local passed=$((total - failed - errors - skipped - disabled))
  echo "conformance $driver $profile: $total cases, $passed passed," \
    "$((failed + errors)) failed, $skipped skipped, $disabled disabled"

  local minimum=$minimum_cases_other verdict=good
  [[ $profile == dev ]] && minimum=$minimum_cases_dev
  [[ $((failed + errors)) -eq 0 ]] || verdict=bad
  [[ $profile != dev || $skipped -eq 0 ]] || verdict=bad
  if [[ $total -lt $minimum ]]; then
    echo "  fewer than $minimum cases ran" >&2
    verdict=bad
  fi
  if [[ $verdict == bad ]]; then
    print_failures "$report" >&2
    failures=$((failures + 1))
  fi
}

run_profiles() {
  local driver=$1 profile
  for profile in "${profiles[@]}"; do
    run_profile "$driver" "$profile"
  done
}

profiles=("$@")
if [[ ${#profiles[@]} -eq 0 ]]; then
  profiles=(dev 1.1 1.0)
fi

"$repository_root/tests/scripts/tools.sh" conformance curl

if [[ -n ${REGISTRY:-} ]]; then
  registry_address=$REGISTRY
  run_profiles "$REGISTRY"
else
  build_roadstead
  for driver in local memory; do
    start_roadstead "$workspace/$driver-server" "$driver"
    run_profiles "$driver"
    stop_server "$registry_pid"
  done
fi

if [[ $failures -gt 0 ]]; then
  echo "conformance: $failures of the runs above are not what is demanded" >&2
  exit 1
fi
