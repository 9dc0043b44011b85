"""What is recorded of who may come in: scopes, and the identity provider that is trusted."""

from typing import Literal, get_args

from pydantic import Field, field_validator

from scim.definitions import Document

Scope = Literal["users.read", "users.write", "groups.read", "groups.write"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

GUID = r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
# Microsoft.Azure.SyncFabric, which provisions, and what its tokens for a custom app are meant for.
SYNC_FABRIC = "00000014-0000-0000-c000-000000000000"
CUSTOM_APP = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
MOST_AUDIENCES = 8


class Trust(Document):
    """Whose tokens of Entra are taken: every claim is compared whole, none by its beginning.

    `tenant` separates customers, because Entra gives every tenant's tokens the same audience.
    `audiences` are taken as they are, each; `subject` and `application` (the claim `appid`) are
    compared when they are given. `reusable`: an assertion is taken more than once until it expires.
    Microsoft doesn't say whether Entra sends one twice.
    """

    tenant: str = Field(pattern=GUID)
    audiences: tuple[str, ...] = Field(min_length=1, max_length=MOST_AUDIENCES)
    subject: str | None = None
    application: str | None = None
    reusable: bool = False

    @field_validator("audiences")
    @classmethod
    def _whole(cls, audiences: tuple[str, ...]) -> tuple[str, ...]:
        """Take an audience as the token has it: the portal shows it with /.default at its end."""
        return tuple(each.removesuffix("/.default") for each in audiences)
