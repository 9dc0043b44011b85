"""The app as a deployment holds it: triggers, host.json, headers, what a start imports."""

import importlib.util
import json
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func
import pytest
from azure.functions.http import HttpResponseConverter
from azure.functions.timer import TimerRequest

from scim.cli.host import arguments, routes
from scim.credentials import issue
from scim.directory import Directory
from scim.http import Response
from scim.journal import Entry
from scim.purging import SECONDS
from scim.settings import azurite_connection
from storage.client import LONGEST_CALL
from tests.host.serving import environment

ROOT = Path(__file__).parents[2]
OPEN = frozenset({"healthz", "readyz"})  # what answers without a token
USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann@example.com"}


def read(name: str) -> Any:
    return json.loads((ROOT / name).read_text("utf-8"))


def sent(answer: func.HttpResponse) -> tuple[int, dict[str, str], bytes]:
    """What the worker tells the host: status, headers in lower case, body."""
    value = HttpResponseConverter.encode(answer, expected_type=None).value
    headers = {name.lower(): datum.value for name, datum in value["headers"].items()}
    return int(value["status_code"].value), headers, value["body"].value


async def ask(
    function: func.Function, method: str, path: str, token: str = "", document: Any = None
) -> tuple[int, dict[str, str], Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers["Content-Type"] = "application/scim+json"
    body = b"" if document is None else json.dumps(document).encode()
    url = f"https://scim.example.com{path}"
    request = func.HttpRequest(method, url, headers=headers, body=body)
    run = function.get_user_function()
    status, shown, answer = sent(await run(**arguments(run, request, "invocation-1")))
    return status, shown, json.loads(answer) if answer else None


def test_every_path_and_method_reaches_the_server(functions: dict[str, func.Function]) -> None:
    triggers = {name: each.get_trigger() for name, each in functions.items()}
    told = {name: each.get_dict_repr() for name, each in triggers.items() if each}
    assert {name: each["route"] for name, each in told.items()} == {
        "healthz": "healthz",
        "readyz": "readyz",
        "scim": "{directory}/scim/{*path}",
        "unknown": "{*path}",
    }
    # The host's order: literal ones first, and last of all what takes every path and method.
    assert sorted(told) == ["healthz", "readyz", "scim", "unknown"]
    for name, each in told.items():
        assert each["type"] == "httpTrigger"
        assert each["authLevel"] == func.AuthLevel.ANONYMOUS
        methods = sorted(str(method.value) for method in each.get("methods", ()))
        # One that is listed leaves the others to `unknown`, where they would be an empty 404.
        assert methods == (["GET", "HEAD"] if name in OPEN else [])


async def test_the_timer_purges_and_ends_in_time(
    function_app: ModuleType, indexed: dict[str, func.Function]
) -> None:
    """Every hour, not when an instance starts, and within the time that the host gives it."""
    assert sorted(indexed) == ["backup", "healthz", "purge", "readyz", "scim", "unknown"]
    purge = indexed["purge"]
    trigger = purge.get_trigger()
    assert trigger is not None
    told = trigger.get_dict_repr()
    assert (told["type"], told["runOnStartup"], told["useMonitor"]) == ("timerTrigger", False, True)
    seconds, minute, *rest = told["schedule"].split()
    assert (seconds, rest) == ("0", ["*", "*", "*", "*"])
    assert minute.isdecimal()
    assert read("host.json")["functionTimeout"] == "00:04:00"
    assert SECONDS + LONGEST_CALL < 4 * 60
    storage = function_app.service.storage
    directory = Directory(id="timertest", name="timed")
    await storage.registry.add_directory(directory)
    old = Entry("0", "2026-01-01T00:00:00Z", "refuse")
    await storage.repository(directory).record(old)
    run = purge.get_user_function()
    assert await run(**{told["name"]: TimerRequest(past_due=True)}) is None
    assert [each async for each in storage.repository(directory).entries()] == []


def test_the_host_is_told_what_the_app_relies_on() -> None:
    host = read("host.json")
    assert host["version"] == "2.0"
    http = host["extensions"]["http"]
    assert http["routePrefix"] == ""
    assert http["dynamicThrottlesEnabled"] is False  # its 429 is empty and has no Retry-After
    # With OpenTelemetry the host's exporter drops the lines of requests beyond five a second.
    assert "telemetryMode" not in host
    insights = host["logging"]["applicationInsights"]
    assert "Trace" in insights["samplingSettings"]["excludedTypes"]  # each line counts
    assert insights["enableDependencyTracking"] is False  # URLs of tables hold keys of rows
    assert host["logging"]["logLevel"]["Function"] == "Warning"


def test_the_example_of_local_settings_starts_the_app() -> None:
    from scim.settings import Settings, azurite_connection

    example = read("local.settings.json.example")
    values = example["Values"]
    assert example["IsEncrypted"] is False
    assert values["FUNCTIONS_WORKER_RUNTIME"] == "python"
    assert values["AzureWebJobsDisableHomepage"] == "true"
    assert all(isinstance(each, str) for each in values.values())
    assert Settings.read(values).storage.get_secret_value() == azurite_connection()


async def test_an_unknown_path_without_a_token_is_a_scim_401(
    functions: dict[str, func.Function],
) -> None:
    for name in functions.keys() - OPEN:
        status, headers, body = await ask(functions[name], "GET", "/no/such/path")
        assert status == 401
        assert headers["www-authenticate"].startswith("Bearer")
        assert headers["content-type"] == "application/scim+json"
        assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


@pytest.mark.parametrize("name", sorted(OPEN))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_anybody_may_ask_whether_it_works(
    functions: dict[str, func.Function], name: str, method: str
) -> None:
    """200 without a token, a body or anything to learn."""
    status, headers, body = await ask(functions[name], method, f"/{name}")
    assert (status, body) == (200, None)
    assert headers == {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-type": "",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, "/readyz") for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")),
        ("GET", "/readyz/scim/Users"),
        ("GET", "/healthz/scim"),
        ("GET", "/readyz/x"),
        ("GET", "/readyz//"),
    ],
)
async def test_nothing_else_there_answers_without_a_token(
    functions: dict[str, func.Function], method: str, path: str
) -> None:
    """The host hands it on to the server: the same 401 as anywhere."""
    found = next(each for each in routes(list(functions.values())) if each.match(method, path))
    [name] = [each for each in functions if functions[each].get_user_function() is found.run]
    assert name not in OPEN
    status, headers, body = await ask(functions[name], method, path)
    assert (status, body["status"]) == (401, "401")
    assert headers["www-authenticate"].startswith("Bearer")


