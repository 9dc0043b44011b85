"""`python -m tests.model.serving`: the model of the Table service over HTTP.

In a process of its own, so that a worker's memory is the worker's alone, and that it talks to its
store as it does to Azure's. It writes its port; a POST to `/load` loads a group (`{"directory",
"name", "members"}`) and answers with its id.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import ClientSession, web

from tests.model.behaviour import Behaviour
from tests.model.loading import Loader
from tests.model.rows import Rows
from tests.model.service import Service
from tests.model.transport import CONNECTION

_ROOT = Path(__file__).parents[2]
_TABLE = "scim"


@contextmanager
def serving_model(*arguments: str) -> Iterator[str]:
    """Start it; give the connection string of its account."""
    command = [sys.executable, "-m", "tests.model.serving", *arguments]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        name = CONNECTION.rpartition("EndpointSuffix")[0].replace("=https", "=http")
        try:
            yield f"{name}TableEndpoint=http://127.0.0.1:{port}"
        finally:
            process.terminate()


async def load_group(connection: str, directory: str, name: str, members: int) -> str:
    """Load a group, whose members are the users of the first numbers; its id."""
    asked = {"directory": directory, "name": name, "members": members}
    address = connection.rpartition("=")[2]
    async with ClientSession() as session, session.post(f"{address}/load", json=asked) as answer:
        return await answer.text()


def _application(service: Service) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(service.behaviour.latency)
        headers = {name.lower(): value for name, value in request.headers.items()}
        content = await request.read()
        given = service.answer(request.method, str(request.url), headers, content)
        sent = {name: each for name, each in given.headers.items() if name != "Content-Length"}
        return web.Response(status=given.status, headers=sent, body=given.content)

    async def load(request: web.Request) -> web.Response:
        asked = json.loads(await request.read())
        loader = Loader(service, _TABLE, asked["directory"])
        return web.Response(text=await loader.group(asked["name"], range(asked["members"])))

    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_post("/load", load)
    app.router.add_route("*", "/{path:.*}", answer)
    return app


async def _serve(service: Service) -> None:
    runner = web.AppRunner(_application(service))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.model.serving", description=__doc__)
    parser.add_argument("--rows", type=Path, help="a file of rows; without it, they are in memory")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds that a call takes")
    chosen = parser.parse_args()
    asyncio.run(_serve(Service(Behaviour(latency=chosen.latency), rows=Rows(chosen.rows))))


if __name__ == "__main__":
    main()
