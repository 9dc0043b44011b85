"""Microsoft Graph through `az rest`, with the operator's own sign-in.

Bodies go by a file that only we can read: they may hold a secret, and others see a command's
arguments. Answers come by a pipe.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from words import Problem, remedy

ADDRESS = "https://graph.microsoft.com/v1.0"
# What az prints on stderr: `ERROR: Forbidden({"error": {"code": …, "message": …}})`.
_REFUSAL = re.compile(r"(?:ERROR: )?([A-Za-z ]+)\((\{.*\})\)", re.DOTALL)
_SECONDS = float(os.environ.get("SCIM_WAIT_SECONDS", "5"))
_TRIES = 12  # a new application is known everywhere after a minute at most


class Refused(Problem):
    """Graph answered with an error: `status` as az names it, `code` and the message of the body."""

    def __init__(self, status: str, code: str, message: str) -> None:
        self.status = status
        self.code = code
        mends = remedy(f"{status} {code} {message}")
        super().__init__(f"{code or status}: {message}" + (f"\n{mends}" if mends else ""))


class Graph:
    """Asks Graph; `folder` is where bodies lie while az reads them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request and read its answer; None when it has no body. Raises Refused."""
        command = ["az", "rest", "--method", method, "--url", ADDRESS + path, "--output", "json"]
        if body is None:
            return self._run(command)
        file = self._folder / "body.json"
        file.touch(mode=0o600)
        try:
            file.write_text(json.dumps(body), "utf-8")
            return self._run(
                [*command, "--body", f"@{file}", "--headers", "Content-Type=application/json"]
            )
        finally:
            file.unlink()

    def get(self, path: str) -> Any:
        """Get a resource."""
        return self.ask("get", path)

    def all(self, path: str) -> list[Any]:
        """Get a collection, with all its pages."""
        found: list[Any] = []
        page = self.get(path)
        while True:
            found += page["value"]
            following = page.get("@odata.nextLink")
            if not following:
                return found
            page = self.get(following.removeprefix(ADDRESS))

    def until_known(self, ask: Callable[[], Any]) -> Any:
        """Ask again while what was just made is not known yet on every server of Entra's."""
        for last in (*(False,) * (_TRIES - 1), True):
            try:
                return ask()
            except Refused as error:
                if last or error.status != "Not Found":
                    raise
                time.sleep(_SECONDS)
        raise AssertionError

    def _run(self, command: list[str]) -> Any:
        for wait in (_SECONDS, _SECONDS * 4, None):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                return json.loads(done.stdout) if done.stdout.strip() else None
            refused = _refused(done.stderr.strip())
            if wait is None or refused.status != "Too Many Requests":
                raise refused
            time.sleep(wait)
        raise AssertionError


def _refused(text: str) -> Refused:
    found = _REFUSAL.search(text)
    if not found:
        return Refused("", "", text or "az rest failed without a word")
    status, body = found.groups()
    try:
        error = json.loads(body).get("error", {})
        return Refused(status.strip(), str(error.get("code", "")), str(error.get("message", body)))
    except (ValueError, AttributeError):
        return Refused(status.strip(), "", body)
