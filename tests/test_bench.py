"""All long benchmarks in one command: each step is a program, and shown where it says."""

import re
from importlib.util import find_spec

import pytest

from bench.everything import STEPS, Step
from bench.telling import ROOT, table


@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.name)
def test_a_step_is_a_program(step: Step) -> None:
    name = step.command.split()[0]
    found = find_spec(name)
    assert found is not None
    if found.submodule_search_locations:
        assert find_spec(f"{name}.__main__")


@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.name)
def test_a_step_is_shown_in_a_document(step: Step) -> None:
    document, _, anchor = step.shown.partition("#")
    text = (ROOT / document).read_text("utf-8")
    heads = re.findall("^#+ (.+)$", text, re.MULTILINE)
    assert not anchor or anchor in [
        re.sub(r"[^\w-]", "", re.sub(" ", "-", each)).lower() for each in heads
    ]


def test_steps_have_names_of_their_own() -> None:
    assert len({each.name for each in STEPS}) == len(STEPS)


def test_a_table_aligns_numbers_to_the_right() -> None:
    assert table(["what", "ms"], [["a", "1"]]) == "| what | ms |\n|---|---:|\n| a | 1 |"
