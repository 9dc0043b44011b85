"""Attributes that no schema has, where a directory keeps them."""

import json
from typing import Any

import pytest

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialect import Dialect, Tolerance
from scim.document import read
from scim.errors import InvalidFilter, InvalidPath, InvalidValue
from scim.filters import parse_filter
from scim.kept import with_kept
from scim.kept_limits import LONGEST_NAME, LONGEST_VALUE, MOST_KEPT, MOST_TEXT
from scim.match import matches
from scim.operations import read_operations
from scim.patch import apply
from scim.rules import Rules
from tests.scim.device import DEVICE_SCHEMA
from tests.scim.patching import ENTERPRISE, add, remove, replace
from tests.scim.patching import patched as patched_by

TYPES = Catalog.build(*with_kept((), BUILT_IN_RESOURCE_TYPES)).resource_types
USER = TYPES[0]
KEPT = "urn:scim:directory:schemas:kept:2.0:User"
BADGE = "urn:example:Badge"
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
STRICT = Dialect("strict", Tolerance(unknown="keep"))
LOOSE = Dialect("loose", Tolerance(loose=True, create_unmatched=True, unknown="keep"))


def holding(values: dict[str, str]) -> dict[str, Any]:
    """Make the extension that holds names and their values."""
    if not values:
        return {}
    elements = [{"name": name, "value": value} for name, value in values.items()]
    return {KEPT: {"attributes": elements}}


def taken(document: dict[str, Any], tolerance: Tolerance = STRICT.tolerance) -> Any:
    """Read a user and answer with what is kept of it, by name, and what was ignored."""
    resource, ignored = read({"userName": "ada", **document}, USER, tolerance)
    elements = resource.get(KEPT, {}).get("attributes", [])
    return {each["name"]: each["value"] for each in elements}, ignored


