"""What needs the operator's own sign-in to Azure: who that is, and the secrets of a vault."""

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable
from typing import TypeVar

from scim.cli.problem import Problem

_STORAGE_SCOPE = "https://storage.azure.com/.default"

T = TypeVar("T")


async def operator() -> str:
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


async def vault_secret(vault: str, name: str, *, needed: bool = True) -> str:
    """Read a secret of a vault; "" for one that is not `needed` and not there. Raises Problem."""
    from azure.core.exceptions import AzureError, ResourceNotFoundError  # noqa: PLC0415 - as above
    from azure.identity.aio import DefaultAzureCredential  # noqa: PLC0415
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

    credential = DefaultAzureCredential()
    try:
        async with SecretClient(vault, credential) as client:
            return (await _signed_in(client.get_secret(name))).value or ""
    except (AzureError, ValueError) as error:
        if isinstance(error, ResourceNotFoundError) and not needed:
            return ""
        raise Problem(
            f"the vault does not give its secret {name}: check --vault, and that you may"
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
