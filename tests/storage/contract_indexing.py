"""The promises that rules are changed with (`scim/indexing.py`), passed by each store."""

from dataclasses import replace

import pytest

from scim.keys import claims, indexes
from scim.repository import Gone, Repository, Stale, Stored, Taken
from scim.schema import ResourceType
from tests.storage.making import URN, USER, change, creation, looked_up, resource, user


def ruled(*, unique: tuple[str, ...], indexed: tuple[str, ...] = ()) -> ResourceType:
    """Users of other rules."""
    definition = USER.definition.model_copy(update={"unique": unique, "indexed": indexed})
    return ResourceType(definition, USER.schema, USER.extensions)


TITLED = ruled(unique=("userName", "title"), indexed=("nickName", f"{URN}:badges"))
BEFORE = replace(USER, coming=TITLED)


async def index(repository: Repository, stored: Stored) -> None:
    """Index a resource for what it is to be found by."""
    await repository.index(
        TITLED, stored, claims(stored.resource, TITLED), indexes(stored.resource, TITLED)
    )


async def found(repository: Repository, type: ResourceType, path: str, value: str) -> list[str]:
    return [each.id for each in await repository.find(type, looked_up(type, path, value))]


async def swept(repository: Repository, type: ResourceType) -> int:
    """Remove what nobody needs; how many rows that were."""
    some = [await repository.unindex(type, each) async for each in repository.leftovers(type)]
    return sum(some)


class Indexing:
    """What holds while the rules of a directory change."""

    async def test_what_is_indexed_later_is_found(self, repository: Repository) -> None:
        """Version and resource stay as they are, and to index twice is to index once."""
        badges = {"badges": [str(number) for number in range(150)]}
        one = await user(repository, title="T", nickName="N", **{URN: {"badges": ["1"]}})
        two = await user(repository, nickName="n")
        assert await found(repository, TITLED, "title", "T") == []
        for _ in range(2):
            for id in (one.id, two.id):
                stored = await repository.get(USER, id)
                assert stored is not None
                await index(repository, stored)
        assert await found(repository, TITLED, "title", "t") == [one.id]
        assert await found(repository, TITLED, "nickName", "N") == sorted([one.id, two.id])
        assert await found(repository, TITLED, f"{URN}:badges", "1") == [one.id]
        read = await repository.get(USER, one.id)
        assert read is not None
        assert (read.resource, read.version) == (one.resource, one.version)
        await repository.replace(TITLED, read, {**read.resource, "title": "U"}, change())
        assert await swept(repository, USER) > 0
        three = resource(TITLED, userName="three", title="T", **{URN: badges})
        await repository.create(TITLED, three, creation(three))
        assert await found(repository, TITLED, f"{URN}:badges", "149") == [three["id"]]
        assert await swept(repository, USER) >= 0
        read = await repository.get(USER, three["id"])
        assert read is not None
        await repository.delete(TITLED, read, change("delete"))

    async def test_what_was_written_since_is_not_indexed(self, repository: Repository) -> None:
        """Who indexes what was replaced is Stale, what is gone Gone; nothing is made of it."""
        one = await user(repository, title="T")
        newer = await repository.replace(USER, one, {**one.resource, "title": "U"}, change())
        with pytest.raises(Stale):
            await index(repository, one)
        await repository.delete(USER, newer, change("delete"))
        with pytest.raises(Gone):
            await index(repository, newer)
        assert await swept(repository, USER) == 0
        assert await found(repository, TITLED, "title", "T") == []

    async def test_a_value_has_one_owner(self, repository: Repository) -> None:
        """Taken names the attribute; whoever has it keeps it when another gives up the same."""
        one, two = await user(repository, title="T"), await user(repository, title="t")
        await index(repository, one)
        with pytest.raises(Taken) as taken:
            await index(repository, two)
        assert taken.value.attribute == "title"
        read = await repository.get(USER, two.id)
        assert read is not None
        await repository.replace(BEFORE, read, {**read.resource, "title": "U"}, change())
        third = resource(USER, title="T")
        with pytest.raises(Taken):
            await repository.create(BEFORE, third, creation(third))
        assert await found(repository, BEFORE, "title", "T") == [one.id]
        assert await found(repository, BEFORE, "title", "U") == [two.id]
        assert await swept(repository, USER) == 2

    async def test_what_is_coming_is_written_along(self, repository: Repository) -> None:
        """A write claims and indexes for both; what it leaves alone it doesn't claim."""
        here = await user(repository, title="T", nickName="N")
        same = await user(repository, title="T")
        made = resource(USER, title="U", nickName="N")
        await repository.create(BEFORE, made, creation(made))
        assert await found(repository, BEFORE, "title", "U") == [made["id"]]
        for stored in (here, same):  # neither has claimed it, so neither is refused
            await repository.replace(
                BEFORE, stored, {**stored.resource, "locale": "en"}, change()
            )  # fmt: skip
        assert await found(repository, BEFORE, "title", "T") == []
        read = await repository.get(USER, here.id)
        assert read is not None
        with pytest.raises(Taken):
            await repository.replace(BEFORE, read, {**read.resource, "title": "u"}, change())
        new = {**read.resource, "title": "V", "nickName": "M"}
        await repository.replace(BEFORE, read, new, change())
        assert await found(repository, BEFORE, "title", "V") == [here.id]
        assert await found(repository, BEFORE, "nickName", "M") == [here.id]
        assert await swept(repository, USER) == 4

    async def test_a_claim_counts_while_its_owner_holds_the_value(
        self, repository: Repository
    ) -> None:
        """A worker that doesn't know what is unique leaves claims behind: they hinder nobody."""
        one, two = await user(repository, title="T"), await user(repository, title="U")
        await index(repository, one)
        await index(repository, two)
        for stored, title in ((one, "V"), (two, None)):
            read = await repository.get(USER, stored.id)
            assert read is not None
            if title is None:
                await repository.delete(USER, read, change("delete"))
            else:
                await repository.replace(USER, read, {**read.resource, "title": title}, change())
        made = resource(USER, title="T")
        await repository.create(BEFORE, made, creation(made))
        read = await repository.get(USER, one.id)
        assert read is not None
        await repository.replace(BEFORE, read, {**read.resource, "title": "U"}, change())
        assert await found(repository, TITLED, "title", "T") == [made["id"]]
        assert await found(repository, TITLED, "title", "U") == [one.id]
        assert await swept(repository, TITLED) >= 0
        assert await found(repository, TITLED, "title", "U") == [one.id]
        assert await swept(repository, USER) == 2

    async def test_what_somebody_came_to_need_is_not_swept(self, repository: Repository) -> None:
        """Between reading a leftover and removing it, it was written again."""
        one = await user(repository, title="T", nickName="N")
        await index(repository, one)
        leftovers = [some async for some in repository.leftovers(USER)]
        read = await repository.get(USER, one.id)
        assert read is not None
        other = {**read.resource, "title": "U", "nickName": "M"}
        moved = await repository.replace(TITLED, read, other, change())
        back = {**moved.resource, "title": "T", "nickName": "N"}
        await repository.replace(TITLED, moved, back, change())
        assert sum([await repository.unindex(USER, some) for some in leftovers]) == 0
        assert await found(repository, TITLED, "title", "T") == [one.id]
        assert await found(repository, TITLED, "nickName", "N") == [one.id]
        assert await swept(repository, USER) == 2
