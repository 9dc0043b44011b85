"""What a rehearsal makes, remembered, to be deleted at its end: also after errors and Ctrl-C.

Nothing else is ever deleted: only a resource whose answer to POST bore the name that was sent, or
that a search by this name finds with exactly this name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scim.cli.rehearsal.capabilities import resources
from scim.cli.simulator.pacing import side_by_side
from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent, encode_filter, query, request

_NAMES = ("userName", "displayName", "externalId")
_AT_ONCE = 8
_ENOUGH = 3  # requests without an answer after which no more are sent
_COLLECTION = re.compile(r"/([A-Za-z]+)/?")


@dataclass(frozen=True)
class Left:
    """What could not be deleted: a path below the Tenant URL, or a name, and why."""

    what: str
    why: str


class Made:
    """A send that remembers what came to be by it.

    `made` are the paths, in the order of their making. A POST without a readable answer may have
    made something: that is looked for by its name in the end.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._made: dict[str, None] = {}
        self._doubtful: dict[tuple[str, str, str], None] = {}

    @property
    def made(self) -> list[str]:
        return list(self._made)

    @property
    def remaining(self) -> list[Left]:
        """What is there, or may be, when it is not cleaned up."""
        doubtful = [Left(f"{path}: {name}", "it may be there") for path, _, name in self._doubtful]
        return [*(Left(each, "not deleted") for each in self._made), *doubtful]

    async def __call__(self, sent: Sent) -> Received:
        named = _name(sent) if sent.method == "POST" else None
        if named is not None:  # until the answer is there, also when this is cancelled
            self._doubtful[named] = None
        received = await self._send(sent)
        if named is not None and (path := _made_by(named, received)) is not None:
            self._made[path] = None
        if named is not None and (path is not None or 400 <= received.status < 500):
            self._doubtful.pop(named, None)
        if sent.method == "DELETE" and received.status == 404:
            self._made.pop(sent.path, None)
        return received

    async def clean(self, done: Callable[[int, int], None] | None = None) -> list[Left]:
        """Delete all that was made, groups before people; gives what is left, and never raises.

        `done` is told how many of how many were tried. A second call tries again what is left.
        """
        left: list[Left] = []
        silent = 0
        for named in list(self._doubtful):
            await self._look_for(named, left)
        paths = list(reversed(self._made))
        tried = 0

        async def delete(path: str) -> None:
            nonlocal tried, silent
            if silent >= _ENOUGH:
                left.append(Left(path, "the service does not answer any more"))
                return
            try:
                why = await self._delete(path)
                silent = 0
            except NoAnswer as error:
                why = f"no answer ({error.kind})"
                silent += 1
            tried += 1
            if why:
                left.append(Left(path, why))
            else:
                self._made.pop(path, None)
            if done is not None:
                done(tried, len(paths))

        for groups in (True, False):
            chosen = [each for each in paths if each.startswith("/Groups/") is groups]
            await side_by_side(chosen, delete, _AT_ONCE)
        return left

    async def _delete(self, path: str) -> str:
        """Delete one resource; gives why it is still there, or nothing."""
        received = await self._send(request("DELETE", path))
        if received.status == 404:
            return ""
        if not 200 <= received.status < 300:
            return f"DELETE was answered with {received.status}"
        # One more request each, because services were seen that answer 204 and delete nothing.
        found = await self._send(request("GET", path))
        if found.status != 200:
            return ""
        inactive = _body(found).get("active") is False
        return "the service keeps it, inactive" if inactive else "it is there after its DELETE"

    async def _look_for(self, named: tuple[str, str, str], left: list[Left]) -> None:
        """Find what a POST without an answer made, by its name, letter by letter."""
        path, attribute, name = named
        try:
            filter = encode_filter(attribute, name)
            received = await self._send(request("GET", path, query(filter=filter)))
        except NoAnswer as error:
            left.append(Left(f"{path}: {name}", f"it may be there: no answer ({error.kind})"))
            return
        if received.status != 200:
            why = f"it may be there: the search for it was answered with {received.status}"
            left.append(Left(f"{path}: {name}", why))
            return
        self._doubtful.pop(named, None)
        for each in resources(received):
            id = usable_id(each)
            if id is not None and each.get(attribute) == name:
                self._made[f"{path}/{quote(id, safe='')}"] = None


def usable_id(resource: Any) -> str | None:
    """Give the id of a resource when it is a text that can be part of an address."""
    id = resource.get("id") if isinstance(resource, dict) else None
    if not isinstance(id, str) or not 0 < len(id) <= 1000 or not id.isprintable():
        return None
    return None if id in (".", "..") or any("\ud800" <= each <= "\udfff" for each in id) else id


def _name(sent: Sent) -> tuple[str, str, str] | None:
    """Give the collection, the attribute and the name of what a POST is to make."""
    collection = _COLLECTION.fullmatch(sent.path)
    if collection is None or not isinstance(sent.body, dict):
        return None
    path = f"/{collection[1]}"
    return next(((path, each, name) for each, name in _named(sent.body)), None)


def _named(body: Any) -> Iterator[tuple[str, str]]:
    for each in _NAMES:
        if isinstance(body.get(each), str) and body[each]:
            yield each, body[each]


def _made_by(named: tuple[str, str, str], received: Received) -> str | None:
    """Give the path of what an answer says was made, when it has the name that was sent."""
    path, attribute, name = named
    resource = _body(received)
    id = usable_id(resource)
    shown = resource.get(attribute)
    same = isinstance(shown, str) and shown.casefold() == name.casefold()
    if received.status not in (200, 201) or id is None or not same:
        return None
    return f"{path}/{quote(id, safe='')}"


def _body(received: Received) -> dict[str, Any]:
    try:
        body = received.json
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
