"""`provision`: what Entra sends for one person, sent to a directory of this store in-process.

The app runs in this process (`scim/cli/inside.py`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from scim.cli.command import Desk, Output, command
from scim.cli.credentials import check_restored
from scim.cli.inside import serving
from scim.cli.mappings import mapping
from scim.cli.output import as_json
from scim.cli.problem import Problem
from scim.cli.ruling import DEFAULT_PRESET
from scim.cli.simulator.exchanges import Exchange, Log
from scim.cli.simulator.job import Job
from scim.cli.simulator.mapping import AttributeMapping, read_mapping
from scim.cli.simulator.ondemand import OnDemand
from scim.cli.simulator.people import alone, read_person
from scim.cli.simulator.roles import AppRole, Roles
from scim.cli.simulator.wire import Received, Send, Sent
from scim.directory import Directory
from scim.presets import PRESETS

_NOT_MADE = "not-created"  # the id of whoever a dry run would create
_ABSENT = "-"

MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        metavar="FILE",
        help="Entra's attribute mapping as JSON, instead of the preset's.",
        exists=True,
        dir_okay=False,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "provision")(provision)


async def provision(
    desk: Desk,
    output: Output,
    name: Annotated[str, typer.Argument(metavar="DIRECTORY", help="The directory's name.")],
    *,
    user: Annotated[
        str,
        typer.Option(
            "--user",
            metavar="FILE|JSON",
            help="The person, by Entra's attributes: userPrincipalName, displayName, …",
        ),
    ],
    mapping_file: MappingFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Send queries alone; show what would be written.")
    ] = False,
    oauth: Annotated[
        bool,
        typer.Option("--oauth", help="Be let in by an access token, as a client; else a token."),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print each request and its answer.")
    ] = False,
) -> None:
    """Provision one person on demand: send what Entra would send, and show its four steps.

    Exit status 1 when a step fails.
    """
    directory = await desk.directory(name)
    if directory.removing:
        raise Problem(f"{name} is being removed: nobody can be provisioned into it")
    check_restored(directory)
    mapped, chosen = read_mapping_of(directory, mapping_file)
    try:
        person = read_person(user)
    except Problem as error:
        raise typer.BadParameter(f"--user: {error}") from error
    _need_object_id(mapped, person)
    source, id = alone(person)
    inside = await serving(desk, directory, oauth=oauth)
    if not dry_run:
        await desk.journal(directory, "provision", type="User", credential=inside.credential)
    log = Log(_dry(inside.send) if dry_run else inside.send, secret=inside.secret)
    try:
        done = await Job(source, mapped, log).provision(id)
    except ValueError as error:
        raise Problem(f"{error}: give --mapping") from error
    finally:
        await inside.close()
    if output.json:
        told = {"directory": name, "mapping": chosen, "dryRun": dry_run}
        output.document({**told, **described(done), "exchanges": [_exchange(each) for each in log]})
    else:
        _tell(output, done, dry_run=dry_run)
        for each in log if verbose else ():
            _tell_exchange(output, each)
    if not done.successful:
        raise typer.Exit(1)


def read_mapping_of(directory: Directory, file: Path | None) -> tuple[AttributeMapping, str]:
    """Read the mapping of a file, else of the directory's preset; and what it is called."""
    if file is not None:
        return read_mapping(file.read_bytes()), file.name
    known = directory.preset is not None and directory.preset in PRESETS
    chosen = str(directory.preset) if known else DEFAULT_PRESET
    return mapping(chosen), chosen


def _need_object_id(mapping: AttributeMapping, person: Mapping[str, Any]) -> None:
    """Raise Problem when an id that is made up would be stored as Entra's."""
    users = mapping.of("User")
    lines = users.attributes if users is not None else ()
    if "objectId" not in person and any("objectid" in each.source.lower() for each in lines):
        raise Problem("the mapping sends objectId: give the person's own, as objectId or id")


