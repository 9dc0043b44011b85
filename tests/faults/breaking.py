"""A process's way to the store: at one call it breaks, in one of the ways that calls break."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.rest import AsyncHttpResponse, HttpRequest

from tests.model.behaviour import Behaviour, Refusal
from tests.model.service import Service
from tests.model.transport import ModelTransport


class Killed(BaseException):
    """The process is gone: nothing in it catches that, and no later call takes place."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens at a call.

    `done`: the store did what it was asked; `late`: it will, when nobody waits for it any more.
    """

    done: bool
    raised: AzureError | TimeoutError | None = None
    refusal: Refusal | None = None
    cut: bool = False
    late: bool = False


def _answers(status: int, *, done: bool = False, retry_after: int | None = None) -> Fault:
    return Fault(done, refusal=Refusal(status, retry_after=retry_after))


FAULTS: Mapping[str, Fault] = {
    "timeout before": Fault(False, ServiceRequestTimeoutError("no connection in time")),
    "timeout after": Fault(True, ServiceResponseTimeoutError("no answer in time")),
    "timeout, done later": Fault(False, ServiceResponseTimeoutError("no answer"), late=True),
    "slower than a call may be": Fault(True, TimeoutError("the call took too long")),
    "reset before": Fault(False, ServiceRequestError("the connection broke")),
    "reset after": Fault(True, ServiceResponseError("the connection broke")),
    "answer cut off": Fault(True, cut=True),
    "429": _answers(429),
    "429, Retry-After": _answers(429, retry_after=30),
    "500 before": _answers(500),
    "500 after": _answers(500, done=True),
    "503": _answers(503),
    "503, Retry-After": _answers(503, retry_after=30),
}


class Breaking(ModelTransport):
    """Hands calls to a service, until one breaks; `writes` are those that changed something.

    Places are counted from 0; a fault that is `lasting` meets every later call, too.
    """

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.calls = 0
        self.reads: list[int] = []
        self.writes: list[int] = []
        self.place = -1
        self._dead = False
        self._after: bool | None = None
        self._fault: Fault | None = None
        self._lasting = False
        self.late: list[HttpRequest] = []

    def kill(self, place: int, *, after: bool) -> None:
        """Let the process end at a call, before the service does it or after."""
        self.place, self._after = place, after

    def fail(self, place: int, fault: Fault, *, lasting: bool) -> None:
        self.place, self._fault, self._lasting = place, fault, lasting

    def heal(self) -> None:
        """Break nothing any more."""
        self._fault = None

    @property
    def reached(self) -> bool:
        """Tell whether there was a call to break at."""
        return self.calls > self.place >= 0

    async def catch_up(self) -> None:
        """Let the service do what nobody waited for."""
        for each in self.late:
            await super().send(each)

    async def send(self, request: HttpRequest, **_options: Any) -> AsyncHttpResponse:
        place = self.calls
        self.calls += 1
        if request.method == "GET":
            self.reads.append(place)
        self._check_alive()
        if self._after is not None and place == self.place:
            if self._after:
                await self._do(place, request)
            self._dead = True
            self._check_alive()
        if self._fault is not None and (
            place == self.place or (self._lasting and place > self.place)
        ):
            return await self._break(place, self._fault, request)
        return await self._do(place, request)

    async def _break(self, place: int, fault: Fault, request: HttpRequest) -> AsyncHttpResponse:
        if fault.late and request.method != "GET":
            self.late.append(request)
        answer = await self._do(place, request) if fault.done else None
        if fault.refusal is not None:
            # From a service of its own: the refusal is for this call, and for none beside it.
            service = Service(Behaviour(refusals=deque([fault.refusal])))
            return await ModelTransport(service).send(request)
        if fault.raised is not None:
            raise fault.raised
        assert answer is not None
        if fault.cut and b"HTTP/1.1 4" not in answer.content:  # a refusal comes in one piece
            answer._content = answer.content[: len(answer.content) // 2]  # type: ignore[attr-defined]  # the model's
        return answer

    async def _do(self, place: int, request: HttpRequest) -> AsyncHttpResponse:
        answer = await super().send(request)
        self._check_alive()
        if request.method != "GET" and b"HTTP/1.1 4" not in answer.content:
            self.writes.append(place)
        return answer

    def _check_alive(self) -> None:
        if self._dead:
            raise Killed
