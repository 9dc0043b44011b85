"""When a credential was last used, and by which pepper: noted beside the request."""

import logging
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from scim.beside import Beside
from scim.ids import timestamp
from scim.registry import Credential, Registry
from scim.values import parse_datetime

EXACT = timedelta(minutes=5)  # a use within this time of the last that was noted isn't noted
_MOST = 10_000  # credentials whose last note is remembered

_logger = logging.getLogger("scim.usage")


def is_due(credential: Credential, at: str) -> bool:
    """Tell whether a use at this time (RFC 3339) is to be noted."""
    if credential.last_used is None:
        return True
    try:
        return parse_datetime(at) - parse_datetime(credential.last_used) >= EXACT
    except ValueError:
        return True


class Usage:
    """Notes in the background: one attempt per credential and kind of note in five minutes."""

    def __init__(self, registry: Registry, beside: Beside, *, most: int = _MOST) -> None:
        self._registry = registry
        self._beside = beside
        self._most = most
        self._attempts: dict[str, datetime] = {}

    def note(self, credential: Credential, now: datetime) -> None:
        """Note that a credential was used; returns at once."""
        if self._is_recent(credential.id, now):
            return
        at = timestamp(now)
        if is_due(credential, at):
            self._once(credential.id, now, lambda: self._registry.touch(credential.id, at))

    def renew(self, credential: Credential, digest: str, now: datetime) -> None:
        """Keep a digest that another pepper makes, in place of the one that was found."""

        def renewed(found: Credential) -> Credential:
            same = found.digest == credential.digest
            return found.model_copy(update={"digest": digest}) if same else found

        async def change() -> None:
            await self._registry.change_credential(credential.id, renewed)

        self._once(f"{credential.id} digest", now, change)

    def _is_recent(self, what: str, now: datetime) -> bool:
        last = self._attempts.get(what)
        return last is not None and now - last < EXACT

    def _once(
        self, what: str, now: datetime, work: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        if self._is_recent(what, now):
            return
        self._attempts.pop(what, None)
        while len(self._attempts) >= self._most:
            del self._attempts[next(iter(self._attempts))]
        self._attempts[what] = now
        self._beside.start(
            work(),
            lambda error: _logger.warning(
                "the use of credential %s could not be noted: %r", what, error
            ),
        )
