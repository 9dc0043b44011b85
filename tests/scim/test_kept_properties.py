"""To keep what no schema has changes nothing of what happens to what a schema has."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from scim.catalog import BUILT_IN_RESOURCE_TYPES, Catalog
from scim.dialects import DIALECTS
from scim.directory import Directory
from scim.document import read
from scim.errors import ScimError
from scim.kept import URN, with_kept
from scim.operations import read_operations
from scim.patch import apply
from scim.schema import Resource
from tests.scim.test_patch_properties import ANYTHING, documents, operations, quick, stored

KEPT = f"{URN}User"
USER = Catalog.build(*with_kept((), BUILT_IN_RESOURCE_TYPES)).resource_types[0]
SPOKEN = {
    (name, unknown): Directory(id="0" * 8, name="contoso", dialect=name, unknown=unknown).spoken
    for name in DIALECTS
    for unknown in ("ignore", "keep")
}

STRAY = st.sampled_from(
    ["badge", "Badge", "desk.floor", "urn:example:Badge", "urn:example:2.0:User:desk", "name.rank"]
    + [f"urn:ietf:params:scim:schemas:{each}:2.0:User" for each in ("core", "extension:enterprise")]
    + [f"urn:ietf:params:scim:schemas:{each}:2.0:User:badge" for each in ("core", "x")]
)
STRAYS = st.dictionaries(STRAY, ANYTHING, max_size=3)
STRAY_OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "replace", "remove"]), "path": STRAY, "value": ANYTHING}
) | st.fixed_dictionaries({"op": st.just("replace"), "value": STRAYS})
dialects = st.sampled_from(sorted(DIALECTS))


def known(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != KEPT}


def outcome(sent: Any, before: Resource | None, dialect: str, unknown: str) -> Resource | str:
    """Do what a directory of this dialect and policy does; the error's kind when it refuses."""
    spoken = SPOKEN[dialect, unknown]
    try:
        if before is None:
            for rewrite in spoken.document_rewrites:
                sent = rewrite(sent, USER)
            return known(read(sent, USER, spoken.tolerance)[0])
        read_, _ = read_operations({"Operations": sent}, USER, spoken)
        after, _ = apply(read_, before, USER, spoken.tolerance)
    except ScimError as error:
        return type(error).__name__
    return known(after)


@quick
@given(documents(), STRAYS, dialects)
@example({"userName": "ada"}, {"urn:ietf:params:scim:schemas:core:2.0:User": {"title": "x"}}, "rfc")
def test_a_document_with_strays_is_read_alike(document: Any, strays: Any, dialect: str) -> None:
    sent = {**strays, **document}
    ignoring = outcome(sent, None, dialect, "ignore")
    keeping = outcome(sent, None, dialect, "keep")
    assert keeping == ignoring


@quick
@given(documents(), st.lists(operations() | STRAY_OPERATIONS, max_size=5), dialects)
@example({"userName": "ada"}, [{"op": "remove", "path": "urn:example:Badge", "value": None}], "rfc")
def test_a_patch_with_strays_is_applied_alike(document: Any, sent: Any, dialect: str) -> None:
    before = stored(document)
    ignoring = outcome(sent, before, dialect, "ignore")
    keeping = outcome(sent, before, dialect, "keep")
    assert keeping == ignoring


@quick
@given(STRAYS, dialects)
def test_what_was_kept_is_read_back_as_it_is(strays: Any, dialect: str) -> None:
    """A client that sends back what it has read changes nothing; the same PATCH changes nothing."""
    tolerance = SPOKEN[dialect, "keep"].tolerance
    try:
        resource, _ = read({"userName": "ada", **strays}, USER, tolerance)
    except ScimError:
        return
    assert read(resource, USER, tolerance) == (resource, ())
    sent = {"Operations": [{"op": "replace", "value": strays}]}
    try:
        read_, _ = read_operations(sent, USER, SPOKEN[dialect, "keep"])
        once, over = apply(read_, {"id": "1", **resource}, USER, tolerance)
    except ScimError:
        return
    assert apply(read_, once, USER, tolerance) == (once, over)
