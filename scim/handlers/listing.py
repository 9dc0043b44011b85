"""Pages of a list, by index (RFC 7644 §3.4.2.4) and by cursor (RFC 9865).

A list is read in full once, when it begins, and no page after it costs that again: in the order of
ids it is walked (`walking.py`); in any other, or of several types, or found by a lookup, its order
is kept (`ordering.py`).
"""

from collections.abc import Sequence

from scim.call import Call
from scim.handlers.finding import Source
from scim.handlers.ordering import Order
from scim.handlers.pages import Page, Window
from scim.handlers.walking import Walk
from scim.planning import narrow


async def first_to_last(call: Call, sources: Sequence[Source], window: Window) -> Page:
    """Find a page of everything that the sources offer."""
    purpose = "|".join([call.directory.id, *(str(each) for each in sources)])
    if len(sources) == 1 and sources[0].sort is None:
        [source] = sources
        lookup = narrow(source.filter, source.type) if source.filter is not None else None
        if lookup is None:
            walk = Walk(call, source, window, f"walk|{purpose}")
            return await (walk.by_index() if window.cursor is None else walk.by_cursor())
    return await Order(call, sources, window, f"order|{purpose}").page()
