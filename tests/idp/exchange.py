"""Recorded exchanges: the file format, how answers are compared, the replay (see `README.md`).

Knows no server: `replay` is handed a function that sends one request.
"""

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FILES = sorted((Path(__file__).parent).glob("*/*.json"))
MEDIA_TYPE = "application/scim+json"
# What Entra sends: no User-Agent, no Accept, a media type only with a body.
HEADERS = {"ADSCIMVersion": "5.0"}
BODY_HEADERS = {**HEADERS, "Content-Type": "application/scim+json; charset=utf-8"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Sent(_Part):
    """One request; `headers` are added to Entra's, null takes one away."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
    path: str = Field(pattern="^/")
    query: str | None = None
    headers: dict[str, str | None] = {}
    body: Any = None
    raw: str | None = None


class Expected(_Part):
    """What the answer must be; a body that is not named may be anything."""

    status: int | tuple[int, ...]
    headers: dict[str, Any] = {}
    scim_type: str | None = Field(None, alias="scimType")
    body: Any = None
    empty: bool = False


class Step(_Part):
    """One request, or several that are all answered alike; then the state that GETs must show.

    `shows` lists what of `docs/entra.md` the step is an instance of.
    """

    title: str
    shows: tuple[str, ...] = ()
    request: Sent | None = None
    requests: tuple[Sent, ...] = ()
    parallel: bool = False
    expect: Expected
    save: dict[str, str] = {}
    state: dict[str, Any] = {}

    @model_validator(mode="after")
    def _one_or_several(self) -> "Step":
        if (self.request is None) == (not self.requests):
            raise ValueError("a step has either `request` or `requests`")
        return self

    @property
    def all(self) -> tuple[Sent, ...]:
        return self.requests if self.request is None else (self.request,)


class Exchange(_Part):
    """A file. `directory` holds fields of its record: `dialect`, `schemas`, `resourceTypes`.

    `source` names the evidence, one piece each (see `README.md`). `headers` are those of another
    client than Entra's, on every request.
    """

    name: str
    source: str | tuple[str, ...]
    directory: dict[str, Any] = {}
    headers: dict[str, str | None] = {}
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


# (method, path and query as on the wire, headers, body) -> answer; a header of None is not sent,
# not even when the sender would add it (Authorization)
Send = Callable[[str, str, Mapping[str, str | None], bytes | None], Awaitable[Answer]]


def load(path: Path) -> Exchange:
    return Exchange.model_validate_json(path.read_bytes())


async def replay(exchange: Exchange, send: Send, base_url: str) -> None:
    """Send every step's requests in order and compare every answer; AssertionError says where."""
    known = {"BASE": base_url}
    send = _as(exchange.headers, send)
    for number, step in enumerate(exchange.steps, 1):
        place = f"step {number}, {step.title}"
        if step.parallel:
            answers = await asyncio.gather(*(_send(each, send, known) for each in step.all))
        else:
            answers = [await _send(each, send, known) for each in step.all]
        for request, answer in zip(step.all, answers, strict=True):
            where = f"{place}: {request.method} {request.path}{request.query or ''}"
            body = compare(answer, step.expect, known, where)
            known |= {name: str(_at(body, path, where)) for name, path in step.save.items()}
        for path, expected in step.state.items():
            await _compare_state(path, expected, send, known, place)


def _as(client: Mapping[str, str | None], send: Send) -> Send:
    """Send with the headers of a client, whatever they are otherwise."""

    async def sending(
        method: str, target: str, headers: Mapping[str, str | None], body: bytes | None
    ) -> Answer:
        return await send(method, target, {**headers, **client}, body)

    return sending


async def _compare_state(
    path: str, expected: Any, send: Send, known: Mapping[str, str], place: str
) -> None:
    answer = await _send(Sent(method="GET", path=path), send, known)
    wanted = Expected(status=404 if expected is None else 200, body=expected)
    compare(answer, wanted, known, f"{place}: then GET {path}")


async def _send(request: Sent, send: Send, known: Mapping[str, str]) -> Answer:
    known = {**known, "GUID": str(uuid.uuid4())}
    target = fill(request.path, known)
    if request.query is not None:
        target += "?" + fill(request.query, known)
    body = None
    if request.raw is not None:
        body = fill(request.raw, known).encode()
    elif "body" in request.model_fields_set:
        body = json.dumps(fill(request.body, known)).encode()
    headers = {**(BODY_HEADERS if body is not None else HEADERS), **fill(request.headers, known)}
    # As a browser's address bar would: what can't stand in a request line is encoded, nothing else.
    wire = re.sub(r"[^!-~]", lambda found: _percent(found.group()), target)
    return await send(request.method, wire, headers, body)


def compare(answer: Answer, expected: Expected, known: Mapping[str, str], where: str) -> Any:
    """Check one answer and return its body, parsed."""
    allowed = (expected.status,) if isinstance(expected.status, int) else expected.status
    text = answer.body.decode()
    assert answer.status in allowed, f"{where}: {answer.status} instead of {allowed}: {text}"
    headers = {name.lower(): value for name, value in answer.headers.items()}
    for name, value in expected.headers.items():
        match(headers.get(name.lower(), ABSENT), fill(value, known), f"{where}: header {name}")
    if not text:
        assert expected.body is None, f"{where}: an empty body"
        return None
    assert not expected.empty, f"{where}: a body where none is due: {text}"
    assert headers.get("content-type") == MEDIA_TYPE, f"{where}: {headers.get('content-type')}"
    body = json.loads(text)
    if answer.status >= 400:
        match(body, _error(answer.status, expected.scim_type), where)
        surplus = set(body) - {"schemas", "status", "scimType", "detail"}
        assert not surplus, f"{where}: an error has no {surplus}"
    if expected.body is not None:
        match(body, fill(expected.body, known), where)
    _no_nothing(body, where)
    return body


ABSENT = object()  # what is not there, so that "$absent" can be asked of it


def match(found: Any, wanted: Any, where: str) -> None:
    """Compare: objects by the keys that are wanted, lists as sets of elements, exactly these.

    "$any": any value; "$absent": no such key; {"$exactly": {…}}: these keys and no other;
    {"$has": […]}: these elements among others; {"$size": n}: a list of n; {"$matches": regex}.
    """
    if wanted == "$absent":
        assert found is ABSENT, f"{where}: is there: {found!r}"
        return
    assert found is not ABSENT, f"{where}: is missing"
    if wanted == "$any":
        return
    if (
        isinstance(wanted, dict)
        and len(wanted) == 1
        and (special := next(iter(wanted))) in _SPECIAL
    ):
        _SPECIAL[special](found, wanted[special], where)
    elif isinstance(wanted, dict):
        assert isinstance(found, dict), f"{where}: {found!r} is no object"
        for name, value in wanted.items():
            match(found.get(name, ABSENT), value, f"{where}.{name}")
    elif isinstance(wanted, list):
        assert isinstance(found, list), f"{where}: {found!r} is no list"
        assert len(found) == len(wanted), f"{where}: {found!r} instead of {wanted!r}"
        _has(found, wanted, where)
    else:
        same = type(found) is type(wanted) and found == wanted
        assert same, f"{where}: {found!r} instead of {wanted!r}"


def _has(found: Any, wanted: list[Any], where: str) -> None:
    assert isinstance(found, list), f"{where}: {found!r} is no list"
    for each in wanted:
        assert any(_matches(one, each) for one in found), f"{where}: no {each!r} in {found!r}"


def _matches(found: Any, wanted: Any) -> bool:
    try:
        match(found, wanted, "")
    except AssertionError:
        return False
    return True


def _exactly(found: Any, wanted: dict[str, Any], where: str) -> None:
    match(found, wanted, where)
    names = {name for name, value in wanted.items() if value != "$absent"}
    assert set(found) == names, f"{where}: keys {sorted(found)} instead of {sorted(names)}"


def _size(found: Any, wanted: int, where: str) -> None:
    assert isinstance(found, list), f"{where}: {found!r} is no list"
    assert len(found) == wanted, f"{where}: {len(found)} elements instead of {wanted}"


def _regex(found: Any, wanted: str, where: str) -> None:
    assert re.search(wanted, str(found)), f"{where}: {found!r} does not match {wanted!r}"


_SPECIAL: dict[str, Callable[[Any, Any, str], None]] = {
    "$exactly": _exactly,
    "$has": _has,
    "$size": _size,
    "$matches": _regex,
}


def fill(value: Any, known: Mapping[str, str]) -> Any:
    """Put saved values in place of `{NAME}`; KeyError when none was saved."""
    if isinstance(value, str):
        return re.sub(r"\{([A-Z][A-Z0-9_]*)\}", lambda found: known[found.group(1)], value)
    if isinstance(value, list):
        return [fill(each, known) for each in value]
    if isinstance(value, dict):
        return {fill(name, known): fill(each, known) for name, each in value.items()}
    return value


def _error(status: int, scim_type: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
        "status": str(status),
        "detail": "$any",
    }
    if scim_type:
        body["scimType"] = scim_type
    return body


def _no_nothing(value: Any, where: str) -> None:
    """An answer shows no null and no empty string: Entra reads them as values.

    Stack Overflow 79248955: what is empty there is added to, not replaced.
    """
    assert value is not None, f"{where}: null in the answer"
    assert value != "", f"{where}: an empty string in the answer"
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _no_nothing(each, where)


def _at(body: Any, path: str, where: str) -> Any:
    """Read `id` or `Resources.0.id` from a body."""
    for name in path.split("."):
        assert body, f"{where}: nothing to save {path} from"
        body = body[int(name)] if isinstance(body, list) else body[name]
    return body


def _percent(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())
