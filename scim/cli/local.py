"""What is kept between starts, in `.local/` of the working directory (git-ignored)."""

import json
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from scim.cli.azurite import answers, azurite
from scim.cli.problem import InUse, Problem
from scim.settings import SHORTEST_PEPPER

_PATIENCE = 30.0  # seconds to wait for a process that starts or ends with the same data


def folder() -> Path:
    """Make and return the folder; only its owner may look inside."""
    found = Path.cwd() / ".local"
    try:
        found.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise Problem(f"{found} can't be used as the folder for data: {error.strerror}") from error
    return found


def pepper() -> str:
    """Read the pepper of this machine."""
    return _secret("pepper", "voids all tokens")


def signing_key() -> str:
    """Read the key that access tokens are signed with on this machine."""
    return _secret("signing-key", "ends all access tokens")


def kept_signing_key() -> str | None:
    """Read that key where a server of this folder has made it."""
    return signing_key() if (folder() / "signing-key").exists() else None


def _secret(name: str, loss: str) -> str:
    """Read a secret of this machine, making it once, also when two servers start together."""
    path = folder() / name
    if not path.exists():
        fresh = path.with_name(f"{name}.{os.getpid()}")
        _write(fresh, secrets.token_hex(32))
        try:
            os.link(fresh, path)  # fails where one exists: the first one stays
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    found = path.read_text("ascii", "replace").strip()
    if len(found) < SHORTEST_PEPPER:
        raise Problem(f"{path} is damaged: put it back, or remove it, which {loss}")
    return found


@contextmanager
def announced(connection: str, url: str) -> Iterator[None]:
    """Leave word of a running Azurite and of the server before it, for other commands."""
    path = folder() / "azurite.json"
    fresh = path.with_name(f"azurite.json.{os.getpid()}")
    _write(fresh, json.dumps({"connection": connection, "url": url}))
    fresh.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def store() -> Iterator[tuple[str, str | None]]:
    """Find the Azurite of this folder's `serve`, or run one as long as the command.

    Gives its connection string, and the server's URL where one runs. The lock on the data decides
    whether another process has it: what a killed server announced is passed over. Blocks.
    """
    deadline = time.monotonic() + _PATIENCE
    with ExitStack() as stack:
        found: tuple[str, str | None] | None = None
        while found is None:
            try:
                found = (stack.enter_context(azurite(folder() / "azurite")), None)
            except InUse:
                found = _announced()
                if found is None and time.monotonic() > deadline:
                    raise
                time.sleep(0 if found else 0.2)
        yield found


def _announced() -> tuple[str, str | None] | None:
    with suppress(OSError, ValueError, KeyError, TypeError):
        found = json.loads((folder() / "azurite.json").read_text("utf-8"))
        connection, url = str(found["connection"]), str(found["url"])
        if answers(connection):
            return connection, url
    return None


def _write(path: Path, text: str) -> None:
    """Write a new file that only its owner may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
