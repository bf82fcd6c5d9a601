#!/usr/bin/env bash
# Owns the proof that what lies in deploy/ works: each file is read by the program it is meant for,
# and HAProxy and nginx pass real pushes and pulls on with exactly those files, of which only
# addresses, ports and paths are replaced. Two of the three replicas are dead on purpose. The parts
# of compose.yaml run as processes, with its own configurations, over versitygw.
#
#   tests/scripts/deploy.sh [files|haproxy|nginx|compose|kubernetes|container]…     all when none is named
set -euo pipefail

# shellcheck source=tests/scripts/server.sh
source "$(dirname "${BASH_SOURCE[0]}")/server.sh"
# shellcheck source=tests/scripts/stores.sh
source "$(dirname "${BASH_SOURCE[0]}")/stores.sh"
deploy=$repository_root/deploy

workspace=$(mktemp -d "${TMPDIR:-/tmp}/roadstead-deploy.XXXXXX")
proxy_pids=()
proxy_address=
proxy_url=
# Of all replicas that live.
admin_addresses=()
finish() {
  local exit_code=$?
  for pid in "${proxy_pids[@]}"; do
    stop_server "$pid" >/dev/null 2>&1 || true
  done
  stop_all_servers
  if [[ $exit_code -ne 0 ]]; then
    tail -n 20 "$workspace"/*.log "$workspace"/*/*.log >&2 2>/dev/null || true
  fi
  rm -rf "$workspace"
}
trap finish EXIT

fail() {
  echo "deploy: $*" >&2
  exit 1
}

# Waits up to 20 s until a command succeeds.
await() {
  local what=$1 deadline=$((SECONDS + 20))
  shift
  until "$@"; do
    [[ $SECONDS -lt $deadline ]] || fail "$what did not happen within 20 s"
    sleep 0.05
  done
}

# Installs tools; ends this script as the caller of tools.sh should, see there.
need() {
  "$repository_root/tests/scripts/tools.sh" "$@" || exit $?
}

# One certificate for the name of the examples and for the address that the tests use.
make_certificate() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
    -subj /CN=registry.example.com -addext subjectAltName=DNS:registry.example.com,IP:127.0.0.1 \
    -keyout "$workspace/registry.key" -out "$workspace/registry.crt" 2>/dev/null
  cat "$workspace/registry.crt" "$workspace/registry.key" >"$workspace/registry.pem"
}

# Whatever was not replaced would make the test look at this machine's own /etc or at a network.
expect_rendered() {
  if grep -vE '^ *#' "$1" | grep -nE '10\.0\.0\.|/etc/|/run/|[ :](443|5000|5001)([ ;]|$)'; then
    fail "the test does not replace this line of $1"
  fi
}

