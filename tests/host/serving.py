"""Starting `python -m scim serve` as a person or a test does, and asking it over HTTP."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import memory

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "scim", "serve", "--port", "0", "--json", *arguments]


# A developer's own, beside all that begins with SCIM_.
_OWN = {"NO_COLOR", "FORCE_COLOR", "PY_COLORS", "TTY_COMPATIBLE", "COLUMNS", "LINES"}


def environment(**changes: str) -> dict[str, str]:
    """Keep what a process needs, not a developer's own settings."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SCIM_") and name not in _OWN
    }
    return {**kept, "PYTHONPATH": str(ROOT), **changes}


@contextmanager
def serving(
    folder: Path, *arguments: str, **changes: str
) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Start a server whose `.local` is in `folder`; gives the process and its first line.

    Its log is in `folder` too, where the search for secrets looks (`tests/leaks.py`). It fails when
    the server needs more memory than a worker may (`docs/capacity.md`).
    """
    with (
        (folder / "server.log").open("ab") as log,
        subprocess.Popen(
            command(*arguments),
            cwd=folder,
            env=environment(**changes),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, (folder / "server.log").read_text("utf-8")
        try:
            yield process, json.loads(first)
            most = memory.peak(process.pid)
            assert most < memory.MOST, f"the server had {most:.0f} MB"
        finally:
            if process.poll() is None:
                process.terminate()


def ask(access: Any, method: str, path: str, document: Any = None, **more: str) -> tuple[int, Any]:
    """Send one request on a connection of its own; `more` are headers."""
    url = urlsplit(access["tenantUrl"])
    connection = http.client.HTTPConnection(url.netloc, timeout=60)
    headers = {
        "Authorization": f"Bearer {access['secretToken']}",
        "Content-Type": "application/scim+json",
        **more,
    }
    body = None if document is None else json.dumps(document)
    try:
        connection.request(method, url.path + path, body, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text) if text else None
