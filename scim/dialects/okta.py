"""The dialect of Okta's provisioning client, and of others near to the RFCs: OneLogin, JumpCloud.

Okta needs no rewrite, only leniency: it sends `password`, which nothing here keeps, and repeats
what it has sent when a push failed half way. A group's PATCH may be answered 204 (Okta's SCIM 2.0
reference says so), and is, because an answer must not grow with the group. Loose values are
OneLogin's: its `emails` can be one object, its templates put `active` into quotes.

Recorded exchanges in `tests/idp/okta/` prove it, and say of each request who saw it.
"""

from scim.dialect import Dialect, Tolerance

OKTA = Dialect(
    "okta",
    tolerance=Tolerance(loose=True, create_unmatched=True, unknown="ignore"),
    answers_member_patch=False,
)
