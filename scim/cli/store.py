"""Opening what a command works on: the store, the pepper, who the operator is.

Nothing but this decides where directories are: `--account`, `--storage`, SCIM_STORAGE, or the
Azurite of this folder's `.local/`, in this order.
"""

import getpass
import logging
import os
import shlex
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer

from scim import ids
from scim.auth.access_tokens import Signer
from scim.auth.keys import AUTHORITY
from scim.cli import local, signing_in
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
SIGNING_SECRET = "scim-signing-keys"  # as above  # noqa: S105
# Stands in for what is not asked for while the other setting is checked.
_FILLER: Mapping[str, str] = {"SCIM_STORAGE": "memory", "SCIM_PEPPER": "-" * 64}

_ACCESS = "; sign in (az login), and have the role Storage Table Data Contributor on the account"


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
            self._by = await signing_in.operator() if self.where.account else getpass.getuser()
        return self._by

    async def pepper(self) -> bytes:
        """Read the pepper, from the vault, SCIM_PEPPER or this folder. Raises Problem."""
        if self.where.vault:
            text = await signing_in.vault_secret(self.where.vault, PEPPER_SECRET)
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

    async def signer(self) -> Signer:
        """Make what verifies the service's access tokens, with the keys that it has; or Problem."""
        vault, pepper = self.where.vault, await self.pepper()
        text = os.environ.get("SCIM_SIGNING_KEYS", "").strip()
        if vault:
            text = await signing_in.vault_secret(vault, SIGNING_SECRET, needed=False)
        if text:
            return Signer(checked("SCIM_SIGNING_KEYS", text).keys)
        derived = Signer.derive(pepper, *self.previous_peppers).keys.values()
        # `serve` in this folder signs with a key of its own, others with what the pepper gives.
        own = None if self.where.account else local.kept_signing_key()
        return Signer((*([own.encode()] if own else ()), *derived))

    @property
    def previous_peppers(self) -> tuple[bytes, ...]:
        """The pepper that is accepted beside the one of this deployment, if any."""
        text = os.environ.get("SCIM_PEPPER_PREVIOUS", "").strip()
        return checked("SCIM_PEPPER_PREVIOUS", text).peppers[1:] if text else ()

    @property
    def authority(self) -> str:
        """Where Entra publishes the keys of tenants."""
        text = os.environ.get("SCIM_ENTRA_AUTHORITY", "").strip()
        return checked("SCIM_ENTRA_AUTHORITY", text).entra_authority if text else AUTHORITY

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

    async def directories(self, name: str | None) -> list[Directory]:
        """Find one directory by its name, or all without one. Raises Problem."""
        if name is not None:  # an empty one is not all of them
            return [await self.directory(name)]
        return [each async for each in self.storage.registry.directories()]

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
        accounts = _accounts()
        try:
            storage = open_storage(address, accounts=accounts)
        except ValueError as error:  # a connection string that the SDK can't read
            if where.storage and not accounts:
                raise typer.BadParameter(f"--storage can't be opened: {error}") from error
            raise Problem(f"the storage can't be opened: {error}") from error
        stack.push_async_callback(storage.close)
        if is_local:
            await storage.prepare()
        try:
            yield Desk(where, storage, is_local, url)
        except Unavailable as error:
            raise Problem(error.detail + (_ACCESS if where.account else "")) from error


def _accounts() -> Mapping[str, str]:
    """Read which further accounts directories are placed on, as the service does."""
    text = os.environ.get("SCIM_STORAGE_ACCOUNTS", "").strip()
    return checked("SCIM_STORAGE_ACCOUNTS", text).accounts if text else {}


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
