"""Which values of a resource are claimed (unique) or indexed, in the one form that is compared.

Filters, uniqueness and index rows share `comparable`, so they can't disagree on what "equal" means.
"""

from scim.match import values_at
from scim.repository import Key
from scim.schema import Path, Resource, ResourceType
from scim.values import comparable


def key(path: Path, value: object) -> Key:
    """Make the key of a value at a path. ValueError or TypeError when it can't be a value there."""
    if path.leaf is None:
        raise ValueError(f"{path} holds no value of its own")
    return Key(str(path), str(comparable(value, path.leaf)))


def claims(resource: Resource, resource_type: ResourceType) -> frozenset[Key]:
    """List the unique values that a resource holds."""
    return _keys(resource, resource_type.unique)


def indexes(resource: Resource, resource_type: ResourceType) -> frozenset[Key]:
    """List the indexed values that a resource holds."""
    return _keys(resource, resource_type.indexed)


def _keys(resource: Resource, paths: tuple[Path, ...]) -> frozenset[Key]:
    return frozenset(key(path, value) for path in paths for value in values_at(resource, path))
