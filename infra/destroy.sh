#!/usr/bin/env bash
# Deletes a deployment with everything in it. Asks first.
set -euo pipefail

program=destroy.sh
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=infra/common.sh
source "$here/common.sh"

usage() {
  cat <<'TEXT'
Usage: infra/destroy.sh --group GROUP [--subscription ID] [--locks] [--yes]

Deletes the resource group GROUP: the service, every directory, every token, the logs.
Disconnect Entra first: infra/entra/connect.sh disconnect DIRECTORY

  --subscription ID  refuse to work on any other subscription
  --locks            remove the locks that keep production from being deleted
  --yes              don't ask
TEXT
}

group='' wanted='' locks='' yes=''
while (($#)); do
  case $1 in
    --group | --subscription)
      need_value "$@"
      if [[ $1 == --group ]]; then group=$2; else wanted=$2; fi
      shift 2
      ;;
    --locks) locks=yes; shift ;;
    --yes) yes=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; fail "there is no option $1" 2 ;;
  esac
done
[[ $group ]] || { usage >&2; fail "--group is needed" 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

need_az
need_login "$wanted"
there=$(run az group exists --name "$group" --output tsv)
if [[ $there != true ]]; then
  say "There is no resource group $group: nothing to delete."
  exit 0
fi
# Only what deploy.sh made: a mistyped name must not cost another team its group.
az deployment group show --resource-group "$group" --name "$deployment" --output none \
  2>"$work/errors" ||
  { cat "$work/errors" >&2; fail "$group holds no deployment of infra/deploy.sh; if you are sure: az group delete --name $group"; }

say "In $group of $subscription_name there are:"
run az resource list --resource-group "$group" --query '[].[type, name]' --output tsv
if [[ ! $yes ]]; then
  [[ -t 0 ]] || fail "this has to be confirmed: answer on a terminal, or give --yes"
  read -r -p "All of it is deleted, people and tokens too. Type the name $group to go on: " answer
  [[ $answer == "$group" ]] || fail "nothing was deleted: that is not the name"
fi

held=$(run az lock list --resource-group "$group" --query '[].id' --output tsv)
if [[ $held ]]; then
  [[ $locks ]] || fail "nothing was deleted: it is locked; with --locks the locks are removed first:
$held"
  while read -r id; do
    run az lock delete --ids "$id"
  done <<<"$held"
fi
run az group delete --name "$group" --yes
say "$group is deleted. Its key vault is kept for 90 days, and so is its name: a new deployment with"
say "the same namePrefix begins with: az keyvault list-deleted --resource-type vault"
