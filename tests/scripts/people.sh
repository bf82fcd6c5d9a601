# shellcheck shell=bash
# Owns the rules and the people of a registry under test that lets not everybody in. To be sourced
# after server.sh.
#
#   access_yaml=$guarded_access_yaml            before a server is configured by server.sh
#   add_people CONFIGURATION                    the users that the rules name, and what scripts need to
#                                               be them: exports SERVER_CONFIGURATION and SERVER_PROGRAM
#   make_expired_token CONFIGURATION ADDRESS    exports EXPIRED_TOKEN; a server is started with
#                                               CONFIGURATION, on ADDRESS, whose clock goes after
#
# EXPIRED_TOKEN is no forgery: a server of the same store made it, ten minutes ago by its clock.

# A token lives for five minutes, and one more is granted to clocks that differ.
readonly expired_by=-10m

# shellcheck disable=SC2034 # for server.sh
guarded_access_yaml='access:
  rules:
    - {subjects: [anonymous], repositories: ["public/**"], actions: [pull]}
    - {subjects: ["group:team-a"], repositories: ["team-a/**", "public/**"], actions: [pull, push]}
    - {subjects: ["user:auditor"], repositories: ["**"], actions: [pull]}
    - {subjects: ["user:conformance"], repositories: ["conformance/**"], actions: ["*", catalog]}
'
export AUDITOR_PASSWORD=auditor-password CONFORMANCE_PASSWORD='conformance: pässword'

administer() {
  "${roadstead_binary:?server.sh comes first}" "$@" --config "$SERVER_CONFIGURATION"
}

add_people() {
  export SERVER_CONFIGURATION=$1 SERVER_PROGRAM=$roadstead_binary
  administer user add auditor --password-stdin <<<"$AUDITOR_PASSWORD"
  administer user add conformance --password-stdin <<<"$CONFORMANCE_PASSWORD"
}

make_expired_token() {
  local configuration=$1 address=$2 pid answer
  # The wrapper itself would stand between the server and its signals.
  LD_PRELOAD=$(faketime -f "$expired_by" printenv LD_PRELOAD) FAKETIME=$expired_by \
    "$roadstead_binary" serve --config "$configuration" \
    >>"$(dirname "$configuration")/past.log" 2>&1 &
  pid=$!
  started_pids+=("$pid")
  wait_until_ready "$address" "$pid" || {
    tail -n 10 "$(dirname "$configuration")/past.log" >&2
    return 1
  }
  answer=$(curl --silent --show-error --fail --user "auditor:$AUDITOR_PASSWORD" \
    "http://$address/token?service=any&scope=repository:team-a/expired/image:pull,push")
  EXPIRED_TOKEN=$(jq -r .token <<<"$answer")
  export EXPIRED_TOKEN
  stop_server "$pid"
  unset 'started_pids[-1]'
}
