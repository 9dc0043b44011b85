"""What goes over the wire: queries, headers, logs and their replay, pages, HTTP itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from scim.cli.mappings import mapping
from scim.cli.simulator.client import TenantUrl, http_send
from scim.cli.simulator.discovery import discover
from scim.cli.simulator.exchanges import Log, read_log, replay
from scim.cli.simulator.failure import Failure
from scim.cli.simulator.generating import generate
from scim.cli.simulator.job import Job
from scim.cli.simulator.pacing import paced, side_by_side
from scim.cli.simulator.state import differences, expected, observed
from scim.cli.simulator.wire import (
    Form,
    NoAnswer,
    Received,
    Sent,
    encode_filter,
    encode_terms,
    query,
    request,
)
from tests.idp.serving import front
from tests.simulator.serving import open_preset, sending, staged

NASTY = 'A "B" \\ + é & [x]'

# --- queries ---


@pytest.mark.parametrize(
    ("form", "path", "value", "written"),
    [
        ("library", "userName", "ada@example.test", "userName+eq+%22ada%40example.test%22"),
        ("validator", "userName", "ada@example.test", 'userName+eq+"ada%40example.test"'),
        ("generic", "userName", "a b", "userName%20eq%20%22a%20b%22"),
        ("documented", "userName", "ada@example.test", 'userName%20eq%20"ada@example.test"'),
        ("bare", "externalId", "jyoung", "externalId%20eq%20jyoung"),
        ("library", "displayName", "EDU All personal", "displayName+eq+%22EDU+All+personal%22"),
        (
            "library",
            'emails[type eq "work"].value',
            "a+b@c",
            "emails%5btype+eq+%22work%22%5d.value+eq+%22a%2bb%40c%22",
        ),
        ("library", "displayName", 'A "B"', 'displayName+eq+%22A+"B"%22'),
        ("library", "displayName", "100% (é)", "displayName+eq+%22100%+(%C3%A9)%22"),
    ],
)
def test_a_filter_is_written_as_it_was_seen(
    form: Form, path: str, value: str, written: str
) -> None:
    assert encode_filter(path, value, form) == written


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_every_form_but_the_librarys_says_the_same(value: str) -> None:
    """The library doesn't encode `%` and quotes; all others decode to a comparison."""
    wanted = f"userName eq {json.dumps(value, ensure_ascii=False)}"
    read = parse_qs(query(filter=encode_filter("userName", value, "generic")))
    assert read == {"filter": [wanted]}
    written = encode_filter("userName", value)
    assert all("!" <= each <= "~" for each in written)
    assert "&" not in written
    assert "#" not in written
    if "%" not in value:
        assert parse_qs(f"filter={written}") == {"filter": [f'userName eq "{value}"']}


def test_a_query_has_the_librarys_order() -> None:
    terms = encode_terms((("id", "1"), ("manager", "2")))
    assert query(filter=terms, attributes="id") == (
        "attributes=id&filter=id+eq+%221%22+and+manager+eq+%222%22"
    )
    assert query(count=5, startIndex=1) == "startIndex=1&count=5"


def test_a_request_says_no_more_than_entra_does() -> None:
    assert dict(request("GET", "/Users").headers) == {"ADSCIMVersion": "5.0"}
    sent = request("POST", "/Users", body={"a": "é"})
    assert sent.headers["Content-Type"] == "application/scim+json; charset=utf-8"
    assert sent.content == '{"a": "é"}'.encode()
    assert "Accept" in request("GET", "/Users", accept=True).headers


@pytest.mark.parametrize("form", ["library", "validator", "generic"])
async def test_a_job_comes_to_rest_with_each_encoding(form: Form) -> None:
    stage = await staged(generate(20, 8, seed=2, members=(0, 3)), form=form)
    assert (await stage.cycle()).successful
    stage.job.restart()
    report = await stage.cycle()
    assert (report.successful, report.writes) == (True, 0)


