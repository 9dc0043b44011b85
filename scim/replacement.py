"""What neither PUT nor PATCH may do: change what is immutable (RFC 7644 §3.5.1, §3.5.2)."""

from scim.errors import Mutability
from scim.match import values_at
from scim.schema import Resource, ResourceType


def check_immutable(before: Resource, after: Resource, resource_type: ResourceType) -> None:
    """Refuse to change or clear an immutable attribute that has a value."""
    for path in resource_type.immutable:
        old = values_at(before, path)
        if old and values_at(after, path) != old:
            raise Mutability(
                f"{path} is immutable: send the value that it has, or delete and create the"
                f" {resource_type.name}"
            )
