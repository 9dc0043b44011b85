"""The process that a command runs in: how it was started, and how Ctrl-C ends it."""

import asyncio
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def program() -> str:
    """Write how commands of ours are started from this folder, for hints to be copied."""
    python = Path(sys.executable)
    folder = Path.cwd()
    shown = python.relative_to(folder) if python.is_relative_to(folder) else python
    return f"{shlex.quote(str(shown))} -m scim"


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end what blocks the event loop: a prompt, a wait for a child process.

    The loop's own handler cancels the task, which notices when it next awaits something.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def hinting(note: Callable[[str], None], text: str) -> Iterator[None]:
    """Say how to go on when Ctrl-C breaks off what has begun."""
    try:
        yield
    except asyncio.CancelledError:
        note(f"interrupted: {text}")
        raise
