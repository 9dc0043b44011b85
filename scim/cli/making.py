"""Making directories and tokens: what `serve`, `directory add` and `token` have in common."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from scim import credentials, ids
from scim.auth.records import SCOPES, Scope
from scim.cli.problem import Problem
from scim.directory import RESERVED_NAMES, Directory
from scim.journal import Entry
from scim.registry import Credential
from scim.rules import Rules
from storage.open import Storage

DEFAULT_DAYS = 365
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")

Days = Annotated[
    int | None,
    typer.Option(
        "--days",
        metavar="N",
        min=1,
        max=3650,
        help=f"Days until the token ends; default {DEFAULT_DAYS}.",
    ),
]
Never = Annotated[bool, typer.Option("--never", help="Let the token live until it is revoked.")]
Label = Annotated[
    str, typer.Option("--label", metavar="TEXT", help="What the token is for: shown in lists.")
]


def directory_name(name: str) -> str:
    """Check the name of a new directory."""
    if name in RESERVED_NAMES:
        raise typer.BadParameter(f"{name} is reserved: paths of the service begin with it")
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(
            f"{name!r}: use 1 to 63 of a-z, 0-9 and -, with no - at either end"
        )
    return name


def lifetime(days: int | None, *, never: bool) -> timedelta | None:
    """Read how long a token is to live; None: for ever."""
    if never and days is not None:
        raise typer.BadParameter("give --days or --never, not both")
    return None if never else timedelta(days=DEFAULT_DAYS if days is None else days)


def new_directory(name: str, rules: Rules, *, preset: str | None, now: datetime) -> Directory:
    """Make the record of a new directory."""
    ruled = {each: getattr(rules, each) for each in Rules.model_fields}
    id = ids.resource_id().replace("-", "")
    record = {"id": id, "name": name, "preset": preset, "created": ids.timestamp(now)}
    return Directory.model_validate({**ruled, **record})


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whoever issues tokens: with which pepper, where, under which name.

    Another pepper is being replaced, or is to be, while it is among `others`.
    """

    storage: Storage
    pepper: bytes
    by: str
    others: tuple[bytes, ...] = ()

    async def agree(self, *, new_pepper: bool = False) -> None:
        """Raise Problem when earlier tokens of this store were made with another pepper."""
        mine = credentials.pepper_fingerprint(self.pepper)
        found = await self.storage.registry.fingerprint(mine, renew=new_pepper)
        if found in [credentials.pepper_fingerprint(each) for each in self.others]:
            found = await self.storage.registry.fingerprint(mine, renew=True)
        if found != mine:
            raise Problem(
                "this pepper is not the one that the tokens of this storage were made with: no"
                " server that serves them would take a new one; give the service's own, by"
                " SCIM_PEPPER or --vault, or tell of a new one: token issue NAME --new-pepper"
            )

    async def issue(
        self,
        directory: Directory,
        *,
        now: datetime,
        days: timedelta | None,
        label: str = "",
        client: str = "",
        scopes: tuple[Scope, ...] = SCOPES,
    ) -> tuple[str, Credential]:
        """Issue a token, or a secret of a client, recorded in the directory's log."""
        token, record = credentials.issue(
            directory.id,
            pepper=self.pepper,
            now=now,
            lifetime=days,
            by=self.by,
            label=label,
            client=client,
            scopes=scopes,
        )
        await self.storage.registry.add_credential(record)
        await self.storage.repository(directory).record(
            Entry(
                id=ids.change_id(now),
                at=ids.timestamp(now),
                verb="operate",
                operation="client secret issue" if client else "token issue",
                credential=record.id,
                by=self.by,
            )
        )
        return token, record
