"""What stands in for az, curl and `python -m scim` while a script is tested.

Wrappers come first on PATH. Each call is recorded, with what it read from files and stdin apart
from its arguments, and answered from a table by `stand_in.py`: the first row whose pattern is found
in the arguments. A row with `times` is used up. What no row answers fails loudly.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.infra.stand_in import FOLDER

PROGRAM = Path(__file__).with_name("stand_in.py")


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
            stand_in = f'exec "{sys.executable}" -ES "{PROGRAM}" {program} "$@"\n'
            if program == "python-scim":  # whatever else it runs, it runs
                other = f'exec "{sys.executable}" "$@"'
                stand_in = f'[ "$1 $2" = "-m scim" ] || {other}\n{stand_in}'
            file = self.bin / program
            file.write_text(f"#!/bin/sh\n{stand_in}")
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
