"""What a command prints: tables for people, JSON for programs; results to stdout, the rest to
stderr.

What clients sent (names, labels) never reaches the terminal as control characters or as markup.
Colour is for terminals, and none where NO_COLOR is set: rich sees to both.
"""

import json
import re
import sys
from collections.abc import AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from scim.cli.problem import Problem

# JSON leaves them as they are; terminals may take them for commands, and UTF-8 has no halves.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def plain(value: object) -> str:
    """Write a value in one line without control characters; None is empty."""
    text = "" if value is None else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def minute(value: object) -> str:
    """Leave out of a time what is below a minute; what is no time stays."""
    text = "" if value is None else str(value)
    return f"{text[:10]} {text[11:16]}" if text[10:11] == "T" and text.endswith("Z") else text


def as_json(document: Any, *, indent: int | None = 2) -> str:
    """Write JSON that is safe to show; in one line without `indent`."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


class Output:
    """Where one command's results go; `json` says that a program reads them."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self._out = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._errors = Console(
            stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True
        )

    def say(self, text: str = "") -> None:
        """Print a line of a result for a person."""
        self._out.print(Text(text))

    def note(self, text: str) -> None:
        """Print what is not the result: to stderr, so that it disturbs no pipe."""
        self._errors.print(Text(text))

    def warn(self, text: str) -> None:
        self._errors.print(Text(f"warning: {text}", style="yellow"))

    def document(self, document: Any, *, indent: int | None = 2) -> None:
        """Print a result as JSON."""
        print(as_json(document, indent=indent), flush=True)

    async def array(self, documents: AsyncIterable[Any]) -> None:
        """Print a JSON array, an element in a line, without holding it: a list may be long."""
        first = True
        async for each in documents:
            print("[" if first else ",", as_json(each, indent=None), sep="\n")
            first = False
        print("[]" if first else "]", flush=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table, without columns that hold nothing.

        Where no terminal limits its width, a row is a line.
        """
        cells = [[plain(each) for each in row] for row in rows]
        kept = [
            place for place in range(len(columns)) if not place or any(row[place] for row in cells)
        ]
        columns = [columns[place] for place in kept]
        shown = [[row[place] for place in kept] for row in cells]
        if not self._out.is_terminal:
            widths = [max(map(len, each)) for each in zip(columns, *shown, strict=True)]
            for row in (columns, *shown):
                padded = (f"{each:<{width}}" for each, width in zip(row, widths, strict=True))
                print("  ".join(padded).rstrip())
            return
        made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
        for place, title in enumerate(columns):
            made.add_column(title, overflow="fold", no_wrap=place == 0)
        for row in shown:
            made.add_row(*map(Text, row))
        self._out.print(made, soft_wrap=False)

    def facts(self, facts: Mapping[str, object]) -> None:
        """Print names and values, one pair to a line, without those that are None."""
        shown = {name: each for name, each in facts.items() if each is not None}
        width = max(map(len, shown), default=0)
        for name, each in shown.items():
            self._out.print(Text(f"{plain(name):<{width}}  {plain(each)}".rstrip()))

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is destroyed; `--yes` has answered. Raises Problem on a no."""
        if yes:
            return
        if self._ask(f"{question} [y/N] ").lower() not in ("y", "yes"):
            raise Problem("nothing was changed")

    def confirm_name(self, question: str, name: str, *, yes: bool) -> None:
        """Ask for a name to be typed before all of something is destroyed."""
        if yes:
            return
        if self._ask(f"{question}\nType the name {name} to go on: ") != name:
            raise Problem("nothing was changed: that is not the name")

    def _ask(self, question: str) -> str:
        if not sys.stdin.isatty():
            raise Problem("this has to be confirmed: answer on a terminal, or give --yes")
        print(question, end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """Show a bar on a terminal; gives the callback `(done, total)`."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        bar = Progress(
            *columns,
            TimeRemainingColumn(),
            console=self._errors,
            transient=True,
            disable=not self._errors.is_terminal,
        )
        with bar:
            task = bar.add_task(what, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
