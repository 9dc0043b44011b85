"""What a deployment costs in a month, from prices that you look up: `python infra/costs.py FILE`.

FILE is JSON with a price for each name in PRICES; docs/costs.md says where to find them, and what
each line counts. `--prices` prints such a file to fill in. With `--users` requests, calls and data
are counted from people and what becomes of them in a month; without FILE only those are printed.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

HOURS = 730.0  # of a month, as Azure's calculator has it
PRICES: Mapping[str, str] = {
    "executionsPerMillion": "Functions, Flex Consumption, on demand: total executions, a million",
    "gbSecond": "the same: execution time, a GB and second",
    "readyGbSecond": "the same, always ready: baseline, a GB and second",
    "tableOperations": "Table Storage of your redundancy: operations, 10,000",
    "tableGib": "the same: data stored, a GiB and month",
    "logGb": "Log Analytics: ingested (Analytics logs), a GB",
    "retentionGb": "Log Analytics: kept beyond what is included, a GB and month",
    "probeRun": "Application Insights: a run of a standard availability test",
    "alertOften": "Azure Monitor: a log alert that looks every 5 minutes, a month",
    "alertHourly": "the same, every 15 minutes or less often",
    "metricSeries": "Azure Monitor: a metric alert's time series, a month",
    "endpointHour": "Private Link: an endpoint, an hour",
}


class Missing(ValueError):
    """A price is not there."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is deployed and asked of it. Bytes of lines and calls: the query `cost-inputs`."""

    requests: float = 1_000_000
    seconds: float = 0.1  # of a request, in the mean
    together: float = 1.0  # requests that share an instance's second
    calls: float = 2.5  # to the tables, of a request
    line_bytes: float = 4_000  # of telemetry and logs, of a request
    gib: float = 0.1
    memory: float = 2.0  # GB of an instance
    ready: float = 0.0  # instances that always run
    probes: float = 5.0  # places that look every five minutes
    retention: float = 30.0  # days
    included: float = 31.0  # of them, in the price of ingestion
    endpoints: float = 0.0


@dataclass(frozen=True, slots=True)
class People:
    """Who is provisioned and what a month brings: shares of users, of each one's memberships.

    Bytes: `python -m bench.capacity`.
    """

    users: float = 0.0
    directories: float = 1.0
    memberships: float = 10.0  # of a user
    changed: float = 0.5
    joined: float = 0.02
    left: float = 0.02
    moved: float = 0.05  # memberships that are given or taken
    cycles: float = HOURS * 60 / 40  # of each directory
    restarts: float = 0.0  # of each directory's job
    user_bytes: float = 4_500.0
    membership_bytes: float = 470.0
    entry_bytes: float = 650.0
    log_days: float = 30.0


# Requests that Entra sends for one of each, and calls of the store that they take
# (docs/benchmarks.md, Flat cost): a search 1 without a match and 3 with one, GET 2, POST 1, PATCH
# 3, DELETE 5, a member added 4, a question whether somebody is a member 2. The timer's:
# `python -m bench.capacity`.
WORK: Mapping[str, tuple[float, float, float]] = {  # requests, calls, entries of the log
    "changed": (2, 2 + 3, 1),
    "joined": (2, 1 + 1, 1),
    "left": (3, 2 + 3 + 5, 2),
    "moved": (1, 4, 1),
    "cycles": (2, 2, 0),
    "restarted": (1, 3, 0),
    "asked": (1, 2, 0),
    "timer": (0, 9, 0),  # an hour's look at one directory in which nothing is due
}


def work(people: People) -> dict[str, tuple[float, float, float]]:
    """Count a month's requests, calls and entries of the log, by what causes them."""
    of_users = {
        each: people.users * getattr(people, each) for each in ("changed", "joined", "left")
    }
    times = {
        **of_users,
        "moved": people.users * people.memberships * people.moved,
        "cycles": people.directories * people.cycles,
        "restarted": people.users * people.restarts,
        "asked": people.users * people.memberships * people.restarts,
        "timer": people.directories * HOURS,
    }
    return {
        name: (times[name] * requests, times[name] * calls, times[name] * entries)
        for name, (requests, calls, entries) in WORK.items()
    }


def filled(load: Load, people: People) -> Load:
    """Put people's requests, calls and data into a load."""
    requests, calls, entries = (sum(each[n] for each in work(people).values()) for n in range(3))
    stored = (
        people.users * (people.user_bytes + people.memberships * people.membership_bytes)
        + entries * people.entry_bytes * people.log_days / 30
    )
    return replace(load, requests=requests, calls=calls / requests, gib=stored / 2**30)


