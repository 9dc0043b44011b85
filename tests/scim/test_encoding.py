"""An answer is the same bytes, whether its lists are there or are made as it is written."""

import json
from typing import Any

import pytest

from scim.encoding import Many, encode, held


def element(number: int) -> dict[str, Any]:
    return {"value": f"é{number}", "type": "User"}


@pytest.mark.parametrize("length", [0, 1, 999, 1000, 1001, 2500])
def test_a_list_is_written_as_if_it_were_there(length: int) -> None:
    many = Many(range(length), element)
    group = {"id": "1", "members": many, "meta": {"version": "2"}}
    document = {"totalResults": 2, "Resources": [group, {"id": "3"}]}
    whole = held(group)
    expected = {"totalResults": 2, "Resources": [whole, {"id": "3"}]}
    assert json.loads(encode(many)) == whole["members"]
    assert encode(group) == compact(whole)
    assert encode(document) == compact(expected)


@pytest.mark.parametrize("length", [0, 1, 101, 1000])
def test_long_lists_of_resources_are_written_as_short_ones(length: int) -> None:
    document = {"Resources": [{"id": each, "emails": [element(each)]} for each in range(length)]}
    assert encode(document) == compact(document)


def test_an_element_is_changed_as_it_is_made() -> None:
    changed = Many(range(3), element).each(lambda each: each["value"])
    assert list(changed) == ["é0", "é1", "é2"]


def compact(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
