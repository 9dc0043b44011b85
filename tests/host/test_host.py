"""The local stand-in for the Functions host does to a request what the host does."""

import azure.functions as func
import pytest

from scim.cli.host import Route, decode, encode, routes


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
    first, second = routes(app)
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
