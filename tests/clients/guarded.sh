# shellcheck shell=bash
# Owns what every client must be able to do, and must be refused, at a registry with rules: log in
# as a person, as a robot whose secret was rotated and with an access token, push, pull, pull from the
# public corner as nobody; and no more than that. To be sourced after workspace.sh.
#
# The client's script defines, each for REPOSITORY and $tag and failing when the client fails:
#
#   login USER PASSWORD      keeps the credentials for what follows
#   logout                   forgets them
#   push REPOSITORY          pushes an image of one layer; the repository is always called image
#   pull REPOSITORY          pulls it into a place that has none of it, and compares
#   use_token TOKEN          sends this Bearer token in what follows (only with sends_raw_tokens=yes)
#
# and says checks_at_login=yes when its login asks the registry; then it calls guarded_round_trip.
# Needs SERVER_PROGRAM and SERVER_CONFIGURATION, for commands on the registry, and EXPIRED_TOKEN,
# a token that could pull team-a/expired/image; see tests/scripts/people.sh.

: "${SERVER_PROGRAM:?}" "${SERVER_CONFIGURATION:?}" "${EXPIRED_TOKEN:?}" "${AUDITOR_PASSWORD:?}"
# A colon, as only the first one of Basic parts the name off, and letters of two bytes.
readonly password='correct: hörse'
# How long the secrets live that end during the test: time for two logins and two pushes.
readonly short_life=12
# Of a form that is a chart's version, too.
tag=1.0.$$
checks_at_login=no
sends_raw_tokens=no
login_name=${client_name:?workspace.sh comes first}-$$
login_name=${login_name#login_}
private=team-a/$client_name-$$/image
public=public/$client_name-$$/image
foreign=team-b/$client_name-$$/image

# The curl of workspace.sh looks as somebody who may read everything.
export CURL_HOME=${workspace:?}
echo "user = \"auditor:$AUDITOR_PASSWORD\"" >"$workspace/.curlrc"

administer() {
  "$SERVER_PROGRAM" "$@" --config "$SERVER_CONFIGURATION"
}

allowed() {
  local what=$1
  shift
  if ! "$@" >"$workspace/guarded.log" 2>&1; then
    tail -n 15 "$workspace/guarded.log" >&2
    fail "$what failed"
  fi
}

# A refusal counts when the client tells that it was one, and not that nobody answered.
refused() {
  local what=$1
  shift
  if "$@" >"$workspace/guarded.log" 2>&1; then
    fail "$what succeeded"
  fi
  if ! grep -qiE '40[13]|denied|unauthori[sz]ed|forbidden|authentication|authorization failed|credential|invalid username' \
    "$workspace/guarded.log"; then
    tail -n 15 "$workspace/guarded.log" >&2
    fail "$what failed for another reason than a refusal"
  fi
}

refused_login() {
  local what=$1 user=$2 secret=$3
  logout
  if [[ $checks_at_login == yes ]]; then
    refused "a login $what" login "$user" "$secret"
  else
    login "$user" "$secret" >/dev/null 2>&1 || true
    refused "a pull $what" pull "$private"
  fi
  logout
}

# What the registry answers to these credentials, whatever client is under test.
status_of_login() {
  curl --disable --silent --output /dev/null --write-out '%{http_code}' --user "$1:$2" \
    "http://$REGISTRY/v2/"
}

# Waits for the end of a secret, which comes with time and not by an event.
wait_for_end_of() {
  local user=$1 secret=$2 deadline=$((SECONDS + short_life + 15))
  while [[ $(status_of_login "$user" "$secret") != 401 ]]; do
    [[ $SECONDS -lt $deadline ]] || fail "a secret of $user outlives its end"
    sleep 0.2
  done
}

token_of() {
  local user=$1 secret=$2 scope=$3
  curl --disable --silent --show-error --fail --user "$user:$secret" --get \
    --data-urlencode "scope=$scope" "http://$REGISTRY/token" | jq -r .token
}

as_a_person() {
  step "login, and one that is refused"
  administer user add "$login_name" --group team-a --password-stdin <<<"$password"
  refused_login "with a wrong password" "$login_name" wrong
  allowed "login" login "$login_name" "$password"

  step "push and pull, and a push that is refused"
  allowed "push" push "$private"
  verify_remote_image "$private" "$tag"
  allowed "pull" pull "$private"
  allowed "push to the public corner" push "$public"
  refused "a push to another team" push "$foreign"
  expect_status "what a refused push left" 404 "/v2/$foreign/manifests/$tag"
  refused "a pull from another team" pull "$foreign"
  logout
}

as_nobody() {
  step "pull as nobody: the public corner and no other"
  allowed "anonymous pull" pull "$public"
  refused "an anonymous pull of what is private" pull "$private"
  refused "an anonymous push" push "public/$client_name-$$/other/image"
}

with_raw_tokens() {
  step "a token that is sent as it is, good and expired"
  login "$login_name" "$password" >/dev/null 2>&1
  allowed "push of what the expired token was for" push team-a/expired/image
  logout
  use_token "$(token_of "$login_name" "$password" repository:team-a/expired/image:pull)"
  allowed "pull with a token" pull team-a/expired/image
  use_token "$EXPIRED_TOKEN"
  refused "a pull with an expired token" pull team-a/expired/image
  logout
}

guarded_round_trip() {
  local first second access_token robot=robot+$login_name
  as_a_person

  step "a robot with two secrets, and an access token"
  first=$(administer robot create "$login_name" --repositories 'team-a/**' --actions pull,push)
  second=$(administer robot rotate "$login_name" --keep-old "${short_life}s")
  access_token=$(administer token create --user "$login_name" --repositories 'team-a/**' \
    --actions pull --expires "${short_life}s")
  allowed "login with the secret that was" login "$robot" "$first"
  allowed "push with the secret that was" push "$private"
  logout
  allowed "login with an access token" login "$login_name" "$access_token"
  allowed "pull with an access token" pull "$private"
  # To another repository: a client sends nothing where it finds all of the image.
  refused "a push with an access token that only pulls" push "team-a/$client_name-$$/more/image"
  logout
  allowed "login with the new secret" login "$robot" "$second"
  allowed "push with the new secret" push "$private"
  allowed "pull with the new secret" pull "$private"
  refused "a push where the robot has no grant" push "public/$client_name-$$/robot/image"
  logout

  as_nobody
  if [[ $sends_raw_tokens == yes ]]; then
    with_raw_tokens
  fi

  step "the secret that was and the access token have ended"
  wait_for_end_of "$robot" "$first"
  wait_for_end_of "$login_name" "$access_token"
  refused_login "with the secret that was" "$robot" "$first"
  refused_login "with an expired access token" "$login_name" "$access_token"
  allowed "login with the new secret" login "$robot" "$second"
  allowed "pull with the new secret" pull "$private"
  logout
}
