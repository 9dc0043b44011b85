"""Whether the service can work: it answers (`/healthz`), and its store answers (`/readyz`).

Anybody may ask, without a token: so an answer has no body, and however many ask, the store is asked
once in five seconds. Who wants to know why finds it in the service's log.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from scim import log
from scim.errors import ScimError
from scim.http import SAFE, Response

FRESH = 5.0  # seconds that what was found counts
LONGEST = 10.0  # seconds that the store may take, a first token for the app's identity included

_logger = logging.getLogger("scim.readiness")


def alive() -> Response:
    """Answer that the process runs; asks nothing else."""
    return Response(200, headers=SAFE)


class Readiness:
    """Whether a store answers. `check` raises when it does not; `clock` counts seconds."""

    def __init__(
        self,
        check: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float],
        longest: float = LONGEST,
    ) -> None:
        self._check = check
        self._clock = clock
        self._longest = longest
        self._known: tuple[float, bool] | None = None
        self._asking: asyncio.Task[bool] | None = None

    async def answer(self) -> Response:
        """Answer 200, or 503 with the seconds after which it is worth asking again."""
        if await self._ready():
            return Response(200, headers=SAFE)
        return Response(503, headers={**SAFE, "Retry-After": f"{FRESH:.0f}"})

    async def _ready(self) -> bool:
        if self._known is not None and self._clock() < self._known[0]:
            return self._known[1]
        if self._asking is None:
            # A task of its own: who asked first may be gone before the others have their answer.
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> bool:
        try:
            asked = asyncio.wait_for(self._check(), self._longest)
            [failed] = await asyncio.gather(asked, return_exceptions=True)
            self._known = (self._clock() + FRESH, failed is None)
        finally:
            self._asking = None
        if failed is not None:
            _tell(failed)
        return failed is None


def _tell(failed: BaseException) -> None:
    if isinstance(failed, ScimError):
        log.event("not ready", reason=failed.detail)
    elif isinstance(failed, TimeoutError):
        log.event("not ready", reason="the storage does not answer")
    else:  # a bug has a traceback
        _logger.error("the storage could not be asked whether it is ready", exc_info=failed)
