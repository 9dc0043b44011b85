"""What repairs a store that is open."""

from collections.abc import Callable
from datetime import datetime

from scim.directory import Directory
from scim.registry import Registry
from scim.repository import Repository
from storage.registry import TablesRegistry
from storage.repair.directory import DirectoryRepairs
from storage.repair.registry import RegistryRepairs
from storage.tables import TablesRepository


def of_directory(
    repository: Repository, directory: Directory, now: Callable[[], datetime]
) -> DirectoryRepairs:
    """Make what repairs a directory. Raises TypeError for a store that has no rows."""
    if not isinstance(repository, TablesRepository):
        raise TypeError("only Table Storage has rows that can be repaired")
    return DirectoryRepairs(repository.partition, directory, now)


def of_registry(registry: Registry) -> RegistryRepairs:
    """Make what repairs the registry. Raises TypeError for a store that has no rows."""
    if not isinstance(registry, TablesRegistry):
        raise TypeError("only Table Storage has rows that can be repaired")
    return RegistryRepairs(*registry.partitions)
