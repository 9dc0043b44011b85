"""The checks: this server passes all of them, and each wrong one fails the check that is due."""

import json
from collections.abc import Callable

import pytest

from scim.cli.mappings import mapping
from scim.cli.rehearsal.checks import CHECKS
from scim.cli.rehearsal.cleanup import Made
from scim.cli.rehearsal.context import Context
from scim.cli.rehearsal.results import Result
from scim.cli.simulator.dialects import DEFAULT, Dialect
from scim.cli.simulator.wire import Send
from tests.rehearsal.mutants import MUTANTS, Mutant
from tests.simulator.serving import PAIRS, open_preset, sending

CHECKED = {each.id: each for each in CHECKS}

# What no preset of ours has, by the id of the check and why it is skipped there.
WITHOUT_GROUPS = ("andmoney-advisors", "andmoney-rooms", "bitabiz")


async def begun(
    name: str = "default",
    dialect: Dialect = DEFAULT,
    wrong: Callable[[Send], Send] = lambda send: send,
) -> Context:
    """Make a directory of a preset, and what checks of it share."""
    client = await open_preset(name)
    made = Made(wrong(sending(client)))
    context = Context(made, mapping(name), "run1", dialect=dialect, secret=client.token)
    await context.discover()
    return context


async def run(context: Context) -> list[Result]:
    return [await each.run(context) for each in CHECKS]


@pytest.mark.parametrize(
    ("name", "dialect"), PAIRS, ids=[f"{name}-{dialect.name}" for name, dialect in PAIRS]
)
async def test_every_preset_passes_every_check_with_its_mapping(
    name: str, dialect: Dialect
) -> None:
    """The optional ones, too; what a preset does not have is skipped with a reason."""
    context = await begun(name, dialect)
    results = await run(context)
    assert {each.check.id: each.advice for each in results if each.outcome == "failed"} == {}
    assert all(each.advice for each in results if each.outcome == "skipped")
    assert not any(each.advice for each in results if each.outcome == "passed")
    left = await context.send.clean()
    assert {each.why for each in left} <= {"the service keeps it, inactive"}
    assert not left or name == "bitabiz"


async def test_nothing_is_skipped_where_everything_is_there() -> None:
    """But what needs a client of a token endpoint (`test_tokens.py`)."""
    others = {each.check.id for each in await run(await begun()) if each.outcome != "passed"}
    assert others == {"R-07"}


@pytest.mark.parametrize("name", WITHOUT_GROUPS)
async def test_groups_that_are_not_provisioned_are_no_finding(name: str) -> None:
    skipped = [each for each in await run(await begun(name)) if each.outcome == "skipped"]
    reasons = {each.check.id: each.advice for each in skipped}
    assert reasons["W15"] == "the mapping provisions no groups"
    assert "W1" not in reasons


async def test_entras_ways_are_findings_in_a_strict_directory() -> None:
    """The preset rfc is not for Entra, and a rehearsal says so."""
    results = await run(await begun("rfc", DEFAULT))
    failed = {each.check.id for each in results if each.barring}
    assert {"R-50", "R-62", "R-74", "T25"} <= failed


@pytest.mark.parametrize(("wrong", "id"), MUTANTS.values(), ids=list(MUTANTS))
async def test_a_wrong_server_is_caught(wrong: Mutant, id: str) -> None:
    """By the check that is about it, which says what to change and shows the exchange."""
    context = await begun(wrong=wrong)
    result = await CHECKED[id].run(context)
    assert result.outcome == "failed"
    assert len(result.advice) > 40
    assert "nothing could be made of" not in result.advice
    assert result.evidence
    assert str(context.secret) not in json.dumps([vars(each) for each in result.evidence])
    assert (await CHECKED[id].run(await begun())).outcome == "passed"


def test_ids_are_unique_and_every_check_says_all_of_itself() -> None:
    assert len(CHECKED) == len(CHECKS)
    for each in CHECKS:
        assert all((each.id, each.title, each.source, each.proves, each.change)), each.id
        assert each.proves.endswith("."), each.id
        assert each.change.endswith("."), each.id
