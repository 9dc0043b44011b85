"""How a command runs: the options that all have, its store opened around it, its event loop."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, cast

import typer

from scim.cli.output import Output
from scim.cli.store import Desk, Where, opened

Body = Callable[..., Awaitable[None]]

_ACCOUNT = typer.Option(
    "--account",
    metavar="URL",
    help="The storage account with the directories: https://ACCOUNT.table.core.windows.net,"
    " opened with your own sign-in (az login).",
)
_STORAGE = typer.Option(
    "--storage",
    metavar="CONNECTION",
    help="A storage account's connection string, instead of SCIM_STORAGE; or azurite, the one in"
    " .local/ (default).",
)
_VAULT = typer.Option(
    "--vault",
    metavar="URL",
    help="The key vault with the pepper, instead of SCIM_PEPPER: https://NAME.vault.azure.net.",
)
_JSON = typer.Option("--json", help="Print JSON for programs.")


def _shared(name: str, annotation: object, default: object) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


_SHARED = (
    _shared("account", Annotated[str | None, _ACCOUNT], None),
    _shared("storage", Annotated[str | None, _STORAGE], None),
    _shared("vault", Annotated[str | None, _VAULT], None),
    _shared("as_json", Annotated[bool, _JSON], False),
)


def group(help: str) -> typer.Typer:
    """Make a group of commands."""
    return typer.Typer(help=help, no_args_is_help=True, **PLAIN)


# Plain help and errors: they are the same on a terminal, in a pipe and in a log.
PLAIN: Mapping[str, Any] = {
    "rich_markup_mode": None,
    "add_completion": False,
    "pretty_exceptions_enable": False,
}


def command(commands: typer.Typer, name: str) -> Callable[[Body], Body]:
    """Register `async def body(desk, output, …)`: what follows are its arguments and options.

    The options that say where directories are come after its own, and `--json`.
    """

    def register(body: Body) -> Body:
        own = list(inspect.signature(body).parameters.values())[2:]
        own = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own]

        def run(
            *,
            account: str | None,
            storage: str | None,
            vault: str | None,
            as_json: bool,
            **own: Any,
        ) -> None:
            asyncio.run(_run(body, Where(account, storage, vault), Output(json=as_json), own))

        parameters = [*own, *_SHARED]
        # What typer reads options from.
        described = cast("Any", run)
        described.__signature__ = inspect.Signature(parameters)
        described.__annotations__ = {each.name: each.annotation for each in parameters}
        described.__doc__ = body.__doc__
        commands.command(name)(run)
        return body

    return register


async def _run(body: Body, where: Where, output: Output, own: dict[str, Any]) -> None:
    async with opened(where) as desk:
        await body(desk, output, **own)


__all__ = ("PLAIN", "Desk", "Output", "command", "group")
