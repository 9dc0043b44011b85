"""A directory's record is refused when no request could be served by it."""

from typing import Any

import pytest
from pydantic import ValidationError

from scim.directory import Directory

RECORD: dict[str, Any] = {"id": "0123456789abcdef", "name": "contoso"}


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("id", "Short", "id"),
        ("id", "with/slash", "id"),
        ("name", "Contoso", "name"),
        ("name", "-contoso", "name"),
        ("name", "a/b", "name"),
        ("name", "x" * 64, "name"),
        ("name", "healthz", "healthz is reserved"),
        ("dialect", "ldap", "entra, okta, rfc"),
        ("nobodyKnows", 1, "nobodyKnows"),
        (
            "resource_types",
            [{"name": "Room", "endpoint": "/Rooms", "schema": "urn:example:none"}],
            "urn:example:none",
        ),
    ],
)
def test_a_record_that_cannot_be_served_is_refused(field: str, value: Any, place: str) -> None:
    with pytest.raises(ValidationError, match=place):
        Directory(**{**RECORD, field: value})


def test_a_record_survives_its_store() -> None:
    directory = Directory(**RECORD)
    text = directory.model_dump_json(by_alias=True, exclude_none=True)
    assert Directory.model_validate_json(text) == directory
    assert [each.name for each in directory.catalog.resource_types] == ["User", "Group"]
