"""The Functions host's part, where Core Tools are missing: HTTP in, the app's triggers, HTTP out.

It reads route templates and methods from the app object and does to a request what the host does,
so that what works here works there: routes in alphabetical order of function names, an empty 404
where none matches, route values decoded, the URL encoded anew, no body without Content-Length.

Timer triggers run too, but not by their schedule: each runs every hour after the start, whatever
its schedule says, and one that fails is logged and runs again an hour later. Nothing remembers when
one ran last: a server that is restarted more often than every hour never runs them.
"""

import asyncio
import inspect
import logging
import re
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote

import azure.functions as func
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from azure.functions.http import HttpResponseConverter
from azure.functions.timer import TimerRequest

# Kestrel's limits, as the host leaves them.
LONGEST_REQUEST_LINE = 8 * 1024
LONGEST_HEADERS = 32 * 1024
LARGEST_BODY = 100 * 1024 * 1024

TIMER_SECONDS = 3600.0

_logger = logging.getLogger("scim.cli.host")
http_logger = logging.getLogger("scim.cli.host.http")  # for the library that reads requests
_UNESCAPED = "/!$&'()*+,;=:@"


class _WithoutRequest(logging.Filter):
    """Says of a request that can't be read what is wrong, not what it holds: it may be a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.args = "a request is no HTTP: %s", (type(error).__name__,)
            record.exc_info = None
        return True


http_logger.addFilter(_WithoutRequest())


@dataclass(frozen=True, slots=True)
class Invocation:
    """The part of `func.Context` that the app reads."""

    invocation_id: str


@dataclass(frozen=True, slots=True)
class Route:
    """One HTTP trigger. `methods` empty: all of them."""

    template: tuple[str, ...]
    methods: frozenset[str]
    run: Callable[..., Awaitable[func.HttpResponse]]

    def match(self, method: str, path: str) -> Mapping[str, str] | None:
        """Match a decoded path; None when it does not fit. Literals match in any letter case."""
        if self.methods and method not in self.methods:
            return None
        values: dict[str, str] = {}
        segments = path.removeprefix("/").removesuffix("/").split("/") if path.strip("/") else []
        for place, part in enumerate(self.template):
            if part.startswith("{*"):
                # From the path: what it takes keeps its slashes; an empty rest is absent.
                if place < len(segments) and not segments[place]:
                    return None
                rest = path.removeprefix("/").split("/", place)[place:]
                return values | ({part[2:-1]: rest[0]} if rest and rest[0] else {})
            if place >= len(segments) or not segments[place]:
                return None
            if part.startswith("{"):
                values[part[1:-1]] = segments[place]
            elif part.lower() != segments[place].lower():
                return None
        return values if len(segments) == len(self.template) else None


def routes(functions: Sequence[func.Function]) -> list[Route]:
    """List the HTTP triggers in the order in which the host tries them."""
    found = []
    for function in sorted(functions, key=lambda each: str(each.get_function_name())):
        trigger = function.get_trigger()
        if trigger is None or trigger.type != "httpTrigger":
            continue
        binding = trigger.get_dict_repr()
        methods = frozenset(str(each.value).upper() for each in binding.get("methods") or ())
        template = str(binding.get("route") or function.get_function_name())
        found.append(
            Route(tuple(template.strip("/").split("/")), methods, function.get_user_function())
        )
    return found


@dataclass(frozen=True, slots=True)
class Timer:
    """One timer trigger: its function's name, and its argument's."""

    name: str
    argument: str
    run: Callable[..., Awaitable[None]]

    async def repeat(self, seconds: float) -> None:
        """Run it again and again, the first time after so many seconds."""
        while True:
            await asyncio.sleep(seconds)
            invocation = self.run(**{self.argument: TimerRequest()})
            [failed] = await asyncio.gather(invocation, return_exceptions=True)
            if failed is not None:
                _logger.error("the timer %s failed", self.name, exc_info=failed)


def timers(functions: Sequence[func.Function]) -> list[Timer]:
    """List the timer triggers."""
    return [
        Timer(str(each.get_function_name()), str(trigger.name), each.get_user_function())
        for each in functions
        if (trigger := each.get_trigger()) is not None and trigger.type == "timerTrigger"
    ]


def application(app: func.FunctionApp, *, timer_seconds: float = TIMER_SECONDS) -> web.Application:
    """Make the server that runs an app's triggers; once per app, which lists them only once."""
    functions = app.get_functions()
    table, clocks = routes(functions), timers(functions)

    async def handle(request: web.Request) -> web.StreamResponse:
        refused = _refuse(request)
        if refused is not None:
            return web.Response(status=refused)
        path = decode(request.raw_path.partition("?")[0])
        for route in table:
            values = route.match(request.method, path)
            if values is not None:
                return await _invoke(route, request, path, values)
        return web.Response(status=404)

    server = web.Application(client_max_size=LARGEST_BODY)
    server.router.add_route("*", "/{path:.*}", handle)

    async def tick(_: web.Application) -> AsyncGenerator[None]:
        running = [asyncio.create_task(each.repeat(timer_seconds)) for each in clocks]
        yield
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    server.cleanup_ctx.append(tick)
    return server