# --- the log ---


async def test_a_log_is_saved_read_and_replayed(tmp_path: Path) -> None:
    """Against an empty directory with other ids the same requests give the same statuses."""
    source = generate(12, 3, seed=4, members=(2, 5))
    stage = await staged(source)
    await stage.cycle()
    source.update(source.users[0], displayName=NASTY)
    source.delete(source.users[1])
    source.purge(source.users[2])
    await stage.cycle()
    stage.log.save(tmp_path / "log.jsonl")
    assert stage.client.token not in (tmp_path / "log.jsonl").read_text("utf-8")
    read = read_log(tmp_path / "log.jsonl")
    assert read == list(stage.log)
    other = await open_preset("default")
    again = await replay(read, sending(other))
    assert [each.recorded.target for each in again if not each.same] == []
    before, after = [
        (await client.get("/Users?count=50")).body["Resources"] for client in (stage.client, other)
    ]
    names = [sorted(each["displayName"] for each in users) for users in (before, after)]
    assert names[0] == names[1]
    assert {each["id"] for each in before}.isdisjoint(each["id"] for each in after)


async def test_a_token_that_is_repeated_is_left_out_of_the_log() -> None:
    async def echo(sent: Sent) -> Received:
        return Received(200, {}, b"<p>Bearer s3cret</p>")

    log = Log(echo, secret="s3cret", most=2)
    for _ in range(3):
        await log(request("GET", "/Users"))
    assert len(log) == 2
    assert log.last.answer == "<p>Bearer (token)</p>"


async def test_silence_is_in_the_log() -> None:
    async def silent(sent: Sent) -> Received:
        raise NoAnswer("timeout", "no answer within 60 seconds")

    log = Log(silent)
    with pytest.raises(NoAnswer):
        await log(request("GET", "/Users"))
    assert (log.last.status, log.last.silence) == (None, "timeout: no answer within 60 seconds")
    (again,) = await replay(log, silent)
    assert again.same


def test_a_file_that_is_no_log_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"method": "GET"}\n', "utf-8")
    with pytest.raises(ValueError, match="line 1"):
        read_log(tmp_path / "log.jsonl")


# --- pacing ---


async def test_requests_are_paced() -> None:
    now, begun = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def send(sent: Sent) -> Received:
        begun.append(round(now, 3))
        return Received(200)

    slow = paced(send, 4, clock=lambda: now, sleep=sleep)
    for _ in range(4):
        await slow(request("GET", "/Users"))
    assert begun == [0, 0.25, 0.5, 0.75]


async def test_so_many_things_are_done_at_once_and_none_after_a_failure() -> None:
    running = most = done = 0

    async def do(number: int) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        done += 1
        if number == 20:
            raise ValueError("the twentieth")

    with pytest.raises(ValueError, match="twentieth"):
        await side_by_side(range(1000), do, 7)
    assert most == 7
    assert done < 40


# --- discovery ---


async def test_discovery_reads_everybody_page_by_page() -> None:
    stage = await staged(generate(25, 3, seed=1, members=(1, 2)))
    await stage.cycle()
    users = stage.job.mapping.objects[0]
    stage.log.clear()
    found = [each["id"] async for each in discover(stage.job.service, users, 10)]
    assert len(set(found)) == 25
    assert [each.target for each in stage.log] == [
        f"/Users?startIndex={start}&count=10" for start in (1, 11, 21)
    ]


@pytest.mark.parametrize(
    "wrong", ["startIndex", "totalResults", "repeated"], ids=lambda each: f"wrong-{each}"
)
async def test_pages_that_do_not_add_up_are_found(wrong: str) -> None:
    stage = await staged(generate(5, 0, seed=1))
    await stage.cycle()

    async def bent(sent: Sent) -> Received:
        received = await sending(stage.client)(sent)
        body = received.json
        if wrong == "startIndex":
            body["startIndex"] = 7
        elif wrong == "totalResults":
            body["totalResults"] += 3
        else:
            body["Resources"] = body["Resources"] * 2
        return Received(200, received.headers, json.dumps(body).encode())

    job = Job(stage.source, stage.job.mapping, bent)
    with pytest.raises(Failure):
        [each async for each in discover(job.service, job.mapping.objects[0], 20)]


