"""`rehearse`: what Microsoft's validators and Entra's job would find at any SCIM endpoint.

Whatever happens, Ctrl-C included, what was made there is deleted in the end.
"""

import asyncio
import ipaddress
import secrets
import signal
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from scim.cli.mappings import mapping
from scim.cli.output import Output, as_json
from scim.cli.problem import Problem
from scim.cli.rehearsal.access import Access, access, opened
from scim.cli.rehearsal.page import page
from scim.cli.rehearsal.report import document
from scim.cli.rehearsal.run import ALL, Plan, Run
from scim.cli.rehearsal.telling import tell
from scim.cli.ruling import DEFAULT_PRESET
from scim.cli.simulator.client import SECONDS, TenantUrl
from scim.cli.simulator.dialects import DEFAULT, DIALECTS, FLAGGED
from scim.cli.simulator.mapping import AttributeMapping, read_mapping
from scim.presets import PRESETS

_FORMATS = (".html", ".json")


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The options of one rehearsal."""

    url: TenantUrl
    access: Access
    plan: Plan
    rate: float
    timeout: float
    report: Path | None


def _tenant_url(text: str) -> str:
    """Check a Tenant URL; over plain HTTP a token may only go to this machine."""
    try:
        url = TenantUrl.parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if url.base.startswith("http:") and not _is_loopback(url.base):
        raise typer.BadParameter("a token goes over https:// only, but for servers on this machine")
    return text


def _is_loopback(base: str) -> bool:
    host = base.removeprefix("http://").partition("/")[0]
    host = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _endpoint(text: str | None) -> str | None:
    """Check a token endpoint's URL: a secret goes there."""
    return None if text is None else _tenant_url(text)


def _dialect(text: str | None) -> str | None:
    if text is not None and text not in DIALECTS:
        raise typer.BadParameter(f"use one of {', '.join(DIALECTS)}")
    return text


def _preset(text: str | None) -> str | None:
    if text is not None and text not in PRESETS:
        raise typer.BadParameter(f"use one of {', '.join(PRESETS)}")
    return text


def _only(ids: Sequence[str] | None) -> list[str]:
    known = {each.lower(): each for each in ALL}
    if unknown := [each for each in ids or () if each.lower() not in known]:
        raise typer.BadParameter(f"{', '.join(unknown)}: use ids of {', '.join(ALL)}")
    return [known[each.lower()] for each in ids or ()]


def _report(path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() not in _FORMATS:
        raise typer.BadParameter(f"the file's name must end in {' or '.join(_FORMATS)}")
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {path.absolute().parent}")
    return path


def rehearse(
    *,
    tenant_url: Annotated[
        str,
        typer.Argument(
            metavar="TENANT-URL",
            callback=_tenant_url,
            help="As in Entra: https://…; its flag, if any, chooses the dialect.",
        ),
    ],
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TOKEN",
            help="The Secret Token; others see it there: better SCIM_TOKEN, or be asked.",
        ),
    ] = None,
    client_id: Annotated[
        str | None,
        typer.Option(
            "--client-id",
            metavar="ID",
            help="Get access tokens as this client; its secret: SCIM_CLIENT_SECRET, or be asked.",
        ),
    ] = None,
    token_endpoint: Annotated[
        str | None,
        typer.Option(
            "--token-endpoint",
            metavar="URL",
            callback=_endpoint,
            help="Where; default …/oauth2/token for …/scim.",
        ),
    ] = None,
    mapping_file: Annotated[
        Path | None,
        typer.Option(
            "--mapping",
            metavar="FILE",
            help="Entra's attribute mapping as JSON.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset",
            metavar="PRESET",
            callback=_preset,
            help="The mapping of a preset (default).",
        ),
    ] = None,
    users: Annotated[
        int, typer.Option("--users", metavar="N", min=1, max=100_000, help="People to make up.")
    ] = 20,
    groups: Annotated[
        int, typer.Option("--groups", metavar="N", min=0, max=10_000, help="Groups to make up.")
    ] = 5,
    dialect: Annotated[
        str | None,
        typer.Option(
            "--dialect",
            metavar="DIALECT",
            callback=_dialect,
            help=f"How a PATCH is written: {', '.join(DIALECTS)}.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", metavar="FILE", callback=_report, help="Write it: FILE.html or FILE.json."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", callback=_only, help="Only this check; repeatable."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Make up the same values as that run."),
    ] = None,
    rate: Annotated[
        float,
        typer.Option("--rate", metavar="N", min=0, help="Requests in a second at most; 0: any."),
    ] = 25.0,
    timeout: Annotated[
        float,
        typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Wait so long for an answer."),
    ] = SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Rehearse provisioning with any SCIM endpoint, before going live.

    People and groups are made up, provisioned as Entra would, and deleted in the end. Exit status:
    0 when every mandatory check passed, else 1.
    """
    output = Output(json=as_json)
    if mapping_file is not None and preset is not None:
        raise typer.BadParameter("give --mapping or --preset, not both")
    url = TenantUrl.parse(tenant_url)
    mapped, name = _mapping(mapping_file, preset)
    plan = Plan(
        tenant_url=tenant_url,
        mapping=mapped,
        mapped=name,
        dialect=DIALECTS[dialect] if dialect else FLAGGED if url.flagged else DEFAULT,
        users=users,
        groups=groups,
        seed=secrets.randbelow(1 << 31) if seed is None else seed,
        only=frozenset(only or ()),
    )
    let_in = access(output, url, token=token, client=client_id, endpoint=token_endpoint)
    chosen = _Chosen(url, let_in, plan, rate, timeout, report)
    raise typer.Exit(asyncio.run(_rehearse(chosen, output)))


def _mapping(file: Path | None, preset: str | None) -> tuple[AttributeMapping, str]:
    if file is not None:
        return read_mapping(file.read_bytes()), file.name
    return mapping(preset or DEFAULT_PRESET), preset or DEFAULT_PRESET


async def _rehearse(chosen: _Chosen, output: Output) -> int:
    stoppable = _Stoppable()
    way = opened(chosen.access, chosen.url, rate=chosen.rate, timeout=chosen.timeout)
    async with way as service:
        run = Run(chosen.plan, service.send, service.secrets, service.client)
        try:
            played = await stoppable.run(_play(run, output))
            if not played:
                output.note("interrupted: deleting what was made; Ctrl-C again leaves it there")
        finally:  # a bug must leave nothing there either
            cleaned = await stoppable.run(_clean(run, output))
    interrupted = not (played and cleaned)
    told = document(run.report(interrupted=interrupted), secret=service.secrets)
    if chosen.report is not None:
        _write(chosen.report, told)
        output.note(f"the report is in {chosen.report}")
    tell(output, told, list(ALL))
    if interrupted:
        return 130
    return 0 if told["passed"] else 1


async def _play(run: Run, output: Output) -> None:
    with output.progress("rehearsing") as progress:
        await run.play(progress)


async def _clean(run: Run, output: Output) -> None:
    with output.progress("cleaning up") as progress:
        await run.clean(progress)


class _Stoppable:
    """Ctrl-C ends what is being done, and nothing else."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)

    async def run(self, what: Coroutine[Any, Any, None]) -> bool:
        """Do something; tells whether it was done to its end."""
        self._task = asyncio.create_task(what)
        await asyncio.wait([self._task])
        if self._task.cancelled():
            return False
        self._task.result()
        return True

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()


def _write(path: Path, told: dict[str, Any]) -> None:
    text = page(told) if path.suffix.lower() == ".html" else as_json(told) + "\n"
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Problem(f"the report can't be written to {path}: {error.strerror}") from error
