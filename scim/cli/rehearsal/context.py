"""What all checks of one rehearsal share: a way to send, the mapping, what the service has."""

import asyncio
from dataclasses import dataclass, field
from random import Random

from scim.cli.rehearsal.capabilities import Capabilities, discover
from scim.cli.rehearsal.check import Need
from scim.cli.rehearsal.cleanup import Made
from scim.cli.rehearsal.evidence import Secret
from scim.cli.rehearsal.samples import Samples
from scim.cli.rehearsal.trial import Trial
from scim.cli.simulator.dialects import DEFAULT, Dialect
from scim.cli.simulator.mapping import AttributeMapping, Objects
from scim.cli.simulator.oauth import Client
from scim.cli.simulator.pacing import Sleep
from scim.cli.simulator.wire import NoAnswer, Received, Sent, Silence

_ENOUGH = 3  # requests without an answer, one after another, after which no more are sent


class Unresponsive(NoAnswer):
    """A request that was not sent any more, because the last ones got no answer."""


@dataclass
class Context:
    """One rehearsal.

    `send` sends to the service and remembers what it makes, `run` is in every name that is sent,
    and must be like no other run's. `secret` is to be kept out of the evidence. `client` is that of
    a token endpoint, None where a Secret Token is used. `dialect` is how PATCHes are written where
    that is up to the Tenant URL's flag.
    """

    send: Made
    mapping: AttributeMapping
    run: str
    random: Random = field(default_factory=Random)
    capabilities: Capabilities = field(default_factory=Capabilities)
    dialect: Dialect = DEFAULT
    secret: Secret = ""
    client: Client | None = None
    sleep: Sleep = asyncio.sleep
    _silent: int = 0
    _kind: Silence = "timeout"

    def __post_init__(self) -> None:
        self.samples = Samples(self.run, self.random, self.capabilities)

    async def discover(self) -> None:
        """Ask the service what it has; `capabilities` is that from now on."""
        self.capabilities = self.samples.capabilities = await discover(self.ask)

    @property
    def users(self) -> Objects | None:
        return self.mapping.of("User")

    @property
    def groups(self) -> Objects | None:
        return self.mapping.of("Group")

    def has(self, need: Need) -> bool:
        """Tell whether the mapping, or the way in, has what a check is about."""
        if need == "client":
            return self.client is not None
        if need == "users":
            return self.users is not None
        if need == "groups":
            return self.groups is not None
        if need == "active":
            return self.users is not None and any(
                each.path.urn is None and each.path.name == "active"
                for each in self.users.attributes
            )
        if need == "roles":
            lines = self.users.valued if self.users is not None else ()
            return any("approleassignments" in each.source.lower() for each in lines)
        objects = self.users if need == "manager" else self.groups
        return objects is not None and any(
            each.expression.direct == need for each in objects.references
        )

    def trial(self) -> Trial:
        """Begin a check."""
        return Trial(self)

    async def ask(self, sent: Sent) -> Received:
        """Send a request; after some without an answer, none is sent any more."""
        if self._silent >= _ENOUGH:
            raise Unresponsive(self._kind, f"the last {_ENOUGH} requests got no answer")
        try:
            received = await self.send(sent)
        except NoAnswer as error:
            self._silent, self._kind = self._silent + 1, error.kind
            raise
        self._silent = 0
        return received
