"""The exchange that every preset is played: everything that Entra does to people and groups."""

from typing import Any

from scim.cli.mappings import AttributeMapping
from scim.cli.simulator.compose import body
from scim.cli.simulator.dialects import Dialect
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.source import SourceDirectory
from scim.cli.simulator.values import Context, evaluate
from tests.idp.exchange import Send
from tests.presets.player import COMMON, Player, Resource, shows


def person(source: SourceDirectory, name: str, tag: str, **more: Any) -> str:
    """Put somebody in scope who has what everybody has; `tag` keeps names apart from others'."""
    return source.add_user(
        userPrincipalName=f"{name}+{tag}@example.com",
        displayName=f"{name.capitalize()} O'Neil ({tag})",
        givenName=name.capitalize(),
        surname="O'Neil",
        mail=f"{name}.{tag}@example.com",
        mailNickname=f"{name}-{tag}",
        **more,
    )


def everything(name: str, tag: str) -> dict[str, str]:
    """Attributes that the mappings know and that not everybody has."""
    return {
        "jobTitle": "Analyst",
        "preferredLanguage": "en-GB",
        "physicalDeliveryOfficeName": "Room 1, Æblehaven",
        "streetAddress": "1 Main St",
        "city": "Aarhus",
        "state": "Midtjylland",
        "postalCode": "8000",
        "country": "DK",
        "telephoneNumber": "+45 5550 0001",
        "mobile": "+45 5550 0002",
        "facsimileTelephoneNumber": "+45 5550 0003",
        "employeeId": f"{name}/{tag}",
        "department": "R&D",
        "extensionAttribute1": f"{name}:4711:{tag}",
    }


class Exchange:
    """One player and the steps in their order; each step ends at rest.

    At rest: what is shown is what the mapping says and nothing else, and a cycle sends no write,
    neither one that remembers nor one that matches everybody anew.
    """

    def __init__(self, send: Send, mapping: AttributeMapping, dialect: Dialect, tag: str) -> None:
        self.mapping = mapping
        self.player = Player(send, mapping, dialect)
        self.source = self.player.source
        self._tag = tag
        self._send = send
        sources = {line.source for each in mapping.objects for line in each.attributes}
        self._managed = "manager" in sources
        self._grouped = "members" in sources

    async def play(self, *, kept: bool = False) -> None:
        """Play it all; `kept` says that a deleted person stays, disabled."""
        await self.create()
        await self.update()
        await self.disable_and_restore()
        await self.delete(kept=kept)

    async def create(self) -> None:
        people = {name: everything(name, self._tag) for name in ("boss", "ada")} | {"bob": {}}
        self.boss, self.ada, self.bob = (
            person(self.source, name, self._tag, **more) for name, more in people.items()
        )
        for each in (self.ada, self.bob):
            self.source.update(each, manager=self.boss)
        wanted = ["POST /Users"] * 3 + ["PATCH /Users"] * 2 * self._managed
        if self._grouped:
            mail = f"sales.{self._tag}@example.com"
            name = f"Sales & more [{self._tag}]"
            self.sales = self.source.add_group(self.ada, self.bob, displayName=name, mail=mail)
            wanted += ["POST /Groups", "PATCH /Groups"]
        assert await self._cycle() == sorted(wanted)
        await self._at_rest()

    async def update(self) -> None:
        """Change all of one person, who keeps objectId and manager; fill in what another lacks."""
        fixed = {"objectId", "manager", "IsSoftDeleted"}
        held = {k: v for k, v in self.source.user(self.ada).items() if isinstance(v, str)}
        self.source.update(self.ada, **{k: f"new {held[k]}" for k in held.keys() - fixed})
        self.source.update(self.bob, **everything("bob", self._tag))
        wanted = ["PATCH /Users"] * 2
        if self._lacks_nothing("bob"):
            wanted.pop()
        if self._grouped:
            group = self.source.group(self.sales)
            names = {"displayName": f"{group['displayName']} EMEA", "mail": f"new.{group['mail']}"}
            self.source.update(self.sales, **names)
            self.source.add_members(self.sales, self.boss)
            self.source.remove_members(self.sales, self.bob)
            wanted += ["PATCH /Groups"] * 3  # its name, who came, who left
        assert await self._cycle() == sorted(wanted)
        await self._at_rest()

    def _lacks_nothing(self, name: str) -> bool:
        """Tell whether the mapping has none of the attributes that not everybody has."""
        lines = next(each for each in self.mapping.objects if each.source == "User").attributes
        return not {line.source for line in lines} & set(everything(name, self._tag))

    async def disable_and_restore(self) -> None:
        self.source.update(self.ada, accountEnabled=False)
        assert await self._cycle() == ["PATCH /Users"]
        assert (await self.player.show(self.ada))["active"] is False
        await self._at_rest()
        back = f"Ada is back ({self._tag})"
        self.source.update(self.ada, accountEnabled=True, displayName=back)
        assert await self._cycle() == ["PATCH /Users"]
        assert (await self.player.show(self.ada))["active"] is True
        await self._at_rest()

    async def delete(self, *, kept: bool) -> None:
        paths = [f"/Users/{self.player.anchor(self.ada)}"]
        if self._grouped:
            paths.append(f"/Groups/{self.player.anchor(self.sales)}")
            self.source.purge(self.sales)
        self.source.purge(self.ada)
        writes = await self.player.cycle()
        assert sorted(writes) == sorted(f"DELETE {path}" for path in paths)
        await self._at_rest()
        person, *group = [(await self._send("GET", path, {}, None)).status for path in paths]
        assert person == (200 if kept else 404)
        assert group in ([], [404])

    async def _at_rest(self) -> None:
        await self.verify()
        for restarted in (False, True):
            if restarted:
                self.player.restart()
            again = await self.player.cycle()
            assert not again, f"sent again: {again}"
        await self.verify()

    async def verify(self) -> None:
        """Compare what everybody's resource shows with the mapping: these attributes, no other."""
        for objects in self.mapping.objects:
            for id in self.source.users if objects.source == "User" else self.source.groups:
                shown, due = await self.player.show(id), self._due(objects, id)
                assert not shows(shown, due), shows(shown, due)
                computed = {"groups"} if self._grouped else set()
                surplus = set(shown) - computed - COMMON - set(due)
                assert not surplus, f"shown without being mapped: {surplus}"

    def _due(self, objects: Objects, id: str) -> Resource:
        entry = self.source.entry(id)
        due = body(objects, evaluate(objects, entry, Context(creating=True)), self.player.dialect)
        due = {name: value for name, value in due.items() if value != []}
        for line in objects.references:
            if line.source == "members":
                due["members"] = [{"value": self.player.anchor(each)} for each in entry["members"]]
            elif manager := entry.get("manager"):
                held = due.setdefault(line.path.urn, {}) if line.path.urn else due
                held[line.path.name] = {"value": self.player.anchor(manager)}
        return due

    async def _cycle(self) -> list[str]:
        """Leave ids out of the writes, so that they can be counted."""
        return sorted("/".join(each.split("/")[:2]) for each in await self.player.cycle())