def lines(load: Load, price: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Count each line of the bill, idle and for the requests."""
    runs = load.probes * HOURS * 12
    timer = HOURS
    # An execution is billed for a second at least, and those at the same time share it.
    second = max(1.0, load.seconds) * load.memory / load.together
    logged = load.requests * load.line_bytes / 1e9
    idle_logged = runs * load.line_bytes / 1e9
    kept = max(0.0, load.retention - load.included) / 30
    idle_calls = 2 * runs + 5 * timer
    return {
        "executions": (
            (runs + timer) / 1e6 * price["executionsPerMillion"],
            load.requests / 1e6 * price["executionsPerMillion"],
        ),
        "execution time": (
            (runs + timer) * load.memory * price["gbSecond"],
            load.requests * second * price["gbSecond"],
        ),
        "always ready": (
            load.ready * load.memory * HOURS * 3600 * price["readyGbSecond"],
            0.0,
        ),
        "table operations": (
            idle_calls / 1e4 * price["tableOperations"],
            load.requests * load.calls / 1e4 * price["tableOperations"],
        ),
        "data": (load.gib * price["tableGib"], 0.0),
        "logs": (idle_logged * price["logGb"], logged * price["logGb"]),
        "logs kept": (
            idle_logged * kept * price["retentionGb"],
            logged * kept * price["retentionGb"],
        ),
        "availability test": (runs * price["probeRun"], 0.0),
        "alerts": (
            3 * price["alertOften"] + 4 * price["alertHourly"] + 2 * price["metricSeries"],
            0.0,
        ),
        "private endpoints": (load.endpoints * HOURS * price["endpointHour"], 0.0),
    }


def read(file: Path) -> dict[str, float]:
    """Read prices; raises Missing with the names of those that are not there.

    Raises OSError and ValueError for what is no JSON object.
    """
    found = json.loads(file.read_text("utf-8"))
    if not isinstance(found, dict):
        raise ValueError("it must be one object with the prices")  # noqa: TRY004 - as JSON's own
    missing = [name for name in PRICES if not isinstance(found.get(name), int | float)]
    if missing:
        raise Missing("\n".join(f"{name}: {PRICES[name]}" for name in missing))
    return {name: float(found[name]) for name in PRICES}


def tell(people: People, load: Load) -> None:
    """Print what a month asks for."""
    print(f"{'a month':<20}{'requests':>14}{'calls':>14}")
    for name, (requests, calls, _) in work(people).items():
        print(f"{name:<20}{requests:>14,.0f}{calls:>14,.0f}")
    calls = load.requests * load.calls
    print(f"{'all of it':<20}{load.requests:>14,.0f}{calls:>14,.0f}")
    print(f"{'GiB':<20}{load.gib:>14,.2f}\n")


def main(arguments: list[str]) -> int:
    """Print the bill, or the prices that are to be filled in."""
    parser = argparse.ArgumentParser(prog="infra/costs.py", description="a month's costs")
    parser.add_argument("file", nargs="?", type=Path, help="prices, as JSON")
    parser.add_argument("--prices", action="store_true", help="print a file to fill in")
    for kind in (Load, People):
        for name in kind.__slots__:
            default = getattr(kind(), name)
            option = f"--{name.replace('_', '-')}"
            parser.add_argument(option, type=float, default=default, help=f"({default:g})")
    given = parser.parse_args(arguments)
    load = Load(**{each: getattr(given, each) for each in Load.__slots__})
    if given.users and not given.prices:
        people = People(**{each: getattr(given, each) for each in People.__slots__})
        load = filled(load, people)
        tell(people, load)
        if given.file is None:
            return 0
    if given.prices or given.file is None:
        print(json.dumps(dict.fromkeys(PRICES), indent=2))
        return 0
    try:
        price = read(given.file)
    except Missing as missing:
        print(f"these prices are missing:\n{missing}", file=sys.stderr)
        return 1
    except (OSError, ValueError) as error:
        print(f"{given.file} can't be read as JSON: {error}", file=sys.stderr)
        return 2
    bill = lines(load, price)
    print(f"{'a month':<20}{'idle':>12}{'requests':>12}")
    for name, (idle, busy) in bill.items():
        print(f"{name:<20}{idle:>12.2f}{busy:>12.2f}")
    idle, busy = (sum(each[n] for each in bill.values()) for n in (0, 1))
    print(f"{'all of it':<20}{idle:>12.2f}{busy:>12.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
