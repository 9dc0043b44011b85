"""The reference store keeps the contract."""

import pytest

from storage.memory import MemoryRepository, Partition
from tests.storage.contract import RepositoryContract


class TestMemory(RepositoryContract):
    @pytest.fixture
    def repository(self) -> MemoryRepository:
        return MemoryRepository(Partition())
