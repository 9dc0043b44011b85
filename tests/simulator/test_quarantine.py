"""What stops a job, what slows it down, and when a failed object is tried again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from scim.cli.simulator.escrow import Escrow
from scim.cli.simulator.failure import TRANSIENT, Failure, refused
from scim.cli.simulator.quarantine import ESCROW, STOPPED, Quarantine, by_escrow
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.wire import Received, Send, Sent, request
from tests.simulator.serving import Stage, staged

NOW = datetime(2026, 11, 2, tzinfo=UTC)
LONG = "SystemForCrossDomainIdentityManagement"

Swap = Callable[[Sent], Received | None]


def instead(swap: Swap) -> Callable[[Send], Send]:
    """Answer some requests in a server's place."""

    def through(send: Send) -> Send:
        async def answer(sent: Sent) -> Received:
            swapped = swap(sent)
            return swapped if swapped is not None else await send(sent)

        return answer

    return through


def people(count: int) -> SourceDirectory:
    source = SourceDirectory()
    for number in range(count):
        source.add_user(userPrincipalName=f"user{number}@example.com", displayName="A")
    return source


def filters(sent: Sent) -> bool:
    return "filter=" in sent.query


async def stage_with(answers: dict[str, Received], source: SourceDirectory) -> Stage:
    """A stage whose server answers filters otherwise as long as there is an answer in the dict."""
    return await staged(
        source,
        through=instead(lambda sent: answers.get("filter") if filters(sent) else None),
    )


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Received(401), f"{LONG}CredentialValidationFailure"),
        (Received(404), f"{LONG}ServiceIncompatible"),
        (Received(400), f"{LONG}ServiceIncompatible"),
        (Received(400, body=b'{"scimType": "invalidFilter"}'), f"{LONG}IncompatibleFiltering"),
        (Received(200, body=b"<html>"), f"{LONG}ServiceIncompatible"),
        (Received(200, body=b'{"id": "1"}'), f"{LONG}ServiceIncompatible"),
        (Received(302, {"location": "/login"}), f"{LONG}ServiceIncompatible"),
    ],
)
async def test_a_wrong_answer_to_the_probe_puts_the_job_into_quarantine(
    answer: Received, code: str
) -> None:
    """At once, before anything is written; a success takes it out."""
    answers = {"filter": answer}
    stage = await stage_with(answers, people(2))
    report = await stage.cycle()
    assert report.quarantine is not None
    assert (report.quarantine.reason, report.quarantine.code) == (STOPPED, code)
    assert (report.writes, len(stage.log)) == (0, 1)
    answers.clear()
    report = await stage.cycle()
    assert report.quarantine is None
    assert report.actions["create"] == 2
    assert stage.job.interval == timedelta(minutes=40)


async def test_a_404_to_a_match_query_stops_the_cycle() -> None:
    """Not the probe alone: any query that is answered with 404 does."""
    source = people(5)
    source.add_user(userPrincipalName="odd@example.com")
    odd = instead(lambda sent: Received(404) if "odd" in sent.query else None)
    stage = await staged(source, through=odd)
    report = await stage.cycle()
    assert report.quarantine is not None
    assert report.interrupted is not None
    assert report.interrupted.sent is not None
    assert "odd" in report.interrupted.sent.query
    assert (await stage.cycle()).kind == "initial"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_passes_by_itself_interrupts_the_cycle_only(status: int) -> None:
    answers = {"filter": Received(status)}
    stage = await stage_with(answers, people(1))
    report = await stage.cycle()
    assert report.quarantine is None
    assert report.interrupted is not None
    answers.clear()
    assert (await stage.cycle()).successful


async def test_in_quarantine_cycles_become_rarer_and_the_job_is_switched_off() -> None:
    answers = {"filter": Received(401)}
    stage = await stage_with(answers, people(1))
    intervals = []
    for _ in range(8):
        await stage.job.cycle()
        intervals.append(stage.job.interval)
        stage.clock.pass_by(days=1)
    assert intervals == sorted(intervals)
    assert (intervals[0], intervals[-1]) == (timedelta(minutes=40), timedelta(days=1))
    stage.clock.pass_by(weeks=3)
    assert stage.job.is_off
    with pytest.raises(ValueError, match="restart"):
        await stage.job.cycle()
    answers.clear()
    stage.job.restart()
    assert (await stage.job.cycle()).successful


@pytest.mark.parametrize(
    ("objects", "references", "known", "confined"),
    [
        (4_999, 0, 5_000, False),
        (5_000, 0, 12_500, False),
        (5_001, 0, 12_500, True),
        (40_001, 0, 1_000_000, True),
        (4_000, 55_000, 10_000, False),
        (4_000, 56_001, 10_000, True),
    ],
)
def test_many_failures_are_a_quarantine(
    objects: int, references: int, known: int, confined: bool
) -> None:
    found = by_escrow(objects, references, known, NOW)
    assert (found is not None) == confined
    assert found is None or found.reason == ESCROW


