"""`python -m bench.plots`: draw docs/plots/*.svg from the newest numbers in bench/results.

Lines over logarithmic axes, written as SVG by hand: nothing needs to be installed, and a figure
differs only where its numbers do.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from bench.telling import ROOT, newest, say

_COLOURS = ("#0b62a4", "#c2410c", "#15803d", "#7c3aed", "#b91c1c", "#57534e")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 380, 64, 240, 40, 48

Points = Sequence[tuple[float, float]]


def lines(title: str, across: str, up: str, series: Mapping[str, Points]) -> str:
    """Draw lines; both axes are logarithmic, and begin and end at powers of ten."""
    points = [each for some in series.values() for each in some]
    x = _Axis([each for each, _ in points], _LEFT, _WIDTH - _RIGHT)
    y = _Axis([each for _, each in points], _HEIGHT - _BOTTOM, _TOP)
    box = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {box}>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 22, title, weight="bold"),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, across, anchor="middle"),
        _text(_LEFT, _TOP - 6, up, colour="#57534e"),
    ]
    for value, at in x.ticks():
        parts.append(_stroke([(at, _TOP), (at, _HEIGHT - _BOTTOM)], "#e5e5e5", 1))
        parts.append(_text(at, _HEIGHT - _BOTTOM + 16, _number(value), anchor="middle"))
    for value, at in y.ticks():
        parts.append(_stroke([(_LEFT, at), (_WIDTH - _RIGHT, at)], "#e5e5e5", 1))
        parts.append(_text(_LEFT - 6, at + 4, _number(value), anchor="end"))
    for number, (name, some) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        placed = [(x.at(one), y.at(other)) for one, other in some]
        parts.append(_stroke(placed, colour, 2))
        parts += [
            f'<circle cx="{one:.1f}" cy="{other:.1f}" r="3" fill="{colour}"/>'
            for one, other in placed
        ]
        parts.append(_text(_WIDTH - _RIGHT + 14, _TOP + 10 + 20 * number, name, colour=colour))
    return "\n".join([*parts, "</svg>", ""])


class _Axis:
    """Places values between two ends, by their logarithms."""

    def __init__(self, values: Sequence[float], begin: float, end: float) -> None:
        self._low = math.floor(math.log10(min(values)))
        self._high = max(math.ceil(math.log10(max(values))), self._low + 1)
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        part = (math.log10(value) - self._low) / (self._high - self._low)
        return self._begin + part * (self._end - self._begin)

    def ticks(self) -> Iterator[tuple[float, float]]:
        for power in range(self._low, self._high + 1):
            yield 10.0**power, self.at(10.0**power)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#111", weight: str = ""
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}{bold}>{escape(text)}</text>"


def _stroke(points: Points, colour: str, width: int) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def flat(found: Sequence[Mapping[str, Any]]) -> str:
    """What the service looks at and writes, by how many are in the directory or the group."""
    names = ("match userName, hit", "POST user", "DELETE user", "add one member")
    series = {
        name: [
            (each["size"], each["cost"]["examined"] + each["cost"]["written"])
            for each in found
            if each["name"] == name
        ]
        for name in (*names, "list users, page in the middle", "list users, first page")
    }
    title = "Rows that a request looks at or writes (model of Table Storage)"
    return lines(title, "users in the directory, members in the group", "rows", series)


def peers(found: Mapping[str, Any]) -> str:
    """What adding a member costs each server, by the size of the group."""
    timed = [each for each in found["timed"] if each["operation"] == "group: add one member"]
    series = {
        server: [(each["size"], each["cpu_ms"]) for each in timed if each["server"] == server]
        for server in dict.fromkeys(each["server"] for each in timed)
    }
    return lines("Add one member: CPU time of the server", "members in the group", "ms", series)


def million(found: Mapping[str, Any]) -> str:
    """What a page of a full walk costs, by its place in it."""
    series = {f"by {each['way']}": each["by_place"] for each in found["walks"]}
    title = f"A page of a walk over {found['users']:,} users: CPU time"
    return lines(title, "the page's number", "ms", series)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plots", description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "plots", metavar="FOLDER")
    folder = parser.parse_args().to
    folder.mkdir(exist_ok=True)
    figures: Mapping[str, Callable[[Any], str]] = {
        "flat": flat,
        "peers": peers,
        "million": million,
    }
    for kind, draw in figures.items():
        found = newest(kind)
        if found is None:
            say(f"no numbers for {kind}.svg: run python -m bench.{kind}")
            continue
        (folder / f"{kind}.svg").write_text(draw(found), "utf-8")
        print(folder / f"{kind}.svg")


if __name__ == "__main__":
    main()
