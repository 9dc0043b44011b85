"""Recursive descent through the filter grammar, a method per level (RFC 7644 §3.4.2.2).

`not` binds tighter than `and`, `and` tighter than `or`. The strict reading is the RFC's; the
tolerant one adds what Entra and its kin send: comparisons behind brackets, literals without quotes
or as strings, text that nobody escaped, `not` without parentheses, extensions without their URN.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scim.datatypes import called, is_plain, shown
from scim.nodes import DEEPEST, And, Compare, Filter, Not, Or, Present, ValuePath, chain, too_deep
from scim.schema import Attribute, Path, ResourceType
from scim.tokens import EQUALITY, FITTING, OPERATORS, UNKNOWN, Literal, Scanner, well_formed

MOST_TERMS = 200  # comparisons


def need_elements(path: Path, scanner: Scanner) -> None:
    """Refuse brackets behind what has no values to choose from; a single complex value is one."""
    leaf = None if path.sub else path.attribute
    if leaf is None or not (leaf.type == "complex" or leaf.multi_valued or leaf is UNKNOWN):
        raise scanner.fail("Brackets stand behind a complex or multi-valued attribute")


def _sub(attribute: Attribute, name: str) -> Attribute | None:
    """Find what a name in brackets means; `value` of a simple value is the value itself."""
    if attribute.type == "complex":
        return attribute.sub(name)
    if name.lower() != "value":
        return None
    return attribute.model_copy(update={"name": "value", "multi_valued": False})


def below(path: Path, name: str) -> Path | None:
    """Find the path of a sub-attribute."""
    sub = path.attribute.sub(name) if path.attribute else None
    return Path(path.attribute, sub, path.extension) if sub else None


def hint(name: str, resource_type: ResourceType) -> str:
    """Say how an extension's attribute that was named without its URN is written."""
    meant = resource_type.path(name, tolerant=True)
    return f": write {meant}" if meant else ""


