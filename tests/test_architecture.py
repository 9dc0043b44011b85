"""The rules of the layout (docs/design.md, Layers), read from the source.

Entry points (`function_app.py`, `scim/__main__.py`, `scim/cli/`) wire and translate, `storage/`
does all I/O, and `scim/` is the protocol: pure. Imports point from the first to the last.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from tests.checkout import files

ROOT = Path(__file__).parent.parent

LONGEST_FILE = 300
# The one module besides entry points that may read the environment.
SETTINGS = "scim/settings.py"
ERROR_BOUNDARY = "scim/server.py"
# The one module that knows the library for JSON Web Tokens.
TOKENS = "scim/auth/jwts.py"
IMMUTABLE = frozenset(
    {"Final", "Mapping", "MappingProxyType", "Sequence", "Collection", "frozenset", "tuple"}
)
MUTABLE_LITERALS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
MUTABLE_CALLS = frozenset(
    {"list", "dict", "set", "bytearray", "defaultdict", "deque", "OrderedDict", "Counter"}
)
# Absolute paths of the machine that a file was written on.
FOREIGN_PATH = re.compile(rb"(?<![\w.-])/(?:work/|tmp/plan|root/)")


def is_entry_point(name: str) -> bool:
    return name in ("function_app.py", "scim/__main__.py") or name.startswith("scim/cli/")


def names(*folders: str) -> list[str]:
    found = [each for folder in folders for each in (ROOT / folder).rglob("*.py")]
    return sorted(each.relative_to(ROOT).as_posix() for each in found)


def source(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text("utf-8"), name)


def imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the full names of imported modules; a relative import is none that we allow."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                yield "." * node.level + module
            else:
                yield from (f"{module}.{each.name}" for each in node.names)


def within(name: str, *packages: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the statements that run when a module is imported, those of blocks included."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With | ast.For | ast.While | ast.ExceptHandler):
            waiting.extend(ast.iter_child_nodes(node))


CORE = [each for each in names("scim") if not is_entry_point(each)]
STORAGE = names("storage")
PRODUCT = [*names("scim"), *STORAGE, "function_app.py"]


@pytest.mark.parametrize("name", CORE)
def test_the_core_imports_nothing_but_pydantic(name: str) -> None:
    for each in imports(ast.walk(source(name))):
        library = ("jwt",) if name == TOKENS else ()
        inside = within(each, *sys.stdlib_module_names, "pydantic", "scim", *library)
        assert inside, f"{name} imports {each}"
        assert not within(each, "scim.cli", "scim.__main__"), f"{name} imports {each}"


@pytest.mark.parametrize("name", STORAGE)
def test_storage_adds_the_azure_sdk(name: str) -> None:
    for each in imports(ast.walk(source(name))):
        allowed = ("pydantic", "scim", "storage", "azure", "aiohttp")
        assert within(each, *sys.stdlib_module_names, *allowed), f"{name} imports {each}"
        entry = ("scim.cli", "scim.__main__", "azure.functions")
        assert not within(each, *entry), f"{name} imports {each}"


@pytest.mark.parametrize("name", PRODUCT)
def test_azure_identity_is_imported_only_when_a_credential_is_needed(name: str) -> None:
    """It costs a cold start about 200 ms."""
    for each in imports(at_import(source(name))):
        assert not within(each, "azure.identity"), f"{name} imports {each} at once"


def test_the_library_for_tokens_is_imported_only_when_there_is_one() -> None:
    """It costs a cold start about 25 ms."""
    assert any(within(each, "jwt") for each in imports(ast.walk(source(TOKENS))))
    assert not any(within(each, "jwt") for each in imports(at_import(source(TOKENS))))


@pytest.mark.parametrize("name", PRODUCT)
def test_one_module_reads_the_environment(name: str) -> None:
    if name == SETTINGS or is_entry_point(name):
        return
    for node in ast.walk(source(name)):
        if isinstance(node, ast.Attribute | ast.Name | ast.alias):
            word = {ast.Attribute: "attr", ast.Name: "id", ast.alias: "name"}[type(node)]
            read = getattr(node, word)
            assert read not in ("environ", "environb", "getenv"), f"{name}:{node.lineno}: {read}"


@pytest.mark.parametrize("name", PRODUCT)
def test_no_module_keeps_state(name: str) -> None:
    """Module-level values are immutable, or annotated as what can't be changed through the name."""
    tree = source(name)
    for node in at_import(tree):
        if isinstance(node, ast.Assign):
            annotation = ""
        elif isinstance(node, ast.AnnAssign):
            annotation = ast.unparse(node.annotation).partition("[")[0].rpartition(".")[2]
        else:
            continue
        if annotation not in IMMUTABLE and not is_all(node):
            assert not is_mutable(node.value), f"{name}:{node.lineno}: annotate it as a Mapping"
    changed = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global)]
    assert not changed, f"{name} assigns to globals in lines {changed}"


def is_all(node: ast.Assign | ast.AnnAssign) -> bool:
    """`__all__` is a list by custom, and only tools read it."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def is_mutable(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        called = ast.unparse(value.func).rpartition(".")[2]
        return called in MUTABLE_CALLS
    return isinstance(value, MUTABLE_LITERALS)


@pytest.mark.parametrize("name", PRODUCT)
def test_a_file_is_one_idea(name: str) -> None:
    lines = (ROOT / name).read_text("utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{name} has {lines} lines: look for the second idea"


@pytest.mark.parametrize("name", PRODUCT)
def test_one_place_catches_every_exception(name: str) -> None:
    found = []
    for node in ast.walk(source(name)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        words = [ast.unparse(each) if each else "Exception" for each in caught]
        found += [node.lineno for each in words if each in ("Exception", "BaseException")]
    assert len(found) <= (name == ERROR_BOUNDARY), f"{name} catches everything in lines {found}"


def test_no_file_names_a_path_of_one_machine() -> None:
    found = files()
    assert found
    guilty = [
        each.relative_to(ROOT).as_posix()
        for each in found
        if each != Path(__file__) and FOREIGN_PATH.search(each.read_bytes())
    ]
    assert not guilty
