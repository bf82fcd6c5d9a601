# shellcheck shell=bash
# Owns the life of a registry under test: free port, start, readiness, stop. To be sourced.
#
#   start_roadstead FOLDER [STORAGE]        STORAGE is local, memory, or what stands under `storage:`
#                                           in a configuration; sets registry_address, registry_pid and
#                                           admin_address
#   start_docker_registry FOLDER            the same, with Debian's docker-registry (no admin)
#   stop_server PID                         SIGTERM, waits, SIGKILL after 20 s; returns its exit code
#   stop_all_servers                        for an EXIT trap
#
# SERVER_BINARY names a server that is already built; otherwise target/release/roadstead is brought up
# to date. No variable of the tests starts with ROADSTEAD_: to the server those are settings.
#
# With access_yaml, lines of YAML, every server is configured with them.
#
# FOLDER holds everything: configuration, data, log. Nothing listens beyond 127.0.0.1.

repository_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
roadstead_binary=${SERVER_BINARY:-${CARGO_TARGET_DIR:-$repository_root/target}/release/roadstead}
export PATH=$repository_root/target/tools/bin:$PATH:/usr/sbin:/sbin

started_pids=()
registry_address=
registry_pid=
admin_address=
access_yaml=

# Prints a port nobody listens on. The range lies below the kernel's own choices for outgoing
# connections (32768 and up), so a client in flight does not take it before the server does.
free_port() {
  local attempt port
  for attempt in {1..100}; do
    port=$((20000 + (RANDOM * 32768 + RANDOM + attempt) % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo "no free port found in 100 attempts" >&2
  return 1
}

# Waits until ADDRESS answers GET /v2/ or process PID is gone; 20 s at most.
wait_until_ready() {
  local address=$1 pid=$2 deadline=$((SECONDS + 20))
  while [[ $SECONDS -lt $deadline ]]; do
    if curl --silent --output /dev/null --max-time 2 "http://$address/v2/"; then
      return
    fi
    if ! kill -0 "$pid" 2>/dev/null; then
      return 1
    fi
    sleep 0.05
  done
  return 1
}

build_roadstead() {
  if [[ -n ${SERVER_BINARY:-} ]]; then
    return
  fi
  (cd "$repository_root" && cargo build --quiet --release --package roadstead)
}

write_roadstead_configuration() {
  local folder=$1 driver=$2
  local storage=$driver
  case $driver in
    local) storage="{local: {path: $folder/data}}" ;;
    memory) storage="{memory: {}}" ;;
  esac
  cat >"$folder/roadstead.yaml" <<YAML
listen: $registry_address
admin: {listen: $admin_address}
storage: $storage
log: {level: ${SERVER_LOG_LEVEL:-info}, format: json}
$access_yaml
YAML
}

start_roadstead() {
  local folder=$1 driver=${2:-local}
  mkdir -p "$folder"
  # A port can be taken between the look and the bind, hence a second attempt.
  for _ in {1..2}; do
    registry_address=127.0.0.1:$(free_port)
    admin_address=127.0.0.1:$(free_port)
    write_roadstead_configuration "$folder" "$driver"
    "$roadstead_binary" serve --config "$folder/roadstead.yaml" >>"$folder/server.log" 2>&1 &
    registry_pid=$!
    started_pids+=("$registry_pid")
    if wait_until_ready "$registry_address" "$registry_pid"; then
      return
    fi
    stop_server "$registry_pid" || true
    unset 'started_pids[-1]'
  done
  echo "roadstead did not come up; the end of its log:" >&2
  tail -n 20 "$folder/server.log" >&2
  return 1
}

# As Debian configures it, without the password file: descriptors cached in memory, no fsync.
start_docker_registry() {
  local folder=$1
  mkdir -p "$folder/data"
  for _ in {1..3}; do
    registry_address=127.0.0.1:$(free_port)
    admin_address=
    cat >"$folder/docker-registry.yaml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  cache: {blobdescriptor: inmemory}
  filesystem: {rootdirectory: $folder/data}
  delete: {enabled: true}
http: {addr: "$registry_address"}
YAML
    docker-registry serve "$folder/docker-registry.yaml" >>"$folder/server.log" 2>&1 &
    registry_pid=$!
    started_pids+=("$registry_pid")
    if wait_until_ready "$registry_address" "$registry_pid"; then
      return
    fi
    stop_server "$registry_pid" || true
  done
  echo "docker-registry did not come up; the end of its log:" >&2
  tail -n 20 "$folder/server.log" >&2
  return 1
}

stop_server() {
  local pid=$1
  kill -TERM "$pid" 2>/dev/null || true
  for _ in {1..400}; do
    if ! kill -0 "$pid" 2>/dev/null; then
      wait "$pid"
      return
    fi
    sleep 0.05
  done
  echo "process $pid did not end 20 s after SIGTERM; killing it" >&2
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid"
}

stop_all_servers() {
  local pid
  for pid in "${started_pids[@]}"; do
    stop_server "$pid" >/dev/null 2>&1 || true
  done
  started_pids=()
}
