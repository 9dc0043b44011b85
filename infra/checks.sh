# What has to be there before infra/deploy.sh changes anything; to be sourced by it. Each check says
# what is wrong and the command that mends it.
# shellcheck shell=bash disable=SC2154

check_machine() {
  need_az
  command -v curl >/dev/null || fail "curl is missing; install it"
  command -v "$python" >/dev/null || fail "$python is missing: make setup"
  "$python" -c 'import importlib.util, sys
sys.exit(not all(map(importlib.util.find_spec, ("typer", "rich", "azure.keyvault.secrets"))))' 2>/dev/null ||
    fail "$python lacks the commands' packages: make setup"
  parameters=$here/parameters/$environment.json
  [[ $environment != *.json ]] || parameters=$environment
  [[ -f $parameters ]] ||
    fail "there is no $parameters; there is: $(cd "$here/parameters" && printf '%s ' *.json)"
  [[ -z $zip || -f $zip ]] || fail "there is no $zip: infra/package.sh makes one"
  values=$("$python" -c 'import json, sys
for name, each in json.load(open(sys.argv[1]))["parameters"].items():
    words = each["value"] if isinstance(each["value"], list) else [each["value"]]
    print(name, *(str(one).lower() if isinstance(one, bool) else one for one in words))' "$parameters") ||
    fail "$parameters can't be read; it says why above"
}

parameter() { # NAME: its value in the parameter file, a list as words; else nothing
  local name value
  while read -r name value; do
    if [[ $name == "$1" ]]; then
      printf '%s\n' "$value"
      return
    fi
  done <<<"$values"
}

check_directory() { # what the command that makes it would refuse in the end, ten minutes later
  [[ $directory =~ ^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$ ]] ||
    fail "$directory can't be a directory's name: use 1 to 63 of a-z, 0-9 and -, with no - at either end" 2
  [[ -f $root/scim/presets/$preset.json ]] ||
    fail "there is no preset $preset; there is: $(cd "$root/scim/presets" && printf '%s\n' *.json | sed 's/\.json$//' | paste -sd ' ' -)" 2
}

check_parameters() { # what only a person can say
  local each
  for each in $(parameter alertEmails); do
    [[ ! $each =~ [@.](example\.(com|net|org)|invalid)$ ]] ||
      fail "alerts would go to $each, which is an example: put addresses of yours into alertEmails in $parameters"
  done
  if [[ $(parameter restrictAccess) != false && -z $(parameter operatorCidrs) && -z $(parameter frontDoorId) ]]; then
    fail "only Entra would reach the service, so that nothing could be tested from here: list the public address that you work from as operatorCidrs in $parameters, such as [\"203.0.113.7/32\"]"
  fi
}

check_package() { # its compiled modules are of the app's version; another one could not import them
  local version tag state
  version=$(parameter pythonVersion)
  version=${version:-3.12}
  if [[ -z $zip ]]; then
    command -v "python$version" >/dev/null ||
      fail "python$version is missing, which the package is built with: install it, or give --zip with a package that was built before"
    return
  fi
  tag=cpython-${version/./}-
  state=0
  "$python" -c 'import re, sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist() if zipfile.is_zipfile(sys.argv[1]) else ()
found = {tag for name in names for tag in re.findall(r"\.(cpython-\d+-)\S*\.so$", name)}
sys.exit(3 if "function_app.py" not in names else bool(found - {sys.argv[2]}))' "$zip" "$tag" || state=$?
  ((state != 3)) || fail "$zip is no package: infra/package.sh makes one"
  ((state == 0)) ||
    fail "$zip is built for another version than Python $version: infra/package.sh --python python$version"
}

check_region() {
  local regions zones=()
  [[ $(parameter zoneRedundant) != true ]] || zones=(--zone-redundant true)
  location=$(tr '[:upper:]' '[:lower:]' <<<"${location// /}")
  regions=$(look "whether $location has Flex Consumption" \
    az functionapp list-flexconsumption-locations ${zones[@]+"${zones[@]}"} --query '[].name' --output tsv)
  [[ -z $regions ]] || grep -qx -- "$location" <<<"$regions" ||
    fail "$location has no Flex Consumption${zones[*]:+ with availability zones}; choose one of: az functionapp list-flexconsumption-locations${zones[*]:+ ${zones[*]}}"
}

check_providers() {
  local each state missing=()
  local needed=(Microsoft.Web Microsoft.Storage Microsoft.KeyVault Microsoft.ManagedIdentity
    Microsoft.Insights Microsoft.OperationalInsights Microsoft.Authorization)
  # Flex Consumption's subnets are delegated to Microsoft.App.
  [[ $(parameter vnetEnabled) != true ]] || needed+=(Microsoft.App Microsoft.Network)
  [[ $(parameter useCosmos) != true ]] || needed+=(Microsoft.DocumentDB)
  [[ $(parameter monthlyBudget) =~ ^0?$ ]] || needed+=(Microsoft.Consumption)
  for each in "${needed[@]}"; do
    state=$(look "whether $each is registered" \
      az provider show --namespace "$each" --query registrationState --output tsv)
    [[ -z $state || $state == Registered ]] || missing+=("$each")
  done
  ((${#missing[@]} == 0)) || fail "not registered in this subscription; register each, then run this again:
$(printf '  az provider register --wait --namespace %s\n' "${missing[@]}")"
}

check_operator() { # who is signed in: a person, or the application of a workflow
  operator_type=$(run az account show --query user.type --output tsv)
  if [[ $operator_type == user ]]; then
    operator_type=User
  else
    operator_type=ServicePrincipal
  fi
  # The token says whose it is: no question to Graph, which a workflow's identity may not ask.
  run az account get-access-token --query accessToken --output tsv >"$work/bearer"
  operator=$("$python" -c 'import base64, json, sys
claims = open(sys.argv[1]).read().split(".")[1]
print(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["oid"])' "$work/bearer" 2>/dev/null) ||
    fail "az gives a token that is none of Entra's: az login"
}

# A workflow signs in by an assertion that is good for minutes (AADSTS700024, github.com/Azure/login/
# issues/180), and the template takes longer. So its tokens for vault and tables are fetched before it:
# az keeps them for an hour.
keep_signed_in() {
  local each
  [[ $operator_type == ServicePrincipal && -z $what_if ]] || return 0
  for each in https://vault.azure.net https://storage.azure.com; do
    # Left to the step that needs it: another cloud has other names.
    az account get-access-token --resource "$each" --output none 2>"$work/errors" ||
      note "no token for $each yet"
  done
}

check_role() {
  local scope=/subscriptions/$subscription/resourceGroups/$group roles
  roles=$(run az role assignment list --assignee-object-id "$operator" --scope "$scope" --include-inherited \
    --include-groups --fill-principal-name false --query '[].roleDefinitionName' --output tsv)
  if grep -qx Owner <<<"$roles"; then
    return
  fi
  if grep -qx Contributor <<<"$roles" &&
    grep -Eqx 'Role Based Access Control Administrator|User Access Administrator' <<<"$roles"; then
    return
  fi
  if grep -Evqx 'Contributor|Reader|' <<<"$roles"; then # one of your organisation's own, perhaps
    note "you have neither Owner, nor Contributor with Role Based Access Control Administrator; trying with: ${roles//$'\n'/, }"
    return
  fi
  fail "you need the role Owner on $group, or Contributor with Role Based Access Control Administrator; who may grant it runs:
  az role assignment create --assignee-object-id $operator --assignee-principal-type $operator_type --role Owner --scope $scope"
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

find_budget() { # the first month of the budget that is there: Azure refuses another one
  [[ $(parameter monthlyBudget) =~ ^0?$ ]] && return
  budget_start=$(look "since when there is a budget" az rest --method get \
    --url "/subscriptions/$subscription/resourceGroups/$group/providers/Microsoft.Consumption/budgets?api-version=2024-08-01" \
    --query "value[?ends_with(name, '-month')].properties.timePeriod.startDate | [0]" --output tsv)
  budget_start=${budget_start:0:10}
}

check_names() { # what would be made, as the template names it
  local id
  template what-if --no-prompt true --no-pretty-print --result-format ResourceIdOnly \
    --validation-level Provider --query "changes[?changeType=='Create'].resourceId" \
    --output tsv >"$work/new"
  while read -r id; do
    case $id in
      */providers/*/providers/*) ;; # of a resource: its role assignments, its diagnostics
      */Microsoft.KeyVault/vaults/*/* | */Microsoft.Storage/storageAccounts/*/*) ;;
      */Microsoft.Web/sites/*/* | */Microsoft.DocumentDB/databaseAccounts/*/*) ;;
      */Microsoft.KeyVault/vaults/*) check_vault_name "${id##*/}" ;;
      */Microsoft.Storage/storageAccounts/*)
        free "storage account" "${id##*/}" Microsoft.Storage/storageAccounts 2025-06-01
        ;;
      */Microsoft.Web/sites/*) free "function app" "${id##*/}" Microsoft.Web/sites 2024-11-01 ;;
      */Microsoft.DocumentDB/databaseAccounts/*) check_cosmos_name "${id##*/}" ;;
    esac
  done <"$work/new"
}

free() { # WHAT NAME TYPE API-VERSION: nobody in the world has this name
  local answer
  # By REST: `az keyvault check-name` asks for managed HSMs alone, and says that any vault is free.
  printf '{"name": "%s", "type": "%s"}' "$2" "$3" >"$work/name.json"
  answer=$(look "whether the name $2 is free" az rest --method post --body "@$work/name.json" \
    --url "/subscriptions/$subscription/providers/${3%%/*}/checkNameAvailability?api-version=$4" \
    --query nameAvailable --output tsv)
  [[ ! $answer || $answer == true ]] ||
    fail "the name $2 of the $1 is taken: change namePrefix in $parameters"
}

check_vault_name() {
  local deleted
  deleted=$(look "whether a vault of this name was deleted" az keyvault list-deleted --resource-type vault \
    --query "[?name=='$1'].properties.location | [0]" --output tsv)
  [[ -z $deleted ]] || fail "the vault $1 was deleted and is kept, with the pepper of the tokens; bring it back:
  az keyvault recover --name $1 --location $deleted --resource-group $group
or take another namePrefix in $parameters, with new tokens for every directory"
  free "key vault" "$1" Microsoft.KeyVault/vaults 2024-11-01
}

check_cosmos_name() {
  local taken
  taken=$(look "whether the name $1 is free" az cosmosdb check-name-exists --name "$1" --output tsv)
  [[ $taken != true ]] || fail "the name $1 of the Cosmos DB account is taken: change namePrefix in $parameters"
}
