"""The rules that infra/ keeps, and that each catches the mistakes beside it (tests/infra/policies).

Each mistake is planted in the text of one file, and the rule has to complain. What an item means,
and what can't be checked like this, is in docs/infrastructure.md.
"""

import re

import pytest

from tests.infra.bicep import Code, parse
from tests.infra.policies import RULES
from tests.infra.policies.rule import MAIN, ROOT, Mistake, Rule, sources

REAL = sources()


@pytest.mark.parametrize("each", RULES, ids=lambda each: f"{each.item}: {each.says}")
def test_infra_keeps_the_rule(each: Rule) -> None:
    assert list(each.check(REAL)) == []


@pytest.mark.parametrize(
    ("each", "mistake"),
    [
        pytest.param(each, mistake, id=f"{each.item}: {each.says} {n}")
        for each in RULES
        for n, mistake in enumerate(each.mistakes, 1)
    ],
)
def test_the_rule_catches_the_mistake(each: Rule, mistake: Mistake) -> None:
    assert list(each.check(REAL.planted(*mistake)))


def test_every_rule_has_a_mistake() -> None:
    assert all(each.mistakes for each in RULES)
    assert len(RULES) > 40


def test_every_item_is_answered() -> None:
    """docs/infrastructure.md has a row for each item, and names those that rules check."""
    text = (ROOT / "docs/infrastructure.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| (I\d+) \|(.*)$", text, re.MULTILINE))
    assert list(rows) == [f"I{n}" for n in range(1, 31)]
    checked = {item for each in RULES for item in re.findall(r"I\d+", each.item)}
    assert {item for item, row in rows.items() if "test_policies" in row} == checked


def test_every_parameter_is_documented() -> None:
    text = (ROOT / "docs/infrastructure.md").read_text("utf-8")
    for kind in ("param", "output"):
        names = {each.name for each in REAL.declared(kind, file=MAIN)}
        shown = set(re.findall(rf"^\| {kind} `(\w+)` \|", text, re.MULTILINE))
        assert shown == names, kind


def test_values_are_read_as_they_are_written() -> None:
    """What the rules stand on: literals, expressions, loops, conditions, children, decorators."""
    file = parse(
        "x.bicep",
        "@allowed([1, 2])\n@description('d')\nparam n int = 2\n"
        "resource a 'A.B/c@2020' = [for (each, i) in list: if (n > 1) {\n"
        "  name: 'a${i}'\n  properties: { on: false, many: [1, 'b', null] }\n"
        "  resource below 'd' existing = {\n    name: 'x'\n  }\n}]\n"
        "#disable-next-line some-rule\noutput o string = a[0].id\n",
    )
    assert file.wrong == ()
    param, a, below, output = file.declarations
    assert (param.value, param.decorators) == (2, {"allowed": [1, 2], "description": "d"})
    assert (a.type, a.api, a.condition) == ("A.B/c", "2020", "n > 1")
    assert a.at("name") == Code("'a${i}'")
    assert a.at("properties") == {"on": False, "many": [1, "b", None]}
    assert (below.type, below.existing) == ("A.B/c/d", True)
    assert output.value == Code("a[0].id")
