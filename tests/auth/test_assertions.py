"""Assertions of workload identity federation (RFC 7523 §3): who is meant, and once only."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from scim.auth import assertions
from scim.auth.reasons import REASONS, Reason, Refusal
from scim.auth.records import Trust
from scim.errors import Unavailable
from tests.auth.identity import FEDERATED, NOW, SUBJECT, TENANT, WORKLOAD, Identity

ENTRA = Identity()
OTHER = "77777777-7777-4777-8777-777777777777"
CLIENT, OTHER_CLIENT = "abcdefghijkl", "mnopqrstuvwx"


@dataclass
class Seen:
    """What was used before, until when it is remembered."""

    digests: dict[str, datetime] = field(default_factory=dict)

    async def first_use(self, digest: str, until: datetime) -> bool:
        await asyncio.sleep(0)
        return self.digests.setdefault(digest, until) is until


async def code(
    assertion: str,
    trust: Trust = FEDERATED,
    *,
    seen: Seen | None = None,
    now: datetime = NOW,
    authority: str = "https://login.microsoftonline.com",
    client: str = CLIENT,
) -> Reason | None:
    first_use = (seen or Seen()).first_use
    try:
        await assertions.check(
            assertion, trust, ENTRA.held, first_use, now, client=client, authority=authority
        )
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("subject", [OTHER, None, "", [SUBJECT], SUBJECT.upper() + "x"])
async def test_another_subject_is_refused(subject: object) -> None:
    assert await code(ENTRA.assertion(sub=subject)) == "jwt-subject"


async def test_a_trust_without_a_subject_lets_nobody_in() -> None:
    """Each application of the tenant can get an assertion for this audience."""
    trust = Trust(tenant=TENANT, audiences=FEDERATED.audiences, application=WORKLOAD)
    assert await code(ENTRA.assertion(), trust) == "jwt-subject"
    assert await code(ENTRA.assertion(sub=None), trust) == "jwt-subject"


async def test_an_application_is_compared_when_it_is_registered() -> None:
    trust = FEDERATED.model_copy(update={"application": WORKLOAD})
    assert await code(ENTRA.assertion(), trust) is None
    assert await code(ENTRA.assertion(appid=OTHER), trust) == "jwt-application"
    assert await code(ENTRA.assertion(appid=OTHER)) is None


async def test_both_shapes_of_the_audience_are_taken_when_both_are_registered() -> None:
    """Entra sends the one or the other; neither is the beginning of what is taken."""
    bare, long = f"api://{WORKLOAD}", f"api://{WORKLOAD}/scim.example.com"
    both = Trust(tenant=TENANT, audiences=(bare, long), subject=SUBJECT)
    for audience in (bare, long):
        assert await code(ENTRA.assertion(aud=audience), both) is None
    assert await code(ENTRA.assertion(aud=long)) == "jwt-audience"
    assert await code(ENTRA.assertion(aud=f"{long}/more"), both) == "jwt-audience"


async def test_the_audience_may_be_registered_as_the_portal_shows_it() -> None:
    trust = Trust(tenant=TENANT, audiences=(f"api://{WORKLOAD}/.default",), subject=SUBJECT)
    assert await code(ENTRA.assertion(), trust) is None


async def test_a_national_cloud_has_issuers_of_its_own() -> None:
    authority = "https://login.example.com"
    assertion = ENTRA.assertion(iss=f"{authority}/{TENANT}/v2.0")
    assert await code(assertion, authority=f"{authority}/") is None
    assert await code(assertion) == "jwt-issuer"
    assert await code(ENTRA.assertion(), authority=authority) == "jwt-issuer"


async def test_an_assertion_is_taken_once() -> None:
    seen, assertion = Seen(), ENTRA.assertion()
    assert await code(assertion, seen=seen) is None
    assert await code(assertion, seen=seen) == "jwt-replayed"
    assert await code(ENTRA.assertion(uti="another"), seen=seen) is None


async def test_of_many_at_once_one_is_taken() -> None:
    seen, assertion = Seen(), ENTRA.assertion()
    codes = await asyncio.gather(*(code(assertion, seen=seen) for _ in range(50)))
    assert sorted(codes, key=str) == [None] + ["jwt-replayed"] * 49


async def test_a_use_is_remembered_as_long_as_the_assertion_would_be_taken() -> None:
    seen, assertion = Seen(), ENTRA.assertion()
    await code(assertion, seen=seen)
    [until] = seen.digests.values()
    assert until == NOW + timedelta(seconds=3900 + 60)
    assert until.tzinfo is UTC
    assert await code(assertion, now=until) is None
    assert await code(assertion, now=until + timedelta(seconds=1)) == "jwt-expired"


async def test_only_what_was_signed_is_remembered_and_only_its_digest() -> None:
    seen, assertion = Seen(), ENTRA.assertion()
    await code(assertion, seen=seen)
    signed = assertion.rpartition(".")[0]
    assert list(seen.digests) == [hashlib.sha256(f"{CLIENT} {signed}".encode()).hexdigest()]


async def test_two_clients_may_use_one_assertion_each_once() -> None:
    """Entra may ask once for two of its jobs that trust the same tenant, audience and subject."""
    seen, assertion = Seen(), ENTRA.assertion()
    codes = [
        await code(assertion, seen=seen, client=each)
        for each in (CLIENT, OTHER_CLIENT, CLIENT, OTHER_CLIENT)
    ]
    assert codes == [None, None, "jwt-replayed", "jwt-replayed"]


async def test_where_reuse_is_allowed_an_assertion_is_taken_until_it_expires() -> None:
    """And nothing is remembered of it; whatever else is wrong with it is refused as ever."""
    seen, assertion = Seen(), ENTRA.assertion()
    trust = FEDERATED.model_copy(update={"reusable": True})
    for minutes in (0, 30, 65):
        later = NOW + timedelta(minutes=minutes)
        assert await code(assertion, trust, seen=seen, now=later) is None
    assert await code(assertion, trust, now=NOW + timedelta(minutes=67)) == "jwt-expired"
    assert await code(ENTRA.assertion(sub=OTHER), trust) == "jwt-subject"
    assert not seen.digests


def test_the_reason_of_a_replay_names_the_switch() -> None:
    assert "federation add --reusable" in REASONS["jwt-replayed"]


@pytest.mark.parametrize(
    "break_it",
    [lambda text: text[:-4] + "AAAA", lambda text: text.replace(".", ".A", 1), lambda _: "a.b.c"],
)
async def test_what_is_refused_uses_nothing_up(break_it: Callable[[str], str]) -> None:
    seen = Seen()
    assert await code(break_it(ENTRA.assertion()), seen=seen) is not None
    assert await code(ENTRA.assertion(aud="x"), seen=seen) == "jwt-audience"
    assert not seen.digests


async def test_nobody_is_let_in_while_uses_can_not_be_remembered() -> None:
    async def down(digest: str, until: datetime) -> bool:
        raise Unavailable("the store is down", retry_after=5)

    with pytest.raises(Unavailable):
        await assertions.check(ENTRA.assertion(), FEDERATED, ENTRA.held, down, NOW, client=CLIENT)
