"""infra/package.sh: the same bytes each time, nothing but what runs, and it runs elsewhere."""

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scim.cli.azurite import azurite
from tests.checkout import files, git

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "infra/locks"
REQUIREMENTS = ("requirements.txt", "requirements-cli.txt")
LARGEST = 40 * 2**20  # bytes; what is fetched at each cold start
SLOWEST = 15.0  # seconds; an app on Flex Consumption has 30 for its whole start
PEPPER = "p" * 64


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout of what is here, committed or not."""
    folder = tmp_path_factory.mktemp("checkout")
    for each in files():
        copy = folder / each.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(each, copy)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")
    (folder / "scim/uncommitted.py").write_text("# never in a package\n")
    return folder


def build(checkout: Path, target: Path, *arguments: str) -> Any:
    command: list[str | Path] = [
        checkout / "infra/package.sh",
        "--python",
        sys.executable,
        "--output",
        target,
    ]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, timeout=500
    )


@pytest.fixture(scope="module")
def package(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("package") / "scim.zip"
    done = build(checkout, target)
    assert done.returncode == 0, done.stderr
    return target


def test_a_package_holds_what_runs_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        names = opened.namelist()
    tops = {each.split("/")[0] for each in names}
    ours = {"function_app.py", "host.json", "scim", "storage", "LICENSE"}
    lists = {"requirements.txt", "requirements-cli.txt"}
    assert tops == ours | lists | {".python_packages", "__pycache__"}
    code = [each for each in names if not each.startswith(".python_packages")]
    assert not [each for each in code if "test" in each or "uncommitted" in each]
    assert {"scim/presets/default.json", "scim/__main__.py", "scim/cli/serve.py"} <= set(names)
    assert any("scim/__pycache__/server." in each for each in names)  # compiled


def test_the_same_commit_makes_the_same_bytes(
    checkout: Path, package: Path, tmp_path: Path
) -> None:
    done = build(checkout, tmp_path / "again.zip")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_a_package_is_small_enough(package: Path) -> None:
    assert package.stat().st_size < LARGEST


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder)
    return folder


# Nothing of this environment: what is not in the package is missing.
CLEAN = (sys.executable, "-E", "-s", "-S")
SERVE = (*CLEAN, "-m", "scim", "serve", "--port", "0", "--json")


@contextmanager
def served(folder: Path, *options: str) -> Iterator[Any]:
    """`python -m scim serve` of an unpacked package; gives Tenant URL and Secret Token."""
    with (
        (folder / "server.log").open("ab") as log,
        subprocess.Popen(
            [*SERVE, *options],
            cwd=folder,
            env={"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout
            first = process.stdout.readline()
            assert first, (folder / "server.log").read_text("utf-8")
            yield json.loads(first)
        finally:
            process.terminate()


def get(access: Any, token: str = "") -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{access['tenantUrl']}/Users", headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def test_an_unpacked_package_starts_by_itself(unpacked: Path) -> None:
    with served(unpacked, "--storage", "memory") as access:
        assert get(access)[0] == 401
        status, body = get(access, access["secretToken"])
    assert (status, body["totalResults"]) == (200, 0)


# What infra/deploy.sh does with what it deployed, by its own functions; `scim` is the package's.
SMOKE = """
set -euo pipefail
program=smoke work=$1 folder=$2 url=$3 python=$4
directory=smoke preset=bytebase vault_url='' tables=Azurite show_token='' app=app
source infra/common.sh
source infra/testing.sh
scim() { (cd "$folder" && "$python" -E -s -S -m scim "$@"); }
test_service
"""


def test_an_unpacked_package_passes_the_smoke_test(unpacked: Path, tmp_path: Path) -> None:
    """Server and commands are the package's, two processes over one store: Tables, as in Azure."""
    with (
        azurite(tmp_path / "azurite") as store,
        served(unpacked, "--storage", store, "--directory", "other") as access,
    ):
        url = access["tenantUrl"].removesuffix("/other/scim")
        done = subprocess.run(
            ["bash", "-c", SMOKE, "smoke", tmp_path, unpacked, url, sys.executable],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "SCIM_STORAGE": store},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
    assert done.returncode == 0, done.stderr
    assert "made the directory smoke of the preset bytebase" in done.stderr
    assert "tested: 401 without a token, 200 and an empty list with one" in done.stderr


