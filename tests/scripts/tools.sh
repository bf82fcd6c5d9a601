#!/usr/bin/env bash
# Owns the external tools the scripts run: which version, where from, where to.
#
#   tests/scripts/tools.sh NAME…     install what is missing, say what cannot be had
#
# Tools of Cargo, Go, pip and npm go into target/tools/bin, the rest comes from Debian. A tool that is already
# there in the wanted version costs nothing. Exit code: 0 all there; 1 something is missing and
# this is CI; 77 something is missing and this is somebody's machine, so the caller may skip.
set -euo pipefail

repository_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
tools_directory=$repository_root/target/tools
readonly repository_root tools_directory

# Where a tool that is not of Debian comes from: how, what, which version.
source_of() {
  case $1 in
    cargo-deny) echo "cargo cargo-deny 0.20.2" ;;
    inferno-flamegraph) echo "cargo inferno 0.12.8" ;;
    cargo-fuzz) echo "cargo cargo-fuzz 0.13.2" ;;
    conformance) echo "go github.com/opencontainers/distribution-spec/conformance v0.0.0-20260831232431-97274622c111" ;;
    crane) echo "go github.com/google/go-containerregistry/cmd/crane v0.22.1" ;;
    regctl) echo "go github.com/regclient/regclient/cmd/regctl v0.11.7" ;;
    oras) echo "go oras.land/oras/cmd/oras v1.3.6" ;;
    helm) echo "go helm.sh/helm/v3/cmd/helm v3.22.0" ;;
    crictl) echo "go sigs.k8s.io/cri-tools/cmd/crictl v1.37.0" ;;
    cosign) echo "go github.com/sigstore/cosign/v2/cmd/cosign v2.6.5" ;;
    registry) echo "go github.com/distribution/distribution/v3/cmd/registry v3.0.0" ;;
    versitygw) echo "go github.com/versity/versitygw/cmd/versitygw v1.8.0" ;;
    minio) echo "go github.com/minio/minio v0.0.0-20260212201848-7aac2a2c5b7c" ;;
    moto_server) echo "python moto[server] 5.2.5" ;;
    azurite-blob) echo "npm azurite 3.37.0" ;;
    *) return 1 ;;
  esac
}

# The program and the Debian package of everything else.
package_of() {
  case $1 in
    docker | dockerd) echo "docker.io" ;;
    ctr | containerd) echo "containerd" ;;
    systemd-analyze) echo "systemd" ;;
    perf) echo "linux-perf" ;;
    *) echo "$1" ;;
  esac
}

missing_tools=()

report_missing() {
  echo "MISSING TOOL: $1: $2" >&2
  missing_tools+=("$1")
}

# A stamp holds the version that was installed, so that a changed pin installs again.
is_installed() {
  local name=$1 version=$2
  [[ -x $tools_directory/bin/$name && -f $tools_directory/stamps/$name ]] &&
    [[ $(<"$tools_directory/stamps/$name") == "$version" ]]
}

install_from_cargo() {
  local name=$1 crate=$2 version=$3
  if ! command -v cargo >/dev/null; then
    report_missing "$name" "needs cargo, see https://rustup.rs"
    return
  fi
  echo "installing $crate $version into target/tools (cargo)"
  if (cd "$repository_root" && nice cargo install --quiet --locked --force \
    --root "$tools_directory" --version "$version" "$crate"); then
    echo "$version" >"$tools_directory/stamps/$name"
  else
    report_missing "$name" "'cargo install --locked $crate@$version' failed, see above"
  fi
}

install_from_go() {
  local name=$1 package=$2 version=$3
  if ! command -v go >/dev/null; then
    report_missing "$name" "needs Go, see https://go.dev/dl"
    return
  fi
  echo "installing $package@$version into target/tools (go)"
  # CGO off: nothing here needs a C library, and the linker would only be slower.
  if CGO_ENABLED=0 GOBIN=$tools_directory/bin nice go install -trimpath -ldflags "-s -w" \
    "$package@$version"; then
    echo "$version" >"$tools_directory/stamps/$name"
  else
    report_missing "$name" "'go install $package@$version' failed, see above"
  fi
}

