"""A model of Azure's Table service, in memory: the part of its REST interface that we use.

It stands in for the service where Azurite can't: Azurite looks at every row for each query, takes
more than the service takes, and never ends a page early. The model keeps rows in the order of their
keys, so that what a request costs here is what it costs there: rows touched, not rows there are. It
sits behind azure-core's transport, below the real SDK (`transport.py`). `cases/` says what it has
in common with Azurite, by running on both, and where it follows the documentation instead.

    rows.py        tables of rows in the order of their keys
    odata.py       `$filter`, read and evaluated
    entities.py    an entity between JSON and a row, and the limits of its size
    batch.py       multipart: a transaction as the SDK sends it, and its answer
    service.py     requests and answers
    behaviour.py   what the service may also do: end pages early, throttle, answer late, not sort
    transport.py   the way in, and what it counts
    loading.py     many users and groups at once, as rows that the repository would have written
"""
