"""The threat model names what proves it: every test in it exists, and every risk has one."""

import ast
import math
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scim.credentials import issue
from tests.test_architecture import CORE, imports, source, within

ROOT = Path(__file__).parents[1]
MODEL = (ROOT / "docs/threat-model.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+(?:::\w+)?)`", MODEL)))


def is_there(name: str) -> bool:
    """Tell whether a file exists, and holds the test that is named after `::`."""
    path, _, test = name.partition("::")
    file = ROOT / path
    return file.is_file() and (not test or f"def {test}(" in file.read_text("utf-8"))


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_is_named_exists(name: str) -> None:
    assert is_there(name)


def test_one_that_is_gone_would_be_noticed() -> None:
    assert not is_there("tests/test_nothing.py")
    assert not is_there("tests/test_threat_model.py::test_nothing")


@pytest.mark.parametrize("risk", range(1, 11))
def test_every_risk_of_the_top_ten_has_a_test(risk: int) -> None:
    [row] = re.findall(rf"^\| API{risk} .*$", MODEL, re.MULTILINE)
    assert re.search(r"`tests/", row.rpartition(" | ")[2])


def test_every_link_leads_somewhere() -> None:
    """In all documents: files, and headings in them."""
    for document in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
            path, _, heading = link.partition("#")
            if "://" in link:
                continue
            target = document.parent / path if path else document
            assert target.exists(), f"{document.name}: {link}"
            if heading:
                assert heading in headings(target), f"{document.name}: {link}"


def headings(document: Path) -> set[str]:
    """List a document's headings as GitHub spells them in links."""
    found = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).strip().replace(" ", "-") for each in found}


@pytest.mark.parametrize("name", CORE)
def test_the_core_opens_no_connection(name: str) -> None:
    """So nothing that a client sends (`$ref`, `photos`, a `manager`) can be fetched."""
    network = ("socket", "ssl", "http.client", "urllib.request", "ftplib", "smtplib", "subprocess")
    for each in imports(ast.walk(source(name))):
        assert not within(each, *network), f"{name} imports {each}"


def test_scanners_know_what_a_token_looks_like() -> None:
    """Tokens that are issued are found; made-up ones in tests repeat a letter."""
    [rule] = tomllib.loads((ROOT / ".gitleaks.toml").read_text("utf-8"))["rules"]
    for _ in range(50):
        token, _ = issue("whoever", pepper=b"p" * 32, now=datetime.now(UTC))
        assert re.search(rule["regex"], f"Bearer {token}")
        assert entropy(token) > rule["entropy"]
    assert entropy("scim_abcdefghijkl_" + "A" * 49) < rule["entropy"]


def entropy(text: str) -> float:
    """Shannon's, in bits a character, as scanners count it."""
    shares = [text.count(each) / len(text) for each in set(text)]
    return -sum(share * math.log2(share) for share in shares)
