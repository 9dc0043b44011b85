"""The token endpoint: a client gives its secret, or an assertion of Entra's, for an access token.

OAuth 2.0 client credentials (RFC 6749 §4.4) and client assertions (RFC 7523 §2.2). A client that is
not known, one with a wrong secret, and one of another directory than the URL names, are answered
alike: a secret is looked for by its own id, and its client only when it is genuine.

An access token lives as long as its client's record says, also beyond the assertion that it was
given for: an assertion tells who asks, once, and Entra expects 60 minutes at least. Whoever is to
be kept out is revoked, and is out within a minute.
"""

from datetime import datetime

from scim import log
from scim.auth import assertions
from scim.auth.access_tokens import Signer
from scim.auth.gate import Gate, refused
from scim.auth.keys import Keys
from scim.auth.reasons import Refusal
from scim.auth.records import SCOPES, Scope
from scim.auth.throttle import Throttle
from scim.auth.token_form import PLAIN_JSON, Asked, TokenError, in_form, read
from scim.credentials import state
from scim.errors import Unavailable
from scim.http import Request, Response
from scim.registry import Credential, Registry
from scim.usage import Usage

ENDPOINT = ("oauth2", "token")
# In a minute and process. Entra asks once an hour, and each of its cycles at most once more.
MOST_TOKENS = 60  # for a client
MOST_REFUSALS = 20  # for a client, and for what somebody takes for one
MOST_IN_ALL = 600
_DIRECTORY_AND_ENDPOINT = 3  # segments of a path


class _MethodNotAllowed(TokenError):
    status = 405


class _TooMany(TokenError):
    status = 429


class _InvalidClient(TokenError):
    """A client isn't let in, for a reason that only the operator learns (RFC 6749 §5.2)."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "invalid_client",
            "there is no such client here, or what was sent doesn't prove that it is this client:"
            " check Client Identifier, Client Secret and Token Endpoint in Entra",
            # "MUST ... include the WWW-Authenticate response header field": Basic is what a client
            # with a secret may use (§2.3.1), whatever this one has used.
            headers={"WWW-Authenticate": 'Basic realm="scim"'},
        )


class TokenEndpoint:
    """Gives access tokens to clients."""

    def __init__(
        self,
        *,
        registry: Registry,
        gate: Gate,
        signer: Signer,
        keys: Keys,
        authority: str,
        usage: Usage,
    ) -> None:
        self._registry = registry
        self._gate = gate
        self._signer = signer
        self._keys = keys
        self._authority = authority
        self._usage = usage
        self._tokens = Throttle(each=MOST_TOKENS, all=MOST_IN_ALL)
        self._refusals = Throttle(each=MOST_REFUSALS, all=MOST_IN_ALL)

    async def answer(self, request: Request, name: str, now: datetime) -> Response:
        """Answer with an access token. Raises TokenError, from a Refusal where there is one.

        `name` is the directory's in the URL, "" without one.
        """
        if request.method != "POST":
            raise _MethodNotAllowed(
                "invalid_request", "this path answers only POST", headers={"Allow": "POST"}
            )
        asked = read(request)
        try:
            client = await self._client(asked, name, now)
        except Refusal as refusal:
            log.note(reason=refusal.code)
            # Counted when it is refused, so that nobody else's flood keeps the client out.
            _count(self._refusals, asked.client, now)
            raise _InvalidClient from refusal
        except Unavailable as error:
            raise in_form(error) from error
        log.note(credential=client.id)
        _count(self._tokens, client.id, now)
        scopes = _granted(asked.scope, client)
        token, seconds = self._signer.mint(client, scopes, now)
        self._usage.note(client, now)
        given = {"access_token": token, "token_type": "Bearer", "expires_in": seconds}
        return Response(200, {**given, "scope": " ".join(scopes)}, PLAIN_JSON)

    async def _client(self, asked: Asked, name: str, now: datetime) -> Credential:
        """Find who asks. Raises Refusal."""
        if asked.broken:
            raise Refusal("malformed", credential=asked.client)
        if asked.assertion:
            client = await self._federated(asked, now)
        else:
            client = await self._secretive(asked, now)
        directory = await self._registry.directory(client.directory)
        if directory is None or directory.removing:
            raise Refusal("unknown-credential")
        log.note(directory=directory.name)
        if name not in ("", directory.name):
            raise refused("wrong-directory", client)
        return client

    async def _secretive(self, asked: Asked, now: datetime) -> Credential:
        secret = await self._gate.secret(asked.secret, now, kind="secret", client=asked.client)
        client = await self._registry.credential(asked.client)
        if client is None or client.directory != secret.directory:
            raise Refusal("unknown-credential")
        if client.kind != "client":
            raise refused("not-federated", client)
        if (standing := state(client, now)) != "live":
            raise refused(standing, client)
        self._usage.note(secret, now)
        return client

    async def _federated(self, asked: Asked, now: datetime) -> Credential:
        client = await self._registry.credential(asked.client)
        if client is None:
            raise Refusal("unknown-credential")
        if client.kind != "federation" or client.trust is None:
            raise refused("not-federated", client, sure=False)
        if (standing := state(client, now)) != "live":
            raise refused(standing, client, sure=False)
        try:
            await assertions.check(
                asked.assertion,
                client.trust,
                self._keys,
                self._registry.first_use,
                now,
                client=client.id,
                authority=self._authority,
            )
        except Refusal as refusal:
            raise refused(refusal.code, client, sure=False) from refusal
        return client


def _granted(asked: str, client: Credential) -> tuple[Scope, ...]:
    """Narrow a client's scopes to what it asks for (RFC 6749 §3.3). Raises TokenError.

    Names that are no scopes of ours are passed over: Entra sends `scope=scim`.
    """
    named = [each for each in asked.split(" ") if each in SCOPES]
    granted = tuple(each for each in client.scopes if not named or each in named)
    if not granted:
        raise TokenError("invalid_scope", "this client has none of the scopes that it asks for")
    return granted


def _count(throttle: Throttle, key: str, now: datetime) -> None:
    """Count a request. Raises TokenError when it is one too many."""
    if seconds := throttle.wait(key, now):
        raise _TooMany(
            "temporarily_unavailable",
            f"too many requests for access tokens: try again in {seconds} seconds",
            headers={"Retry-After": str(seconds)},
        ) from None


def directory_named(segments: tuple[str, ...] | None) -> str | None:
    """Tell whether a path is the token endpoint's: the name of a directory before it, or "".

    None: it is another path. A gateway's prefix may come before the name.
    """
    if segments is None:
        return None
    if tuple(each.lower() for each in segments[-2:]) != ENDPOINT:
        return None
    if any(each.lower() == "scim" for each in segments[1:]):
        return None
    return segments[-3].lower() if len(segments) >= _DIRECTORY_AND_ENDPOINT else ""
