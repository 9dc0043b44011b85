"""Entity tags and the conditions made of them (RFC 7644 §3.14, RFC 9110 §13)."""

import re
from collections.abc import Mapping

from scim.errors import PreconditionFailed

_TAG = re.compile(r'(?:W/)?"([^"]*)"')


def entity_tag(version: str) -> str:
    """Write a version as the weak entity tag that `meta.version` and `ETag` show."""
    return f'W/"{version}"'


def check_if_match(headers: Mapping[str, str], version: str | None) -> None:
    """Hold If-Match against the version, None for no resource. Raises PreconditionFailed.

    Comparison is weak, because SCIM's tags are weak ones (RFC 7644 §3.14); `*` asks only for
    existence.
    """
    wanted = headers.get("if-match")
    if wanted is not None and not _names(wanted, version):
        raise PreconditionFailed(
            "the resource was changed since the version in If-Match: read it again and decide again"
        )


def is_unchanged(headers: Mapping[str, str], version: str) -> bool:
    """Tell whether If-None-Match names the version that is there: a GET then answers 304."""
    unwanted = headers.get("if-none-match")
    return unwanted is not None and _names(unwanted, version)


def check_if_none_match(headers: Mapping[str, str], version: str | None) -> None:
    """Hold a write's If-None-Match against the version. Raises PreconditionFailed."""
    if version is not None and is_unchanged(headers, version):
        raise PreconditionFailed(
            "the resource has a version that If-None-Match names: leave the header out to write it"
        )


def _names(header: str, version: str | None) -> bool:
    if version is None:
        return False
    if header.strip() == "*":
        return True
    # A tag without its quotes is no tag, but some clients send the bare text of one.
    tags = _TAG.findall(header) or [header.strip()]
    return version in tags
