"""Secrets where none may be: in what a store keeps, and in logs.

A session's Azurites write their tables into files when they stop; servers started by tests write
their logs into files too (`tests/host/serving.py`). Both lie under pytest's folder for the session.
"""

import logging
import re
from collections.abc import Collection, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path

# A token that was issued, whole, in any file or line (`scim/credentials.py`).
TOKEN = re.compile(rb"scim_[0-9a-z]{12}_[0-9A-Za-z]{49}")
# An access token or an assertion: header, claims and signature (RFC 7519).
JWT = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
# Azurite's tables as it writes them, and every log. The secrets' own files hold them by right.
SEARCHED = ("**/__azurite_db_table__.json", "**/*.log")
MADE = ("**/.local/pepper", "**/.local/signing-key")
_CONTEXT = 60  # characters before a find, by which it can be told what holds it


def find(folder: Path, peppers: Collection[bytes]) -> list[str]:
    """Search a session's folder for tokens, for these peppers and for secrets made in it.

    Each find names the file and what stood before the secret, never the secret.
    """
    made = {each.read_bytes().strip() for place in MADE for each in folder.glob(place)}
    wanted = secrets({each for each in (*peppers, *made) if each})
    found: list[str] = []
    for pattern in SEARCHED:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and path.stat().st_size:
                found += [f"{path.relative_to(folder)}: after {each}" for each in _in(path, wanted)]
    return found


def secrets(peppers: Collection[bytes]) -> re.Pattern[bytes]:
    """Make the pattern of a token, signed or not, or one of the peppers."""
    return re.compile(
        b"|".join([TOKEN.pattern, JWT.pattern, *(re.escape(each) for each in peppers)])
    )


def _in(path: Path, wanted: re.Pattern[bytes]) -> Iterator[str]:
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as held:
        for each in wanted.finditer(held):
            before = held[max(0, each.start() - _CONTEXT) : each.start()]
            yield repr(wanted.sub(b"***", before).decode("utf-8", "replace"))


class Watch(logging.Handler):
    """Notes the names of loggers of this process that wrote a secret."""

    def __init__(self, peppers: Collection[bytes]) -> None:
        super().__init__(logging.NOTSET)
        self._wanted = secrets(peppers)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage() + (self.formatException(record) if record.exc_info else "")
        if self._wanted.search(text.encode("utf-8", "replace")):
            self.found.append(f"the log of {record.name}, line {record.lineno} of its module")

    @staticmethod
    def formatException(record: logging.LogRecord) -> str:  # noqa: N802 - as logging has it
        assert record.exc_info
        return logging.Formatter().formatException(record.exc_info)
