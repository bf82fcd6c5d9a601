#!/usr/bin/env bash
# Owns what is in the image: lays out its root from a binary that is built already. Containerfile
# runs it, and so can you, where it finds /etc/ssl/certs/ca-certificates.crt.
#
#   deploy/container/image_root.sh BINARY FOLDER
#
# FOLDER gets `root`, what belongs to root in the image, and `data`, what belongs to its user.
set -euo pipefail

binary=$1
root=$2/root
readonly certificates=/etc/ssl/certs/ca-certificates.crt

if [[ ! -r $certificates ]]; then
  echo "there are no CA certificates at $certificates; install the package ca-certificates" >&2
  exit 1
fi

install -D --mode 755 "$binary" "$root/usr/local/bin/roadstead"

# The C library and the loader, where the binary looks for them; the image has no other program.
libraries=$(ldd "$binary" | sed -nE 's|^[^/]*(/[^ ]+) \(0x[0-9a-f]+\)$|\1|p')
if [[ -z $libraries ]]; then
  echo "ldd names no libraries of $binary" >&2
  exit 1
fi
while read -r library; do
  install -D --mode 755 "$library" "$root$library"
done <<<"$libraries"

# For S3 and Azure by HTTPS.
install -D --mode 644 "$certificates" "$root$certificates"

mkdir -p "$root/etc"
echo 'roadstead:x:65532:65532:Roadstead:/data:/nonexistent' >"$root/etc/passwd"
echo 'roadstead:x:65532:' >"$root/etc/group"

install --directory --mode 700 "$2/data"
