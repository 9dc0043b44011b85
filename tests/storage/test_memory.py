"""The reference store keeps the contract."""

import pytest

from scim.directory import Directory
from storage.memory import MemoryRepository
from storage.memory_rows import Partition
from storage.open import open_storage
from tests.storage.contract import RepositoryContract


class TestMemory(RepositoryContract):
    @pytest.fixture
    def repository(self) -> MemoryRepository:
        return MemoryRepository(Partition())


async def test_nothing_of_a_removed_directory_is_kept() -> None:
    """Nor what a request that was under way writes after the directory is cleared."""
    storage, directory = open_storage("memory"), Directory(id="0" * 8, name="contoso")
    late = storage.repository(directory)
    await late.remember("mark", "before")
    await storage.repository(directory).clear(lambda _done, _found: None)
    await late.remember("mark", "after")
    assert await storage.repository(directory).recall("mark") is None