def test_a_quarantine_keeps_its_beginning() -> None:
    first = Quarantine(STOPPED, "a", "", NOW)
    later = first.prolonged(Quarantine(STOPPED, "b", "", NOW + timedelta(days=1)))
    assert (later.since, later.code, later.cycles) == (NOW, "b", 1)
    assert not later.is_over(NOW + timedelta(weeks=4))
    assert later.is_over(NOW + timedelta(weeks=4, seconds=1))


# --- escrow ---


def test_what_failed_for_good_is_tried_after_6_12_and_24_hours_and_then_daily() -> None:
    escrow, failure = Escrow(), Failure("EntryConflict", "taken")
    tried = []
    for hour in range(24 * 30):
        now = NOW + timedelta(hours=hour)
        if hour == 0 or escrow.due("object", now):
            tried.append(hour)
            escrow.add("ada", "object", failure, now)
    assert tried[:6] == [0, 6, 12, 24, 48, 72]
    # It is dropped after day 28.
    assert tried[-1] == 28 * 24
    assert len(escrow) == 0


def test_what_passes_by_itself_is_tried_in_the_next_cycle() -> None:
    escrow = Escrow()
    escrow.add("ada", "object", Failure("Timeout", ""), NOW)
    escrow.add("bob", "reference", Failure("TooManyRequests", ""), NOW)
    assert escrow.due("object", NOW + timedelta(minutes=40)) == ["ada"]
    assert dict(escrow.count()) == {"object": 1, "reference": 1}
    escrow.settle("ada", "object")
    assert "ada" not in escrow
    assert "bob" in escrow


async def test_a_conflict_is_retried_by_the_clock_and_at_once_when_the_object_changes() -> None:
    source = people(1)
    (ada,) = source.users
    taken = instead(lambda sent: Received(409) if sent.method == "POST" else None)
    stage = await staged(source, through=taken)
    assert dict((await stage.cycle()).codes) == {"EntryConflict": 1}
    assert (await stage.cycle()).writes == 0
    stage.clock.pass_by(hours=6)
    assert dict((await stage.cycle()).codes) == {"EntryConflict": 1}
    source.update(ada, displayName="B")
    assert dict((await stage.cycle()).codes) == {"EntryConflict": 1}
    ((id, held),) = stage.job.memory.escrow
    assert (id, held.failures) == (ada, 3)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, f"{LONG}CredentialValidationFailure"),
        (403, "InsufficientRights"),
        (405, "MethodNotAllowed"),
        (409, "EntryConflict"),
        (422, "UnprocessableEntity"),
        (429, "TooManyRequests"),
        (500, "InternalServerError"),
        (501, "NotImplemented"),
        (503, "InternalServerError"),
        (400, f"{LONG}ServiceIncompatible"),
        (302, f"{LONG}ServiceIncompatible"),
    ],
)
def test_each_status_has_the_code_of_the_provisioning_log(status: int, code: str) -> None:
    failure = refused(request("POST", "/Users", body={}), Received(status), "201")
    assert failure.code == code
    assert failure.transient == (code in TRANSIENT)
    assert failure.stops == (status == 401)
    assert str(status) in failure.detail


def test_a_refusal_repeats_what_the_server_says() -> None:
    body = b'{"detail": "userName is taken", "scimType": "invalidPath"}'
    failure = refused(request("POST", "/Users", body={}), Received(400, body=body), "201")
    assert failure.detail.endswith("userName is taken")
    assert failure.code == "SchemaAttributeNotFound"


@pytest.mark.parametrize(
    ("method", "answer", "code"),
    [
        ("POST", Received(201, body=b"{}"), f"{LONG}ServiceIncompatible"),
        ("POST", Received(202, body=b""), f"{LONG}ServiceIncompatible"),
        (
            "POST",
            Received(201, body=b'{"id": "1", "active": "True"}'),
            f"{LONG}ServiceIncompatible",
        ),
        ("POST", Received(201, body=b"not JSON"), f"{LONG}ServiceIncompatible"),
        ("PATCH", Received(500), "InternalServerError"),
        ("PATCH", Received(501), "NotImplemented"),
    ],
)
async def test_an_answer_that_cannot_be_read_fails_its_object(
    method: str, answer: Received, code: str
) -> None:
    source = people(2)
    wrong = instead(lambda sent: answer if sent.method == method else None)
    stage = await staged(source, through=wrong)
    report = await stage.cycle()
    if method == "PATCH":
        source.update(source.users[0], displayName="B")
        report = await stage.cycle()
    assert set(report.codes) == {code}
    assert report.quarantine is None


async def test_members_that_are_shown_though_excluded_fail_the_group() -> None:
    shown = b'{"id": "1", "members": []}'
    source = people(1)
    source.add_group(displayName="Sales")
    stage = await staged(
        source,
        through=instead(
            lambda sent: (
                Received(200, body=shown)
                if sent.path.startswith("/Groups/") and sent.method == "GET"
                else None
            )
        ),
    )
    await stage.cycle()
    source.update(source.groups[0], displayName="More")
    assert dict((await stage.cycle()).codes) == {f"{LONG}MultipleEntriesInResponse": 1}
