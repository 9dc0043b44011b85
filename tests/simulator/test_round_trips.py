"""What is composed, sent and read back is what the mapping says; nothing is sent twice.

For every preset's mapping, in each way of writing, with values that are easily broken.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from scim.cli.mappings import mapping
from scim.cli.simulator.compare import check, reference_of, values_of
from scim.cli.simulator.compose import body, manager_forms, operations, patch, reference
from scim.cli.simulator.dialects import DEFAULT, DIALECTS, FLAGGED, STRICT, Dialect
from scim.cli.simulator.generating import ROLES, generate
from scim.cli.simulator.mapping import Objects
from scim.cli.simulator.targets import ENTERPRISE
from scim.cli.simulator.values import Context, Values, evaluate
from scim.own_attributes import with_attribute
from scim.presets import PRESETS, preset
from storage.open import Storage, open_storage
from tests.service import Client, open_directory
from tests.simulator.making import ADA, CUSTOM, users

CREATING = Context(creating=True)
SPOKEN = {name: [STRICT] if name == "rfc" else [DEFAULT, FLAGGED] for name in PRESETS}


@pytest.fixture
async def memory() -> AsyncIterator[Storage]:
    storage = open_storage("memory")
    yield storage
    await storage.close()


async def directory_of(memory: Storage, name: str, *attributes: str) -> Client:
    rules = preset(name)
    for each in (*mapping(name).adds, *attributes):
        rules = with_attribute(rules, each)
    fields = {each: getattr(rules, each) for each in type(rules).model_fields}
    return await open_directory(memory, **fields)


class Resource:
    """One object, provisioned as a job would: what is shown, what is sent."""

    def __init__(self, client: Client, objects: Objects, dialect: Dialect) -> None:
        self._client, self._objects, self._dialect = client, objects, dialect
        self.path = ""

    async def create(self, entry: Mapping[str, Any]) -> None:
        endpoint = f"/{self._objects.target}s"
        values = evaluate(self._objects, entry, CREATING)
        answer = await self._client.post(endpoint, body(self._objects, values, self._dialect))
        assert answer.status == 201, answer.body
        self.path = f"{endpoint}/{answer.id}"

    async def show(self) -> Mapping[str, Any]:
        answer = await self._client.get(self.path)
        return check(answer.body, self._objects.target)

    async def values(self) -> Values:
        return values_of(await self.show(), self._objects.updated)

    async def pending(self, entry: Mapping[str, Any]) -> list[dict[str, Any]]:
        return operations(await self.values(), evaluate(self._objects, entry), self._dialect)

    async def send(self, *sent: dict[str, Any]) -> None:
        answer = await self._client.send("PATCH", self.path, patch(sent))
        assert answer.status in (200, 204), answer.body

    async def update(self, entry: Mapping[str, Any]) -> None:
        await self.send(*await self.pending(entry))
        assert await self.pending(entry) == []


@pytest.mark.parametrize(
    ("name", "dialect"), [(name, each) for name in SPOKEN for each in SPOKEN[name]]
)
async def test_what_is_sent_is_shown_and_not_sent_again(
    memory: Storage, name: str, dialect: Dialect
) -> None:
    """Created, then made into somebody else attribute by attribute, for each mapping."""
    client = await directory_of(memory, name)
    source, other = generate(12, 6, 5, tag="a"), generate(12, 6, 6, tag="b")
    for objects in mapping(name).objects:
        before, after = (
            [each.entry(id) for id in (each.users if objects.source == "User" else each.groups)]
            for each in (source, other)
        )
        for one, two in zip(before, after, strict=True):
            resource = Resource(client, objects, dialect)
            await resource.create(one)
            assert await resource.values() == evaluate(objects, one)
            assert await resource.pending(one) == []
            await resource.update(two)
            shouted = {key: v.upper() if isinstance(v, str) else v for key, v in two.items()}
            if objects.source == "User":
                await resource.update({**shouted, "IsSoftDeleted": "True"})
                await resource.update({**two, "IsSoftDeleted": "False"})


@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("SingleAppRoleAssignment", 'roles[primary eq "True"].value'),
        ("SingleAppRoleAssignment", "roles"),
        ("AppRoleAssignmentsComplex", "roles"),
        ("AssertiveAppRoleAssignmentsComplex", "roles"),
    ],
)
async def test_roles_come_to_rest(
    memory: Storage, dialect: Dialect, source: str, target: str
) -> None:
    client = await directory_of(memory, "default")
    objects = users({"source": f"{source}([appRoleAssignments])", "target": target})
    resource = Resource(client, objects, dialect)
    for held in (ROLES[:1], ROLES[:2], ROLES[1:]):
        entry = ADA | {"appRoleAssignments": list(held)}
        if not resource.path:
            await resource.create(entry)
        await resource.update(entry)
        names = {each["value"] for each in (await resource.show())["roles"]}
        wanted = {each.name for each in held}
        if source.startswith("Assertive"):
            assert names == wanted
        elif source.startswith("App"):
            assert names >= wanted


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_custom_attributes_come_to_rest(memory: Storage, dialect: Dialect) -> None:
    name = "rfc" if dialect is STRICT else "default"
    own = "urn:ietf:params:scim:schemas:extension:custom:2.0:User"
    client = await directory_of(memory, name, "tag:string", "flag:boolean", "level:integer")
    objects = users(
        {"source": "tag", "target": f"{own}:tag"},
        {"source": "flag", "target": f"{own}:flag", "type": "boolean"},
        {"source": "level", "target": f"{own}:level", "type": "integer"},
    )
    resource = Resource(client, objects, dialect)
    await resource.create(ADA | {"tag": 'a"b\\c+d', "flag": "True"})
    await resource.update(ADA | {"tag": "é", "flag": "False", "level": "7"})
    assert (await resource.show())[own] == {"tag": "é", "flag": False, "level": 7}


async def test_what_a_directory_does_not_know_is_sent_in_every_cycle(memory: Storage) -> None:
    """The sign of a mapping that the other side ignores."""
    client = await directory_of(memory, "default")
    objects = users({"source": "tag", "target": f"{CUSTOM}:tag"})
    resource = Resource(client, objects, DEFAULT)
    await resource.create(ADA | {"tag": "1"})
    assert await resource.pending(ADA | {"tag": "1"}) == [
        {"op": "Add", "path": f"{CUSTOM}:tag", "value": "1"}
    ]


@pytest.mark.parametrize("clearing", ["remove", "empty", "null", "valued"])
@pytest.mark.parametrize("dialect", [DEFAULT, FLAGGED], ids=lambda each: each.name)
async def test_what_is_cleared_is_gone(memory: Storage, dialect: Dialect, clearing: Any) -> None:
    client = await directory_of(memory, "default")
    (objects, *_) = mapping("default").objects
    everybody = generate(5, 0, 5)
    for id in everybody.users:
        entry = everybody.user(id)
        resource = Resource(client, objects, dialect)
        await resource.create(entry)
        required = {"userName": entry["userPrincipalName"], "active": True}
        shown = await resource.values()
        await resource.send(*operations(shown, dict(required), dialect, clearing))
        assert await resource.values() == required


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
async def test_a_manager_comes_and_goes(memory: Storage, dialect: Dialect) -> None:
    client = await directory_of(memory, "rfc" if dialect is STRICT else "default")
    (objects, *_) = mapping("default").objects
    (line,) = objects.references
    resource = Resource(client, objects, dialect)
    await resource.create(ADA)
    ids = [(await client.user()).id, (await client.user()).id, None]
    for wanted in ids:
        before = reference_of(await resource.show(), line)
        await resource.send(*reference(line.target, before, wanted, dialect))
        assert reference_of(await resource.show(), line) == wanted


async def test_every_form_of_a_manager_is_understood(memory: Storage) -> None:
    client = await directory_of(memory, "default")
    boss = await client.user()
    (objects, *_) = mapping("default").objects
    (line,) = objects.references
    resource = Resource(client, objects, DEFAULT)
    await resource.create(ADA)
    forms = manager_forms(boss.id, f"https://scim.example.com/Users/{boss.id}")
    for name, operation in forms.items():
        await resource.send(forms["b"] if name in "efgh" else forms["g"])
        await resource.send(operation)
        found = reference_of(await resource.show(), line)
        assert found == (None if name in "efgh" else boss.id), name
    assert line.target == f"{ENTERPRISE}:manager"
