"""Documents that come in (RFC 7643 §2, §3)."""

from typing import Any

import pytest

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialect import STRICT, Tolerance
from scim.document import read, read_value
from scim.errors import InvalidSyntax, InvalidValue, ScimError
from scim.schema import Path
from tests.scim.device import DEVICE, OWNER_URN, device_type

LOOSE = Tolerance(loose=True, create_unmatched=True, unknown="ignore")
USER = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types[0]
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def user(**attributes: Any) -> dict[str, Any]:
    return {"userName": "ada", **attributes}


def read_user(tolerance: Tolerance = STRICT, **attributes: Any) -> dict[str, Any]:
    resource, ignored = read(user(**attributes), USER, tolerance)
    assert ignored == ()
    return resource


def test_names_and_urns_are_read_in_any_letter_case() -> None:
    sent = {
        "USERNAME": "ada",
        "Name": {"GIVENNAME": "Ada"},
        ENTERPRISE.upper(): {"Department": "E"},
    }
    assert read(sent, USER) == (
        {"userName": "ada", "name": {"givenName": "Ada"}, ENTERPRISE: {"department": "E"}},
        (),
    )


@pytest.mark.parametrize(
    "schemas",
    [
        None,
        [],
        ["urn:unknown", "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
    ],
)
def test_schemas_may_be_absent_or_name_what_nobody_knows_and_is_not_kept(schemas: Any) -> None:
    sent = user(schemas=schemas, **{ENTERPRISE: {"department": "E"}})
    assert read(sent, USER)[0] == user(**{ENTERPRISE: {"department": "E"}})


@pytest.mark.parametrize("schemas", ["urn:x", [1], {"a": 1}])
def test_schemas_must_be_a_list_of_strings(schemas: Any) -> None:
    with pytest.raises(InvalidValue, match=r"expected a list of URNs.* at schemas$"):
        read(user(schemas=schemas), USER)


@pytest.mark.parametrize("document", [None, [], "x", 1, True, [[]]])
def test_a_document_is_an_object(document: Any) -> None:
    with pytest.raises(InvalidSyntax, match="expected a User as a JSON object"):
        read(document, USER)


@pytest.mark.parametrize(
    "sent",
    [
        {"userName": "ada", "USERNAME": "bob"},
        {"userName": "ada", "name": {"givenName": "A", "givenname": "B"}},
        {"userName": "ada", ENTERPRISE: {"division": "A"}, ENTERPRISE.lower(): {"division": "B"}},
    ],
)
def test_an_attribute_sent_twice_in_different_case_is_refused(sent: Any) -> None:
    with pytest.raises(InvalidSyntax, match="is there twice"):
        read(sent, USER)


@pytest.mark.parametrize("nothing", [None, "", [], {}, [None], [{}], [{"value": None}], [""]])
def test_what_is_no_value_is_dropped(nothing: Any) -> None:
    assert read_user(LOOSE, emails=nothing) == user()


def test_objects_without_values_are_dropped() -> None:
    nothing: Any = {
        "name": {"givenName": None, "familyName": ""},
        ENTERPRISE: {"manager": {"value": ""}},
    }
    assert read_user(**nothing) == user()


def test_an_element_whose_value_was_cleared_is_no_element() -> None:
    emails = [{"type": "work", "primary": True, "value": ""}, {"value": "a@x"}]
    assert read_user(emails=emails) == user(emails=[{"value": "a@x"}])


def test_false_and_zero_are_values() -> None:
    assert read_user(active=False) == user(active=False)
    assert read({"serial": "1", "ports": 0}, DEVICE)[0] == {"serial": "1", "ports": 0}


def test_what_is_read_only_is_left_out_silently() -> None:
    sent = user(id="1", meta={"resourceType": "User"}, groups=[{"value": "g"}])
    assert read(sent, USER)[0] == user()
    parts = [{"value": "a", "maker": "x"}]
    assert read({"serial": "1", "parts": parts}, DEVICE)[0]["parts"] == [{"value": "a"}]


def test_the_url_of_a_reference_is_not_kept_and_stands_in_for_a_value() -> None:
    url = "https://example.test/scim/Users/m1"
    both: Any = {ENTERPRISE: {"manager": {"value": "m2", "$ref": url}}}
    manager = read_user(**both)
    assert manager[ENTERPRISE] == {"manager": {"value": "m2"}}
    reference: Any = {ENTERPRISE: {"manager": {"$ref": url}}}
    alone = read_user(**reference)
    assert alone[ENTERPRISE] == {"manager": {"value": "m1"}}


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"displayName": 5}, "expected a string, got a number at displayName"),
        ({"emails": [{"value": 5}]}, "expected a string, got a number at emails[0].value"),
        (
            {"emails": [{"value": "a"}, {"value": ["b"]}]},
            "expected a string, got a list at emails[1].value",
        ),
        ({"emails": {"value": "a"}}, "expected a list, got an object at emails"),
        ({"emails": ["a"]}, "expected an object, got a string at emails[0]"),
        ({"name": "Ada"}, "expected an object, got a string at name"),
        ({"name": [{"givenName": "A"}]}, "expected an object, got a list at name"),
        ({"active": "True"}, "expected a boolean (true or false), got a string at active"),
        ({"active": 1}, "expected a boolean (true or false), got a number at active"),
        ({ENTERPRISE: "x"}, f"expected an object, got a string at {ENTERPRISE}"),
        (
            {ENTERPRISE: {"manager": "m1"}},
            f"expected an object, got a string at {ENTERPRISE}:manager",
        ),
        (
            {"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]},
            "only one element may be primary, got several at emails",
        ),
        (
            {"displayName": "\ud800"},
            "expected Unicode text, got half of a surrogate pair at displayName",
        ),
        ({"x509Certificates": [{"value": "§"}]}, "at x509Certificates[0].value"),
    ],
)
def test_messages_end_in_the_place(attributes: Any, message: str) -> None:
    with pytest.raises(InvalidValue) as failure:
        read(user(**attributes), USER)
    assert failure.value.detail.endswith(message)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [("True", True), ("False", False), ("true", True), ("FALSE", False), (True, True)],
)
def test_booleans_as_strings_become_booleans_everywhere(sent: Any, meant: bool) -> None:
    roles = [{"value": "Admin", "primary": sent}]
    shown = read_user(LOOSE, active=sent, roles=roles)
    assert shown == user(active=meant, roles=[{"value": "Admin", "primary": meant}])
    assert shown["active"] is meant


