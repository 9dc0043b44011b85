"""What to change in a service, by the code that Entra's provisioning log has for a failure."""

from collections.abc import Mapping
from types import MappingProxyType

from scim.cli.simulator.failure import (
    CREDENTIALS,
    INCOMPATIBLE_FILTERING,
    MULTIPLE_ENTRIES,
    SERVICE_INCOMPATIBLE,
)

_ADVICE: Mapping[str, str] = MappingProxyType(
    {
        CREDENTIALS: "Check the token, or the client's id and secret: it must be this Tenant URL's,"
        " live, and taken by every endpoint.",
        "Unauthorized": "Let the token read and write all users and groups.",
        "InsufficientRights": "Let the token read and write all users and groups, and have"
        " provisioning switched on.",
        INCOMPATIBLE_FILTERING: "Answer the filter that is shown with 200 and a ListResponse: on"
        " each matching attribute of the mapping, and by id and manager, or id and members. Or take"
        " the attribute's line out of the mapping.",
        SERVICE_INCOMPATIBLE: "Answer as RFC 7644 has it: the status that is due, a JSON body with"
        " the types of the schema, a ListResponse to every query, also when nobody is found.",
        MULTIPLE_ENTRIES: "Leave members out where excludedAttributes=members is asked for, and"
        " answer a filter with those alone who fit it.",
        "EntryConflict": "Find a resource by its matching attribute whatever its letter case, and"
        " also when it is inactive: Entra creates whom it does not find.",
        "DuplicateTargetEntries": "Let a value of the matching attribute occur once, whatever its"
        " letter case.",
        "DuplicateSourceEntries": "Let the mapping match by an attribute that is different for"
        " everybody.",
        "InvalidAnchor": "Keep the id of a resource for as long as it lives, and answer GET by it.",
        "SchemaAttributeNotFound": "Have the attribute in the schema, take its path in a PATCH, or"
        " take its line out of the mapping.",
        "AttributeValueNotValid": "Mend the expression in the mapping, or the value in Entra.",
        "MandatoryFieldsMissing": "Match by an attribute that everybody has.",
        "MethodNotAllowed": "Serve GET, POST, PATCH and DELETE of users and groups.",
        "NotImplemented": "Serve GET, POST, PATCH and DELETE of users and groups.",
        "UnprocessableEntity": "Take the request as it is shown, or answer 400 with a detail that"
        " says what is wrong with it.",
        "TooManyRequests": "Allow at least 25 requests in a second for one tenant.",
        "Timeout": "Answer every request within 60 seconds, better within 10.",
        "WebExceptionProtocolError": "Have the address reachable by HTTPS with a certificate that"
        " is trusted, and keep connections open until the answer is sent.",
        "InternalServerError": "Look into the service's log: it failed by itself.",
    }
)


def advice(code: str) -> str:
    """Say what to change, to an administrator or to who maintains the service."""
    return _ADVICE.get(code, "Answer the request as RFC 7644 has it.")