def edited(before: dict[str, Any], *operations: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Patch a user, and answer with what is kept and what was ignored."""
    body = {"Operations": list(operations)}
    fixed = {"id": "1", "userName": "ada"}
    sent, ignored = read_operations(body, USER, STRICT)
    after, over = apply(sent, {**fixed, **before}, USER, STRICT.tolerance)
    return {name: each for name, each in after.items() if name not in fixed}, (*ignored, *over)


def patched(before: dict[str, Any], *operations: Any, dialect: Dialect = STRICT) -> dict[str, Any]:
    return patched_by(before, *operations, dialect=dialect, type=USER)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ({"costCenter": "7"}, {"costCenter": "7"}),
        ({"costCenter": 7}, {"costCenter": "7"}),
        ({"vip": True}, {"vip": "true"}),
        ({"ratio": 0.5}, {"ratio": "0.5"}),
        ({"name_": "Zoë"}, {"name_": "Zoë"}),
        ({"room": {"b": "ö", "a": [1]}}, {"room": '{"a":[1],"b":"ö"}'}),
        ({"tags": ["x", "y"]}, {"tags": '["x","y"]'}),
        ({"none": None, "empty": "", "list": [], "object": {}}, {}),
        ({BADGE: {"hue": 7, "size": "2", "none": ""}}, {f"{BADGE}:hue": "7", f"{BADGE}:size": "2"}),
        ({BADGE: {}}, {}),
        ({BADGE: "red"}, {BADGE: "red"}),
        ({f"{BADGE}:colour": "red"}, {f"{BADGE}:colour": "red"}),
        # An attribute of an extension, as some clients name it, and no extension.
        ({"urn:example:2.0:User:desk": {"floor": 1}}, {"urn:example:2.0:User:desk": '{"floor":1}'}),
        # One that a known extension lacks.
        ({ENTERPRISE: {"badge": "7", "department": "x"}}, {f"{ENTERPRISE}:badge": "7"}),
        ({CORE: {"badge": "7"}}, {"badge": "7"}),
        ({f"{CORE}:badge": "7"}, {"badge": "7"}),
        # The spelling that came first, the value that came last.
        ({"badge": "7", "BADGE": "8"}, {"badge": "8"}),
        # A client that sends back what it has read, and more.
        ({"badge": "8", **holding({"Badge": "7", "desk": "1"})}, {"Badge": "8", "desk": "1"}),
        (
            {"badge": "8", KEPT.upper(): {"Attributes": {"name": "desk", "value": "1"}}},
            {"desk": "1", "badge": "8"},
        ),
        ({"badge": "8", KEPT: None}, {"badge": "8"}),
    ],
)  # fmt: skip
def test_a_document_keeps_what_no_schema_has(sent: Any, found: Any) -> None:
    tolerance = LOOSE.tolerance if KEPT.upper() in sent else STRICT.tolerance
    assert taken(sent, tolerance)[0] == found


@pytest.mark.parametrize(
    ("sent", "ignored"),
    [
        ({"name": {"givenName": "Ada", "rank": "1"}}, ("name.rank",)),
        ({"emails": [{"value": "a@x", "rank": "1"}]}, ("emails.rank",)),
        ({ENTERPRISE: {"manager": {"rank": "1"}}}, (f"{ENTERPRISE}:manager.rank",)),
        ({"name.rank": "1"}, ("name.rank",)),
        ({"name.givenName": "Ada"}, ("name.givenName",)),
        ({KEPT: {"rank": "1"}}, (f"{KEPT}:rank",)),
        ({f"{KEPT}:rank": "1"}, (f"{KEPT}:rank",)),
        ({CORE: {"title": "x"}}, (CORE,)),
        ({f"{CORE}:title": "x"}, (f"{CORE}:title",)),
        ({"nobody": None}, ("nobody",)),
    ],
)
def test_parts_of_known_attributes_are_ignored_with_a_warning(sent: Any, ignored: Any) -> None:
    assert taken(sent) == ({}, ignored)


@pytest.mark.parametrize("sent", [{"id": "x", "meta": {"a": 1}, "groups": [{"value": "x"}]}])
def test_what_is_read_only_is_not_kept(sent: Any) -> None:
    assert taken(sent) == ({}, ())


@pytest.mark.parametrize("dialect", [STRICT, LOOSE], ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("before", "operation", "after"),
    [
        ({}, add("badge", "7"), {"badge": "7"}),
        ({}, replace("badge", 7), {"badge": "7"}),
        ({"Badge": "6"}, replace("badge", "7"), {"Badge": "7"}),
        ({"badge": "6"}, add("badge", "7"), {"badge": "7"}),
        ({"badge": "6"}, replace("badge", ""), {}),
        ({"badge": "6"}, add("badge", None), {}),
        ({"badge": "6"}, replace("badge", []), {}),
        ({"badge": "6"}, remove("Badge"), {}),
        ({"desk": "1"}, remove("badge"), {"desk": "1"}),
        ({}, remove("badge"), {}),
        # Two of one value are two.
        ({"desk": "7"}, add("badge", "7"), {"desk": "7", "badge": "7"}),
        # A removal that names a value means that value alone.
        ({"badge": "6"}, remove("badge", "7"), {"badge": "6"}),
        ({"badge": "6"}, remove("badge", "6"), {}),
        ({"badge": "6"}, remove("badge", []), {"badge": "6"}),
        ({"badge": '["a","b"]'}, remove("badge", ["a", "b"]), {}),
        # Without a path.
        ({"desk": "1"}, replace(None, {"badge": "7", "desk": ""}), {"badge": "7"}),
        ({}, replace(None, {BADGE: {"colour": "red", "size": ""}}), {f"{BADGE}:colour": "red"}),
        ({}, replace(None, {f"{BADGE}:colour": "red"}), {f"{BADGE}:colour": "red"}),
        # With a URN, and all below it.
        ({}, add(f"{BADGE}:colour", "red"), {f"{BADGE}:colour": "red"}),
        ({}, add(BADGE, {"colour": "red"}), {f"{BADGE}:colour": "red"}),
        ({}, add(f"{ENTERPRISE}:badge", "7"), {f"{ENTERPRISE}:badge": "7"}),
        ({}, add(ENTERPRISE, {"badge": "7"}), {f"{ENTERPRISE}:badge": "7"}),
        ({}, add(f"{CORE}:badge", "7"), {"badge": "7"}),
        (
            {f"{BADGE}:colour": "red", f"{BADGE}:size": "2", f"{BADGE}s:size": "3"},
            remove(BADGE),
            {f"{BADGE}s:size": "3"},
        ),
        ({"desk": "1", "desk.floor": "2", "desks": "3"}, remove("desk"), {"desks": "3"}),
        # Sub-attributes and value filters.
        ({}, add("desk.floor", "2"), {"desk.floor": "2"}),
        ({}, add('desk[type eq "work"].floor', "2"), {"desk.floor": "2"}),
        ({}, add('desk[type eq "a]b" and floor gt 1].floor', "2"), {"desk.floor": "2"}),
        ({}, add('desk[type eq "work"]', {"floor": 2}), {"desk": '{"floor":2}'}),
        # Parts of what is known are ignored.
        ({}, add("name.rank", "1"), {}),
        ({}, add('emails[type eq "work"].rank', "1"), {}),
        ({}, add(f"{ENTERPRISE}:manager.rank", "1"), {}),
        ({}, add(f"{KEPT}:rank", "1"), {}),
        ({}, add(CORE, {"title": "x", "badge": "7"}), {"badge": "7"}),
        # By the extension itself.
        ({}, add(f"{KEPT}:attributes", [{"name": "badge", "value": "7"}]), {"badge": "7"}),
        (
            {"badge": "6"},
            replace(f'{KEPT}:attributes[name eq "BADGE"].value', "7"),
            {"badge": "7"},
        ),
        ({"badge": "6"}, remove(KEPT), {}),
    ],
)
def test_a_patch_edits_the_element_of_its_name(
    before: dict[str, str], operation: Any, after: dict[str, str], dialect: Dialect
) -> None:
    found = patched(holding(before), operation, dialect=dialect)
    assert found == holding(after)
    assert patched(found, operation, dialect=dialect) == found


@pytest.mark.parametrize(
    "path",
    ["a b", "a..b", "a.b.c", "7a", "a[", "a[]", "a[b eq]", 'a[b eq "c"', "a[b pr].c.d", "__a"],
)
@pytest.mark.parametrize("dialect", [STRICT, LOOSE], ids=lambda each: each.name)
def test_a_malformed_path_is_none_that_is_kept(path: str, dialect: Dialect) -> None:
    with pytest.raises((InvalidPath, InvalidFilter)):
        patched({}, add(path, "x"), dialect=dialect)
    if "[" not in path:
        with pytest.raises(InvalidPath):
            patched({}, add(None, {path: "x"}), dialect=dialect)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a b", "x"),
        ("__proto__", "x"),
        ("a\nb", "x"),
        ("ä", "x"),
        ("", "x"),
        ("urn:", {"a b": "x"}),
        ("a" * (LONGEST_NAME + 1), "x"),
        ("badge", "x" * (LONGEST_VALUE + 1)),
        ("badge", ["x" * LONGEST_VALUE]),
        ("badge", "\ud800"),
        ("badge", {"half": ["\udfff"]}),
    ],
)
def test_what_cannot_be_kept_is_ignored(name: str, value: Any) -> None:
    """As where all of it is ignored: it is no reason to refuse what stands beside it."""
    kept, ignored = taken({name: value, "desk": "1"})
    assert kept == {"desk": "1"}
    assert ignored == (name if name == "badge" else "(unnamed)",)
    before = holding({"badge": "6", "desk": "2"})
    if not name.startswith(("a" * 256, "badge")):
        return  # a path that is malformed is refused under each policy
    found, left = edited(before, add(name, value), replace("desk", "1"))
    assert found == holding({"badge": "6", "desk": "1"})
    assert left == ignored


def test_what_has_no_room_is_ignored() -> None:
    full = {f"a{n}": "x" for n in range(MOST_KEPT)}
    assert taken({**full, "badge": "7"}) == (full, ("badge",))
    assert taken({"badge": "7", **holding(full)}) == (full, ("badge",))
    assert taken({"A7": "y", **holding(full)}) == ({**full, "a7": "y"}, ())
    assert edited(holding(full), add("badge", "7")) == (holding(full), ("badge",))
    assert edited(holding(full), replace("A7", "y")) == (holding({**full, "a7": "y"}), ())
    found, left = edited(holding(full), add("badge", "7"), remove("a7"))
    assert (len(found[KEPT]["attributes"]), left) == (MOST_KEPT, ())


def test_what_would_be_too_long_in_all_is_ignored() -> None:
    """So a resource stays one that the store takes; a value that was kept stays as it was."""
    long = {f"a{n}": "x" * LONGEST_VALUE for n in range(7)}
    assert 7 * LONGEST_VALUE < MOST_TEXT < 8 * LONGEST_VALUE
    assert taken({**long, "a7": "x" * LONGEST_VALUE, "desk": "1"}) == (long, ("a7", "desk"))
    before = {**long, "badge": "6"}
    found, left = edited(holding(before), replace("badge", "x" * LONGEST_VALUE), add("desk", "1"))
    assert (found, left) == (holding({**before}), ("badge", "desk"))
    found, left = edited(holding(before), replace("badge", "x" * LONGEST_VALUE), remove("a0"))
    assert left == ()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"a b": "x"}, "^an attribute whose name can't be shown can't be kept: a name is"),
        ({"__proto__": "x"}, "can't be kept: a name is at most 255"),
        ({"ä": "x"}, "can't be kept: a name is"),
        ({"a" * (LONGEST_NAME + 1): "x"}, "can't be kept: a name is"),
        ({"badge": "x" * (LONGEST_VALUE + 1)}, "badge can't be kept: .*longer than 32000"),
        ({f"a{n}": "x" for n in range(MOST_KEPT + 1)}, "attributes can hold at most 100"),
        ({f"a{n}": "x" * LONGEST_VALUE for n in range(8)}, "attributes can hold at most 240,000"),
    ],
)
def test_who_writes_into_the_extension_is_told_its_limits(
    values: dict[str, str], problem: str
) -> None:
    [elements] = holding(values)[KEPT].values()
    for write in (
        lambda: taken(holding(values)),
        lambda: patched({}, add(f"{KEPT}:attributes", elements)),
        lambda: patched({}, add(f"{KEPT}:attributes", elements), add("desk", "7")),
    ):
        with pytest.raises(InvalidValue, match=problem) as caught:
            write()
        assert caught.value.detail.isascii()
        assert "xxx" not in caught.value.detail


def test_what_one_patch_costs_is_bounded() -> None:
    """Strays are ignored from the 200th on, and take no room from what a schema has."""
    many = {f"a{number}": "x" for number in range(300)}
    known = [replace("title", str(number)) for number in range(500)]
    removals = [remove(f"a{number}") for number in range(300)]
    for strays in (
        [add(BADGE, many)],
        [add(BADGE, dict.fromkeys(many))],
        [add(None, {BADGE: many})],
        removals,
    ):
        body = {"Operations": [*strays, *known]}
        operations, ignored = read_operations(body, USER, STRICT)
        assert sum(each.stray for each in operations) == 200
        assert ignored
        assert patched({}, *strays, *known)["title"] == "499"


def test_an_element_is_removed_by_a_filter() -> None:
    before = holding({"badge": "6", "desk": "1"})
    found = patched(before, remove(f'{KEPT}:attributes[name eq "Desk"]'))
    assert found == holding({"badge": "6"})


def test_an_element_is_whole() -> None:
    """A name without a value, and a value without a name, are none."""
    for element in ({"name": "badge"}, {"value": "7"}):
        with pytest.raises(InvalidValue, match=r"attributes\.(name|value)"):
            patched({}, add(f"{KEPT}:attributes", [element]))


def test_what_is_kept_is_found_by_name_and_value() -> None:
    resource, _ = read({"userName": "ada", "badge": "7", "desk": "8"}, USER, STRICT.tolerance)
    for value, met in (("7", True), ("8", False)):
        text = f'{KEPT}:attributes[name eq "Badge" and value eq "{value}"]'
        assert matches(parse_filter(text, USER), resource) is met
    with pytest.raises(InvalidFilter, match="no attribute called badge"):
        parse_filter('badge eq "7"', USER)


def test_rules_may_name_what_is_kept() -> None:
    """So a directory answers a match by a kept value without a scan."""
    indexed = f"{KEPT}:attributes.value"
    rules = Rules.model_validate(
        {"unknown": "keep", "resourceTypes": [{"name": "User", "indexed": [indexed]}]}
    )
    assert indexed in [str(each) for each in rules.catalog.resource_types[0].indexed]


def test_the_place_of_what_is_kept_is_the_directorys_own() -> None:
    schema = {"id": KEPT.upper(), "name": "Mine", "attributes": [{"name": "badge"}]}
    Rules.model_validate({"schemas": [schema]})
    with pytest.raises(ValueError, match=r"schemas\[0\].id: .* is a URN of what this directory"):
        Rules.model_validate({"schemas": [schema], "unknown": "keep"})
    twice = [{"name": "User"}, {**USER.document(), "name": "user", "endpoint": "/Others"}]
    with pytest.raises(ValueError, match=r"resourceTypes\[1\].name: another resource type"):
        Rules.model_validate({"resourceTypes": twice, "unknown": "keep"})


def test_every_type_has_an_extension_of_its_own() -> None:
    """Those of the operator's own making too; no other directory has any."""
    document = {"name": "Device", "endpoint": "/Devices", "schema": DEVICE_SCHEMA.id}
    given = {"schemas": [DEVICE_SCHEMA], "resourceTypes": [{"name": "Group"}, document]}
    for unknown in ("keep", "ignore", "reject", None):
        rules = Rules.model_validate({**given, "unknown": unknown})
        urns = [each.id for each in rules.catalog.schemas if "kept" in each.id]
        due = ["Group", "Device"] if unknown == "keep" else []
        assert urns == [f"urn:scim:directory:schemas:kept:2.0:{each}" for each in due]
        text = json.loads(rules.model_dump_json(by_alias=True, exclude_none=True))
        assert Rules.model_validate(text) == rules