@pytest.mark.parametrize(
    "value", ["m1", ["m1"], {"value": "m1"}, [{"value": "m1", "$ref": "x/m9"}]]
)
def test_a_manager_in_any_shape_becomes_an_object(value: Any) -> None:
    assert read_user(LOOSE, **{ENTERPRISE: {"manager": value}}) == user(
        **{ENTERPRISE: {"manager": {"value": "m1"}}}
    )


def test_unknown_names_are_ignored_and_told_once_or_refused() -> None:
    sent = user(
        foo=1, emails=[{"value": "a", "bar": 1}, {"value": "b", "bar": 2}], **{"urn:x:y": {}}
    )
    resource, ignored = read(sent, USER, LOOSE)
    assert resource == user(emails=[{"value": "a"}, {"value": "b"}])
    assert sorted(ignored) == ["emails.bar", "foo", "urn:x:y"]
    with pytest.raises(InvalidSyntax, match="no schema has the attribute foo"):
        read(user(foo=None), USER)
    with pytest.raises(InvalidSyntax, match=r"emails\[0\]\.bar"):
        read(user(emails=[{"value": "a", "bar": 1}]), USER)


def test_an_unknown_name_can_be_shown_whatever_it_holds() -> None:
    _, ignored = read(user(**{"\ud800\n" + "x" * 1000: 1}), USER, LOOSE)
    assert ignored[0].isascii()
    assert len(ignored[0]) < 140
    assert len(read(user(**{f"x{n}": n for n in range(999)}), USER, LOOSE)[1]) == 50


def test_canonical_values_are_suggestions() -> None:
    assert read_user(emails=[{"value": "a", "type": "x"}])["emails"] == [
        {"value": "a", "type": "x"}
    ]


