"""Exchanges as a report shows them: no token, and no more of a body than somebody reads."""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from scim.cli.simulator.exchanges import Exchange
from scim.cli.simulator.wire import NoAnswer, Received, Sent

LARGEST = 4096  # letters of a body that are shown
LEFT_OUT = "(token)"

# What no report may hold: a token, or a client's secret and its access tokens, ever more.
Secret = str | Sequence[str]


def exchange(
    sent: Sent, came: Received | NoAnswer, *, secret: Secret, seconds: float = 0.0
) -> Exchange:
    """Record a request and what came of it; headers of requests are not recorded at all."""
    target, ms = shown(sent.target, secret), round(seconds * 1000, 3)
    body = _body(sent.content or b"", secret)
    if isinstance(came, NoAnswer):
        silence = shown(f"{came.kind}: {came}", secret)
        return Exchange(sent.method, target, None, ms, body, silence=silence)
    type = came.headers.get("content-type")
    return Exchange(
        sent.method,
        target,
        came.status,
        ms,
        body,
        answer=_body(came.body, secret),
        content_type=None if type is None else shown(type, secret, 200),
    )


def shown(text: str, secret: Secret, most: int = LARGEST) -> str:
    """Leave the token and what is too long out of a text, and what can't be written as UTF-8."""
    text = _without(text, secret).encode("utf-8", "replace").decode()
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} letters in all)"


def _body(content: bytes, secret: Secret) -> Any:
    """Give a body parsed when it is short JSON, else as text; None when there is none."""
    if not content.strip():
        return None
    text = _without(content[: 1 << 20].decode("utf-8", "replace"), secret)
    if len(content) > LARGEST:
        return f"{text[:LARGEST]}… ({len(content)} bytes in all)"
    try:
        parsed = json.loads(text, parse_constant=_refuse)
        json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return parsed


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _without(text: str, secret: Secret) -> str:
    for each in spellings(secret):
        text = text.replace(each, LEFT_OUT)
    return text


def spellings(secret: Secret) -> list[str]:
    """List secrets as they are and as JSON and URLs write them, the longest first."""
    secrets: Iterable[str] = (secret,) if isinstance(secret, str) else secret
    forms = {
        form
        for each in secrets
        if each
        for form in (each, json.dumps(each)[1:-1], quote(each, safe=""))
    }
    return sorted(forms, key=len, reverse=True)
