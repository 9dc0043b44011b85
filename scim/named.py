"""What a resource type's document names: is it there, and can it be used so?

Each key of ours (`members`, `unique`, `active`, …) names attributes by their paths. A name that
nothing has, or that can't be what the key says, is refused with its place in the document.
"""

from collections.abc import Iterator, Sequence

from scim.schema import Path, ResourceType


class Names:
    """Finds what a document names in what is left of its schemas."""

    def __init__(self, place: str, whole: ResourceType, left: ResourceType) -> None:
        self.place = place
        self._whole = whole
        self._left = left

    def find(self, key: str, text: str) -> Path:
        """Find the attribute that the value of a key names, or say that there is none."""
        found = self._left.path(text)
        if found is not None and found.attribute is not None:
            return found
        lost = self._whole.path(text)
        if lost is not None and lost.attribute is not None:
            raise self.wrong(key, f"{lost} is left out: name it in only, or leave it out here too")
        hint = "".join(f"; or is it {each}?" for each in self._elsewhere(text))
        raise self.wrong(key, f"a {self._left.name} has no attribute called {text}{hint}")

    def each(self, key: str, texts: Sequence[str]) -> Iterator[tuple[str, Path]]:
        """Find the attributes that a list names, each with its place in it."""
        for index, text in enumerate(texts):
            yield f"{key}[{index}]", self.find(f"{key}[{index}]", text)

    def _elsewhere(self, text: str) -> Iterator[Path]:
        """Find attributes of extensions that are called so; their paths begin with the URN."""
        for extension in self._left.extensions:
            found = self._left.path(f"{extension.id}:{text}")
            if found is not None and found.attribute is not None:
                yield found

    def wrong(self, key: str, complaint: str) -> ValueError:
        return ValueError(f"{self.place}.{key}: {complaint}")


def check_named(shaped: ResourceType, names: Names) -> None:
    """Refuse what a document names and what can't be used so."""
    document = shaped.definition
    _check_memberships(shaped, names)
    apart = [each for each in (shaped.members, shaped.member_of) if each is not None]
    for key, path in names.each("required", document.required):
        if _read_only(path) or str(path) == "schemas":
            raise names.wrong(key, f"{path} is read-only, so nobody can send it: leave it out")
        if path.attribute in apart:
            raise names.wrong(
                key, f"{path} can't be required: groups are made before their members"
            )
    lists = (("unique", document.unique or ()), ("indexed", document.indexed))
    for key, path in [each for name, texts in lists for each in names.each(name, texts)]:
        if path.leaf is not None and path.leaf.type == "complex":
            value = f": name {path}.value" if path.leaf.sub("value") else ": name a sub-attribute"
            raise names.wrong(key, f"{path} is complex and has no one value{value}")
        if path.attribute in apart or (_read_only(path) and str(path) != "id"):
            raise names.wrong(key, f"{path} is computed, and found without: leave it out")
    _check_active(shaped, names)
    _check_adopts(shaped, names)


def _check_memberships(shaped: ResourceType, names: Names) -> None:
    """Refuse a `members` or `memberOf` that no membership could be shown in."""
    definition = shaped.definition
    for key, name in (("members", definition.members), ("memberOf", definition.member_of)):
        if name is None:
            continue
        path = names.find(key, name)
        attribute = path.attribute
        if attribute is None or path.sub or path.extension:
            raise names.wrong(key, f"{path} must be an attribute of the base schema, as a whole")
        if not attribute.multi_valued or attribute.sub("value") is None:
            raise names.wrong(key, f"{name} must be multi-valued with a sub-attribute value")
        if key == "memberOf" and attribute.mutability != "readOnly":
            raise names.wrong(key, f"{name} must be readOnly, for it is computed")


def _check_active(shaped: ResourceType, names: Names) -> None:
    name = shaped.definition.active
    if name is None:
        return
    path = names.find("active", name)
    attribute = path.attribute
    if attribute is None or path.sub or path.extension:
        raise names.wrong("active", f"{path} must be an attribute of the base schema, as a whole")
    if attribute.type != "boolean" or attribute.multi_valued or attribute.mutability != "readWrite":
        raise names.wrong("active", f"{name} must be a boolean, single-valued and readWrite")


def _check_adopts(shaped: ResourceType, names: Names) -> None:
    """Refuse a pair that could mean two resources, or that could never be equal."""
    unique = {str(each) for each in shaped.unique}
    for text, other in shaped.definition.adopts.items():
        key = f"adopts.{text}"
        path, source = names.find(key, text), names.find(key, other)
        for each in (path, source):
            if each.leaf is None or each.leaf.type != "string" or _several(each):
                raise names.wrong(key, f"{each} must be a string, single-valued")
        if str(path) not in unique:
            raise names.wrong(key, f"{path} must be unique, or several could be meant")
        if str(path) == str(source):
            raise names.wrong(key, f"{path} can't be adopted by itself: name another attribute")


def _several(path: Path) -> bool:
    return any(each.multi_valued for each in (path.attribute, path.sub) if each)


def _read_only(path: Path) -> bool:
    return any(each.mutability == "readOnly" for each in (path.attribute, path.sub) if each)
