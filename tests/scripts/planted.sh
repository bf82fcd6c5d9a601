#!/usr/bin/env bash
# Owns the proof that the simulation can find something: bugs planted in a copy of the sources.
#
#   tests/scripts/planted.sh [NAME]…      all patches of tests/simulation/planted when none is named
#
# Each patch is applied to the committed sources in target/planted, one at a time. It ends with 0 only
# when every one of them makes a history break a promise within 1,000 seeds, and none breaks one
# without a patch.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
folder=$root/target/planted
source_folder=$folder/source
patches=$root/tests/simulation/planted

names=("$@")
if [[ ${#names[@]} -eq 0 ]]; then
  for patch in "$patches"/*.patch; do
    name=${patch##*/}
    names+=("${name%.patch}")
  done
fi
rm -rf "$source_folder"
mkdir -p "$source_folder"
git archive HEAD | tar -x -C "$source_folder"
cd "$source_folder"

# Plays 1,000 seeds; what it tells goes to the file $folder/output.
play() {
  CARGO_TARGET_DIR=$folder/target cargo run --quiet --package roadstead-simulation -- --seeds 1000 \
    >"$folder/output"
}

echo "planted: nothing yet (the first build takes minutes)"
if ! play; then
  cat "$folder/output"
  echo "planted: the simulation finds something without a planted bug" >&2
  exit 1
fi
missed=0
for name in "${names[@]}"; do
  patch --quiet --strip 1 <"$patches/$name.patch"
  if ! CARGO_TARGET_DIR=$folder/target cargo build --quiet --package roadstead-simulation; then
    echo "planted: with $name the sources do not build; the patch is out of date" >&2
    exit 1
  fi
  if play; then
    echo "$name: NOT FOUND"
    missed=$((missed + 1))
  else
    echo "$name: $(grep --max-count 1 '^seed ' "$folder/output" | cut -c 1-120)"
  fi
  patch --quiet --strip 1 --reverse <"$patches/$name.patch"
done
echo "planted: $((${#names[@]} - missed)) of ${#names[@]} found"
[[ $missed -eq 0 ]]
