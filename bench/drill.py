"""A drill: back a directory up, bring it back as another one, compare, tell how long it took.

    python -m bench.drill DIRECTORY --to PLACE [--rows-only] [-- OPTIONS]

OPTIONS say where directories are (`--account URL`), as for `python -m scim`; SCIM_STORAGE counts,
too. What was restored is removed again; the backup stays. Every step is a command that an operator
would type, so what works here works then. Ends with 1 when anything differs.
"""

import argparse
import hashlib
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """One command: what it was for, its seconds, what it printed."""

    what: str
    seconds: float
    out: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def scim(what: str, arguments: Sequence[str], options: Sequence[str]) -> Step:
    """Run one command; its messages go to the terminal."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "scim", *arguments, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"drill: {what} ended with {done.returncode}: {' '.join(arguments)}")
    return Step(what, time.perf_counter() - begun, done.stdout)


def fingerprint(export: str, name: str) -> str:
    """Digest everybody's export, whatever the directory is called."""
    lines = sorted(each.rstrip(",") for each in export.splitlines())
    text = "\n".join(lines).replace(f"/{name}/scim", "/NAME/scim")
    text = text.replace(f'"directory": "{name}"', '"directory": "NAME"')
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.drill", description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--to", required=True, metavar="PLACE")
    parser.add_argument("--rows-only", action="store_true", help="don't export everybody twice")
    given = sys.argv[1:]
    options = given[given.index("--") + 1 :] if "--" in given else []
    chosen = parser.parse_args(given[: given.index("--")] if "--" in given else given)
    name, copy = chosen.directory, f"drill-{secrets.token_hex(4)}"
    backup = scim("backup", ["backup", name, "--to", chosen.to, "--json"], options)
    [made] = backup.json
    arguments = ["restore", name, "--from", chosen.to, "--at", made["backup"], "--as", copy]
    restore = scim("restore, checked and compared", [*arguments, "--json"], options)
    steps, same = [backup, restore], True
    if not chosen.rows_only:
        both = [
            scim(f"export {each}", ["user", "export", each, "--all", "--json"], options)
            for each in (name, copy)
        ]
        steps += both
        same = fingerprint(both[0].out, name) == fingerprint(both[1].out, copy)
    # Nobody has a token of it, so nobody has to be waited for.
    scim("disable", ["directory", "disable", copy], options)
    remove = ["directory", "remove", copy, "--yes", "--wait", "0", "--json"]
    steps.append(scim("remove what was restored", remove, options))
    print(f"\n{made['rows']} rows, {made['bytes']} bytes, settled: {made['settled']}\n")
    print("| step | seconds | rows/s |\n|---|---|---|")
    for each in steps:
        print(f"| {each.what} | {each.seconds:.1f} | {made['rows'] / each.seconds:,.0f} |")
    if not same:
        sys.exit("drill: the exports of both differ: somebody wrote between, or the restore lies")


if __name__ == "__main__":
    main()
