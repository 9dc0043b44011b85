"""Azurite's table service as a child process: loopback only, telemetry off, stopped cleanly."""

import fcntl
import http.client
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scim.cli.problem import InUse, Problem
from scim.settings import azurite_connection

_MAIN = Path(__file__).parents[2] / "node_modules/azurite/dist/src/table/main.js"
_START_SECONDS = 60
_STOP_SECONDS = 15
_LISTENS, _TAKEN = "successfully started", "EADDRINUSE"  # what it writes

# Runs Azurite's main.js, and adds what its command line lacks:
# - It writes its data every 5 seconds and on SIGINT, not on SIGTERM. Its standard input is a pipe
#   from us, so that it also writes and stops when we die, whatever kills us.
# - Its own --tableKeepAliveTimeout has no effect (3.35 reads the option under a misspelt name), and
#   after the default of 5 seconds it resets connections that a busy client is about to use.
_WRAPPER = """
const { Server } = require("http");
Object.defineProperty(Server.prototype, "keepAliveTimeout", { get: () => 120000, set: () => {} });
process.stdin.on("end", () => process.kill(process.pid, "SIGINT")).resume();
require(process.argv[1]);
"""


def free_port() -> int:
    """Find a port that nobody has just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def azurite(folder: Path, find_port: Callable[[], int] = free_port) -> Iterator[str]:
    """Run Azurite on a free port with its data in `folder`; gives the connection string.

    Raises Problem when node or its package is missing, or when another process uses the folder.
    """
    node = shutil.which("node")
    if node is None:
        raise Problem(
            "Azurite needs Node.js 20 or newer, and there is no `node` on the PATH; "
            "install it, or use --storage memory"
        )
    if not _MAIN.exists():
        raise Problem("Azurite is not installed; run `make setup`, or use --storage memory")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"{folder} can't be used as a folder for data: {error.strerror}") from error
    with _alone(folder):
        process, port = _started(node, folder, find_port)
        try:
            yield azurite_connection(port)
        finally:
            _stop(process)


def _started(
    node: str, folder: Path, find_port: Callable[[], int]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start it on a port that is free; on another one if somebody takes that before it does.

    Every connection that this machine opens may: it takes a port of the same range.
    """
    while True:
        port = find_port()
        process = _start(node, folder, port)
        listens = False
        try:
            if listens := _listens(process, folder):
                return process, port
        finally:
            if not listens:
                _stop(process)


def _start(node: str, folder: Path, port: int) -> subprocess.Popen[bytes]:
    options = ["--location", str(folder), "--tableHost", "127.0.0.1", "--tablePort", str(port)]
    options += ["--disableTelemetry", "--skipApiVersionCheck", "--silent"]
    with _log(folder).open("wb") as output:
        return subprocess.Popen(
            [node, "-e", _WRAPPER, "--", str(_MAIN), *options],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A Ctrl-C in the terminal is for us: Azurite has to outlive our last request.
            start_new_session=True,
        )


def _listens(process: subprocess.Popen[bytes], folder: Path) -> bool:
    """Wait until it says that it listens; tell whether it does, or its port was taken."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        ended = process.poll() is not None
        said = _log(folder).read_text("utf-8", "replace")
        if _LISTENS in said:
            return True
        if ended and _TAKEN in said:
            return False
        if ended:
            last = said.strip().splitlines()[-1:]
            raise Problem(f"Azurite stopped at once: {' '.join(last)} (see {_log(folder)})")
        time.sleep(0.05)
    raise Problem(f"Azurite did not answer within {_START_SECONDS} seconds; see {_log(folder)}")


def answers(connection: str) -> bool:
    """Tell whether an Azurite answers at a connection string of ours."""
    found = re.search(r"TableEndpoint=http://127\.0\.0\.1:(\d+)/", connection)
    return found is not None and _answers(int(found[1]))


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which makes it write its data and end (a second SIGINT would cut that)."""
    try:
        process.communicate(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder: two Azurites on one folder overwrite each other's data."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InUse(
                f"another server uses the data in {folder}; stop it, "
                "or give both the same --storage CONNECTION-STRING"
            ) from error
        yield


def _log(folder: Path) -> Path:
    return folder.with_suffix(".log")
