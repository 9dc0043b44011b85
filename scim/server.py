"""From a request to a response: the one error boundary, authentication, routing, one log line.

Nothing of a request is looked at before its token: a path that exists and one that doesn't, a
directory that exists and one that doesn't, answer a stranger alike.
"""

import logging
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from scim import log
from scim.call import Call
from scim.credentials import identify, verify
from scim.cursor import Sealer
from scim.dialects import DIALECTS
from scim.directory import Credential, Directory, Registry
from scim.errors import BadRequest, Forbidden, InternalError, NotFound, ScimError, Unauthorized
from scim.http import MEDIA_TYPE, Request, Response
from scim.limits import Limits
from scim.repository import Repository
from scim.routes import dispatch, operation_name

_logger = logging.getLogger("scim.server")

_REFUSED = (
    "the request carries no valid token for this Tenant URL: paste the Secret Token of this"
    " directory into Entra's provisioning credentials"
)
# Verified against when no credential is found, so that a known id can't be told by time.
_NOBODY = Credential(id="00000000", directory="00000000", digest="0" * 64, created="")


class Server:
    """A SCIM service provider for every directory of a registry."""

    def __init__(
        self,
        *,
        registry: Registry,
        repository: Callable[[Directory], Repository],
        pepper: bytes,
        public_url: str | None = None,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._registry = registry
        self._repository = repository
        self._pepper = pepper
        self._public_url = public_url.rstrip("/") if public_url else None
        self._limits = limits or Limits()
        self._clock = clock
        self._sealer = Sealer.derive(pepper)

    async def handle(self, request: Request, invocation: str = "") -> Response:
        """Answer a request; never raises. `invocation` is the host's id of it, for the log."""
        id = uuid.uuid4().hex
        with log.request(requestId=id, invocationId=invocation) as line:
            try:
                response = await self._answer(request)
            except ScimError as error:
                response = Response(error.status, error.document(), error.headers)
            except Exception:  # the one boundary: whatever it is, the client gets a SCIM error
                _logger.exception("request %s failed by a bug", id)
                broken = InternalError(f"the service failed; its log has this request as {id}")
                response = Response(broken.status, broken.document())
            line["status"] = response.status
        headers = {"x-request-id": id, **response.headers}
        if response.document is not None:
            headers["Content-Type"] = MEDIA_TYPE
        return Response(response.status, response.document, headers)

    async def _answer(self, request: Request) -> Response:
        now = self._clock()
        credential, directory = await self._authenticate(request, now)
        log.note(directory=directory.name, credential=credential.id)
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
        if not directory.enabled:
            raise Forbidden(
                "provisioning is switched off for this directory: its operator can switch it on"
                " again"
            )
        repository = self._repository(directory)
        call = Call(
            request=request,
            directory=directory,
            dialect=DIALECTS[directory.dialect],
            repository=repository,
            credential=credential.id,
            base_url=self._base_url(request, segments[: place + 1]),
            now=now,
            limits=self._limits,
            sealer=self._sealer,
        )
        below = segments[place + 1 :]
        log.note(operation=f"{request.method[:10]} {operation_name(below, call)}")
        try:
            return await dispatch(call, below)
        finally:
            meter = repository.meter
            log.note(roundTrips=meter.rounds, calls=meter.calls, rows=meter.rows)

    async def _authenticate(self, request: Request, now: datetime) -> tuple[Credential, Directory]:
        """Find whose a token is; it decides the directory, whatever the URL says (RFC 6750)."""
        scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
        token = token.strip()
        id = identify(token) if scheme.lower() == "bearer" else None
        if id is None:
            raise Unauthorized(_REFUSED)
        credential = await self._registry.credential(id)
        valid = verify(token, credential or _NOBODY, pepper=self._pepper, now=now)
        if credential is None or not valid:
            raise Unauthorized(_REFUSED)
        directory = await self._registry.directory(credential.directory)
        if directory is None:
            raise Unauthorized(_REFUSED)
        return credential, directory

    def _base_url(self, request: Request, base: tuple[str, ...]) -> str:
        """The Tenant URL: below the public URL when one is set, else where the request came to."""
        if self._public_url:
            return f"{self._public_url}/{quote(base[-2].lower())}/scim"
        parts = urlsplit(request.url)
        path = "/".join(quote(each) for each in base)
        return f"{parts.scheme}://{parts.netloc}/{path}"
