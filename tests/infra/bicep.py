"""Reads Bicep files into declarations, by tree-sitter: what the policies look at.

A value is what JSON has (dict, list, str, int, bool, None), or `Code` where it is an expression.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

_LANGUAGE = Language(tree_sitter_bicep.language())
_KINDS = {
    "parameter_declaration": "param",
    "variable_declaration": "var",
    "resource_declaration": "resource",
    "module_declaration": "module",
    "output_declaration": "output",
}
# What checkov's parser does not take: it skips the whole file then, and says nothing.
_TOO_NEW = frozenset(
    {
        "nullable_type",
        "array_type",
        "union_type",
        "lambda_expression",
        "user_defined_function",
        "import_statement",
        "type_declaration",
    }
)


@dataclass(frozen=True, slots=True)
class Code:
    """An expression, as it is written."""

    text: str

    def __contains__(self, part: str) -> bool:
        return part in self.text


@dataclass(frozen=True, slots=True)
class Declaration:
    """A parameter, variable, resource, module or output.

    `type` is a resource's full type without version, a module's path, a parameter's type. `value`
    is a resource's or module's body, a parameter's default (None: it has to be given).
    """

    file: str
    kind: str
    name: str
    type: str
    api: str
    value: Any
    condition: str = ""
    loop: str = ""
    existing: bool = False
    decorators: Mapping[str, Any] = field(default_factory=dict)

    def at(self, path: str) -> Any:
        """Find a value below the body, by names with dots between; None where there is none."""
        found = self.value
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def __str__(self) -> str:
        return f"{self.file}: {self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class File:
    """A parsed file; `wrong` are syntax errors, and syntax that not every checker takes."""

    text: str
    declarations: tuple[Declaration, ...]
    wrong: tuple[str, ...]


def parse(name: str, text: str) -> File:
    """Read one file; never raises."""
    root = Parser(_LANGUAGE).parse(text.encode()).root_node
    wrong = tuple(
        f"{name}:{node.start_point.row + 1}: {node.type}"
        for node in _walk(root)
        if node.type == "ERROR" or node.is_missing or node.type in _TOO_NEW
    )
    return File(text, tuple(_declarations(name, root, "")), wrong)


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _text(node: Node | None) -> str:
    return node.text.decode() if node is not None and node.text is not None else ""


def _declarations(name: str, node: Node, above: str) -> Iterator[Declaration]:
    decorators: dict[str, Any] = {}
    for child in node.named_children:
        if child.type == "decorators":
            decorators = dict(_decorator(each.named_children[0]) for each in child.named_children)
        elif child.type in _KINDS:
            yield from _declared(name, child, above, decorators)
            decorators = {}


def _decorator(call: Node) -> tuple[str, Any]:
    arguments = call.named_children[1].named_children if len(call.named_children) > 1 else []
    return _text(call.named_children[0]), _value(arguments[0]) if arguments else True


def _declared(
    name: str, node: Node, above: str, decorators: Mapping[str, Any]
) -> Iterator[Declaration]:
    kind = _KINDS[node.type]
    parts = node.named_children
    type = next((_text(each) for each in parts if each.type == "type"), "")
    if kind in ("resource", "module"):
        type = _text(next(each for each in parts if each.type == "string"))[1:-1]
    type, _, api = type.partition("@")
    type = f"{above}/{type}" if above else type
    given = any(each.type == "=" for each in node.children)
    condition, loop, last = "", "", parts[-1]
    while last.type in ("for_statement", "if_statement"):
        if last.type == "for_statement":
            loop = _text(last)
        else:
            condition = _text(last.named_children[0])[1:-1]
        last = last.named_children[-1]
    yield Declaration(
        file=name,
        kind=kind,
        name=_text(parts[0]),
        type=type,
        api=api,
        value=_value(last) if given else None,
        condition=condition,
        loop=loop,
        existing=any(each.type == "existing" for each in node.children),
        decorators=decorators,
    )
    for each in last.named_children if last.type == "object" else []:
        yield from _declarations(name, each, type if kind == "resource" else "")


def _value(node: Node) -> Any:
    text = _text(node)
    match node.type:
        case "object":
            return {
                _key(each): _value(each.named_children[-1])
                for each in node.named_children
                if each.type == "object_property" and len(each.named_children) > 1
            }
        case "array":
            return [_value(each) for each in node.named_children if each.type != "comment"]
        case "string" if "${" not in text:
            return text[1:-1]
        case "number":
            return int(text)
        case "boolean":
            return text == "true"
        case "null":
            return None
        case _:
            return Code(text)


def _key(node: Node) -> str:
    return _text(node.named_children[0]).strip("'")
