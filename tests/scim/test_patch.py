"""Operations on a resource (RFC 7644 §3.5.2)."""

import copy
from typing import Any

import pytest

from scim.errors import InvalidValue, Mutability, NoTarget, ScimError
from scim.operations import read_operations
from scim.patch import apply
from tests.scim.device import DEVICE, OWNER_URN
from tests.scim.patching import (
    ENTERPRISE,
    GROUP,
    HOME,
    LOOSE,
    STRICT,
    USER,
    WORK,
    add,
    patched,
    remove,
    replace,
)

ADDRESS = {"type": "work", "streetAddress": "1 A St", "country": "GB"}
NEW_ADDRESS = {"type": "work", "streetAddress": "911 B St", "country": "US", "primary": True}
BABS = {"value": "2819", "display": "Babs"}
JAMES = {"value": "902c", "display": "James"}


@pytest.mark.parametrize(
    ("type", "before", "operation", "after"),
    [
        # §3.5.2.1: add a member; add attributes without a path
        (GROUP, {}, add("members", [BABS]), {"members": [BABS]}),
        (GROUP, {"members": [JAMES]}, add("members", [BABS]), {"members": [JAMES, BABS]}),
        (
            USER,
            {"emails": [WORK]},
            add(None, {"emails": [HOME], "nickname": "Babs"}),
            {"emails": [WORK, HOME], "nickName": "Babs"},
        ),
        # §3.5.2.2: remove one member, all members, one of the work e-mail addresses
        (
            GROUP,
            {"members": [BABS, JAMES]},
            remove('members[value eq "2819"]'),
            {"members": [JAMES]},
        ),
        (GROUP, {"members": [BABS, JAMES]}, remove("members"), {}),
        (
            USER,
            {"emails": [WORK, {"type": "work", "value": "w@example.com"}]},
            remove('emails[type eq "work" and value ew "example.com"]'),
            {"emails": [WORK]},
        ),
        # §3.5.2.3: replace all members, an address, one sub-attribute of it, several attributes
        (GROUP, {"members": [BABS]}, replace("members", [JAMES]), {"members": [JAMES]}),
        (
            USER,
            {"addresses": [ADDRESS]},
            replace('addresses[type eq "work"]', NEW_ADDRESS),
            {"addresses": [NEW_ADDRESS]},
        ),
        (
            USER,
            {"addresses": [ADDRESS]},
            replace('addresses[type eq "work"].streetAddress', "1010 Broadway Ave"),
            {"addresses": [{**ADDRESS, "streetAddress": "1010 Broadway Ave"}]},
        ),
        (
            USER,
            {"emails": [WORK, HOME], "nickName": "Babs"},
            replace(None, {"emails": [HOME], "nickname": "B"}),
            {"emails": [HOME], "nickName": "B"},
        ),
    ],
)
def test_the_examples_of_the_rfc(type: Any, before: Any, operation: Any, after: Any) -> None:
    group = {"displayName": "G"} if type is GROUP else {}
    for dialect in (STRICT, LOOSE):
        assert patched(group | before, operation, dialect=dialect, type=type) == group | after


