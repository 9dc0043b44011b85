"""Compare az commands in scripts and docs with `az … --help`: `python infra/check_flags.py AZ`.

AZ is an az of any machine; no subscription is needed. Without one, from PyPI (730 MB):

    python3 -m venv az-cli && az-cli/bin/pip install azure-cli
    python3 infra/check_flags.py az-cli/bin/az
"""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = ("infra/**/*.sh", "infra/**/*.py", "docs/*.md", "README.md", ".github/workflows/*.yml")
# `az group command …`, up to what ends a command in a script, a table or a sentence.
COMMAND = re.compile(r"(?<![\w./-])az ((?:[a-z][a-z0-9-]*[a-z0-9] ?)+)([^\n;|`]*)")
FLAG = re.compile(r"(?<=\s)--[a-z][a-z-]+")
GLOBAL = {"--output", "--query", "--subscription", "--only-show-errors", "--help", "--debug"}


def used() -> dict[str, dict[str, str]]:
    """List commands with their flags, each with a file that has it."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for file in sorted(
        {each for pattern in FILES for each in ROOT.glob(pattern)} - {Path(__file__)}
    ):
        text = re.sub(r"\\\n\s*", "", file.read_text("utf-8"))
        if file.suffix == ".py":  # command lines are lists there
            text = re.sub(r'",\s*\*?\[?"', " ", text)
        for command, after in COMMAND.findall(text):
            if after.startswith("--"):  # else prose, or a part of the command is a variable
                rest = re.split(r"\baz ", after)[0]
                found[command.strip()] |= dict.fromkeys(FLAG.findall(f" {rest}"), file.name)
    return found


def known(az: str, command: str) -> set[str] | None:
    """List the flags of a command; None when there is no such command."""
    done = subprocess.run(
        [az, *command.split(), "--help"], capture_output=True, text=True, check=False
    )
    if done.returncode or "\nCommand\n" not in done.stdout:
        return None
    return set(re.findall(r"--[a-z][a-z-]+", done.stdout))


def main(az: str) -> int:
    """Print what az does not know; 1 when there is any."""
    wrong = 0
    commands = used()
    for command, flags in sorted(commands.items()):
        have = known(az, command)
        if have is None:
            print(f"no such command: az {command} ({', '.join(set(flags.values()))})")
            wrong += 1
            continue
        for flag in sorted(set(flags) - have - GLOBAL):
            print(f"az {command} has no {flag} ({flags[flag]})")
            wrong += 1
    print(f"{len(commands)} commands, {wrong} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
