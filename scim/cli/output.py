"""What a command prints: tables for people, JSON for programs; results to stdout, the rest to
stderr.

What clients sent (names, labels) never reaches the terminal as control characters or as markup.
Colour and bold are for terminals, and not where NO_COLOR is set.
"""

import json
import re
import sys
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from scim.cli.problem import Problem
from scim.cli.process import interruptible

# JSON leaves them as they are; terminals may take them for commands, and UTF-8 has no halves.
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NARROW = 12  # characters of a column on a terminal; with less, a row becomes a block of lines


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
        widths = [max(map(cell_len, each)) for each in zip(columns, *shown, strict=True)]
        if not self._out.is_terminal:
            for row in (columns, *shown):
                padded = (_padded(each, width) for each, width in zip(row, widths, strict=True))
                print("  ".join(padded).rstrip())
            return
        least = [widths[0], *(min(each, _NARROW) for each in widths[1:])]
        if sum(least) + 2 * (len(least) - 1) > self._out.width:
            for row in shown:
                self.facts({each: cell or None for each, cell in zip(columns, row, strict=True)})
                self.say()
            return
        bold = "" if self._out.no_color else "bold"
        made = Table(box=None, pad_edge=False, header_style=bold, show_edge=False)
        for place, title in enumerate(columns):
            made.add_column(title, overflow="fold", no_wrap=place == 0)
        for row in shown:
            made.add_row(*map(Text, row))
        self._out.print(made, soft_wrap=False)

    def facts(self, facts: Mapping[str, object]) -> None:
        """Print names and values, one pair to a line, without those that are None."""
        shown = {name: each for name, each in facts.items() if each is not None}
        width = max((cell_len(plain(name)) for name in shown), default=0)
        for name, each in shown.items():
            self._out.print(Text(f"{_padded(plain(name), width)}  {plain(each)}".rstrip()))

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something is destroyed; `--yes` has answered. Raises Problem on a no."""
        if yes:
            return
        if self._ask(question, " [y/N] ").lower() not in ("y", "yes"):
            raise Problem("nothing was changed")

    def confirm_name(self, question: str, name: str, *, yes: bool) -> None:
        """Ask for a name to be typed before all of something is destroyed."""
        if yes:
            return
        if self._ask(question, f"\nType the name {name} to go on: ") != name:
            raise Problem("nothing was changed: that is not the name")

    def _ask(self, question: str, how: str) -> str:
        if not sys.stdin.isatty():
            raise Problem(f"{question} Nothing was done: answer on a terminal, or give --yes")
        with interruptible():
            print(f"{question}{how}", end="", file=sys.stderr, flush=True)
            return sys.stdin.readline().strip()

    @contextmanager
    def progress(self, what: str) -> Iterator["Bar"]:
        """Show a bar on a terminal; elsewhere only its phases are noted."""
        bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            _Counted(),
            TimeElapsedColumn(),
            console=self._errors,
            transient=True,
            disable=not self._errors.is_terminal,
        )
        with bar:
            yield Bar(self, bar, bar.add_task(what, total=None))


class Bar:
    """How far a command has come: called with what is done and how much there is."""

    def __init__(self, output: Output, bar: Progress, task: TaskID) -> None:
        self._output = output
        self._bar = bar
        self._task = task

    def __call__(self, done: int, total: int | None) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def phase(self, what: str) -> None:
        """Begin something else, with no count as yet."""
        if self._bar.disable:
            self._output.note(f"{what} …")
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=None)


class _Counted(MofNCompleteColumn):
    """`5/10`; as long as nobody knows how many there are, how many are done, if any."""

    def render(self, task: Task) -> Text:
        if task.total is not None:
            return super().render(task)
        return Text(f"{task.completed:,.0f}" if task.completed else "")


def _padded(text: str, width: int) -> str:
    """Fill up with blanks; what is wide (日本) takes two cells."""
    return text + " " * (width - cell_len(text))
