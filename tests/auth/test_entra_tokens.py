"""What no token of Entra's may be, whatever it is for: the same table for both kinds."""

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from scim.auth import assertions, entra_issued
from scim.auth.explaining import Check
from scim.auth.keys import Keys
from scim.auth.reasons import Reason, Refusal
from scim.auth.records import Trust
from tests.auth.identity import (
    ABSENT,
    FEDERATED,
    ISSUED,
    NOW,
    OTHER_TENANT,
    TENANT,
    Held,
    Identity,
    private_key,
    published,
    signed,
    text,
)

ENTRA = Identity()


async def first(digest: str, until: datetime) -> bool:
    return bool(digest) and until > NOW - timedelta(days=1)


@dataclass(frozen=True)
class Kind:
    """One of the two kinds of token: how it is made, trusted and checked."""

    name: str
    trust: Trust
    claims: Callable[..., dict[str, Any]]
    check: Callable[[str, Trust, Keys, datetime], Awaitable[Mapping[str, object]]]
    checks: Callable[..., Any]

    def token(self, **claims: Any) -> str:
        return ENTRA.sign(self.claims(**claims))

    async def code(
        self, token: str, *, keys: Held | None = None, now: datetime = NOW
    ) -> Reason | None:
        """Give the code that a token is refused with, None when it is taken."""
        try:
            await self.check(token, self.trust, keys or ENTRA.held, now)
        except Refusal as refusal:
            return refusal.code
        return None

    async def explain(self, token: str, keys: Held | None = None) -> list[Check]:
        found = self.checks(token, self.trust, keys or ENTRA.held, NOW)
        return [each async for each in found]


def asserted(
    token: str, trust: Trust, keys: Keys, now: datetime
) -> Awaitable[Mapping[str, object]]:
    return assertions.check(token, trust, keys, first, now, client="c")


ISSUED_KIND = Kind("issued", ISSUED, ENTRA.issued_claims, entra_issued.check, entra_issued.checks)
ASSERTED_KIND = Kind("asserted", FEDERATED, ENTRA.assertion_claims, asserted, assertions.checks)


