"""A change of rules breaks off at any call, before it or after it: nothing is half done for long.

The same command completes it, or gives it up; and whatever state it is in, requests are served.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from scim.reindexing import UnderWay, abandon
from scim.rules import Rules
from storage.open import Storage
from storage.registry_memory import MemoryRegistry
from tests.changing import Changing, changing, ruled

NEW = ruled({"name": "User", "unique": ["userName", "title"], "indexed": ["nickName"]})
OTHER = ruled({"name": "User", "unique": ["nickName"], "indexed": ["userName", "title"]})


class Killed(Exception):
    """The operator's process is gone."""


@dataclass
class Fuse:
    """Burns down with each call."""

    left: int
    after: bool = False

    def burn(self, *, after: bool) -> None:
        if after == self.after:
            self.left -= 1
            if self.left == 0:
                raise Killed


class Breaking:
    """A registry or a repository whose calls burn a fuse."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name in ("scan", "leftovers", "tombstones"):
            return lambda *args, **options: self._each(found, args, options)
        return lambda *args, **options: self._call(found, args, options)

    async def _call(self, call: Callable[..., Any], args: Any, options: Any) -> Any:
        self._fuse.burn(after=False)
        answer = await call(*args, **options)
        self._fuse.burn(after=True)
        return answer

    async def _each(self, call: Callable[..., Any], args: Any, options: Any) -> AsyncIterator[Any]:
        async for each in call(*args, **options):
            self._fuse.burn(after=False)
            yield each
            self._fuse.burn(after=True)


async def _peopled(storage: Storage) -> Changing:
    here = await changing(storage, Rules())
    for number in range(3):
        await here.client.user(f"u{number}", title=f"T{number}", nickName="N", displayName="D")
    await here.client.group("Sales", externalId="1")
    return here


async def _broken_off(here: Changing, fuse: Fuse) -> bool:
    """Change the rules until the fuse is burnt; tell whether it was."""

    async def wait(seconds: float) -> None:
        fuse.burn(after=False)
        await here.settle(seconds)
        fuse.burn(after=True)

    try:
        await here.change(
            NEW,
            registry=Breaking(here.registry, fuse),
            repository=Breaking(here.repository, fuse),
            wait=wait,
        )
    except Killed:
        return True
    return False


async def _use(here: Changing) -> None:
    """What requests do meanwhile: each is served."""
    here.look()
    client = here.client
    made = await client.user("between", title="between", nickName="between")
    for attribute in ("userName", "title", "nickName", "displayName"):
        patch = {"op": "replace", "path": attribute, "value": f"moved {attribute}"}
        assert (await client.patch(f"/Users/{made.id}", patch)).status == 200
        found = await client.get(f'/Users?filter={attribute}+eq+"moved+{attribute}"')
        assert [each["id"] for each in found.body["Resources"]] == [made.id]
    assert (await client.delete(f"/Users/{made.id}")).status == 204


async def _complete(here: Changing) -> None:
    """The same again."""
    await here.change(NEW)
    assert (await here.record()).rules == NEW


async def _give_up(here: Changing) -> None:
    """Give the new rules up, unless they are the directory's already."""
    before = await here.record()
    await abandon(here.registry, here.repository, before, wait=here.settle)
    here.look()
    assert (await here.record()).rules == before.rules


async def _change_otherwise(here: Changing) -> None:
    """Other rules have to wait until those that are coming are given up."""
    if (await here.record()).next is not None:
        with pytest.raises(UnderWay):
            await here.change(OTHER)
        await _give_up(here)
    users = await here.client.get("/Users")
    for each in users.body["Resources"]:  # so that nothing stands against what is unique then
        patch = {"op": "replace", "path": "nickName", "value": each["id"]}
        assert (await here.client.patch(f"/Users/{each['id']}", patch)).status == 200
    await here.change(OTHER)
    assert (await here.record()).rules == OTHER


@pytest.mark.parametrize("then", [_complete, _give_up, _change_otherwise])
@pytest.mark.parametrize("after", [False, True])
async def test_it_may_break_off_at_any_call(
    storage: Storage, then: Callable[[Changing], Any], *, after: bool
) -> None:
    # Azurite takes its time: there, some of the calls.
    place, stride = 1, 1 if isinstance(storage.registry, MemoryRegistry) else 7
    while True:
        here = await _peopled(storage)
        if not await _broken_off(here, Fuse(place, after)):
            break
        await _use(here)
        await then(here)
        record = await here.record()
        assert (record.next, record.previous) == (None, None), place
        assert await here.faults() == [], place
        await _use(here)
        place += stride
    assert place > 20