# In an environment of its own, of which the program alone is linked into bin.
install_from_python() {
  local name=$1 package=$2 version=$3 environment=$tools_directory/python/$1
  if ! command -v python3 >/dev/null; then
    report_missing "$name" "needs Python 3"
    return
  fi
  echo "installing $package $version into target/tools (pip)"
  if python3 -m venv "$environment" &&
    "$environment/bin/pip" --quiet --disable-pip-version-check install "$package==$version"; then
    ln -sf "$environment/bin/$name" "$tools_directory/bin/$name"
    echo "$version" >"$tools_directory/stamps/$name"
  else
    report_missing "$name" "'pip install $package==$version' failed, see above"
  fi
}

install_from_npm() {
  local name=$1 package=$2 version=$3 folder=$tools_directory/node/$1
  if ! command -v npm >/dev/null; then
    report_missing "$name" "needs Node.js with npm"
    return
  fi
  echo "installing $package $version into target/tools (npm)"
  if npm install --silent --no-audit --no-fund --prefix "$folder" "$package@$version"; then
    ln -sf "$folder/node_modules/.bin/$name" "$tools_directory/bin/$name"
    echo "$version" >"$tools_directory/stamps/$name"
  else
    report_missing "$name" "'npm install $package@$version' failed, see above"
  fi
}

# Debian's daemons start themselves on installation where an init system runs; tests start their
# own, so the policy file says no for the length of the installation.
install_from_debian() {
  local name=$1 package
  package=$(package_of "$name")
  if ! command -v apt-get >/dev/null; then
    report_missing "$name" "install the package '$package' of your distribution"
    return
  fi
  local as_root=()
  if [[ $EUID -ne 0 ]]; then
    if ! sudo -n true 2>/dev/null; then
      report_missing "$name" "run 'sudo apt-get install --no-install-recommends $package'"
      return
    fi
    as_root=(sudo -n)
  fi
  echo "installing $package (apt)"
  local log=$tools_directory/apt.log
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y --no-install-recommends "$package" >"$log" 2>&1; then
    "${as_root[@]}" apt-get update >"$log" 2>&1 || true
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
      apt-get install -y --no-install-recommends "$package" >"$log" 2>&1 || true
  fi
  if ! command -v "$name" >/dev/null; then
    tail -n 5 "$log" >&2
    report_missing "$name" "run 'apt-get install --no-install-recommends $package'"
  fi
}

# The fuzzer's sanitizer needs a nightly compiler; everything else is built by the pinned one.
install_nightly() {
  if cargo +nightly --version >/dev/null 2>&1; then
    return
  fi
  echo "installing the nightly toolchain (rustup)"
  if ! rustup toolchain install nightly --profile minimal >/dev/null 2>&1; then
    report_missing nightly "run 'rustup toolchain install nightly'"
  fi
}

install_tool() {
  local name=$1 origin
  if [[ $name == nightly ]]; then
    install_nightly
    return
  fi
  if ! origin=$(source_of "$name"); then
    command -v "$name" >/dev/null || install_from_debian "$name"
    return
  fi
  local kind place version
  read -r kind place version <<<"$origin"
  if is_installed "$name" "$version"; then
    return
  fi
  "install_from_$kind" "$name" "$place" "$version"
}

mkdir -p "$tools_directory/bin" "$tools_directory/stamps"
export PATH=$PATH:/usr/sbin:/sbin
# Two runs at once would both build everything.
exec 9>"$tools_directory/lock"
flock 9

for name in "$@"; do
  install_tool "$name"
done

if [[ ${#missing_tools[@]} -gt 0 ]]; then
  echo "missing: ${missing_tools[*]}" >&2
  if [[ ${CI:-} == true ]]; then
    exit 1
  fi
  exit 77
fi
