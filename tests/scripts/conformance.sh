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
