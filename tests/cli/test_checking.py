"""What `auth explain` checks is what the service does: one outcome for each mistake."""

import json
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from scim.auth import assertions, entra_issued
from scim.auth.access_tokens import Signer
from scim.auth.explaining import Check
from scim.auth.reasons import Reason
from scim.cli.checking import Checker
from scim.cli.explaining import looks_like
from scim.directory import Directory
from tests.auth.deployment import Deployment, Registered, access_token, ask
from tests.auth.identity import FEDERATED, ISSUED
from tests.auth.test_gate import REFUSED, Header, good, send
from tests.service import PEPPER


async def first(checks: AsyncGenerator[Check, None], token: str) -> Reason | None:
    """Give the code of the first check that fails; what it says never holds the token."""
    made = [each async for each in checks]
    assert token not in json.dumps([(each.expected, each.received) for each in made])
    return next((each.code for each in made if not each.ok), None)


async def explained(deployment: Deployment, directory: Directory, token: str) -> Reason | None:
    checker = Checker(directory, deployment.registry, deployment.clock.now)
    kind = looks_like(token)
    if kind == "token":
        return await first(checker.secret(token, [PEPPER], kind="token"), token)
    if kind == "access":
        return await first(checker.access(token, Signer.derive(PEPPER)), token)
    assert kind == "entra"
    if directory.entra is None:
        return "not-entra"
    keys = deployment.identity.held
    made = entra_issued.checks(token, directory.entra, keys, deployment.clock.now)
    return await first(made, token)


@pytest.mark.parametrize("made", REFUSED, ids=lambda each: each.__name__)
async def test_the_first_check_that_fails_is_the_services_reason(made: Header) -> None:
    deployment = Deployment()
    directory = await deployment.directory()
    token = await made(deployment, directory)
    assert await explained(deployment, directory, token) == REFUSED[made]


async def by_secret(deployment: Deployment, directory: Directory) -> str:
    client = await deployment.client(directory)
    return await access_token(deployment.server(), client.form)


async def by_assertion(deployment: Deployment, directory: Directory) -> str:
    client = await deployment.federated(directory)
    return await access_token(deployment.server(), deployment.assertion(client))


async def by_entra(deployment: Deployment, _: Directory) -> str:
    return deployment.identity.issued(deployment.clock.now)


@pytest.mark.parametrize("made", [good, by_secret, by_assertion, by_entra])
async def test_who_is_let_in_passes_every_check(made: Header) -> None:
    deployment = Deployment()
    directory = await deployment.directory(entra=ISSUED)
    token = await made(deployment, directory)
    assert (await send(deployment, f"Bearer {token}")).status == 200
    assert await explained(deployment, directory, token) is None


async def test_a_clients_secret_is_checked_as_the_token_endpoint_does() -> None:
    deployment = Deployment()
    directory = await deployment.directory()
    checker = Checker(directory, deployment.registry, deployment.clock.now)

    async def code(client: Registered) -> Reason | None:
        made = checker.secret(client.secret, [PEPPER], kind="secret")
        return await first(made, client.secret)

    client = await deployment.client(directory)
    assert await code(client) is None
    assert (await ask(deployment.server(), client.form)).status == 200
    assert await code(await deployment.secret(client, lifetime=timedelta(0))) == "expired"
    other = await deployment.client(await deployment.directory("fabrikam"))
    assert await code(other) == "wrong-directory"
    await deployment.revoke(client.record)
    assert await code(client) == "revoked"
    token, record = await deployment.token(directory)
    assert await code(Registered(record, token)) == "wrong-kind"


async def test_an_access_token_is_checked_for_its_directory_and_scopes() -> None:
    deployment = Deployment()
    directory, other = [await deployment.directory(each) for each in ("contoso", "fabrikam")]
    client = await deployment.client(directory)
    token = await access_token(deployment.server(), client.form)
    assert await explained(deployment, other, token) == "wrong-directory"
    stripped = client.record.model_copy(update={"scopes": ()})
    await deployment.registry.change_credential(client.id, lambda _: stripped)
    assert await explained(deployment, directory, token) == "jwt-claims"


async def test_an_assertion_looks_like_one_and_is_not_used_up() -> None:
    deployment = Deployment()
    directory = await deployment.directory()
    client = await deployment.federated(directory)
    assertion = deployment.assertion(client)["client_assertion"]
    assert looks_like(assertion) == "assertion"
    for _ in range(2):
        made = assertions.checks(
            assertion, FEDERATED, deployment.identity.held, deployment.clock.now
        )
        assert await first(made, assertion) is None
    assert (await ask(deployment.server(), deployment.assertion(client))).status == 200


@pytest.mark.parametrize(
    ("token", "way"), [("scim_x", "token"), ("a.b", "token"), ("a.b.c", "access"), ("", "token")]
)
def test_what_is_no_token_looks_like_something(token: str, way: str) -> None:
    assert looks_like(token) == way
