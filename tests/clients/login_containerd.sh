#!/usr/bin/env bash
# Owns containerd: ctr, and kubelet's way through CRI at a registry with rules; guarded.sh has the steps.
#
#   tests/scripts/clients.sh login_containerd        which starts the registry
set -euo pipefail

# shellcheck source=tests/clients/workspace.sh
source "$(dirname "${BASH_SOURCE[0]}")/workspace.sh"
# shellcheck source=tests/clients/guarded.sh
source "$(dirname "${BASH_SOURCE[0]}")/guarded.sh"
skip_when_daemons_are_unwanted
uses containerd ctr crictl
# shellcheck source=tests/clients/containerd_daemon.sh
source "$(dirname "${BASH_SOURCE[0]}")/containerd_daemon.sh"
# shellcheck source=tests/clients/image_layout.sh
source "$(dirname "${BASH_SOURCE[0]}")/image_layout.sh"
# ctr has no login: the credentials come with each command.
credentials=()

login() {
  credentials=(--user "$1:$2")
}
logout() {
  credentials=()
}
push() {
  ctr images tag --force local/image:v1 "$REGISTRY/$1:$tag" >/dev/null
  timeout 60 ctr images push --plain-http "${credentials[@]}" "$REGISTRY/$1:$tag"
}
forget_everything() {
  ctr images ls --quiet | xargs --no-run-if-empty ctr images rm --sync >/dev/null
}
pull() {
  local pulled=0 blob
  forget_everything
  timeout 60 ctr images pull --plain-http "${credentials[@]}" "$REGISTRY/$1:$tag" || pulled=1
  for blob in "$workspace"/image/blobs/sha256/*; do
    if [[ $pulled -eq 0 ]]; then
      ctr content get "sha256:$(basename "$blob")" | cmp - "$blob" || pulled=1
    fi
  done
  import "$workspace/image" local/image
  return "$pulled"
}

step "start the daemon"
start_daemon
make_layout "$workspace/image" v1 1 65536
import "$workspace/image" local/image
guarded_round_trip

# What kubelet does with an imagePullSecret: it sends the user and the password of the Secret with
# the PullImage call of CRI.
crictl_here() {
  timeout 60 crictl --config "$workspace/crictl.yaml" --timeout 60s \
    --image-endpoint "unix://$CONTAINERD_ADDRESS" --runtime-endpoint "unix://$CONTAINERD_ADDRESS" "$@"
}
: >"$workspace/crictl.yaml"
mkdir -p "$workspace/certs.d/$REGISTRY"
printf 'server = "http://%s"\n[host."http://%s"]\ncapabilities = ["pull", "resolve"]\n' \
  "$REGISTRY" "$REGISTRY" >"$workspace/certs.d/$REGISTRY/hosts.toml"
forget_everything

step "CRI: a pull with the credentials of an imagePullSecret"
node=node-$$
secret=$(administer robot create "$node" --repositories 'team-a/**' --actions pull \
  --image-pull-secret registry --registry-host "$REGISTRY")
configuration=$(sed -n 's/^ *\.dockerconfigjson: *//p' <<<"$secret" | tr -d '"' | base64 --decode)
entry=$(jq --raw-output --arg registry "$REGISTRY" '.auths[$registry].auth' <<<"$configuration")
first=$(base64 --decode <<<"$entry" | cut --delimiter=: --fields=2)
# Before the first login: a replica that has let a secret in remembers that for half a minute.
second=$(administer robot rotate "$node" --keep-old "${short_life}s")
allowed "pull through CRI" crictl_here pull --auth "$entry" "$REGISTRY/$private:$tag"
expect_equal "images that CRI has" "$REGISTRY/$private" \
  "$(crictl_here images --output json | jq -r '.images[].repoTags[]' | sed 's/:[^:]*$//')"

# Both are good now. Who was right before is not slowed by the wrong secrets that follow.
allowed "pull through CRI with the new secret beside the old one" crictl_here pull \
  --creds "robot+$node:$second" "$REGISTRY/$private:$tag"

step "CRI: what is refused"
crictl_here rmi --all >/dev/null 2>&1
refused "a pull through CRI without credentials" crictl_here pull "$REGISTRY/$private:$tag"
refused "a pull through CRI with a wrong secret" crictl_here pull --creds "robot+$node:wrong" \
  "$REGISTRY/$private:$tag"
refused "a pull through CRI from another team" crictl_here pull --auth "$entry" \
  "$REGISTRY/$foreign:$tag"
allowed "pull through CRI from the public corner as nobody" crictl_here pull "$REGISTRY/$public:$tag"
wait_for_end_of "robot+$node" "$first"
refused "a pull through CRI with the secret that was" crictl_here pull --auth "$entry" \
  "$REGISTRY/$private:$tag"
allowed "pull through CRI with the new secret" crictl_here pull --creds "robot+$node:$second" \
  "$REGISTRY/$private:$tag"