@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({}, add("title", "T"), {"title": "T"}),
        ({"title": "S"}, add("title", "T"), {"title": "T"}),
        ({"title": "S"}, replace("title", "T"), {"title": "T"}),
        ({}, replace("title", "T"), {"title": "T"}),
        ({"title": "S"}, remove("title"), {}),
        ({}, remove("title"), {}),
        ({"active": True}, replace("active", False), {"active": False}),
        ({"title": "S"}, replace("title", None), {}),
        ({"title": "S"}, replace("title", ""), {}),
        ({"title": "S"}, add("title", ""), {}),
        # complex: what is named is set, the rest stays
        (
            {"name": {"givenName": "A"}},
            add("name", {"familyName": "L"}),
            {"name": {"givenName": "A", "familyName": "L"}},
        ),
        (
            {"name": {"givenName": "A", "familyName": "L"}},
            replace("name", {"givenName": None, "middleName": "M"}),
            {"name": {"familyName": "L", "middleName": "M"}},
        ),
        ({"name": {"givenName": "A"}}, replace("name", {}), {"name": {"givenName": "A"}}),
        ({"name": {"givenName": "A"}}, replace("name", None), {}),
        ({}, add("name.givenName", "A"), {"name": {"givenName": "A"}}),
        ({"name": {"givenName": "A"}}, remove("name.givenName"), {}),
        ({"name": {"givenName": "A"}}, replace("name.givenName", ""), {}),
        # multi-valued
        ({"emails": [WORK]}, add("emails", []), {"emails": [WORK]}),
        ({"emails": [WORK]}, add("emails", [{"value": None}]), {"emails": [WORK]}),
        ({"emails": [WORK]}, replace("emails", []), {}),
        ({"emails": [WORK]}, add("emails", HOME), {"emails": [WORK, HOME]}),
        ({"emails": [WORK]}, add("emails", [{"value": "W@X"}]), {"emails": [WORK]}),
        (
            {"emails": [WORK]},
            add("emails", [{"value": "W@X", "type": "WORK", "display": "d"}]),
            {"emails": [{**WORK, "display": "d"}]},
        ),
        (
            {"emails": [WORK, HOME]},
            replace("emails.display", "d"),
            {"emails": [{**WORK, "display": "d"}, {**HOME, "display": "d"}]},
        ),
        ({}, add("emails.value", "a"), {"emails": [{"value": "a"}]}),
        ({"emails": [WORK, HOME]}, remove("emails.value"), {}),
        # one primary
        (
            {"emails": [WORK, HOME]},
            replace('emails[type eq "home"].primary', True),
            {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
        ),
        (
            {"emails": [WORK]},
            add("emails", [{**HOME, "primary": True}]),
            {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]},
        ),
        # elements that become the same are one
        (
            {"emails": [WORK, {"type": "home", "value": "w@x", "display": "d"}]},
            replace('emails[type eq "home"].type', "work"),
            {"emails": [{**WORK, "display": "d"}]},
        ),
        # an element of which only labels are left goes
        ({"emails": [WORK, HOME]}, remove('emails[type eq "work"].value'), {"emails": [HOME]}),
        ({"emails": [WORK]}, replace('emails[type eq "work"].value', ""), {}),
        (
            {"emails": [WORK]},
            remove("emails.primary"),
            {"emails": [{"type": "work", "value": "w@x"}]},
        ),
        # a removal that lists values removes those
        ({"emails": [WORK, HOME]}, remove("emails", [{"value": "W@x"}]), {"emails": [HOME]}),
        (
            {"emails": [WORK, {**HOME, "value": "w@x"}]},
            remove("emails", [{"value": "w@x", "type": "home"}]),
            {"emails": [WORK]},
        ),
        ({"emails": [WORK]}, remove("emails", [{"value": "z"}]), {"emails": [WORK]}),
        ({"emails": [WORK]}, remove("emails", []), {"emails": [WORK]}),
        # extensions
        ({}, add(f"{ENTERPRISE}:division", "D"), {ENTERPRISE: {"division": "D"}}),
        ({ENTERPRISE: {"division": "D"}}, remove(f"{ENTERPRISE}:division"), {}),
        ({ENTERPRISE: {"division": "D"}}, remove(ENTERPRISE), {}),
        ({ENTERPRISE: {"division": "D"}}, replace(ENTERPRISE, {}), {ENTERPRISE: {"division": "D"}}),
        (
            {ENTERPRISE: {"division": "D", "costCenter": "C"}},
            add(None, {ENTERPRISE: {"division": "", "manager": {"value": "m"}}}),
            {ENTERPRISE: {"costCenter": "C", "manager": {"value": "m"}}},
        ),
        (
            {ENTERPRISE: {"manager": {"value": "m"}}},
            replace(f"{ENTERPRISE}:manager", {"value": ""}),
            {},
        ),
        (
            {ENTERPRISE: {"manager": {"value": "m"}}},
            remove(f'{ENTERPRISE}:manager[value eq "m"]'),
            {},
        ),
        # its own id
        ({}, replace(None, {"id": "1", "externalId": "x"}), {"externalId": "x"}),
    ],
)
def test_what_operations_do_in_every_dialect(before: Any, operation: Any, after: Any) -> None:
    for dialect in (STRICT, LOOSE):
        assert patched(before, operation, dialect=dialect) == after


