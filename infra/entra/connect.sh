#!/usr/bin/env bash
# Connects Microsoft Entra ID with a directory, and looks after the connection: by Microsoft Graph,
# with your own sign-in (`az login`). `--help` lists the commands; the work is in connect.py.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
fail() {
  printf 'connect.sh: %s\n' "$1" >&2
  exit 1
}

command -v az >/dev/null ||
  fail "the Azure CLI (az) is missing: https://learn.microsoft.com/cli/azure/install-azure-cli"
command -v "$python" >/dev/null || fail "$python is missing: make setup"
exec "$python" "$root/infra/entra/connect.py" "$@"
