"""What stands in for az, curl and `python -m scim` while a script is tested.

`install` writes wrappers that come first on PATH. Each call is recorded, with what it read from
files and stdin apart from its arguments, and answered from a table: the first row whose pattern is
found in the arguments. A row with `times` is used up. What no row answers fails loudly.
"""

import json
import os
import re
import stat
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))  # run as a program
from tests.infra.graph_stub import answer

FOLDER = "SCIM_TEST_FOLDER"


@dataclass(frozen=True, slots=True)
class Row:
    """One answer; `times` None: always."""

    pattern: str
    out: str = ""
    err: str = ""
    code: int = 0
    times: int | None = None


@dataclass(slots=True)
class Call:
    """One call: which program, its arguments, and what it was given by file or stdin."""

    program: str
    arguments: list[str]
    given: list[str] = field(default_factory=list)
    open_to_others: bool = False

    @property
    def line(self) -> str:
        return " ".join([self.program, *self.arguments])


class Stub:
    """The test's side: the table before, the calls after."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        for program in ("az", "curl", "python-scim"):
            file = self.bin / program
            file.write_text(
                f'#!/bin/sh\nexec "{sys.executable}" -ES "{Path(__file__)}" {program} "$@"\n'
            )
            file.chmod(0o755)
        self.answer([])

    def answer(self, rows: list[Row]) -> None:
        (self.folder / "table.json").write_text(json.dumps([asdict(each) for each in rows]))

    def forget(self) -> None:
        (self.folder / "calls.jsonl").unlink(missing_ok=True)

    @property
    def calls(self) -> list[Call]:
        file = self.folder / "calls.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [Call(**json.loads(each)) for each in lines]

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHON": str(self.bin / "python-scim"),
            "SCIM_WAIT_SECONDS": "0",
            FOLDER: str(self.folder),
        }


def _record(call: Call, folder: Path) -> None:
    for each in call.arguments if call.program == "az" else ():
        path = Path(each.removeprefix("@"))
        if not each.startswith(("@", "/tmp", str(folder))) or not path.is_file():
            continue
        if path.suffix in (".json", "") and "infra/parameters" not in str(path):
            call.given.append(path.read_text())
            call.open_to_others |= bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
    if call.program == "curl":
        call.given.append(sys.stdin.read())
    with (folder / "calls.jsonl").open("a") as file:
        file.write(json.dumps(asdict(call)) + "\n")


def _from_table(call: Call, folder: Path) -> Row:
    table = folder / "table.json"
    rows: list[dict[str, Any]] = json.loads(table.read_text())
    asked = "\n".join([call.line, *call.given]) if call.program == "curl" else call.line
    for row in rows:
        if row["times"] == 0 or not re.search(row["pattern"], asked):
            continue
        if row["times"]:
            row["times"] -= 1
            table.write_text(json.dumps(rows))
        return Row(**row)
    return Row("", err=f"no answer for: {asked}\n", code=99)


def main(program: str, arguments: list[str]) -> int:
    """Answer one call, in place of the program."""
    if program == "python-scim" and arguments[:2] != ["-m", "scim"]:
        os.execv(sys.executable, [sys.executable, *arguments])
    folder = Path(os.environ[FOLDER])
    call = Call(program, arguments)
    _record(call, folder)
    row = _from_table(call, folder)
    if row.code == 0 and not row.out and "graph.microsoft.com" in call.line:
        return answer(call.arguments, call.given, folder)
    if program == "curl" and row.code == 0:
        status, _, body = row.out.partition(" ")
        Path(arguments[arguments.index("--output") + 1]).write_text(body)
        print(status, end="")
    else:
        print(row.out)
    print(row.err, end="", file=sys.stderr)
    return row.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
