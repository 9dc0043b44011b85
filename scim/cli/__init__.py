"""The command line: an entry point, so it may import the app, its storage and an HTTP server."""

import argparse
import sys
from collections.abc import Sequence

from scim.cli import serve
from scim.cli.problem import Problem


def main(arguments: Sequence[str]) -> int:
    """Run one command and return the exit status; a Problem is said in one sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m scim", description="A SCIM 2.0 service provider."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    serve.describe(commands)
    chosen = parser.parse_args(arguments)
    try:
        chosen.run(chosen)
    except Problem as problem:
        print(f"scim: {problem}", file=sys.stderr)
        return 1
    return 0
