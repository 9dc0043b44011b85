"""Try every point, and print what became of them: the tables of docs/durability.md."""

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from tests.faults.breaking import FAULTS
from tests.faults.matrix import Met, every, met
from tests.faults.operations import COMMANDS, REQUESTS
from tests.faults.points import Tried, killed_everywhere
from tests.faults.worlds import Worlds

_AFTER = ("completed by repeating", "to repair", "healed")


async def kills(worlds: Worlds, chosen: str) -> list[str]:
    """Kill each operation everywhere; what was wrong."""
    wrong, total = list[str](), Tried()
    _row("operation", "calls", "points", "states", "nothing", "part", "all", *_AFTER)
    _row("---", *["---:"] * 9)
    for operation in (*REQUESTS, *COMMANDS):
        if chosen in operation.name:
            tried = await killed_everywhere(await worlds.scene(operation), every=True)
            _row(operation.name, *_counts(tried))
            total.add(tried)
            wrong += tried.wrong
    _row("**all**", *_counts(total))
    return wrong


async def matrix(worlds: Worlds, chosen: str) -> list[str]:
    """Let each operation meet each fault; what was wrong."""
    total = {(name, lasting): Met() for name in FAULTS for lasting in (False, True)}
    for operation in REQUESTS:
        if chosen in operation.name:
            on = await worlds.scene(operation)
            for kind, one in (await met(on, every(on))).items():
                total[kind].add(one)
            sys.stderr.write(".")
    _row("fault", "from there on", "points", "done", "503", "nothing", "part", "all")
    _row("---", "---", *["---:"] * 6)
    for (name, lasting), one in total.items():
        seen = [one.seen[each] for each in ("nothing", "part", "all")]
        _row(name, "yes" if lasting else "", one.points, one.done, one.refused, *seen)
    return [wrong for one in total.values() for wrong in one.wrong]


def _counts(tried: Tried) -> Sequence[int]:
    seen = [tried.seen[each] for each in ("nothing", "part", "all")]
    after = [tried.repeated, tried.repairable, tried.healed]
    return [tried.calls, tried.points, tried.states, *seen, *after]


def _row(*cells: object) -> None:
    sys.stdout.write(f"| {' | '.join(str(each) for each in cells)} |\n")


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("what", choices=("kills", "matrix"))
    parser.add_argument("--only", default="", help="operations whose name holds this")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    run = kills if options.what == "kills" else matrix
    wrong = await run(Worlds(), options.only)
    sys.stdout.write("\n".join(wrong))
    return bool(wrong)


sys.exit(asyncio.run(main()))
