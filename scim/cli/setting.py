"""`directory set`: a directory gets other rules, and what is in it is indexed for them."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from scim.cli.command import Desk, Output, command
from scim.cli.directories import Name, app, brief, summary
from scim.cli.problem import Problem
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
from scim.cli.tokens import again
from scim.conflicts import Conflicts
from scim.directory import Directory
from scim.registry import NoRecord
from scim.reindexing import SETTLED, Outcome, UnderWay, Wait, abandon, change_rules
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
    wait: Annotated[
        float,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=0,
            help="How long to wait until every server knows; 0 where none runs.",
        ),
    ] = SETTLED,
) -> None:
    """Change its rules; what is there is indexed for them.

    --preset or --file replace all rules, the other options change some. What breaks off goes on
    with the same command. To take something out: show --rules, edit, --file.
    """
    directory = await desk.directory(name)
    if directory.removing:
        raise Problem(f"{name} is being removed; {again(desk, f'directory remove {name}')}")

    async def waiting(_: float) -> None:
        if wait:
            output.note(f"waiting {wait:.0f} s until every server knows …")
        await asyncio.sleep(wait)

    if give_up:
        await abandon(
            desk.storage.registry,
            desk.storage.repository(directory),
            directory,
            wait=waiting,
        )
        await desk.journal(directory, "directory set --give-up")
        await _tell(desk, output, name, Outcome())
        return
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
    chosen, named = base(preset, file)
    if chosen is None and edits == Edits():
        raise typer.BadParameter("say what to change: --preset, --file, or one of the others")
    rules = edited(chosen or directory.rules, edits)
    outcome = await _change(
        desk, output, directory, rules, named if chosen else directory.preset, waiting
    )
    await desk.journal(directory, "directory set", detail=_said(preset, file, edits))
    await _tell(desk, output, name, outcome)


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
    wait: Wait,
) -> Outcome:
    """Introduce the rules. Raises Problem, after the conflicts were shown."""
    with output.progress("indexing") as progress:
        try:
            return await change_rules(
                desk.storage.registry,
                desk.storage.repository(directory),
                directory,
                rules,
                wait=wait,
                progress=progress,
                changed={"preset": preset},
            )
        except Conflicts as found:
            conflicts = found
        except UnderWay as busy:
            give_up = again(desk, f"directory set {directory.name} --give-up")
            raise Problem(
                f"other rules are being introduced in {directory.name}: run the command that began"
                f" it again, or give it up: {give_up}"
            ) from busy
        except NoRecord as gone:
            raise Problem(f"{directory.name} was removed meanwhile") from gone
        except ValueError as error:
            raise Problem(f"these rules can't follow those of {directory.name}: {error}") from error
    _show(output, conflicts)
    raise Problem(
        f"nothing was changed: {conflicts.total} conflicts with what is in {directory.name}; change"
        " or delete these resources first"
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