IMPORT = """
import json, sys, time
from pathlib import Path
sys.path[:0] = [".", ".python_packages/lib/site-packages"]  # as the Functions worker does
before, began = set(sys.modules), time.perf_counter()
import function_app
seconds, loaded = time.perf_counter() - began, sorted(set(sys.modules) - before)
from aiohttp import web
import scim, storage, typer
places = [str(Path(each.__file__).resolve()) for each in (function_app, web, scim, storage, typer)]
print(json.dumps({"seconds": seconds, "loaded": loaded, "places": places}))
"""
COMMANDS = re.compile(r"(scim\.(cli|__main__)|typer|rich|pygments|azure\.keyvault)\b")


@pytest.fixture(scope="module")
def imported(unpacked: Path) -> Any:
    """What a worker sees of it: seconds, modules, and where they are."""
    done = subprocess.run(
        [*CLEAN, "-c", IMPORT],
        cwd=unpacked,
        env={"PATH": os.environ["PATH"], "SCIM_STORAGE": "memory", "SCIM_PEPPER": PEPPER},
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    return json.loads(done.stdout)


def test_an_unpacked_package_uses_its_own_code_and_dependencies(
    imported: Any, unpacked: Path
) -> None:
    assert all(Path(each).is_relative_to(unpacked.resolve()) for each in imported["places"])


def test_an_unpacked_package_is_imported_in_time(imported: Any) -> None:
    assert imported["seconds"] < SLOWEST


def test_the_app_imports_nothing_of_the_command_line(imported: Any) -> None:
    """It is in the package, and costs a cold start nothing but its bytes."""
    assert "scim.server" in imported["loaded"]
    assert not [each for each in imported["loaded"] if COMMANDS.match(each)]


def test_commands_without_their_packages_say_what_is_missing(
    unpacked: Path, tmp_path: Path
) -> None:
    """As after a build in Azure, which installs requirements.txt alone."""
    folder = tmp_path / "built"
    shutil.copytree(unpacked, folder, copy_function=os.link)
    shutil.rmtree(folder / ".python_packages/lib/site-packages/typer")
    done = subprocess.run(
        [*SERVE], cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 1
    [said] = done.stderr.splitlines()
    assert "the Python package typer is missing: .python_packages has none for" in said
    assert "pip install -r requirements-cli.txt" in said


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_lock_holds_all_that_is_required_by_hash(version: str) -> None:
    """Other versions in requirements*.txt than in the locks: infra/package.sh --lock."""
    lock = (LOCKS / f"python{version}.txt").read_text("utf-8")
    locked = set(re.findall(r"^([\w.-]+==[^ \\]+)", lock, re.MULTILINE))
    required = re.findall(
        r"^([\w.-]+==[^ ;\n]+)(?:; python_version (\S+) \"([\d.]+)\")?",
        "".join((ROOT / each).read_text("utf-8") for each in REQUIREMENTS),
        re.MULTILINE,
    )
    older = version != "3.13"
    wanted = {name for name, sign, _ in required if not sign or (sign == "<") == older}
    assert wanted <= locked
    pieces = re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in each for each in pieces)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--ref", "nonsense"), "there is no commit nonsense"),
        (("--python", "python2.0"), "python2.0 is missing"),
        (("--nonsense",), "there is no option --nonsense"),
        (("--ref",), "--ref needs a value"),
    ],
)
def test_bad_arguments_are_refused(
    checkout: Path, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    done = build(checkout, tmp_path / "none.zip", *arguments)
    assert done.returncode in (1, 2)
    assert problem in done.stderr
    assert not (tmp_path / "none.zip").exists()


def test_a_changed_dependency_is_not_taken(checkout: Path, tmp_path: Path) -> None:
    """Bytes with another hash than the lock's stop the build."""
    file = checkout / f"infra/locks/python{sys.version_info[0]}.{sys.version_info[1]}.txt"
    before = file.read_text()
    file.write_text(re.sub(r"sha256:[0-9a-f]{8}", "sha256:00000000", before))
    git(checkout, "commit", "--all", "--quiet", "--message", "planted")
    done = build(checkout, tmp_path / "none.zip")
    git(checkout, "reset", "--hard", "--quiet", "HEAD~1")
    assert done.returncode == 1
    assert "infra/locks" in done.stderr
    assert not (tmp_path / "none.zip").exists()
