"""What commands read of a directory's resources."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from scim.cli.reading import Reader
from scim.cli.store import Desk
from scim.credentials import issue
from scim.directory import Directory
from scim.presets import preset
from scim.server import Server
from storage.open import Storage, open_storage
from tests.service import PEPPER, USER, Client


@dataclass
class Slow:
    """A desk at which half a minute passes whenever somebody looks at the time."""

    storage: Storage = field(default_factory=lambda: open_storage("memory"))
    time: datetime = field(default_factory=lambda: datetime(2026, 11, 20, tzinfo=UTC))

    @property
    def now(self) -> datetime:
        self.time += timedelta(seconds=31)
        return self.time


async def test_a_list_may_take_as_long_as_it_takes() -> None:
    """An operator has more patience than Entra, and nothing to index."""
    rules = preset("default")
    record: dict[str, Any] = {each: getattr(rules, each) for each in type(rules).model_fields}
    directory = Directory.model_validate({**record, "id": "contoso00", "name": "contoso"})
    user = directory.catalog.named("User")
    assert user is not None
    desk = Slow()
    server = Server(
        registry=desk.storage.registry, repository=desk.storage.repository, pepper=PEPPER
    )
    token, credential = issue(directory.id, pepper=PEPPER, now=datetime.now(UTC))
    await desk.storage.registry.add_directory(directory)
    await desk.storage.registry.add_credential(credential)
    ann = {"schemas": [USER], "userName": "ann@example.com", "active": False}
    made = await Client(server, "contoso", token, directory).post("/Users", ann)
    reader = Reader(cast("Desk", desk), directory, user)
    found = [each async for each in reader.some(filter="active eq false")]
    assert [each["id"] for each in found] == [made.id]
