# How infra/deploy.sh tests what it deployed; to be sourced by it.
# shellcheck shell=bash disable=SC2154

answer() { # PATH [TOKEN]: print the status; the body goes to a file. The token goes by stdin.
  {
    printf 'url = "%s%s"\n' "$url" "$1"
    if [[ ${2:-} ]]; then
      printf 'header = "Authorization: Bearer %s"\n' "$2"
    fi
  } | curl --silent --show-error --max-time 30 --output "$work/body" --write-out '%{http_code}' --config -
}

field() { # FILE KEY…: a value of a JSON document
  "$python" -c 'import functools, json, sys
print(functools.reduce(lambda d, key: d[key], sys.argv[2:], json.load(open(sys.argv[1]))))' "$@"
}

let_in() { # access restrictions take a minute or two until they are in force
  local status
  status=$(answer /readyz) || return 1
  [[ $status != 403 ]] || { echo "$url/readyz answers 403" >&2; return 1; }
}

ready() {
  local status
  status=$(answer /readyz) || return 1
  [[ $status == 200 ]] && return
  echo "$url/readyz answers $status" >&2
  return 1
}

scim() { (cd "$root" && "$python" -m scim "$@" --account "$tables"); }

names() { scim directory list --json >"$work/directories"; }

is_made() {
  "$python" -c 'import json, sys
sys.exit(sys.argv[2] not in [each["name"] for each in json.load(open(sys.argv[1]))])' \
    "$work/directories" "$directory"
}

issue() { # the token for the test, or to be shown; JSON into a file. A wrong argument is status 2
  local days=1 label="smoke test"
  made=''
  if [[ $show_token ]]; then
    days=365 label=deploy.sh
  fi
  names || return
  if is_made; then
    scim token issue "$directory" --vault "$vault_url" --days "$days" --label "$label" --json >"$work/token" || return
    id=$(field "$work/token" id)
  else
    scim directory add "$directory" --preset "$preset" --base-url "$url" --vault "$vault_url" \
      --days "$days" --label "$label" --json >"$work/token" || return
    id=$(field "$work/token" token id)
    made=yes # said later: who tries again keeps to itself what was said
  fi
}

smoke() {
  local token status nobody
  nobody="/$directory/scim/Users?filter=userName%20eq%20%22nobody-$RANDOM$RANDOM%40example.invalid%22"
  token=$(field "$work/token" secretToken)
  status=$(answer "$nobody") || fail "$url does not answer"
  [[ $status == 401 ]] || fail "without a token the service answers $status, not 401: see the log of $app"
  status=$(answer "$nobody" "$token") || fail "$url does not answer"
  [[ $status == 200 ]] || fail "with a token the service answers $status, not 200: see the log of $app"
  [[ $(field "$work/body" totalResults) == 0 ]] || fail "a search for nobody finds somebody"
  note "tested: 401 without a token, 200 and an empty list with one"
}

revoke() {
  scim token revoke "$id" --yes >/dev/null ||
    fail "the token of the test is not revoked: $python -m scim token revoke $id --yes --account $tables"
}

test_service() {
  patiently 12 "the access restrictions to be in force" let_in ||
    fail "$url shuts this machine's address out: list it as operatorCidrs in $parameters, then run this again"
  patiently 40 "the app to be ready" ready || fail "$url is not ready: see the log of $app"
  [[ $directory ]] || return 0
  patiently 40 "the role on the tables to be in force" names || fail "the directories can't be read"
  # A read was answered; this writes, by a transaction.
  if ! patiently 8 "the right to write to the tables" issue; then
    grep -Eq 'Storage Table Data Contributor|AuthorizationPermissionMismatch' "$work/errors" && note \
      "reading is allowed and writing is not: Azure takes no role on a single table for a transaction. Put \"tableRoleScope\": {\"value\": \"account\"} into $parameters, then run this again"
    fail "no token was made for $directory; it says why above. Running this again is safe"
  fi
  [[ -z $made ]] || note "made the directory $directory of the preset $preset"
  # In a shell of its own: whatever fails in it, nobody keeps the token.
  (smoke) || { revoke; exit 1; }
  [[ $show_token ]] || revoke
}
