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

usage() {
  cat <<'TEXT'
Usage: infra/deploy.sh --group GROUP --location REGION [options]

  --environment NAME   parameters of infra/parameters/NAME.json (test)
  --subscription ID    refuse to work on any other subscription
  --operator OBJECT-ID your object id, where you may not look it up (a workflow's identity)
  --directory NAME     make this directory if it is not there, and test it
  --preset PRESET      what it is made of (default)
  --show-token         issue a token that lives a year and print it, once: for entering by hand
                       what infra/entra/connect.sh enters by itself
  --zip FILE           publish this package instead of building one of the last commit
  --what-if            show what would be changed; change nothing

PYTHON is the interpreter with requirements-cli.txt (.venv/bin/python; make setup).
TEXT
}

group='' location='' environment=test wanted='' operator='' directory='' preset=default
show_token='' zip='' what_if=''
while (($#)); do
  case $1 in
    --what-if) what_if=yes; shift ;;
    --show-token) show_token=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    --group | --location | --environment | --subscription | --operator | --directory | --preset | --zip)
      need_value "$@"
      case $1 in
        --group) group=$2 ;;
        --location) location=$2 ;;
        --environment) environment=$2 ;;
        --subscription) wanted=$2 ;;
        --operator) operator=$2 ;;
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

# --- what has to be there ---

check_machine() {
  need_az
  command -v curl >/dev/null || fail "curl is missing; install it"
  command -v "$python" >/dev/null || fail "$python is missing: make setup"
  "$python" -c 'import typer, azure.keyvault.secrets' 2>/dev/null ||
    fail "$python lacks the commands' packages: make setup"
  parameters=$here/parameters/$environment.json
  [[ -f $parameters ]] ||
    fail "there is no $parameters; there is: $(cd "$here/parameters" && printf '%s ' *.json)"
  [[ -z $zip || -f $zip ]] || fail "there is no $zip: infra/package.sh makes one"
}

parameter() { # NAME: its value in the parameter file, else nothing
  "$python" -c 'import json, sys
found = json.load(open(sys.argv[1]))["parameters"].get(sys.argv[2], {}).get("value", "")
print(str(found).lower() if isinstance(found, bool) else found)' "$parameters" "$1"
}

check_region() {
  local regions
  regions=$(run az functionapp list-flexconsumption-locations --query '[].name' --output tsv)
  location=$(tr '[:upper:]' '[:lower:]' <<<"${location// /}")
  grep -qx -- "$location" <<<"$regions" ||
    fail "$location has no Flex Consumption; choose one of: az functionapp list-flexconsumption-locations"
}

check_providers() {
  local each state missing=()
  local needed=(Microsoft.Web Microsoft.Storage Microsoft.KeyVault Microsoft.ManagedIdentity
    Microsoft.Insights Microsoft.OperationalInsights Microsoft.Authorization)
  # Flex Consumption's subnets are delegated to Microsoft.App.
  if [[ $(parameter vnetEnabled) == true ]]; then
    needed+=(Microsoft.App Microsoft.Network)
  fi
  for each in "${needed[@]}"; do
    state=$(run az provider show --namespace "$each" --query registrationState --output tsv)
    [[ $state == Registered ]] || missing+=("$each")
  done
  ((${#missing[@]} == 0)) || fail "not registered in this subscription; register each, then run this again:
$(printf '  az provider register --wait --namespace %s\n' "${missing[@]}")"
}

check_operator() { # who is signed in: a person, or the application of a workflow
  local type name
  type=$(run az account show --query user.type --output tsv)
  if [[ $type == user ]]; then
    operator_type=User
    [[ $operator ]] || operator=$(run az ad signed-in-user show --query id --output tsv)
  else
    operator_type=ServicePrincipal
    if [[ -z $operator ]]; then
      name=$(run az account show --query user.name --output tsv)
      operator=$(run az ad sp show --id "$name" --query id --output tsv)
    fi
  fi
}

check_role() {
  local scope=/subscriptions/$subscription/resourceGroups/$group roles
  roles=$(run az role assignment list --assignee "$operator" --scope "$scope" --include-inherited \
    --include-groups --query '[].roleDefinitionName' --output tsv)
  if grep -qx Owner <<<"$roles"; then
    return
  fi
  if grep -qx Contributor <<<"$roles" &&
    grep -Eqx 'Role Based Access Control Administrator|User Access Administrator' <<<"$roles"; then
    return
  fi
  fail "you need the role Owner on $group, or Contributor with Role Based Access Control Administrator; who may grant it runs:
  az role assignment create --assignee $operator --role Owner --scope $scope"
}

check_group() {
  local there
  there=$(run az group exists --name "$group" --output tsv)
  [[ $there != true ]] || return 0
  [[ -z $what_if ]] ||
    fail "there is no resource group $group, so nothing to compare with: az group create --name $group --location $location"
  run az group create --name "$group" --location "$location" --output none
}

check_interrupted() {
  local state
  # Exit status 3 and others: there was none yet.
  state=$(az deployment group show --resource-group "$group" --name "$deployment" \
    --query properties.provisioningState --output tsv 2>"$work/errors") || return 0
  case $state in
    Running | Accepted | Deleting)
      fail "a deployment is running in $group; wait for it, then run this again:
  az deployment group wait --resource-group $group --name $deployment --updated --timeout 1800
or stop it: az deployment group cancel --resource-group $group --name $deployment"
      ;;
    Failed | Canceled) note "the last deployment ended as $state; this one goes on from there" ;;
  esac
}

template() { # VERB OPTIONS…: run a deployment command on our template
  local verb=$1
  shift
  run az deployment group "$verb" --resource-group "$group" --name "$deployment" \
    --template-file "$here/main.bicep" --parameters "@$parameters" \
    --parameters "location=$location" "operatorPrincipalId=$operator" \
    "operatorPrincipalType=$operator_type" "$@"
}

check_names() { # what would be made, as the template names it
  local id
  template what-if --no-prompt true --no-pretty-print --result-format ResourceIdOnly \
    --validation-level Provider --query "changes[?changeType=='Create'].resourceId" \
    --output tsv >"$work/new"
  while read -r id; do
    case $id in
      */Microsoft.KeyVault/vaults/*/*) ;;
      */Microsoft.KeyVault/vaults/*) check_vault_name "${id##*/}" ;;
      */Microsoft.Storage/storageAccounts/*/*) ;;
      */Microsoft.Storage/storageAccounts/*) check_storage_name "${id##*/}" ;;
      */Microsoft.Web/sites/*/*) ;;
      */Microsoft.Web/sites/*) check_app_name "${id##*/}" ;;
    esac
  done <"$work/new"
}

