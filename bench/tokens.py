"""What it costs to find out whom a request is from, for each kind of token, in one run.

    .venv/bin/python -m bench.tokens

CPU time of `Gate.admit` alone, with everything remembered, in microseconds: the ways take turns,
and the median of their rounds counts.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping

from scim.auth.access_tokens import Signer
from scim.auth.gate import Gate
from scim.beside import Beside
from scim.http import Request
from scim.usage import Usage
from tests.auth.deployment import Deployment, access_token
from tests.auth.identity import ISSUED
from tests.service import HOST, PEPPER

ROUNDS = 40
REQUESTS = 100  # in a round
LIMIT = 300.0  # microseconds that a signed token may cost more than a secret one


async def measured() -> Mapping[str, float]:
    """Measure each kind of token; microseconds per request."""
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    client = await deployment.client(directory)
    tokens = {
        "secret token": (await deployment.token(directory))[0],
        "access token": await access_token(deployment.server(), client.form),
        "token of Entra's": deployment.identity.issued(deployment.clock.now),
    }
    gate = Gate(
        registry=deployment.registry,
        peppers=[PEPPER],
        signer=Signer.derive(PEPPER),
        keys=deployment.identity.held,
        usage=Usage(deployment.registry, Beside()),
    )
    url = f"{HOST}/{directory.name}/scim/Users"
    rounds: dict[str, list[float]] = {kind: [] for kind in tokens}
    for _ in range(ROUNDS):
        for kind, token in tokens.items():
            headers = {"authorization": f"Bearer {token}"}
            requests = [Request("GET", url, headers) for _ in range(REQUESTS)]
            begun = time.process_time()
            for each in requests:
                await gate.admit(each, deployment.clock.now)
            rounds[kind].append((time.process_time() - begun) / REQUESTS * 1e6)
    return {kind: statistics.median(each) for kind, each in rounds.items()}


def main() -> None:
    found = asyncio.run(measured())
    least = found["secret token"]
    for kind, microseconds in found.items():
        more = microseconds - least
        kept = "" if more <= LIMIT else f", above {LIMIT:g}"
        print(f"{kind:<18}{microseconds:>8.1f} µs{more:>+9.1f}{kept}")


if __name__ == "__main__":
    main()
