"""Two lists are compared in memory that doesn't grow with them."""

import random

from storage.repair.ledger import Excerpt, Ledger


def tell(ledger: Ledger, owed: list[str], had: list[str]) -> None:
    for each in owed:
        ledger.owe(each, f"owed {each}")
    for each in had:
        ledger.have(each, f"had {each}")


def suspects(owed: list[str], had: list[str], most: int = 50_000) -> set[str]:
    ledger = Ledger()
    tell(ledger, owed, had)
    found: set[str] = set()
    for unequal in ledger.unequal(most):
        excerpt = Excerpt(unequal)
        tell(excerpt, owed, had)
        found.update(excerpt.suspects())
    return found


def shuffled(number: int) -> list[str]:
    made = [str(each) for each in range(number)]
    random.shuffle(made)
    return made


def test_what_both_have_is_not_suspect() -> None:
    assert suspects(shuffled(5000), shuffled(5000)) == set()


def test_what_one_lacks_is_suspect() -> None:
    owed, had = shuffled(5000), shuffled(5000)
    owed.remove("17")
    had.remove("4711")
    assert suspects(owed, had) == {"had 17", "owed 4711"}


def test_what_differs_is_held_in_parts() -> None:
    """All of one list is missing, and no more than a part of it is held at a time."""
    owed = shuffled(5000)
    ledger = Ledger()
    tell(ledger, owed, [])
    parts = list(ledger.unequal(500))
    assert len(parts) > 8
    assert suspects(owed, [], 500) == {f"owed {each}" for each in owed}
    excerpt = Excerpt(parts[0])
    tell(excerpt, owed, [])
    assert len(list(excerpt.suspects())) <= 510
