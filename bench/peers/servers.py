"""Starting each server as a process of its own: peers are installed into a folder that goes again.

Versions are pinned here. pip and npm need their registries, or a mirror that they are set to.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.serving import Connection, cpu_of, serving
from scim.cli.azurite import azurite

PYTHON_PEER = ("scim2-server==0.8.3", "scim2-models==0.12.3", "waitress==3.0.2")
NODE_PEER = ("scimmy-routers@1.3.2", "scimmy@1.3.5", "express@4.22.3")
_HERE = Path(__file__).parent
# Up to which size a server is measured, and why.
_ON_AZURITE = (1_000, "each row takes Azurite longer than the one before")
_WITH_LATENCY = (1_000, "smaller groups tell what becomes of parallel changes")
# Milliseconds until the handlers' store answers. In memory, no request comes between what another
# reads and what it writes; whatever store one would really use takes its time.
_NODE_STORES = {"scimmy-routers": 0, "scimmy-routers, a store of 5 ms": 5}
_TOKEN = "a-token-of-the-peers-bench"
_INSTALL_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers. With `largest`, it is measured up to a size, for a reason; without
    `timed`, only what becomes of members that are added at once.
    """

    name: str
    tenant_url: str
    token: str
    pid: int
    largest: tuple[int, str] | None = None
    timed: bool = True

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        opened = Connection(self.tenant_url, self.token)
        try:
            yield opened
        finally:
            opened.close()

    def cpu(self) -> float | None:
        return cpu_of(self.pid)


@contextmanager
def all_servers(folder: Path) -> Iterator[list[Running]]:
    """Start this server on both stores, and the peers."""
    node = _node_packages(folder / "node")
    with ExitStack() as stack:
        memory = stack.enter_context(serving("memory", folder / "memory"))
        where = stack.enter_context(azurite(folder / "azurite"))
        tables = stack.enter_context(serving(where, folder / "tables"))
        yield [
            Running("ours, memory", *memory.access, memory.pid),
            Running("ours, Azurite", *tables.access, tables.pid, largest=_ON_AZURITE),
            stack.enter_context(_python_peer(folder / "python")),
            *(
                Running(
                    name,
                    f"http://127.0.0.1:{port}/scim",
                    _TOKEN,
                    pid,
                    _WITH_LATENCY if latency else None,
                    timed=not latency,
                )
                for name, latency in _NODE_STORES.items()
                for port, pid in [stack.enter_context(_node_peer(node, latency))]
            ),
        ]


@contextmanager
def _python_peer(folder: Path) -> Iterator[Running]:
    _run(sys.executable, "-m", "venv", folder)
    python = folder / "bin" / "python"
    _run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_PEER)
    port = _free_port()
    with _started([python, _HERE / "python_server.py", port, _TOKEN], folder) as pid:
        yield Running("scim2-server", f"http://127.0.0.1:{port}/v2", _TOKEN, pid)


def _node_packages(folder: Path) -> Path:
    """Install the packages and put the program beside them, where Node.js looks for them."""
    folder.mkdir()
    (folder / "package.json").write_text('{"type": "module"}', "utf-8")
    _run("npm", "install", "--silent", "--no-audit", "--no-fund", *NODE_PEER, within=folder)
    program = folder / "server.mjs"
    program.write_text((_HERE / "node_server.mjs").read_text("utf-8"), "utf-8")
    return program


@contextmanager
def _node_peer(program: Path, latency: int) -> Iterator[tuple[int, int]]:
    port = _free_port()
    with _started(["node", program, port, _TOKEN, latency], program.parent) as pid:
        yield port, pid


def _run(*command: object, within: Path | None = None) -> None:
    subprocess.run(
        [str(each) for each in command],
        cwd=within,
        check=True,
        timeout=_INSTALL_SECONDS,
        stdout=sys.stderr,
    )


@contextmanager
def _started(command: list[object], folder: Path) -> Iterator[int]:
    """Start a program that prints a line when it listens; its messages go into a file."""
    said = folder / f"messages-{time.monotonic_ns()}"
    with (
        said.open("w", encoding="utf-8") as messages,
        subprocess.Popen(
            [str(each) for each in command],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            if not process.stdout.readline():
                raise SystemExit(f"a peer did not start: {said.read_text()}")
            yield process.pid
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
