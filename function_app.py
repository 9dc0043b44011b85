"""The Azure Functions app (Python v2 model): wires the service once and translates requests.

Timers run the purge (`scim/purging.py`) and, where SCIM_BACKUP_TO says where to, the backups that
are due (`scim/backup/keeping.py`), every hour and in one instance of the app at a time.
`healthz` and `readyz` tell anybody whether the service works (`scim/readiness.py`).

The host tries routes in alphabetical order of the function names, and the first match wins. It
answers a path or a method that no route has with an empty 404 before our code runs; so `scim` and
`unknown` take every method, `unknown` takes every other path, and the router behind them decides.
What is no GET or HEAD of `/healthz` goes on to `unknown`, and is refused like everything else.
`/NAME/scim//Users`, which Entra sends for a Tenant URL with a trailing slash, reaches us through
`unknown` too: no template with a literal in it matches an empty segment.
"""

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import azure.functions as func

from scim import log
from scim.backup.keeping import back_up
from scim.http import MEDIA_TYPE, Request, Response
from scim.purging import purge as purge_all
from scim.readiness import Readiness, alive
from scim.server import Server
from scim.settings import Settings
from storage.jwks import EntraKeys
from storage.open import Storage, open_storage
from storage.shelves import open_shelf

EVERY_HOUR = "0 7 * * * *"  # seven minutes past: whoever else works by the hour begins at zero
BACKUPS = "0 37 * * * *"  # when the purge is over


@dataclass(frozen=True, slots=True)
class Service:
    """What this process is made of."""

    settings: Settings
    storage: Storage
    server: Server
    readiness: Readiness


def compose(settings: Settings) -> Service:
    """Wire the service; no I/O: clients connect with the first request, on its event loop."""
    storage = open_storage(settings.storage.get_secret_value(), accounts=settings.accounts)
    current, *previous = settings.peppers
    authority = settings.entra_authority
    server = Server(
        registry=storage.registry,
        repository=storage.repository,
        pepper=current,
        previous=previous,
        signing_keys=settings.keys,
        keys=EntraKeys(clock=time.monotonic, authority=authority),
        authority=authority,
        public_url=settings.public_url,
    )
    return Service(settings, storage, server, Readiness(storage.ready, clock=time.monotonic))


log.quieten()
service = compose(Settings.read(os.environ))
# Anonymous for the platform: Entra can't send a function key. `Server` authenticates every request
# itself; `healthz` and `readyz` alone don't reach it.
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("scim")
@app.route(route="{directory}/scim/{*path}")
async def scim(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Serve a directory's endpoints."""
    return await answer(req, context)


@app.function_name("unknown")
@app.route(route="{*path}")
async def unknown(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Serve every other path, so that its 404 is a SCIM error (RFC 7644 §3.12)."""
    return await answer(req, context)


@app.function_name("healthz")
@app.route(route="healthz", methods=["GET", "HEAD"])
async def healthz(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - as below
    """Tell that this process runs."""
    return write(alive())


@app.function_name("readyz")
@app.route(route="readyz", methods=["GET", "HEAD"])
async def readyz(req: func.HttpRequest) -> func.HttpResponse:  # noqa: ARG001 - as below
    """Tell whether its store answers, too."""
    return write(await service.readiness.answer())


# Not when an instance starts: it starts for a request, which the purge would slow down. The monitor
# remembers across instances when it ran last, so that one that was missed is made up for.
@app.function_name("purge")
@app.timer_trigger(arg_name="timer", schedule=EVERY_HOUR, run_on_startup=False, use_monitor=True)
async def purge(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it by this name
    """Delete what is due, warn of tokens that are about to expire; within the host's time."""
    storage = service.storage
    await purge_all(storage.registry, storage.repository, now=datetime.now(UTC))


# Every hour, though a directory is due once a day: what one run has no time for, the next one does.
@app.function_name("backup")
@app.timer_trigger(arg_name="timer", schedule=BACKUPS, run_on_startup=False, use_monitor=True)
async def backup(timer: func.TimerRequest) -> None:  # noqa: ARG001 - the host passes it by this name
    """Back up the directories that are due; nothing where no place is set."""
    storage, settings = service.storage, service.settings
    if settings.backup_to is None or storage.rows is None:
        return
    async with open_shelf(settings.backup_to) as shelf:
        await back_up(
            storage.registry,
            storage.rows,
            shelf,
            clock=lambda: datetime.now(UTC),
            unfinished=storage.repository,
            days=settings.backup_days,
        )


async def answer(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Hand a request to the server, which never raises."""
    return write(await service.server.handle(read(req), context.invocation_id))


def read(req: func.HttpRequest) -> Request:
    """Translate a request. The query stays in the URL: `req.params` drops blank values."""
    headers = {name.lower(): value for name, value in req.headers.items()}
    return Request(method=req.method, url=req.url, headers=headers, body=req.get_body())


def write(response: Response) -> func.HttpResponse:
    """Translate a response, whose Content-Type is among its headers.

    Without a mimetype the worker adds `text/plain; charset=utf-8`, even to a 204; with an empty
    one the host sends no Content-Type; any other than text/* is sent as it is, without charset.
    """
    return func.HttpResponse(
        body=response.body,
        status_code=response.status,
        headers=response.headers,
        mimetype="" if response.document is None else MEDIA_TYPE,
    )
