"""`docs/entra.md` names the proof of each thing that Entra sends, and it is there."""

import re
from collections import defaultdict
from pathlib import Path

from tests.idp.exchange import FILES, load

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/entra.md").read_text("utf-8")
# The requests (R), sequences (S) and failures (F) that are known, in letters where there are forms.
IDS = (
    *("R-00", "R-01", "R-02", "R-02b", "R-03", "R-05", "R-06", "R-07", "R-08", "R-09", "R-10"),
    *("R-11", "R-12", "R-20", "R-21", "R-22", "R-23", "R-24", "R-30", "R-31", "R-40", "R-41"),
    *("R-42", "R-43", "R-44", "R-50", "R-51", "R-52", "R-53", "R-54", "R-55", "R-56", "R-57"),
    *("R-58", "R-59", *(f"R-60{each}" for each in "abcdefg")),
    *(f"R-55{each}" for each in "abcdefghij"),
    *(f"R-1.10{each}" for each in "abcde"),
    *(f"R-1.11{each}" for each in "abcdef"),
    *("R-62", "R-63", "R-64", "R-65", "R-66", "R-67", "R-68", "R-70", "R-71"),
    *(f"R-72{each}" for each in "abcd"),
    *(f"R-73{each}" for each in "abcdef"),
    *(f"R-74{each}" for each in "abc"),
    *("R-75", "R-76", "R-80", "R-81", "R-82", "R-85", "R-86"),
    *(f"R-1.18{each}" for each in "abcde"),
    *(f"S-{each}" for each in range(1, 11)),
    *(f"F-{each:02}" for each in (*range(1, 24), *range(30, 45), *range(50, 60))),
    *(f"F-{each}" for each in (*range(60, 71), *range(80, 95))),
)
# Proved by a test or a measurement alone: no conversation can show it.
ELSEWHERE = {"F-65", "F-69"}


def rows() -> dict[str, set[Path]]:
    """Read the tables: the files that each id's row links to."""
    found: dict[str, set[Path]] = {}
    for id, links in re.findall(
        r"^\| ([RSF]-[0-9.]+[a-z]?) \|.*\| ([^|]+) \|$", TABLE, re.MULTILINE
    ):
        assert id not in found, f"{id} has two rows"
        targets = re.findall(r"\]\(([^)]+)\)", links)
        found[id] = {(ROOT / "docs" / each).resolve() for each in targets}
    return found


def test_each_shape_and_each_failure_has_one_row_and_a_proof_that_exists() -> None:
    found = rows()
    assert sorted(found) == sorted(IDS)
    for id, files in found.items():
        assert files, f"{id} has no proof"
        assert all(each.is_file() for each in files), id


def test_the_rows_name_the_exchanges_whose_steps_show_it() -> None:
    shown: dict[str, set[Path]] = defaultdict(set)
    for file in FILES:
        for step in load(file).steps:
            for id in step.shows:
                shown[id].add(file.resolve())
    for id, files in rows().items():
        exchanges = {each for each in files if each.suffix == ".json"}
        assert exchanges == shown.pop(id, set()), id
        assert exchanges or id in ELSEWHERE, id
    assert not shown, "steps show what has no row"
