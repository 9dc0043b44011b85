"""Tenants' keys: what is taken of a key set, when it is fetched, and what a bad one can do."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from scim.auth import assertions, entra_issued
from scim.auth.keys import MOST_KEYS, read_keys
from scim.auth.reasons import Refusal
from storage.jwks import FIRST_PAUSE, FRESH, LARGEST, LONGEST_KEPT, OLD, PAUSE, EntraKeys
from tests.auth.identity import (
    ABSENT,
    FEDERATED,
    ISSUED,
    NOW,
    OTHER_TENANT,
    TENANT,
    Answer,
    Identity,
    identity,
    number,
    private_key,
    published,
    says,
    slow,
)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def entra() -> AsyncIterator[Identity]:
    async with identity() as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(entra: Identity, clock: Clock) -> EntraKeys:
    return EntraKeys(clock=clock, authority=entra.authority)


async def known(keys: EntraKeys, kid: str, tenant: str = TENANT) -> bool | None:
    """Tell whether a key is there; None when that can't be told."""
    try:
        return await keys.key(tenant, kid) is not None
    except Refusal as refusal:
        if refusal.code != "jwt-keys-unavailable":
            raise
        return None


def renewing() -> list[asyncio.Task[Any]]:
    """Find the fetches that go on beside requests."""
    return [each for each in asyncio.all_tasks() if "_renew" in repr(each.get_coro())]


async def beside() -> None:
    """Let fetches that go on beside requests come to their end."""
    await asyncio.gather(*renewing())


# --- when it is fetched


async def test_keys_are_fetched_from_the_tenants_own_address(
    keys: EntraKeys, entra: Identity
) -> None:
    assert await known(keys, entra.kid)
    assert entra.asked == [f"/{TENANT}/discovery/v2.0/keys"]


