"""`directory set`: a directory gets other rules, and what is in it is indexed for them."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from scim.cli.command import Desk, Output, command
from scim.cli.credentials import Name, again
from scim.cli.directories import app, brief, check_at_rest, summary
from scim.cli.output import Bar
from scim.cli.problem import Problem
from scim.cli.process import hinting
from scim.cli.removing import Wait
from scim.cli.ruling import (
    Attributes,
    Delete,
    Dialect,
    Edits,
    File,
    Indexed,
    KeepDays,
    LogDays,
    Preset,
    Required,
    Unique,
    Unknown,
    base,
    edited,
)
from scim.cli.trusting import Audiences, NoTenant, Tenant, Wanted, set_entra
from scim.conflicts import Conflicts
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.registry import NoRecord
from scim.reindexing import Outcome, UnderWay, abandon, change_rules
from scim.rules import Rules


@command(app, "set")
async def set_rules(
    desk: Desk,
    output: Output,
    name: Name,
    *,
    preset: Preset = None,
    file: File = None,
    attribute: Attributes = None,
    require: Required = None,
    unique: Unique = None,
    index: Indexed = None,
    delete: Delete = None,
    keep_days: KeepDays = None,
    unknown: Unknown = None,
    log_days: LogDays = None,
    dialect: Dialect = None,
    give_up: Annotated[
        bool, typer.Option("--give-up", help="Give up a change that broke off.")
    ] = False,
    wait: Wait = SETTLED,
    entra_tenant: Tenant = None,
    entra_audience: Audiences = None,
    no_entra_tenant: NoTenant = False,
    yes: Annotated[bool, typer.Option("--yes", help="Close the last way in, too.")] = False,
) -> None:
    """Change its rules, or whose tokens of Entra's it takes.

    What is there is indexed for the rules.
    --preset or --file replace all rules, the other options change some. What breaks off goes on
    with the same command. To take something out: show --rules, edit, --file.
    """
    directory = await desk.directory(name)
    if directory.removing:
        raise Problem(f"{name} is being removed; {again(desk, f'directory remove {name}')}")
    check_at_rest(directory)
    entra = Wanted(entra_tenant, entra_audience, no_entra_tenant)

    edits = Edits(
        attributes=attribute or (),
        required=require or (),
        unique=unique or (),
        indexed=index or (),
        delete=delete,
        keep_days=keep_days,
        unknown=unknown,
        log_days=log_days,
        dialect=dialect,
    )
    if entra.given:
        if preset or file or give_up or edits != Edits():
            raise typer.BadParameter("the options --entra-… stand alone: they are no rules")
        await set_entra(desk, output, directory, entra, yes=yes)
        return
    if give_up:
        if preset or file or edits != Edits():
            raise typer.BadParameter("--give-up stands alone: it introduces no rules")
        await _give_up(desk, output, directory, wait)
        return
    chosen, named = base(preset, file)
    if chosen is None and edits == Edits():
        raise typer.BadParameter("say what to change: --preset, --file, or one of the others")
    rules = edited(chosen or directory.rules, edits)
    outcome = await _change(
        desk, output, directory, rules, named if chosen else directory.preset, wait
    )
    await desk.journal(directory, "directory set", detail=_said(preset, file, edits))
    await _tell(desk, output, name, outcome)
    if keep_days is not None and rules.deletion.policy != "soft":
        output.warn(f"--keep-days counts under --delete soft; this is {rules.deletion.policy}")


async def _give_up(desk: Desk, output: Output, directory: Directory, wait: float) -> None:
    """Give up rules that are being introduced, and sweep. Raises Problem when there are none."""
    if directory.next is None and directory.previous is None:
        raise Problem(f"there is nothing to give up: no other rules come to {directory.name}")
    command = again(desk, f"directory set {directory.name} --give-up")
    with (
        output.progress("giving up") as bar,
        hinting(output.note, f"what is left to do goes on with: {command}"),
    ):
        await abandon(
            desk.storage.registry,
            desk.storage.repository(directory),
            directory,
            wait=_Phases(bar, wait, sweeping=True).wait,
        )
    await desk.journal(directory, "directory set --give-up")
    await _tell(desk, output, directory.name, Outcome())


class _Phases:
    """Names on the bar what a change of rules is doing."""

    def __init__(self, bar: Bar, seconds: float, *, sweeping: bool) -> None:
        self._bar = bar
        self._seconds = seconds
        self._next = "sweeping" if sweeping else "indexing"

    async def wait(self, _: float) -> None:
        if self._seconds:
            self._bar.phase(f"waiting {self._seconds:.0f} s until every running server knows")
        await asyncio.sleep(self._seconds)
        self._bar.phase(self._next)
        self._next = "indexing" if self._next == "sweeping" else "sweeping"


def _said(preset: str | None, file: str | None, edits: Edits) -> str:
    """Say which options were given, for the log."""
    given = {"preset": preset, "file": "given" if file else None, **asdict(edits)}
    return "; ".join(
        f"{name} {each if isinstance(each, str | int) else ', '.join(each)}"
        for name, each in given.items()
        if each
    )


async def _change(
    desk: Desk,
    output: Output,
    directory: Directory,
    rules: Rules,
    preset: str | None,
    wait: float,
) -> Outcome:
    """Introduce the rules. Raises Problem, after the conflicts were shown."""
    give_up = again(desk, f"directory set {directory.name} --give-up")
    hint = f"the same command goes on with what has begun; to give it up: {give_up}"
    with output.progress("checking what is there") as bar, hinting(output.note, hint):
        phases = _Phases(bar, wait, sweeping=directory.previous is not None)
        try:
            return await change_rules(
                desk.storage.registry,
                desk.storage.repository(directory),
                directory,
                rules,
                wait=phases.wait,
                progress=bar,
                changed={"preset": preset},
            )
        except Conflicts as found:
            conflicts = found
        except UnderWay as busy:
            raise await _overtaken(desk, directory, give_up) from busy
        except NoRecord as gone:
            raise Problem(f"{directory.name} was removed meanwhile") from gone
        except ValueError as error:
            raise Problem(f"these rules can't follow those of {directory.name}: {error}") from error
    _show(output, conflicts)
    count = f"{conflicts.total} conflict{'' if conflicts.total == 1 else 's'}"
    raise Problem(
        f"nothing was changed: {count} with what is in {directory.name}; change or delete these"
        " resources first"
    )


async def _overtaken(desk: Desk, directory: Directory, give_up: str) -> Problem:
    """Say what another command did to the rules meanwhile."""
    name = directory.name
    now = await desk.directory(name)
    if now.next is not None:
        return Problem(
            f"other rules are being introduced in {name}: run the command that began it again, or"
            f" give it up: {give_up}"
        )
    if now.rules == directory.rules:
        return Problem(
            f"another command gave this change up: {name} has the rules that it had; to introduce"
            " the new ones, run this again"
        )
    return Problem(
        f"another command changed the rules of {name} meanwhile: see"
        f" {again(desk, f'directory show {name}')}, then run this again"
    )


def _show(output: Output, conflicts: Conflicts) -> None:
    why = {"unique": "one value twice", "type": "not a value of its type"}
    if output.json:
        listed = [
            {"type": each.type, "attribute": each.attribute, "why": each.why, "ids": each.ids}
            for each in conflicts.conflicts
        ]
        output.document({"total": conflicts.total, "conflicts": listed})
        return
    output.table(
        ("TYPE", "ATTRIBUTE", "CONFLICT", "IDS"),
        (
            (each.type, each.attribute, why[each.why], " ".join(each.ids))
            for each in conflicts.conflicts
        ),
    )
    if conflicts.total > len(conflicts.conflicts):
        output.say(f"… and {conflicts.total - len(conflicts.conflicts)} more")


async def _tell(desk: Desk, output: Output, name: str, outcome: Outcome) -> None:
    directory = await desk.directory(name)
    done = {
        "resources": outcome.resources,
        "indexed": outcome.indexed,
        "removed": outcome.removed,
        "lacking": dict(outcome.lacking),
    }
    if output.json:
        output.document({**summary(directory), **done})
        return
    output.say(f"Directory {name} has these rules; every server knows within 60 seconds.")
    output.facts(
        {
            "preset": directory.preset or "none: rules of its own",
            **brief(directory),
            "indexed": f"{outcome.indexed} of {outcome.resources} resources",
        }
    )
    for attribute, count in outcome.lacking.items():
        output.warn(
            f"{count} have no {attribute}, which is required from now on: they stay as they are"
        )
