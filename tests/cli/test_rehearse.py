"""`rehearse`: against the server itself, over HTTP, and against what is no SCIM endpoint at all."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scim.cli.rehearsal.acts import ACTS
from tests.cli.conftest import Run
from tests.host.serving import ask, environment, serving
from tests.service import PEPPER

FEW = ("--users", "5", "--groups", "2", "--rate", "0")
TOKEN = "scim-rehearsal-token-0123456789"


@pytest.fixture(scope="module")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server in memory: its Tenant URL and token."""
    with serving(tmp_path_factory.mktemp("rehearsed"), "--storage", "memory") as (_, found):
        yield found


@pytest.fixture
def token(access: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIM_TOKEN", access["secretToken"])


def held(access: Any) -> int:
    """How many users and groups there are."""
    answers = [ask(access, "GET", path) for path in ("/Users", "/Groups")]
    return sum(int(body["totalResults"]) for _, body in answers)


@pytest.mark.usefixtures("token")
@pytest.mark.parametrize("flag", ["", "?aadOptscim062020"])
def test_this_server_passes_and_nothing_is_left(
    run: Run, access: Any, tmp_path: Path, flag: str
) -> None:
    """In both ways to write a PATCH; the report is one page without the token."""
    url = access["tenantUrl"] + flag
    done = run("rehearse", url, *FEW, "--report", "report.html", "--json").json
    assert done["passed"] is True
    assert [each["id"] for each in done["results"] if each["outcome"] == "failed"] == []
    assert {each.id for each in ACTS} <= {each["id"] for each in done["results"]}
    assert done["dialect"] == ("aadOptscim062020" if flag else "default")
    assert done["cleanUp"]["left"] == []
    assert done["cleanUp"]["removed"] > 0
    assert held(access) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    HTMLParser().feed(page)
    assert "Ready for Entra" in page
    assert access["secretToken"] not in page + json.dumps(done)


@pytest.mark.usefixtures("token")
def test_one_act_is_chosen_with_those_before_it(run: Run, access: Any, tmp_path: Path) -> None:
    chosen = ("--only", "c3", "--report", "report.json", "--seed", "7")
    done = run("rehearse", access["tenantUrl"], *FEW, *chosen)
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert [each["id"] for each in told["results"]] == ["C1", "C2", "C3"]
    assert told["seed"] == 7
    assert "C3  passed" in done.out
    assert "Ready for Entra" in done.out


@pytest.fixture
def client(run: Run, azurite: str, name: str, tmp_path: Path) -> Iterator[Any]:
    """A server over Table Storage with a client of its token endpoint."""
    run("directory", "add", name)
    made = run("client", "add", name, "--json").json
    arguments = ("--storage", azurite, "--directory", name)
    with serving(tmp_path, *arguments, SCIM_PEPPER=PEPPER.decode()) as (_, access):
        yield {**access, **made, "tenantUrl": access["tenantUrl"]}


def test_this_server_passes_by_client_credentials(
    run: Run, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token endpoint is beside the Tenant URL; neither secret nor access token is told."""
    monkeypatch.setenv("SCIM_CLIENT_SECRET", client["clientSecret"])
    options = ("--client-id", client["clientId"], "--report", "report.json", "--json")
    only = ("--only", "R-07", "--only", "E-02", "--only", "E-15", "--only", "C2")
    done = run("rehearse", client["tenantUrl"], *FEW, *options, *only)
    assert done.json["passed"] is True
    outcomes = {each["id"]: each["outcome"] for each in done.json["results"]}
    assert outcomes == dict.fromkeys(("R-07", "E-02", "E-15", "C1", "C2"), "passed")
    [token] = [each for each in done.json["results"] if each["id"] == "R-07"]
    assert "(token)" in json.dumps(token["evidence"])
    written = (tmp_path / "report.json").read_text("utf-8")
    assert client["clientSecret"] not in done.out + done.err + written
    assert "eyJ" not in written


def test_a_wrong_client_secret_is_a_finding(
    run: Run, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_CLIENT_SECRET", "wrong")
    endpoint = f"{client['tenantUrl'].removesuffix('/scim')}/oauth2/token"
    options = ("--client-id", client["clientId"], "--token-endpoint", endpoint)
    only = ("--only", "R-07", "--only", "E-02")
    done = run("rehearse", client["tenantUrl"], *FEW, *options, *only, status=1)
    assert "R-07 The token endpoint: failed" in done.out
    assert "denied: the token endpoint answered 401" in done.out
    assert "Enter the client's id and secret anew" in done.out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--token-endpoint", "https://x.example.com/token"), "goes with --client-id"),
        (("--client-id", "x", "--token", "y"), "not both"),
        (("--client-id", "x", "--token-endpoint", "http://x.example.com/token"), "https://"),
        (("--client-id", "x"), "SCIM_CLIENT_SECRET"),
    ],
)
def test_what_can_not_be_a_client_is_said(run: Run, options: tuple[str, ...], said: str) -> None:
    assert said in run("rehearse", "https://x.example.com/scim", *options, status=2).err
    elsewhere = ("rehearse", "https://x.example.com/v2", "--client-id", "x")
    assert "--token-endpoint" in run(*elsewhere, status=2).err


def test_a_wrong_token_is_a_finding(run: Run, access: Any) -> None:
    """A token in the options is taken, and warned of."""
    done = run("rehearse", access["tenantUrl"], *FEW, "--token", TOKEN, "--only", "C2", status=1)
    assert "SCIM_TOKEN" in done.err
    assert "C1 Test connection: failed" in done.out
    assert "401" in done.out
    assert "Not ready for Entra" in done.out
    assert TOKEN not in done.out + done.err


Reply = Callable[[BaseHTTPRequestHandler], None]


def answer(status: int, body: bytes, type: str = "application/scim+json", **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": type, **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return reply


def close(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def hang(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)
    handler.close_connection = True


def babble(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"hello there\r\n\r\n")
    handler.close_connection = True


@contextmanager
def replying(reply: Reply) -> Iterator[str]:
    """Run a server that gives one reply to everything."""

    class Handler(BaseHTTPRequestHandler):
        def serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            reply(self)

        do_GET = do_POST = do_PATCH = do_DELETE = serve  # noqa: N815 - the library's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/scim"
        finally:
            server.shutdown()
            thread.join()


LIST = b'{"schemas":[],"totalResults":1,"Resources":[7]}'
REPLIES: dict[str, tuple[Reply, str]] = {
    "hangs": (hang, "no answer"),
    "HTML": (answer(200, b"<script>alert(1)</script>", "text/html"), "no JSON"),
    "redirects": (answer(302, b"", Location="https://login.example.com/"), "302"),
    "closes": (close, "connection"),
    "babbles": (babble, "HTTP"),
    "invalid JSON": (answer(200, b'{"totalResults": 0,'), "JSON"),
    "other JSON": (answer(200, b'"yes"'), "JSON object"),
    "deep JSON": (answer(200, b"[" * 100_000), "JSON"),
    "odd list": (answer(200, LIST), "object"),
    "wrong content type": (answer(200, b"\xff\xfe\x00", "image/png"), "JSON"),
    "bad encoding": (answer(200, b"x", Content_Encoding="gzip"), "JSON"),
    "401": (answer(401, b""), "401"),
    "404": (answer(404, b"not found", "text/plain"), "404"),
    "429": (answer(429, b"", Retry_After="1"), "429"),
    "500": (answer(500, b"Traceback", "text/plain"), "500"),
}


@pytest.mark.parametrize("kind", REPLIES)
def test_what_is_no_endpoint_is_a_finding_with_its_evidence(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    """Never a traceback; the report is written, and can be read."""
    monkeypatch.setenv("SCIM_TOKEN", TOKEN)
    reply, said = REPLIES[kind]
    options = ("--rate", "0", "--timeout", "0.3", "--report", "report.html", "--json")
    with replying(reply) as url:
        done = run("rehearse", url, *options, status=1)
    assert not done.json["passed"]
    first = next(each for each in done.json["results"] if each["id"] == "C1")
    assert first["outcome"] == "failed"
    # Where nothing answers, the first checks say how, and the others that nothing did.
    assert any(said in each["advice"] for each in done.json["results"])
    assert first["evidence"]
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert TOKEN not in page


def test_nobody_there_is_a_finding(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIM_TOKEN", TOKEN)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/scim"
    assert "no connection" in run("rehearse", url, "--rate", "0", status=1).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("http://scim.example.com/scim",), "https://"),
        (("ftp://scim.example.com",), "https://"),
        (("https://u:p@scim.example.com/scim",), "password"),
        (("https://scim.example.com/scim?x=1",), "query"),
        (("https://scim.example.com/scim", "--dialect", "x"), "aadOptscim062020"),
        (("https://scim.example.com/scim", "--preset", "x"), "default"),
        (("https://scim.example.com/scim", "--only", "x9"), "x9"),
        (("https://scim.example.com/scim", "--report", "report.txt"), ".html"),
        (("https://scim.example.com/scim", "--report", "nowhere/report.html"), "nowhere"),
        (("https://scim.example.com/scim", "--users", "0"), "--users"),
        (("https://scim.example.com/scim", "--token", "two words"), "token"),
        (("https://scim.example.com/scim",), "SCIM_TOKEN"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    run: Run, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.delenv("SCIM_TOKEN", raising=False)
    err = run("rehearse", *arguments, status=2).err
    assert said in err
    assert "two words" not in err


def test_a_mapping_that_can_not_be_read_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text('{"objects": [{}]}')
    url = "https://scim.example.com/scim"
    assert "objects.0" in run("rehearse", url, "--mapping", "map.json", status=1).err
    both = ("--mapping", "map.json", "--preset", "rfc")
    assert "not both" in run("rehearse", url, *both, status=2).err


def test_ctrl_c_cleans_up(access: Any, tmp_path: Path) -> None:
    """It ends with 130, writes what was found so far, and leaves nothing."""
    arguments = ("rehearse", access["tenantUrl"], "--users", "300", "--report", "report.json")
    with subprocess.Popen(
        [sys.executable, "-m", "scim", *arguments, "--rate", "100", "--only", "C2"],
        cwd=tmp_path,
        env=environment(SCIM_TOKEN=access["secretToken"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while held(access) < 20 and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "Interrupted" in out
    assert held(access) == 0
    told = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert told["interrupted"] is True
    assert told["cleanUp"]["removed"] >= 20
    assert [each["id"] for each in told["results"]] == ["C1"]


def test_a_second_ctrl_c_names_what_is_left(access: Any, tmp_path: Path) -> None:
    arguments = ("rehearse", access["tenantUrl"], "--users", "300", "--only", "C2", "--json")
    with subprocess.Popen(
        [sys.executable, "-m", "scim", *arguments, "--rate", "50"],
        cwd=tmp_path,
        env=environment(SCIM_TOKEN=access["secretToken"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        deadline = time.monotonic() + 60
        while held(access) < 100 and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert "interrupted" in process.stderr.readline()
        time.sleep(0.2)  # of the two seconds that it takes at this rate
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    left = [each["what"] for each in json.loads(out)["cleanUp"]["left"]]
    _, there = ask(access, "GET", "/Users?count=1000")
    assert there["Resources"]
    for each in there["Resources"]:
        assert f"/Users/{each['id']}" in left or f"/Users: {each['userName']}" in left
        ask(access, "DELETE", f"/Users/{each['id']}")
    assert held(access) == 0
