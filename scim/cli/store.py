"""Opening what a command works on: the store, the pepper, who the operator is.

Nothing but this decides where directories are: `--account`, `--storage`, SCIM_STORAGE, or the
Azurite of this folder's `.local/`, in this order.
"""

import asyncio
import base64
import binascii
import getpass
import json
import logging
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import typer

from scim import ids
from scim.cli import local
from scim.cli.problem import Problem
from scim.cli.process import interruptible, program
from scim.directory import Directory
from scim.errors import Unavailable
from scim.journal import Entry
from scim.registry import Unreadable
from scim.settings import Settings, SettingsError
from storage.open import Storage, open_storage

PEPPER_SECRET = "scim-pepper"  # the name of a secret, not one  # noqa: S105
LOCAL_URL = "http://127.0.0.1:7071"  # where `serve` listens unless it is told otherwise
_STORAGE_SCOPE = "https://storage.azure.com/.default"
# Stands in for what is not asked for while the other setting is checked.
_FILLER: Mapping[str, str] = {"SCIM_STORAGE": "memory", "SCIM_PEPPER": "-" * 64}

_ACCESS = "; sign in (az login), and have the role Storage Table Data Contributor on the account"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say of where directories and their pepper are; None: not given."""

    account: str | None = None
    storage: str | None = None
    vault: str | None = None

    @property
    def options(self) -> str:
        """Write the options again, for a command to copy; a connection string holds a key."""
        given = [f"--account {shlex.quote(self.account)}"] if self.account else []
        if self.storage:
            given.append("--storage azurite" if self.storage == "azurite" else "--storage …")
        given += [f"--vault {shlex.quote(self.vault)}"] if self.vault else []
        return "".join(f" {each}" for each in given)

    def address(self) -> str | None:
        """Find the store's address; None: this folder's own Azurite.

        Raises Problem, and a usage error when it is an option that can't be right.
        """
        if self.account and self.storage:
            raise typer.BadParameter(
                "give --account or --storage, not both: each says where directories are"
            )
        if self.vault and not self.vault.startswith("https://"):
            raise typer.BadParameter("--vault takes a vault's URL: https://NAME.vault.azure.net")
        if self.account and not _is_table_url(self.account):
            raise typer.BadParameter(
                "--account takes an account's table URL: https://ACCOUNT.table.core.windows.net"
            )
        found = self._named
        if found is None:
            return None
        if found == "memory":
            raise Problem("a store in memory ends with its process: only `serve` can use one")
        option = "--account" if self.account else "--storage" if self.storage else None
        return checked("SCIM_STORAGE", found, option).storage.get_secret_value()

    @property
    def place(self) -> str:
        """Say where directories are looked for; a connection string holds a key."""
        if self._named is None:
            return str(Path.cwd() / ".local")
        return self.account or f"the account of {'--storage' if self.storage else 'SCIM_STORAGE'}"

    @property
    def _named(self) -> str | None:
        found = self.account or self.storage or os.environ.get("SCIM_STORAGE", "").strip()
        return None if found in ("", "azurite") else found


@dataclass(slots=True)
class Desk:
    """What a command works with: an open store, and who works."""

    where: Where
    storage: Storage
    local: bool = False
    url: str | None = None  # where a server of this folder answers
    _by: str = field(default="", init=False)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def place(self) -> str:
        return self.where.place

    async def by(self) -> str:
        """Name the operator: the OS user, or the object id that the account knows."""
        if not self._by:
            self._by = await _object_id() if self.where.account else getpass.getuser()
        return self._by

    async def pepper(self) -> bytes:
        """Read the pepper, from the vault, SCIM_PEPPER or this folder. Raises Problem."""
        if self.where.vault:
            text = await _secret(self.where.vault)
        elif found := os.environ.get("SCIM_PEPPER", "").strip():
            text = found
        elif self.where.account:
            raise Problem(
                "a token needs the pepper of the service: give --vault https://NAME.vault.azure.net"
                f" (its secret {PEPPER_SECRET}), or set SCIM_PEPPER"
            )
        else:
            text = local.pepper()
        return checked("SCIM_PEPPER", text).pepper.get_secret_value()

    async def directory(self, name: str) -> Directory:
        """Find a directory by its name. Raises Problem that names those that exist."""
        try:
            found = await self.storage.registry.directory_named(name)
        except Unreadable as error:
            raise Problem(
                f"the record of the directory {name} ({error.id}) can't be read: it is damaged, or"
                " another version of this program wrote it; use that version"
            ) from error
        if found is not None:
            return found
        known = [each.name async for each in self.storage.registry.directories()]
        few = ", ".join(known[:10]) + (", …" if len(known) > 10 else "")
        if known:
            raise Problem(f"there is no directory {name}; there are {few}")
        make = f"{program()} directory add{self.where.options}"
        raise Problem(f"there is no directory {name}, and none at all in {self.place}: {make}")

    async def journal(self, directory: Directory, operation: str, **more: Any) -> None:
        """Record an operator's act in the directory's log."""
        now = self.now
        entry = Entry(
            id=ids.change_id(now),
            at=ids.timestamp(now),
            verb="operate",
            operation=operation,
            by=await self.by(),
            **more,
        )
        await self.storage.repository(directory).record(entry)


@asynccontextmanager
async def opened(where: Where) -> AsyncIterator[Desk]:
    """Open the store that the options name, and close it."""
    address = where.address()
    if where.account:
        # What is wrong is said in one sentence; the SDK would log a page of it before.
        logging.getLogger("azure").setLevel(logging.CRITICAL)
    async with AsyncExitStack() as stack:
        url = None
        is_local = address is None
        if address is None:
            with interruptible():
                address, url = stack.enter_context(local.store())
        try:
            storage = open_storage(address)
        except ValueError as error:  # a connection string that the SDK can't read
            if where.storage:
                raise typer.BadParameter(f"--storage can't be opened: {error}") from error
            raise Problem(f"the storage can't be opened: {error}") from error
        stack.push_async_callback(storage.close)
        if is_local:
            await storage.prepare()
        try:
            yield Desk(where, storage, is_local, url)
        except Unavailable as error:
            raise Problem(error.detail + (_ACCESS if where.account else "")) from error


def checked(name: str, value: str, option: str | None = None) -> Settings:
    """Check one setting as the service does. Raises Problem, a usage error for an option's."""
    try:
        return Settings.read({**_FILLER, name: value})
    except SettingsError as error:
        if option is not None:
            raise typer.BadParameter(str(error).replace(name, option)) from None
        raise Problem(str(error)) from None


