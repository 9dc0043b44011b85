"""The dialects that a directory can speak, by name (`Directory.dialect`)."""

from collections.abc import Mapping
from types import MappingProxyType

from scim.dialect import Dialect
from scim.dialects.entra import ENTRA
from scim.dialects.okta import OKTA

# The RFCs as written: for clients that test for conformance, and for providers that conform.
RFC = Dialect("rfc")

DIALECTS: Mapping[str, Dialect] = MappingProxyType({each.name: each for each in (ENTRA, OKTA, RFC)})
