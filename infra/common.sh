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
# GROUP and LOCATION stand for what this run works on.
remedies() {
  cat <<'TEXT'
AADSTS|az login|InteractiveBrowserCredential|Please run .az login	your sign-in has expired: az login
MissingSubscriptionRegistration	a resource provider is not registered: az provider register --wait --namespace NAMESPACE (it is named above)
DeploymentActive	a deployment is running already: az deployment group wait --resource-group GROUP --name scim --updated --timeout 1800, then run this again
RequestDisallowedByPolicy	a policy of your organisation forbids this: ask who owns the policy named above for an exemption of GROUP
AuthorizationFailed|LinkedAuthorizationFailed|does not have authorization	your account lacks a role: az role assignment create --assignee YOUR-ID --role Owner --scope /subscriptions/SUBSCRIPTION/resourceGroups/GROUP
ForbiddenByFirewall|PublicNetworkAccess|public network access is disabled	the network is closed to this machine: run this inside the virtual network, or list your address as operatorCidrs in the parameter file
ForbiddenByRbac|AuthorizationPermissionMismatch	the role is assigned but not in force yet: wait ten minutes, then run this again
deleted state|soft.?deleted	a vault of this name was deleted and is kept: az keyvault list-deleted --resource-type vault, then az keyvault recover --name NAME --location LOCATION
AlreadyTaken|AlreadyExists|already taken|already in use	a name is taken by somebody else: change namePrefix in the parameter file
LocationNotAvailable|LocationNotSupported|NotAvailableForResourceType	the region has not all that is needed: az functionapp list-flexconsumption-locations
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
      note "${sentence//LOCATION/${location:-LOCATION}}"
      return
    fi
  done < <(remedies)
}

# Run a command; when it fails, show what it said and what mends it, and end.
# Its errors, not its results: a result may hold what nobody shall see.
run() {
  if ! "$@" 2>"$work/errors"; then
    cat "$work/errors" >&2
    explain "$work/errors"
    fail "it stopped at: $1 $2 ${3:-} ${4:-}; what is done stays done, and running this again is safe"
  fi
}

# Try a command until it succeeds: roles take minutes until they are in force, apps until they run.
patiently() { # TIMES WHAT COMMAND…
  local times=$1 what=$2 try
  shift 2
  for ((try = 1; try <= times; try++)); do
    if "$@" 2>"$work/errors"; then
      return 0
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
  if ! line=$(az account show --query '[id, name]' --output tsv 2>"$work/errors" | paste -sd '\t') ||
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
