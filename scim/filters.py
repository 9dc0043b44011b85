"""Filters and PATCH paths: the two doors to one grammar (RFC 7644 §3.4.2.2, §3.5.2, §3.10).

`scim/tokens.py` knows the words, `scim/grammar.py` the sentences, `scim/nodes.py` the tree. Names
are resolved against the schemas while they are read, so an unknown attribute is an error on an
empty store too.
"""

from scim.datatypes import called
from scim.errors import InvalidFilter, InvalidPath
from scim.grammar import MOST_TERMS, Parser, below, hint, need_elements
from scim.nodes import (
    DEEPEST,
    And,
    Compare,
    Filter,
    Not,
    Or,
    Present,
    Target,
    UnknownAttribute,
    ValuePath,
)
from scim.schema import Path, ResourceType
from scim.tokens import UNKNOWN, Scanner, well_formed

__all__ = [
    "DEEPEST",
    "LONGEST",
    "MOST_TERMS",
    "And",
    "Compare",
    "Filter",
    "Not",
    "Or",
    "Present",
    "Target",
    "UnknownAttribute",
    "ValuePath",
    "parse_filter",
    "parse_path",
]

LONGEST = 8000  # characters


def parse_filter(
    text: str,
    resource_type: ResourceType,
    *,
    tolerant: bool = False,
    unknown_is_absent: bool = False,
) -> Filter:
    """Read a filter; InvalidFilter says what is wrong and where.

    `unknown_is_absent` is for a query over several resource types, where an attribute that one of
    them does not have is an attribute without a value (RFC 7644 §3.4.2.1).
    """
    scanner = Scanner(text, longest=LONGEST, failure=InvalidFilter, what="filter")
    parser = Parser(scanner, resource_type, tolerant=tolerant, lenient=unknown_is_absent)
    return parser.filter()


def parse_path(text: str, resource_type: ResourceType, *, tolerant: bool = False) -> Target:
    """Read a PATCH path: InvalidPath, UnknownAttribute, InvalidFilter for what is in its brackets.

    RFC 7644 §3.12 has `invalidFilter` for a path's filter, `invalidPath` for the rest of it.
    """
    scanner = Scanner(text, longest=LONGEST, failure=InvalidPath, what="path")
    name = scanner.word()
    if not name:
        raise scanner.fail("A path begins with the name of an attribute")
    path = resource_type.path(name, tolerant=tolerant)
    if path is None and not well_formed(name):
        raise scanner.fail(
            "The path is malformed: write attribute, attribute.sub or attribute[filter].sub"
        )
    inner = None
    if text.startswith("[", scanner.at):
        inner = _selection(scanner, path or Path(UNKNOWN), resource_type, tolerant=tolerant)
        if text.startswith(".", scanner.at):
            sub = scanner.word()[1:]
            name = f"{name}.{sub}"
            path = below(path, sub) if path else None
            if path is None and (not well_formed(sub) or "." in sub or ":" in sub):
                raise scanner.fail("The name of a sub-attribute should follow the dot, and end it")
    if scanner.rest():
        raise scanner.fail("The path should end here")
    if path is None:
        more = hint(name, resource_type)
        raise UnknownAttribute(f"{resource_type.name} has no attribute {called(name)}{more}")
    return Target(path, inner)


def _selection(
    scanner: Scanner, path: Path, resource_type: ResourceType, *, tolerant: bool
) -> Filter:
    """Read the brackets of a path; behind an unknown attribute any name may stand in them."""
    scanner.take("[")
    if "]" not in scanner.text[scanner.at :]:
        raise scanner.fail("The bracket is never closed")
    need_elements(path, scanner)
    lenient = path.attribute is UNKNOWN
    scanner.failure = InvalidFilter
    inner = Parser(scanner, resource_type, tolerant=tolerant, lenient=lenient).inside(path)
    scanner.failure = InvalidPath
    return inner
