# shellcheck shell=bash
# Owns the life of a store under test: the strict fake, versitygw, MinIO, moto, Azurite. To be
# sourced after server.sh, which stops what was started here, too.
#
#   start_store NAME FOLDER [ARGUMENT…]   sets store_endpoint, store_pid and store_yaml, what stands
#                                         under `storage:` in a configuration; exports the key's
#                                         variables that it refers to
#   stores_tools NAME…                    prints which tools these stores need
#
# Arguments go to the fake alone. The bucket is there afterwards. Everything lies in FOLDER.

: "${repository_root:?source server.sh first}"

# MinIO wants eight characters.
export STORE_ACCESS_KEY=fake-access-key STORE_SECRET_KEY=fake-secret-key
readonly store_bucket=images

store_endpoint=
store_pid=
store_yaml=

# shellcheck source=tests/scripts/azurite.sh
source "$(dirname "${BASH_SOURCE[0]}")/azurite.sh"

stores_tools() {
  local name
  echo curl
  for name in "$@"; do
    case $name in
      versitygw | minio) echo "$name" ;;
      moto) echo moto_server ;;
      azurite) printf '%s\n' azurite-blob openssl ;;
    esac
  done
}

build_fake() {
  (cd "$repository_root" && cargo build --quiet --package roadstead-tests --bin s3-fake)
}

fake_binary=${CARGO_TARGET_DIR:-$repository_root/target}/debug/s3-fake

launch_store() {
  local name=$1 folder=$2 address=$3
  shift 3
  case $name in
    fake)
      "$fake_binary" --listen "$address" --access-key "$STORE_ACCESS_KEY" \
        --secret-key "$STORE_SECRET_KEY" --bucket "$store_bucket" "$@" >>"$folder/store.log" 2>&1 &
      ;;
    versitygw)
      mkdir -p "$folder/objects"
      ROOT_ACCESS_KEY=$STORE_ACCESS_KEY ROOT_SECRET_KEY=$STORE_SECRET_KEY \
        versitygw --port "$address" posix "$folder/objects" >>"$folder/store.log" 2>&1 &
      ;;
    minio)
      mkdir -p "$folder/objects"
      MINIO_ROOT_USER=$STORE_ACCESS_KEY MINIO_ROOT_PASSWORD=$STORE_SECRET_KEY \
        minio server "$folder/objects" --address "$address" >>"$folder/store.log" 2>&1 &
      ;;
    moto)
      moto_server --host "${address%:*}" --port "${address#*:}" >>"$folder/store.log" 2>&1 &
      ;;
    *)
      echo "there is no store called $name" >&2
      return 1
      ;;
  esac
  store_pid=$!
  started_pids+=("$store_pid")
}

# Any answer of HTTP will do: a store answers 403 to whom it does not know. 60 s at most.
wait_for_store() {
  local address=$1 pid=$2 deadline=$((SECONDS + 60))
  while [[ $SECONDS -lt $deadline ]]; do
    if curl --silent --output /dev/null --max-time 2 "http://$address/"; then
      return
    fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.05
  done
  return 1
}

make_bucket() {
  local status
  status=$(curl --silent --output /dev/null --write-out '%{http_code}' --request PUT \
    --header "x-amz-content-sha256: UNSIGNED-PAYLOAD" --aws-sigv4 aws:amz:us-east-1:s3 --user "$STORE_ACCESS_KEY:$STORE_SECRET_KEY" \
    "$store_endpoint/$store_bucket")
  if [[ $status != 200 && $status != 409 ]]; then
    echo "the bucket could not be made: $status" >&2
    return 1
  fi
}

start_store() {
  local name=$1 folder=$2 address
  shift 2
  mkdir -p "$folder"
  if [[ $name == azurite ]]; then
    start_azurite "$folder" || return 1
    store_endpoint=$azurite_endpoint store_pid=$azurite_pid
    store_yaml="{azure: {account: $STORE_AZURE_ACCOUNT, container: $STORE_AZURE_CONTAINER,"
    # shellcheck disable=SC2016 # the server puts the variable in
    store_yaml+=" endpoint: \"$store_endpoint\", key: \"\${env:STORE_AZURE_KEY}\"}}"
    return
  fi
  for _ in {1..3}; do
    address=127.0.0.1:$(free_port)
    launch_store "$name" "$folder" "$address" "$@" || return 1
    if ! wait_for_store "$address" "$store_pid"; then
      stop_server "$store_pid" 2>/dev/null || true
      continue
    fi
    store_endpoint=http://$address
    if [[ $name != fake ]]; then
      make_bucket
    fi
    # shellcheck disable=SC2016 # the server puts the variables in
    store_yaml="{s3: {bucket: $store_bucket, endpoint: \"$store_endpoint\", path_style: true,"
    # shellcheck disable=SC2016
    store_yaml+=' access_key: "${env:STORE_ACCESS_KEY}", secret_key: "${env:STORE_SECRET_KEY}"}}'
    return
  done
  echo "$name did not come up; the end of its log:" >&2
  tail -n 20 "$folder/store.log" >&2
  return 1
}
