# shellcheck shell=bash
# Owns what a table of figures must say about where it comes from. To be sourced after server.sh.

# Prints machine and versions as lines of Markdown.
describe_machine() {
  local processor
  : "${roadstead_binary:?server.sh is sourced first}" "${repository_root:?server.sh is sourced first}"
  processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
  echo "Measured on $(date --utc +%F): $(nproc) × ${processor:-unknown processor}," \
    "$(awk '/^MemTotal:/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo) of memory, Linux $(uname -r)," \
    "data on $(stat --file-system --format %T "$1")."
  echo "Roadstead: $("$roadstead_binary" --version), revision" \
    "$(git -C "$repository_root" describe --always --dirty 2>/dev/null || echo unknown)."
}
