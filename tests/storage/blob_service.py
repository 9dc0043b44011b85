"""Azurite's blob service as a child process, in memory, for the tests of backups."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scim.cli.azurite import free_port
from scim.settings import AZURITE_ACCOUNT

_MAIN = Path(__file__).parents[2] / "node_modules/azurite/dist/src/blob/main.js"


@contextmanager
def blob_service() -> Iterator[str]:
    """Run it on a free port; gives the account's URL."""
    for _ in range(5):
        process, port = _begun()
        if _listens(process, port):
            break  # else somebody took the port before it did
    try:
        yield f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
    finally:
        process.kill()
        process.wait()


def _begun() -> tuple[subprocess.Popen[bytes], int]:
    node = shutil.which("node")
    assert node
    port = free_port()
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    options += ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    process = subprocess.Popen(
        [node, str(_MAIN), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return process, port


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until it answers; tell whether it does, or it has ended."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    process.kill()
    process.wait()
    raise TimeoutError("the blob service did not start")
