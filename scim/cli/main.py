"""`python -m scim`: every command, and what becomes of one that can't be done.

Exit status: 0 done, 1 refused or not possible (one sentence on stderr), 2 an argument or option
that can't be right, 130 interrupted.
"""

import sys
from collections.abc import Sequence

import typer

from scim.cli import (
    backing_up,
    clients,
    directories,
    explaining,
    federations,
    journal,
    moving,
    people,
    provision,
    purging,
    rehearse,
    removing,
    repairing,
    resources,
    serve,
    setting,
    tokens,
)
from scim.cli.command import PLAIN
from scim.cli.output import plain
from scim.cli.problem import Problem
from scim.cli.process import program
from scim.errors import ScimError

app = typer.Typer(
    help="A SCIM 2.0 service provider: run it, and look after its directories.",
    no_args_is_help=True,
    **PLAIN,
)
app.command("serve")(serve.serve)
app.add_typer(directories.app, name="directory")
app.add_typer(tokens.app, name="token")
app.add_typer(clients.app, name="client")
app.add_typer(federations.app, name="federation")
app.add_typer(explaining.app, name="auth")
app.add_typer(resources.users, name="user")
app.add_typer(resources.groups, name="group")
for each in (journal, purging, repairing, backing_up, provision):
    each.register(app)
app.command("rehearse")(rehearse.rehearse)
# These add their commands to the groups above.
_ = (moving, people, removing, setting)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status; a Problem is said in one sentence."""
    try:
        app(args=list(arguments), prog_name=program())
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except (Problem, ScimError) as problem:
        text = problem.detail if isinstance(problem, ScimError) else str(problem)
        more = problem.lines if isinstance(problem, Problem) else ()
        print(
            f"scim: {plain(text)}",
            *(f"  {plain(each)}" for each in more),
            sep="\n",
            file=sys.stderr,
        )
        return 1
    return 0
