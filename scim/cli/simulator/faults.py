"""Faults between Entra and a server, by a seeded plan: lost answers, refusals, dropped calls."""

import random
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from scim.cli.simulator.wire import NoAnswer, Received, Send, Sent, Silence

Kind = Literal[
    "timeout after the write",
    "timeout before the write",
    "500",
    "429",
    "429 with Retry-After",
    "dropped before the write",
    "dropped after the write",
]


@dataclass(frozen=True)
class Fault:
    """What happens to a request: whether the server sees it, and what comes back instead."""

    seen: bool
    outcome: Silence | Received


_ERROR = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"%d"}'


def _refusal(status: int, **headers: str) -> Received:
    return Received(status, {"content-type": "application/scim+json", **headers}, _ERROR % status)


FAULTS: Mapping[Kind, Fault] = MappingProxyType(
    {
        "timeout after the write": Fault(seen=True, outcome="timeout"),
        "timeout before the write": Fault(seen=False, outcome="timeout"),
        "500": Fault(seen=False, outcome=_refusal(500)),
        "429": Fault(seen=False, outcome=_refusal(429)),
        "429 with Retry-After": Fault(seen=False, outcome=_refusal(429, **{"retry-after": "3"})),
        "dropped before the write": Fault(seen=False, outcome="dropped"),
        "dropped after the write": Fault(seen=True, outcome="dropped"),
    }
)


@dataclass
class Faults:
    """A send that goes wrong now and then.

    `rate` is the share of requests that meet a fault, `most` how many do at most, `only` says
    which may. `injected` counts what happened.
    """

    send: Send
    chance: random.Random
    kinds: Collection[Kind] = tuple(FAULTS)
    rate: float = 0.1
    most: int | None = None
    only: Callable[[Sent], bool] = lambda _: True
    injected: Counter[Kind] = field(default_factory=Counter)

    async def __call__(self, sent: Sent) -> Received:
        spent = self.most is not None and self.injected.total() >= self.most
        if spent or not self.only(sent) or self.chance.random() >= self.rate:
            return await self.send(sent)
        kind = self.chance.choice(tuple(self.kinds))
        self.injected[kind] += 1
        fault = FAULTS[kind]
        if fault.seen:
            await self.send(sent)
        if isinstance(fault.outcome, Received):
            return fault.outcome
        raise NoAnswer(fault.outcome, f"{kind} (injected)")