free() { # WHAT NAME COMMAND…: nobody in the world has this name
  local what=$1 name=$2 answer
  shift 2
  answer=$(run "$@" --query nameAvailable --output tsv)
  [[ $answer == true ]] || fail "the name $name of the $what is taken: change namePrefix in $parameters"
}

check_vault_name() {
  local deleted
  deleted=$(run az keyvault list-deleted --resource-type vault \
    --query "[?name=='$1'].properties.location | [0]" --output tsv)
  [[ -z $deleted ]] || fail "the vault $1 was deleted and is kept, with the pepper of the tokens; bring it back:
  az keyvault recover --name $1 --location $deleted --resource-group $group
or take another namePrefix in $parameters, with new tokens for every directory"
  free "key vault" "$1" az keyvault check-name --name "$1"
}

check_storage_name() { free "storage account" "$1" az storage account check-name --name "$1"; }

check_app_name() {
  printf '{"name": "%s", "type": "Microsoft.Web/sites"}' "$1" >"$work/name.json"
  free "function app" "$1" az rest --method post --body "@$work/name.json" \
    --url "/subscriptions/$subscription/providers/Microsoft.Web/checkNameAvailability?api-version=2024-11-01"
}

# --- what is made ---

output() { # NAME of an output of the template
  "$python" -c 'import json, sys
print(json.load(open(sys.argv[1]))[sys.argv[2]]["value"])' "$work/outputs" "$1" ||
    fail "the deployment has no output $1: is infra/main.bicep of this version?"
}

deploy_template() {
  note "deploying infra/main.bicep to $group; the first time takes about ten minutes"
  template create --query properties.outputs --output json >"$work/outputs"
  app=$(output functionAppName) url=$(output baseUrl) tables=$(output tableUrl)
  vault=$(output vaultName) vault_url=$(output vaultUrl)
}

pepper_is_there() {
  az keyvault secret show --vault-name "$vault" --name scim-pepper --query id --output none \
    2>"$work/pepper" && return
  grep -Eq 'SecretNotFound|was not found in this key vault' "$work/pepper" && return 1
  cat "$work/pepper" >&2
  return 2
}

find_pepper() { # 0 there, 1 not; tries again while the role is not in force yet
  pepper=0
  pepper_is_there || pepper=$?
  ((pepper < 2))
}

keep_pepper() {
  patiently 40 "the role on $vault to be in force" find_pepper || fail "the vault $vault can't be read"
  if ((pepper == 0)); then
    note "the pepper is in $vault already"
    return
  fi
  "$python" -c 'import secrets; print(secrets.token_hex(32), end="")' >"$work/secret"
  run az keyvault secret set --vault-name "$vault" --name scim-pepper --file "$work/secret" \
    --encoding utf-8 --content-type "key of SCIM token digests" --output none
  rm -f "$work/secret"
  note "made the pepper, in $vault as scim-pepper; who changes it voids every token"
}

