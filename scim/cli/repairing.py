"""`repair`: what is wrong with the rows of directories is found, and healed where it can be."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from scim.cli.command import Desk, Output, command
from scim.cli.credentials import again
from scim.cli.output import Bar
from scim.cli.problem import Problem
from scim.cli.process import hinting
from scim.cli.removing import Wait
from scim.deadlines import SETTLED
from scim.directory import Directory
from scim.errors import ScimError, Unavailable
from scim.repair_rules import RULES
from scim.repairing import Plan, Repaired, repair
from storage.repair.open import of_directory, of_registry

_REGISTRY = "(registry)"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "repair")(repair_)


async def repair_(
    desk: Desk,
    output: Output,
    name: Annotated[
        str | None, typer.Argument(metavar="DIRECTORY", help="One directory; or --all.")
    ] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="The registry and all directories.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what is wrong, and change nothing.")
    ] = False,
    wait: Wait = SETTLED,
) -> None:
    """Find and heal what a crash or a hand left in the store.

    All rows are read, beside the traffic. What is found is looked at again before it is healed, and
    each healing is in the directory's log. No resource is deleted. Ends with 1 when something is
    left that needs a person.
    """
    if (name is not None) == everything:
        raise typer.BadParameter("name a directory, or give --all")
    registry = desk.storage.registry
    found = await desk.directories(name)
    if name and (what := busy(found[0])):
        raise Problem(f"{name} is being {what}: that has to come to its end first")
    given = name or "--all"
    done: dict[str, Repaired] = {}
    failed: list[str] = []
    hint = f"what is healed stays so; begin again: {again(desk, f'repair {given}')}"
    with output.progress("reading") as bar, hinting(output.note, hint):
        if everything:
            plan = await _plan(desk, bar, dry_run=dry_run, wait=wait)
            done[_REGISTRY] = await repair(of_registry(registry), plan)
            await _log(desk, output, found, done[_REGISTRY])
        for listed in found:
            # As it is now: those before it may have taken hours.
            each = await registry.directory_named(listed.name)
            if each is None or each.id != listed.id:
                continue
            if what := busy(each):
                output.note(f"left out: {each.name} is being {what}")
                continue
            bar.phase(f"reading {each.name}")
            plan = await _plan(desk, bar, dry_run=dry_run, wait=wait, directory=each)
            try:
                # Its storage account may be one that nobody names.
                repository = desk.storage.repository(each)
                done[each.name] = await repair(
                    of_directory(repository, each, lambda: desk.now), plan
                )
            except ScimError as error:
                output.warn(f"{each.name} could not be repaired to its end: {error.detail}")
                failed.append(each.name)
    _tell(output, done, failed, dry_run=dry_run)
    left = sum(each.left.total() for each in done.values())
    skipped = sum(each.skipped for each in done.values())
    if failed or (left and not dry_run):
        raise Problem("something is left that needs a person: see above, and docs/runbooks.md")
    if left:
        raise Problem("nothing was changed: this was a dry run")
    if skipped:
        raise Problem("what depends on rules that are being changed is left: repair it afterwards")


def busy(directory: Directory) -> str:
    """Say what is being done to all rows of a directory, which a repair must not be beside."""
    doing = {
        "removed": directory.removing,
        "restored": directory.restoring is not None,
        "moved": directory.moving is not None,
    }
    return next((what for what, is_done in doing.items() if is_done), "")


async def _plan(
    desk: Desk, bar: Bar, *, dry_run: bool, wait: float, directory: Directory | None = None
) -> Plan:
    async def pause(seconds: float) -> None:
        bar.phase(f"waiting {seconds:.0f} s until what was under way is over")
        await asyncio.sleep(seconds)
        bar.phase("looking again")

    return Plan(
        now=lambda: desk.now,
        wait=pause,
        by=await desk.by(),
        dry_run=dry_run,
        settle=wait,
        stands=_standing(desk, directory),
        progress=bar,
    )


def _standing(desk: Desk, directory: Directory | None) -> Callable[[], Awaitable[bool]]:
    async def stands() -> bool:
        """Tell whether the rules are as they were, and none are being introduced."""
        if directory is None:
            return True
        now = await desk.storage.registry.directory_named(directory.name)
        if now is None or now.id != directory.id or busy(now) or now.storage != directory.storage:
            raise Unavailable(
                f"{directory.name} is being removed, restored or moved: repair it afterwards",
                retry_after=60,
            )
        return now.rules == directory.rules and now.next is None and now.previous is None

    return stands


async def _log(desk: Desk, output: Output, directories: list[Directory], done: Repaired) -> None:
    """Tell in the logs of directories what was healed of their tokens."""
    known = {each.id: each for each in directories}
    for finding, healed in done.findings:
        directory = known.get(finding.other or finding.id)
        if healed and directory is not None:
            rule = RULES[finding.rule]
            token = finding.id if finding.type == "credential" else ""
            detail = f"{rule.wrong}: {rule.healed}"
            try:
                await desk.journal(directory, "repair", credential=token, detail=detail)
            except ScimError as error:
                output.warn(f"{directory.name}: {detail}; its log can't say so: {error.detail}")


def _tell(output: Output, done: dict[str, Repaired], failed: list[str], *, dry_run: bool) -> None:
    if output.json:
        listed = [{"directory": name, **_document(each)} for name, each in done.items()]
        output.document({"dryRun": dry_run, "directories": listed, "failed": failed})
        return
    counted: Counter[tuple[str, str, bool]] = Counter()
    for name, each in done.items():
        counted.update({(name, rule, True): number for rule, number in each.healed.items()})
        counted.update({(name, rule, False): number for rule, number in each.left.items()})
        if each.skipped:
            output.warn(
                f"{name}: its rules are being changed; {each.skipped} findings depend on them, and"
                " were left alone: repair it again afterwards"
            )
    if not counted:
        skipped = any(each.skipped for each in done.values())
        output.say("Nothing else is wrong." if failed or skipped else "Nothing is wrong.")
        return
    output.table(
        ("directory", "what", "count", "wrong", "done"),
        [
            (name, rule, number, RULES[rule].wrong, _outcome(rule, healed=healed, dry_run=dry_run))
            for (name, rule, healed), number in counted.items()
        ],
    )
    for name, each in done.items():
        for finding, healed in each.findings:
            if not healed:
                ids = " ".join(filter(None, (finding.type, finding.id, finding.other)))
                output.say(f"{name}: {finding.rule} at {finding.shown} {ids}".rstrip())


def _outcome(rule: str, *, healed: bool, dry_run: bool) -> str:
    if healed:
        return RULES[rule].healed
    if not RULES[rule].healed:
        return "needs a person"
    return "can be healed" if dry_run else "kept changing: repair again"


def _document(done: Repaired) -> dict[str, Any]:
    return {
        "healed": dict(done.healed),
        "left": dict(done.left),
        "skipped": done.skipped,
        "findings": [
            {
                "what": finding.rule,
                "wrong": RULES[finding.rule].wrong,
                "place": finding.shown,
                "type": finding.type,
                "id": finding.id,
                "other": finding.other,
                "attributes": finding.attributes,
                "healed": healed,
            }
            for finding, healed in done.findings
        ],
    }
