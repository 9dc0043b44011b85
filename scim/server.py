"""From a request to a response: the one error boundary, authentication, routing, one log line.

Nothing of a request is looked at before its token: a path that exists and one that doesn't, a
directory that exists and one that doesn't, answer a stranger alike. The token endpoint alone is
there for strangers, and finds out itself who they are (`scim/auth/token_endpoint.py`).
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from scim import log
from scim.auth.access_tokens import Signer
from scim.auth.caller import Caller
from scim.auth.gate import Gate, places, split
from scim.auth.keys import AUTHORITY, Keys, NoKeys
from scim.auth.reasons import Refusal, refusal
from scim.auth.token_endpoint import TokenEndpoint, directory_named
from scim.auth.token_form import TokenError, in_form
from scim.beside import Beside
from scim.call import Call
from scim.cursor import Sealer
from scim.deadlines import LONGEST_REQUEST
from scim.directory import Directory
from scim.errors import BadRequest, Forbidden, InternalError, NotFound, ScimError, Unavailable
from scim.fairness import Fairness
from scim.http import MEDIA_TYPE, SAFE, Request, Response
from scim.notes import Notes
from scim.recording import Recorder
from scim.registry import Registry
from scim.repository import Repository
from scim.room import BODY, Room
from scim.routes import dispatch, subject
from scim.usage import Usage

_logger = logging.getLogger("scim.server")


class Server:
    """A SCIM service provider for every directory of a registry.

    What `previous` peppers made is still accepted. Access tokens are signed with the first of
    `signing_keys`; without any, with keys that are derived from the peppers. `keys` are Entra's,
    and `authority` is where it issues (`scim/auth/keys.py`). A request takes `longest` seconds at
    most; others rely on it (`scim/deadlines.py`).
    """

    def __init__(
        self,
        *,
        registry: Registry,
        repository: Callable[[Directory], Repository],
        pepper: bytes,
        previous: Sequence[bytes] = (),
        signing_keys: Sequence[bytes] = (),
        keys: Keys | None = None,
        authority: str = AUTHORITY,
        public_url: str | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        longest: float = LONGEST_REQUEST,
        fairness: Fairness | None = None,
        room: Room | None = None,
    ) -> None:
        self._registry = registry
        self._repository = repository
        self._public_url = public_url.rstrip("/") if public_url else None
        self._clock = clock
        self._longest = longest
        self._fairness = fairness or Fairness()
        self._room = room or Room()
        peppers = (pepper, *previous)
        signer = Signer(signing_keys) if signing_keys else Signer.derive(*peppers)
        keys = keys or NoKeys()
        self._sealer = Sealer.derive(*peppers)
        self._beside = Beside()
        usage = Usage(registry, self._beside)
        self._gate = Gate(registry=registry, peppers=peppers, signer=signer, keys=keys, usage=usage)
        self._tokens = TokenEndpoint(
            registry=registry,
            gate=self._gate,
            signer=signer,
            keys=keys,
            authority=authority,
            usage=usage,
        )
        self._recorder = Recorder()

    async def handle(self, request: Request, invocation: str = "") -> Response:
        """Answer a request; never raises. `invocation` is the host's id of it, for the log."""
        notes = Notes(secrets.token_hex(16))
        with log.request(requestId=notes.request, invocationId=invocation) as line:
            try:
                response = await self._in_time(request, notes)
            except ScimError as error:
                notes.error = error
            except Exception:  # the one boundary: whatever it is, the client gets a SCIM error
                _logger.exception("request %s failed by a bug", notes.request)
                notes.error = InternalError("the service failed; its log says why")
            if notes.error is not None:
                response = self._refuse(notes.error, notes, request)
            line["status"] = response.status
            if notes.repository is not None:
                await self._recorder.record(notes, notes.repository, self._clock())
                meter = notes.repository.meter
                log.note(roundTrips=meter.rounds, calls=meter.calls, rows=meter.rows)
        headers = {**SAFE, "x-request-id": notes.request, **response.headers}
        if response.document is not None:
            headers.setdefault("Content-Type", MEDIA_TYPE)
        return Response(response.status, response.document, headers)

    def _refuse(self, error: ScimError, notes: Notes, request: Request) -> Response:
        """Render an error, and note what it was."""
        if directory_named(split(request)) is not None:
            error = in_form(error)
        if error.scim_type:
            log.note(scimType=error.scim_type)
        if (refused := refusal(error)) is not None:
            log.note(reason=refused.code)
            if notes.repository is None and refused.credential:
                # Beside the answer: its time tells nobody whether there is such a credential.
                self._beside.start(self._record(notes, refused), _untold)
        return Response(error.status, error.document(notes.request), error.headers)

    async def close(self) -> None:
        """Finish what is written beside requests; call it after the last of them."""
        await self._beside.close()

    async def _in_time(self, request: Request, notes: Notes) -> Response:
        """Answer a request, or break it off. Raises Unavailable."""
        limit = asyncio.timeout(self._longest)
        try:
            async with limit:
                with self._room.body(len(request.body)):
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
        segments = split(request)
        if (name := directory_named(segments)) is not None:
            notes.about(f"{request.method[:10]} /oauth2/token")
            log.note(operation=notes.operation)
            return await self._give_token(request, name, now, notes)
        caller = await self._admit(request, now, notes)
        if segments is None:
            raise BadRequest("the Host header of the request is not the name of a host")
        directory = caller.directory
        marks = places(segments)
        place = next((n for n in marks if segments[n - 1].lower() == directory.name), None)
        if place is None and marks:
            raise Refusal("wrong-directory")
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

        async def admit(at: datetime, further: Notes) -> Caller:
            current = await self._admit(request, at, further)
            if current.directory.id != directory.id:
                raise Refusal("wrong-directory")
            _check_enabled(current.directory)
            self._fairness.charge(directory.id, directory.limits)
            return current

        assert notes.repository is not None  # whose client it is  # noqa: S101
        call = Call(
            request=request,
            directory=directory,
            dialect=directory.spoken,
            repository=notes.repository,
            credential=caller.credential,
            base_url=self._base_url(request, segments[: place + 1]),
            now=now,
            sealer=self._sealer,
            notes=notes,
            clock=self._clock,
            admit=admit,
            scopes=caller.scopes,
        )
        async with self._fairness.turn(directory.id, directory.limits):
            with self._room.load(directory.id) as load:
                call.repository.meter.load = load
                load.waited = (self._clock() - now).total_seconds()
                if len(request.body) <= directory.limits.body_bytes:  # else nobody parses it
                    await load.hold(BODY * len(request.body))
                response = (await dispatch(call, below)).written()
        notes.answered(response)
        return response

    async def _give_token(
        self, request: Request, name: str, now: datetime, notes: Notes
    ) -> Response:
        try:
            return await self._tokens.answer(request, name, now)
        except TokenError as error:
            # Who knows a secret, though it has ended, may learn by the time that it was one.
            if (refused := refusal(error)) is not None and refused.sure:
                await self._look_up(notes, refused)
            raise

    async def _admit(self, request: Request, now: datetime, notes: Notes) -> Caller:
        """Find whom a request is from. Raises Refusal."""
        try:
            caller = await self._gate.admit(request, now)
        except Refusal as refused:
            if refused.sure:
                await self._look_up(notes, refused)
            raise
        self._found(notes, caller.directory, caller.credential)
        return caller

    def _found(self, notes: Notes, directory: Directory, credential: str) -> None:
        notes.directory, notes.credential = directory, credential
        notes.repository = notes.repository or self._repository(directory)
        log.note(directory=directory.name, credential=credential)

    async def _look_up(self, notes: Notes, refused: Refusal) -> None:
        """Find out whose log is told of a refusal."""
        id = refused.directory
        if not id and (found := await self._registry.credential(refused.credential)) is not None:
            id = found.directory
        directory = await self._registry.directory(id) if id else None
        if directory is not None and not directory.removing:
            self._found(notes, directory, refused.credential)

    async def _record(self, notes: Notes, refused: Refusal) -> None:
        await self._look_up(notes, refused)
        if notes.directory is not None and notes.repository is not None:
            # The request's own line is written by now: its time must not tell a stranger anything.
            log.event(
                "refused",
                level=logging.INFO,
                requestId=notes.request,
                directory=notes.directory.name,
                credential=refused.credential,
                reason=refused.code,
            )
            await self._recorder.record(notes, notes.repository, self._clock())

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


def _untold(error: BaseException) -> None:
    _logger.warning("a refusal could not be recorded: %r", error)