site() { printf '/subscriptions/%s/resourceGroups/%s/providers/Microsoft.Web/sites/%s' "$subscription" "$group" "$app"; }

pepper_is_read() {
  local status
  status=$(az rest --method get --query properties.status --output tsv \
    --url "$(site)/config/configreferences/appsettings/SCIM_PEPPER?api-version=2024-11-01") || return
  [[ $status == Resolved ]] && return
  echo "the app's reference to the pepper is $status" >&2
  # The app remembers for a day that there was none, restarts included; only this asks anew.
  az rest --method post --output none \
    --url "$(site)/config/configreferences/appsettings/refresh?api-version=2022-03-01"
  return 1
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

publish() {
  note "publishing $zip"
  # Built here, by hash: a build in Azure would take what PyPI has that day.
  run az functionapp deployment source config-zip --resource-group "$group" --name "$app" \
    --src "$zip" --build-remote false --timeout 600 --output none
}

# --- what is tested ---

answer() { # PATH [TOKEN]: print the status; the body goes to a file. The token goes by stdin.
  {
    printf 'url = "%s%s"\n' "$url" "$1"
    if [[ ${2:-} ]]; then
      printf 'header = "Authorization: Bearer %s"\n' "$2"
    fi
  } | curl --silent --show-error --max-time 30 --output "$work/body" --write-out '%{http_code}' --config -
}

ready() {
  local status
  status=$(answer /readyz) || return
  [[ $status == 200 ]] && return
  echo "$url/readyz answers $status" >&2
  return 1
}

scim() { (cd "$root" && "$python" -m scim "$@" --account "$tables"); }

names() { scim directory list --json >"$work/directories"; }

field() { # FILE KEY…: a value of a JSON document
  "$python" -c 'import functools, json, sys
print(functools.reduce(lambda d, key: d[key], sys.argv[2:], json.load(open(sys.argv[1]))))' "$@"
}

is_made() {
  "$python" -c 'import json, sys
sys.exit(sys.argv[2] not in [each["name"] for each in json.load(open(sys.argv[1]))])' \
    "$work/directories" "$directory"
}

issue() { # the token for the test, or to be shown; JSON into a file
  local days=1 label="smoke test"
  if [[ $show_token ]]; then
    days=365 label=deploy.sh
  fi
  if is_made; then
    scim token issue "$directory" --vault "$vault_url" --days "$days" --label "$label" --json >"$work/token" || return
    id=$(field "$work/token" id)
  else
    scim directory add "$directory" --preset "$preset" --base-url "$url" --vault "$vault_url" \
      --days "$days" --label "$label" --json >"$work/token" || return
    id=$(field "$work/token" token id)
    note "made the directory $directory of the preset $preset"
  fi
}

smoke() {
  local token status nobody
  nobody="/$directory/scim/Users?filter=userName%20eq%20%22nobody-$RANDOM$RANDOM%40example.invalid%22"
  token=$(field "$work/token" secretToken)
  status=$(answer "$nobody") || fail "$url does not answer"
  [[ $status != 403 ]] || fail "403 without a token: this machine's address is shut out; list it as operatorCidrs in $parameters"
  [[ $status == 401 ]] || fail "without a token the service answers $status, not 401: see the log of $app"
  status=$(answer "$nobody" "$token") || fail "$url does not answer"
  [[ $status == 200 ]] || fail "with a token the service answers $status, not 200: see the log of $app"
  [[ $(field "$work/body" totalResults) == 0 ]] || fail "a search for nobody finds somebody"
  note "tested: 401 without a token, 200 and an empty list with one"
}

revoke() {
  scim token revoke "$id" --yes >/dev/null || fail "the token of the test is not revoked: $python -m scim token revoke $id --yes --account $tables"
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
need_login "$wanted"
check_region
check_providers
check_operator
check_role
check_group
check_interrupted
check_names
if [[ $what_if ]]; then
  template what-if --no-prompt true --validation-level Provider
  exit 0
fi
build
deploy_template
keep_pepper
patiently 20 "the app to read the pepper" pepper_is_read || fail "the app can't read the pepper of $vault"
publish
patiently 40 "the app to be ready" ready || fail "$url is not ready: see the log of $app"
if [[ $directory ]]; then
  patiently 40 "the role on the tables to be in force" names || fail "the directories can't be read"
  issue || fail "no token was made for $directory; it says why above. Running this again is safe"
  smoke
  [[ $show_token ]] || revoke
fi
tell
