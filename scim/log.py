"""One structured line per request, as JSON: never a body, a token or a query.

Whoever learns a fact notes it (`note(directory=…)`); the entry point opens and closes the line.
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Fact = str | int | float | bool | None

_logger = logging.getLogger("scim.request")
_events = logging.getLogger("scim.event")
# Each request runs in a context of its own, so two that interleave can't write into each other's
# line.
_compact = json.JSONEncoder(separators=(",", ":")).encode
_facts: ContextVar[dict[str, Fact] | None] = ContextVar("facts", default=None)


def quieten() -> None:
    """Silence the libraries that log each storage request with its URL at INFO."""
    logging.getLogger("scim").setLevel(logging.INFO)
    for name in ("azure", "aiohttp", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def request(**facts: Fact) -> Iterator[dict[str, Fact]]:
    """Collect what is noted while a request runs; write it as one line with its milliseconds."""
    line = dict(facts)
    token = _facts.set(line)
    begun = time.perf_counter()
    try:
        yield line
    finally:
        _facts.reset(token)
        line["ms"] = round((time.perf_counter() - begun) * 1000, 1)
        _logger.info("%s", _compact(line))


def note(**facts: Fact) -> None:
    """Add facts to the line of the request that runs; outside a request it does nothing."""
    line = _facts.get()
    if line is not None:
        line.update(facts)


def event(name: str, *, level: int = logging.WARNING, **facts: Fact) -> None:
    """Write a line of its own about what is no request, such as a token that is about to expire."""
    _events.log(level, "%s", _compact({"event": name, **facts}))
