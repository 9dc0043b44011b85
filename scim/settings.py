"""What a deployment can set, read from the environment once: the only module that knows the names.

A setting that is missing or unsafe stops the start with a sentence that says what to do: a server
that came up without its pepper would accept tokens that nobody can check. No message holds a value.
"""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretBytes,
    SecretStr,
    ValidationError,
)

SHORTEST_PEPPER = 32
# App Service hands the application this literal when it can't read the secret, and goes on.
UNRESOLVED = "@Microsoft.KeyVault("
# Azurite's account and key are public, the same on every machine (not a secret). The Python SDK,
# unlike the others, does not know the short form `UseDevelopmentStorage=true`.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


class SettingsError(ValueError):
    """A setting is missing or unusable; the text is for the person who deploys."""


def azurite_connection(port: int = 10002) -> str:
    """Write the connection string of an Azurite table service on this machine."""
    return (
        f"DefaultEndpointsProtocol=http;AccountName={AZURITE_ACCOUNT};AccountKey={AZURITE_KEY};"
        f"TableEndpoint=http://127.0.0.1:{port}/{AZURITE_ACCOUNT};"
    )


def _resolved(value: str) -> str:
    if value.strip().lower().startswith(UNRESOLVED.lower()):
        raise ValueError(
            "its Key Vault reference was not resolved: check that the secret exists and that "
            "the app's identity may read it (role Key Vault Secrets User)"
        )
    return value


def _storage(value: str) -> str:
    value = _resolved(value.strip())
    if value.rstrip(";").lower() == "usedevelopmentstorage=true":
        return azurite_connection()
    if (
        value == "memory"
        or _safe_url(value)
        or "accountname=" in value.lower()
        or "tableendpoint=" in value.lower()
    ):
        return value
    raise ValueError(
        "it must be a storage account's table URL (https://ACCOUNT.table.core.windows.net), "
        "a connection string, UseDevelopmentStorage=true, or memory"
    )


def _pepper(value: str) -> str:
    if len(_resolved(value).strip().encode()) < SHORTEST_PEPPER:
        raise ValueError(
            f"it must hold at least {SHORTEST_PEPPER} bytes; make one with: openssl rand -hex 32"
        )
    return value


def _public_url(value: str) -> str:
    if not _safe_url(_resolved(value)):
        raise ValueError("it must be an https URL without query, such as https://scim.example.com")
    return value.rstrip("/")


def _safe_url(value: str) -> bool:
    """Tell whether a URL is https, or http to this machine, without user, query or fragment."""
    try:
        url = urlsplit(value)
        host = url.hostname or ""
        _ = url.port  # raises on nonsense
    except ValueError:
        return False
    if not host or "@" in url.netloc or url.query or url.fragment:
        return False
    return url.scheme == "https" or (url.scheme == "http" and _loopback(host))


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Settings(BaseModel):
    """SCIM_STORAGE, SCIM_PEPPER and SCIM_PUBLIC_URL, checked; `repr` shows none of the secrets."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    storage: Annotated[SecretStr, BeforeValidator(_storage)] = Field(alias="SCIM_STORAGE")
    pepper: Annotated[SecretBytes, BeforeValidator(_pepper)] = Field(alias="SCIM_PEPPER")
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        None, alias="SCIM_PUBLIC_URL"
    )

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """Read and check every setting; an empty one counts as missing.

        Raises SettingsError that names each one that is wrong.
        """
        try:
            return cls.model_validate(
                {name: value for name, value in environ.items() if value.strip()}
            )
        except ValidationError as error:
            raise SettingsError(
                "; ".join(_sentence(each["loc"], each["msg"]) for each in error.errors())
            ) from None


def _sentence(place: tuple[int | str, ...], message: str) -> str:
    name = str(place[0]) if place else "settings"
    if message == "Field required":
        return f"{name} is not set"
    return f"{name} can't be used: {message.removeprefix('Value error, ')}"
