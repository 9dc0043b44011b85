"""Tables of rows, in the order of PartitionKey and RowKey, with transactions.

SQLite keeps them: a B-tree in memory, or in a file of which little is in memory, so that what a
process needs can be told from what a million users need. Keys are in the order of their UTF-8
bytes; the service's order, of UTF-16 units, is the same for everything below U+E000.
"""

import re
import sqlite3
import weakref
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{2,62}")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """A row: `ticks` are its version and its time, `body` the JSON members of its properties.

    `body` is None when it was not asked for.
    """

    partition: str
    key: str
    ticks: int
    body: str | None


@dataclass(frozen=True, slots=True)
class Range:
    """Keys from `low` to `high` of one partition, or of all; both ends belong to it or don't."""

    partition: str | None = None
    low: tuple[str, bool] | None = None
    high: tuple[str, bool] | None = None


class Rows:
    """All tables of an account."""

    def __init__(self, file: Path | None = None, *, cache: int = 16) -> None:
        """Open a file, of which `cache` MiB are in memory; without one, all is in memory."""
        # Most tests leave it to the garbage collector, which may run in any thread; Python 3.13
        # warns of what nobody closed.
        self._store = sqlite3.connect(
            file or ":memory:", isolation_level=None, check_same_thread=False
        )
        weakref.finalize(self, self._store.close)
        self._store.create_function("scattered", 1, _scattered, deterministic=True)
        for pragma in ("page_size=8192", "journal_mode=memory", "synchronous=off"):
            self._store.execute(f"pragma {pragma}")
        if file is not None:
            self._store.execute(f"pragma cache_size=-{cache * 1024}")
        known = self._store.execute("select name from sqlite_master where type = 'table'")
        self._tables = {str(name).lower() for (name,) in known}

    def close(self) -> None:
        self._store.close()

    def snapshot(self) -> bytes:
        """Give all there is, to go back to."""
        return self._store.serialize()

    def go_back(self, snapshot: bytes) -> None:
        """Have what there was, of the same tables."""
        self._store.deserialize(snapshot)

    def has_table(self, name: str) -> bool:
        return name.lower() in self._tables

    def create_table(self, name: str) -> None:
        assert _NAME.fullmatch(name), "a table's name is checked before"
        self._tables.add(name.lower())
        self._store.execute(
            f'create table "{name}" (partition text, key text, ticks integer, body text,'
            " primary key (partition, key)) without rowid"
        )

    def drop_table(self, name: str) -> None:
        self._tables.remove(name.lower())
        self._store.execute(f'drop table "{name}"')

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all or nothing: whatever is raised within undoes what was done."""
        self._store.execute("begin")
        try:
            yield
        except BaseException:
            self._store.execute("rollback")
            raise
        self._store.execute("commit")

    def get(self, table: str, partition: str, key: str) -> Row | None:
        found = self._store.execute(
            f'select ticks, body from "{table}" where partition = ? and key = ?', (partition, key)
        ).fetchone()
        return Row(partition, key, *found) if found else None

    def put(self, table: str, row: Row) -> None:
        self.put_all(table, [row])

    def put_all(self, table: str, rows: Iterable[Row]) -> None:
        self._store.executemany(
            f'insert or replace into "{table}" values (?, ?, ?, ?)',
            ((each.partition, each.key, each.ticks, each.body) for each in rows),
        )

    def delete(self, table: str, partition: str, key: str) -> None:
        self._store.execute(
            f'delete from "{table}" where partition = ? and key = ?', (partition, key)
        )

    def read(
        self,
        table: str,
        within: Range,
        after: Key | None = None,
        *,
        bodies: bool = True,
        ordered: bool = True,
    ) -> Iterator[Row]:
        """Yield the rows of a range that come after a key, one by one.

        Unless they are `ordered`, they come in an order that has nothing to do with their keys, but
        is always the same.
        """
        terms, values = _terms(within)
        place = ("partition", "key") if ordered else ("scattered(key)", "partition", "key")
        if after is not None:
            values += after if ordered else (_scattered(after[1]), *after)
            terms.append(f"({', '.join(place)}) > ({', '.join('?' for _ in place)})")
        text = (
            f'select partition, key, ticks, {"body" if bodies else "null"} from "{table}"'
            f" where {' and '.join(terms) or 'true'} order by {', '.join(place)}"
        )
        for found in self._store.execute(text, values):
            yield Row(*found)

    def count(self, table: str) -> int:
        return int(self._store.execute(f'select count(*) from "{table}"').fetchone()[0])


def _terms(within: Range) -> tuple[list[str], list[str | int]]:
    terms: list[str] = []
    values: list[str | int] = []
    if within.partition is not None:
        terms.append("partition = ?")
        values.append(within.partition)
    for end, sign in ((within.low, ">"), (within.high, "<")):
        if end is not None:
            key, included = end
            terms.append(f"key {sign}{'=' if included else ''} ?")
            values.append(key)
    return terms, values


def _scattered(key: str) -> int:
    return zlib.crc32(key.encode())
