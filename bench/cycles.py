"""`python -m bench.cycles`: whole provisioning cycles at size, against the server in memory.

An initial cycle, one with changes of every kind, one without changes, a restart that may only read;
in both spellings of a PATCH, and each of them again with faults of every kind on the way. With
faults a cycle is followed by others, 40 minutes later each, until one has no failure. After each
the state is compared with the source. A failure of any ends it with status 1.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime

from scim.cli.making import new_directory
from scim.cli.mappings import mapping
from scim.cli.simulator.dialects import DIALECTS, Dialect
from scim.cli.simulator.faults import Faults
from scim.cli.simulator.generating import generate
from scim.cli.simulator.job import Job
from scim.cli.simulator.quarantine import INTERVAL
from scim.cli.simulator.report import Action, CycleReport
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.state import differences, expected, observed
from scim.cli.simulator.wire import Received, Send, Sent
from scim.credentials import issue
from scim.http import Request
from scim.limits import Limits
from scim.presets import preset
from scim.server import Server
from storage.open import open_storage

PEPPER = b"a pepper for measurements, 32 bytes"
MOST_CYCLES = 40  # with faults, until one of them has no failure


def populate(users: int, groups: int, most: int, seed: int) -> SourceDirectory:
    """Make a source whose groups have sizes in even steps, the largest of `most` members."""
    source = generate(users, 0, seed)
    chance = random.Random(seed)
    people = source.users
    sizes = [round(most * (number + 1) / groups) for number in range(groups)]
    for number, size in enumerate(chance.sample(sizes, groups)):
        members = chance.sample(people, min(size, users))
        source.add_group(
            *members, displayName=f"Group {number:04} (R&D)", mailNickname=f"g{number}"
        )
    return source


def change(source: SourceDirectory, seed: int) -> None:
    """Change a little of everything: about one user in twenty, one group in four."""
    chance = random.Random(seed + 1)
    users, groups = source.users, source.groups
    some = iter(chance.sample(users[1:], len(users) // 20))
    for number, id in enumerate(some):
        match number % 7:
            case 0:
                source.update(id, displayName=f'Changed "{number}"', mobile=f"+45 {number}")
            case 1:
                source.update(id, accountEnabled=False)
            case 2:
                source.delete(id)
            case 3:
                source.update(id, manager=users[0])
            case 4:
                source.update(id, manager=None)
            case 5:
                source.purge(id)
            case _:
                source.update(id, userPrincipalName=f"renamed{number}@example.com")
    for number in range(len(users) // 100):
        source.add_user(userPrincipalName=f"new{number}@example.com", displayName="New")
    present = source.users
    for number, group in enumerate(chance.sample(groups, len(groups) // 4)):
        source.add_members(group, *chance.sample(present, min(30, len(present))))
        source.remove_members(group, *source.members(group)[:20])
        if number % 5 == 0:
            source.update(group, displayName=f"Renamed {number}")
    source.purge(groups[-1])


async def sending() -> Send:
    """Open a directory of the default preset in memory, and give a way to send to it."""
    storage = open_storage("memory")
    rules = preset("default").model_copy(update={"limits": Limits(requests_per_second=0)})
    made = new_directory("bench", rules, preset="default", now=datetime.now(UTC))
    await storage.registry.add_directory(made)
    token, credential = issue(made.id, pepper=PEPPER, now=datetime.now(UTC))
    await storage.registry.add_credential(credential)
    server = Server(registry=storage.registry, repository=storage.repository, pepper=PEPPER)

    async def send(sent: Sent) -> Received:
        headers = {name.lower(): value for name, value in sent.headers.items()}
        headers["authorization"] = f"Bearer {token}"
        url = f"https://scim.example.com/bench/scim{sent.target}"
        answer = await server.handle(Request(sent.method, url, headers, sent.content or b""))
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Received(answer.status, names, answer.body)

    return send


class Run:
    """The cycles of one job; `rate` is the share of requests that meet a fault."""

    def __init__(
        self, source: SourceDirectory, send: Send, dialect: Dialect, rate: float, seed: int
    ) -> None:
        self.rate = rate
        self.faults = Faults(send, random.Random(seed), rate=rate)
        self.now = datetime.now(UTC)
        self.job = Job(source, mapping("default"), self.faults, dialect, clock=lambda: self.now)

    async def cycles(self, name: str, *, reads: bool = False) -> bool:
        """Run the cycle that is due, with faults others until one has no failure; print a line.

        True when nothing failed but for faults, and the state is the source's then; with `reads`
        only when nothing was written.
        """
        wall, cpu = time.perf_counter(), time.process_time()
        done = [await self._cycle()]
        while self.rate and not done[-1].successful and len(done) < MOST_CYCLES:
            done.append(await self._cycle())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found = await self._differences()
        failed = sum((each.codes for each in done), Counter[str]())
        actions = sum((each.actions for each in done), Counter[Action]())
        requests, writes = sum(each.requests for each in done), sum(each.writes for each in done)
        said = ", ".join(f"{count:,} {action}" for action, count in actions.items())
        print(
            f"{name:8} {len(done):2} cycles {requests:9,} requests {writes:7,} writes"
            f" {wall:6.0f} s {cpu:6.0f} s CPU {failed.total():6,} failures"
            f" {len(found):,} differences  {said}",
            flush=True,
        )
        unexplained = [
            str(one.failure)
            for each in done
            for one in each.failures
            if one.failure and not (self.rate and one.failure.transient)
        ]
        for each in [*unexplained[:5], *found[:5]]:
            print(f"  {each}", flush=True)
        wrong = unexplained or found or self.job.memory.escrow or (reads and writes)
        return done[-1].successful and not wrong

    async def _cycle(self) -> CycleReport:
        report = await self.job.cycle()
        self.now += INTERVAL
        return report

    async def _differences(self) -> list[str]:
        """Compare what is there with the source; nothing goes wrong meanwhile."""
        self.faults.rate = 0
        found = differences(expected(self.job), await observed(self.job))
        self.faults.rate = self.rate
        return found


async def run(chosen: argparse.Namespace, dialect: str, rate: float) -> bool:
    """Run all cycles in one spelling, with so many faults; True when all is as it should be."""
    source = populate(chosen.users, chosen.groups, chosen.most, chosen.seed)
    print(f"\n{dialect}, {rate:.0%} of requests meet a fault", flush=True)
    these = Run(source, await sending(), DIALECTS[dialect], rate, chosen.seed)
    right = await these.cycles("initial")
    change(source, chosen.seed)
    right &= await these.cycles("changes")
    right &= await these.cycles("nothing", reads=True)
    these.job.restart()
    right &= await these.cycles("restart", reads=True)
    if rate:
        kinds = these.faults.injected.items()
        print(f"faults: {', '.join(f'{count:,} {kind}' for kind, count in sorted(kinds))}")
    return right


def describe(source: SourceDirectory) -> str:
    """Say how large a source and its groups are."""
    sizes = sorted(len(source.members(each)) for each in source.groups)
    tenths = [sizes[round(part * (len(sizes) - 1) / 10)] for part in range(11)]
    return (
        f"{len(source.users):,} users, {len(sizes):,} groups, {sum(sizes):,} memberships;"
        f" sizes of groups in tenths: {', '.join(f'{each:,}' for each in tenths)}"
    )


async def run_all(chosen: argparse.Namespace) -> bool:
    print(describe(populate(chosen.users, chosen.groups, chosen.most, chosen.seed)), flush=True)
    return all([await run(chosen, each, rate) for each in chosen.dialect for rate in chosen.faults])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cycles", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--most", type=int, default=5_000, help="members of the largest group")
    parser.add_argument("--seed", type=int, default=1)
    spellings = [*DIALECTS][:2]
    parser.add_argument("--dialect", nargs="+", choices=spellings, default=spellings)
    parser.add_argument(
        "--faults", nargs="+", type=float, default=[0.0, 0.1], help="shares of requests, a run each"
    )
    logging.disable(logging.INFO)
    sys.exit(0 if asyncio.run(run_all(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