def described(done: OnDemand) -> dict[str, Any]:
    """Describe the four steps as `--json` prints them."""
    failed = _failing(done)
    states = {
        each: "failure" if each == failed else "skipped" if failed and failed < each else "success"
        for each in range(1, 5)
    }
    if failed is None and done.scope != "in" and not done.events:
        states[4] = "skipped"
    failure = done.failure
    return {
        "successful": done.successful,
        "import": {"state": states[1], "attributes": _attributes(done.imported)},
        "scope": {"state": states[2], "inScope": done.scope == "in", "scope": done.scope},
        "match": {"state": states[3], "by": list(done.by), "resource": done.matched},
        "action": {
            "state": states[4],
            "events": [
                {
                    "action": each.action,
                    "resource": each.resource,
                    "why": each.why,
                    "before": _attributes(each.before),
                    "after": _attributes(each.after),
                }
                for each in done.events
                if each.failure is None
            ],
        },
        "failure": None if failure is None else {"code": failure.code, "detail": failure.detail},
    }


def _failing(done: OnDemand) -> int | None:
    """Tell which step failed: matching, as long as nothing was tried with the person."""
    if done.failure is None:
        return None
    return 4 if done.events else 3


def _attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Roles):
        return [each.name for each in value.held]
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.name if isinstance(value, AppRole) else value


def _dry(send: Send) -> Send:
    """Send queries, and answer writes as if they were done."""

    async def answer(sent: Sent) -> Received:
        if not sent.writes:
            return await send(sent)
        if sent.method != "POST":
            return Received(204)
        return Received(201, body=as_json({**sent.body, "id": _NOT_MADE}).encode())

    return answer


# --- what is printed ---


def _tell(output: Output, done: OnDemand, *, dry_run: bool) -> None:
    told = described(done)
    output.say(f"1. Import user: {told['import']['state']}")
    attributes: Mapping[str, Any] = told["import"]["attributes"]
    output.facts({f"   {name}": _cell(attributes, name) for name in attributes})
    output.say(f"2. Determine if user is in scope: {told['scope']['state']}")
    scopes = {
        "in": "in scope",
        "disabled": "not active in the source: not created, but disabled where found",
        "out": "kept out by a scoping filter of the mapping",
    }
    output.facts({"   scope": scopes[done.scope]})
    output.say(f"3. Match user between source and target system: {told['match']['state']}")
    output.facts({"   by": ", ".join(done.by), "   found": done.matched or "nobody"})
    output.say(f"4. Perform action: {told['action']['state']}" + (" (dry run)" if dry_run else ""))
    for each in told["action"]["events"]:
        facts = {"action": each["action"], "resource": each["resource"], "why": each["why"] or None}
        output.facts({f"   {name}": value for name, value in facts.items()})
        names = list({**each["before"], **each["after"]})
        if names:
            rows = [
                (name, *(_cell(each[when], name) for when in ("before", "after"))) for name in names
            ]
            output.table(
                ("   ATTRIBUTE", "BEFORE", "AFTER"), [(f"   {a}", b, c) for a, b, c in rows]
            )
    if done.failure is not None:
        output.note(f"failed: {done.failure.code}: {done.failure.detail}")


def _cell(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, _ABSENT)
    return value if isinstance(value, str) else as_json(value, indent=None)


def _tell_exchange(output: Output, exchange: Exchange) -> None:
    output.say()
    output.say(f"{exchange.method} {exchange.target}")
    bodies: Sequence[Any] = (exchange.body, exchange.answer)
    for status, body in zip((None, exchange.status), bodies, strict=True):
        if status is not None:
            output.say(f"→ {status}")
        if body is not None:
            for line in as_json(body).splitlines():
                output.say(line)


def _exchange(exchange: Exchange) -> dict[str, Any]:
    return {
        "method": exchange.method,
        "target": exchange.target,
        "body": exchange.body,
        "status": exchange.status,
        "answer": exchange.answer,
    }
