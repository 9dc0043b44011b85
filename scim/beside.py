"""What is done beside requests, none of which waits for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

_FINISH_SECONDS = 5  # for what is being done when the server closes
_MOST = 1000  # pieces of work at once: while the store hangs, further ones are left out


class Beside:
    """Runs work in the background, and holds it: a task that nobody holds may vanish."""

    def __init__(self, patience: float = _FINISH_SECONDS, most: int = _MOST) -> None:
        self._patience = patience
        self._most = most
        self._running: set[asyncio.Task[None]] = set()

    def start(
        self, work: Coroutine[Any, Any, None], failed: Callable[[BaseException], None]
    ) -> None:
        """Begin some work; returns at once. `failed` is told how it failed."""
        if len(self._running) >= self._most:
            work.close()
            return

        def end(done: asyncio.Task[None]) -> None:
            self._running.discard(done)
            if not done.cancelled() and (error := done.exception()) is not None:
                failed(error)

        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(end)

    async def close(self) -> None:
        """Wait for what is being done; end what takes longer than `patience` seconds."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=self._patience)
            for each in late:
                each.cancel()
