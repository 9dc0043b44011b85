"""Which pepper tokens are made with (scim/cli/making.py)."""

import pytest

from scim.cli.making import Issuer
from scim.cli.problem import Problem
from storage.open import open_storage

OLD, NEW, OTHER = (each * 32 for each in (b"1", b"2", b"3"))


async def test_a_pepper_that_is_being_changed_is_agreed_upon() -> None:
    """Before, in between and after; one that nobody has told of is refused."""
    storage = open_storage("memory")
    for pepper, others in ((OLD, ()), (OLD, (NEW,)), (NEW, (OLD,)), (NEW, ())):
        await Issuer(storage, pepper, "ann", others).agree()
    for pepper, others in ((OLD, ()), (OTHER, (OLD,))):
        with pytest.raises(Problem, match="not the one"):
            await Issuer(storage, pepper, "ann", others).agree()
    await Issuer(storage, OTHER, "ann").agree(new_pepper=True)
    await Issuer(storage, OTHER, "ann").agree()
