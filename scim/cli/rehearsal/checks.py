"""Every check, in the order in which they are run."""

from collections.abc import Sequence

from scim.cli.rehearsal import (
    direct,
    groups,
    paging,
    people,
    schema,
    transport,
    validator,
    validator_groups,
    validator_preview,
)
from scim.cli.rehearsal.check import Check

CHECKS: Sequence[Check] = (
    *transport.CHECKS,
    *validator.CHECKS,
    *validator_groups.CHECKS,
    *validator_preview.CHECKS,
    *direct.CHECKS,
    *people.CHECKS,
    *groups.CHECKS,
    *schema.CHECKS,
    *paging.CHECKS,
)
