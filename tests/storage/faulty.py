"""A table client that fails when it is told to, before a call took place or after it."""

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.data.tables.aio import TableClient


def answered(status: int, **headers: str) -> HttpResponseError:
    """The SDK's error for an answer; after a 501 no call is made again."""
    error = HttpResponseError(f"the service answered {status}")
    error.status_code = status
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    error.response = SimpleNamespace(headers=named)  # all that is read of it
    return error


class Faulty:
    """Wraps a client; `kinds` are the calls so far, of which the one at `place` fails."""

    def __init__(self, table: TableClient) -> None:
        self._table = table
        self.url = table.url
        self.off()

    def off(self) -> None:
        self.kinds: list[str] = []
        self._place, self._error, self._after, self._twice = -1, Exception(), False, False
        self._killed = False

    def fail(self, place: int, error: Exception, *, after: bool) -> None:
        """Let one call fail: after it was done, or instead."""
        self.off()
        self._place, self._error, self._after = place, error, after

    def kill(self, place: int, *, after: bool) -> None:
        """Let the process end at a call, after it was done or before: no later one takes place."""
        self.fail(place, answered(501), after=after)
        self._killed = True

    def repeat(self, place: int) -> None:
        """Send one call twice and answer with what came of the second time, as the SDK does."""
        self.off()
        self._place, self._twice = place, True

    async def _call(self, kind: str, call: Callable[[], Awaitable[Any]]) -> Any:
        place = len(self.kinds)
        self.kinds.append(kind)
        if self._killed and place > self._place >= 0:
            raise self._error
        if place != self._place:
            return await call()
        if self._twice:
            await call()
            return await call()
        if self._after:
            await call()
        raise self._error

    async def get_entity(self, *args: Any, **options: Any) -> Any:
        return await self._call("get", lambda: self._table.get_entity(*args, **options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)  # what a client says of itself

    @property
    def _client(self) -> Any:
        """What sends a transaction (`storage/batch.py`)."""

        async def send(*args: Any, **options: Any) -> Any:
            answer = await self._table._client.send_request(*args, **options)
            await answer.read()
            return answer

        return SimpleNamespace(
            send_request=lambda *args, **options: self._call(
                "transact", lambda: send(*args, **options)
            )
        )

    def query_entities(self, *args: Any, **options: Any) -> Any:
        found: Any = self._table.query_entities(*args, **options)
        return SimpleNamespace(by_page=lambda token=None: _Pages(self, found.by_page(token)))


class _Pages:
    def __init__(self, faulty: Faulty, pages: Any) -> None:
        self._faulty, self._pages = faulty, pages

    @property
    def continuation_token(self) -> Any:
        return self._pages.continuation_token

    async def __anext__(self) -> Any:
        return await self._faulty._call("query", lambda: anext(self._pages))
