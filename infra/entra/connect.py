"""`infra/entra/connect.sh`: an Entra application that provisions a directory.

Every step looks first what is there, so each command is safe to run again after it broke off. Each
request is named by its page of Microsoft Graph's reference, below learn.microsoft.com/graph/api/.
None of it was run against Entra where it was written: see docs/deploying.md.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import commands
from application import Application, named
from connecting import Wish, connect
from graph import Graph
from service import Service, deployed
from words import Problem

COMMANDS = {
    "provision-on-demand": "provision one person or group at once, and tell each step",
    "status": "tell the job's state, quarantine and last cycles; exit status 1 in quarantine",
    "rotate-token": "issue a token, enter it, let Entra test it, then revoke those before",
    "pause": "stop the job until it is restarted",
    "restart": "let the job start anew, out of quarantine",
    "disconnect": "stop and delete the job",
}
NOTES = "\n".join(
    ["commands, each followed by DIRECTORY (without one, the directory is connected):"]
    + [f"  {name:<20} {words}" for name, words in COMMANDS.items()]
)


def parser(command: str) -> argparse.ArgumentParser:
    """Make the parser of a command's options."""
    made = argparse.ArgumentParser(
        prog="infra/entra/connect.sh" + (f" {command}" if command != "connect" else ""),
        description=COMMANDS.get(command, "connect Entra with a directory"),
        epilog=NOTES if command == "connect" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("directory", metavar="DIRECTORY")
    made.add_argument("--application", metavar="NAME", help="its name in Entra (SCIM DIRECTORY)")
    if command in ("connect", "rotate-token"):
        made.add_argument("--group", help="the resource group of infra/deploy.sh; or these three:")
        made.add_argument("--account", metavar="URL", help="the tables: https://….core.windows.net")
        made.add_argument("--vault", metavar="URL", help="the key vault")
        made.add_argument("--base-url", metavar="URL", help="the service's address")
    if command == "connect":
        made.add_argument("--preset", help="whose attribute mapping to enter (the directory's)")
        made.add_argument("--mail", metavar="ADDRESS", help="who hears of quarantine")
        made.add_argument(
            "--assign", metavar="GROUP", action="append", default=[], help="name or id; repeatable"
        )
        made.add_argument("--everybody", action="store_true", help="not the assigned ones alone")
        made.add_argument(
            "--delete-limit", type=int, default=500, metavar="N", help="more stop the job (500)"
        )
        made.add_argument("--new-token", action="store_true", help="even if the present one works")
        made.add_argument("--oauth", action="store_true", help="client credentials, not a token")
        made.add_argument(
            "--oauth-client",
            metavar="ID",
            help="those of another service in front, with these two:",
        )
        made.add_argument("--oauth-token-url", metavar="URL")
        made.add_argument("--oauth-secret-file", metavar="FILE", type=Path)
        made.add_argument("--no-start", action="store_true", help="leave the job stopped")
    elif command == "provision-on-demand":
        made.add_argument("who", metavar="WHO", help="userPrincipalName or object id")
        made.add_argument("--as-group", action="store_true", help="WHO is a group: name or id")
    elif command == "restart":
        made.add_argument("--full", action="store_true", help="read everybody anew, as at first")
    elif command == "disconnect":
        made.add_argument("--delete-application", action="store_true")
        made.add_argument("--yes", action="store_true", help="don't ask")
    return made


def service(given: argparse.Namespace) -> Service:
    """Find the service that the options name."""
    if given.group:
        return deployed(given.group)
    if given.account and given.vault and given.base_url:
        return Service(given.account, given.vault, given.base_url.rstrip("/"))
    raise Problem("say where the service is: --group GROUP, or --account, --vault and --base-url")


def wish(given: argparse.Namespace) -> Wish:
    """Read what is to be connected. Raises Problem."""
    foreign = (given.oauth_client, given.oauth_token_url, given.oauth_secret_file)
    if any(foreign) and (given.oauth or not all(foreign)):
        raise Problem(
            "OAuth takes --oauth for a client of the directory's own, or --oauth-client,"
            " --oauth-token-url and --oauth-secret-file for that of another service"
        )
    return Wish(
        directory=given.directory,
        preset=given.preset,
        mail=given.mail,
        assign=tuple(given.assign),
        everybody=given.everybody,
        delete_limit=given.delete_limit,
        new_token=given.new_token,
        oauth=given.oauth,
        foreign=foreign if all(foreign) else None,
        start=not given.no_start,
    )


def existing(graph: Graph, given: argparse.Namespace, name: str) -> Application:
    """Find the application of a directory that is connected. Raises Problem."""
    found = named(graph, name)
    if found is None:
        raise Problem(f"Entra has no application {name}: infra/entra/connect.sh {given.directory}")
    return found


def run(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status."""
    command = arguments[0] if arguments and arguments[0] in COMMANDS else "connect"
    given = parser(command).parse_args(arguments[command != "connect" :])
    name = given.application or f"SCIM {given.directory}"
    with tempfile.TemporaryDirectory() as folder:
        graph = Graph(Path(folder))
        if command == "connect":
            connect(graph, service(given), name, wish(given))
            return 0
        if command == "rotate-token":
            commands.rotate(service(given), existing(graph, given, name), given.directory)
            return 0
        application = existing(graph, given, name)
        if command == "status":
            return commands.status(application)
        if command == "provision-on-demand":
            return commands.provision(application, given.who, is_group=given.as_group)
        if command == "pause":
            commands.pause(application)
        elif command == "restart":
            commands.restart(application, full=given.full)
        else:
            commands.disconnect(application, delete=given.delete_application, yes=given.yes)
        return 0


if __name__ == "__main__":
    try:
        sys.exit(run(sys.argv[1:]))
    except Problem as problem:
        print(f"connect.sh: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
