"""`serve`: run the app on this machine, with Azurite or in memory, without Core Tools."""

import argparse
import asyncio
import importlib
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scim import credentials, ids
from scim.cli import local
from scim.cli.azurite import azurite
from scim.cli.problem import Problem
from scim.directory import RESERVED_NAMES, Directory, NameTaken
from scim.errors import ScimError

if TYPE_CHECKING:
    from function_app import Service

# Each start issues a token per directory, so that none is kept on disk; they must not pile up for
# ever.
TOKEN_LIFETIME = timedelta(days=30)
_HIGHEST_PORT = 65535
_PREPARE_SECONDS = 30
_FINISH_SECONDS = 30  # for requests that run when we are told to stop
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Access:
    """What Entra's fields Tenant URL and Secret Token take."""

    directory: str
    tenant_url: str
    secret_token: str


def describe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its options to the command line."""
    parser = commands.add_parser(
        "serve", help="run the server on this machine", description=__doc__
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default %(default)s)"
    )
    parser.add_argument(
        "--port", default=7071, type=_port, help="0 takes any free one (default %(default)s)"
    )
    parser.add_argument(
        "--storage",
        default="azurite",
        metavar="azurite|memory|CONNECTION-STRING",
        help="where data is kept (default azurite: started here, data in .local/azurite)",
    )
    parser.add_argument(
        "--directory",
        action="append",
        metavar="NAME",
        type=_directory_name,
        help="issue a token for this directory, made if missing; repeatable (default demo)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON line per directory, nothing else"
    )
    parser.set_defaults(run=run)


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= _HIGHEST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r}: use 0 to {_HIGHEST_PORT}")


def _directory_name(name: str) -> str:
    if name in RESERVED_NAMES:
        raise argparse.ArgumentTypeError(f"{name} is reserved: paths of the service begin with it")
    if not _NAME.fullmatch(name):
        raise argparse.ArgumentTypeError(
            f"{name!r}: use 1 to 63 of a-z, 0-9 and -, with no - at either end"
        )
    return name


def run(chosen: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM. Raises Problem when something on this machine is missing."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    asyncio.run(_until_stopped(chosen))


async def _until_stopped(chosen: argparse.Namespace) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if not stopped and task is not None:  # a second Ctrl-C must not cut the clean-up short
            stopped = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await _serve(chosen)
    except asyncio.CancelledError:
        if not stopped:
            raise


async def _serve(chosen: argparse.Namespace) -> None:
    names = list(dict.fromkeys(chosen.directory or ["demo"]))
    async with AsyncExitStack() as stack:  # closed in reverse order: the server, the store, Azurite
        listener = stack.enter_context(_bind(chosen.host, chosen.port))
        storage = chosen.storage
        if storage == "azurite":
            storage = stack.enter_context(azurite(local.folder() / "azurite"))
        os.environ["SCIM_STORAGE"] = storage
        os.environ.setdefault("SCIM_PEPPER", local.pepper())
        app = _import_app()
        service: Service = app.service
        stack.push_async_callback(service.storage.close)
        base = service.settings.public_url or _address(chosen.host, listener)
        try:
            async with asyncio.timeout(_PREPARE_SECONDS):
                await service.storage.prepare()
                accesses = [await _admit(service, name, base) for name in names]
        except (ScimError, TimeoutError, OSError) as error:
            raise Problem(
                f"the storage can't be reached; check --storage and that it runs ({error})"
            ) from error
        await _listen(stack, app.app, listener)
        _tell(accesses, as_json=chosen.json)
        await asyncio.Event().wait()


def _bind(host: str, port: int) -> socket.socket:
    """Take the port first: nothing needs to be started when it is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Problem(f"can't listen on {host}: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Problem(
            f"can't listen on {host}:{port} ({error.strerror}); choose another with --port"
        ) from error
    return listener


def _address(host: str, listener: socket.socket) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
    port = listener.getsockname()[1]
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _import_app() -> Any:
    """Import the app as the Functions worker does; it reads its settings from the environment."""
    root = str(Path(__file__).parents[2])
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        return importlib.import_module("function_app")
    except ValueError as error:  # SettingsError, or a connection string that the SDK can't read
        raise Problem(f"the server can't start: {error}") from error


async def _admit(service: "Service", name: str, base: str) -> Access:
    """Find or make a directory, and issue a token for it."""
    registry = service.storage.registry
    directory = await registry.directory_named(name)
    if directory is None:
        directory = Directory(id=ids.resource_id().replace("-", ""), name=name)
        try:
            await registry.add_directory(directory)
        except NameTaken:  # by another process that starts at the same moment: share it
            directory = await registry.directory_named(name)
            if directory is None:
                raise
    token, record = credentials.issue(
        directory.id,
        pepper=service.settings.pepper.get_secret_value(),
        now=datetime.now(UTC),
        lifetime=TOKEN_LIFETIME,
    )
    await registry.add_credential(record)
    return Access(name, f"{base}/{name}/scim", token)


async def _listen(stack: AsyncExitStack, app: Any, listener: socket.socket) -> None:
    from aiohttp import web  # noqa: PLC0415 - 0.3 s that `--help` and a bad option need not wait for

    from scim.cli import host  # noqa: PLC0415 - as above

    runner = web.AppRunner(
        host.application(app),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_FINISH_SECONDS,
        # Past the host's limits, so that `host` can answer with the host's status instead of
        # aiohttp's 400.
        max_line_size=8 * host.LONGEST_REQUEST_LINE,
        max_field_size=2 * host.LONGEST_HEADERS,
    )
    stack.push_async_callback(runner.cleanup)
    await runner.setup()
    await web.SockSite(runner, listener).start()


def _tell(accesses: Sequence[Access], *, as_json: bool) -> None:
    for each in accesses:
        if as_json:
            line = {
                "directory": each.directory,
                "tenantUrl": each.tenant_url,
                "secretToken": each.secret_token,
            }
            print(json.dumps(line))
            continue
        print(f"\nDirectory {each.directory}")
        print(f"  Tenant URL    {each.tenant_url}")
        print(f"  Secret Token  {each.secret_token}")
        print(
            f"  Try           curl -H 'Authorization: Bearer {each.secret_token}' "
            f"{each.tenant_url}/Users"
        )
    if not as_json:
        print("\nCtrl-C stops the server.\n")
    sys.stdout.flush()
