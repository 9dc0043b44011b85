"""The way out: a resource as a client sees it (RFC 7643 §3, §7; RFC 7644 §3.9).

Adds what follows from the rest (`schemas`, `meta.location`, `meta.version`, `$ref`) and leaves out
what was not asked for. Nothing outside the published schemas is shown. What is absent stays absent:
only an empty list that the caller has put there, the members of an empty group, is shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from scim.document import is_computed
from scim.encoding import Many
from scim.entity_tags import entity_tag
from scim.schema import Attribute, Path, Resource, ResourceType

# Where an attribute is, in canonical names: extension, attribute, sub-attribute; "" for none.
_Name = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Projection:
    """What `attributes` (`only`, None when it is absent) and `excludedAttributes` ask for."""

    only: frozenset[_Name] | None = None
    excluded: frozenset[_Name] = frozenset()

    @classmethod
    def read(
        cls,
        attributes: Sequence[str] | str | None,
        excluded: Sequence[str] | str | None,
        resource_type: ResourceType,
        *,
        tolerant: bool = False,
    ) -> "Projection":
        """Read both parameters; names that no schema has are ignored, as are brackets.

        The RFC allows only one of them: `attributes` wins.
        """
        named = [each for each in _split(attributes) if each]
        if named:
            return cls(frozenset(_resolve(named, resource_type, tolerant=tolerant)))
        names = [each for each in _split(excluded) if each]
        return cls(None, frozenset(_resolve(names, resource_type, tolerant=tolerant)))

    def shows(self, attribute: Attribute, extension: str = "") -> bool:
        """Tell whether an attribute is shown, or some of it (RFC 7643 §7, `returned`)."""
        if attribute.returned in ("always", "never"):
            return attribute.returned == "always"
        if self.only is not None:
            name = attribute.name.lower()
            return (extension, "", "") in self.only or any(
                each[0] == extension and each[1].lower() == name for each in self.only
            )
        return attribute.returned == "default" and not self._excludes(extension, attribute.name)

    def shows_sub(self, sub: Attribute, attribute: Attribute, extension: str) -> bool:
        """Tell whether a sub-attribute of an attribute that is shown is shown."""
        if sub.returned in ("always", "never"):
            return sub.returned == "always"
        if (extension, attribute.name, sub.name) in (self.only or ()):
            return True
        if sub.returned == "request":
            return False
        if self.only is not None:
            # Others only when all of the attribute was asked for, or none of it and it is always
            # there.
            whole = (extension, attribute.name, "") in self.only or (extension, "", "") in self.only
            return whole or not any(each[:2] == (extension, attribute.name) for each in self.only)
        return (extension, attribute.name, sub.name) not in self.excluded

    def _excludes(self, extension: str, name: str) -> bool:
        if not self.excluded:
            return False
        lowered = name.lower()
        return any(
            place == extension and not sub and each.lower() in ("", lowered)
            for place, each, sub in self.excluded
        )


EVERYTHING = Projection()


def show(
    resource: Resource,
    resource_type: ResourceType,
    *,
    base_url: str,
    endpoints: Mapping[str, str],
    version: str | None,
    projection: Projection = EVERYTHING,
) -> Resource:
    """Render a resource; `endpoints` are by resource type, `base_url` ends without a slash."""
    extensions = [each for each in resource_type.extensions if resource.get(each.id)]
    whole: Resource = {
        "schemas": [resource_type.schema.id, *(each.id for each in extensions)],
        "id": resource.get("id"),
        **resource,
        "meta": _meta(resource, resource_type, base_url, version),
    }
    view = _View(base_url, endpoints, projection)
    shown = {
        name: view.attribute(value, attribute, "")
        for name, value in whole.items()
        if (attribute := resource_type.attribute(name)) and projection.shows(attribute, "")
    }
    for extension in extensions:
        shown[extension.id] = {
            name: view.attribute(value, attribute, extension.id)
            for name, value in resource[extension.id].items()
            if (attribute := extension.attribute(name))
            and projection.shows(attribute, extension.id)
        }
    if "meta" in shown:
        shown["meta"] = shown.pop("meta")  # last, where people look for it
    # An attribute may have lost all of its sub-attributes; a list that came empty stays.
    return {
        name: value
        for name, value in shown.items()
        if value not in (None, {}, []) or resource.get(name) == []
    }


def location(base_url: str, endpoint: str, id: str) -> str:
    """Build a resource's URL."""
    return f"{base_url}{endpoint}/{quote(id, safe='')}"


@dataclass(frozen=True, slots=True)
class _View:
    base_url: str
    endpoints: Mapping[str, str]
    projection: Projection

    def attribute(self, value: Any, attribute: Attribute, extension: str) -> Any:
        """Render the value of an attribute that is shown."""
        if attribute.type != "complex":
            return value
        subs = {
            each.name: each
            for each in attribute.sub_attributes
            if self.projection.shows_sub(each, attribute, extension)
        }
        reference = next((each for each in subs.values() if is_computed(attribute, each)), None)
        if isinstance(value, Many) and "value" in subs:  # so that no element ends up empty
            return value.each(lambda each: self._element(each, subs, reference))
        if isinstance(value, list | Many):
            elements = (self._element(each, subs, reference) for each in value)
            return [each for each in elements if each]
        return self._element(value, subs, reference)

    def _element(
        self, element: Resource, subs: Mapping[str, Attribute], reference: Attribute | None
    ) -> Resource:
        shown = {name: value for name, value in element.items() if name in subs}
        if (
            reference is not None
            and "$ref" not in shown
            and (url := self._refer(element, reference))
        ):
            shown["$ref"] = url
        return shown

    def _refer(self, element: Resource, reference: Attribute) -> str | None:
        """Find the URL that `value` means; `type` says which resource type, unless there is one."""
        id = element.get("value")
        if not isinstance(id, str):
            return None
        kinds = [each for each in reference.targets if each in self.endpoints]
        kind = element.get("type")
        if kind not in kinds:
            kind = kinds[0] if len(kinds) == 1 else None
        return location(self.base_url, self.endpoints[kind], id) if kind else None


def _meta(
    resource: Resource, resource_type: ResourceType, base_url: str, version: str | None
) -> Resource:
    meta = {"resourceType": resource_type.name, **resource.get("meta", {})}
    if "id" in resource:
        meta["location"] = location(base_url, resource_type.endpoint, resource["id"])
    if version is not None:
        meta["version"] = entity_tag(version)
    return meta


def _resolve(
    names: Sequence[str], resource_type: ResourceType, *, tolerant: bool
) -> Iterator[_Name]:
    for name in names:
        if name.lower() == resource_type.schema.id.lower():
            paths = [Path(each) for each in resource_type.schema.attributes]
        else:
            found = resource_type.path(name, tolerant=tolerant)
            paths = [found] if found else []
        for path in paths:
            yield (
                path.extension.id if path.extension else "",
                path.attribute.name if path.attribute else "",
                path.sub.name if path.sub else "",
            )


def _split(names: Sequence[str] | str | None) -> Iterator[str]:
    """Yield the names of a list, without brackets: `emails[type eq "work"]` is `emails`."""
    text = names if isinstance(names, str) else ",".join(names or ())
    name: list[str] = []
    depth, quoted = 0, False
    for character in text:
        if depth and character == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif character in "[]":
            depth = max(0, depth + (1 if character == "[" else -1))
        elif character == "," and not depth:
            yield "".join(name).strip()
            name = []
        elif not depth:
            name.append(character)
    yield "".join(name).strip()