# The live replica is on 127.0.0.1; nobody listens at the other two addresses.
render_haproxy() {
  local port=${registry_address##*:} admin_port=${admin_address##*:}
  sed -e "s|/run/haproxy/admin.sock|$workspace/admin.sock|" \
    -e "s|/etc/haproxy/certs|$workspace|" \
    -e "s|bind :443|bind $proxy_address|" \
    -e "s|10\.0\.0\.11:5000|127.0.0.1:$port|; s|10\.0\.0\.12:5000|127.0.0.2:$port|" \
    -e "s|10\.0\.0\.13:5000|127.0.0.3:$port|" \
    -e "s|connect port 5001|connect port $admin_port|; s|connect port 5000|connect port $port|" \
    "$deploy/haproxy/roadstead.cfg" >"$workspace/haproxy.cfg"
  expect_rendered "$workspace/haproxy.cfg"
}

render_nginx() {
  local port=${registry_address##*:} folder
  sed -e "s|/etc/nginx/certs|$workspace|" \
    -e "s|listen 443|listen $proxy_address|" \
    -e "s|10\.0\.0\.11:5000|127.0.0.1:$port|; s|10\.0\.0\.12:5000|127.0.0.2:$port|" \
    -e "s|10\.0\.0\.13:5000|127.0.0.3:$port|" \
    "$deploy/nginx/roadstead.conf" >"$workspace/nginx-site.conf"
  expect_rendered "$workspace/nginx-site.conf"
  for folder in client_body proxy fastcgi uwsgi scgi; do
    mkdir -p "$workspace/$folder"
  done
  local user=
  if [[ $EUID -eq 0 ]]; then
    user="user root;"
  fi
  cat >"$workspace/nginx.conf" <<NGINX
daemon off;
$user
pid $workspace/nginx.pid;
error_log $workspace/nginx.log info;
worker_processes 1;
events {}
http {
    access_log $workspace/nginx-access.log;
    client_body_temp_path $workspace/client_body;
    proxy_temp_path $workspace/proxy;
    fastcgi_temp_path $workspace/fastcgi;
    uwsgi_temp_path $workspace/uwsgi;
    scgi_temp_path $workspace/scgi;
    include $workspace/nginx-site.conf;
}
NGINX
}

through_proxy() {
  curl --silent --show-error --cacert "$workspace/registry.crt" --max-time 60 "$@"
}

proxy_answers() {
  through_proxy --output /dev/null "$proxy_url/v2/" 2>/dev/null
}

# What the replicas have taken from bodies and given to their storage.
stored_bytes() {
  local address
  for address in "${admin_addresses[@]}"; do
    curl --silent --max-time 5 "http://$address/metrics"
  done | awk '/^roadstead_storage_written_bytes_total / { sum += $2 } END { printf "%d\n", sum }'
}

has_stored() {
  [[ $(stored_bytes) -ge $1 ]]
}

# Sends a body of which the second half comes only when the replica has the first.
check_streaming() {
  local location status before
  location=$(through_proxy --request POST --dump-header - --output /dev/null \
    "$proxy_url/v2/deploy/streamed/blobs/uploads/" | tr -d '\r' | sed -n 's/^location: //Ip')
  [[ -n $location ]] || fail "no upload was begun"
  [[ $location == http* ]] || location=$proxy_url$location
  before=$(stored_bytes)
  rm -f "$workspace/body"
  mkfifo "$workspace/body"
  through_proxy "$1" --request PATCH --upload-file - --header "Content-Type: application/octet-stream" \
    --header "Expect:" --output /dev/null --write-out '%{http_code} %{http_version}' "$location" \
    <"$workspace/body" >"$workspace/streamed" &
  local sender=$!
  exec 4>"$workspace/body"
  head -c 1048576 /dev/zero >&4
  # Less a buffer in each process on the way.
  await "the passing on of half a body" has_stored $((before + 786432))
  head -c 1048576 /dev/zero >&4
  exec 4>&-
  wait "$sender"
  status=$(<"$workspace/streamed")
  [[ $status == 202* ]] || fail "a streamed chunk was answered $status"
  echo "  a body streams through, HTTP/${status#* }"
}

check_headers() {
  local id
  id=$(through_proxy --header "X-Request-Id: deploy-test-1" --dump-header - --output /dev/null \
    "$proxy_url/v2/" | tr -d '\r' | sed -n 's/^x-request-id: //Ip')
  [[ $id == deploy-test-1 ]] || fail "the client's request id came back as '$id'"
  id=$(through_proxy --dump-header - --output /dev/null "$proxy_url/v2/" |
    tr -d '\r' | sed -n 's/^x-request-id: //Ip')
  grep -qF "$id" "$workspace"/replica*/server.log || fail "the log does not know the request id '$id'"
  echo "  request ids are passed on and made"
}

# However many replicas are dead, not one request may fail.
check_requests() {
  local attempt status
  for attempt in {1..30}; do
    status=$(through_proxy --output /dev/null --write-out '%{http_code}' "$proxy_url/v2/")
    [[ $status == 200 ]] || fail "request $attempt was answered $status"
  done
  echo "  30 of 30 requests answered with $1"
}

check_image() {
  local image=$proxy_address/deploy/image:v1 layer=$workspace/layer.tar
  SSL_CERT_FILE=$workspace/registry.crt crane append --oci-empty-base --new_layer "$layer" \
    --new_tag "$image" >/dev/null 2>"$workspace/crane.log"
  rm -f "$workspace/pulled.tar"
  SSL_CERT_FILE=$workspace/registry.crt crane export "$image" "$workspace/pulled.tar" 2>>"$workspace/crane.log"
  tar --extract --to-stdout --file "$workspace/pulled.tar" content | cmp - "$workspace/content" ||
    fail "the image came back changed"
  echo "  an image of 16 MiB pushed and pulled"
}

# The same requests for both proxies.
check_proxy() {
  await "an answer of the proxy" proxy_answers
  check_requests "two of three replicas dead"
  check_headers
  check_streaming --http1.1
  check_streaming --http2
  check_image
}

make_layer() {
  head -c 16777216 /dev/urandom >"$workspace/content"
  tar --create --file "$workspace/layer.tar" --directory "$workspace" content
}

start_replica() {
  build_roadstead
  start_roadstead "$workspace/replica" memory
  admin_addresses=("$admin_address")
  proxy_address=127.0.0.1:$(free_port)
  proxy_url=https://$proxy_address
  make_layer
}

haproxy_says() {
  grep -q "$1" "$workspace/haproxy.log"
}

check_haproxy() {
  echo "deploy: HAProxy, deploy/haproxy/roadstead.cfg"
  need haproxy crane curl openssl
  make_certificate
  start_replica
  render_haproxy
  haproxy -c -dW -f "$workspace/haproxy.cfg" >"$workspace/haproxy-check.log" 2>&1 ||
    fail "haproxy refuses the configuration or warns of it"
  haproxy -db -f "$workspace/haproxy.cfg" >"$workspace/haproxy.log" 2>&1 &
  proxy_pids+=($!)
  check_proxy
  await "the end of replica2's health" haproxy_says "replicas/replica2 is DOWN"
  await "the end of replica3's health" haproxy_says "replicas/replica3 is DOWN"
  if haproxy_says "replicas/replica1 is DOWN"; then
    fail "the live replica failed a health check"
  fi
  stop_server "$registry_pid" || fail "exit code $? of the replica after SIGTERM, wanted 0"
  await "the end of replica1's health" haproxy_says "replicas/replica1 is DOWN"
  echo "  health checks tell the dead replicas from the live one, and see it stop"
}

check_nginx() {
  echo "deploy: nginx, deploy/nginx/roadstead.conf"
  need nginx crane curl openssl
  make_certificate
  start_replica
  render_nginx
  nginx -t -q -c "$workspace/nginx.conf" 2>"$workspace/nginx-check.log" ||
    fail "nginx refuses the configuration"
  if grep -E '\[(warn|error|emerg)\]' "$workspace/nginx-check.log" |
    grep -v 'the "listen ... http2" directive is deprecated'; then
    fail "nginx warns of the configuration"
  fi
  nginx -c "$workspace/nginx.conf" >>"$workspace/nginx.log" 2>&1 &
  proxy_pids+=($!)
  await "an answer of the proxy" proxy_answers
  # A file that came and went leaves a later time at its folder.
  local before after
  before=$(stat --format %y "$workspace/client_body" "$workspace/proxy")
  check_proxy
  after=$(stat --format %y "$workspace/client_body" "$workspace/proxy")
  [[ $before == "$after" ]] || fail "nginx kept a body on its disk"
  echo "  no body was kept on nginx's disk"
}

# A replica of compose.yaml: one configuration for all, each at an address of its own.
start_compose_replica() {
  local address=127.0.0.$1 port=$2 admin_port=$3 log=$workspace/replica$1/server.log
  mkdir -p "$workspace/replica$1"
  S3_ACCESS_KEY=$STORE_ACCESS_KEY S3_SECRET_KEY=$STORE_SECRET_KEY \
    ROADSTEAD_STORAGE__S3__ENDPOINT=$store_endpoint \
    ROADSTEAD_LISTEN=$address:$port ROADSTEAD_ADMIN__LISTEN=$address:$admin_port \
    "$roadstead_binary" serve --config "$deploy/compose/roadstead.yaml" >"$log" 2>&1 &
  replica_pids+=($!)
  started_pids+=($!)
  admin_addresses+=("$address:$admin_port")
  wait_until_ready "$address:$port" $! || fail "replica $1 did not come up"
}

render_compose_haproxy() {
  sed -E -e "s/bind :5000/bind $proxy_address/" -e "s/replica([123]):5000/127.0.0.\1:$1/" \
    -e "s/connect port 5001/connect port $2/; s/connect port 5000/connect port $1/" \
    "$deploy/compose/haproxy.cfg" >"$workspace/compose-haproxy.cfg"
  expect_rendered "$workspace/compose-haproxy.cfg"
}

check_compose() {
  echo "deploy: compose, deploy/compose as processes over versitygw"
  need haproxy versitygw crane curl openssl
  build_roadstead
  make_certificate
  make_layer
  start_store versitygw "$workspace/store"
  local port admin_port number
  port=$(free_port)
  admin_port=$(free_port)
  admin_addresses=()
  replica_pids=()
  for number in 1 2 3; do
    start_compose_replica "$number" "$port" "$admin_port"
  done
  proxy_address=127.0.0.1:$(free_port)
  proxy_url=http://$proxy_address
  render_compose_haproxy "$port" "$admin_port"
  haproxy -db -f "$workspace/compose-haproxy.cfg" >"$workspace/haproxy.log" 2>&1 &
  proxy_pids+=($!)
  await "an answer of the proxy" proxy_answers
  check_requests "three replicas"
  for number in 1 2 3; do
    haproxy_says "replicas/replica$number [0-9]" || fail "replica $number was asked nothing"
  done
  check_headers
  check_streaming --http1.1
  check_image
  kill -KILL "${replica_pids[1]}"
  wait "${replica_pids[1]}" 2>/dev/null || true
  admin_addresses=("${admin_addresses[0]}" "${admin_addresses[2]}")
  check_requests "one of three replicas killed"
  check_image
  await "the end of replica2's health" haproxy_says "replicas/replica2 is DOWN"
}

check_files() {
  echo "deploy: files"
  need jq
  local file
  local documents
  mapfile -t documents < <(find "$deploy" -name '*.json')
  for file in "${documents[@]}"; do
    jq --exit-status type "$file" >/dev/null || fail "$file is no JSON"
  done
  echo "  JSON: ${#documents[@]} files"
  check_unit
  check_compose_file
}

check_unit() {
  need systemd-analyze
  # The program is not installed where tests run; everything else stays as it is.
  sed 's|^ExecStart=/usr/local/bin/roadstead|ExecStart=/bin/true|' "$deploy/systemd/roadstead.service" \
    >"$workspace/roadstead.service"
  systemd-analyze verify --man=no "$workspace/roadstead.service" >"$workspace/systemd.log" 2>&1 ||
    fail "systemd refuses the unit"
  # It tells of units of this machine, too.
  if grep -F roadstead.service "$workspace/systemd.log"; then
    fail "systemd warns of the unit"
  fi
  echo "  systemd unit"
}

check_compose_file() {
  local compose=(docker compose)
  if ! docker compose version >/dev/null 2>&1; then
    need docker-compose
    compose=(docker-compose)
  fi
  "${compose[@]}" --file "$deploy/compose/compose.yaml" config >"$workspace/compose.log" 2>&1 ||
    fail "compose refuses the file"
  local file
  while read -r file; do
    [[ -e $deploy/compose/$file ]] || fail "compose.yaml mounts $file, which is not there"
  done < <(sed -nE 's|^ +- (\./[^:]+):.*|\1|p' "$deploy/compose/compose.yaml")
  build_roadstead
  S3_ACCESS_KEY=public S3_SECRET_KEY=hidden \
    "$roadstead_binary" config check "$deploy/compose/roadstead.yaml" >"$workspace/config.log" 2>&1 ||
    fail "roadstead refuses deploy/compose/roadstead.yaml"
  need haproxy
  proxy_address=127.0.0.1:$(free_port)
  render_compose_haproxy "$(free_port)" "$(free_port)"
  haproxy -c -dW -f "$workspace/compose-haproxy.cfg" >"$workspace/compose-haproxy.log" 2>&1 ||
    fail "haproxy refuses deploy/compose/haproxy.cfg or warns of it"
  echo "  compose.yaml, its configuration of Roadstead and its HAProxy"
}

# Helm reads the chart and renders it; the tests read what comes out, and give the configuration in it
# to the server.
check_kubernetes() {
  echo "deploy: Kubernetes, deploy/kubernetes and deploy/helm"
  need helm
  build_roadstead
  helm lint --strict --quiet "$deploy/helm/roadstead" || fail "helm refuses the chart or warns of it"
  (cd "$repository_root" && SERVER_BINARY=$roadstead_binary \
    cargo test --quiet --package roadstead-tests --features helm --test deploy) ||
    fail "the manifests do not keep the rules"
}

check_container() {
  "$repository_root/tests/scripts/container.sh" || exit $?
}

parts=("$@")
if [[ ${#parts[@]} -eq 0 ]]; then
  parts=(files haproxy nginx compose kubernetes container)
fi
for part in "${parts[@]}"; do
  case $part in
    files | haproxy | nginx | compose | kubernetes | container) "check_$part" ;;
    *) fail "there is no part '$part'; there are: files haproxy nginx compose kubernetes container" ;;
  esac
done
echo "deploy: good"
