"""What a deployment can set, read from the environment once: the only module that knows the names.

A setting that is missing or unsafe stops the start with a sentence that says what to do: a server
that came up without its pepper would accept tokens that nobody can check. No message holds a value.
"""

import json
import re
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

from scim.auth.access_tokens import fingerprint
from scim.backup.places import check_place

AUTHORITY = "https://login.microsoftonline.com"  # of Entra, but for national clouds
SHORTEST_PEPPER = 32
# App Service hands the application this literal when it can't read the secret, and goes on. It
# resolves a setting that is a reference, as a whole: one among other text is never resolved.
UNRESOLVED = "@Microsoft.KeyVault("
# Azurite's account and key are public, the same on every machine (not a secret). The Python SDK,
# unlike the others, does not know the short form `UseDevelopmentStorage=true`.
_ACCOUNT_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNTS = (
    "it must be a JSON object of names (a-z, 0-9 and -, not main), each with a table URL or a"
    ' connection string: {"second": "https://ACCOUNT.table.core.windows.net"}'
)
_MAKE_KEY = "make one with: openssl rand -hex 32"
_KEY_PAIRS = ("-----BEGIN", '"kty"')
# Random hexadecimal digits, 32 of them, have 14 different ones. Of a hundred thousand keys of 64
# none is by half made of what may be words; of other alphabets one in some thousands is.
_FEWEST_CHARACTERS = 8
_WORDS = re.compile(r"[a-z]{4,}")
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
    if UNRESOLVED.lower() in value.lower():
        raise ValueError(
            "its Key Vault reference was not resolved: check that the secret exists and that "
            "the app's identity may read it (role Key Vault Secrets User), and that the reference "
            "is all that the setting holds"
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


def _signing_keys(value: str) -> str:
    keys = _split(_resolved(value))
    if not keys:
        raise ValueError(f"it holds no key; {_MAKE_KEY}")
    if any(each in value for each in _KEY_PAIRS):
        raise ValueError(f"it takes secrets, which sign with HS256, and no PEM or JWK; {_MAKE_KEY}")
    if any(len(each.encode()) < SHORTEST_PEPPER for each in keys):
        raise ValueError(f"each key must hold at least {SHORTEST_PEPPER} bytes; {_MAKE_KEY}")
    if len({fingerprint(each.encode()) for each in keys}) < len(keys):
        raise ValueError("it holds a key twice: keep each once, the one that signs first")
    if not all(_looks_random(each) for each in keys):
        raise ValueError(
            "a key in it is made of words, few characters or a repetition, and can be guessed by"
            f" whoever has an access token; {_MAKE_KEY}"
        )
    return value


def _looks_random(key: str) -> bool:
    in_words = sum(map(len, _WORDS.findall(key)))
    repeated = key in (key + key)[1:-1]
    return len(set(key)) >= _FEWEST_CHARACTERS and not repeated and in_words <= len(key) / 2


def _split(value: str) -> list[str]:
    return value.replace(",", " ").split()


def _public_url(value: str) -> str:
    if not _safe_url(_resolved(value)):
        raise ValueError("it must be an https URL without query, such as https://scim.example.com")
    return value.rstrip("/")


def _authority(value: str) -> str:
    if not _safe_url(_resolved(value)):
        raise ValueError("it must be an https URL, such as https://login.microsoftonline.us")
    return value.rstrip("/")


def _accounts(value: str) -> Mapping[str, str]:
    try:
        found = json.loads(_resolved(value))
        named = all(_ACCOUNT_NAME.fullmatch(name) and name != "main" for name in found)
        accounts = {name: _storage(each) for name, each in found.items()}
    except (AttributeError, TypeError, json.JSONDecodeError):
        raise ValueError(_ACCOUNTS) from None
    if not named or "memory" in accounts.values():
        raise ValueError(_ACCOUNTS)
    return accounts


def _backup_to(value: str) -> str:
    return check_place(_resolved(value).strip())


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
    """Every setting of the service, checked; `repr` shows none of the secrets."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    storage: Annotated[SecretStr, BeforeValidator(_storage)] = Field(alias="SCIM_STORAGE")
    pepper: Annotated[SecretBytes, BeforeValidator(_pepper)] = Field(alias="SCIM_PEPPER")
    pepper_previous: Annotated[SecretBytes, BeforeValidator(_pepper)] | None = Field(
        None, alias="SCIM_PEPPER_PREVIOUS"
    )
    signing_keys: Annotated[SecretStr, BeforeValidator(_signing_keys)] = Field(
        SecretStr(""), alias="SCIM_SIGNING_KEYS"
    )
    entra_authority: Annotated[str, AfterValidator(_authority)] = Field(
        AUTHORITY, alias="SCIM_ENTRA_AUTHORITY"
    )
    public_url: Annotated[str, AfterValidator(_public_url)] | None = Field(
        None, alias="SCIM_PUBLIC_URL"
    )
    storage_accounts: Annotated[Mapping[str, SecretStr], BeforeValidator(_accounts)] = Field(
        default_factory=dict, alias="SCIM_STORAGE_ACCOUNTS"
    )
    backup_to: Annotated[str, BeforeValidator(_backup_to)] | None = Field(
        None, alias="SCIM_BACKUP_TO"
    )
    backup_days: int = Field(0, ge=0, le=36500, alias="SCIM_BACKUP_DAYS")

    @property
    def accounts(self) -> Mapping[str, str]:
        """The storage accounts that directories are placed on, beside SCIM_STORAGE, by name."""
        return {name: each.get_secret_value() for name, each in self.storage_accounts.items()}

    @property
    def peppers(self) -> tuple[bytes, ...]:
        """What digests are made with, and what they may have been made with."""
        found = [self.pepper, *([self.pepper_previous] if self.pepper_previous else [])]
        return tuple(each.get_secret_value() for each in found)

    @property
    def keys(self) -> tuple[bytes, ...]:
        """What access tokens are signed with, the first one, and verified with; may be none."""
        return tuple(each.encode() for each in _split(self.signing_keys.get_secret_value()))

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