def test_elements_of_the_same_type_and_value_are_one() -> None:
    emails = [
        {"type": "work", "value": "A@x", "display": "old"},
        {"type": "WORK", "value": "a@X", "primary": True, "display": "new"},
        {"type": "home", "value": "a@x"},
        {"value": "a@x"},
    ]
    assert read_user(emails=emails)["emails"] == [
        {"type": "work", "value": "A@x", "primary": True, "display": "new"},
        {"type": "home", "value": "a@x"},
        {"value": "a@x"},
    ]
    assert read({"serial": "1", "tags": ["a", "A", "b"]}, DEVICE)[0]["tags"] == ["a", "b"]


def test_all_missing_required_attributes_are_named() -> None:
    with pytest.raises(InvalidValue, match="must have a value for userName:"):
        read({"userName": ""}, USER)
    with pytest.raises(InvalidValue, match=r"for serial, parts\.value:"):
        read({"parts": [{"weight": 1}, {"weight": 2}]}, DEVICE)


def test_an_extension_needs_its_required_attributes_only_where_it_is() -> None:
    assert read({"serial": "1"}, DEVICE)[0] == {"serial": "1"}
    with pytest.raises(InvalidValue, match="unit"):
        read({"serial": "1", OWNER_URN: {"room": "1"}}, DEVICE)
    with pytest.raises(InvalidValue, match="unit"):
        read({"serial": "1"}, device_type(owner_required=True))


def test_nesting_bombs_are_errors_like_others() -> None:
    bomb: Any = "x"
    for _ in range(100_000):
        bomb = [bomb]
    for name in ("emails", "name", "userName", ENTERPRISE, "schemas"):
        for tolerance in (STRICT, LOOSE):
            with pytest.raises(ScimError):
                read({"userName": "ada", name: bomb}, USER, tolerance)
    while isinstance(bomb, list):  # taken apart by hand: its destructor would recurse
        [bomb] = bomb


def test_no_message_repeats_a_value() -> None:
    for tolerance in (STRICT, LOOSE):
        for name in ("emails", "active", "name", "x509Certificates", "schemas"):
            with pytest.raises(ScimError) as failure:
                read(user(**{name: [["s3cret"], "s3cret!"]}), USER, tolerance)
            assert "s3cret" not in failure.value.detail


def test_reading_what_was_read_changes_nothing() -> None:
    emails = [{"type": "work", "value": "a@x", "primary": "True"}, "b@x"]
    once, _ = read(user(emails=emails, **{ENTERPRISE: {"manager": "m"}}), USER, LOOSE)
    assert read(once, USER, STRICT) == (once, ())


def test_input_is_not_changed() -> None:
    sent = user(emails=[{"value": "a", "foo": None}, {"value": "a"}], active="True")
    copy = {**sent, "emails": [dict(each) for each in sent["emails"]]}
    read(sent, USER, LOOSE)
    assert sent == copy


def path(text: str) -> Path:
    found = USER.path(text)
    assert found is not None
    return found


def test_a_value_for_a_patch_is_read_by_its_path() -> None:
    assert read_value("ada", path("userName"), STRICT) == "ada"
    assert read_value({"VALUE": "a"}, path("emails"), STRICT) == [{"value": "a"}]
    assert read_value({"value": "a"}, path("emails"), STRICT, element=True) == {"value": "a"}
    assert read_value("m1", path(f"{ENTERPRISE}:manager"), LOOSE) == {"value": "m1"}
    assert read_value({"Division": "a"}, path(ENTERPRISE), STRICT) == {"division": "a"}
    with pytest.raises(InvalidValue, match=r"at emails\.value$"):
        read_value(5, path("emails.value"), STRICT)


@pytest.mark.parametrize("nothing", [None, "", []])
def test_no_value_for_a_patch_is_none(nothing: Any) -> None:
    for text in ("userName", "emails", "name", "emails.value", ENTERPRISE):
        assert read_value(nothing, path(text), LOOSE) is None


def test_a_complex_value_for_a_patch_keeps_what_is_to_be_cleared() -> None:
    assert read_value({"givenName": None, "familyName": "L"}, path("name"), STRICT) == {
        "givenName": None,
        "familyName": "L",
    }
    assert read_value({}, path("name"), STRICT) == {}


def test_read_finds_what_only_a_whole_resource_tells() -> None:
    with pytest.raises(InvalidValue, match="userName"):
        read({}, USER)
    with pytest.raises(InvalidValue, match="primary"):
        read(user(emails=[{"value": each, "primary": True} for each in "ab"]), USER)
