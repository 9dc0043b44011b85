"""The numbers as tables, for a terminal and for docs/benchmarks.md, and as JSON.

Ratios compare with the bare SDK in the same run: of reads with a point read, of writes with a
transaction of three.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.measure import Cost, Throughput, middle
from bench.telling import machine, table

_NOT_MEASURED = "not measured"
_OPERATIONS = (
    "operation",
    "round trips",
    "calls",
    "rows read",
    "Azurite ms",
    "CPU ms",
    "CPU ÷ bare",
    "memory ms",
    "CPU ms",
    "CPU ÷ bare",
)
_BARE = ("bare azure-data-tables", "Azurite ms", "CPU ms")
_BARE_NAMES = {
    "point read": "point read of a user's row",
    "transaction": "transaction that inserts 3",
}
_THROUGHPUT = ("at once", "store", "connections", "requests/s", "ms", "CPU ms")


@dataclass(frozen=True, slots=True)
class Report:
    """One run."""

    tables: Sequence[Cost]
    memory: Sequence[Cost]
    bare: Sequence[Cost]
    throughput: Sequence[tuple[str, Throughput]]
    machine: str
    seconds: float

    @classmethod
    def of(
        cls,
        tables: Sequence[Cost],
        memory: Sequence[Cost],
        bare: Sequence[Cost],
        on_tables: Sequence[Throughput],
        on_memory: Sequence[Throughput],
        seconds: float,
    ) -> "Report":
        """Put a run together; yardsticks that were measured more than once become one."""
        return cls(
            tables,
            memory,
            [_joined([each for each in bare if each.name == name]) for name in _names(bare)],
            [
                *(("Azurite", each) for each in on_tables),
                *(("memory", each) for each in on_memory),
            ],
            machine(),
            round(seconds, 1),
        )

    def document(self) -> dict[str, Any]:
        """Make what is kept as JSON."""
        return asdict(self)

    def text(self) -> str:
        """Lay the tables out for a terminal."""
        return "\n\n".join([self.machine, *(_aligned(each) for each in self._grids())])

    def markdown(self) -> str:
        """Lay the tables out for the documentation."""
        return "\n\n".join([self.machine, *(table(each[0], each[1:]) for each in self._grids())])

    def _grids(self) -> list[list[Sequence[str]]]:
        bare = [(_BARE_NAMES[each.name], _ms(each.ms), _ms(each.cpu_ms)) for each in self.bare]
        memory = {each.name: each for each in self.memory}
        operations = [self._row(each, memory[each.name]) for each in self.tables]
        many = [
            (
                each.name,
                store,
                str(each.connections),
                f"{each.per_second:.0f}",
                _ms(each.ms),
                _ms(each.cpu_ms),
            )
            for store, each in self.throughput
        ]
        return [[_BARE, *bare], [_OPERATIONS, *operations], [_THROUGHPUT, *many]]

    def _row(self, on_tables: Cost, in_memory: Cost) -> Sequence[str]:
        bare = next((each.cpu_ms for each in self.bare if each.name == on_tables.yardstick), None)
        return (
            on_tables.name,
            *(f"{each:g}" for each in (on_tables.round_trips, on_tables.calls, on_tables.rows)),
            _ms(on_tables.ms),
            _ms(on_tables.cpu_ms),
            _ratio(on_tables.cpu_ms, bare),
            _ms(in_memory.ms),
            _ms(in_memory.cpu_ms),
            _ratio(in_memory.cpu_ms, bare),
        )


def _names(costs: Sequence[Cost]) -> list[str]:
    return list(dict.fromkeys(each.name for each in costs))


def _joined(costs: Sequence[Cost]) -> Cost:
    ms = statistics.median(each.ms for each in costs)
    cpu = middle([each.cpu_ms for each in costs])
    name, yardstick = costs[0].name, costs[0].yardstick
    return Cost(name, yardstick, sum(each.requests for each in costs), ms, cpu, 1, 1)


def _ms(value: float | None) -> str:
    return _NOT_MEASURED if value is None else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value: float | None, bare: float | None) -> str:
    return _NOT_MEASURED if value is None or not bare else f"{value / bare:.2f}"


def _aligned(grid: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*grid, strict=True)]
    lines = []
    for row in grid:
        numbers = (each.rjust(width) for each, width in zip(row[1:], widths[1:], strict=True))
        lines.append("  ".join([row[0].ljust(widths[0]), *numbers]))
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
