# What the scripts here have in common; to be sourced. Callers set `program`, their name, and `work`,
# a folder of their own.
# shellcheck shell=bash disable=SC2154

# shellcheck disable=SC2034 # callers use it
deployment=scim # the deployment's name: fixed, so that an interrupted one is found again

say() { printf '%s\n' "$*"; }

note() { printf '%s: %s\n' "$program" "$*" >&2; }

fail() {
  note "$1"
  exit "${2:-1}"
}

need_value() { (($# > 1)) && [[ $2 ]] || fail "$1 needs a value" 2; }

# What Azure answers, and what mends it. One line each: extended regular expression, tab, sentence.
# GROUP, SUBSCRIPTION and LOCATION stand for what this run works on.
remedies() {
  cat <<'TEXT'
AADSTS|az login|InteractiveBrowserCredential|Please run .az login|ExpiredAuthenticationToken	your sign-in has expired: az login
MissingSubscriptionRegistration	a resource provider is not registered: az provider register --wait --namespace NAMESPACE (it is named above)
attempting to (download|retrieve)[^.]*Bicep	az could not get the Bicep compiler: az bicep install, from a network that lets it (or see: az config set bicep.use_binary_from_path=true)
DeploymentActive	a deployment is running already: az deployment group wait --resource-group GROUP --name scim --updated --timeout 1800, then run this again
RequestDisallowedByPolicy	a policy of your organisation forbids this: ask who owns the policy named above for an exemption of GROUP
RoleAssignmentExists	somebody gave one of these roles by hand: az role assignment list --all shows it; az role assignment delete --ids ID, then run this again
RoleAssignmentUpdateNotPermitted	an identity was made anew, and a role of the one before is left: az role assignment list --all --query "[?principalName=='']" shows it; az role assignment delete --ids ID, then run this again
AuthorizationFailed|LinkedAuthorizationFailed|does not have authorization	your account lacks a role: az role assignment create --assignee-object-id YOUR-ID --assignee-principal-type User --role Owner --scope /subscriptions/SUBSCRIPTION/resourceGroups/GROUP
ScopeLocked	a lock forbids it: az lock list --resource-group GROUP, and az lock delete --ids ID
ForbiddenByFirewall|PublicNetworkAccess|public network access is disabled	the network is closed to this machine: run this inside the virtual network, or list your address as operatorCidrs in the parameter file
ForbiddenByRbac|AuthorizationPermissionMismatch	the role is assigned but not in force yet: wait ten minutes, then run this again
ObjectIsDeletedButRecoverable|deleted but recoverable	the secret was deleted and is kept: az keyvault secret recover --vault-name VAULT --name NAME (both are named above), wait a minute, then run this again
SecretDisabled|disabled secret	the secret is disabled: az keyvault secret set-attributes --vault-name VAULT --name NAME --enabled true (both are named above)
deleted state|soft.?deleted	a vault of this name was deleted and is kept: az keyvault list-deleted --resource-type vault, then az keyvault recover --name NAME --location LOCATION --resource-group GROUP
AlreadyTaken|AlreadyExists|already taken|already in use	a name is taken by somebody else: change namePrefix in the parameter file
LocationNotAvailable|LocationNotSupported|NotAvailableForResourceType	the region has not all that is needed: az functionapp list-flexconsumption-locations
[Ss]tart date of budgets? cannot be updated	the budget began in another month: az consumption budget list --resource-group GROUP shows it; put the date into budgetStart in the parameter file
QuotaExceeded|OverQuota|SubscriptionIsOverQuota	the subscription's quota is used up in LOCATION: ask for more in the portal under Quotas, or take another --location
InvalidTemplate|BCP[0-9]+	the template is not accepted: az bicep build --file infra/main.bicep shows where
Max retries exceeded|Connection.*refused|Name or service not known|timed out	Azure can't be reached: check the network and any proxy, then run this again
TEXT
}

explain() { # FILE: say what mends what it holds; nothing when nobody knows
  local pattern sentence
  while IFS=$'\t' read -r pattern sentence; do
    if grep -Eiq -- "$pattern" "$1"; then
      sentence=${sentence//GROUP/${group:-GROUP}}
      sentence=${sentence//SUBSCRIPTION/${subscription:-SUBSCRIPTION}}
      note "${sentence//LOCATION/${location:-LOCATION}}"
      return
    fi
  done < <(remedies)
}

stopped() { # COMMAND…: show what it said and what mends it, and end
  cat "$work/errors" >&2
  explain "$work/errors"
  fail "it stopped at: $1 $2 ${3:-} ${4:-}; what is done stays done, and running this again is safe"
}

# Run a command. What it says goes to a file, its errors alone: a result may hold what nobody shall see.
run() { "$@" 2>"$work/errors" || stopped "$@"; }

# Look something up in the subscription. It is left out for who may look at the resource group alone,
# such as the identity of a workflow: then the deployment itself tells, if later.
look() { # WHAT COMMAND…
  local what=$1
  shift
  if ! "$@" 2>"$work/errors"; then
    grep -Eq 'AuthorizationFailed|does not have authorization' "$work/errors" || stopped "$@"
    note "not checked, for want of a role on the subscription: $what"
  fi
}

# What time does not mend.
hopeless='ForbiddenByFirewall|ForbiddenByConnection|PublicNetworkAccess|AADSTS|az login|SecretDisabled|DeletedButRecoverable'

# Try a command until it succeeds, or says by status 2 that it never will: roles take minutes until
# they are in force, apps until they run.
patiently() { # TIMES WHAT COMMAND…
  local times=$1 what=$2 try status
  shift 2
  for ((try = 1; try <= times; try++)); do
    status=0
    "$@" 2>"$work/errors" || status=$?
    ((status)) || return 0
    if ((status == 2)) || grep -Eq "$hopeless" "$work/errors"; then
      break
    fi
    if ((try == 1)); then
      note "waiting for $what"
    fi
    if ((try < times)); then
      sleep "${SCIM_WAIT_SECONDS:-15}"
    fi
  done
  cat "$work/errors" >&2
  explain "$work/errors"
  return 1
}

need_az() {
  command -v az >/dev/null ||
    fail "the Azure CLI (az) is missing: https://learn.microsoft.com/cli/azure/install-azure-cli"
}

need_login() { # [SUBSCRIPTION]: sets subscription, subscription_name
  local line
  if ! line=$(az account show --query '[id, name]' --output tsv 2>"$work/errors" | paste -sd '\t' -) ||
    [[ -z $line ]]; then
    fail "you are not signed in to Azure: az login"
  fi
  IFS=$'\t' read -r subscription subscription_name <<<"$line"
  # A sign-in that has expired still shows an account: only a new token tells.
  az account get-access-token --output none 2>"$work/errors" ||
    { cat "$work/errors" >&2; fail "your sign-in has expired: az login"; }
  if [[ ${1:-} && $1 != "$subscription" && $1 != "$subscription_name" ]]; then
    fail "the current subscription is $subscription_name ($subscription): az account set --subscription $1"
  fi
  note "subscription $subscription_name ($subscription)"
}
