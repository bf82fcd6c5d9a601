#!/usr/bin/env bash
# Owns the order and the count of everything that `make test` and CI do.
#
#   tests/scripts/test.sh [STAGE]…       all stages when none is named
#
# It stops at the first stage that fails, unless KEEP_GOING=1. A stage that lacks a tool is skipped
# with a message on somebody's machine and fails under CI=true. The last line but the skips is
# `N passed, N failed`, counting stages.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=$PWD/target/tools/bin:$PATH

# CI must use the committed versions; somebody who adds a dependency may not have them yet.
locked=
if [[ ${CI:-} == true ]]; then
  locked=--locked
fi

stage_names=(format scripts lint dependencies test build smoke deploy conformance cloud clients crash disk chaos fuzz)
command_of() {
  case $1 in
    format) echo "cargo fmt --all --check && cargo fmt --manifest-path tests/fuzz/Cargo.toml --check" ;;
    scripts) echo "tests/scripts/tools.sh shellcheck && shellcheck --external-sources .ci/run tests/*/*.sh deploy/*/*.sh" ;;
    lint) echo "cargo clippy $locked --workspace --all-targets -- -D warnings" ;;
    dependencies) echo "tests/scripts/tools.sh cargo-deny && cargo deny check bans licenses sources" ;;
    test) echo "cargo test $locked --workspace" ;;
    build) echo "cargo build $locked --release --package roadstead" ;;
    smoke) echo "tests/scripts/smoke.sh" ;;
    deploy) echo "tests/scripts/deploy.sh" ;;
    conformance) echo "tests/scripts/conformance.sh" ;;
    cloud) echo "tests/scripts/cloud.sh fake versitygw azurite" ;;
    clients) echo "tests/scripts/clients.sh" ;;
    crash) echo "tests/scripts/crash.sh 20" ;;
    disk) echo "tests/scripts/fsync_audit.sh && tests/scripts/disk_faults.sh 1" ;;
    chaos) echo "tests/scripts/chaos.sh 300" ;;
    fuzz) echo "tests/scripts/fuzz.sh 3" ;;
    *)
      echo "there is no stage '$1'; there are: ${stage_names[*]}" >&2
      exit 2
      ;;
  esac
}

stages=("$@")
if [[ ${#stages[@]} -eq 0 ]]; then
  stages=("${stage_names[@]}")
fi

passed=()
failed=()
skipped=()
lines=()
start=$SECONDS
for stage in "${stages[@]}"; do
  command=$(command_of "$stage")
  stage_start=$SECONDS
  echo "==== $stage (at $((stage_start - start)) s): $command"
  exit_code=0
  bash -euo pipefail -c "$command" || exit_code=$?
  elapsed=$((SECONDS - stage_start))
  if [[ $exit_code -eq 0 ]]; then
    verdict=passed
    passed+=("$stage")
  elif [[ $exit_code -eq 77 && ${CI:-} != true ]]; then
    verdict=SKIPPED
    skipped+=("$stage")
  else
    verdict=FAILED
    failed+=("$stage")
  fi
  echo "==== $stage: $verdict after $elapsed s"
  lines+=("$(printf '  %-14s %-8s %5d s' "$stage" "$verdict" "$elapsed")")
  if [[ $verdict == FAILED && ${KEEP_GOING:-} != 1 ]]; then
    break
  fi
done

echo
echo "==== summary after $((SECONDS - start)) s"
printf '%s\n' "${lines[@]}"
if [[ ${#skipped[@]} -gt 0 ]]; then
  echo "skipped for want of a tool, see above how to get it: ${skipped[*]}"
fi
if [[ ${#failed[@]} -gt 0 ]]; then
  echo "failed: ${failed[*]}"
fi
echo "${#passed[@]} passed, ${#failed[@]} failed"
[[ ${#failed[@]} -eq 0 ]]
