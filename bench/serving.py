"""A server under measurement: `python -m scim serve` in a process of its own, its request log, its
CPU clock, and one keep-alive connection to it.
"""

import ctypes
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from bench.telling import ROOT

DIRECTORY = "bench"
_LOG_SECONDS = 10  # that a log line may lag behind its response
_STOP_SECONDS = 40


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `path` is below the Tenant URL."""

    method: str
    path: str
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A response and the seconds it took, from the first byte sent to the last one read."""

    status: int
    text: bytes
    request_id: str
    seconds: float

    @property
    def document(self) -> Any:
        return json.loads(self.text)


class Connection:
    """A connection that stays open, with the directory's token."""

    def __init__(self, tenant_url: str, token: str) -> None:
        url = urlsplit(tenant_url)
        self._connection = http.client.HTTPConnection(url.netloc, timeout=600)
        self._base = url.path
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/scim+json; charset=utf-8",
        }

    def send(self, request: Request) -> Answer:
        begun = time.perf_counter()
        self._connection.request(
            request.method, self._base + request.path, request.body, self._headers
        )
        response = self._connection.getresponse()
        text = response.read()
        seconds = time.perf_counter() - begun
        return Answer(response.status, text, response.getheader("x-request-id", ""), seconds)

    def close(self) -> None:
        self._connection.close()


class Server:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[str]", log: "_Log", access: Any) -> None:
        self._process = process
        self._log = log
        self._access = access

    @property
    def access(self) -> tuple[str, str]:
        """Tenant URL and token."""
        return self._access["tenantUrl"], self._access["secretToken"]

    @property
    def pid(self) -> int:
        return self._process.pid

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        opened = Connection(*self.access)
        try:
            yield opened
        finally:
            opened.close()

    def facts(self, request_id: str) -> Mapping[str, Any]:
        """Find what the server logged of a request: `roundTrips`, `calls`, `rows`, …."""
        return self._log.find(request_id)

    def cpu(self) -> float | None:
        """Read the CPU seconds that the process has used; None where that can't be measured."""
        return cpu_of(self._process.pid)


@contextmanager
def serving(storage: str, folder: Path) -> Iterator[Server]:
    """Start a server with its pepper in `folder`, and stop it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCIM_")}
    command = [sys.executable, "-m", "scim", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--storage", storage, "--directory", DIRECTORY],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        log = _Log(process.stderr)
        try:
            line = process.stdout.readline()
            if not line:
                raise SystemExit(f"the server did not start:\n{log.last()}")
            yield Server(process, log, json.loads(line))
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def cpu_of(pid: int) -> float | None:
    """Read a process's CPU clock: POSIX, in nanoseconds on Linux, where /proc counts in 10 ms."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "clock_getcpuclockid"):  # macOS, Windows
        return None
    clock = ctypes.c_int()
    if library.clock_getcpuclockid(ctypes.c_int(pid), ctypes.byref(clock)) != 0:
        return None
    return time.clock_gettime(clock.value)


class _Log:
    """The server's standard error, read as it comes so that the server never waits for us."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: dict[str, Mapping[str, Any]] = {}
        self._others: deque[str] = deque(maxlen=30)
        self._reader = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            _, brace, rest = line.partition("{")
            if brace and '"requestId"' in rest:
                facts = json.loads(brace + rest)
                self._lines[facts["requestId"]] = facts
            else:
                self._others.append(line)

    def find(self, request_id: str) -> Mapping[str, Any]:
        deadline = time.monotonic() + _LOG_SECONDS
        while time.monotonic() < deadline:
            if request_id in self._lines:
                return self._lines.pop(request_id)
            time.sleep(0.002)
        raise SystemExit(f"the server logged no line of request {request_id}\n{self.last()}")

    def last(self) -> str:
        """Give what else the server wrote: warnings and tracebacks."""
        self._reader.join(1)
        return "".join(self._others)
