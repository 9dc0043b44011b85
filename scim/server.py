"""From a request to a response: the one error boundary, authentication, routing, one log line.

Nothing of a request is looked at before its token: a path that exists and one that doesn't, a
directory that exists and one that doesn't, answer a stranger alike.
"""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from scim import log
from scim.call import Call
from scim.credentials import State, genuine, identify, state
from scim.cursor import Sealer
from scim.deadlines import LONGEST_REQUEST
from scim.directory import Directory
from scim.errors import (
    BadRequest,
    Forbidden,
    InternalError,
    NotFound,
    ScimError,
    Unauthorized,
    Unavailable,
)
from scim.http import MEDIA_TYPE, SAFE, Request, Response
from scim.notes import Notes
from scim.recording import Recorder
from scim.registry import Credential, Registry
from scim.repository import Repository
from scim.routes import dispatch, subject
from scim.usage import Usage

_logger = logging.getLogger("scim.server")

_REFUSED = (
    "the request carries no valid token for this Tenant URL: paste the Secret Token of this"
    " directory into Entra's provisioning credentials"
)
# What its holder is told like everybody else, and its directory's log says plainly.
_DEAD: Mapping[State, str] = MappingProxyType(
    {
        "expired": "this token has expired: issue another one and paste it into Entra",
        "revoked": "this token was revoked: issue another one and paste it into Entra",
    }
)
# Verified against when no credential is found, so that a known id can't be told by time.
_NOBODY = Credential(id="00000000", directory="00000000", digest="0" * 64, created="")


class Server:
    """A SCIM service provider for every directory of a registry.

    A request takes `longest` seconds at most; others rely on it (`scim/deadlines.py`).
    """

    def __init__(
        self,
        *,
        registry: Registry,
        repository: Callable[[Directory], Repository],
        pepper: bytes,
        public_url: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        longest: float = LONGEST_REQUEST,
    ) -> None:
        self._registry = registry
        self._repository = repository
        self._pepper = pepper
        self._public_url = public_url.rstrip("/") if public_url else None
        self._clock = clock
        self._longest = longest
        self._sealer = Sealer.derive(pepper)
        self._usage = Usage(registry)
        self._recorder = Recorder()

    async def handle(self, request: Request, invocation: str = "") -> Response:
        """Answer a request; never raises. `invocation` is the host's id of it, for the log."""
        notes = Notes(uuid.uuid4().hex)
        with log.request(requestId=notes.request, invocationId=invocation) as line:
            try:
                response = await self._in_time(request, notes)
            except ScimError as error:
                notes.error = error
            except Exception:  # the one boundary: whatever it is, the client gets a SCIM error
                _logger.exception("request %s failed by a bug", notes.request)
                notes.error = InternalError("the service failed; its log says why")
            if (refused := notes.error) is not None:
                document = refused.document(notes.request)
                if refused.scim_type:
                    log.note(scimType=refused.scim_type)
                response = Response(refused.status, document, refused.headers)
            line["status"] = response.status
            if notes.repository is not None:
                await self._recorder.record(notes, notes.repository, self._clock())
                meter = notes.repository.meter
                log.note(roundTrips=meter.rounds, calls=meter.calls, rows=meter.rows)
        headers = {**SAFE, "x-request-id": notes.request, **response.headers}
        if response.document is not None:
            headers["Content-Type"] = MEDIA_TYPE
        return Response(response.status, response.document, headers)

    async def close(self) -> None:
        """Finish what is written beside requests; call it after the last of them."""
        await self._usage.close()

    async def _in_time(self, request: Request, notes: Notes) -> Response:
        """Answer a request, or break it off. Raises Unavailable."""
        limit = asyncio.timeout(self._longest)
        try:
            async with limit:
                return await self._answer(request, notes)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise Unavailable(
                f"the request took longer than {self._longest:g} seconds and was broken off: what"
                " it had done stays, and the same request goes on from there; send it again, or"
                " less at once",
                retry_after=5,
            ) from error

    async def _answer(self, request: Request, notes: Notes) -> Response:
        now = self._clock()
        notes.about(request.method[:10])
        directory, repository = await self._authenticate(request, now, notes)
        try:
            segments = request.segments
        except ValueError as error:  # "Host: [" makes a URL that can't be taken apart
            raise BadRequest("the Host header of the request is not the name of a host") from error
        # A gateway's prefix may hold a `scim` of its own: ours comes after the directory's name.
        marks = [n for n, each in enumerate(segments) if n and each.lower() == "scim"]
        place = next((n for n in marks if segments[n - 1].lower() == directory.name), None)
        if place is None and marks:
            raise Unauthorized(_REFUSED)
        if place is None:
            raise NotFound(
                "there is nothing at this path: a Tenant URL ends in /NAME/scim, with the"
                " directory's name"
            )
        below = segments[place + 1 :]
        pattern, type, id = subject(below, directory.catalog)
        notes.about(f"{request.method[:10]} {pattern}", type, id)
        log.note(operation=notes.operation)
        _check_enabled(directory)

        async def admit(at: datetime, further: Notes) -> Directory:
            current, _ = await self._authenticate(request, at, further)
            _check_enabled(current)
            return current

        call = Call(
            request=request,
            directory=directory,
            dialect=directory.spoken,
            repository=repository,
            credential=notes.credential,
            base_url=self._base_url(request, segments[: place + 1]),
            now=now,
            sealer=self._sealer,
            notes=notes,
            clock=self._clock,
            admit=admit,
        )
        response = await dispatch(call, below)
        notes.answered(response)
        return response

    async def _authenticate(
        self, request: Request, now: datetime, notes: Notes
    ) -> tuple[Directory, Repository]:
        """Find whose a token is; it decides the directory, whatever the URL says (RFC 6750)."""
        scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
        token = token.strip()
        id = identify(token) if scheme.lower() == "bearer" else None
        if id is None:
            raise Unauthorized(_REFUSED)
        credential = await self._registry.credential(id)
        known = genuine(token, credential or _NOBODY, pepper=self._pepper)
        if credential is None or not known:
            raise Unauthorized(_REFUSED)
        directory = await self._registry.directory(credential.directory)
        if directory is None or directory.removing:
            raise Unauthorized(_REFUSED)
        notes.credential = credential.id
        repository = notes.repository or self._repository(directory)
        notes.directory, notes.repository = directory, repository
        log.note(directory=directory.name, credential=credential.id)
        if (standing := state(credential, now)) != "live":
            notes.dead = _DEAD[standing]
            raise Unauthorized(_REFUSED)
        self._usage.note(credential, now)
        return directory, repository

    def _base_url(self, request: Request, base: tuple[str, ...]) -> str:
        """The Tenant URL: below the public URL when one is set, else where the request came to."""
        if self._public_url:
            return f"{self._public_url}/{quote(base[-2].lower(), safe='')}/scim"
        parts = urlsplit(request.url)
        path = "/".join(quote(each, safe="") for each in base)
        return f"{parts.scheme}://{parts.netloc}/{path}"


def _check_enabled(directory: Directory) -> None:
    if not directory.enabled:
        raise Forbidden(
            "provisioning is switched off for this directory: its operator can switch it on again"
        )
