# shellcheck shell=bash
# Owns a containerd in the test's folder, and how an image gets into it. To be sourced after
# workspace.sh; then start_daemon.

export CONTAINERD_ADDRESS=${workspace:?workspace.sh comes first}/containerd.sock CONTAINERD_NAMESPACE=tests

stop_daemon() {
  kill "$daemon_pid" 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$daemon_pid" 2>/dev/null || true
  wait "$daemon_pid" 2>/dev/null || true
}

# CRI, the interface of kubelet, is served without a network for pods, which pulls do not need.
start_daemon() {
  mkdir -p "$workspace/certs.d"
  cat >"$workspace/containerd.toml" <<TOML
version = 2
root = "$workspace/root"
state = "$workspace/state"
[grpc]
address = "$CONTAINERD_ADDRESS"
[ttrpc]
address = "$CONTAINERD_ADDRESS.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
path = "$workspace/opt"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "$workspace/certs.d"
TOML
  containerd --config "$workspace/containerd.toml" >"$workspace/containerd.log" 2>&1 &
  daemon_pid=$!
  at_exit stop_daemon
  for _ in {1..300}; do
    if ctr version >/dev/null 2>&1; then
      return
    fi
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 0.1
  done
  cannot_start containerd "$workspace/containerd.log"
}

import() {
  local layout=$1 name=$2
  tar --create --file "$workspace/import.tar" --directory "$layout" oci-layout index.json blobs
  quietly ctr images import --all-platforms --no-unpack --base-name "$name" "$workspace/import.tar"
}
