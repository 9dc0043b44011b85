"""A dialect: what a directory tolerates beyond the RFCs, as data.

The core never learns a provider's name: it is handed a `Tolerance`, and a dialect's rewrites turn
an odd request into the canonical one before the core sees it (`scim/dialects/`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from scim.schema import ResourceType

# One operation of a PATCH as sent -> the operations as meant (RFC 7644 §3.5.2).
OperationRewrite = Callable[[dict[str, Any], ResourceType], list[dict[str, Any]]]
# The body of a POST or PUT as sent -> as meant.
DocumentRewrite = Callable[[dict[str, Any], ResourceType], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What `read`, `parse_filter` and `patch.apply` let pass.

    loose: booleans and numbers as strings, one value where a list is due, unquoted literals, an
    extension's attribute without its URN, a value path followed by a comparison. create_unmatched:
    `replace` through a value filter that nothing matches creates the element, and `remove` through
    one changes nothing. unknown: what becomes of attributes that no schema has; those kept go into
    an extension of the directory's own (`scim/kept.py`).
    """

    loose: bool = False
    create_unmatched: bool = False
    unknown: Literal["ignore", "reject", "keep"] = "reject"


STRICT = Tolerance()


@dataclass(frozen=True, slots=True)
class Dialect:
    """A named set of tolerances, rewrites and answers that a directory speaks."""

    name: str
    tolerance: Tolerance = STRICT
    patch_rewrites: tuple[OperationRewrite, ...] = ()
    document_rewrites: tuple[DocumentRewrite, ...] = ()
    # Microsoft wants 204 for a group's PATCH: the answer must not grow with the group (RFC 7644
    # §3.5.2 allows both).
    answers_member_patch: bool = True
