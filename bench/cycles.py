"""`python -m bench.cycles`: whole provisioning cycles at size, against the server in memory.

An initial cycle, one with changes of every kind, a restart that may only read; after each the
state is compared with the source. A failure of any ends it with status 1.
"""

import argparse
import asyncio
import logging
import random
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from scim.cli.making import new_directory
from scim.cli.mappings import mapping
from scim.cli.simulator.dialects import DIALECTS
from scim.cli.simulator.generating import generate
from scim.cli.simulator.job import Job
from scim.cli.simulator.report import CycleReport
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.state import differences, expected, observed
from scim.cli.simulator.wire import Received, Send, Sent
from scim.credentials import issue
from scim.http import Request
from scim.presets import preset
from scim.server import Server
from storage.open import open_storage

PEPPER = b"a pepper for measurements, 32 bytes"
SKEW = 4  # sizes of groups: few are large, as in a company


def populate(users: int, groups: int, most: int, seed: int) -> SourceDirectory:
    """Make a source whose first group has `most` members and others fewer, few of them many."""
    source = generate(users, 0, seed)
    chance = random.Random(seed)
    people = source.users
    for number in range(groups):
        size = most if number == 0 else round(most * chance.random() ** SKEW)
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
    made = new_directory("bench", preset("default"), preset="default", now=datetime.now(UTC))
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


async def run(chosen: argparse.Namespace) -> bool:
    """Run the cycles and print a line for each; True when all is as it should be."""
    source = populate(chosen.users, chosen.groups, chosen.most, chosen.seed)
    links = sum(len(source.members(each)) for each in source.groups)
    print(f"{chosen.users:,} users, {chosen.groups:,} groups, {links:,} memberships", flush=True)
    job = Job(source, mapping("default"), await sending(), DIALECTS[chosen.dialect])
    right = await _cycle("initial", job, job.initial_cycle)
    change(source, chosen.seed)
    right &= await _cycle("changes", job, job.incremental_cycle)
    right &= await _cycle("nothing", job, job.incremental_cycle, reads=True)
    job.restart()
    return right & await _cycle("restart", job, job.initial_cycle, reads=True)


async def _cycle(
    name: str, job: Job, cycle: Callable[[], Awaitable[CycleReport]], *, reads: bool = False
) -> bool:
    begun = time.perf_counter()
    report = await cycle()
    took = time.perf_counter() - begun
    found = differences(expected(job), await observed(job))
    actions = ", ".join(f"{count:,} {action}" for action, count in report.actions.items())
    print(
        f"{name:8} {took:7.1f} s  {report.requests:9,} requests  {report.writes:8,} writes"
        f"  {report.requests / took:7,.0f}/s  {len(report.failures):,} failures"
        f"  {len(found):,} differences  {actions}",
        flush=True,
    )
    for each in [*map(str, (one.failure for one in report.failures[:5])), *found[:5]]:
        print(f"  {each}", flush=True)
    return report.successful and not found and not (reads and report.writes)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.cycles", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=200)
    parser.add_argument("--most", type=int, default=5_000, help="members of the largest group")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dialect", choices=[*DIALECTS][:2], default="default")
    logging.disable(logging.INFO)
    sys.exit(0 if asyncio.run(run(parser.parse_args())) else 1)


if __name__ == "__main__":
    main()
