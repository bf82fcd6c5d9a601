#!/usr/bin/env bash
# Owns the run of the official OCI conformance suite and the reading of its counts.
#
#   tests/scripts/conformance.sh [dev|1.1|1.0|login]…      all four when none is named
#
# `login` is profile dev as a user of a registry with rules, who has tokens from its token server.
# The suite ends with exit code 0 after skips and after a broken configuration of its own, so only
# the counts of a fresh report decide: profile dev wants 975 cases or more, none failed, none
# skipped; 1.1 and 1.0 want none failed. With REGISTRY=HOST:PORT that registry is measured, by the
# user when SERVER_CONFIGURATION is set as tests/scripts/people.sh does; otherwise a server is started
# for the local driver and one for the memory driver.
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
# shellcheck source=tests/scripts/people.sh
source "$(dirname "${BASH_SOURCE[0]}")/people.sh"

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
# What logs in, as variables of the suite: nobody, or the user.
login_variables=()
readonly login_of_the_user=(OCI_USERNAME=conformance OCI_PASSWORD="$CONFORMANCE_PASSWORD")

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
      "${login_variables[@]}" OCI_REGISTRY="$registry_address" OCI_TLS=disabled OCI_VERSION="$profile" \
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

# Everybody is refused and the user is not: a suite that went through without a login proves nothing.
check_that_login_is_needed() {
  local status
  status=$(curl --silent --output /dev/null --write-out '%{http_code}' "http://$registry_address/v2/")
  if [[ $status != 401 ]]; then
    echo "conformance: $registry_address answers $status to somebody without a login" >&2
    failures=$((failures + 1))
  fi
}

run_with_login() {
  login_variables=("${login_of_the_user[@]}")
  check_that_login_is_needed
  run_profile "$1-login" dev
  login_variables=()
}

wants_login=
profiles=()
if [[ $# -eq 0 ]]; then
  set -- dev 1.1 1.0 login
fi
for name in "$@"; do
  if [[ $name == login ]]; then
    wants_login=1
  else
    profiles+=("$name")
  fi
done

"$repository_root/tests/scripts/tools.sh" conformance curl

if [[ -n ${REGISTRY:-} && -n ${SERVER_CONFIGURATION:-} ]]; then
  registry_address=$REGISTRY
  run_with_login "$REGISTRY"
elif [[ -n ${REGISTRY:-} ]]; then
  registry_address=$REGISTRY
  run_profiles "$REGISTRY"
else
  build_roadstead
  if [[ ${#profiles[@]} -gt 0 ]]; then
    for driver in local memory; do
      start_roadstead "$workspace/$driver-server" "$driver"
      run_profiles "$driver"
      stop_server "$registry_pid"
    done
  fi
  if [[ -n $wants_login ]]; then
    access_yaml=$guarded_access_yaml
    start_roadstead "$workspace/guarded-server" local
    add_people "$workspace/guarded-server/roadstead.yaml"
    run_with_login local
    stop_server "$registry_pid"
  fi
fi

if [[ $failures -gt 0 ]]; then
  echo "conformance: $failures of the runs above are not what is demanded" >&2
  exit 1
fi
