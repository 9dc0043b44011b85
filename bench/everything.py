"""`python -m bench.everything`: all benchmarks that take long, one after the other.

Each is a command of its own, which can be run alone. The tables are put together, under the name of
the document that shows them, into a file beside the numbers, and the figures are drawn. One that
fails doesn't stop the others, but ends it with status 1. `--quick` tries all of it at small sizes;
`--list` tells what is done.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.telling import RESULTS, ROOT, machine, named, say


@dataclass(frozen=True, slots=True)
class Step:
    """A command, where its tables are shown, minutes on two idle cores, arguments to try it."""

    command: str
    shown: str
    minutes: int
    quick: Sequence[str] = ()

    @property
    def name(self) -> str:
        """What it is called: `flat` of `bench.flat`, `kills` of `tests.faults kills`."""
        module, _, what = self.command.partition(" ")
        return what if what and "-" not in what else module.rpartition(".")[2]


_SMALL = ("--users", "100", "2000", "--members", "10", "1000")
_BENCHMARKS = "docs/benchmarks.md#"

STEPS: Sequence[Step] = (
    Step("bench.large_groups", f"{_BENCHMARKS}large-groups", 13, ("--members", "2000")),
    Step("bench.million", f"{_BENCHMARKS}a-million-users", 9, ("--users", "20000")),
    Step("bench.flat", f"{_BENCHMARKS}flat-costs", 2, _SMALL),
    Step("bench.capacity", "docs/capacity.md#one-process-one-partition-one-account", 2),
    Step("tests.faults kills", "docs/durability.md#killed-at-every-call", 2, ("--only", "3 mem")),
    Step(
        "tests.faults matrix",
        "docs/durability.md#every-fault-at-every-call",
        3,
        ("--only", "3 mem"),
    ),
    Step("bench --markdown", f"{_BENCHMARKS}the-numbers", 6, ("--quick",)),
    Step("bench.pages", f"{_BENCHMARKS}reading-rows", 1),
    Step("bench.transactions", f"{_BENCHMARKS}transactions", 1),
    Step("bench.unsorted", "docs/design.md#cosmos-db-for-table", 1, ("--users", "2000")),
    Step("bench.heavy", "docs/design.md#memory", 6, ("--users", "2000")),
    Step("bench.backups", "docs/runbooks.md#restore", 1, ("--users", "1000")),
    Step(
        "bench.peers",
        f"{_BENCHMARKS}beside-other-servers",
        15,
        ("--sizes", "20", "100", "--requests", "2"),
    ),
    Step("bench.plots", "docs/benchmarks.md", 1, ("--to", str(RESULTS / "quick"))),
)


def run(steps: Sequence[Step], *, quick: bool) -> list[str]:
    """Run steps, keep their tables; give the names of those that failed."""
    path, failed = named("everything-{}.md"), []
    path.write_text(machine() + "\n", "utf-8")
    tried = {"BENCH_RESULTS": str(RESULTS / "quick")} if quick else {}
    for number, step in enumerate(steps, 1):
        arguments = [*step.command.split(), *(step.quick if quick else ())]
        expected = "" if quick else f", about {step.minutes} minutes"
        say(f"{number} of {len(steps)}: python -m {' '.join(arguments)}{expected}")
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, **tried},
        )
        took = (time.monotonic() - begun) / 60
        ended = "" if done.returncode == 0 else f", failed with {done.returncode}"
        failed += [step.name] * bool(ended)
        say(f"{step.name}: {took:.1f} minutes{ended}")
        head = f"\n## {step.shown}\n\n`python -m {' '.join(arguments)}`: {took:.1f} minutes{ended}"
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{head}\n\n{done.stdout.strip()}\n")
    say(f"the tables are in {path}")
    return failed


def main() -> None:
    names = [each.name for each in STEPS]
    parser = argparse.ArgumentParser(prog="python -m bench.everything", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, to try it")
    parser.add_argument("--list", action="store_true", help="print the steps and their minutes")
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="these steps")
    parser.add_argument("--without", nargs="+", choices=names, default=[], help="not these")
    chosen = parser.parse_args()
    wanted = [name for name in chosen.only if name not in chosen.without]
    steps = [each for each in STEPS if each.name in wanted]
    if chosen.list:
        for each in steps:
            print(f"{each.minutes:3} min  python -m {each.command}: {each.shown}")
        print(f"{sum(each.minutes for each in steps):3} min")
        return
    begun = time.monotonic()
    failed = run(steps, quick=chosen.quick)
    say(f"all of it: {(time.monotonic() - begun) / 60:.0f} minutes")
    if failed:
        sys.exit(f"bench.everything: failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
