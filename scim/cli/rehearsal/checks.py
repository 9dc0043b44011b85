"""Every check, in the order in which they are run."""

from collections.abc import Sequence

from scim.cli.rehearsal import (
    direct,
    groups,
    paging,
    people,
    schema,
    tokens,
    transport,
    validator_checks,
)
from scim.cli.rehearsal.check import Check

CHECKS: Sequence[Check] = (
    *tokens.CHECKS,
    *transport.CHECKS,
    *validator_checks.CHECKS,
    *direct.CHECKS,
    *people.CHECKS,
    *groups.CHECKS,
    *schema.CHECKS,
    *paging.CHECKS,
)
