#!/usr/bin/env bash
# Deploys the service: from an empty resource group to a directory that answers.
# Every step looks first what is there, so it is safe to run again, also after it was interrupted.
# No secret is an argument of any command, nor printed: see `--show-token` for the one exception.
set -euo pipefail

program=deploy.sh
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
# shellcheck source=infra/common.sh
source "$here/common.sh"
# shellcheck source=infra/checks.sh
source "$here/checks.sh"
# shellcheck source=infra/testing.sh
source "$here/testing.sh"

usage() {
  cat <<'TEXT'
Usage: infra/deploy.sh --group GROUP --location REGION [options]

  --environment NAME   parameters of infra/parameters/NAME.json (test), or of a file named *.json
  --subscription ID    refuse to work on any other subscription
  --directory NAME     make this directory if it is not there, and test it
  --preset PRESET      what it is made of (default)
  --show-token         issue a token that lives a year and print it, once: for entering by hand
                       what infra/entra/connect.sh enters by itself
  --zip FILE           publish this package instead of building one of the last commit
  --what-if            show what would be changed; change nothing

PYTHON is the interpreter with requirements-cli.txt (.venv/bin/python; make setup).
TEXT
}

group='' location='' environment=test wanted='' directory='' preset=default
show_token='' zip='' what_if='' budget_start=''
while (($#)); do
  case $1 in
    --what-if) what_if=yes; shift ;;
    --show-token) show_token=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    --group | --location | --environment | --subscription | --directory | --preset | --zip)
      need_value "$@"
      case $1 in
        --group) group=$2 ;;
        --location) location=$2 ;;
        --environment) environment=$2 ;;
        --subscription) wanted=$2 ;;
        --directory) directory=$2 ;;
        --preset) preset=$2 ;;
        --zip) zip=$2 ;;
      esac
      shift 2
      ;;
    *) usage >&2; fail "there is no option $1" 2 ;;
  esac
done
[[ $group && $location ]] || { usage >&2; fail "--group and --location are needed" 2; }

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python=${PYTHON:-$root/.venv/bin/python}

# --- what is made ---

template() { # VERB OPTIONS…: run a deployment command on our template
  local verb=$1
  shift
  run az deployment group "$verb" --resource-group "$group" --name "$deployment" \
    --template-file "$here/main.bicep" --parameters "@$parameters" \
    --parameters "location=$location" "operatorPrincipalId=$operator" \
    "operatorPrincipalType=$operator_type" ${budget_start:+"budgetStart=$budget_start"} "$@"
}

output() { # NAME of an output of the template
  field "$work/outputs" "$1" value ||
    fail "the deployment has no output $1: is infra/main.bicep of this version?"
}

deploy_template() {
  note "deploying infra/main.bicep to $group; the first time takes about ten minutes"
  template create --query properties.outputs --output json >"$work/outputs"
  # One in a line: of several in one assignment, only the last one's failure would end this.
  app=$(output functionAppName)
  url=$(output baseUrl)
  tables=$(output tableUrl)
  vault=$(output vaultName)
  vault_url=$(output vaultUrl)
}

# Secrets of the app: name, what it is. The app reads each by the setting of the same name.
secrets=(
  "scim-pepper" "key of the digests of tokens"
  "scim-signing-keys" "key that signs access tokens"
)

secret_is_there() { # NAME: 0 there, 1 not, 2 can't be told
  az keyvault secret show --vault-name "$vault" --name "$1" --query id --output none \
    2>"$work/secret-errors" && return
  grep -Eq 'SecretNotFound|was not found in this key vault' "$work/secret-errors" && return 1
  cat "$work/secret-errors" >&2
  return 2
}

find_secret() { # NAME: sets there; fails, to be tried again, while the role is not in force yet
  there=0
  secret_is_there "$1" || there=$?
  ((there < 2))
}

