# shellcheck shell=bash
# Owns the private image store that podman and buildah use in a test: configuration, storage and
# credentials below the test's folder, nothing of the machine's own. To be sourced after workspace.sh.

containers=${workspace:?workspace.sh comes first}/containers
mkdir -p "$containers/tmp"
echo '{}' >"$containers/auth.json"
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$containers/policy.json"
cat >"$containers/registries.conf" <<TOML
[[registry]]
location = "$REGISTRY"
insecure = true
TOML
export CONTAINERS_REGISTRIES_CONF=$containers/registries.conf
export REGISTRY_AUTH_FILE=$containers/auth.json
export BUILDAH_ISOLATION=chroot
export TMPDIR=$containers/tmp

# Makes NAME the store of the commands that follow. A pull into an empty store is a pull of
# everything, which a pull into the store that was pushed from is not. podman writes the store's
# place into its state folder and believes that more than the configuration, hence one a store.
use_store() {
  local name=$1
  mkdir -p "$containers/$name"
  cat >"$containers/$name.conf" <<TOML
[storage]
driver = "overlay"
graphroot = "$containers/$name/root"
runroot = "$containers/$name/run"
[storage.options]
# Lets a pull of a zstd:chunked layer ask for the missing parts only, by one multi-range request.
pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}
TOML
  cat >"$containers/$name-engine.conf" <<TOML
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
static_dir = "$containers/$name/static"
volume_path = "$containers/$name/volumes"
tmp_dir = "$containers/$name/engine"
TOML
  export CONTAINERS_STORAGE_CONF=$containers/$name.conf
  export CONTAINERS_CONF=$containers/$name-engine.conf
}

# Writes a build context whose image has one layer for each of LAYERS trees.
make_build_context() {
  local folder=$1 layers=$2 bytes=$3 number
  mkdir -p "$folder"
  echo "FROM scratch" >"$folder/Containerfile"
  for ((number = 0; number < layers; number++)); do
    make_tree "$folder/trees" "tree-$number" "$bytes"
    echo "COPY trees/tree-$number /tree-$number" >>"$folder/Containerfile"
  done
}
