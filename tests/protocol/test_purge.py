"""What the purge does is seen by clients, on both stores."""

from datetime import UTC, datetime, timedelta

from scim.directory import Directory
from scim.purging import Purged, purge, remove
from storage.open import Storage
from tests.service import Client, open_directory

DAY = timedelta(days=1)


async def purged(storage: Storage, client: Client, after: timedelta) -> Purged:
    now = datetime.now(UTC) + after
    found = await storage.registry.directory_named(client.name)
    assert found is not None
    return await purge(storage.registry, storage.repository, now=now, settle=0, directories=[found])


async def test_a_deleted_user_comes_back_until_it_is_purged(storage: Storage) -> None:
    """A POST revives the same id before the tombstone is due, and makes a new one after it."""
    client = await open_directory(storage, delete={"policy": "soft", "days": 7})
    ada = await client.user("ada@example.com")
    await client.delete(f"/Users/{ada.id}")
    assert (await purged(storage, client, 6 * DAY)).tombstones == 0
    assert (await client.user("ada@example.com")).id == ada.id
    await client.delete(f"/Users/{ada.id}")
    done = await purged(storage, client, 8 * DAY)
    assert (done.tombstones, done.failed) == (1, 0)
    assert (await client.user("ada@example.com")).id != ada.id


async def test_what_exists_outlives_its_log(storage: Storage, client: Client) -> None:
    """A version is known without its entry, so conditions and writes go on."""
    ada = await client.user("ada@example.com")
    group = await client.group(members=[ada.id])
    assert (await purged(storage, client, 60 * DAY)).entries == 2
    conditional = {"if-match": ada.headers["ETag"]}
    patch = {"op": "replace", "path": "title", "value": "x"}
    assert (await client.patch(f"/Users/{ada.id}", patch, headers=conditional)).status == 200
    assert (await client.delete(f"/Groups/{group.id}")).status == 204
    left = {each.verb async for each in storage.repository(client.directory).entries()}
    assert left == {"update", "delete"}


async def test_a_directory_is_removed_with_all_that_it_holds(storage: Storage) -> None:
    client, other = await open_directory(storage), await open_directory(storage)
    ada, bob = await client.user("ada@example.com"), await other.user("bob@example.com")
    await client.group(members=[ada.id])
    repository = storage.repository(client.directory)
    await remove(client.directory, storage.registry, repository, lambda *_: None, settle=0)
    assert [each async for each in repository.entries()] == []
    assert await repository.types_of([ada.id]) == {}
    assert await storage.registry.credentials(client.directory.id) == []
    assert (await client.get(f"/Users/{ada.id}")).status == 401
    assert (await other.get(f"/Users/{bob.id}")).status == 200


async def test_a_removal_that_broke_off_turns_its_tokens_away(storage: Storage) -> None:
    """Nothing is written into what is being removed, and the next purge ends it."""
    client = await open_directory(storage)
    await client.user("ada@example.com")

    def marked(found: Directory) -> Directory:
        return found.model_copy(update={"removing": True})

    await storage.registry.change_directory(client.directory.id, marked)
    assert (await client.get("/Users")).status == 401
    repository = storage.repository(client.directory)
    assert len([each async for each in repository.entries()]) == 1
    assert (await purged(storage, client, timedelta())).removed == 1
    assert [each async for each in repository.entries()] == []
    assert await storage.registry.directory_named(client.name) is None
