"""What holds for every document and every PATCH, whatever they hold (RFC 7644 §3.5.2)."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialect import Dialect, Tolerance
from scim.document import read
from scim.errors import NoTarget, ScimError
from scim.operations import read_operations
from scim.patch import apply
from scim.show import Projection, show

STRICT = Dialect("strict")
LOOSE = Dialect("loose", Tolerance(loose=True, create_unmatched=True, unknown="ignore"))
USER = Catalog.build((), BUILT_IN_RESOURCE_TYPES).resource_types[0]
SHOWN = {"id", "meta"}

quick = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

TYPES = st.sampled_from(["work", "home", "Work", ""])
TEXTS = st.sampled_from(["a", "A", "b@x", "True", "1", ""]) | st.text(max_size=3)
SIMPLE = (
    TEXTS
    | st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.just("2026-11-30T08:15:00Z")
)
PATHS = [path for path in USER.paths() if path.attribute]
NAMES = sorted({part.name for path in PATHS for part in (path.attribute, path.sub) if part})
KEYS = st.sampled_from([*NAMES, *map(str, PATHS), *(each.id for each in USER.extensions)])
ANYTHING = st.recursive(
    SIMPLE,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


def value_for(attribute: Any) -> st.SearchStrategy[Any]:
    """Make values that mostly fit an attribute."""
    if attribute.type == "complex":
        fits: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {}, optional={sub.name: value_for(sub) for sub in attribute.sub_attributes}
        )
    elif attribute.name == "type":
        fits = TYPES
    elif attribute.type == "boolean":
        fits = st.booleans()
    elif attribute.type == "binary":
        fits = st.sampled_from(["AAAA", "BBBB"])
    else:
        fits = st.sampled_from(["a", "A", "b", ""])
    return st.lists(fits, max_size=3) if attribute.multi_valued else fits


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Make users that mostly are valid."""
    base = {
        each.name: value_for(each)
        for each in USER.schema.attributes
        if each.name not in ("groups", "userName")
    }
    extension = {
        each.id: st.fixed_dictionaries({}, optional={a.name: value_for(a) for a in each.attributes})
        for each in USER.extensions
    }
    return st.fixed_dictionaries({"userName": st.just("ada")}, optional={**base, **extension})


TERMS = {
    "type": 'type eq "work"',
    "value": 'value eq "a"',
    "primary": "primary eq true",
    "country": 'not (country eq "a")',
    "display": "display pr",
}
WRITABLE = [path for path in PATHS if path.attribute and path.attribute.mutability != "readOnly"]


@st.composite
def filters(draw: st.DrawFn, attribute: Any) -> str:
    """Make a value filter that fits an attribute."""
    known = [TERMS[sub.name] for sub in attribute.sub_attributes if sub.name in TERMS]
    terms = draw(st.lists(st.sampled_from(known or ["formatted pr"]), min_size=1, max_size=2))
    return draw(st.sampled_from([" and ", " or "])).join(terms)


@st.composite
def operations(draw: st.DrawFn, ops: tuple[str, ...] = ("add", "replace", "remove")) -> Any:
    """Make one operation, mostly with a path that exists and a value that fits."""
    op = draw(st.sampled_from(ops))
    path = draw(st.sampled_from(WRITABLE))
    text, attribute = str(path), path.attribute
    if attribute and attribute.type == "complex" and draw(st.booleans()):
        sub = f".{path.sub.name}" if path.sub else ""
        text = f"{text.removesuffix(sub)}[{draw(filters(attribute))}]{sub}"
    match draw(st.integers(0, 15)):
        case 13:
            return draw(ANYTHING)
        case 14:
            return {"op": op, "value": draw(st.dictionaries(KEYS, ANYTHING, max_size=3))}
        case 15:
            return {
                "op": op,
                "path": draw(st.sampled_from(PATHS).map(str)),
                "value": draw(ANYTHING),
            }
        case number if number < 6 and op == "remove":
            return {"op": op, "path": text}
        case _:
            return {"op": op, "path": text, "value": draw(value_for(path.leaf))}


