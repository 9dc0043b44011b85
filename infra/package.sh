#!/usr/bin/env bash
# Builds the deployment package: one zip, the same bytes for the same commit.
#
# The code comes from a commit, not from the work tree, without what .funcignore names.
# Dependencies are those of infra/locks/, by hash, as wheels for Linux x86-64, with what the command
# line needs: an unpacked package runs by `python -m scim serve` too. Bytecode is included, because a
# cold start without it takes three times as long. So it takes the Python version that the app runs:
# bytecode of another one would be ignored.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: infra/package.sh [--ref COMMIT] [--output FILE] [--python PYTHON]
       infra/package.sh --lock

  --ref COMMIT     what to package (HEAD); uncommitted changes are never in it
  --output FILE    where to (dist/scim-COMMIT.zip)
  --python PYTHON  an interpreter of the version that the app runs (python3.12)
  --lock           write infra/locks/ anew from requirements-cli.txt; needs uv (pip install uv)
TEXT
}

fail() {
  printf 'package.sh: %s\n' "$1" >&2
  exit "${2:-1}"
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ref=HEAD output='' python=python3.12 lock=''
while (($#)); do
  case $1 in
    --ref | --output | --python)
      (($# > 1)) || fail "$1 needs a value" 2
      case $1 in
        --ref) ref=$2 ;;
        --output) output=$2 ;;
        --python) python=$2 ;;
      esac
      shift 2
      ;;
    --lock) lock=yes; shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; fail "there is no option $1" 2 ;;
  esac
done

if [[ $lock ]]; then
  command -v uv >/dev/null || fail "uv is missing; get it: pip install uv"
  cd "$root"
  for version in 3.11 3.12 3.13; do
    {
      echo "# All that requirements-cli.txt brings, for Linux x86-64 and Python $version. Made by infra/package.sh --lock."
      uv pip compile requirements-cli.txt --quiet --upgrade --generate-hashes --only-binary :all: \
        --python-version "$version" --python-platform x86_64-manylinux2014 --no-annotate --no-header
    } >"infra/locks/.new"
    mv infra/locks/.new "infra/locks/python$version.txt"
  done
  exit 0
fi

command -v "$python" >/dev/null || fail "$python is missing; name one that is there: --python python3.12"
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
commit=$(git -C "$root" rev-parse --verify --quiet "$ref^{commit}") || fail "there is no commit $ref"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

mkdir "$stage/checkout" "$stage/app"
git -C "$root" archive "$commit" | tar -x -C "$stage/checkout"
requirements=$stage/checkout/infra/locks/python$version.txt
[[ -f $requirements ]] || fail "infra/locks/ has no lock for Python $version: choose 3.11, 3.12 or 3.13"

# .funcignore has the syntax of .gitignore: git itself reads it.
git -C "$stage/checkout" init --quiet
git -C "$stage/checkout" -c core.quotePath=false ls-files --others --exclude-from=.funcignore -z |
  tar -c -C "$stage/checkout" --null --files-from=- | tar -x -C "$stage/app"

"$python" -m pip install --quiet --disable-pip-version-check --no-input --no-deps --no-compile \
  --require-hashes --only-binary=:all: --implementation cp --python-version "$version" \
  --platform manylinux2014_x86_64 --target "$stage/app/.python_packages/lib/site-packages" \
  --requirement "$requirements" ||
  fail "the dependencies can't be had: check the network, or the hashes in infra/locks/python$version.txt"
rm -rf "$stage/app/.python_packages/lib/site-packages/bin"

# Names without this machine's paths, hashes instead of times: the same bytes each time.
PYTHONHASHSEED=0 "$python" -m compileall -q --invalidation-mode unchecked-hash \
  -s "$stage/app" -p /home/site/wwwroot "$stage/app" >/dev/null ||
  fail "some of the code is not of Python $version"

output=${output:-$root/dist/scim-${commit:0:12}.zip}
mkdir -p "$(dirname "$output")"
"$python" "$root/infra/zip.py" "$stage/app" "$output.part"
mv "$output.part" "$output"
printf '%s\n' "$output"
