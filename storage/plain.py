"""A page's rows as they come, taken before the SDK makes entities of them, which takes it longer
than all else that we do with them.

The SDK signs, sends, finds the next page's token and says what failed. What is not plain (a type
that JSON doesn't have, an answer that is no page) is left to it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import ContentDecodePolicy

# A row's ETag and its values, as `TableEntity` has them.
Plain = tuple[str, Mapping[str, Any]]


class PlainRows:
    """A query's `raw_response_hook`: it takes the rows of each page and leaves the SDK none."""

    def __init__(self) -> None:
        self._taken: Sequence[Plain] = ()

    def __call__(self, answer: PipelineResponse[Any, Any]) -> None:
        self._taken = ()
        if answer.http_response.status_code != 200:
            return
        try:
            found = json.loads(answer.http_response.content)["value"]
            self._taken = [_plain(each) for each in found]
        except (ValueError, LookupError, TypeError, AttributeError):
            return  # the SDK reads it, or says what is wrong with it
        # What is decoded already is not decoded again, and nothing is decoded of a stream.
        answer.context[ContentDecodePolicy.CONTEXT_NAME] = {"value": []}
        answer.context.options["stream"] = True

    def take(self) -> Sequence[Plain]:
        """Give the rows of the page that was read last; none when the SDK has them."""
        taken, self._taken = self._taken, ()
        return taken


def _plain(row: dict[str, Any]) -> Plain:
    """Raises ValueError when a value is of a type that JSON doesn't have."""
    etag, at = row.pop("odata.etag", None), row.pop("Timestamp", None)
    if any("odata." in name for name in row):
        raise ValueError
    return etag or (f"W/\"datetime'{quote(at)}'\"" if at else ""), row