def _is_table_url(text: str) -> bool:
    """Tell an account's table URL from its others (blob, queue, file), in any cloud."""
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    return url.scheme == "https" and ".table." in (url.hostname or "")


def public_url(desk: Desk, given: str | None) -> str:
    """Find the address that clients use. Raises Problem when nothing says it."""
    found = given or os.environ.get("SCIM_PUBLIC_URL", "").strip()
    if found:
        option = "--base-url" if given else None
        url = checked("SCIM_PUBLIC_URL", found, option).public_url
        assert url is not None  # noqa: S101 - it was given
        return url
    if desk.local:
        return desk.url or LOCAL_URL
    raise Problem(
        "the Tenant URL begins with the service's address: give --base-url https://… or set"
        " SCIM_PUBLIC_URL"
    )


async def _object_id() -> str:
    """Read who we are from an access token's payload: it was just issued to us, so it is true."""
    # Both only where an account is used: 0.5 s of import.
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415

    credential = DefaultAzureCredential()
    try:
        token = (await _signed_in(credential.get_token(_STORAGE_SCOPE))).token
    finally:
        await credential.close()
    return object_id(token)


def object_id(token: str) -> str:
    """Read the object id that an access token names. Raises Problem."""
    try:
        payload = token.split(".")[1]
        padded = payload + "=" * (-len(payload) % 4)
        claims = json.loads(base64.urlsafe_b64decode(padded))
        return str(claims["oid"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise Problem("the access token names no object id: sign in with `az login`") from error


async def _secret(vault: str) -> str:
    from azure.core.exceptions import AzureError  # noqa: PLC0415 - as above
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

    credential = DefaultAzureCredential()
    try:
        async with SecretClient(vault, credential) as client:
            return (await _signed_in(client.get_secret(PEPPER_SECRET))).value or ""
    except (AzureError, ValueError) as error:
        raise Problem(
            f"the vault does not give its secret {PEPPER_SECRET}: check --vault, and that you may"
            f" read it, role Key Vault Secrets User ({type(error).__name__})"
        ) from error
    finally:
        await credential.close()


async def _signed_in(asked: Awaitable[T]) -> T:
    from azure.core.exceptions import ClientAuthenticationError  # noqa: PLC0415 - as above

    try:
        async with asyncio.timeout(60):
            return await asked
    except (ClientAuthenticationError, TimeoutError) as error:
        raise Problem("you are not signed in to Azure: run `az login`") from error
