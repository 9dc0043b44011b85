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
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "infra/locks"
LARGEST = 40 * 2**20  # bytes; what is fetched at each cold start
SLOWEST = 15.0  # seconds; an app on Flex Consumption has 30 for its whole start
PEPPER = "p" * 64


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout of what is here, committed or not."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for each in listed.split("\0"):
        if each and (ROOT / each).is_file():
            (folder / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / each, folder / each)
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
    ours = {"function_app.py", "host.json", "requirements.txt", "scim", "storage", "LICENSE"}
    assert tops == ours | {".python_packages", "__pycache__"}
    code = [each for each in names if not each.startswith(".python_packages")]
    assert not [each for each in code if "/cli/" in each or "test" in each or "uncommitted" in each]
    assert "scim/presets/default.json" in names
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
def served(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The package, unpacked elsewhere and started without anything of this environment."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder)
    process = subprocess.Popen(
        [
            *(sys.executable, "-I", "-S", Path(__file__).parent / "serve_package.py"),
            *(folder, ROOT / "scim/cli/host.py"),
        ],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "SCIM_STORAGE": "memory", "SCIM_PEPPER": PEPPER},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        yield {**told, "folder": folder}
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def get(served: Any, token: str = "") -> tuple[int, Any]:
    url = f"http://127.0.0.1:{served['port']}/contoso/scim/Users"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None


def test_an_unpacked_package_passes_the_smoke_test(served: Any) -> None:
    assert get(served)[0] == 401
    status, body = get(served, served["token"])
    assert (status, body["totalResults"]) == (200, 0)


def test_an_unpacked_package_uses_its_own_code_and_dependencies(served: Any) -> None:
    assert all(each.startswith(str(served["folder"])) for each in served["origins"])
    assert len(served["origins"]) == 3


def test_an_unpacked_package_is_imported_in_time(served: Any) -> None:
    assert served["seconds"] < SLOWEST


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_a_lock_holds_all_that_is_required_by_hash(version: str) -> None:
    """Other versions in requirements.txt than in the locks: infra/package.sh --lock."""
    lock = (LOCKS / f"python{version}.txt").read_text("utf-8")
    locked = set(re.findall(r"^([\w.-]+==[^ \\]+)", lock, re.MULTILINE))
    required = re.findall(
        r"^([\w.-]+==[^ ;\n]+)(?:; python_version (\S+) \"([\d.]+)\")?",
        (ROOT / "requirements.txt").read_text("utf-8"),
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
