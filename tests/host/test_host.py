"""The local stand-in for the Functions host does to a request what the host does."""

import asyncio

import azure.functions as func
import pytest
from aiohttp import web

from scim.cli.host import Route, Timer, application, decode, encode, routes, timers


async def run(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse()


SCIM = Route(("{directory}", "scim", "{*path}"), frozenset(), run)
REST = Route(("{*path}",), frozenset(), run)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/demo/scim/Users/1", {"directory": "demo", "path": "Users/1"}),
        ("/demo/SCIM/Users/", {"directory": "demo", "path": "Users/"}),
        ("/demo/scim", {"directory": "demo"}),
        ("/demo/scim/", {"directory": "demo"}),
        ("/demo/scim/.search", {"directory": "demo", "path": ".search"}),
        ("/demo/scim//Users", None),  # an empty segment before the catch-all
        ("/demo/Users", None),
        ("/", None),
    ],
)
def test_a_template_matches_as_in_the_host(path: str, values: dict[str, str] | None) -> None:
    assert SCIM.match("GET", path) == values


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/", {}),
        ("/a//b/", {"path": "a//b/"}),
        ("//a", None),  # nothing of ours sees a path that begins so
    ],
)
def test_a_catch_all_matches_as_in_the_host(path: str, values: dict[str, str] | None) -> None:
    assert REST.match("GET", path) == values


def test_the_method_is_part_of_the_match() -> None:
    only_get = Route(("{*path}",), frozenset({"GET"}), run)
    assert only_get.match("GET", "/a") is not None
    assert only_get.match("PUT", "/a") is None


def test_routes_come_in_the_order_of_function_names() -> None:
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    for name, route, methods in (("b", "{*path}", None), ("a", "x/{id}", ["GET", "PUT"])):
        app.function_name(name)(app.route(route=route, methods=methods)(run))
    first, second = routes(app.get_functions())
    assert (first.template, first.methods) == (("x", "{id}"), frozenset({"GET", "PUT"}))
    assert (second.template, second.methods) == (("{*path}",), frozenset())


@pytest.mark.parametrize(
    ("raw", "decoded", "url"),
    [
        ("/a/%41%2Fb", "/a/A%2Fb", "/a/A%2Fb"),
        ("/caf%C3%A9 %20", "/café  ", "/caf%C3%A9%20%20"),
        ("/a%FFb", "/a%FFb", "/a%FFb"),
        ("/a/./b/../c/%2E%2E/d", "/a/d", "/a/d"),
        ("/a:b@c/(d)", "/a:b@c/(d)", "/a:b@c/(d)"),
        ("/a%2541", "/a%41", "/a%41"),  # decoded once, and not told from an escape any more
        ("//a", "//a", "//a"),
    ],
)
def test_the_url_is_decoded_once_and_encoded_anew(raw: str, decoded: str, url: str) -> None:
    assert decode(raw) == decoded
    assert encode(decoded) == url


async def test_timers_run_again_and_again_as_long_as_the_server() -> None:
    """Whatever their schedule says; one that fails runs again."""
    runs: list[bool] = []
    three = asyncio.Event()

    async def tick(clock: func.TimerRequest) -> None:
        runs.append(clock.past_due)
        if len(runs) == 3:
            three.set()
        raise OSError("the store is down")

    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.function_name("tick")(app.timer_trigger(arg_name="clock", schedule="0 0 0 1 1 *")(tick))
    app.function_name("rest")(app.route(route="{*path}")(run))
    runner = web.AppRunner(application(app, timer_seconds=0.01))
    await runner.setup()
    async with asyncio.timeout(10):
        await three.wait()
    await runner.cleanup()
    done = len(runs)
    await asyncio.sleep(0.05)
    assert runs == [False] * done


def test_timers_are_told_from_routes() -> None:
    async def tick(clock: func.TimerRequest) -> None:
        return None

    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
    app.function_name("tick")(app.timer_trigger(arg_name="clock", schedule="0 0 * * * *")(tick))
    app.function_name("rest")(app.route(route="{*path}")(run))
    functions = app.get_functions()
    assert timers(functions) == [Timer("tick", "clock", tick)]
    assert [each.run for each in routes(functions)] == [run]