class Parser:
    """`either` reads what `or` joins, `both` what `and` joins, `term` the rest."""

    def __init__(
        self, scanner: Scanner, resource_type: ResourceType, *, tolerant: bool, lenient: bool
    ) -> None:
        self.scanner = scanner
        self.resource_type = resource_type
        self.tolerant = tolerant
        self.lenient = lenient
        self.element: Attribute | None = None  # the attribute in whose brackets we are
        self.alone = True  # nothing but one comparison so far
        self.nesting = 0
        self.comparisons = 0

    def filter(self) -> Filter:
        """Read a whole filter, to the end of the text."""
        found = self.either()
        if self.scanner.rest():
            raise self.scanner.fail("The filter should end here, or go on with and, or")
        return self.low(found)

    def either(self) -> Filter:
        return self.joined("or", Or, self.both)

    def both(self) -> Filter:
        return self.joined("and", And, self.term)

    def joined(self, word: str, node: type[And] | type[Or], read: Callable[[], Filter]) -> Filter:
        terms = [read()]
        while self.scanner.keyword(word):
            self.alone = False
            terms.append(read())
        return chain(node, terms)

    def term(self) -> Filter:
        negated = self.scanner.keyword("not")
        if self.scanner.take("("):
            with self.nested():
                found = self.either()
                if not self.scanner.take(")"):
                    raise self.scanner.fail("A closing parenthesis is missing")
        elif negated:
            if not self.tolerant:
                raise self.scanner.fail("Write not (…), with parentheses")
            with self.nested():
                found = self.term()
        else:
            return self.comparison()
        return Not(found) if negated else found

    @contextmanager
    def nested(self) -> Iterator[None]:
        self.alone = False
        self.nesting += 1
        if self.nesting > DEEPEST:
            raise self.scanner.fail(f"Parentheses are nested more than {DEEPEST} levels deep")
        yield
        self.nesting -= 1

    def comparison(self) -> Filter:
        self.scanner.skip()
        at = self.scanner.at
        name = self.scanner.word()
        path = self.resolve(name, at)
        if not self.scanner.text.startswith("[", self.scanner.at):
            return self.test(path, name)
        if self.element is not None:
            raise self.scanner.fail("Brackets can't stand inside brackets")
        self.scanner.take("[")
        inner = self.inside(path)
        if self.scanner.text.startswith(".", self.scanner.at):
            inner = self.behind(path, name, inner)
        return ValuePath(path, inner)

    def inside(self, path: Path) -> Filter:
        """Read the filter of a value path and its closing bracket."""
        need_elements(path, self.scanner)
        self.element = path.attribute
        found = self.either()
        self.element = None
        if not self.scanner.take("]"):
            raise self.scanner.fail("The bracket should close here")
        return self.low(found)

    def low(self, tree: Filter) -> Filter:
        if too_deep(tree):
            raise self.scanner.fail(f"The filter is more than {DEEPEST} levels deep")
        return tree

    def behind(self, path: Path, name: str, inner: Filter) -> Filter:
        """Read a comparison behind the brackets as one more inside them.

        Entra asks for `emails[type eq "work"].value eq "x"` and means
        `emails[type eq "work" and value eq "x"]`; RFC 7644 has such paths in PATCH only.
        """
        at = self.scanner.at
        sub = self.scanner.word()[1:]
        if not self.tolerant:
            behind = sub if is_plain(sub) else "attribute"
            raise self.scanner.fail(
                f'Write it inside the brackets: {shown(name)}[… and {behind} eq "…"]', at
            )
        self.element = path.attribute
        relative = self.resolve(sub, at + 1)
        self.element = None
        return And(inner, self.test(relative, sub))

    def resolve(self, name: str, at: int) -> Path:
        """Find what a name means here; inside brackets, names are those of the sub-attributes."""
        path = None
        if self.element is None:
            path = self.resource_type.path(name, tolerant=self.tolerant)
        elif self.element is not UNKNOWN:
            sub = _sub(self.element, name)
            path = Path(sub) if sub else None
        if path is None and not well_formed(name):
            raise self.scanner.fail("The name of an attribute should stand here", at)
        if path is None and self.lenient:
            return Path(UNKNOWN)
        if path is None:
            owner = self.element.name if self.element else self.resource_type.name
            more = "" if self.element else hint(name, self.resource_type)
            raise self.scanner.fail(f"{owner} has no attribute {called(name)}{more}", at)
        if path.leaf is None:
            raise self.scanner.fail(f"{name} is a schema: go on with :attribute", at)
        if "never" in {each.returned for each in (path.attribute, path.sub) if each}:
            # A comparison would tell, letter by letter, what is never to be shown.
            raise self.scanner.fail(f"{name} can't be searched, because it is never returned", at)
        return path

    def test(self, path: Path, name: str) -> Filter:
        """Read operator and value."""
        self.comparisons += 1
        if self.comparisons > MOST_TERMS:
            raise self.scanner.fail(f"There are more than {MOST_TERMS} comparisons")
        self.scanner.skip()
        at = self.scanner.at
        op = self.scanner.word().lower()
        if op == "pr":
            return Present(path)
        if op not in OPERATORS:
            raise self.scanner.fail(
                f"After {shown(name)} should follow eq, ne, co, sw, ew, gt, ge, lt, le or pr", at
            )
        value_at, readings, quoted = self.literal(op)
        if readings == ("null",) and not quoted:
            if op not in EQUALITY:
                raise self.scanner.fail(f"{op} can't be asked of null, only eq and ne", at)
            return Compare(path, op, None)
        path = self.simple(path, name, at)
        leaf = path.leaf or UNKNOWN
        if op not in FITTING[leaf.type]:
            raise self.scanner.fail(
                f"{op} can't be asked of {name}, which is of type {leaf.type}", at
            )
        try:
            values = [
                Literal(raw, quoted, op, leaf, name, self.tolerant).value() for raw in readings
            ]
        except ValueError as error:
            raise self.scanner.fail(str(error), value_at) from None
        return chain(Or, [Compare(path, op, value) for value in values])

    def literal(self, op: str) -> tuple[int, tuple[str, ...], bool]:
        """Read a literal: its place, its text, whether it was in quotes.

        Text that can be read in two ways is given in both.
        """
        self.scanner.skip()
        at = self.scanner.at
        if not self.scanner.text.startswith('"', at):
            return at, (self.scanner.bare(in_brackets=self.element is not None),), False
        readings: tuple[str, ...] = ()
        if self.tolerant and self.alone and self.element is None and op == "eq":
            readings = self.scanner.unescaped()
        return at, readings or (self.scanner.quoted(),), True

    def simple(self, path: Path, name: str, at: int) -> Path:
        """Go down to the `value` that a complex attribute is compared by (RFC 7644 §3.4.2.2)."""
        if path.leaf is None or path.leaf.type != "complex":
            return path
        value = below(path, "value")
        if value is None:
            subs = ", ".join(sub.name for sub in path.leaf.sub_attributes)
            raise self.scanner.fail(f"{name} is complex: compare one of {subs} instead", at)
        return value
