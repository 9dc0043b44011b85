"""Which deleted resource a new one is (`scim/revival.py`)."""

import re
from collections.abc import Mapping
from dataclasses import replace

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.definitions import Attribute
from scim.journal import Entry
from scim.keys import key
from scim.repository import Key, Member, Stored
from scim.revival import left_out, meant, revived, sought, tombstone
from scim.schema import ResourceType
from scim.shaping import remade
from scim.tombstones import Tombstone
from tests.storage.making import USER, change

FOUND = ("userName", "title")


def _kept(resource: Mapping[str, object], deleted: str = "2026-01-01T00:00:00Z") -> Tombstone:
    document = {"id": "x", **resource}
    return Tombstone(document, "User", "1", deleted, "2027", keys=sought(document, USER))


def test_who_is_meant() -> None:
    """By externalId; else by a unique value, unless the externalIds say that it is another."""
    for new, old, expected in (
        ({"externalId": "e", "userName": "new"}, {"externalId": "e", "userName": "old"}, True),
        ({"externalId": "e", "userName": "Ada"}, {"userName": "ada"}, True),
        ({"userName": "Ada"}, {"externalId": "e", "userName": "ada"}, True),
        ({"externalId": "e", "userName": "ada"}, {"externalId": "f", "userName": "ada"}, False),
        ({"externalId": "E", "userName": "ada"}, {"externalId": "e", "userName": "ada"}, False),
        ({"userName": "ada"}, {"userName": "bob"}, False),
        ({"title": "x"}, {"title": "x"}, False),
    ):
        kept = _kept(old)
        assert meant({"id": "y", **new}, USER, [kept]) == (kept if expected else None), new
    first = _kept({"externalId": "e"}, "2026-01-01T00:00:00Z")
    last = _kept({"externalId": "e", "userName": "x"}, "2026-01-02T00:00:00Z")
    same = _kept({"userName": "ada"}, "2026-01-03T00:00:00Z")
    assert meant({"externalId": "e", "userName": "ada"}, USER, [first, same, last]) is last
    unfinished = replace(last, revived="7")
    assert meant({"externalId": "e"}, USER, [unfinished, replace(last, version="")]) is None


def test_a_revived_resource_keeps_id_and_creation() -> None:
    kept = _kept({"meta": {"created": "then"}})
    new = {"id": "y", "meta": {"created": "now", "lastModified": "now"}}
    assert revived(new, kept) == {"id": "x", "meta": {"created": "then", "lastModified": "now"}}
    assert revived(new, _kept({}))["meta"]["created"] == "now"


def test_what_is_kept_beside_a_change_of_rules_is_found_after_it() -> None:
    """By the values that the rules which are coming find it by, and those of today."""
    coming = ResourceType(remade(USER.definition, unique=("title",)), USER.schema)
    before = Stored({"id": "x", "userName": "ada", "title": "Countess"}, "5")
    kept = tombstone(replace(USER, coming=coming), before, change("delete"), days=2)
    assert kept.keys == {key(USER.known_path(path), before.resource[path]) for path in FOUND}


def test_a_value_of_another_definition_finds_nobody() -> None:
    """What is a number or a time now, kept as text; everything else is found by still."""
    attributes = (Attribute(name="desk", type="integer"), Attribute(name="since", type="dateTime"))
    unique = ("userName", "desk", "since")
    definition = remade(BUILT_IN_RESOURCE_TYPES[0], attributes=attributes, unique=unique)
    other = Catalog.build((), (definition,)).resource_types[0]
    for value in ({"desk": "seven"}, {"desk": {"floor": 7}}, {"since": "long"}, {"since": 7}):
        assert len(sought({"userName": "ada", **value}, other)) == 1, value
    known = {"userName": "ada", "desk": 7, "since": "2026-01-01T00:00:00Z"}
    assert len(sought(known, other)) == 3


def test_an_unfinished_deletion_is_carried_on() -> None:
    """Memberships that it had removed are kept, those of an older life of the resource aren't."""
    before = Stored({"id": "x"}, "5", members=(Member("b", "User"),), member_of=())
    older = replace(
        _kept({}),
        change="5",
        guard="g",
        members=(Member("a", "User"),),
        keys=frozenset({Key("userName", "text:ada")}),
    )
    last = change("delete")
    for each, expected in (
        (older, ["a", "b"]),
        (replace(older, revived="4", change="3"), ["a", "b"]),
        (replace(older, change="4"), ["b"]),
    ):
        kept = tombstone(USER, before, last, days=2, older=each)
        assert [one.id for one in kept.members] == expected
        assert (kept.guard, kept.keys) == ("g", older.keys)


def test_what_does_not_come_back_is_named() -> None:
    """Ids of all, in entries that have room for them; who is there anyway is no loss."""
    groups = tuple(Member(f"g{number:02}", "Group") for number in range(25))
    older = replace(_kept({}), revived="5", member_of=groups, members=(Member("m", "User"),))
    now = Stored({"id": "x"}, "9", members=(), member_of=groups[:1])
    lasting = replace(older, member_of=groups[1:3])
    last = replace(change("restore"), operation="purge")
    told: list[Entry] = left_out(older, replace(lasting, members=()), now, last)
    assert [(each.verb, each.type, each.resource, each.operation) for each in told] == [
        ("warn", "User", "x", "purge")
    ] * 3
    assert len({each.id for each in told}) == 3
    named = {id for each in told for id in re.findall(r"\b[gm][0-9]{2}\b|\bm\b", each.detail)}
    assert named == {"m", *(each.id for each in groups[3:])}
    assert all(len(each.detail) < 1000 for each in left_out(older, lasting, now, last))
    assert left_out(older, older, now, last) == []
