"""Two directories of one server over HTTP: to each other's clients they don't exist."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scim.credentials import issue
from tests.host.serving import ask, serving
from tests.service import PEPPER
from tests.storage.test_isolation import requests


def furnished(access: Any) -> dict[str, str]:
    """Put a user and a group into a directory; their ids by endpoint."""
    user = ask(access, "POST", "/Users", {"userName": "ada@example.com"})[1]["id"]
    members = [{"value": user}]
    group = ask(access, "POST", "/Groups", {"displayName": "Engines", "members": members})
    return {"Users": user, "Groups": group[1]["id"]}


def test_another_directory_answers_as_it_answers_a_stranger(azurite: str, tmp_path: Path) -> None:
    """Every route and method, with ids of both: status and body are what a made-up token gets."""
    names = ("--directory", "intruder", "--directory", "victim")
    with serving(tmp_path, "--storage", azurite, *names, SCIM_PEPPER=PEPPER.decode()) as (
        process,
        intruder,
    ):
        assert process.stdout is not None
        victim = json.loads(process.stdout.readline())
        token, _ = issue("nobodys0", pepper=b"p" * 32, now=datetime.now(UTC))
        mine, theirs = furnished(intruder), furnished(victim)
        before = [ask(victim, "GET", path)[1] for path in ("/Users", "/Groups")]
        for ids in (mine, theirs):
            for method, path, body in requests(ids):
                if method == "BREW":  # no HTTP server takes it
                    continue
                answers = [
                    ask({**victim, "secretToken": each}, method, path, body)
                    for each in (intruder["secretToken"], token)
                ]
                status, shown = answers[0]
                texts = {re.sub(r"request \w+", "", json.dumps(each)) for _, each in answers}
                assert (status, len(texts)) == (401, 1), (method, path, shown)
        assert [ask(victim, "GET", path)[1] for path in ("/Users", "/Groups")] == before