def _refuse(request: web.Request) -> int | None:
    """Find the status with which the host turns a request away before any function sees it."""
    if len(request.method) + len(request.raw_path) + len("  HTTP/1.1\r\n") > LONGEST_REQUEST_LINE:
        return 414
    if "%00" in request.raw_path:
        return 400
    if (
        sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)
        > LONGEST_HEADERS
    ):
        return 431
    return None


async def _invoke(
    route: Route, request: web.Request, path: str, values: Mapping[str, str]
) -> web.Response:
    read = await _translate(request, path, values)
    answer = await route.run(**arguments(route.run, read, str(uuid.uuid4())))
    return _write(answer)


def arguments(run: Callable[..., object], read: func.HttpRequest, id: str) -> Mapping[str, object]:
    """Name what the worker hands to a function: the request, and the context if it asks for it."""
    asked = inspect.signature(run).parameters
    return {"req": read} | ({"context": Invocation(id)} if "context" in asked else {})


async def _translate(
    request: web.Request, path: str, values: Mapping[str, str]
) -> func.HttpRequest:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known},{value}"
    raw_query = request.raw_path.partition("?")[2]
    query = f"?{raw_query}" if raw_query else ""
    # The host reads a body only when its length was announced.
    body = await request.read() if "content-length" in headers else b""
    return func.HttpRequest(
        method=request.method,
        url=f"{request.scheme}://{request.host}{encode(path)}{query}",
        headers=headers,
        params=_params(raw_query),
        route_params=values,
        body=body,
    )


def _params(raw_query: str) -> dict[str, str]:
    """Read the query as `req.params` has it: blank values dropped, repeated names joined."""
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in parse_qsl(raw_query):
        first = names.setdefault(name.lower(), name)  # names are the same in any letter case
        values[first] = f"{values[first]},{value}" if first in values else value
    return values


def _write(answer: func.HttpResponse) -> web.Response:
    """Send what the worker's converter makes of it; the host drops an empty Content-Type."""
    sent = HttpResponseConverter.encode(answer, expected_type=None).value
    headers = {name: datum.value for name, datum in sent["headers"].items() if datum.value}
    return web.Response(
        status=int(sent["status_code"].value), headers=headers, body=sent["body"].value or None
    )


def decode(raw_path: str) -> str:
    """Decode a path as the host does: percent escapes once, but `%2F` stays; dot segments go."""
    pieces = re.split("(%2[Ff])", raw_path)
    path = "".join(piece if place % 2 else _unquote(piece) for place, piece in enumerate(pieces))
    kept: list[str] = []
    for segment in path.removeprefix("/").split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)


def _unquote(piece: str) -> str:
    """Decode what is UTF-8; escapes of other bytes stay as they are."""
    text = unquote(piece, errors="surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda match: f"%{ord(match[0]) - 0xDC00:02X}", text)


def encode(path: str) -> str:
    """Encode a decoded path as the host does for `req.url`; what looks like an escape stays."""
    return "".join(
        piece if place % 2 else quote(piece, safe=_UNESCAPED)
        for place, piece in enumerate(re.split("(%[0-9A-Fa-f]{2})", path))
    )
