"""Scoping filters: which objects of a mapping are in scope, by their attributes.

Microsoft Learn, define-conditional-rules-for-provisioning-user-accounts.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Self

from pydantic import Field, model_validator

from scim.definitions import Document


def _ordered(sign: Callable[[int], bool]) -> Callable[[str, str], bool]:
    def compare(value: str, wanted: str) -> bool:
        return value.isdigit() and sign(int(value) - int(wanted))

    return compare


# Each is asked about a value that there is: nothing is false, except for IS NULL. A pattern must
# match the whole value, as the page's `([1-9][0-9])` for "between 10 and 99" has it.
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "EQUALS": lambda value, wanted: value == wanted,
        "NOT EQUALS": lambda value, wanted: value != wanted,
        "INCLUDES": lambda value, wanted: wanted in value,
        "ENDS_WITH": lambda value, wanted: value.endswith(wanted),
        "IS TRUE": lambda value, _: value == "True",
        "IS FALSE": lambda value, _: value == "False",
        "IS NULL": lambda _value, _: False,
        "IS NOT NULL": lambda _value, _: True,
        "REGEX MATCH": lambda value, wanted: re.fullmatch(wanted, value) is not None,
        "NOT REGEX MATCH": lambda value, wanted: re.fullmatch(wanted, value) is None,
        "GREATER_THAN": _ordered(lambda order: order > 0),
        "GREATER_THAN_OR_EQUALS": _ordered(lambda order: order >= 0),
    }
)


class Clause(Document):
    """One clause of a scoping filter; `operator` as in the admin center, in any letter case."""

    attribute: str = Field(min_length=1)
    operator: str
    value: str = ""

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        operator = self.operator.upper()
        if operator not in _OPERATORS:
            raise ValueError(
                f"no operator is called {self.operator}; known are {', '.join(_OPERATORS)}"
            )
        if operator.startswith("GREATER") and not self.value.isdigit():
            raise ValueError(f"{self.operator} needs an integer as value")
        if "REGEX" in operator:
            try:
                re.compile(self.value)
            except re.error as error:
                raise ValueError(f"the pattern is not well-formed: {error}") from error
        return self

    def admits(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether an object passes, by its attributes."""
        value = entry.get(self.attribute)
        if value is None or value == "":
            return self.operator.upper() == "IS NULL"
        return _OPERATORS[self.operator.upper()](str(value), self.value)
