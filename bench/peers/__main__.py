"""`python -m bench.peers`: this server and two others do what Entra's job does, in one run.

Create, match, change, list, and the members of groups, at growing sizes; then 64 PATCHes at once,
each of which adds a member, and how many of those that were acknowledged are there. The peers are
installed from PyPI and npm into a folder that is removed in the end. A server that would take too
long at the next size, if its time grew in proportion, is left out from there on.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.peers import report
from bench.peers.cycle import Parallel, Peer, Timed, add_at_once, connected, measure, spare
from bench.peers.servers import Running, all_servers
from bench.peers.shapes import Tried, try_all
from bench.telling import say, written
from scim.cli.problem import Problem

SIZES = (100, 1_000, 3_000, 5_000)
REQUESTS = 5  # of a batch
SECONDS = 600.0  # that a server may take at one size


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of a batch; three batches")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of a server, at a size")
    chosen = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="peers-") as name:
        try:
            with all_servers(Path(name)) as servers:
                found = run(servers, chosen.sizes, chosen.requests, chosen.seconds)
        except Problem as problem:
            sys.exit(f"bench.peers: {problem}")
    print(report.markdown(found.tried, found.timed, found.parallel, found.left_out))
    say(f"{time.monotonic() - begun:.0f} s")


@dataclass(slots=True)
class Found:
    """What each server took, its times, who was lost, and why a server was left out at a size."""

    tried: dict[str, dict[str, Tried]] = field(default_factory=dict)
    timed: list[Timed] = field(default_factory=list)
    parallel: list[Parallel] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def run(servers: Sequence[Running], sizes: Sequence[int], requests: int, seconds: float) -> Found:
    """Try the shapes, then measure at each size."""
    found, smaller = Found(), 0
    for each in servers:
        with each.connection() as connection:
            found.tried[each.name] = try_all(connection)
    with connected(servers, found.tried) as peers:
        left = list(peers)
        for size in sizes:
            reasons = {each.server.name: slow(each, smaller, size, seconds) for each in left}
            left = [each for each in left if not reasons[each.server.name]]
            found.left_out += [each for each in reasons.values() if each]
            for peer in left:
                peer.seconds = 0
                peer.fill(size + spare(requests), size)
                say(f"{size:,}: {peer.server.name} loaded in {peer.seconds:.0f} s")
            found.timed += measure([peer for peer in left if peer.server.timed], size, requests)
            for peer in left:
                found.parallel.append(add_at_once(peer, size))
                say(f"{found.parallel[-1]}")
            smaller = size
            # After each size: the largest takes longest, and may be given up.
            written("peers", document(found))
    return found


def slow(peer: Peer, smaller: int, size: int, seconds: float) -> str:
    """Say why a server is left out at a size; nothing when it is not."""
    name = peer.server.name
    if peer.server.largest is not None:
        largest, reason = peer.server.largest
        if size > largest:
            return f"{name} from {size:,} on: {reason}"
    expected = peer.seconds * size / smaller if smaller else 0
    if expected > seconds:
        return f"{name} from {size:,} on: its answers took {peer.seconds:,.0f} s at {smaller:,}"
    return ""


def document(found: Found) -> dict[str, Any]:
    """Make what is kept as JSON."""
    return {
        "shapes": {
            name: [asdict(each) for each in some.values()] for name, some in found.tried.items()
        },
        "timed": [asdict(each) for each in found.timed],
        "parallel": [asdict(each) for each in found.parallel],
        "left out": found.left_out,
    }


if __name__ == "__main__":
    main()
