"""The queries of infra/queries: they are Kusto, and ask only for what the service logs."""

import ast
import json
import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from scim.purging import Purged

ROOT = Path(__file__).parents[2]
QUERIES = {each.stem: each for each in sorted((ROOT / "infra/queries").glob("*.kql"))}
# Columns that the queries use, of Azure Monitor's table reference.
TABLES = {
    "AppTraces": "(TimeGenerated: datetime, Message: string, SeverityLevel: int)",
    "StorageTableLogs": "(TimeGenerated: datetime, AccountName: string, OperationName: string,"
    " StatusCode: string, StatusText: string, DurationMs: real)",
    "_LogOperation": "(TimeGenerated: datetime, Category: string, Detail: string)",
}


def logged() -> tuple[set[str], set[str]]:
    """Find what the code writes: names of facts, names of events."""
    facts = {"event", *(each.name for each in fields(Purged))}
    events = set()
    for path in (ROOT / "scim").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "line":
                facts.add(ast.literal_eval(node.slice))
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("log.request", "log.note", "log.event"):
                facts |= {each.arg for each in node.keywords if each.arg}
            if called == "log.event":
                events.add(ast.literal_eval(node.args[0]))
    return facts, events


FACTS, EVENTS = logged()


def unknown(query: str) -> set[str]:
    """Find names in a query that no line of the log has."""
    asked = set(re.findall(r"\bline\.(\w+)", query))
    named = set(re.findall(r"line\.event\) == '([^']+)'", query))
    return (asked - FACTS) | (named - EVENTS)


def test_what_is_logged_is_found_in_the_code() -> None:
    assert {"requestId", "directory", "status", "ms", "roundTrips", "scimType", "days"} <= FACTS
    assert {"purged", "token expires", "not ready"} <= EVENTS


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_asks_only_for_what_is_logged(name: str) -> None:
    assert unknown(QUERIES[name].read_text("utf-8")) == set()


def test_a_name_that_is_not_logged_is_found() -> None:
    assert unknown("| where toint(line.statusCode) == 1") == {"statusCode"}
    assert unknown("| where tostring(line.event) == 'gone'") == {"gone"}


def complaints(*files: Path) -> list[str]:
    done = subprocess.run(
        ["node", Path(__file__).with_name("kusto.cjs"), json.dumps(TABLES), *files],
        env={**os.environ, "NODE_PATH": str(ROOT / "node_modules")},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.splitlines()


def test_every_query_is_kusto(tmp_path: Path) -> None:
    """By Microsoft's own language service; a word that is reserved there is one of the mistakes."""
    assert complaints(*QUERIES.values()) == []
    for wrong in ("AppTraces | summarize last = max(TimeGenerated)", "AppTraces | where Mesage"):
        file = tmp_path / "wrong.kql"
        file.write_text(wrong, "utf-8")
        assert complaints(file), wrong


def test_every_query_is_documented() -> None:
    """In docs/runbooks.md; each begins with what it shows."""
    told = (ROOT / "docs/runbooks.md").read_text("utf-8")
    for name, path in QUERIES.items():
        assert f"`{name}`" in told, name
        assert path.read_text("utf-8").startswith("// "), name
