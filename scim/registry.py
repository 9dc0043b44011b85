"""The port to the records of directories and credentials.

What a request needs may be remembered for up to a minute; what an operator asks for is read anew.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from scim.auth.records import SCOPES, Scope, Trust
from scim.definitions import Document
from scim.directory import Directory
from scim.errors import Unavailable


class Credential(Document):
    """Who may come into a directory, and what may be done then.

    - token: a secret token; its keyed digest is kept, never the token (`scim/credentials.py`)
    - client: a client of the token endpoint (RFC 6749); its id is the client_id
    - secret: a secret of the client `client`, kept like a token
    - federation: a client whom `trust` lets in, without a secret; its id is the client_id

    Times are RFC 3339 UTC; one without `expires` lives until it is revoked. `by` and `revoked_by`
    say which operator. `warned` is the number of days before its end of the last warning.
    `last_used` is exact to five minutes. `minutes` is how long access tokens of a client live.
    """

    id: str = Field(pattern=r"^[a-z0-9]{8,32}$")
    directory: str
    kind: Literal["token", "client", "secret", "federation"] = "token"
    digest: str = ""
    client: str = ""
    trust: Trust | None = None
    scopes: tuple[Scope, ...] = SCOPES
    minutes: int = Field(60, ge=60, le=360)
    created: str
    by: str = ""
    label: str = ""
    expires: str | None = None
    revoked: str | None = None
    revoked_by: str | None = None
    last_used: str | None = None
    warned: int | None = None


class NameTaken(Exception):
    """A directory of this name exists."""


class NoRecord(Exception):
    """There is no such directory or credential (any more)."""


class Unreadable(Unavailable):
    """A record that is damaged, or that another version of the service wrote.

    Nobody is let in by what can't be read. `id` is the directory's or credential's.
    """

    def __init__(self, id: str) -> None:
        super().__init__(
            "this version of the service can't read a record of this directory: its operator finds"
            " which one in the service's log",
            retry_after=60,
        )
        self.id = id


class Registry(Protocol):
    """Where directories and credentials are recorded.

    Reading, or changing, one record raises Unreadable where it can't be read. Where many are read,
    it is left out, with an error in the log that names its id.
    """

    async def directory(self, id: str) -> Directory | None:
        """Read a directory; the answer may be up to a minute old."""
        ...

    async def credential(self, id: str) -> Credential | None:
        """Read a credential; the answer may be up to a minute old."""
        ...

    async def addressed(self, name: str) -> Directory | None:
        """Read a directory by its name; the answer may be up to a minute old."""
        ...

    async def directory_named(self, name: str) -> Directory | None:
        """Read a directory as it is now."""
        ...

    def directories(self) -> AsyncGenerator[Directory]:
        """Read all directories as they are now, by name."""
        ...

    async def unreadable(self) -> Mapping[str, str]:
        """Name the directories that `directories` leaves out: the id of each by its name."""
        ...

    async def credentials(self, directory: str) -> list[Credential]:
        """Read all credentials of a directory's id as they are now, the oldest first."""
        ...

    async def add_directory(self, directory: Directory) -> None:
        """Record a new directory; once more is no error. Raises NameTaken, also when two race."""
        ...

    async def add_credential(self, credential: Credential) -> None:
        """Record a new credential; its id is random, one that is there already is the same."""
        ...

    async def change_directory(
        self, id: str, change: Callable[[Directory], Directory]
    ) -> Directory:
        """Replace a record by what `change` makes of it; done again when somebody was faster.

        Id and name must stay. Raises NoRecord, and whatever `change` raises.
        """
        ...

    async def change_credential(
        self, id: str, change: Callable[[Credential], Credential]
    ) -> Credential:
        """Replace a record by what `change` makes of it. Raises NoRecord."""
        ...

    async def remove_directory(self, id: str) -> None:
        """Forget a directory, its credentials and its name, in this order; one that is gone is."""
        ...

    async def touch(self, credential: str, at: str) -> None:
        """Note that a credential was used, unless that is noted of the last five minutes."""
        ...

    async def first_use(self, digest: str, until: datetime) -> bool:
        """Note the use of what may be used once, until some time; False when it was used before."""
        ...

    async def forget_uses(self, before: datetime) -> int:
        """Forget what could be used until some time that is past; how many they were."""
        ...

    async def fingerprint(self, value: str, *, renew: bool = False) -> str:
        """Record which pepper this store's digests are made with, unless that is recorded.

        `renew` records it in any case: the service has a new pepper, and old digests are void.

        Gives what is recorded: another one than `value` means that the pepper is another.
        """
        ...


def same_place(before: Directory, after: Directory) -> Directory:
    """Check that a changed directory is where it was: rows and tokens refer to it."""
    if (before.id, before.name) != (after.id, after.name):
        raise ValueError("the id and the name of a directory stay as they are")
    return after


def same_owner(before: Credential, after: Credential) -> Credential:
    """Check that a changed credential is still its directory's."""
    if (before.id, before.directory) != (after.id, after.directory):
        raise ValueError("the id and the directory of a credential stay as they are")
    return after
