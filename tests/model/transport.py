"""The way in: an azure-core transport, so that the SDK and all of `storage/` run on the model.

transport = ModelTransport(Service())
storage = open_storage(CONNECTION, transport=transport)
"""

import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest

# The response that azure-core's own transports are made of: no public one has `parts()`, with which
# the SDK reads a transaction's answer.
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from azure.core.utils import case_insensitive_dict

from tests.model import batch
from tests.model.batch import Answer
from tests.model.service import Service

_KEY = "bm90LWEtc2VjcmV0"
CONNECTION = (
    f"DefaultEndpointsProtocol=https;AccountName=model;AccountKey={_KEY};"
    "EndpointSuffix=core.windows.net"
)
# The SDK knows Cosmos DB by its name, and merges in another way there.
COSMOS = (
    f"DefaultEndpointsProtocol=https;AccountName=model;AccountKey={_KEY};"
    "TableEndpoint=https://model.table.cosmos.azure.com:443/"
)
# Turns of the event loop that an answer takes at least, as one over a wire does: calls that are
# made side by side have all begun before the first of them ends, and don't all end at once.
_TURNS = 8


@dataclass(slots=True)
class Bytes:
    """What went over the wire: URLs and bodies there, bodies back."""

    sent: int = 0
    received: int = 0


class ModelTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Hands requests to a service, and counts their bytes."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.bytes = Bytes()
        self.sent = 0

    async def send(self, request: HttpRequest, **_options: Any) -> AsyncHttpResponse:
        behaviour = self.service.behaviour
        await asyncio.sleep(behaviour.latency)
        self.sent += 1
        for _ in range(_TURNS + self.sent % _TURNS):
            await asyncio.sleep(0)
        content = _content(request)
        self.bytes.sent += len(request.url) + len(content)
        refusal = behaviour.refusals.popleft() if behaviour.refusals else None
        if refusal is None or refusal.done:
            headers = {name.lower(): value for name, value in request.headers.items()}
            answer = self.service.answer(request.method, request.url, headers, content)
        if refusal is not None:
            more = {} if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
            message = {"code": refusal.code, "message": {"lang": "en-US", "value": refusal.code}}
            answer = Answer(
                refusal.status,
                {"Content-Type": "application/json", "x-ms-error-code": refusal.code, **more},
                json.dumps({"odata.error": message}).encode(),
            )
            if behaviour.cosmos and refusal.status == 429 and request.url.endswith("$batch"):
                kind, content = batch.compose([answer], "0", cosmos=True)
                answer = Answer(202, {"Content-Type": kind}, content)
        self.bytes.received += len(answer.content)
        return _Response(request, answer)

    async def open(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def __aenter__(self) -> "ModelTransport":
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return None


class _Response(AsyncHttpResponseImpl):
    """An answer that is here already."""

    def __init__(self, request: HttpRequest, answer: Answer) -> None:
        headers = case_insensitive_dict(answer.headers)
        super().__init__(
            request=request,
            internal_response=None,
            status_code=answer.status,
            reason=batch.reason(answer.status),
            content_type=headers.get("content-type"),
            headers=headers,
            stream_download_generator=None,
        )
        self._content = answer.content

    def body(self) -> bytes:
        """Give the bytes at once: the SDK asks for them when it reads a transaction's answer."""
        return self.content

    async def close(self) -> None:
        self._is_closed = True


def _content(request: HttpRequest) -> bytes:
    content = request.content
    if isinstance(content, str):
        return content.encode()
    return content if isinstance(content, bytes) else b""
