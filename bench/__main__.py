"""`python -m bench`: measure every operation on Azurite and in memory, and say what it costs.

Starts and stops all that it needs; about five minutes on two cores.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import report
from bench.bare import measure_bare
from bench.directory import Population, write_memberships
from bench.measure import Cost, Throughput, measure, throughput
from bench.operations import SPARE, USERS, basic, of_group, side_by_side
from bench.serving import Server, serving
from bench.telling import say, written
from scim.cli.azurite import azurite
from scim.cli.problem import Problem

CONNECTIONS = 16
LARGE = 10_000

# Give a group of 10,000 members.
Fill = Callable[[Population], str]


@dataclass(slots=True)
class Run:
    """What was measured on one store."""

    costs: list[Cost] = field(default_factory=list)
    throughput: list[Throughput] = field(default_factory=list)
    bare: list[Cost] = field(default_factory=list)


def main() -> None:
    """Measure, print the tables, keep the numbers."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the requests")
    parser.add_argument("--markdown", action="store_true", help="print docs/benchmarks.md's tables")
    chosen = parser.parse_args()
    requests = 30 if chosen.quick else 90
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        try:
            tables, memory = _on_azurite(Path(name), requests), _in_memory(Path(name), requests)
        except Problem as problem:
            sys.exit(f"bench: {problem}")
    took = time.monotonic() - begun
    result = report.Report.of(
        tables.costs, memory.costs, tables.bare, tables.throughput, memory.throughput, took
    )
    print(result.markdown() if chosen.markdown else result.text())
    written("operations", result.document())
    say(f"{took:.0f} s")


def _on_azurite(folder: Path, requests: int) -> Run:
    run = Run()
    with azurite(folder / "azurite") as where, serving(where, folder / "one") as server:

        def bare(people: Population) -> None:
            # Before and after the operations, so that both see the same weather.
            run.bare += asyncio.run(measure_bare(where, people.users[0], 2 * requests))

        def fill(people: Population) -> str:
            group = people.group()
            asyncio.run(write_memberships(where, group, LARGE))
            return group

        _measure_all("Azurite", server, requests, run, fill, bare)
    return run


def _in_memory(folder: Path, requests: int) -> Run:
    run = Run()
    with serving("memory", folder / "two") as server:

        def fill(people: Population) -> str:
            known = list(people.users)
            people.add_users(LARGE - SPARE)
            return people.group([*known[:SPARE], *people.users[len(known) :]])

        _measure_all("memory", server, requests, run, fill, lambda _: None)
    return run


def _measure_all(
    store: str,
    server: Server,
    requests: int,
    run: Run,
    fill: Fill,
    between: Callable[[Population], None],
) -> None:
    with server.connection() as connection:
        say(f"{store}: loading {USERS:,} users")
        people = Population(connection)
        people.add_users(USERS)
        between(people)
        say(f"{store}: measuring")
        run.costs += [measure(server, each, requests) for each in basic(people)]
        small = people.group(people.users[:10])
        run.costs += [measure(server, each, requests) for each in of_group(people, small, 10)]
        between(people)
        say(f"{store}: {CONNECTIONS} connections")
        run.throughput += [
            throughput(server, name, make, requests * 8, CONNECTIONS)
            for name, make in side_by_side(people)
        ]
        medium = people.group(people.users[:SPARE])
        run.costs += [measure(server, each, requests) for each in of_group(people, medium, SPARE)]
        say(f"{store}: loading a group of {LARGE:,}")
        large = fill(people)
        run.costs += [measure(server, each, requests) for each in of_group(people, large, LARGE)]


if __name__ == "__main__":
    main()
