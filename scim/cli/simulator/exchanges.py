"""The log of every request and its answer: kept, saved as lines of JSON, and sent again.

The token is in none of it: requests don't hold it, and where an answer repeats it, it is left out.
"""

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scim.cli.simulator.wire import BODY_HEADERS, HEADERS, NoAnswer, Received, Send, Sent

_LEFT_OUT = "(token)"


@dataclass(frozen=True)
class Exchange:
    """One request and what came back; `status` is None and `silence` says why when nothing did.

    `answer` is the body, parsed, or its text when it is no JSON.
    """

    method: str
    target: str
    status: int | None
    ms: float
    body: Any = None
    answer: Any = None
    silence: str | None = None
    content_type: str | None = None

    @property
    def sent(self) -> Sent:
        """The request, to be sent again."""
        path, _, query = self.target.partition("?")
        headers = HEADERS if self.body is None else BODY_HEADERS
        return Sent(self.method, path, query, self.body, headers)


class Log:
    """A send that keeps every exchange; with `most`, the latest of them."""

    def __init__(
        self,
        send: Send,
        *,
        secret: str = "",
        most: int | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._send = send
        self._secret = secret
        self._clock = clock
        self._kept: deque[Exchange] = deque(maxlen=most)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def last(self) -> Exchange:
        """The exchange that ended last; IndexError when there was none."""
        return self._kept[-1]

    @property
    def writes(self) -> list[Exchange]:
        return [each for each in self._kept if each.method != "GET"]

    def clear(self) -> None:
        self._kept.clear()

    async def __call__(self, sent: Sent) -> Received:
        begun = self._clock()
        try:
            received = await self._send(sent)
        except NoAnswer as error:
            self._keep(sent, begun, silence=f"{error.kind}: {error}")
            raise
        self._keep(
            sent,
            begun,
            status=received.status,
            answer=self._answer(received),
            content_type=received.headers.get("content-type"),
        )
        return received

    def save(self, path: Path) -> None:
        """Write the exchanges as JSON, one on each line."""
        lines = (json.dumps(asdict(each), ensure_ascii=False) for each in self._kept)
        path.write_text("".join(f"{line}\n" for line in lines), "utf-8")

    def _keep(self, sent: Sent, begun: float, **came: Any) -> None:
        ms = round((self._clock() - begun) * 1000, 3)
        came.setdefault("status", None)
        self._kept.append(Exchange(sent.method, sent.target, ms=ms, body=sent.body, **came))

    def _answer(self, received: Received) -> Any:
        text = received.body.decode("utf-8", "replace")
        if self._secret:
            text = text.replace(self._secret, _LEFT_OUT)
        try:
            return json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            return text


def read_log(path: Path) -> list[Exchange]:
    """Read what `Log.save` wrote; ValueError names the line that is no exchange."""
    found: list[Exchange] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            found.append(Exchange(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise ValueError(f"line {number} is no exchange: {error}") from error
    return found


@dataclass(frozen=True)
class Replayed:
    """A request that was sent again, and its answer; None when none came."""

    recorded: Exchange
    received: Received | None

    @property
    def same(self) -> bool:
        return (self.received and self.received.status) == self.recorded.status


async def replay(log: Iterable[Exchange], send: Send) -> list[Replayed]:
    """Send each request again, one after another, with the ids that its new answers give.

    An id of the recorded answers stands for the one in the same place of the new answer.
    """
    ids: dict[str, str] = {}
    found: list[Replayed] = []
    for each in log:
        sent = each.sent
        again = Sent(
            sent.method,
            _in_path(sent.path, ids),
            _in_query(sent.query, ids),
            _in_body(sent.body, ids),
            sent.headers,
        )
        try:
            received = await send(again)
        except NoAnswer:
            found.append(Replayed(each, None))
            continue
        found.append(Replayed(each, received))
        try:
            _pair(each.answer, received.json, ids)
        except ValueError:
            continue  # an answer that is no JSON has no ids
    return found


def _pair(recorded: Any, received: Any, ids: dict[str, str]) -> None:
    """Take up the ids of resources that are in the same place of both answers."""
    if not isinstance(recorded, dict) or not isinstance(received, dict):
        return
    old, new = recorded.get("id"), received.get("id")
    if isinstance(old, str) and isinstance(new, str):
        ids[old] = new
    ours, theirs = recorded.get("Resources"), received.get("Resources")
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            _pair(one, other, ids)


def _in_path(path: str, ids: Mapping[str, str]) -> str:
    return "/".join(ids.get(each, each) for each in path.split("/"))


def _in_query(query: str, ids: Mapping[str, str]) -> str:
    """Exchange the values of a filter, in encoded quotes or plain ones."""
    return re.sub(
        r'(?P<quote>%22|")(?P<id>[^"%]+)(?P=quote)',
        lambda found: found["quote"] + ids.get(found["id"], found["id"]) + found["quote"],
        query,
    )


def _in_body(body: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(body, dict):
        return {name: _in_body(each, ids) for name, each in body.items()}
    if isinstance(body, list):
        return [_in_body(each, ids) for each in body]
    if not isinstance(body, str):
        return body
    if body in ids:
        return ids[body]
    return re.sub(r'(?<=eq ")[^"]+(?=")', lambda found: ids.get(found[0], found[0]), body)
