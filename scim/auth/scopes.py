"""Which scope an operation needs: what has members is a group, every other type is a user's.

Reading one resource, many, or searching needs `read`; whatever changes something needs `write`, and
its answer shows what it has written. A search of all types needs the scopes of all of them: a part
of the answer would look like the whole. Discovery and the bulk message itself need none; each
operation in it needs its own.
"""

from collections.abc import Iterable

from scim.auth.records import Scope
from scim.errors import Forbidden
from scim.schema import ResourceType


def needed(types: Iterable[ResourceType], *, reads: bool) -> frozenset[Scope]:
    """Name the scopes that it takes to read, or to write, resources of some types."""
    return frozenset(_scope(each, reads=reads) for each in types)


def check(held: Iterable[str], types: Iterable[ResourceType], *, reads: bool) -> None:
    """Check that a caller may read, or write, resources of some types.

    Raises Forbidden, with the challenge of RFC 6750 §3.1.
    """
    missing = needed(types, reads=reads).difference(held)
    if missing:
        scopes = " ".join(sorted(missing))
        challenge = f'Bearer realm="scim", error="insufficient_scope", scope="{scopes}"'
        raise Forbidden(
            f"this credential lacks the scope {scopes.replace(' ', ' and ')}: use another one, or"
            " have the directory's operator issue one that has it",
            headers={"WWW-Authenticate": challenge},
        )


def _scope(type: ResourceType, *, reads: bool) -> Scope:
    if type.members is not None:
        return "groups.read" if reads else "groups.write"
    return "users.read" if reads else "users.write"
