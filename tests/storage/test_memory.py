"""The reference store keeps the contract."""

import pytest

from storage.memory import MemoryRepository
from storage.memory_rows import Partition
from tests.storage.contract import RepositoryContract


class TestMemory(RepositoryContract):
    @pytest.fixture
    def repository(self) -> MemoryRepository:
        return MemoryRepository(Partition())
