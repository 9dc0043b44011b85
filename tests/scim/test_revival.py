"""Which deleted resource a new one is (`scim/revival.py`)."""

from collections.abc import Mapping
from dataclasses import replace

from scim.repository import Key, Member, Stored
from scim.revival import meant, revived, sought, tombstone
from scim.tombstones import Tombstone
from tests.storage.making import USER, change


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
    unfinished = replace(last, revived=True)
    assert meant({"externalId": "e"}, USER, [unfinished, replace(last, version="")]) is None


def test_a_revived_resource_keeps_id_and_creation() -> None:
    kept = _kept({"meta": {"created": "then"}})
    new = {"id": "y", "meta": {"created": "now", "lastModified": "now"}}
    assert revived(new, kept) == {"id": "x", "meta": {"created": "then", "lastModified": "now"}}
    assert revived(new, _kept({}))["meta"]["created"] == "now"


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
        (replace(older, revived=True, change="3"), ["a", "b"]),
        (replace(older, change="4"), ["b"]),
    ):
        kept = tombstone(USER, before, last, days=2, older=each)
        assert [one.id for one in kept.members] == expected
        assert (kept.guard, kept.keys) == ("g", older.keys)
