#!/usr/bin/env bash
# Owns the start of the crash rounds: kill -9 of a loaded server, restart, look for what is lost.
#
#   tests/scripts/crash.sh ROUNDS
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"

rounds=${1:?usage: crash.sh ROUNDS}
build_roadstead

# HOOK: the program that runs the rounds goes here. It gets the number of rounds and the path of the
# built server, exits 0 only when every round found every acknowledged blob, manifest and tag whole
# and nothing unacknowledged half visible, and prints one line with the figures. Until then this
# stage fails, so that nobody takes its silence for a result.
echo "crash: no program runs $rounds rounds against $roadstead_binary yet" >&2
exit 1
