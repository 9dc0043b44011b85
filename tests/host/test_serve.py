"""`python -m scim serve`, as a person or a test starts it."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.host.serving import ask, command, environment, serving

USER = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann@example.com"}


def failing(folder: Path, *arguments: str, **changes: str) -> str:
    """Start a server that can't start; gives what it says."""
    done = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def azurite_port(folder: Path) -> int:
    first = (folder / ".local/azurite.log").read_text().splitlines()[0]
    return int(first.rpartition(":")[2])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_serves_stops_cleanly_and_keeps_its_data(tmp_path: Path) -> None:
    with serving(tmp_path, "--directory", "one", "--directory", "two") as (process, access):
        assert access["directory"] == "one"
        assert access["tenantUrl"].endswith("/one/scim")
        status, user = ask(access, "POST", "/Users", USER)
        assert status == 201
        # The same folder for a second server would be two Azurites on one file.
        assert "another server uses the data" in failing(tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout is not None
        (rest,) = process.stdout.read().splitlines()  # one line per directory, nothing else
        assert json.loads(rest)["directory"] == "two"
    assert not listens(azurite_port(tmp_path))
    for secret in ("pepper", "signing-key"):
        assert (tmp_path / ".local" / secret).stat().st_mode & 0o777 == 0o600

    with serving(tmp_path, "--directory", "one") as (process, again):
        assert ask(again, "GET", f"/Users/{user['id']}")[0] == 200
        access["tenantUrl"] = again["tenantUrl"]  # an earlier token lives on
        assert ask(access, "GET", f"/Users/{user['id']}")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


def test_azurite_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path) as (process, _):
        port = azurite_port(tmp_path)
        assert listens(port)
        process.kill()
    deadline = time.monotonic() + 15
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not listens(port)


def test_what_is_missing_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = failing(tmp_path, "--storage", "memory", "--port", port)
    assert f"127.0.0.1:{port}" in said
    assert "--port" in said
    assert "Node.js" in failing(tmp_path, PATH=str(tmp_path))
    assert "reserved" in failing(tmp_path, "--directory", "healthz")
    assert "a-z, 0-9" in failing(tmp_path, "--directory", "No_Name")
    assert "there are andmoney-advisors" in failing(tmp_path, "--directory", "demo=nope")
    assert "--storage can't be used" in failing(tmp_path, "--storage", "azurit")
    assert "SCIM_PEPPER" in failing(tmp_path, "--storage", "memory", SCIM_PEPPER="short")
    (tmp_path / ".local").mkdir(exist_ok=True)
    (tmp_path / ".local/pepper").write_text("")
    assert ".local/pepper is damaged" in failing(tmp_path, "--storage", "memory")


def test_it_tells_anybody_whether_it_works(tmp_path: Path) -> None:
    """Without a token, by GET and HEAD, in any letter case; by nothing else."""
    with serving(tmp_path, "--storage", "memory") as (_, access):
        host = urlsplit(access["tenantUrl"]).netloc
        for method, path, status in (
            ("GET", "/healthz", 200),
            ("HEAD", "/healthz", 200),
            ("GET", "/readyz", 200),
            ("HEAD", "/ReadyZ/", 200),
            ("POST", "/readyz", 401),
            ("GET", "/readyz/x", 401),
        ):
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request(method, path)
            answer = connection.getresponse()
            assert (answer.status, answer.getheader("Cache-Control")) == (status, "no-store")
            assert bool(answer.read()) == (status == 401)
            connection.close()


def test_a_request_that_is_no_http_is_not_quoted_in_the_log(tmp_path: Path) -> None:
    """A token in a header with a control character, or in a query, is in no line of it."""
    with serving(tmp_path, "--storage", "memory") as (_, access):
        url, token = urlsplit(access["tenantUrl"]), access["secretToken"]
        for broken in (
            f"GET {url.path}/Users HTTP/1.1\r\nAuthorization: Bearer {token}\x01\r\n\r\n",
            f"GET {url.path}/Users?access_token={token}\x01 HTTP/1.1\r\n\r\n",
        ):
            with socket.create_connection((url.hostname, url.port), timeout=60) as connection:
                connection.sendall(broken.encode())
                assert connection.recv(100).startswith(b"HTTP/1.0 400")
    log = (tmp_path / "server.log").read_text("utf-8")
    assert token not in log
    assert log.count("is no HTTP") == 2


def say(folder: Path, *arguments: str, **changes: str) -> Any:
    """Run another command in the folder of a server; gives its JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "scim", *arguments, "--json"],
        cwd=folder,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_directories_of_presets_are_made_and_others_left_as_they_are(tmp_path: Path) -> None:
    """NAME=PRESET makes what is missing; one of another preset serves on, with a warning."""
    with serving(tmp_path, "--directory", "rooms=andmoney-rooms") as (_, access):
        assert access["directory"] == "rooms"
        assert ask(access, "GET", "/Groups")[0] == 404  # the preset has no groups
    with serving(tmp_path, "--directory", "rooms=rfc") as (_, access):
        assert ask(access, "GET", "/Users")[0] == 200
        assert ask(access, "GET", "/Groups")[0] == 404
    logged = (tmp_path / "server.log").read_text()
    assert "rooms has the preset andmoney-rooms, not the preset rfc" in logged


def test_other_commands_work_on_a_running_servers_data(tmp_path: Path) -> None:
    """They find its Azurite by a file of its owner's alone, which goes with it."""
    word = tmp_path / ".local/azurite.json"
    with serving(tmp_path, "--directory", "one") as (process, access):
        assert word.stat().st_mode & 0o777 == 0o600
        ask(access, "POST", "/Users", USER)
        assert say(tmp_path, "directory", "show", "one")["resources"]["User"]["total"] == 1
        made = say(tmp_path, "directory", "add", "two")
        assert made["tenantUrl"] == access["tenantUrl"].replace("/one/", "/two/")
        assert ask(made, "GET", "/Users")[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert not word.exists()
    # Without a server, a command runs Azurite for itself; what a killed one left is passed over.
    word.write_text(json.dumps({"connection": "TableEndpoint=http://127.0.0.1:1/x", "url": "x"}))
    names = [each["name"] for each in say(tmp_path, "directory", "list")]
    assert names == ["one", "two"]
    assert len(say(tmp_path, "user", "list", "one")) == 1


def test_a_server_with_another_pepper_does_not_start(tmp_path: Path) -> None:
    """Its tokens would be worth nothing beside those that are there."""
    with serving(tmp_path) as (process, _):
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert "pepper" in failing(tmp_path, SCIM_PEPPER="another-pepper-" * 3)
