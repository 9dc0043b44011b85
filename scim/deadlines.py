"""How long a request may go on, and when the last one that knew another record has come to its end.

A process remembers a record for `FRESH` seconds, and a request that began with it goes on for
`LONGEST_REQUEST` at most: so nobody acts on a record any more `SETTLED` seconds after another one
was written. Whoever empties a partition, or relies on new rules, waits so long (`scim/purging.py`,
`scim/reindexing.py`).
"""

from datetime import timedelta

FRESH = 60.0  # seconds that a process remembers a record that it has read
LONGEST_REQUEST = 60.0  # seconds until a request is broken off: Entra itself gives up then
# Within a bulk request no operation begins later; what is left of its time is for the last one.
BULK = timedelta(seconds=45)
# A list that no index serves reads on until then, and waits for calls that are on their way.
LIST = timedelta(seconds=30)
DELETION = 10.0  # seconds that a request removes memberships of what it has deleted, many at once
EDIT = 45.0  # after its begin, until which it does a large edit of members that is written down
HELP = 35.0  # after its begin, until which it completes an earlier one
# For what a request leaves behind: its entry in the log, a transaction that is on its way.
MARGIN = 10.0
SETTLED = FRESH + LONGEST_REQUEST + MARGIN
