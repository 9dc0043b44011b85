"""Azurite's blob service as a child process, in memory, for the tests of backups."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scim.settings import AZURITE_ACCOUNT

_MAIN = Path(__file__).parents[2] / "node_modules/azurite/dist/src/blob/main.js"


@contextmanager
def blob_service() -> Iterator[str]:
    """Run it on a free port; gives the account's URL."""
    node = shutil.which("node")
    assert node
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    options += ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    process = subprocess.Popen(
        [node, str(_MAIN), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port)
        yield f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
    finally:
        process.kill()
        process.wait()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the blob service did not start")