@pytest.mark.parametrize(
    ("type", "before", "operation", "error"),
    [
        (USER, {}, remove("userName"), Mutability),
        (USER, {}, replace("userName", ""), Mutability),
        (USER, {}, replace("id", "2"), Mutability),
        (USER, {}, replace(None, {"id": "2"}), Mutability),
        (
            USER,
            {},
            add("emails", [{"value": each, "primary": True} for each in "ab"]),
            InvalidValue,
        ),
        (USER, {"emails": [WORK, HOME]}, replace("emails.primary", True), InvalidValue),
        (DEVICE, {"serial": "1"}, replace("serial", "2"), Mutability),
        (DEVICE, {"serial": "1"}, remove("serial"), Mutability),
        (DEVICE, {"serial": "1", "seals": ["a"]}, add("seals", ["b"]), Mutability),
        (
            DEVICE,
            {"parts": [{"value": "a"}]},
            replace('parts[value eq "a"].value', "b"),
            Mutability,
        ),
        (DEVICE, {"parts": [{"value": "a"}]}, remove("parts.value"), Mutability),
        (DEVICE, {}, add("parts", [{"weight": 1}]), InvalidValue),
        (DEVICE, {}, add(f"{OWNER_URN}:room", "1"), InvalidValue),
    ],
)
def test_what_must_not_change_does_not(
    type: Any, before: Any, operation: Any, error: type[ScimError]
) -> None:
    for dialect in (STRICT, LOOSE):
        with pytest.raises(error):
            patched(before, operation, dialect=dialect, type=type)


def test_immutable_values_can_be_given_once_and_repeated() -> None:
    assert patched({}, add("serial", "1"), type=DEVICE)["serial"] == "1"
    assert patched({"serial": "1"}, replace("serial", "1"), type=DEVICE)["serial"] == "1"
    part = {"value": "a", "weight": 1}
    before = {"serial": "1", "parts": [part]}
    again = add('parts[value eq "a"]', {"value": "a", "weight": 2})
    assert patched(before, again, type=DEVICE)["parts"] == [{"value": "a", "weight": 2}]


def test_simple_values_are_added_and_removed_one_by_one() -> None:
    before = {"serial": "1", "tags": ["a", "b"]}
    assert patched(before, add("tags", ["B", "c"]), type=DEVICE)["tags"] == ["a", "b", "c"]
    assert patched(before, remove("tags", ["A"]), type=DEVICE)["tags"] == ["b"]
    assert patched(before, remove('tags[value eq "A"]'), type=DEVICE)["tags"] == ["b"]
    assert patched(before, replace('tags[value eq "a"]', "z"), type=DEVICE)["tags"] == ["z", "b"]
    parts = {"serial": "1", "parts": [{"value": "v", "colours": ["red"]}]}
    path = 'parts[value eq "v"].colours'
    assert patched(parts, add(path, ["Red", "blue"]), type=DEVICE)["parts"] == [
        {"value": "v", "colours": ["red", "blue"]}
    ]
    assert patched(parts, remove(path, "RED"), type=DEVICE)["parts"] == [{"value": "v"}]


def test_a_required_value_may_go_if_another_comes() -> None:
    after = patched({}, remove("userName"), add("userName", "bob"))
    assert after == {"userName": "bob"}


def test_what_was_missing_before_does_not_stand_in_the_way() -> None:
    """A directory that begins to require an attribute can still disable its older users."""
    operations, _ = read_operations({"Operations": [add("active", False)]}, USER, STRICT)
    assert apply(operations, {"id": "1"}, USER) == ({"id": "1", "active": False}, ())


def test_an_operation_that_fails_leaves_nothing_of_those_before_it() -> None:
    before = {"id": "1", "userName": "ada", "emails": [WORK]}
    kept = copy.deepcopy(before)
    body = {"Operations": [add("emails", [HOME]), replace('emails[type eq "x"].value', "a")]}
    operations, _ = read_operations(body, USER, STRICT)
    with pytest.raises(NoTarget):
        apply(operations, before, USER)
    assert before == kept


def test_a_value_that_is_there_changes_nothing() -> None:
    before = {"emails": [WORK], "title": "T", "name": {"givenName": "A"}}
    for operation in (
        add("emails", [WORK]),
        add("emails", [{"value": "w@x"}]),
        add('emails[type eq "work"].value', "w@x"),
        replace("title", "T"),
        add("name", {"givenName": "A"}),
    ):
        assert patched(before, operation) == before


def test_large_lists_take_linear_time() -> None:
    many = [{"value": str(number)} for number in range(20_000)]
    group = {"displayName": "G", "members": many}
    assert patched(group, add("members", many), type=GROUP) == group
    assert patched(group, remove("members", many[1:]), type=GROUP)["members"] == many[:1]