async def test_a_store_that_is_away_is_a_503_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process lives on, and says when to ask again; not which store, nor what it said."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("SCIM_STORAGE", azurite_connection(port))
    monkeypatch.setenv("SCIM_PEPPER", "not-a-secret-" * 3)
    described = importlib.util.spec_from_file_location("another_app", ROOT / "function_app.py")
    assert described is not None
    assert described.loader is not None
    module = importlib.util.module_from_spec(described)
    described.loader.exec_module(module)
    found = {str(each.get_function_name()): each for each in module.app.get_functions()}
    status, headers, body = await ask(found["readyz"], "GET", "/readyz")
    assert (status, body) == (503, None)
    assert headers["retry-after"] == "5"
    assert (await ask(found["healthz"], "GET", "/healthz"))[0] == 200
    await module.service.storage.close()


async def test_a_request_goes_through_the_trigger_and_back(
    function_app: ModuleType, functions: dict[str, func.Function]
) -> None:
    service = function_app.service
    pepper = service.settings.pepper.get_secret_value()
    token, record = issue("hosttest", pepper=pepper, now=datetime.now(UTC))
    await service.storage.registry.add_directory(Directory(id="hosttest", name="hosted"))
    await service.storage.registry.add_credential(record)
    users = "/hosted/scim/Users"

    status, headers, body = await ask(functions["scim"], "POST", users, token, USER)
    assert status == 201
    assert headers["content-type"] == "application/scim+json"
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert headers["location"] == f"https://scim.example.com{users}/{body['id']}"
    assert headers["etag"] == body["meta"]["version"]

    place = f"{users}/{body['id']}"
    status, headers, nothing = await ask(functions["scim"], "DELETE", place, token)
    assert (status, nothing) == (204, None)
    assert headers["content-type"] == ""  # which the host leaves out

    # With the empty segment that Entra joins in, the host comes through the other route.
    doubled = f"/hosted/scim//Users/{place.rpartition('/')[2]}"
    status, _, body = await ask(functions["unknown"], "GET", doubled, token)
    assert status == 404
    assert body["status"] == "404"


def test_a_text_answer_is_never_made_up(function_app: ModuleType) -> None:
    status, headers, body = sent(function_app.write(Response(204, None, {"ETag": 'W/"1"'})))
    assert (status, body) == (204, b"")
    assert headers == {"etag": 'W/"1"', "content-type": ""}
    status, headers, body = sent(function_app.write(Response(200, {"a": "é"})))
    assert (status, body) == (200, b'{"a":"\xc3\xa9"}')
    assert headers == {"content-type": "application/scim+json"}


def test_a_request_keeps_its_url_headers_and_body(function_app: ModuleType) -> None:
    url = "https://scim.example.com/a/scim/Users?count=&filter=id+eq+%22x%22"
    read = function_app.read(func.HttpRequest("GET", url, headers={"If-Match": "x"}, body=b"\xff"))
    assert (read.method, read.url, read.body) == ("GET", url, b"\xff")
    assert dict(read.headers) == {"if-match": "x"}
    assert read.query == {"count": "", "filter": 'id eq "x"'}


def test_a_start_imports_nothing_that_it_may_not_need() -> None:
    """Cold start is a feature: azure.identity alone costs 200 ms."""
    code = "import function_app, sys; print(*sorted(sys.modules))"
    settings = {"SCIM_STORAGE": "memory", "SCIM_PEPPER": "not-a-secret-" * 3}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=settings, capture_output=True, check=True
    )
    loaded = set(done.stdout.decode().split())
    assert not {"azure.identity", "azure.identity.aio", "msal", "scim.cli", "pytest"} & loaded


@pytest.mark.parametrize(
    ("pepper", "says"),
    [
        ("", "SCIM_PEPPER is not set"),
        ("too-short-to-be-safe", "at least 32 bytes"),
        ("@Microsoft.KeyVault(SecretUri=https://vault.example.com/secrets/p)", "not resolved"),
    ],
)
def test_the_app_does_not_start_without_its_pepper(pepper: str, says: str) -> None:
    """Fail closed: the worker's import fails with a sentence, which doesn't hold the value."""
    settings = {"SCIM_STORAGE": "memory", "SCIM_PEPPER": pepper}
    done = subprocess.run(
        [sys.executable, "-c", "import function_app"],
        cwd=ROOT,
        env={**environment(), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert says in done.stderr
    assert not pepper or pepper not in done.stderr
