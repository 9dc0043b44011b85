"""`auth explain`: what a token is checked for, what was expected, and what came.

The token is read from stdin or typed unseen, never from the command line, and never printed.
"""

import getpass
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Any

import typer

from scim.auth import assertions, entra_issued, jwts
from scim.auth.access_tokens import ALGORITHM
from scim.auth.explaining import Check
from scim.auth.reasons import REASONS, Refusal
from scim.cli.checking import Checker
from scim.cli.command import Desk, Output, command, group
from scim.cli.credentials import Name, again, credential_id
from scim.cli.problem import Problem
from scim.cli.process import interruptible
from scim.credentials import identify, state
from scim.directory import Directory
from scim.registry import Credential
from storage.jwks import EntraKeys

app = group("Why a token is refused.")

WAYS: Mapping[str, str] = {
    "token": "a secret token",
    "secret": "a client's secret",
    "access": "an access token of this service",
    "entra": "a token that Entra issued, for a Secret Token that was left blank",
    "assertion": "an assertion of workload identity federation",
}
_PARTS = 3  # of a signed token: header, claims, signature
_LONGEST = 64 * 1024  # characters that are read
_UNUSED = "whether this assertion was used before was not looked at: explaining uses nothing up"
_OF_A_CLIENT = (
    "it is a client's secret, which goes into Client Secret; as a Secret Token it is refused, as"
    " --way token tells"
)


def _way(text: str | None) -> str | None:
    if text is not None and text not in WAYS:
        raise typer.BadParameter(f"use one of {', '.join(WAYS)}")
    return text


def _client(text: str | None) -> str | None:
    return text and credential_id("a federation", "federation list NAME")(text)


@command(app, "explain")
async def explain(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    way: Annotated[
        str | None,
        typer.Option(
            "--way",
            metavar="WAY",
            callback=_way,
            help=f"What it is: {', '.join(WAYS)}; default: what it looks like.",
        ),
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="ID",
            callback=_client,
            help="The Client Identifier that an assertion is for, where there are several.",
        ),
    ] = None,
) -> None:
    """Check a token as the service would, and print each check; never the token.

    It is read from stdin, or typed unseen. Exit status 1 when it would be refused.
    """
    directory = await desk.directory(name)
    token = _read()
    kind = way or looks_like(token)
    if way is None and kind == "token" and await _of_a_client(desk, token):
        kind = "secret"
    checks = [each async for each in _checks(desk, directory, token, kind, client)]
    refused = next((each for each in checks if not each.ok), None)
    if output.json:
        output.document(
            {
                "directory": name,
                "way": kind,
                "accepted": refused is None,
                "reason": refused.code if refused else None,
                "checks": [_described(each) for each in checks],
            }
        )
    else:
        _tell(output, kind, checks, refused)
    if kind == "assertion":
        output.note(_UNUSED)
    if kind == "secret" and way is None:
        output.note(_OF_A_CLIENT)
    if not directory.enabled or directory.removing:
        output.warn(f"{name} is switched off, or being removed: whoever is let in gets 403 or 401")
    if refused is not None:
        raise typer.Exit(1)


def looks_like(token: str) -> str:
    """Guess what a token is by its form, or by who says that it issued it."""
    if token.count(".") != _PARTS - 1:
        return "token"
    try:
        if jwts.header(token).get("alg") == ALGORITHM:
            return "access"
        issuer = str(jwts.claims(token).get("iss"))
    except Refusal:
        return "access"
    return "assertion" if issuer.endswith("/v2.0") else "entra"


async def _of_a_client(desk: Desk, token: str) -> bool:
    """Tell whether what looks like a secret token is recorded as a secret of a client."""
    id = identify(token)
    found = await desk.storage.registry.credential(id) if id is not None else None
    return found is not None and found.kind == "secret"


def _read() -> str:
    """Read a token, with or without `Bearer` before it. Raises Problem."""
    if sys.stdin.isatty():
        with interruptible():
            text = getpass.getpass("Token: ")
    else:
        text = sys.stdin.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise Problem(f"what was read is longer than {_LONGEST} characters: no token is")
    words = text.split()
    if words[:1] and words[0].lower() == "bearer":
        words = words[1:]
    if len(words) != 1:
        raise Problem("give one token, on stdin or when you are asked: nothing, or more, was read")
    return words[0]


async def _checks(
    desk: Desk, directory: Directory, token: str, kind: str, client: str | None
) -> AsyncGenerator[Check, None]:
    """Make every check, also after one that fails."""
    checker = Checker(directory, desk.storage.registry, desk.now)
    if kind in ("token", "secret"):
        peppers = (await desk.pepper(), *desk.previous_peppers)
        found = checker.secret(token, peppers, kind=kind)
    elif kind == "access":
        found = checker.access(token, await desk.signer())
    elif kind == "entra":
        found = _entra(desk, directory, token)
    else:
        found = _assertion(desk, await _federation(desk, directory, client), token)
    async with aclosing(found):
        async for each in found:
            yield each


async def _entra(desk: Desk, directory: Directory, token: str) -> AsyncGenerator[Check, None]:
    trust = directory.entra
    said = trust.tenant if trust else "no tenant is named"
    yield Check("tenant named", "not-entra", "a tenant", said, trust is not None)
    if trust is not None:
        keys = EntraKeys(clock=time.monotonic, authority=desk.authority)
        async for each in entra_issued.checks(token, trust, keys, desk.now):
            yield each


async def _assertion(desk: Desk, client: Credential, token: str) -> AsyncGenerator[Check, None]:
    assert client.trust is not None  # it is a federation  # noqa: S101
    standing = state(client, desk.now)
    code = standing if standing != "live" else "revoked"
    yield Check("client", code, "live", standing, standing == "live")
    keys = EntraKeys(clock=time.monotonic, authority=desk.authority)
    checks = assertions.checks(token, client.trust, keys, desk.now, authority=desk.authority)
    async for each in checks:
        yield each


async def _federation(desk: Desk, directory: Directory, client: str | None) -> Credential:
    """Find the federation that an assertion is for. Raises Problem."""
    credentials = await desk.storage.registry.credentials(directory.id)
    found = [each for each in credentials if each.kind == "federation"]
    if client is None:
        found = [each for each in found if state(each, desk.now) == "live"]
    else:
        found = [each for each in found if each.id == client]
    if len(found) == 1:
        return found[0]
    listing = again(desk, f"federation list {directory.name}")
    if client is not None or not found:
        which = f"no federation {client}" if client else "no live federation"
        raise Problem(f"{directory.name} has {which}; {listing}")
    raise Problem(f"{directory.name} has several federations: say --client ID; {listing}")


def _described(check: Check) -> dict[str, Any]:
    return {
        "check": check.name,
        "expected": check.expected,
        "received": check.received,
        "ok": check.ok,
        "reason": None if check.ok else check.code,
    }


def _tell(output: Output, kind: str, checks: list[Check], refused: Check | None) -> None:
    output.say(f"Checked as {WAYS[kind]}.")
    rows = ((each.name, _ok(each), each.expected, each.received) for each in checks)
    output.table(("CHECK", "RESULT", "EXPECTED", "RECEIVED"), rows)
    if refused is None:
        output.say("It is let in.")
        return
    output.say(f"It is refused: {refused.code}: {REASONS[refused.code]}.")


def _ok(check: Check) -> str:
    return "ok" if check.ok else "fails"
