"""Random filters over the User schema with its enterprise extension, for property tests."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.filters import And, Compare, Filter, Not, Or, Present, ValuePath
from scim.schema import Attribute, Path, ResourceType, Schema

# Types that no built-in attribute has, to be filtered like the others.
EXTRA = Schema.model_validate(
    {
        "id": "urn:example:Extra",
        "name": "Extra",
        "attributes": [
            {"name": "level", "type": "integer"},
            {"name": "ratio", "type": "decimal"},
            {"name": "since", "type": "dateTime"},
            {"name": "key", "type": "binary"},
            {"name": "tags", "multiValued": True},
            {"name": "secret", "returned": "never"},
            {"name": "cost.center", "caseExact": True},
        ],
    }
)


def _user() -> ResourceType:
    user = next(each for each in BUILT_IN_RESOURCE_TYPES if each.name == "User")
    extensions = [*user.schema_extensions, {"schema": EXTRA.id}]
    wider = user.model_validate({**user.model_dump(), "schema_extensions": extensions})
    return Catalog.build((EXTRA,), (wider,)).resource_types[0]


USER = _user()
PLAIN = Catalog.build((), BUILT_IN_RESOURCE_TYPES)

# Few values, so that random filters meet random resources; and what breaks careless quoting.
TEXTS = (
    "a",
    "B",
    "ab",
    "ä",
    'q"uote',
    "back\\slash",
    "DOMAIN\\new",
    "per%cent_",
    "line\nend",
    "a b",
)
DATES = ("2026-11-30T08:15:00Z", "2026-11-30T09:15:00.000+01:00", "2027-01-01T00:00:00.1234567Z")
NUMBERS: tuple[int | Decimal, ...] = (
    0,
    -1,
    7,
    10**40,
    Decimal("7.0"),
    Decimal("1.5"),
    Decimal("1E-9"),
)
VALUES: dict[str, tuple[Any, ...]] = {
    "boolean": (True, False),
    "integer": NUMBERS,
    "decimal": NUMBERS,
    "dateTime": DATES,
}
OPERATORS: dict[str, tuple[str, ...]] = {
    "boolean": ("eq", "ne"),
    "binary": ("eq", "ne"),
    "integer": ("eq", "ne", "gt", "ge", "lt", "le"),
    "decimal": ("eq", "ne", "gt", "ge", "lt", "le"),
}
ALL = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")


def _searchable(path: Path) -> bool:
    return not any(each.returned == "never" for each in (path.attribute, path.sub) if each)


PATHS = [path for path in USER.paths() if _searchable(path)]
TOP = [path for path in PATHS if path.sub is None]
ELEMENTS = [path for path in TOP if path.attribute and path.attribute.type == "complex"]


def comparisons(path: Path) -> st.SearchStrategy[Filter]:
    """Build comparisons that fit the type of an attribute."""
    leaf = path.leaf
    assert leaf is not None
    nothing = st.sampled_from(("eq", "ne")).map(lambda op: Compare(path, op, None))
    if leaf.type == "complex":
        return nothing | st.just(Present(path))
    ops = st.sampled_from(OPERATORS.get(leaf.type, ALL))
    values = st.sampled_from(VALUES.get(leaf.type, TEXTS))
    if leaf.type not in VALUES:
        values = values | st.text(st.characters(codec="utf-8"), max_size=5)
    fitting = st.builds(Compare, st.just(path), ops, values)
    return fitting | fitting | nothing | st.just(Present(path))


def _joined(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.builds(And, terms, terms) | st.builds(Or, terms, terms) | st.builds(Not, terms)


def _relative(sub: Attribute) -> st.SearchStrategy[Filter]:
    return comparisons(Path(sub))


def _value_path(path: Path) -> st.SearchStrategy[Filter]:
    assert path.attribute is not None
    inner = st.sampled_from(path.attribute.sub_attributes).flatmap(_relative)
    return st.builds(ValuePath, st.just(path), st.recursive(inner, _joined, max_leaves=3))


LEAVES: st.SearchStrategy[Filter] = st.sampled_from(PATHS).flatmap(comparisons) | st.sampled_from(
    ELEMENTS
).flatmap(_value_path)
FILTERS: st.SearchStrategy[Filter] = st.recursive(LEAVES, _joined, max_leaves=8)


def _value(attribute: Attribute) -> st.SearchStrategy[Any]:
    if attribute.type == "complex":
        subs = {sub.name: _value(sub) for sub in attribute.sub_attributes}
        one: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=subs).filter(bool)
    else:
        one = st.sampled_from(VALUES.get(attribute.type, TEXTS))
    return st.lists(one, min_size=1, max_size=2) if attribute.multi_valued else one


def _values(attributes: tuple[Attribute, ...]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional={each.name: _value(each) for each in attributes})


RESOURCES: st.SearchStrategy[dict[str, Any]] = st.builds(
    lambda base, extended: base | {urn: values for urn, values in extended.items() if values},
    _values(USER.attributes),
    st.fixed_dictionaries({each.id: _values(each.attributes) for each in USER.extensions}),
)
