"""`serve`: run the app on this machine, with Azurite or in memory, without Core Tools."""

import asyncio
import errno
import getpass
import importlib
import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scim.cli import local
from scim.cli.azurite import azurite
from scim.cli.making import Issuer, directory_name, new_directory
from scim.cli.problem import Problem
from scim.cli.process import program
from scim.cli.ruling import DEFAULT_PRESET, preset_named
from scim.cli.store import checked
from scim.errors import ScimError
from scim.registry import NameTaken

if TYPE_CHECKING:
    from function_app import Service

# Each start issues a token per directory, so that none is kept on disk; they must not pile up for
# ever.
TOKEN_LIFETIME = timedelta(days=30)
_HIGHEST_PORT = 65535
_PREPARE_SECONDS = 30
_FINISH_SECONDS = 30  # for requests that run when we are told to stop

_logger = logging.getLogger("scim.serve")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The options of one start; `directories` are names, and presets that were asked for."""

    host: str
    port: int
    storage: str
    directories: Mapping[str, str | None]
    as_json: bool


@dataclass(frozen=True, slots=True)
class Access:
    """What Entra's fields Tenant URL and Secret Token take."""

    directory: str
    tenant_url: str
    secret_token: str


def _port(number: int) -> int:
    if 0 <= number <= _HIGHEST_PORT:
        return number
    raise typer.BadParameter(f"use 0 to {_HIGHEST_PORT}")


def _wanted(text: str) -> tuple[str, str | None]:
    """Read NAME or NAME=PRESET."""
    name, named, preset = text.partition("=")
    if named:
        preset_named(preset)
    return directory_name(name), preset if named else None


def _all_wanted(texts: Sequence[str]) -> Mapping[str, str | None]:
    wanted: dict[str, str | None] = {}
    for text in texts:
        name, preset = _wanted(text)
        if wanted.setdefault(name, preset) != preset:
            raise typer.BadParameter(f"--directory names {name} twice, with different presets")
    return wanted


def serve(
    *,
    host: Annotated[
        str, typer.Option("--host", metavar="H", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="N", callback=_port, help="0 takes any free one.")
    ] = 7071,
    storage: Annotated[
        str,
        typer.Option(
            "--storage",
            metavar="azurite|memory|CONNECTION-STRING",
            help="Where data is kept; azurite: started here, data in .local/azurite.",
        ),
    ] = "azurite",
    directory: Annotated[
        list[str] | None,
        typer.Option(
            "--directory",
            metavar="NAME[=PRESET]",
            help="Issue a token for this directory, made if missing; repeatable (default demo).",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line per directory, nothing else.")
    ] = False,
) -> None:
    """Run the server on this machine until Ctrl-C.

    Each start issues a token per directory, which lives for 30 days.
    """
    wanted = _all_wanted(directory or ["demo"])
    if storage != "azurite":
        checked("SCIM_STORAGE", storage, "--storage")
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    asyncio.run(_until_stopped(_Chosen(host, port, storage, wanted, as_json)))


async def _until_stopped(chosen: _Chosen) -> None:
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


async def _serve(chosen: _Chosen) -> None:
    async with AsyncExitStack() as stack:  # closed in reverse order: the server, the store, Azurite
        listener = stack.enter_context(_bind(chosen.host, chosen.port))
        storage = chosen.storage
        base = _address(chosen.host, listener)
        if storage == "azurite":
            storage = stack.enter_context(azurite(local.folder() / "azurite"))
            stack.enter_context(local.announced(storage, base))
        os.environ["SCIM_STORAGE"] = storage
        os.environ.setdefault("SCIM_PEPPER", local.pepper())
        os.environ.setdefault("SCIM_SIGNING_KEYS", local.signing_key())
        app = _import_app()
        service: Service = app.service
        stack.push_async_callback(service.storage.close)
        stack.push_async_callback(service.server.close)
        base = service.settings.public_url or base
        try:
            async with asyncio.timeout(_PREPARE_SECONDS):
                await service.storage.prepare()
                current, *previous = service.settings.peppers
                issuer = Issuer(service.storage, current, getpass.getuser(), tuple(previous))
                await issuer.agree()
                accesses = [
                    await _admit(issuer, name, preset, base)
                    for name, preset in chosen.directories.items()
                ]
        except (ScimError, TimeoutError, OSError) as error:
            raise Problem(
                f"the storage can't be reached; check --storage and that it runs ({error})"
            ) from error
        await _listen(stack, app.app, listener)
        _tell(accesses, as_json=chosen.as_json)
        await asyncio.Event().wait()


def _bind(host: str, port: int) -> socket.socket:
    """Take the port first: nothing needs to be started when it is taken."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Problem(
            f"can't listen on {host} ({error.strerror}); choose another with --host"
        ) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        option = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
        raise Problem(
            f"can't listen on {host}:{port} ({error.strerror}); choose another with {option}"
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


async def _admit(issuer: Issuer, name: str, preset: str | None, base: str) -> Access:
    """Find or make a directory, and issue a token for it."""
    registry = issuer.storage.registry
    now = datetime.now(UTC)
    directory = await registry.directory_named(name)
    if directory is None:
        made_of = preset or DEFAULT_PRESET
        rules = preset_named(made_of)
        # Whoever tries it out has the machine to themselves.
        limits = rules.limits.model_copy(update={"requests_per_second": 0})
        rules = rules.model_copy(update={"limits": limits})
        directory = new_directory(name, rules, preset=made_of, now=now)
        try:
            await registry.add_directory(directory)
        except NameTaken:  # by another process that starts at the same moment: share it
            directory = await registry.directory_named(name)
            if directory is None:
                raise
    if preset is not None and directory.preset != preset:
        found = f"the preset {directory.preset}" if directory.preset else "rules of its own"
        _logger.warning(
            "directory %s has %s, not the preset %s, and is left as it is; to change it:"
            " %s directory set %s --preset %s",
            name,
            found,
            preset,
            program(),
            name,
            preset,
        )
    token, _ = await issuer.issue(directory, now=now, days=TOKEN_LIFETIME, label="serve")
    return Access(name, f"{base}/{name}/scim", token)


async def _listen(stack: AsyncExitStack, app: Any, listener: socket.socket) -> None:
    from aiohttp import web  # noqa: PLC0415 - 0.3 s that `--help` and a bad option need not wait for

    from scim.cli import host  # noqa: PLC0415 - as above

    runner = web.AppRunner(
        host.application(app),
        access_log=None,
        logger=host.http_logger,
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
