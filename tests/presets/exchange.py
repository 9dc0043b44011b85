"""The exchange that every preset is played: everything that Entra does to people and groups."""

from typing import Any

from scim.cli.mappings import AttributeMapping
from tests.idp.exchange import Send
from tests.presets.expressions import evaluate
from tests.presets.player import Entry, Player, Resource, Tenant
from tests.presets.spelling import Spelling
from tests.presets.targets import Target

_COMMON = {"schemas", "id", "meta"}


def person(tenant: Tenant, name: str, tag: str, **more: Any) -> Entry:
    """Put somebody in scope who has what everybody has; `tag` keeps names apart from others'."""
    return tenant.user(
        userPrincipalName=f"{name}+{tag}@example.com",
        displayName=f"{name.capitalize()} O'Neil ({tag})",
        givenName=name.capitalize(),
        surname="O'Neil",
        mail=f"{name}.{tag}@example.com",
        mailNickname=f"{name}-{tag}",
        **more,
    )


def everything(name: str, tag: str) -> Entry:
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
    """One player, its tenant, and the steps in their order; each step ends at rest.

    At rest: what is shown is what the mapping says and nothing else, and a cycle sends no write,
    neither one that remembers nor one that matches everybody anew.
    """

    def __init__(self, send: Send, mapping: AttributeMapping, spelling: Spelling, tag: str) -> None:
        self.mapping = mapping
        self.player = Player(send, mapping, spelling)
        self.tenant = Tenant()
        self._spelling = spelling
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
            person(self.tenant, name, self._tag, **more) for name, more in people.items()
        )
        self.ada["manager"] = self.bob["manager"] = self.boss["objectId"]
        wanted = ["POST /Users"] * 3 + ["PATCH /Users"] * 2 * self._managed
        if self._grouped:
            mail = f"sales.{self._tag}@example.com"
            name = f"Sales & more [{self._tag}]"
            self.sales = self.tenant.group(self.ada, self.bob, displayName=name, mail=mail)
            wanted += ["POST /Groups", "PATCH /Groups"]
        assert self._short(await self.player.cycle(self.tenant)) == sorted(wanted)
        await self._at_rest()

    async def update(self) -> None:
        """Change all of one person, who keeps objectId and manager; fill in what another lacks."""
        id, manager = self.ada["objectId"], self.ada["manager"]
        fixed = {"objectId": id, "manager": manager, "IsSoftDeleted": "False"}
        self.ada.update({name: f"new {value}" for name, value in self.ada.items()} | fixed)
        self.bob.update(everything("bob", self._tag))
        wanted = ["PATCH /Users"] * 2
        if self._lacks_nothing("bob"):
            wanted.pop()
        if self._grouped:
            self.sales["displayName"] += " EMEA"
            self.sales["mail"] = f"new.{self.sales['mail']}"
            self.sales["members"] = [self.boss["objectId"], self.ada["objectId"]]
            wanted += ["PATCH /Groups"] * 3  # its name, who came, who left
        assert self._short(await self.player.cycle(self.tenant)) == sorted(wanted)
        await self._at_rest()

    def _lacks_nothing(self, name: str) -> bool:
        """Tell whether the mapping has none of the attributes that not everybody has."""
        lines = next(each for each in self.mapping.objects if each.source == "User").attributes
        return not {line.source for line in lines} & set(everything(name, self._tag))

    async def disable_and_restore(self) -> None:
        self.ada["IsSoftDeleted"] = "True"
        assert self._short(await self.player.cycle(self.tenant)) == ["PATCH /Users"]
        assert (await self.player.show(self.ada))["active"] is False
        await self._at_rest()
        self.ada |= {"IsSoftDeleted": "False", "displayName": f"Ada is back ({self._tag})"}
        assert self._short(await self.player.cycle(self.tenant)) == ["PATCH /Users"]
        assert (await self.player.show(self.ada))["active"] is True
        await self._at_rest()

    async def delete(self, *, kept: bool) -> None:
        paths = [f"/Users/{self.player.anchors[self.ada['objectId']]}"]
        del self.tenant.users[self.ada["objectId"]]
        if self._grouped:
            paths.append(f"/Groups/{self.player.anchors[self.sales['objectId']]}")
            del self.tenant.groups[self.sales["objectId"]]
        writes = await self.player.cycle(self.tenant)
        assert sorted(writes) == sorted(f"DELETE {path}" for path in paths)
        await self._at_rest()
        person, *group = [(await self._send("GET", path, {}, None)).status for path in paths]
        assert person == (200 if kept else 404)
        assert group in ([], [404])

    async def _at_rest(self) -> None:
        await self.verify()
        assert await self.player.cycle(self.tenant) == []
        self.player.restart()
        assert await self.player.cycle(self.tenant) == []
        await self.verify()

    async def verify(self) -> None:
        """Compare what everybody's resource shows with the mapping: these attributes, no other."""
        for objects in self.mapping.objects:
            entries = self.tenant.users if objects.source == "User" else self.tenant.groups
            for entry in entries.values():
                shown = await self.player.show(entry)
                document: Resource = {}
                for line in objects.attributes:
                    self._expect(document, line.target, line.source, entry)
                for name, value in document.items():
                    same = _without_marks(shown.get(name)) == _without_marks(value)
                    assert same, f"{name} is {shown.get(name)!r} instead of {value!r}"
                computed = {"groups"} if self._grouped else set()
                surplus = set(shown) - computed - _COMMON - set(document)
                assert not surplus, f"shown without being mapped: {surplus}"

    def _expect(self, document: Resource, target: str, source: str, entry: Entry) -> None:
        if source == "members":
            anchors = [self.player.anchors[each] for each in entry["members"]]
            document["members"] = [{"value": each} for each in anchors]
        elif source == "manager":
            if manager := self.player.anchors.get(entry.get("manager", "")):
                Target.parse(target).write(document, {"value": manager})
        elif value := evaluate(source, entry):
            Target.parse(target).write(document, self._spelling.real(target, value))

    def _short(self, writes: list[str]) -> list[str]:
        """Leave out ids, so that writes can be counted."""
        return sorted("/".join(each.split("/")[:2]) for each in writes)


def _without_marks(value: Any) -> Any:
    """Leave out what a server adds to elements, or a client may: `primary`, `type` of a member."""
    if isinstance(value, dict):
        return {name: _without_marks(each) for name, each in value.items() if name != "$ref"}
    if isinstance(value, list):
        marks = ("primary", "$ref") + (("type",) if any("$ref" in each for each in value) else ())
        return sorted(
            ({name: each[name] for name in each if name not in marks} for each in value),
            key=str,
        )
    return value