# --- HTTP ---


@pytest.mark.parametrize(
    ("text", "base", "flagged"),
    [
        ("https://example.com/a/scim", "https://example.com/a/scim", False),
        (" https://example.com/a/scim/ ", "https://example.com/a/scim", False),
        ("https://example.com/scim/?aadOptscim062020", "https://example.com/scim", True),
        ("http://localhost:8080/scim?AADOptScim062020=", "http://localhost:8080/scim", True),
        ("https://example.com?AzureAdScimPatch2017", "https://example.com", False),
    ],
)
def test_a_tenant_url_is_read(text: str, base: str, flagged: bool) -> None:
    assert TenantUrl.parse(text) == TenantUrl(base, flagged)


@pytest.mark.parametrize(
    "text",
    ["", "example.com/scim", "ftp://example.com", "https://u:p@example.com/", "https://a?b=c"],
)
def test_what_is_no_tenant_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"Tenant URL|address"):
        TenantUrl.parse(text)


async def test_a_job_runs_over_http() -> None:
    client = await open_preset("default")
    source = generate(15, 3, seed=9, members=(2, 6))
    async with front(client) as address:
        url = f"http://{address}/{client.name}/scim/?aadOptscim062020"
        async with http_send(url, client.token, connections=4) as send:
            job = Job(source, mapping("default"), send)
            assert await job.test_connection() is None
            assert (await job.cycle()).successful
            assert differences(expected(job), await observed(job)) == []
            job.restart()
            assert (await job.cycle()).writes == 0


async def test_a_wrong_token_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="token"):
        async with http_send("https://example.com/scim", "a\nb"):
            pass


@asynccontextmanager
async def rude(bytes_sent: bytes | None) -> AsyncIterator[str]:
    """A server that answers every request with these bytes and hangs up; None never answers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if bytes_sent is None:
            await reader.read()
        else:
            writer.write(bytes_sent)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server:
        yield f"http://{host}:{port}"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (None, "timeout"),
        (b"", "dropped"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "dropped"),
        (b"not HTTP at all\r\n\r\n", "malformed"),
    ],
)
async def test_no_answer_has_a_kind(answer: bytes | None, kind: str) -> None:
    timeout = 0.2 if kind == "timeout" else 30
    async with rude(answer) as url, http_send(url, "token", timeout=timeout) as send:
        with pytest.raises(NoAnswer) as caught:
            await send(request("GET", "/Users"))
    assert caught.value.kind == kind


async def test_nobody_listening_is_a_kind_too() -> None:
    async with rude(b"") as url:
        pass
    async with http_send(url, "token") as send:
        with pytest.raises(NoAnswer) as caught:
            await send(request("GET", "/Users"))
    assert caught.value.kind == "refused"


async def test_plain_http_where_tls_is_due_is_a_kind_too() -> None:
    async with rude(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        secure = url.replace("http:", "https:")
        async with http_send(secure, "token", timeout=5) as send:
            with pytest.raises(NoAnswer) as caught:
                await send(request("GET", "/Users"))
    assert caught.value.kind == "tls"


async def test_redirects_are_not_followed_and_nothing_is_said_that_entra_does_not_say() -> None:
    seen: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(dict(request.headers))
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with http_send(f"http://{host}:{port}/scim", "token") as send:
        assert (await send(request("GET", "/Users", "filter=a+eq+%22b%22"))).status == 302
    await runner.cleanup()
    (headers,) = seen
    assert headers.keys() == {"Host", "Authorization", "ADSCIMVersion"}