@pytest.fixture(params=[ISSUED_KIND, ASSERTED_KIND], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


async def test_a_genuine_token_is_taken(kind: Kind) -> None:
    claims = await kind.check(kind.token(), kind.trust, ENTRA.held, NOW)
    assert claims == kind.claims()


TRUSTED = object()  # stands for the first audience that is trusted

# Each claim as it must not be; what it is refused with. Signed with the right key, all of them.
WRONG_CLAIMS: Mapping[str, tuple[Mapping[str, Any], Reason]] = {
    "another tenant": ({"tid": OTHER_TENANT}, "jwt-tenant"),
    "no tenant": ({"tid": ABSENT}, "jwt-tenant"),
    "the tenant in capitals": ({"tid": TENANT.upper()}, "jwt-tenant"),
    "the tenant and a space": ({"tid": f"{TENANT} "}, "jwt-tenant"),
    "tenants": ({"tid": [TENANT]}, "jwt-tenant"),
    "no tenant but null": ({"tid": None}, "jwt-tenant"),
    "another tenant's issuer": (
        {"iss": f"https://sts.windows.net/{OTHER_TENANT}/"},
        "jwt-issuer",
    ),
    "the issuer without its slash": (
        {"iss": f"https://sts.windows.net/{TENANT}"},
        "jwt-issuer",
    ),
    "the issuer with a slash too many": (
        {"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0/"},
        "jwt-issuer",
    ),
    "the issuer by http": ({"iss": f"http://sts.windows.net/{TENANT}/"}, "jwt-issuer"),
    "the issuer with the tenant in capitals": (
        {"iss": f"https://sts.windows.net/{TENANT.upper()}/"},
        "jwt-issuer",
    ),
    "an issuer of the same beginning": (
        {"iss": f"https://sts.windows.net/{TENANT}/.example.com"},
        "jwt-issuer",
    ),
    "no issuer": ({"iss": ABSENT}, "jwt-issuer"),
    "issuers": ({"iss": [f"https://sts.windows.net/{TENANT}/"]}, "jwt-issuer"),
    "another audience": ({"aud": "https://graph.microsoft.com"}, "jwt-audience"),
    "no audience": ({"aud": ABSENT}, "jwt-audience"),
    "an empty audience": ({"aud": ""}, "jwt-audience"),
    "a list of audiences": ({"aud": [TRUSTED]}, "jwt-audience"),
    "a list of two": ({"aud": ["https://graph.microsoft.com", TRUSTED]}, "jwt-audience"),
    "an object": ({"aud": {"0": "x"}}, "jwt-audience"),
    "no end": ({"exp": ABSENT}, "jwt-claims"),
    "an end of null": ({"exp": None}, "jwt-claims"),
    "an end in text": ({"exp": "1795327200"}, "jwt-claims"),
    "an end that is true": ({"exp": True}, "jwt-claims"),
    "a negative end": ({"exp": -1}, "jwt-claims"),
    "an end that no datetime holds": ({"exp": 10**18}, "jwt-claims"),
    "an end of a thousand digits": ({"exp": 10**1000}, "jwt-claims"),
    "an end in a hundred years": ({"exp": int(NOW.timestamp()) + 3_155_760_000}, "jwt-claims"),
    "an end of 1970": ({"exp": 0}, "jwt-expired"),
    "no beginning": ({"nbf": ABSENT}, "jwt-claims"),
    "a beginning in text": ({"nbf": "0"}, "jwt-claims"),
    "issued in text": ({"iat": "0"}, "jwt-claims"),
    "issued tomorrow": ({"iat": int(NOW.timestamp()) + 86_400}, "jwt-not-yet-valid"),
}


def filled(value: Any, trust: Trust) -> Any:
    if isinstance(value, list):
        return [filled(each, trust) for each in value]
    return trust.audiences[0] if value is TRUSTED else value


@pytest.mark.parametrize(("changes", "expected"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
async def test_a_wrong_claim_is_refused(
    kind: Kind, changes: Mapping[str, Any], expected: Reason
) -> None:
    changes = {name: filled(value, kind.trust) for name, value in changes.items()}
    keys = ENTRA.held
    assert await kind.code(kind.token(**changes), keys=keys) == expected
    assert not keys.asked, "no keys are fetched for what is refused anyhow"


@pytest.mark.parametrize("change", [lambda aud: aud + "/x", lambda aud: aud[:-1], str.upper])
async def test_an_audience_is_compared_whole(kind: Kind, change: Callable[[str], str]) -> None:
    token = kind.token(aud=change(kind.trust.audiences[0]))
    assert await kind.code(token) == "jwt-audience"


async def test_each_audience_that_is_registered_is_taken(kind: Kind) -> None:
    further = "https://scim.example.com/one"
    trust = kind.trust.model_copy(update={"audiences": (*kind.trust.audiences, further)})
    await kind.check(kind.token(aud=further), trust, ENTRA.held, NOW)


async def test_the_other_kind_of_token_is_refused() -> None:
    """Tokens of version 1 and 2 have issuers of their own."""
    assert await ISSUED_KIND.code(ASSERTED_KIND.token()) == "jwt-issuer"
    assert await ASSERTED_KIND.code(ISSUED_KIND.token()) == "jwt-issuer"


@pytest.mark.parametrize(
    ("skew", "expected"),
    [
        (-61, "jwt-not-yet-valid"),
        (-60, None),
        (0, None),
        (3900 + 60, None),
        (3900 + 61, "jwt-expired"),
    ],
)
async def test_clocks_may_differ_by_60_seconds(
    kind: Kind, skew: int, expected: Reason | None
) -> None:
    now = NOW + timedelta(seconds=skew)
    assert await kind.code(kind.token(), now=now) == expected


# Headers as they must not be.
WRONG_HEADERS: Mapping[str, tuple[Mapping[str, Any], Reason]] = {
    "none": ({"alg": "none"}, "jwt-algorithm"),
    "None": ({"alg": "None"}, "jwt-algorithm"),
    "no alg": ({"alg": ABSENT}, "jwt-algorithm"),
    "rs256": ({"alg": "rs256"}, "jwt-algorithm"),
    "RS384": ({"alg": "RS384"}, "jwt-algorithm"),
    "PS256": ({"alg": "PS256"}, "jwt-algorithm"),
    "HS256": ({"alg": "HS256"}, "jwt-algorithm"),
    "algs": ({"alg": ["RS256"]}, "jwt-algorithm"),
    "an object for alg": ({"alg": {"RS256": 1}}, "jwt-algorithm"),
    "no kid": ({"kid": ABSENT}, "jwt-unknown-key"),
    "an empty kid": ({"kid": ""}, "jwt-unknown-key"),
    "a kid of null": ({"kid": None}, "jwt-unknown-key"),
    "a number for kid": ({"kid": 1}, "jwt-unknown-key"),
    "kids": ({"kid": ["aaaa-key-1"]}, "jwt-unknown-key"),
    "an unknown kid": ({"kid": "another"}, "jwt-unknown-key"),
    "a kid of 10,000 characters": ({"kid": "k" * 10_000}, "jwt-unknown-key"),
    "a path for kid": ({"kid": "../../dev/null"}, "jwt-unknown-key"),
    "half a surrogate pair for kid": ({"kid": "\ud800"}, "jwt-unknown-key"),
    "crit": ({"crit": ["exp"]}, "jwt-malformed"),
    "b64": ({"crit": ["b64"], "b64": False}, "jwt-malformed"),
}


@pytest.mark.parametrize(("header", "expected"), WRONG_HEADERS.values(), ids=WRONG_HEADERS)
async def test_a_wrong_header_is_refused(
    kind: Kind, header: Mapping[str, Any], expected: Reason
) -> None:
    assert await kind.code(ENTRA.sign(kind.claims(), **header)) == expected


@pytest.mark.parametrize("kid", [ABSENT, None, "", 1, ["k"], {}, "k" * 201], ids=repr)
async def test_no_keys_are_fetched_for_an_id_that_none_can_have(kind: Kind, kid: object) -> None:
    keys = ENTRA.held
    assert await kind.code(ENTRA.sign(kind.claims(), kid=kid), keys=keys) == "jwt-unknown-key"
    assert not keys.asked


def with_header(token: str, **header: Any) -> str:
    _, payload, signature = token.split(".")
    return ".".join((text(json.dumps(header).encode()), payload, signature))


async def test_a_token_that_is_not_signed_is_refused(kind: Kind) -> None:
    unsigned = with_header(kind.token(), alg="none", kid=ENTRA.kid)
    assert await kind.code(unsigned) == "jwt-algorithm"
    assert await kind.code(unsigned.rpartition(".")[0] + ".") == "jwt-malformed"


@pytest.mark.parametrize("shape", [PublicFormat.SubjectPublicKeyInfo, PublicFormat.PKCS1])
@pytest.mark.parametrize("claimed", ["HS256", "RS256"])
async def test_the_public_key_is_no_secret(kind: Kind, shape: PublicFormat, claimed: str) -> None:
    secret = ENTRA.keys[ENTRA.kid].public_key().public_bytes(Encoding.PEM, shape)
    header = {"alg": claimed, "kid": ENTRA.kid}
    part = ".".join(text(json.dumps(each).encode()) for each in (header, kind.claims()))
    forged = f"{part}.{text(hmac.digest(secret, part.encode(), 'sha256'))}"
    expected = "jwt-algorithm" if claimed == "HS256" else "jwt-signature"
    assert await kind.code(forged) == expected


@pytest.mark.parametrize("claimed", ["RS256", "RS384", "ES256", "PS256"])
async def test_a_signature_of_another_algorithm_is_refused(kind: Kind, claimed: str) -> None:
    header = {"alg": claimed, "kid": ENTRA.kid}
    part = ".".join(text(json.dumps(each).encode()) for each in (header, kind.claims()))
    key = ENTRA.keys[ENTRA.kid]
    curve = ec.generate_private_key(ec.SECP256R1())
    salted = padding.PSS(padding.MGF1(SHA256()), 32)
    signatures = [
        key.sign(part.encode(), padding.PKCS1v15(), SHA384()),
        key.sign(part.encode(), salted, SHA256()),
        curve.sign(part.encode(), ec.ECDSA(SHA256())),
    ]
    expected = "jwt-signature" if claimed == "RS256" else "jwt-algorithm"
    for each in signatures:
        assert await kind.code(f"{part}.{text(each)}") == expected


async def test_another_key_under_a_known_id_is_refused(kind: Kind) -> None:
    header = json.dumps({"alg": "RS256", "kid": ENTRA.kid}).encode()
    forged = signed(header, json.dumps(kind.claims()).encode(), private_key(100))
    assert await kind.code(forged) == "jwt-signature"


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
async def test_a_key_that_a_token_brings_along_is_not_used(kind: Kind, name: str) -> None:
    own = private_key(100)
    value = {
        "jwk": published(ENTRA.kid, own),
        "jku": "https://example.com/keys",
        "x5u": "https://example.com/certificate",
        "x5c": ["bm8gY2VydGlmaWNhdGU="],
    }[name]
    header = json.dumps({"alg": "RS256", "kid": ENTRA.kid, name: value}).encode()
    forged = signed(header, json.dumps(kind.claims()).encode(), own)
    keys = ENTRA.held
    assert await kind.code(forged, keys=keys) == "jwt-signature"
    assert keys.asked == [(TENANT, ENTRA.kid)]


async def test_a_tampered_claim_is_refused(kind: Kind) -> None:
    header, _, signature = kind.token().split(".")
    payload = text(json.dumps(kind.claims(oid="another")).encode())
    assert await kind.code(f"{header}.{payload}.{signature}") == "jwt-signature"


async def test_a_tampered_header_is_refused(kind: Kind) -> None:
    token = with_header(kind.token(), alg="RS256", kid=ENTRA.kid)
    assert await kind.code(token) == "jwt-signature"


@pytest.mark.parametrize("place", [0, 100, 255])
async def test_a_tampered_signature_is_refused(kind: Kind, place: int) -> None:
    token = kind.token()
    claims, _, _ = token.rpartition(".")
    raw = bytearray(256)
    raw[place] ^= 1
    assert await kind.code(f"{claims}.{text(bytes(raw))}") == "jwt-signature"
    assert await kind.code(f"{claims}.{text(bytes(raw)[:100])}") == "jwt-signature"
    assert await kind.code(f"{claims}.{text(bytes(raw) * 4)}") == "jwt-signature"


HOSTILE: Mapping[str, Callable[[dict[str, Any]], tuple[bytes, Reason]]] = {
    "the tenant twice": lambda claims: (
        json.dumps(claims).replace('"tid"', f'"tid": "{OTHER_TENANT}", "tid"').encode(),
        "jwt-malformed",
    ),
    "NaN for an end": lambda claims: (
        json.dumps({**claims, "exp": float("nan")}).encode(),
        "jwt-malformed",
    ),
    "infinity by its exponent": lambda claims: (
        json.dumps({**claims, "exp": 0}).replace('"exp": 0', '"exp": 1e999').encode(),
        "jwt-claims",
    ),
    "lists in lists": lambda claims: (
        json.dumps({**claims, "aud": 0})
        .replace('"aud": 0', '"aud": ' + "[" * 900 + "]" * 900)
        .encode(),
        "jwt-malformed",
    ),
    "no UTF-8": lambda claims: (
        json.dumps({**claims, "oid": "@"}).encode().replace(b"@", b"\xff"),
        "jwt-malformed",
    ),
    "a token in a token": lambda claims: (ENTRA.sign(claims).encode(), "jwt-malformed"),
    "a list of claims": lambda claims: (json.dumps([claims]).encode(), "jwt-malformed"),
    "12 KB of claims": lambda claims: (
        json.dumps({**claims, "more": "x" * 12_500}).encode(),
        "too-large",
    ),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE)
async def test_hostile_claims_are_refused_although_they_are_signed(
    kind: Kind, make: Callable[[dict[str, Any]], tuple[bytes, Reason]]
) -> None:
    payload, expected = make(kind.claims())
    header = json.dumps({"alg": "RS256", "kid": ENTRA.kid}).encode()
    token = signed(header, payload, ENTRA.keys[ENTRA.kid])
    assert await kind.code(token) == expected


@pytest.mark.parametrize("token", ["", "abc", "a.b", "a.b.c.d.e", "!.!.!", "\udcff.a.b", "é.é.é"])
async def test_what_is_no_token_is_refused(kind: Kind, token: str) -> None:
    assert await kind.code(token) == "jwt-malformed"


async def test_nobody_is_let_in_while_the_keys_are_not_to_be_had(kind: Kind) -> None:
    keys = Held(ENTRA.held.keys, unavailable=True)
    assert await kind.code(kind.token(), keys=keys) == "jwt-keys-unavailable"


async def test_keys_are_asked_for_the_tenant_that_is_recorded(kind: Kind) -> None:
    keys = ENTRA.held
    await kind.code(kind.token(), keys=keys)
    assert keys.asked == [(TENANT, ENTRA.kid)]


async def test_an_explanation_has_every_check_and_its_end(kind: Kind) -> None:
    checks = await kind.explain(kind.token())
    assert [each.name for each in checks if not each.ok] == []
    names = [each.name for each in checks]
    assert names[:5] == ["form", "alg", "iss", "tid", "aud"]
    assert names[-2:] == ["kid", "signature"]


async def test_an_explanation_goes_on_after_a_check_that_fails(kind: Kind) -> None:
    at = int(NOW.timestamp())
    token = ENTRA.sign(
        kind.claims(tid=OTHER_TENANT, aud=["x"], exp=at - 3600), alg="RS384", kid="another"
    )
    failed = {each.name: each.received for each in await kind.explain(token) if not each.ok}
    assert failed == {
        "alg": '"RS384"',
        "tid": f'"{OTHER_TENANT}"',
        "aud": "a list",
        "exp": "2026-11-22T05:00:00+00:00",
        "kid": '"another"',
        "signature": "unknown",
    }


async def test_an_explanation_says_what_was_expected(kind: Kind) -> None:
    checks = await kind.explain(kind.token(tid=OTHER_TENANT))
    assert [(each.expected, each.code) for each in checks if not each.ok] == [
        (TENANT, "jwt-tenant")
    ]


async def test_an_explanation_of_what_is_no_token_is_short(kind: Kind) -> None:
    checks = await kind.explain("abc.def")
    assert [(each.name, each.received, each.ok) for each in checks] == [
        ("form", "2 parts, 7 characters", False)
    ]


async def test_an_explanation_holds_neither_the_token_nor_what_moves_a_terminal(
    kind: Kind,
) -> None:
    token = kind.token(iss="\x1b[2J\u202eabc" + "x" * 5000)
    printed = "".join(f"{each.expected}{each.received}" for each in await kind.explain(token))
    assert set(printed) <= {*map(chr, range(32, 127)), "…"}
    assert len(printed) < 5000
    assert not any(part in printed for part in token.split("."))


@pytest.mark.parametrize(
    "break_it", [lambda t: t, lambda t: t[:-20] + "A" * 20, lambda t: "x" + t, lambda t: t[40:]]
)
async def test_what_is_explained_is_what_is_done(
    kind: Kind, break_it: Callable[[str], str]
) -> None:
    token = break_it(kind.token())
    failed = [each.code for each in await kind.explain(token) if not each.ok]
    assert await kind.code(token) == (failed[0] if failed else None)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = ("iss", "tid", "aud", "appid", "sub", "exp", "nbf", "iat", "oid", "ver")


@settings(max_examples=200)
@given(
    changes=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3),
    header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64"]), JSON, max_size=2),
    which=st.sampled_from([ISSUED_KIND, ASSERTED_KIND]),
)
async def test_whatever_is_signed_is_taken_or_refused(
    changes: dict[str, Any], header: dict[str, Any], which: Kind
) -> None:
    """And what is taken has the claims that it has to have."""
    token = ENTRA.sign(which.claims(**changes), **header)
    code = await which.code(token)
    if code is None:
        claims = which.claims(**changes)
        genuine = which.claims()
        compared = ("iss", "tid", "aud", "appid" if which is ISSUED_KIND else "sub")
        assert [claims[each] for each in compared] == [genuine[each] for each in compared]
    failed = [each.code for each in await which.explain(token) if not each.ok]
    assert code == (failed[0] if failed else None)


@settings(max_examples=300)
@given(
    which=st.sampled_from([ISSUED_KIND, ASSERTED_KIND]),
    place=st.integers(0, 5000),
    put=st.text(max_size=8),
    gone=st.integers(0, 8),
)
async def test_whatever_is_altered_is_refused(which: Kind, place: int, put: str, gone: int) -> None:
    token = which.token()
    place %= len(token)
    altered = token[:place] + put + token[place + gone :]
    assert (await which.code(altered) is None) == (altered == token)