keep_secrets() {
  local n name
  for ((n = 0; n < ${#secrets[@]}; n += 2)); do
    name=${secrets[n]}
    patiently 40 "the role on $vault to be in force" find_secret "$name" ||
      fail "the vault $vault can't be read"
    if ((there == 0)); then
      note "$name is in $vault already"
      continue
    fi
    "$python" -c 'import secrets; print(secrets.token_hex(32), end="")' >"$work/secret"
    run az keyvault secret set --vault-name "$vault" --name "$name" --file "$work/secret" \
      --encoding utf-8 --content-type "${secrets[n + 1]}" --output none
    rm -f "$work/secret"
    note "made $name in $vault; docs/runbooks.md says how it is changed"
  done
}

site() { printf '/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Web/sites/%s' "$subscription" "$group" "$app"; }

# The app remembers for a day what a secret was, or that there was none, restarts included. Only this
# asks anew: so it is a part of every deployment, and what was changed in the vault counts after it.
read_secrets_anew() {
  az rest --method post --output none \
    --url "$(site)/config/configreferences/appsettings/refresh?api-version=2022-03-01"
}

secrets_are_read() {
  local each status settings=(SCIM_PEPPER SCIM_SIGNING_KEYS)
  [[ $(parameter secondPepper) != true ]] || settings+=(SCIM_PEPPER_PREVIOUS)
  for each in "${settings[@]}"; do
    status=$(az rest --method get --query properties.status --output tsv \
      --url "$(site)/config/configreferences/appsettings/$each?api-version=2024-11-01") || return
    [[ $status == Resolved ]] && continue
    echo "the app's reference of $each is $status" >&2
    read_secrets_anew
    return 1
  done
}

# The master key of the Functions host opens nothing any more. Bicep's types do not know this switch,
# and a template writes the whole site: so it is set after each.
close_admin() {
  local closed
  printf '{"properties": {"functionsRuntimeAdminIsolationEnabled": true}}' >"$work/admin.json"
  closed=$(run az rest --method patch --url "$(site)?api-version=2024-11-01" --body "@$work/admin.json" \
    --query properties.functionsRuntimeAdminIsolationEnabled --output tsv)
  [[ $closed == [Tt]rue ]] || note "Azure does not say that /admin is closed: docs/infrastructure.md"
}

build() {
  local version
  [[ -z $zip ]] || return 0
  version=$(parameter pythonVersion)
  zip=$work/scim.zip
  note "building the package of the last commit"
  "$here/package.sh" --python "python${version:-3.12}" --output "$zip" >/dev/null ||
    fail "the package could not be built; it says why above"
}

# Not by `az functionapp deployment source config-zip`: for Python it builds in Azure whatever
# --build-remote says (az 2.91), with what PyPI has that day, and then asks /admin, which is closed.
publish() {
  note "publishing $zip"
  scm=$(run az rest --method get --url "$(site)?api-version=2024-11-01" --output tsv \
    --query "properties.hostNameSslStates[?hostType=='Repository'].name | [0]")
  [[ $scm ]] || fail "Azure names no deployment endpoint of $app; wait a minute, then run this again"
  run az account get-access-token --query accessToken --output tsv >"$work/bearer"
  before=$(latest 2>/dev/null) || before=''
  stale=0
  patiently 20 "the deployment endpoint" upload || fail "$zip is not published"
  patiently 40 "Azure to take the package" taken || fail "$zip was sent, and Azure did not take it"
}

ask_scm() { # PATH OPTIONS…: print the status; the body goes to a file, the token comes from one
  local path=$1
  shift
  { printf 'header = "Authorization: Bearer '; tr -d '\r\n' <"$work/bearer"; printf '"\n'; } |
    curl --silent --show-error --output "$work/body" --write-out '%{http_code}' --config - "$@" \
      "https://$scm$path"
}

upload() { # sets sent, the answer
  sent=$(ask_scm "/api/publish?RemoteBuild=false&Deployer=deploy.sh" --max-time 600 --request POST \
    --header "Content-Type: application/zip" --data-binary "@$zip") || return 1
  case $sent in
    200 | 202) return 0 ;;
    403) echo "403 of $scm: this machine's address is shut out (operatorCidrs), or you lack the role Website Contributor" >&2 ;;
    409) echo "409 of $scm: another deployment of a package is running" >&2 ;;
    *) echo "$scm answers $sent: $(head -c 500 "$work/body")" >&2 ;;
  esac
  return 1
}

latest() { # print the id of the newest deployment of a package, if it has one
  [[ $(ask_scm /api/deployments/latest --max-time 60) == 200 ]] && field "$work/body" id 2>/dev/null
}

taken() { # Kudu's states: 3 failed, 4 done, others end it or are on the way. 404 after 202: done
  local state
  [[ $sent == 202 ]] || return 0
  state=$(ask_scm /api/deployments/latest --max-time 60) || return 1
  [[ $state != 404 ]] || return 0
  # For a moment the newest is still the one before, which the test would then be of.
  if [[ $before && $(field "$work/body" id 2>/dev/null) == "$before" ]] && ((stale++ < 8)); then
    echo "the newest deployment is still $before" >&2
    return 1
  fi
  state=$(field "$work/body" status 2>/dev/null) || state='not known'
  [[ $state != 4 ]] || return 0
  echo "the deployment's state is $state: $(head -c 500 "$work/body")" >&2
  [[ ! $state =~ ^(-1|3|5|6)$ ]] || return 2
  return 1
}

tell() {
  say "Service:     $url"
  if [[ -z $directory ]]; then
    say "Make a directory: infra/deploy.sh … --directory NAME --preset PRESET"
    return
  fi
  say "Tenant URL:  $url/$directory/scim"
  if [[ $show_token ]]; then
    say "Secret Token: $(field "$work/token" secretToken)"
    say "It is shown this once. Enter both in Entra: docs/deploying.md"
  else
    say "Connect Entra, with a token that nobody sees:"
    say "  infra/entra/connect.sh $directory --group $group --mail ADDRESS --assign GROUP"
  fi
}

check_machine
[[ -z $directory ]] || check_directory
[[ $what_if ]] || check_parameters
[[ $what_if ]] || check_package
need_login "$wanted"
check_region
check_providers
check_operator
check_role
keep_signed_in
check_group
check_interrupted
find_budget
check_names
if [[ $what_if ]]; then
  template what-if --no-prompt true --validation-level Provider
  exit 0
fi
build
deploy_template
keep_secrets
run read_secrets_anew
patiently 20 "the app to read its secrets" secrets_are_read ||
  fail "the app can't read its secrets of $vault"
close_admin
publish
test_service
tell
