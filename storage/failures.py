"""What goes wrong with a store, in our words: Azure's exceptions are translated here alone."""

from collections.abc import Iterator
from contextlib import contextmanager

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceResponseError,
)

from scim.errors import TooLarge, Unavailable
from storage.patience import asked

TABLE_IS_AWAY = frozenset({"TableNotFound", "TableBeingDeleted"})
_TOO_LARGE = frozenset({"EntityTooLarge", "PropertyValueTooLarge", "RequestBodyTooLarge"})


@contextmanager
def translated() -> Iterator[None]:
    """Turn what Azure raises when it can't serve us into errors of ours; pass on the rest."""
    try:
        yield
    except HttpResponseError as error:
        if error.status_code == 413 or code(error) in _TOO_LARGE:
            raise TooLarge("this writes more than the store takes at once: send less") from error
        # A query finds no row without an error: on Cosmos DB, 404 is all that it says of a table.
        if code(error) in TABLE_IS_AWAY or isinstance(error, ResourceNotFoundError):
            raise Unavailable(
                "the service's tables do not exist (yet): an operator has to set it up",
                retry_after=30,
            ) from error
        status = error.status_code or 503
        if status in (401, 403) or isinstance(error, ClientAuthenticationError):
            raise Unavailable(
                "the service may not use its storage: an operator has to check its access",
                retry_after=60,
            ) from error
        # Below 400: an answer that broke off, so that it can't be read.
        if status >= 500 or status in (408, 429) or status < 400:
            raise _busy(asked(error) or 5) from error
        raise
    except (AzureError, OSError) as error:
        raise _busy(5) from error


def cut_off() -> ServiceResponseError:
    return ServiceResponseError("the answer to a transaction broke off")


def _busy(retry_after: int) -> Unavailable:
    return Unavailable("the storage is busy or down: try again", retry_after=retry_after)


def code(error: HttpResponseError) -> str:
    """Read the service's error code: an enumeration of the SDK, text, or nothing."""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code))
