"""`python -m bench.peers`: this server and two others do what Entra's job does, in one run.

Create, match, change, list, and the members of groups, at growing sizes; then 64 PATCHes at once,
each of which adds a member, and how many of those that were acknowledged are there. The peers are
installed from PyPI and npm into a folder that is removed in the end; about ten minutes
on two cores that do nothing else.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.flat import written
from bench.peers import report
from bench.peers.cycle import Parallel, Timed, add_at_once, connected, measure, spare
from bench.peers.servers import Running, all_servers
from bench.peers.shapes import Tried, try_all
from scim.cli.problem import Problem

SIZES = (100, 1_000, 3_000)
REQUESTS = 5  # of a batch


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of a batch; three batches")
    chosen = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        try:
            with all_servers(Path(name)) as servers:
                tried, timed, parallel = run(servers, chosen.sizes, chosen.requests)
        except Problem as problem:
            sys.exit(f"bench.peers: {problem}")
    print(report.markdown(tried, timed, parallel))
    say(f"{time.monotonic() - begun:.0f} s")


def run(
    servers: Sequence[Running], sizes: Sequence[int], requests: int
) -> tuple[dict[str, dict[str, Tried]], list[Timed], list[Parallel]]:
    """Try the shapes, then measure at each size."""
    tried: dict[str, dict[str, Tried]] = {}
    for each in servers:
        with each.connection() as connection:
            tried[each.name] = try_all(connection)
    timed: list[Timed] = []
    parallel: list[Parallel] = []
    with connected(servers, tried) as peers:
        for size in sizes:
            some = [peer for peer in peers if size <= (peer.server.largest or size)]
            for peer in some:
                began = time.monotonic()
                peer.fill(size + spare(requests), size)
                say(f"{size:,}: {peer.server.name} loaded in {time.monotonic() - began:.0f} s")
            timed += measure([peer for peer in some if peer.server.timed], size, requests)
            for peer in some:
                parallel.append(add_at_once(peer, size))
                say(f"{parallel[-1]}")
            # After each size: the largest takes longest, and may be given up.
            say(f"the numbers are in {written('peers', document(tried, timed, parallel))}")
    return tried, timed, parallel


def document(
    tried: Mapping[str, Mapping[str, Tried]], timed: Sequence[Timed], parallel: Sequence[Parallel]
) -> dict[str, Any]:
    """Make what is kept as JSON."""
    return {
        "shapes": {name: [asdict(each) for each in some.values()] for name, some in tried.items()},
        "timed": [asdict(each) for each in timed],
        "parallel": [asdict(each) for each in parallel],
    }


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
