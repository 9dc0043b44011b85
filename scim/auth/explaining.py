"""What a token is checked for, as data.

Whoever lets in stops at the first check that fails; `auth explain` prints them all. So what is
explained is what is done. A check holds claims, never the token.
"""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime

from scim.auth.reasons import Reason, Refusal

LEEWAY = 60  # seconds that two clocks may differ
# Entra's tokens live for about an hour, those of managed identities for a day. What outlives this
# can't be remembered for as long as it might be replayed (RFC 7523 §3, item 4).
LONGEST_LIFE = 48 * 3600  # seconds
_LAST_TIME = 253402300799  # the last second that a datetime can hold
_LONGEST_SHOWN = 200  # characters


@dataclass(frozen=True, slots=True)
class Check:
    """One check: of which part of a token, what was expected, what came; `code` if it fails."""

    name: str
    code: Reason
    expected: str
    received: str
    ok: bool


async def enforce(checks: AsyncGenerator[Check, None]) -> None:
    """Make the checks up to the first that fails. Raises Refusal."""
    async with aclosing(checks):
        async for each in checks:
            if not each.ok:
                raise Refusal(each.code)


def times(claims: Mapping[str, object], now: datetime) -> Iterator[Check]:
    """Check when a token is valid; `exp` and `nbf` are required (RFC 7519 §4.1.4 to §4.1.6)."""
    at = now.timestamp()
    for name, code, earliest, latest in _bounds(at):
        value = claims.get(name)
        if name == "iat" and value is None:
            continue
        time = _time(value)
        yield Check(
            name=name,
            code=code if time is not None else "jwt-claims",
            expected=f"{_shown_time(earliest)} to {_shown_time(latest)}",
            received=shown(value) if time is None else _shown_time(time),
            ok=time is not None and earliest <= time <= latest,
        )


def _bounds(at: float) -> tuple[tuple[str, Reason, float, float], ...]:
    """List the claims with the first and the last time that each may hold."""
    return (
        ("exp", "jwt-expired", at - LEEWAY, _LAST_TIME),
        ("exp", "jwt-claims", 0, at + LONGEST_LIFE),
        ("nbf", "jwt-not-yet-valid", 0, at + LEEWAY),
        ("iat", "jwt-not-yet-valid", 0, at + LEEWAY),
    )


def _time(value: object) -> float | None:
    """Read a NumericDate (RFC 7519 §2); None for what is none, NaN and infinity among them."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= _LAST_TIME else None


def _shown_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def shown(value: object) -> str:
    """Write a claim for a terminal: as JSON, so that no control character reaches it."""
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
