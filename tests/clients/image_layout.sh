# shellcheck shell=bash
# Owns images made from nothing, by hand: OCI image layouts written with tar, gzip and sha256sum,
# so that what a client pushes is known to the byte before any client has touched it. To be sourced
# after workspace.sh.
#
#   make_tree FOLDER NAME [BYTES]                       a small file tree, with random content
#   make_layout FOLDER TAG LAYERS BYTES                 one image for linux/amd64
#   make_index_layout FOLDER TAG PLATFORM…              an index with one image a platform
#   layout_digest FOLDER TAG                            the digest TAG stands for

# Prints `"digest": …, "size": …` of a file after moving it to its place among the blobs.
store_blob() {
  local layout=$1 file=$2 digest size
  digest=$(digest_of_file "$file")
  size=$(stat -c %s "$file")
  mv "$file" "$layout/blobs/sha256/${digest#sha256:}"
  echo "\"digest\":\"$digest\",\"size\":$size"
}

make_tree() {
  local folder=$1 name=$2 bytes=${3:-4096}
  mkdir -p "$folder/$name/nested"
  head -c "$bytes" /dev/urandom >"$folder/$name/random"
  echo "hello from $name" >"$folder/$name/nested/greeting"
}

start_layout() {
  local layout=$1
  mkdir -p "$layout/blobs/sha256"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
}

# Adds one image to the layout and prints its descriptor.
add_image() {
  local layout=$1 platform=$2 layers=$3 bytes=$4
  local operating_system=${platform%%/*} architecture=${platform#*/}
  local scratch=$layout/scratch layer_descriptors=() difference_ids=() number blob
  mkdir -p "$scratch"
  for ((number = 0; number < layers; number++)); do
    make_tree "$scratch/tree" "layer-$number" "$bytes"
    tar --create --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner \
      --file "$scratch/layer.tar" --directory "$scratch/tree" "layer-$number"
    difference_ids+=("\"$(digest_of_file "$scratch/layer.tar")\"")
    gzip --no-name --fast "$scratch/layer.tar"
    blob=$(store_blob "$layout" "$scratch/layer.tar.gz")
    layer_descriptors+=("{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",$blob}")
    rm -rf "$scratch/tree"
  done

  local IFS=,
  cat >"$scratch/config" <<JSON
{"created":"2026-01-01T00:00:00Z","architecture":"$architecture","os":"$operating_system",
"config":{"Cmd":["/nothing"]},"rootfs":{"type":"layers","diff_ids":[${difference_ids[*]}]}}
JSON
  blob=$(store_blob "$layout" "$scratch/config")
  cat >"$scratch/manifest" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
"config":{"mediaType":"application/vnd.oci.image.config.v1+json",$blob},
"layers":[${layer_descriptors[*]}]}
JSON
  blob=$(store_blob "$layout" "$scratch/manifest")
  rmdir "$scratch"
  echo "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",$blob,$(
  )\"platform\":{\"architecture\":\"$architecture\",\"os\":\"$operating_system\"}}"
}

# Names one descriptor TAG in the layout's index.
name_descriptor() {
  local layout=$1 tag=$2 descriptor=$3
  jq --compact-output --arg tag "$tag" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
      manifests: [. + {annotations: {"org.opencontainers.image.ref.name": $tag}}]}' \
    <<<"$descriptor" >"$layout/index.json"
}

make_layout() {
  local layout=$1 tag=$2 layers=$3 bytes=$4
  start_layout "$layout"
  name_descriptor "$layout" "$tag" "$(add_image "$layout" linux/amd64 "$layers" "$bytes")"
}

make_index_layout() {
  local layout=$1 tag=$2 platform blob descriptors=()
  shift 2
  start_layout "$layout"
  for platform in "$@"; do
    descriptors+=("$(add_image "$layout" "$platform" 2 65536)")
  done
  local IFS=,
  cat >"$layout/index" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",
"manifests":[${descriptors[*]}]}
JSON
  blob=$(store_blob "$layout" "$layout/index")
  name_descriptor "$layout" "$tag" \
    "{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",$blob}"
}

layout_digest() {
  jq -r --arg tag "$2" \
    '.manifests[] | select(.annotations["org.opencontainers.image.ref.name"] == $tag) | .digest' \
    "$1/index.json"
}