async def test_a_key_that_is_kept_is_had_without_a_fetch(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    for _ in range(20):
        assert await known(keys, entra.kid)
        clock.now += FRESH / 20 - 0.1
    assert len(entra.asked) == 1


async def test_of_many_who_ask_at_once_one_fetches(keys: EntraKeys, entra: Identity) -> None:
    found = await asyncio.gather(*(known(keys, entra.kid) for _ in range(50)))
    assert found == [True] * 50
    assert len(entra.asked) == 1


async def test_whoever_stops_waiting_stops_nobody_else(keys: EntraKeys, entra: Identity) -> None:
    first = asyncio.create_task(known(keys, entra.kid))
    second = asyncio.create_task(known(keys, entra.kid))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert len(entra.asked) == 1


async def test_keys_of_an_hour_are_fetched_beside_a_request(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    before = entra.kid
    assert await known(keys, before)
    after = entra.rotate(keep=1)
    clock.now += FRESH
    assert await known(keys, before), "the request doesn't wait"
    await beside()
    assert len(entra.asked) == 2
    assert await known(keys, after)
    assert not await known(keys, before), "what Entra has dropped is dropped"
    assert len(entra.asked) == 2


async def test_after_a_day_without_requests_one_waits_for_new_keys(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    before = entra.kid
    assert await known(keys, before)
    entra.rotate(keep=1)
    clock.now += OLD
    assert not await known(keys, before)


async def test_a_new_key_is_fetched_when_it_is_first_seen(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    assert await known(keys, entra.kid)
    after = entra.rotate()
    clock.now += PAUSE
    assert await known(keys, after)
    assert len(entra.asked) == 2


async def test_made_up_ids_cause_one_fetch_in_five_minutes(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    for n in range(3000):  # fifteen minutes of them
        assert not await known(keys, f"made-up-{n}")
        clock.now += 0.3
    assert len(entra.asked) == 3


async def test_made_up_ids_at_once_cause_one_fetch(keys: EntraKeys, entra: Identity) -> None:
    found = await asyncio.gather(*(known(keys, f"made-up-{n}") for n in range(500)))
    assert found == [False] * 500
    assert len(entra.asked) == 1


async def test_made_up_ids_keep_a_new_key_away_for_five_minutes_at_most(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    """Whatever id a fetch is made for, it brings every key; and no id is kept as missing."""
    old = entra.kid
    new = ""
    waited = 0.0
    for n in range(2000):
        assert not await known(keys, f"made-up-{n}")
        assert await known(keys, old)
        if n == 500:
            new = entra.rotate()
            assert not await known(keys, new)
            rotated = clock.now
        elif new and not waited and await known(keys, new):
            waited = clock.now - rotated
        clock.now += 1
    assert 0 < waited <= PAUSE
    assert len(entra.asked) <= 2000 / PAUSE + 1


async def test_one_tenants_storm_does_not_touch_another(clock: Clock) -> None:
    async with identity(TENANT) as entra:
        keys = EntraKeys(clock=clock, authority=entra.authority)
        for n in range(100):
            await known(keys, f"made-up-{n}")
        entra.tenant = OTHER_TENANT
        assert await known(keys, entra.kid, OTHER_TENANT)


async def test_a_rotation_refuses_nobody_while_requests_go_on(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    """Ten rotations, one in each six minutes, Entra keeping the key before; checks all the time.

    Each key is asked for by some: they are more than the tokens of the one before, on their way.
    """
    refused = taken = 0

    async def requests() -> None:
        nonlocal refused, taken
        while not done.is_set():
            try:
                await entra_issued.check(entra.issued(), ISSUED, keys, NOW)
                taken += 1
            except Refusal:
                refused += 1
            await asyncio.sleep(0)

    done = asyncio.Event()
    at_once = [asyncio.create_task(requests()) for _ in range(4)]
    for rotation in range(11):
        while taken + refused < 20 * (rotation + 1):  # noqa: ASYNC110 - they work meanwhile
            await asyncio.sleep(0)
        if rotation < 10:
            clock.now += PAUSE + 60
            entra.rotate()
    done.set()
    await asyncio.gather(*at_once)
    assert refused == 0
    assert len(entra.asked) == 11


async def test_assertions_outlast_a_rotation(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    async def first_use(digest: str, until: datetime) -> bool:
        return until.tzinfo is UTC and bool(digest)

    for n in range(5):
        assertion = entra.assertion(uti=str(n))
        await assertions.check(assertion, FEDERATED, keys, first_use, NOW, client="c")
        entra.rotate()
        clock.now += PAUSE
        await assertions.check(assertion, FEDERATED, keys, first_use, NOW, client="c")


# --- when it can't be had


async def test_keys_are_kept_while_entra_is_down(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    kid = entra.kid
    assert await known(keys, kid)
    await entra.down()
    for _ in range(6 * 24):
        clock.now += 3600
        assert await known(keys, kid)
        await beside()
    assert await known(keys, "another") is None, "it may be a new one"


async def test_keys_of_a_week_are_no_keys(keys: EntraKeys, entra: Identity, clock: Clock) -> None:
    assert await known(keys, entra.kid)
    await entra.down()
    clock.now += LONGEST_KEPT
    assert await known(keys, entra.kid) is None


async def test_entra_is_tried_again_ever_later(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    entra.answer = says(b"", status=503)
    begin = clock.now
    tried = []
    for _ in range(2000):
        before = len(entra.asked)
        assert await known(keys, entra.kid) is None
        if len(entra.asked) > before:
            tried.append(clock.now - begin)
        clock.now += 1
    assert tried[:6] == [0, 10, 30, 70, 150, 310]
    assert tried[7] - tried[6] == PAUSE


async def test_keys_are_had_soon_after_entra_is_back(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    await entra.down()
    assert await known(keys, entra.kid) is None
    await entra.up()
    clock.now += FIRST_PAUSE
    assert await known(keys, entra.kid)
    assert await known(keys, "another") is False


async def test_a_slow_key_set_is_waited_for_so_long_by_all_together(
    entra: Identity, clock: Clock
) -> None:
    keys = EntraKeys(clock=clock, authority=entra.authority, patience=0.5)
    entra.answer = slow(60)
    async with asyncio.timeout(30):
        found = await asyncio.gather(*(known(keys, f"made-up-{n}") for n in range(100)))
    assert found == [None] * 100
    assert len(entra.asked) == 1
    entra.answer = None


async def test_a_slow_key_set_delays_nobody_whose_key_is_kept(
    keys: EntraKeys, entra: Identity, clock: Clock
) -> None:
    assert await known(keys, entra.kid)
    entra.answer = slow(0.2)
    clock.now += FRESH
    assert await known(keys, entra.kid)
    assert renewing(), "the fetch goes on"
    await beside()


async def test_a_failure_is_logged_without_what_was_sent(
    keys: EntraKeys, entra: Identity, caplog: pytest.LogCaptureFixture
) -> None:
    entra.answer = says(b'{"keys": "hostile text"}')
    with caplog.at_level(logging.WARNING, "storage.jwks"):
        await known(keys, "made-up-id")
    [line] = caplog.messages
    assert TENANT in line
    assert "hostile" not in line
    assert "made-up-id" not in line


# --- what is taken


def whole(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


def own(**other: Any) -> dict[str, Any]:
    return published("own", private_key(1), **other)


def curve() -> dict[str, Any]:
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    return {
        "kty": "EC",
        "use": "sig",
        "kid": "own",
        "crv": "P-256",
        "x": number(numbers.x),
        "y": number(numbers.y),
    }


def secret() -> dict[str, Any]:
    numbers = private_key(1).private_numbers()
    return own(d=number(numbers.d), p=number(numbers.p), q=number(numbers.q))


BAD_SETS: Mapping[str, bytes] = {
    "nothing": b"",
    "HTML": b"<!DOCTYPE html><title>Sign in</title>",
    "text": b'"keys"',
    "null": b"null",
    "a list": b"[]",
    "no keys": b"{}",
    "null for keys": b'{"keys":null}',
    "text for keys": b'{"keys":"abc"}',
    "an object for keys": b'{"keys":{"kid":{}}}',
    "an empty list": whole(),
    "keys twice": whole(own())[:-1] + b',"keys":[]}',
    "numbers": whole(1, 2.5, None, True, "abc", [], {}),
    "NaN": b'{"keys":[NaN]}',
    "no UTF-8": b'{"keys":["\xff"]}',
    "lists in lists": b'{"keys":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of 100,000 digits": b'{"keys":[' + b"9" * 100_000 + b"]}",
    "too many keys": whole(*(own(kid=str(n)) for n in range(MOST_KEYS + 1))),
    "thousands of empty keys": whole(*({} for _ in range(20_000))),
    "the same id twice": whole(own(), own()),
    "the same id twice, another key": whole(own(), published("own", private_key(2))),
    "1024 bits": whole(published("own", private_key(1, 1024))),
    "no use": whole(own(use=ABSENT)),
    "for encryption": whole(own(use="enc")),
    "another algorithm": whole(own(alg="RS512")),
    "HMAC": whole(own(alg="HS256")),
    "only for signing": whole(own(key_ops=["sign"])),
    "odd key_ops": whole(own(key_ops="verify")),
    "another tenant's key": whole(
        own(issuer=f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0")
    ),
    "an odd issuer": whole(own(issuer=["{tenantid}"])),
    "no id": whole(own(kid=ABSENT)),
    "an empty id": whole(own(kid="")),
    "a number for an id": whole(own(kid=7)),
    "no modulus": whole(own(n=ABSENT)),
    "a number for a modulus": whole(own(n=65537)),
    "an odd modulus": whole(own(n="!!!!")),
    "a huge modulus": whole(own(n="_" * 20_000)),
    "no exponent": whole(own(e=ABSENT)),
    "an exponent of 1": whole(own(e="AQ")),
    "an elliptic curve": whole(curve()),
    "a private key": whole(secret()),
    "a symmetric key": whole({"kty": "oct", "use": "sig", "kid": "own", "k": "c2VjcmV0"}),
    "an RSA key that is symmetric as well": whole(own(k="c2VjcmV0")),
}


@pytest.mark.parametrize("body", BAD_SETS.values(), ids=BAD_SETS)
def test_what_is_no_set_of_keys_to_rely_on_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_keys(body, TENANT)


@pytest.mark.parametrize("body", BAD_SETS.values(), ids=BAD_SETS)
async def test_a_bad_set_takes_no_key_away(
    keys: EntraKeys, entra: Identity, clock: Clock, body: bytes
) -> None:
    kid = entra.kid
    assert await known(keys, kid)
    entra.answer = says(body)
    clock.now += OLD
    assert await known(keys, kid)
    assert await known(keys, "own") is None


def test_a_bad_key_takes_no_good_one_along() -> None:
    bad = [own(kid="weak", n=number(private_key(1, 1024).public_key().public_numbers().n)), curve()]
    twins = [own(kid="twin"), own(kid="twin")]
    assert list(read_keys(whole(1, *bad, secret(), *twins, own(kid="good")), TENANT)) == ["good"]


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"alg": "RS256"},
        {"key_ops": ["verify"]},
        {"issuer": ABSENT},
        {"issuer": f"https://login.microsoftonline.com/{TENANT}/v2.0"},
        {"x5c": ABSENT, "x5t": ABSENT},
    ],
    ids=str,
)
def test_the_forms_that_entra_may_send_are_taken(other: Mapping[str, Any]) -> None:
    assert list(read_keys(whole(own(**other)), TENANT)) == ["own"]


async def elsewhere(request: web.Request) -> web.StreamResponse:
    """Redirect to a key set that is a good one."""
    if request.path == "/elsewhere":
        return web.Response(body=whole(own()))
    raise web.HTTPFound("/elsewhere")


BAD_ANSWERS: Mapping[str, Answer] = {
    "a redirect": elsewhere,
    "404": says(whole(own()), status=404),
    "500": says(whole(own()), status=500),
    "204": says(b"", status=204),
    "203": says(whole(own()), status=203),
    "too large": says(whole(own()) + b" " * LARGEST),
    "100 MB": says(b" " * 100_000_000),
    "packed": says(gzip.compress(whole(own())), encoding="gzip"),
    "packed 1:1000": says(gzip.compress(b" " * 50_000_000), encoding="gzip"),
}


@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_a_bad_answer_takes_no_key_away(
    keys: EntraKeys, entra: Identity, clock: Clock, answer: Answer
) -> None:
    kid = entra.kid
    assert await known(keys, kid)
    entra.answer = answer
    clock.now += OLD
    assert await known(keys, kid)
    assert await known(keys, "own") is None
    assert entra.asked == [f"/{TENANT}/discovery/v2.0/keys"] * 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n{}",
        b"HTTP/1.1 301 Moved\r\nLocation: http://[\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[:50]),
)
async def test_what_is_no_http_is_refused(clock: Clock, raw: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        keys = EntraKeys(clock=clock, authority=f"http://127.0.0.1:{port}")
        assert await known(keys, "own") is None


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["kty", "use", "kid", "n", "e", "alg", "key_ops", "issuer", "d"]), JSON
        ).map(lambda changes: own(**changes))
        | JSON,
        max_size=4,
    )
)
def test_whatever_set_comes_is_read_or_refused(entries: list[Any]) -> None:
    try:
        found = read_keys(whole(*entries), TENANT)
    except ValueError:
        return
    assert found
