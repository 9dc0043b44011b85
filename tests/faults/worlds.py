"""Worlds by what their operations need: made once, and as new for each."""

from tests.faults.operations import Operation, ruled
from tests.faults.points import Scene, scene
from tests.faults.world import World, arranged


class Worlds:
    """Sets scenes."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[World, bytes]] = {}

    async def scene(self, operation: Operation) -> Scene:
        """Do an operation once, without a fault, in a world where nothing has happened yet."""
        need = f"{operation.users} {operation.groups} {operation.rules}"
        if need not in self._made:
            world = await arranged(ruled(operation), operation.users, operation.groups)
            self._made[need] = world, world.service.rows.snapshot()
        world, snapshot = self._made[need]
        world.service.rows.go_back(snapshot)
        world.large = operation.large
        return await scene(operation, world)