dialects = st.sampled_from([STRICT, LOOSE])


def stored(document: dict[str, Any]) -> dict[str, Any]:
    """Read a document as a resource, with one primary element at most."""
    for value in document.values():
        for element in value[1:] if isinstance(value, list) else ():
            element.pop("primary", None)
    resource, _ = read(document, USER, LOOSE.tolerance)
    return {"id": "1", "meta": {"resourceType": "User"}, **resource}


@quick
@given(ANYTHING | st.dictionaries(KEYS, ANYTHING), dialects)
def test_any_json_is_read_or_refused(document: Any, dialect: Dialect) -> None:
    before = repr(document)
    try:
        resource, _ = read(document, USER, dialect.tolerance)
    except ScimError as error:
        json.dumps(error.document("r1"), ensure_ascii=False).encode()
        return
    finally:
        assert repr(document) == before
    json.dumps(resource, ensure_ascii=False, allow_nan=False).encode()
    assert read(resource, USER) == (resource, ())


@quick
@given(documents(), st.lists(operations(), max_size=4), dialects)
def test_any_patch_is_applied_or_refused(document: Any, sent: Any, dialect: Dialect) -> None:
    """Nothing but a ScimError; input unchanged; the result is what a document could have said."""
    before = stored(document)
    kept = copy.deepcopy((before, repr(sent)))
    try:
        read_, _ = read_operations({"Operations": sent}, USER, dialect)
        after, _ = apply(read_, before, USER, dialect.tolerance)
    except ScimError as error:
        json.dumps(error.document("r1"), ensure_ascii=False).encode()
        return
    finally:
        assert (before, repr(sent)) == kept
    rest = {name: value for name, value in after.items() if name not in SHOWN}
    assert read(rest, USER) == (rest, ())
    assert {name: after[name] for name in SHOWN} == {name: before[name] for name in SHOWN}


@quick
@given(documents(), operations(ops=("add",)), dialects)
def test_adding_twice_is_adding_once(document: Any, sent: Any, dialect: Dialect) -> None:
    """Unless the first changes what its own filter asked for: the second may find nothing."""
    before = stored(document)
    try:
        read_, _ = read_operations({"Operations": [sent]}, USER, dialect)
        once, _ = apply(read_, before, USER, dialect.tolerance)
    except ScimError:
        return
    try:
        assert apply(read_, once, USER, dialect.tolerance) == (once, ())
    except NoTarget:
        assert any(each.target.filter for each in read_)


@quick
@given(documents(), ANYTHING, ANYTHING, st.lists(KEYS, max_size=3))
def test_any_resource_is_shown_by_any_projection(
    document: Any, one: Any, other: Any, names: list[str]
) -> None:
    resource = stored(document)
    for attributes, excluded in ((names, None), (None, names), (str(one), str(other))):
        projection = Projection.read(attributes, excluded, USER, tolerant=True)
        shown = show(
            resource,
            USER,
            base_url="https://host/scim",
            endpoints={"User": "/Users"},
            version="1",
            projection=projection,
        )
        assert shown["id"] == "1"
        assert shown.keys() <= {"schemas", *resource}
        assert all(value not in (None, "", [], {}) for value in shown.values())


def test_what_is_shown_can_be_sent_back() -> None:
    """A client that reads, changes and writes sends everything back, computed values too."""
    resource = stored({"userName": "ada", "manager": "m", "emails": [{"value": "a"}]})
    shown = show(resource, USER, base_url="https://h", endpoints={"User": "/Users"}, version="1")
    rest = {name: value for name, value in resource.items() if name not in SHOWN}
    assert read(shown, USER) == (rest, ())
    sent, _ = read_operations({"Operations": [{"op": "replace", "value": shown}]}, USER, STRICT)
    assert apply(sent, resource, USER) == (resource, ())
    with pytest.raises(ScimError):
        read_operations(
            {"Operations": [{"op": "replace", "path": "meta", "value": {}}]}, USER, STRICT
        )
