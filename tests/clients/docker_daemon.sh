# shellcheck shell=bash
# Owns a Docker daemon in the test's folder, and its client's configuration. To be sourced after
# workspace.sh; then start_daemon.

export DOCKER_CONFIG=${workspace:?workspace.sh comes first}/client DOCKER_BUILDKIT=0 DOCKER_HOST=unix://$workspace/docker.sock
mkdir -p "$DOCKER_CONFIG"

stop_daemon() {
  kill "$daemon_pid" 2>/dev/null || true
  for _ in {1..200}; do
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$daemon_pid" 2>/dev/null || true
  wait "$daemon_pid" 2>/dev/null || true
  umount "$workspace/exec/netns/default" 2>/dev/null || true
}

start_daemon() {
  # No bridge, no firewall rules: nothing of the machine's network is touched.
  dockerd --host "$DOCKER_HOST" --data-root "$workspace/root" --exec-root "$workspace/exec" \
    --pidfile "$workspace/docker.pid" --iptables=false --ip6tables=false --ip-forward=false \
    --ip-masq=false --bridge=none --storage-driver overlay2 --insecure-registry 127.0.0.0/8 \
    --default-ulimit nofile=20000:20000 >"$workspace/dockerd.log" 2>&1 &
  daemon_pid=$!
  at_exit stop_daemon
  for _ in {1..300}; do
    if docker version >/dev/null 2>&1; then
      return
    fi
    kill -0 "$daemon_pid" 2>/dev/null || break
    sleep 0.1
  done
  cannot_start dockerd "$workspace/dockerd.log"
}
